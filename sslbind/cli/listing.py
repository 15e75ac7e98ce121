"""``sslbind list``: the bindings, for people, scripts and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from sslbind.binding import UNKNOWN, Binding, alike, alike_but_certificate
from sslbind.cli.app import HELP, NO, OK, App, format_option, pass_app, speaks_utf8
from sslbind.cli.jsontext import Item, ItemTexts
from sslbind.cli.moments import window
from sslbind.cli.selection import filters, selected_thumbprints
from sslbind.cli.unread import unread_json
from sslbind.owners import owner_name
from sslbind.printable import printable
from sslbind.selection import (
    ORDERS,
    CertificateGroup,
    by_certificate,
    ending,
    select_bindings,
    sort_bindings,
)
from sslbind.session import Session
from sslbind.tags import STORED, TAGS, Type
from sslbind.wording import day, plural

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry
    from sslbind.moments import Window
    from sslbind.registry.provenance import Unread

_FEW = 3
"""How many unknown tags a cell lists."""
COLUMNS = ("kind", "key", "thumbprint", "certificate", "owner", "days left", "flags")
GROUPED = ("thumbprint", "certificate", "expires", "days left", "count", "bindings")
_NAME = "certificate"


@click.command("list", context_settings=HELP)
@filters
@click.option(
    "--expires-within",
    "within",
    metavar="TIME",
    callback=window,
    help="Bindings whose certificate has expired, or expires within 30d, 2w, 12h, by a date, or"
    " is in the last 33% of its lifetime.",
)
@click.option(
    "--sort",
    "order",
    type=click.Choice(ORDERS),
    help="Order of the rows; by default kind by kind, in the order of the file.",
)
@click.option(
    "--group-by", type=click.Choice(["cert"]), help="One row per certificate, with its bindings."
)
@format_option("table", "json", "tsv")
@pass_app
def list_command(
    app: App,
    /,
    within: Window | None,
    order: str | None,
    group_by: str | None,
    format_: str,
    **chosen: Any,
) -> int:
    """List bindings: kind, key, thumbprint, certificate, owner, days left, flags.

    "certificate" is the first name of the certificate, and how many more it has;
    "days left" the time until it expires, "-" where that is not known. "flags" are
    the tags that are not at their default. On a narrow terminal thumbprints are
    shortened, "certificate" and "flags" are below their rows, and long cells folded.
    The columns of tsv are those of the table but "certificate", without a header;
    JSON has every tag, and the names and the end of the certificate.

    With --group-by cert the columns are thumbprint, certificate, expires, days
    left, count, bindings.

    A record that could not be read is a row with "?" for what is not known, and makes the
    exit code 1.
    """
    session, now = app.reading(), datetime.now(UTC)
    found = _selected(app, session, within, now, **chosen)
    if order:
        found = sort_bindings(session, found, order)
    unread = [one for one in session.registry.provenance.unread if one.is_record]
    if format_ == "json":
        document: dict[str, Any] = (
            {"certificates": map(_group_json, by_certificate(session, found))}
            if group_by
            else {"bindings": _records(session, found)}
        )
        app.json(document | ({"unread": [unread_json(one) for one in unread]} if unread else {}))
    else:
        _print(app, session, found, unread, now, grouped=bool(group_by), tsv=format_ == "tsv")
        if not found and not unread:
            selected = within or any(value is not None for value in chosen.values())
            app.note("no binding" + (" is selected" if selected else ""))
    return NO if unread else OK


def _selected(
    app: App,
    session: Session,
    within: Window | None,
    now: datetime,
    *,
    cert: str | None,
    appid: str | None,
    host: str | None,
    port: int | None,
) -> list[Binding]:
    """Return the bindings that the options select."""
    thumbprints = None if cert is None else selected_thumbprints(session, cert, only=False)
    found = select_bindings(session, thumbprints=thumbprints, appid=appid, pattern=host, port=port)
    if within is None:
        return found
    found, unknown = ending(session, found, within, now)
    if unknown:
        app.note(
            f"{plural(unknown, 'binding')} left out: the expiry date of the certificate is"
            " not known"
        )
    return found


def _print(
    app: App,
    session: Session,
    found: Sequence[Binding],
    unread: Sequence[Unread],
    now: datetime,
    *,
    grouped: bool,
    tsv: bool,
) -> None:
    rows: Iterator[Sequence[str]]
    if grouped:
        columns: Sequence[str] = GROUPED
        rows = (_group_row(one, now) for one in by_certificate(session, found))
        rows = chain(rows, map(_unread_group, unread))
    else:
        named = not tsv and session.stores is not None
        columns = [one for one in COLUMNS if named or one != _NAME]
        rows = _rows(session, found, now, named=named, tsv=tsv)
        rows = chain(rows, (_unread_row(one, named=named) for one in unread))
    if tsv:
        app.echo_lines("\t".join(row) + "\n" for row in rows)
    elif found or unread:
        from sslbind.cli.table import print_table

        print_table(columns, [*rows], spare=(_NAME,), below=columns[-1])


def _unread_row(one: Unread, *, named: bool) -> tuple[str, ...]:
    """Return the row of a record that could not be read."""
    kind = one.key.kind if one.key is not None else one.kind
    key = one.key or (f"?:{one.port}" if one.port else UNKNOWN)
    what = f"could not be read ({one.place})"
    unknown = [UNKNOWN] * (4 if named else 3)
    return (*map(printable, (str(kind or UNKNOWN), str(key), *unknown, what)),)


def _unread_group(one: Unread) -> tuple[str, ...]:
    """Return the bindings grouped by certificate."""
    _, key, *_, what = _unread_row(one, named=False)
    return (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "1", f"{key} {what}")


def _rows(
    session: Session, found: Sequence[Binding], now: datetime, *, named: bool, tsv: bool
) -> Iterator[tuple[str, ...]]:
    """Yield the row of each binding, made safe for a terminal; what follows the key as one for tsv.

    ``named``: with the name of the certificate.
    """

    @alike_but_certificate
    def tags(binding: Binding) -> tuple[str, str]:
        return owner_name(binding.appid) or binding.appid, _flags(session, binding) or "-"

    @alike
    def cells(binding: Binding) -> tuple[str, ...]:
        entry = session.entry(binding)
        owner, flags = tags(binding)
        cells = (
            binding.certhash or (UNKNOWN if "certhash" in binding.unknown else "-"),
            *([_called(entry)] if named else []),
            owner,
            _days(entry.not_after if entry else None, now),
            flags,
        )
        safe = map(printable, cells)
        return ("\t".join(safe),) if tsv else (*safe,)

    return ((one.key.kind.name, printable(str(one.key)), *cells(one)) for one in found)


def _called(entry: Entry | None) -> str:
    """Return the first name of a certificate and how many more it has."""
    more = len(entry.names) - 1 if entry else 0
    called = entry.called if entry else ""
    return f"{called} +{more}" if more > 0 else called or "-"


def _days(end: datetime | None, now: datetime) -> str:
    return "-" if end is None else str((end - now).days)


def _records(session: Session, found: Sequence[Binding]) -> Iterator[Item]:
    """Yield each binding for JSON."""
    texts = ItemTexts(ascii_only=not speaks_utf8())

    @alike_but_certificate
    def around(binding: Binding) -> list[str]:
        record = binding.to_json(session.release) | _certificate_json(None)
        return texts.around(record, ("key", "certhash", "names", "not_after"))

    @alike
    def around_key(binding: Binding) -> tuple[str, str]:
        before, to_hash, to_names, to_end, after = around(binding)
        known = _certificate_json(session.entry(binding))
        thumbprint, end = texts.quoted(binding.certhash), texts.quoted(known["not_after"])
        names = texts.listed(known["names"])
        return before, f"{to_hash}{thumbprint}{to_names}{names}{to_end}{end}{after}"

    for one in found:
        before, after = around_key(one)
        yield before, texts.quoted(str(one.key)), after


def _certificate_json(entry: Entry | None) -> dict[str, Any]:
    """Return what is known about a certificate; null for what is not."""
    return {
        "names": [*entry.names] if entry and entry.certificate else None,
        "not_after": entry.not_after.isoformat() if entry and entry.not_after else None,
    }


def _group_json(group: CertificateGroup) -> dict[str, Any]:
    return {
        "thumbprint": group.thumbprint,
        **_certificate_json(group.entry),
        "bindings": [one.key.to_json() for one in group.bindings],
    }


def _group_row(group: CertificateGroup, now: datetime) -> tuple[str, ...]:
    entry = group.entry
    end = entry.not_after if entry else None
    cells = (
        group.thumbprint or (UNKNOWN if group.unknown else "-"),
        _called(entry),
        day(end) if end else "-",
        _days(end, now),
        str(len(group.bindings)),
        " ".join(one.key.spec for one in group.bindings),
    )
    return (*map(printable, cells),)


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
