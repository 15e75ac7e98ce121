"""``sslbind plan``: what would change on which server, and what cannot be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from sslbind.cli.app import HELP, OK, App, format_option, pass_app
from sslbind.cli.fleet import (
    Fleet,
    answer,
    exit_code,
    fleet,
    refuse_overwriting,
    run_progress,
    saved_file,
    target_options,
)
from sslbind.planning.impact import impact
from sslbind.planning.limits import LIMIT
from sslbind.planning.outcome import Outcome
from sslbind.planning.plan import PlanOptions
from sslbind.planning.run import plan_all, with_limits


@click.command("plan", context_settings=HELP)
@target_options
@click.option("--out", metavar="PLAN", help="Save the plan, for review and for 'apply PLAN'.")
@click.option(
    "--impact", "impacts", is_flag=True, help="Show which connections get a different answer."
)
@click.option(
    "--exit-zero", is_flag=True, help="Exit 0 even if there are changes; 1 if nothing could be"
        " planned."
)  # fmt: skip
@format_option("text", "json", "markdown")
@pass_app
def plan_command(
    app: App,
    planned: tuple[str, ...],
    host: str | None,
    prune: bool,
    jobs: int | None,
    out: str | None,
    impacts: bool,
    exit_zero: bool,
    format_: str,
) -> int:
    """Read servers and say what would make them what their registries say. Nothing is written.

    The default is every target of the targets file. Bindings that only a server has are
    kept unless --prune; bindings of owners that the registry does not have are never
    touched. A file written by --out is shown again, whatever the servers have now. Exit 0:
    nothing to do; 1: changes, or a target that cannot be read.

    \b
    sslbind plan web01                  one target of the targets file
    sslbind plan @front --out plan.json
    sslbind plan --host admin@web01     with the registry of -r
    sslbind plan plan.json              what was saved
    """  # noqa: D301  # click's own mark, and no backslash
    saved = saved_file(planned, host)
    if saved is not None:
        return _show(app, saved, format_)
    with fleet(app, planned, host, jobs) as chosen:
        outcomes = _outcomes(app, chosen, prune=prune, impacts=impacts)
        if out is not None:
            _save(out, chosen, outcomes, prune=prune)
            app.note(f"wrote {out}: sslbind apply {out} does just that")
    answer(app, [one.to_json() for one in outcomes], format_, changes=True)
    return exit_code(outcomes, changes_are_fine=exit_zero)


def _show(app: App, path: str, format_: str) -> int:
    from sslbind.planning.saved import read_saved

    targets: list[dict[str, Any]] = [*read_saved(path).document["targets"]]
    answer(app, targets, format_, changes=True)
    return OK


def _outcomes(app: App, chosen: Fleet, *, prune: bool, impacts: bool) -> Sequence[Outcome]:
    with run_progress(len(chosen.machines), "read") as show:
        asked = PlanOptions(prune, release=app.release_option)
        found = plan_all(chosen.machines, chosen.jobs, asked, show)
    found = with_limits(found, LIMIT)
    if not impacts:
        return found
    return [one._replace(impact=tuple(impact(one.plan))) if one.plan else one for one in found]


def _save(path: str, chosen: Fleet, outcomes: Sequence[Outcome], *, prune: bool) -> None:
    from sslbind.planning.saved import save

    refuse_overwriting(path, [one.wanted.file for one in chosen.machines])
    save(path, outcomes, prune=prune)
