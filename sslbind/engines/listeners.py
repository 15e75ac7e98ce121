"""What a server must do at each address and port, according to the resolver.

Nothing here knows the order in which HTTP.SYS looks for records: ``resolve`` is asked for
each address that records or the listen list distinguish, each port and each name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sslbind.certificates.central import SUFFIX, served_name, stem_of
from sslbind.certificates.names import ascii_name
from sslbind.engines.material import Clients, Material, Pem
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key
from sslbind.release import Release
from sslbind.resolver import (
    ANY_IPV4,
    ANY_IPV6,
    Answer,
    address_records,
    listens,
    mapped_ipv4,
    resolve,
)
from sslbind.tags import (
    CLIENT_CERTIFICATE,
    CTL_STORE,
    HTTP2,
    OCSP_STAPLING,
    QUIC,
    REJECT,
    SSLFLAGS,
    STORED,
    TAGS,
)
from sslbind.tls_versions import VERSIONS, versions_left
from sslbind.wording import join

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.session import Session

_PLAIN = {"certhash", "appid", "certstorename"}
"""Tags of every record; of these only the certificate affects a handshake."""
_CARRIED = {
    *(tag.name for tag in TAGS if tag.removes),
    *(tag.name for tag in (REJECT, CLIENT_CERTIFICATE, CTL_STORE, HTTP2, QUIC, OCSP_STAPLING)),
    *(SSLFLAGS.name, *_PLAIN),
}
"""The tags that are supported; neither QUIC nor OCSP stapling is ever offered."""


class Terms(NamedTuple):
    """The terms of a handshake: the certificate, the TLS versions, whether HTTP/2 is offered.

    ``clients`` says which client certificates are requested, None if none are.
    """

    pem: Pem
    oldest: str
    newest: str
    http2: bool
    clients: Clients | None = None


class Listener(NamedTuple):
    """One address and port: what clients get without a name, and for each name.

    ``address`` is ``0.0.0.0`` or ``::`` for every address of a family without its own
    listener. Names are A-labels, ``*.parent`` covers those one label below without their
    own entry. None refuses the handshake.
    """

    address: str
    port: int
    default: Terms | None
    names: Mapping[str, Terms | None]

    @property
    def serves(self) -> bool:
        """Whether any handshake succeeds."""
        return any(terms is not None for terms in (self.default, *self.names.values()))

    @property
    def catch_all(self) -> bool:
        """Whether it is for every address of its family."""
        return self.address in (ANY_IPV4, ANY_IPV6)


def listeners(session: Session, material: Material) -> list[Listener]:
    """Return what to serve at each address and port, by port.

    What only HTTP.SYS can do is added to the losses of ``material``.
    """
    asking = _Asking(session, material)
    return [one for port in asking.ports for one in asking.listeners(port)]


class _Asking:
    """The questions about one registry; the terms of each record are computed once."""

    def __init__(self, session: Session, material: Material) -> None:
        registry = session.registry
        self._bindings = registry.bindings
        self._listed = registry.iplisten
        self._release = session.release
        self._central_names = [*_central_names(session)]
        central = material if session.central is not None else None
        self._state = session.state._replace(bindings=self._bindings, central=central)
        self._material = material
        self._known: dict[tuple[Key, str], Terms | None] = {}
        self._alike: dict[tuple[str | None, str | None], Terms | None] = {}
        self._ascii: dict[str, str] = {}
        self.ports = sorted({key.port for key in self._bindings})

    def listeners(self, port: int) -> Iterator[Listener]:
        """Yield the listeners of a port, those of one address first."""
        names = self._names(port)
        alike: dict[tuple[Key, ...], Listener] = {}
        for address in self._addresses(port):
            reached = address_records(self._state, address, port)
            known = alike.get(reached) if listens(self._listed, address) else None
            found = self._listener(address, port, names) if known is None else known
            if found is not None:
                yield found._replace(address=address)
                if self._state.doubt is None:  # else any record may be there that is not known
                    alike[reached] = found

    def _addresses(self, port: int) -> Iterator[str]:
        """Yield the addresses that may be answered differently, the families last."""
        keys = (key for key in self._bindings if key.kind is IPPORT and key.port == port)
        hosts = (*(key.host for key in keys), *self._listed)
        found = dict.fromkeys(mapped_ipv4(host) or host for host in hosts)
        yield from (host for host in found if host not in (ANY_IPV4, ANY_IPV6))
        yield ANY_IPV4
        yield ANY_IPV6

    def _names(self, port: int) -> Mapping[str, str]:
        """Return the names in records and files: how each is written, and which name to ask for.

        For a wildcard that is a name below it that nothing else has.
        """
        hosts = {
            key.host: None
            for key in self._bindings
            if key.port == port and key.kind in (HOSTNAMEPORT, SCOPEDCCS)
        }
        if any(key.port == port and key.kind in (CCS, SCOPEDCCS) for key in self._bindings):
            hosts |= dict.fromkeys(self._central_names)
        return {host: _below(host[2:], hosts) if host.startswith("*.") else host for host in hosts}

    def _listener(self, address: str, port: int, names: Mapping[str, str]) -> Listener | None:
        """Return what happens at an address and port, None if nobody listens."""
        nameless = resolve(self._state, address, port)
        if nameless.outcome == "not-listening":
            return None
        default = self._terms(nameless)
        asked = names
        if _at_once(nameless):
            # The first record that was looked for answers. If the same is true with a name,
            # names make no difference here.
            first = next(iter(names.values()), None)
            if first is None or _same_look(resolve(self._state, address, port, first), nameless):
                asked = {}
        found = {
            name: self._terms(resolve(self._state, address, port, question))
            for name, question in asked.items()
        }
        kept = {self._written(name): terms for name, terms in _differing(found, default)}
        kept.pop("", None)
        return Listener(address, port, default, kept)

    def _written(self, host: str) -> str:
        """Return a name as A-labels, empty if it has none and no client can send it."""
        if host.isascii():
            return host
        if host not in self._ascii:
            try:
                self._ascii[host] = ascii_name(host)
            except ValueError as error:
                self._ascii[host] = ""
                self._material.losses[f"{host} is not served: {error}"] = None
        return self._ascii[host]

    def _terms(self, answer: Answer) -> Terms | None:
        """Return how a connection is answered, None if its handshake must fail."""
        record, step = answer.binding, answer.step
        if answer.outcome == "unknown":
            keys = join(key.spec for key in answer.undecided)
            self._material.losses[f"{keys}: not known, so its connections are refused"] = None
        if answer.outcome != "certificate" or record is None or step is None:
            return None
        known = record.key, step.stem
        if known not in self._known:
            self._known[known] = self._of_record(record, step.stem)
        return self._known[known]

    def _of_record(self, record: Binding, stem: str) -> Terms | None:
        """Return the terms of a record; most have no tags, and share their certificate's terms."""
        if stem or record.other or not record.values.keys() <= _PLAIN:
            return self._worked_out(record, stem)
        alike = record.certhash, record.store
        if alike not in self._alike:
            self._alike[alike] = self._worked_out(record, stem)
        return self._alike[alike]

    def _worked_out(self, record: Binding, stem: str) -> Terms | None:
        left = versions_left(record, self._release)
        if not left:
            return None
        if stem:
            pem = self._material.central(stem)
        else:
            pem = self._material.stored(record.certhash or "", record.store or "")
        if pem is None:
            return None
        self._lose(record)
        http2 = self._release >= Release.W2016 and not record[HTTP2.name]
        terms = Terms(pem, *self._range(record.key, left), http2)
        return self._asking_clients(record, terms) if record[CLIENT_CERTIFICATE.name] else terms

    def _range(self, key: Key, left: tuple[str, ...]) -> tuple[str, str]:
        """Return the oldest and the newest version; if one between is off, those above it."""
        versions = [*VERSIONS]
        first = last = versions.index(left[-1])
        while first and versions[first - 1] in left:
            first -= 1
        if lost := [one for one in left if versions.index(one) < first]:
            are = "are" if len(lost) > 1 else "is"
            self._material.losses[
                f"{key.spec}: {join(lost)} {are} not served, because {versions[first - 1]} is off:"
                " HAProxy needs a range without gaps"
            ] = None
        return versions[first], versions[last]

    def _asking_clients(self, record: Binding, terms: Terms) -> Terms:
        """Return ``terms`` with a client certificate requested.

        It must be issued by a certificate in the record's store; any is accepted if that
        store, or the chain from it to a root, is not known.
        """
        spec, store = record.key.spec, record[CTL_STORE.name]
        clients = self._material.clients(str(store)) if store else None
        if clients is None or not clients.verified:
            self._material.losses[
                f"{spec}: client certificates are requested but not verified: any is accepted"
            ] = None
        if store and clients is None:
            self._material.losses[
                f"{spec}: no CA names are sent: the store {store} has no certificate"
            ] = None
        elif clients and not clients.verified:
            self._material.losses[
                f"{spec}: no store has the root above the certificates in {store}"
            ] = None
        return terms._replace(clients=clients or Clients(self._material.itself(terms.pem)))

    def _lose(self, record: Binding) -> None:
        """Note the tags that differ from their defaults and are not supported."""
        spec = record.key.spec
        for name, value in record.values.items():
            tag = STORED[name]
            if name not in _CARRIED and tag.since <= self._release:
                self._material.losses[f"{spec}: {name}={tag.text(value)} is not supported"] = None
        for name in record.other:
            self._material.losses[f"{spec}: {name} in Other is not supported"] = None


def _central_names(session: Session) -> Iterator[str]:
    """Yield what the files of the central store serve: hosts, and ``*.parent``."""
    for file in session.central.names() if session.central else ():
        stem = stem_of(file)
        if stem is not None and file[-len(SUFFIX) :].lower() == SUFFIX:
            yield served_name(stem)


def _below(parent: str, known: Iterable[str]) -> str:
    """Return a name one label below ``parent`` that is not among the known ones."""
    label = "any"
    while f"{label}.{parent}" in known:
        label += "-"
    return f"{label}.{parent}"


def _at_once(answer: Answer) -> bool:
    return len(answer.steps) == 1 and answer.steps[0].hit


def _same_look(one: Answer, other: Answer) -> bool:
    return _at_once(one) and one.steps[0].key == other.steps[0].key


def _differing(
    found: Mapping[str, Terms | None], default: Terms | None
) -> Iterator[tuple[str, Terms | None]]:
    """Yield the names that would be answered differently without their own entry."""
    wildcards = {
        name: terms for name, terms in found.items() if name.startswith("*.") and terms != default
    }
    yield from wildcards.items()
    for name, terms in found.items():
        if not name.startswith("*."):
            wildcard = f"*.{name.partition('.')[2]}"
            if terms != wildcards.get(wildcard, default):
                yield name, terms
