"""JSON documents that hold records in an array, with the line of each."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sslbind.bounds import check_json
from sslbind.errors import SslbindError

_SPACE = " \t\n\r"
_OPENING = re.compile(r"\s*\{")
_MAX_DEPTH = 64
"""Levels of nesting; up to this depth a message can show any value."""


def looks_like(text: str, array: str) -> bool:
    """Whether ``text`` may be a JSON object with the name ``array``; a value is not a name."""
    return opens(text) and bool(re.search(rf'"{array}"\s*:', text))


def opens(text: str) -> bool:
    """Whether ``text`` starts as a JSON object does."""
    return bool(_OPENING.match(text))


def parse(text: str, array: str, file: str) -> tuple[dict[str, Any], list[tuple[int, Any]]]:
    """Return a JSON object, and each record of its ``array`` with its line (from 1).

    Raises SslbindError if ``text`` is not JSON, where a name appears twice in
    an object, and where the array is missing.
    """
    check_json(text, file)
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        _check_depth(document)
    except json.JSONDecodeError as error:
        raise SslbindError(
            f"is not JSON: {error.msg} (column {error.colno})", file=file, line=error.lineno
        ) from None
    except RecursionError:
        raise SslbindError("is nested too deeply", file=file) from None
    except ValueError as error:  # of the hooks, and of numbers with thousands of digits
        raise SslbindError(f"is not readable JSON: {error}", file=file) from None
    if not isinstance(document, dict) or not isinstance(document.get(array), list):
        raise SslbindError(f"is not a JSON object with an array {array!r}", file=file)
    return document, list(zip(_lines(text, array), document[array], strict=True))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise ValueError(f"{twice!r} appears twice in one object")
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


def _check_depth(document: object) -> None:
    level = [document]
    for _ in range(_MAX_DEPTH):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise RecursionError


def _lines(text: str, array: str) -> Iterator[int]:
    """Yield the line of each item of the ``array`` of a document that was parsed."""
    decode = json.JSONDecoder().raw_decode
    at = text.index("{") + 1
    while True:
        name, at = decode(text, _skip(text, at))
        at = _skip(text, at, ":")
        if name == array:
            break
        _, at = decode(text, at)
        at = _skip(text, at, ",")
    at = _skip(text, at + 1)
    line, counted = 1, 0
    while text[at] != "]":
        line += text.count("\n", counted, at)
        counted = at
        yield line
        _, at = decode(text, at)
        at = _skip(text, at, ",")


def _skip(text: str, at: int, mark: str = "") -> int:
    """Return the position after white space, and after one ``mark`` in it."""
    while text[at] in _SPACE or text[at] == mark:
        at += 1
    return at
