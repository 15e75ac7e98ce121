"""``sslbind plan``: what would change, how it is shown, and what is never touched."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run

from sslbind.planning.markdown import MARKER, escape

C = "c3" * 20
LAB = f"""\
version = 1

[Target.lab]
transport = "command"
netsh = [{json.dumps(sys.executable)}, "-m", "sslbind", "-q", "-r", "server.toml", "-f", "-"]
groups = ["front"]
"""


def table(kind: str, key: str, certhash: str, appid: str = IIS, more: str = "") -> str:
    return (
        f'\n[{kind}."{key}"]\ncerthash = "{certhash}"\nappid = "{appid}"\n'
        f'certstorename = "MY"\n{more}'
    )


SERVER = 'version = 1\n' + "".join([
    table("SslBindingInfo", "0.0.0.0:443", A),
    table("SslBindingInfo", "0.0.0.0:444", A),
    table("SslBindingInfo", "0.0.0.0:445", A, OTHER),
])  # fmt: skip
REGISTRY = 'version = 1\n' + "".join([
    table("SslBindingInfo", "0.0.0.0:443", B),
    table("SslSniBindingInfo", "bücher.contoso.com:443", C, more="disablehttp2 = true\n"),
])  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path, run: Run) -> Path:
    """Return a folder with one target and its registry; the server is ``server.toml``."""
    (tmp_path / "targets.toml").write_text(LAB)
    (tmp_path / "server.toml").write_text(SERVER)
    (tmp_path / "lab.toml").write_text(REGISTRY)
    return tmp_path


ADDED = f"""\
  + add hostnameport=bücher.contoso.com:443: certhash={C}, appid={IIS}, certstorename=MY, \
disablehttp2=enable
  ~ update ipport=0.0.0.0:443: certhash {A} -> {B}
"""
PLAN = f"""\
lab: changes (1 to add, 1 to update)
{ADDED}\
  note: only on lab, and is kept; --prune deletes it: ipport=0.0.0.0:444
  note: 1 binding of another owner on lab: not touched
1 target: 1 with changes
"""


def test_text(lab: Path, run: Run) -> None:
    """What a server has and the registry does not stays, counted; nothing is written."""
    done = run("plan", "lab")
    assert (done.code, done.out, done.err) == (1, PLAN, "")
    assert (lab / "server.toml").read_text() == SERVER


@pytest.mark.parametrize("words", [(), ("@all",), ("@front",), ("lab", "@lab", "LAB")],
                         ids=["none", "all", "group", "twice"])  # fmt: skip
def test_which_targets(lab: Path, run: Run, words: tuple[str, ...]) -> None:
    assert run("plan", *words).out == PLAN


def test_prune(lab: Path, run: Run) -> None:
    """Deletions come last, and of owners that the registry has only."""
    assert (
        run("plan", "--prune").out
        == f"""\
lab: changes (1 to add, 1 to update, 1 to delete)
{ADDED}\
  - delete ipport=0.0.0.0:444: certhash={A}, appid={IIS}, certstorename=MY
  note: 1 binding of another owner on lab: not touched
1 target: 1 with changes
"""
    )


def test_json(lab: Path, run: Run) -> None:
    done = run("plan", "--format", "json")
    document = done.json
    (target,) = document.pop("targets")
    assert document == {"version": 1}
    assert re.fullmatch("[0-9a-f]{64}", target.pop("seen"))
    assert re.fullmatch("[0-9a-f]{64}", target.pop("wanted"))
    add, update = target.pop("changes")
    assert add == {
        "action": "add",
        "kind": "hostnameport",
        "key": "bücher.contoso.com:443",
        "tags": {
            "certhash": [None, C],
            "appid": [None, IIS],
            "certstorename": [None, "MY"],
            "disablehttp2": [None, True],
        },
    }
    assert update == {
        "action": "update",
        "kind": "ipport",
        "key": "0.0.0.0:443",
        "tags": {"certhash": [A, B]},
    }
    assert target == {
        "target": "lab",
        "status": "changes",
        "windows": "2022",
        "bindings": 3,
        "done": 0,
        "missing": [],
        "message": "",
        "notes": [
            {
                "kind": "kept",
                "message": "only on lab, and is kept; --prune deletes it",
                "names": ["ipport=0.0.0.0:444"],
            },
            {
                "kind": "others",
                "message": "1 binding of another owner on lab: not touched",
                "names": [],
            },
        ],
    }


def test_markdown(lab: Path, run: Run) -> None:
    """A comment starts with a mark by which the next one replaces it; nothing in it is markup."""
    done = run("plan", "--format", "markdown")
    appid = IIS.replace("{", "&#123;").replace("}", "&#125;")
    host = "hostnameport=bücher&#46;contoso&#46;com&#58;443"
    assert (
        done.out
        == f"""\
{MARKER}

**1 target: 1 with changes**

### lab: changes

| | binding | tag | before | after |
|---|---|---|---|---|
| add | {host} | certhash |  | {C} |
|  |  | appid |  | {appid} |
|  |  | certstorename |  | MY |
|  |  | disablehttp2 |  | enable |
| update | ipport=0&#46;0&#46;0&#46;0&#58;443 | certhash | {A} | {B} |

- only on lab, and is kept; --prune deletes it&#58; ipport=0&#46;0&#46;0&#46;0&#58;444
- 1 binding of another owner on lab&#58; not touched
"""
    )


def test_markdown_escapes_what_has_a_meaning() -> None:
    hostile = "a|b `c` <img src=x> *d* [e](http://f) @g #1\n| h |\x1b[2J\u202e$x$ \\"
    shown = escape(hostile)
    assert not re.search(r"[|`<>*\[\]()@#$\n\\\x1b\u202e]", re.sub(r"&#\d+;", "", shown))
    assert "&#92;x1b" in shown


def test_impact(lab: Path, run: Run) -> None:
    """Per connection: from which certificate to which."""
    out = run("plan", "--impact", "--prune").out
    assert [line for line in out.splitlines() if "impact" in line] == [
        f"  impact: {host} on other {family}:{port}: {A} -> {after}"
        for port, answers in ((443, (("bücher.contoso.com", C), ("no server name", B))),
                              (444, (("no server name", "no-match"),)))
        for family in ("IPv4", "IPv6")
        for host, after in answers
    ]  # fmt: skip


def test_nothing_to_do(lab: Path, run: Run) -> None:
    (lab / "lab.toml").write_text(SERVER)
    done = run("plan")
    assert (done.code, done.out) == (0, "lab: unchanged\n1 target: 1 unchanged\n")


def test_exit_zero(lab: Path, run: Run) -> None:
    """A pipeline may ask only whether a plan can be made."""
    assert run("plan", "--exit-zero").code == 0
    text = (lab / "targets.toml").read_text()
    (lab / "targets.toml").write_text(text + '[Target.gone]\ntransport = "command"\n'
                                      'netsh = ["./nowhere"]\nregistry = "lab.toml"\n')  # fmt: skip
    done = run("plan", "--exit-zero")
    assert done.code == 1
    assert done.out.endswith("2 targets: 1 with changes, 1 unreachable\n")


def test_notes_come_once_a_kind(lab: Path, run: Run) -> None:
    """Forty bindings of other owners are one line, and so is what forty records lose."""
    others = "".join(table("SslBindingInfo", f"10.0.0.{n}:443", A, OTHER) for n in range(1, 41))
    flags = "".join(
        table("SslSniBindingInfo", f"w{n}.contoso.com:443", A, more="disablesessionid = true\n")
        for n in range(40)
    )
    (lab / "server.toml").write_text(SERVER + others)
    (lab / "lab.toml").write_text(SERVER.replace(OTHER, IIS) + flags)
    done = run("plan")
    notes = [line for line in done.out.splitlines() if line.startswith("  note")]
    names = ", ".join(f"hostnameport=w{number}.contoso.com:443" for number in range(3))
    assert notes == [
        f"  note: disablesessionid exists from Windows Server 2025 on: {names} and 37 more",
        "  note: 40 bindings of others on lab: not touched",
    ]


def test_limit(lab: Path, run: Run) -> None:
    """From ten bindings up, a plan says that apply would refuse it, and what to type."""
    many = "".join(table("SslBindingInfo", f"10.0.0.{n}:443", A) for n in range(1, 8))
    (lab / "server.toml").write_text(SERVER + many)
    (lab / "lab.toml").write_text(SERVER.replace(A, B) + many.replace(A, B))
    done = run("plan")
    assert ("  10 of 10 bindings would be changed or deleted, 100%, but the limit is 30%: --limit"
        " 100% allows it\n") in done.out  # fmt: skip


def test_saved_and_shown(lab: Path, run: Run) -> None:
    """A saved plan holds no key and is shown as it was, whatever has happened since."""
    assert run("plan", "--out", "p.json").code == 1
    (lab / "server.toml").unlink()
    shown = run("plan", "p.json")
    assert (shown.code, shown.out) == (0, PLAN)
    assert run("plan", "p.json", "--format", "markdown").out.startswith(MARKER)
    saved = json.loads((lab / "p.json").read_text())
    assert {name: saved[name] for name in ("version", "format", "prune")} == {
        "version": 1,
        "format": "sslbind-plan",
        "prune": False,
    }


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('"version": 1', '"version": 2', "is not a saved plan of version 1"),
        ('"tags": {', '"tags": [], "x": {', "is not a complete saved plan: tags cannot be []"),
        ('"done": 0', '"done": "0"', "is not a complete saved plan: done cannot be '0'"),
        ('"missing": []', '"missing": [{}]', "is not a complete saved plan: {} is not a text"),
        ('"prune": false,', "", "is not a complete saved plan: prune is missing"),
        ('"prune": false', '"prune": false,,', "is not JSON"),
        ('"targets": [', '"targets": [], "x": [', "is not a complete saved plan: it has no target"),
    ],
    ids=["version", "tags", "done", "missing", "prune", "json", "none"],
)
def test_a_broken_plan_is_refused(lab: Path, run: Run, old: str, new: str, wrong: str) -> None:
    run("plan", "--out", "p.json")
    text = (lab / "p.json").read_text()
    assert old in text
    (lab / "p.json").write_text(text.replace(old, new, 1))
    done = run("plan", "p.json")
    assert done.code == 2
    assert done.err.startswith(f"error: p.json: {wrong}")


def test_out_is_none_of_the_inputs(lab: Path, run: Run) -> None:
    done = run("plan", "--out", "lab.toml")
    assert (done.code, done.err) == (
        2,
        "error: lab.toml: is an input of this command\nhint: choose another file\n",
    )
    assert (lab / "lab.toml").read_text() == REGISTRY


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("nobody",), "error: nobody is not a target or a group of targets.toml\n"),
        (("lab", "--host", "x"), "error: --host is the only target; leave the others out\n"),
        (("--jobs", "0"), "error: Invalid value for '--jobs': 0 is not in the range x>=1.\n"),
    ],
    ids=["unknown", "host", "jobs"],
)
def test_questions_that_cannot_be_asked(
    lab: Path, run: Run, words: tuple[str, ...], error: str
) -> None:
    done = run("plan", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(error)


def test_a_registry_that_is_wrong_stops_before_anything_is_read(lab: Path, run: Run) -> None:
    (lab / "lab.toml").write_text("version = 1\nnonsense = 2\n")
    done = run("plan")
    assert done.code == 2
    assert "lab.toml:2: " in done.err


def test_names_from_a_server_steer_no_terminal(lab: Path, run: Run) -> None:
    hostile = "\\u001b]0;owned\\u0007\\u202e| <b>"
    (lab / "server.toml").write_text(SERVER.replace('"MY"', '"M\\u202eY"'))
    (lab / "lab.toml").write_text(SERVER.replace(A, B))
    done = run("plan")
    assert hostile not in done.out
    assert all(line.isprintable() for line in done.out.splitlines())
    assert "certstorename of 3 bindings is not known" in done.out
