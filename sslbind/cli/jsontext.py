"""JSON documents, written in pieces so that a large one is never entirely in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sslbind.printable import printable_json

_INDENT = "  "
_BATCH = 60
"""Items per piece: records of so many fill a pipe, which is read while the next are made.

Not fewer, because encoding a piece leaves a reference cycle, and the collector is off.
"""
_ITEM, _FIELD = f"\n{_INDENT * 2}", f"\n{_INDENT * 3}"

Item = tuple[str, ...]
"""The finished text of an object in a list of a document, in parts."""


def pieces(document: Mapping[str, Any], *, ascii_only: bool) -> Iterator[str]:
    """Yield the text of ``document``, indented by two spaces.

    An iterator becomes a list, a few items at a time; they may already be texts: all
    of them ``Item``, or none. Characters that do not print are escaped.
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
            yield opening + _items(batch, ascii_only=ascii_only)
            opening = ","
        yield f"\n{_INDENT}]" if opening == "," else "[]"
    yield "\n}\n"


class ItemTexts:
    """Produces the texts of similar items: the part that they share is encoded once."""

    def __init__(self, *, ascii_only: bool) -> None:
        from json import JSONEncoder

        # The encoder indents in Python code; without indentation it is ten times as fast.
        between = (f",{_FIELD}", ": ")
        self._encode = JSONEncoder(ensure_ascii=ascii_only, separators=between).encode

    def quoted(self, value: str | None) -> str:
        """Return ``value`` as JSON has it."""
        plain = value and value.isascii() and value.isprintable()
        if value and plain and '"' not in value and "\\" not in value:
            return f'"{value}"'
        return printable_json(self._encode(value))

    def listed(self, texts: Sequence[str] | None) -> str:
        """Return a list as it stands at a name of an ``Item``."""
        if not texts:
            return self.quoted(None) if texts is None else "[]"
        line = f"{_FIELD}{_INDENT}"
        return f"[{line}{f',{line}'.join(map(self.quoted, texts))}{_FIELD}]"

    def around(self, values: Mapping[str, Any], names: Collection[str]) -> list[str]:
        """Return the text of an ``Item`` before the value of each of ``names``, and after the last.

        The others are no lists and no objects.
        """
        pieces: list[str] = []
        part: dict[str, Any] = {}
        before = f"{{{_FIELD}"
        for name, value in values.items():
            part[name] = value
            if name in names:
                part[name] = 0
                pieces.append(before + self._encode(part)[1:-2])
                part, before = {}, f",{_FIELD}"
        rest = before + self._encode(part)[1:-1] if part else ""
        return [*map(printable_json, pieces), f"{printable_json(rest)}{_ITEM}}}"]


def _items(batch: list[Any], *, ascii_only: bool) -> str:
    """Return some items of a list, without its brackets."""
    if isinstance(batch[0], tuple):
        return _ITEM + f",{_ITEM}".join(map("".join, batch))
    return _text(batch, 1, ascii_only=ascii_only)[1 : -len(f"\n{_INDENT}]")]


def _text(value: object, depth: int, *, ascii_only: bool) -> str:
    """Return the text of ``value`` at nesting ``depth`` in a document."""
    import json

    text = json.dumps(value, indent=_INDENT, ensure_ascii=ascii_only)
    return printable_json(text).replace("\n", f"\n{_INDENT * depth}")
