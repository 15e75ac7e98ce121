"""A PowerShell script that makes the bindings on the server, and reads back what proves them.

It calls netsh, as Windows PowerShell 5.1 has no command for HTTP.SYS. It is
written for 5.1: that reads a file without a byte order mark as ANSI, and takes
the typographic single quotes for quotes (about_Quoting_Rules and the grammar
of the language specification, section 2.3.5.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sslbind.binding import Binding
from sslbind.formats.format import Contents, Delta, Format, Transition, Written
from sslbind.formats.netsh.script_writer import assemble, from_nothing, refused, require_netsh

_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""Each of them ends a single-quoted literal; doubled, it stands for itself."""

_START = """\
# TLS bindings for netsh http, as {release} has them. Run it on the server:
#     powershell.exe -ExecutionPolicy Bypass -File SCRIPT
# It stops at the first command that fails; what was done before stays.
# Read back are the thumbprint (without one: the appid), for an update that keeps
# it that show prints something else than before, and that what is deleted is gone.
# The values of other tags, of sslpropertyex and of iplisten are not read back.
#Requires -RunAsAdministrator
$ErrorActionPreference = 'Stop'

function Invoke-Netsh([string[]] $Words) {{
    $output = & netsh.exe http @Words
    if ($LASTEXITCODE -ne 0) {{
        throw "netsh http $Words`nfailed with exit code ${{LASTEXITCODE}}:`n$($output -join "`n")"
    }}
    $output -join "`n"
}}

# Server 2019 exits 0 and does nothing where it does not know a tag: hence the reading back.
function Set-SslCert([string[]] $Words, [string] $Expected) {{
    $null = Invoke-Netsh $Words
    $shown = Invoke-Netsh @('show', 'sslcert', $Words[2])
    if ($shown.IndexOf($Expected, [StringComparison]::OrdinalIgnoreCase) -lt 0) {{
        throw "netsh http $Words`nmade no binding with ${{Expected}}:`n$shown"
    }}
}}

function Edit-SslCert([string[]] $Words) {{
    $before = Invoke-Netsh @('show', 'sslcert', $Words[2])
    $null = Invoke-Netsh $Words
    if ((Invoke-Netsh @('show', 'sslcert', $Words[2])) -ceq $before) {{
        throw "netsh http $Words`nchanged nothing that show prints:`n$before"
    }}
}}

function Remove-SslCert([string[]] $Words) {{
    $null = Invoke-Netsh $Words
    $shown = & netsh.exe http show sslcert $Words[2]
    if ($LASTEXITCODE -eq 0) {{
        throw "netsh http $Words`nleft the binding there:`n$($shown -join "`n")"
    }}
    $global:LASTEXITCODE = 0
}}

"""


def quote(text: str) -> str:
    """Return ``text`` as a literal in single quotes, in which nothing has a meaning."""
    return f"'{_QUOTES.sub(lambda found: found[0] * 2, text)}'"


def write(contents: Contents) -> Written:
    """Return the script that makes ``contents`` on an empty server."""
    return _script(from_nothing(contents), comments=False)


def write_changes(transition: Transition) -> Written:
    """Return the script that makes a transition, with a comment line a change."""
    return _script(transition, comments=True)


def _script(transition: Transition, *, comments: bool) -> Written:
    """Return a script: UTF-8 with a byte order mark, line ends CRLF."""
    require_netsh(transition.release)
    lines, lost = assemble(transition, _command, comments=comments)
    losses = (*lost, *refused(transition))
    text = _START.format(release=transition.release.title) + lines
    return Written(text.replace("\n", "\r\n").encode("utf-8-sig"), tuple(dict.fromkeys(losses)))


def _command(words: Sequence[str], delta: Delta | None) -> str:
    """Return the command for one netsh line."""
    for word in words:
        # 5.1 puts a word with a space in double quotes: a backslash at its end escapes one.
        if word.endswith("\\") and " " in word:
            name = word.partition("=")[0]
            raise ValueError(f"{name} ends in a backslash, which PowerShell 5.1 does not pass on")
    if delta is None or words[1] != "sslcert":
        return f"$null = Invoke-Netsh {_array(words)}"
    before, after, _ = delta
    if words[0] == "delete" or after is None:
        return f"Remove-SslCert {_array(words)}"
    if words[0] == "update" and before and _proof(before) == _proof(after):
        return f"Edit-SslCert {_array(words)}"
    return f"Set-SslCert {_array(words)} {quote(_proof(after))}"


def _proof(binding: Binding) -> str:
    """Return what ``show`` prints of a record in every language."""
    return binding.certhash or binding.appid


def _array(words: Iterable[str]) -> str:
    return f"@({', '.join(quote(word) for word in words)})"


FORMAT = Format(
    "powershell",
    "PowerShell script that makes the bindings, and reads thumbprints back",
    write=write,
    write_changes=write_changes,
)
