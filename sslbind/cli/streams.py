"""``-``, standard input, which means the same to every command that reads a file."""

from __future__ import annotations

import sys

from sslbind.errors import SslbindError
from sslbind.files import read_file, reason

STANDARD_INPUT = "-"
"""The name of standard input where a file is expected."""


def is_server(path: str) -> bool:
    """Whether ``path`` names servers, as ``@web01`` does; a file of that name is ``./@web01``."""
    return path.startswith("@")


def shown_name(path: str) -> str:
    """Return the name of a file in messages."""
    return "standard input" if path == STANDARD_INPUT else path


def read_input(path: str, limit: int, *, may_be_empty: bool = False) -> bytes:
    """Return the bytes of the file at ``path``, or of standard input for ``-``.

    Raises SslbindError for what cannot be read or is larger than ``limit``
    bytes, and for standard input that is closed or has nothing.
    """
    if path != STANDARD_INPUT:
        return read_file(path, limit)
    if sys.stdin is None:
        raise SslbindError("is closed", file=shown_name(path))
    try:
        data = sys.stdin.buffer.read(limit + 1)
    except (OSError, ValueError) as error:
        raise SslbindError(f"cannot be read: {reason(error)}", file=shown_name(path)) from None
    if not data and not may_be_empty:
        raise SslbindError(
            "is empty", "pipe a file into it; it can be read only once", file=shown_name(path)
        )
    if len(data) > limit:
        raise SslbindError(f"is larger than {limit} bytes", file=shown_name(path))
    return data
