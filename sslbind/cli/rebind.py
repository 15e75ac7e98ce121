"""``sslbind rebind``: renewal in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from sslbind.certificates.identity import Identity
from sslbind.cli.app import HELP, NO, OK, App, dry_run_option, format_option, pass_app
from sslbind.cli.changes import describe
from sslbind.cli.passwords import password_options
from sslbind.cli.provision import (
    certificate_digits,
    cleaned,
    read_identity,
    stored_thumbprint,
)
from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import HOSTNAMEPORT
from sslbind.printable import printable
from sslbind.rebinding import Rebinding, rebind
from sslbind.session import ADD_BOTH, NOT_MODELLED, Session
from sslbind.wording import join, plural


@dataclass(frozen=True, slots=True)
class _Named:
    """A certificate that the command line names: its thumbprint, its names where known."""

    thumbprint: str
    names: Sequence[str] | None = None
    identity: Identity | None = None


@click.command("rebind", context_settings=HELP)
@click.argument("old")
@click.argument("new")
@click.option("--force", is_flag=True, help="Even where NEW lacks a name that OLD has.")
@password_options
@dry_run_option
@format_option()
@pass_app
def rebind_command(
    app: App,
    old: str,
    new: str,
    force: bool,
    dry_run: bool,
    format_: str,
    password_file: str | None,
    password_env: str | None,
) -> int:
    """Bind the certificate NEW wherever OLD is bound, every other tag kept.

    OLD and NEW are thumbprints, 8 or more of their digits, a SHA-256, or PEM or
    PFX files; a NEW file goes into the store first. All bindings change, or
    none does. Exit 1 where nothing uses OLD, and where NEW does not cover a
    name that OLD does, unless --force.
    """
    app.note(*cleaned(old), *cleaned(new))
    with app.editing(dry_run=dry_run) as session:
        checkpoint = session.editable.checkpoint()
        before = _old(session, old, password_file, password_env)
        after = _new(session, new, password_file, password_env)
        result = rebind(
            session,
            before.thumbprint,
            after.thumbprint,
            old_names=before.names or (),
            new_names=after.names,
            verify=after.identity is None,
        )
        refused = bool(result.uncovered) and not force
        if refused:
            session.editable.rollback(checkpoint)
        elif after.identity is not None and not dry_run:
            _store(session, after.identity, result)
    _tell(app, session, result, before, after, dry_run=dry_run, refused=refused, format_=format_)
    return NO if refused or not result.changes else OK


def _old(
    session: Session, text: str, password_file: str | None, password_env: str | None
) -> _Named:
    digits = certificate_digits(text)
    if digits is None:
        leaf = read_identity(text, password_file, password_env).leaf
        return _Named(leaf.thumbprint, leaf.names)
    if len(digits) == 64:
        thumbprint = stored_thumbprint(session, digits)
    else:
        used = {b.certhash for b in session.registry.bindings.values() if b.certhash}
        found = sorted(hash_ for hash_ in used if hash_.startswith(digits))
        if len(found) > 1:
            raise BadValueError(f"{text} means {len(found)} certificates: {', '.join(found)}")
        thumbprint = found[0] if found else digits
    return _Named(thumbprint, _stored_names(session, thumbprint))


def _new(
    session: Session, text: str, password_file: str | None, password_env: str | None
) -> _Named:
    digits = certificate_digits(text)
    if digits is not None:
        thumbprint = stored_thumbprint(session, digits)
        return _Named(thumbprint, _stored_names(session, thumbprint))
    identity = read_identity(text, password_file, password_env)
    if session.stores is None:
        raise SslbindError(
            "there is no certificate store to put the new certificate in",
            'add [CertStores] with path = "certs" to the registry, or name a thumbprint',
            file=session.registry.path,
        )
    leaf = identity.leaf
    stored = any(entry.has_key for entry in session.stores.search(leaf.thumbprint))
    if identity.key is None and not stored and not session.stores.keys_elsewhere:
        raise BadValueError(f"{text} holds no private key, and a binding needs one", ADD_BOTH)
    return _Named(leaf.thumbprint, leaf.names, identity)


def _stored_names(session: Session, thumbprint: str) -> Sequence[str] | None:
    if session.stores is None:
        return None
    found = session.stores.search(thumbprint) if len(thumbprint) >= 8 else ()
    return found[0].names if found else None


def _store(session: Session, identity: Identity, result: Rebinding) -> None:
    """Put the new certificate into every store that a changed binding looks in."""
    stores = session.stores
    for store in dict.fromkeys(c.after.store for c in result.changes if c.after):
        if stores is not None:
            stores.add(identity, store)


def _tell(
    app: App,
    session: Session,
    result: Rebinding,
    before: _Named,
    after: _Named,
    *,
    dry_run: bool,
    refused: bool,
    format_: str,
) -> None:
    moved = [change for change in result.changes if change.action != "unchanged"]
    changed = bool(moved) and not dry_run and not refused
    if format_ == "json":
        document = {
            "changed": changed,
            "old": before.thumbprint,
            "new": after.thumbprint,
            "uncovered": [*result.uncovered],
            "bindings": [c.after.to_json(session.release) for c in result.changes if c.after],
        }
        app.json(document | {"dry_run": True} if dry_run else document)
    else:
        would = dry_run or refused
        app.echo("".join(describe(change, would=would) for change in result.changes))
        hosts = [c.key.host for c in moved if c.key.kind is HOSTNAMEPORT]
        names = printable(", ".join(dict.fromkeys([*hosts, *(before.names or ())])))
        if names and moved:
            verb = "would change hands" if would else "changed hands"
            app.echo(f"{plural(len(moved), 'binding')}; these names {verb}: {names}\n")
    if session.stores is None:
        app.note(NOT_MODELLED)
    if result.changes and not moved:
        app.note("unchanged")
    if not result.changes:
        app.hint(f"nothing uses {before.thumbprint}", "sslbind list shows what each binding uses")
    elif result.uncovered:
        app.hint(
            f"{after.thumbprint} does not cover {join(result.uncovered)}"
            + ("; nothing was changed" if refused else ""),
            *(["--force binds it all the same"] if refused else []),
        )
