"""JSON documents, written in pieces so that a large one is never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sslbind.printable import printable_json

_INDENT = "  "
_BATCH = 1000
"""Items; the encoder leaves cycles of references behind, one a call, and a run collects none."""


def pieces(document: Mapping[str, Any], *, ascii_only: bool) -> Iterator[str]:
    """Yield the text of ``document``, indented by two blanks.

    A value that is an iterator is a list, of which some items at a time are made.
    Characters that do not print are escaped.
    """
    before = "{\n"
    for name, value in document.items():
        yield f"{before}{_INDENT}{_text(name, 1, ascii_only=ascii_only)}: "
        before = ",\n"
        if not isinstance(value, Iterator):
            yield _text(value, 1, ascii_only=ascii_only)
            continue
        opening = "["
        while batch := [*islice(value, _BATCH)]:
            text = _text(batch, 1, ascii_only=ascii_only)
            yield opening + text[1 : -len(f"\n{_INDENT}]")]
            opening = ","
        yield f"\n{_INDENT}]" if opening == "," else "[]"
    yield "\n}\n"


def _text(value: object, depth: int, *, ascii_only: bool) -> str:
    """Return ``value`` as it stands ``depth`` deep in a document."""
    import json

    text = json.dumps(value, indent=_INDENT, ensure_ascii=ascii_only)
    return printable_json(text).replace("\n", f"\n{_INDENT * depth}")
