"""One record of a capture: from its lines to a key and values, and what is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.encoding import refuse_lost
from sslbind.formats.netsh.show_layouts import (
    NULL,
    Column,
    Layout,
    Shape,
    best,
    columns_of,
    fits,
    labels,
    layouts,
    needed,
    shape,
)
from sslbind.formats.netsh.show_lines import Field
from sslbind.formats.netsh.show_words import Words, masked, masked_address, without_note
from sslbind.keys import HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key, Kind, infer_key, parse_key
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import PROPERTIES, STORED, TAGS, Bit, Tag, Type, Value

_KEYS = ("certhash", "appid")
_MASKED, _UNREADABLE, _ABSENT = "it is masked", "it cannot be read", "not in the capture"


class RecordBlock(NamedTuple):
    """The lines of one record, its key first, and those of its extended properties."""

    fields: list[Field]
    properties: list[list[Field]]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kind of the key according to its English label, or none."""
        found = labels().get(self.fields[0].label.lower())
        return (found,) if isinstance(found, Kind) else ()


class Record(NamedTuple):
    """A record that was read.

    ``problems`` are the lines of the values that could not be, each with a sentence;
    ``unknown`` the names of their tags, each with why. ``missing`` lines are
    absent from the layout of ``release``, and ``surplus`` ones are not in it; they are
    ``named`` if their labels are English. ``fields`` are the lines after the key by the
    names of what they show.
    """

    binding: Binding
    release: Release | None
    missing: int
    surplus: Sequence[Field]
    named: bool
    problems: Sequence[tuple[int, str]]
    unknown: Sequence[tuple[str, str]]
    fields: Mapping[str, Field]

    def without(self, names: Iterable[str], why: str) -> Record:
        """Return the same with the values of some tags not known."""
        binding = self.binding
        gone = binding.unknown | frozenset(names)
        values = {name: value for name, value in binding.values.items() if name not in gone}
        unknown = dict(self.unknown) | dict.fromkeys(names, why)
        return self._replace(
            binding=Binding(binding.key, values, binding.other, gone), unknown=[*unknown.items()]
        )


class _Values:
    """The values of one record as they are read."""

    def __init__(self, key: Key, words: Words) -> None:
        self.key = key
        self.words = words
        self.values: dict[str, Value] = {}
        self.bits: list[Bit] = []
        self.problems: list[tuple[int, str]] = []
        self.unknown: dict[str, str] = {}

    def take(self, column: Column, field: Field) -> None:
        """Read the value of a column; raise BadValueError if the record is useless without it."""
        value = field.value
        if value == _default(column):
            return
        if not (isinstance(column, Tag) and column.type in (Type.TEXT, Type.STORE)):
            value = without_note(value)
        if isinstance(column, Bit):
            on = self.words.flag(value)
            if on is None:
                self.lose(column, field)
            elif on:
                self.bits.append(column)
            return
        try:
            self.values |= self._parsed(column, value)
        except BadValueError:
            self.lose(column, field)

    def take_number(self, tag: Tag, field: Field) -> None:
        """Read the value of an extended property."""
        if _is_number(field.value):
            self.values[tag.name] = int(field.value)
        else:
            self.lose(tag, field)

    def lose(self, column: Column, field: Field) -> None:
        """Note that a value is not known; raise BadValueError for a thumbprint that is not one."""
        is_masked = masked(field.value)
        if column.name == "certhash" and not is_masked:
            raise self._unexpected(column, field)
        if "\ufffd" not in field.value or is_masked:
            self.problems.append((field.line, self._unexpected(column, field).message))
        else:
            what = f"{self.key.spec}: line {field.line} has a character that cannot be read"
            self.problems.append((field.line, what))
        self.unknown[column.name] = _MASKED if is_masked else _UNREADABLE

    def _unexpected(self, column: Column, field: Field) -> BadValueError:
        return BadValueError(
            f"{self.key.spec}: line {field.line} has {printable(field.value)!r:.200}"
            f" where {column.name} is expected"
        )

    def _parsed(self, column: Tag, value: str) -> dict[str, Value]:
        if value == NULL and column.default is None:
            return {}
        if column.type is Type.FLAG:
            on = self.words.flag(value)
            if on is None:
                raise BadValueError("neither on nor off")
            return {column.name: on}
        if column.type in (Type.TEXT, Type.STORE) and value in ("?", "\ufffd"):
            raise BadValueError("not known")
        refuse_lost(value)
        if column.name == "certhash" and not self.key.kind.certificate:
            raise BadValueError("has none")
        return {column.name: column.parse(value)}

    def binding(self) -> Binding:
        """Return the record."""
        unknown = frozenset(self.unknown.keys() & STORED.keys())
        binding = Binding(self.key, self.values, unknown=unknown)
        other: dict[str, int] = {}
        for bit in self.bits:
            if not binding.bit(bit):  # the freshness time sets one of them by itself
                other[bit.value] = other.get(bit.value, 0) | bit.bit
        return Binding(self.key, self.values, other, unknown) if other else binding


def read_record(block: RecordBlock, words: Words) -> Record:
    """Return the record of a block; raise BadValueError, which says why there is none."""
    key = _key(block)
    lines = block.fields[1:]
    read = _Values(key, words)
    named = _by_label(lines)
    if named is not None:
        columns, surplus = named
        layout = _layout_of(tuple(column for column, _ in columns))
        release = layout.release if layout else needed([column for column, _ in columns])
    else:
        layout, surplus = _by_shape(key, lines, words)
        columns = [*zip(layout.columns, lines, strict=False)]
        release = layout.release
    for column, field in columns:
        read.take(column, field)
    missing = _missing([column for column, _ in columns], layout)
    if not missing and key.kind is IPPORT and _spaced_as_2008(columns):
        release = Release.W2008R2
    if absent := [name for name in _KEYS if name not in {column.name for column, _ in columns}]:
        if absent != ["appid"] or columns[1:]:
            raise BadValueError(f"{key.spec}: {absent[0]} is missing")
        _only_hash(read, columns[0][1])  # output of Select-String for keys and thumbprints
        missing = 0
        layout = None
    properties = _properties(block.properties)
    for tag, field in properties:
        read.take_number(tag, field)
    return Record(
        read.binding(),
        _at_least(release, read) if layout is not None or named else None,
        missing,
        surplus,
        named is not None,
        read.problems,
        [*read.unknown.items()],
        {column.name: field for column, field in [*columns, *properties]},
    )


def known_key(block: RecordBlock) -> Key | None:
    """Return the key of a block, None if it cannot be read."""
    try:
        return _key(block)
    except BadValueError:
        return None


def labelled_kind(block: RecordBlock) -> tuple[Kind | None, int | None]:
    """Return kind and port of a block whose key cannot be read, as far as possible."""
    value = block.fields[0].value
    port = value.rpartition(":")[2]
    number = int(port) if port.isdecimal() and 0 < len(port) < 6 else None
    kind = next(iter(block.kinds), None)
    if kind is None and masked_address(value.rpartition(":")[0]):
        kind = IPPORT
    return kind, number if number and number < 65536 else None


def _key(block: RecordBlock) -> Key:
    """Return the key, whose kind follows from its label, or its shape and whether it has a hash."""
    text = without_note(block.fields[0].value)
    refuse_lost(text)
    central = len(block.fields) > 1 and block.fields[1].value == NULL
    host = text.rpartition(":")[0]
    if IPPORT in block.kinds:
        return parse_key(IPPORT, text)
    if HOSTNAMEPORT in block.kinds:
        return parse_key(SCOPEDCCS if central else HOSTNAMEPORT, text)
    if masked_address(host):
        return parse_key(IPPORT, text)
    return infer_key(text, scoped=central)


# By label.


def _by_label(
    lines: Sequence[Field],
) -> tuple[list[tuple[Column, Field]], list[Field]] | None:
    """Return the lines by their English labels, and the others; None in other languages.

    The labels are used if most are known, none is repeated, and the other lines are not
    those that every release has.
    """
    found: dict[str, tuple[Column, Field]] = {}
    others: list[Field] = []
    known = labels()
    for place, field in enumerate(lines):
        column = known.get(field.label.lower()) or _told_by_shape(place, field)
        if column is None or isinstance(column, Kind) or column.name in found:
            others.append(field)
        else:
            found[column.name] = (column, field)
    if not found or len(others) * 4 > len(found):
        return None
    if others and any(column.name not in found for column in columns_of(Release.W2012)):
        return None  # a line with another label may be one of these
    return [*found.values()], others


def _told_by_shape(place: int, field: Field) -> Column | None:
    """Return thumbprint or owner for a line with the position and value of one."""
    column = TAGS[place] if place < len(_KEYS) else None
    return column if column and fits(column, shape(field.value)) else None


@cache
def _layout_of(columns: tuple[Column, ...]) -> Layout | None:
    """Return the layout that has these lines and no other, the newest of several."""
    wanted = {column.name for column in columns}
    return next((one for one in layouts() if {c.name for c in one.columns} == wanted), None)


# By shape.


def _by_shape(key: Key, lines: Sequence[Field], words: Words) -> tuple[Layout, list[Field]]:
    """Return the layout that matches the values, completely or as a prefix; and other lines."""
    shapes = tuple(words.shape(without_note(field.value)) for field in lines)
    layout, fitting = best(shapes)
    if shapes and not fits(layout.columns[0], shapes[0]) and masked(lines[0].value):
        layout, fitting = best((Shape.HASH, *shapes[1:]))
    if fitting < min(len(lines), len(layout.columns)):
        field, column = lines[fitting], layout.columns[fitting]
        if column.name == "appid" and masked(field.value):
            shapes = (shapes[0], Shape.GUID, *shapes[2:])
            layout, fitting = best((Shape.HASH, *shapes[1:]) if masked(lines[0].value) else shapes)
        if fitting < min(len(lines), len(layout.columns)):
            field, column = lines[fitting], layout.columns[fitting]
            raise BadValueError(
                f"{key.spec}: line {field.line} has {printable(field.value)!r}"
                f" where {column.name} is expected"
            )
    return layout, list(lines[len(layout.columns) :])


# What both have.


def _missing(columns: Sequence[Column], layout: Layout | None) -> int:
    """Return how many lines are missing that every release prints up to its last."""
    if layout is not None:
        return max(0, len(layout.columns) - len(columns))
    last = max(column.line for column in columns)
    there = {column.name for column in columns}
    oldest = columns_of(Release.W2012)
    every = {column.name for column in oldest}
    return len(every - there) if last <= max(column.line for column in oldest) else 0


def _spaced_as_2008(columns: Sequence[tuple[Column, Field]]) -> bool:
    flags = [
        field.old
        for column, field in columns
        if isinstance(column, Tag) and column.type is Type.FLAG
    ]
    return bool(flags) and all(flags)


def _at_least(release: Release, read: _Values) -> Release:
    """Return the release, or the first one that has such a record."""
    wildcard = read.key.kind is HOSTNAMEPORT and read.key.wildcard
    return max(release, Release.W2016 if wildcard else read.key.kind.since)


def _only_hash(read: _Values, field: Field) -> None:
    """Note that only the thumbprint is known."""
    read.problems.append((field.line, f"{read.key.spec}: appid is missing"))
    read.unknown |= {name: _ABSENT for name in STORED if name not in read.values}


def _properties(groups: Sequence[Sequence[Field]]) -> list[tuple[Tag, Field]]:
    """Return the lines of the extended properties, each group by its id."""
    found: list[tuple[Tag, Field]] = []
    for group in groups:
        lines = [field for field in group if field.value.isdecimal() or masked(field.value)]
        number = int(lines[0].value) if lines and _is_number(lines[0].value) else None
        tags = [one.tag for one in PROPERTIES if one.propertyid == number]
        found += zip(tags, lines[1:], strict=False)
    return found


def _is_number(value: str) -> bool:
    return value.isdecimal() and len(value) <= 10


@cache
def _default(column: Column) -> str:
    """Return what a line shows if nothing is set."""
    if isinstance(column, Bit):
        return "Not Set" if column.late else "Disabled"
    return column.show(column.default)
