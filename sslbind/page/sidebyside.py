"""Servers side by side: what is the same on all, and every difference."""

from __future__ import annotations

from collections.abc import Iterator

from sslbind import shells
from sslbind.comparison import Comparison, Difference, shown_value
from sslbind.page.contents import ReportContents
from sslbind.page.markup import command, count, table, text
from sslbind.wording import plural

_MOST = 2000
_MISSING = "-"


def comparison_section(contents: ReportContents) -> str:
    """Return the section; empty if there are not two servers to compare."""
    comparison = contents.comparison
    if comparison is None:
        return ""
    every = "both" if len(comparison.servers) == 2 else f"all {len(comparison.servers)}"
    same = f"<p>{plural(comparison.same, 'binding')} the same on {every}"
    body = f"{same} servers; {plural(len(comparison.differences), 'difference')}.</p>"
    body += "".join(
        f'<p class="note">{text(name)} does not record {text(", ".join(names))}.</p>'
        for name, names in comparison.not_compared
    )
    if comparison.differences:
        columns = ("Binding", "Tag", *comparison.servers)
        body += table("diff", "Differences between the servers", columns, _rows(comparison))
    if (more := len(comparison.differences) - _MOST) > 0:
        paths = [one.path for one in contents.servers if one.state is not None]
        body += f"<p>{count(more)} more:</p>{command(shells.command(('sslbind', 'diff', *paths)))}"
    return (
        '<section id="servers" aria-labelledby="servers-title">'
        f'<h2 id="servers-title">Servers side by side</h2>{body}</section>\n'
    )


def _rows(comparison: Comparison) -> Iterator[str]:
    for one in comparison.differences[:_MOST]:
        what = "the server itself" if one.key is None else one.key.spec
        cells = "".join(f"<td>{value}" for value in _values(one))
        yield (
            f'<tr class=""><th scope="row">{text(what)}<td>{text(one.tag or "binding")}{cells}\n'
        )


def _values(one: Difference) -> Iterator[str]:
    shown = [
        text(shown_value(one.tag, value)) if present else _MISSING
        for value, present in zip(one.values, one.present, strict=True)
    ]
    usual = max(shown, key=shown.count)
    for value in shown:
        yield value if value == usual else f"<mark>{value}</mark>"
