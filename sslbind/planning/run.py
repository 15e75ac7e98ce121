"""The steps of ``plan`` and ``apply`` over many targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sslbind.errors import SslbindError
from sslbind.parallel import in_parallel
from sslbind.planning.carrying import carry_out, unread
from sslbind.planning.fleet import Pace, Progress, roll_out
from sslbind.planning.limits import exceeded
from sslbind.planning.machine import Machine
from sslbind.planning.outcome import GOOD, Outcome, Status, planned
from sslbind.planning.plan import PLAIN, Plan, PlanOptions, make_plan
from sslbind.planning.proving import proved
from sslbind.planning.saved import SavedTarget, compare

Show = Callable[[Progress], None]


def plan_all(
    machines: Sequence[Machine],
    jobs: int,
    asked: PlanOptions = PLAIN,
    show: Show = lambda _: None,
) -> list[Outcome]:
    """Read every target, ``jobs`` in parallel, and return the plan for each, in order."""

    def work(machine: Machine) -> Outcome:
        try:
            return planned(make_plan(machine.name, machine.read(), machine.wanted, asked))
        except SslbindError as error:
            return unread(machine.name, error)

    found: dict[str, Outcome] = {}
    failed = 0
    for machine, outcome in in_parallel(machines, work, jobs):
        found[machine.name] = outcome
        failed += outcome.plan is None
        running = min(jobs, len(machines) - len(found))
        show(Progress(len(machines), len(found), running, failed))
    return [found[machine.name] for machine in machines]


def with_limits(outcomes: Iterable[Outcome], limit: int) -> list[Outcome]:
    """Return the outcomes, with a message at each plan over the limit, which apply refuses."""
    return [
        one._replace(message=why) if one.plan and (why := exceeded(one.plan, limit)) else one
        for one in outcomes
    ]


def refuse_over_limit(outcomes: Sequence[Outcome], limit: int) -> list[Outcome] | None:
    """Return the refusal of the whole run if a plan is over the limit; else None."""
    over = {one.target: why for one in outcomes
            if one.plan and (why := exceeded(one.plan, limit))}  # fmt: skip
    if not over:
        return None
    refused = []
    for one in outcomes:
        if one.target in over:
            refused.append(one._replace(status=Status.REFUSED, message=over[one.target]))
        elif one.status is Status.CHANGES:
            why = f"nothing was written: {next(iter(over))} is over the limit"
            refused.append(one._replace(message=why))
        else:
            refused.append(one)
    return refused


def against_saved(outcomes: Iterable[Outcome], saved: Mapping[str, SavedTarget]) -> list[Outcome]:
    """Return the outcomes, with the refusal of a saved plan that is not the current one."""
    return [(one.plan and compare(saved.get(one.target), one.plan)) or one for one in outcomes]


def apply_all(
    outcomes: Sequence[Outcome],
    machines: Sequence[Machine],
    pace: Pace,
    show: Show = lambda _: None,
    probed: datetime | None = None,
) -> list[Outcome]:
    """Apply the plans that have changes; return the outcome of every target, in order.

    With ``probed``, the current time, a target that is done is probed, and is incomplete if
    clients get something other than its registry says.
    """
    by_name = {one.name: one for one in machines}
    ready = [one for one in outcomes if one.plan and one.status in _READY]
    failed = sum(one.status not in GOOD for one in outcomes) - sum(
        one.status is Status.CHANGES for one in ready
    )

    def carry(plan: Plan) -> Outcome:
        try:
            machine = by_name[plan.target]
            outcome = carry_out(plan, machine)
            return outcome if probed is None else proved(outcome, lambda: machine.probe(probed))
        except Exception as error:  # noqa: BLE001  # the others go on, and the report is written
            message = f"sslbind failed, which is a bug: {error!r}"
            return Outcome(plan.target, Status.UNKNOWN, plan, message=message)

    plans = [one.plan for one in ready if one.plan]
    done = {one.target: one for one in roll_out(plans, carry, pace, failed=failed, progress=show)}
    return [done.get(one.target, one) for one in outcomes]


_READY = (Status.CHANGES, Status.UNCHANGED, Status.INCOMPLETE)
