"""Tables for people: fitted to the terminal; without one, one line per row.

Laid out here and not by rich, which takes a millisecond for each row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import click

from sslbind.cli.streams import is_terminal, takes_colour
from sslbind.printable import printable

DAYS_LEFT = "days left"
THUMBPRINT = "thumbprint"
SHORT = 12
"""Digits of a thumbprint on a narrow terminal; commands take 8 or more."""
SOON = 30
"""Days; a certificate that has fewer left needs attention."""
_NARROW = 12
"""Columns up to this width are not wrapped, and no other becomes narrower."""
_ROOMY = 24
"""A column that may move below its row does so before it becomes narrower than this."""
_INDENT = "    "
_NOTHING = "-"
"""The text of an empty cell."""
_KEYS = ("key", "name")
"""Columns that are wrapped last."""
_BOLD, _RED, _YELLOW, _PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[33m", "\x1b[0m"


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    spare: Sequence[str] = (),
    below: str = "",
) -> None:
    """Print ``rows`` to standard output.

    On a terminal, the table is not wider than it: thumbprints are shortened, then
    the cells of the columns that ``spare`` names, and of ``below``, go on lines below
    their rows, and other long cells go over several lines. Elsewhere
    cells are whole, a line a row. Colours only on a terminal, and with NO_COLOR
    nothing but text: a day count that runs out is yellow, then red.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    terminal = is_terminal(sys.stdout)
    table = [_Column(*column) for column in zip(columns, *cells, strict=True)]
    between, cross = ("   ", "───") if _draws_lines() else (" | ", "-+-")
    apart: list[_Column] = []
    if terminal and _total(table, len(between)) > (limit := _terminal_width()):
        table, apart = _fitted(table, spare, limit, len(between))
        if _total(table, len(between)) > limit:
            between, cross = "  ", cross[:1] * 2
            table, more = _set_apart(table, below, limit)
            apart += more
            _fold(table, limit)
    colour = takes_colour(sys.stdout)
    lines = [_head(table, between, colour=colour), *(f"{_INDENT}{one.name}" for one in apart)]
    lines.append(cross.join(cross[0] * column.width for column in table))
    lines += _body(table, apart, between, colour=colour)
    click.echo("".join(f"{line}\n" for line in lines), nl=False)


class _Column:
    """A column: its name, its cells, and how wide it is."""

    def __init__(self, name: str, *cells: str) -> None:
        self.name = name
        self.cells = cells
        self.width = max(map(_width, (name, *cells)))
        self.right = name == DAYS_LEFT

    def padded(self, cell: str, shown: str) -> str:
        """Return ``shown`` (``cell``, perhaps with colours) padded to the width of the column."""
        blanks = " " * (self.width - _width(cell))
        return blanks + shown if self.right else shown + blanks


def _fitted(
    table: list[_Column], spare: Sequence[str], limit: int, between: int
) -> tuple[list[_Column], list[_Column]]:
    """Return the table with short thumbprints, and the ``spare`` columns if they need too much."""
    table = [
        _Column(one.name, *(cell[:SHORT] if len(cell) == 40 else cell for cell in one.cells))
        if one.name == THUMBPRINT
        else one
        for one in table
    ]
    if _total(table, between) <= limit:
        return table, []
    apart = [one for one in table if one.name in spare]
    for one in apart:
        one.width = max(_NARROW, limit - len(_INDENT))
    return [one for one in table if one.name not in spare], apart


def _set_apart(table: list[_Column], name: str, limit: int) -> tuple[list[_Column], list[_Column]]:
    """Return the table, and the column ``name`` if the others leave it too little room."""
    others = [one for one in table if one.name != name]
    apart = [one for one in table if one.name == name]
    room = limit - _total(others, 2) - 2
    if not apart or room >= min(apart[0].width, _ROOMY):
        return table, []
    apart[0].width = max(_NARROW, limit - len(_INDENT))
    return others, apart


def _fold(table: Sequence[_Column], limit: int) -> None:
    """Narrow the wide columns, two spaces apart, until the table fits ``limit``.

    All get the same width; key columns are narrowed only if that is not enough.
    """
    wide = [one for one in table if one.width > _NARROW]
    for folded in ([one for one in wide if one.name not in _KEYS], wide):
        room = limit - 2 * (len(table) - 1) - sum(one.width for one in table if one not in folded)
        for left, one in enumerate(sorted(folded, key=lambda one: one.width)):
            share = max(_NARROW, len(one.name), room // (len(folded) - left))
            one.width = min(one.width, share)
            room -= one.width
        if room >= 0:
            return


def _total(table: Sequence[_Column], between: int) -> int:
    return sum(one.width for one in table) + between * (len(table) - 1)


def _head(table: Sequence[_Column], between: str, *, colour: bool) -> str:
    names = [
        one.padded(one.name, f"{_BOLD}{one.name}{_PLAIN}" if colour else one.name) for one in table
    ]
    return between.join(names).rstrip()


def _body(
    table: Sequence[_Column], apart: Sequence[_Column], between: str, *, colour: bool
) -> Iterator[str]:
    """Yield the lines of the rows, several for a row that has a cell too wide for its column."""
    folded = any(_width(cell) > one.width for one in table for cell in one.cells)
    for number, row in enumerate(zip(*(one.cells for one in table), strict=True)):
        for line in _lines(table, row) if folded else (row,):
            shown = (
                one.padded(cell, _coloured(cell) if colour and one.right else cell)
                for cell, one in zip(line, table, strict=True)
            )
            yield between.join(shown).rstrip()
        for one in apart:
            if one.cells[number] != _NOTHING:
                yield from (f"{_INDENT}{it}" for it in _pieces(one.cells[number], one.width))


def _lines(table: Sequence[_Column], row: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of each line that ``row`` takes."""
    pieces = (_pieces(cell, one.width) for cell, one in zip(row, table, strict=True))
    yield from zip_longest(*pieces, fillvalue="")


def _pieces(cell: str, width: int) -> Iterator[str]:
    """Yield pieces of ``cell`` that fit ``width``: at spaces, else punctuation, else anywhere."""
    while _width(cell) > width:
        fits = min(width, len(cell))
        while fits > 1 and _width(cell[:fits]) > width:
            fits -= 1
        cut = cell.rfind(" ", 0, fits + 1)
        if cut <= 0:
            cut = max(cell.rfind(mark, 0, fits) for mark in ".,:=-/") + 1
        cut = cut if cut > 0 else fits
        yield cell[:cut].rstrip()
        cell = cell[cut:].lstrip()
    yield cell


def _width(cell: str) -> int:
    """Return the width of a cell in terminal columns."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _coloured(cell: str) -> str:
    if not cell.lstrip("-").isdigit() or int(cell) >= SOON:
        return cell
    return f"{_RED if int(cell) < 0 else _YELLOW}{cell}{_PLAIN}"


def _terminal_width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns


def _draws_lines() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()
