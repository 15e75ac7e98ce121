"""``[[Suppress]]``: the findings that somebody decided to live with, and for how long."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from sslbind.check import closest_rule, rules
from sslbind.check.finding import Finding, Suppressed
from sslbind.errors import BadValueError, RegistryError
from sslbind.keys import KINDS, parse_key
from sslbind.registry import Registry, Suppression


class Split(NamedTuple):
    """Findings, split: those that count, those that are suppressed; ``notes`` are sentences."""

    findings: list[Finding]
    suppressed: list[Suppressed]
    notes: list[str]


def split(registry: Registry, findings: Iterable[Finding], today: date, *, whole: bool) -> Split:
    """Split ``findings`` by what the registry suppresses on the day ``today``.

    ``whole``: they are those of every rule, so that a suppression that fits
    none of them is worth a note. Raises RegistryError for a rule that is none.
    """
    _confirm_rules(registry)
    running = {
        one: _records(one)
        for one in registry.settings.suppressions
        if one.until is None or today.isoformat() <= one.until
    }
    counting: list[Finding] = []
    suppressed: list[Suppressed] = []
    used: set[Suppression] = set()
    for finding in findings:
        record = (finding.kind, finding.key)
        fitting = [
            one
            for one, records in running.items()
            if one.rule == finding.rule and (one.key is None or record in records)
        ]
        used.update(fitting)
        if fitting:
            suppressed.append(Suppressed(finding, fitting[0].reason, fitting[0].until))
        else:
            counting.append(finding)
    unused = running.keys() - used if whole else set()
    return Split(counting, suppressed, [*_notes(registry, running, unused)])


def _confirm_rules(registry: Registry) -> None:
    for number, one in enumerate(registry.settings.suppressions):
        if one.rule not in rules():
            raise RegistryError(
                f"[[Suppress]] names {one.rule!r}, which is no rule",
                closest_rule(one.rule),
                file=registry.path,
                line=registry.suppression_line(number),
            )


def _records(suppression: Suppression) -> set[tuple[str | None, str | None]]:
    """Return the records that the key of a suppression may mean, of whatever kind."""
    found: set[tuple[str | None, str | None]] = set()
    for kind in KINDS:
        with contextlib.suppress(BadValueError):
            found.add((kind.name, str(parse_key(kind, suppression.key or ""))))
    return found


def _notes(
    registry: Registry, running: Collection[Suppression], unused: Collection[Suppression]
) -> Iterator[str]:
    for number, one in enumerate(registry.settings.suppressions):
        if one in running and one not in unused:
            continue
        state = "fits no finding" if one in running else f"ended on {one.until}"
        line = registry.suppression_line(number)
        where = registry.path if line is None else f"{registry.path}:{line}"
        what = f"{one.rule} for {one.key}" if one.key else one.rule
        yield f"{where}: the suppression of {what} {state}"
