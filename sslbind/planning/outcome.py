"""What became of a target: the one answer of ``plan`` and of ``apply``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from sslbind.planning.impact import Impact
from sslbind.planning.note import Note
from sslbind.planning.plan import Plan
from sslbind.wording import plural


class Status(StrEnum):
    """How a target is, as far as anybody knows."""

    UNCHANGED = "unchanged"
    """It is as its registry says, as far as netsh lines can make it."""
    CHANGES = "changes"
    """It differs, and nothing was written."""
    DONE = "done"
    """It was changed, and what was read back is what was planned."""
    INCOMPLETE = "incomplete"
    """What was read back lacks something; ``missing`` says what."""
    MOVED_ON = "moved-on"
    """It is not any more what the plan was made for; nothing was written."""
    REFUSED = "refused"
    """A limit, or a saved plan that is not what the registry says; nothing was written."""
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    """It answered, and not with what netsh or PowerShell answers."""
    UNKNOWN = "unknown"
    """Its time was over, or the connection broke, after something was sent: it may still run."""


GOOD = frozenset({Status.UNCHANGED, Status.DONE})


class Outcome(NamedTuple):
    """The status of one target, and what it rests on.

    ``plan`` is None where there is none. ``done`` is the number of changes that
    were read back; ``missing`` are words for what should be there and is not.
    """

    target: str
    status: Status
    plan: Plan | None = None
    done: int = 0
    missing: tuple[str, ...] = ()
    message: str = ""
    notes: tuple[Note, ...] = ()
    impact: tuple[Impact, ...] | None = None
    """What clients notice of the plan; None where nobody asked."""

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON has it."""
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
    """Return the outcome of making a plan; ``limit`` is why apply would refuse it, if it would."""
    status = Status.UNCHANGED
    if plan.absent:
        status = Status.INCOMPLETE
    if plan.changes:
        status = Status.CHANGES
    return Outcome(plan.target, status, plan, 0, plan.absent, limit, plan.notes)


def summary(statuses: Iterable[str]) -> str:
    """Return how many targets have which status: ``3 targets: 2 unchanged, 1 with changes``."""
    statuses = [*statuses]
    words = ", ".join(
        f"{statuses.count(one)} {'with changes' if one is Status.CHANGES else one}"
        for one in Status
        if one in statuses
    )
    return f"{plural(len(statuses), 'target')}: {words or 'nothing'}"
