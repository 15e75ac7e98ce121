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
"""This many refusals in a row take two seconds or more: the file is not just being deleted."""


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
            f"has been locked by {_holder(lock)} for more than {timeout:.0f} seconds",
            "wait for it to end, or end it, and try again",
            file=path,
        )
    try:
        with contextlib.suppress(OSError):
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, f"process {os.getpid()}\n".encode())
        yield
    finally:
        _release(handle, lock)


def _wait(lock: str, target: str | None, timeout: float) -> int | None:
    """Return the open lock file, None if another process held it all the time; raise OSError."""
    deadline = time.monotonic() + timeout
    refused = 0
    while True:
        try:
            handle = _take_lock(lock, target)
        except PermissionError:
            refused += 1
            if sys.platform != "win32" or refused > _REFUSALS:
                raise
        else:
            if handle is not None:
                return handle
            refused = 0
        if time.monotonic() > deadline:
            return None
        time.sleep(0.005 + os.urandom(1)[0] / 12800)  # waiters must not retry in step


def _holder(lock: str) -> str:
    try:
        with open(lock, encoding="ascii", errors="replace") as file:
            return file.readline(100).strip() or "another process"
    except OSError:
        return "another process"


if sys.platform == "win32":
    _IN_USE = 32  # ERROR_SHARING_VIOLATION

    def _take_lock(lock: str, target: str | None) -> int | None:  # noqa: ARG001
        """Return the new lock file, open, None if another process has it open; raise OSError.

        Windows does not delete an open file: one that can be deleted was left by a dead
        process. Neither the lock file nor ``target`` is opened while another process holds
        the lock: the holder could then neither delete the one nor replace the other.
        """
        try:
            os.unlink(lock)
        except FileNotFoundError:
            pass
        except PermissionError as error:
            if error.winerror != _IN_USE:
                raise
            return None
        try:
            return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return None

    def _release(handle: int, lock: str) -> None:
        """Close the lock file, which lets others delete it, and delete it."""
        os.close(handle)
        with contextlib.suppress(OSError):
            os.unlink(lock)
else:
    import fcntl

    def _take_lock(lock: str, target: str | None) -> int | None:
        """Return the open lock file, None if another process holds it; raise OSError.

        Anyone who may read ``target`` may wait for its lock, and one left by another user
        can be locked without writing to it.
        """
        flags = os.O_NOFOLLOW | os.O_NONBLOCK
        mode = PRIVATE_FILE
        if target is not None:
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

    def _release(handle: int, lock: str) -> None:
        """Unlink the lock file while it is held: a waiter sees another file and starts over."""
        with contextlib.suppress(OSError):
            os.unlink(lock)
        os.close(handle)

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _refuse_foreign(handle: int, lock: str) -> None:
        """Raise OSError for what is not a lock file of ours: we write into it."""
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise OSError(0, f"{os.path.basename(lock)} is not a lock file of its own: remove it")

    def _same_file(handle: int, path: str) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(path))
        except OSError:
            return False
