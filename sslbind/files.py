"""Files: read up to a size limit, and replaced whole, so that no reader sees half a file.

Not a library, because the existing ones take half the start-up time of the
command line, and none of them keeps ACLs or works inside a folder that
another user may be changing.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Iterator
from io import FileIO

from sslbind.devices import DEVICE, is_device
from sslbind.errors import SslbindError, reason
from sslbind.folders import AT_ONCE, PRIVATE_FILE, READ, Folder

changes: deque[str] = deque(maxlen=3)
"""What this process changed last, as "FILE was written": a hint if the answer cannot be printed."""

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_PART = re.compile(r"\..+\.part\.[0-9]+\.[0-9a-f]{8}", re.DOTALL)  # .web.key.part.4711.0a1b2c3d

IGNORED = b"""\
# Private keys, and what a writer leaves that was killed, stay out of git.
*.key
*.pfx
*.PFX
*.p12
.*.part.*
.*.lock
.lock
"""
"""The .gitignore of every folder that receives private keys."""


def read_file(
    path: str | os.PathLike[str], limit: int | None = None, *, regular: bool = False
) -> bytes:
    """Return the bytes of ``path``; raise SslbindError with the system's reason.

    A file larger than ``limit`` bytes is refused, so that a hostile one cannot exhaust
    memory. With ``regular``, pipes and devices, which could block, are refused too.
    """
    _, data = _read(path, limit, regular=regular)
    if data is None:
        raise SslbindError(f"is larger than the limit of {limit} bytes", file=path)
    return data


def read_stamped(path: str, limit: int) -> tuple[list[int], bytes | None]:
    """Return the stamp of a regular file from before it was read, and its bytes.

    They are None for a file of more than ``limit`` bytes. Raises SslbindError with the
    system's reason.
    """
    return _read(path, limit, regular=True, stamped=True)


def _read(
    path: str | os.PathLike[str], limit: int | None, *, regular: bool, stamped: bool = False
) -> tuple[list[int], bytes | None]:
    """Return the stamp of a file, if it is asked for, and the bytes; None for too many."""
    try:
        handle = _open(path, READ | (AT_ONCE if regular else 0))
        try:
            status = os.fstat(handle)
            if regular and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise SslbindError("is not a regular file", file=path)
            stamp = stamp_of(os.fspath(path), status) if stamped else []
            size = status.st_size
            if limit is not None and size > limit and stat.S_ISREG(status.st_mode):
                return stamp, None
            data = os.read(handle, size + 1)
            if len(data) != size:  # a pipe, or a file that changes
                with open(handle, "rb", closefd=False) as rest:
                    data += rest.read() if limit is None else rest.read(limit + 1 - len(data))
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        raise SslbindError(f"cannot be read: {reason(error)}", file=path) from None
    return stamp, data if limit is None or len(data) <= limit else None


def stamp_of(path: str, status: os.stat_result | None = None) -> list[int]:
    """Return values that change whenever the file does: size, times, inode; raise OSError.

    ``status`` is that of the file, if known. On Windows, ctime is the time of creation and
    a folder listing has no inodes, so the file itself is queried.
    """
    if sys.platform == "win32":
        status = os.stat(path)
        return [status.st_size, status.st_mtime_ns, change_time(path), status.st_ino]
    status = status or os.stat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def write_file(
    path: str | os.PathLike[str],
    data: bytes,
    mode: int | None = None,
    *,
    expected: bytes | None = None,
    new: bool = False,
) -> None:
    """Replace the content of ``path`` with ``data``, completely or not at all.

    A symbolic link stays, and its target is written. An existing file keeps its mode,
    group, ACL and extended attributes, and its owner, or at least the owner's access; if
    that is impossible, the write is refused. A new file gets ``mode``, by default what the
    umask leaves. With ``expected`` the file must still have exactly that content, with ``new``
    there must be none. The data are on disk when this returns. Raises SslbindError, and leaves
    the old file intact.
    """
    try:
        where, name = Folder.of(os.fspath(path))
        with where:
            old = where.status(name)
            if old is not None:
                _refuse_odd(old)
            with _part(where, name, mode or 0o666) as (part, file):
                if old is not None:
                    _take_over(where, name, old, file.fileno())
                _fill(file, data)
                if expected is not None and (old is None or where.read(name) != expected):
                    raise _changed(path)
                if new and where.status(name) is not None:
                    raise _changed(path)
                _put_in_place(where, part, file, name)
            changes.append(f"{os.fspath(path)} was written")
            where.sync(os.fspath(path))
    except (OSError, ValueError) as error:
        raise _unwritten(error, path) from None
    except SslbindError as error:
        raise SslbindError(error.message, *error.hints, file=error.file or path) from None


def write_output(path: str | os.PathLike[str], data: bytes) -> None:
    """Do what ``write_file`` does, for a file that the user names.

    Temporary files of killed writers in its folder are removed. A device of Windows is
    refused on every system, because a folder may be shared.
    """
    if is_device(os.path.basename(path)):
        raise SslbindError(DEVICE, "choose another name", file=path)
    with contextlib.suppress(OSError, ValueError):
        where, _ = Folder.of(os.fspath(path))
        _remove_leftovers(where)
    write_file(path, data)


def write_own(  # noqa: PLR0913  # what is written, and how
    folder: str,
    name: str,
    data: bytes,
    mode: int = PRIVATE_FILE,
    *,
    sync: bool = True,
    follow: bool = False,
) -> None:
    """Write a file that belongs to sslbind alone into ``folder``.

    The folder must not be a link, unless ``follow``. The file always gets ``mode`` (less the
    umask) and the user as owner, whoever owned an older file of that name. Without ``sync`` a
    power failure may undo it. Raises SslbindError, and leaves the old file intact.
    """
    path = os.path.join(folder, name)
    try:
        with Folder(folder, follow=follow) as where:
            write_into(where, name, data, mode, sync=sync)
            if sync:
                changes.append(f"{path} was written")
                where.sync(path)
    except (OSError, ValueError) as error:
        raise _unwritten(error, path) from None


def write_into(
    where: Folder, name: str, data: bytes, mode: int = PRIVATE_FILE, *, sync: bool = True
) -> None:
    """Replace the file ``name`` of an open folder with a new one; raise OSError.

    Without ``sync`` it may be lost in a power failure.
    """
    with _part(where, name, mode) as (part, file):
        _fill(file, data, sync=sync)
        _put_in_place(where, part, file, name)


def delete_own(folder: str, name: str) -> None:
    """Delete a file of a folder that must not be a link; it is gone from the disk, too.

    Does nothing where there is no such file. Raises SslbindError.
    """
    path = os.path.join(folder, name)
    try:
        with Folder(folder, follow=False) as where:
            _delete(where.at(name), dir_fd=where.handle)
            changes.append(f"{path} was deleted")
            where.sync(path, "was deleted, but may be back after a power failure")
    except FileNotFoundError:
        return
    except OSError as error:
        why, *hints = refusal("deleted", error, path)
        raise SslbindError(why, *hints, file=path) from None


def ignore_keys(folder: str) -> bool:
    """Write a .gitignore for private keys into ``folder`` unless it has one; return whether.

    A link is replaced, because git does not follow it. Raises SslbindError if it cannot be
    written.
    """
    if os.path.isfile(path := os.path.join(folder, ".gitignore")) and not os.path.islink(path):
        return False
    remove_leftovers(folder)
    write_own(folder, ".gitignore", IGNORED, 0o666, follow=True)
    return True


def remove_leftovers(folder: str) -> None:
    """Delete the temporary files that killed writers left in ``folder``; skip those in use."""
    with contextlib.suppress(OSError):
        _remove_leftovers(Folder(folder))


def _remove_leftovers(where: Folder) -> None:
    with where:
        for name in filter(_PART.fullmatch, where.names()):
            with contextlib.suppress(OSError):
                _remove_dead(where, name)


def _remove_dead(where: Folder, name: str) -> None:
    """Delete a temporary file unless its writer is alive and so has it locked."""
    status = where.status(name)
    if status is None or not stat.S_ISREG(status.st_mode):
        return
    if sys.platform == "win32":
        # Windows does not delete an open file, and a writer closes its own before the rename.
        if not lives(int(name.split(".")[-2])):
            where.unlink(name)
        return
    handle = where.open(name, READ | AT_ONCE)
    try:
        if _hold(handle, wait=False) and os.path.samestat(os.fstat(handle), status):
            where.unlink(name)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _part(where: Folder, name: str, mode: int) -> Iterator[tuple[str, FileIO]]:
    """Yield a new temporary file of the folder, locked by us; delete it unless it was renamed."""
    while True:
        part = f".{name}.part.{os.getpid()}.{os.urandom(4).hex()}"
        with open(where.open(part, _CREATE, mode), "wb", buffering=0) as file:
            try:
                _hold(file.fileno(), wait=True)
                status = where.status(part)
                if status is None or not os.path.samestat(os.fstat(file.fileno()), status):
                    continue  # removed as a leftover before it was locked
                yield part, file
            except BaseException:  # not even a signal leaves a temporary file behind
                file.close()  # Windows does not delete an open file
                with contextlib.suppress(OSError):
                    where.unlink(part)
                raise
        return


def _fill(file: FileIO, data: bytes, *, sync: bool = True) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    if sync:
        os.fsync(file.fileno())


def _put_in_place(where: Folder, part: str, file: FileIO, name: str) -> None:
    if sys.platform == "win32":  # Windows cannot rename an open file
        file.close()
    there = where.handle
    _replace(where.at(part), where.at(name), src_dir_fd=there, dst_dir_fd=there)


def _refuse_odd(old: os.stat_result) -> None:
    """Raise SslbindError for anything that cannot safely be replaced with a file."""
    if not stat.S_ISREG(old.st_mode):
        raise SslbindError("is not a regular file, and writing would replace it with one")
    if old.st_nlink > 1:
        raise SslbindError(
            f"has {old.st_nlink} hard links, which replacing the file would break",
            "make the other names symbolic links to it",
        )


def _take_over(where: Folder, name: str, old: os.stat_result, handle: int) -> None:
    """Give the open file ``handle`` the mode, group, owner and attributes that ``name`` has."""
    if sys.platform == "win32":
        return
    new = os.fstat(handle)
    if old.st_gid != new.st_gid:
        try:
            os.fchown(handle, -1, old.st_gid)
        except PermissionError:
            if old.st_mode >> 3 & 6 & ~old.st_mode:  # the group has permissions that others do not
                raise SslbindError(
                    f"belongs to the group {old.st_gid}, which you cannot give to a new file",
                    "run the command as the owner of the file, or as a member of the group",
                ) from None
    if old.st_uid != new.st_uid:
        try:
            os.fchown(handle, old.st_uid, -1)
        except PermissionError:
            _keep_access(old)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
    if sys.platform == "linux":
        _take_attributes(where, name, handle)


def _keep_access(old: os.stat_result) -> None:
    """Raise SslbindError if the owner of ``old`` would lose access to a new file."""
    import grp
    import pwd

    mode = stat.S_IMODE(old.st_mode)
    rest = mode & 6
    with contextlib.suppress(KeyError):
        owner = pwd.getpwuid(old.st_uid)
        members = grp.getgrgid(old.st_gid).gr_mem
        if owner.pw_gid == old.st_gid or owner.pw_name in members:
            rest = mode >> 3 & 6
    if mode >> 6 & 6 & ~rest:
        raise SslbindError(
            f"belongs to user {old.st_uid}, who would lose access to it once you own it",
            "let the owner run the command, or chmod g+rw the file if you are both in its group",
        )


def _take_attributes(where: Folder, name: str, handle: int) -> None:
    """Copy the extended attributes, including the ACL; raise SslbindError if one is refused."""
    acl = "system.posix_acl_access"
    try:
        source = where.open(name, READ | AT_ONCE)
    except PermissionError:  # writable but not readable: its attributes cannot be read
        return
    try:
        wanted = {one: os.getxattr(source, one) for one in os.listxattr(source)}
        if acl not in wanted and acl in os.listxattr(handle):  # inherited from the folder
            os.removexattr(handle, acl)
        for attribute, value in wanted.items():
            try:
                os.setxattr(handle, attribute, value)
            except OSError as error:
                if not attribute.startswith("security."):  # labels follow the system's policy
                    raise SslbindError(
                        f"has the extended attribute {attribute}, which cannot be kept:"
                        f" {reason(error)}"
                    ) from None
    except OSError as error:
        if error.errno != 95:  # ENOTSUP: a file system without attributes
            raise
    finally:
        os.close(source)


def _changed(path: str | os.PathLike[str]) -> SslbindError:
    return SslbindError(
        "was changed by another program in the meantime; it was not written",
        "run the command again",
        file=path,
    )


def refusal(done: str, error: Exception, path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return why ``path`` could not be ``done`` ("written", "deleted"), and hints if any help.

    On Windows who has it open is said, where the system knows it.
    """
    if sys.platform == "win32" and isinstance(error, OSError) and is_in_use(error):
        return in_use(done, path)
    return (f"cannot be {done}: {reason(error)}",)


def _unwritten(error: Exception, path: str | os.PathLike[str]) -> SslbindError:
    why, *hints = refusal("written", error, path)
    if hints:
        return SslbindError(why, *hints, file=path)
    folder = os.path.dirname(path)
    hint = "the file is unchanged"
    if folder and not os.path.isdir(folder):
        hint = f"there is no folder {os.fspath(folder)}: create it first"
    return SslbindError(why, hint, file=path)


if sys.platform == "win32":
    from sslbind.ntfiles import (
        change_time,
        in_use,
        is_in_use,
        lives,
        open_to_read,
        replace_in_use,
        unlink_in_use,
    )

    _open, _replace, _delete = open_to_read, replace_in_use, unlink_in_use

    def _hold(handle: int, *, wait: bool) -> bool:  # noqa: ARG001
        return True  # the file is already open
else:
    import fcntl

    _open, _replace, _delete = os.open, os.replace, os.unlink

    def _hold(handle: int, *, wait: bool) -> bool:
        """Lock an open file; return whether it is locked. Returns ``wait`` without locks."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError:
            return wait
        return True
