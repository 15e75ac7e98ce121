"""``sslbind diff``: servers side by side, by binding and tag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from sslbind.cli.app import HELP, NO, OK, UNASKED, App, format_option, pass_app
from sslbind.cli.streams import STANDARD_INPUT, is_server
from sslbind.cli.unread import unread_json
from sslbind.cli.wildcards import all_files
from sslbind.comparison import (
    UNRECORDED,
    Comparison,
    Difference,
    compare,
    server_state,
    shown_value,
)
from sslbind.errors import SslbindError
from sslbind.keys import Key
from sslbind.printable import printable
from sslbind.session import NO_STORE_NAME
from sslbind.tags import STORE
from sslbind.wording import plural

_MISSING = "-"


@click.command("diff", context_settings=HELP)
@click.argument("files", nargs=-1, required=True, callback=all_files, metavar="A B...")
@format_option()
@pass_app
def diff_command(app: App, files: tuple[str, ...], format_: str) -> int:
    """Compare two or more servers by binding and tag.

    A, B and so on are registries, or files that import reads; '-' is standard input, and
    @NAME, @GROUP and @all are servers of the targets file, read now. For each difference:
    the binding, the tag, and each value with the servers that have it; "-" if the binding
    is missing. The case of store names and the order of the listen list make no difference.
    What a file does not record is not compared, and is shown as "?"; a record that could
    not be read is listed. Exit 1 if there is a difference, or if it is not known whether
    there is one.
    """
    paths = app.spelled_out(files)
    if len(paths) < 2:
        raise click.UsageError(f"{paths[0]} is only one server: a comparison needs two or more")
    if files.count(STANDARD_INPUT) > 1:
        raise click.UsageError("standard input ('-') is one server and can only be given once")
    release_given = app.release_option is not None
    states = []
    for path in paths:
        try:
            states.append(server_state(app.reading(path), release_given=release_given))
        except SslbindError as error:
            if not is_server(path):
                raise
            app.error(error)
    if len(states) < 2:
        return UNASKED
    comparison = compare(states)
    if format_ == "json":
        app.json(_document(comparison))
    else:
        app.echo(_text(comparison))
    if any(one.tag == STORE.name and _unset(one) for one in comparison.differences):
        app.note(NO_STORE_NAME)
    if len(states) < len(paths):
        return UNASKED
    certain = not comparison.unknown and not comparison.unread
    return OK if certain and not comparison.differences else NO


def _document(comparison: Comparison) -> dict[str, Any]:
    document: dict[str, Any] = {
        "servers": [*comparison.servers],
        "same": comparison.same,
        "differences": [
            {
                "kind": one.key and one.key.kind.name,
                "key": one.key and str(one.key),
                "tag": one.tag,
                "values": [_plain(value) for value in one.values],
            }
            for one in comparison.differences
        ],
        "not_compared": [
            {"server": name, "names": [*names]} for name, names in comparison.not_compared
        ],
    }
    if comparison.unknown:
        document["unknown"] = comparison.unknown
    if comparison.unread:
        document["unread"] = [
            {"server": name, **unread_json(one)} for name, one in comparison.unread
        ]
    return document


def _plain(value: object) -> object:
    """Return a value for JSON: null for one that is not recorded, text for a date."""
    if value is UNRECORDED:
        return None
    if isinstance(value, tuple):
        return [*value]
    return value if value is None or isinstance(value, str | int) else str(value)


def _text(comparison: Comparison) -> str:
    servers = comparison.servers
    every = "both" if len(servers) == 2 else f"all {len(servers)}"
    lines = [f"the same on {every} servers: {plural(comparison.same, 'binding')}"]
    if comparison.unknown:
        count = plural(comparison.unknown, "binding")
        lines.append(f"no difference in what is recorded, which is not everything: {count}")
    lines += [
        printable(f"could not be read: {one.place}: {one.message}") for _, one in comparison.unread
    ]
    lines += [
        printable(f"not compared: {name} does not record {', '.join(names)}")
        for name, names in comparison.not_compared
    ]
    for key, differences in groupby(comparison.differences, key=lambda one: one.key):
        lines += ["", _title(key)]
        rows = [row for one in differences for row in _rows(one, servers)]
        tags, values = (max(len(row[at]) for row in rows) for at in (0, 1))
        lines += [f"    {tag:<{tags}}  {value:<{values}}  {who}" for tag, value, who in rows]
    return "\n".join(lines) + "\n"


def _title(key: Key | None) -> str:
    return "server" if key is None else key.spec


def _rows(one: Difference, servers: tuple[str, ...]) -> Iterator[tuple[str, str, str]]:
    """Yield a row per value: the tag (first row only), the value, the servers that have it."""
    found: dict[str, list[str]] = {}
    for name, value, present in zip(servers, one.values, one.present, strict=True):
        shown = shown_value(one.tag, value) if present or value is UNRECORDED else _MISSING
        found.setdefault(shown, []).append(name)
    tag = printable(one.tag or "binding")
    for value, names in found.items():
        yield tag, value, printable(", ".join(names))
        tag = ""


def _unset(one: Difference) -> bool:
    """Whether a server has the binding but no value for the tag."""
    return any(p and v is None for p, v in zip(one.present, one.values, strict=True))
