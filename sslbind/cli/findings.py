"""The findings of ``check`` for people: one line per cause, and repeated advice only once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from sslbind.printable import printable

if TYPE_CHECKING:
    from sslbind.check import Finding, Severity

COLOURS: Mapping[Severity, str] = {"error": "red", "warn": "yellow", "info": "cyan"}


def lines(findings: Iterable[Finding], *, verbose: bool) -> Iterator[str]:
    """Yield the lines about findings, in their order; ``verbose`` lists each.

    Findings of one rule with the same advice and command are grouped. Of those that also
    have the same cause only the first is shown, with the number of the others.
    """
    together: dict[tuple[str | None, ...], dict[str, list[Finding]]] = {}
    for one in findings:
        causes = together.setdefault((one.rule, one.severity, one.advice, one.command), {})
        causes.setdefault(one.cause or one.message, []).append(one)
    for causes in together.values():
        for same in causes.values():
            shown = same if verbose else same[:1]
            yield from (_head(one, len(same) - len(shown)) for one in shown)
        yield from _advice([one for same in causes.values() for one in same])


def _head(finding: Finding, more: int) -> str:
    where = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    severity = click.style(finding.severity, fg=COLOURS[finding.severity])
    rule = click.style(finding.rule, bold=True)
    others = f" (and {more} more: --verbose lists them)" if more else ""
    return f"{printable(where)}: {severity}: {rule}: {printable(finding.sentence)}{others}"


def _advice(same: Sequence[Finding]) -> Iterator[str]:
    """Yield the advice and the command of findings that share them."""
    times = f" (all {len(same)} above)" if len(same) > 1 else ""
    if same[0].advice:
        yield f"    {printable(same[0].advice)}{times}"
    if same[0].command:
        yield f"    {printable(same[0].command)}"
