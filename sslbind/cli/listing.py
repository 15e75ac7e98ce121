"""``sslbind list``: the bindings, for people, scripts and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sslbind.binding import UNKNOWN, Binding
from sslbind.cli.app import HELP, NO, OK, App, format_option, pass_app
from sslbind.cli.selection import select, selectors
from sslbind.cli.unread import unread_json
from sslbind.owners import owner_name
from sslbind.printable import printable
from sslbind.session import Session
from sslbind.tags import STORED, TAGS, Type

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry
    from sslbind.registry.provenance import Unread

_FEW = 3
"""Up to so many unknown tags are named."""
COLUMNS = ("kind", "key", "thumbprint", "owner", "days left", "flags")


@click.command("list", context_settings=HELP)
@selectors
@format_option("table", "json", "tsv")
@pass_app
def list_command(
    app: App, format_: str, cert: str | None, appid: str | None, host: str | None
) -> int:
    """List bindings: kind, key, thumbprint, owner, days left, flags.

    "days left" is the time until the certificate expires, "-" where it is not
    known. "flags" are the tags that are not at their default. The columns of
    tsv are those of the table, without a header.

    A record that is there and could not be read is a row with "?" in place of what
    is not known, and makes the exit code 1.
    """
    session = app.reading()
    found = select(session, cert, appid, host)
    unread = [one for one in session.registry.provenance.unread if one.is_record]
    code = NO if unread else OK
    if format_ == "json":
        document: dict[str, Any] = {
            "bindings": [binding.to_json(session.release) for binding in found]
        }
        if unread:
            document["unread"] = [unread_json(one) for one in unread]
        app.json(document)
        return code
    rows = _rows(session, found) + [_unread_row(one) for one in unread]
    if format_ == "tsv":
        app.echo("".join("\t".join(row) + "\n" for row in rows))
    elif rows:
        from sslbind.cli.table import print_table

        print_table(COLUMNS, rows)
    else:
        app.note("no binding" + (" is selected" if cert or appid or host else ""))
    return code


def _unread_row(one: Unread) -> tuple[str, ...]:
    """Return the row of a record that could not be read."""
    kind = one.key.kind if one.key is not None else one.kind
    key = one.key or (f"?:{one.port}" if one.port else UNKNOWN)
    what = printable(f"could not be read ({one.place})")
    return (str(kind or UNKNOWN), str(key), UNKNOWN, UNKNOWN, UNKNOWN, what)


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
                binding.certhash or (UNKNOWN if "certhash" in binding.unknown else "-"),
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
    unknown = [tag.name for tag in TAGS[3:] if tag.name in binding.unknown]
    few = len(unknown) <= _FEW
    words += [f"{name}={UNKNOWN}" for name in (unknown if few else ["others"])]
    return printable(" ".join(words))
