"""SARIF 2.1.0 (OASIS, errata 01), for code scanning and other tools."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from textwrap import indent
from typing import Any

from sslbind.check import Finding, Rule, Severity, Suppressed
from sslbind.digest import content_digest
from sslbind.reports import paragraphs, repository_path
from sslbind.version import VERSION

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BATCH = 200
"""Results per call: each call leaves a reference cycle, and the collector may be off."""
LEVELS: Mapping[Severity, str] = {"error": "error", "warn": "warning", "info": "note"}


def report(
    rules: Iterable[Rule], findings: Iterable[Finding], suppressed: Iterable[Suppressed]
) -> str:
    """Return what ``pieces`` yields."""
    return "".join(pieces(rules, findings, suppressed))


def pieces(
    rules: Iterable[Rule], findings: Iterable[Finding], suppressed: Iterable[Suppressed]
) -> Iterator[str]:
    """Yield a log with one run, in pieces: the rules that ran and what they found, in ASCII.

    Suppressed findings are results with a suppression, as in the standard.
    """
    descriptors = {rule.id: _descriptor(rule) for rule in rules}
    results = chain(
        ((one, []) for one in findings),
        ((one.finding, [_suppression(one)]) for one in suppressed),
    )
    places = {id_: index for index, id_ in enumerate(descriptors)}
    driver = {"name": "sslbind", "version": VERSION, "rules": [*descriptors.values()]}
    run = {"tool": {"driver": driver}, "results": []}
    text = json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)
    start, _, end = text.rpartition("[]")
    yield start
    before = "["
    found = _results(places, results)
    while batch := [*islice(found, _BATCH)]:  # never all of them as objects
        yield before + indent(json.dumps(batch, indent=2)[1:-2], " " * 6)
        before = ","
    yield "[]" if before == "[" else f"\n{' ' * 6}]"
    yield f"{end}\n"


def _descriptor(rule: Rule) -> dict[str, Any]:
    summary = f"{rule.summary}."
    return {
        "id": rule.id,
        "shortDescription": {"text": summary},
        "fullDescription": {"text": summary},
        "help": {"text": rule.details or summary},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _suppression(suppressed: Suppressed) -> dict[str, str]:
    return {"kind": "external", "justification": suppressed.reason}


def _results(
    places: Mapping[str, int], results: Iterable[tuple[Finding, list[dict[str, str]]]]
) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for finding, suppressions in results:
        identity = _identity(finding)
        seen[identity] = seen.get(identity, 0) + 1
        yield {
            "ruleId": finding.rule,
            "ruleIndex": places[finding.rule],
            "level": LEVELS[finding.severity],
            "message": {"text": "\n".join(paragraphs(finding))},
            "locations": [{"physicalLocation": _location(finding)}],
            "partialFingerprints": {"bindingHash/v1": f"{identity}:{seen[identity]}"},
            "suppressions": suppressions,  # even if empty: all results have suppressions, or none
        }


def _location(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": uri(finding.file)}}
    if finding.line is not None:
        location["region"] = {"startLine": finding.line}
    return location


def uri(path: str) -> str:
    """Return ``path`` as a URI reference (RFC 3986): relative, or ``file:`` outside of here."""
    from urllib.parse import quote

    path = repository_path(path)
    if not os.path.isabs(path):
        return quote(os.fsencode(path), safe="/")
    drive, rest = os.path.splitdrive(path)  # a letter and a colon that stays, or //SERVER/SHARE
    start = "file:" if drive.startswith("//") else "file:///" if drive else "file://"
    return start + quote(os.fsencode(drive), safe="/:") + quote(os.fsencode(rest), safe="/")


def _identity(finding: Finding) -> str:
    """Return a digest that stays the same as long as the finding does, even if its line moves."""
    file = repository_path(finding.file)
    parts = [finding.rule, file, finding.kind, finding.key, finding.about]
    return content_digest(json.dumps(parts).encode())
