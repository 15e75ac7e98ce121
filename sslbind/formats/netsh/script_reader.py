"""The records that the netsh lines of a script make on an empty server, unverified."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sslbind.binding import Binding
from sslbind.errors import BadValueError, NetshError
from sslbind.formats.encoding import refuse_lost
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord
from sslbind.formats.netsh.batch_lines import Command, commands, joined
from sslbind.grammar import (
    HELP_WORDS,
    OBJECT_KINDS,
    check_properties,
    clean_texts,
    command_words,
    match_tag,
    missing_key,
    parse_words,
    read_address,
    read_key,
    split_line,
    tag_names,
)
from sslbind.keys import KIND_BY_NAME, Key, parse_key
from sslbind.tags import STORED, Value

_WRITES = ("add", "update", "delete")
_MAYBE = re.compile(r"(?<!\w)(?:ad?d?|up?d?a?t?e?)[\s^`\"']+s\w*(?!\w)", re.IGNORECASE)
"""A verb and an object, by prefixes: a quick no for large texts of other kinds."""
_VARIABLE = re.compile(
    r"%[^%\s=:]+(?::[^%]*)?%|%%?(?:~[\w$:]+|[A-Za-z0-9*](?!\w))"
    r"|\$(?:\([^()]*\)?|\{[^}]*\}?|[A-Za-z_][\w:]*)"
)
_BINDS = re.compile(
    r"\b(?:add|update)[\s\"',^`]+ssl(?:cert|snicert|ccs)\b|\.AddSslCertificate\b"
    r"|(?:^|[|;{(])\s*+(?!(?:Get|Remove|Test)-)[^|;{}()]*IIS:\\SslBindings"
    r"|\bNew-WebBinding\b[^|;]{0,400}\bhttps\b",
    re.IGNORECASE,
)
_SAYS = re.compile(r"\s*@?(?:echo\b|Write-\w+)(?!.*\|[^|]*\bnetsh\b)", re.IGNORECASE)
_CMDLET = re.compile(
    r"^[ \t]*+(?:Start-Process\b.{0,300}\bnetsh\b.{0,300}\bssl"
    r"|\"[^\"\n]{0,300}\bssl[^\"\n]{0,2000}\"[ \t]*+\|[ \t]*+netsh\b"
    r"|(?:[^|#\n]*+\|[ \t]*+)?New-Item\b.{0,300}IIS:\\SslBindings"
    r"|New-WebBinding\b.{0,400}\bhttps\b)",
    re.IGNORECASE | re.MULTILINE,
)
"""A line of PowerShell that binds, if not by netsh itself."""
_DELAYED = re.compile(r"![A-Za-z_]\w*(?::[^!]*)?!")
_EXPRESSION = re.compile(r"(?<!\S)\w+=\(\S*")


def detect(text: str) -> bool:
    """Whether a line of ``text`` adds or updates a record, even if in a way that is not read."""
    if _CMDLET.search(text):
        return True
    return bool(_MAYBE.search(text)) and any(
        verb in ("add", "update") and word in OBJECT_KINDS and not command.before
        for command in commands(text)
        for verb, word in (_command(command),)
    )


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records that the lines make on an empty server, applied in order.

    A line that netsh would refuse for its syntax, one that has a variable, and
    one whose record is not whole are bad; whether the certificate is there,
    and which release has a tag, is not checked here.
    """
    script = _Script("enabledelayedexpansion" in text.lower())
    bad: list[BadRecord] = []
    others: dict[int, None] = {}
    known: set[int] = set()
    for command in commands(text):
        verb, word = _command(command)
        if verb not in _WRITES or command.before.lower().startswith("echo"):
            others[command.line] = None
            continue
        known.add(command.line)
        try:
            script.apply(command, verb, word)
        except NetshError as error:
            key = None if verb == "delete" else _key_of(command)
            bad.append(BadRecord(command.line, error.message, error.hints, key))
    notes = [*script.notes]
    gone = [key.spec for key in script.deleted if key not in script.records]
    if gone:
        notes.append(f"what is deleted and not added here is left out: {', '.join(gone[:5])}")
    others = {line: None for line in others if line not in known}
    unread = [line for line, whole in joined(text) if line in others and _binds(whole)]
    bad = sorted([*bad, *map(_not_read, unread)], key=lambda one: one.line or 0)
    passed = [line for line in others if line not in unread]
    if passed:
        notes.append(_passed_over(passed))
    iplisten = None if script.iplisten is None else tuple(script.iplisten)
    return Imported(tuple(script.records.values()), tuple(bad), None, iplisten, tuple(notes))


def _command(command: Command) -> tuple[str, str]:
    """Return the verb and the object of a command, which are never quoted."""
    words = command.text.split(None, 4)[:4]
    verb, word, _ = command_words(words) if len(words) > 1 else ("", "", [])
    return verb, word


def _key_of(command: Command) -> Key | None:
    """Return the key that a command names, None where it cannot be read."""
    for word in command.text.replace('"', "").split():
        tag, equals, text = word.partition("=")
        name = match_tag(tag, tag_names("add", "sslcert")) if equals else None
        if name in KIND_BY_NAME:
            try:
                return parse_key(KIND_BY_NAME[name], text)
            except BadValueError:
                return None
    return None


def _binds(line: str) -> bool:
    """Whether a line that is not netsh's seems to bind, and does not just print text."""
    low = line.lower()
    may = "ssl" in low or "https" in low
    return may and bool(_BINDS.search(line)) and not _SAYS.match(line)


def _not_read(line: int) -> BadRecord:
    return BadRecord(
        line,
        "binds in a way that is not read",
        ("write 'netsh http add sslcert' with its values, or import what the server has",),
    )


def _passed_over(lines: Sequence[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]} does not affect bindings, and is ignored"
    return (
        f"{len(lines)} lines do not affect bindings, and are ignored; the first is line {lines[0]}"
    )


class _Script:
    """The state of an empty server to which lines are applied."""

    def __init__(self, delayed: bool) -> None:
        self.records: dict[Key, ImportedRecord] = {}
        self.iplisten: dict[str, None] | None = None
        self.deleted: dict[Key, None] = {}
        self.notes: dict[str, None] = {}
        self._delayed = delayed

    def apply(self, command: Command, verb: str, word: str) -> None:
        """Apply one command; raise NetshError for what is not a record, or not whole."""
        _, _, words = command_words(split_line(command.text))
        if words and words[-1].lower() in HELP_WORDS:
            return
        self._check(command, words)
        texts = parse_words(verb, word, words)
        if "json" in texts:
            raise BadValueError(
                f"json={texts['json']}: the records are in another file",
                "import that file: its format is netsh-json",
            )
        if word == "iplisten":
            self._listen(verb, read_address(texts))
            return
        notes = clean_texts(texts)
        key = read_key(word, texts)
        if key is None:
            raise missing_key(word)
        self.notes |= dict.fromkeys(f"{key.spec}: {note}" for note in notes)
        if verb == "delete":
            if self.records.pop(key, None) is None:
                self.deleted[key] = None
        else:
            self._write(key, verb, word, texts, command.line)

    def _check(self, command: Command, words: Sequence[str]) -> None:
        """Raise BadValueError for what the text alone does not determine."""
        refuse_lost(command.text)
        if command.before:
            raise BadValueError(
                f"{command.before[:60]!r} precedes netsh, and the text does not show whether"
                " the line runs",
                "write the netsh command on a line of its own",
            )
        expression = _EXPRESSION.search(command.text)
        if expression:
            raise BadValueError(
                f"{expression[0]!r} is an expression, and its value is not in the line",
                "write the value in its place",
            )
        for word in words:
            variable = _VARIABLE.search(word) or (self._delayed and _DELAYED.search(word))
            if variable:
                raise BadValueError(
                    f"{word!r}: {variable[0]} is a variable, and its value is not in the line",
                    "write the value in its place, or import what the server has:"
                    " netsh http show sslcert",
                )
            if word.startswith("--"):
                raise BadValueError(
                    f"{word!r} is an option of sslbind, and a record has tags only",
                    "sslbind -f SCRIPT runs such lines",
                )

    def _listen(self, verb: str, address: str) -> None:
        if verb == "add":
            self.iplisten = self.iplisten or {}
            self.iplisten[address] = None
        elif self.iplisten:
            self.iplisten.pop(address, None)

    def _write(self, key: Key, verb: str, word: str, texts: Mapping[str, str], line: int) -> None:
        record = self.records.get(key)
        name = key.spec
        if word == "sslpropertyex":
            check_properties(texts)
            if record is None:
                raise BadValueError(f"{name}: no line above adds that record")
        values: dict[str, Value] = {
            tag: STORED[tag].parse(text) for tag, text in texts.items() if tag in STORED
        }
        if record is None:
            self.records[key] = ImportedRecord(Binding(key, values), line)
        elif verb == "update":
            self.records[key] = record._replace(binding=record.binding.replace(values))
        elif record.binding != Binding(key, values):
            raise BadValueError(
                f"{name} is added in line {record.line} already: netsh answers error 183",
                "keep one of the two lines, or make the second an update",
            )
