"""Who answers: the bindings of each port in the order in which they are tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sslbind.answers.table import STEPS, Port, PortBinding
from sslbind.check import SEVERITIES
from sslbind.check.finding import Finding
from sslbind.page.contents import Moment, ReportContents, ServerReport
from sslbind.page.findings import KINDS, WORDS
from sslbind.page.markup import badge, count, table, text
from sslbind.wording import day, join, plural, some

COLUMNS = ("Order", "Binding", "Status", "Expires", "Certificate", "Answers for", "Preceded by")
_SHOWN = 3
_STATES = {"never used": "off", "dropped": "bad", "broken": "bad", "not known": "warn"}
_FIRST = {
    "wildcard-hostnameport": "names with their own binding:",
    "scopedccs": "the name itself:",
    "ipv4-wildcard": "IPv6:",
}

Worst = Mapping[tuple[str | None, str | None], Sequence[Finding]]


def map_section(contents: ReportContents) -> str:
    """Return the section with a table for each port of each server."""
    parts = "".join(_server(one, contents) for one in contents.servers)
    return (
        '<section id="map" aria-labelledby="map-title"><h2 id="map-title">Who answers</h2>'
        "<p>The bindings of each port in the order in which Windows looks for them. The first that"
        " matches a connection answers it, even with the wrong certificate.</p>"
        '<form class="filter" role="search"><label>Filter <input id="filter" type="search"'
        ' autocomplete="off" placeholder="name, address, thumbprint, status"></label>'
        '<label><input id="trouble" type="checkbox"> only problems</label>'
        f'<output id="shown" aria-live="polite"></output></form>{parts}</section>\n'
    )


def _server(server: ServerReport, contents: ReportContents) -> str:
    several = len(contents.servers) > 1
    if server.problem:
        return (
            f'<div class="server"><h3>{text(server.name)}</h3>'
            f'<p class="bad">{badge("bad", "unreadable")} {text(server.problem)}</p></div>'
        )
    worst: dict[tuple[str | None, str | None], list[Finding]] = {}
    for one in server.findings:
        if one.severity != "info":
            worst.setdefault((one.kind, one.key), []).append(one)
    title = f"<h3>{text(server.name)}</h3>" if several else ""
    level = 4 if several else 3
    ports = "".join(_port(port, server, worst, contents.moment, level) for port in server.ports)
    notes = "".join(f'<p class="note">{text(note)}</p>' for note in server.notes)
    return f'<div class="server">{title}{notes}{ports or "<p>It has no bindings.</p>"}</div>\n'


def _port(port: Port, server: ServerReport, worst: Worst, moment: Moment, level: int) -> str:
    found = port.candidates
    kinds = Counter(STEPS[one.step].partition(",")[0] for one in found)
    exact = [str(one.key) for one in found if one.step == "ipport" and not one.unused]
    sentences = [f"{plural(len(found), 'binding')} for {server.release}"]
    if server.iplisten:
        sentences.append(f"it listens on {some(server.iplisten, _SHOWN)} only")
    if exact and len(exact) < len(found):
        verb = "takes" if len(exact) == 1 else "take"
        sentences.append(
            f"{some(exact, _SHOWN)} {verb} precedence over every name, for connections to that"
            " address"
        )
    rows = [*_rows(found, server, worst, moment, exact)]
    columns = COLUMNS if _comes_first(found) else COLUMNS[:-1]
    several = f" on {server.name}" if server.name else ""
    caption = f"Port {port.port}{several}: {join(f'{n} {kind}' for kind, n in kinds.items())}"
    return (
        f'<div class="port"><h{level}>Port {port.port}</h{level}>'
        f"<p>{text('; '.join(sentences))}.</p>"
        f"{table('map', caption, columns, rows)}"
        f'<p class="else">Everyone else {text(port.otherwise)}.</p></div>\n'
    )


def _rows(
    found: Sequence[PortBinding],
    server: ServerReport,
    worst: Worst,
    moment: Moment,
    exact: Sequence[str],
) -> Iterator[str]:
    hidden = _words(exact)
    comes_first = _comes_first(found)
    steps = {step: text(words.partition(",")[0]) for step, words in STEPS.items()}
    for number, one in enumerate(found, 1):
        key = one.key
        place = key.kind.name, str(key)
        row = server.places.get(place)
        findings = worst.get(place, ())
        ends = row.not_after if row is not None else None
        expired = row is not None and row.status(moment.now, moment.window) == "expired"
        kind, status = _status(one, findings, expired=expired)
        before = hidden if one.exact else ""
        if one.first:
            first = f"{_FIRST.get(one.step, '')} {_words([key.spec for key in one.first])}"
            before = f"{before}; {first}" if before else first
        last = f"<td>{before}" if comes_first else ""
        yield (
            f'<tr class="{kind}"><td>{number}<th scope="row">{text(place[1])}'
            f"<td>{status}<td>{day(ends) if ends else ''}"
            f"<td>{_certificate(one)}<td>{steps[one.step]}{last}\n"
        )


def _comes_first(found: Sequence[PortBinding]) -> bool:
    """Whether any binding of a port comes before another one."""
    return any(one.exact or one.first for one in found)


def _certificate(one: PortBinding) -> str:
    if one.thumbprint is None:
        if one.files is None:
            return "its files are not known"
        unusable = f", {count(one.unusable)} unusable" if one.unusable else ""
        return f"{plural(one.files, 'file')} of the central store{unusable}"
    names = _words(one.names)
    return f"{names}<code>{one.thumbprint}</code>" if names else f"<code>{one.thumbprint}</code>"


def _words(words: Iterable[str]) -> str:
    return text(some(words, _SHOWN))


def _status(one: PortBinding, findings: Sequence[Finding], *, expired: bool) -> tuple[str, str]:
    """Return the class of a row, and the text of its status."""
    said = ""
    kind = "ok"
    if findings:
        gravest = max(findings, key=lambda found: SEVERITIES.index(found.severity))
        kind = KINDS[gravest.severity]
        rules = dict.fromkeys(found.rule for found in findings)
        said = " ".join(f'<a href="#{rule}">{rule}</a>' for rule in rules)
        word = "expired" if expired else WORDS[gravest.severity]
        kind = "bad" if expired else kind
        said = f"{badge(kind, word)} {said}"
    if one.state:
        state = _STATES.get(one.state, "warn")
        kind = state if kind == "ok" else kind
        said = f"{badge(state, one.state)} {text(one.note)} {said}"
    elif expired:
        kind = "bad"
        said = said or badge("bad", "expired")
    if kind == "ok" and one.key.kind.certificate and not (one.file or one.names):
        return "off", badge("off", "certificate not known")
    return kind, said.strip() or badge("ok", "ok")
