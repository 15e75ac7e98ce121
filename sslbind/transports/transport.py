"""The seam between sslbind and a server: a program there, its standard input, what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

from sslbind.errors import SslbindError

MAX_ANSWER = 64 << 20
"""Bytes of an answer; a server that sends more is cut off, so that it cannot fill the memory."""


class Program(StrEnum):
    """What is started on a server. Its command line is fixed; all values go to standard input."""

    NETSH = "netsh"
    """netsh without arguments, which takes lines such as ``http show sslcert``."""
    POWERSHELL = "powershell"
    """PowerShell with the bootstrap of ``powershell.py``, which takes what ``compose`` returns."""


class Ran(NamedTuple):
    """What a program answered. ``code`` is None where its time was over: it may still run."""

    output: bytes
    errors: bytes
    code: int | None


class UnreachableError(SslbindError):
    """No connection, or one that broke before the program answered anything.

    After a write nothing is certain: read the server again.
    """


class Transport(Protocol):
    """A way to one server; ``run`` may be called many times, by one thread at a time."""

    programs: frozenset[Program]
    """What it can start."""

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Start ``program`` on the server with ``script`` as its standard input.

        Raises UnreachableError. The exit code of a remote program proves nothing:
        read back what was written.
        """

    def close(self) -> None:
        """Close what is kept open between two runs."""
