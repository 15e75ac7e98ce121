"""``powershell``: a script for Windows PowerShell 5.1 that no value can break out of.

Literals are read here by PowerShell's documented rules: a literal
in single quotes ends at a single quote, typographic ones included, that is not
followed by another one. ``test_powershell.py`` runs the scripts.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B
from hypothesis import given
from hypothesis import strategies as st
from strategies import binding_lists

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats import formats
from sslbind.formats.format import Contents, Delta, Transition, Written
from sslbind.formats.netsh import script_writer
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, parse_key
from sslbind.release import Release
from sslbind.shells import powershell as quote

GOLDEN = Path(__file__).parent / "golden" / "export-powershell.ps1"
KEY = parse_key(IPPORT, "10.0.0.5:443")
FIRST = Binding(KEY, {"certhash": A, "appid": IIS, "certstorename": "MY"})
QUOTES = "'\u2018\u2019\u201a\u201b"
HOSTILE = [
    "'",
    "''",
    "' ; calc ; '",
    "\u2019 ; calc ; \u2018",
    "\u2018\u2019\u201a\u201b'",
    "$(calc)",
    "$env:USERNAME",
    "`$x `n",
    "%TEMP% & calc | calc > x",
    "a\nb",
    "@'\n'@",
    "#>",
    "-Words",
    "--%",
    "\u201c\u201d",
    "*",
    "~",
]
REFUSED = "ipport=10.0.0.5:443: sslctlidentifier is refused from Windows Server 2012 on"
RECORDS = (
    FIRST.replace({"sslctlidentifier": "it's $(x) `y` %z% & \u2019 |", "certstorename": "a b"}),
    Binding(
        parse_key(HOSTNAMEPORT, "münchen.de:443"),
        {"certhash": B, "appid": OTHER, "certstorename": "MY", "receivewindow": 5, "reject": True},
    ),
    Binding(parse_key(CCS, "443"), {"appid": IIS}),
    Binding(parse_key(SCOPEDCCS, "*.contoso.com:443"), {"appid": IIS}),
)


def write(*found: Binding, iplisten: tuple[str, ...] = ()) -> Written:
    export = formats()["powershell"]
    assert export.write
    assert export.read is None
    assert export.detect is None
    return export.write(Contents(found, iplisten, Release.W2022))


def literal(text: str, at: int = 0) -> tuple[str, int]:
    """Return the value of the literal at ``at``, and where it ends."""
    assert text[at] in QUOTES
    value: list[str] = []
    at += 1
    while True:
        char = text[at]
        if char in QUOTES:
            at += 1
            if text[at : at + 1] not in tuple(QUOTES):
                return "".join(value), at
            char = text[at]
        value.append(char)
        at += 1


def call(line: str) -> list[object]:
    """Return the name of a call and its arguments: literals, and arrays of them as lists."""
    name, _, rest = line.partition(" ")
    assert name in ("Set-Record", "Set-Property", "Set-Listen"), line
    found: list[object] = [name]
    open_: list[list[object]] = [found]
    at = 0
    while at < len(rest):
        if rest[at] in QUOTES:
            value, at = literal(rest, at)
            open_[-1].append(value)
        elif rest.startswith("@(", at):
            inner: list[object] = []
            open_[-1].append(inner)
            open_.append(inner)
            at += 2
        else:
            assert rest[at] in " ,)", rest[at:]
            if rest[at] == ")":
                open_.pop()
            at += 1
    assert open_ == [found]
    return found


def words(line: str) -> list[list[str]]:
    """Return the words of each netsh line that a call runs."""
    name, *arguments = call(line)
    if name == "Set-Listen":
        verb, address = arguments
        return [[str(verb), "iplisten", f"ipaddress={address}"]]
    lines = arguments if name == "Set-Property" else arguments[-1]
    assert isinstance(lines, list)
    return [[str(word) for word in one] for one in lines]


def commands(data: bytes) -> list[str]:
    text = data.decode("utf-8-sig")
    if "function" not in text:
        *found, says, end, empty = text.split("\r\n")
        assert says == "'Nothing to do: this script has no changes.'"
        assert (end, empty) == ("exit 0", "")
        assert all(line.startswith("# ") for line in found)
        return found
    start = text.index("\r\n}\r\n\r\n", text.index("function Set-Listen")) + 7
    total, *found, end, empty = text[start:].split("\r\n")
    assert total == f"$total = {sum(not line.startswith('#') for line in found)}"
    assert (end, empty) == ("exit 0", "")
    return found


def test_golden() -> None:
    """The whole script, byte for byte, with its byte order mark and line ends."""
    written = write(*RECORDS, iplisten=("10.0.0.5", "::1"))
    assert written == Written(GOLDEN.read_bytes(), (REFUSED,))
    assert written.data.startswith(b"\xef\xbb\xbf# ")
    assert written.data.count(b"\n") == written.data.count(b"\r\n")


def test_its_commands() -> None:
    """Each argument of netsh is a separate literal, and each binding is read back."""
    first, second, third = commands(write(*RECORDS[1:3]).data)
    hostname = "hostnameport=münchen.de:443"
    assert call(first)[:5] == ["Set-Record", "add", hostname, "", B]
    assert words(first) == [[
        "add", "sslcert", hostname, f"certhash={B}", f"appid={OTHER}", "certstorename=MY",
        "reject=enable",
    ]]  # fmt: skip
    assert words(second) == [
        ["update", "sslpropertyex", hostname, "propertyid=0", "receivewindow=5"]
    ]
    assert call(third)[:5] == ["Set-Record", "add", "ccs=443", "", IIS]
    assert words(third) == [["add", "sslcert", "ccs=443", f"appid={IIS}"]]


def test_what_is_read_back() -> None:
    """Each line of show, by position: texts, numbers, flags; non-ASCII values are left out."""
    first, second, _ = commands(write(*RECORDS[:2]).data)
    assert call(first)[5] == [
        "=10.0.0.5:443", f"={A}", f"={IIS}", "=a b", "+1", "-1", "+1", "=0", "=0",
        "", "=(null)", "-1", "-1", "-1", *["-2"] * 9, *[""] * 7,
    ]  # fmt: skip
    shown = call(second)[5]
    assert isinstance(shown, list)
    assert shown[0] == ""
    assert shown[13] == "+1"  # reject


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text: str) -> None:
    """No text ends its literal, and none of PowerShell's special characters has a meaning in it."""
    assert literal(quote(text)) == (text, len(quote(text)))


@given(st.text() | st.text(QUOTES + '$`("\n\r;& '))
def test_any_text(text: str) -> None:
    """This holds for any text."""
    assert literal(quote(text)) == (text, len(quote(text)))


@pytest.mark.parametrize(
    "text", [text for text in HOSTILE if text not in ("-Words", "*", "\u201c\u201d")]
)
def test_hostile_names(text: str) -> None:
    """A host name with any such character is not a valid key."""
    with pytest.raises(BadValueError):
        parse_key(HOSTNAMEPORT, f"{text}.contoso.com:443")


def test_typographic_quotes_in_names() -> None:
    """UTS 46 allows them in host names, and PowerShell takes them for quotes: they stay text."""
    key = parse_key(HOSTNAMEPORT, "\u2018\u2019\u201a\u201b\u201c\u201d.contoso.com:443")
    (line,) = commands(write(Binding(key, FIRST.values)).data)
    assert call(line)[2] == words(line)[0][2] == key.spec


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values(text: str) -> None:
    """A hostile value is inside its literal or left out, and the script says so."""
    if "\n" in text:
        with pytest.raises(BadValueError):
            FIRST.replace({"sslctlidentifier": text})
        return
    binding = FIRST.replace({"sslctlidentifier": text})
    assert words(*commands(write(binding).data)) == script_writer.commands(
        Delta(None, binding), Release.W2022
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('a" reject=enable "b', "sslctlidentifier has a character that a netsh line cannot carry"),
        ("a b\\", "sslctlidentifier ends in a backslash, which PowerShell 5.1 does not pass on"),
    ],
)
def test_what_no_argument_carries(text: str, why: str) -> None:
    """A double quote, and a backslash at the end of a value with spaces, would split a word."""
    written = write(FIRST.replace({"sslctlidentifier": text}), FIRST)
    assert written.losses == (f"ipport=10.0.0.5:443: {why}", REFUSED)
    comment, command = commands(written.data)
    assert comment == f"# ipport=10.0.0.5:443: {why}"
    assert words(command)[0][2] == "ipport=10.0.0.5:443"


@pytest.mark.slow
@given(binding_lists())
def test_any_bindings(found: list[Binding]) -> None:
    """Whatever the bindings hold, the script consists of commands with their words, or comments."""
    written = write(*found)
    lines = commands(written.data)
    commented = {line.split(": ")[0][2:] for line in lines if line.startswith("# ")}
    expected: list[list[str]] = []
    for one in found:
        if one.key.spec not in commented:
            expected += script_writer.commands(Delta(None, one), Release.W2022)
    assert [one for line in lines if not line.startswith("# ") for one in words(line)] == expected


def test_changes() -> None:
    """Additions, updates and deletions of records on a server are read back."""
    export = formats()["powershell"]
    assert export.write_changes
    after = FIRST.replace({"certhash": B})
    deltas = (Delta(FIRST, after), Delta(RECORDS[2], None))
    written = export.write_changes(Transition(deltas, ("::1",), ("10.0.0.5",), Release.W2019))
    first, listen, said, update, also, delete, last, unlisten = commands(written.data)
    assert (first, last) == ("# add ipaddress=::1", "# delete ipaddress=10.0.0.5")
    assert call(update)[:5] == ["Set-Record", "update", "ipport=10.0.0.5:443", A, B]
    assert call(delete)[:6] == ["Set-Record", "delete", "ccs=443", IIS, "", []]
    assert said == f"# update ipport=10.0.0.5:443: certhash from {A} to {B}"
    assert also == "# delete ccs=443"
    assert words(listen) == [["add", "iplisten", "ipaddress=::1"]]
    assert words(update)[0][:5] == [
        "update", "sslcert", "ipport=10.0.0.5:443", f"certhash={B}", f"appid={IIS}"
    ]  # fmt: skip
    assert words(delete) == [["delete", "sslcert", "ccs=443"]]
    assert words(unlisten) == [["delete", "iplisten", "ipaddress=10.0.0.5"]]


def test_an_update_that_keeps_the_certificate() -> None:
    """The thumbprint proves nothing, but the line of the flag does."""
    export = formats()["powershell"]
    assert export.write_changes
    delta = Delta(FIRST, FIRST.replace({"usagecheck": False}))
    said, update = commands(export.write_changes(Transition((delta,), (), (), Release.W2022)).data)
    assert said == "# update ipport=10.0.0.5:443: usagecheck from enable to disable"
    assert call(update)[:5] == ["Set-Record", "update", "ipport=10.0.0.5:443", A, A]
    assert words(update)[0][-1] == "enablesessionticket=disable"
    shown = call(update)[5]
    assert isinstance(shown, list)
    assert shown[4:7] == ["+1", "-1", "-1"]


def test_a_replacement_is_one_step() -> None:
    """If netsh has no update, the delete and the add are one change that is safe to run twice."""
    export = formats()["powershell"]
    assert export.write_changes
    delta = Delta(FIRST, FIRST.replace({"certhash": B}))
    *_, line = commands(export.write_changes(Transition((delta,), (), (), Release.W2016)).data)
    assert call(line)[:5] == ["Set-Record", "replace", "ipport=10.0.0.5:443", A, B]
    assert [one[:3] for one in words(line)] == [
        ["delete", "sslcert", "ipport=10.0.0.5:443"], ["add", "sslcert", "ipport=10.0.0.5:443"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("release", "lost"), [(Release.W2022, {"revocationfreshnesstime": 5}), (Release.W2016, {})]
)
def test_nothing_is_deleted_that_cannot_be_added(release: Release, lost: dict[str, int]) -> None:
    """If the add of a delete and add cannot be written, the delete is not written either."""
    export = formats()["powershell"]
    assert export.write_changes
    before = FIRST.replace({"certhash": B, **lost})
    after = FIRST.replace({"sslctlidentifier": "a b\\"})
    written = export.write_changes(Transition((Delta(before, after),), (), (), release))
    assert all(line.startswith("# ") for line in commands(written.data))
    assert written.losses
