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
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")  # click knows old consoles
    between, rule, cross = ("   ", "─", "───") if _draws_lines() else (" | ", "-", "-+-")
    laid_out = [_column(*column, colour=colour) for column in zip(columns, *cells, strict=True)]
    heads, bodies, widths = zip(*laid_out, strict=True)
    lines = [between.join(heads), cross.join(rule * width for width in widths)]
    lines += map(between.join, zip(*bodies, strict=True))
    click.echo("".join(f"{line.rstrip()}\n" for line in lines), nl=False)


def _column(name: str, *cells: str, colour: bool) -> tuple[str, list[str], int]:
    """Return the head and the cells of a column, all of one width, and that width."""
    widths = [*map(_width, (name, *cells))]
    widest = max(widths)
    blanks = (" " * (widest - width) for width in widths)
    if name == DAYS_LEFT:
        padded = [space + cell for space, cell in zip(blanks, (name, *cells), strict=True)]
    else:
        padded = [cell + space for space, cell in zip(blanks, (name, *cells), strict=True)]
    head, *body = padded
    if not colour:
        return head, body, widest
    body = [_coloured(one) for one in body] if name == DAYS_LEFT else body
    return f"{_BOLD}{head}{_PLAIN}", body, widest


def _width(cell: str) -> int:
    """Return how many columns of a terminal a cell takes."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _coloured(cell: str) -> str:
    number = cell.strip()
    if not number.lstrip("-").isdigit() or int(number) >= SOON:
        return cell
    return f"{_RED if int(number) < 0 else _YELLOW}{cell}{_PLAIN}"


def _draws_lines() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()
