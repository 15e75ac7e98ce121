"""Wherever it runs: NO_COLOR, no HOME, no terminal, a C locale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMANDS = [
    ["--help"],
    ["add", "sslcert", "--help"],
    ["add", "sslcert", "?"],
    ["show", "sslcert"],
    ["show", "sslcert", "json=enable"],
    ["list"],
    ["list", "--format", "json"],
    ["store", "list"],
    ["check"],
    ["dump"],
    ["completion", "show", "bash"],
    ["nonsense"],
    ["show", "sslcert", "443", "--nonsense"],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a registry that has one binding, of a name that is not ASCII."""
    folder = tmp_path_factory.mktemp("registry")
    for words in (
        ["init"],
        ["store", "new", "--dns", "www.contoso.com", "--store", "MY"],
        ["add", "sslsnicert", "bücher.contoso.com:443", "--cert", "CERTIFICATE", "appid=iis"],
    ):
        found = [str(path) for path in (folder / "certs").glob("MY/*.pem")]
        line = [found[0] if word == "CERTIFICATE" else word for word in words]
        cache = str(tmp_path_factory.mktemp("cache"))
        done = sslbind(line, folder, without(PYTHONUTF8="1", XDG_CACHE_HOME=cache))
        assert done.returncode == 0, done.stderr
    return folder


def sslbind(
    words: list[str], folder: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "sslbind", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


def without(*names: str, **variables: str) -> dict[str, str]:
    """Return the environment without ``names``, and with ``variables``."""
    return {k: v for k, v in os.environ.items() if k not in names} | variables


def on_a_terminal(words: list[str], folder: Path, **variables: str) -> str:
    """Return what a person sees of ``words`` on a terminal with colours."""
    import pexpect  # type: ignore[import-untyped]

    child: Any = pexpect.spawn(
        sys.executable,
        ["-m", "sslbind", *words],
        cwd=str(folder),
        env=without("FORCE_COLOR", "NO_COLOR", TERM="xterm-256color", **variables),
        encoding="utf-8",
        timeout=60,
    )
    child.expect(pexpect.EOF)
    return str(child.before)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
class TestEveryCommand:
    @pytest.mark.slow
    def test_without_home(self, words: list[str], folder: Path) -> None:
        there = sslbind(words, folder, without())
        # A relative XDG_CACHE_HOME must be ignored: there is no user folder at all.
        gone = sslbind(words, folder, without("HOME", "USERPROFILE", XDG_CACHE_HOME="cache"))
        assert (gone.returncode, gone.stdout) == (there.returncode, there.stdout)
        assert b"Traceback" not in gone.stderr

    @pytest.mark.slow
    def test_in_a_c_locale(self, words: list[str], folder: Path) -> None:
        there = sslbind(words, folder, without("LC_ALL", LANG="C.UTF-8"))
        for variables in (
            {"LC_ALL": "C"},
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        ):
            plain = sslbind(words, folder, without("LANG", **variables))
            assert plain.returncode == there.returncode
            assert b"Traceback" not in plain.stderr

    @pytest.mark.slow
    @pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
    def test_no_color_on_a_terminal(self, words: list[str], folder: Path) -> None:
        seen = on_a_terminal(words, folder, NO_COLOR="1")
        assert seen
        assert "\x1b" not in seen

    def test_no_escapes_without_a_terminal(self, words: list[str], folder: Path) -> None:
        done = sslbind(words, folder, without("NO_COLOR", "FORCE_COLOR", TERM="xterm-256color"))
        assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
def test_a_terminal_without_no_color_is_used(folder: Path) -> None:
    """The header is bold here, so only NO_COLOR can have removed it in the other test."""
    assert "\x1b[1m" in on_a_terminal(["list"], folder)
