"""The expiry of certificates as an iCalendar (RFC 5545) that programs can subscribe to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256

from sslbind.expiry import Row
from sslbind.moments import Window
from sslbind.printable import printable
from sslbind.version import VERSION
from sslbind.wording import some

_LINE = 75
"""Octets of a line (RFC 5545, section 3.1); longer ones continue after CRLF and a space."""


def report(rows: Sequence[Row], now: datetime, window: Window) -> str:
    """Return the calendar: an event per dated row, with an alarm when its ``window`` opens.

    The identity of an event is that of its binding: after a renewal the event
    moves, and no second one appears.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:-//sslbind//{VERSION}//EN"]
    lines.append("X-WR-CALNAME:Certificates")
    for row in rows:
        if row.not_after is not None and row.not_before is not None:
            alarm = window.opens(row.not_before, row.not_after)
            lines += _event(row, row.not_after, alarm, now)
    lines.append("END:VCALENDAR")
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _event(row: Row, end: datetime, alarm: datetime, now: datetime) -> Iterator[str]:
    identity = sha256(f"{row.server}\n{row.kind}\n{row.key}".encode("utf-8", "replace"))
    summary = f"The certificate of {row.key} on {row.server} expires"
    names = some(row.names, 5) or "none"
    yield "BEGIN:VEVENT"
    yield f"UID:{identity.hexdigest()[:32]}@sslbind"
    yield f"DTSTAMP:{_time(now)}"
    yield f"DTSTART:{_time(end)}"
    yield "DURATION:PT0S"
    yield "TRANSP:TRANSPARENT"
    yield f"SUMMARY:{_text(summary)}"
    yield f"DESCRIPTION:{_text(f'{row.kind} {row.key}, {row.thumbprint}, names: {names}')}"
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield f"DESCRIPTION:{_text(summary)}"
    yield f"TRIGGER;VALUE=DATE-TIME:{_time(alarm)}"
    yield "END:VALARM"
    yield "END:VEVENT"


def _time(moment: datetime) -> str:
    return f"{moment.year:04}{moment:%m%dT%H%M%SZ}"


def _text(value: str) -> str:
    """Return a value of type TEXT (section 3.3.11); no character of it can end the line."""
    escaped = printable(value)
    for char in "\\;,":
        escaped = escaped.replace(char, f"\\{char}")
    return escaped


def _fold(line: str) -> str:
    pieces, size = [""], 0
    for char in line:
        width = len(char.encode())
        if size + width > _LINE - (len(pieces) > 1):
            pieces.append("")
            size = 0
        pieces[-1] += char
        size += width
    return "\r\n ".join(pieces)
