"""Combine the commands of all findings into one plan that makes nothing worse.

Each rule looks at one thing. Here their commands are combined: of two that contradict each
other one is kept, and a command that takes the right certificate from a connection is
dropped. The advice of the finding says why. The plan is tried on a copy of the records with
``resolve``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslbind.check.command import TO_CHOOSE, Edit, FixCommand
from sslbind.check.connections import Judge, RequiredConnection, connections
from sslbind.check.finding import SEVERITIES, Finding
from sslbind.keys import IPPORT, Key
from sslbind.printable import printable
from sslbind.resolver import ANY_IPV4
from sslbind.tags import REJECT

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.check.subject import Subject

_TRIED = 200_000
"""How many connections of one port are tried; with more, its address records stay."""


class _Offer(NamedTuple):
    """The command of the finding ``number``."""

    number: int
    finding: Finding
    command: FixCommand


def reconcile(
    subject: Subject,
    findings: Sequence[Finding],
    sited: frozenset[str],
    barred: Mapping[str, str],
) -> list[Finding]:
    """Return the findings without the commands that conflict with others.

    ``sited`` are the rules that look at sites: what a site needs comes first.
    ``barred`` are commands that are left out, and why.
    """
    findings = [_without(one, barred.get(one.command or "")) for one in findings]
    offers = [
        _Offer(number, one, one.command)
        for number, one in enumerate(findings)
        if isinstance(one.command, FixCommand) and one.command.edits
    ]
    offers.sort(key=lambda one: _rank(one, sited))
    offers, dropped = _agreeing(offers)
    offers = _harmless(subject, offers, dropped)
    _spare_deleted(offers, dropped)
    return [_without(one, dropped.get(number)) for number, one in enumerate(findings)]


def _rank(offer: _Offer, sited: frozenset[str]) -> tuple[bool, bool, int]:
    """Return the sort key: commands that can be run as they are, sites' needs and errors first."""
    finding = offer.finding
    chosen = any(edit.values.get("certhash") == TO_CHOOSE for edit in offer.command.edits)
    return chosen, finding.rule not in sited, -SEVERITIES.index(finding.severity)


def _agreeing(offers: Iterable[_Offer]) -> tuple[list[_Offer], dict[int, str]]:
    """Return the offers that do not contradict an earlier one, and why the others are left out."""
    kept: list[_Offer] = []
    dropped: dict[int, str] = {}
    taken: dict[Key, list[tuple[_Offer, Edit]]] = {}
    for offer in offers:
        clash = next(
            (
                other
                for edit in offer.command.edits
                for other, before in taken.get(edit.key, ())
                if edit.contradicts(before) or (edit.verb == before.verb == "delete")
            ),
            None,
        )
        if clash is not None:
            other = " for ".join(filter(None, (clash.finding.rule, clash.finding.key)))
            same = clash.command == offer.command
            why = f"that of {other} does it" if same else f"run that of {other}, then check again"
            dropped[offer.number] = why
            continue
        kept.append(offer)
        for edit in offer.command.edits:
            taken.setdefault(edit.key, []).append((offer, edit))
    return kept, dropped


def _spare_deleted(offers: Iterable[_Offer], dropped: dict[int, str]) -> None:
    """Drop changes to a record that another command deletes."""
    deleted = {
        edit.key: offer for offer in offers for edit in offer.command.edits if edit.verb == "delete"
    }
    for offer in offers:
        edits = offer.command.edits
        if all(edit.verb == "update" and edit.key in deleted for edit in edits):
            dropped[offer.number] = (
                f"the command of {deleted[edits[0].key].finding.rule} deletes it"
            )


def _harmless(subject: Subject, offers: list[_Offer], dropped: dict[int, str]) -> list[_Offer]:
    """Return the offers that together keep every correct answer correct."""
    judge = Judge(subject)
    ports = {edit.key.port for offer in offers for edit in offer.command.edits}
    for port in sorted(ports):
        while True:
            blamed = _blamed(subject, judge, port, offers)
            if not blamed:
                break
            dropped |= blamed
            offers = [offer for offer in offers if offer.number not in blamed]
    return offers


def _blamed(subject: Subject, judge: Judge, port: int, offers: Iterable[_Offer]) -> dict[int, str]:
    """Return the offers that take a correct answer away on ``port``, and from whom."""
    edits: dict[Key, list[tuple[_Offer, Edit]]] = {}
    for offer in offers:
        for edit in offer.command.edits:
            if edit.key.port == port and _answers_differently(subject, edit):
                edits.setdefault(edit.key, []).append((offer, edit))
    last = Key(IPPORT, ANY_IPV4, port)
    if edits.keys() == {last} and last not in subject.bindings:
        return {}  # it is looked up last, so it takes no answer from anyone who has one
    addresses = {key.host for key in edits if key.kind is IPPORT and not key.wildcard}
    bindings = sum(len(sites.bindings) for sites in subject.sites)
    if len(addresses) * (bindings + len(subject.bindings)) > _TRIED:
        why = "too many connections would have to be tried"
        return {
            offer.number: why
            for key, there in edits.items()
            if key.host in addresses
            for offer, _ in there
        }
    copy = _Copy(subject.bindings, edits)
    blamed: dict[int, str] = {}
    for connection in connections(subject, port, sorted(addresses)):
        blamed |= _blame(judge, connection, copy, edits, blamed)
    return blamed


def _answers_differently(subject: Subject, edit: Edit) -> bool:
    """Whether a change to a record may change what clients get, not only how."""
    before = subject.bindings.get(edit.key)
    if before is None or edit.verb != "update":
        return True
    after = edit.apply(before)
    return after is None or _served(before) != _served(after)


def _served(record: Binding) -> tuple[object, ...]:
    return record.certhash, record.store, record[REJECT.name]


def _blame(
    judge: Judge,
    connection: RequiredConnection,
    copy: _Copy,
    edits: Mapping[Key, Sequence[tuple[_Offer, Edit]]],
    known: Mapping[int, str],
) -> dict[int, str]:
    before = judge.answer(connection)
    if not judge.right(connection, before):
        return {}
    after = judge.answer(connection, copy)
    if judge.kept(connection, before, after):
        return {}
    for record in (after.binding, before.binding):  # takes over, or is deleted
        there = edits.get(record.key, ()) if record else ()
        if there:
            why = f"it would take the right certificate from {connection}"
            return {offer.number: why for offer, _ in there if offer.number not in known}
    return {}


class _Copy:
    """The records as they are after all edits."""

    def __init__(
        self,
        bindings: Mapping[Key, Binding],
        edits: Mapping[Key, Sequence[tuple[_Offer, Edit]]],
    ) -> None:
        self._bindings = bindings
        self._edited: dict[Key, Binding | None] = {}
        for key, there in edits.items():
            record = bindings.get(key)
            for _, edit in sorted(there, key=lambda one: one[1].verb == "delete"):
                record = edit.apply(record)
            self._edited[key] = record

    def get(self, key: Key, /) -> Binding | None:
        if key in self._edited:
            return self._edited[key]
        return self._bindings.get(key)


def _without(finding: Finding, why: str | None) -> Finding:
    """Return the finding without its command, and with the reason, if there is one."""
    if why is None:
        return finding
    advice = (finding.advice or "").removesuffix(".")
    return finding._replace(command=None, advice=f"{advice}; no command: {printable(why)}")
