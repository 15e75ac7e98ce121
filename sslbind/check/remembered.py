"""The cached answer to an earlier check, if nothing that it depends on has changed.

What rules find follows from the registry's text, the files of its stores, the options and
the program, and the only thing that depends on time are dates of certificates: which of
them have passed, and how many whole days ago. So an answer is valid from the last of these
moments to the next. If it depends on anything else, nothing is cached.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind import cache
from sslbind.certificates.judgement import valid_at
from sslbind.check.finding import SEVERITIES, Finding, Suppressed
from sslbind.check.suppress import Split
from sslbind.digest import content_digest
from sslbind.moments import SpanOrThird, Window
from sslbind.registry.registry import Registry

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
        registry, stores = session.registry, session.stores
        place = os.path.realpath(registry.path), registry.path
        options = str(session.release), repr(soon), ids if ids is None else sorted(ids), named
        self._slot = f"check-{_digest(repr((place, options)))[:2]}"
        self._of_what = ""
        if isinstance(registry, Registry) and registry.settings.central_store is None:
            text = _digest(registry.render())
            files = None if stores is None else stores.fingerprint()
            self._of_what = _digest(repr((place, options, text, files, _program())))

    def recall(self, now: datetime) -> CheckResult | None:
        """Return the answer if it was cached and is valid ``now``, else None."""
        digest, _, text = (cache.recall(self._slot) or b"").partition(b"\n")
        if not self._of_what or digest.decode("ascii", "replace") != content_digest(text):
            return None
        try:
            of_what, after, before, bindings, findings, suppressed, notes = json.loads(text)
            if of_what != self._of_what or not _moment(after) < now < _moment(before):
                return None
            split = Split(
                [_finding(row) for row in findings],
                [
                    Suppressed(_finding(row), _typed(why, str), _typed(until, str, _NONE))
                    for row, why, until in suppressed
                ],
                [_typed(note, str) for note in notes],
            )
            return CheckResult(split, _typed(bindings, int))
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None

    def remember(self, now: datetime, answer: CheckResult) -> None:
        """Cache the answer of ``now``, with the time for which it is valid.

        Not with records of the central store: turning it on would depend on a folder of
        files that are not known here.
        """
        registry, stores = self._session.registry, self._session.stores
        if not self._of_what or (stores is not None and not stores.settled):
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
        row = self._of_what, *window, answer.bindings, split.findings, suppressed, split.notes
        text = json.dumps(row, separators=(",", ":")).encode()
        cache.remember(self._slot, content_digest(text).encode() + b"\n" + text)

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


def _digest(text: str) -> str:
    return content_digest(text.encode("utf-8", "surrogateescape"))


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(_typed(text, str))


def _typed(value: Any, *types: type) -> Any:
    """Return ``value``, which must have one of the types; raise TypeError."""
    if type(value) in types:
        return value
    raise TypeError(value)


def _finding(row: Any) -> Finding:
    """Return a finding of what JSON made of one; raise TypeError if it is not one."""
    found = Finding(*(_typed(value, *types) for value, types in zip(row, _FIELDS, strict=True)))
    if found.severity not in SEVERITIES:
        raise TypeError(row)
    return found


def _program() -> list[tuple[str, int]]:
    """Return what changes whenever our code does, in a checkout even without a new version."""
    root = os.path.dirname(os.path.dirname(__file__))
    return [
        (name, os.stat(os.path.join(folder, name)).st_mtime_ns)
        for folder, _, names in sorted(os.walk(root))
        for name in sorted(names)
        if name.endswith(".py")
    ]
