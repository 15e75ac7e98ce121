"""The commands of a netsh script, a batch file or a PowerShell script, one by one.

Only what stands around netsh in such files is understood: comments,
continuation lines, chains, redirections, and the quotes of PowerShell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from sslbind.grammar import command_words, is_command

_PROGRAM = re.compile(r"\b(?:netsh(?:\.exe)?|sslbind)\"?(?=\s)", re.IGNORECASE)
_SINGLE = r"(?<![^\s=])'[^'\"]*'(?!\S)"
_REDIRECTION = r"(?:(?<!\S)[0-9*])?[<>]{1,2}(?:&[0-9]|\s*[^\s&|<>]*)"
_PARTS = re.compile(rf'"[^"]*"|{_SINGLE}|\^.|{_REDIRECTION}|&&?|\|\|?|;(?!\S)')
_LITERALS = re.compile(rf'"[^"]*"|{_SINGLE}')
_ESCAPED_BRACE = re.compile(r"`([{}])")
_PREFIX = re.compile(r"\A(?:@|call\s+|cmd\s+/c\s+|\$\w+\s*=\s*)*", re.IGNORECASE)


class Command(NamedTuple):
    """One command: the line (from 1) where it starts, and its words as netsh quotes them.

    ``before`` is what stands before netsh and decides whether it runs at all,
    such as ``if exist x``; empty as a rule.
    """

    line: int
    text: str
    before: str = ""


def commands(text: str) -> Iterator[Command]:
    """Give each command of a script; comments, and lines that lead to a context, are none."""
    for number, whole in joined(text):
        line = _ESCAPED_BRACE.sub(r"\1", whole.strip())
        if not is_command(line) or not is_command(line.lstrip("@").lstrip()):
            continue
        if not _PROGRAM.search(line) or _is_bare(line):
            yield Command(number, _double_quoted(line))
            continue
        for part in _parts(line):
            before, command = _program(part)
            if command and is_command(command):
                yield Command(number, _double_quoted(command), before)


def _is_bare(line: str) -> bool:
    """Whether a line starts with netsh's own words, without the program before them."""
    _, word, _ = command_words(line.split(None, 3)[:3])
    return bool(word) and not _PROGRAM.match(line)


def joined(text: str) -> Iterator[tuple[int, str]]:
    """Give each line with those that continue it, and the number of the first."""
    parts: list[str] = []
    start = 1
    for number, line in enumerate(text.split("\n"), 1):
        start = start if parts else number
        open_quote = line.count('"') % 2
        if line.endswith(("^", " `")) and not open_quote and is_command(line.strip()):
            parts.append(line[:-1])
            continue
        yield start, "".join([*parts, line])
        parts = []
    if parts:
        yield start, "".join(parts)


def _parts(line: str) -> Iterator[str]:
    """Give the commands that ``&``, ``|`` and ``;`` chain, without redirections and carets."""
    part: list[str] = []
    end = 0
    for found in _PARTS.finditer(line):
        part.append(line[end : found.start()])
        end = found.end()
        token = found[0]
        if token[0] in "\"'":
            part.append(token)
        elif token[0] == "^":
            part.append(token[1])
        elif token[0] in "&|;":
            yield "".join(part)
            part = []
        else:
            part.append(" ")
    yield "".join([*part, line[end:]])


def _program(part: str) -> tuple[str, str]:
    """Return what stands before the program, and the words behind it; the part where it has none.

    ``@``, ``call``, ``cmd /c``, an assignment and the program's folder decide nothing.
    """
    part = part.strip()
    found = _PROGRAM.search(part)
    if found is None:
        return "", part
    before = part[: found.start()]
    if before.endswith("\\"):
        before = before[: max(before.rfind(mark) for mark in ('"', " ", "\t")) + 1]
    before = _PREFIX.sub("", before.removesuffix('"'))
    return before.strip(), part[found.end() :].strip()


def _double_quoted(text: str) -> str:
    """Return ``text`` with whole words or values in PowerShell's quotes in netsh's."""
    return _LITERALS.sub(lambda found: f'"{found[0][1:-1]}"', text)
