"""``sslbind export``: the registry, as other tools read it."""

from __future__ import annotations

import os

import click

from sslbind.cli.app import App, pass_app
from sslbind.cli.lines import LineOptions
from sslbind.cli.main import HELP
from sslbind.errors import RefusedError
from sslbind.files import write_file


@click.group("export", context_settings=HELP)
def export_command() -> None:
    """Write the registry in a format that other tools read."""


@export_command.command("netsh-script", context_settings=HELP)
@click.option("-o", "--output", metavar="FILE", help="Write to FILE; else to standard output.")
@pass_app
def netsh_script(app: App, output: str | None) -> int:
    """Write the netsh script that recreates the registry, as 'netsh http dump' does."""
    from sslbind.cli.netsh import answer_line

    answer = answer_line(app, "dump", "", (), LineOptions())
    if output is None:
        app.echo_utf8(answer.text)
    elif os.path.realpath(output) == os.path.realpath(app.registry_path):
        raise RefusedError("is the registry itself", "name another file", file=output)
    else:
        write_file(output, answer.text.encode())
    app.note(*answer.notes)
    return answer.code
