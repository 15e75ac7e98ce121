"""Captures of ``netsh http show sslcert``, of every release and in any language.

Labels are translated and columns shift, so no label is read: a record is told
by the shapes of its values and by their order, which follow from the table of
tags (confirmed by captures of five releases, in English, French and German).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.format import Format
from sslbind.formats.imported import BadRecord, Imported, Record
from sslbind.keys import CCS, HOSTNAMEPORT, SCOPEDCCS, Key, infer_key, parse_address, parse_key
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import BITS, PROPERTIES, REJECT, TAGS, Bit, Tag, Type, Value

_PROMPT = re.compile(r"\s*(?:[A-Za-z]:\\[^>]*|PS [^>]*|netsh[^>]*)>")
_KEY = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):\d{1,5}")
_HASH = re.compile(r"[0-9A-Fa-f]{40}")
_GUID = re.compile(r"\{.*\}")
_WORDS = {"Enabled": True, "Disabled": False, "Set": True, "Not Set": False}
_NULL = "(null)"
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
    """Whether ``text`` holds a record, whole or in part."""
    return next(_blocks(text), None) is not None


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records of one capture or of several in one text.

    A record that is cut short has its missing lines at their defaults, and a
    note says so; one that lacks its hash or owner is bad. The release is that
    of the newest layout, None where no record is whole.
    """
    records: list[Record] = []
    bad: list[BadRecord] = []
    notes: list[str] = []
    releases: list[Release] = []
    for block in _blocks(text):
        try:
            binding, layout = _record(block)
        except BadValueError as error:
            bad.append(BadRecord(block.fields[0].line, error.message, error.hints))
            continue
        records.append(Record(binding, block.fields[0].line))
        missing = len(layout.columns) + 1 - len(block.fields)
        if missing > 0:
            notes.append(f"{binding.key.kind}={binding.key} is cut short: {missing} lines are"
                         " missing and taken to be at their defaults")  # fmt: skip
        else:
            releases.append(layout.release)
            if missing < 0:
                notes.append(f"{binding.key.kind}={binding.key} has {-missing} lines more than"
                             " any release that is known; they are left out")  # fmt: skip
    iplisten = tuple(dict.fromkeys(_addresses(text))) or None
    release = max(releases, default=None)
    return Imported(tuple(records), tuple(bad), release, iplisten, tuple(notes))


# Lines into blocks.


def _blocks(text: str) -> Iterator[_Block]:
    """Yield each record: a key, then lines with values until something else comes."""
    lines = _fields(text)
    block: _Block | None = None
    for place, field in enumerate(lines):
        if field is not None and _starts(lines, place):
            if block:
                yield block
            block = _Block([field], [])
        elif block is None:
            continue
        elif field is None:
            yield block
            block = None
        elif not field.value:
            block.properties.append([])
        else:
            (block.properties[-1] if block.properties else block.fields).append(field)
    if block:
        yield block


def _fields(text: str) -> list[_Field | None]:
    """Return each line that is not empty, None for one that has no label and value."""
    lines = text.split("\n")
    prefix = _common_prefix(lines)
    found: list[_Field | None] = []
    for number, raw in enumerate(lines, 1):
        line = raw.removeprefix(prefix).strip(_INVISIBLE).rstrip()
        while line.startswith(">"):  # quoted in a mail
            line = line[1:].removeprefix(" ")
        if line.strip():
            found.append(None if _PROMPT.match(line) else _field(number, line))
    return found


def _field(number: int, line: str) -> _Field | None:
    """Return the value behind the last colon that stands free, else behind the last one."""
    for separator in (" : ", ": ", ":"):
        label, found, value = f"{line} ".rpartition(separator)
        if found and label.strip():
            old = separator == " : " and label.endswith("   ") and not label.endswith("     ")
            return _Field(number, value.strip(), old)
    return None


def _common_prefix(lines: Sequence[str]) -> str:
    """Return the word that a logger put before every line (PowerShell: ``VERBOSE: ``)."""
    words = {line.split(" ", 1)[0] for line in lines if line.strip()}
    word = words.pop() if len(words) == 1 else ""
    return f"{word} " if word.endswith(":") and len(word) > 1 else ""


def _starts(fields: Sequence[_Field | None], place: int) -> bool:
    """Whether a record starts here: a key, or the port of a central store's record."""
    values = [field.value if field else "" for field in fields[place : place + 3]]
    if _KEY.fullmatch(values[0]):
        return True
    return values[0].isdigit() and values[1:2] == [_NULL] and bool(_GUID.fullmatch(values[-1]))


def _addresses(text: str) -> Iterator[str]:
    """Yield the addresses of ``show iplisten``: lines that are an address and nothing else."""
    for line in text.split("\n"):
        word = line.strip()
        if word[:1] in "0123456789abcdefABCDEF:" and word[1:2] and (":" in word or "." in word):
            try:
                yield parse_address(word)
            except BadValueError:
                continue


# Blocks into records.


class _Layout(NamedTuple):
    """The lines of a record behind its key, and the release that prints them so."""

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


def _columns(release: Release) -> tuple[Column, ...]:
    columns: list[Column] = [tag for tag in TAGS if tag.since <= release]
    columns += [bit for bit in BITS if bit.label and bit.since <= release]
    return tuple(sorted(columns, key=_line))


def _line(column: Column) -> int:
    return column.line


def _record(block: _Block) -> tuple[Binding, _Layout]:
    """Return the record of a block and its layout; raise BadValueError, which says why not."""
    key = _key(block)
    layout = _layout(key, block.fields[1:])
    values: dict[str, Value] = {}
    bits: list[Bit] = []
    for column, field in zip(layout.columns, block.fields[1:], strict=False):
        if isinstance(column, Bit):
            bits += [column] if _WORDS[field.value] else []
        elif field.value != _NULL:
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
    key = infer_key(text)
    has_hash = len(block.fields) < 2 or block.fields[1].value != _NULL
    return parse_key(SCOPEDCCS, text) if key.kind is HOSTNAMEPORT and not has_hash else key


def _layout(key: Key, fields: Sequence[_Field]) -> _Layout:
    """Return the layout that the values fit: whole, else as far as they go."""
    best = max(_layouts(), key=lambda layout: (_fitting(layout, fields), -len(layout.columns)))
    fitting = _fitting(best, fields)
    if fitting < min(len(fields), len(best.columns)):
        field, column = fields[fitting], best.columns[fitting]
        raise BadValueError(
            f"{key.kind}={key}: line {field.line} has {printable(field.value)!r}"
            f" where {column.name} is expected"
        )
    flags = [
        field.old
        for column, field in zip(best.columns, fields, strict=False)
        if isinstance(column, Tag) and column.type is Type.FLAG
    ]
    if flags and all(flags) and key.kind not in (HOSTNAMEPORT, CCS, SCOPEDCCS):
        return _Layout(Release.W2008R2, _columns(Release.W2008R2))
    return best


def _fitting(layout: _Layout, fields: Sequence[_Field]) -> int:
    """Return how many values fit the layout before the first that does not."""
    pairs = zip(layout.columns, fields, strict=False)
    count = 0
    for column, field in pairs:
        if not _fits(column, field.value):
            break
        count += 1
    return count


def _fits(column: Column, value: str) -> bool:
    if isinstance(column, Bit) or column.type is Type.FLAG:
        return value in (("Set", "Not Set") if column.late else ("Enabled", "Disabled"))
    if column.type is Type.HASH:
        return value == _NULL or bool(_HASH.fullmatch(value))
    if column.type is Type.GUID:
        return bool(_GUID.fullmatch(value))
    return column.type is not Type.NUMBER or value.isdecimal()


def _value(column: Tag, text: str) -> Value:
    if column.type is Type.FLAG:
        return _WORDS[text]
    return column.parse(text)


def _properties(groups: Sequence[Sequence[_Field]]) -> dict[str, Value]:
    """Return the values of the extended properties, each group by its id."""
    values: dict[str, Value] = {}
    for group in groups:
        numbers = [int(field.value) for field in group if field.value.isdecimal()]
        tags = [one.tag for one in PROPERTIES if numbers and one.propertyid == numbers[0]]
        values |= dict(zip((tag.name for tag in tags), numbers[1:], strict=False))
    return values


FORMAT = Format("netsh-show", "text of 'netsh http show sslcert', any language", detect, read)
