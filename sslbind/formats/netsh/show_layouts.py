"""The layouts of ``show sslcert``: which value is in which line, in each release."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from sslbind.keys import KINDS, Kind
from sslbind.release import Release
from sslbind.tags import BITS, PROPERTIES, REJECT, TAGS, Bit, Tag, Type

Column = Tag | Bit

NULL = "(null)"
GUID = re.compile(r"\{.*\}")
_HASH = re.compile(r"[0-9A-Fa-f]{40}")
_EXTRA = 2
"""How many values of a record may not match without putting its layout in doubt."""


class Shape(enum.Enum):
    """What a value looks like."""

    EARLY = "Enabled or Disabled"
    LATE = "Set or Not Set"
    NULL = "(null)"
    HASH = "40 hex digits"
    GUID = "{GUID}"
    NUMBER = "digits"
    TEXT = "anything"


_SHAPES = {
    "Enabled": Shape.EARLY,
    "Disabled": Shape.EARLY,
    "Set": Shape.LATE,
    "Not Set": Shape.LATE,
    NULL: Shape.NULL,
}


def shape(value: str) -> Shape:
    """Return what ``value`` looks like, in English."""
    if value in _SHAPES:
        return _SHAPES[value]
    if value.isdecimal() and len(value) < 40:
        return Shape.NUMBER
    if _HASH.fullmatch(value):
        return Shape.HASH
    return Shape.GUID if GUID.fullmatch(value) else Shape.TEXT


class Layout(NamedTuple):
    """The lines of a record after its key, and the release that prints them so."""

    release: Release
    columns: tuple[Column, ...]


@cache
def layouts() -> tuple[Layout, ...]:
    """Return every layout there is, the shortest first, of equal ones the newest release."""
    found = {columns_of(release): release for release in Release}
    last_2012r2 = tuple(sorted((*columns_of(Release.W2012R2), REJECT), key=_line))
    found[last_2012r2] = Release.W2012R2  # as its last builds print it
    rows = [Layout(release, columns) for columns, release in found.items()]
    return tuple(sorted(rows, key=lambda layout: len(layout.columns)))


def columns_of(release: Release) -> tuple[Column, ...]:
    """Return the columns of a release in the order of its lines."""
    columns: list[Column] = [tag for tag in TAGS if tag.since <= release]
    columns += [bit for bit in BITS if bit.label and bit.since <= release]
    return tuple(sorted(columns, key=_line))


def _line(column: Column) -> int:
    return column.line


@cache
def labels() -> dict[str, Column | Kind]:
    """Return the column of each English label, by the label in lower case."""
    found: dict[str, Column | Kind] = {kind.label.lower(): kind for kind in KINDS}
    found |= {tag.label.lower(): tag for tag in TAGS}
    found |= {one.tag.label.lower(): one.tag for one in PROPERTIES}
    return found | {bit.label.lower(): bit for bit in BITS if bit.label}


@lru_cache(maxsize=256)  # thousands of records have a few shapes
def best(shapes: tuple[Shape, ...]) -> tuple[Layout, int]:
    """Return the layout that matches the values of a record, and the index of the first mismatch.

    The index is the number of values if all match. If one or two do not, but the number of
    lines is that of the layout, the others still identify it.
    """

    def misfits(layout: Layout) -> list[int]:
        pairs = zip(layout.columns, shapes, strict=False)
        return [place for place, pair in enumerate(pairs) if not fits(*pair)]

    def rank(layout: Layout) -> tuple[bool, int, int]:
        wrong = misfits(layout)
        whole = len(layout.columns) == len(shapes) and len(wrong) <= _EXTRA
        first = wrong[0] if wrong else min(len(shapes), len(layout.columns))
        return whole, first, -len(layout.columns)

    found = max(layouts(), key=rank)
    whole, first, _ = rank(found)
    return found, len(shapes) if whole else first


def fits(column: Column, value: Shape) -> bool:
    """Whether a value of this shape may belong to ``column``."""
    if isinstance(column, Bit) or column.type is Type.FLAG:
        return value is (Shape.LATE if column.late else Shape.EARLY)
    if column.type is Type.HASH:
        return value in (Shape.HASH, Shape.NULL)
    if column.type is Type.GUID:
        return value is Shape.GUID
    return column.type is not Type.NUMBER or value is Shape.NUMBER


def needed(names: Sequence[Column]) -> Release:
    """Return the first release that prints all of these columns."""
    return max((column.since for column in names), default=min(Release))
