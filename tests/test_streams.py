"""Streams that refuse: the exit code says what happened, and what was written is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run, Stored

FULL = "/dev/full"  # refuses every byte
pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not os.path.exists(FULL),  # Wine shows the device, without its use
    reason="this system has no device that is always full",
)
APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
ADD = ["add", "sslcert", "0.0.0.0:443", f"certhash={'a' * 40}", f"appid={APPID}"]


def shell(words: list[str], folder: Path, redirection: str) -> tuple[int, str]:
    """Run sslbind in a shell; return its exit code, and what the other stream got."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", sys.executable, "-m", "sslbind", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("bare")
def test_what_was_written_is_said(tmp_path: Path) -> None:
    """The answer is lost, the change is made; who reads only the error learns both."""
    assert shell(ADD, tmp_path, f">{FULL}") == (
        2,
        (
            "error: standard output cannot be written: no space left on device\n"
            "hint: sslbind.toml was written earlier: that change was made\n"
        ),
    )
    assert "0.0.0.0:443" in (tmp_path / "sslbind.toml").read_text()
    code, out = shell(["list"], tmp_path, f">{FULL}")
    assert (code, out) == (2, "error: standard output cannot be written: no space left on device\n")


def test_keys_that_were_written_are_said(registry: Path) -> None:
    """So is every file of a store."""
    code, out = shell(["store", "new", "--dns", "www.contoso.com"], registry.parent, f">{FULL}")
    assert code == 2
    (key,) = registry.parent.glob("certs/MY/*.key")
    assert f"{key.name} was written earlier: that change was made" in out


def test_files_that_were_deleted_are_said(registry: Path, stored: Stored) -> None:
    """And what ``store delete`` removed."""
    code, out = shell(["store", "delete", stored.web.thumbprint], registry.parent, f">{FULL}")
    assert code == 2
    for suffix in ("pem", "key"):
        assert f"{stored.web.thumbprint}.{suffix} was deleted earlier: that change was made" in out


def test_unbuffered_output_is_the_same(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may keep nothing that it could try to write again."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    code, out = shell(ADD, bare.parent, f">{FULL}")
    assert (code, out.count("standard output cannot be written")) == (2, 1)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["check"], 0),
        (["list"], 0),
        (ADD, 0),
        (["show", "sslcert", "0.0.0.0:1"], 1),
        (["nonsense"], 2),
        (["-r", "absent.toml", "list"], 2),
        (["store"], 2),
        (["list", "--nonsense"], 2),
    ],
)
def test_standard_error_changes_no_exit_code(words: list[str], code: int, tmp_path: Path) -> None:
    """Notes and hints that cannot be written are lost, and nothing else is."""
    assert shell(words, tmp_path, f"2>{FULL}")[0] == code


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """What the system refuses is not called a fault of standard output."""
    (tmp_path / "gone").mkdir()
    (tmp_path / "sslbind.toml").write_text("version = 1\n[CertStores]\n")
    words = [sys.executable, "-m", "sslbind", "-r", "../sslbind.toml", "list"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir ../gone && exec "$@"', "sh", *words],
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the current folder does not exist any more\n"


@pytest.mark.usefixtures("bare")
def test_completion_complains_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is in the middle of a line."""
    monkeypatch.setenv("_SSLBIND_COMPLETE", "fish")
    monkeypatch.setenv("_SSLBIND_COMPLETE_WORDS", "s")
    assert shell(["s"], tmp_path, f">{FULL}") == (0, "")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("module", ["sslbind.cli.entry", "click", "sslbind.cli.check", "tomllib"])
def test_an_interrupt_at_any_moment(module: str, tmp_path: Path) -> None:
    """Ctrl-C is one line and 130, while modules are imported as well."""
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # not ignored, as in nohup
        "class Finder:\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name == {module!r}: signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder)\n"
        "from sslbind.cli import main\n"
        "sys.argv = ['sslbind', 'check']\n"
        "sys.exit(main())\n"
    )
    (tmp_path / "sslbind.toml").write_text("version = 1\n'iplisten' = []\n")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "hint: interrupted\n")


def test_closed_streams(run: Run, bare: Path) -> None:
    """A closed standard input is a sentence for every command that reads it."""
    del run
    for words in (["resolve", "0.0.0.0:443", "--client-hello", "-"], ["-f", "-"], ["import", "-"]):
        code, out = shell(words, bare.parent, "<&-")
        assert (code, out.splitlines()[0]) == (2, "error: standard input: is closed")
