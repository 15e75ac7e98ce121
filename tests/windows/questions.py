"""The open questions about netsh, by name, and how its answers settle them.

One function puts each question to both programs: if they answer alike, what
sslbind assumes is right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from machine import read_listing
from programs import Answer

Answers = Mapping[str, Answer]
"""What one program answered, by the id of the line."""


class Question(NamedTuple):
    """An open question.

    ``lines`` are the ids of the lines that it looks at: without them there is
    no answer. ``alone``: there is none either if the machine has bindings of others.
    """

    name: str
    asked: str
    lines: tuple[str, ...]
    answer: Callable[[Answers], str]
    alone: bool = False


def _told(*ids: str) -> Callable[[Answers], str]:
    """Return a function that quotes the answers to ``ids``, with their exit codes."""

    def answer(answers: Answers) -> str:
        return "; ".join(f"exit {answers[id_].code}: {answers[id_].output!r}" for id_ in ids)

    return answer


def _codes(*ids: str) -> Callable[[Answers], str]:
    def answer(answers: Answers) -> str:
        return ", ".join(f"{id_} exits {answers[id_].code}" for id_ in ids)

    return answer


def _kept(before: str, update: str, after: str) -> Callable[[Answers], str]:
    """Return a function that names the lines of ``show`` that an update changed."""

    def answer(answers: Answers) -> str:
        if answers[update].code:
            return f"it fails: {answers[update].output.strip()!r}"
        old, new = (answers[id_].output.splitlines() for id_ in (before, after))
        if len(old) != len(new):
            return "show has other lines afterwards"
        changed = [" ".join(b.split()) for a, b in zip(old, new, strict=True) if a != b]
        return f"these lines change: {changed}" if changed else "nothing changes"

    return answer


def _accepted(add: str, show: str) -> Callable[[Answers], str]:
    """Return a function that says whether a line made a record, whatever it exits with."""

    def answer(answers: Answers) -> str:
        made = "a record" if any(read_listing(answers[show].output)) else "no record"
        return f"exit {answers[add].code}, and {made}: {_first(answers[add])!r}"

    return answer


def _first(answer: Answer) -> str:
    return answer.output.strip().partition("\n")[0]


def _empty_lines(answers: Answers) -> str:
    after = re.search(r"-{10,}\n(\n*)", answers["ipport.2"].output)
    return f"{len(after[1])} behind the dashes" if after else "there are no dashes"


def _listed(id_: str) -> Callable[[Answers], str]:
    def answer(answers: Answers) -> str:
        return ", ".join(one.key for one in read_listing(answers[id_].output)) or "nothing"

    return answer


def _scoped_label(answers: Answers) -> str:
    rows = answers["scopedccs.2"].output.splitlines()
    return next((row.strip() for row in rows if re.search(r"www\..*:\d+\s*$", row)), "no such line")


def _json_names(*ids: str) -> Callable[[Answers], str]:
    """Return a function that gives the names at both levels, with the values of an entry."""

    def answer(answers: Answers) -> str:
        return "; ".join(_names(answers[id_]) for id_ in ids)

    return answer


def _names(answer: Answer) -> str:
    try:
        document = json.loads(answer.output)
        entries = document["SslCertificateBindings"]
        told = [f"{name}: {value!r}" for entry in entries[:1] for name, value in entry.items()]
        return f"{', '.join(document)}; an entry: {', '.join(told) or 'none'}"
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"no JSON as expected: {answer.output!r}"


def _properties(answers: Answers) -> str:
    """Return the lines from the first heading that is indented by one space."""
    heading = re.search(r"^ \S", answers["ipport.2"].output, re.MULTILINE)
    if heading is None:
        return "none is shown"
    rows = answers["ipport.2"].output[heading.start() :].splitlines()
    return repr([" ".join(row.split()) for row in rows if row])


def _labels(answers: Answers) -> str:
    rows = answers["ipport.2"].output.splitlines()
    return repr([row.partition(" : ")[0].strip() for row in rows if " : " in row])


QUESTIONS = (
    Question(
        "update-keeps",
        "Does update keep the tags that are not named?",
        ("update-keeps.2", "update-keeps.3", "update-keeps.4"),
        _kept("update-keeps.2", "update-keeps.3", "update-keeps.4"),
    ),
    Question(
        "update-one-tag",
        "May update name nothing but one option, and what happens to the rest?",
        ("update-one-tag.2", "update-one-tag.3", "update-one-tag.4"),
        _kept("update-one-tag.2", "update-one-tag.3", "update-one-tag.4"),
    ),
    Question(
        "update-hash",
        "May update name nothing but a new certhash?",
        ("update-hash.2", "update-hash.3"),
        _accepted("update-hash.2", "update-hash.3"),
    ),
    Question(
        "update-failed",
        "What does an update say that finds no record?",
        ("update-absent.1",),
        _told("update-absent.1"),
    ),
    Question(
        "scoped-ccs-label",
        "What stands before the key of a scoped CCS record in show?",
        ("scopedccs.2",),
        _scoped_label,
    ),
    Question(
        "scoped-ccs-order",
        "Where do scoped CCS records stand in a listing?",
        ("listing-scopedccs.4",),
        _listed("listing-scopedccs.4"),
    ),
    Question(
        "listing-order",
        "In what order are the kinds, and the records of a kind, listed?",
        ("listing.8",),
        _listed("listing.8"),
    ),
    Question(
        "empty-lines",
        "How many empty lines follow the dashes?",
        ("ipport.2",),
        _empty_lines,
    ),
    Question(
        "empty-listing",
        "What is the listing of a machine without bindings, and how does it exit?",
        ("listing-empty.1",),
        _told("listing-empty.1"),
        alone=True,
    ),
    Question(
        "json-names",
        "What are the names in json=enable, and what stands behind them?",
        ("json.2", "json-sni.2", "json-ccs.2"),
        _json_names("json.2", "json-sni.2", "json-ccs.2"),
    ),
    Question(
        "json-empty",
        "What is the JSON where nothing is found?",
        ("json-absent.1",),
        _told("json-absent.1"),
    ),
    Question(
        "tag-prefixes",
        "May tags be cut to a unique prefix, as command words may?",
        ("tags-short.1", "tags-short.2"),
        _accepted("tags-short.1", "tags-short.2"),
    ),
    Question(
        "unknown-tag",
        "What is the answer to an unknown tag?",
        ("unknown-tag.1",),
        _told("unknown-tag.1"),
    ),
    Question(
        "unknown-tag-exit",
        "Does an unknown tag exit 0 without a record, as Server 2019 was seen to do?",
        ("unknown-tag.1", "unknown-tag.2"),
        _accepted("unknown-tag.1", "unknown-tag.2"),
    ),
    Question(
        "unknown-command",
        "What is the answer to an unknown command?",
        ("unknown-verb.1", "unknown-object.1"),
        _told("unknown-verb.1", "unknown-object.1"),
    ),
    Question(
        "exit-codes",
        "What do failures exit with?",
        ("ipport.3", "ipport.7", "ipport.8", "no-appid.1", "unknown-tag.1", "bad-appid-text.1"),
        _codes("ipport.3", "ipport.7", "ipport.8", "no-appid.1", "unknown-tag.1",
               "bad-appid-text.1"),
    ),
    Question(
        "explicit-zero",
        "Is revocationfreshnesstime=0 rejected, as Server 2025 was seen to do?",
        ("zero-freshness.1", "zero-freshness.2"),
        _accepted("zero-freshness.1", "zero-freshness.2"),
    ),
    Question(
        "reject",
        "Does this release's netsh know reject?",
        ("tag-reject.1", "tag-reject.2"),
        _accepted("tag-reject.1", "tag-reject.2"),
    ),
    Question("labels", "Which lines has show on this release?", ("ipport.2",), _labels),
    Question(
        "properties",
        "Which extended properties does show print?",
        ("ipport.2",),
        _properties,
    ),
    Question(
        "ccs-options",
        "What is the answer to an option on a ccs record?",
        ("ccs-option.1",),
        _told("ccs-option.1"),
    ),
    Question(
        "ccs-hash",
        "What is the answer to a certhash on a ccs record?",
        ("ccs-hash.1",),
        _told("ccs-hash.1"),
    ),
    Question(
        "sni-without-store",
        "What is the answer to a hostnameport without certstorename?",
        ("no-store-sni.1",),
        _told("no-store-sni.1"),
    ),
    Question(
        "iplisten-failed",
        "What does iplisten answer to an address that is none?",
        ("iplisten-bad.1",),
        _told("iplisten-bad.1"),
    ),
)  # fmt: skip


class Settled(NamedTuple):
    """What a run says about a question; empty answers if it was not asked, and ``why`` not."""

    question: Question
    netsh: str = ""
    sslbind: str = ""
    why: str = ""

    @property
    def same(self) -> bool:
        """Whether both programs answer alike."""
        return not self.why and self.netsh == self.sslbind


def settle(netsh: Answers, sslbind: Answers, *, alone: bool) -> list[Settled]:
    """Return what the answers say; ``alone``: the machine has no bindings of others."""
    return [_settle(question, netsh, sslbind, alone=alone) for question in QUESTIONS]


def _settle(question: Question, netsh: Answers, sslbind: Answers, *, alone: bool) -> Settled:
    missing = [id_ for id_ in question.lines if id_ not in netsh]
    if missing:
        return Settled(question, why=f"not run: {', '.join(missing)}")
    if question.alone and not alone:
        return Settled(question, why="the machine has bindings of others")
    return Settled(question, question.answer(netsh), question.answer(sslbind))
