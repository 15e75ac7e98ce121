"""Records of which a capture has at most some lines."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence

from sslbind.formats.imported import BadRecord
from sslbind.formats.left_out import elision, joined_to_another, stands_for_others, without_key
from sslbind.formats.netsh.show_layouts import GUID, NULL, fits, labels, shape
from sslbind.formats.netsh.show_lines import Aside, Field
from sslbind.formats.netsh.show_records import RecordBlock
from sslbind.formats.netsh.show_words import masked
from sslbind.keys import Kind

_FEWEST = 13
"""Lines of a whole record: 2008 R2 prints the fewest."""
_WHOLE = ("netsh http show sslcert > web01.txt, in an elevated prompt, writes a whole capture",)


def gaps(outside: Sequence[Field | Aside], found: Sequence[RecordBlock]) -> Iterator[BadRecord]:
    """Yield what stands for records that were left out, or lost their key.

    ``outside`` are the lines that belong to none of the records ``found``.
    """
    starts = [block.fields[0].line for block in found]
    names = {one.label for block in found for one in block.fields[1:]} if outside else set()
    known = 0  # the line of the last piece of a record, of which the next ones are part
    for one in outside:
        place = bisect(starts, one.line)
        block = found[place - 1] if place else None
        text = one.text if isinstance(one, Aside) else f"{one.label} : {one.value}"
        if stands_for_others(text):
            if place == len(starts) or not _inside(one, block):
                yield elision(one.line, text, _WHOLE)
        elif isinstance(one, Aside):
            continue
        elif _of_record(one, names) and (block is None or _repeats(block, one)):
            if not known or place != bisect(starts, known):
                yield without_key(one.line)._replace(hints=_WHOLE)
            known = one.line


def joined(block: RecordBlock) -> BadRecord | None:
    """Return what stands for the record whose lines may be among those of ``block``, or None."""
    seen: set[str] = set()
    lines = [one.line for one in block.fields if GUID.fullmatch(one.value)][1:]
    for one in block.fields:
        if one.label in seen and _of_record(one, seen):
            lines.append(one.line)
        seen.add(one.label)
    below = [one for group in block.properties for one in group if one.label in seen]
    lines += [one.line for one in below if _of_record(one, seen)]
    if not lines:
        return None
    return joined_to_another(min(lines))._replace(hints=_WHOLE)


def key_may_go_on(
    block: RecordBlock, outside: Sequence[Field | Aside], widths: Mapping[int, int]
) -> bool:
    """Whether the key of a record that cannot be read may have been longer.

    Its line is broken over two, or was cut where the next one was: ``widths`` are the
    lengths of the lines.
    """
    first = block.fields[0]
    if len(block.fields) == 1:
        return any(isinstance(one, Aside) and one.line == first.line + 1 for one in outside)
    return widths.get(first.line) == widths.get(block.fields[1].line)


def _inside(one: Field | Aside, block: RecordBlock | None) -> bool:
    """Whether a line stands for lines of the record directly above it."""
    if block is None or len(block.fields) >= _FEWEST:
        return False
    return block.fields[-1].line == one.line - 1


def _of_record(one: Field, names: Collection[str]) -> bool:
    """Whether a line is one of a record, apart from its key; ``names`` are labels of others."""
    column = labels().get(one.label.lower())
    if column is None or isinstance(column, Kind):
        return bool(GUID.fullmatch(one.value)) or (bool(one.value) and one.label in names)
    return one.value == NULL or fits(column, shape(one.value)) or masked(one.value)


def _repeats(block: RecordBlock, one: Field) -> bool:
    """Whether the record above has such a line, so that this one is of another."""
    return any(own.label.lower() == one.label.lower() for own in block.fields)
