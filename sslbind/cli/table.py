"""Tables for people; whole cells always, whatever the width of the terminal.

Laid out here and not by rich, which takes a millisecond for each row.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

import click

from sslbind.printable import printable

DAYS_LEFT = "days left"
SOON = 30
"""Days; a certificate that has fewer left wants attention."""
_BOLD, _RED, _YELLOW, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print ``rows`` to standard output.

    Colours only on a terminal, and with NO_COLOR nothing but text. A day count
    that runs out is yellow, then red. A terminal that is too narrow wraps
    lines: a cut thumbprint would help nobody.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(columns, *cells, strict=True)]
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # click knows old consoles
    between, rule, cross = ("   ", "─", "───") if _draws_lines() else (" | ", "-", "-+-")
    head = [_padded(name, name, width) for name, width in zip(columns, widths, strict=True)]
    lines = [
        between.join(f"{_BOLD}{one}{_PLAIN}" if colour else one for one in head),
        cross.join(rule * width for width in widths),
    ]
    for row in cells:
        line = [_padded(*one) for one in zip(columns, row, widths, strict=True)]
        if colour:
            line = [_coloured(*one) for one in zip(columns, line, strict=True)]
        lines.append(between.join(line))
    click.echo("".join(f"{line.rstrip()}\n" for line in lines), nl=False)


def _width(cell: str) -> int:
    """Return how many columns of a terminal a cell takes."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _padded(column: str, cell: str, width: int) -> str:
    blanks = " " * (width - _width(cell))
    return f"{blanks}{cell}" if column == DAYS_LEFT else f"{cell}{blanks}"


def _coloured(column: str, cell: str) -> str:
    number = cell.strip()
    if column != DAYS_LEFT or not number.lstrip("-").isdigit() or int(number) >= SOON:
        return cell
    return f"{_RED if int(number) < 0 else _YELLOW}{cell}{_PLAIN}"


def _draws_lines() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()
