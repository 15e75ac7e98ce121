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
    """A target that is to be as a registry says; its transport is opened when it is first used.

    ``location`` is whose certificate stores ``deliver`` writes to, ``transport``
    another way to the target than its own, and ``seal`` the word for how a PFX on
    the way there is sealed, None for what its release opens.
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
        """Return what the target has now; raise UnreachableError, or another SslbindError."""
        return seen_of(self._server.read())

    def write(self, script: bytes) -> Ran:
        """Give netsh lines to the target's netsh; raise UnreachableError."""
        return self._server.transport.run(script, Program.NETSH)

    def pack(self, wanted: Collection[StoredThumbprint], release: Release) -> list[Parcel]:
        """Return certificates of the registry's stores; raise SslbindError where one is missing."""
        return pack(self._session, wanted, release, self.seal)

    def deliver(self, parcels: Collection[Parcel]) -> frozenset[StoredThumbprint]:
        """Put certificates into the target's stores, and return those that were found there then.

        Raises UnreachableError, or SslbindError with what went wrong.
        """
        transport = self._server.transport
        if Program.POWERSHELL not in transport.programs:
            raise SslbindError(f"{self.name} has no PowerShell that certificates could be sent to")
        return held(transport.run(message(parcels, self._location), Program.POWERSHELL))

    def require_probed(self) -> None:
        """Raise SslbindError where nobody knows at which address the target is probed."""
        self._target.probed  # noqa: B018  # it raises

    def probe(self, now: datetime) -> list[str]:
        """Return what clients get that the registry does not say; see ``disagreements``."""
        return disagreements(self._target, self._session, now)

    def close(self) -> None:
        """Let go of the connection."""
        self._server.close()
