"""A PowerShell script that makes the bindings on the server, and reads each one back.

It calls netsh, as Windows PowerShell 5.1 has no command for HTTP.SYS. It is
written for 5.1: that reads a file without a byte order mark as ANSI, and takes
the typographic single quotes for quotes (about_Quoting_Rules and the grammar
of the language specification, section 2.3.5.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sslbind.formats.format import Contents, Delta, Format, Transition, Written
from sslbind.formats.netsh_script import commands, from_nothing, netsh_losses
from sslbind.formats.transition import comment
from sslbind.release import Release

_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""Each of them ends a single-quoted literal; doubled, it stands for itself."""

_START = """\
# TLS bindings for netsh http, as {release} has them. Run it on the server:
#     powershell.exe -ExecutionPolicy Bypass -File SCRIPT
# It stops at the first command that fails; what was done before stays.
#Requires -RunAsAdministrator
$ErrorActionPreference = 'Stop'

function Invoke-Netsh([string[]] $Words) {{
    $output = & netsh.exe http @Words
    if ($LASTEXITCODE -ne 0) {{
        throw "netsh http $Words`nfailed with exit code ${{LASTEXITCODE}}:`n$($output -join "`n")"
    }}
    $output -join "`n"
}}

# Server 2019 exits 0 and does nothing where it does not know a tag: look for $Expected.
function Set-SslCert([string[]] $Words, [string] $Expected) {{
    $null = Invoke-Netsh $Words
    $shown = Invoke-Netsh @('show', 'sslcert', $Words[2])
    if ($shown.IndexOf($Expected, [StringComparison]::OrdinalIgnoreCase) -lt 0) {{
        throw "netsh http $Words`nmade no binding with ${{Expected}}:`n$shown"
    }}
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
    lines = [_iplisten("add", address) for address in transition.listen]
    losses: list[str] = []
    for delta in transition.deltas:
        name = f"{delta.key.kind}={delta.key}"
        lines += [comment(delta)] if comments else []
        try:
            lines += _commands(delta, transition.release)
        except ValueError as error:
            lines.append(f"# {name}: {error}")
            losses.append(f"{name}: {error}")
        if delta.after is not None:
            losses += netsh_losses(delta.after, transition.release)
    lines += [_iplisten("delete", address) for address in transition.unlisten]
    text = _START.format(release=transition.release.title) + "".join(f"{one}\n" for one in lines)
    return Written(text.replace("\n", "\r\n").encode("utf-8-sig"), tuple(losses))


def _commands(delta: Delta, release: Release) -> Iterator[str]:
    """Give the commands that change one record."""
    for words in commands(delta, release):
        for word in words:
            # 5.1 puts a word with a space in double quotes: a backslash at its end escapes one.
            if word.endswith("\\") and " " in word:
                name = word.partition("=")[0]
                raise ValueError(
                    f"{name} ends in a backslash, which PowerShell 5.1 does not pass on"
                )
        if delta.after and words[0] != "delete" and words[1] == "sslcert":
            expected = delta.after.certhash or delta.after.appid
            yield f"Set-SslCert {_array(words)} {quote(expected)}"
        else:
            yield f"$null = Invoke-Netsh {_array(words)}"


def _iplisten(verb: str, address: str) -> str:
    return f"$null = Invoke-Netsh {_array([verb, 'iplisten', f'ipaddress={address}'])}"


def _array(words: Iterable[str]) -> str:
    return f"@({', '.join(quote(word) for word in words)})"


FORMAT = Format(
    "powershell",
    "PowerShell script that makes the bindings, and checks each",
    write=write,
    write_changes=write_changes,
)
