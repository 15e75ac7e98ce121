"""Captures of ``netsh http show sslcert``, of every release and in any language.

Labels are translated and columns shift: a record is recognised by the shapes of
its values and by their order, which follow from the table of tags (confirmed by
captures of five releases, in English, French and German). English labels are used, so that
lines of an unknown layout are read too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from sslbind.bounds import check_fields, has_many_fields
from sslbind.errors import BadValueError
from sslbind.formats.format import Format
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.formats.netsh.show_answers import START, addresses, answer_of_none, asked, none_found
from sslbind.formats.netsh.show_blocks import blocks, completed, no_numbers
from sslbind.formats.netsh.show_gaps import gaps, joined, key_may_go_on
from sslbind.formats.netsh.show_layouts import GUID, Shape, shape
from sslbind.formats.netsh.show_lines import Aside, Field, numbered
from sslbind.formats.netsh.show_plain import Plain, nothing_plain, plain_records
from sslbind.formats.netsh.show_records import (
    Record,
    RecordBlock,
    known_key,
    labelled_kind,
    read_record,
)
from sslbind.formats.netsh.show_whole import Listings, ending, ends_in_rule
from sslbind.formats.netsh.show_words import Words, words_of
from sslbind.keys import IPPORT, SCOPEDCCS, Key, parse_key
from sslbind.printable import printable
from sslbind.wording import plural, some

_CUT = "the capture breaks off in the record, or lines of it were left out"
_DOUBTFUL = "newer releases print them below the last line, which no empty line follows"


class _Reading:
    """What was read so far."""

    def __init__(self, text: str, plain: Plain) -> None:
        self.text = text
        self.ending = ending(text)
        self.listings = Listings(text, plain.lines)
        self.records = plain.records
        self.bad: list[BadRecord] = BadOnes()
        self.notes: list[str] = []
        self.releases = plain.releases
        self.unknown: Counter[tuple[str, str]] = Counter()
        self.outside: list[Field | Aside] = []
        self.addresses: Collection[str] = ()
        """The labels of keys with an address."""
        self._lines = plain.lines

    @cached_property
    def widths(self) -> dict[int, int]:
        """The length of each line by its number."""
        return {number: len(line.rstrip()) for number, line in self._lines}


def detect(text: str) -> bool:
    """Whether ``text`` holds a record, or is the answer of a server that has none.

    A record is a key, and at least two lines of what belongs to it, or a thumbprint.
    """
    if has_many_fields(text):  # more than read takes; its start says what it is
        text = text[:START]
    return answer_of_none(text) is not None or any(
        len(block.fields) > 2
        or (len(block.fields) == 2 and shape(block.fields[1].value) is Shape.HASH)
        for part in (text[:START], text)
        for block in blocks(numbered(part))
    )


def read(text: str, file: str) -> Imported:
    """Return the records of one capture or of several in one text.

    One whose key and thumbprint can be read, or whose thumbprint
    somebody masked, is bad with a ``binding`` of what is known if another value
    cannot be read or the record is cut short: its other values are not known. Where the
    text breaks off in a record, what may follow is one bad record more. The release is
    that of the newest layout, None if no record is whole. Lines after a record that
    look like another one, in a layout that is not known, are bad as well.
    """
    check_fields(text, file)
    plain = plain_records(ending(text).text)
    reading = _Reading(text, plain)
    found = _blocks(plain, reading)
    words = _words(found)
    if plain.records and (words.early or words.late):  # all records show what a word means
        return read_each(text)
    lines = [one.line or 0 for one in plain.records]
    alike = [*map(reading.listings.add, lines, plain.shown)]
    return _read(reading, plain, found, words) if all(alike) else read_each(text)


def read_each(text: str) -> Imported:
    """Return what ``read`` returns, with no record read as a repetition of another."""
    plain = nothing_plain(ending(text).text)
    reading = _Reading(text, plain)
    found = _blocks(plain, reading)
    return _read(reading, plain, found, _words(found))


def _read(reading: _Reading, plain: Plain, found: Sequence[RecordBlock], words: Words) -> Imported:
    reading.addresses = {one.fields[0].label for one in found if _is_address(one)}
    read = [(block, record) for block in found if (record := _record(block, words, reading))]
    alike = [
        reading.listings.add(block.fields[0].line, record.fields.keys()) for block, record in read
    ]
    if plain.records and not all(alike):  # one of them may lack lines
        return read_each(reading.text)
    for block, record in read:
        _take(block, record, reading, last=block is found[-1])
    if found and (not read or read[-1][0] is not found[-1]) and _goes_on(found[-1], reading):
        reading.bad.append(_rest(found[-1].fields[-1].line, "a record"))
    if reading.ending.starts and (read or reading.bad or reading.listings.headed):
        reading.bad.append(_rest(reading.ending.line, "a record"))
    reading.records.sort(key=_line)
    text = "\n".join(line for _, line in plain.lines)
    notes = [*words.notes, *reading.notes]
    notes += _unknown(reading.unknown)
    answer = None if reading.records or reading.bad else answer_of_none(text)
    if answer:
        notes.append(f"has no record: netsh answered {printable(answer)!r}")
    if answer and not none_found(answer):
        reading.bad.append(
            BadRecord(None, "netsh listed nothing: what the server has is not known")
        )
    elif answer == "" and asked(text) is None:
        whole = ", if the capture is whole" if ends_in_rule(text) else ""
        notes.append(f"has a heading and no record: the server has no bindings{whole}")
    return Imported(
        tuple(reading.records),
        tuple(reading.bad),
        max(reading.releases, default=None),
        tuple(dict.fromkeys(addresses(text))) or None,
        tuple(notes),
        only=_only(text, reading),
        inferred=bool(reading.releases),
    )


def _goes_on(block: RecordBlock, reading: _Reading) -> bool:
    """Whether a line that is not netsh's is right below a record."""
    last = max(one.line for group in (block.fields, *block.properties) for one in group)
    return bool(reading.widths.get(last + 1))


def _blocks(plain: Plain, reading: _Reading) -> list[RecordBlock]:
    found = [*blocks(plain.lines, reading.outside)]
    reading.bad += gaps(reading.outside, found)
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


def _record(block: RecordBlock, words: Words, reading: _Reading) -> Record | None:
    """Return the record of a block; None if it cannot be read, which is then in ``reading``."""
    start = block.fields[0].line
    if len(block.fields) == 1 and reading.listings.last_line == start:  # its key may go on
        kind, _ = labelled_kind(block)
        reading.bad.append(_rest(start, "a key")._replace(kind=kind))
        return None
    try:
        if _named_like_addresses(block, reading):
            parse_key(IPPORT, block.fields[0].value)
        return read_record(block, words)
    except BadValueError as error:
        reading.bad.append(_unreadable(block, error, reading))
        if (other := joined(block)) is not None:
            reading.bad.append(other)
        return None


def _is_address(block: RecordBlock) -> bool:
    key = known_key(block)
    return key is not None and key.kind is IPPORT


def _named_like_addresses(block: RecordBlock, reading: _Reading) -> bool:
    """Whether a key is not an address, but has the label of keys that are."""
    return block.fields[0].label in reading.addresses and not _is_address(block)


def _unreadable(block: RecordBlock, error: BadValueError, reading: _Reading) -> BadRecord:
    """Return a record that cannot be read, with what is known about its key."""
    start = block.fields[0].line
    key = known_key(block)
    kind, port = (None, None) if key else labelled_kind(block)
    if key_may_go_on(block, reading.outside, reading.widths):
        kind, _ = labelled_kind(block)
        key, port = None, None
    elif _named_like_addresses(block, reading):
        _, port = labelled_kind(block)
        key, kind = None, IPPORT
    elif key is not None and key.kind is SCOPEDCCS:  # or a name whose thumbprint is missing
        port, key = key.port, None
    return BadRecord(start, error.message, error.hints, key, kind, port)


def _take(block: RecordBlock, record: Record, reading: _Reading, *, last: bool) -> None:
    """Put one record into ``reading``, with what is to be said of it."""
    record, breaks_off = _completed(block, record, reading, last=last)
    start = block.fields[0].line
    binding, name = record.binding, record.binding.key.spec
    if record.unknown:
        message, hints = _why(record, name)
        reading.bad.append(BadRecord(start, message, hints, binding.key, binding=binding))
        reading.unknown.update(record.unknown)
    else:
        reading.records.append(ImportedRecord(binding, start))
    if breaks_off:
        reading.bad.append(_rest(reading.listings.last_line, name))
    if any(why == _CUT for _, why in record.unknown):
        return
    if record.release is not None:
        reading.releases.add(record.release)
    rest = [*record.surplus, *no_numbers(block)]
    if any(GUID.fullmatch(field.value) for field in rest):
        message = "is a record in an unknown layout"
        reading.bad.append(BadRecord(rest[0].line, message))
    elif rest and (other := joined(block)) is not None:
        reading.bad.append(other)
    elif rest and not record.surplus:
        message = "is an extended property, but not a number"
        reading.bad.append(BadRecord(rest[0].line, message))
    elif record.surplus:
        lines = plural(len(record.surplus), "line")
        labels = f": {', '.join(printable(one.label) for one in record.surplus)}"
        reading.notes.append(
            f"{name} has {lines} more than in any known release; left out"
            + (labels if record.named else "")
        )


def _completed(
    block: RecordBlock, record: Record, reading: _Reading, *, last: bool
) -> tuple[Record, bool]:
    """Return a record with what it lacks not known, and whether the text breaks off in it."""
    listings, start = reading.listings, block.fields[0].line
    in_line = last and reading.ending.line is not None and not reading.ending.starts
    in_line = in_line or (last and listings.ends_in_title(block))
    lacking = listings.lacking(start, record, breaks_off=in_line)
    at_end = last and listings.ends_at(block)
    above = last and _goes_on(block, reading) and listings.shorter(start, record)
    cut = None
    if at_end or above:
        cut = listings.cut_value(record, lacks=bool(lacking), above=above)
    if cut is not None:
        lacking = listings.lacking(start, record, breaks_off=True) | {cut}
    if lacking:
        unknown = sorted(lacking - record.binding.unknown)
        return record.without(unknown, _CUT), at_end or in_line or above
    known = not record.surplus and not any(no_numbers(block))
    doubtful = listings.doubtful(start, record) if at_end and known else frozenset()
    return (record.without(sorted(doubtful), _DOUBTFUL) if doubtful else record), False


def _why(record: Record, name: str) -> tuple[str, tuple[str, ...]]:
    """Return why a record is not known whole, and what helps."""
    if record.problems:
        return record.problems[0][1], ()
    names = [tag for tag, _ in record.unknown]
    verb = "is" if len(names) == 1 else "are"
    if any(why == _CUT for _, why in record.unknown):
        return f"{name} is cut short: {some(names, 3)} {verb} not known", ()
    more = some(names, 3)
    what = f"{name} may be cut short: newer releases print {more} below its last line"
    return (
        f"{what}, which no empty line follows",
        ("if it is whole, add an empty line below it, as netsh prints one",),
    )


def _rest(line: int | None, what: str) -> BadRecord:
    """Return what stands for the records that a text may have had below its end."""
    return BadRecord(
        line,
        f"the capture breaks off in {what}: what follows is not known",
        ("netsh http show sslcert > web01.txt, in an elevated prompt, writes a whole one",),
    )


def _only(text: str, reading: _Reading) -> frozenset[Key] | None:
    """Return the keys that the capture is about, None if it is about every record."""
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
