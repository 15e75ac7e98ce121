"""Positions in a TOML text, which TOML libraries do not report.

The text is valid TOML (tomllib has read it), so that splitting it into
statements needs only the grammar of keys and of where a value ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

Path = tuple[str, ...]

_SPACE = re.compile(r"[ \t]*")
# Possessive, because backtracking positions take a hundred bytes per character.
_TRIVIA = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
# SslBindingInfo, "0.0.0.0:443" or '443', with the dot after it
_KEY_PART = re.compile(
    r"""[ \t]*+(?:([A-Za-z0-9_-]++)|("[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")|'([^'\n]*+)')[ \t]*+(\.?)"""
)
# "text", '''text over lines''', [, }, # comment, or what is between them
_VALUE_TOKEN = re.compile(
    r'''"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"{3,5}'''
    r"""|'''[^']*+(?:'(?!'')[^']*+)*+'{3,5}"""
    r"""|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\n]*+\'"""
    r"""|[\[{]|[\]}]|\#[^\n]*+|\n|[^\[\]{}"'#\n]++""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A header or a ``key = value``, with the whole lines that it takes."""

    path: Path
    """Absolute: the keys of the header included; an array's tables are numbered from 0."""
    start: int
    """Start of its first line."""
    end: int
    """End of its last line, the line end included."""
    name_start: int
    """Where the last part of its key starts."""
    value_start: int
    """Where its value starts; 0 for a header."""
    value_end: int

    @property
    def header(self) -> bool:
        """Whether it is ``[table]`` or ``[[table]]``."""
        return not self.value_end


def statements(text: str) -> list[Statement]:
    """Return the statements of a valid TOML ``text``, in order."""
    found: list[Statement] = []
    tables: dict[Path, int] = {}
    table: Path = ()
    pos = 0
    while (pos := _match_end(_TRIVIA, text, pos)) < len(text):
        start = text.rfind("\n", 0, pos) + 1
        if text[pos] == "[":
            array = text.startswith("[[", pos)
            table, name_start, pos = _key(text, pos + 1 + array)
            if array:
                tables[table] = tables.get(table, -1) + 1
                table = (*table, str(tables[table]))
            end = _line_end(text, pos)
            found.append(Statement(table, start, end, name_start, 0, 0))
        else:
            path, name_start, pos = _key(text, pos)
            value_start = _match_end(_SPACE, text, pos + 1)
            value_end = _value_end(text, value_start)
            end = _line_end(text, value_end)
            found.append(Statement((*table, *path), start, end, name_start, value_start, value_end))
        pos = end
    return found


def rest_of_line(text: str, statement: Statement) -> str:
    """Return what follows a header or a value on its last line: a comment, or blanks."""
    end = statement.value_end
    if statement.header:
        _, _, end = _key(text, statement.name_start)
        end = text.index("]", end) + 1
    return text[end : statement.end].lstrip("]")


def locate(text: str, path: Path) -> int | None:
    """Return the line (from 1) of the value at ``path``, or of what holds it."""
    return locate_all(text, [path], statements(text)).get(path)


def locate_all(text: str, paths: Iterable[Path], places: Iterable[Statement]) -> dict[Path, int]:
    """Return the line of the value at each path, or of what holds it, found in one pass."""
    wanted = set(paths)
    above = {path[:length] for path in wanted for length in range(len(path))}
    found: dict[Path, Statement] = {}
    for statement in places:
        own = statement.path
        if own in above:
            found.setdefault(own, statement)
        for length in range(len(own) + 1):
            if own[:length] in wanted:
                found.setdefault(own[:length], statement)
    lines: dict[Path, int] = {}
    for path in wanted:
        best = next((one for n in range(len(path), -1, -1) if (one := found.get(path[:n]))), None)
        if best is not None:
            lines[path] = text.count("\n", 0, best.name_start) + 1
    return lines


def first_lines(text: str) -> dict[Path, int]:
    """Return the line where each path of up to two keys comes first, found in one pass."""
    found: dict[Path, int] = {}
    line, pos = 1, 0
    for statement in statements(text):
        line += text.count("\n", pos, statement.name_start)
        pos = statement.name_start
        found.setdefault(statement.path[:1], line)
        found.setdefault(statement.path[:2], line)
    return found


def deepest_line(text: str) -> int:
    """Return the line (from 1) where brackets are nested deepest, approximately."""
    depths = accumulate((char in "[{") - (char in "]}") for char in text)
    deepest = max(enumerate(depths), key=lambda item: item[1], default=(0, 0))[0]
    return text.count("\n", 0, deepest) + 1


def newline(text: str) -> str:
    """Return the line end that ``text`` uses: that of its first line."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _match_end(pattern: re.Pattern[str], text: str, pos: int) -> int:
    match = pattern.match(text, pos)
    return match.end() if match else pos


def _key(text: str, pos: int) -> tuple[Path, int, int]:
    """Return a dotted key's parts, where its last part starts, and where it ends."""
    parts: list[str] = []
    while match := _KEY_PART.match(text, pos):
        bare, basic, literal, dot = match.groups()
        if basic is None:
            parts.append(literal if bare is None else bare)
        else:
            parts.append(_unquote(basic))
        name_start = _match_end(_SPACE, text, pos)
        pos = match.end()
        if not dot:
            return tuple(parts), name_start, pos
    raise AssertionError(f"no key at {pos}: the text was not read before")


def _unquote(basic: str) -> str:
    if "\\" not in basic:
        return basic[1:-1]
    import tomllib

    return str(tomllib.loads(f"v = {basic}")["v"])


def _value_end(text: str, pos: int) -> int:
    """Return where the value that starts at ``pos`` ends, trailing space excluded."""
    depth, end = 0, pos
    while match := _VALUE_TOKEN.match(text, pos):
        token = match[0]
        if depth == 0 and token[0] in "\n#":
            break
        if token in ("[", "{"):
            depth += 1
        elif token in ("]", "}"):
            depth -= 1
        pos = match.end()
        if token[0] not in "\n#":
            end = pos - len(token) + len(token.rstrip()) if token.strip() else end
    return end


def _line_end(text: str, pos: int) -> int:
    end = text.find("\n", pos)
    return len(text) if end < 0 else end + 1
