"""A server reached by your own program: an argv that takes netsh lines on standard input."""

from __future__ import annotations

from collections.abc import Sequence

from sslbind.errors import SslbindError
from sslbind.transports.process import run_process
from sslbind.transports.transport import Program, Ran, UnreachableError


class CommandTransport:
    """Runs ``argv`` unchanged, in the folder of the targets file, without a shell."""

    programs = frozenset({Program.NETSH})

    def __init__(self, argv: Sequence[str], timeout: float, folder: str | None = None) -> None:
        self.argv = list(argv)
        self.timeout = timeout
        self.folder = folder

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Run the program; see ``Transport``."""
        if program not in self.programs:
            raise SslbindError(f"a command transport cannot start {program}")
        try:
            return run_process(self.argv, script, self.timeout, folder=self.folder)
        except SslbindError as error:
            raise UnreachableError(error.message, *error.hints) from None

    def close(self) -> None:
        """Do nothing: no connection is kept open."""
