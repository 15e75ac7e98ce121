"""What people paste: a netsh line, its output, an event, a log, and what is known in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sslbind import check
from sslbind.errors import BadValueError, NetshError, SslbindError
from sslbind.explanations.clients import CLIENTS, PHRASES
from sslbind.explanations.codes import CODES, SENTENCES, parse_code
from sslbind.explanations.codes import NAMES as CODE_NAMES
from sslbind.explanations.events import EVENTS, RECORD_EVENTS
from sslbind.explanations.events import SENTENCES as EVENT_SENTENCES
from sslbind.explanations.explanation import Detail, Explanation
from sslbind.explanations.nouns import explain_sslflags
from sslbind.explanations.topics import explain
from sslbind.formats.netsh import show_reader
from sslbind.grammar import command_words, is_command, parse_words, read_key, split_line
from sslbind.keys import infer_key
from sslbind.owners import OWNER_BY_APPID, owner_name
from sslbind.release import Release
from sslbind.shells import command
from sslbind.tags import STORED
from sslbind.wording import plural

LIMIT = 10_000_000
"""How many bytes of a log are searched."""
_SHOWN = 20
_OUTPUT = "output of show"


class _Found(NamedTuple):
    start: int
    topic: str
    """Identifies a finding that occurs more than once in the text."""
    explanation: Explanation


def explain_text(text: str, release: Release) -> list[Explanation]:
    """Return an explanation of each thing in ``text`` that is known, in its order, each once.

    Known are a line of netsh and its output, codes in decimal, negative and
    hexadecimal, Windows' names and sentences of them, events with the endpoint
    that they name, alerts, HTTP statuses, browsers' errors, ids of rules, sslFlags
    and appids. Empty if nothing is.
    """
    found: dict[str, _Found] = {}
    whole = [*_lines(text, release), *_output(text, release)]
    # Codes in a line or its output are explained with it.
    rest = _LINE.sub(_blank, text)
    if any(one.topic == _OUTPUT for one in whole):
        rest = _GUID.sub(_blank, rest)
    parts = (one for search in _SEARCHES for one in search(rest, release))
    for one in (*whole, *parts):
        before = found.get(one.topic)
        if before is None or one.start < before.start:
            found[one.topic] = one
    return [one.explanation for one in sorted(found.values(), key=lambda one: one.start)]


# netsh http add sslcert ipport=… anywhere, add sslcert … at the start of a line
_LINE = re.compile(
    r"\bnetsh(?:\.exe)?\"?[ \t]+(?:--%[ \t]+)?http[ \t]+[^\r\n]+"
    r"|^[ \t]*(?:add|update|delete|show)[ \t]+(?:ssl|ip)[^\r\n]+",
    re.IGNORECASE | re.MULTILINE,
)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


_ASKS = re.compile(r"\bshow\s", re.IGNORECASE)


def _lines(text: str, release: Release) -> Iterator[_Found]:
    for found in _LINE.finditer(text):
        line = found[0].replace('netsh"', "netsh").replace("--%", "").strip()
        explanation = _explain_line(line, release)
        # A line before its answer is only explained if nothing else was pasted.
        if explanation and (line == text.strip() or not _ASKS.search(line)):
            yield _Found(found.start(), line, explanation)


def _explain_line(line: str, release: Release) -> Explanation | None:
    if not is_command(line):
        return None
    try:
        verb, word, words = command_words(split_line(line))
        if not verb:
            return None
        texts = parse_words(verb, word, words)
        key = read_key(word, texts) if word == "sslcert" else None
    except NetshError as error:
        return Explanation(line, f"This line fails: {error.message}.", (), error.hints)
    why, bad = [], []
    for name, value in texts.items():
        if name not in STORED:
            continue
        tag = STORED[name]
        owner = owner_name(value.lower()) if name == "appid" else None
        why.append(Detail(f"{name}={value}: {owner or tag.summary}"))
        try:
            tag.parse(value)
        except BadValueError as error:
            bad.append(error)
        if tag.since > release:
            why.append(Detail(f"{name} is known from {tag.since.title} on"))
    what = f"the record {key.spec}" if key else word or "a script of all bindings"
    means = f"This line fails: {bad[0].message}." if bad else f"{_VERBS[verb]} {what}."
    fix = [hint for error in bad for hint in error.hints]
    if key and not bad:
        fix.append(f"{command(('sslbind', 'show', 'sslcert', key.spec))} shows the record")
    return Explanation(line, means, tuple(why), tuple(fix))


_VERBS = {
    "add": "Adds",
    "update": "Changes",
    "delete": "Deletes",
    "show": "Shows",
    "dump": "Prints",
}


def _output(text: str, _: Release) -> Iterator[_Found]:
    if not show_reader.detect(text):
        return
    read = show_reader.read(text, "")
    records = [record.binding for record in read.records]
    if not records and not read.bad:
        return
    why = [
        Detail(
            f"{one.key.spec}: {one.certhash or 'no certificate'}"
            + (f", of {owner.name}" if (owner := OWNER_BY_APPID.get(one.appid)) else "")
        )
        for one in records[:_SHOWN]
    ]
    if len(records) > _SHOWN:
        why.append(Detail(f"and {len(records) - _SHOWN} more"))
    unread = f", and {plural(len(read.bad), 'record')} that cannot be read" if read.bad else ""
    yield _Found(
        text.find(":"),
        _OUTPUT,
        Explanation(
            "The output of netsh http show sslcert",
            f"It has {plural(len(records), 'binding')}{unread}.",
            tuple(why),
            (
                "sslbind check FILE reports what is wrong in a file with this text",
                "sslbind -r FILE resolve ADDRESS:PORT HOST --explain shows which record answers",
                "sslbind import FILE creates a registry from it",
            ),
        ),
    )


# 0x80070520, -2147023584, 2147943712, 80070520
_CODE = re.compile(
    r"(?<![\w.{-])(0x[0-9a-f]{1,8}|-2\d{9}|2147\d{6}|214[89]\d{6}|80[0-9a-f]{6})(?![\w}-])",
    re.IGNORECASE,
)
_ERROR = re.compile(r"\b(?:error|code|failed|status)\b[\s:=#(]{1,3}(\d{1,5})\b", re.IGNORECASE)
"""``Error: 1312``, ``error code 5``, ``internal error state is 10013``."""


def _codes(text: str, _: Release) -> Iterator[_Found]:
    spelled = [(one.start(), one[1]) for one in (*_CODE.finditer(text), *_ERROR.finditer(text))]
    for start, code in spelled:
        number = parse_code(code)
        if number in CODES:
            yield _Found(start, f"code {number}", CODES[number])


_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\bWSAE[A-Z]+\b")
"""``SEC_E_NO_CREDENTIALS``, ``ERR_CERT_DATE_INVALID``."""


def _names(text: str, _: Release) -> Iterator[_Found]:
    for found in _NAME.finditer(text):
        if found[0] in CODE_NAMES:
            number = CODE_NAMES[found[0]]
            yield _Found(found.start(), f"code {number}", CODES[number])
        elif found[0] in CLIENTS:
            yield _Found(found.start(), found[0], CLIENTS[found[0]])


def _sentences(text: str, _: Release) -> Iterator[_Found]:
    folded = text.casefold()
    for sentence, number in SENTENCES.items():
        start = folded.find(sentence)
        if start >= 0:
            yield _Found(start, f"code {number}", CODES[number])
    for phrase, explanation in PHRASES.items():
        start = folded.find(phrase)
        if start >= 0:
            yield _Found(start, explanation.means, explanation)
    for sentence, number in EVENT_SENTENCES.items():
        start = folded.find(sentence)
        if start >= 0:
            yield _event(text, start, start, number)


# Event ID 15021, EventID: 36887, and alone the numbers that nothing else has
_EVENT = re.compile(
    r"\b(?:event(?:\s*id)?|id|eventid)[\s:=#\"'<>]{1,4}(\d{4,5})\b|\b(3686\d|3687\d|3688\d|15005|1501[45]|15021|1530[01])\b",
    re.IGNORECASE,
)
_ENDPOINT = re.compile(r"\bendpoint\s*:?\s*(\S+:\d{1,5})\b", re.IGNORECASE)


def _events(text: str, _: Release) -> Iterator[_Found]:
    for found in _EVENT.finditer(text):
        number = int(found[1] or found[2])
        if number not in EVENTS:
            continue
        yield _event(text, found.start(), found.end(), number)


def _event(text: str, start: int, end: int, number: int) -> _Found:
    """Return the explanation of an event, with the record of the endpoint after ``end``."""
    explanation = EVENTS[number]
    named = _ENDPOINT.search(text, end, end + 500)
    record = _record(named[1]) if named and number in RECORD_EVENTS else ""
    if record:
        explanation = explanation._replace(fix=(record, *explanation.fix))
    return _Found(start, f"event {number} {record}", explanation)


def _record(endpoint: str) -> str:
    try:
        key = infer_key(endpoint)
    except NetshError:
        return ""
    return f"{command(('sslbind', 'show', 'sslcert', key.spec))} shows the record that it is about"


_NUMBERED = {
    # fatal alert code is 40, alert number 46
    "alert": re.compile(
        r"\balert(?:\s+code|\s+number)?(?:\s+is)?[\s:=(]{1,3}(\d{1,3})\b"
        r"|\bfatal (?:alert|error) code is (\d{1,3})\b",
        re.IGNORECASE,
    ),
    # HTTP Error 503, HTTP/1.1 502, 403.16
    "http": re.compile(
        r"\b(?:http(?:\s+error|/\d(?:\.\d)?|\s+status)?|status(?:\s+code)?)[\s:]{1,2}(\d{3}(?:\.\d{1,2})?)\b|\b(403\.(?:4|7|13|16|17))\b",
        re.IGNORECASE,
    ),
}


def _numbered(text: str, release: Release) -> Iterator[_Found]:
    for sort, pattern in _NUMBERED.items():
        for found in pattern.finditer(text):
            topic = (sort, found[1] or found[2])
            try:
                yield _Found(found.start(), " ".join(topic), explain(topic, release))
            except SslbindError:
                continue


_FLAGS = re.compile(r"\bsslflags[\s=:\"']{1,4}(0x[0-9a-f]{1,8}|\d{1,10})\b", re.IGNORECASE)
_GUID = re.compile(r"\{?\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b\}?", re.IGNORECASE)
_RULE = re.compile(r"(?<![\w-])[a-z][a-z0-9]*(?:-[a-z0-9]+)+(?![\w-])")


def _words(text: str, release: Release) -> Iterator[_Found]:
    for found in _FLAGS.finditer(text):
        try:
            yield _Found(found.start(), found[0].lower(), explain_sslflags(found[1], release))
        except SslbindError:
            continue
    for found in _GUID.finditer(text):
        appid = "{" + found[0].strip("{}").lower() + "}"
        if appid in OWNER_BY_APPID:
            yield _Found(found.start(), appid, explain(("appid", appid), release))
    rules = check.rules()
    for found in _RULE.finditer(text):
        if found[0] in rules:
            yield _Found(found.start(), found[0], explain((found[0],), release))


_SEARCHES: tuple[Callable[[str, Release], Iterator[_Found]], ...] = (
    _codes, _names, _sentences, _events, _numbered, _words,
)  # fmt: skip
