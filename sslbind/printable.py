"""Text from files and the network, made safe for a terminal."""

from __future__ import annotations

import re

# Printable for Python, but invisible: what Unicode calls Default_Ignorable_Code_Point
# (fillers of Hangul and of musical notes, selectors of variants, the grapheme joiner), the
# empty pattern of Braille, and the filler of Khitan.
_INVISIBLE = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d159\U000e0100-\U000e01ef"
)
# ::error file=a::text, ##[error]text, ##vso[task.complete]text: commands to GitHub and Azure
_COMMAND = r"\A\s*::(?=.*::)|##(?=\[|vso\[)"


def shows(text: str) -> bool:
    """Whether every character of ``text`` prints as itself, and is visible."""
    return text.isprintable() and (text.isascii() or not re.search(f"[{_INVISIBLE}]", text))


def printable(text: str) -> str:
    r"""Return ``text`` with every character that does not print as itself escaped.

    Control characters, bidirectional and zero-width marks, lone surrogates, line
    separators and invisible characters become ``\x1b``, ``\u202e`` and the like, so
    that a host name, a subject or a store name can neither control a terminal nor forge
    a line. Neither can it start a command to the runner of a CI job: ``::error ...::``.
    """
    if not shows(text):
        text = "".join(
            char if shows(char) else char.encode("unicode_escape", "surrogatepass").decode()
            for char in text
        )
    if "::" in text or "##" in text:
        text = re.sub(_COMMAND, _escaped, text)
    return text


def _escaped(match: re.Match[str]) -> str:
    sign = match[0].lstrip()[0]
    return match[0].replace(sign, f"\\x{ord(sign):02x}", 1)


def printable_json(text: str) -> str:
    r"""Return a JSON document with unprintable characters escaped as in JSON: ``\u202e``.

    The document means the same; line ends between its parts stay.
    """
    if shows(text.replace("\n", "")):
        return text
    return "".join(char if char == "\n" or shows(char) else json_escape(char) for char in text)


def json_escape(char: str) -> str:
    """Return one character as UTF-16 escapes, two where JSON needs them."""
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
