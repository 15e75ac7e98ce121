"""How much memory a parser may need for a text, in proportion to its size.

Parsers can turn one character into a hundred bytes: ``[],[],[]`` is a list for every three
characters. What a text would become is counted before a parser reads it, and it is refused
if that would take more than ``RATIO`` times its size. A registry, a capture or a
configuration takes less than ten times its size.
"""

from __future__ import annotations

import os
import re

from sslbind.errors import SslbindError

RATIO = 20
"""Bytes of memory that a character may take."""
ALLOWANCE = 64 << 20
"""Bytes of memory that a text of any size may take."""
MAX_PARTS = 100
"""Parts of a dotted key: time and memory grow with the square of their number."""

# What costs the parsers memory: a table or a part of a dotted key, a name with its value, a list or
# inline table, and one more item of it, in TOML; the same in JSON; an XML element or
# attribute; a line, one of a capture, and a label with its value.
_TABLE, _PAIR, _LIST, _ITEM = 1000, 420, 130, 170
_OBJECT, _ARRAY, _COMMA = 260, 130, 80
_ELEMENT, _LINE, _ASIDE, _FIELD = 280, 80, 340, 420

# Multi-line and single-line strings, and comments; unterminated ones run to the end.
_TEXT_OR_COMMENT = (
    r'''"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"{0,5}'''
    r"""|'''[^']*+(?:'(?!'')[^']*+)*+'{0,5}"""
    r"""|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+"?"""
    r"""|'[^'\n]*+'?|\#[^\n]*+"""
)
_LONG_KEY = rf'(?<![\w"\-.])(?:[\w"\-]++[ \t]*+\.[ \t]*+){{{MAX_PARTS}}}'

Path = str | os.PathLike[str]


def check_tables(text: str, file: Path) -> None:
    """Raise SslbindError for TOML with more tables, names and lists than its size allows."""
    # Each bracket as if it opened a table: one character is counted three times as fast as two.
    if _excessive(text, _tables(text, text.count("["))):
        structure = _structure(text)
        _check(text, _tables(structure, structure.count("\n[")), file)


def check_keys(text: str, file: Path) -> None:
    """Raise SslbindError for TOML whose dotted keys make too many tables."""
    many = any(line.count(".") >= MAX_PARTS for line in text.split("\n"))  # a key is on one line
    if not many and not _excessive(text, text.count(".") * _TABLE):
        return
    structure = _structure(text)
    long = re.search(_LONG_KEY, structure)
    if long is not None:
        line = structure.count("\n", 0, long.start()) + 1
        raise SslbindError(
            f"has a key of more than {MAX_PARTS} parts: {long[0]:.40}…", file=file, line=line
        )
    tables = structure.count("\n[") + structure.count(".")
    _check(text, _tables(structure, tables), file)


def check_json(text: str, file: Path) -> None:
    """Raise SslbindError for JSON with more objects and arrays than its size allows."""
    cost = text.count("{") * _OBJECT + text.count("[") * _ARRAY + text.count(",") * _COMMA
    _check(text, cost, file)


def check_xml(data: bytes, file: Path) -> None:
    """Raise SslbindError for XML with more elements and attributes than its size allows."""
    _check(data, (data.count(b"<") + data.count(b"=")) * _ELEMENT, file)


def check_lines(text: str, file: Path) -> None:
    """Raise SslbindError for a text with more lines than its size allows."""
    _check(text, text.count("\n") * _LINE, file)


def check_fields(text: str, file: Path) -> None:
    """Raise SslbindError for a text with more labels and values than its size allows."""
    _check(text, _fields(text), file)


def has_many_fields(text: str) -> bool:
    """Whether ``check_fields`` refuses the text."""
    return _excessive(text, _fields(text))


def _fields(text: str) -> int:
    separators = sum(text.count(one) for one in (":", "\t", "|"))
    return text.count("\n") * _ASIDE + separators * _FIELD


def _structure(text: str) -> str:
    """Return TOML without comments, and a quotation mark and its line ends for quoted text."""
    return re.sub(
        _TEXT_OR_COMMENT, lambda match: '"' + "\n" * match[0].count("\n"), text, flags=re.DOTALL
    )


def _tables(text: str, tables: int) -> int:
    """Return what TOML of so many tables costs."""
    return (
        tables * _TABLE
        + text.count("=") * _PAIR
        + (text.count("[") + text.count("{")) * _LIST
        + text.count(",") * _ITEM
    )


def _excessive(text: str | bytes, cost: int) -> bool:
    return cost > RATIO * len(text) + ALLOWANCE


def _check(text: str | bytes, cost: int, file: Path) -> None:
    if _excessive(text, cost):
        raise SslbindError(
            f"would take more than {RATIO} times its size in memory, because it is mostly"
            " brackets, punctuation and line endings",
            file=file,
        )
