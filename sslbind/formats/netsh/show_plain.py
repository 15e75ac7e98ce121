"""Records that only differ in key and thumbprint from one that was read before.

On a server with thousands of records, most have the same text below the first two lines.
The first of them is read as any text; one that repeats its lines, letter by letter, is the
same record with another key and thumbprint. Everything else is read as any text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.imported import ImportedRecord
from sslbind.formats.netsh.show_answers import ECHO
from sslbind.formats.netsh.show_blocks import blocks, no_numbers
from sslbind.formats.netsh.show_lines import Lines, numbered
from sslbind.formats.netsh.show_records import read_record
from sslbind.formats.netsh.show_words import Words, candidates
from sslbind.keys import HOSTNAMEPORT, IPPORT, KINDS, parse_key
from sslbind.release import Release
from sslbind.tags import TAGS

_KINDS = {kind.label: kind for kind in (IPPORT, HOSTNAMEPORT)}
_EVERY = "|".join(dict.fromkeys(kind.label for kind in KINDS))
#     IP:port                      : 0.0.0.0:443
#     Certificate Hash             : 8d90a17d2851f802b0a5619bf695b03544b8f5cb
#     …, and each other line that has a value
_RECORD = re.compile(
    rf"^(?P<key>    (?P<label>{'|'.join(_KINDS)}) +: (?P<value>[!-~]+) *\n)"
    rf"    {TAGS[0].label} +: (?P<certhash>[0-9A-Fa-f]{{40}}) *\n"
    r"(?P<others>(?: +[A-Za-z].*\n){1,64})"
    rf"(?=\n+    (?:{_EVERY}) +: )",
    re.MULTILINE,
)
"""A whole record in English: a blank line and another record follow."""


class Plain(NamedTuple):
    """The records that were read, the releases that print them so, and the lines of the other text.

    The key of a record that was read is among ``lines`` where other text is before it, since a
    record ends where the next one starts; ``keys`` are the numbers of these lines. ``shown`` has
    for each record the names of its lines.
    """

    records: list[ImportedRecord]
    releases: set[Release]
    lines: Lines
    keys: frozenset[int] = frozenset()
    shown: Sequence[frozenset[str]] = ()


def nothing_plain(text: str) -> Plain:
    """Return ``text`` so that every record in it is read as any text."""
    return Plain([], set(), numbered(text))


def plain_records(text: str) -> Plain:
    """Read the records that repeat the lines of another, and leave the other lines."""
    read: dict[tuple[str, bool, str], _Model | None] = {}
    certified: dict[tuple[object, str], Binding] = {}  # records of one certificate share values
    records: list[ImportedRecord] = []
    releases: set[Release] = set()
    lines: list[tuple[int, str]] = []
    keys: set[int] = set()
    shown: list[frozenset[str]] = []
    at, line = 0, 1
    for match in _RECORD.finditer(text):
        _, first, label, value, certhash, others = match.group(0, *_RECORD.groupindex)
        try:
            key = parse_key(_KINDS[label], value)
        except BadValueError:
            continue
        form = label, key.wildcard, others
        if form not in read:
            read[form] = _alone(match[0], first)
        known = read[form]
        if known is None:
            continue
        between = text[at : match.start()]
        if not records or between.strip("\n"):
            lines += numbered(between, line)[:-1]
            line += between.count("\n")
            lines.append((line, first))
            keys.add(line)
        else:
            line += len(between)
        if (form, certhash) not in certified:
            certified[form, certhash] = known.binding.at(key, certhash.lower())
        records.append(ImportedRecord(certified[form, certhash].at(key), line))
        releases.add(known.release)
        shown.append(known.shown)
        at = match.end()
        line += others.count("\n") + 2
    lines += numbered(text[at:], line)
    return Plain(records, releases, lines, frozenset(keys), shown)


class _Model(NamedTuple):
    """A record that others repeat, the release that prints it so, and the names of its lines."""

    binding: Binding
    release: Release
    shown: frozenset[str]


def _alone(text: str, following: str) -> _Model | None:
    """Return the record of ``text``, and the release that prints it so.

    None if there is anything to note about it, or if a line could matter for the text
    around it. ``following`` is the key of another record.
    """
    found = [*blocks(numbered(f"{text}\n{following}"))]
    block = found[0]
    count = len(block.fields) + sum(len(group) + 1 for group in block.properties)
    if len(found) != 2 or count != text.count("\n") or ECHO.search(text):
        return None
    if any(candidates([field.value for field in block.fields[1:]])):
        return None
    try:
        record = read_record(block, Words())
    except BadValueError:
        return None
    if record.problems or record.missing or record.surplus or any(no_numbers(block)):
        return None
    if not record.named or record.release is None:
        return None
    return _Model(record.binding, record.release, frozenset(record.fields))
