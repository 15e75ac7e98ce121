"""``sslbind copy`` and ``sslbind move``: put a binding at another host, address or port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sslbind.cli.app import (
    HELP,
    IF_EXISTS,
    OK,
    App,
    dry_run_option,
    format_option,
    no_verify_option,
    options,
    pass_app,
)
from sslbind.cli.changes import describe
from sslbind.keys import HOSTNAMEPORT, SCOPEDCCS, Key, any_key
from sslbind.relocation import Relocation, relocate
from sslbind.session import Session

_parameters: Callable[[Any], Any] = options(
    click.argument("key", metavar="KEY"),
    click.argument("newkey", metavar="NEWKEY"),
    click.option(
        "--if-exists",
        type=click.Choice(IF_EXISTS),
        default="fail",
        show_default=True,
        help="What to do if NEWKEY exists: fail; keep it if it is exactly what was asked for;"
        " update the tags that KEY has; or also reset the others.",
    ),
    click.option(
        "--force",
        is_flag=True,
        help="With --if-exists: even if NEWKEY has another owner, or a name loses its certificate.",
    ),
    no_verify_option,
    dry_run_option,
    format_option(),
)


@click.command("copy", context_settings=HELP)
@_parameters
@pass_app
def copy_command(app: App, /, **chosen: Any) -> int:
    """Copy a binding to another key; every tag is kept.

    KEY and NEWKEY are bindings: ADDRESS:PORT, NAME:PORT, or with the kind, as in
    ipport=ADDRESS:PORT. If NEWKEY exists nothing changes, unless --if-exists.

    \b
    sslbind copy www.contoso.com:443 shop.contoso.com:443
    sslbind copy 0.0.0.0:443 0.0.0.0:8443
    """  # noqa: D301  # click's own mark, and no backslash
    return _relocate(app, move=False, **chosen)


@click.command("move", context_settings=HELP)
@_parameters
@pass_app
def move_command(app: App, /, **chosen: Any) -> int:
    """Move a binding to another key; every tag is kept.

    KEY and NEWKEY are bindings: ADDRESS:PORT, NAME:PORT, or with the kind, as in
    ipport=ADDRESS:PORT. Both the new and the old binding change, or neither. If NEWKEY
    exists nothing changes, unless --if-exists.

    \b
    sslbind move www.contoso.com:443 www.contoso.com:8443
    """  # noqa: D301  # click's own mark, and no backslash
    return _relocate(app, move=True, **chosen)


def _relocate(
    app: App, *, move: bool, key: str, newkey: str, dry_run: bool, format_: str, **chosen: Any
) -> int:
    """Run copy or move; ``chosen`` is for ``relocate``."""
    with app.editing(dry_run=dry_run) as session:
        source = _source(session, key)
        new = any_key(newkey, scoped=source.kind is SCOPEDCCS)
        done = relocate(session, source, new, move=move, **chosen)
    if format_ == "json":
        app.json(_document(session, source, done, dry_run=dry_run))
    else:
        app.echo(describe(done.put, session.called, would=dry_run))
        app.echo(describe(done.taken, would=dry_run) if done.taken else "")
    app.note(*done.notes)
    return OK


def _source(session: Session, text: str) -> Key:
    """Return the key of ``text``; a name may mean a central-store record."""
    key = any_key(text)
    if key.kind is HOSTNAMEPORT and "=" not in text and session.registry.get(key) is None:
        scoped = Key(SCOPEDCCS, key.host, key.port)
        return scoped if session.registry.get(scoped) is not None else key
    return key


def _document(session: Session, source: Key, done: Relocation, *, dry_run: bool) -> dict[str, Any]:
    changed = done.put.action != "unchanged" or done.taken is not None
    after = done.put.after
    document: dict[str, Any] = {
        "changed": changed and not dry_run,
        "action": done.put.action,
        "from": source.to_json(),
        "moved": done.taken is not None,
        "binding": after and after.to_json(session.release),
    }
    return document | {"would_change": changed, "dry_run": True} if dry_run else document
