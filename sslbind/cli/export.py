"""``sslbind export``: the registry as others read it, and the script that applies a change."""

from __future__ import annotations

import os
import sys

import click

from sslbind.cli.app import NO, OK, App, pass_app
from sslbind.cli.main import HELP
from sslbind.errors import RefusedError
from sslbind.files import write_file
from sslbind.formats import formats
from sslbind.formats.format import Contents, Format, Written
from sslbind.formats.transition import kept, transition
from sslbind.operations import Session

FORMATS = {one.name: one for one in formats().values() if one.write}
_LISTED = "\n".join(f"    {name:<14}{one.title}" for name, one in FORMATS.items())


@click.command(
    "export",
    context_settings=HELP,
    help=f"""Write the registry in a format that others read.

    What the format cannot carry is told on standard error. --changes-from FILE
    (a registry, a capture, whatever import reads) writes the script that turns
    the state of that server into the registry's, and no more; records that only
    the server has stay, but with --prune.

    \b
    Formats:
{_LISTED}
    """,
)
@click.argument("name", type=click.Choice(list(FORMATS)), metavar="FORMAT")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE; else to standard output.")
@click.option("--strict", is_flag=True, help="Exit 1 where the format cannot carry everything.")
@click.option("--changes-from", "server", metavar="FILE", help="Write what changes that server.")
@click.option("--prune", is_flag=True, help="With --changes-from: delete what only it has.")
@pass_app
def export_command(
    app: App, name: str, output: str | None, strict: bool, server: str | None, prune: bool
) -> int:
    """Write one document, and say what is lost in it."""
    format_ = FORMATS[name]
    if prune and server is None:
        raise click.UsageError("--prune goes with --changes-from FILE")
    session = app.reading()
    if server is None:
        assert format_.write is not None  # noqa: S101  # the choice says so
        written = format_.write(_contents(session))
    else:
        written = _changes(app, format_, session, server, prune=prune)
    _deliver(app, written, output)
    app.note(*written.losses)
    return NO if strict and written.losses else OK


def _changes(app: App, format_: Format, session: Session, server: str, *, prune: bool) -> Written:
    if format_.write_changes is None:
        able = ", ".join(one.name for one in FORMATS.values() if one.write_changes)
        raise click.UsageError(f"{format_.name} carries no changes; {able} do")
    before, after = _contents(app.reading(server)), _contents(session)
    if not prune:
        stays = kept(before, after)
        app.note(*(f"{one} is only on the server, and stays; --prune deletes it" for one in stays))
    return format_.write_changes(transition(before, after, prune=prune))


def _contents(session: Session) -> Contents:
    registry = session.registry
    return Contents(tuple(registry.bindings.values()), registry.iplisten, session.release)


def _deliver(app: App, written: Written, output: str | None) -> None:
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(written.data)
    elif os.path.realpath(output) == os.path.realpath(app.registry_path):
        raise RefusedError("is the registry itself", "name another file", file=output)
    else:
        write_file(output, written.data)
