"""The cached answer to an earlier check, if nothing that it depends on has changed.

What rules find follows from the registry's text, the files of its stores, the options and
the program, and the only thing that depends on time are dates of certificates: which of
them have passed, and how many whole days ago. So an answer is valid from the last of these
moments to the next. If it depends on anything else, nothing is cached.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind.cached_answer import CachedAnswer, typed
from sslbind.certificates.judgement import valid_at
from sslbind.check.finding import SEVERITIES, Finding, Suppressed
from sslbind.check.suppress import Split
from sslbind.moments import SpanOrThird, Window

if TYPE_CHECKING:
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.session import Session

_DAY = timedelta(days=1)
_NONE = type(None)
_FIELDS: tuple[tuple[type, ...], ...] = (
    (str,), (str,), (str, _NONE), (str, _NONE), (str,), (int, _NONE), (str,), (str, _NONE),
    (str, _NONE), (str,), (str,),
)  # fmt: skip
"""The types of the fields of a finding."""


class CheckResult(NamedTuple):
    """The findings, and the number of bindings."""

    split: Split
    bindings: int


class Memory:
    """The answer to one question about one registry."""

    def __init__(
        self,
        session: Session,
        soon: Window | SpanOrThird,
        ids: Collection[str] | None,
        *,
        named: bool,
    ) -> None:
        self._session = session
        self._soon = soon
        ids = ids if ids is None else sorted(ids)
        self._cached = CachedAnswer(session, "check", str(session.release), repr(soon), ids, named)

    def recall(self, now: datetime) -> CheckResult | None:
        """Return the answer if it was cached and is valid ``now``, else None."""
        values = self._cached.recall()
        if values is None:
            return None
        try:
            after, before, bindings, findings, suppressed, notes = values
            if not _moment(after) < now < _moment(before):
                return None
            split = Split(
                [_finding(row) for row in findings],
                [
                    Suppressed(_finding(row), typed(why, str), typed(until, str, _NONE))
                    for row, why, until in suppressed
                ],
                [typed(note, str) for note in notes],
            )
            return CheckResult(split, typed(bindings, int))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None

    def remember(self, now: datetime, answer: CheckResult) -> None:
        """Cache the answer of ``now``, with the time for which it is valid.

        Not with records of the central store: turning it on would depend on a folder of
        files that are not known here.
        """
        registry = self._session.registry
        if not self._cached.possible:
            return
        if not all(key.kind.certificate for key in registry.bindings):
            return
        since, until = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        try:
            moments = [*self._moments(now)]
        except OverflowError:  # a whole day before the year 1, or after 9999
            return
        for moment in moments:
            if moment == now:
                return
            if moment < now:
                since = max(since, moment)
            else:
                until = min(until, moment)
        split = answer.split
        suppressed = [(one.finding, one.reason, one.until) for one in split.suppressed]
        window = since.isoformat(), until.isoformat()
        row = *window, answer.bindings, split.findings, suppressed, split.notes
        self._cached.remember(row)

    def _moments(self, now: datetime) -> Iterator[datetime]:
        """Yield the moments between which an answer stays the same."""
        if any(one.until for one in self._session.registry.settings.suppressions):
            today = now.replace(hour=0, minute=0, second=0, microsecond=0)
            yield from (today, today + _DAY)
        stores = self._session.stores
        for entry in stores.entries() if stores else ():
            for one in (entry.certificate, *entry.chain):
                if one is not None:
                    yield from self._dates(one, now)

    def _dates(self, one: CertificateFacts, now: datetime) -> Iterator[datetime]:
        start, end = one.not_before, one.not_after
        opens = self._soon.opens(start, end)
        yield from (start, opens, end)
        if opens <= now or not valid_at(one, now):  # from then on sentences count its days
            for moment in (start, end):
                passed = (now - moment) % _DAY
                yield from (now - passed, now - passed + _DAY)


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(typed(text, str))


def _finding(row: Any) -> Finding:
    """Return a finding of what JSON made of one; raise TypeError if it is not one."""
    found = Finding(*(typed(value, *types) for value, types in zip(row, _FIELDS, strict=True)))
    if found.severity not in SEVERITIES:
        raise TypeError(row)
    return found
