"""``sslbind report``: one HTML file about one or more servers, for people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from sslbind.cli.app import HELP, OK, REGISTRY_VARIABLE, UNASKED, App, pass_app
from sslbind.cli.moments import at_option, span
from sslbind.cli.progress import progress
from sslbind.cli.streams import STANDARD_INPUT, shown_name
from sslbind.cli.wildcards import all_files
from sslbind.errors import SslbindError
from sslbind.expiry import server_names
from sslbind.files import write_output
from sslbind.moments import SOON, Window
from sslbind.page.contents import Moment, ServerReport, contents, report_on
from sslbind.page.page import page
from sslbind.printable import printable
from sslbind.wording import plural


@click.command("report", context_settings=HELP)
@click.argument("files", nargs=-1, callback=all_files, metavar="[FILE]...")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    help="Write the page to FILE, completely or not at all; '-' is standard output.",
)
@click.option(
    "--expires-within",
    "soon",
    metavar="TIME",
    callback=span,
    help="How long before its expiry a certificate is a warning: 30d (or 30), 2w, 12h."
    " The default is 30d, or a third of the lifetime if that is less than 90 days.",
)
@at_option("As it will be then")
@pass_app
def report_command(
    app: App, files: tuple[str, ...], output: str, soon: timedelta | None, now: datetime
) -> int:
    """Write one HTML file that shows which sites are in trouble.

    FILE is a registry or anything that import reads; the default is the registry of -r.
    @NAME, @GROUP and @all are servers of the targets file, read now. The page lists what
    check finds, with the commands that fix it, when each certificate expires, the bindings
    of each port in the order in which they answer, and two or more servers side by side. It
    is a single file that loads nothing and sends nothing, to be mailed, printed or
    archived.

    A server that cannot be read is listed as such, and the exit code is 2.
    """
    paths = [*dict.fromkeys(app.spelled_out(files or (app.registry_path,)))]
    try:
        moment = Moment(now, SOON if soon is None else Window(soon))
        _ = now + (soon or timedelta())
    except OverflowError:
        raise click.UsageError("--at plus --expires-within is beyond the year 9999") from None
    reports = _reports(app, paths, moment)
    failed = sum(bool(one.problem) for one in reports)
    if failed == len(reports):
        return UNASKED
    text = page(contents(reports, moment))
    if output == STANDARD_INPUT:  # '-' is standard output here
        app.echo_utf8(text)
    else:
        write_output(output, text.encode())
        servers = plural(len(reports), "server")
        bindings = plural(sum(one.bindings for one in reports), "binding")
        app.echo(f"wrote {printable(output)}: {servers}, {bindings}\n")
    return UNASKED if failed else OK


def _reports(app: App, paths: Sequence[str], moment: Moment) -> list[ServerReport]:
    """Return the report on each server; one that cannot be read does not stop the others."""
    shown = [shown_name(path) for path in paths]
    names = server_names(shown) if len(shown) > 1 else [os.path.basename(shown[0]) or shown[0]]
    named = bool(os.environ.get(REGISTRY_VARIABLE))
    found = []
    for path, name in zip(paths, names, strict=True):
        try:
            with progress() as advance:
                session = app.reading(path)
                session.progress = advance
                release_given = app.release_option is not None
                one = report_on(session, name, moment, named=named, release_given=release_given)
        except SslbindError as error:
            app.error(error)
            one = ServerReport(name, path, problem=str(error))
        found.append(one)
    return found
