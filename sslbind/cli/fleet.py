"""What ``plan`` and ``apply`` share: the choice of targets, the output, the progress."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from sslbind.cli.app import NO, OK, App, options
from sslbind.cli.progress import progress
from sslbind.cli.wildcards import all_files
from sslbind.errors import SslbindError
from sslbind.planning.fleet import Progress
from sslbind.planning.machine import Machine
from sslbind.planning.outcome import GOOD, Outcome, Status
from sslbind.planning.text import report
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.targets import ALL, Target, open_targets
from sslbind.wording import plural

target_options = options(
    click.argument("planned", nargs=-1, callback=all_files, metavar="[TARGET|@GROUP|local]..."),
    click.option(
        "--host",
        metavar="HOST",
        help="One server by ssh, without a targets file; it follows the registry of -r.",
    ),
    click.option(
        "--prune",
        is_flag=True,
        help="Delete bindings that only the target has, if the registry has others of the same"
        " owner.",
    ),
    click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Targets at once."),
)


class Fleet:
    """The targets of a command line, each with its registry, and how many run in parallel."""

    def __init__(self, machines: Sequence[Machine], jobs: int) -> None:
        self.machines = machines
        self.jobs = jobs

    def close(self) -> None:
        """Close every connection."""
        for one in self.machines:
            one.close()


@contextlib.contextmanager
def fleet(app: App, words: Sequence[str], host: str | None, jobs: int | None) -> Iterator[Fleet]:
    """Yield the targets of the command line; raise SslbindError if a file is invalid."""
    targets, default = _targets(app, words, host)
    opened: dict[str, Session] = {}
    machines = []
    for target in targets:
        path = target.registry or app.registry_path
        if path not in opened:
            opened[path] = Session(Registry.open(path))
        machines.append(Machine(target, opened[path]))
    found = Fleet(machines, jobs or default)
    try:
        yield found
    finally:
        found.close()


def _targets(app: App, words: Sequence[str], host: str | None) -> tuple[list[Target], int]:
    if host is not None:
        if words:
            raise click.UsageError("--host is the only target; leave the others out")
        return [Target(host, host=host)], 1
    known = open_targets(app.targets_option, app.registry_path, words or [ALL])
    return known.select(words or [ALL]), known.jobs


def saved_file(words: Sequence[str], host: str | None) -> str | None:
    """Return the path of a saved plan if ``words`` is one, None if they name targets."""
    from sslbind.planning.saved import is_saved

    return words[0] if len(words) == 1 and host is None and is_saved(words[0]) else None


@contextlib.contextmanager
def run_progress(targets: int, doing: str) -> Iterator[Callable[[Progress], None]]:
    """Yield the function that shows progress, on a terminal only: ``12 of 50 targets read``."""
    with progress(f"of {plural(targets, 'target')} {doing}") as advance:

        def show(now: Progress) -> None:
            if advance is not None:
                failed = f", {now.failed} failed" if now.failed else ""
                advance(now.done, f"{now.running} running{failed}")

        yield show


def answer(app: App, targets: Sequence[dict[str, Any]], format_: str, *, changes: bool) -> None:
    """Write plans or outcomes, given as for JSON, in the format that was asked for."""
    if format_ == "json":
        app.json({"targets": [*targets]})
    elif format_ == "markdown":
        from sslbind.planning.markdown import document

        app.echo_utf8(document(targets))
    else:
        app.echo(report(targets, changes=changes))


def exit_code(outcomes: Sequence[Outcome], *, changes_are_fine: bool = False) -> int:
    """Return 0 if every target is as it should be, else 1."""
    fine = GOOD | ({Status.CHANGES, Status.INCOMPLETE} if changes_are_fine else set())
    return OK if all(one.status in fine for one in outcomes) else NO


def refuse_overwriting(output: str, kept: Sequence[str]) -> None:
    """Raise SslbindError if ``output`` is a file that the command reads."""
    for path in kept:
        with contextlib.suppress(OSError):
            if os.path.samefile(output, path):
                raise SslbindError(
                    "is an input of this command", "choose another file", file=output
                )
