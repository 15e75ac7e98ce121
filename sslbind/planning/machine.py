"""One target with the registry that it follows, to be read and written."""

from __future__ import annotations

from sslbind.formats.format import Contents
from sslbind.live import Server
from sslbind.planning.seen import Seen, seen_of
from sslbind.targets import Target
from sslbind.transports.transport import Program, Ran


class Machine:
    """A target that is to be as ``wanted`` says; its transport is opened when it is first used."""

    def __init__(self, target: Target, wanted: Contents) -> None:
        self.name = target.name
        self.wanted = wanted
        self._server = Server(target)

    def read(self) -> Seen:
        """Return what the target has now; raise UnreachableError, or another SslbindError."""
        return seen_of(self._server.read())

    def write(self, script: bytes) -> Ran:
        """Give netsh lines to the target's netsh; raise UnreachableError."""
        return self._server.transport.run(script, Program.NETSH)

    def close(self) -> None:
        """Let go of the connection."""
        self._server.close()
