"""Commands under strace, in a small world that is the same each time: races and kills use them."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from pki import NOW, issue, web
from tools import needs

import sslbind

CALLS = (
    "openat", "write", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir",
    "mkdirat", "fsync", "fchmod", "chmod", "fchown", "flock", "ftruncate", "setxattr", "fsetxattr",
)  # fmt: skip
"""The system calls that change files."""
APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
IIS = f"appid={APPID}"
PACKAGE = Path(sslbind.__file__).parent
CAPTURE = Path(__file__).parent / "captures" / "french-2022.txt"


class Traced(NamedTuple):
    """A call of a run that changes files, its number among those of its name, and its line."""

    name: str
    number: int
    line: str


class World(NamedTuple):
    """A folder that commands run in, the same each time; and the words that stand for hashes."""

    folder: Path
    words: dict[str, str]

    def argv(self, words: Sequence[str]) -> list[str]:
        """Return the command line of ``words``, the hashes put in."""
        line = "\n".join(words)
        for name, value in self.words.items():
            line = line.replace(name, value)
        return [sys.executable, "-W", "ignore", "-m", "sslbind", *line.split("\n")]

    def copy(self, place: Path) -> Path:
        """Return a copy to work on, with nothing in the cache, so that each run does the same."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(place.parent / "cache", ignore_errors=True)
        shutil.copytree(self.folder, place)
        return place


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a run in ``folder``: all that it writes is in there or beside."""
    return os.environ | {
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
        "XDG_DATA_HOME": str(folder / "home"),
        "TMPDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(argv: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        argv, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def calls(argv: Sequence[str], folder: Path, code: int = 0) -> list[Traced]:
    """Run a command in ``folder``; return its calls that change files, in their order."""
    log = folder.parent / "log"
    names = ",".join(f"?{name}" for name in CALLS)
    done = run([needs("strace"), "-o", str(log), "-e", f"trace={names}", *argv], folder)
    assert done.returncode == code, done.stderr
    counts: dict[str, int] = {}
    found: list[Traced] = []
    for line in log.read_text(errors="replace").splitlines():
        name = line.partition("(")[0]
        if name in CALLS:
            counts[name] = counts.get(name, 0) + 1
            if name != "openat" or "O_CREAT" in line:
                found.append(Traced(name, counts[name], line))
    assert found
    return found


def injected(call: Traced, what: str, log: str = "/dev/null") -> list[str]:
    """Return the words before a command that replace one of its calls."""
    option = f"inject={call.name}:{what}:when={call.number}"
    return [needs("strace"), "-o", log, "-e", f"trace={call.name}", "-e", option]


def make_world(folder: Path) -> World:
    """Return a registry in git, with two certificates, and files for more.

    Our code is compiled first: a run that did it would make other calls than the next.
    """
    compileall.compile_dir(PACKAGE, quiet=2)
    other, unused = issue("other", dns=["*.contoso.com"]), issue("unused", dns=["unused.de"])
    bound = issue("bound", dns=["www.a.de"])
    renewed = issue("renewed", dns=["www.a.de"], start=NOW, end=NOW + timedelta(days=9999))
    for name, one in (("other", other), ("unused", unused), ("renewed", renewed), ("b", bound)):
        (folder / f"{name}.pem").write_bytes(one.pem + one.key_pem())
    (folder / "other.pfx").write_bytes(web().pfx())
    (folder / "capture.txt").write_bytes(CAPTURE.read_bytes())
    for words in (
        ["init"],
        ["store", "add", "b.pem"],
        ["store", "add", "unused.pem"],
        ["add", "sslcert", "10.0.0.5:443", f"certhash={bound.thumbprint}", "certstorename=MY", IIS],
        ["ccs", "enable", "ccs"],
        ["completion", "install", "bash"],
    ):
        (folder / "ccs").mkdir(exist_ok=True)
        done = run([sys.executable, "-m", "sslbind", *words], folder)
        assert done.returncode == 0, done.stderr
    for name in ("b.pem", "unused.pem", "home/man/man1/sslbind-show.1"):
        (folder / name).unlink()
    line = f"add sslcert 10.0.0.6:443 certhash={bound.thumbprint} certstorename=MY {IIS}\n"
    (folder / "line.txt").write_text(line)
    (folder / "lines.txt").write_text(f"delete sslcert 10.0.0.5:443\n{line}")
    (folder / "given").mkdir()
    (folder / "given" / "bound.pem").write_bytes(bound.pem)
    fleet = folder / "fleet"
    fleet.mkdir()
    netsh = [sys.executable, "-m", "sslbind", "-q", "-r", "server.toml", "-f", "-"]
    (fleet / "targets.toml").write_text(
        f'version = 1\n[Target.web]\ntransport = "command"\nnetsh = {json.dumps(netsh)}\n'
    )
    (fleet / "server.toml").write_text("version = 1\n")
    (fleet / "web.toml").write_text(
        f'version = 1\n[SslBindingInfo."10.0.0.8:443"]\ncerthash = "{bound.thumbprint}"\n'
        f'appid = "{APPID}"\ncertstorename = "MY"\n'
    )
    (folder / ".gitignore").write_text("*.pem\n*.pfx\n!certs/**\n")
    subprocess.run([needs("git"), "init", "-q", "--template="], cwd=folder, check=True)
    return World(folder, {"BOUND": bound.thumbprint, "UNUSED": unused.thumbprint})
