"""Two commands at once: one is stopped inside its locks, and what comes out is one after the other.

strace stops a command with SIGSTOP where it has opened a lock, where it has it, and
after each file that it renames or removes; the other command then runs to its end,
or until it waits for the lock. Whatever the order, files and exit codes must be
those of the one command after the other: nothing is lost, and no certificate
is without its key.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import pkcs12
from pki import NOW, intermediate, issue
from tools import needs
from traced import IIS, Traced, World, calls, environment, injected, make_world, run

from sslbind.registry.registry import Registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="strace is a tool of Linux"),
]
DEADLINE = 120.0  # seconds; the machine may be busy with other tests
STORE = ["store", "add", "other.pem"]


class Race(NamedTuple):
    """Two commands, and what was run before."""

    one: list[str]
    other: list[str]
    before: tuple[list[str], ...] = ()
    keys: bool = True  # whether every certificate has its key


RACES = {
    "chain": Race(STORE, ["store", "add", "chain.pem"]),
    "add-delete": Race(STORE, ["store", "delete", "OTHER"], (STORE,)),
    "add-cert-delete": Race(
        ["add", "sslcert", "10.0.0.9:443", "--cert", "other.pem", IIS],
        ["store", "delete", "OTHER"],
        (STORE,),
    ),
    "add-cert-chain": Race(
        ["add", "sslcert", "10.0.0.9:443", "--cert", "other.pem", IIS],
        ["store", "add", "chain.pem"],
    ),
    "ccs-put": Race(["ccs", "put", "chain.pem"], ["ccs", "put", "again.pem"]),
    "ccs-put-renew": Race(
        ["ccs", "put", "renewed.pem"], ["renew", "renewed.pem", "--ccs"], (["ccs", "put", "b.pem"],)
    ),
    "renew": Race(["renew", "renewed.pem"], ["renew", "later.pem"]),
    "renew-delete": Race(
        ["renew", "renewed.pem"], ["store", "delete", "RENEWED"], (["store", "add", "renewed.pem"],)
    ),
    "renew-add": Race(
        ["renew", "renewed.pem"],
        ["add", "sslcert", "10.0.0.9:443", "certhash=BOUND", "certstorename=MY", IIS],
    ),
    "import-delete": Race(
        ["import", "line.txt", "--certs", "given"],
        ["store", "delete", "BOUND"],
        (["delete", "sslcert", "10.0.0.5:443"],),
        keys=False,  # import takes certificates alone
    ),
    "import-add": Race(["import", "line.txt"], ["add", "iplisten", "10.0.0.5"]),
    "rebind-update": Race(
        ["rebind", "BOUND", "other.pem", "--force"],
        ["update", "sslcert", "10.0.0.5:443", "clientcertnegotiation=enable"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world of the kills; and a certificate with and without its chain, and two renewals."""
    folder = tmp_path_factory.mktemp("world")
    world = make_world(folder)
    other = issue("other.contoso.com", dns=["*.contoso.com"], issuer=intermediate())
    again = issue("again", dns=["*.contoso.com", "more.contoso.com"])
    later = issue("later", dns=["www.a.de"], start=NOW, end=NOW + timedelta(days=10_000))
    renewed = issue("renewed", dns=["www.a.de"], start=NOW, end=NOW + timedelta(days=9999))
    (folder / "other.pem").write_bytes(other.pem + other.key_pem())
    (folder / "chain.pem").write_bytes(other.pem + intermediate().pem + other.key_pem())
    for name, one in (("again", again), ("later", later), ("renewed", renewed)):
        (folder / f"{name}.pem").write_bytes(one.pem + one.key_pem())
    stored = folder / "certs" / "MY" / world.words["BOUND"]
    (folder / "b.pem").write_bytes(
        stored.with_suffix(".pem").read_bytes() + stored.with_suffix(".key").read_bytes()
    )
    words = world.words | {"OTHER": other.thumbprint, "RENEWED": renewed.thumbprint}
    return World(folder, words)


def outcome(folder: Path) -> dict[str, object]:
    """Return what runs that do the same leave alike: a PFX file is sealed anew each time."""
    registry = Registry.open(folder / "sslbind.toml")
    found: dict[str, object] = {
        "bindings": dict(registry.bindings),
        "iplisten": registry.iplisten,
        "leftovers": [path for path in folder.rglob(".*") if ".part." in path.name],
    }
    for path in (folder / "certs").rglob("*"):
        if path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    for path in (folder / "ccs").glob("*.pfx"):
        found[path.name] = opened(path)
    return found


def opened(path: Path) -> tuple[bytes, ...]:
    """Return the thumbprints in a PFX file, that of the certificate with the key first."""
    key, certificate, chain = pkcs12.load_key_and_certificates(path.read_bytes(), None)
    assert key is not None
    assert certificate is not None
    return tuple(one.fingerprint(SHA1()) for one in (certificate, *chain))


def check_keys(folder: Path) -> None:
    """No certificate of MY is without its key, no key without its certificate."""
    store = folder / "certs" / "MY"
    certificates = {path.stem for path in store.glob("*.pem")}
    assert certificates == {path.stem for path in store.glob("*.key")}
    bound = {one.certhash for one in Registry.open(folder / "sslbind.toml").bindings.values()}
    assert bound <= certificates


def stops(argv: list[str], folder: Path) -> list[Traced]:
    """Return where to stop a command: its locks, opened and taken, and each file in its place."""
    places = re.compile(
        r'openat\(.*\.lock"|flock\(.*LOCK_NB|rename\w*\((?!.*"\.(?:registry|store)-)|unlink'
    )  # not the files of the cache
    return [call for call in calls(argv, folder) if places.match(call.line)]


@contextlib.contextmanager
def started(argv: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, in a process group of its own that ends with the block."""
    process = subprocess.Popen(
        argv, cwd=folder, env=environment(folder), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def await_line(log: Path, text: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until strace has written ``text``; return False if the command ended before."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        ended = process.poll() is not None
        if log.exists() and text in log.read_text(errors="replace"):
            return True
        if ended:
            return False
        time.sleep(0.01)
    pytest.fail(f"neither {text} nor an end: {log.read_text(errors='replace')[-500:]}")


def interleaved(
    one: list[str], other: list[str], call: Traced, folder: Path
) -> tuple[int | None, int | None]:
    """Stop ``one`` after a call, run ``other`` as far as it comes, go on; return the exit codes."""
    first, second = folder.parent / "one.log", folder.parent / "other.log"
    for log in (first, second):
        log.unlink(missing_ok=True)
    traced = [needs("strace"), "-o", str(second), "-e", "trace=flock"]
    only: list[str] = []
    if call.name == "openat":  # the first of its path, whatever else was opened before
        call = call._replace(number=1)
        only = ["-P", call.line.split('"')[1]]
    stopping = [*injected(call, "signal=STOP", str(first)), *only]
    with started([*stopping, *one], folder) as stopped:
        assert await_line(first, "stopped by SIGSTOP", stopped), call
        children = Path(f"/proc/{stopped.pid}/task/{stopped.pid}/children").read_text()
        with started([*traced, *other], folder) as running:
            await_line(second, "EAGAIN", running)
            os.kill(int(children), signal.SIGCONT)
            return stopped.wait(DEADLINE), running.wait(DEADLINE)


@pytest.mark.parametrize("turned", [False, True], ids=["this-stopped", "that-stopped"])
@pytest.mark.parametrize("name", RACES)
def test_at_once(
    world: World,
    name: str,
    turned: bool,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Wherever one of the two is stopped: it is as if one had come after the other."""
    race = RACES[name]
    start = World(world.copy(tmp_path / "start"), world.words)
    for words in race.before:
        done = run(world.argv(words), start.folder)
        assert done.returncode == 0, done.stderr
    one, other = (world.argv(words) for words in (race.one, race.other))
    if turned:
        one, other = other, one
    folder = tmp_path / "folder"
    allowed = []
    for pair in ((one, other), (other, one)):
        start.copy(folder)
        codes = {argv is one: run(argv, folder).returncode for argv in pair}
        allowed.append(((codes[True], codes[False]), outcome(folder)))
    start.copy(folder)
    todo = stops(one, folder)
    assert todo
    record_property("stopped", len(todo))
    for call in todo:
        start.copy(folder)
        exits = interleaved(one, other, call, folder)
        if race.keys:
            check_keys(folder)
        assert (exits, outcome(folder)) in allowed, call
