"""How the two programs are run: a line in, their standard output and exit code out."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import NamedTuple

from sslbind.grammar import split_line

TIMEOUT = 120
"""Seconds that one line may take."""


_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class CannotRunError(Exception):
    """Why the test cannot be run or finished, in a sentence."""


class Answer(NamedTuple):
    """What a program answered: its standard output with ``\\n`` line ends, and its exit code.

    ``errors`` is its standard error, which is reported and never compared.
    """

    output: str
    code: int
    errors: str = ""


class Program:
    """A program that takes netsh's lines.

    ``prefix`` is the program with the options that come before each line.
    ``encoding`` is the one that it writes, ``variables`` are added to its
    environment.
    """

    def __init__(
        self,
        prefix: list[str],
        encoding: str = "utf-8",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.prefix = prefix
        self.encoding = encoding
        self.environment = {**os.environ, **(variables or {})}

    def run(self, line: str) -> Answer:
        """Carry out ``line``, as a person types it after the program's name."""
        return self._run(self._command(line), line)

    def feed(self, lines: str, *words: str) -> Answer:
        """Run the program with ``words`` and ``lines`` in a pipe, and without a console."""
        return self._run([*self.prefix, *words], lines, lines.encode(self.encoding))

    def _run(self, command: str | list[str], asked: str, piped: bytes | None = None) -> Answer:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL if piped is None else None,
                input=piped,
                capture_output=True,
                env=self.environment,
                timeout=TIMEOUT,
                check=False,
                creationflags=0 if piped is None else _NO_WINDOW,
            )
        except OSError as error:
            raise CannotRunError(f"{self.prefix[0]} cannot be started: {error}") from None
        except subprocess.TimeoutExpired:
            raise CannotRunError(
                f"{self.prefix[0]} did not end within {TIMEOUT} seconds: {asked}"
            ) from None
        return Answer(self._text(done.stdout), done.returncode, self._text(done.stderr))

    def _command(self, line: str) -> str | list[str]:
        """Return the line for the system: on Windows word for word, quotes and all."""
        if sys.platform == "win32":
            return f"{subprocess.list2cmdline(self.prefix)} {line}"
        else:  # noqa: RET505  # for mypy, to which one of the two is never reached
            return [*self.prefix, *split_line(line)]

    def _text(self, data: bytes) -> str:
        """Return what was written; nothing is normalised but line ends."""
        return re.sub(r"\r+\n", "\n", data.decode(self.encoding, errors="backslashreplace"))


def windows_netsh() -> Program:
    """Return this machine's netsh; on other systems there is none, and CannotRunError says so."""
    if sys.platform == "win32":
        page = ctypes.windll.kernel32.GetConsoleOutputCP() or ctypes.windll.kernel32.GetOEMCP()
        encoding = "utf-8" if page == 65001 else f"cp{page}"
        return Program([os.path.join(os.environ["SYSTEMROOT"], "System32", "netsh.exe")], encoding)
    raise CannotRunError(
        "this is not Windows: run it there, in an elevated prompt, or name a stand-in"
        " with --netsh PROGRAM"
    )


def powershell(script: str, variables: Mapping[str, str] | None = None) -> list[str]:
    """Run ``script`` in Windows PowerShell; return the lines that it writes.

    Raises CannotRunError if it fails. Secrets go by ``variables``, never by
    the command line.
    """
    try:
        done = subprocess.run(
            powershell_command(script),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**powershell_environment(), **(variables or {})},
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotRunError(f"PowerShell cannot be run: {error}") from None
    if done.returncode:
        told = (done.stderr or done.stdout).decode(errors="backslashreplace").strip()
        raise CannotRunError(f"PowerShell failed: {told}")
    return done.stdout.decode(errors="backslashreplace").split()


def powershell_environment() -> dict[str, str]:
    """Return the environment without PowerShell 7's modules, which Windows PowerShell cannot load.

    They are inherited where a prompt of PowerShell 7 started this process.
    """
    return {name: text for name, text in os.environ.items() if name.upper() != "PSMODULEPATH"}


def powershell_command(script: str) -> list[str]:
    """Return the command that runs ``script``, with errors that end it."""
    folder = os.path.join(os.environ.get("SYSTEMROOT", ""), "System32")
    program = os.path.join(folder, "WindowsPowerShell", "v1.0", "powershell.exe")
    quiet = "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; "
    options = ["-NoLogo", "-NoProfile", "-NonInteractive"]
    return [program, *options, "-Command", quiet + script]
