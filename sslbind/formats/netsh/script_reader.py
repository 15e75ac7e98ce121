"""The records that the netsh lines of a script create on an empty server, unverified."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sslbind import shells
from sslbind.binding import Binding
from sslbind.errors import BadValueError, NetshError
from sslbind.formats.encoding import refuse_lost
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.formats.netsh import tools
from sslbind.formats.netsh.batch_lines import BatchCommand, commands, joined
from sslbind.formats.netsh.cmdlets import Cmdlets
from sslbind.formats.netsh.effects import Effect
from sslbind.formats.netsh.script_gaps import ends_in_key, gaps
from sslbind.formats.netsh.surroundings import plain
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
from sslbind.tags import PROPERTIES, STORED, Value

_WRITES = ("add", "update", "delete")
_MAYBE = re.compile(r"(?<!\w)(?:ad?d?|up?d?a?t?e?)[\s^`\"']+s\w*(?!\w)", re.IGNORECASE)
"""A verb and an object, by prefixes: quickly excludes large texts of other kinds."""
# %THUMB%, %1, %~dp0, $thumb, ${thumb}, $(…)
_VARIABLE = re.compile(
    r"%[^%\s=:]+(?::[^%]*)?%|%%?(?:~[\w$:]+|[A-Za-z0-9*](?!\w))"
    r"|\$(?:\([^()]*\)?|\{[^}]*\}?|[A-Za-z_][\w:]*)"
)
# add sslcert, $binding.AddSslCertificate, New-Item IIS:\SslBindings\…
_BINDS = re.compile(
    r"\b(?:add|update)[\s\"',^`]+ssl(?:cert|snicert|ccs)\b|\.AddSslCertificate\b"
    r"|(?:^|[|;{(])\s*+(?!(?:Get|Remove|Test)-)[^|;{}()]*IIS:\\SslBindings"
    r"|\bNew-WebBinding\b[^|;]{0,400}\bhttps\b",
    re.IGNORECASE,
)
_SAYS = re.compile(r"\s*@?(?:echo\b|Write-\w+)(?!.*\|[^|]*\bnetsh\b)", re.IGNORECASE)
# "http add sslcert …" | netsh
_PIPED = re.compile(
    r"^[ \t]*+\"[^\"\n]{0,300}\bssl[^\"\n]{0,2000}\"[ \t]*+\|[ \t]*+netsh\b",
    re.IGNORECASE | re.MULTILINE,
)
# Set-AdfsAlternateTlsClientBinding, reg add …\SslBindingInfo\…
_OTHER = re.compile(
    r"SslBindings\b|BindingInfo\\|-(?:IISSite|Web|NetIPHttpsCert)Binding\b|SslCertificate\b"
    r"|TlsClientBinding\b|AdfsFarm|WebApplicationProxy\b|\bhttpcfg\b|\bnetsh\b",
    re.IGNORECASE,
)
"""What changes records other than lines of netsh: quickly excludes other texts."""
# SSL Certificate add failed, Error: 183
_FAILED = re.compile(
    r"^(?!.*\becho\b).{0,200}\b(?:Error|Fehler|Erreur)\s?: ([0-9]{1,5})\s*$", re.IGNORECASE
)
_ELEVATION = re.compile(r"requires elevation", re.IGNORECASE)
_NO_ADMINISTRATOR = (
    "the account that ran it is not an administrator: run the console, or the pipeline's agent,"
    " as administrator"
)
_WHOLE = "write the netsh command on a line of its own"
_MASKED = re.compile(r"\*{3,}|[xX]{4,}|<[A-Za-z][^<>]*>|\.{3,}|redacted", re.IGNORECASE)
_DELAYED = re.compile(r"![A-Za-z_]\w*(?::[^!]*)?!")
_EXPRESSION = re.compile(r"(?<!\S)\w+=\(\S*")


def detect(text: str) -> bool:
    """Whether a line of ``text`` changes a record, even if in a way that is not read."""
    if not (_MAYBE.search(text) or _OTHER.search(text)):
        return False
    text = plain(text)
    if _PIPED.search(text):
        return True
    cmdlets = Cmdlets()
    for command in commands(text):
        verb, word = _command(command)
        if (
            verb in ("add", "update")
            and word in OBJECT_KINDS
            and (not command.before or _in_quotes(command))
        ):
            return True
        if not verb and _effect(cmdlets, command):
            return True
    return False


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records that the lines create on an empty server, applied in order.

    A line that netsh would refuse for its syntax, one with a variable, and one whose record
    is incomplete are bad, as is one that netsh answered with an error in a console's log;
    whether the certificate exists, and which release has a tag, is not checked here.
    """
    text = plain(text)
    script = _Script("enabledelayedexpansion" in text.lower())
    for command in commands(text):
        script.take(command)
    script.finish()
    notes = [*script.notes]
    gone = [key.spec for key in script.deleted if key not in script.records]
    if gone:
        notes.append(
            f"records that are deleted but not added here are left out: {', '.join(gone[:5])}"
        )
    others = {line: None for line in script.others if line not in script.known}
    unread = dict.fromkeys(line for line, whole in joined(text) if line in others and _binds(whole))
    left_out = [*gaps(text, script.known, script.bad)]
    script.bad += map(_not_read, unread)
    script.bad += left_out
    bad = sorted(script.bad, key=lambda one: one.line or 0)
    passed = [line for line in others if line not in unread]
    if passed:
        notes.append(_passed_over(passed))
    iplisten = None if script.iplisten is None else tuple(script.iplisten)
    return Imported(tuple(script.records.values()), tuple(bad), None, iplisten, tuple(notes))


def _effect(cmdlets: Cmdlets, command: BatchCommand) -> Effect | None:
    """Return what a line that is not netsh's does to a record, None for nothing."""
    if _SAYS.match(command.text):
        return None
    return cmdlets.effect(command.text, command.line) or tools.effect(command.text)


def _in_quotes(command: BatchCommand) -> bool:
    """Whether netsh is inside quotes that begin before it."""
    return command.before.count('"') % 2 == 1


def _command(command: BatchCommand) -> tuple[str, str]:
    """Return the verb and the object of a command, which are never quoted."""
    words = command.text.split(None, 4)[:4]
    verb, word, _ = command_words(words) if len(words) > 1 else ("", "", [])
    return verb, word


def _key_of(command: BatchCommand) -> Key | None:
    """Return the key that a command names, None if it cannot be read."""
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


_NOT_READ = BadRecord(
    None,
    "binds in a way that cannot be read",
    ("write 'netsh http add sslcert' with literal values, or import from the server",),
)


def _not_read(line: int) -> BadRecord:
    return _NOT_READ._replace(line=line)


def _of_no_record(line: int, key: Key, values: Mapping[str, Value], why: str) -> BadRecord:
    """Return what is wrong with an update of a record that no line made."""
    tags = [
        f"{name}={STORED[name].text(value)}"
        for name, value in values.items()
        if value != STORED[name].default
    ]
    hints: tuple[str, ...] = ()
    if tags:
        line_ = shells.in_sentence(("sslbind", "update", "sslcert", key.spec, *tags))
        hints = (f"{line_} applies it to a registry that has the record",)
    what = f" ({', '.join(tags)})" if tags else ""
    return BadRecord(
        line, f"{why}{what} of {key.spec}, but no line above adds that record", hints, key
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
        self.bad: list[BadRecord] = BadOnes()
        self.others: dict[int, None] = {}
        self.known: set[int] = set()
        self.iplisten: dict[str, None] | None = None
        self.deleted: dict[Key, None] = {}
        self.notes: dict[str, None] = {}
        self._delayed = delayed
        self._cmdlets = Cmdlets()
        self._last: tuple[int, Key | None, ImportedRecord | None] | None = None

    def take(self, command: BatchCommand) -> None:
        """Apply one command, whatever it is."""
        verb, word = _command(command)
        if verb in _WRITES and not command.before.lower().startswith("echo"):
            self.known.add(command.line)
            key = _key_of(command)
            before = self.records.get(key) if key else None
            try:
                self.apply(command, verb, word)
            except NetshError as error:
                named = None if verb == "delete" or ends_in_key(command.text) else key
                self.bad.append(BadRecord(command.line, error.message, error.hints, named))
            self._last = None if verb == "delete" else (command.line, key, before)
            return
        self.others[command.line] = None
        effect = _effect(self._cmdlets, command)
        if effect is not None:
            self.known.add(command.line)
            self._affect(effect, command)
        elif self._last and not verb:
            self._answered(command.text)
        if verb:
            self._last = None

    def finish(self) -> None:
        """Report what waits for a line that is missing."""
        for line, message in self._cmdlets.unfinished():
            self.bad.append(BadRecord(line, message, _NOT_READ.hints))

    def _answered(self, text: str) -> None:
        """Undo the last command if ``text`` is netsh's answer that it failed."""
        found = _FAILED.match(text)
        code = "5" if _ELEVATION.search(text) else found[1] if found else ""
        if not code or self._last is None:
            return
        line, key, before = self._last
        self._last = None
        if key is not None:
            self.records.pop(key, None)
            if before is not None:
                self.records[key] = before
        if any(one.line == line for one in self.bad):
            return
        hints: tuple[str, ...] = (f"sslbind explain {code} explains the code",)
        if code == "5":
            hints = (_NO_ADMINISTRATOR, *hints)
        message = f"netsh answered this line with error {code}, so it created no record"
        self.bad.append(BadRecord(line, message, hints, key))

    def _affect(self, effect: Effect, command: BatchCommand) -> None:
        """Apply the effect of a line that is not netsh's."""
        action, key, values, why, removes = effect
        line = command.line
        if action == "none":
            return
        if command.before and action != "unclear":
            action, why = "unclear", f"{command.before[:60]!r} precedes it"
        if action == "delete" and key is not None:
            self._delete(key)
        elif action == "add" and key is not None:
            try:
                self.records[key] = ImportedRecord(Binding(key, values), line)
            except BadValueError as error:
                self.bad.append(BadRecord(line, error.message, error.hints, key))
        elif action == "update" and key is not None and key in self.records:
            record = self.records[key]
            self.records[key] = record._replace(binding=record.binding.replace(values))
        elif action == "update" and key is not None:
            self.bad.append(_of_no_record(line, key, values, why))
        else:
            self.bad.append(
                _NOT_READ._replace(line=line, key=key, message=f"{why}, and the line is not read")
            )
            if removes:
                self._forget(key, line)

    def _forget(self, key: Key | None, line: int) -> None:
        """Remove what a line may have removed: one record, or every one."""
        for one in [*self.records] if key is None else [key]:
            record = self.records.pop(one, None)
            if record is not None:
                message = f"{one.spec} is created here, but line {line} may remove it"
                self.bad.append(BadRecord(record.line, message, _NOT_READ.hints, one))

    def _delete(self, key: Key) -> None:
        if self.records.pop(key, None) is None:
            self.deleted[key] = None

    def apply(self, command: BatchCommand, verb: str, word: str) -> None:
        """Apply one command; raise NetshError for an invalid or incomplete record."""
        if _in_quotes(command):
            raise BadValueError("netsh is inside quotes, whose content is not read", _WHOLE)
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
            self._delete(key)
        else:
            self._write(key, verb, word, texts, command.line)

    def _check(self, command: BatchCommand, words: Sequence[str]) -> None:
        """Raise BadValueError for what the text alone does not determine."""
        refuse_lost(command.text)
        if command.before:
            raise BadValueError(
                f"{command.before[:60]!r} precedes netsh, so it is not known whether the line runs",
                _WHOLE,
            )
        expression = _EXPRESSION.search(command.text)
        if expression:
            raise BadValueError(
                f"{expression[0]!r} is an expression, whose value is not in the line",
                "replace it with the value",
            )
        for word in words:
            masked = _MASKED.search(word.partition("=")[2] or word)
            if masked:
                raise BadValueError(
                    f"{word!r}: {masked[0]} is a placeholder, whose value is not in the line",
                    "replace it with the value",
                )
            variable = _VARIABLE.search(word) or (self._delayed and _DELAYED.search(word))
            if variable:
                raise BadValueError(
                    f"{word!r}: {variable[0]} is a variable, whose value is not in the line",
                    "replace it with the value, or import what the server has:"
                    " netsh http show sslcert",
                )
            if word.startswith("--"):
                raise BadValueError(
                    f"{word!r} is an option of sslbind, but a record only has tags",
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
        elif word == "sslpropertyex":
            self.records[key] = record._replace(binding=record.binding.replace(values))
        elif verb == "update":
            self.records[key] = record._replace(binding=_updated(record.binding, values))
        elif record.binding != Binding(key, values):
            raise BadValueError(
                f"{name} was already added in line {record.line}: netsh answers error 183",
                "keep one of the two lines, or make the second an update",
            )


def _updated(before: Binding, values: Mapping[str, Value]) -> Binding:
    """Return the whole record that netsh's update writes, as reported for Server 2025.

    Values of ``update sslpropertyex``, which are stored beside the record, are kept.
    Raises BadValueError for a line that lacks what a record needs: it is not known whether
    netsh keeps it.
    """
    kept = {
        one.tag.name: before.values[one.tag.name]
        for one in PROPERTIES
        if one.tag.name in before.values
    }
    try:
        return Binding(before.key, {**kept, **values})
    except BadValueError as error:
        raise BadValueError(
            f"{error.message}: netsh's update writes a whole record",
            "name every tag of the record in the update",
        ) from None
