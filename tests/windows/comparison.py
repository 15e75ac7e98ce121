"""The run: every line through both programs, from equal states, with full cleanup."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple, NoReturn

import certificates
import handshakes
import questions
import surroundings
from machine import Bound, Machine, without_others
from programs import Answer, CannotRunError, Program
from table import CASES, Case, Line, lines, values

from sslbind.release import Release

Result = Literal["same", "different", "on-purpose", "others"]
"""How the sides of a line compare; ``others``: not compared, as others' bindings are listed too."""

REGISTRY = "sslbind.toml"


class Compared(NamedTuple):
    """One line, what each side answered, and why they may differ (``ours``)."""

    line: Line
    netsh: Answer
    sslbind: Answer
    result: Result
    ours: str = ""


class Plan(NamedTuple):
    """What is run, and where.

    ``standin``: netsh is not the real one, and reads the certificates of ``folder``
    itself; ``listener`` replaces HTTP.SYS then, None for no handshakes.
    ``only`` are patterns of the names of cases, of lines and of handshakes;
    empty for all.
    """

    netsh: Program
    sslbind: Program
    release: Release
    folder: str
    port: int
    standin: bool
    listener: str | None = None
    only: tuple[str, ...] = ()
    with_lines: bool = True
    with_handshakes: bool = True

    @property
    def cases(self) -> list[Case]:
        """The cases of lines that are asked for and that the release has."""
        cases = [case for case in CASES if case.since <= self.release and self._asked(case.name)]
        return cases if self.with_lines else []

    @property
    def with_surroundings(self) -> bool:
        """Whether the questions are asked that no line of the table answers."""
        return self.with_lines and not self.only

    @property
    def staged(self) -> list[handshakes.Staged]:
        """The handshakes that are asked for."""
        staged = [case for case in handshakes.CASES if self._asked(case.name)]
        return staged if self.with_handshakes else []

    def _asked(self, name: str) -> bool:
        return not self.only or any(fnmatchcase(name, pattern) for pattern in self.only)

    @property
    def ports(self) -> range:
        """The ports of the test."""
        return range(self.port, self.port + 2)

    @property
    def machine(self) -> Machine:
        """The machine that netsh changes."""
        return Machine(self.netsh, self.ports)


class Outcomes:
    """What a run has found so far; ``stopped`` says why it did not come to its end."""

    def __init__(self) -> None:
        self.lines: list[Compared] = []
        self.handshakes: list[handshakes.Outcome] = []
        self.others: list[Bound] = []
        self.around: list[questions.Settled] = []
        self.stopped = ""

    @property
    def settled(self) -> list[questions.Settled]:
        """What the lines say about the open questions."""
        netsh = {one.line.id: one.netsh for one in self.lines}
        sslbind = {one.line.id: one.sslbind for one in self.lines}
        return questions.settle(netsh, sslbind, alone=not self.others) + self.around

    @property
    def different(self) -> int:
        """How many lines and handshakes differ, other than on purpose."""
        lines_ = sum(one.result == "different" for one in self.lines)
        return lines_ + sum(not one.same for one in self.handshakes)


def run(plan: Plan) -> Outcomes:
    """Carry the plan out; clean up whatever happens, a signal too."""
    outcomes = Outcomes()
    if not plan.cases and not plan.staged:
        raise CannotRunError(f"no case fits {' '.join(plan.only)}: --list shows them")
    outcomes.others = plan.machine.require_free()
    with _interruptible():
        try:
            _run(plan, outcomes)
        except KeyboardInterrupt:
            outcomes.stopped = "it was interrupted"
        except CannotRunError as error:
            outcomes.stopped = str(error)
        except Exception:  # noqa: BLE001  # what was seen until then is worth a report
            outcomes.stopped = traceback.format_exc()
        finally:
            _ignore_signals()
            try:
                clean(plan)
            except CannotRunError as error:
                outcomes.stopped = "; ".join(filter(None, [outcomes.stopped, str(error)]))
    return outcomes


def clean(plan: Plan) -> None:
    """Remove whatever this test has made on netsh's machine, and nothing else."""
    try:
        plan.machine.clean()
    finally:
        if not plan.standin:
            certificates.remove()


def _run(plan: Plan, outcomes: Outcomes) -> None:
    listen_list = plan.machine.listen_list()

    def clear() -> None:
        plan.machine.clean()
        _write_registry(plan, listen_list)

    _write_registry(plan, listen_list)
    folder = os.path.join(plan.folder, "certs", "MY")
    letters = dict.fromkeys(
        (certificates.FOR_LINES if plan.cases else ())
        + (certificates.FOR_HANDSHAKES if plan.staged else ())
    )
    made = certificates.make(plan.sslbind, letters, folder, machine=not plan.standin)
    if plan.cases:
        script = os.path.join(plan.folder, "script.txt")
        words = values(plan.port, made.thumbprints, script)
        for number, case in enumerate(plan.cases, 1):
            _progress(f"{number} of {len(plan.cases)} cases")
            clear()
            if case.script:
                _write(script, next(lines(case._replace(lines=(case.script,)), words)).text)
            outcomes.lines += _compare(plan, case, words, outcomes.others)
    if plan.with_surroundings:
        clear()
        outcomes.around = surroundings.ask(
            plan.netsh, plan.sslbind, made.thumbprints["a"], plan.port, standin=plan.standin
        )
    if plan.staged:
        sides = handshakes.Sides(plan.netsh, plan.sslbind, clear, made, plan.port)
        with handshakes.listening(plan.ports, plan.listener):
            for staged in plan.staged:
                _progress(f"handshakes: {staged.name}")
                outcomes.handshakes += handshakes.run(sides, staged)


def _compare(
    plan: Plan, case: Case, words: dict[str, str], others: Sequence[Bound]
) -> Iterator[Compared]:
    """Give the lines of a case, each carried out by both programs at the same time."""
    with ThreadPoolExecutor(1) as other_side:
        for line in lines(case, words):
            promise = other_side.submit(plan.sslbind.run, line.text)
            netsh = plan.netsh.run(line.text)
            sslbind = promise.result()
            result: Result = "same" if netsh[:2] == sslbind[:2] else "different"
            kept = without_others(netsh.output, others)
            if kept != netsh.output:
                netsh, result = netsh._replace(output=kept), "others"
            elif result == "different" and case.ours:
                result = "on-purpose"
            yield Compared(line, netsh, sslbind, result, case.ours)


def _progress(text: str) -> None:
    """Report the progress to a person who waits."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}", end="\r", file=sys.stderr, flush=True)


def _write_registry(plan: Plan, listen_list: Sequence[str]) -> None:
    """Give sslbind what the machine is: its release, its listen list, no binding."""
    addresses = ", ".join(f'"{address}"' for address in listen_list)
    text = f'version = 1\nwindows = "{plan.release}"\niplisten = [{addresses}]\n'
    _write(os.path.join(plan.folder, REGISTRY), text + '\n[CertStores]\npath = "certs"\n')


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the first signal end the run in good order, and the next ones wait for that."""
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: object) -> NoReturn:
    del number, frame
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
