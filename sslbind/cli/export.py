"""``sslbind export``: the registry as others read it, and the script that applies a change."""

from __future__ import annotations

import os
import sys

import click

from sslbind.cli.app import NO, OK, App, pass_app
from sslbind.cli.main import HELP
from sslbind.errors import RefusedError
from sslbind.files import write_file
from sslbind.formats import capture, formats
from sslbind.formats.format import Contents, Transition, Written
from sslbind.formats.transition import kept, transition
from sslbind.operations import Session

FORMATS = {one.name: one for one in formats().values() if one.write}
CAPTURE_SCRIPT = "capture-script"
_TITLES = {name: one.title for name, one in FORMATS.items()} | {
    CAPTURE_SCRIPT: "the PowerShell script that captures a server, for import",
}
_LISTED = "\n".join(f"    {name:<16}{title}" for name, title in _TITLES.items())


@click.command(
    "export",
    context_settings=HELP,
    no_args_is_help=True,
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
@click.argument("name", type=click.Choice(list(_TITLES)), metavar="FORMAT")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE; else to standard output.")
@click.option("--strict", is_flag=True, help="Exit 1 where the format cannot carry everything.")
@click.option("--changes-from", "server", metavar="FILE", help="Write what changes that server.")
@click.option("--prune", is_flag=True, help="With --changes-from: delete what only it has.")
@pass_app
def export_command(
    app: App, name: str, output: str | None, strict: bool, server: str | None, prune: bool
) -> int:
    """Write one document, and say what is lost in it."""
    if prune and server is None:
        raise click.UsageError("--prune goes with --changes-from FILE")
    written = _written(app, name, server, prune=prune)
    _deliver(app, written, output)
    app.note(*written.losses)
    return NO if strict and written.losses else OK


def _written(app: App, name: str, server: str | None, *, prune: bool) -> Written:
    format_ = FORMATS.get(name)
    if server is not None and (format_ is None or format_.write_changes is None):
        able = " and ".join(one.name for one in FORMATS.values() if one.write_changes)
        raise click.UsageError(f"{name} carries no changes; {able} do")
    if format_ is None:
        return Written(capture.script())
    session = app.reading()
    if server is not None and format_.write_changes is not None:
        return format_.write_changes(_changes(app, session, server, prune=prune))
    assert format_.write is not None  # noqa: S101  # the choices are those that write
    return format_.write(_contents(session))


def _changes(app: App, session: Session, server: str, *, prune: bool) -> Transition:
    known = app.reading(server)
    before, after = _contents(known), _contents(session)
    if before.release is not after.release:
        app.note(
            f"{server} is from {before.release.title}, and the script is for"
            f" {after.release.title}; --windows says otherwise"
        )
    if not prune:
        stays = kept(before, after)
        app.note(*(f"{one} is only on the server, and stays; --prune deletes it" for one in stays))
    return transition(before, after, prune=prune)


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
