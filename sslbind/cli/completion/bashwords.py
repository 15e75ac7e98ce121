"""Bash's words, parsed from a line that is still being typed, and quoted to go back into it.

Bash splits words at ``=`` and ``:`` (``COMP_WORDBREAKS``) and passes them with their
quotes, so the line itself is parsed here, without evaluating any of it; what goes back is
quoted for the exact place where it is inserted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+=\-]")
_ENDS_COMMAND = ";|&()\n"


@dataclass(frozen=True, slots=True)
class Word:
    """A word as bash would pass it, and the quote still open at its end (``""``: none)."""

    text: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line up to the cursor.

    ``words`` are the whole words after the program's name, and the last one,
    which may be empty. ``start`` is where that one starts. ``redirected``:
    it is the file of a redirection.
    """

    words: tuple[str, ...]
    start: int
    redirected: bool


def split(line: str) -> Line:
    """Return the words of ``line``, the text before the cursor."""
    words: list[str] = []
    start, pos, redirected, was_redirected = 0, 0, False, False
    while pos < len(line):
        char = line[pos]
        if char in " \t":
            pos += 1
        elif char in _ENDS_COMMAND:
            words, pos, redirected = [], pos + 1, False
        elif char in "<>":
            redirected = True
            pos = _operator_end(line, pos)
        else:
            start, pos = pos, _word_end(line, pos)
            if pos == len(line):
                break
            was_redirected, redirected = redirected, False
            # The number in "2>file" is a descriptor, not an argument.
            descriptor = line[pos] in "<>" and line[start:pos].isdigit()
            if not was_redirected and not descriptor:
                words.append(dequote(line[start:pos]).text)
    else:
        start = len(line)
    return Line((*words[1:], dequote(line[start:]).text), start, redirected)


def dequote(raw: str) -> Word:
    """Return what bash makes of ``raw``, a word or its beginning; nothing is expanded."""
    text, quote, pos = "", "", 0
    while pos < len(raw):
        char, following = raw[pos], raw[pos + 1 : pos + 2]
        pos += 1
        if char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif char == "\\" and (not quote or (quote == '"' and following in tuple('$`"\\\n'))):
            text += following
            pos += 1
        else:
            text += char
    return Word(text, quote)


def quote(text: str, open_quote: str = "") -> str:
    """Return ``text`` quoted so that bash reads it literally; ``open_quote`` is already open."""
    if open_quote == "'":
        return text.replace("'", r"'\''")
    if open_quote == '"':
        # A backslash before "!" would stay; "!" is history expansion in double quotes too.
        return re.sub(r'([$`"\\])', r"\\\1", text).replace("!", "\"'!'\"")
    return "".join(c if _PLAIN.match(c) or c > "\x7f" else f"\\{c}" for c in text)


def replacement(line: str, start: int, replaced: str, value: str) -> str | None:
    """Return what replaces ``replaced``, the end of ``line``, to make ``value``.

    The word starts at ``start``. None if the word is not a prefix of ``value``.
    """
    cut = len(line) - len(replaced) if line.endswith(replaced) else _last_break(line, start)
    kept = dequote(line[start : max(cut, start)])
    if not value.casefold().startswith(kept.text.casefold()):
        return None
    return quote(value[len(kept.text) :], kept.quote)


def _last_break(line: str, start: int) -> int:
    return max(line.rfind("=", start), line.rfind(":", start), start - 1) + 1


def _operator_end(line: str, pos: int) -> int:
    while pos < len(line) and line[pos] in "<>&|":
        pos += 1
    return pos


def _word_end(line: str, pos: int) -> int:
    quote = ""
    while pos < len(line):
        char = line[pos]
        if char == "\\" and quote != "'":
            pos += 1
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        elif not quote and char in " \t<>" + _ENDS_COMMAND:
            return pos
        pos += 1
    return len(line)
