"""The standard streams: ``-``, and whether there is a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from sslbind.certificates.deferral import deferring
from sslbind.errors import SslbindError, reason
from sslbind.files import read_file

STANDARD_INPUT = "-"
"""The name of standard input where a file is expected."""


def is_server(path: str) -> bool:
    """Whether ``path`` names servers, as ``@web01`` does; a file of that name is ``./@web01``."""
    return path.startswith("@")


def shown_name(path: str) -> str:
    """Return the name of a file in messages."""
    return "standard input" if path == STANDARD_INPUT else path


_kept: list[tuple[TextIO, bytes]] = []
"""What an attempt has read from standard input, in case it is repeated."""


def _read_again() -> bytes:
    """Return the inputs that the first attempt of this command read, in order."""
    if deferring():
        return b""
    ours = [data for stream, data in _kept if stream is sys.stdin]
    _kept[:] = [(sys.stdin, data) for data in ours[1:]]
    return ours[0] if ours else b""


def read_input(path: str, limit: int, *, may_be_empty: bool = False) -> bytes:
    """Return the bytes of the file at ``path``, or of standard input for ``-``.

    Raises SslbindError if it cannot be read or is larger than ``limit`` bytes, and for
    standard input that is closed or empty.
    """
    if path != STANDARD_INPUT:
        return read_file(path, limit)
    if sys.stdin is None:
        raise SslbindError("is closed", file=shown_name(path))
    try:
        data = _read_again() or sys.stdin.buffer.read(limit + 1)
    except (OSError, ValueError) as error:
        raise SslbindError(f"cannot be read: {reason(error)}", file=shown_name(path)) from None
    if deferring():
        _kept.append((sys.stdin, data))
    if not data and not may_be_empty:
        raise SslbindError(
            "is empty", "pipe a file into it, and use '-' only once", file=shown_name(path)
        )
    if len(data) > limit:
        raise SslbindError(f"is larger than {limit} bytes", file=shown_name(path))
    return data


def is_terminal(stream: TextIO | None) -> bool:
    """Whether ``stream`` is a terminal that a person can use.

    On Windows ``isatty`` calls NUL a terminal too; only a console has a console mode
    (GetConsoleMode).
    """
    if stream is None or stream.closed or not stream.isatty():
        return False
    return sys.platform != "win32" or _console_mode(stream) is not None


def takes_colour(stream: TextIO) -> bool:
    """Whether escape sequences become colours on ``stream``: on a terminal without NO_COLOR.

    A Windows console is switched to accept them; before Windows 10 none can be.
    """
    if os.environ.get("NO_COLOR") or not is_terminal(stream):
        return False
    return sys.platform != "win32" or _takes_escapes(stream)


if sys.platform == "win32":
    _VIRTUAL_TERMINAL = 0x0004
    """ENABLE_VIRTUAL_TERMINAL_PROCESSING of SetConsoleMode."""

    def _console_mode(stream: TextIO) -> int | None:
        """Return the mode of a console, None for anything else."""
        import ctypes
        import msvcrt

        mode = ctypes.c_ulong()
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
        known = ctypes.windll.kernel32.GetConsoleMode(handle, ctypes.byref(mode))
        return mode.value if known else None

    def _takes_escapes(stream: TextIO) -> bool:
        import ctypes
        import msvcrt

        mode = _console_mode(stream) or 0
        handle = ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
        return bool(
            mode & _VIRTUAL_TERMINAL
            or ctypes.windll.kernel32.SetConsoleMode(handle, mode | _VIRTUAL_TERMINAL)
        )


def complain(text: str) -> None:
    """Write a line to standard error; a failure to write does not change the exit code."""
    try:
        sys.stderr.write(f"{text}\n")
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Stop all output to a stream that failed: Python would try again at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
