"""HTML, made so that text stays text: everything from outside goes through ``text``."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sslbind.printable import printable


def text(value: str) -> str:
    """Return ``value`` as HTML that shows it; control and bidirectional marks show as escapes."""
    return escape(printable(value))


def badge(kind: str, word: str) -> str:
    """Return a word as a badge; ``kind`` is bad, warn, info, ok or off."""
    return f'<span class="badge {kind}">{text(word)}</span>'


def command(line: str) -> str:
    """Return a command, with a button that copies it."""
    return (
        f'<div class="command"><code>{text(line)}</code>'
        '<button type="button" class="copy">Copy</button></div>'
    )


def table(
    kind: str, caption: str, columns: Iterable[str], rows: Iterable[str], limit: int = 200
) -> str:
    """Return a table whose columns sort; ``rows`` are whole ``<tr>`` elements.

    Closing tags of cells and rows may be left out (HTML, section 13.1.2.4). Only the first
    ``limit`` rows show until all are requested; without scripts all do.
    """
    shown = (
        row if number < limit else row.replace('<tr class="', '<tr class="x ', 1)
        for number, row in enumerate(rows)
    )
    head = "".join(f'<th scope="col"><button type="button">{text(one)}</button>' for one in columns)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(caption)}">'
        f'<table class="{kind}" data-limit="{limit}"><caption>{text(caption)}</caption>'
        f"<thead><tr>{head}<tbody>\n{''.join(shown)}</table></div>\n"
    )


def count(number: int) -> str:
    """Return a number as people read it: ``10,000``."""
    return f"{number:,}"
