"""Every command that writes, killed before each system call that changes files, and refused each.

strace runs the command once to count the calls, then once for each call: with
SIGKILL before it, or with an error in its place. What is left is the old or the
new registry, with every certificate and key that it needs; no key is readable
by others or seen by git; and the next command cleans up and goes through.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from pki import NOW, issue, web
from tools import needs

from sslbind.registry.registry import Registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="strace is a tool of Linux"),
]
CALLS = (
    "openat", "write", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir",
    "mkdirat", "fsync", "fchmod", "chmod", "fchown", "flock", "ftruncate", "setxattr", "fsetxattr",
)  # fmt: skip
IIS = "appid={4dc3e181-e14b-4a21-b022-59fc669b0914}"
CAPTURE = Path(__file__).parent / "captures" / "french-2022.txt"

COMMANDS: dict[str, list[str]] = {
    "init": ["-r", "new.toml", "init"],
    "store-new": ["store", "new", "--dns", "new.contoso.com"],
    "store-add": ["store", "add", "other.pem"],
    "store-add-pfx": ["store", "add", "other.pfx", "--store", "WebHosting"],
    "store-delete": ["store", "delete", "UNUSED"],
    "add": ["add", "sslcert", "10.0.0.9:443", "certhash=BOUND", "certstorename=MY", IIS],
    "add-cert": ["add", "sslcert", "10.0.0.9:443", "--cert", "other.pem", IIS],
    "update": ["update", "sslcert", "10.0.0.5:443", "clientcertnegotiation=enable"],
    "delete": ["delete", "sslcert", "10.0.0.5:443"],
    "iplisten": ["add", "iplisten", "10.0.0.5"],
    "rebind": ["rebind", "BOUND", "other.pem", "--force"],
    "renew": ["renew", "renewed.pem"],
    "script": ["-f", "lines.txt"],
    "ccs-enable": ["ccs", "enable", "ccs"],
    "ccs-put": ["ccs", "put", "other.pem"],
    "import": ["import", "capture.txt", "-r", "new.toml"],
    "import-each": ["import", "capture.txt", "--each", "servers"],
    "export": ["export", "netsh-script", "-o", "out.txt"],
}


class World(NamedTuple):
    """A folder that commands run in, the same each time; and the words that stand for hashes."""

    folder: Path
    words: dict[str, str]

    def argv(self, command: str) -> list[str]:
        """Return the command line, the global option first."""
        words = [self.words.get(word, word) for word in COMMANDS[command]]
        words = [re.sub("BOUND", self.words["BOUND"], word) for word in words]
        if "-r" in words[1:] and words[0] != "-r":  # import … -r FILE
            at = words.index("-r")
            words = [*words[at : at + 2], *words[:at], *words[at + 2 :]]
        return [sys.executable, "-W", "ignore", "-m", "sslbind", *words]

    def copy(self, place: Path) -> Path:
        """Return a copy to work on, with nothing in the cache, so that each run does the same."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(place.parent / "cache", ignore_errors=True)
        shutil.copytree(self.folder, place)
        return place


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A registry in git, with two certificates, and files for more."""
    folder = tmp_path_factory.mktemp("world")
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
    ):
        (folder / "ccs").mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "sslbind", *words], cwd=folder, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    for name in ("b.pem", "unused.pem"):
        (folder / name).unlink()
    (folder / "lines.txt").write_text(
        f"delete sslcert 10.0.0.5:443\nadd sslcert 10.0.0.6:443 certhash={bound.thumbprint}"
        f" certstorename=MY {IIS}\n"
    )
    (folder / ".gitignore").write_text("*.pem\n*.pfx\n!certs/**\n")
    subprocess.run([needs("git"), "init", "-q"], cwd=folder, check=True)
    return World(folder, {"BOUND": bound.thumbprint, "UNUSED": unused.thumbprint})


def run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    cache = str(folder.parent / "cache")
    environment = os.environ | {"XDG_CACHE_HOME": cache, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def calls(world: World, command: str, place: Path) -> list[tuple[str, int]]:
    """Return the calls of a run that change files, each with its number among those of its name."""
    folder, log = world.copy(place), place.parent / "log"
    names = ",".join(f"?{name}" for name in CALLS)
    traced = [needs("strace"), "-o", str(log), "-e", f"trace={names}"]
    done = run([*traced, *world.argv(command)], folder)
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = {}
    found: list[tuple[str, int]] = []
    for line in log.read_text(errors="replace").splitlines():
        name = line.partition("(")[0]
        if name in CALLS:
            counts[name] = counts.get(name, 0) + 1
            if name != "openat" or "O_CREAT" in line:
                found.append((name, counts[name]))
    assert found
    return found


def inject(
    world: World, command: str, place: Path, call: tuple[str, int], what: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with one of its calls replaced."""
    name, number = call
    option = f"inject={name}:{what}:when={number}"
    words = [needs("strace"), "-o", "/dev/null", "-e", f"trace={name}", "-e", option]
    return run([*words, *world.argv(command)], place)


def check_files(folder: Path) -> None:
    """No key may be read by others or be seen by git, whatever happened."""
    seen = subprocess.run(
        [needs("git"), "status", "--porcelain", "-uall", "-z"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for path in folder.rglob("*"):
        below = path.relative_to(folder)
        if path.is_file() and ".git" not in below.parts and b"PRIVATE KEY" in path.read_bytes():
            given = len(below.parts) == 1 and path.suffix == ".pem"
            assert given or stat.S_IMODE(path.stat().st_mode) == 0o600, f"{below} is readable"
            assert str(below) not in seen, f"git sees {below}"


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return the registries of a folder, each of which must be whole."""
    return {
        str(path.relative_to(folder)): (
            [(key.spec, one.certhash) for key, one in registry.bindings.items()],
            registry.iplisten,
            registry.settings.central_store,
        )
        for path in sorted(folder.rglob("*.toml"))
        for registry in [Registry.open(str(path))]
    }


def leftovers(folder: Path) -> list[str]:
    """Return the temporary and lock files of a folder."""
    odd = re.compile(r"\..*\.part\..*|\..*\.lock|\.lock")
    return [str(path) for path in folder.rglob("*") if odd.fullmatch(path.name)]


def check_bound(folder: Path) -> None:
    """Every certificate that a binding uses is in its store, with its key."""
    for path in sorted(folder.rglob("*.toml")):
        registry = Registry.open(str(path))
        stores = registry.settings.cert_stores
        if stores is None or stores.keys_elsewhere:
            continue
        for one in registry.bindings.values():
            stem = path.parent / stores.path / "MY" / str(one.certhash)
            assert (stem.with_suffix(".pem")).is_file(), f"{one.certhash} is gone"
            assert (stem.with_suffix(".key")).is_file(), f"the key of {one.certhash} is gone"


def repeat(world: World, command: str, folder: Path) -> None:
    """Run the command again, to its end: it completes, cleans up, or says that all is done."""
    done = run(world.argv(command), folder)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)
    check_files(folder)
    check_bound(folder)
    again = [sys.executable, "-m", "sslbind", "add", "iplisten", "10.0.0.77"]
    assert run(again, folder).returncode == 0
    more = [sys.executable, "-m", "sslbind", "store", "new", "--dns", "last.contoso.com"]
    assert run(more, folder).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_before_each_call(world: World, command: str, tmp_path: Path) -> None:
    """Whatever is left is whole, and secret, and does not hinder the next command."""
    folder = tmp_path / "folder"
    old = state(world.copy(folder))
    todo = calls(world, command, folder)
    new = state(folder)
    for call in todo:
        world.copy(folder)
        done = inject(world, command, folder, call, "signal=KILL")
        assert done.returncode != 0, call
        check_files(folder)
        found = state(folder)
        for name in old.keys() | new.keys():
            assert found.get(name) in (old.get(name), new.get(name)), (call, name)
        check_bound(folder)
        if leftovers(folder):
            repeat(world, command, folder)
            assert leftovers(folder) == [], call


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("command", COMMANDS)
def test_each_call_refused(world: World, command: str, error: str, tmp_path: Path) -> None:
    """A call that fails is a sentence, and exit code 0 means that everything was done."""
    folder = tmp_path / "folder"
    old = state(world.copy(folder))
    todo = calls(world, command, folder)
    new = state(folder)
    for call in todo:
        world.copy(folder)
        done = inject(world, command, folder, call, f"error={error}")
        assert "Traceback" not in done.stderr, (call, done.stderr)
        assert done.returncode in (0, 2), (call, done.stderr)
        found = state(folder)
        for name in old.keys() | new.keys():
            assert found.get(name) in (old.get(name), new.get(name)), (call, name, done.stderr)
        if done.returncode == 0:
            assert found == new, (call, done.stderr)
        elif found == new != old:
            assert "was written" in done.stderr, (call, done.stderr)
        check_files(folder)
        check_bound(folder)
