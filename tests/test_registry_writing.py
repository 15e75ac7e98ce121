"""Writing a registry: all or nothing, even with races, crashes or a full disk."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sslbind.binding import Binding
from sslbind.errors import RegistryError
from sslbind.keys import CCS, HOSTNAMEPORT, Key, parse_key
from sslbind.registry.registry import Registry

APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
HASH = "a1" * 20
KILLS = int(os.environ.get("SSLBIND_TEST_KILLS") or (500 if os.environ.get("CI") else 40))
"""How many writers are killed; a user's own run is short."""

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and signals of POSIX")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a registry without certificate stores in a separate folder."""
    folder = tmp_path / "registry"
    folder.mkdir()
    path = folder / "sslbind.toml"
    path.write_bytes(b"version = 1\n")
    return path


def www(number: int | str) -> Key:
    return parse_key(HOSTNAMEPORT, f"www{number}.contoso.com:443")


def binding(number: int | str) -> Binding:
    return Binding(www(number), {"certhash": HASH, "appid": APPID, "certstorename": "MY"})


def add_command(path: Path, number: int | str) -> list[str]:
    words = [f"hostnameport={www(number)}", f"certhash={HASH}", f"appid={APPID}"]
    command = [sys.executable, "-m", "sslbind", "-q", "-r", str(path), "add", "sslcert", *words]
    return [*command, "certstorename=MY"]


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


# The interpreter may be readable by root alone: everything is imported before root is given up.
ADD = f"""
import grp, os, pwd, sys, sslbind.registry.splice
from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.keys import CCS, parse_key
from sslbind.registry.registry import Registry
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with Registry.editing(sys.argv[1]) as registry:
        registry.put(Binding(parse_key(CCS, "443"), {{"appid": "{APPID}"}}))
except SslbindError as error:
    sys.exit(f"{{type(error).__name__}}: {{error}}")
"""


def add_unprivileged(path: Path) -> str:
    """Add the binding ccs=443 as a user who is not root; return what went wrong."""
    done = subprocess.run(
        [sys.executable, "-c", ADD, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "XDG_CACHE_HOME": "/nonexistent"},
    )
    return done.stderr


@pytest.fixture
def public(path: Path) -> Iterator[Path]:
    """Return a registry where a user who is not root may read, write and make files."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        target = Path(folder, "sslbind.toml")
        target.write_bytes(path.read_bytes())
        target.chmod(0o666)
        yield target


@pytest.mark.slow
def test_forty_processes_that_add_five_bindings_each(path: Path) -> None:
    """All 200 are there: no writer overwrites what another wrote."""
    code = "import sys\nfrom sslbind.cli.entry import main\n"
    code += "codes = [main(words.split('|')) for words in sys.argv[1:]]\nsys.exit(max(codes))"
    workers = []
    for worker in range(40):
        lines = ["|".join(add_command(path, f"{worker}-{number}")[3:]) for number in range(5)]
        workers.append(
            subprocess.Popen(
                [sys.executable, "-c", code, *lines],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    answers = [(worker.communicate()[1], worker.returncode) for worker in workers]
    assert answers == [("", 0)] * 40
    found = Registry.open(path).bindings
    assert set(found) == {www(f"{worker}-{number}") for worker in range(40) for number in range(5)}
    assert left_in(path.parent) == ["sslbind.toml"]


@posix
@pytest.mark.slow
def test_writers_killed_at_random_moments_lose_nothing(path: Path) -> None:
    """The file always parses, and holds every binding whose add had answered success."""
    code = """
import sys
from sslbind.cli.entry import main
for number in range(100_000):
    words = sys.argv[1].replace("NUMBER", sys.argv[2] + "-" + str(number)).split("|")
    if main(words) == 0:
        sys.stderr.write(f"{number}\\n")
        sys.stderr.flush()
"""
    chance = random.Random(20)
    command = "|".join(add_command(path, "NUMBER")[3:])
    command = command.replace(str(www("NUMBER")), "wwwNUMBER.contoso.com:443")
    acknowledged: set[Key] = set()
    for kill in range(KILLS):
        worker = subprocess.Popen(
            [sys.executable, "-c", code, command, str(kill)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert worker.stderr is not None
        said = worker.stderr.readline()  # it is at work: from here on every moment is a write's
        time.sleep(chance.random() * 0.05)
        worker.send_signal(signal.SIGKILL)
        said += worker.stderr.read()
        worker.stderr.close()
        worker.wait()
        acknowledged |= {www(f"{kill}-{line}") for line in said.split("\n")[:-1]}
        found = set(Registry.open(path).bindings)
        assert acknowledged <= found
    assert len(acknowledged) >= KILLS
    with Registry.editing(path) as registry:
        registry.put(binding("last"))
    assert left_in(path.parent) == ["sslbind.toml"]


@pytest.mark.slow
@posix
def test_a_killed_command_leaves_the_file_whole(path: Path) -> None:
    """The same for the command line as a process, killed anywhere between start and end."""
    chance = random.Random(5)
    for kill in range(max(KILLS // 20, 4)):
        before = path.read_bytes()
        worker = subprocess.Popen(add_command(path, kill), stdout=subprocess.DEVNULL)
        try:
            worker.wait(chance.random() * 0.8)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        if worker.returncode == 0:
            assert Registry.open(path).get(www(kill))
        else:
            assert Registry.open(path).get(www(kill)) or path.read_bytes() == before


@posix
def test_a_full_disk_leaves_the_old_file(path: Path) -> None:
    """If no more bytes can be written, the command says so and nothing has changed."""
    import resource

    before = path.read_bytes()

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, len(before) + 10))

    done = subprocess.run(
        add_command(path, 1),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,  # for the child alone, which would cut our own bytecode off as well
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 2
    assert "cannot be written: file too large" in done.stderr
    assert path.read_bytes() == before
    assert left_in(path.parent) == ["sslbind.toml"]


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root mounts a disk of its own"
)
def test_a_disk_without_room(tmp_path: Path) -> None:
    """The same on a real file system that is full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount: the limit on a file's size stands in")
    try:
        path = disk / "sslbind.toml"
        path.write_bytes(b"version = 1\n#" + b"x" * 7000 + b"\n")
        before = path.read_bytes()
        done = subprocess.run(add_command(path, 1), capture_output=True, text=True, check=False)
        assert (done.returncode, path.read_bytes()) == (2, before)
        assert "cannot be written: no space left on device" in done.stderr
        assert left_in(disk) == ["sslbind.toml"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@posix
def test_a_folder_that_may_not_be_written(public: Path) -> None:
    """Nothing is written, and the reason is reported."""
    before = public.read_bytes()
    public.parent.chmod(0o555)
    wanted = f"RegistryError: {public}: cannot be locked: permission denied\n"
    assert add_unprivileged(public) == wanted
    assert public.read_bytes() == before
    public.parent.chmod(0o777)
    assert add_unprivileged(public) == ""


@posix
def test_a_lock_of_another_user_who_died(public: Path) -> None:
    """A lock file that may be read but not written can still be taken."""
    lock = public.parent / f".{public.name}.lock"
    lock.write_text("process 1\n")
    lock.chmod(0o444)
    assert add_unprivileged(public) == ""
    assert Registry.open(public).get(parse_key(CCS, "443"))
    assert left_in(public.parent) == ["sslbind.toml"]


@posix
def test_a_symbolic_link_stays_and_its_target_is_written(path: Path, tmp_path: Path) -> None:
    """Also through two links; lock and temporary file are next to the real file."""
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    second.symlink_to(path)
    first.symlink_to("b.toml")
    with Registry.editing(first) as registry:
        registry.put(binding(1))
        assert left_in(path.parent) == [".sslbind.toml.lock", "sslbind.toml"]
    assert first.is_symlink()
    assert second.is_symlink()
    assert Registry.open(path).get(www(1))
    assert left_in(path.parent) == ["sslbind.toml"]
    assert registry.stores_folder == str(path.parent / "certs")


@posix
def test_mode_and_owner_are_kept(path: Path) -> None:
    """A file that only its group may read stays so."""
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    before = path.stat()
    with Registry.editing(path) as registry:
        registry.put(binding(1))
    after = path.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


def test_a_lock_left_by_a_dead_process_holds_nobody_up(path: Path) -> None:
    """The system forgot the lock when its holder died; the file alone means nothing."""
    (path.parent / ".sslbind.toml.lock").write_text("process 4194305\n")
    with Registry.editing(path, timeout=0.5) as registry:
        registry.put(binding(1))
    assert left_in(path.parent) == ["sslbind.toml"]


@pytest.mark.skipif(sys.platform == "win32", reason="a lock file is only written by its holder")
def test_a_queue_that_moves_is_waited_for(path: Path) -> None:
    """A writer gives up on a holder that stays, not because others were faster."""
    lock = path.parent / ".sslbind.toml.lock"
    others = threading.Event()

    def pass_on() -> None:
        for number in range(30):
            time.sleep(0.05)
            lock.write_text(f"process {number}\n")  # into the file that is locked
        others.set()

    with Registry.editing(path):
        turns = threading.Thread(target=pass_on)
        turns.start()
        with (
            pytest.raises(RegistryError, match="has been locked by process 29 for more than"),
            Registry.editing(path, timeout=0.6),
        ):
            pass
        assert others.is_set()
        turns.join()


def test_the_holder_of_a_lock_is_named(path: Path) -> None:
    """A writer that waits too long is given the process it waits for; readers do not wait."""
    code = "import sys\nfrom sslbind.registry.registry import Registry\n"
    code += "with Registry.editing(sys.argv[1]): print('mine', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        wanted = rf"has been locked by process {holder.pid} for more than 0 seconds"
        with (
            pytest.raises(RegistryError, match=wanted) as caught,
            Registry.editing(path, timeout=0.2),
        ):
            pass
        assert caught.value.hints
        assert Registry.open(path).bindings == {}
    with Registry.editing(path, timeout=0.2) as registry:
        registry.put(binding(1))


@posix
def test_what_a_dead_writer_left_is_removed_by_the_next(path: Path) -> None:
    """Its temporary files go, whatever they were for; those of the living and of others stay."""
    (path.parent / ".sslbind.toml.part.99.0a1b2c3d").write_bytes(b"version")
    (path.parent / ".report.json.part.99.0a1b2c3d").write_bytes(b"{}")
    others = [".server.part.toml.lock", ".sslbind.toml.part.99.abc", ".used.part.99.0a1b2c3d"]
    for name in others:
        (path.parent / name).write_bytes(b"version")
    import fcntl

    used = os.open(path.parent / others[2], os.O_RDONLY)
    fcntl.flock(used, fcntl.LOCK_EX)
    with Registry.editing(path) as registry:
        registry.put(binding(1))
    os.close(used)
    assert left_in(path.parent) == [*others, "sslbind.toml"]


def test_a_block_that_fails_writes_nothing(path: Path) -> None:
    """An exception inside ``editing`` drops the changes and the lock."""
    before = path.read_bytes()

    def fail() -> None:
        with Registry.editing(path) as registry:
            registry.put(binding(1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == before
    assert left_in(path.parent) == ["sslbind.toml"]


def test_nothing_to_change_writes_not_a_byte(path: Path) -> None:
    """The file keeps its inode and its time."""
    with Registry.editing(path) as registry:
        registry.put(binding(1))
    before = path.stat()
    with Registry.editing(path) as registry:
        registry.put(binding(1))
        registry.delete(www(2))
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_init_does_not_touch_what_is_there(path: Path) -> None:
    """A second init is refused, whatever the file holds."""
    path.write_bytes(b"not a registry")
    with pytest.raises(RegistryError, match="already exists"):
        Registry.create(path)
    assert path.read_bytes() == b"not a registry"
    assert left_in(path.parent) == ["sslbind.toml"]
    with pytest.raises(RegistryError, match="no such file or directory"):
        Registry.create(path.parent / "missing" / "sslbind.toml")


def test_an_invalid_registry_is_not_written(path: Path) -> None:
    """No command repairs what it cannot read."""
    path.write_bytes(b"version = 1\n[SslBindingInfo]\n'0.0.0.0:443' = 1\n")
    with pytest.raises(RegistryError, match="must be a table"), Registry.editing(path):
        pass
    assert path.read_bytes().endswith(b"= 1\n")
    assert left_in(path.parent) == ["sslbind.toml"]
