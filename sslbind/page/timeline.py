"""The timeline of expiry: one bar per certificate, or for many one column per fortnight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sslbind.moments import Window
from sslbind.page.contents import CertificateUse, Moment
from sslbind.page.markup import count, text
from sslbind.wording import day, plural

WIDTH, _LABELS, _RIGHT = 1000, 250, 60
_BARS = 24
"""Up to this many certificates each get a bar."""
_BAR_HEIGHT, _CHART_HEIGHT, _AXIS = 24, 170, 26
_BACK, _AHEAD = timedelta(days=60), timedelta(days=420)
_COLUMN = timedelta(days=14)
_CLASSES = {"expired": "bad", "due": "warn", "ok": "ok", "unknown": "off"}


class _Axis:
    """A time axis from two months ago to fourteen months ahead."""

    def __init__(self, now: datetime, left: int) -> None:
        self.start, self.end = _shifted(now, -_BACK), _shifted(now, _AHEAD)
        self._left = left

    def at(self, moment: datetime) -> float:
        """Return the position of a moment, clamped to the axis."""
        part = (min(max(moment, self.start), self.end) - self.start) / (self.end - self.start)
        return round(self._left + part * (WIDTH - _RIGHT - self._left), 1)

    def months(self) -> Iterator[datetime]:
        """Yield the first day of each month between the ends."""
        year, month = self.start.year, self.start.month
        while True:
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
            if year > 9999 or (first := datetime(year, month, 1, tzinfo=UTC)) > self.end:
                return
            yield first


def timeline(certificates: Sequence[CertificateUse], moment: Moment) -> str:
    """Return the drawing as SVG; a table beside it has the same facts."""
    few = len(certificates) <= _BARS
    axis = _Axis(moment.now, _LABELS if few else 40)
    height = _BAR_HEIGHT * len(certificates) if few else _CHART_HEIGHT
    drawn = _bars(certificates, moment, axis) if few else _columns(certificates, moment, axis)
    return (
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {height + _AXIS}" role="img"'
        f' aria-label="{text(_words(certificates, moment))}">'
        f"{''.join(_grid(axis, moment.now, height))}{''.join(drawn)}</svg>\n"
    )


def _words(certificates: Sequence[CertificateUse], moment: Moment) -> str:
    """Return a description of the drawing for screen readers."""
    found = Counter(one.row.status(moment.now, moment.window) for one in certificates)
    return (
        f"Timeline of {plural(len(certificates), 'certificate')}: {found['expired']} expired,"
        f" {found['due']} expire soon, {found['ok']} later. The table below has the dates."
    )


def _grid(axis: _Axis, now: datetime, height: int) -> Iterator[str]:
    for first in axis.months():
        at = axis.at(first)
        yield f'<line class="grid" x1="{at}" x2="{at}" y1="0" y2="{height}"/>'
        year = f" {first.year}" if first.month == 1 else ""
        yield f'<text class="tick" x="{at}" y="{height + 17}">{first:%b}{year}</text>'
    at = axis.at(now)
    yield f'<line class="now" x1="{at}" x2="{at}" y1="0" y2="{height + 6}"/>'
    yield f'<text class="tick today" x="{at}" y="{height + 17}">today</text>'


def _bars(certificates: Sequence[CertificateUse], moment: Moment, axis: _Axis) -> Iterator[str]:
    for number, one in enumerate(certificates):
        row, top = one.row, number * _BAR_HEIGHT
        assert row.not_after is not None  # noqa: S101  # the others are not drawn
        kind = _CLASSES[row.status(moment.now, moment.window)]
        start, end = sorted((axis.at(moment.now), axis.at(row.not_after)))
        name = row.names[0] if row.names else row.key
        yield (
            f'<text class="name" x="{_LABELS - 12}" y="{top + 16}">{text(_cut(name, 32))}</text>'
            f'<rect class="{kind}" x="{start}" y="{top + 5}" width="{max(end - start, 3)}"'
            f' height="14" rx="3"><title>{text(name)}: {day(row.not_after)}</title></rect>'
            f'<text class="days" x="{end + 6}" y="{top + 16}">{_days(one, moment.now)}</text>'
        )


def _columns(certificates: Sequence[CertificateUse], moment: Moment, axis: _Axis) -> Iterator[str]:
    """Yield a column for each fortnight; the first and last also hold what is beyond the axis."""
    found: dict[int, Counter[str]] = {}
    last = (axis.end - axis.start) // _COLUMN
    for one in certificates:
        end = one.row.not_after
        assert end is not None  # noqa: S101  # the others are not drawn
        place = min(max((end - axis.start) // _COLUMN, 0), last)
        kind = _CLASSES[one.row.status(moment.now, moment.window)]
        found.setdefault(place, Counter())[kind] += 1
    most = max(sum(kinds.values()) for kinds in found.values())
    for place, kinds in sorted(found.items()):
        start = axis.start + place * _COLUMN
        left, right = axis.at(start), axis.at(_shifted(start, _COLUMN))
        width = max(right - left, 14) - 3
        bottom = float(_CHART_HEIGHT)
        total = sum(kinds.values())
        for kind in ("bad", "warn", "ok"):
            high = round(kinds[kind] / most * (_CHART_HEIGHT - 24), 1)
            bottom -= high
            what = f"{count(total)} expire from {day(start)} on"
            if high:
                yield (
                    f'<rect class="{kind}" x="{left}" y="{bottom}" width="{width}" height="{high}">'
                    f"<title>{what}</title></rect>"
                )
        middle = left + width / 2
        yield f'<text class="total" x="{middle}" y="{bottom - 5}">{count(total)}</text>'
    if last in found:
        at = WIDTH - _RIGHT + 24
        yield f'<text class="tick" x="{at}" y="{_CHART_HEIGHT + 17}">later</text>'


def _days(certificate: CertificateUse, now: datetime) -> str:
    days = certificate.days_left(now)
    if certificate.row.status(now, Window()) == "expired":
        return f"{plural(-days, 'day')} ago"
    return plural(days, "day")


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 1]}…"


def _shifted(now: datetime, span: timedelta) -> datetime:
    try:
        return now + span
    except OverflowError:
        return now
