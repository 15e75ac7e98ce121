"""IIS's side of the bindings: the sites of a configuration file, as values.

What a site says and what HTTP.SYS has are two things; ``check --sites``
compares them. ``formats`` makes these values from files.
"""

from __future__ import annotations

from typing import NamedTuple

from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, Key, parse_key
from sslbind.sslflags import CENTRAL_CERT_STORE, SNI

ALL = "0.0.0.0"  # noqa: S104  # the key of a binding for all addresses


class SiteBinding(NamedTuple):
    """One binding of a site, as its file has it.

    ``information`` is the raw text, ``IP:port:host``. ``address`` is empty for
    every address, raw otherwise (``::1`` where the brackets are missing);
    ``port`` is None where there is none. ``certhash`` and ``store`` are given
    where the file has them.
    """

    site: str
    protocol: str
    information: str
    address: str
    port: int | None
    host: str
    sslflags: int = 0
    line: int | None = None
    certhash: str | None = None
    store: str | None = None

    @property
    def https(self) -> bool:
        """Whether it is one that HTTP.SYS needs a certificate for."""
        return self.protocol == "https"

    @property
    def key(self) -> Key | None:
        """The key of the record that serves it, None where there can be none.

        Central store: the port; SNI: the host name; else the address
        (confirmed; Microsoft.Web.Administration does the same).
        """
        try:
            if self.port is None:
                return None
            if self.sslflags & CENTRAL_CERT_STORE:
                return parse_key(CCS, str(self.port))
            if self.sslflags & SNI:
                return parse_key(HOSTNAMEPORT, f"{self.host}:{self.port}")
            return parse_key(IPPORT, f"{self.address or ALL}:{self.port}")
        except BadValueError:
            return None


class ClientCertificate(NamedTuple):
    """Where a configuration wants client certificates: in a site, or in all (None)."""

    site: str | None
    required: bool
    line: int | None = None


class Sites(NamedTuple):
    """The sites of one configuration file.

    ``metabase``: it is one of IIS 6, which knows no flags. ``legacy_bindings``
    are the places of property 5506 below ``customMetadata``: path and line.
    """

    file: str
    bindings: tuple[SiteBinding, ...] = ()
    client_certificates: tuple[ClientCertificate, ...] = ()
    legacy_bindings: tuple[tuple[str, int | None], ...] = ()
    metabase: bool = False
