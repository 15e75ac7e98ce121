"""Annotations for GitHub Actions: workflow commands, one per line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sslbind.check import Finding, Severity
from sslbind.printable import printable
from sslbind.reports import paragraphs, repository_path

COMMANDS: Mapping[Severity, str] = {"error": "error", "warn": "warning", "info": "notice"}


def report(findings: Iterable[Finding]) -> str:
    """Return a workflow command for each finding, at its file and line."""
    return "".join(_annotation(one) for one in findings)


def _annotation(finding: Finding) -> str:
    place = {
        "file": repository_path(finding.file),
        "line": finding.line and str(finding.line),
        "title": finding.rule,
    }
    where = ",".join(f"{name}={_property(text)}" for name, text in place.items() if text)
    text = "%0A".join(_data(one) for one in paragraphs(finding))
    return f"::{COMMANDS[finding.severity]} {where}::{text}\n"


def _data(text: str) -> str:
    """Return text escaped for a message: a line end in it would start another command."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
