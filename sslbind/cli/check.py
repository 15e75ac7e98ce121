"""``sslbind check``: what is wrong, for people, scripts and pipelines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import click

from sslbind.cli.app import (
    HELP,
    NO,
    OK,
    REGISTRY_VARIABLE,
    UNASKED,
    App,
    format_option,
    options,
    pass_app,
)
from sslbind.cli.findings import COLOURS, lines
from sslbind.cli.moments import at_option, span
from sslbind.cli.streams import STANDARD_INPUT, is_server, read_input, shown_name
from sslbind.cli.wildcards import all_files
from sslbind.errors import InvalidRegistryError, SslbindError
from sslbind.moments import SOON, SpanOrThird, Window
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.shells import word
from sslbind.wording import join, plural, some

if TYPE_CHECKING:
    from sslbind.check import Finding, Rule, Severity, Suppressed
    from sslbind.check.remembered import CheckResult
    from sslbind.sites import Sites

_NOUNS = {"error": "error", "warn": "warning"}


class Checked(NamedTuple):
    """What one run found, in the registries that could be read; ``bindings`` counts theirs.

    ``ids`` are the rules that ran, None for all; ``sited``: whether there were sites to check.
    """

    ids: set[str] | None
    findings: Sequence[Finding]
    suppressed: Sequence[Suppressed]
    bindings: int
    sited: bool

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules that ran."""
        from sslbind.check import rules

        return [one for id_, one in rules().items() if self.ids is None or id_ in self.ids]

    @property
    def idle(self) -> Collection[str]:
        """The ids of the rules that had no sites to check."""
        return set() if self.sited else {one.id for one in self.rules if one.sites}


class CheckRequest(NamedTuple):
    """What to check in each registry; ``ids`` is None for every rule.

    ``explicit`` are the rules that need sites and were selected as such. If findings are
    ``printed``, people read them there, and no summary is needed.
    """

    ids: set[str] | None
    explicit: Sequence[str]
    now: datetime
    soon: Window | SpanOrThird
    sites: Sequence[Sites]
    printed: bool


check_options = options(
    click.option(
        "--sites",
        metavar="FILE",
        callback=all_files,
        multiple=True,
        help="The IIS sites to compare with: applicationHost.config (also IIS Express's), XML of"
        " appcmd (- is standard input: appcmd list site /config /xml), MetaBase.xml;"
        " repeatable.",
    ),
    click.option(
        "--select",
        "selected",
        metavar="RULES",
        multiple=True,
        help="Only these rules: ids or globs such as 'cert-*', comma-separated; repeatable.",
    ),
    click.option("--ignore", "ignored", metavar="RULES", multiple=True, help="Not these rules."),
    click.option(
        "--fail-on",
        type=click.Choice(["error", "warn", "info"]),
        default="error",
        show_default=True,
        help="The lowest severity that makes the exit code 1.",
    ),
    click.option(
        "--expires-within",
        "soon",
        metavar="TIME",
        callback=span,
        help="How long before its expiry a certificate is a finding: 30d (or 30), 2w, 12h."
        " The default is 30d, or a third of the lifetime if that is less than 90 days.",
    ),
    at_option("What would be found then"),
    click.option(
        "--verbose",
        "-v",
        is_flag=True,
        help="Print every finding, even if several have the same cause.",
    ),
    format_option("text", "json", "sarif", "junit", "github"),
)


@click.command("check", context_settings=HELP)
@click.argument("files", nargs=-1, callback=all_files, metavar="[FILE]...")
@check_options
@pass_app
def check_command(
    app: App,
    files: tuple[str, ...],
    sites: tuple[str, ...],
    selected: tuple[str, ...],
    ignored: tuple[str, ...],
    fail_on: Severity,
    soon: timedelta | None,
    now: datetime,
    verbose: bool,
    format_: str,
) -> int:
    """Find what is wrong with registries before a client does.

    FILE is a registry or anything that import reads; the default is the registry of -r.
    @NAME, @GROUP and @all are servers of the targets file, read now. A finding has its
    rule, the record with file and line, what to do and, if one line is enough, the command
    that fixes it. Findings with the same cause are shown as one, with their number; the
    other formats list each. [[Suppress]] in the registry hides a finding, with a reason.

    The exit code is 1 if a finding is as severe as --fail-on, or more.
    """
    from sslbind.check import SEVERITIES

    try:
        _ = now + (soon or timedelta())
    except OverflowError:
        raise click.UsageError("--at plus --expires-within is beyond the year 9999") from None
    ids, explicit = _chosen(selected, ignored)
    if STANDARD_INPUT in sites and STANDARD_INPUT in files:
        raise click.UsageError("FILE and --sites cannot both be standard input")
    found = [*map(_read_sites, dict.fromkeys(sites))]
    window = SOON if soon is None else Window(soon)
    request = CheckRequest(ids, explicit, now, window, found, format_ == "text")
    paths = _once(app.spelled_out(files or (app.registry_path,)))
    checked, failed = _check(app, [*paths], request)
    if failed == len(paths) and not checked.findings:
        return UNASKED
    _write(app, checked, fail_on, format_, verbose=verbose)
    _summarize(app, checked)
    limit = SEVERITIES.index(fail_on)
    grave = any(SEVERITIES.index(one.severity) >= limit for one in checked.findings)
    return UNASKED if failed else NO if grave else OK


def _once(paths: Iterable[str]) -> Collection[str]:
    """Return the paths without those that lead to a file already listed."""
    found: dict[str, str] = {}
    for path in paths:
        real = path if path == STANDARD_INPUT else os.path.realpath(path)
        found.setdefault(real, path)
    return found.values()


def _chosen(
    selected: Collection[str], ignored: Iterable[str]
) -> tuple[set[str] | None, Sequence[str]]:
    """Return the ids of the rules that were asked for, None for all, and ``CheckRequest.explicit``.

    A glob selects rules that need sites explicitly if it matches only such rules.
    """
    from sslbind.check import rules, select

    wanted, unwanted = _words(selected), _words(ignored)
    if selected and not wanted:
        raise click.UsageError("--select matches no rule; sslbind explain lists them")
    if not wanted and not unwanted:
        return None, ()
    ids = (select(wanted) if wanted else {*rules()}) - select(unwanted)
    groups = [select([word]) for word in wanted]
    explicit = {
        id_ for group in groups if all(rules()[one].sites for one in group) for id_ in group
    }
    return ids, sorted(explicit & ids)


def _words(values: Iterable[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _read_sites(path: str) -> Sites:
    from sslbind.formats.iis.read_sites import MAX_SIZE, parse_sites

    return parse_sites(read_input(path, MAX_SIZE), shown_name(path))


def _check(app: App, paths: Sequence[str], request: CheckRequest) -> tuple[Checked, int]:
    """Check each registry; report and count those that cannot be checked."""
    from sslbind.cli.progress import progress

    findings: dict[Finding, list[str]] = {}  # with the registries that have it
    suppressed: dict[Suppressed, None] = {}
    bindings = failed = 0
    sited = False
    foreign: list[str] = []
    for path in paths:
        try:
            with progress() as advance:
                session = app.reading(path)
                session.progress = advance
                found, count = _examine(session, request)
        except SslbindError as error:
            findings |= {one: [path] for one in _unreadable(app, error, request)}
            failed += 1
            continue
        app.note(*found.notes)
        if not isinstance(session.registry, Registry) and any(
            one.command for one in found.findings
        ):
            foreign.append(path)
        if session.stores is None:
            app.note(session.not_modelled)
        if session.registry.provenance.sites:
            app.note(
                f"{path} has the sites of IIS, not the records of HTTP.SYS: sslbind check REGISTRY"
                f" --sites {word(path) or 'FILE'} compares the two"
            )
        if request.sites or session.registry.provenance.sites:
            sited = True
        elif request.explicit:
            verb = "needs" if len(request.explicit) == 1 else "need"
            app.note(f"{join(request.explicit)} {verb} the sites of IIS: --sites FILE")
        for one in found.findings:
            findings.setdefault(one, []).append(path)
        suppressed |= dict.fromkeys(found.suppressed)
        bindings += count
    if foreign:
        _note_foreign(app, foreign)
    ordered = [*_in_order(findings, paths, len(paths) - failed)]
    return Checked(request.ids, ordered, [*suppressed], bindings, sited), failed


def _unreadable(app: App, error: SslbindError, request: CheckRequest) -> list[Finding]:
    """Return findings for the mistakes in a registry; report other failures."""
    from sslbind.check.registry_file import findings

    found = findings(error) if isinstance(error, InvalidRegistryError) else []
    if found and request.printed:
        app.hint(*error.hints)
    else:
        app.error(error)
    return [one for one in found if request.ids is None or one.rule in request.ids]


def _note_foreign(app: App, files: Sequence[str]) -> None:
    """Print one note about the files that are not registries, and that commands are to change.

    If it is a server that follows a registry, that registry is what to change.
    """
    followed = {path: _followed(app, path) for path in files if is_server(path)}
    for path, registry in followed.items():
        if registry:
            app.note(f"{path} follows {registry}: use that for REGISTRY in the commands")
    files = [path for path in files if not followed.get(path)]
    if not files:
        return
    which = files[0] if len(files) == 1 else "FILE"
    app.note(
        f"the commands change a registry, and {some(files, 3)} {'is' if len(files) == 1 else 'are'}"
        f" not one: make it with sslbind -r REGISTRY import {which}, and name it in the commands"
        " in place of REGISTRY"
    )


def _followed(app: App, path: str) -> str:
    """Return the registry that a server follows, if it exists."""
    registries = [one.registry for one in app.live([path]).select([path])]
    there = [os.path.relpath(one) for one in registries if one and os.path.isfile(one)]
    return there[0] if there else ""


def _in_order(
    findings: Mapping[Finding, Sequence[str]], paths: Collection[str], count: int
) -> Iterator[Finding]:
    """Yield each finding once; those in other files name the registries that have them.

    One that all ``count`` registries have is about the other file itself.
    """
    for finding, registries in findings.items():
        if finding.file in paths or len(registries) == count:
            yield finding
        else:
            yield finding._replace(message=f"{finding.message} ({', '.join(registries)})")


def _examine(session: Session, request: CheckRequest) -> CheckResult:
    from sslbind.checking import check_again

    return check_again(
        session,
        request.now,
        soon=request.soon,
        sites=request.sites,
        ids=request.ids,
        named=bool(os.environ.get(REGISTRY_VARIABLE)),  # it would be the one without -r
    )


def _write(app: App, checked: Checked, fail_on: Severity, format_: str, *, verbose: bool) -> None:
    findings, suppressed = checked.findings, checked.suppressed
    if format_ == "json":
        app.json(
            {
                "findings": map(_plain, findings),
                "suppressed": (
                    {**_plain(one.finding), "reason": one.reason, "until": one.until}
                    for one in suppressed
                ),
            }
        )
    elif format_ == "sarif":
        from sslbind.reports import sarif

        app.echo_all(sarif.pieces(checked.rules, findings, suppressed))
    elif format_ == "junit":
        from sslbind.reports import junit

        app.echo(junit.report(checked.rules, findings, suppressed, fail_on, checked.idle))
    elif format_ == "github":
        from sslbind.reports import github

        app.echo(github.report(findings))
    else:
        app.echo_styled(f"{line}\n" for line in lines(findings, verbose=verbose))


def _plain(finding: Finding) -> dict[str, str | int | None]:
    return {
        name: value for name, value in finding._asdict().items() if name not in ("about", "cause")
    }


def _count(number: int, severity: str) -> str:
    """Return ``2 errors``, ``1 warning`` or ``3 info``."""
    return f"{number} {severity}" if severity == "info" else plural(number, _NOUNS[severity])


def _summarize(app: App, checked: Checked) -> None:
    """Count what was found, on standard error."""
    found = Counter(one.severity for one in checked.findings)
    counts = ", ".join(_count(found[one], one) for one in COLOURS if found[one])
    text = plural(len(checked.findings), "finding") if counts else "no findings"
    text += f" in {plural(checked.bindings, 'binding')}" + (f" ({counts})" if counts else "")
    app.note(text + (f"; {len(checked.suppressed)} suppressed" if checked.suppressed else ""))
