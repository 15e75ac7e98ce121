"""IIS's side of the bindings: the sites of a configuration file, as values.

A site's configuration and the records of HTTP.SYS can differ; ``check --sites``
compares them. ``formats`` makes these values from files.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, Key, parse_address, parse_host, parse_key
from sslbind.owners import OWNER_BY_WORD, Owner
from sslbind.release import Release
from sslbind.sslflags import CENTRAL_CERT_STORE, SNI

ALL = "0.0.0.0"  # noqa: S104  # the key of a binding for all addresses
_EVERY = ("", "*", ALL)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
FROM_STANDARD_INPUT = "standard input"
"""The ``file`` of sites that were read from there."""
MAX_BINDINGS = 100_000
"""The limit of one file, in which shorthand can multiply bindings; a large farm has a tenth."""
_SHOWN = 300
"""Characters of a name or binding information in a message; a host has up to 253."""


class SiteBinding(NamedTuple):
    """One binding of a site, as its file has it.

    ``information`` is the raw text, ``IP:port:host``; see ``parse_information``
    for ``address``, ``port`` and ``host``. ``site`` is empty in a snippet that
    has no name. ``certhash`` and ``store`` are given where the file has them.
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
    started: bool = True
    """Whether its site starts automatically; not with serverAutoStart="false"."""

    def __str__(self) -> str:
        """Name it in a sentence: ``https '*:443:' of site 'Contoso'``."""
        site = f" of site {self.site!r:.{_SHOWN}}" if self.site else ""
        return f"{self.protocol} {self.information!r:.{_SHOWN}}{site}"

    @property
    def https(self) -> bool:
        """Whether HTTP.SYS needs a certificate for it."""
        return self.protocol == "https"

    def key_for(self, release: Release) -> Key | None:
        """Return the key of the record that serves it, None if there cannot be one."""
        try:
            return self.require_key(release)
        except BadValueError:
            return None

    def require_key(self, release: Release) -> Key:
        """Return the key of the record that serves it; raise BadValueError if there is none.

        Central store: the port; SNI: the host name; else the address
        (confirmed; Microsoft.Web.Administration does the same). IIS before
        Windows Server 2012 has no flags, and every record has an address.
        """
        if self.port is None:
            raise BadValueError("it is not IP:port:host")
        flags = self.sslflags if release >= HOSTNAMEPORT.since else 0
        if flags & CENTRAL_CERT_STORE:
            return parse_key(CCS, str(self.port))
        if flags & SNI:
            return parse_key(HOSTNAMEPORT, f"{self.host}:{self.port}")
        return parse_key(IPPORT, f"{self.address or ALL}:{self.port}")

    def meant_key(self, release: Release) -> Key | None:
        """Return the key that it would have without a slip; None if it has none of these.

        A host name without SNI (sslFlags 1), SNI without a host name, an IPv6
        address without its brackets.
        """
        if not self.https or self.port is None or self.sslflags & CENTRAL_CERT_STORE:
            return None
        sni = self.sslflags & SNI
        address = f"[{self.address}]" if self.unbracketed else self.address or ALL
        try:
            if self.host and not sni and release >= HOSTNAMEPORT.since:
                return parse_key(HOSTNAMEPORT, f"{self.host}:{self.port}")
            if not self.host and (sni or self.unbracketed):
                return parse_key(IPPORT, f"{address}:{self.port}")
        except BadValueError:
            return None
        return None

    @property
    def unbracketed(self) -> bool:
        """Whether it has an IPv6 address, or something like one, without brackets."""
        address = self.address
        return ":" in address and not (address.startswith("[") and address.endswith("]"))

    @property
    def canonical(self) -> tuple[str, str, int | None, str]:
        """Protocol, address, port and host, equal for equivalent bindings."""
        if self.port is None:
            return self.protocol, self.information.casefold(), None, ""
        return self.protocol, _address(self.address), self.port, _host(self.host)


class ClientCertificate(NamedTuple):
    """A site, or a part of it, that asks for client certificates.

    ``required`` means ``SslRequireCert``, else ``SslNegotiateCert``; ``line`` is
    that of the ``<access>`` element.
    """

    site: str
    required: bool
    line: int | None = None


class Sites(NamedTuple):
    """The sites of one configuration file.

    ``legacy_bindings`` are the places of property 5506 below ``customMetadata``:
    path and line. ``express``: they are those of IIS Express; ``metabase``:
    those of IIS 6.
    """

    file: str
    bindings: tuple[SiteBinding, ...] = ()
    client_certificates: tuple[ClientCertificate, ...] = ()
    legacy_bindings: tuple[tuple[str, int | None], ...] = ()
    express: bool = False
    metabase: bool = False

    @property
    def owner(self) -> Owner:
        """The product that owns the records of these sites."""
        return OWNER_BY_WORD["iisexpress" if self.express else "iis"]


def parse_information(text: str) -> tuple[str, int | None, str]:
    """Return the address, port and host of ``IP:port:host``, read from the right.

    The address is empty for every one (``*``, ``0.0.0.0`` or nothing), raw
    otherwise: ``[::1]``, or ``::1`` where the brackets are missing. The port is
    None if there is none. The host is empty if there is none; IIS Express
    writes ``*`` for that.
    """
    rest, _, host = text.strip().rpartition(":")
    address, colon, port = rest.rpartition(":")
    number = int(port) if colon and _PORT.fullmatch(port) else 0
    return (
        "" if address in _EVERY else address,
        number if 0 < number <= 65535 else None,
        "" if host == "*" else host,
    )


def _address(text: str) -> str:
    try:
        return parse_address(text.removeprefix("[").removesuffix("]"))
    except BadValueError:
        return text.casefold()


def _host(text: str) -> str:
    try:
        return parse_host(text) if text else ""
    except BadValueError:
        return text.casefold()
