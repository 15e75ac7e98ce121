"""Every command that writes, killed before each system call that changes files, and refused each.

strace runs the command once to count the calls, then once for each call: with
SIGKILL before it, or with an error in its place. What is left is the old or the
new registry, with every certificate and key that it needs; no key is readable
by others or seen by git; and the next command cleans up and goes through.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from tools import needs
from traced import IIS, World, calls, injected, make_world, run

from sslbind.cli.root import root
from sslbind.grammar import VERBS
from sslbind.registry.registry import Registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="strace is a tool of Linux"),
]
Record = Callable[[str, object], None]
"""How many calls were tried goes into the report of ``pytest --junitxml``."""
FLEET = ("--targets", "fleet/targets.toml")
COMMANDS: dict[str, list[str]] = {
    "init": ["init", "-r", "new.toml"],
    "store-new": ["store", "new", "--dns", "new.contoso.com"],
    "store-add": ["store", "add", "other.pem"],
    "store-add-pfx": ["store", "add", "other.pfx", "--store", "WebHosting"],
    "store-delete": ["store", "delete", "UNUSED"],
    "add": ["add", "sslcert", "10.0.0.9:443", "certhash=BOUND", "certstorename=MY", IIS],
    "add-cert": ["add", "sslcert", "10.0.0.9:443", "--cert", "other.pem", IIS],
    "update": ["update", "sslcert", "10.0.0.5:443", "clientcertnegotiation=enable"],
    "delete": ["delete", "sslcert", "10.0.0.5:443"],
    "iplisten": ["add", "iplisten", "10.0.0.5"],
    "copy": ["copy", "10.0.0.5:443", "10.0.0.9:443"],
    "move": ["move", "10.0.0.5:443", "10.0.0.9:443"],
    "rebind": ["rebind", "BOUND", "other.pem", "--force"],
    "renew": ["renew", "renewed.pem"],
    "script": ["-f", "lines.txt"],
    "ccs-enable": ["ccs", "enable", "given"],
    "ccs-disable": ["ccs", "disable"],
    "ccs-put": ["ccs", "put", "other.pem"],
    "import": ["import", "capture.txt", "-r", "new.toml"],
    "import-each": ["import", "capture.txt", "--each", "servers"],
    "import-certs": ["import", "line.txt", "--certs", "given", "-r", "new.toml"],
    "export": ["export", "netsh-script", "-o", "out.txt"],
    "export-haproxy": ["export", "haproxy", "-o", "engine"],
    "expiry": ["expiry", "--format", "prometheus", "-o", "out.prom"],
    "report": ["report", "-o", "out.html"],
    "plan": ["plan", "@web", "--out", "plan.json", "--exit-zero", *FLEET],
    "apply": ["apply", "@web", "--yes", *FLEET],
    "completion-install": ["completion", "install", "bash"],
}
READING: dict[str, list[str]] = {
    "show": ["show", "sslcert"],
    "dump": ["dump"],
    "list": ["list"],
    "store list": ["store", "list"],
    "store show": ["store", "show", "BOUND"],
    "store verify": ["store", "verify"],
    "ccs list": ["ccs", "list"],
    "ccs show": ["ccs", "show"],
    "resolve": ["resolve", "10.0.0.5:443"],
    "check": ["check", "--fail-on", "error"],
    "probe": ["probe", "127.0.0.1:9"],
    "needs-renewal": ["needs-renewal", "10.0.0.5:443"],
    "explain": ["explain", "1312"],
    "diff": ["diff", "sslbind.toml", "fleet/web.toml"],
    "targets": ["targets", "--check", *FLEET],
    "completion show": ["completion", "show", "bash"],
}
"""A line for each command that changes no file."""
OUTPUTS = {"-o", "--output", "--out"}
"""The options that name a file to write."""


def commands(
    command: click.Command = root, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command there is, by its words; one of netsh's by its verb alone."""
    if isinstance(command, click.Group) and words[:1] not in [(verb,) for verb in VERBS]:
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*words, name))
    else:
        yield " ".join(words), command


def test_no_command_is_forgotten() -> None:
    """A new command is killed here, or is shown to change nothing; so is a new file to write."""
    for name, command in commands():
        mine = [words for words in COMMANDS.values() if " ".join(words).startswith(f"{name} ")]
        mine += [words for words in COMMANDS.values() if " ".join(words) == name]
        if name == "serve":
            continue  # it does not end: test_serve_killed_before_each_call
        assert bool(mine) != (name in READING), f"{name}: in COMMANDS or in READING, not in both"
        files = {option for one in command.params for option in one.opts} & OUTPUTS
        written = any(files & {*words} for words in mine)
        assert not files or written, f"{name} is not tried with {' or '.join(sorted(files))}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A registry in git, with two certificates, and files for more."""
    return make_world(tmp_path_factory.mktemp("world"))


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return all files and folders, by their paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        if ".git" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize("command", READING)
def test_what_only_reads(world: World, command: str, tmp_path: Path) -> None:
    """Nothing is made, changed or left."""
    folder = world.copy(tmp_path / "folder")
    before = contents(folder)
    done = run(world.argv(READING[command]), folder)
    assert done.returncode in (0, 1) or command == "probe", done.stderr  # nobody answers there
    assert "Usage" not in done.stderr
    assert contents(folder) == before


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


def registries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.toml") if path.name != "targets.toml")


def state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return the registries of a folder, each of which must be whole."""
    return {
        str(path.relative_to(folder)): (
            [(key.spec, one.certhash) for key, one in registry.bindings.items()],
            registry.iplisten,
            registry.settings.central_store,
        )
        for path in registries(folder)
        for registry in [Registry.open(str(path))]
    }


def leftovers(folder: Path) -> list[str]:
    """Return the temporary and lock files of a folder."""
    odd = re.compile(r"\..*\.part\..*|\..*\.lock|\.lock")
    return [str(path) for path in folder.rglob("*") if odd.fullmatch(path.name)]


def check_bound(folder: Path) -> None:
    """Every certificate that a binding uses is in its store, with its key."""
    for path in registries(folder):
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
    done = run(world.argv(COMMANDS[command]), folder)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1, 2)
    check_files(folder)
    check_bound(folder)
    again = [sys.executable, "-m", "sslbind", "add", "iplisten", "10.0.0.77"]
    assert run(again, folder).returncode == 0
    more = [sys.executable, "-m", "sslbind", "store", "new", "--dns", "last.contoso.com"]
    assert run(more, folder).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_killed_before_each_call(
    world: World, command: str, tmp_path: Path, record_property: Record
) -> None:
    """Whatever is left is whole, and secret, and does not hinder the next command."""
    folder = tmp_path / "folder"
    old = state(world.copy(folder))
    todo = calls(world.argv(COMMANDS[command]), folder)
    record_property("killed", len(todo))
    new = state(folder)
    for call in todo:
        world.copy(folder)
        done = run([*injected(call, "signal=KILL"), *world.argv(COMMANDS[command])], folder)
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
def test_each_call_refused(
    world: World, command: str, error: str, tmp_path: Path, record_property: Record
) -> None:
    """A call that fails is a sentence, and exit code 0 means that everything was done."""
    folder = tmp_path / "folder"
    old = state(world.copy(folder))
    todo = calls(world.argv(COMMANDS[command]), folder)
    record_property("refused", len(todo))
    new = state(folder)
    for call in todo:
        world.copy(folder)
        done = run([*injected(call, f"error={error}"), *world.argv(COMMANDS[command])], folder)
        assert "Traceback" not in done.stderr, (call, done.stderr)
        assert done.returncode in ((0, 1, 2) if command == "apply" else (0, 2)), (call, done.stderr)
        found = state(folder)
        for name in old.keys() | new.keys():
            assert found.get(name) in (old.get(name), new.get(name)), (call, name, done.stderr)
        if done.returncode == 0:
            assert found == new, (call, done.stderr)
        elif found == new != old:
            assert re.search("was (written|changed)", done.stderr), (call, done.stderr)
        check_files(folder)
        check_bound(folder)


def test_serve_killed_before_each_call(
    world: World, tmp_path: Path, record_property: Record
) -> None:
    """What serve makes is for its user only, and goes with the next serve; it ends by itself here.

    HAProxy finds its port taken, after everything was written.
    """
    folder = tmp_path / "folder"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        maps = ("--map", f"443={taken.getsockname()[1]}", "--map", "10.0.0.5=127.0.0.1")
        argv = world.argv(["serve", *maps])
        world.copy(folder)
        todo = calls(argv, folder, code=2)
        record_property("killed", len(todo))
        for call in todo:
            world.copy(folder)
            assert run([*injected(call, "signal=KILL"), *argv], folder).returncode != 0, call
            for left in folder.glob("sslbind-serve-*"):
                assert stat.S_IMODE(left.stat().st_mode) == 0o700, call
                os.utime(left, (0, 0))  # one of the last minute may be another's
            check_files(folder)
            assert run(argv, folder).returncode == 2
            assert [*folder.glob("sslbind-serve-*")] == [], call
