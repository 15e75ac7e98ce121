"""Lines of a script that are missing, or of which a part is."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from sslbind.formats.imported import BadRecord
from sslbind.formats.left_out import breaks_off, elision, stands_for_others
from sslbind.grammar import match_tag, tag_names
from sslbind.keys import KIND_BY_NAME

_COMMENT = re.compile(r"\s*(?:#|::|@?(?:rem|echo|write-\w+)\b)", re.IGNORECASE)
"""The start of a line that is a comment, or prints text."""
# certhash=8d90a1, appid={4dc3e181-, certstorename=
_UNFINISHED = re.compile(
    r"[\s\"](?:\w+=|certhash=[0-9a-f]{1,39}|appid=\"?\{[0-9a-f-]*)$", re.IGNORECASE
)
"""The end of a line that breaks off in the value of a tag."""


def gaps(text: str, known: Container[int], bad: Sequence[BadRecord]) -> Iterator[BadRecord]:
    """Yield what stands for the lines that were left out, or that followed where a text ends.

    ``known`` are the numbers of the lines that are commands, ``bad`` the bad ones.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if stands_for_others(line) and number not in known and not _COMMENT.match(line):
            yield elision(number, line)
    if _UNFINISHED.search(lines[-1]) and any(one.line == len(lines) for one in bad):
        yield breaks_off(len(lines))


def ends_in_key(line: str) -> bool:
    """Whether a line ends in its key, which may go on in the next one."""
    words = line.replace('"', "").split()
    tag, equals, _ = words[-1].partition("=") if words else ("", "", "")
    return bool(equals) and match_tag(tag, tag_names("add", "sslcert")) in KIND_BY_NAME
