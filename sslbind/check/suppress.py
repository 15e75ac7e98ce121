"""``[[Suppress]]``: the findings that are accepted, and until when."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import chain
from typing import NamedTuple

from sslbind.check import closest_rule, rules
from sslbind.check.finding import Finding, Suppressed
from sslbind.errors import BadValueError, RegistryError
from sslbind.keys import KINDS, parse_key
from sslbind.registry.bindings import Bindings
from sslbind.registry.document import Suppression

_Record = tuple[str | None, str | None]
"""Kind and key, as a finding has them."""


class Split(NamedTuple):
    """Findings that count, and those that are suppressed; ``notes`` are sentences."""

    findings: list[Finding]
    suppressed: list[Suppressed]
    notes: list[str]


def split(
    registry: Bindings, findings: Iterable[Finding], today: date, looked: Collection[str]
) -> Split:
    """Split ``findings`` by what the registry suppresses on the day ``today``.

    ``looked``: the ids of rules whose suppressions get a note if they match no finding.
    Raises RegistryError for an unknown rule.
    """
    _confirm_rules(registry)
    running = dict.fromkeys(
        one
        for one in registry.settings.suppressions
        if one.until is None or today.isoformat() <= one.until
    )
    places: dict[tuple[str, _Record | None], list[tuple[int, Suppression]]] = {}
    for number, one in enumerate(running):
        for place in _records(one) if one.key else (None,):
            places.setdefault((one.rule, place), []).append((number, one))
    counting: list[Finding] = []
    suppressed: list[Suppressed] = []
    used: set[Suppression] = set()
    for finding in findings:
        record = (finding.kind, finding.key)
        found = (places.get((finding.rule, place), ()) for place in (None, record))
        fitting = [one for _, one in sorted(chain.from_iterable(found))]
        used.update(fitting)
        if fitting:
            suppressed.append(Suppressed(finding, fitting[0].reason, fitting[0].until))
        else:
            counting.append(finding)
    unused = {one for one in running if one.rule in looked} - used
    return Split(counting, suppressed, [*_notes(registry, running, unused)])


def _confirm_rules(registry: Bindings) -> None:
    for number, one in enumerate(registry.settings.suppressions):
        if one.rule not in rules():
            raise RegistryError(
                f"[[Suppress]] has {one.rule!r}, which is not a rule",
                closest_rule(one.rule),
                file=registry.path,
                line=registry.suppression_line(number),
            )


def _records(suppression: Suppression) -> set[_Record]:
    """Return the records that the key of a suppression may mean, of whatever kind."""
    found: set[_Record] = set()
    for kind in KINDS:
        with contextlib.suppress(BadValueError):
            found.add((kind.name, str(parse_key(kind, suppression.key or ""))))
    return found


def _notes(
    registry: Bindings, running: Collection[Suppression], unused: Collection[Suppression]
) -> Iterator[str]:
    for number, one in enumerate(registry.settings.suppressions):
        if one in running and one not in unused:
            continue
        state = "matches no finding" if one in running else f"ended on {one.until}"
        line = registry.suppression_line(number)
        where = registry.path if line is None else f"{registry.path}:{line}"
        what = f"{one.rule} for {one.key}" if one.key else one.rule
        yield f"{where}: the suppression of {what} {state}"
