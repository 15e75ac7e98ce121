"""How counts, lists and dates are written in sentences; all messages use these."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def plural(count: int, word: str) -> str:
    """Return ``1 binding`` or ``2 bindings``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def join(words: Iterable[str], last: str = "and") -> str:
    """Return ``a, b and c``; ``last`` is the word before the last one, such as ``or``."""
    *first, end = [*words] or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def some(words: Iterable[str], shown: int) -> str:
    """Return the first ``shown`` of ``words``, and how many were left out: ``a, b and 3 more``."""
    everything = [*words]
    more = len(everything) - shown
    return ", ".join(everything[:shown]) + (f" and {more} more" if more > 0 else "")


def day(moment: datetime) -> str:
    """Return the date of ``moment`` as ``2026-11-28``."""
    return f"{moment:%Y-%m-%d}"


def minute(moment: datetime) -> str:
    """Return ``moment``, which is in UTC, as ``2026-11-28 08:20 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
