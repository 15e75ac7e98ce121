"""Options that take a moment or a window of time, and what click makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from sslbind.moments import Window, parse_moment, parse_span, parse_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.decorators import FC


def span(ctx: click.Context, param: click.Parameter, text: str | None) -> timedelta | None:
    """Return the span of time that an option has, None where it is not given; a callback."""
    try:
        return None if text is None else parse_span(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", ctx, param) from None


def moment(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime:
    """Return the moment that an option has, now where it is not given; a callback."""
    now = datetime.now(UTC)
    try:
        return now if text is None else parse_moment(text, now)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", ctx, param) from None


def at_option(what: str) -> Callable[[FC], FC]:
    """Return the option ``--at``, handed over as ``now``; ``what`` says what it changes."""
    return click.option(
        "--at",
        "now",
        metavar="TIME",
        callback=moment,
        help=f"{what}: 2027-01-31, with a time, tomorrow, or 7d from now; UTC unless it says"
        " otherwise.",
    )


def window(ctx: click.Context, param: click.Parameter, text: str | None) -> Window | None:
    """Return the window that an option has, None where it is not given; a callback."""
    try:
        return None if text is None else parse_window(text, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", ctx, param) from None
