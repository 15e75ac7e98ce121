"""A PowerShell script that creates the bindings on the server, and reads each of them back.

It calls netsh, because Windows PowerShell 5.1 has no command for HTTP.SYS. It is written
for 5.1, which reads a file without a byte order mark as ANSI, and treats typographic single
quotes as quotes (about_Quoting_Rules and the grammar of the language specification, section
2.3.5.2). Its functions are in ``changes.ps1`` beside this module; here are the calls, one
per change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources

from sslbind.binding import Binding
from sslbind.formats.format import Contents, Delta, Format, Transition, Written
from sslbind.formats.netsh.script_writer import assemble, from_nothing, refused, require_netsh
from sslbind.formats.netsh.show_writer import lines_of
from sslbind.release import Release
from sslbind.shells import powershell as quote
from sslbind.tags import PROPERTIES, Bit, Type

_NOTHING = "'Nothing to do: this script has no changes.'\nexit 0\n"


def write(contents: Contents) -> Written:
    """Return the script that makes ``contents`` on an empty server."""
    return _script(from_nothing(contents), comments=False)


def write_changes(transition: Transition) -> Written:
    """Return the script of a transition, with one comment line per change."""
    return _script(transition, comments=True)


def _script(transition: Transition, *, comments: bool) -> Written:
    """Return a script: UTF-8 with a byte order mark, line ends CRLF."""
    release = transition.release
    require_netsh(release)
    lines, lost = assemble(
        transition, lambda change, delta: _calls(change, delta, release), comments=comments
    )
    losses = (*lost, *refused(transition))
    total = sum(not line.startswith("#") for line in lines.splitlines())
    if total:
        head = resources.files(__package__).joinpath("changes.ps1").read_text(encoding="ascii")
        text = head.replace("@RELEASE@", release.title) + f"$total = {total}\n{lines}exit 0\n"
    else:
        text = f"{lines}{_NOTHING}"
    return Written(text.replace("\n", "\r\n").encode("utf-8-sig"), tuple(dict.fromkeys(losses)))


def _calls(change: Sequence[Sequence[str]], delta: Delta | None, release: Release) -> list[str]:
    """Return the calls that make one change: of the listen list, or of a record."""
    for words in change:
        for word in words:
            # 5.1 puts a word with a space in double quotes; a backslash at its end would
            # escape one.
            if word.endswith("\\") and " " in word:
                name = word.partition("=")[0]
                raise ValueError(
                    f"{name} ends in a backslash, which PowerShell 5.1 does not pass on"
                )
    if delta is None:
        ((verb, _, address),) = change
        return [f"Set-Listen {quote(verb)} {quote(address.partition('=')[2])}"]
    lines = [words for words in change if words[1] == "sslcert"]
    calls = [_record(lines, delta, release)] if lines else []
    return calls + [f"Set-Property {_array(words)}" for words in change if words not in lines]


def _record(lines: Sequence[Sequence[str]], delta: Delta, release: Release) -> str:
    before, after, _ = delta
    action = "replace" if len(lines) > 1 else lines[0][0]
    wanted = _array(_shown(after, release) if after else ())
    one_by_one = ", ".join(map(_array, lines))
    if len(lines) == 1:
        one_by_one = f", {one_by_one}"  # otherwise PowerShell merges the two into one array
    return (
        f"Set-Record {quote(action)} {quote(delta.key.spec)} {quote(_proof(before))}"
        f" {quote(_proof(after))} {wanted} @({one_by_one})"
    )


def _proof(binding: Binding | None) -> str:
    """Return what ``show`` prints for a record in every language; empty for no record."""
    return "" if binding is None else binding.certhash or binding.appid


def _shown(binding: Binding, release: Release) -> list[str]:
    """Return the values that ``show`` prints for a record, in the form of ``Compare-Record``.

    Values that are not ASCII are not compared: the console's code page may lack them.
    """
    found = [f"={binding.key}"]
    for field in lines_of(release):
        if isinstance(field, Bit):
            on, late = binding.bit(field), field.late
        elif field.type is Type.FLAG:
            on, late = bool(binding[field.name]), field.late
        else:
            value = binding[field.name]
            text = field.show(value)
            missing = value is None and not binding.key.kind.certificate
            found.append("" if missing else f"={text}")
            continue
        found.append(f"{'+' if on else '-'}{2 if late else 1}")
    if release >= Release.W2022:  # sslpropertyex: a heading and a line for each id, a line a value
        found += [""] * (len(PROPERTIES) + 2 * len({one.propertyid for one in PROPERTIES}))
    return [one if one.isascii() else "" for one in found]


def _array(words: Iterable[str]) -> str:
    return f"@({', '.join(quote(word) for word in words)})"


FORMAT = Format(
    "powershell",
    "PowerShell script that creates the bindings and reads each back",
    write=write,
    write_changes=write_changes,
)
