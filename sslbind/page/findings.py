"""What needs attention: the findings by rule, the most severe first, each with its command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sslbind import shells
from sslbind.check import SEVERITIES, rules
from sslbind.check.finding import Finding, Severity
from sslbind.page.contents import ReportContents
from sslbind.page.markup import badge, command, count, text
from sslbind.wording import some

KINDS: dict[Severity, str] = {"error": "bad", "warn": "warn", "info": "info"}
WORDS: dict[Severity, str] = {"error": "error", "warn": "warning", "info": "info"}
_SHOWN = 10
"""How many items of one rule are shown."""
_PLACES = 6

_Placed = tuple[str, Finding]
"""The name of a server, and a finding there."""


def findings_section(contents: ReportContents) -> str:
    """Return the section, the first that people read."""
    placed = [(server.name, one) for server in contents.servers for one in server.findings]
    groups: dict[tuple[Severity, str], list[_Placed]] = {}
    for one in placed:
        groups.setdefault((one[1].severity, one[1].rule), []).append(one)
    order = sorted(groups, key=lambda group: (-SEVERITIES.index(group[0]), group[1]))
    suppressed = sum(server.suppressed for server in contents.servers)
    first = {rule: (severity, rule) for severity, rule in reversed(order)}
    body = "".join(
        _group(group, groups[group], contents, linked=first[group[1]] == group) for group in order
    )
    if not body:
        body = '<p class="good">No problems were found.</p>'
    if suppressed:
        body += (
            f"<p>{count(suppressed)} more are suppressed by the registry, each with a reason.</p>"
        )
    return (
        '<section id="attention" aria-labelledby="attention-title">'
        '<h2 id="attention-title">What needs attention</h2>'
        f"{_first_words(placed)}{body}</section>\n"
    )


def _first_words(placed: Sequence[_Placed]) -> str:
    """Return in one sentence what is in trouble now."""
    places = dict.fromkeys(_place(one) for _, one in placed if one.severity == "error")
    if not places:
        return ""
    verb = "is" if len(places) == 1 else "are"
    return (
        f'<p class="lead"><strong>{text(some(places, _PLACES))}</strong> {verb} in trouble:'
        " clients are refused, or get the wrong certificate, or soon will.</p>"
    )


def _place(finding: Finding) -> str:
    return finding.key or finding.file


def _group(
    group: tuple[Severity, str],
    placed: Sequence[_Placed],
    contents: ReportContents,
    *,
    linked: bool,
) -> str:
    """Return the findings of one rule with one severity; ``linked``: it is the target of links."""
    severity, id_ = group
    known = rules().get(id_)
    title = known.summary if known else id_
    many = f' <span class="count">{count(len(placed))}</span>' if len(placed) > 1 else ""
    place = f' id="{text(id_)}"' if linked else ""
    together = _together(placed)
    items = "".join(_items(together[:_SHOWN], several=len(contents.servers) > 1))
    more = ""
    if left := sum(map(len, together[_SHOWN:])):
        paths = dict.fromkeys(server.path for server in contents.servers if not server.problem)
        more = f"<p>{count(left)} more:</p>"
        more += command(shells.command(("sslbind", "check", "--select", id_, *paths)))
    return (
        f'<article class="finding {KINDS[severity]}"{place}><h3>'
        f"{badge(KINDS[severity], WORDS[severity])} {text(title)}{many}"
        f' <span class="rule">{text(id_)}</span></h3>'
        f"<ul>{items}</ul>{more}</article>\n"
    )


def _together(placed: Sequence[_Placed]) -> list[list[_Placed]]:
    """Return the findings in groups that have one message and one command."""
    found: dict[tuple[str, str | None, str | None], list[_Placed]] = {}
    for one in placed:
        finding = one[1]
        found.setdefault((finding.message, finding.command, finding.advice), []).append(one)
    return [*found.values()]


def _items(together: Iterable[Sequence[_Placed]], *, several: bool) -> Iterator[str]:
    """Yield one item per group; advice is not repeated from the item before."""
    said: str | None = None
    for places in together:
        finding = places[0][1]
        where = ", ".join(_where(*one, several=several) for one in places[:_PLACES])
        names = some(dict.fromkeys(_place(one) for _, one in places), _PLACES)
        yield (
            f"<li><p><strong>{text(names)}</strong> {text(finding.message)}"
            f' <span class="where">{where}</span></p>'
        )
        if finding.advice and finding.advice != said:
            yield f'<p class="advice">{text(finding.advice)}</p>'
        said = finding.advice
        if finding.command:
            yield command(finding.command)


def _where(server: str, finding: Finding, *, several: bool) -> str:
    where = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
    return text(f"{server}, {where}" if several and server not in where else where)
