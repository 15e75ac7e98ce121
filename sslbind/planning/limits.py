"""How much of a target one run may change: a mistake must not take a whole server along."""

from __future__ import annotations

import re

from sslbind.errors import SslbindError
from sslbind.planning.plan import Plan

LIMIT = 30
"""Percent of a target's bindings that may change or go."""
SMALLEST = 10
"""A target with fewer bindings has no limit: one of three is a third."""


def parse_limit(text: str) -> int:
    """Return the percentage that ``text`` says: ``30%`` or ``30``; raise SslbindError."""
    found = re.fullmatch(r"(\d{1,3})\s*%?", text.strip(), re.ASCII)
    if found is None or int(found[1]) > 100:
        raise SslbindError(f"{text!r} is not a percentage from 0% to 100%")
    return int(found[1])


def exceeded(plan: Plan, limit: int = LIMIT) -> str:
    """Return a sentence with the figure and the option to type, nothing within the limit.

    Counted are bindings that change or go, of all that the target has; additions are not.
    """
    if plan.bindings < SMALLEST or plan.taken * 100 <= limit * plan.bindings:
        return ""
    needed = -(-plan.taken * 100 // plan.bindings)
    return (
        f"{plan.taken} of {plan.bindings} bindings would change or go, {needed}%,"
        f" and the limit is {limit}%: --limit {needed}% lets them"
    )
