"""How much of a target one run may change, so that a mistake cannot break a whole server."""

from __future__ import annotations

import re

from sslbind.errors import SslbindError
from sslbind.planning.plan import Plan

LIMIT = 30
"""Percentage of a target's bindings that may be changed or deleted."""
SMALLEST = 10
"""A target with fewer bindings has no limit: one of three is already a third."""


def parse_limit(text: str) -> int:
    """Return the percentage of ``text``: ``30%`` or ``30``; raise SslbindError."""
    found = re.fullmatch(r"(\d{1,3})\s*%?", text.strip(), re.ASCII)
    if found is None or int(found[1]) > 100:
        raise SslbindError(f"{text!r} is not a percentage from 0% to 100%")
    return int(found[1])


def exceeded(plan: Plan, limit: int = LIMIT) -> str:
    """Return a sentence with the figure and the option to type, empty within the limit.

    It counts bindings that are changed or deleted, of all that the target has; not additions.
    """
    if plan.bindings < SMALLEST or plan.taken * 100 <= limit * plan.bindings:
        return ""
    needed = -(-plan.taken * 100 // plan.bindings)
    return (
        f"{plan.taken} of {plan.bindings} bindings would be changed or deleted, {needed}%, but the"
        f" limit is {limit}%: --limit {needed}% allows it"
    )
