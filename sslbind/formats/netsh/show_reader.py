"""Captures of ``netsh http show sslcert``, of every release and in any language.

Labels are translated and columns shift: a record is recognised by the shapes of
its values and by their order, which follow from the table of tags (confirmed by
captures of five releases, in English, French and German). Where the labels are
English they count, so that the lines of a layout that is not known are read too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sslbind.errors import BadValueError
from sslbind.formats.format import Format
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord
from sslbind.formats.netsh.show_answers import START, addresses, answer_of_none, asked
from sslbind.formats.netsh.show_blocks import blocks, completed, no_numbers
from sslbind.formats.netsh.show_layouts import GUID, Shape, shape
from sslbind.formats.netsh.show_lines import numbered
from sslbind.formats.netsh.show_plain import Plain, nothing_plain, plain_records
from sslbind.formats.netsh.show_records import RecordBlock, known_key, labelled_kind, read_record
from sslbind.formats.netsh.show_words import Words, words_of
from sslbind.keys import Key
from sslbind.printable import printable
from sslbind.wording import plural, some


class _Reading:
    """What was read so far."""

    def __init__(self, plain: Plain) -> None:
        self.records = plain.records
        self.bad: list[BadRecord] = []
        self.notes: list[str] = []
        self.releases = plain.releases
        self.unknown: Counter[tuple[str, str]] = Counter()


def detect(text: str) -> bool:
    """Whether ``text`` holds a record, or is the answer of a server that has none.

    A record is a key, and at least two lines of what belongs to it, or a thumbprint.
    """
    return answer_of_none(text) is not None or any(
        len(block.fields) > 2
        or (len(block.fields) == 2 and shape(block.fields[1].value) is Shape.HASH)
        for part in (text[:START], text)
        for block in blocks(numbered(part))
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
    plain = plain_records(text)
    found = _blocks(plain)
    words = _words(found)
    if plain.records and (words.early or words.late):  # every record says what a word means
        return read_each(text)
    return _read(plain, found, words)


def read_each(text: str) -> Imported:
    """Return what ``read`` returns, none of the records read as one like another."""
    plain = nothing_plain(text)
    found = _blocks(plain)
    return _read(plain, found, _words(found))


def _read(plain: Plain, found: Sequence[RecordBlock], words: Words) -> Imported:
    reading = _Reading(plain)
    for block in found:
        _read_block(block, words, reading)
    reading.records.sort(key=_line)
    text = "\n".join(line for _, line in plain.lines)
    notes = [*words.notes, *reading.notes]
    notes += _unknown(reading.unknown)
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


def _blocks(plain: Plain) -> list[RecordBlock]:
    found = blocks(plain.lines)
    return [completed(block) for block in found if block.fields[0].line not in plain.keys]


def _words(found: Sequence[RecordBlock]) -> Words:
    return words_of([[one.value for one in block.fields[1:]] for block in found])


def _line(record: ImportedRecord) -> int:
    return record.line or 0


def _unknown(unknown: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield a note for each reason and number of bindings, with the tags that are not known."""
    groups: dict[tuple[str, int], list[str]] = {}
    for (name, why), count in unknown.items():
        groups.setdefault((why, count), []).append(name)
    for (why, count), names in groups.items():
        verb = "is" if len(names) == 1 else "are"
        yield f"{some(names, 3)} of {plural(count, 'binding')} {verb} not known: {why}"


def _read_block(block: RecordBlock, words: Words, reading: _Reading) -> None:
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
    if record.release is not None:
        reading.releases.add(record.release)
    rest = [*record.surplus, *no_numbers(block)]
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


FORMAT = Format(
    "netsh-show",
    "text of 'netsh http show sslcert', in any language",
    detect,
    read,
    rank=15,
    whole_server=True,
    strict_encoding=True,
)
