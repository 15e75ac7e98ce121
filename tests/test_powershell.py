"""Scripts for PowerShell, run by a real one: against sslbind as netsh.exe, and against liars.

A start of PowerShell takes a second, so many cases share one. What Windows
PowerShell 5.1 does otherwise is switched on: ``Legacy`` argument passing and
strict mode; what it lacks is looked for in the text of every script.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools import needs

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats import formats
from sslbind.formats.format import Contents, Delta, Transition
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, parse_key
from sslbind.registry.registry import Registry
from sslbind.release import RELEASES
from sslbind.shells import powershell as quote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="netsh.exe is a shell script here"),
]

TESTS = Path(__file__).parent
PROFILE = (
    "Set-StrictMode -Version Latest; $PSNativeCommandUseErrorActionPreference = $true;"
    " $PSNativeCommandArgumentPassing = 'Legacy'; "
)
"""What people have in their profiles, and what 5.1 does."""
KEY = parse_key(IPPORT, "10.0.0.5:443")
WWW = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
FIRST = Binding(KEY, {"certhash": A, "appid": IIS, "certstorename": "MY"})
SECOND = Binding(
    WWW, {"certhash": B, "appid": OTHER, "certstorename": "Web Hosting", "disablehttp2": True}
)
THIRD = Binding(parse_key(CCS, "443"), {"appid": IIS})


class Server:
    """A machine whose netsh.exe is sslbind on a registry, or a shell script of the test's own."""

    def __init__(self, folder: Path, release: str = "2022") -> None:
        self.folder = folder
        self.pwsh = needs("pwsh")
        self.state = folder / "state.toml"
        self.state.write_text(f'version = 1\nwindows = "{release}"\n')
        (folder / "bin").mkdir()
        self.netsh()

    def netsh(self, before: str = "", after: str = "") -> None:
        """Make netsh.exe: ``before`` is shell code that runs first, with the words in ``$@``."""
        run = f'{sys.executable} -m sslbind -q -r "{self.state}" "$@"'
        file = self.folder / "bin" / "netsh.exe"
        file.write_text(f"#!/bin/sh\n{before}\n{run} 2>/dev/null{after}\n")
        file.chmod(0o755)

    def run(self, script: bytes, *options: str, profile: str = "") -> tuple[int, str, str]:
        """Run a script file; return its exit code, its output and its errors."""
        path = self.folder / "script.ps1"
        path.write_bytes(script)
        command = f"{profile}& {quote(str(path))} {' '.join(options)}; exit $LASTEXITCODE"
        done = subprocess.run(
            [self.pwsh, "-NoProfile", "-NonInteractive", "-Command", command],
            capture_output=True,
            env={
                **os.environ,
                "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(TESTS.parent),
                "POWERSHELL_TELEMETRY_OPTOUT": "1",
            },
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    @property
    def bindings(self) -> list[Binding]:
        return list(Registry.open(self.state).bindings.values())


def lines(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


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
    """What is done is said; run again, what is there as wanted is skipped."""
    script = whole(FIRST, SECOND.replace({"receivewindow": 5}), THIRD, iplisten=("10.0.0.5",))
    assert server.run(script, profile=PROFILE) == (
        0,
        lines(
            "1/5 add iplisten ipaddress=10.0.0.5",
            "2/5 add ipport=10.0.0.5:443",
            "3/5 add hostnameport=www.contoso.com:443",
            "4/5 update sslpropertyex hostnameport=www.contoso.com:443 propertyid=0",
            "5/5 add ccs=443",
        ),
        "",
    )
    assert server.bindings == [FIRST, SECOND.replace({"receivewindow": 5}), THIRD]
    before = server.state.read_bytes()
    assert server.run(script) == (
        0,
        lines(
            "1/5 10.0.0.5 is in the IP listen list already",
            "2/5 ipport=10.0.0.5:443 is there already, as wanted",
            "3/5 hostnameport=www.contoso.com:443 is there already, as wanted",
            "4/5 update sslpropertyex hostnameport=www.contoso.com:443 propertyid=0",
            "5/5 ccs=443 is there already, as wanted",
        ),
        "",
    )
    assert server.state.read_bytes() == before


@pytest.mark.parametrize("release", ["2016", "2022", "2025"])
def test_changes_to_their_end(tmp_path: Path, release: str) -> None:
    """Adds, updates, deletions and the listen list; where there is no update, a replacement."""
    server = Server(tmp_path, release)
    assert server.run(whole(FIRST, THIRD, iplisten=("10.0.0.5",), release=release))[0] == 0
    after = FIRST.replace({"certhash": B, "usagecheck": False})
    script = change(
        Delta(FIRST, after), Delta(None, SECOND), Delta(THIRD, None), release=release,
        listen=("::1",), unlisten=("10.0.0.5",),
    )  # fmt: skip
    done = "replace" if release == "2016" else "update"
    assert server.run(script, profile=PROFILE) == (
        0,
        lines(
            "1/5 add iplisten ipaddress=::1",
            f"2/5 {done} ipport=10.0.0.5:443",
            "3/5 add hostnameport=www.contoso.com:443",
            "4/5 delete ccs=443",
            "5/5 delete iplisten ipaddress=10.0.0.5",
        ),
        "",
    )
    registry = Registry.open(server.state)
    assert list(registry.bindings.values()) == [after, SECOND]
    assert registry.iplisten == ("::1",)
    code, said, _ = server.run(script)
    assert (code, said.count("already")) == (0, 5)


def test_stopped_in_the_middle_and_finished(server: Server) -> None:
    """A failure is one sentence with netsh's words; the cause fixed, a second run finishes."""
    script = whole(FIRST, SECOND, THIRD)
    server.netsh('case "$*" in *"add sslcert hostnameport"*) echo; echo Error: 1312; exit 1;; esac')
    assert server.run(script, profile=PROFILE) == (
        1,
        lines(
            "1/3 add ipport=10.0.0.5:443",
            "FAILED 2/3 add hostnameport=www.contoso.com:443: netsh answered with exit code 1.",
            "    Error: 1312",
            "    ",
            "    SSL Certificate bindings:",
            "    -------------------------",
            "    ",
            "    The system cannot find the file specified.",
            "Done or there already: 1 of 3. Not done: this change and 1 after it.",
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
            "1/3 ipport=10.0.0.5:443 is there already, as wanted",
            "2/3 add hostnameport=www.contoso.com:443",
            "3/3 add ccs=443",
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
    assert server.run(whole(FIRST)) == (0, "1/1 add ipport=10.0.0.5:443\n", "")


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
    assert "the server has another record there than this script was made for." in said


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
    """A record that this script was not made for is neither overwritten nor deleted."""
    assert server.run(whole(FIRST))[0] == 0
    code, said, _ = server.run(script)
    assert (code, server.bindings) == (1, [FIRST])
    assert "the server has another record there than this script was made for." in said
    assert "Certificate Hash             : " + A in said


def test_what_if_and_verbose(server: Server) -> None:
    """As PowerShell's own commands have them: nothing is done; the whole line is said."""
    code, said, errors = server.run(whole(FIRST, iplisten=("::1",)), "-WhatIf", profile=PROFILE)
    assert (code, errors, server.bindings) == (0, "", [])
    assert said.splitlines() == [
        'What if: Performing the operation "add iplisten" on target "::1".',
        'What if: Performing the operation "add" on target "ipport=10.0.0.5:443".',
    ]
    code, said, _ = server.run(whole(FIRST), "-Verbose")
    line = f"netsh http add sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename=MY"
    assert code == 0
    assert line in said


hostile = st.text(
    st.sampled_from("'\u2018\u2019\u201a\u201b\u201c\u201d$`\"&|<>^%!;,(){}@#~*=-\\ aZ9ü→")
    | st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["C"]),
    min_size=1,
    max_size=30,
)


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(hostile, min_size=125, max_size=125))
def test_hostile_values_arrive_word_for_word(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    """Argument for argument: what PowerShell hands to a program is what the registry has."""
    folder = tmp_path_factory.mktemp("echo")
    server = Server(folder)
    words = folder / "words"
    file = folder / "bin" / "netsh.exe"
    # Shown once what was added, so that each change counts as done.
    file.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *" add "*|"http add "*) printf "%s\\0" "$@" >>"{words}";'
        f' printf "%s\\n" "$5" >"{folder}/last"; exit 0;; esac\n'
        f'[ -e "{folder}/last" ] && cat "{folder}/last" && rm "{folder}/last" && exit 0\nexit 1\n'
    )
    file.chmod(0o755)
    found, wanted = [], []
    for number, value in enumerate(values, 1):
        try:
            record = FIRST.replace({"sslctlstorename": value})
        except BadValueError:
            continue
        record = Binding(parse_key(IPPORT, f"10.0.0.5:{number}"), record.values)
        if b"Set-Record 'add'" in whole(record):  # else it is left out, and that is reported
            found.append(record)
            wanted.append(f"sslctlstorename={record['sslctlstorename']}")
    code, said, errors = server.run(whole(*found), profile="Set-StrictMode -Version Latest; ")
    assert (code, errors) == (0, ""), said
    arrived = words.read_bytes().decode().split("\0")
    assert [word for word in arrived if word.startswith("sslctlstorename=")] == wanted


def test_nothing_newer_than_5_1(tmp_path: Path) -> None:
    """No script that is shipped or written has what Windows PowerShell 5.1 lacks."""
    pwsh = needs("pwsh")
    written = tmp_path / "written.ps1"
    written.write_bytes(whole(FIRST, SECOND, THIRD, iplisten=("::1",)))
    shipped = [
        *(TESTS.parent / "sslbind").rglob("*.ps1"),
        *(TESTS.parent / "completions").glob("*.ps1"),
    ]
    assert shipped

    def lacking(*paths: Path) -> tuple[int, str]:
        names = ", ".join(quote(str(path)) for path in paths)
        command = f"& {quote(str(TESTS / 'lacking_51.ps1'))} @({names}); exit $LASTEXITCODE"
        done = subprocess.run(
            [pwsh, "-NoProfile", "-Command", command], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    assert lacking(written, *shipped) == (0, "")
    newer = tmp_path / "newer.ps1"
    newer.write_text("$a = $x ?? 1\n$b = $true ? 'é' : 2\ntrue && false\nif ($IsWindows) { }\n")
    code, said = lacking(newer)
    assert code == 1
    assert [line.rpartition(": ")[2] for line in said.splitlines()] == [
        "letters that are not ASCII, without a byte order mark", "??", "&&", "a ternary",
        "$IsWindows",
    ]  # fmt: skip
