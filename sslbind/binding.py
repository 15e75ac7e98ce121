"""A binding: a key and its tags, as one immutable value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sslbind.errors import BadValueError
from sslbind.keys import Key
from sslbind.release import Release
from sslbind.sslflags import FLAG_TAGS, effective
from sslbind.tags import BITS, STORED, TAGS, Bit, Value

T = TypeVar("T")

UNKNOWN = "?"
"""What people see instead of a value that is not known."""
_KEPT = 5_000
"""Results that ``alike`` keeps, so that its memory does not grow with a file."""
DEFAULT_STORE = "MY"
"""LocalMachine's personal store: where HTTP.SYS looks when no certstorename is given."""


_NOTHING: Mapping[str, Any] = {}


class Binding:
    """What HTTP.SYS stores for one key.

    ``values`` maps names of ``tags.STORED`` to canonical values; defaults are left out, so
    that equal bindings have equal values. ``other`` holds what was imported and has no tag,
    unchanged.

    ``unknown`` are the names of the tags whose values the document of the record does not
    give, for example a masked thumbprint: they are not at their defaults, and only records
    of a snapshot have any.

    ``binding["usagecheck"]`` gives the value in force, None for absent text and
    for what is unknown. Both raise BadValueError for a name that is not a tag; an invalid
    value does, and a record that lacks what its kind needs.
    """

    __slots__ = ("key", "other", "unknown", "values")

    def __init__(
        self,
        key: Key,
        values: Mapping[str, object],
        other: Mapping[str, Any] | None = None,
        unknown: frozenset[str] = frozenset(),
    ) -> None:
        self.key = key
        self.unknown = unknown
        self.other: Mapping[str, Any] = other or _NOTHING
        kept: dict[str, Value] = {}
        for name, value in values.items():
            tag = STORED.get(name)
            if tag is None:
                raise not_a_tag(name)
            kept[name] = tag.check(value)
        denied = _turn_on(kept) if "sslflags" in kept else ()
        self.values: Mapping[str, Value] = {
            name: value
            for name, value in kept.items()
            if value != STORED[name].default or name in denied
        }
        _require(self)

    def __getitem__(self, name: str) -> Value | None:
        value = self.values.get(name)
        if value is not None or name in self.unknown:
            return value
        tag = STORED.get(name)
        if tag is None:
            raise not_a_tag(name)
        return tag.default

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Binding):
            return NotImplemented
        same = self.key == other.key and self.values == other.values
        return same and self.unknown == other.unknown and _same(self.other, other.other)

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Binding({str(self.key)!r}, {dict(self.values)!r})"

    @property
    def certhash(self) -> str | None:
        """The thumbprint; None if the central store has the certificate, or it is unknown."""
        value = self["certhash"]
        return None if value is None else str(value)

    @property
    def appid(self) -> str:
        """The owner's ``{guid}``, UNKNOWN where it is not known."""
        return str(self["appid"] or UNKNOWN)

    @property
    def store(self) -> str | None:
        """The store that is searched: certstorename, MY by default, None for CCS.

        Also None if it is unknown.
        """
        if not self.key.kind.certificate or "certstorename" in self.unknown:
            return None
        return str(self.values.get("certstorename", DEFAULT_STORE))

    def sslflags(self, release: Release) -> int:
        """Return IIS's flags of the record as one integer, no bit of it newer than ``release``."""
        return effective(self.key.kind, self.values, release)

    def bit(self, bit: Bit) -> bool:
        """Whether a stored bit that no tag sets is on."""
        if bit.name == "REVOCATION_FRESHNESS_TIME" and self["revocationfreshnesstime"]:
            return True
        stored = self.other.get(bit.value, 0)
        return isinstance(stored, int) and bool(stored & bit.bit)

    def replace(self, changes: Mapping[str, Value | None]) -> Binding:
        """Return the binding with other values; None resets a tag to its default."""
        values = {**self.values, **changes}
        return Binding(
            self.key,
            {name: value for name, value in values.items() if value is not None},
            self.other,
            self.unknown.difference(changes),  # with keys() a minus makes a set of it
        )

    def at(self, key: Key, certhash: str | None = None) -> Binding:
        """Return the same record for another key of its kind; nothing is checked again.

        With ``certhash``, which is canonical, it has another certificate; it must have one.
        """
        same = object.__new__(Binding)
        same.key, same.other, same.unknown = key, self.other, self.unknown
        same.values = {**self.values, "certhash": certhash} if certhash else self.values
        return same

    def to_json(self, release: Release) -> dict[str, Value | None]:
        """Return the record for JSON: every tag, native types, unset text null.

        Properties of ``update sslpropertyex`` are in it if they were set.
        """
        flags = self.sslflags(release) if self.unknown.isdisjoint(_FLAGS) else None
        unknown = dict.fromkeys(self.unknown & _UNSET.keys())
        named = {"kind": self.key.kind.name, "key": str(self.key)}
        return {**named, **_UNSET, **unknown, **self.values, "sslflags": flags}


_FLAGS = {"sslflags", *(tag.name for tag in FLAG_TAGS)}
_UNSET: Mapping[str, Value | None] = {
    **dict.fromkeys(("certhash", "appid", "certstorename", "sslflags")),
    **{tag.name: tag.default for tag in TAGS},
}
"""The JSON of a record with nothing set, in the order of the tags."""


def alike(function: Callable[[Binding], T]) -> Callable[[Binding], T]:
    """Return ``function``, called only once for the records that ``Binding.at`` made from one.

    It may depend only on the kind of a key. Of ten thousand records most share a
    certificate and their tags with others.
    """
    known: dict[int, tuple[object, T]] = {}  # keeps the values alive, and so their id

    def call(binding: Binding) -> T:
        found = known.get(id(binding.values))
        if found is None:
            if len(known) == _KEPT:
                known.clear()
            found = known[id(binding.values)] = binding.values, function(binding)
        return found[1]

    return call


def alike_but_certificate(function: Callable[[Binding], T]) -> Callable[[Binding], T]:
    """Return ``function``, which is called once for records that share all but certificate and key.

    It may look at nothing of a key but the kind, and not at ``certhash``.
    """
    known: dict[tuple[object, ...], T] = {}

    def call(binding: Binding) -> T:
        values = {**binding.values, "certhash": None}
        like = binding.key.kind, binding.unknown, *values.items()
        if like not in known:
            if len(known) == _KEPT:
                known.clear()
            known[like] = function(binding)
        return known[like]

    return call


def not_a_tag(name: str) -> BadValueError:
    """Return the error for an unknown tag name, with the tag that may be meant."""
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), STORED, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return BadValueError(f"{name!r} is not a tag{meant}")


def _same(one: object, other: object) -> bool:
    """Whether two values of ``Other`` are equal: 1, 1.0 and true are all different."""
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def untagged_bits(binding: Binding) -> Iterator[Bit]:
    """Yield the bits of ``binding`` that have no tag."""
    return (bit for bit in BITS if bit.name != "REVOCATION_FRESHNESS_TIME" and binding.bit(bit))


def _turn_on(values: dict[str, Value]) -> tuple[str, ...]:
    """Turn on the tags of the bits in a stored ``sslflags``, unless they are named.

    Return the tags that are off although their bit is set: contradictions are
    kept as they are, for ``check`` to find.
    """
    flags = int(values["sslflags"])
    names = [tag.name for tag in FLAG_TAGS if tag.site_flag and flags & tag.site_flag.bit]
    for name in names:
        values.setdefault(name, True)
    return tuple(name for name in names if not values[name])


def _require(binding: Binding) -> None:
    kind, values = binding.key.kind, binding.values.keys() | binding.unknown
    if "appid" not in values:
        raise BadValueError(f"{binding.key.spec}: appid is missing")
    if kind.certificate:
        if "certhash" not in values:
            raise BadValueError(f"{binding.key.spec}: certhash is missing")
        return
    for name in ("certhash", "certstorename"):
        if name in binding.values:
            raise BadValueError(
                f"{binding.key.spec}: {name} does not belong there;"
                " the central store supplies the certificate"
            )
