"""Files are replaced whole and keep their attributes; nobody else's file is ever written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Run
from tools import needs

from sslbind import cache, files, locks
from sslbind.errors import SslbindError

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux has these attributes")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes and owners")
root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be two users"
)
NOBODY = 65534


def as_nobody(code: str, *words: str | Path) -> str:
    """Run Python code as an unprivileged user in group 4242; return what it printed."""
    # Imported first, as root: the interpreter may be readable by root alone.
    start = (
        "import os, sys\nfrom sslbind import cache, files, locks\n"
        "import grp, pwd, sslbind.errors\n"
        f"os.setgroups([4242]); os.setgid({NOBODY}); os.setuid({NOBODY}); os.umask(0o022)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start + code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr.rpartition("\n  File")[2].rpartition("\n")[0][-300:]


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder that everybody may write into."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


WRITE = """
try:
    files.write_file(sys.argv[1], b"new")
except sslbind.errors.SslbindError as error:
    print(error.message)
"""


@root
def test_a_member_of_the_group_edits(shared: Path) -> None:
    """The group is kept, though the owner cannot be, if the owner has access through the group."""
    file = shared / "file"
    file.write_bytes(b"old")
    os.chown(file, 0, 4242)
    file.chmod(0o664)
    said = as_nobody(WRITE, file)
    assert "belongs to user 0, who would lose access to it" in said
    assert (file.read_bytes(), file.stat().st_uid) == (b"old", 0)
    file.chmod(0o666)
    assert as_nobody(WRITE, file) == ""
    now = file.stat()
    assert (file.read_bytes(), now.st_gid, stat.S_IMODE(now.st_mode)) == (b"new", 4242, 0o666)


@root
def test_a_group_that_cannot_be_kept(shared: Path) -> None:
    """It is refused before anything is written, unless the group may do no more than everybody."""
    file = shared / "file"
    file.write_bytes(b"old")
    os.chown(file, NOBODY, 4243)
    file.chmod(0o660)
    assert "belongs to the group 4243, which you cannot give" in as_nobody(WRITE, file)
    assert file.read_bytes() == b"old"
    file.chmod(0o644)
    assert as_nobody(WRITE, file) == ""
    assert [one.name for one in shared.iterdir()] == ["file"]


@linux
def test_attributes_and_acl_stay(tmp_path: Path) -> None:
    """Extended attributes survive a write; an ACL's mask never becomes the group's mode."""
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o640)
    # Version 2; user rw, user 65534 rw, group nothing, mask rw, others nothing (acl(5)).
    acl = b"\x02\0\0\0"
    for tag, rights, who in ((1, 6, -1), (2, 6, NOBODY), (4, 0, -1), (16, 6, -1), (32, 0, -1)):
        acl += tag.to_bytes(2, "little") + rights.to_bytes(2, "little")
        acl += (who & 0xFFFFFFFF).to_bytes(4, "little")
    try:
        os.setxattr(file, "user.owner", b"web team")
        os.setxattr(file, "system.posix_acl_access", acl)
    except OSError:
        pytest.skip("this file system has no such attributes")
    files.write_file(file, b"new")
    assert os.getxattr(file, "user.owner") == b"web team"
    assert os.getxattr(file, "system.posix_acl_access") == acl
    assert file.read_bytes() == b"new"


@posix
def test_hard_links_are_not_parted(tmp_path: Path) -> None:
    """A file with two names is refused: one of them would keep the old content."""
    file = tmp_path / "file"
    file.write_bytes(b"old")
    os.link(file, tmp_path / "other")
    with pytest.raises(
        SslbindError, match="has 2 hard links, which replacing the file would break"
    ):
        files.write_file(file, b"new")
    assert file.read_bytes() == b"old"


def test_what_an_editor_saved_meanwhile_stays(tmp_path: Path) -> None:
    """A file that was changed since it was read is not overwritten."""
    file = tmp_path / "file"
    file.write_bytes(b"saved by an editor")
    with pytest.raises(SslbindError, match="was changed by another program in the meantime"):
        files.write_file(file, b"new", expected=b"old")
    assert file.read_bytes() == b"saved by an editor"
    files.write_file(file, b"new", expected=b"saved by an editor")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"new"


@root
def test_a_key_file_made_by_another_is_replaced(tmp_path: Path) -> None:
    """A file that somebody prepared never receives the key: ours replaces it."""
    prepared = tmp_path / "web.key"
    prepared.touch()
    os.chown(prepared, NOBODY, NOBODY)
    reader = os.open(prepared, os.O_RDONLY)
    files.write_own(str(tmp_path), "web.key", b"secret")
    assert os.read(reader, 10) == b""
    os.close(reader)
    now = prepared.stat()
    assert (now.st_uid, stat.S_IMODE(now.st_mode)) == (0, 0o600)


@posix
def test_no_link_is_followed_to_a_key(tmp_path: Path) -> None:
    """Neither a link in place of the file, nor one in place of its folder, leads elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "victim").write_bytes(b"mine")
    store = tmp_path / "MY"
    store.mkdir()
    (store / "web.key").symlink_to(elsewhere / "victim")
    files.write_own(str(store), "web.key", b"secret")
    assert (elsewhere / "victim").read_bytes() == b"mine"
    assert not (store / "web.key").is_symlink()
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(SslbindError, match="cannot be written"):
        files.write_own(str(tmp_path / "link"), "web.key", b"secret")
    assert [one.name for one in elsewhere.iterdir()] == ["victim"]


@posix
def test_a_dangling_gitignore_is_not_followed(tmp_path: Path) -> None:
    """No file appears where the link points; git would not follow it, so it is replaced."""
    (tmp_path / ".gitignore").symlink_to(tmp_path / "nowhere")
    assert files.ignore_keys(str(tmp_path))
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / ".gitignore").is_symlink()
    assert not files.ignore_keys(str(tmp_path))


def test_a_new_file_replaces_none(tmp_path: Path) -> None:
    """One that an editor made since we looked is kept."""
    path = tmp_path / "new.toml"
    path.write_text("theirs")
    with pytest.raises(SslbindError, match="was changed by another program in the meantime"):
        files.write_file(path, b"ours", new=True)
    assert path.read_text() == "theirs"
    assert [one.name for one in tmp_path.iterdir()] == ["new.toml"]


@posix
def test_a_linked_folder_of_our_own(tmp_path: Path) -> None:
    """A folder of keys may be a link of the user's own: its .gitignore goes where it leads."""
    (tmp_path / "real").mkdir()
    (tmp_path / "certs").symlink_to("real")
    assert files.ignore_keys(str(tmp_path / "certs"))
    assert (tmp_path / "real" / ".gitignore").read_bytes() == files.IGNORED


def test_git_ignores_keys_and_what_killed_writers_leave(tmp_path: Path) -> None:
    """Git itself says so."""
    assert files.ignore_keys(str(tmp_path))
    names = ["a.key", "a.pfx", "A.PFX", "a.p12", ".a.key.part.1.0a1b2c3d", ".lock", ".a.pem.lock"]
    for name in [*names, "a.pem"]:
        (tmp_path / name).touch()
    git = needs("git")
    subprocess.run([git, "init", "-q", str(tmp_path)], check=True)
    seen = subprocess.run(
        [git, "-C", str(tmp_path), "status", "--porcelain", "-uall"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout == "?? .gitignore\n?? a.pem\n"


@posix
@pytest.mark.parametrize("kind", ["hard", "symbolic"])
def test_a_lock_file_that_is_a_link_is_never_written(tmp_path: Path, kind: str) -> None:
    """A link that somebody prepared does not redirect a write."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "file").touch()
    lock = tmp_path / ".file.lock"
    if kind == "hard":
        os.link(victim, lock)
    else:
        lock.symlink_to(victim)
    with pytest.raises(SslbindError, match="cannot be locked"), locks.locked(tmp_path / "file"):
        pass
    assert victim.read_bytes() == b"mine"


def test_a_folder_is_locked_by_a_file_in_it(tmp_path: Path) -> None:
    """The second process to ask is told who holds it; the lock file is removed in the end."""
    with locks.locked(tmp_path):
        with (
            pytest.raises(SslbindError, match=rf"has been locked by process {os.getpid()} for"),
            locks.locked(tmp_path, timeout=0.05),
        ):
            pass
        assert [one.name for one in tmp_path.iterdir()] == [".lock"]
    assert list(tmp_path.iterdir()) == []


@root
def test_a_cache_that_others_can_write_is_not_used(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither trusted nor written, whoever made the folder or the file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared))
    folder = cache.cache_folder()
    assert folder is not None
    forge = "os.makedirs(sys.argv[1]); open(sys.argv[1] + '/entry', 'wb').write(b'forged')"
    assert as_nobody(forge, folder) == ""
    cache.remember("entry", b"ours")
    assert cache.recall("entry") is None
    assert Path(folder, "entry").read_bytes() == b"forged"
    for made in (Path(folder).parent, Path(folder)):
        os.chown(made, 0, 0)
    assert cache.recall("entry") is None  # the file is still another's
    cache.remember("entry", b"ours")
    assert cache.recall("entry") == b"ours"
    Path(folder).chmod(0o777)
    assert cache.recall("entry") is None


@posix
def test_a_link_in_the_cache_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that is a link is replaced, and its target stays."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache.remember("entry", b"ours")
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    entry = Path(str(cache.cache_folder()), "entry")
    entry.unlink()
    entry.symlink_to(victim)
    assert cache.recall("entry") is None
    cache.remember("entry", b"ours")
    assert (victim.read_bytes(), cache.recall("entry")) == (b"mine", b"ours")


@pytest.mark.parametrize(
    "words",
    [
        ["export", "netsh-script", "-o", "out/file"],
        ["export", "haproxy", "-o", "out"],
        ["expiry", "--format", "json", "-o", "out/file"],
        ["report", "-o", "out/file.html"],
    ],
    ids=lambda words: words[1] if words[0] == "export" else words[0],
)
def test_outputs_remove_what_killed_writers_left(
    run: Run, registry: Path, words: list[str]
) -> None:
    """Whatever folder a file is written into, and whichever process was killed there."""
    assert run("store", "new", "--dns", "www.contoso.com").code == 0
    (key,) = registry.parent.glob("certs/MY/*.key")
    line = ["0.0.0.0:443", f"certhash={key.stem}", "certstorename=MY", "appid=iis"]
    assert run("add", "sslcert", *line).code == 0
    out = registry.parent / "out"
    out.mkdir()
    (out / ".other.part.4711.0a1b2c3d").write_bytes(b"-----BEGIN PRIVATE KEY-----")
    result = run(*words)
    assert result.code == 0, result.err
    assert not [path.name for path in out.iterdir() if ".part." in path.name]
