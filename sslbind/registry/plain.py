"""Registries that can be searched by their header lines, without a full parse.

Nearly every file is one: ours, and those that people write in the same style. Each
function except ``is_plain`` requires a text for which that is true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sslbind.binding import Binding
from sslbind.keys import CCS, Key, Kind
from sslbind.registry.document import read_binding, read_toml

_HEADER_LINE = r"(?m)^[ \t]*\[[^\n]*"
_SETTINGS_HEADERS = ("[CertStores]", "[CentralCertProvider]", "[[Suppress]]")


def plain_header(key: Key) -> str:
    """Return the header that we write for ``key``, without its brackets."""
    text = str(key)
    return f"{key.kind.table}.{text}" if key.kind is CCS else f'{key.kind.table}."{text}"'


def is_plain(text: str, keys: Iterable[Key]) -> bool:
    """Whether a valid registry can be searched by header lines alone.

    That is the case when every binding is under the header that we would write,
    directly followed by its ``Other``, no text spans lines, and all settings except
    ``[[Suppress]]`` come before the first binding.
    """
    if '"""' in text or "'''" in text:
        return False
    wanted = {f"[{plain_header(key)}]" for key in keys}
    current, in_bindings = "", False
    for match in re.finditer(_HEADER_LINE, text):
        header = _header(match[0])
        if header in wanted:
            wanted.remove(header)
            current, in_bindings = header[:-1], True
        elif current and header.startswith((f"{current}.Other.", f"{current}.Other]")):
            continue
        elif header in _SETTINGS_HEADERS:
            if in_bindings and header != "[[Suppress]]":
                return False
            current = ""
        else:
            return False
    return not wanted


def header_lines(text: str) -> dict[str, int]:
    """Return the line (from 1) of each header, by its words with their brackets."""
    found: dict[str, int] = {}
    before, *tables = f"\n{text}".split("\n[")
    number = before.count("\n") + 1
    for table in tables:
        line, _, _ = table.partition("\n")
        found.setdefault(_header(f"[{line}"), number)
        number += table.count("\n") + 1
    return found


def _header(line: str) -> str:
    return line[: line.rfind("]") + 1] if "#" not in line else line.partition("#")[0].rstrip()


def head_end(text: str) -> int:
    """Return where the first binding starts: all settings except ``[[Suppress]]`` are before it."""
    if text.startswith("[Ssl"):
        return 0
    return text.find("\n[Ssl") + 1 or len(text)


def head_region(text: str) -> int:
    """Return where the header line of the first binding ends."""
    line = text.find("\n", head_end(text))
    return len(text) if line < 0 else line + 1


def settings_text(text: str) -> str:
    """Return the part of ``text`` without bindings."""
    head = head_end(text)
    return text[:head] + "".join(_suppressions(text, head))


def _suppressions(text: str, pos: int) -> Iterator[str]:
    while (start := text.find("\n[[Suppress]]", pos)) >= 0:
        pos = text.find("\n[", start + 1)
        pos = len(text) if pos < 0 else pos
        yield text[start:pos]


def find(text: str, key: Key, file: str) -> Binding | None:
    """Return the binding of ``key``, parsing nothing but its table."""
    bounds = _table(text, key)
    if bounds is None:
        return None
    data = read_toml(text[slice(*bounds)], file)
    name, body = next(iter(data[key.kind.table].items()))
    return read_binding(key.kind, name, body)


def region(text: str, key: Key) -> tuple[int, int]:
    """Return the part of ``text`` from the table before that of ``key`` to the header after it."""
    bounds = _table(text, key)
    if bounds is None:
        raise AssertionError(f"{key} was there")
    start, end = bounds
    before = text.rfind("\n[", 0, max(start - 1, 0)) + 1
    line = text.find("\n", end)
    return before, len(text) if line < 0 else line + 1


def last_region(text: str, kind: Kind) -> tuple[int, int]:
    """Return the part of ``text`` from the last table of ``kind`` to the header after it.

    If there is none, it is the last table of all.
    """
    start = text.rfind(f"\n[{kind.table}.") + 1
    if not start and not text.startswith(f"[{kind.table}."):
        start = text.rfind("\n[") + 1
        return start, len(text)
    end = text.find("\n[", start)
    line = text.find("\n", end + 1) if end >= 0 else -1
    return start, len(text) if line < 0 else line + 1


def _table(text: str, key: Key) -> tuple[int, int] | None:
    """Return where the table of ``key`` starts and ends, ``Other`` included."""
    header = plain_header(key)
    needle = f"[{header}]"
    start = 0 if text.startswith(needle) else text.find(f"\n{needle}") + 1
    if start == 0 and not text.startswith(needle):
        return None
    end = start
    while True:
        end = text.find("\n[", end + 1)
        if end < 0:
            return start, len(text)
        if not text.startswith((f"{header}.Other]", f"{header}.Other."), end + 2):
            return start, end + 1
