"""Captures of ``netsh http show sslcert``, of every release and in any language.

Labels are translated and columns shift, so no label is read: a record is told
by the shapes of its values and by their order, which follow from the table of
tags (confirmed by the output of five releases, in English, French and German).
"""

from __future__ import annotations

import contextlib
import enum
import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import takewhile
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.encoding import refuse_lost
from sslbind.formats.format import Format
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord
from sslbind.keys import IPPORT, Key, infer_key, parse_address
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import BITS, PROPERTIES, REJECT, TAGS, Bit, Tag, Type, Value

_PROMPT = re.compile(r"\s*(?:[A-Za-z]:\\[^>]*|PS [^>]*|netsh[^>]*)>")
_ECHO = re.compile(r"\bshow\s+ssl", re.IGNORECASE)
_HEADING = re.compile(r"[^|#=]*SSL[^|#=]*[:\uff1a]")
_WIDTH = 100
"""Characters in which a heading ends."""
_DASHES = re.compile(r"-{20,}")
_KEY = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):\d{1,5}")
_HASH = re.compile(r"[0-9A-Fa-f]{40}")
_GUID = re.compile(r"\{.*\}")
_WORDS = {"Enabled": True, "Disabled": False, "Set": True, "Not Set": False}
_ADDRESS = re.compile(r"(?m)^[ \t]*([0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+)[ \t]*$")
_NULL = "(null)"
_START = 1 << 16
"""Characters of a listing that usually include its first record."""
_COLUMNS = (33, 28)
"""Column of the colon: labels are padded to 29 columns, to 24 up to 2008 R2 (confirmed)."""
_INVISIBLE = "\u200e\u200f\ufeff"

Column = Tag | Bit


class _Field(NamedTuple):
    """A line with a label and a value; ``old`` if it is spaced as only 2008 R2 does."""

    line: int
    value: str
    old: bool


class _Block(NamedTuple):
    """The lines of one record, its key first, and those of its extended properties."""

    fields: list[_Field]
    properties: list[list[_Field]]


def detect(text: str) -> bool:
    """Whether ``text`` holds a record, or is the answer of a server that has none.

    A record is a key, and at least two lines of what belongs to it.
    """
    return answer_of_none(text) is not None or any(
        len(block.fields) > 2 for part in (text[:_START], text) for block in _blocks(part)
    )


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records of one listing or of several in one text.

    A record that is cut short has its missing lines at their defaults, and a
    note says so; one that lacks its hash or owner is bad. The release is that
    of the newest layout, None where no record is whole. Lines behind a record
    that look like another one, in a layout that is not known, are bad as well.
    """
    records: list[ImportedRecord] = []
    bad: list[BadRecord] = []
    notes: list[str] = []
    releases: list[Release] = []
    for block in map(_completed, _blocks(text)):
        try:
            binding, layout = _record(block)
        except BadValueError as error:
            bad.append(
                BadRecord(block.fields[0].line, error.message, error.hints, _known_key(block))
            )
            continue
        records.append(ImportedRecord(binding, block.fields[0].line))
        missing = len(layout.columns) + 1 - len(block.fields)
        if missing > 0:
            name = binding.key.spec
            lines = "1 line is missing and taken to be at its default"
            if missing > 1:
                lines = f"{missing} lines are missing and taken to be at their defaults"
            notes.append(f"{name} is cut short: {lines}")
        else:
            releases.append(layout.release)
            surplus = block.fields[missing:] if missing < 0 else []
            rest = [*surplus, *_no_numbers(block.properties)]
            if any(_GUID.fullmatch(field.value) for field in rest):
                bad.append(BadRecord(rest[0].line, "is a record in a layout that is not known"))
            elif rest and not surplus:
                bad.append(BadRecord(rest[0].line, "is an extended property, and not a number"))
            elif surplus:
                lines = "1 line" if missing == -1 else f"{-missing} lines"
                notes.append(f"{binding.key.spec} has {lines} more than any release"
                             " that is known; left out")  # fmt: skip
    answer = None if records or bad else answer_of_none(text)
    if answer:
        notes.append(f"has no record: netsh answered {printable(answer)!r}")
    iplisten = tuple(dict.fromkeys(_addresses(text))) or None
    release = max(releases, default=None)
    return Imported(tuple(records), tuple(bad), release, iplisten, tuple(notes))


def answer_of_none(text: str) -> str | None:
    """Return the sentence with which netsh answered instead of records, empty without one.

    None where ``text`` is no such answer: a heading, dashes, perhaps a sentence.
    The prompt's line tells whose answer it is, else the heading, where SSL is
    not translated. The listen list may be there as well.
    """
    if len(text) > _START:
        return None
    full = [line for raw in text.split("\n") if (line := raw.strip(f" \t{_INVISIBLE}"))]
    lines = [line for line in full if not _ECHO.search(line) and not _PROMPT.match(line)]
    dashes = [place for place, line in enumerate(lines) if _DASHES.fullmatch(line)]
    if dashes[:1] != [1]:
        return None
    told = any(_ECHO.search(line) for line in full)
    answer = ""
    for place, end in zip(dashes, [*(after - 1 for after in dashes[1:]), len(lines)], strict=True):
        told = told or bool(_HEADING.fullmatch(lines[place - 1][:_WIDTH]))
        body = lines[place + 1 : end]
        if all(_ADDRESS.fullmatch(line) for line in body):
            continue
        field = _field(0, body[0])
        if len(body) > 1 or answer or (field and _KEY.fullmatch(field.value)):
            return None
        answer = body[0]
    return answer if told else None


# Lines into blocks.


def _blocks(text: str) -> Iterator[_Block]:
    """Yield each record: a key, then lines with values until something else comes."""
    fields = list(_fields(text))
    block: _Block | None = None
    for place, field in enumerate(fields):
        if field is not None and _starts(field.value, fields, place):
            if block:
                yield block
            block = _Block([field], [])
        elif block is None:
            continue
        elif field is None:
            yield block
            block = None
        elif field.value:
            (block.properties[-1] if block.properties else block.fields).append(field)
        elif (after := fields[place + 1] if place + 1 < len(fields) else None) is None:
            yield block  # the title of another listing
            block = None
        elif after.value.isdecimal():
            block.properties.append([])
        else:
            block.fields.append(field._replace(value=_NULL))
    if block:
        yield block


def _fields(text: str) -> Iterator[_Field | None]:
    """Yield each line that is not empty, None for one that has no label and value."""
    lines = text.split("\n")
    prefix = _common_prefix(lines)
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip()
        if not prefix and line.startswith("    ") and line.isascii():  # as netsh prints it
            yield _field(number, line)
            continue
        line = line.removeprefix(prefix)
        if not line.isascii():
            line = line.strip(_INVISIBLE).rstrip()
        while line.startswith(">"):  # quoted in a mail
            line = line[1:].removeprefix(" ")
        if line:
            yield None if ">" in line and _PROMPT.match(line) else _field(number, line)


def _field(number: int, line: str) -> _Field | None:
    """Return the value: after the column that netsh uses, else after the last colon.

    If the column is known, a value may have colons; otherwise one with spaces
    around it is preferred, as labels have colons in some languages.
    """
    for column in _COLUMNS:
        if line[column - 1 : column + 2] == " : " and line.startswith("    "):
            return _Field(number, line[column + 2 :].strip(), old=False)
    for separator in (" : ", ": ", ":"):
        label, found, value = line.rpartition(separator)
        if found and label.strip():
            old = separator == " : " and label.endswith("   ") and not label.endswith("     ")
            return _Field(number, value.strip(), old)
    return None


def _common_prefix(lines: Sequence[str]) -> str:
    """Return the word that a logger put before every line (PowerShell: ``VERBOSE: ``)."""
    full = [line for line in lines if line.strip()]
    word = full[0].split(" ", 1)[0] if full else ""
    if len(word) < 2 or not word.endswith(":"):
        return ""
    return f"{word} " if all(line.startswith(word) for line in full) else ""


def _starts(value: str, fields: Sequence[_Field | None], place: int) -> bool:
    """Whether a record starts here: a key, or the port of a central store's record."""
    if ":" in value:
        return bool(_KEY.fullmatch(value))
    if not value.isdigit() or len(value) > 5:  # a thumbprint may have no letter
        return False
    following = [field.value if field else "" for field in fields[place + 1 : place + 3]]
    if following[:1] == [_NULL]:
        return bool(_GUID.fullmatch(following[-1]))
    return bool(following and _GUID.fullmatch(following[0]))


def _addresses(text: str) -> Iterator[str]:
    """Yield the addresses of ``show iplisten``: lines below dashes that are one and no more."""
    listing = False
    for line in text.split("\n"):
        if _DASHES.fullmatch(line.strip()):
            listing = True
        elif listing and line.strip():
            match = _ADDRESS.fullmatch(line)
            listing = match is not None
            with contextlib.suppress(BadValueError):
                if match is not None:
                    yield parse_address(match[1])


# Blocks into records.


def _completed(block: _Block) -> _Block:
    """Give the record of a central store the hash and store that some builds do not print."""
    port, *rest = block.fields
    if not (port.value.isdigit() and rest and _GUID.fullmatch(rest[0].value)):
        return block
    null = port._replace(value=_NULL)
    store = [] if rest[1:] and _shape(rest[1].value) is not _Shape.EARLY else [null]
    return block._replace(fields=[port, null, rest[0], *store, *rest[1:]])


class _Layout(NamedTuple):
    """The lines of a record after its key, and the release that prints them so."""

    release: Release
    columns: tuple[Column, ...]


@cache
def _layouts() -> tuple[_Layout, ...]:
    """Return every layout there is, the shortest first, of equal ones the newest release."""
    layouts = {_columns(release): release for release in Release}
    last_2012r2 = tuple(sorted((*_columns(Release.W2012R2), REJECT), key=_line))
    layouts[last_2012r2] = Release.W2012R2  # as its last builds print it
    found = [_Layout(release, columns) for columns, release in layouts.items()]
    return tuple(sorted(found, key=lambda layout: len(layout.columns)))


@cache
def _defaults(layout: _Layout) -> tuple[str, ...]:
    """Return what each line shows where nothing is set."""
    return tuple(
        ("Not Set" if column.late else "Disabled")
        if isinstance(column, Bit)
        else column.show(column.default)
        for column in layout.columns
    )


def _columns(release: Release) -> tuple[Column, ...]:
    columns: list[Column] = [tag for tag in TAGS if tag.since <= release]
    columns += [bit for bit in BITS if bit.label and bit.since <= release]
    return tuple(sorted(columns, key=_line))


def _line(column: Column) -> int:
    return column.line


def _record(block: _Block) -> tuple[Binding, _Layout]:
    """Return the record of a block and its layout; raise BadValueError, which says why not."""
    refuse_lost("".join(field.value for group in (block.fields, *block.properties)
                        for field in group))  # fmt: skip
    key = _key(block)
    layout = _layout(key, block.fields[1:])
    values: dict[str, Value] = {}
    bits: list[Bit] = []
    for column, default, field in zip(
        layout.columns, _defaults(layout), block.fields[1:], strict=False
    ):
        if field.value == default:
            continue
        if isinstance(column, Bit):
            bits.append(column)
        else:
            values[column.name] = _value(column, field.value)
    values |= _properties(block.properties)
    binding = Binding(key, values)
    other: dict[str, int] = {}
    for bit in bits:
        if not binding.bit(bit):  # the freshness time sets one of them by itself
            other[bit.value] = other.get(bit.value, 0) | bit.bit
    return Binding(key, values, other) if other else binding, layout


def _key(block: _Block) -> Key:
    """Return the key, whose kind follows from its shape and from whether it has a hash."""
    text = block.fields[0].value
    central = len(block.fields) > 1 and block.fields[1].value == _NULL
    return infer_key(text, scoped=central)


def _known_key(block: _Block) -> Key | None:
    try:
        return _key(block)
    except BadValueError:
        return None


def _layout(key: Key, fields: Sequence[_Field]) -> _Layout:
    """Return the layout that the values fit: whole, else as far as they go."""
    best, fitting = _best(tuple(_shape(field.value) for field in fields))
    if fitting < min(len(fields), len(best.columns)):
        field, column = fields[fitting], best.columns[fitting]
        raise BadValueError(
            f"{key.spec}: line {field.line} has {printable(field.value)!r}"
            f" where {column.name} is expected"
        )
    flags = [
        field.old
        for column, field in zip(best.columns, fields, strict=False)
        if isinstance(column, Tag) and column.type is Type.FLAG
    ]
    if key.kind is IPPORT and flags and all(flags):
        return _Layout(Release.W2008R2, _columns(Release.W2008R2))
    return best


class _Shape(enum.Enum):
    """What a value looks like."""

    EARLY = "Enabled or Disabled"
    LATE = "Set or Not Set"
    NULL = "(null)"
    HASH = "40 hex digits"
    GUID = "{GUID}"
    NUMBER = "digits"
    TEXT = "anything"


_SHAPES = {
    "Enabled": _Shape.EARLY,
    "Disabled": _Shape.EARLY,
    "Set": _Shape.LATE,
    "Not Set": _Shape.LATE,
    _NULL: _Shape.NULL,
}


def _shape(value: str) -> _Shape:
    if value in _SHAPES:
        return _SHAPES[value]
    if value.isdecimal() and len(value) < 40:
        return _Shape.NUMBER
    if _HASH.fullmatch(value):
        return _Shape.HASH
    return _Shape.GUID if _GUID.fullmatch(value) else _Shape.TEXT


@lru_cache(maxsize=256)  # thousands of records have a few shapes
def _best(shapes: tuple[_Shape, ...]) -> tuple[_Layout, int]:
    """Return the layout that fits most values before the first that does not, and how many."""

    def fitting(layout: _Layout) -> int:
        pairs = zip(layout.columns, shapes, strict=False)
        return sum(1 for _ in takewhile(lambda pair: _fits(*pair), pairs))

    best = max(_layouts(), key=lambda layout: (fitting(layout), -len(layout.columns)))
    return best, fitting(best)


def _fits(column: Column, shape: _Shape) -> bool:
    if isinstance(column, Bit) or column.type is Type.FLAG:
        return shape is (_Shape.LATE if column.late else _Shape.EARLY)
    if column.type is Type.HASH:
        return shape in (_Shape.HASH, _Shape.NULL)
    if column.type is Type.GUID:
        return shape is _Shape.GUID
    return column.type is not Type.NUMBER or shape is _Shape.NUMBER


def _value(column: Tag, text: str) -> Value:
    if column.type is Type.FLAG:
        return _WORDS[text]
    return column.parse(text)


def _no_numbers(groups: Sequence[Sequence[_Field]]) -> Iterator[_Field]:
    """Yield the lines that do not belong to an extended property."""
    return (field for group in groups for field in group if not field.value.isdecimal())


def _properties(groups: Sequence[Sequence[_Field]]) -> dict[str, Value]:
    """Return the values of the extended properties, each group by its id."""
    values: dict[str, Value] = {}
    for group in groups:
        numbers = [int(field.value) for field in group if field.value.isdecimal()]
        tags = [one.tag for one in PROPERTIES if numbers and one.propertyid == numbers[0]]
        values |= dict(zip((tag.name for tag in tags), numbers[1:], strict=False))
    return values


FORMAT = Format(
    "netsh-show",
    "text of 'netsh http show sslcert', in any language",
    detect,
    read,
    rank=15,
    whole_server=True,
    strict_encoding=True,
)
