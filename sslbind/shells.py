"""Commands that people paste: every word quoted for the shells that it may be pasted into.

Words in double quotes mean the same to a POSIX shell (Shell Command Language, 2.2
Quoting), to cmd with the C runtime's parsing of arguments, and to PowerShell
(about_Quoting_Rules), unless they have a character that one of them interprets
there: ``$`` and the backtick; ``%`` and, with delayed expansion, ``!``; a double
quote, for which PowerShell takes the typographic ones too (section 2.3.5.2 of its
language specification); and a backslash at the end.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from sslbind.printable import printable

_PLAIN = re.compile(r"(?!-)[A-Za-z0-9_+=:./-]+|--?[A-Za-z][A-Za-z-]*|-", re.ASCII)
"""A word that no shell interprets."""
_INTERPRETED = re.compile('[$`%!"\u201c\u201d\u201e]|\\\\\\Z|\\\\[\\\\\\n]')
"""What some shell interprets inside double quotes."""
_SINGLE = re.compile("['\u2018\u2019\u201a\u201b]")


def word(text: str) -> str | None:
    """Return ``text`` as a word that sh, cmd and PowerShell read alike, None if there is none.

    A character that a terminal would not show literally has none.
    """
    if _PLAIN.fullmatch(text):
        return text
    if _INTERPRETED.search(text) or printable(text) != text:
        return None
    return f'"{text}"'


def sh(text: str) -> str:
    """Return ``text`` as a word of a POSIX shell, in quotes if it needs them."""
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "'\"'\"'") + "'"


def powershell(text: str) -> str:
    """Return ``text`` as a PowerShell literal in single quotes, which interpret nothing.

    Typographic quotes count as quotes too: each is doubled.
    """
    return f"'{_SINGLE.sub(lambda found: found[0] * 2, text)}'"


def _passed_on(text: str) -> bool:
    """Whether PowerShell 5.1 passes ``text`` to a program unchanged: it does not escape quotes."""
    return '"' not in text and not text.endswith("\\")


def _for_shell(words: Iterable[str], *, windows: bool) -> tuple[str, str]:
    """Return a command, and the shell that it is for, nothing if it is for each of them."""
    words = [*words]
    if any(printable(text) != text for text in words):
        return "", ""
    common = [word(text) for text in words]
    if None not in common:
        return " ".join(filter(None, common)), ""
    if not windows:
        return " ".join(map(sh, words)), "sh"
    if not all(map(_passed_on, words)):
        return "", ""
    quoted = (text if _PLAIN.fullmatch(text) else powershell(text) for text in words)
    return " ".join(quoted), "PowerShell"


def command(words: Iterable[str], *, windows: bool = os.name == "nt") -> str:
    """Return a command to paste; empty if there is none that is safe.

    Normally sh, cmd and PowerShell read it alike. If one of them interprets a word, the
    command is for PowerShell on Windows and for sh elsewhere, and a comment at its end says
    so.
    """
    line, shell = _for_shell(words, windows=windows)
    return f"{line}  # in {shell}" if shell else line


def in_sentence(words: Iterable[str], *, windows: bool = os.name == "nt") -> str:
    """Return a command as ``command`` does, for the middle of a sentence."""
    line, shell = _for_shell(words, windows=windows)
    return f"{line} (in {shell})" if shell else line
