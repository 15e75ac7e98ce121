"""TOML of simple lines, read several times faster than by the standard library.

Nearly every registry is nothing else: comments, headers, and ``name = value``
with a string without escapes, an integer, a boolean, a date or a list of strings. One
regular expression recognises the lines of a table, and tables with the same lines, such as
those of bindings that share a certificate, are read only once. Anything else is left to
tomllib: there is no TOML that only this module reads, and none that it reads differently.
"""

from __future__ import annotations

import re
from typing import Any

# A character that is not a control character; in a text, nothing that could end it or its list.
_ANY, _BASIC, _LITERAL, _LISTED_BASIC, _LISTED_LITERAL = (
    rf"[^{but}\x00-\x08\x0a-\x1f\x7f]*+" for but in ("", r"\"\\", "'", r"\"\\\]", r"'\]")
)
_LISTED = f"(?:\"{_LISTED_BASIC}\"|'{_LISTED_LITERAL}')"
_LIST = rf"\[[ \t]*+(?:{_LISTED}[ \t]*+(?:,[ \t]*+{_LISTED}[ \t]*+)*+(?:,[ \t]*+)?)?\]"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_VALUE = f"\"{_BASIC}\"|'{_LITERAL}'|{_LIST}|true|false|{_DATE}|0|[1-9][0-9]{{0,17}}+"
_BARE = "[A-Za-z0-9_-]++"
_REST = rf"[ \t]*+(?:\#{_ANY})?"  # of a line

_LINES = re.compile(rf"(?:\n[ \t]*+{_BARE}[ \t]*+=[ \t]*+(?:{_VALUE}){_REST}|\n{_REST})*+")
# In such lines, each name with its value (appid = "{…}"); in such a list, each text.
_PAIRS = re.compile(
    rf"""\n[ \t]*+({_BARE})[ \t]*+=[ \t]*+("[^"]*"|'[^']*'|\[[^\]]*\]|[0-9a-z-]+)"""
)
_TEXTS = re.compile(""""[^"]*"|'[^']*'""")
# [CertStores], [[Suppress]], [SslBindingInfo."0.0.0.0:443"], [SslCcsBindingInfo.443.Other],
# without the first bracket, one a line
_HEADERS = re.compile(
    rf"""(?m)^(\[?)({_BARE})(?:\.("{_BASIC}"|{_BARE})(?:\.({_BARE}))?)?(\]?)\]{_REST}$"""
)

Table = dict[str, Any]


def loads(text: str) -> Table | None:
    """Return what ``tomllib.loads`` returns; None if the text is not simple, or not valid.

    Tables with the same lines are one dict, which must not be changed.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    lines, *tables = f"\n{text}".split("\n[")
    first = _pairs(lines)
    parts = [table.partition("\n") for table in tables]
    headers = _HEADERS.findall("\n".join([header for header, _, _ in parts]))
    if first is None or len(headers) != len(tables):
        return None
    document = _Document(first)
    read: dict[str, Table | None] = {}
    for header, (_, _, lines) in zip(headers, parts, strict=True):
        pairs = read.get(lines)
        if pairs is None:
            pairs = read[lines] = _pairs(f"\n{lines}")
        if pairs is None or not document.put(header, pairs):
            return None
    return document.root


def _pairs(lines: str) -> Table | None:
    """Return the names and values of ``lines``, each of which starts with its line end."""
    if not _LINES.fullmatch(lines):
        return None
    pairs = _PAIRS.findall(lines)
    try:
        table = {name: _value(value) for name, value in pairs}
    except ValueError:  # the 30th of February
        return None
    return table if len(table) == len(pairs) else None


def _value(text: str) -> object:
    """Return the value that ``_VALUE`` recognised."""
    if text[0] in "\"'":
        return text[1:-1]
    if text[0] == "[":
        return [item[1:-1] for item in _TEXTS.findall(text)]
    if text[0] in "tf":
        return text == "true"
    if "-" in text:
        from datetime import date

        return date.fromisoformat(text)
    return int(text)


class _Document:
    """The tables so far; ``first`` has what is above the first header."""

    def __init__(self, first: Table) -> None:
        self.root = {**first}
        self._arrays: dict[str, list[Table]] = {}
        self._parents: dict[str, Table] = {}
        """The tables that exist because tables below them do."""

    def put(self, header: tuple[str, ...], pairs: Table) -> bool:
        """Put a table where its header says; False if that is another statement's place."""
        opened, name, sub, below, closed = header
        if opened or closed:
            array = self._made(self._arrays, name, []) if opened and closed and not sub else None
            if array is not None:
                array.append(pairs)
            return array is not None
        if not sub:
            return _is_new(self.root, name, pairs)
        parent = self._parents.get(name) or self._made(self._parents, name, {})
        sub = sub.strip('"')
        if parent is None or (sub in parent) != bool(below):
            return False
        if not below:
            parent[sub] = pairs
            return True
        parent[sub] = {**parent[sub]}
        return _is_new(parent[sub], below, pairs)

    def _made(self, made: dict[str, Any], name: str, new: Any) -> Any:
        """Return the table for ``name``, created if needed; None if the name is in use."""
        if name not in made:
            if name in self.root:
                return None
            self.root[name] = made[name] = new
        return made[name]


def _is_new(holder: Table, name: str, pairs: Table) -> bool:
    """Put ``pairs`` into ``holder``; return whether none of the names existed."""
    is_new = name not in holder
    holder[name] = pairs
    return is_new
