"""Which connections test a registry: every name and address that a client may use."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sslbind.certificates.names import ascii_name
from sslbind.errors import SslbindError, reason
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key, parse_address
from sslbind.session import Session

MAX_CONNECTIONS = 20_000
"""The most connections in one run; more than that is a load test."""
MAX_ADDRESSES = 8
"""The most addresses used of those that DNS returns for a name."""
LABEL = "sslbind-probe"
"""The label that represents any name below a wildcard."""


class Connection(NamedTuple):
    """One connection: where to, and the server name that is sent, None if none is.

    ``port`` is that of the records; ``to`` the one that is connected to, if a server that
    stands in for HTTP.SYS cannot use the former. ``address`` is empty if the name has none:
    ``problem`` says why. ``server`` is the name of the server if there are several.
    """

    address: str
    port: int
    name: str | None = None
    to: int = 0
    problem: str = ""
    server: str = ""

    def __str__(self) -> str:
        """Return ``10.0.0.5:443 www.contoso.com``, after the server's name if it has one."""
        of = f"{self.server} " if self.server else ""
        where = str(Key(IPPORT, self.address, self.port)) if self.address else f":{self.port}"
        return f"{of}{where} {self.name}" if self.name else f"{of}{where}"


class Asked(NamedTuple):
    """The connections of a registry, and sentences on what they do not test."""

    connections: Sequence[Connection]
    notes: tuple[str, ...] = ()


def connections_of(
    session: Session, addresses: Sequence[str] = (), ports: Mapping[int, int] | None = None
) -> Asked:
    """Return the connections that test every record of ``session``.

    ``addresses`` are those of the server: then every name, and no name, is sent
    to each of them, and to each address that has its own record. Without them names are
    looked up in DNS, as by a client. ``ports`` maps ports of the records to the ports to
    connect to. Raises SslbindError for more than MAX_CONNECTIONS.
    """
    found: list[Connection] = []
    notes: list[str] = []
    for port, keys in _by_port(session).items():
        own = [key.host for key in keys if key.kind is IPPORT and not key.wildcard]
        names = [*dict.fromkeys(_names(session, keys))]
        if addresses:
            everywhere = [*dict.fromkeys((*addresses, *own))]
            refuse_many(len(found) + len(everywhere) * (len(names) + 1))
            found += (Connection(one, port, name) for one in everywhere for name in (None, *names))
            continue
        found += (Connection(one, port) for one in own)
        wild = [name for name in names if name.startswith(f"{LABEL}.")]
        found += (Connection("", port, name) for name in names if name not in wild)
        notes += _unreached(port, keys, wild)
        refuse_many(len(found))
    mapped = ports or {}
    return Asked([one._replace(to=mapped.get(one.port, one.port)) for one in found], tuple(notes))


def located(connection: Connection) -> list[Connection]:
    """Return ``connection`` once for each address that DNS has for its name.

    One that already has an address is returned unchanged; one whose name has none gets a
    ``problem``.
    """
    if connection.address or not connection.name:
        return [connection]
    try:
        found = socket.getaddrinfo(ascii_name(connection.name), None, type=socket.SOCK_STREAM)
        texts = dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found)
        addresses = [parse_address(text) for text in texts][:MAX_ADDRESSES]
    except (OSError, ValueError, SslbindError) as error:
        why = error.message if isinstance(error, SslbindError) else reason(error)
        return [connection._replace(problem=f"the name cannot be looked up: {why}")]
    return [connection._replace(address=one) for one in addresses]


def addresses_of(host: str) -> list[str]:
    """Return the addresses of the server ``host``; raise SslbindError if there are none."""
    try:
        return [parse_address(host.removeprefix("[").removesuffix("]"))]
    except SslbindError:
        pass
    (*found,) = located(Connection("", 0, host))
    if found[0].problem:
        raise SslbindError(
            f"{host}: {found[0].problem}",
            'set its address in the targets file: probe = ["10.0.0.5"]',
        )
    return [one.address for one in found]


def _by_port(session: Session) -> dict[int, list[Key]]:
    found: dict[int, list[Key]] = {}
    for key in session.registry.bindings:
        found.setdefault(key.port, []).append(key)
    return dict(sorted(found.items()))


def _names(session: Session, keys: Iterable[Key]) -> Iterator[str]:
    """Yield the names that lead to records of one port, with a made-up one for each wildcard."""
    for key in keys:
        if key.kind in (HOSTNAMEPORT, SCOPEDCCS):
            yield _sample(key.host)
        elif key.kind is CCS and session.central is not None:
            for file in session.central.files():
                if file.name is not None:
                    yield _sample(file.name)


def _sample(name: str) -> str:
    return f"{LABEL}.{name[2:]}" if name.startswith("*.") else name


def _unreached(port: int, keys: Sequence[Key], wild: Sequence[str]) -> Iterator[str]:
    """Yield what is not probed because the address of the server is not known."""
    hint = "--address IP sets the server's address"
    if wild:
        yield f"port {port}: {len(wild)} wildcard names were not probed: {hint}"
    everywhere = [key for key in keys if key.kind is IPPORT and key.wildcard]
    if everywhere:
        records = " and ".join(key.spec for key in everywhere)
        yield f"{records}: clients without a server name were not probed: {hint}"


def refuse_many(count: int) -> None:
    """Raise SslbindError if more than MAX_CONNECTIONS would be made."""
    if count > MAX_CONNECTIONS:
        raise SslbindError(
            f"more than {MAX_CONNECTIONS} connections would be made",
            "probe fewer addresses in one run, or one connection: sslbind probe ADDRESS:PORT HOST",
        )
