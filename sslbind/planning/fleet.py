"""Many targets: the canary first, then batches in parallel, stopping if too many fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sslbind.planning.outcome import GOOD, Outcome, Status, planned
from sslbind.planning.plan import Plan


class Pace(NamedTuple):
    """How a fleet is written to.

    ``first`` targets are the canary, ``batch`` are written before the next (0: all),
    ``jobs`` in parallel; after ``max_failures`` (0: never) nothing more is started.
    """

    jobs: int = 10
    first: int = 0
    batch: int = 0
    max_failures: int = 0


class Progress(NamedTuple):
    """The progress of a run."""

    total: int
    done: int
    running: int
    failed: int


def roll_out(
    plans: Sequence[Plan],
    carry: Callable[[Plan], Outcome],
    pace: Pace,
    *,
    failed: int = 0,
    progress: Callable[[Progress], None] = lambda _: None,
) -> list[Outcome]:
    """Apply every plan that has changes; return an outcome for each plan, in their order.

    ``failed`` is the number of targets that have already failed, which counts for
    ``max_failures``. A target that fails does not stop the others, but the canary,
    ``max_failures`` and an interrupt do: running targets are waited for, and nothing else
    is started. A second interrupt raises KeyboardInterrupt.
    """
    return _Roll(plans, carry, pace, failed, progress).run()


class _Roll:
    """One run over a fleet."""

    def __init__(
        self,
        plans: Sequence[Plan],
        carry: Callable[[Plan], Outcome],
        pace: Pace,
        failed: int,
        progress: Callable[[Progress], None],
    ) -> None:
        self.plans = plans
        self.carry = carry
        self.pace = pace
        self.failed = failed
        self.progress = progress
        self.outcomes: dict[str, Outcome] = {}
        self.stopped = ""
        self.waiting = [one for one in plans if one.changes]
        self.total = len(self.waiting)

    def run(self) -> list[Outcome]:
        self._check()
        for number, wave in enumerate(self._waves()):
            if self.stopped:
                break
            self._wave(wave)
            if number == 0 and self.pace.first and not self.stopped:
                self._canary(wave)
        return [self.outcomes.get(one.target) or self._untouched(one) for one in self.plans]

    def _waves(self) -> Iterator[Sequence[Plan]]:
        first, rest = self.waiting[: self.pace.first], self.waiting[self.pace.first :]
        if first:
            yield first
        size = self.pace.batch or len(rest) or 1
        for start in range(0, len(rest), size):
            yield rest[start : start + size]

    def _wave(self, wave: Sequence[Plan]) -> None:
        """Run ``wave``, and wait for everything that was started, even after a stop."""
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

        running: dict[Future[Outcome], Plan] = {}
        todo = list(wave)
        with ThreadPoolExecutor(max(1, min(self.pace.jobs, len(wave)))) as pool:
            while running or (todo and not self.stopped):
                try:
                    while todo and not self.stopped and len(running) < self.pace.jobs:
                        plan = todo.pop(0)
                        running[pool.submit(self.carry, plan)] = plan
                    self._tell(len(running))
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        plan = running.pop(future)
                        self._take(future.result())
                except KeyboardInterrupt:
                    if self.stopped == _INTERRUPTED:
                        raise
                    self.stopped = _INTERRUPTED
        self._tell(0)

    def _take(self, outcome: Outcome) -> None:
        self.outcomes[outcome.target] = outcome
        self.failed += outcome.status not in GOOD
        self._check()

    def _check(self) -> None:
        if self.pace.max_failures and self.failed >= self.pace.max_failures and not self.stopped:
            word = "target" if self.failed == 1 else "targets"
            self.stopped = f"{self.failed} {word} failed, and --max-failures stops there"

    def _canary(self, wave: Sequence[Plan]) -> None:
        bad = [self.outcomes[one.target] for one in wave]
        bad = [one for one in bad if one.status not in GOOD]
        if bad:
            self.stopped = f"the canary {bad[0].target} came out {bad[0].status}"

    def _untouched(self, plan: Plan) -> Outcome:
        outcome = planned(plan)
        if outcome.status is Status.CHANGES:
            return outcome._replace(message=f"nothing was written: {self.stopped}")
        return outcome

    def _tell(self, running: int) -> None:
        self.progress(Progress(self.total, len(self.outcomes), running, self.failed))


_INTERRUPTED = "interrupted"
