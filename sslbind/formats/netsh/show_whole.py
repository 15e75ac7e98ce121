"""Whether a capture is whole: a file may break off anywhere, and lines may be left out of it.

All records of one listing have the same lines, and netsh prints an empty line after
each: a record with fewer lines than the others, or a listing that ends without that
line, shows that something may be missing.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sslbind.formats.netsh.show_layouts import layouts
from sslbind.formats.netsh.show_lines import PROMPT, Lines, bare, field
from sslbind.formats.netsh.show_records import Record, RecordBlock
from sslbind.release import Release
from sslbind.tags import PROPERTIES, STORED, TAG_BY_NAME, Type

_RULE = re.compile(r"\s*-{20,}\s*")
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]+")
_TITLE = re.compile(r" \S[^:]*:?\s*")
_INDENT = "    "
_FEW = 4
"""Lines after the last record; a text that has more goes on."""
_OPEN = (Type.TEXT, Type.STORE, Type.NUMBER)
"""Types of which a value may be the start of a longer one."""


class Ending(NamedTuple):
    """How a text ends: ``text`` is all of it but a last line that breaks off before its value.

    ``line`` is the number of that line, None if there is none; ``starts`` if it would be
    the first line of a record.
    """

    text: str
    line: int | None = None
    starts: bool = False


def ends_whole(lines: Sequence[str]) -> bool:
    """Whether the last of the lines that netsh printed is there: it is empty."""
    return not lines or not lines[-1].strip()


def is_rule(line: str) -> bool:
    """Whether a line is the rule below the heading of a listing."""
    return _RULE.fullmatch(line) is not None


def ends_in_rule(text: str) -> bool:
    """Whether a text ends in the rule below a heading, without the empty line that follows it."""
    return not text.endswith("\n\n") and bool(re.search(r"-{3}\s*\Z", text))


def ending(text: str) -> Ending:
    """Return how ``text`` ends; a line of a record is indented, and has a line end."""
    before, _, last = text.rpartition("\n")
    line = bare(last)
    if not last.startswith(_INDENT) or not line.strip() or PROMPT.match(last):
        return Ending(text)
    found = field(0, line)
    marked = ": " in line or "\uff1a" in line
    if (found is not None and found.value and marked) or _ADDRESS.fullmatch(line.strip()):
        return Ending(text)
    previous = before.rpartition("\n")[2].strip()
    return Ending(f"{before}\n", before.count("\n") + 2, not previous)


class Listings:
    """The listings of a text: which lines the records of each have."""

    def __init__(self, text: str, lines: Lines) -> None:
        self._text = text
        self._total = text.count("\n") + 1
        rules = [(number, line) for number, line in lines if is_rule(line)]
        self._starts = [number for number, _ in rules]
        self.headed = any(line.startswith("-") for _, line in rules)
        """Whether the text has the rule below a heading, where netsh prints it."""
        self._names: dict[int, frozenset[str]] = {}
        self._count: dict[int, int] = {}

    def add(self, line: int, names: Collection[str]) -> bool:
        """Count a record with its lines; return whether it has the same as those before."""
        place = bisect(self._starts, line)
        self._count[place] = self._count.get(place, 0) + 1
        known = self._names.setdefault(place, frozenset(names))
        if known == names:
            return True
        self._names[place] = known.union(names)
        return False

    def lacking(self, line: int, record: Record, *, breaks_off: bool) -> frozenset[str]:
        """Return the tags whose lines a record surely lacks.

        They are in another record of its listing, or in every layout; a record alone, or one
        that ``breaks_off``, may lack all that any release prints.
        """
        place = bisect(self._starts, line)
        own = record.fields.keys()
        names = self._names.get(place, frozenset())
        if not (breaks_off or record.missing):
            return (names - own) & TAG_BY_NAME.keys()  # properties may be of some records only
        if self._count.get(place, 0) == 1 or names <= own:
            names = _below(record)
        return (names - own) & STORED.keys()

    def doubtful(self, line: int, record: Record) -> frozenset[str]:
        """Return the tags whose lines a record may lack, after which nothing comes.

        They are in another record of its listing; a record alone may be one of any release.
        """
        place = bisect(self._starts, line)
        if record.release is None or record.release <= Release.W2008R2:
            return frozenset()
        names = _below(record) if self._count[place] == 1 else self._names[place]
        return (names - record.fields.keys()) & STORED.keys()

    def shorter(self, line: int, record: Record) -> bool:
        """Whether a record lacks the last lines that others of its listing have."""
        lacks = self._names[bisect(self._starts, line)] - record.fields.keys()
        return bool(lacks) and lacks <= _below(record)

    @property
    def last_line(self) -> int:
        """The number of the last line that is not empty; a line end after it makes no other."""
        return self._total - (self._text.endswith("\n") or not self._text)

    def ends_at(self, block: RecordBlock) -> bool:
        """Whether nothing is after the last line of a block, not even an empty line."""
        rest = self._below(block)
        return rest is not None and len(rest) <= 1 and not "".join(rest).strip()

    def ends_in_title(self, block: RecordBlock) -> bool:
        """Whether the text ends in the title of extended properties, below a block."""
        rest = [line for line in self._below(block) or () if line.strip()]
        return len(rest) == 1 and bool(_TITLE.fullmatch(rest[0]))

    def cut_value(self, record: Record, *, lacks: bool, above: bool = False) -> str | None:
        """Return the tag whose value may go on: the text ends in it, without a line end.

        Or it is right ``above`` a line that is not netsh's.
        """
        name, last = max(record.fields.items(), key=lambda item: item[1].line)
        tag = STORED.get(name)
        if (last.line < self._total and not above) or tag is None:
            return None
        if name in record.binding.unknown:
            return name
        if tag.type not in _OPEN or last.value == tag.show(tag.default):
            return None
        return name if lacks or tag.type is Type.NUMBER else None

    def _below(self, block: RecordBlock) -> list[str] | None:
        """Return the lines after a block, None if they are more than a few."""
        last = max(one.line for group in (block.fields, *block.properties) for one in group)
        count = self._total - last
        return self._text.rsplit("\n", count)[1:] if count <= _FEW else None


def _below(record: Record) -> frozenset[str]:
    """Return the lines that any release prints below those of a record."""
    properties = frozenset(one.tag.name for one in PROPERTIES)
    if not properties.isdisjoint(record.fields):
        return properties
    lines = {column.name: column.line for layout in layouts() for column in layout.columns}
    last = max(lines[name] for name in record.fields)
    return properties.union(name for name, line in lines.items() if line > last)
