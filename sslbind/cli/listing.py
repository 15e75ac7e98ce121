"""``sslbind list``: the bindings, for people, scripts and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from sslbind.binding import Binding
from sslbind.cli.app import HELP, App, format_option, pass_app
from sslbind.cli.selection import select, selectors
from sslbind.owners import owner_name
from sslbind.printable import printable
from sslbind.session import Session
from sslbind.tags import STORED, TAGS, Type

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry

COLUMNS = ("kind", "key", "thumbprint", "owner", "days left", "flags")


@click.command("list", context_settings=HELP)
@selectors
@format_option("table", "json", "tsv")
@pass_app
def list_command(
    app: App, format_: str, cert: str | None, appid: str | None, host: str | None
) -> None:
    """List bindings: kind, key, thumbprint, owner, days left, flags.

    "days left" is the time until the certificate expires, "-" where it is not
    known. "flags" are the tags that are not at their default. The columns of
    tsv are those of the table, without a header.
    """
    session = app.reading()
    found = select(session, cert, appid, host)
    if format_ == "json":
        app.json({"bindings": [binding.to_json(session.release) for binding in found]})
        return
    rows = _rows(session, found)
    if format_ == "tsv":
        app.echo("".join("\t".join(row) + "\n" for row in rows))
    elif rows:
        from sslbind.cli.table import print_table

        print_table(COLUMNS, rows)
    else:
        app.note("no binding" + (" is selected" if cert or appid or host else ""))


def _rows(session: Session, bindings: list[Binding]) -> list[tuple[str, ...]]:
    now = datetime.now(UTC)
    entries = _entries(session) if bindings else {}
    rows: list[tuple[str, ...]] = []
    for binding in bindings:
        entry = entries.get((binding.certhash or "", (binding.store or "").casefold()))
        left = (entry.not_after - now).days if entry and entry.not_after else None
        rows.append(
            (
                binding.key.kind.name,
                str(binding.key),
                binding.certhash or "-",
                owner_name(binding.appid) or binding.appid,
                "-" if left is None else str(left),
                _flags(session, binding) or "-",
            )
        )
    return rows


def _entries(session: Session) -> dict[tuple[str, str], Entry]:
    """Return what the stores hold, by thumbprint and store."""
    if session.stores is None:
        return {}
    return {(one.thumbprint, one.store.casefold()): one for one in session.stores.entries()}


def _flags(session: Session, binding: Binding) -> str:
    """Return the tags that are not at their default, as they would be typed."""
    words = [
        tag.name
        if tag.type is Type.FLAG and not tag.default
        else f"{tag.name}={tag.text(binding.values[tag.name])}"
        for tag in STORED.values()
        if tag.name in binding.values and tag not in TAGS[:3] and tag.name != "sslflags"
    ]
    if "sslflags" in binding.values:
        words.append(f"sslflags={binding.sslflags(session.release)}")
    return printable(" ".join(words))
