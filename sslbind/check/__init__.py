"""The rules: what is wrong with a registry before a client finds out.

A module of this package has the rules of one subject. A new rule is a function
with ``@rule`` in one of them, or in a new module; nothing else lists it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sslbind.check.rule import RULES, SEVERITIES, Found, Rule, Severity
from sslbind.check.subject import Subject
from sslbind.printable import printable

__all__ = ["SEVERITIES", "Finding", "Found", "Rule", "Severity", "Subject", "check", "rules"]


class Finding(NamedTuple):
    """One thing that is wrong: the rule, the record, its place, and what mends it.

    ``kind`` and ``key`` are None where no record is meant, ``line`` where it is
    not known; ``advice`` and ``command`` are None where there is none.
    """

    rule: str
    severity: Severity
    kind: str | None
    key: str | None
    file: str
    line: int | None
    message: str
    advice: str | None
    command: str | None


def rules() -> Mapping[str, Rule]:
    """Return every rule by its id, in the order of ids."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(RULES.items()))


def check(subject: Subject, ids: Collection[str] | None = None) -> list[Finding]:
    """Return what the rules find, by file, line and rule; ``ids`` says which, None all."""
    found = [
        _finding(subject, rule, one)
        for id_, rule in rules().items()
        if ids is None or id_ in ids
        for one in rule.find(subject)
    ]
    return sorted(found, key=lambda one: (one.file, one.line or 0, one.rule, one.message))


def _finding(subject: Subject, rule: Rule, found: Found) -> Finding:
    key = found.key
    line = found.line
    if found.file is None and line is None and key is not None:
        line = subject.registry.line(key)
    return Finding(
        rule.id,
        found.severity or rule.severity,
        key.kind.name if key else None,
        str(key) if key else None,
        found.file or subject.registry.path,
        line,
        printable(found.message),
        printable(found.advice) or None,
        found.command or None,
    )
