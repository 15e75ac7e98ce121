"""Options that take a point in time or a time window, and their click callbacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from sslbind.moments import Window, parse_moment, parse_span, parse_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.decorators import FC


def span(ctx: click.Context, param: click.Parameter, text: str | None) -> timedelta | None:
    """Return the duration of an option, None if it is not given; a callback."""
    try:
        return None if text is None else parse_span(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", ctx, param) from None


def moment(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime:
    """Return the time of an option, now if it is not given; a callback."""
    now = datetime.now(UTC)
    try:
        return now if text is None else parse_moment(text, now)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", ctx, param) from None


def at_option(what: str) -> Callable[[FC], FC]:
    """Return the option ``--at``, passed as ``now``; ``what`` says what it changes."""
    return click.option(
        "--at",
        "now",
        metavar="TIME",
        callback=moment,
        help=f"{what}: 2027-01-31, optionally with a time; tomorrow; or 7d from now. UTC by"
        " default.",
    )


def window(ctx: click.Context, param: click.Parameter, text: str | None) -> Window | None:
    """Return the window of an option, None if it is not given; a callback."""
    try:
        return None if text is None else parse_window(text, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}", ctx, param) from None
