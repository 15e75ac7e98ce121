"""Moments and spans of time as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st

from sslbind.moments import Window, parse_moment, parse_span, parse_window

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31 12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("now", NOW),
        ("today", datetime(2026, 6, 1, tzinfo=UTC)),
        ("Tomorrow", datetime(2026, 6, 2, tzinfo=UTC)),
        ("yesterday", datetime(2026, 5, 31, tzinfo=UTC)),
        ("7d", NOW + timedelta(days=7)),
        ("36h", NOW + timedelta(hours=36)),
        ("2w", NOW + timedelta(days=14)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["", "someday", "2027-02-30", "31.01.2027", "0001-01-01T00:00+14:00", "3m", "-7d", "999999d"],
)
def test_no_moments(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date such as"):
        parse_moment(text, NOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [("30d", "30 days"), ("30", "30 days"), ("2w", "14 days"), ("12h", "12 hours"),
     ("1d", "1 day"), ("0", "0 days"), ("33%", "33% of its life"), ("2026-06-11", "227 hours")],
)  # fmt: skip
def test_windows(text: str, words: str) -> None:
    assert str(parse_window(text, NOW)) == words


@pytest.mark.parametrize(
    ("text", "why"),
    [("0%", "between 1% and 100%"), ("101%", "between 1% and 100%"), ("33.3%", "nor a date"),
     ("soon", "nor a date"), ("-1d", "nor a date"), ("yesterday", "in the past")],
)  # fmt: skip
def test_no_windows(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_window(text, NOW)


def test_a_window_of_its_own_life() -> None:
    """A third of 90 days is 30 days, of 6 days 2: what suits short lives suits long ones."""
    third = parse_window("33%", NOW)
    end = NOW + timedelta(days=100)
    assert third.opens(NOW, end) == end - timedelta(days=33)
    assert Window(timedelta(days=30)).opens(NOW, end) == end - timedelta(days=30)
    assert Window(timedelta(weeks=99999)).opens(NOW, datetime.min.replace(tzinfo=UTC)).year == 1


@given(st.text(max_size=12))
def test_nothing_but_value_errors(text: str) -> None:
    for parse in (
        parse_span,
        lambda one: parse_moment(one, NOW),
        lambda one: parse_window(one, NOW),
    ):
        try:
            parse(text)
        except ValueError as error:
            assert str(error).startswith("is ")


def test_check_takes_them(run: Run, bare: object) -> None:
    for text in ("tomorrow", "7d", "2027-01-31"):
        assert run("check", "--at", text).code == 0
