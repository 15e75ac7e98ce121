"""The lines of a capture: labels and values, without what consoles and people put around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sslbind.formats.left_out import stands_for_others
from sslbind.formats.netsh.show_layouts import NULL, Shape, shape

PROMPT = re.compile(r"\s*(?:[A-Za-z]:(?:\\[^>]*|[^\s:>]*)|PS [^>]*|netsh[^>]*)>")
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
_COLUMNS = (33, 28)
"""The column of the colon: labels are padded to 29 columns, to 24 up to 2008 R2 (confirmed)."""
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "))
"""What web pages, mails and editors use instead of a space."""
_MARKS = {'"', "`", ">", "|", "#", "/", "-", "<"}
KEY = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]]+):\d{1,5}")
"""What a key with an address or a host name looks like."""
# -- More  --, --More--(42%), (END), Press any key to continue . . .
_PAGER = re.compile(
    r"\s*(?:-- ?More {0,2}(?:--|\().*|\(END\)|Press any key to continue[ .]*"
    r"|<SPACE> next page;.*)",
    re.IGNORECASE,
)
"""What more and less print between two pages."""
_ROW = re.compile(r"\|([^|]+)\|(?:([^|]*)\|)?\s*")
"""A row of a table in Markdown, of a label and a value, or of a title."""
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


class Aside(NamedTuple):
    """A line without label and value: a rule, a prompt, a sentence, the rest of a broken line."""

    line: int
    text: str


def numbered(text: str, first: int = 1) -> Lines:
    """Return the lines of ``text``, of which the first has the number ``first``."""
    return [*enumerate(text.split("\n"), first)]


def fields(lines: Lines) -> Iterator[Field | Aside]:
    """Yield each line that is not empty, except what pagers print and what people comment on."""
    prefix = _common_prefix([line for _, line in lines])
    for number, raw in lines:
        line = raw.rstrip()
        plain = line.startswith("    ") and line.isascii() and line.lstrip()[:1] not in _MARKS
        if plain and not prefix:  # as netsh prints it
            yield field(number, line) or Aside(number, line.strip())
            continue
        line = bare(line.removeprefix(prefix))
        found = None if ">" in line and PROMPT.match(line) else field(number, line)
        if line and not _beside(line, found):
            yield found or Aside(number, line.strip())


def _beside(line: str, found: Field | None) -> bool:
    """Whether a line was put between those of netsh: by a pager, or as a comment."""
    if _PAGER.fullmatch(line):
        return True
    if not line.lstrip().startswith(("#", "//")) or stands_for_others(line):
        return False
    value = found.value if found else ""
    return not value or (shape(value) is Shape.TEXT and not KEY.fullmatch(value))


def bare(line: str) -> str:
    """Return a line without the marks of mails, Markdown, JSON and consoles around it."""
    if not line.isascii():
        line = line.translate(_BLANKS).strip(INVISIBLE).rstrip()
    while line.startswith(">"):  # quoted in a mail
        line = line[1:].removeprefix(" ")
    start = line.lstrip()
    if start[:1] == "|" and (row := _ROW.fullmatch(start)):
        cells = [cell.strip() for cell in row.groups() if cell is not None]
        return f"    {' : '.join(cells)}"
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
            return Field(number, line[:column].strip(), _value(line[column + 2 :]), old=False)
    for separator in (" : ", "\uff1a", ": ", "\t", ":"):
        label, found, value = line.rpartition(separator)
        if found and label.strip():
            old = separator == " : " and label.endswith("   ") and not label.endswith("     ")
            return Field(number, label.strip(), _value(value), old)
    return None


def _value(text: str) -> str:
    value = text.strip()
    return NULL if len(value) == len(NULL) and value.lower() == NULL else value


def _common_prefix(lines: Sequence[str]) -> str:
    """Return the word that a logger put before every line (PowerShell: ``VERBOSE: ``)."""
    full = [line for line in lines if line.strip()]
    word = full[0].split(" ", 1)[0] if full else ""
    if len(word) < 2 or not word.endswith(":"):
        return ""
    return f"{word} " if all(line.startswith(word) for line in full) else ""
