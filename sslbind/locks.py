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

from sslbind.errors import SslbindError, reason
from sslbind.folders import AT_ONCE, PRIVATE_FILE, READ, Folder

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
    with contextlib.ExitStack() as stack:
        try:
            if os.path.isdir(path):
                where, lock, target = Folder(os.fspath(path)), ".lock", None
            else:
                where, target = Folder.of(os.fspath(path))
                lock = f".{target}.lock"
            stack.enter_context(where)
            handle = _wait(where, lock, target, timeout)
        except (OSError, ValueError) as error:
            raise SslbindError(
                f"cannot be locked: {reason(error)}",
                "a writer needs a lock file in the same folder",
                file=path,
            ) from None
        if handle is None:
            raise SslbindError(
                f"has been locked by {_holder(where, lock)} for more than {timeout:.0f} seconds",
                "wait for it to end, or end it, and try again",
                file=path,
            )
        try:
            _sign(handle)
            yield
        finally:
            _release(handle, where, lock)


def _sign(handle: int) -> None:
    """Write into our lock file who holds it; one that somebody else made stays as it is."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32" or os.fstat(handle).st_uid == os.geteuid():
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, f"process {os.getpid()}\n".encode())


def _wait(where: Folder, lock: str, target: str | None, timeout: float) -> int | None:
    """Return the open lock file, None if another process does not release it; raise OSError.

    Locks are not given in the order of requests. So who waits longer than ``timeout`` goes on
    if the holder is not the one of half that time ago: others make progress.
    """
    deadline = time.monotonic() + timeout / 2
    refused, holder = 0, ""
    while True:
        try:
            handle = _take_lock(where, lock, target)
        except PermissionError:
            refused += 1
            if sys.platform != "win32" or refused > _REFUSALS:
                raise
        else:
            if handle is not None:
                return handle
            refused = 0
        if time.monotonic() > deadline:
            before, holder = holder, _holder(where, lock)
            if before == holder:
                return None
            deadline += timeout / 2
        time.sleep(0.005 + os.urandom(1)[0] / 12800)  # waiters must not retry in step


def _holder(where: Folder, lock: str) -> str:
    try:
        with open(where.open(lock, READ | AT_ONCE), encoding="ascii", errors="replace") as file:
            return file.readline(100).strip() or "another process"
    except OSError:
        return "another process"


if sys.platform == "win32":
    _IN_USE = 32  # ERROR_SHARING_VIOLATION

    def _take_lock(where: Folder, lock: str, target: str | None) -> int | None:  # noqa: ARG001
        """Return the new lock file, open, None if another process has it open; raise OSError.

        Windows does not delete an open file: one that can be deleted was left by a dead
        process. Neither the lock file nor ``target`` is opened while another process holds
        the lock: the holder could then neither delete the one nor replace the other.
        """
        try:
            where.unlink(lock)
        except FileNotFoundError:
            pass
        except PermissionError as error:
            if error.winerror != _IN_USE:
                raise
            return None
        try:
            return where.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return None

    def _release(handle: int, where: Folder, lock: str) -> None:
        """Close the lock file, which lets others delete it, and delete it."""
        os.close(handle)
        with contextlib.suppress(OSError):
            where.unlink(lock)
else:
    import fcntl

    def _take_lock(where: Folder, lock: str, target: str | None) -> int | None:
        """Return the open lock file, None if another process holds it; raise OSError.

        Anyone who may read ``target`` may wait for its lock, and one left by another user
        can be locked without writing to it.
        """
        mode = PRIVATE_FILE
        if target is not None:
            status = where.status(target)
            if status is not None:
                mode = stat.S_IMODE(status.st_mode) & 0o666
        try:
            handle = where.open(lock, os.O_RDWR | os.O_CREAT | AT_ONCE, mode | PRIVATE_FILE)
        except PermissionError:
            if where.status(lock) is None:
                raise
            handle = where.open(lock, READ | AT_ONCE)
        try:
            if _try_lock(handle) and _same_file(handle, where, lock):
                _refuse_foreign(handle, lock)
                return handle
        except BaseException:  # a signal, too, leaves no open handle
            os.close(handle)
            raise
        os.close(handle)
        return None

    def _release(handle: int, where: Folder, lock: str) -> None:
        """Unlink the lock file while it is held: a waiter sees another file and starts over."""
        with contextlib.suppress(OSError):
            where.unlink(lock)
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
            raise OSError(0, f"{lock} is not a lock file of its own: remove it")

    def _same_file(handle: int, where: Folder, lock: str) -> bool:
        status = where.status(lock)
        return status is not None and os.path.samestat(os.fstat(handle), status)
