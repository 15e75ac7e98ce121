"""``sslbind export``: the registry as others read it, and the script that applies a change."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from sslbind.cli.app import HELP, NO, OK, App, pass_app
from sslbind.cli.streams import STANDARD_INPUT
from sslbind.errors import SslbindError
from sslbind.files import write_file
from sslbind.formats import capture, formats
from sslbind.formats.format import Contents, Transition, Written
from sslbind.formats.transition import kept, transition
from sslbind.session import Session
from sslbind.tags import PROPERTIES, TAG_BY_NAME

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
    the server has stay, but with --prune. The powershell script stops at the first
    failure, and reads back the thumbprint (or appid) of what it adds or updates,
    and of no other tag the value; netsh goes on after a failure.

    \b
    Formats:
{_LISTED}
    """,
)
@click.argument("name", type=click.Choice(list(_TITLES)), metavar="FORMAT")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE; else to standard output.")
@click.option(
    "--strict",
    is_flag=True,
    help="Exit 1 where something is lost; -o FILE is written all the same.",
)
@click.option("--changes-from", "server", metavar="FILE", help="Write what changes that server.")
@click.option("--prune", is_flag=True, help="With --changes-from: delete what only it has.")
@pass_app
def export_command(
    app: App, name: str, output: str | None, strict: bool, server: str | None, prune: bool
) -> int:
    """Write one document, and say what is lost in it."""
    if prune and server is None:
        raise click.UsageError("--prune goes with --changes-from FILE")
    _refuse_overwriting(output, {"the registry itself": app.registry_path,
                                 "the file of --changes-from": server})  # fmt: skip
    written = _written(app, name, server, prune=prune)
    _deliver(written, output)
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
    _refuse_partial(after, prune=prune)
    if "windows" not in before.provenance.unknown and before.release is not after.release:
        app.note(
            f"{server} is from {before.release.title}, and the script is for"
            f" {after.release.title}; --windows says otherwise"
        )
    if not prune:
        stays = kept(before, after)
        app.note(*(f"{one} is only on the server, and stays; --prune deletes it" for one in stays))
    changes = transition(before, after, prune=prune)
    if changes.listening:
        app.note(changes.listening)
    return changes


def _contents(session: Session) -> Contents:
    registry = session.registry
    return Contents(
        tuple(registry.bindings.values()),
        registry.iplisten,
        session.release,
        str(registry.path),
        registry.provenance,
    )


def _refuse_partial(contents: Contents, *, prune: bool) -> None:
    """Raise SslbindError where the side that is to be does not say what is to be."""
    lines = TAG_BY_NAME.keys() | {one.tag.name for one in PROPERTIES}
    if contents.provenance.unknown & lines:
        raise SslbindError(
            "does not tell all tags, and --changes-from writes what the registry says",
            "sslbind import makes a registry of it, with what it lacks at the defaults",
            file=contents.file,
        )
    if prune and contents.provenance.left_out:
        raise SslbindError(
            "has records that could not be read, and --prune would delete them",
            "mend them, or leave --prune out",
            file=contents.file,
        )


def _refuse_overwriting(output: str | None, files: dict[str, str | None]) -> None:
    for word, path in files.items():
        if output is not None and path is not None and _same(output, path):
            raise SslbindError(f"is {word}", "name another file", file=output)


def _same(one: str, other: str) -> bool:
    """Whether two paths are one file, also through links."""
    with contextlib.suppress(OSError):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def _deliver(written: Written, output: str | None) -> None:
    if output in (None, STANDARD_INPUT):  # '-' is standard output here
        sys.stdout.flush()
        sys.stdout.buffer.write(written.data)
    else:
        write_file(output, written.data)
