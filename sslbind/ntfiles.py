"""Where Windows files are different: files in use are refused, and change times are separate.

A file that was opened as Python, and most programs, open it can neither be deleted nor
replaced nor renamed until it is closed; while it is being replaced it cannot be opened
(CreateFile, sharing modes).
"""

from __future__ import annotations

import errno
import functools
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import ctypes

_OTHERS_READ = 10.0
"""Seconds that a writer waits until others have closed the file."""
_OTHERS_RENAME = 2.0
"""Seconds that a reader waits for a file that is just being replaced."""
_T = TypeVar("_T")


def open_to_read(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file, once it is not being replaced; raise OSError."""
    try:
        return _patiently(
            lambda: os.open(path, flags), lambda: os.path.isfile(path), _OTHERS_RENAME
        )
    except PermissionError:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path) from None
        raise


def replace_in_use(
    source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
) -> None:
    """Rename ``source`` to ``target``, once nobody has that open; raise OSError."""
    _patiently(
        lambda: os.replace(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd),
        lambda: os.access(target, os.W_OK),
        _OTHERS_READ,
    )


def unlink_in_use(path: str, *, dir_fd: int | None = None) -> None:
    """Delete a file, once nobody has it open; raise OSError."""
    _patiently(
        lambda: os.unlink(path, dir_fd=dir_fd), lambda: os.access(path, os.W_OK), _OTHERS_READ
    )


def _patiently(act: Callable[[], _T], worth_it: Callable[[], bool], seconds: float) -> _T:
    """Return what ``act`` does; for ``seconds`` try again while it is refused and ``worth_it``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except PermissionError:
            if time.monotonic() >= deadline or not worth_it():
                raise
        time.sleep(0.01)


def openers(path: str, manager: ctypes.CDLL) -> list[str]:
    """Return the programs that have a file open, such as ``Notepad (process 4711)``.

    ``manager`` is the Restart Manager (``rstrtmgr.dll``), which knows the processes that
    this user may look at. None if there are none, or more than 64.
    """
    import ctypes

    session, needed, reboot = ctypes.c_uint32(), ctypes.c_uint32(), ctypes.c_uint32()
    if manager.RmStartSession(ctypes.byref(session), 0, ctypes.create_unicode_buffer(33)):
        return []
    # RM_PROCESS_INFO: a process, its start in two words, a name of 256 characters, and more.
    rows = (ctypes.c_uint32 * 167 * 64)()
    count = ctypes.c_uint32(len(rows))
    files = (ctypes.c_wchar_p * 1)(path)
    asked = ctypes.byref(needed), ctypes.byref(count), rows, ctypes.byref(reboot)
    try:
        if manager.RmRegisterResources(session, 1, files, 0, None, 0, None):
            return []
        if manager.RmGetList(session, *asked):
            return []
    finally:
        manager.RmEndSession(session)
    found = []
    for row in rows[: count.value]:
        name, _, _ = bytes(row)[12:524].decode("utf-16-le", "replace").partition("\0")
        found.append(f"{name} (process {row[0]})")
    return found


def say_in_use(done: str, found: Sequence[str]) -> tuple[str, str]:
    """Return that a file cannot be ``done``, as the programs ``found`` have it open, and a hint."""
    who, hint = "another program has", f"close it there; {_FINDER} finds that program"
    if found:
        from sslbind.wording import some

        who = f"{some(found, 3)} {'has' if len(found) == 1 else 'have'}"
        hint = "close it there, and try again"
    does = {"written": "replace", "deleted": "delete"}[done]
    return f"cannot be {done}: {who} it open, and Windows does not {does} an open file", hint


_FINDER = "Resource Monitor (CPU, Associated Handles)"


if sys.platform == "win32":

    @functools.cache
    def _kernel() -> ctypes.WinDLL:
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateFileW.restype = kernel.OpenProcess.restype = ctypes.c_void_p
        return kernel

    def change_time(path: str) -> int:
        """Return when data or attributes of a file last changed, in nanoseconds since 1970.

        Programs set the other times at will, but not this one. Zero if the file
        system has none. Raises OSError.
        """
        import ctypes

        kernel = _kernel()
        attributes, every_use, existing, folders_too = 0x80, 7, 3, 0x02000000
        handle = ctypes.c_void_p(
            kernel.CreateFileW(path, attributes, every_use, None, existing, folders_too, None)
        )
        if handle.value == ctypes.c_void_p(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        try:
            # FILE_BASIC_INFO: created, accessed, written, changed in 100 ns since 1601; attributes.
            basic = (ctypes.c_int64 * 5)()
            known = kernel.GetFileInformationByHandleEx(handle, 0, basic, ctypes.sizeof(basic))
            return (basic[3] - 116_444_736_000_000_000) * 100 if known and basic[3] else 0
        finally:
            kernel.CloseHandle(handle)

    def is_in_use(error: OSError) -> bool:
        """Whether ``error``, of a file to be replaced or deleted, says that it is open somewhere.

        A rename is refused as any forbidden one is, but only after a file could be made there.
        """
        sharing_violation = 32
        renamed = isinstance(error, PermissionError) and error.filename2 is not None
        return renamed or error.winerror == sharing_violation

    def in_use(done: str, path: str | os.PathLike[str]) -> tuple[str, str]:
        """Return that ``path``, which is open, cannot be ``done``, and a hint."""
        import ctypes

        try:
            found = openers(os.path.realpath(path), ctypes.WinDLL("rstrtmgr"))
        except OSError:  # a Windows without it
            found = []
        return say_in_use(done, found)

    def lives(process: int) -> bool:
        """Whether the process of that number is running."""
        import ctypes

        kernel = _kernel()
        limited = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION
        handle = ctypes.c_void_p(kernel.OpenProcess(limited, 0, process))
        if not handle:
            return ctypes.get_last_error() == 5  # ERROR_ACCESS_DENIED: another user's
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return code.value == 259  # STILL_ACTIVE
