"""The lines of a capture: labels and values, without what consoles and people put around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

PROMPT = re.compile(r"\s*(?:[A-Za-z]:(?:\\[^>]*|[^\s:>]*)|PS [^>]*|netsh[^>]*)>")
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
_COLUMNS = (33, 28)
"""The column of the colon: labels are padded to 29 columns, to 24 up to 2008 R2 (confirmed)."""
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "))
"""What web pages, mails and editors use instead of a space."""
_MARKS = {'"', "`", ">"}
_LINE_NUMBER = re.compile(r"(?:[A-Za-z]:)?[^\s:]++:\d++:(?=[ \t])")
"""What Select-String and grep put before a line of a file."""


Lines = Sequence[tuple[int, str]]
"""Lines of a text with their numbers, from 1."""


class Field(NamedTuple):
    """A line with a label and a value; ``old`` if it is spaced as only 2008 R2 does."""

    line: int
    label: str
    value: str
    old: bool


def numbered(text: str, first: int = 1) -> Lines:
    """Return the lines of ``text``, of which the first has the number ``first``."""
    return [*enumerate(text.split("\n"), first)]


def fields(lines: Lines) -> Iterator[Field | None]:
    """Yield each non-empty line, None for one without label and value."""
    prefix = _common_prefix([line for _, line in lines])
    for number, raw in lines:
        line = raw.rstrip()
        plain = line.startswith("    ") and line.isascii() and line.lstrip()[:1] not in _MARKS
        if plain and not prefix:  # as netsh prints it
            yield field(number, line)
            continue
        line = bare(line.removeprefix(prefix))
        if line:
            yield None if ">" in line and PROMPT.match(line) else field(number, line)


def bare(line: str) -> str:
    """Return a line without the marks of mails, Markdown, JSON and consoles around it."""
    if not line.isascii():
        line = line.translate(_BLANKS).strip(INVISIBLE).rstrip()
    while line.startswith(">"):  # quoted in a mail
        line = line[1:].removeprefix(" ")
    start = line.lstrip()
    if start[:1] == "`":  # inline code
        line = start.strip("`").rstrip()
    elif start[:1] == '"' and start.rstrip(",")[1:].endswith('"'):  # a list of lines as JSON
        inner = start.rstrip(",")[1:-1].rstrip()
        line = line if '"' in inner else inner  # a name with a value is not a line
    number = _LINE_NUMBER.match(line) if line[:1] not in " \t" else None
    return line[number.end() :] if number else line


def field(number: int, line: str) -> Field | None:
    """Return label and value: split at netsh's column, else at the last colon.

    With the column a value may contain a colon; otherwise the colon between spaces counts,
    because labels contain colons in some languages.
    """
    for column in _COLUMNS:
        if line[column - 1 : column + 2] == " : " and line.startswith("    "):
            return Field(number, line[:column].strip(), line[column + 2 :].strip(), old=False)
    for separator in (" : ", ": ", ":", "\uff1a"):
        label, found, value = line.rpartition(separator)
        if found and label.strip():
            old = separator == " : " and label.endswith("   ") and not label.endswith("     ")
            return Field(number, label.strip(), value.strip(), old)
    return None


def _common_prefix(lines: Sequence[str]) -> str:
    """Return the word that a logger put before every line (PowerShell: ``VERBOSE: ``)."""
    full = [line for line in lines if line.strip()]
    word = full[0].split(" ", 1)[0] if full else ""
    if len(word) < 2 or not word.endswith(":"):
        return ""
    return f"{word} " if all(line.startswith(word) for line in full) else ""
