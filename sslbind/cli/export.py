"""``sslbind export``: the registry in other formats, and the script that applies a change."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from sslbind import consequences
from sslbind.cli.app import HELP, NO, OK, App, pass_app
from sslbind.cli.export_haproxy import HAPROXY, TITLE, export_haproxy
from sslbind.cli.streams import STANDARD_INPUT
from sslbind.cli.wildcards import one_file
from sslbind.errors import SslbindError
from sslbind.exporting import changing_formats, export_changes, export_registry
from sslbind.files import write_output
from sslbind.formats import capture, formats
from sslbind.formats.format import Written

FORMATS = {one.name: one for one in formats().values() if one.write}
CAPTURE_SCRIPT = "capture-script"
_TITLES = {name: one.title for name, one in FORMATS.items()} | {
    CAPTURE_SCRIPT: "the PowerShell script that captures a server, for import",
    HAPROXY: TITLE,
}
_LISTED = "\n".join(f"    {name:<16}{title}" for name, title in _TITLES.items())


@click.command(
    "export",
    context_settings=HELP,
    no_args_is_help=True,
    help=f"""Write the registry in another format.

    What the format cannot carry is reported on standard error. --changes-from FILE (a
    registry, a capture, anything that import reads, or @NAME) writes a script with only the
    changes that make that server match the registry; records that only the server has are
    kept unless --prune. The powershell script prints each change as it is made, reads it
    back, stops at the first failure and is safe to run again; netsh continues after a
    failure.

    \b
    Formats:
{_LISTED}
    """,
)
@click.argument("name", type=click.Choice(list(_TITLES)), metavar="FORMAT")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to FILE, for haproxy a folder; default: standard output.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Exit 1 if something is lost; -o FILE is written anyway.",
)
@click.option(
    "--changes-from",
    "server",
    metavar="FILE",
    callback=one_file,
    help="Write a script that makes that server match.",
)
@click.option("--prune", is_flag=True, help="With --changes-from: delete records that only it has.")
@pass_app
def export_command(
    app: App, name: str, output: str | None, strict: bool, server: str | None, prune: bool
) -> int:
    """Write one document, and report what it cannot carry."""
    if name == HAPROXY:
        return export_haproxy(app, output, strict=strict, changes=server is not None or prune)
    if prune and server is None:
        raise click.UsageError("--prune needs --changes-from FILE")
    _refuse_overwriting(output, {"the registry itself": app.registry_path,
                                 "the file of --changes-from": server})  # fmt: skip
    written = _written(app, name, server, prune=prune)
    _deliver(app, written, output)
    app.note(*written.losses)
    return NO if strict and written.losses else OK


def _written(app: App, name: str, server: str | None, *, prune: bool) -> Written:
    if server is not None and name not in changing_formats():
        able = " and ".join(changing_formats())
        raise click.UsageError(f"{name} cannot write changes; {able} can")
    if name == CAPTURE_SCRIPT:
        return Written(capture.script())
    session = app.reading()
    if server is None:
        return export_registry(session, name)
    other = app.reading(server)
    written, notes = export_changes(session, other, name, prune=prune)
    before = other.registry.bindings
    renewed = [
        one
        for key, one in session.registry.bindings.items()
        if key in before and before[key].certhash != one.certhash
    ]
    app.note(*notes, *consequences.copies(renewed))
    return written


def _refuse_overwriting(output: str | None, files: dict[str, str | None]) -> None:
    for word, path in files.items():
        if output is not None and path is not None and _same(output, path):
            raise SslbindError(f"is {word}", "choose another file", file=output)


def _same(one: str, other: str) -> bool:
    """Whether two paths lead to the same file, links included."""
    with contextlib.suppress(OSError):
        return os.path.samefile(one, other)
    return os.path.realpath(one) == os.path.realpath(other)


def _deliver(app: App, written: Written, output: str | None) -> None:
    if output in (None, STANDARD_INPUT):  # '-' is standard output here
        sys.stdout.flush()
        sys.stdout.buffer.write(written.data)
    else:
        write_output(output, written.data)
        app.note(f"wrote {output}")
