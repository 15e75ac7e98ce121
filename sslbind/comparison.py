"""Servers side by side: what is the same on all of them, and every difference.

Bindings are compared by key and tag, by their effective values: order, spelling, and
whether a default is written or left out, make no difference.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sslbind.binding import Binding
from sslbind.keys import KINDS, Key
from sslbind.printable import printable
from sslbind.registry.document import CentralCertProvider
from sslbind.registry.provenance import Provenance, Unread
from sslbind.release import Release
from sslbind.session import Session
from sslbind.sslflags import BASE, tag_bits
from sslbind.tags import SSLFLAGS, STORED, Type

T = TypeVar("T")

WINDOWS, IPLISTEN, CENTRAL = "windows", "iplisten", "CentralCertProvider"
"""What is compared besides the bindings, named as in the registry file."""

_OTHER = "Other."


class Untold(enum.Enum):
    """The value of anything that a server's document does not record."""

    UNRECORDED = "?"


UNRECORDED = Untold.UNRECORDED


class ServerState(NamedTuple):
    """The state of one server; ``name`` is what the answer calls it.

    ``unrecorded`` are the names of what its document does not record: tags, WINDOWS,
    IPLISTEN, CENTRAL. ``provenance`` is the document's, with the records that could not be
    read.
    """

    name: str
    bindings: Mapping[Key, Binding]
    iplisten: tuple[str, ...]
    release: Release
    central: CentralCertProvider = CentralCertProvider()
    unrecorded: frozenset[str] = frozenset()
    provenance: Provenance = Provenance()


def server_state(session: Session, *, release_given: bool = False) -> ServerState:
    """Return the state of the server that the registry or document of ``session`` describes.

    ``release_given``: the release of the session is the server's, even if its document does
    not record one.
    """
    registry = session.registry
    provenance = registry.provenance
    unrecorded = {CENTRAL if name == "central" else name for name in provenance.unknown}
    if release_given:
        unrecorded.discard(WINDOWS)
    return ServerState(
        registry.path,
        registry.bindings,
        registry.iplisten,
        session.release,
        registry.settings.central_store or CentralCertProvider(),
        frozenset(unrecorded),
        provenance,
    )


class Difference(NamedTuple):
    """One thing that is not the same on all servers; tuples are in the servers' order.

    ``key`` is None for WINDOWS, IPLISTEN and CENTRAL, which are in ``tag``.
    ``tag`` is None if the difference is that not all servers have the binding; it is
    ``Other.`` plus a name for a value without a tag. ``values`` are what each server has,
    None if it has no such binding or no such text; if ``tag`` is None they are ``present``:
    which servers have the binding. A value is UNRECORDED if a server's document does not
    record it; that alone is not a difference.
    """

    key: Key | None
    tag: str | None
    values: tuple[object, ...]
    present: tuple[bool, ...]


class Comparison(NamedTuple):
    """The names of the servers, how many bindings are the same on all, and the differences.

    ``same`` counts the bindings that every server records and that are equal; ``unknown``
    those with no recorded difference that not every server records, or not with their
    certificate. ``unread`` are the records that could not be read, each with the name of
    its server.

    The differences are those of the servers themselves, then those of the
    bindings, in the order of ``show``, each in the order of its tags.
    ``not_compared`` has, for each server whose document does not record everything, the
    names of what it does not record, and unreadable bindings as ``kind=key``.
    """

    servers: tuple[str, ...]
    same: int
    differences: tuple[Difference, ...]
    not_compared: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unknown: int = 0
    unread: tuple[tuple[str, Unread], ...] = ()


def compare(servers: Sequence[ServerState]) -> Comparison:
    """Compare two or more servers.

    Store names are compared case-insensitively, the listen list regardless of order. An
    unset store name differs from MY, which is searched by default: IIS Manager treats them
    differently. ``sslflags`` is compared without the bits of tags that are on, which are
    differences of those tags.
    """
    differences = [*_settings(servers)]
    same = unknown = 0
    for key in _keys(servers):
        found = [*_binding(key, servers)]
        certain = all(_records(server, key) for server in servers)
        same += certain and not found
        unknown += not certain and not found
        differences += found
    unread = tuple((one.name, record) for one in servers for record in one.provenance.unread)
    names = tuple(server.name for server in servers)
    unrecorded = tuple((one.name, lacks) for one in servers if (lacks := _not_compared(one)))
    return Comparison(names, same, tuple(differences), unrecorded, unknown, unread)


def _records(server: ServerState, key: Key) -> bool:
    """Whether a server's document shows for certain the binding, or that there is none.

    Tags that a document never records do not count, except the certificate.
    """
    record = server.bindings.get(key)
    if record is None:
        return not server.provenance.may_have(key)
    return not record.unknown and not (key.kind.certificate and "certhash" in server.unrecorded)


def _not_compared(server: ServerState) -> tuple[str, ...]:
    names = [name for name in (WINDOWS, IPLISTEN, CENTRAL, *STORED) if name in server.unrecorded]
    unread = (key.spec for key in server.provenance.unread_keys if key not in server.bindings)
    return (*names, *sorted(unread))


def _keys(servers: Sequence[ServerState]) -> list[Key]:
    """Return the keys of all servers by kind, then in the servers' order."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    keys = dict.fromkeys(key for server in servers for key in server.bindings)
    return sorted(keys, key=lambda key: ranks[key.kind])


def _settings(servers: Sequence[ServerState]) -> Iterator[Difference]:
    present = (True,) * len(servers)
    lists = _unified((server.iplisten for server in servers), frozenset)
    rows: tuple[tuple[str, Iterable[object]], ...] = (
        (WINDOWS, (str(server.release) for server in servers)),
        (IPLISTEN, lists),
        (CENTRAL, (_central(server.central) for server in servers)),
    )
    for name, found in rows:
        values = tuple(
            UNRECORDED if name in server.unrecorded else value
            for server, value in zip(servers, found, strict=True)
        )
        if _differ(values):
            yield Difference(None, name, values, present)


def _central(settings: CentralCertProvider) -> str:
    return f"enabled, {settings.location or 'no location'}" if settings.enabled else "disabled"


def _differ(values: Iterable[object]) -> bool:
    """Whether two of the known ``values`` differ."""
    recorded = [value for value in values if value is not UNRECORDED]
    return any(value != recorded[0] for value in recorded)


def _binding(key: Key, servers: Sequence[ServerState]) -> Iterator[Difference]:
    records = [server.bindings.get(key) for server in servers]
    present = tuple(one is not None for one in records)
    known = [one for one in records if one is not None]
    if not all(present):
        found = tuple(
            UNRECORDED if not there and server.provenance.may_have(key) else there
            for there, server in zip(present, servers, strict=True)
        )
        if _differ(found):
            yield Difference(key, None, found, present)
    if all(one == known[0] for one in known):
        return
    others = dict.fromkeys(f"{_OTHER}{name}" for one in known for name in one.other)
    for name in (*STORED, *others):
        values = tuple(
            UNRECORDED if _untold(name, key, server) else value
            for value, server in zip(_values(name, records), servers, strict=True)
        )
        if _differ(value for value, there in zip(values, present, strict=True) if there):
            yield Difference(key, name, values, present)


def _untold(name: str, key: Key, server: ServerState) -> bool:
    """Whether a document does not record a tag; without tags it has no tagless values either."""
    record = server.bindings.get(key)
    if record is None:
        return server.provenance.may_have(key)
    if name in record.unknown or (record.unknown and name == SSLFLAGS.name):
        return True
    if name in STORED:
        return name in server.unrecorded
    return bool(record.unknown) or not server.unrecorded.isdisjoint(STORED)


def _values(name: str, records: Sequence[Binding | None]) -> tuple[object, ...]:
    """Return what each record has under ``name``, equal values in one spelling."""
    values = [None if one is None else _value(one, name) for one in records]
    if name in STORED and STORED[name].type is Type.STORE:
        return _unified(values, lambda value: value and str(value).casefold())
    return tuple(values)


def _value(binding: Binding, name: str) -> object:
    if name == SSLFLAGS.name:
        flags = int(binding.values.get(name, BASE[binding.key.kind]))
        return flags & ~tag_bits(binding.values)
    if name in STORED:
        return binding[name]
    return binding.other.get(name.removeprefix(_OTHER))


def _unified(values: Iterable[T], fold: Callable[[T], Hashable]) -> tuple[T, ...]:
    """Return ``values``; those that ``fold`` makes equal get the spelling of the first."""
    first: dict[Hashable, T] = {}
    return tuple(first.setdefault(fold(value), value) for value in values)


def shown_value(tag: str | None, value: object) -> str:
    """Return a value of a difference as people read it; ``?`` where it is not recorded."""
    if value is UNRECORDED:
        return UNRECORDED.value
    if tag is None:
        return "present"
    if isinstance(value, tuple) and tag == IPLISTEN:
        return ", ".join(value) or "every address"
    if value is None:
        return "(null)"
    stored = STORED.get(tag)
    return printable(stored.text(value) if stored and isinstance(value, str | int) else str(value))
