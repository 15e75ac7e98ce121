"""Tables for people; whole cells always, whatever the width of the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sslbind.printable import printable

_WIDEST = 10_000


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[str] = ()
) -> None:
    """Print ``rows`` to standard output; ``numbers`` are the columns that align right.

    Colours only on a terminal, and never with NO_COLOR (which rich respects).
    """
    rows = [tuple(printable(cell) for cell in row) for row in rows]
    table = Table(
        box=box.SIMPLE_HEAD if _draws_lines() else box.ASCII2, pad_edge=False, show_edge=False
    )
    for name in columns:
        table.add_column(
            name, justify="right" if name in numbers else "left", no_wrap=True, overflow="ignore"
        )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    # A terminal that is too narrow wraps lines; a cut thumbprint would help nobody.
    Console(file=sys.stdout, width=_WIDEST, soft_wrap=True).print(table, soft_wrap=True)


def _draws_lines() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()
