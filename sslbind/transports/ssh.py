"""A server reached by the system's OpenSSH client, with its configuration, agent and known hosts.

``netsh``, or PowerShell with a fixed argument, runs on the server, and nothing else is on
that command line: cmd, Windows PowerShell, pwsh and sh each interpret quotes, ``%``, ``$``
and braces differently.
"""

from __future__ import annotations

import os
import sys
import tempfile

from sslbind.digest import content_digest
from sslbind.errors import SslbindError
from sslbind.files import read_file
from sslbind.transports.powershell import ARGUMENTS
from sslbind.transports.process import run_process
from sslbind.transports.transport import Program, Ran, UnreachableError

_FAILED = 255
"""ssh's own exit code: no connection, or one that broke."""
_COMMANDS = {Program.NETSH: "netsh", Program.POWERSHELL: " ".join(("powershell", *ARGUMENTS))}
_ALIVE = 15
"""Seconds of silence after which the client checks whether the server is alive."""
_PERSIST = 30
"""Seconds that a shared connection stays open for the next command."""
_LONGEST = 30
"""Characters in the path of the sockets' folder: names have 73 more, and 104 is the limit."""
_MAX_CONFIG = 1 << 20
_HINTS = (
    ("Host key verification failed", "run ssh {host} once by hand, and compare the key it shows"),
    ("Permission denied", "ssh {host} must work without a prompt: use a key, or an agent"),
    (
        "Could not resolve hostname",
        "set host in the targets file to a name that ssh knows",
    ),
)


class SshTransport:
    """Runs ``ssh``; ``config`` replaces the user's configuration file."""

    programs = frozenset(Program)

    def __init__(
        self, host: str, timeout: float, *, port: int | None = None, config: str | None = None
    ) -> None:
        self.host = host
        self.timeout = timeout
        self.port = port
        self.config = config
        self._sharing: dict[str, str] | None = None

    def run(self, script: bytes, program: Program = Program.NETSH) -> Ran:
        """Run ``program`` on the server; see ``Transport``."""
        try:
            ran = run_process(self._argv(program), script, self.timeout)
        except SslbindError as error:
            hint = "install the OpenSSH client"
            raise UnreachableError(error.message, hint) from None
        if ran.code == _FAILED and not ran.output:
            raise self._unreachable(ran.errors)
        return ran

    def close(self) -> None:
        """Let a shared connection close by itself."""

    def _argv(self, program: Program) -> list[str]:
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": str(max(1, int(min(self.timeout, _ALIVE)))),
            "ServerAliveInterval": str(_ALIVE),
            "ServerAliveCountMax": "3",
            "ClearAllForwardings": "yes",
            "RemoteCommand": "none",
            "LogLevel": "ERROR",
            **self._shared(),
        }
        argv = ["ssh", "-T"]
        for name, value in options.items():
            argv += ["-o", f"{name}={value}"]
        return [*argv, *self._place(), _COMMANDS[program]]

    def _place(self) -> list[str]:
        """Return the arguments that say where to connect to."""
        argv = [] if self.config is None else ["-F", self.config]
        if self.port is not None:
            argv += ["-p", str(self.port)]
        return [*argv, "--", self.host]

    def _shared(self) -> dict[str, str]:
        """Return the options for sharing a connection: none if the user's configuration does.

        It may already have a connection that was opened with a password or a token.
        """
        if self._sharing is None:
            own = _speaks_of_sharing(self.config) and self._shares_already()
            self._sharing = {} if own else _sharing(f"{self.config} {self.host}")
        return self._sharing

    def _shares_already(self) -> bool:
        """Ask ssh whether its configuration sets a socket for this host."""
        ran = run_process(["ssh", "-G", *self._place()], b"", self.timeout)
        return b"\ncontrolpath " in ran.output

    def _unreachable(self, errors: bytes) -> UnreachableError:
        """Return the error for the last line of ssh's own message."""
        text = errors.decode("utf-8", "replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        hints = [hint.format(host=self.host) for words, hint in _HINTS if words in text]
        said = lines[-1] if lines else "ssh gave no reason"
        return UnreachableError(f"{self.host} cannot be reached by ssh: {said:.300}", *hints)


def _speaks_of_sharing(config: str | None) -> bool:
    """Whether the configuration, or a file that it includes, may set sockets."""
    path = os.path.expanduser("~/.ssh/config") if config is None else config
    try:
        text = read_file(path, _MAX_CONFIG).lower()
    except SslbindError:
        return False
    return b"controlpath" in text or b"include" in text


def _sharing(way: str) -> dict[str, str]:
    """Return the options that let the commands of a run share one connection.

    It is only shared by commands with the same ``way``: another configuration may have
    other host keys. Windows' client cannot share. The folder of the sockets belongs to the
    user alone.
    """
    if sys.platform == "win32":
        return {}
    folder = os.path.join(
        os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir(), f"sslbind-{os.getuid()}"
    )
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        status = os.lstat(folder)
        if status.st_uid != os.getuid() or status.st_mode & 0o077 or os.path.islink(folder):
            return {}  # somebody else's: the owner of a socket controls what goes through it
    except OSError:
        return {}
    if len(folder) > _LONGEST:
        return {}
    return {
        "ControlMaster": "auto",
        "ControlPath": f"{folder}/{content_digest(way.encode())[:15]}-%C",
        "ControlPersist": str(_PERSIST),
    }
