"""The rules: what is wrong with a registry, before a client notices.

A module of this package has the rules of one subject. A new rule is a function
with ``@rule`` in one of them, or in a new module; nothing else lists it.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Collection, Iterable, Mapping

from sslbind.check.finding import SEVERITIES, Finding, Found, Severity, Suppressed
from sslbind.check.rule import RULES, Rule
from sslbind.check.subject import Subject
from sslbind.errors import SslbindError
from sslbind.printable import printable

__all__ = [
    "SEVERITIES",
    "Finding",
    "Found",
    "Rule",
    "Severity",
    "Subject",
    "Suppressed",
    "check",
    "closest_rule",
    "rules",
    "select",
]


@functools.cache
def rules() -> Mapping[str, Rule]:
    """Return every rule by its id, in the order of ids."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(RULES.items()))


def select(patterns: Iterable[str]) -> set[str]:
    """Return the ids of the rules that match ``patterns``: ids, or globs such as ``cert-*``.

    Raises SslbindError for a pattern that matches no rule.
    """
    from fnmatch import fnmatchcase

    chosen: set[str] = set()
    for pattern in patterns:
        ids = {id_ for id_ in rules() if fnmatchcase(id_, pattern)}
        if not ids:
            raise SslbindError(f"{pattern!r} is not a rule", closest_rule(pattern))
        chosen |= ids
    return chosen


def closest_rule(id_: str) -> str:
    """Return a hint with the rules that may be meant by ``id_``, which is not a rule."""
    from difflib import get_close_matches

    close = get_close_matches(id_.lower(), rules(), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else "sslbind explain lists them"


def check(subject: Subject, ids: Collection[str] | None = None) -> list[Finding]:
    """Return what the rules ``ids`` (None: all) find, sorted by file, line and rule.

    Suppressed findings are included: see ``suppress.split``.
    """
    found = [
        _finding(subject, rule, one)
        for id_, rule in rules().items()
        if ids is None or id_ in ids
        for one in rule.find(subject)
        if not (rule.absence and one.key is not None and not subject.whole(one.key.port))
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
        found.about,
        found.cause,
    )
