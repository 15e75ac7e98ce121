"""``sslbind ccs put``: write a certificate as a file for each of its names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sslbind.cli.app import HELP, OK, App, dry_run_option, format_option, pass_app
from sslbind.cli.passwords import password_options, seal_option
from sslbind.cli.provision import read_certificates
from sslbind.cli.wildcards import all_files
from sslbind.errors import SslbindError
from sslbind.printable import printable

if TYPE_CHECKING:
    from sslbind.certificates.central import CentralStore, Put
    from sslbind.certificates.identity import Identity
    from sslbind.session import Session

ENABLE = "sslbind ccs enable FOLDER"
_NOT_ENCRYPTED = (
    "the files are not encrypted, because the registry has no password file: sslbind ccs enable"
    " --password-file FILE sets one"
)


@click.command("put", context_settings=HELP)
@click.argument("files", nargs=-1, required=True, callback=all_files, metavar="FILE...")
@seal_option
@click.option("--legacy", is_flag=True, help="The same as --seal legacy.")
@password_options
@dry_run_option
@format_option()
@pass_app
def put(
    app: App,
    files: tuple[str, ...],
    seal: str | None,
    legacy: bool,
    password_file: str | None,
    password_env: str | None,
    dry_run: bool,
    format_: str,
) -> int:
    """Write a certificate, with its key and chain, as a PFX file for each of its names.

    HOST.pfx serves a host, _.PARENT.pfx what a wildcard covers. FILE is what store add
    takes: PEM, PFX, several files that belong together, or a folder such as certbot's
    live/NAME. Each file is replaced whole, and encrypted with the provider's password;
    --password-file and --password-env are for reading FILE. Running it again changes
    nothing.
    """
    if legacy and seal == "modern":
        raise click.UsageError("--legacy and --seal modern exclude each other")
    seal = "legacy" if legacy else seal
    session = app.reading()
    store = central_store(session)
    found, notes = read_certificates(files, password_file, password_env)
    app.note(*notes)
    keyed = [one for one in found if one.key is not None] or found
    for one in found:
        if one not in keyed:
            app.note(f"{one.leaf.thumbprint} has no private key, and is left out")
    done = [
        (one, put_certificate(app, session, store, one, seal=seal, dry_run=dry_run))
        for one in keyed
    ]
    changed = any(one.action != "unchanged" for _, wrote in done for one in wrote)
    if format_ == "json":
        document: dict[str, Any] = {
            "changed": changed and not dry_run,
            "files": [put_json(identity, one) for identity, wrote in done for one in wrote],
        }
        app.json(document | {"would_change": changed, "dry_run": True} if dry_run else document)
    else:
        app.echo("".join(put_text(i, one, dry_run=dry_run) for i, wrote in done for one in wrote))
    if not changed:
        app.note("unchanged")
    return OK


def no_location(session: Session) -> SslbindError:
    """Return the error for a registry that has no folder for the central store."""
    return SslbindError(
        "has no CertStoreLocation in [CentralCertProvider]",
        f"{ENABLE} sets the folder of the PFX files",
        file=session.registry.path,
    )


def central_store(session: Session) -> CentralStore:
    """Return the central store, enabled or not; raise SslbindError if it has no folder."""
    store = session.central_store
    if store is None:
        raise no_location(session)
    if store.unreadable:
        raise SslbindError(
            f"the folder of the central store cannot be read: {store.unreadable}",
            f"create the folder, or set another one with {ENABLE}",
            file=store.folder,
        )
    return store


def put_certificate(
    app: App,
    session: Session,
    store: CentralStore,
    identity: Identity,
    *,
    seal: str | None = None,
    dry_run: bool = False,
) -> tuple[Put, ...]:
    """Write the files of one certificate, and note the names that none of them serves."""
    from sslbind.certificates.central import stems_for
    from sslbind.certificates.sealing import Seal, seal_for

    leaf = identity.leaf
    if not stems_for(leaf.dns_names):
        raise SslbindError(
            f"{leaf.thumbprint} has no host name to name a file after",
            "the central store serves host names only",
        )
    left_out = [name for name in leaf.names if not stems_for((name,))]
    if left_out:
        app.note(f"no file serves {', '.join(left_out)}: the central store serves host names only")
    settings = session.registry.settings.central_store
    if settings is None or not settings.password_file:
        app.note(_NOT_ENCRYPTED)
    chosen = Seal(seal) if seal else seal_for(session.release)
    return store.put(identity, chosen, dry_run=dry_run)


def put_text(identity: Identity, put: Put, *, dry_run: bool) -> str:
    """Return the line about one file."""
    verb = {"added": "add", "updated": "update"}.get(put.action)
    word = f"would {verb}" if dry_run and verb else put.action
    return f"{word} {printable(put.file)} {identity.leaf.thumbprint}\n"


def put_json(identity: Identity, put: Put) -> dict[str, Any]:
    """Return what happened to one file."""
    return {
        "file": put.file,
        "serves": put.serves,
        "thumbprint": identity.leaf.thumbprint,
        "action": put.action,
    }
