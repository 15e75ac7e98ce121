"""The other parts of a ``show`` capture: the prompt, the listen list, an empty answer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from sslbind.errors import BadValueError
from sslbind.formats.netsh.show_lines import INVISIBLE, KEY, PROMPT, bare, field
from sslbind.keys import KIND_BY_NAME, Key, parse_address, parse_key

START = 1 << 16
"""Characters within which a capture usually shows its first record."""
ECHO = re.compile(r"\bshow\s+ssl", re.IGNORECASE)
_QUESTION = re.compile(r"\bshow\s+ssl\w*[ \t]*([^\n|>]*)", re.IGNORECASE)
_HEADING = re.compile(r"[^|#=]*SSL[^|#=]*[:\uff1a]")
_ENGLISH = re.compile(r"SSL Certificate bindings ?:", re.IGNORECASE)
_RULE = re.compile(r"-{3,}")
_WIDTH = 100
"""Characters within which a heading ends."""
_DASHES = re.compile(r"-{20,}")
_ADDRESS = re.compile(r"(?m)^[ \t]*([0-9A-Fa-f]*[.:][0-9A-Fa-f.:]+)[ \t]*$")


def _letters(text: str) -> str:
    """Return the letters that every code page shows alike, else the text."""
    return re.sub("[^a-z]", "", text.lower()) or text.strip(" .。")


_NOT_FOUND = {
    _letters(sentence)
    for sentence in (
        "The system cannot find the file specified.",
        "Das System kann die angegebene Datei nicht finden.",
        "Le fichier spécifié est introuvable.",
        "El sistema no puede encontrar el archivo especificado.",
        "Impossibile trovare il file specificato.",
        "O sistema não pode encontrar o arquivo especificado.",
        "Het systeem kan het opgegeven bestand niet vinden.",
        "系统找不到指定的文件。",
        "指定されたファイルが見つかりません。",
        "Не удается найти указанный файл.",  # noqa: RUF001  # Russian
    )
}
"""Error 2, ERROR_FILE_NOT_FOUND."""


def none_found(sentence: str) -> bool:
    """Whether a sentence below a heading says that there is no record, and not another failure."""
    return _letters(sentence) in _NOT_FOUND


def answer_of_none(text: str) -> str | None:
    """Return the sentence with which netsh answered instead of records, empty without one.

    None if ``text`` is not such an answer: a heading, dashes, perhaps a sentence. The line
    of the prompt says whose answer it is, else the heading, in which SSL is not translated.
    The listen list may be there too, and comments with #.
    """
    if len(text) > START:
        return None
    full = [line for raw in text.split("\n") if (line := raw.strip(f" \t{INVISIBLE}"))]
    full = [line for line in full if not line.startswith("#")]
    lines = [line for line in full if not ECHO.search(line) and not PROMPT.match(line)]
    if len(lines) > 1 and _ENGLISH.fullmatch(lines[0]) and _RULE.fullmatch(lines[1]):
        lines[1] = "-" * 25  # as people shorten it
    dashes = [place for place, line in enumerate(lines) if _DASHES.fullmatch(line)]
    if dashes[:1] != [1]:
        return None
    headed = any(ECHO.search(line) for line in full)
    answer = ""
    for place, end in zip(dashes, [*(after - 1 for after in dashes[1:]), len(lines)], strict=True):
        headed = headed or bool(_HEADING.fullmatch(lines[place - 1][:_WIDTH]))
        body = lines[place + 1 : end]
        if all(_ADDRESS.fullmatch(line) for line in body):
            continue
        found = field(0, body[0])
        if len(body) > 1 or answer or (found and KEY.fullmatch(found.value)):
            return None
        answer = body[0]
    return answer if headed else None


def asked(text: str) -> frozenset[Key] | None:
    """Return the keys that a console's lines ask for, None if one asks for every record.

    Also None if there is no such line.
    """
    keys: set[Key] = set()
    questions = 0
    if not ECHO.search(text):
        return None
    for line in text.split("\n"):
        found = _QUESTION.search(bare(line)) if "show" in line.lower() else None
        if found is None:
            continue
        questions += 1
        name, equals, value = found[1].strip().strip("\"'").partition("=")
        kind = KIND_BY_NAME.get(name.lower())
        if not equals or kind is None:
            return None
        with contextlib.suppress(BadValueError):
            keys.add(parse_key(kind, value.split()[0].strip("\"'") if value.split() else ""))
    return frozenset(keys) if questions else None


def addresses(text: str) -> Iterator[str]:
    """Yield the addresses of ``show iplisten``: lines below dashes that are just an address."""
    listing = False
    for line in text.split("\n"):
        if _DASHES.fullmatch(line.strip()):
            listing = True
        elif listing and line.strip():
            match = _ADDRESS.fullmatch(line)
            listing = match is not None
            with contextlib.suppress(BadValueError):
                if match is not None:
                    yield parse_address(match[1])
