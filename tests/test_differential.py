"""The differential test, tested: against itself it finds nothing, and it finds every lie.

``windows/differential.py`` compares sslbind with the netsh of a Windows host.
Here a second sslbind replaces netsh, with its own registry, and a
TLS server replaces HTTP.SYS: this checks the test itself, not Windows.
"""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import IIS, A
from pki import web
from tools import needs

from sslbind.release import RELEASES, Release
from sslbind.tags import TAGS

WINDOWS = Path(__file__).parent / "windows"
DIFFERENTIAL = WINDOWS / "differential.py"
OWN = "{8f6d2a51-3c0e-4b7f-9a64-d1ff00e47a11}"

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and modes of POSIX")


class Ran(NamedTuple):
    code: int
    out: str
    err: str
    report: Any

    @property
    def different(self) -> list[str]:
        return [line["id"] for line in self.report["lines"] if line["result"] == "different"]

    def question(self, name: str) -> Any:
        return next(one for one in self.report["questions"] if one["name"] == name)


class Host:
    """A fake machine: its registry is what HTTP.SYS would hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.registry = folder / "machine.toml"
        self.report = folder / "report.json"
        self.write("")
        self.netsh = self.program("netsh", "standin_netsh")
        self.sslbind: list[str] = []
        self.listener = self.program("listener", "standin_listener")

    def write(self, tables: str, windows: str = "2022") -> None:
        """Give the machine bindings, as its registry file has them."""
        text = f'version = 1\nwindows = "{windows}"\n\n[CertStores]\npath = "work/certs"\n'
        self.registry.write_text(text + tables)

    def program(self, name: str, module: str) -> Path:
        path = self.folder / (f"{name}.py" if sys.platform == "win32" else name)
        path.write_text(
            f"#!{sys.executable}\nimport runpy, sys\nsys.path.insert(0, {str(WINDOWS)!r})\n"
            f"runpy.run_module({module!r}, run_name='__main__')\n"
        )
        path.chmod(0o755)
        return path

    def serve(self, folder: Path) -> None:
        """Replace the programs by served stand-ins, which takes a tenth of the time."""
        end = ".port" if sys.platform == "win32" else ""
        self.netsh = folder / f"netsh{end}"
        self.sslbind = ["--sslbind", str(folder / f"sslbind{end}")]

    def start(self, *options: str, lie: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, str(DIFFERENTIAL), "--netsh", str(self.netsh), *self.sslbind]
        command += ["--windows", "2022", "--work", str(self.work), "--report", str(self.report)]
        return subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SSLBIND_REGISTRY": str(self.registry), "LIE": lie},
        )

    def finish(self, process: subprocess.Popen[str]) -> Ran:
        out, err = process.communicate(timeout=600)
        report = json.loads(self.report.read_text()) if self.report.exists() else None
        return Ran(process.returncode, out, err, report)

    def run(self, *options: str, lie: str = "") -> Ran:
        return self.finish(self.start(*options, lie=lie))

    def compare(self, *cases: str, lie: str = "") -> Ran:
        only = [word for case in cases for word in ("--only", case)]
        return self.run(*only, "--skip", "handshakes", lie=lie)


@pytest.fixture(scope="session")
def served() -> Iterator[Path]:
    """Yield the folder of the sockets of a server of stand-ins, which runs for the session."""
    with (
        # The path of a socket must be short.
        tempfile.TemporaryDirectory(dir=None if sys.platform == "win32" else "/tmp") as folder,
        subprocess.Popen(
            [sys.executable, str(WINDOWS / "served.py"), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stdout.readline().strip() == b"ready"
        yield Path(folder)
        server.stdin.close()


@pytest.fixture
def started(tmp_path: Path) -> Host:
    """Return a machine whose stand-ins are programs: each line starts an interpreter."""
    return Host(tmp_path)


@pytest.fixture
def host(started: Host, served: Path) -> Host:
    """Return a machine whose stand-ins are served."""
    started.serve(served)
    return started


def binding(host: str, appid: str = IIS) -> str:
    kind = "SslBindingInfo" if host[0].isdigit() else "SslSniBindingInfo"
    return f'\n[{kind}."{host}"]\ncerthash = "{A}"\nappid = "{appid}"\ncertstorename = "MY"\n'


@functools.cache
def table() -> dict[str, str]:
    """Return the lines of the table by id."""
    done = subprocess.run(
        [sys.executable, str(DIFFERENTIAL), "--list"], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 1) for line in done.stdout.splitlines() if line[0] != "'"]
    return {row[0]: row[1] for row in rows}


# The table.


def test_the_table_is_large() -> None:
    """More than two hundred lines, of every verb."""
    lines = table()
    assert len(lines) > 400
    for verb in ("add", "update", "show", "delete"):
        assert sum(f" {verb} sslcert" in f" {line}" for line in lines.values()) > 10


@pytest.mark.parametrize("tag", TAGS, ids=[tag.name for tag in TAGS])
def test_every_tag_is_in_the_table(tag: Any) -> None:
    """Each tag is set by an add and by an update, and has wrong values."""
    lines = table().items()
    for verb in ("add", "update"):
        assert any(f"{verb} sslcert" in line and f"{tag.name}=" in line for _, line in lines)
    assert any(id_.startswith("bad-") and f"{tag.name}=" in line for id_, line in lines)


def test_questions_look_at_lines_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a question needs is in the table."""
    monkeypatch.syspath_prepend(str(WINDOWS))
    from questions import QUESTIONS

    lines = table()
    assert [id_ for one in QUESTIONS for id_ in one.lines if id_ not in lines] == []


# Against itself.


@pytest.mark.parametrize("cases", ["[a-b]*", "[c-o]*", "[p-s]*", "[t-z]*"])
@pytest.mark.slow
def test_nothing_differs_from_itself(host: Host, cases: str) -> None:
    """All lines of the table, through two of the same: no difference, and nothing is left."""
    before = host.registry.read_text()
    ran = host.compare(cases)
    assert (ran.code, ran.different, ran.err) == (0, [], "")
    wanted = {id_ for id_ in table() if re.match(cases[:-1], id_)}
    newer = [tag.name for tag in TAGS if tag.since > Release.W2022]
    absent = {id_ for id_ in wanted if any(name in id_ for name in newer)}
    assert {line["id"] for line in ran.report["lines"]} == wanted - absent
    assert all(line["result"] == "same" for line in ran.report["lines"])
    assert all(one["same"] for one in ran.report["questions"] if not one["not_asked"])
    assert host.registry.read_text() == before


@pytest.mark.slow
def test_it_says_that_a_stand_in_is_none(started: Host) -> None:
    """No report of such a run can be mistaken for one of Windows; its stand-ins are programs."""
    ran = started.compare("ipport")
    assert ran.report["standin"] is True
    assert "netsh is a stand-in here: nothing below says anything about Windows\n" in ran.out
    assert ran.out.endswith(
        "8 lines: 8 alike, 0 different, 0 different on purpose, 0 not compared;"
        " 3 questions, 3 answered alike; 0 handshakes, 0 different, 0 not tried\n"
        f"the report is {started.report}\n"
    )


# Lies.

LIES: dict[str, tuple[str, list[str]]] = {
    "wrong-column": ("ipport", ["ipport.2", "ipport.5"]),
    "swallowed-error": ("ipport", ["ipport.3"]),
    "lost-tag": ("tag-disablehttp2", [f"tag-disablehttp2.{n}" for n in (2, 4)]),
    "exit-0": ("ipport", ["ipport.3", "ipport.7", "ipport.8"]),
    "other-language": ("ipport", ["ipport.2", "ipport.5"]),
    "empty-lines": ("ipport", ["ipport.2", "ipport.5", "ipport.7"]),
    "update-resets": ("tag-usagecheck", ["tag-usagecheck.4"]),
    "overwrites": ("ipport", ["ipport.3"]),
    "tag-prefixes": ("tags-short", ["tags-short.1", "tags-short.2"]),
    "unknown-tag-done": ("unknown-tag", ["unknown-tag.1"]),
    "order": ("listing", ["listing.8"]),
    "empty-fails": ("listing-empty", ["listing-empty.1"]),
    "json-names": ("json", ["json.2"]),
    "trailing-space": ("ccs", ["ccs.2", "ccs.5"]),
    "words": ("hostnameport", ["hostnameport.2", "hostnameport.5"]),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.slow
def test_every_lie_is_found(host: Host, lie: str) -> None:
    """A netsh that differs in one way is found out, in the lines that show it and no other."""
    case, lines = LIES[lie]
    ran = host.compare(case, lie=lie)
    assert (ran.code, ran.different) == (1, lines)
    for id_ in lines:
        assert f"\nDIFFERENT {id_}: " in ran.out


def test_both_sides_are_shown(host: Host) -> None:
    """A difference is reported with both outputs, spaces made visible, and the exit code."""
    ran = host.compare("no-hash", lie="exit-0")
    assert (
        "DIFFERENT no-hash.2: http show sslcert ipport=0.0.0.0:47443\n"
        "  netsh exits 0:\n"
        "    ||\n"
        "    |SSL Certificate bindings:|\n"
        "    |-------------------------|\n"
        "    ||\n"
        "    |The system cannot find the file specified.|\n"
        "    ||\n"
        "  sslbind exits 1:\n"
    ) in ran.out


RESET = (
    "these lines change: ['Certificate Hash : $b', 'Usage Check : Enabled',"
    " 'Revocation Freshness Time : 0', 'DS Mapper Usage : Disabled']"
)
FAILURES = ["ipport.3", "ipport.7", "ipport.8", "no-appid.1", "unknown-tag.1", "bad-appid-text.1"]
LAST_FIRST = (
    "ccs=47443, hostnameport=a.sslbind-differential.test:47443,"
    " hostnameport=www.sslbind-differential.test:47443, ipport=0.0.0.0:47443,"
    " ipport=[::]:47443, ipport=127.0.0.5:47443, ipport=127.0.0.6:47443"
)


@pytest.mark.parametrize(
    ("name", "case", "lie", "netsh"),
    [
        ("empty-lines", "ipport", "empty-lines", "3 behind the dashes"),
        ("update-keeps", "update-keeps", "update-resets", RESET),
        (
            "tag-prefixes",
            "tags-short",
            "tag-prefixes",
            "exit 1, and no record: \"'_ipp' is not a valid argument for this command.\"",
        ),
        (
            "unknown-tag-exit",
            "unknown-tag",
            "unknown-tag-done",
            "exit 0, and no record: \"'foo' is not a valid argument for this command.\"",
        ),
        (
            "exit-codes",
            "*",
            "exit-0",
            ", ".join(f"{id_} exits 0" for id_ in FAILURES),
        ),
        ("listing-order", "listing", "order", LAST_FIRST),
    ],
)
@pytest.mark.slow
def test_questions_are_settled_by_what_netsh_says(
    host: Host, name: str, case: str, lie: str, netsh: str
) -> None:
    """An open question gets netsh's answer, next to ours; those without their lines get none."""
    cases = ("ipport", "no-appid", "unknown-tag", "bad-appid-text") if case == "*" else (case,)
    ran = host.compare(*cases, lie=lie)
    question = ran.question(name)
    assert re.sub("[0-9a-f]{40}", "$b", question["netsh"]) == netsh
    assert question["same"] is False
    assert question["sslbind"] != question["netsh"]
    assert ran.question("iplisten-failed")["not_asked"] == "not run: iplisten-bad.1"


# Others' bindings.


@pytest.mark.slow
def test_bindings_of_others_stay_and_are_not_told(host: Host) -> None:
    """With others' bindings a listing is not compared; they are untouched, and in no report."""
    host.write(binding("0.0.0.0:443") + binding("www.contoso.com:443"))
    before = host.registry.read_text()
    ran = host.compare("listing*", "dump", "json-listing", "ipport", "unknown-tag-show", lie="all")
    assert (ran.code, ran.different, ran.err) == (0, [], "")
    assert host.registry.read_text() == before
    told = host.report.read_text() + ran.out
    for secret in ("contoso", A, IIS, "0.0.0.0:443"):
        assert secret not in told
    listed = [line["id"] for line in ran.report["lines"] if line["result"] == "others"]
    assert listed == [
        "unknown-tag-show.1",
        "listing-empty.1",
        "listing.8",
        "listing-scopedccs.4",
        "listing-of-release.3",
        "json-listing.3",
        "dump.3",
    ]
    assert ran.question("listing-order")["same"] is True
    assert ran.question("empty-listing")["not_asked"] == "the machine has bindings of others"


@pytest.mark.slow
def test_a_port_of_others_is_refused(host: Host) -> None:
    """If somebody else has bound one of the two ports, nothing is done at all."""
    host.write(binding("127.0.0.1:47444"))
    before = host.registry.read_text()
    ran = host.compare("ipport")
    assert (ran.code, ran.out, ran.report) == (2, "", None)
    assert ran.err == (
        "error: the port is somebody else's: ipport=127.0.0.1:47444 of"
        f" {IIS}; --port PORT names another\n"
    )
    assert host.registry.read_text() == before
    assert host.run("--only", "ipport", "--skip", "handshakes", "--port", "47500").code == 0


def test_what_a_killed_run_left_is_cleaned(host: Host) -> None:
    """Leftovers stop a run with the option that removes them, and that removes nothing else."""
    host.write(binding("0.0.0.0:443"))
    before = host.registry.read_text()
    host.write(binding("0.0.0.0:443") + binding("0.0.0.0:47443", OWN) + binding("a.b:1", OWN))
    ran = host.compare("ipport")
    assert ran.code == 2
    assert ran.err == (
        "error: an earlier run has left ipport=0.0.0.0:47443, hostnameport=a.b:1:"
        " differential.py --clean removes that\n"
    )
    ran = host.run("--clean")
    assert (ran.code, ran.out) == (0, "nothing of this test is left\n")
    assert host.registry.read_text() == before


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_cleans_up(host: Host, number: signal.Signals) -> None:
    """A signal in the middle of a run leaves no binding, and a report that says so."""
    host.write(binding("0.0.0.0:443"))
    before = host.registry.read_text()
    process = host.start("--skip", "handshakes")
    deadline = time.monotonic() + 60
    while OWN not in host.registry.read_text():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    ran = host.finish(process)
    assert ran.code == 2
    assert "\nNOT FINISHED: it was interrupted\n" in ran.out
    assert ran.report["stopped"] == "it was interrupted"
    assert host.registry.read_text() == before


# Where it cannot be run.


def run_here(*options: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, str(DIFFERENTIAL), *options], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@posix
def test_it_needs_windows() -> None:
    """On other systems it says so, and exits with 2."""
    sentence = "this is not Windows: run it there, in an elevated prompt, or name a stand-in"
    assert run_here() == (2, "", f"error: {sentence} with --netsh PROGRAM\n")


MISSING = "[Errno 2] No such file or directory"


@posix
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--netsh", "/no/such/netsh", "--windows", "2022"),
            f"/no/such/netsh cannot be started: {MISSING}: '/no/such/netsh'",
        ),
        (
            ("--netsh", "netsh"),
            "--windows RELEASE is missing: a stand-in has no build of Windows",
        ),
        (
            ("--netsh", "netsh", "--windows", "95"),
            f"'95' is not a modelled Windows release: {', '.join(RELEASES)}",
        ),
        (
            ("--netsh", "netsh", "--windows", "2022", "--only", "none"),
            "no case fits none: --list shows them",
        ),
    ],
)
def test_why_it_cannot_run_is_a_sentence(options: tuple[str, ...], sentence: str) -> None:
    """Exit 2, and no traceback."""
    assert run_here(*options) == (2, "", f"error: {sentence}\n")


SILENT = """
import sys
sys.stdin.read()
"""


def test_a_netsh_that_answers_nothing(started: Host) -> None:
    """Such as Wine's, which exits with 0: it is noticed before anything is done."""
    started.netsh.write_text(f"#!{sys.executable}\n{SILENT}")
    ran = started.run()
    assert (ran.code, ran.out, ran.report) == (2, "", None)
    assert ran.err == (f"error: {started.netsh} answers nothing at all: it is not Windows' netsh\n")


@pytest.mark.slow
def test_questions_that_no_line_answers(started: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines in a pipe are sent to a stand-in too; ssh and PowerShell only exist on Windows."""
    monkeypatch.syspath_prepend(str(WINDOWS))
    from differential import python_program
    from surroundings import ask

    registry = started.folder / "ours.toml"
    registry.write_text("version = 1\n")
    monkeypatch.setenv("SSLBIND_REGISTRY", str(started.registry))
    started.registry.write_text("version = 1\n")
    sslbind = python_program([sys.executable, "-m", "sslbind", "-r", str(registry)])
    netsh = python_program([str(started.netsh)])
    piped, by_ssh, out_file = ask(netsh, sslbind, A, 47443, standin=True)
    assert (
        piped.netsh
        == piped.sslbind
        == (
            "exit 1; first ['SSL Certificate successfully added'],"
            " last ['The system cannot find the file specified.'], 36 lines"
        )
    )
    assert by_ssh.why == "netsh is a stand-in"
    assert out_file.why


def test_a_netsh_without_elevation(host: Host) -> None:
    """If netsh itself refuses, its message is reported."""
    host.registry.write_text("nonsense")
    ran = host.compare("ipport")
    assert ran.code == 2
    assert ran.err == "error: netsh http show sslcert fails with 2: \n"


# Certificates.


def test_old_windows_reads_the_pfx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is imported into MY is locked as Windows Server 2012 and 2016 can open it."""
    monkeypatch.syspath_prepend(str(WINDOWS))
    import certificates

    path = tmp_path / "a.pfx"
    path.write_bytes(certificates._pfx(web().pem, web().key_pem(), "s3kr1t"))
    done = subprocess.run(
        [needs("openssl"), "pkcs12", "-in", path, "-passin", "pass:s3kr1t", "-noout", "-info"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.findall("MAC: *(sha1)|(pbeWith[^,]*)", done.stderr) == [
        ("sha1", ""),
        ("", "pbeWithSHA1And3-KeyTripleDES-CBC"),
        ("", "pbeWithSHA1And3-KeyTripleDES-CBC"),
    ]


# Listings.

GERMAN = """
SSL-Zertifikatbindungen:
-------------------------

    IP:Port                      : [::]:443
    Zertifikathash               : a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
    Anwendungs-ID                : {4DC3E181-e14b-4a21-b022-59fc669b0914}
    Zertifikatspeichername       : MY

    Hostname:Port                : www.contoso.com:443
    Zertifikathash               : a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
    Anwendungs-ID                : {4dc3e181-e14b-4a21-b022-59fc669b0914}

    Zentraler Zertifikatspeicher : 443
    Zertifikathash               : (null)
    Anwendungs-ID                : {4dc3e181-e14b-4a21-b022-59fc669b0914}

    Zentraler Zertifikatspeicher : www.contoso.com:443
    Zertifikathash : (null)
    Anwendungs-ID :{4dc3e181-e14b-4a21-b022-59fc669b0914}
"""


def test_listings_are_read_by_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner of a binding is recognized in any language, and with ragged columns."""
    monkeypatch.syspath_prepend(str(WINDOWS))
    from machine import read_listing

    assert [(one.key, one.appid, one.port) for one in read_listing(GERMAN)] == [
        ("ipport=[::]:443", IIS, 443),
        ("hostnameport=www.contoso.com:443", IIS, 443),
        ("ccs=443", IIS, 443),
        ("scopedccs=www.contoso.com:443", IIS, 443),
    ]


DUMP = f"""# HTTP
pushd http

add urlacl url=http://+:80/secret user=HOST\\somebody
add sslcert ipport=0.0.0.0:443 certhash={A} appid={IIS} certstorename=MY
add sslcert ipport=0.0.0.0:47443 certhash={A} appid={OWN} certstorename=MY

popd
"""
USAGE = """One or more essential parameters were not entered.

Examples:

       add sslcert ipport=1.1.1.1:443 appid={00112233-4455-6677-8899-AABBCCDDEEFF}
"""


def test_what_others_have_is_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports hold no binding and no URL reservation of others; a usage stays as it is."""
    monkeypatch.syspath_prepend(str(WINDOWS))
    from machine import read_listing, without_others

    others = [*read_listing(GERMAN)]
    assert without_others(GERMAN, others) == GERMAN[: GERMAN.index("\n    IP:Port")]
    assert without_others(DUMP, others) == (
        "# HTTP\npushd http\n\n"
        f"add sslcert ipport=0.0.0.0:47443 certhash={A} appid={OWN} certstorename=MY\n\npopd\n"
    )
    assert without_others(USAGE, others) == USAGE


# Handshakes.


def free_port() -> str:
    """Return the first of two unused ports."""
    while True:
        with socket.create_server(("0.0.0.0", 0)) as first:
            port = first.getsockname()[1]
            try:
                with socket.create_server(("0.0.0.0", port + 1)):
                    return str(port)
            except (OSError, OverflowError):
                continue


def shake(host: Host, cases: str = "*", lie: str = "") -> Ran:
    options = ("--skip", "lines", "--only", cases, "--port", free_port())
    return host.run(*options, "--listener", str(host.listener), lie=lie)


@pytest.mark.slow
def test_handshakes_agree(host: Host) -> None:
    """A server that answers as resolve says shows the certificates that it names."""
    ran = shake(host)
    assert (ran.code, ran.err) == (0, "")
    tried = [one for one in ran.report["handshakes"] if not one["skipped"]]
    assert len(tried) >= 25
    assert {one["resolved"] for one in tried} == {"certificate", "dropped", "broken", "no-match"}
    assert all(one["same"] for one in tried)


@pytest.mark.slow
def test_a_server_that_looks_for_names_first_is_found(host: Host) -> None:
    """The common mistake is found if an exact address has its own record."""
    ran = shake(host, "*before*", lie="name-first")
    assert ran.code == 1
    different = [one for one in ran.report["handshakes"] if not one["same"]]
    assert [one["case"] for one in different] == ["exact address before the name"]
    assert re.search(
        r"  exact address before the name: 127\.0\.0\.5:\d+ www\.sslbind-differential\.test:"
        r" DIFFERENT: served [0-9a-f]{40}, resolve says [0-9a-f]{40} \(certificate\)\n",
        ran.out,
    )


@pytest.mark.slow
def test_a_listener_that_is_not_there_is_no_agreement(host: Host) -> None:
    """If nobody listens the run stops; it never counts as no certificate."""
    host.listener.write_text(f"#!{sys.executable}\nraise SystemExit(1)\n")
    ran = shake(host, "nothing")
    assert ran.code == 2
    assert ran.report["stopped"] == "the listener does not start: see what it wrote above"
    waits = "import time\nprint('ready', flush=True)\ntime.sleep(600)\n"
    host.listener.write_text(f"#!{sys.executable}\n{waits}")
    ran = shake(host, "nothing")
    assert ran.code == 1
    assert {one["served"] for one in ran.report["handshakes"]} == {"no connection"}


# The workflow.


def test_actions_are_pinned() -> None:
    """Every action is pinned to its full commit, followed by the version."""
    for workflow in (DIFFERENTIAL.parents[2] / ".github" / "workflows").glob("*.yml"):
        uses = re.findall(r"uses: *(.*)", workflow.read_text())
        assert uses
        for one in uses:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one
