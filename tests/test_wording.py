"""Counts, lists and dates in sentences."""

from __future__ import annotations

from datetime import UTC, datetime

from sslbind.wording import day, join, minute, plural, some


def test_plural() -> None:
    assert [plural(count, "binding") for count in (0, 1, 2)] == [
        "0 bindings",
        "1 binding",
        "2 bindings",
    ]


def test_join() -> None:
    assert join("abc") == "a, b and c"
    assert join(["a", "b"], "or") == "a or b"
    assert join(iter("a")) == "a"
    assert join(()) == ""


def test_some() -> None:
    """What is left out is counted, and nothing is said where nothing is."""
    assert some("abcde", 2) == "a, b and 3 more"
    assert some("ab", 2) == "a, b"
    assert some((), 2) == ""


def test_dates() -> None:
    moment = datetime(2026, 3, 9, 8, 5, 59, tzinfo=UTC)
    assert (day(moment), minute(moment)) == ("2026-03-09", "2026-03-09 08:05 UTC")
