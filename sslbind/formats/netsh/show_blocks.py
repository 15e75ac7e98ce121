"""The blocks of a capture: which lines are one record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sslbind.formats.netsh.show_layouts import GUID, NULL, Shape, shape
from sslbind.formats.netsh.show_lines import KEY, Aside, Field, Lines, fields
from sslbind.formats.netsh.show_records import RecordBlock
from sslbind.formats.netsh.show_words import masked
from sslbind.tags import STORE, TAGS


def blocks(lines: Lines, outside: list[Field | Aside] | None = None) -> Iterator[RecordBlock]:
    """Yield each record: a key, then lines with values up to anything else.

    The other lines are added to ``outside``.
    """
    found = list(fields(lines))
    keys = {one.label for one in found if isinstance(one, Field) and KEY.fullmatch(one.value)}
    outside = [] if outside is None else outside
    block: RecordBlock | None = None
    for place, field in enumerate(found):
        if isinstance(field, Aside) or _starts(field, found, place, keys):
            if block:
                yield block
            block = None if isinstance(field, Aside) else RecordBlock([field], [])
        elif block and not _add(block, field, found[place + 1 : place + 2]):
            yield block
            block = None
            continue
        if block is None:
            outside.append(field)
    if block:
        yield block


def _add(block: RecordBlock, field: Field, after: Sequence[Field | Aside]) -> bool:
    """Add a line to a block; return False for the title of another listing."""
    if field.value:
        (block.properties[-1] if block.properties else block.fields).append(field)
    elif not after or isinstance(after[0], Aside):
        return False
    elif after[0].value.isdecimal():
        block.properties.append([])
    else:
        block.fields.append(field._replace(value=NULL))
    return True


def _starts(
    field: Field, found: Sequence[Field | Aside], place: int, keys: Collection[str]
) -> bool:
    """Whether a record starts here: a key, or the port of a central store's record.

    ``keys`` are the labels of keys elsewhere in the text.
    """
    value = field.value
    if RecordBlock([field], []).kinds:
        return True
    if ":" in value:
        return bool(KEY.fullmatch(value))
    if field.label in keys and shape(value) is Shape.TEXT:  # a key that was cut
        return True
    if not value.isdigit() or len(value) > 5:  # a thumbprint may have no letter
        return False
    following = [
        one.value if isinstance(one, Field) else "" for one in found[place + 1 : place + 3]
    ]
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
