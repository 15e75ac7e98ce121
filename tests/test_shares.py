"""Thousands of new files are read by several processes, and the answer is that of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pki import PASSWORD, bag, intermediate, issue, mail, root, web

from sslbind.certificates import shares
from sslbind.certificates.contents import FileContents, PasswordFile
from sslbind.certificates.deferral import attempts
from sslbind.certificates.scanning import scan


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know Unicode names only")
@pytest.mark.slow
def test_odd_names(tmp_path: Path) -> None:
    """Another process finds the file that is meant, however names are spelled here."""
    folder = tmp_path / "certs" / "MY"
    folder.mkdir(parents=True)
    for name in (b"\xff.pem", "\u00fc.pem".encode(), b"a\nb.pem", b"c.pem"):
        path = os.fsencode(folder) + b"/" + name
        with open(path, "wb") as file:
            file.write(web().pem)
        os.utime(path, (1, 1))
    code = (
        "import os\n"
        "from sslbind.certificates import shares\n"
        "from sslbind.certificates.contents import PasswordFile\n"
        "from sslbind.certificates.scanning import scan\n"
        "shares._ENOUGH, shares._CHUNK = 1, 1\n"
        "os.sched_getaffinity = lambda _: {0, 1}\n"
        f"found = scan({str(folder.parent)!r}, PasswordFile(None))\n"
        "print(len(found), [path for path, one in found.items() if not one.branches])\n"
    )
    for names in ({}, {"PYTHONUTF8": "0", "LC_ALL": "C"}, {"PYTHONUTF8": "1", "LC_ALL": "C"}):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **names},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "4 []\n", names
        for entry in Path(os.environ["XDG_CACHE_HOME"]).rglob("*.json"):
            entry.unlink()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores, and four files are enough for another process."""
    monkeypatch.setattr(shares, "_ENOUGH", 4)
    monkeypatch.setattr(shares, "_CHUNK", 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    """Stores with one file of every kind: good, locked, damaged, changed just now."""
    folder = tmp_path / "certs"
    for store in ("MY", "Root", "WebHosting"):
        (folder / store).mkdir(parents=True)
    own = folder / "MY"
    for number in range(6):
        one = issue(f"own{number}", dns=[f"www{number}.contoso.com"], ip=["10.0.0.6"])
        (own / f"{one.thumbprint}.pem").write_bytes(one.pem)
        (own / f"{one.thumbprint}.key").write_bytes(one.key_pem())
    (folder / "Root" / "root.cer").write_bytes(root().der)
    hosting = folder / "WebHosting"
    (hosting / "fullchain.pem").write_bytes(bag(web(), intermediate()))
    (hosting / "privkey.pem").write_bytes(web().key_pem())
    (hosting / "locked.pem").write_bytes(mail().pem + mail().key_pem(PASSWORD))
    (hosting / "other.pem").write_bytes(mail().pem + mail().key_pem(b"another"))
    (hosting / "a.pfx").write_bytes(web().pfx(PASSWORD))
    (hosting / "no-suffix-of-its-own.pem").write_bytes(web().pfx(PASSWORD))
    (hosting / "damaged.cer").write_bytes(web().der[:-40])
    (hosting / "empty.key").write_bytes(b"")
    for path in folder.rglob("*.*"):
        os.utime(path, (1, 1))
    (hosting / "zz changed now.pem").write_bytes(web().pem)
    (tmp_path / "password").write_bytes(PASSWORD)
    return folder


def children() -> set[str]:
    """The processes that this one started and has not waited for; servers of other tests too."""
    lists = Path("/proc/self/task").glob("*/children")  # Linux has them
    return {pid for one in lists for pid in one.read_text().split()}


def found(certs: Path) -> dict[str, FileContents]:
    """What every file holds, without what tells a file that changed just now."""
    contents = scan(str(certs), PasswordFile(str(certs.parent / "password")))
    return {path: one._replace(stamp=[]) for path, one in contents.items()}


@pytest.mark.slow
def test_same_answer(certs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not show which process read a file, now or in what is remembered."""
    alone = found(certs)
    assert len(alone) == 22
    assert alone["WebHosting/locked.pem"].keys
    assert alone["WebHosting/other.pem"].locked
    assert alone["WebHosting/damaged.cer"].problem
    monkeypatch.setattr(shares, "_ENOUGH", 4)
    monkeypatch.setattr(shares, "_CHUNK", 3)
    for cores in (2, 3, 40):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: {*range(n)}, raising=False)
        for path in cache.rglob("*.json"):
            path.unlink()
        assert [*found(certs).items()] == [*alone.items()], cores
        assert [*found(certs).items()] == [*alone.items()], "remembered"


@pytest.mark.usefixtures("few")
@pytest.mark.skipif(os.name == "nt", reason="a shell script is the interpreter here")
@pytest.mark.parametrize(
    "script",
    [
        "exit 1",
        "kill -9 $$",
        "read -r _; echo '[[],{}]'; echo '[[],{}]'",
        "read -r _; echo nonsense",
        "read -r _; printf '[[],{\\'",
        "read -r _; echo '[[],{\"MY/../x\":[[1,2,3,4],[],[],false,null,null,false,false]}]'",
    ],
    ids=["fails", "killed", "nothing", "nonsense", "cut-short", "other-files"],
)
def test_a_process_that_fails(
    script: str, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process does not bring is read here."""
    (certs / "WebHosting" / "a.pfx").unlink()  # which another process would open
    (certs / "WebHosting" / "no-suffix-of-its-own.pem").unlink()
    interpreter = tmp_path / "python"
    interpreter.write_text(f"#!/bin/sh\n{script}\n")
    interpreter.chmod(0o755)
    before = children()
    monkeypatch.setattr(sys, "executable", str(interpreter))
    broken = found(certs)
    assert len(broken) == 20
    monkeypatch.undo()
    assert [*found(certs).items()] == [*broken.items()]
    assert children() == before


@pytest.mark.usefixtures("few")
def test_no_interpreter(certs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be started, everything is read here."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert len(found(certs)) == 22


@pytest.mark.usefixtures("few")
@pytest.mark.skipif(os.name == "nt", reason="waitpid is not for every child there")
def test_interrupted(certs: Path) -> None:
    """Ctrl-C leaves no process."""
    before = children()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(str(certs), PasswordFile(None), progress=interrupt)
    assert children() == before


@pytest.mark.skipif(os.name == "nt", reason="a shell script is the interpreter here")
def test_few_files_start_no_process(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small run costs what it did, and one that holds a lock reads alone."""
    (certs / "WebHosting" / "a.pfx").unlink()
    (certs / "WebHosting" / "no-suffix-of-its-own.pem").unlink()
    interpreter = tmp_path / "python"
    interpreter.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    interpreter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(interpreter))
    alone = found(certs)
    assert len(alone) == 20
    monkeypatch.setattr(shares, "_ENOUGH", 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    again = certs.rename(tmp_path / "again")
    with next(attempts()):
        assert found(again) == alone
    assert not (tmp_path / "started").exists()
    assert found(again.rename(tmp_path / "once more")) == alone
    assert (tmp_path / "started").exists()
