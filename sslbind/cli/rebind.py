"""``sslbind rebind``: replace a certificate in every binding."""

from __future__ import annotations

import click

from sslbind import consequences
from sslbind.certificates.deferral import attempts
from sslbind.certificates.judgement import doubts
from sslbind.cli.app import HELP, NO, OK, App, dry_run_option, format_option, pass_app
from sslbind.cli.changes import describe
from sslbind.cli.passwords import password_options
from sslbind.cli.provision import named_certificate
from sslbind.cli.wildcards import one_file
from sslbind.keys import HOSTNAMEPORT
from sslbind.lookup import called
from sslbind.printable import printable
from sslbind.provisioning import cleaned, is_digits
from sslbind.rebinding import Rebinding, rebind
from sslbind.session import NOT_MODELLED, Session
from sslbind.wording import join, plural


@click.command("rebind", context_settings=HELP)
@click.argument("old", callback=one_file)
@click.argument("new", callback=one_file)
@click.option("--force", is_flag=True, help="Even if NEW lacks a name that OLD has.")
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
    """Replace the certificate OLD with NEW in every binding; other tags are kept.

    OLD and NEW are thumbprints, 8 or more of their digits, a SHA-256, a name that
    the certificate has, or PEM or PFX files. A NEW file is added to the store
    first. Either all bindings change or none. The exit code is 1 if nothing uses
    OLD, or if NEW does not cover a name that OLD covers, unless --force. It is 0,
    "unchanged", if nothing uses OLD because NEW is bound already.

    \b
    sslbind rebind '*.example.com' new.pfx
    """  # noqa: D301  # click's own mark, and no backslash
    app.note(*cleaned(old), *cleaned(new))
    for attempt in attempts():
        with attempt, app.editing(dry_run=dry_run) as session:
            before = named_certificate(old, password_file, password_env)
            if isinstance(before, str) and not is_digits(before):
                called(session, before)  # before asking for NEW's password
            after = named_certificate(new, password_file, password_env)
            result = rebind(session, before, after, force=force, dry_run=dry_run)
    if format_ == "json":
        app.json(_document(session, result, dry_run=dry_run))
    else:
        app.echo(_text(result, dry_run=dry_run))
    _comment(app, session, result)
    return NO if result.refused or not (result.changes or result.done) else OK


def _document(session: Session, result: Rebinding, *, dry_run: bool) -> dict[str, object]:
    moved = any(one.action != "unchanged" for one in result.changes)
    document: dict[str, object] = {
        "changed": moved and not dry_run and not result.refused,
        "old": result.old,
        "new": result.new,
        "uncovered": [*result.uncovered],
        "bindings": [c.after.to_json(session.release) for c in result.changes if c.after],
    }
    would = {"would_change": moved and not result.refused, "dry_run": True}
    return document | would if dry_run else document


def _text(result: Rebinding, *, dry_run: bool) -> str:
    would = dry_run or result.refused
    text = _refusal(result)
    text += "".join(describe(one, result.called, would=would) for one in result.changes)
    moved = [change for change in result.changes if change.action != "unchanged"]
    hosts = [change.key.host for change in moved if change.key.kind is HOSTNAMEPORT]
    names = printable(", ".join(dict.fromkeys([*hosts, *result.old_names])))
    if names and moved:
        verb = "would get" if would else "got"
        count = plural(len(moved), "binding")
        text += f"{count}; these names {verb} the new certificate: {names}\n"
    return text


def _refusal(result: Rebinding) -> str:
    """Return why nothing is changed, as the answer; empty if something is."""
    if not result.refused:
        return ""
    lacking = printable(join(result.uncovered))
    return f"refused: {result.new} does not cover {lacking}; nothing was changed\n"


def _comment(app: App, session: Session, result: Rebinding) -> None:
    """Print notes and hints on what was done and what was not."""
    if session.stores is None:
        app.note(NOT_MODELLED)
    if result.done:
        app.note(f"unchanged: nothing uses {result.old}, and {result.new} is already bound")
        return
    if not result.changes:
        app.hint(
            f"nothing uses {result.old}", "sslbind list shows which certificate each binding uses"
        )
        return
    if all(one.action == "unchanged" for one in result.changes):
        app.note("unchanged")
    changed = [one.after for one in result.changes if one.after]
    shared = consequences.shared(changed)
    app.note(*([shared] if shared else []), *consequences.copies(changed))
    for entry in session.stores.search(result.new)[:1] if session.stores else ():
        if entry.certificate is not None:
            app.note(*doubts(entry.certificate))
    if result.uncovered:
        force = "; --force binds it anyway" if result.refused else ""
        app.hint(f"{result.new} does not cover {join(result.uncovered)}{force}")
