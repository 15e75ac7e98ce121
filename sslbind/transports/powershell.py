"""PowerShell on a server: a fixed command line, and the script on standard input.

cmd truncates a command line at 8,191 characters, and it is written to the event log (4688),
so it only holds a bootstrap. What it reads is one line, the script in base64, and lines of
data after it. **Secrets are data**: with script block logging (event 4104) the text of a
script is written to the event log, with module logging (4103) the arguments of cmdlets;
data lines that only .NET calls touch are written to neither.
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_logging
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

_BOOTSTRAP = (
    "$ProgressPreference='SilentlyContinue';"
    "$PSNativeCommandUseErrorActionPreference=$false;"
    "$l=@($input);"
    "$d=@();if($l.Count -gt 1){$d=$l[1..($l.Count-1)]};"
    "&([ScriptBlock]::Create("
    "[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($l[0]))))$d"
)
"""Windows PowerShell 5.1 and later; ``$input`` has the lines of standard input.

Progress would be written to standard error as CLIXML, and a user's profile may turn an exit
code of 1 into an exception.
"""

ARGUMENTS = (
    "-NoProfile",
    "-NonInteractive",
    "-EncodedCommand",
    base64.b64encode(_BOOTSTRAP.encode("utf-16-le")).decode("ascii"),
)
"""The arguments of ``powershell``: the same for every server and script."""


_GUARD = r"""param([string[]]$Lines)
try {
    & {
%s
    } $Lines
} catch {
    $e = $_.Exception
    while ($e.InnerException) { $e = $e.InnerException }
    $escape = { param($c) '\u{0:x4}' -f [int][char]$c.Value }
    $message = [regex]::Replace($e.Message, '[^ !#-\[\]-~]', $escape)
    [Console]::Out.WriteLine('{"format":"sslbind-failure","message":"' + $message + '"}')
}
"""
"""Around every script: PowerShell would print errors wrapped, coloured and with source lines."""
_FAILURE = b'{"format":"sslbind-failure"'


def compose(script: str, data: Sequence[str] = ()) -> bytes:
    """Return the standard input that runs ``script`` with ``data`` as its one argument, a list.

    All of it is ASCII, because Windows PowerShell decodes standard input in the console's
    code page: each item of ``data`` must be a line of ASCII. An exception in the script
    comes back as the line that ``failure`` reads.
    """
    guarded = _GUARD % script
    lines = [base64.b64encode(guarded.encode()).decode("ascii"), *data]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def failure(output: bytes) -> str | None:
    """Return what a script of ``compose`` threw, None if it threw nothing."""
    import json

    found = answer(output, _FAILURE)
    try:
        return None if found is None else str(json.loads(found)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "PowerShell's answer is not readable"


def answer(output: bytes, start: bytes) -> bytes | None:
    """Return the line of ``output`` that starts with ``start``; a shell may print others."""
    return next((line for line in output.splitlines() if line.startswith(start)), None)
