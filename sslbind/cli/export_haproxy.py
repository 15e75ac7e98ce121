"""``sslbind export haproxy``: the folder of an HAProxy that stands in for HTTP.SYS."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sslbind.cli.app import NO, OK, App
from sslbind.cli.progress import progress
from sslbind.cli.streams import STANDARD_INPUT
from sslbind.engines.exporting import export_or_recall
from sslbind.printable import printable
from sslbind.wording import plural

HAPROXY = "haproxy"
TITLE = "a folder with a configuration of HAProxy that answers as HTTP.SYS would"


def export_haproxy(app: App, folder: str | None, *, strict: bool, changes: bool) -> int:
    """Write the folder, and list what HAProxy cannot do."""
    if changes:
        raise click.UsageError(
            f"{HAPROXY} cannot write changes: its folder is always written whole"
        )
    if folder in (None, STANDARD_INPUT):
        raise click.UsageError(
            f"export {HAPROXY} writes a folder that holds private keys: use -o FOLDER"
        )
    session = app.reading()
    with progress() as session.progress:
        made = export_or_recall(session, folder, datetime.now(UTC))
    others = f" and the {plural(made.others, 'file')} that it refers to" if made.others else ""
    app.echo(f"{'wrote' if made.changed else 'unchanged'} {printable(made.file)}{others}\n")
    app.note(*made.losses)
    return NO if strict and made.losses else OK
