"""Certificates with their keys, from the registry's stores into those of a server.

A PFX is made in memory with a one-time password, and sent with it as data after
``deliver.ps1`` on standard input, inside the encrypted transport: never in the text of a
script, an argument of a cmdlet or a command line, which Windows writes to its event log. It
is never written to a disk here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from importlib import resources
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from sslbind.errors import SslbindError
from sslbind.release import Release
from sslbind.session import Session

if TYPE_CHECKING:
    from sslbind.certificates.sealing import Seal
from sslbind.transports.powershell import answer, compose, failure
from sslbind.transports.transport import Ran

LOCATION = "LocalMachine"
"""The location of the stores: HTTP.SYS only uses those of the machine."""
_ANSWER = b'{"format":"sslbind-delivery"'
_SECRET = 24
"""Random bytes of a password."""
_PACKING = Lock()  # targets that share a registry share its stores, which are not safe for threads


class StoredThumbprint(NamedTuple):
    """One certificate by its store and its thumbprint."""

    store: str
    thumbprint: str


class Parcel(NamedTuple):
    """A certificate to be delivered; its password opens nothing else, and is never shown."""

    certificate: StoredThumbprint
    password: str
    pfx: bytes

    def __repr__(self) -> str:
        return f"Parcel({self.certificate})"

    @property
    def lines(self) -> tuple[str, str, str, str]:
        """The input lines of ``deliver.ps1``."""
        name, thumbprint = self.certificate
        return _base64(name.encode()), thumbprint, self.password, _base64(self.pfx)


def pack(
    session: Session, wanted: Iterable[StoredThumbprint], release: Release, seal: str | None = None
) -> list[Parcel]:
    """Return the certificates, each encrypted by ``seal``, by default as ``release`` needs.

    Raises SslbindError if the registry's stores lack one, or its key.
    """
    from sslbind.certificates.sealing import Seal, seal_for

    chosen = Seal(seal) if seal else seal_for(release)
    with _PACKING:
        return [_parcel(session, one, chosen) for one in wanted]


def message(parcels: Iterable[Parcel], location: str = LOCATION) -> bytes:
    """Return the standard input of the PowerShell that imports ``parcels``."""
    script = resources.files("sslbind.planning").joinpath("deliver.ps1").read_text("utf-8")
    return compose(script, [location, *(line for one in parcels for line in one.lines)])


def held(ran: Ran) -> frozenset[StoredThumbprint]:
    """Return the certificates with keys that a server found in its stores after importing.

    Raises SslbindError if it reports an error, or nothing readable.
    """
    import json

    line = answer(ran.output, _ANSWER)
    if line is None:
        late = "no answer in time" if ran.code is None else "PowerShell gave no answer"
        raise SslbindError(failure(ran.output) or late)
    try:
        pairs = [str(one).split(":") for one in json.loads(line)["held"]]
        return frozenset(
            StoredThumbprint(base64.b64decode(name).decode(), thumbprint)
            for name, thumbprint in pairs
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SslbindError("PowerShell's answer is not readable") from None


def _parcel(session: Session, wanted: StoredThumbprint, seal: Seal) -> Parcel:
    import secrets

    stores = session.stores
    if stores is None:
        raise SslbindError(
            "has no [CertStores], from which --deliver sends certificates",
            file=session.registry.path,
        )
    identity = stores.load(stores.require(wanted.thumbprint, wanted.store))
    password = secrets.token_urlsafe(_SECRET)
    from sslbind.certificates.sealing import encode_pfx

    return Parcel(wanted, password, encode_pfx(identity, password.encode(), seal))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
