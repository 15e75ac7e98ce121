"""Tables for people; whole cells always, whatever the width of the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sslbind.printable import printable

DAYS_LEFT = "days left"
SOON = 30
"""Days; a certificate that has fewer left wants attention."""
_WIDEST = 10_000


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print ``rows`` to standard output.

    Colours only on a terminal, and with NO_COLOR nothing but text: rich would
    leave the bold header. A day count that runs out is yellow, then red.
    """
    rows = [tuple(printable(cell) for cell in row) for row in rows]
    table = Table(
        box=box.SIMPLE_HEAD if _draws_lines() else box.ASCII2, pad_edge=False, show_edge=False
    )
    for name in columns:
        table.add_column(
            name, justify="right" if name == DAYS_LEFT else "left", no_wrap=True, overflow="ignore"
        )
    for row in rows:
        table.add_row(*(Text(c, _style(n, c)) for n, c in zip(columns, row, strict=True)))
    # A terminal that is too narrow wraps lines; a cut thumbprint would help nobody.
    Console(
        file=sys.stdout,
        width=_WIDEST,
        soft_wrap=True,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    ).print(table, soft_wrap=True)


def _style(column: str, cell: str) -> str:
    if column != DAYS_LEFT or not cell.lstrip("-").isdigit() or int(cell) >= SOON:
        return ""
    return "red" if int(cell) < 0 else "yellow"


def _draws_lines() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()
