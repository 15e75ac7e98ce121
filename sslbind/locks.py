"""Locks between processes: one writer at a time for a file, or for all that a folder holds.

Forty lines of our own, because filelock imports asyncio, which costs half a
start of the command line.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator

from sslbind.errors import SslbindError
from sslbind.files import PRIVATE_FILE, reason

LOCK_TIMEOUT = 60.0
"""Seconds that a writer waits for another before it gives up."""
_REFUSALS = 200
"""Windows refuses a file that its holder is just deleting; a folder that refuses, refuses on."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            # A byte far after the text, so that the holder's name stays readable.
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


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Hold the lock of a file (``.NAME.lock`` beside the real file) or folder (``.lock`` in it).

    The system drops it when the holder dies. Raises SslbindError, which names
    the holder, after ``timeout`` seconds.
    """
    try:
        target = os.path.realpath(path)
        folder, name = os.path.split(target)
        inside = os.path.isdir(target)
        lock = os.path.join(target, ".lock") if inside else os.path.join(folder, f".{name}.lock")
        handle = _wait(lock, None if inside else target, timeout)
    except (OSError, ValueError) as error:
        raise SslbindError(
            f"cannot be locked: {reason(error)}",
            "a writer needs a lock file in the same folder",
            file=path,
        ) from None
    if handle is None:
        raise SslbindError(
            f"is locked by {_holder(lock)} for more than {timeout:.0f} seconds",
            "wait for it to end, or end it, and try again",
            file=path,
        )
    try:
        with contextlib.suppress(OSError):
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, f"process {os.getpid()}\n".encode())
        yield
    finally:
        # Unlinked while it is held: whoever waits sees another file and starts over. Windows
        # unlinks no open file: closed first, and left to a waiter that has it open by then.
        if sys.platform == "win32":
            os.close(handle)
        with contextlib.suppress(OSError):
            os.unlink(lock)
        if sys.platform != "win32":
            os.close(handle)


def _wait(lock: str, target: str | None, timeout: float) -> int | None:
    """Return the open lock file, None where another process held it all the time; raise OSError."""
    deadline = time.monotonic() + timeout
    refused = 0
    while True:
        try:
            handle = _take_lock(lock, target)
        except (PermissionError, FileNotFoundError):
            refused += 1
            if os.name != "nt" or refused > _REFUSALS:
                raise
        else:
            if handle is not None:
                return handle
            refused = 0
        if time.monotonic() > deadline:
            return None
        time.sleep(0.005 + os.urandom(1)[0] / 12800)  # waiters must not march in step


def _take_lock(lock: str, target: str | None) -> int | None:
    """Return the open lock file, None where another process holds it; raise OSError.

    Whoever may read ``target`` may wait for its lock, and one that another user
    left behind can be locked without being written.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    mode = PRIVATE_FILE
    if target is not None and sys.platform != "win32":  # a look would keep the writer's rename out
        with contextlib.suppress(OSError):
            mode = stat.S_IMODE(os.stat(target).st_mode) & 0o666
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | flags, mode | PRIVATE_FILE)
    except PermissionError:
        if not os.path.exists(lock):
            raise
        handle = os.open(lock, os.O_RDONLY | flags)
    try:
        if _try_lock(handle) and _same_file(handle, lock):
            _refuse_foreign(handle, lock)
            return handle
    except BaseException:  # a signal, too, leaves no open handle
        os.close(handle)
        raise
    os.close(handle)
    return None


def _refuse_foreign(handle: int, lock: str) -> None:
    """Raise OSError for what is not a lock file of ours: the holder's name is written into it."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        raise OSError(0, f"{os.path.basename(lock)} is not a lock file of its own: remove it")


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
