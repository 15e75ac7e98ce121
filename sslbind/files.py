"""Whole files written at once, and a lock between processes.

Forty lines of our own in place of a library, because the ones that exist cost
half a start of the command line (filelock imports asyncio).
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator

from sslbind.errors import SslbindError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
LOCK_TIMEOUT = 60.0
"""Seconds that a writer waits for another before it gives up."""

_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            # A byte far behind the text, so that the holder's name stays readable.
            os.lseek(handle, 1 << 20, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def read_file(
    path: str | os.PathLike[str], limit: int | None = None, *, regular: bool = False
) -> bytes:
    """Return the bytes of ``path``; raise SslbindError with the system's reason.

    A file larger than ``limit`` bytes is refused, so that a hostile one cannot
    fill the memory. With ``regular`` so is a pipe or device, which could block.
    """
    try:
        handle = os.open(path, _READ | (_AT_ONCE if regular else 0))
        try:
            status = os.fstat(handle)
            if regular and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise SslbindError("is no regular file", file=path)
            size = status.st_size
            data = os.read(handle, (size if limit is None else min(size, limit)) + 1)
            if len(data) != size:  # a pipe, a file that changes, or too large
                with open(handle, "rb", closefd=False) as rest:
                    data += rest.read() if limit is None else rest.read(limit + 1 - len(data))
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        raise SslbindError(f"cannot be read: {reason(error)}", file=path) from None
    if limit is not None and len(data) > limit:
        raise SslbindError(f"is larger than {limit} bytes, more than such a file has", file=path)
    return data


def stamp_of(status: os.stat_result) -> list[int]:
    """Return what changes when the file does: its size, its times, its inode."""
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def reason(error: Exception) -> str:
    """Return why the system refused, as one lower-case phrase without the path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error)


def write_file(path: str | os.PathLike[str], data: bytes, mode: int | None = None) -> None:
    """Replace the content of ``path`` by ``data``, wholly or not at all.

    A symbolic link stays, and its target is written. A file that exists keeps
    its mode and, as far as the user may set it, its owner; a new one gets
    ``mode``, else what the umask leaves. The data are on the disk when this
    returns. Raises SslbindError; the old file is intact then.
    """
    try:
        target = os.path.realpath(path)
        if os.path.exists(target) and not os.path.isfile(target):
            raise SslbindError("is no regular file, and would be replaced by one", file=path)
        part = f"{_part_prefix(target)}{os.getpid()}.{os.urandom(4).hex()}"
        try:
            handle = os.open(
                part,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
                mode or 0o666,
            )
            with open(handle, "wb") as file:
                _take_over(target, handle)
                file.write(data)
                file.flush()
                os.fsync(handle)
            _replace(part, target)
        except BaseException:  # a signal, too, leaves no temporary file
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        _sync_folder(os.path.dirname(target))
    except (OSError, ValueError) as error:
        raise SslbindError(
            f"cannot be written: {reason(error)}",
            "the file is as it was",
            file=path,
        ) from None


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Delete the temporary files that dead writers of ``path`` left; call it under the lock."""
    prefix = _part_prefix(os.path.realpath(path))
    folder, start = os.path.split(prefix)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(start):
                with contextlib.suppress(IsADirectoryError, PermissionError):
                    os.unlink(os.path.join(folder, name))


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Hold the lock of ``path`` (the file ``.NAME.lock`` beside the real file).

    The system drops it when the holder dies. Raises SslbindError, which names
    the holder, after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    try:
        target = os.path.realpath(path)
        lock = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.lock")
        while (handle := _take_lock(lock, target)) is None:
            if time.monotonic() > deadline:
                raise SslbindError(
                    f"is locked by {_holder(lock)} for more than {timeout:.0f} seconds",
                    "wait for it to end, or end it, and try again",
                    file=path,
                )
            time.sleep(0.005 + os.urandom(1)[0] / 12800)  # waiters must not march in step
    except (OSError, ValueError) as error:
        raise SslbindError(
            f"cannot be locked: {reason(error)}",
            "a writer needs a lock file in the same folder",
            file=path,
        ) from None
    try:
        with contextlib.suppress(OSError):
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, f"process {os.getpid()}\n".encode())
        yield
    finally:
        # Unlinked while it is held: whoever waits sees another file and starts over.
        with contextlib.suppress(OSError):
            os.unlink(lock)
        os.close(handle)


def _take_lock(lock: str, target: str) -> int | None:
    """Return the open lock file, None where another process holds it; raise OSError.

    Whoever may read the file may wait for its lock, and one that another user
    left behind can be locked without being written.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        mode = stat.S_IMODE(os.stat(target).st_mode) & 0o666
    except OSError:
        mode = PRIVATE_FILE
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | flags, mode | PRIVATE_FILE)
    except PermissionError:
        if not os.path.exists(lock):
            raise
        handle = os.open(lock, os.O_RDONLY | flags)
    try:
        if _try_lock(handle) and _same_file(handle, lock):
            return handle
    except OSError:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _part_prefix(target: str) -> str:
    return os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.part.")


def _replace(part: str, target: str) -> None:
    """Rename, and on Windows again for a second while a reader has the old file open."""
    for _ in range(100 if sys.platform == "win32" else 0):
        with contextlib.suppress(PermissionError):
            os.replace(part, target)
            return
        time.sleep(0.01)
    os.replace(part, target)


def _take_over(target: str, handle: int) -> None:
    """Give the open file ``handle`` the mode and owner that ``target`` has."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return
    if sys.platform == "win32":
        return
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: str) -> None:
    """Put the new name on the disk too, where the system lets folders be opened."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _same_file(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _holder(lock: str) -> str:
    try:
        with open(lock, encoding="ascii", errors="replace") as file:
            return file.readline(100).strip() or "another process"
    except OSError:
        return "another process"
