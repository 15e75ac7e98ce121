"""The blocks of a capture: which lines are one record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sslbind.formats.netsh.show_layouts import GUID, NULL, Shape, shape
from sslbind.formats.netsh.show_lines import Field, Lines, fields
from sslbind.formats.netsh.show_records import RecordBlock
from sslbind.formats.netsh.show_words import masked
from sslbind.tags import STORE, TAGS

_KEY = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):\d{1,5}")


def blocks(lines: Lines) -> Iterator[RecordBlock]:
    """Yield each record: a key, then lines with values up to anything else."""
    found = list(fields(lines))
    block: RecordBlock | None = None
    for place, field in enumerate(found):
        if field is not None and _starts(field, found, place):
            if block:
                yield block
            block = RecordBlock([field], [])
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
    if RecordBlock([field], []).kinds:
        return True
    if ":" in value:
        return bool(_KEY.fullmatch(value))
    if not value.isdigit() or len(value) > 5:  # a thumbprint may have no letter
        return False
    following = [field.value if field else "" for field in found[place + 1 : place + 3]]
    if following[:1] == [NULL]:
        return bool(GUID.fullmatch(following[-1]))
    return bool(following and GUID.fullmatch(following[0]))


def completed(block: RecordBlock) -> RecordBlock:
    """Add to a central-store record the hash and store lines that some builds do not print."""
    port, *rest = block.fields
    if not (port.value.isdigit() and rest and GUID.fullmatch(rest[0].value)):
        return block
    null = port._replace(value=NULL, label=TAGS[0].label)
    store = [] if rest[1:] and _is_text(rest[1].value) else [null._replace(label=STORE.label)]
    return block._replace(fields=[port, null, rest[0], *store, *rest[1:]])


def _is_text(value: str) -> bool:
    return shape(value) is not Shape.EARLY and not masked(value)


def no_numbers(block: RecordBlock) -> Iterator[Field]:
    """Yield the lines that belong to no extended property."""
    return (
        field
        for group in block.properties
        for field in group
        if not field.value.isdecimal() and not masked(field.value)
    )
