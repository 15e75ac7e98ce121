"""Scripts for PowerShell, run by a real one: with sslbind as netsh.exe, and with lying fakes.

Each runs twice: plain, and with what people have in their profiles and Windows
PowerShell 5.1 does (``powershell.PROFILES``).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from powershell import PROFILES, Server, hostile
from tools import needs

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats import formats
from sslbind.formats.format import Contents, Delta, Transition
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, parse_key
from sslbind.registry.registry import Registry
from sslbind.release import RELEASES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="netsh.exe is a shell script here"),
]

KEY = parse_key(IPPORT, "10.0.0.5:443")
WWW = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
FIRST = Binding(KEY, {"certhash": A, "appid": IIS, "certstorename": "MY"})
SECOND = Binding(
    WWW, {"certhash": B, "appid": OTHER, "certstorename": "Web Hosting", "disablehttp2": True}
)
THIRD = Binding(parse_key(CCS, "443"), {"appid": IIS})
NOTHING = "Nothing to do: this script has no changes.\n"


def lines(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return PROFILES[request.param]


@pytest.fixture
def server(tmp_path: Path, profile: str) -> Server:
    return Server(tmp_path, profile)


def whole(*found: Binding, iplisten: tuple[str, ...] = (), release: str = "2022") -> bytes:
    export = formats()["powershell"].write
    assert export
    return export(Contents(found, iplisten, RELEASES[release])).data


def change(*deltas: Delta, release: str = "2022", **listen: tuple[str, ...]) -> bytes:
    export = formats()["powershell"].write_changes
    assert export
    transition = Transition(
        deltas, listen.get("listen", ()), listen.get("unlisten", ()), RELEASES[release]
    )
    return export(transition).data


def test_a_line_for_each_change_and_a_second_run(server: Server) -> None:
    """What is done is reported; on a second run, what is already there is skipped."""
    script = whole(FIRST, SECOND.replace({"receivewindow": 5}), THIRD, iplisten=("10.0.0.5",))
    assert server.run(script) == (
        0,
        lines(
            "1/5 added iplisten ipaddress=10.0.0.5",
            "2/5 added ipport=10.0.0.5:443",
            "3/5 added hostnameport=www.contoso.com:443",
            "4/5 updated sslpropertyex hostnameport=www.contoso.com:443 propertyid=0",
            "5/5 added ccs=443",
        ),
        "",
    )
    assert server.bindings == [FIRST, SECOND.replace({"receivewindow": 5}), THIRD]
    before = server.state.read_bytes()
    assert server.run(script) == (
        0,
        lines(
            "1/5 10.0.0.5 is already in the IP listen list",
            "2/5 ipport=10.0.0.5:443 is already there, as wanted",
            "3/5 hostnameport=www.contoso.com:443 is already there, as wanted",
            "4/5 updated sslpropertyex hostnameport=www.contoso.com:443 propertyid=0",
            "5/5 ccs=443 is already there, as wanted",
        ),
        "",
    )
    assert server.state.read_bytes() == before


@pytest.mark.parametrize("release", ["2016", "2022", "2025"])
def test_changes_to_their_end(tmp_path: Path, profile: str, release: str) -> None:
    """Adds, updates, deletions and the listen list; without an update, a replacement."""
    server = Server(tmp_path, profile, release)
    assert server.run(whole(FIRST, THIRD, iplisten=("10.0.0.5",), release=release))[0] == 0
    after = FIRST.replace({"certhash": B, "usagecheck": False})
    script = change(
        Delta(FIRST, after), Delta(None, SECOND), Delta(THIRD, None), release=release,
        listen=("::1",), unlisten=("10.0.0.5",),
    )  # fmt: skip
    done = "replaced" if release == "2016" else "updated"
    assert server.run(script) == (
        0,
        lines(
            "1/5 added iplisten ipaddress=::1",
            f"2/5 {done} ipport=10.0.0.5:443",
            "3/5 added hostnameport=www.contoso.com:443",
            "4/5 deleted ccs=443",
            "5/5 deleted iplisten ipaddress=10.0.0.5",
        ),
        "",
    )
    registry = Registry.open(server.state)
    assert list(registry.bindings.values()) == [after, SECOND]
    assert registry.iplisten == ("::1",)
    code, said, _ = server.run(script)
    assert (code, said.count("already")) == (0, 5)


def test_properties_are_changed(server: Server) -> None:
    """Values of sslpropertyex are changed even if nothing else of a record changes."""
    before, after = SECOND.replace({"receivewindow": 5}), SECOND.replace({"receivewindow": 6})
    assert server.run(whole(before))[0] == 0
    name = "hostnameport=www.contoso.com:443"
    assert server.run(change(Delta(before, after))) == (
        0,
        lines(f"1/1 updated sslpropertyex {name} propertyid=0"),
        "",
    )
    assert server.bindings == [after]


def test_stopped_in_the_middle_and_finished(server: Server) -> None:
    """A failure is one sentence with netsh's words; the cause fixed, a second run finishes."""
    script = whole(FIRST, SECOND, THIRD)
    server.netsh(
        'case "$*" in *"add sslcert hostnameport"*)'
        ' printf "\\nSSL Certificate add failed, Error: 1312\\nA specified logon session does not'
        ' exist. It may already have been terminated.\\n\\n"; exit 1;; esac'
    )
    assert server.run(script) == (
        1,
        lines(
            "1/3 added ipport=10.0.0.5:443",
            "FAILED 2/3 add hostnameport=www.contoso.com:443: netsh answered with exit code 1.",
            "    SSL Certificate add failed, Error: 1312",
            "    A specified logon session does not exist. It may already have been terminated.",
            "Done or already there: 1 of 3. Not done: this change and 1 after it.",
            "Fix the cause and run the script again: it skips what is done.",
        ),
        "",
    )
    assert server.bindings == [FIRST]
    server.netsh()
    code, said, _ = server.run(script)
    assert (code, said) == (
        0,
        lines(
            "1/3 ipport=10.0.0.5:443 is already there, as wanted",
            "2/3 added hostnameport=www.contoso.com:443",
            "3/3 added ccs=443",
        ),
    )


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ('case "$*" in *"add sslcert"*) exit 0;; esac', "netsh reported success, and the record"),
        ('case "$*" in *"add sslcert"*) exit 5;; esac', "netsh answered with exit code 5."),
        (
            'case "$*" in *"add sslcert"*) echo Falscher Parameter.; exit 1;; esac',
            "netsh answered with exit code 1.\n    Falscher Parameter.",
        ),
    ],
    ids=["a liar", "no text", "German"],
)
def test_a_netsh_that_did_nothing(server: Server, before: str, why: str) -> None:
    """Only what is read back counts, whatever the exit code and the text."""
    server.netsh(before)
    code, said, errors = server.run(whole(FIRST))
    assert (code, errors) == (1, "")
    assert said.startswith(f"FAILED 1/1 add ipport=10.0.0.5:443: {why}")


def test_a_netsh_that_did_all_and_exits_1(server: Server) -> None:
    """Then it is done."""
    server.netsh(after='; code=$?; case "$*" in *"add sslcert"*) exit 1;; esac; exit $code')
    assert server.run(whole(FIRST)) == (0, "1/1 added ipport=10.0.0.5:443\n", "")


def test_german_output_is_compared_by_place(server: Server) -> None:
    """Labels and words of another language: a flag that was not set is found all the same."""
    wanted = SECOND.replace({"reject": True})
    assert server.run(whole(wanted))[0] == 0
    words = "s/Enabled/Aktiviert/; s/Disabled/Deaktiviert/; s/Not Set/Nicht festgelegt/"
    shown = server.folder / "shown"
    server.netsh(after=f" >{shown}; code=$?; sed '{words}' <{shown}; exit $code")
    assert "as wanted" in server.run(whole(wanted))[1]
    code, said, _ = server.run(whole(SECOND))
    assert code == 1
    assert "the server has a different record there than this script expects." in said


@pytest.mark.parametrize(
    "script",
    [
        whole(FIRST.replace({"certhash": B})),
        change(Delta(FIRST.replace({"certhash": B}), FIRST.replace({"certhash": B[::-1]}))),
        change(Delta(FIRST.replace({"certhash": B}), None)),
    ],
    ids=["add", "update", "delete"],
)  # fmt: skip
def test_what_is_there_otherwise_stops_it(server: Server, script: bytes) -> None:
    """A record that this script does not expect is neither overwritten nor deleted."""
    assert server.run(whole(FIRST))[0] == 0
    code, said, _ = server.run(script)
    assert (code, server.bindings) == (1, [FIRST])
    assert "the server has a different record there than this script expects." in said
    assert "Certificate Hash             : " + A in said


def test_nothing_to_do(server: Server) -> None:
    """A script of no changes says so."""
    for script in (change(), whole()):
        assert server.run(script, "-WhatIf") == (0, NOTHING, "")


def test_what_if_and_verbose(server: Server) -> None:
    """The same as in PowerShell's own commands: nothing is done; the whole line is shown."""
    code, said, errors = server.run(whole(FIRST, iplisten=("::1",)), "-WhatIf")
    assert (code, errors, server.bindings) == (0, "", [])
    assert said.splitlines() == [
        'What if: Performing the operation "add iplisten" on target "ipaddress=::1".',
        'What if: Performing the operation "add" on target "ipport=10.0.0.5:443".',
    ]
    code, said, _ = server.run(whole(FIRST), "-Verbose")
    line = f"netsh http add sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename=MY"
    assert code == 0
    assert line in said


def test_confirm(tmp_path: Path) -> None:
    """Each change is confirmed on a terminal; a declined one is reported, and not done."""
    import pexpect  # type: ignore[import-untyped]

    server = Server(tmp_path)
    (tmp_path / "script.ps1").write_bytes(whole(FIRST, SECOND, THIRD))
    environment = {**server.environment, "TERM": "xterm", "NO_COLOR": "1"}
    child = pexpect.spawn(
        needs("pwsh"), ["-NoProfile", "-File", str(tmp_path / "script.ps1"), "-Confirm"],
        env=environment, encoding="utf-8", dimensions=(50, 200), timeout=300,
    )  # fmt: skip
    answers, shown = iter("nyl"), ""
    while True:
        # PowerShell asks the terminal where its cursor is, and waits for the answer.
        asked = child.expect_exact(['default is "Y"):', "\x1b[6n", pexpect.EOF])
        shown += child.before
        if asked == 2:
            break
        child.send(f"{next(answers)}\r" if asked == 0 else "\x1b[10;90R")
    child.close()
    assert child.exitstatus == 0, shown
    said = re.findall(r"\d/3 [^\r]*", shown)
    assert said == [
        "1/3 skipped: add ipport=10.0.0.5:443",
        "2/3 added hostnameport=www.contoso.com:443",
        "3/3 skipped: add ccs=443",
    ]
    assert server.bindings == [SECOND]


def stored_as(value: str) -> Binding | None:
    """Return a record with the value in it; None if a value or its script is refused."""
    try:
        record = FIRST.replace({"sslctlstorename": value})
    except BadValueError:
        return None
    return record if b"Set-Record 'add'" in whole(record) else None


@settings(max_examples=examples(4, values=125))
@given(st.lists(hostile.filter(stored_as), min_size=125, max_size=125, unique=True))
def test_hostile_values_arrive_word_for_word(
    tmp_path_factory: pytest.TempPathFactory, profile: str, values: list[str]
) -> None:
    """Argument for argument, 500 values: what a program is handed is what the registry has."""
    folder = tmp_path_factory.mktemp("echo")
    server = Server(folder, profile)
    # It shows once what was added, so that each change counts as done; a shell alone is quick.
    server.program(
        f"""case "$2" in
        add) printf '%s\\0' "$@" >>"{folder}/words"; echo "$5" >"{folder}/last"; exit 0;;
        esac
        read -r shown <"{folder}/last" && [ "$shown" ] || exit 1
        echo "$shown"; : >"{folder}/last\""""
    )
    (folder / "last").touch()
    found, wanted = [], []
    for port, value in enumerate(values, 1):
        record = FIRST.replace({"sslctlstorename": value})
        found.append(Binding(parse_key(IPPORT, f"10.0.0.5:{port}"), record.values))
        wanted += ["http", "add", "sslcert", f"ipport=10.0.0.5:{port}", f"certhash={A}",
                   f"appid={IIS}", "certstorename=MY",
                   f"sslctlstorename={record['sslctlstorename']}"]  # fmt: skip
    code, said, errors = server.run(whole(*found))
    assert (code, errors) == (0, ""), said
    assert (folder / "words").read_bytes().decode().split("\0") == [*wanted, ""]
