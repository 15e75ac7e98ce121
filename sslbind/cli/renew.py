"""``sslbind renew``: the command for hooks of certbot and similar clients."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from sslbind.certificates.deferral import attempts
from sslbind.cli.app import HELP, NO, OK, App, dry_run_option, format_option, options, pass_app
from sslbind.cli.ccs_put import central_store, put_certificate, put_json, put_text
from sslbind.cli.changes import describe
from sslbind.cli.passwords import password_options, seal_option
from sslbind.cli.provision import read_certificates
from sslbind.cli.wildcards import all_files
from sslbind.errors import SslbindError
from sslbind.printable import printable
from sslbind.renewal import Renewal, RenewalRequest, newer_file, newest, renew
from sslbind.tags import TAG_BY_NAME
from sslbind.wording import some

if TYPE_CHECKING:
    from sslbind.certificates.central import Put
    from sslbind.session import Session

_NAMES = 5

renew_options = options(
    click.option(
        "--bind",
        "port",
        metavar="PORT",
        type=click.IntRange(1, 65535),
        help="Add a binding on PORT for each host name of FILE that has none.",
    ),
    click.option(
        "--appid",
        metavar="APPID",
        default="iis",
        show_default=True,
        help="The owner of the bindings that --bind adds.",
    ),
    click.option(
        "--ccs", is_flag=True, help="Also write the certificate's files in the central store."
    ),
    seal_option,
)


class _Done(NamedTuple):
    """What happened to one certificate's bindings, and to its files in the central store."""

    renewal: Renewal
    files: tuple[Put, ...] = ()


@click.command("renew", context_settings=HELP)
@click.argument("files", nargs=-1, required=True, callback=all_files, metavar="FILE...")
@renew_options
@password_options
@dry_run_option
@format_option()
@pass_app
def renew_command(
    app: App,
    files: tuple[str, ...],
    port: int | None,
    appid: str,
    ccs: bool,
    seal: str | None,
    password_file: str | None,
    password_env: str | None,
    dry_run: bool,
    format_: str,
) -> int:
    """Replace a certificate by its renewal wherever it is bound; other tags are kept.

    \b
    sslbind renew "$RENEWED_LINEAGE"

    FILE is a renewed certificate with its key: PEM or PFX, or a folder such as certbot's
    live/NAME; there may be several. The certificate that it replaces is found by name: the
    one with the same names, otherwise the only one whose names it all covers. Running it
    again prints "unchanged".

    Exit 1 if the old certificate is ambiguous (the candidates are listed) or no binding has
    the names; other certificates are still renewed.
    """  # noqa: D301  # click's own mark, and no backslash
    found, notes = read_certificates(files, password_file, password_env)
    app.note(*notes)
    identities = newest(found)
    passed = [one.leaf for one in found if one not in identities and one.leaf.names]
    app.note(*(f"{one.thumbprint} is skipped: a newer one is in the input" for one in passed))
    if not identities:
        raise SslbindError("FILE has no certificate with a host name or an address")
    owner = str(TAG_BY_NAME["appid"].parse(appid))
    request = RenewalRequest(datetime.now(UTC), port, owner, needed=not ccs, dry_run=dry_run)
    done: list[_Done] = []
    for attempt in attempts():
        with attempt, app.editing(dry_run=dry_run) as session:
            if ccs:
                central_store(session)
            done = [_Done(renew(session, identity, request)) for identity in identities]
    if ccs:
        done = [_with_files(app, session, one, seal, dry_run=dry_run) for one in done]
    if format_ == "json":
        app.json(_document(session, done, dry_run=dry_run))
    else:
        app.echo("".join(_text(one, dry_run=dry_run) for one in done))
    _comment(app, done)
    return NO if any(one.renewal.status == "refused" for one in done) else OK


def _with_files(
    app: App, session: Session, done: _Done, seal: str | None, *, dry_run: bool
) -> _Done:
    """Write the central store's files for a certificate that was not refused."""
    renewal = done.renewal
    if renewal.status == "refused":
        return done
    store = central_store(session)
    names = renewal.identity.leaf.dns_names
    with contextlib.nullcontext() if dry_run else store.writing(names):
        newer = newer_file(session, renewal.identity)
        if newer is not None:
            refused = renewal._replace(
                status="refused", message=f"{newer} in the central store has a newer certificate"
            )
            return done._replace(renewal=refused)
        files = put_certificate(app, session, store, renewal.identity, seal=seal, dry_run=dry_run)
    if any(one.action != "unchanged" for one in files):
        renewal = renewal._replace(status="renewed")
    return _Done(renewal, files)


def _text(done: _Done, *, dry_run: bool) -> str:
    renewal = done.renewal
    leaf = renewal.identity.leaf
    names = printable(some(leaf.names, _NAMES))
    would = "would be " if dry_run and renewal.status == "renewed" else ""
    lines = [f"{would}{renewal.status} {leaf.thumbprint} ({names})"]
    if renewal.message:
        lines[0] += f": {printable(renewal.message)}"
    lines += (f"    replaces {printable(str(one))}" for one in renewal.replaced)
    lines += (f"    candidate {printable(str(one))}" for one in renewal.candidates)
    text = "".join(f"{line}\n" for line in lines)
    text += "".join(describe(change, would=dry_run) for change in renewal.changes)
    return text + "".join(put_text(renewal.identity, one, dry_run=dry_run) for one in done.files)


def _comment(app: App, done: Sequence[_Done]) -> None:
    for renewal, _ in done:
        app.note(*renewal.notes)
        app.note(*(note for change in renewal.changes for note in change.notes))
        app.hint(*renewal.hints)


def _document(session: Session, done: Sequence[_Done], *, dry_run: bool) -> dict[str, Any]:
    changed = any(
        one.renewal.changes or any(put.action != "unchanged" for put in one.files) for one in done
    )
    document: dict[str, Any] = {
        "changed": changed and not dry_run,
        "certificates": [_plain(session, one) for one in done],
    }
    would = {"would_change": bool(changed), "dry_run": True}
    return document | would if dry_run else document


def _plain(session: Session, done: _Done) -> dict[str, Any]:
    renewal = done.renewal
    leaf = renewal.identity.leaf
    return {
        "thumbprint": leaf.thumbprint,
        "names": [*leaf.names],
        "not_after": leaf.not_after.isoformat(),
        "status": renewal.status,
        "message": renewal.message or None,
        "replaced": [one.thumbprint for one in renewal.replaced],
        "candidates": [
            {
                "thumbprint": one.thumbprint,
                "names": [*one.names],
                "bindings": [binding.key.to_json() for binding in one.bindings],
            }
            for one in renewal.candidates
        ],
        "bindings": [
            change.after.to_json(session.release) for change in renewal.changes if change.after
        ],
        "files": [put_json(renewal.identity, one) for one in done.files],
    }
