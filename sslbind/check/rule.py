"""What a rule is: a function with an id that yields what it found.

The docstring of the function is the rule's text for ``sslbind explain``: the first line
says when it fires, the rest why it matters and how to fix it. Every rule in a module of
this package is found without being listed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sslbind.check.finding import Found, Severity

if TYPE_CHECKING:
    from sslbind.check.subject import Subject

Function = Callable[["Subject"], Iterator[Found]]


class Rule(NamedTuple):
    """A rule: its id, how severe its findings are, and the function that finds them.

    ``sites``: it needs the configuration of sites, and finds nothing without it.
    ``absence``: it concludes from a record's absence, and finds nothing on a port
    that has, or may have, a record that could not be read.
    """

    id: str
    severity: Severity
    find: Function
    sites: bool = False
    absence: bool = False

    @property
    def summary(self) -> str:
        """When it fires: one line without a full stop."""
        return self._words[0].rstrip(".")

    @property
    def details(self) -> str:
        """Why it matters and how to fix it: paragraphs separated by empty lines."""
        return "\n".join(self._words[1:]).strip()

    @property
    def _words(self) -> list[str]:
        return (inspect.getdoc(self.find) or self.id).splitlines()


RULES: dict[str, Rule] = {}
"""Every rule by its id; the package fills it when it is imported."""


def rule(
    id_: str, severity: Severity, *, sites: bool = False, absence: bool = False
) -> Callable[[Function], Function]:
    """Return the decorator that makes a function the rule ``id_``; see ``Rule`` for the rest."""

    def register(function: Function) -> Function:
        RULES[id_] = Rule(id_, severity, function, sites, absence)
        return function

    return register
