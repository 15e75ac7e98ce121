"""This machine: Windows' own netsh and PowerShell, elsewhere the programs of that name on PATH."""

from __future__ import annotations

import os
import shutil

from sslbind.errors import SslbindError
from sslbind.transports.powershell import ARGUMENTS
from sslbind.transports.process import run_process
from sslbind.transports.transport import Program, Ran, UnreachableError


class LocalTransport:
    """Runs the programs here. On Windows by their full path: the working folder may hold others."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        found = {one for one in Program if shutil.which(_ARGV[one][0]) is not None}
        self.programs = frozenset({Program.NETSH, *found})

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Run ``program``; see ``Transport``."""
        try:
            return run_process(_ARGV[program], script, self.timeout)
        except SslbindError as error:
            hint = "this machine has no netsh: use @NAME for another one"
            raise UnreachableError(error.message, hint) from None

    def close(self) -> None:
        """Do nothing: no connection is kept open."""


def _system(path: str) -> str:
    """Return the full path of a program of Windows, elsewhere its name."""
    folder = os.path.join(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32")
    return os.path.join(folder, path) if os.name == "nt" else _name(path)


def _name(path: str) -> str:
    return path.rpartition("\\")[2].removesuffix(".exe")


_ARGV = {
    Program.NETSH: (_system("netsh.exe"),),
    Program.POWERSHELL: (_system("WindowsPowerShell\\v1.0\\powershell.exe"), *ARGUMENTS),
}
