"""One target with the registry that it follows, to be read and written."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sslbind.errors import SslbindError
from sslbind.exporting import contents
from sslbind.live import Server
from sslbind.planning.delivery import LOCATION, Parcel, StoredThumbprint, held, message, pack
from sslbind.planning.proving import disagreements
from sslbind.planning.seen import Seen, seen_of
from sslbind.release import Release
from sslbind.session import Session
from sslbind.targets import Target
from sslbind.transports.transport import Program, Ran, Transport


class Machine:
    """A target that follows a registry; its transport is opened on first use.

    ``location`` is the location of the certificate stores that ``deliver`` writes to,
    ``transport`` replaces the target's own, and ``seal`` is the word for how a PFX is
    encrypted on the way there, None for what its release can open.
    """

    def __init__(
        self,
        target: Target,
        session: Session,
        location: str = LOCATION,
        transport: Transport | None = None,
    ) -> None:
        self.name = target.name
        self._target = target
        self.wanted = contents(session)
        self._session = session
        self._server = Server(target, transport)
        self._location = location
        self.seal: str | None = None

    def read(self) -> Seen:
        """Return the target's current state; raise UnreachableError, or another SslbindError."""
        return seen_of(self._server.read())

    def write(self, script: bytes) -> Ran:
        """Send lines to the target's netsh; raise UnreachableError."""
        return self._server.transport.run(script, Program.NETSH)

    def pack(self, wanted: Collection[StoredThumbprint], release: Release) -> list[Parcel]:
        """Return certificates of the registry's stores; raise SslbindError if one is missing."""
        return pack(self._session, wanted, release, self.seal)

    def deliver(self, parcels: Collection[Parcel]) -> frozenset[StoredThumbprint]:
        """Import certificates into the target's stores, and return those found there afterwards.

        Raises UnreachableError, or SslbindError with what went wrong.
        """
        transport = self._server.transport
        if Program.POWERSHELL not in transport.programs:
            raise SslbindError(f"{self.name} has no PowerShell to send certificates to")
        return held(transport.run(message(parcels, self._location), Program.POWERSHELL))

    def require_probed(self) -> None:
        """Raise SslbindError if it is not known at which address to probe the target."""
        self._target.probed  # noqa: B018  # it raises

    def probe(self, now: datetime) -> list[str]:
        """Return where clients get something unexpected; see ``disagreements``."""
        return disagreements(self._target, self._session, now)

    def close(self) -> None:
        """Close the connection."""
        self._server.close()
