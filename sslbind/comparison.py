"""Servers side by side: what is the same on all of them, and each thing that is not.

Bindings are compared by key and tag, by the values in force: whether a default
is written or left out, in which order and in which spelling, is no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sslbind.binding import Binding
from sslbind.keys import KINDS, Key
from sslbind.release import Release
from sslbind.sslflags import BASE, tag_bits
from sslbind.tags import SSLFLAGS, STORED, Type

T = TypeVar("T")

WINDOWS, IPLISTEN = "windows", "iplisten"
"""What is compared of a server besides its bindings, named as in the registry file."""

_OTHER = "Other."


class Server(NamedTuple):
    """What one server has; ``name`` is what it is called in the answer."""

    name: str
    bindings: Mapping[Key, Binding]
    iplisten: tuple[str, ...]
    release: Release


class Difference(NamedTuple):
    """One thing that is not the same on all servers; tuples are in the servers' order.

    ``key`` is None for WINDOWS and IPLISTEN, which stand in ``tag``. ``tag`` is
    None where the difference is that not all servers have the binding; it is
    ``Other.`` and a name for what has no tag. ``values`` are what each server
    has, None where it has no such binding, or no such text; where ``tag`` is
    None they are ``present``: which servers have the binding.
    """

    key: Key | None
    tag: str | None
    values: tuple[object, ...]
    present: tuple[bool, ...]


class Comparison(NamedTuple):
    """The names of the servers, how many bindings are the same on all, and what is not.

    The differences are those of the servers themselves, then those of the
    bindings, in the order of ``show``, each in the order of its tags.
    """

    servers: tuple[str, ...]
    same: int
    differences: tuple[Difference, ...]


def compare(servers: Sequence[Server]) -> Comparison:
    """Compare two or more servers.

    Store names compare without case, the listen list without order. A store
    that is not named differs from MY, which is searched in its place: IIS
    Manager does not read both alike. ``sslflags`` counts without the bits of
    tags that are on, which are differences of those tags.
    """
    differences = [*_settings(servers)]
    same = 0
    for key in _keys(servers):
        found = [*_binding(key, [server.bindings.get(key) for server in servers])]
        same += not found
        differences += found
    return Comparison(tuple(server.name for server in servers), same, tuple(differences))


def _keys(servers: Sequence[Server]) -> list[Key]:
    """Return the keys of all servers by kind, then as the servers have them."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    keys = dict.fromkeys(key for server in servers for key in server.bindings)
    return sorted(keys, key=lambda key: ranks[key.kind])


def _settings(servers: Sequence[Server]) -> Iterator[Difference]:
    present = (True,) * len(servers)
    releases = tuple(str(server.release) for server in servers)
    lists = _unified((server.iplisten for server in servers), frozenset)
    rows: tuple[tuple[str, tuple[object, ...]], ...] = ((WINDOWS, releases), (IPLISTEN, lists))
    for name, values in rows:
        if any(value != values[0] for value in values):
            yield Difference(None, name, values, present)


def _binding(key: Key, records: Sequence[Binding | None]) -> Iterator[Difference]:
    present = tuple(one is not None for one in records)
    known = [one for one in records if one is not None]
    if not all(present):
        yield Difference(key, None, present, present)
    if all(one == known[0] for one in known):
        return
    others = dict.fromkeys(f"{_OTHER}{name}" for one in known for name in one.other)
    for name in (*STORED, *others):
        values = _values(name, records)
        there = [value for value, one in zip(values, records, strict=True) if one is not None]
        if any(value != there[0] for value in there):
            yield Difference(key, name, values, present)


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
    """Return ``values``, those that ``fold`` makes equal all as the first of them is."""
    first: dict[Hashable, T] = {}
    return tuple(first.setdefault(fold(value), value) for value in values)
