"""The rule about a registry file that cannot be read, which hides all other findings."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sslbind.check.finding import Finding, Found
from sslbind.check.rule import RULES, rule
from sslbind.check.subject import Subject
from sslbind.errors import InvalidRegistryError
from sslbind.printable import printable

_RULE = "registry-invalid"


@rule(_RULE, "error")
def registry_invalid(_: Subject) -> Iterator[Found]:
    """A registry file has a mistake, so that no command reads it.

    A syntax error, an unknown table or tag, a wrong type, an invalid value, or one key in
    two spellings. Every mistake is a finding; other rules do not check the file until it
    can be read.
    """
    yield from ()  # a subject is always a registry that could be read


def findings(error: InvalidRegistryError) -> list[Finding]:
    """Return a finding for each mistake of a registry file."""
    return [
        Finding(
            _RULE,
            RULES[_RULE].severity,
            None,
            None,
            os.fspath(one.file or ""),
            one.line,
            printable(one.message),
            "; ".join(map(printable, one.hints)) or None,
            None,
            one.message,
        )
        for one in error.mistakes
    ]
