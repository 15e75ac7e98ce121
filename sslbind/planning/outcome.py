"""What happened to a target: the answer of ``plan`` and of ``apply``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from sslbind.planning.impact import Impact
from sslbind.planning.note import Note
from sslbind.planning.plan import Plan
from sslbind.wording import plural


class Status(StrEnum):
    """The status of a target, as far as it is known."""

    UNCHANGED = "unchanged"
    """It matches its registry, as far as netsh lines can make it."""
    CHANGES = "changes"
    """It differs, and nothing was written."""
    DONE = "done"
    """It was changed, and the planned state was read back."""
    INCOMPLETE = "incomplete"
    """Something is missing from what was read back; ``missing`` says what."""
    MOVED_ON = "moved-on"
    """It has changed since the plan was made; nothing was written."""
    REFUSED = "refused"
    """A limit, or a saved plan that does not match the registry; nothing was written."""
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    """It answered, but not as netsh or PowerShell does."""
    UNKNOWN = "unknown"
    """It timed out, or the connection broke, after something was sent: it may still be running."""


GOOD = frozenset({Status.UNCHANGED, Status.DONE})


class Outcome(NamedTuple):
    """The status of one target, and the facts behind it.

    ``plan`` is None if there is none. ``done`` is the number of changes that
    were read back; ``missing`` lists what should be there but is not.
    """

    target: str
    status: Status
    plan: Plan | None = None
    done: int = 0
    missing: tuple[str, ...] = ()
    message: str = ""
    notes: tuple[Note, ...] = ()
    impact: tuple[Impact, ...] | None = None
    """The impact of the plan on clients; None if it was not requested."""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome for JSON."""
        plan = self.plan
        return {
            "target": self.target,
            "status": str(self.status),
            "seen": plan and plan.seen,
            "wanted": plan and plan.wanted,
            "windows": plan and str(plan.release),
            "bindings": plan and plan.bindings,
            "changes": [one.to_json() for one in plan.changes] if plan else [],
            "done": self.done,
            "missing": [*self.missing],
            "message": self.message,
            "notes": [one.to_json() for one in self.notes],
        } | ({} if self.impact is None else {"impact": [one.to_json() for one in self.impact]})


def planned(plan: Plan, limit: str = "") -> Outcome:
    """Return the outcome of planning; ``limit`` is why apply would refuse it, if it would."""
    status = Status.UNCHANGED
    if plan.absent:
        status = Status.INCOMPLETE
    if plan.changes:
        status = Status.CHANGES
    return Outcome(plan.target, status, plan, 0, plan.absent, limit, plan.notes)


def summary(statuses: Iterable[str]) -> str:
    """Return the number of targets with each status: ``3 targets: 2 unchanged, 1 with changes``."""
    statuses = [*statuses]
    words = ", ".join(
        f"{statuses.count(one)} {'with changes' if one is Status.CHANGES else one}"
        for one in Status
        if one in statuses
    )
    return f"{plural(len(statuses), 'target')}: {words or 'nothing'}"
