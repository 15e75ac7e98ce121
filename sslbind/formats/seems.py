"""What a text seems to be if no format reads it: the first thing that the user needs to know."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from sslbind.formats.netsh.show_layouts import labels
from sslbind.formats.netsh.show_lines import PROMPT, Field, bare, fields, numbered
from sslbind.keys import KIND_BY_TABLE, Kind

_START = 1 << 16
"""How many characters are searched."""
_CAPTURE = "netsh http show sslcert > web01.txt, in an elevated prompt, writes the capture"
_TABLES = "|".join(KIND_BY_TABLE)


class Seeming(NamedTuple):
    """What a text seems to be, to follow "is", and hints at what to do."""

    what: str
    hints: tuple[str, ...] = ()


_EMPTY = Seeming(
    "empty: if it is a capture, the command of its redirection printed nothing",
    (_CAPTURE, "sslbind init makes a registry"),
)


def seems(text: str) -> Seeming | None:
    """Return what ``text`` seems to be, None if nothing is recognised."""
    start = text[:_START]
    if not start.strip():
        return _EMPTY
    return next((found for look in _LOOKS if (found := look(start)) is not None), None)


def two_versions(text: str) -> Seeming | None:
    """Recognise the difference of two files, or a merge that is not finished."""
    if "@@" in text and re.search(r"^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@", text, re.MULTILINE):
        return Seeming("the difference between two files", ("name the files themselves",))
    marks = (r"^<{7} ", r"^={7}$", r"^>{7} ")
    if "<<<<<<<" in text and all(re.search(mark, text, re.MULTILINE) for mark in marks):
        return Seeming("an unfinished merge", ("resolve the conflicts, and try again",))
    return None


def _answer(text: str) -> Seeming | None:
    """Recognise an answer of a console that is an error or help, and no listing."""
    lines = [
        line
        for raw in text.split("\n")
        if (line := bare(raw).strip()) and not line.startswith("#") and not PROMPT.match(raw)
    ]
    words = " ".join(lines)
    for pattern, what, hint in _ANSWERS:
        if re.search(pattern, words, re.IGNORECASE):
            return Seeming(what, (hint,))
    asked = any(PROMPT.match(raw) and "netsh" in raw.lower() for raw in text.split("\n"))
    if asked and 0 < len(lines) <= _SHORT:
        return Seeming(f"netsh output without a record: {lines[0]!r:.120}", (_CAPTURE,))
    return None


_SHORT = 5
"""Lines of an answer that is a sentence, in whatever language."""
_ANSWERS = (
    (
        (
            r"requires elevation|run as administrator|erfordert erhöhte Rechte|als Administrator"
            r"|nécessite une élévation|requiere elevación|richiede privilegi|需要提升|管理者として"
        ),
        "an error instead of a capture: netsh said that it requires elevation",
        _CAPTURE,
    ),
    (
        (
            r"the following command was not found|der folgende Befehl wurde nicht gefunden"
            r"|la commande suivante est introuvable|no se encontró el siguiente comando"
            r"|找不到下列命令|次のコマンドは見つかりませんでした"
        ),
        "an error instead of a capture: netsh said that it did not find the command",
        "the command is: netsh http show sslcert",
    ),
    (
        r"access is denied|Zugriff verweigert|accès refusé|acceso denegado|拒绝访问",
        "an error instead of a capture: access was denied",
        _CAPTURE,
    ),
    (
        (
            r"is not recognized as (?:an internal|the name of)|wurde nicht als Name"
            r"|n'est pas reconnu|no se reconoce como"
        ),
        "an error instead of a capture: the shell did not find the command",
        _CAPTURE,
    ),
    (
        (
            r"(?:usage|syntax|utilisation|uso|用法|使用法) ?[:\uff1a]? ?show sslcert"
            r"|commands in this context|befehle in diesem kontext|commandes de ce contexte"
            r"|comandos en este contexto|此上下文中的命令"
        ),
        "the help of netsh, not its answer",
        "the command is: netsh http show sslcert",
    ),
)


def _show_piece(text: str) -> Seeming | None:
    known = labels()
    found = [
        known.get(field.label.lower())
        for field in fields(numbered(text))
        if isinstance(field, Field)
    ]
    values = [one for one in found if one is not None and not isinstance(one, Kind)]
    if len(values) < 2 or any(isinstance(one, Kind) for one in found):
        return None
    return Seeming(
        "a part of the output of show sslcert: the line with the key is missing",
        ("copy the record starting with its first line, such as IP:port",),
    )


def _show_words(text: str) -> Seeming | None:
    """Recognise a capture whose lines lost their form: joined, broken, or without the colon."""
    words = re.sub(r"&nbsp;|[\s\u00a0|`*\"']+", " ", text).lower()
    heading = "ssl certificate bindings" in words
    if heading and len(words) < _HEADING:
        return Seeming("the start of what netsh http show sslcert prints: it breaks off there",
                       (_CAPTURE,))  # fmt: skip
    known = sum(words.count(label) for label in labels() if len(label) > _WORD)
    if known + heading < 2:
        return None
    return Seeming(
        "the output of show sslcert in a form that is not read: no line with a key, such as"
        " IP:port, is followed by one with a thumbprint",
        ("each line needs its label, a colon and its value, as netsh prints them", _CAPTURE),
    )


_HEADING, _WORD = 100, 6
"""Characters of a heading with its rule, and of a label that says nothing (``IP:port`` has 7)."""


def _reg_piece(text: str) -> Seeming | None:
    lines = [line.strip() for line in text.split("\n")]
    keys = any(re.match(r"\[-?HK(?:EY_|LM|CU|U\\)", line) for line in lines)
    values = sum(
        bool(re.match(r'(?:"[^"]*"|@)\s*=\s*(?:"|dword:|hex[(:]|-$)', line)) for line in lines
    )
    if keys:
        return Seeming(
            "a part of a .reg file: its first line is missing",
            ("put 'Windows Registry Editor Version 5.00' and an empty line before it",),
        )
    if values > 1 or (values and any(re.search(r"=\s*(?:dword:|hex[(:])", one) for one in lines)):
        return Seeming(
            "a part of a .reg file: the line with the key is missing",
            (r"reg export HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters FILE writes one",),
        )
    return None


# param(, $ErrorActionPreference = …, function Set-Binding
_IN_POWERSHELL = re.compile(
    r"^\s*(?:#requires |\[cmdletbinding\b|param ?\(|function [\w-]+|\$[\w:]+ = |import-module )",
    re.IGNORECASE | re.MULTILINE,
)
# #!/bin/sh, @echo off, set -eu
_IN_A_SHELL = re.compile(
    r"^(?:#!.*|@?echo off|setlocal\b.*|set -[a-z]+.*)$", re.IGNORECASE | re.MULTILINE
)


def _script(text: str) -> Seeming | None:
    """Recognise a script in which no format found a line that binds."""
    powershell = len({found[0].strip().lower() for found in _IN_POWERSHELL.finditer(text)}) > 1
    if not powershell and not _IN_A_SHELL.search(text):
        return None
    return Seeming(
        f"a {'PowerShell ' if powershell else ''}script without a line that is known to bind",
        ("name the registry that it was made from, or a capture of the server", _CAPTURE),
    )


def _first(pattern: str, what: str, *hints: str) -> Callable[[str], Seeming | None]:
    """Return a function that recognises a text by its start."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: Seeming(what, hints) if compiled.match(text.lstrip("\ufeff \t\n")) else None


def _around_xml(text: str) -> Seeming | None:
    """Recognise a configuration of IIS that has something around it, or is elsewhere."""
    if re.search(r"<configurationRedirection[^>]{0,500}\benabled=[\"']true", text):
        return Seeming(
            "redirection.config: the configuration of IIS is shared, and is in the folder that its"
            " path names",
            ("name applicationHost.config in that folder",),
        )
    if re.search(r"(?:<|&lt;)(?:sites?|bindings?|system\.applicationHost)[ >&]", text):
        return Seeming(
            "a configuration of IIS with something around it, such as line numbers or quotes",
            ("copy it without them: its first character is <",),
        )
    return None


def _listed(text: str) -> Seeming | None:
    """Recognise the sites of IIS as appcmd and PowerShell list them."""
    if re.search(r'^SITE "[^"\n]*" \(id:\d+,bindings:', text, re.MULTILINE):
        return Seeming("the list of appcmd, whose bindings have no sslFlags", (_APPCMD,))
    if re.search(r"^protocol +bindingInformation", text, re.MULTILINE):
        return Seeming("the output of Get-WebBinding, which is not read", (_APPCMD,))
    return None


_APPCMD = r"%windir%\system32\inetsrv\appcmd list site /config /xml > sites.xml is read"

_LOOKS: tuple[Callable[[str], Seeming | None], ...] = (
    _reg_piece,
    _show_piece,
    _listed,
    _around_xml,
    _answer,
    _script,
    _first("-----BEGIN [A-Z ]*(?:CERTIFICATE|KEY)", "a certificate or key, in PEM",
           "sslbind store add FILE adds it to a store"),
    _first("regf", "a hive of Windows' registry",
           r"reg load HKLM\OFFLINE FILE, then reg export, turns it into a .reg file"),
    _first(r"<!doctype html|<html", "a web page"),
    _first(r"<\?xml|<[a-z]+[\s>]", "XML"),
    _first(r"\{\s*\"|\[\s*[\{\[\"]", "JSON"),
    _first(r"\x1f\x8b|PK\x03\x04|%PDF", "an archive or a document, not text"),
    _show_words,
)  # fmt: skip
