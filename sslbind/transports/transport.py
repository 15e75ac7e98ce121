"""The interface between sslbind and a server: a program there, its standard input and output."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from sslbind.errors import SslbindError

MAX_ANSWER = 64 << 20
"""Bytes of an answer; a server that sends more is cut off, so that it cannot exhaust memory."""


class Program(StrEnum):
    """The programs on a server. Command lines are fixed; all values go to standard input."""

    NETSH = "netsh"
    """netsh without arguments, which takes lines such as ``http show sslcert``."""
    POWERSHELL = "powershell"
    """PowerShell with the bootstrap of ``powershell.py``, which takes what ``compose`` returns."""


class Ran(NamedTuple):
    """The output of a program. ``code`` is None after a time-out: it may still be running."""

    output: bytes
    errors: bytes
    code: int | None


class UnreachableError(SslbindError):
    """No connection, or one that broke before the program answered anything.

    After a write the state is uncertain: read the server again.
    """


class Transport(Protocol):
    """A way to one server; ``run`` may be called many times, by one thread at a time."""

    programs: frozenset[Program]
    """The programs that it can start."""

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Start ``program`` on the server with ``script`` as its standard input.

        Raises UnreachableError. A remote exit code proves nothing: read back what was
        written.
        """

    def close(self) -> None:
        """Close what is kept open between runs."""
