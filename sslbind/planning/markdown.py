"""Plans as a pull request comment: one table per target, everything from outside escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sslbind.planning.outcome import summary
from sslbind.planning.text import Shown, impact_text, note_text, shown, spec
from sslbind.printable import printable

MARKER = "<!-- sslbind plan -->"
"""The first line: it identifies the previous comment, so that it can be replaced."""
ROWS = 200
"""Rows of one table; a comment on GitHub has at most 65,536 characters."""
_SPECIAL = re.compile(r"[\\`*_{}\[\]()<>#+!|~&@:.$]")
"""Characters with a meaning in CommonMark, and in GitHub's tables, mentions, links and formulas."""


def document(targets: Sequence[Shown]) -> str:
    """Return the whole comment."""
    lines = [MARKER, "", f"**{summary(str(one['status']) for one in targets)}**"]
    for one in targets:
        lines += ["", *_section(one)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    r"""Return ``text`` escaped so that Markdown shows it literally, on one line.

    Every character with a meaning becomes a character reference, which also
    holds in a table's cell; control characters are written out (``\x1b``).
    """
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", printable(text))


def _section(one: Shown) -> Iterator[str]:
    yield f"### {escape(one['target'])}: {escape(str(one['status']))}"
    rows = [row for change in one["changes"] for row in _rows(change)]
    if rows:
        yield from ("", "| | binding | tag | before | after |", "|---|---|---|---|---|")
        yield from rows[:ROWS]
    impacts = [f"| {escape(impact_text(impact))} |" for impact in one.get("impact", ())]
    if impacts:
        yield from ("", "| connection: before → after |", "|---|")
        yield from impacts[:ROWS]
    for count in (len(rows) - ROWS, len(impacts) - ROWS):
        if count > 0:
            yield from ("", f"and {count} more rows")
    texts = [*(f"missing: {missing}" for missing in one["missing"]), one["message"],
            *(note_text(note) for note in one.get("notes", ()))]  # fmt: skip
    items = [f"- {escape(line)}" for line in texts if line]
    yield from ["", *items] if items else []


def _rows(change: Shown) -> Iterator[str]:
    action = escape(str(change["action"]))
    name = escape(spec(change))
    for tag, (old, new) in change["tags"].items() or [("", (None, None))]:
        before = escape(shown(tag, old)) if tag and change["action"] != "add" else ""
        after = escape(shown(tag, new)) if tag and change["action"] != "delete" else ""
        yield f"| {action} | {name} | {escape(tag)} | {before} | {after} |"
        action = name = ""
