"""Points in time and durations as people type them: ``2027-01-31``, ``tomorrow``, ``7d``, ``33%``.

Nothing here reads the clock: ``now`` is a parameter. Invalid text raises ValueError, whose
message is the predicate of a sentence about it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "": 24}
_SPAN = re.compile(r"([0-9]{1,5})([hdw]?)")
_PERCENT = re.compile(r"([0-9]{1,3})%")
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_NO_DATE = (
    "is not a date such as 2027-01-31, nor a time such as 2027-01-31T12:00Z, nor 7d, nor tomorrow"
)


class Window(NamedTuple):
    """How long before its end a certificate is due: a ``span``, or ``percent`` of its life."""

    span: timedelta = timedelta()
    percent: int | None = None

    def opens(self, not_before: datetime, not_after: datetime) -> datetime:
        """Return the moment from which a certificate with this life is due."""
        if self.percent is None:
            return _before(not_after, self.span)
        return _before(not_after, (not_after - not_before) * self.percent / 100)

    def __str__(self) -> str:
        """Return it in words: ``30 days``, ``12 hours``, ``33% of its life``."""
        if self.percent is not None:
            return f"{self.percent}% of its life"
        hours = int(self.span.total_seconds()) // 3600
        count, unit = (hours, "hour") if hours % 24 else (hours // 24, "day")
        return f"{count} {unit}{'s' * (count != 1)}"


class SpanOrThird(NamedTuple):
    """A window of ``span``, or the last third of a lifetime shorter than three spans."""

    span: timedelta

    def opens(self, not_before: datetime, not_after: datetime) -> datetime:
        """Return the moment from which a certificate with this life is due."""
        return _before(not_after, min(self.span, (not_after - not_before) / 3))


def _before(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment - span
    except OverflowError:  # before the year 1: it always was
        return datetime.min.replace(tzinfo=UTC)


SOON = SpanOrThird(timedelta(days=30))
"""When an expiry gives a warning; certificates of 6 or 45 days must not always give one."""


def parse_span(text: str) -> timedelta:
    """Return ``30d`` (or ``30``), ``2w`` or ``12h`` as a span of time; raise ValueError."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError("is not a time such as 30d, 2w or 12h")
    return timedelta(hours=int(match[1]) * _HOURS[match[2]])


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that ``text`` means, in UTC; raise ValueError.

    A date, or a date with a time (ISO 8601; UTC unless it says otherwise);
    ``yesterday``, ``today`` and ``tomorrow``, which start at midnight UTC;
    ``now``; or a span such as ``7d``, counted from ``now``.
    """
    word = text.strip().casefold()
    try:
        if word == "now":
            return now
        if word in _DAYS:
            midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + timedelta(days=_DAYS[word])
        if _SPAN.fullmatch(word) and word[-1].isalpha():
            return now + parse_span(word)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_NO_DATE) from None


def parse_window(text: str, now: datetime) -> Window:
    """Return the window of ``30d``, ``2w``, ``12h``, ``33%``, or a date; raise ValueError.

    A percentage is of the certificate's lifetime. A date, or ``tomorrow``, means the time
    from ``now`` until then.
    """
    percent = _PERCENT.fullmatch(text)
    if percent is not None:
        if not 1 <= int(percent[1]) <= 100:
            raise ValueError("is not between 1% and 100%")
        return Window(percent=int(percent[1]))
    try:
        if _SPAN.fullmatch(text):
            return Window(parse_span(text))
        until = parse_moment(text, now)
    except ValueError:
        raise ValueError("is not a time such as 30d, 2w or 12h, nor 33%, nor a date") from None
    if until < now:
        raise ValueError("is in the past")
    return Window(until - now)
