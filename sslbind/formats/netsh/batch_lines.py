"""The commands of a netsh script, a batch file or a PowerShell script, one by one.

Only what surrounds netsh in such files is understood: comments, multi-line strings,
continuation lines, chains, redirections, PowerShell's quotes, and of cmd's control flow
blocks in parentheses, exits and jumps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sslbind.formats.netsh.nested import unwrapped
from sslbind.grammar import command_words, is_command

_PROGRAM = re.compile(r"\b(?:netsh(?:\.exe)?|sslbind)\"?(?=\s)", re.IGNORECASE)
_SINGLE = r"(?<![^\s=])'[^'\"]*'(?!\S)"
_REDIRECTION = r"(?:(?<!\S)[0-9*])?[<>]{1,2}(?:&[0-9]|\s*[^\s&|<>]*)"
_PLACEHOLDER = r"(?<=[=:{\[.@-])<[A-Za-z][^<>|&\n\"]{0,60}>"
"""``<port>`` in a line from a manual: part of a word, not two redirections."""
# "two words", 'two words', ^&, <port>, >nul, 2>&1, &&, ||, ;
_PARTS = re.compile(
    rf'"[^"]*"|{_SINGLE}|\^.|(?P<kept>{_PLACEHOLDER})|{_REDIRECTION}|&&?|\|\|?|;(?!\S)'
)
_LITERALS = re.compile(rf'"[^"]*"|{_SINGLE}')
_COMMENT = re.compile(rf'("[^"]*"|{_SINGLE})|(?<!\S)#.*')
# <# netsh http add … #>, over any number of lines
_SILENT = re.compile(
    r"(^[ \t]*+(?:#(?!>)|@?rem\b|::)[^\n]*|\"[^\"\n]*\")"
    r"|(?<!\S)<#.*?(?:#>|\Z)|(?<![^\s=(])@(['\"])[ \t]*\n.*?(?:^\2@|\Z)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
"""PowerShell's comments and multi-line strings; first what only looks like one."""
_BLOCK = re.compile(r"@?(?:(?:if|for|else)\b|\(|.*(?:&|\|)\s*\($)", re.IGNORECASE)
_MARK = re.compile(r"[(){}]")
_LEAVES = re.compile(r"@?(?:goto|exit)\b", re.IGNORECASE)
_ESCAPED_BRACE = re.compile(r"`([{}])")
_PREFIX = re.compile(r"\A(?:@|call\s+|cmd\s+/c\s+|\$\w+\s*=\s*)*", re.IGNORECASE)


class BatchCommand(NamedTuple):
    """One command: the line (from 1) where it starts, and its words as netsh quotes them.

    ``before`` is what precedes netsh and decides whether it runs at all, such as ``if exist
    x``; usually empty.
    """

    line: int
    text: str
    before: str = ""


def commands(text: str) -> Iterator[BatchCommand]:
    """Yield each command of a script; comments, and lines that enter a context, are skipped."""
    flow = _ControlFlow()
    for number, whole in joined(text):
        line = whole.strip()
        if "`" in line:
            line = _ESCAPED_BRACE.sub(r"\1", line)
        if not flow.reaches(line):
            continue
        if not is_command(line) or (line[0] == "@" and not is_command(line.lstrip("@").lstrip())):
            continue
        line = _without_comment(line)
        for before, command in _chained(line):
            yield BatchCommand(number, command, before or flow.condition)
        flow.follow(line)


def _without_comment(line: str) -> str:
    """Return a line without quotes that only wrap netsh's, and without a trailing comment."""
    if '"' in line or "'" in line:
        line = unwrapped(line)
    return _COMMENT.sub(r"\1", line).rstrip() if "#" in line else line


def _chained(line: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a line, each with what decides whether it runs."""
    if len(line.split(None, 1)) < 2:  # a verb and an object
        yield "", line
    elif not _PROGRAM.search(line) or _is_bare(line):
        yield "", _double_quoted(line)
    else:
        for chain, part in _parts(line):
            before, command = _program(part)
            if command and is_command(command):
                yield before or chain, _double_quoted(command)


class _ControlFlow:
    """Whether cmd reaches a line at all, and the condition of the block that it is in."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._braces = 0
        self._left = False

    @property
    def condition(self) -> str:
        """What precedes the outermost open block with a condition; empty without one."""
        return self._blocks[-1] if self._blocks else ""

    def reaches(self, line: str) -> bool:
        """Whether ``line`` may run; after one that always jumps or exits, only a label may.

        One that starts with ``)`` closes its block first.
        """
        if line[:1] == ":" and line[1:2] != ":":
            self._left = False
        if line[:1] == ")" and self._blocks:
            self._blocks.pop()
        reached = not self._left
        if _LEAVES.match(line) and not self._blocks and not self._braces:
            self._left = True
        return reached

    def follow(self, line: str) -> None:
        """Track the blocks that ``line`` opens and closes."""
        if not _MARK.search(line):
            return
        rest = _LITERALS.sub("", line)
        self._braces = max(0, self._braces + rest.count("{") - rest.count("}"))
        if rest[:1] == ")":
            rest = rest[1:].lstrip()
        if not self._blocks and not _BLOCK.match(rest):
            return
        before = rest.partition("(")[0].lstrip("@").strip()
        for mark in rest:
            if mark == "(":
                self._blocks.append(self.condition or before)
            elif mark == ")" and self._blocks:
                self._blocks.pop()


def _is_bare(line: str) -> bool:
    """Whether a line starts with netsh's own words, without the program before them."""
    _, word, _ = command_words(line.split(None, 3)[:3])
    return bool(word) and not _PROGRAM.match(line)


def joined(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with those that continue it, and the number of the first."""
    parts: list[str] = []
    start = 1
    if "<#" in text or "@'" in text or '@"' in text:
        text = _SILENT.sub(lambda found: found[1] or "\n" * found[0].count("\n"), text)
    for number, line in enumerate(text.split("\n"), 1):
        start = start if parts else number
        if not parts and not line.endswith(("^", " `")):
            yield number, line
            continue
        open_quote = line.count('"') % 2
        if line.endswith(("^", " `")) and not open_quote and is_command(line.strip()):
            parts.append(line[:-1])
            continue
        yield start, "".join([*parts, line])
        parts = []
    if parts:
        yield start, "".join(parts)


def _parts(line: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that ``&``, ``|`` and ``;`` chain, without redirections and carets.

    With each comes ``||`` if it runs only when another fails, else nothing.
    """
    part: list[str] = []
    chain = ""
    end = 0
    for found in _PARTS.finditer(line):
        part.append(line[end : found.start()])
        end = found.end()
        token = found[0]
        if token[0] in "\"'" or found["kept"]:
            part.append(token)
        elif token[0] == "^":
            part.append(token[1])
        elif token[0] in "&|;":
            yield chain, "".join(part)
            part = []
            if found[0] in ("||", "&", ";"):
                chain = token.strip("&;")
        else:
            part.append(" ")
    yield chain, "".join([*part, line[end:]])


def _program(part: str) -> tuple[str, str]:
    """Return what precedes the program, and the words after it; all of the part without one.

    ``@``, ``call``, ``cmd /c``, an assignment and the program's folder are ignored.
    """
    part = part.strip()
    found = _PROGRAM.search(part)
    if found is None:
        return "", part
    before = part[: found.start()]
    if before.endswith("\\"):
        before = before[: max(before.rfind(mark) for mark in ('"', " ", "\t")) + 1]
    if found[0].endswith('"'):
        before = before.removesuffix('"')
    before = _PREFIX.sub("", before)
    words = part[found.end() :].strip()
    return before.strip(), words.removeprefix("--% ").lstrip()  # PowerShell's stop-parsing token


def _double_quoted(text: str) -> str:
    """Return ``text`` with whole words or values in PowerShell's quotes in netsh's."""
    return _LITERALS.sub(lambda found: f'"{found[0][1:-1]}"', text)
