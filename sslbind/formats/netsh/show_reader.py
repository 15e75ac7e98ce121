"""Captures of ``netsh http show sslcert``, of every release and in any language.

Labels are translated and columns shift: a record is recognised by the shapes of
its values and by their order, which follow from the table of tags (confirmed by
captures of five releases, in English, French and German). Where the labels are
English they count, so that the lines of a layout that is not known are read too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from sslbind.errors import BadValueError
from sslbind.formats.format import Format
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord
from sslbind.formats.netsh.show_answers import START, addresses, answer_of_none, asked
from sslbind.formats.netsh.show_layouts import GUID, NULL, Shape, shape
from sslbind.formats.netsh.show_lines import Field, fields
from sslbind.formats.netsh.show_records import Block, known_key, labelled_kind, read_record
from sslbind.formats.netsh.show_words import Words, masked, words_of
from sslbind.keys import Key
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import STORE, TAGS
from sslbind.wording import plural

_KEY = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):\d{1,5}")


class _Reading:
    """What was read so far."""

    def __init__(self) -> None:
        self.records: list[ImportedRecord] = []
        self.bad: list[BadRecord] = []
        self.notes: list[str] = []
        self.releases: list[Release] = []
        self.unknown: Counter[tuple[str, str]] = Counter()


def detect(text: str) -> bool:
    """Whether ``text`` holds a record, or is the answer of a server that has none.

    A record is a key, and at least two lines of what belongs to it, or a thumbprint.
    """
    return answer_of_none(text) is not None or any(
        len(block.fields) > 2
        or (len(block.fields) == 2 and shape(block.fields[1].value) is Shape.HASH)
        for part in (text[:START], text)
        for block in _blocks(part)
    )


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records of one capture or of several in one text.

    A record that is cut short has its missing lines at their defaults, and a
    note says so. One whose key and thumbprint can be read, or whose thumbprint
    somebody masked, is bad with a ``binding`` of what is known if another value
    cannot be read. The release is that of the newest layout, None where no record
    is whole. Lines after a record that look like another one, in a layout that is
    not known, are bad as well.
    """
    reading = _Reading()
    blocks = [_completed(block) for block in _blocks(text)]
    words = words_of([[one.value for one in block.fields[1:]] for block in blocks])
    for block in blocks:
        _read_block(block, words, reading)
    notes = [*words.notes, *reading.notes]
    notes += (
        f"{name} of {plural(count, 'binding')} is not known: {why}"
        for (name, why), count in reading.unknown.items()
    )
    answer = None if reading.records or reading.bad else answer_of_none(text)
    if answer:
        notes.append(f"has no record: netsh answered {printable(answer)!r}")
    return Imported(
        tuple(reading.records),
        tuple(reading.bad),
        max(reading.releases, default=None),
        tuple(dict.fromkeys(addresses(text))) or None,
        tuple(notes),
        only=_only(text, reading),
        inferred=bool(reading.releases),
    )


def _read_block(block: Block, words: Words, reading: _Reading) -> None:
    """Read one record into ``reading``."""
    start = block.fields[0].line
    key = known_key(block)
    try:
        record = read_record(block, words)
    except BadValueError as error:
        kind, port = (None, None) if key else labelled_kind(block)
        reading.bad.append(BadRecord(start, error.message, error.hints, key, kind, port))
        return
    binding = record.binding
    if record.problems:
        _, message = record.problems[0]
        reading.bad.append(BadRecord(start, message, key=binding.key, binding=binding))
        reading.unknown.update(record.unknown)
    else:
        reading.records.append(ImportedRecord(binding, start))
    name = binding.key.spec
    if record.missing:
        lines = "1 line is missing and taken to be at its default"
        if record.missing > 1:
            lines = f"{record.missing} lines are missing and taken to be at their defaults"
        reading.notes.append(f"{name} is cut short: {lines}")
        return
    reading.releases += [record.release] if record.release is not None else []
    rest = [*record.surplus, *_no_numbers(block.properties)]
    if any(GUID.fullmatch(field.value) for field in rest):
        message = "is a record in a layout that is not known"
        reading.bad.append(BadRecord(rest[0].line, message))
    elif rest and not record.surplus:
        message = "is an extended property, and not a number"
        reading.bad.append(BadRecord(rest[0].line, message))
    elif record.surplus:
        lines = plural(len(record.surplus), "line")
        labels = f": {', '.join(printable(one.label) for one in record.surplus)}"
        reading.notes.append(
            f"{name} has {lines} more than any release that is known; left out"
            + (labels if record.named else "")
        )


def _only(text: str, reading: _Reading) -> frozenset[Key] | None:
    """Return the keys that the capture is about, None where it is about every record."""
    keys = asked(text)
    if keys is None:
        return None
    read_keys = [one.binding.key for one in reading.records]
    return keys | {*read_keys, *(one.key for one in reading.bad if one.key is not None)}


# Lines into blocks.


def _blocks(text: str) -> Iterator[Block]:
    """Yield each record: a key, then lines with values until something else comes."""
    found = list(fields(text))
    block: Block | None = None
    for place, field in enumerate(found):
        if field is not None and _starts(field, found, place):
            if block:
                yield block
            block = Block([field], [])
        elif block is None:
            continue
        elif field is None:
            yield block
            block = None
        elif field.value:
            (block.properties[-1] if block.properties else block.fields).append(field)
        elif (after := found[place + 1] if place + 1 < len(found) else None) is None:
            yield block  # the title of another listing
            block = None
        elif after.value.isdecimal():
            block.properties.append([])
        else:
            block.fields.append(field._replace(value=NULL))
    if block:
        yield block


def _starts(field: Field, found: Sequence[Field | None], place: int) -> bool:
    """Whether a record starts here: a key, or the port of a central store's record."""
    value = field.value
    if Block([field], []).kinds:
        return True
    if ":" in value:
        return bool(_KEY.fullmatch(value))
    if not value.isdigit() or len(value) > 5:  # a thumbprint may have no letter
        return False
    following = [field.value if field else "" for field in found[place + 1 : place + 3]]
    if following[:1] == [NULL]:
        return bool(GUID.fullmatch(following[-1]))
    return bool(following and GUID.fullmatch(following[0]))


def _completed(block: Block) -> Block:
    """Give the record of a central store the hash and store that some builds do not print."""
    port, *rest = block.fields
    if not (port.value.isdigit() and rest and GUID.fullmatch(rest[0].value)):
        return block
    null = port._replace(value=NULL, label=TAGS[0].label)
    store = [] if rest[1:] and _is_text(rest[1].value) else [null._replace(label=STORE.label)]
    return block._replace(fields=[port, null, rest[0], *store, *rest[1:]])


def _is_text(value: str) -> bool:
    return shape(value) is not Shape.EARLY and not masked(value)


def _no_numbers(groups: Sequence[Sequence[Field]]) -> Iterator[Field]:
    """Give the lines that belong to no extended property."""
    return (
        field
        for group in groups
        for field in group
        if not field.value.isdecimal() and not masked(field.value)
    )


FORMAT = Format(
    "netsh-show",
    "text of 'netsh http show sslcert', in any language",
    detect,
    read,
    rank=15,
    whole_server=True,
    strict_encoding=True,
)
