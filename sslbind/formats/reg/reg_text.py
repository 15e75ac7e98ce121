r"""The text of .reg files: ``[keys]``, ``"names"=`` and typed data.

Header ``Windows Registry Editor Version 5.00``, or ``REGEDIT4``, whose hex
text is 8-bit. A key's header ends at the last ``]`` of its line. ``[-key]``
deletes a key with all below it, ``"name"=-`` a value, ``@`` is the default
value (Microsoft's KB 310516, and what other readers take).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sslbind.errors import SslbindError
from sslbind.formats.left_out import stands_for_others
from sslbind.formats.reg.reg_key import (
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    Data,
    RegKey,
)
from sslbind.printable import printable

_HEADER = "Windows Registry Editor Version 5.00"
_FIRST_LINE = re.compile(rf"\s*({re.escape(_HEADER)}|REGEDIT4)[ \t]*(?:\n|$)")
# Quantifiers are possessive (``*+``): no line, however made, is tried twice.
_NAME = re.compile(r'[ \t]*+(?:@|"([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)")[ \t]*+=[ \t]*+')
_BREAK = r"\\[ \t]*+(?:;[^\n]*+)?(?:\n|$)(?:[ \t]*+(?:;[^\n]*+)?\n)*+"
"""The end of a line whose bytes go on, with comments and empty lines before they do."""
# Text may span lines, as Windows writes it; bytes continue after a backslash.
# hex(3):8d,90,\ and the bytes of the next line; "text"; dword:00000001; -
_DATA = re.compile(
    r"(?:(?P<delete>-)"
    r'|"(?P<text>[^"\\]*+(?:\\.[^"\\]*+)*+)"'
    r"|dword:[ \t]*+(?P<dword>[0-9a-f]{1,8})"
    r"|hex(?:\((?P<type>[0-9a-f]{1,8})\))?:(?P<hex>[0-9a-f, \t]*+"
    rf"(?:{_BREAK}[0-9a-f, \t]*+)*+))"
    r"[ \t]*+(?:;[^\n]*)?(?:\n|$)",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPED = re.compile(r'\\(["\\])')
_BYTE = re.compile(r"[0-9a-fA-F]{1,2}")
_TEXT_TYPES = (REG_SZ, REG_EXPAND_SZ, REG_MULTI_SZ)
_WIDTH = 79


class KeyLine(NamedTuple):
    """``[path]`` or ``[-path]``; the values after it are the key's."""

    line: int
    path: str
    delete: bool = False


class ValueLine(NamedTuple):
    """A value of the key before it; ``data`` is None if the value is deleted."""

    line: int
    name: str
    data: Data | None


class BadLine(NamedTuple):
    """A line that cannot be read; ``is_key`` where it should have been a key.

    ``name`` is that of its value, if it could be read.
    """

    line: int
    message: str
    is_key: bool = False
    name: str = ""


class Elision(NamedTuple):
    """A line that stands for others, which were left out."""

    line: int
    text: str


Statement = KeyLine | ValueLine | BadLine | Elision


class _SplitError(ValueError):
    """A value that Windows drops: why, as a predicate."""


def is_reg(text: str) -> bool:
    """Whether ``text`` starts as a .reg file does."""
    return _FIRST_LINE.match(text) is not None


def parse(text: str, file: str) -> Iterator[Statement]:
    r"""Yield each statement of a document; raise SslbindError if the text is not one.

    Lines of ``text`` end with ``\\n``, so that a line end inside quotes is one too.
    """
    start = _FIRST_LINE.match(text)
    if start is None:
        raise SslbindError(
            f"is not a .reg file: its first line is neither {_HEADER!r} nor 'REGEDIT4'",
            "'reg export' and regedit write it",
            file=file,
        )
    if "\n" in text[: start.start(1)]:
        raise SslbindError(
            f"has an empty line before {start[1]!r}: Windows does not take it for a .reg file",
            "delete the line",
            file=file,
            line=1,
        )
    wide = start[1] == _HEADER
    pos = start.end()
    number = 1 + text.count("\n", 0, pos)
    while pos < len(text):
        end = text.find("\n", pos) + 1 or len(text)
        line = text[pos:end].strip()
        if "\\" not in line and stands_for_others(line):
            yield Elision(number, line)
        elif line.startswith("["):
            yield _key(number, line)
        elif line.startswith(('"', "@")):
            statement, end = _value(text, pos, end, number, wide=wide)
            yield statement
        elif line and not line.startswith(";"):
            yield BadLine(number, f"{_shown(line)} is not a key, a value or a comment")
        number += text.count("\n", pos, end)
        pos = end


def write(keys: Iterable[tuple[str, RegKey]], comment: str) -> Iterator[str]:
    r"""Yield the document of ``keys`` with their paths, in pieces; lines end with CRLF.

    ``comment`` may have lines. Text that is not ASCII is written as bytes, as some
    readers know no other.
    """
    lines = [_HEADER, "", *(f"; {line}" for line in comment.split("\n")), ""]
    for path, one in keys:
        for place, key in one.walk(path):
            # Behind the header a comment would end the key for hivexregedit.
            lines += [f"; {key.comment}"] if key.comment else []
            lines += [f"[{place}]"]
            lines += [_written(value.name, value.data) for value in key.values.values()]
            lines += [""]
        yield "".join(f"{line}\r\n" for line in lines)
        lines = []


def _key(number: int, line: str) -> KeyLine | BadLine:
    path, closing, _ = line[1:].rpartition("]")
    if not closing:
        return BadLine(number, f"{_shown(line)} has no closing bracket", is_key=True)
    return KeyLine(number, path.removeprefix("-").rstrip("\\"), path.startswith("-"))


def _value(
    text: str, pos: int, end: int, number: int, *, wide: bool
) -> tuple[ValueLine | BadLine, int]:
    """Return the value that starts at ``pos``, and where the next line is.

    ``end`` is where the next line is if this one cannot be read.
    """
    name = _NAME.match(text, pos)
    called = _unescape(name[1] or "") if name else ""
    found = name and _DATA.match(text, name.end())
    first = text[pos:end].rstrip()
    if name is not None and found is None and first.endswith("\\") and "=hex" in first.lower():
        after = text.find("\n", end) + 1 or len(text)
        why = "goes on in a line that has no bytes: Windows drops both lines"
        return BadLine(number, f"{_shown(first)} {why}", name=called), after
    if name is None or found is None:
        return BadLine(number, f"{_shown(text[pos:end])} is not a value", name=called), end
    try:
        data = _data(found, wide=wide)
    except _SplitError as error:
        why = f"{_shown(text[pos:end])} {error}: Windows drops the value"
        return BadLine(number, why, name=called), end
    except ValueError:
        why = f"{_shown(text[pos:end])} has something that is not a byte"
        return BadLine(number, why, name=called), end
    return ValueLine(number, called, data), found.end()


def _data(found: re.Match[str], *, wide: bool) -> Data | None:
    """Return what follows ``=``; raise ValueError for invalid bytes."""
    if found["delete"]:
        return None
    if found["text"] is not None:
        if re.search(r"(?<!\\)(?:\\\\)*\\0", found["text"]):
            raise _SplitError("has \\0 in its text")
        return Data.text(_unescape(found["text"]))
    if found["dword"]:
        return Data.dword(int(found["dword"], 16))
    type_ = REG_BINARY if found["type"] is None else int(found["type"], 16)
    lines = [line.strip() for line in re.split(_BREAK, found["hex"])]
    if any(not line.endswith(",") for line in lines[:-1] if line) or any(
        line.startswith(",") for line in lines
    ):
        raise _SplitError("has a byte or a comma broken over two lines")
    words = re.sub(r"\s", "", "".join(lines)).removesuffix(",").split(",")
    if words == [""]:
        words = []
    if not all(_BYTE.fullmatch(word) for word in words):
        raise ValueError
    data = bytes(int(word, 16) for word in words)
    if not wide and type_ in _TEXT_TYPES:
        data = data.decode("cp1252", "replace").encode("utf-16-le")
    return Data(type_, data)


def _written(name: str, data: Data) -> str:
    start = f"{_quoted(name)}=" if name else "@="
    if data.type == REG_DWORD and len(data.bytes) == 4:
        return f"{start}dword:{int.from_bytes(data.bytes, 'little'):08x}"
    if data.type == REG_SZ:
        text = data.bytes.decode("utf-16-le", "replace")[:-1]
        if text.isascii() and text.isprintable() and Data.text(text) == data:
            return start + _quoted(text)
    return _wrapped(start + ("hex:" if data.type == REG_BINARY else f"hex({data.type:x}):"), data)


def _wrapped(line: str, data: Data) -> str:
    """Return ``line`` with the bytes after it, wrapped as regedit does."""
    lines = []
    for count, byte in enumerate(data.bytes, 1):
        word = f"{byte:02x}," if count < len(data.bytes) else f"{byte:02x}"
        if len(line) + len(word) >= _WIDTH and line.endswith(","):
            lines.append(f"{line}\\")
            line = "  "
        line += word
    return "\r\n".join([*lines, line])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _shown(line: str) -> str:
    return f"'{printable(line.strip()[:60])}'"
