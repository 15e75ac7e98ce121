"""What Windows does otherwise with files: it refuses what is in use, and has a change time apart.

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
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import ctypes

IS_OPEN = "another program has it open, and Windows replaces no open file"
OPEN_HINT = "close it there; Resource Monitor finds that program: CPU, Associated Handles"

_OTHERS_READ = 10.0
"""Seconds that a writer waits until readers have closed the file."""
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


if sys.platform == "win32":

    @functools.cache
    def _kernel() -> ctypes.WinDLL:
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateFileW.restype = kernel.OpenProcess.restype = ctypes.c_void_p
        return kernel

    def change_time(path: str) -> int:
        """Return when data or attributes of a file last changed, in nanoseconds since 1970.

        Programs set the other times at will, but not this one. Zero where the file
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
