"""``sslbind store``: the certificate stores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from sslbind.certificates.deferral import attempts
from sslbind.certificates.judgement import doubts
from sslbind.cli.app import (
    HELP,
    NO,
    OK,
    App,
    CommandGroup,
    dry_run_option,
    format_option,
    pass_app,
)
from sslbind.cli.passwords import password_options
from sslbind.cli.provision import named_thumbprints, read_certificates
from sslbind.cli.wildcards import all_files, one_file
from sslbind.errors import RefusedError, SslbindError
from sslbind.inventory import (
    delete_entries,
    find_entries,
    missing_entries,
    require_stores,
    self_signed_for,
    sharing,
    users,
    verify_entries,
)
from sslbind.lookup import named
from sslbind.printable import printable
from sslbind.session import Session
from sslbind.wording import join

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry

store_option = click.option(
    "--store", metavar="NAME", default=None, help="The store: MY, WebHosting, Root …"
)


@click.group("store", cls=CommandGroup, context_settings=HELP)
def store_command() -> None:
    """The certificates that bindings use, in folders beside the registry."""


@store_command.command("add", context_settings=HELP)
@click.argument("files", nargs=-1, required=True, callback=all_files, metavar="FILE...")
@store_option
@password_options
@dry_run_option
@format_option()
@pass_app
def add(
    app: App,
    files: tuple[str, ...],
    store: str | None,
    dry_run: bool,
    format_: str,
    password_file: str | None,
    password_env: str | None,
) -> int:
    """Add certificates to a store, MY by default: PEM, DER, PFX or PKCS#7 files.

    The format is recognised by content. A bundle may be in any order; the chain is kept; a
    private key must match its certificate. Each certificate becomes THUMBPRINT.pem, with
    its chain, and THUMBPRINT.key. FILE may be several files that belong together, a
    certificate and its key, or a folder of them such as certbot's live/NAME.
    """
    session = app.reading()
    stores = require_stores(session)
    found, notes = read_certificates(files, password_file, password_env)
    app.note(*notes)
    added = []
    for identity in found:
        entry, changed = stores.add(identity, store, dry_run=dry_run)
        added.append((entry, changed))
        if not identity.leaf.is_ca:
            app.note(*doubts(identity.leaf))
        if identity.key is None and not entry.has_key and not stores.keys_elsewhere:
            app.note(f"{entry.thumbprint} has no private key: no binding can use it yet")
    if format_ == "json":
        done = [_entry_json(e) | _changed(c, dry_run=dry_run) for e, c in added]
        whole = _changed(any(changed for _, changed in added), dry_run=dry_run)
        app.json(whole | {"certificates": done})
        return OK
    for entry, changed in added:
        word = ("would add" if dry_run else "added") if changed else "unchanged"
        app.echo(f"{word} {entry.thumbprint} {entry.store} {printable(_title(entry))}\n")
    return OK


@store_command.command("list", context_settings=HELP)
@store_option
@format_option("table", "json", "tsv")
@pass_app
def list_(app: App, store: str | None, format_: str) -> None:
    """List the certificates: store, thumbprint, names, days left, private key, file, seal.

    "sealed" lists the algorithms that protect a PFX file; "explain pfx-too-new" says which
    releases can open it.
    """
    session = app.reading()
    entries = require_stores(session).entries(store)
    if format_ == "json":
        app.json({"certificates": [_entry_json(entry) for entry in entries]})
        return
    now = datetime.now(UTC)
    rows = [
        (
            entry.store,
            entry.thumbprint or "-",
            _title(entry) or "-",
            "-" if entry.not_after is None else str((entry.not_after - now).days),
            _status(entry),
            entry.file,
            str(entry.sealed or "-"),
        )
        for entry in entries
    ]
    if format_ == "tsv":
        app.echo("".join("\t".join(printable(cell) for cell in row) + "\n" for row in rows))
    elif rows:
        from sslbind.cli.table import print_table

        columns = ("store", "thumbprint", "names", "days left", "key", "file", "sealed")
        print_table(columns, rows, below="file")
    else:
        app.note("no certificate", "sslbind store add FILE adds one")


@store_command.command("show", context_settings=HELP)
@click.argument("certificate", callback=one_file)
@store_option
@format_option()
@pass_app
def show(app: App, certificate: str, store: str | None, format_: str) -> int:
    """Show one certificate.

    CERTIFICATE is a thumbprint, 8 or more of its digits, a SHA-256, a name that it
    has, or a file.
    """
    session = app.reading()
    entries = _named(session, certificate, store, covering=True)
    if format_ == "json":
        found = [_entry_json(one) | {"bindings": _users(session, one)} for one in entries]
        app.json({"certificates": found})
        return OK
    app.echo("\n".join(_details(session, entry) for entry in entries))
    return OK


@store_command.command("delete", context_settings=HELP)
@click.argument(
    "certificates", nargs=-1, required=True, callback=all_files, metavar="CERTIFICATE..."
)
@click.option(
    "--with",
    "others",
    metavar="REGISTRY",
    multiple=True,
    callback=all_files,
    help="Another registry that shares the folder of the stores, whose bindings count too;"
    " repeatable.",
)
@click.option("--yes", is_flag=True, help="Even if other registries share the folder.")
@click.option("--missing-ok", is_flag=True, help="Succeed if there is nothing to delete.")
@store_option
@dry_run_option
@format_option()
@pass_app
def delete(  # one parameter for each option
    app: App,
    certificates: tuple[str, ...],
    others: tuple[str, ...],
    yes: bool,
    missing_ok: bool,
    store: str | None,
    dry_run: bool,
    format_: str,
) -> int:
    """Delete certificates with their keys; refused while a binding uses one.

    Only the bindings of this registry and those of --with are known. If another registry
    has the same folder, or may have it, deletion is refused unless --yes.
    """
    for attempt in attempts():
        with attempt, app.editing(dry_run=dry_run) as session:
            if not yes:
                _refuse_sharing(session, others)
            entries = _deletable(app, session, certificates, store, missing_ok=missing_ok)
            sessions = [app.reading(path) for path in others]
            deleted = delete_entries(session, entries, sessions, dry_run=dry_run)
    if format_ == "json":
        app.json(_changed(bool(deleted), dry_run=dry_run) | {"deleted": deleted})
    else:
        word = "would delete" if dry_run else "deleted"
        app.echo("".join(f"{word} {printable(file)}\n" for file in deleted))
    return OK


@store_command.command("verify", context_settings=HELP)
@click.argument("certificates", nargs=-1, callback=all_files, metavar="[CERTIFICATE]...")
@store_option
@format_option()
@pass_app
def verify(app: App, certificates: tuple[str, ...], store: str | None, format_: str) -> int:
    """Check certificates, all by default: key, chain, dates, names, usage, file modes.

    The names checked are those of the bindings that use the certificate; a certificate that
    a binding uses and that is missing is reported too. Exit 1 if anything is wrong.
    """
    session = app.reading()
    stores = require_stores(session)
    if certificates:
        entries: Sequence[Entry] = [
            entry for text in certificates for entry in _named(session, text, store)
        ]
    else:
        entries = stores.entries(store)
    report = [*verify_entries(session, entries, datetime.now(UTC))]
    if not certificates:
        report += missing_entries(session, store)
    bad = any(problems for _, problems in report)
    if format_ == "json":
        app.json(
            {
                "certificates": [
                    {
                        "store": entry.store,
                        "thumbprint": entry.thumbprint or None,
                        "file": entry.file or None,
                        "problems": [
                            {"id": one.id, "message": one.message, "advice": one.advice or None}
                            for one in problems
                        ],
                    }
                    for entry, problems in report
                ]
            }
        )
        return NO if bad else OK
    for entry, problems in report:
        name = printable(f"{entry.store} {entry.thumbprint or entry.file}")
        if not problems:
            app.echo(f"{name}: good\n")
        for one in problems:
            line = f"{name}: {one.id}: {one.message}" + (f"; {one.advice}" if one.advice else "")
            app.echo(f"{printable(line)}\n")
    return NO if bad else OK


@store_command.command("new", context_settings=HELP)
@click.option("--dns", multiple=True, metavar="NAME", help="A host name; repeatable.")
@click.option("--ip", multiple=True, metavar="ADDRESS", help="An IP address; repeatable.")
@click.option(
    "--days",
    type=click.IntRange(1, 36500),
    default=90,
    show_default=True,
    help="How long it is valid.",
)
@store_option
@click.option("--force", is_flag=True, help="Make one even if the store has a valid one.")
@format_option()
@pass_app
def new(  # one parameter for each option
    app: App,
    dns: tuple[str, ...],
    ip: tuple[str, ...],
    days: int,
    store: str | None,
    force: bool,
    format_: str,
) -> int:
    """Make a self-signed certificate for development, with a new key.

    If the store has one for the same names that is valid and has its key, nothing
    changes: pipelines may run it again.
    """
    from sslbind.certificates.parsing import self_signed

    if not dns and not ip:
        raise click.UsageError("--dns NAME or --ip ADDRESS is missing")
    stores = require_stores(app.reading())
    now = datetime.now(UTC)
    made = self_signed(dns, ip, days, now)
    entry = None if force else self_signed_for(stores, made.leaf.names, store, now)
    changed = entry is None
    if entry is None:
        entry, _ = stores.add(made, store)
    if format_ == "json":
        app.json({"changed": changed, "certificates": [_entry_json(entry)]})
    else:
        done = "added" if changed else "unchanged"
        app.echo(f"{done} {entry.thumbprint} {entry.store} {printable(_title(entry))}\n")
    if not changed:
        until = f"{entry.not_after:%Y-%m-%d}" if entry.not_after else ""
        app.note(f"it is valid until {until}; --force makes another")
    return OK


def _changed(changed: bool, *, dry_run: bool) -> dict[str, Any]:
    if not dry_run:
        return {"changed": changed}
    return {"changed": False, "would_change": changed, "dry_run": True}


def _deletable(
    app: App, session: Session, certificates: Sequence[str], store: str | None, *, missing_ok: bool
) -> list[Entry]:
    """Return the entries of the arguments; with ``missing_ok``, print a note for missing ones."""
    found: list[Entry] = []
    for text in certificates:
        try:
            found += _named(session, text, store)
        except SslbindError as error:
            if not missing_ok:
                raise
            app.note(f"unchanged: {error.message}")
    return found


def _refuse_sharing(session: Session, others: Sequence[str]) -> None:
    """Raise RefusedError if bindings that are not known may use the certificates."""
    found, maybe = sharing(session)
    known = {os.path.realpath(path) for path in others}
    unasked = [path for path in found if os.path.realpath(path) not in known]
    folder = require_stores(session).folder
    only = f"store delete only sees the bindings of {join([session.registry.path, *others])}"
    if unasked:
        raise RefusedError(
            f"{join(unasked)} also {'has' if len(unasked) == 1 else 'have'} the stores in"
            f" {folder}, and {only}",
            *(f"--with {path} also checks its bindings" for path in unasked),
            "--yes deletes anything that these bindings do not use",
        )
    if maybe and not others:
        raise RefusedError(
            f"{folder} is not below the registry's folder and may be shared, and {only}",
            "--with REGISTRY also checks the bindings of another one",
            "--yes deletes anything that these bindings do not use",
        )


def _named(
    session: Session, text: str, store: str | None, *, covering: bool = False
) -> tuple[Entry, ...]:
    """Return the entries of the certificate that ``text`` names, or that covers it by wildcard."""
    require_stores(session)
    found = named_thumbprints(text)
    thumbprints = (named(session, found, covering=covering),) if isinstance(found, str) else found
    return find_entries(session, thumbprints, store, named=text)


def _users(session: Session, entry: Entry) -> list[str]:
    return [key.spec for key in users(session, entry)]


def _title(entry: Entry) -> str:
    facts = entry.certificate
    return ", ".join(entry.names) or (facts and facts.subject) or entry.problem or ""


def _status(entry: Entry) -> str:
    if entry.locked:
        return "locked"
    return {"ok": "yes", "missing": "no", "mismatch": "another's"}[entry.key_status]


def _entry_json(entry: Entry) -> dict[str, Any]:
    facts = entry.certificate
    return {
        "store": entry.store,
        "file": entry.file,
        "thumbprint": entry.thumbprint or None,
        "sha256": facts and facts.sha256,
        "subject": facts and facts.subject,
        "issuer": facts and facts.issuer,
        "names": [*entry.names],
        "not_before": facts and facts.not_before.isoformat(),
        "not_after": facts and facts.not_after.isoformat(),
        "key": entry.key_status,
        "locked": entry.locked,
        "problem": entry.problem,
        "sealed": str(entry.sealed) if entry.sealed else None,
    }


def _details(session: Session, entry: Entry) -> str:
    facts = entry.certificate
    rows = [("thumbprint", entry.thumbprint)]
    if facts:
        rows.append(("SHA-256", facts.sha256))
    rows += [("store", entry.store), ("file", entry.file)]
    if facts:
        rows += [
            ("subject", facts.subject),
            ("issuer", "itself" if facts.self_issued else facts.issuer),
            ("names", ", ".join(facts.names)),
            ("valid from", str(facts.not_before)),
            ("valid to", str(facts.not_after)),
            ("public key", facts.key_type),
            ("signature", facts.signature_hash or ""),
            ("key usage", ", ".join(facts.eku or ())),
        ]
    rows += [
        ("private key", _status(entry)),
        ("sealed", str(entry.sealed or "")),
        ("chain", ", ".join(one.thumbprint for one in entry.chain)),
        ("bindings", ", ".join(_users(session, entry)) or "none"),
        ("problem", entry.problem or ""),
    ]
    return "".join(f"{name + ':':<13} {printable(value)}\n" for name, value in rows if value)
