"""The table of a port: its records in the order of steps, and which take precedence.

``apachectl -S`` prints the same for virtual hosts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sslbind.answers.precedence import Reach, Shadows
from sslbind.answers.report import NO_TLS
from sslbind.binding import alike
from sslbind.keys import HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key
from sslbind.resolver import ANY_IPV4, ANY_IPV6
from sslbind.session import Session
from sslbind.tags import REJECT
from sslbind.tls_versions import versions_left

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.central import CentralFile
    from sslbind.certificates.entry import Entry
    from sslbind.registry.provenance import Provenance, Unread

STEPS = {
    "ipport": "exact address",
    "hostnameport": "host name",
    "wildcard-hostnameport": "wildcard name, for names without their own binding",
    "scopedccs": "central store, for one name",
    "ccs": "central store, for names that have a file",
    "ipv6-wildcard": "every other IPv6 connection",
    "ipv4-wildcard": "every other connection",
}
"""The steps in the order in which they are tried, with a heading for each."""
_UNUSED = "never used"


class PortBinding(NamedTuple):
    """One record of a port: its place, what it serves, and why it may not.

    ``thumbprint`` and ``names`` are the certificate's, ``files`` and ``unusable``
    the number of files of the central store, all of them and those that do not
    open; None if there is no such thing, or it is not known. ``state`` is
    ``never used``, ``dropped``, ``broken``, ``not known`` or empty, and ``note``
    says why. ``exact`` are the records for one address that come before it, one
    tuple for all records of a port; ``first`` are the others that do.
    """

    key: Key
    step: str
    line: int | None
    thumbprint: str | None
    file: str | None
    names: tuple[str, ...]
    files: int | None
    unusable: int | None
    state: str = ""
    note: str = ""
    exact: tuple[Key, ...] = ()
    first: tuple[Key, ...] = ()

    @property
    def unused(self) -> bool:
        """Whether no connection ever reaches it."""
        return self.state == _UNUSED


class Port(NamedTuple):
    """The records of one port in the order of steps, and what happens to everyone else.

    ``unread`` are the records that may be on the port and could not be read.
    """

    port: int
    candidates: Sequence[PortBinding]
    otherwise: str
    unread: Sequence[Unread] = ()


class Table:
    """The candidates of a registry; what they share is looked up once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        central = session.central is not None or session.files_unknown()
        self._reach = Reach(session.release, session.registry.iplisten, central)
        self._served = alike(self._look_up)

    @cached_property
    def central_files(self) -> Sequence[CentralFile]:
        """The files of the central store that serve a name."""
        files = self.session.central.files() if self.session.central else ()
        return [one for one in files if one.name is not None]

    @cached_property
    def unseen(self) -> str:
        """Why the files of the central store are unknown, or empty."""
        central, settings = self.session.central, self.session.registry.settings.central_store
        if central is None and self.session.files_unknown():
            return f"{self.session.registry.path} does not record the central store"
        if central is None or settings is None or not central.unreadable:
            return ""
        return f"the folder {settings.location} cannot be read: {central.unreadable}"

    def ports(self, port: int | None) -> Iterator[Port]:
        """Yield the ports in order, or only the one asked for."""
        by_port: dict[int, list[PortBinding]] = {}
        for binding in self.session.registry.bindings.values():
            if port in (None, binding.key.port):
                by_port.setdefault(binding.key.port, []).append(self._candidate(binding))
        provenance = self.session.registry.provenance
        unread = [one for one in provenance.unread if one.is_record]
        for one in unread:
            number = one.port if one.key is None else one.key.port
            if number is not None and port in (None, number):
                by_port.setdefault(number, [])
        ranks = {step: rank for rank, step in enumerate(STEPS)}
        for number, found in sorted(by_port.items()):
            found.sort(key=lambda one: ranks[one.step])
            used = {one.key for one in found if not one.unused}
            shadows = Shadows(used)
            yield Port(
                number,
                [  # by position: _replace takes four times as long, and there are thousands
                    PortBinding(*one[:-2], exact, first) if exact or first else one
                    for one in found
                    for exact, first in [(shadows.exact(one.key), shadows.first(one.key))]
                ],
                _otherwise(number, used, provenance),
                [one for one in unread if one.on(number)],
            )

    def _candidate(self, binding: Binding) -> PortBinding:
        key = binding.key
        thumbprint, file, names, state, note = self._served(binding)
        if unused := self._reach.why_unused(key):
            state, note = _UNUSED, unused
        files, unusable = (None, None) if key.kind.certificate else self._files(key)
        line = self.session.registry.line(key)
        return PortBinding(
            key, _step(key), line, thumbprint, file, names, files, unusable, state, note
        )

    def _look_up(
        self, binding: Binding
    ) -> tuple[str | None, str | None, tuple[str, ...], str, str]:
        """Return the certificate, its file and names, and why it may not serve, key aside."""
        entry = self.session.entry(binding)
        settings = self.session.registry.settings.cert_stores
        file = f"{settings.path.rstrip('/')}/{entry.file}" if settings and entry else None
        names = entry.names if entry else ()
        return binding.certhash, file, names, *self._state(binding, entry)

    def _state(self, binding: Binding, entry: Entry | None) -> tuple[str, str]:
        """Return whether a record that is used serves nothing, and why; both empty if not."""
        if binding[REJECT.name] and REJECT.since <= self.session.release:
            return "dropped", f"{REJECT.name} is on"
        if broken := self._broken(binding, entry):
            return "broken", broken
        if not binding.key.kind.certificate and self.unseen:
            return "not known", self.unseen
        return "", ""

    def _broken(self, binding: Binding, entry: Entry | None) -> str:
        """Return why the record serves nothing although it is picked."""
        stores = self.session.stores
        if not versions_left(binding, self.session.release):
            return NO_TLS.message
        if stores is None or binding.certhash is None:
            return ""
        if entry is None:
            return f"the certificate is not in the store {binding.store}"
        if not entry.has_key and not stores.keys_elsewhere:
            return "the certificate has no private key"
        return ""

    def _files(self, key: Key) -> tuple[int | None, int | None]:
        """Return how many files the record may serve, and how many of them do not open.

        None if that is not known.
        """
        if self.unseen:
            return None, None
        files = self.central_files
        if key.kind is SCOPEDCCS:
            parent = key.host.partition(".")[2]
            own = {key.host, f"*.{parent}"}
            files = [
                one
                for one in files
                if one.name in own
                or (key.wildcard and (one.name or "").partition(".")[2] == parent)
            ]
        return len(files), sum(not one.usable for one in files)


def _step(key: Key) -> str:
    if key.kind is HOSTNAMEPORT:
        return "wildcard-hostnameport" if key.wildcard else "hostnameport"
    if key.kind is IPPORT and key.wildcard:
        return "ipv4-wildcard" if key.host == ANY_IPV4 else "ipv6-wildcard"
    return key.kind.name


def _otherwise(port: int, used: set[Key], provenance: Provenance) -> str:
    """Return what happens to the connections that no record matches."""
    if provenance.may_have(Key(IPPORT, ANY_IPV4, port)) and Key(IPPORT, ANY_IPV4, port) not in used:
        return f"is not known: it is not recorded whether ipport={ANY_IPV4}:{port} exists"
    if Key(IPPORT, ANY_IPV4, port) in used:
        return f"is answered by ipport={ANY_IPV4}:{port}"
    if Key(IPPORT, ANY_IPV6, port) in used:
        return f"is reset, over IPv4; ipport={ANY_IPV4}:{port} would answer"
    return (
        f"is reset, including clients without a server name; ipport={ANY_IPV4}:{port} would answer"
    )
