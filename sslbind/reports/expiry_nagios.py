"""The rows of ``expiry`` as one line for Nagios."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sslbind.expiry import Row
from sslbind.moments import Window
from sslbind.reports.nagios import CRITICAL, OK, UNKNOWN, WARNING, line
from sslbind.wording import day

_SHOWN = 3


def report(rows: Sequence[Row], now: datetime, window: Window) -> tuple[int, str]:
    """Return the exit code and the line; ``rows`` come soonest first."""
    by_status: dict[str, list[Row]] = {"expired": [], "due": [], "unknown": [], "ok": []}
    for row in rows:
        by_status[row.status(now, window)].append(row)
    expired, due, unknown, _ = by_status.values()
    known = len(rows) - len(unknown)
    parts: list[str] = []
    if expired:
        parts.append(f"{len(expired)} of {known} expired: {_named(expired)}")
    if due:
        parts.append(f"{len(due)} of {known} expire within {window}: {_named(due)}")
    if unknown:
        parts.append(f"{len(unknown)} with unknown expiry: {_named(unknown)}")
    if not parts:
        first = rows[0] if rows else None
        parts.append(
            f"{known} certificates, the first to expire is {_named([first])}"
            if first
            else "no binding has a certificate"
        )
    status = CRITICAL if expired else WARNING if due or (unknown and known) else OK
    if unknown and not known:
        status = UNKNOWN
    return status, line(status, "; ".join(parts), _performance(rows, by_status, now, window))


def _performance(
    rows: Sequence[Row], by_status: dict[str, list[Row]], now: datetime, window: Window
) -> dict[str, Sequence[float | str]]:
    performance: dict[str, Sequence[float | str]] = {}
    soonest = rows[0].not_after if rows else None
    if soonest is not None:
        days = round((soonest - now).total_seconds() / 86400, 1)
        # Few days are bad: "N:" alerts below N (plugin guidelines, threshold ranges).
        limits = (f"{window.span.days}:", "0:") if window.percent is None else ()
        performance["days"] = (days, *limits)
    return performance | {status: (len(found),) for status, found in by_status.items()}


def _named(rows: Sequence[Row]) -> str:
    named = [
        f"{row.server} {row.key}" + (f" {day(row.not_after)}" if row.not_after else "")
        for row in rows[:_SHOWN]
    ]
    more = len(rows) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
