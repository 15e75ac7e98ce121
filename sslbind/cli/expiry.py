"""``sslbind expiry``: when the certificate of each binding expires, for people and monitoring."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from sslbind.cli.app import HELP, NO, OK, UNASKED, App, format_option, options, pass_app
from sslbind.cli.moments import at_option, window
from sslbind.cli.monitoring import NagiosCommand, nagios_answer
from sslbind.cli.progress import progress
from sslbind.cli.streams import is_server
from sslbind.cli.wildcards import all_files
from sslbind.errors import SslbindError
from sslbind.moments import Window
from sslbind.printable import printable
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.wording import day, plural

if TYPE_CHECKING:
    from sslbind.expiry import Row

MONTH = Window(timedelta(days=30))
"""How long before expiry Nagios warns and the calendar sets its alarm."""
COLUMNS = ("expires", "days left", "kind", "key", "names", "thumbprint")
_NAMES = 3

expiry_options = options(
    click.option(
        "--within",
        metavar="TIME",
        callback=window,
        help="Only those that expire within 30d, 2w, 12h, by a date, or are in the last 33% of"
        " their lifetime; exit 1 if there are any.",
    ),
    at_option("As it will be then"),
    click.option("-o", "--output", metavar="FILE", help="Write FILE, completely or not at all."),
    format_option("table", "tsv", "json", "prometheus", "nagios", "ical"),
)


@click.command("expiry", cls=NagiosCommand, context_settings=HELP)
@click.argument("files", nargs=-1, callback=all_files, metavar="[FILE|@TARGET]...")
@expiry_options
@pass_app
def expiry_command(
    app: App,
    files: tuple[str, ...],
    within: Window | None,
    now: datetime,
    output: str | None,
    format_: str,
) -> int:
    """List when certificates expire, soonest first: a row per binding and central-store file.

    \b
    sslbind expiry --within 30d
    sslbind expiry --within 33% --format nagios
    sslbind expiry --format prometheus -o /var/lib/node_exporter/sslbind.prom

    FILE is a registry or anything that import reads; the default is the registry of -r.
    @NAME, @GROUP and @all are servers of the targets file, read now; a certificate that a
    server does not return is looked up in the stores of the registry that it follows. A
    certificate that has expired keeps its date. If the expiry date is not known the row
    comes last and says why; --within counts it.

    prometheus and ical have every row; --within sets how early ical's alarm and the warning
    of nagios come, by default 30d. nagios: 0 fine, 1 some expire soon, 2 one has expired, 3
    nothing is known.
    """  # noqa: D301  # click's own mark, and no backslash
    from sslbind.expiry import soonest_first

    with nagios_answer(app, format_) as answer:
        paths = app.spelled_out(files or (app.registry_path,))
        rows, reachable = _read(app, paths, strict=format_ == "nagios")
        if not any(reachable.values()) and format_ != "prometheus":
            return UNASKED
        found = soonest_first(rows)
        if format_ == "table":
            answer.code = _table(app, found, within, now, output, several=len(reachable) > 1)
        else:
            text, answer.code = _answer(found, within, now, reachable, format_)
            _emit(app, text, output)
        if not all(reachable.values()):
            answer.code = UNASKED
    return answer.code


def _read(app: App, paths: Sequence[str], *, strict: bool) -> tuple[list[Row], dict[str, bool]]:
    """Return the rows of each registry, and those that could be read; ``strict`` requires all."""
    from sslbind.expiry import expiry_rows, server_names

    rows: list[Row] = []
    reachable: dict[str, bool] = {}
    for path, server in zip(paths, server_names(paths), strict=True):
        try:
            with progress() as advance:
                session = app.reading(path)
                session.progress = advance
                rows += expiry_rows(session, server, _followed(app, path))
        except SslbindError as error:
            if strict:
                raise
            app.error(error)
        else:
            reachable[server] = True
            if session.stores is None and not is_server(path):
                app.note(session.not_modelled)
        reachable.setdefault(server, False)
    return rows, reachable


def _followed(app: App, path: str) -> Session | None:
    """Return the registry that the server ``path`` follows, if it exists; None for a file."""
    if not is_server(path):
        return None
    (target,) = app.live([path]).select([path])
    if not os.path.isfile(target.registry):
        return None
    return Session(Registry.open(target.registry), app.release_option)


def _emit(app: App, text: str, output: str | None) -> None:
    if output is None:
        app.echo_utf8(text)
        return
    from sslbind.files import write_output

    write_output(output, text.encode("utf-8", "backslashreplace"))
    app.note(f"{output} was written")


def _answer(
    rows: Sequence[Row],
    within: Window | None,
    now: datetime,
    reachable: dict[str, bool],
    format_: str,
) -> tuple[str, int]:
    """Return the text of the answer and its exit code."""
    if format_ == "nagios":
        from sslbind.reports import expiry_nagios

        code, text = expiry_nagios.report(rows, now, within or MONTH)
        return text, code
    shown = _selected(rows, within, now)
    code = NO if within and shown else OK
    if format_ == "prometheus":
        from datetime import UTC

        from sslbind.reports import expiry_prometheus

        return expiry_prometheus.report(rows, reachable, datetime.now(UTC)), code
    if format_ == "ical":
        from sslbind.reports import ical

        return ical.report(rows, now, within or MONTH), code
    if format_ == "json":
        return _json(shown, within, now), code
    return "".join(f"{_line(row, now)}\n" for row in shown), code


def _selected(rows: Sequence[Row], within: Window | None, now: datetime) -> Sequence[Row]:
    """Return the rows that ``--within`` selects: those due, and those without a known date."""
    return [row for row in rows if within is None or row.status(now, within) != "ok"]


def _json(rows: Iterable[Row], within: Window | None, now: datetime) -> str:
    import json

    from sslbind.cli.app import speaks_utf8
    from sslbind.printable import printable_json

    document = {
        "version": 1,
        "at": now.isoformat(),
        "certificates": [_plain(row, within, now) for row in rows],
    }
    return printable_json(json.dumps(document, indent=2, ensure_ascii=not speaks_utf8())) + "\n"


def _plain(row: Row, within: Window | None, now: datetime) -> dict[str, Any]:
    return {
        "server": row.server,
        "kind": row.kind,
        "key": row.key,
        "thumbprint": row.thumbprint or None,
        "names": [*row.names],
        "not_before": row.not_before and row.not_before.isoformat(),
        "not_after": row.not_after and row.not_after.isoformat(),
        "days_left": row.days_left(now),
        "status": row.status(now, within or MONTH),
        "problem": row.problem or None,
    }


def _line(row: Row, now: datetime) -> str:
    left = row.days_left(now)
    cells = (
        row.server,
        row.kind,
        row.key,
        row.thumbprint or "-",
        row.not_after.isoformat() if row.not_after else "-",
        "-" if left is None else str(left),
        ",".join(row.names) or "-",
    )
    return "\t".join(map(printable, cells))


def _table(
    app: App,
    rows: Sequence[Row],
    within: Window | None,
    now: datetime,
    output: str | None,
    *,
    several: bool,
) -> int:
    """Print the rows, and notes and counts on standard error; return the exit code."""
    import contextlib
    import io

    from sslbind.cli.table import print_table

    shown = _selected(rows, within, now)
    unknown = [row for row in shown if row.not_after is None]
    due = len(shown) - len(unknown)
    if within is not None:
        ending = f"{plural(due, 'certificate')} {'expires' if due == 1 else 'expire'}"
        app.note(f"{ending if due else 'no certificate expires'} within {within}")
    elif not rows:
        app.note("no binding has a certificate")
    for problem in dict.fromkeys(row.problem for row in unknown):
        count = sum(row.problem == problem for row in unknown)
        app.note(f"the expiry of {plural(count, 'certificate')} is not known: {problem}")
    columns = ("server", *COLUMNS) if several else COLUMNS
    cells = [_cells(row, now, several=several) for row in shown]
    if output is not None:
        with contextlib.redirect_stdout(io.StringIO()) as text:
            print_table(columns, cells)
        _emit(app, text.getvalue(), output)
    elif cells:
        print_table(columns, cells, below="names")
    return NO if within and shown else OK


def _cells(row: Row, now: datetime, *, several: bool) -> tuple[str, ...]:
    left = row.days_left(now)
    names = ", ".join(row.names[:_NAMES]) + (", …" if len(row.names) > _NAMES else "")
    cells = (
        day(row.not_after) if row.not_after else "-",
        "-" if left is None else str(left),
        row.kind,
        row.key,
        names or "-",
        row.thumbprint or "-",
    )
    return (row.server, *cells) if several else cells
