"""A server by WinRM: the extra ``sslbind[winrm]``, which brings pypsrp.

Programs run in a WinRS shell with code page UTF-8 requested: pypsrp and Windows default to
437. Standard input is a pipe: by default Windows gives the program a console, on which the
input never ends (WINRS_CONSOLEMODE_STDIN, [MS-WSMV] 3.1.4.11).
https://learn.microsoft.com/openspecs/windows_protocols/ms-wsmv
"""

from __future__ import annotations

import logging
import os
import time
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from sslbind.errors import SslbindError, reason
from sslbind.files import read_file
from sslbind.transports.powershell import ARGUMENTS
from sslbind.transports.transport import MAX_ANSWER, Program, Ran, UnreachableError

if TYPE_CHECKING:
    from sslbind.targets import Target

_UTF8 = 65001
_CONNECT = 15
_POLL = 20
"""Seconds that one request for output stays open on the server."""
_COMMANDS: dict[Program, tuple[str, list[str]]] = {
    Program.NETSH: ("netsh", []),
    Program.POWERSHELL: ("powershell", [*ARGUMENTS]),
}
_LONGEST = 300


class WinrmTransport:
    """Runs programs in a WinRS shell of ``target``, one shell per run.

    Without a password it logs in with the Kerberos ticket, or as the Windows user.
    Raises SslbindError if the password that ``target`` names cannot be read.
    """

    programs = frozenset(Program)

    def __init__(self, target: Target) -> None:
        user, _, self.host = target.host.rpartition("@")
        self.target = target
        self.user = target.user or user or None
        self.password = _password(target)

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Run ``program`` on the server; see ``Transport``."""
        try:
            from pypsrp.exceptions import AuthenticationError, WinRMError
            from pypsrp.wsman import WSMan
        except ImportError:
            raise SslbindError(
                "transport = winrm needs pypsrp, which is not installed",
                "pip install 'sslbind[winrm]'",
            ) from None
        _be_quiet()
        due = time.monotonic() + self.target.timeout
        ran = _Output()
        try:
            with WSMan(
                self.host,
                port=self.target.port,
                username=self.user,
                password=self.password,
                ssl=self.target.https,
                auth=self.target.authentication,
                cert_validation=self.target.ca_file or True,  # type: ignore[arg-type]  # a path too
                connection_timeout=self._at_most(_CONNECT),
                read_timeout=self._at_most(_POLL + 10),
                operation_timeout=self._at_most(_POLL),
            ) as wsman:
                return _run(wsman, script, program, due, ran)
        except AuthenticationError:
            who = self.user or "the current user"
            raise UnreachableError(
                f"{self.host} refuses the login of {who} by {self.target.authentication}",
                "the login is set by user, authentication and password_env or password_file in"
                " the targets file; local accounts need LocalAccountTokenFilterPolicy",
            ) from None
        except (WinRMError, OSError, ValueError, ET.ParseError) as error:
            if ran.output or time.monotonic() >= due:
                return Ran(bytes(ran.output), bytes(ran.errors), None)
            raise self._unreachable(error) from None

    def close(self) -> None:
        """Do nothing: no connection is kept open."""

    def _at_most(self, seconds: int) -> int:
        return max(1, min(int(self.target.timeout), seconds))

    def _unreachable(self, error: Exception) -> UnreachableError:
        """Return the error for what pypsrp raised: the innermost cause has the sentence."""
        cause: BaseException = error
        while cause.__cause__ is not None or cause.__context__ is not None:
            cause = cause.__cause__ or cause.__context__ or cause
        said = reason(cause) if isinstance(cause, OSError) else str(cause)
        text = " ".join(said.split())[:_LONGEST] or type(cause).__name__
        hints: tuple[str, ...] = ()
        if "certificate verify failed" in text.lower():
            hints = ("ca_file = FILE in the targets file sets the trusted roots",)
        return UnreachableError(f"{self.host} cannot be reached by WinRM: {text}", *hints)


def _password(target: Target) -> str | None:
    if target.password_env is not None:
        password = os.environ.get(target.password_env)
        if password is None:
            # The name is not repeated: it may be the password, written in the wrong place.
            raise SslbindError("the environment variable of password_env is not set")
        return password
    if target.password_file is not None:
        data = read_file(target.password_file, 1 << 16)
        return data.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
    return None


class _Output:
    """The output so far, also if an error ends it."""

    def __init__(self) -> None:
        self.output = bytearray()
        self.errors = bytearray()


def _run(wsman: Any, script: bytes, program: Program, due: float, ran: _Output) -> Ran:
    """Start the program in its own shell, send its input, and read until it ends."""
    from pypsrp.shell import CommandState, SignalCode

    with _shell(wsman) as shell:
        id_ = _start(wsman, shell, program)
        # Envelopes are limited, to 150 KiB on the oldest servers; base64 adds a third.
        size = max(1, wsman.max_payload_size * 3 // 4)
        for start in range(0, max(1, len(script)), size):
            end = start + size >= len(script)
            shell.send("stdin", script[start : start + size], command_id=id_, end=end)
        while True:
            left = due - time.monotonic()
            if left <= 0 or len(ran.output) + len(ran.errors) > MAX_ANSWER:
                shell.signal(SignalCode.TERMINATE, id_)
                return Ran(bytes(ran.output), bytes(ran.errors), None)
            state, code, streams = _received(shell, id_, int(max(1, min(left, _POLL))))
            ran.output += streams.get("stdout", b"")
            ran.errors += streams.get("stderr", b"")
            if state == CommandState.DONE:
                shell.signal(SignalCode.TERMINATE, id_)
                return Ran(bytes(ran.output), bytes(ran.errors), code or 0)


def _shell(wsman: Any) -> Any:
    from pypsrp.shell import WinRS

    return WinRS(wsman, codepage=_UTF8)


def _start(wsman: Any, shell: Any, program: Program) -> str:
    """Start the program with a pipe as its standard input, unlike pypsrp's own call."""
    from pypsrp.wsman import NAMESPACES, OptionSet, SelectorSet

    executable, arguments = _COMMANDS[program]
    options = OptionSet()
    options.add_option("WINRS_CONSOLEMODE_STDIN", "FALSE")
    options.add_option("WINRS_SKIP_CMD_SHELL", "FALSE")
    selectors = SelectorSet()
    selectors.add_option("ShellId", shell.id)
    line = ET.Element(f"{{{NAMESPACES['rsp']}}}CommandLine")
    ET.SubElement(line, f"{{{NAMESPACES['rsp']}}}Command").text = executable
    for argument in arguments:
        ET.SubElement(line, f"{{{NAMESPACES['rsp']}}}Arguments").text = argument
    body = wsman.command(shell.resource_uri, line, option_set=options, selector_set=selectors)
    found = body.find("rsp:CommandResponse/rsp:CommandId", namespaces=NAMESPACES)
    if found is None or not found.text:
        raise ValueError("the server did not return the command that it started")
    return str(found.text)


def _received(shell: Any, id_: str, timeout: int) -> tuple[str, int | None, dict[str, bytes]]:
    """Return the output within ``timeout`` seconds; a server without any answers with a fault."""
    from pypsrp.exceptions import WSManFaultError

    try:
        state, code, streams = shell.receive("stdout stderr", id_, timeout=timeout)
    except WSManFaultError as error:
        if error.code == _NOTHING_YET:
            return "", None, {}
        raise
    return state, code, streams


_NOTHING_YET = 0x80338029
"""ERROR_WSMAN_OPERATION_TIMEDOUT: the program runs without output."""


def _be_quiet() -> None:
    """Keep the libraries from writing to standard error: errors arrive as exceptions."""
    for name in ("pypsrp", "spnego"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
