"""``sslbind apply``: make servers what their registries say, and report what was read back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from sslbind import files
from sslbind.cli.app import HELP, App, format_option, options, pass_app
from sslbind.cli.fleet import (
    Fleet,
    answer,
    exit_code,
    fleet,
    run_progress,
    saved_file,
    target_options,
)
from sslbind.cli.passwords import seal_option
from sslbind.cli.streams import is_terminal
from sslbind.planning.fleet import Pace
from sslbind.planning.limits import LIMIT, parse_limit
from sslbind.planning.outcome import Outcome, Status
from sslbind.planning.plan import PlanOptions
from sslbind.planning.run import against_saved, apply_all, plan_all, refuse_over_limit
from sslbind.planning.saved import SavedPlan, read_saved
from sslbind.planning.text import report
from sslbind.wording import plural

_COUNT = click.IntRange(min=1)

pace_options = options(
    click.option("--yes", is_flag=True, help="Do not ask."),
    click.option(
        "--deliver",
        is_flag=True,
        help="Send certificates that a target lacks, with their keys, from the registry's stores.",
    ),
    seal_option,
    click.option(
        "--probe",
        is_flag=True,
        help="Connect to each target afterwards: clients must get what its registry says.",
    ),
    click.option("--batch", type=_COUNT, metavar="N", help="Write to N targets at a time."),
    click.option(
        "--first",
        type=_COUNT,
        metavar="N",
        help="Canary: write to the others only if the first N come out done.",
    ),
    click.option(
        "--max-failures",
        type=_COUNT,
        metavar="N",
        help="Stop starting targets once N are not as they should be.",
    ),
    click.option(
        "--limit",
        default=f"{LIMIT}%",
        show_default=True,
        metavar="PERCENT",
        help="Refuse to change or delete more than this share of a target's bindings (if it has"
        " 10 or more).",
    ),
)


@click.command("apply", context_settings=HELP)
@target_options
@pace_options
@format_option("text", "json")
@pass_app
def apply_command(
    app: App,
    planned: tuple[str, ...],
    host: str | None,
    prune: bool,
    jobs: int | None,
    yes: bool,
    deliver: bool,
    seal: str | None,
    probe: bool,
    batch: int | None,
    first: int | None,
    max_failures: int | None,
    limit: str,
    format_: str,
) -> int:
    """Make servers match their registries, and report what was read back.

    Additions and updates are read back before anything is deleted; a server that
    changed since it was planned is left alone. TARGET is a name, a group, or all;
    in PowerShell, @NAME needs quotes. A saved PLAN is applied only to targets where server
    and registry have not changed since. Whatever happens, each target is reported, and a
    second run completes the work. Exit 0: all targets are as they should be; 1: not all.

    \b
    sslbind apply web01
    sslbind apply @front --first 1 --batch 5 --yes
    sslbind apply plan.json --yes
    """  # noqa: D301  # click's own mark, and no backslash
    _refuse_early(planned, host, yes=yes)
    percent = parse_limit(limit)
    path = saved_file(planned, host)
    saved = None if path is None else read_saved(path)
    if saved is not None:
        if prune:
            raise click.UsageError("--prune is part of a saved plan: make one with plan --prune")
        planned = tuple(one.target for one in saved.targets)
    with fleet(app, planned, host, jobs) as chosen:
        _prepare(chosen, seal, probe=probe)
        outcomes = _planned(chosen, saved, PlanOptions(prune, deliver, app.release_option))
        refused = refuse_over_limit(outcomes, percent)
        if refused is None and _writes(outcomes) and (yes or _agreed(outcomes)):
            pace = Pace(chosen.jobs, first or 0, batch or 0, max_failures or 0)
            with run_progress(len(chosen.machines), "done") as show:
                now = datetime.now(UTC) if probe else None
                outcomes = apply_all(outcomes, chosen.machines, pace, show, now)
    outcomes = _remembered(refused or outcomes)
    answer(app, [one.to_json() for one in outcomes], format_, changes=yes)
    return exit_code(outcomes)


def _refuse_early(words: Sequence[str], host: str | None, *, yes: bool) -> None:
    """Raise UsageError if no target is named, or if nobody can be asked to confirm."""
    if not words and host is None:
        raise click.UsageError(
            "name the targets, or all; PowerShell drops @NAME unless it is in quotes"
        )
    if not yes and not is_terminal(sys.stdin):
        raise click.UsageError(
            "apply asks before it writes, and there is no terminal to ask on: use --yes"
        )


def _prepare(chosen: Fleet, seal: str | None, *, probe: bool) -> None:
    """Return the options that every target shares; raise SslbindError if one is not possible."""
    for machine in chosen.machines:
        machine.seal = seal
        if probe:
            machine.require_probed()


def _planned(chosen: Fleet, saved: SavedPlan | None, asked: PlanOptions) -> Sequence[Outcome]:
    if saved is not None:
        asked = asked._replace(prune=saved.prune)
    with run_progress(len(chosen.machines), "read") as show:
        outcomes = plan_all(chosen.machines, chosen.jobs, asked, show)
    if saved is None:
        return outcomes
    return against_saved(outcomes, {one.target: one for one in saved.targets})


def _writes(outcomes: Sequence[Outcome]) -> bool:
    return any(one.status is Status.CHANGES for one in outcomes)


def _remembered(outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Return the outcomes; what was changed is said even where the answer cannot be given."""
    files.changes.extend(f"target {one.target} was changed" for one in outcomes if one.done)
    return outcomes


def _agreed(outcomes: Sequence[Outcome]) -> bool:
    """Show the plan and ask, both on standard error: standard output is for the report."""
    sys.stderr.write(report([one.to_json() for one in outcomes]))
    count = sum(one.status is Status.CHANGES for one in outcomes)
    return click.confirm(f"Write to {plural(count, 'target')}?", err=True)
