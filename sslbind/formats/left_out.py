"""What a document lost or left out: records of which it has at most a part.

People shorten what they paste (``...``, ``[snip]``), logs are cut, and a line that is
lost joins two records. What was there is not known, so it must not count as absent.
"""

from __future__ import annotations

import re

from sslbind.formats.imported import BadRecord
from sslbind.keys import Kind
from sslbind.printable import printable

# ..., […], <...>, and so on
_ELLIPSIS = re.compile(
    r"[\s\[\](){}<>*#/;:|`\"-]*(?:\.{2,}|…|⋮|etc|usw|and so on)[\s\[\](){}<>*#/;:|`\".…⋮-]*",
    re.IGNORECASE,
)
# [snip], <output omitted>, (12 more records)
_LEFT_OUT = re.compile(
    r"\b(?:snip(?:ped)?|omitted|truncated|shortened|elided|left out|cut (?:here|off)"
    r"|gekürzt|ausgelassen|tronqué"
    r"|(?:more|other|further) (?:records?|bindings?|entries|lines|of (?:them|these)))\b",
    re.IGNORECASE,
)
_LONG = 120
"""Characters of a line that is not prose about something else."""


def stands_for_others(line: str) -> bool:
    """Whether a line only stands for others: ``...``, ``[snip]``, ``(12 more records)``."""
    if len(line) < _LONG:
        return bool(_ELLIPSIS.fullmatch(line) or _LEFT_OUT.search(line))
    return line.lstrip(" \t([<{").startswith(("...", "…", "truncated"))


def elision(line: int, text: str, hints: tuple[str, ...] = ()) -> BadRecord:
    """Return what is reported of a line that stands for others."""
    what = f"{printable(text.strip())!r} stands for lines that were left out"
    return BadRecord(line, f"{what}: which records they had is not known", hints)


def without_key(line: int, kind: Kind | None = None) -> BadRecord:
    """Return what is reported of lines of a record whose key is not there."""
    message = "is a part of a record: the line with its key is missing"
    return BadRecord(line, message, kind=kind)


def joined_to_another(line: int) -> BadRecord:
    """Return what is reported of lines that may be those of a second record."""
    return BadRecord(line, "may be a part of another record, whose key is missing")


def breaks_off(line: int | None) -> BadRecord:
    """Return what stands for the records that a document may have had below its end."""
    return BadRecord(line, "the text breaks off in a record: what follows is not known")
