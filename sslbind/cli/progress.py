"""Progress on a terminal, when certificate stores take more than a second to read."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from sslbind.cli.streams import is_terminal

if TYPE_CHECKING:
    from rich.status import Status

PATIENCE = 1.0
"""Seconds before it appears; most runs are over by then, and never load rich."""


class Tell(Protocol):
    """Shows the progress of something."""

    def __call__(self, count: int, more: str = "") -> None:
        """Show ``count``, and ``more`` after it."""


@contextlib.contextmanager
def progress(
    what: str = "certificate files read",
) -> Iterator[Tell | None]:
    """Yield what ``Session.progress`` takes, None if standard error is not a terminal, or in CI.

    It takes a number, which is shown in front of ``what``, and text to show after it. The
    line is erased when the block ends.
    """
    if "CI" in os.environ or not is_terminal(sys.stderr):
        yield None
        return
    due = time.monotonic() + PATIENCE
    status: Status | None = None

    def advance(count: int, more: str = "") -> None:
        nonlocal status
        if count == 0 or time.monotonic() < due:
            return
        text = f"{count} {what}" + (f", {more}" if more else "")
        if status is None:
            from rich.console import Console

            status = Console(stderr=True).status(text, spinner="line")  # exists in any encoding
            status.start()
        status.update(text)

    try:
        yield advance
    finally:
        if status is not None:
            status.stop()
