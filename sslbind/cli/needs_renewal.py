"""``sslbind needs-renewal``: yes or no, by exit code, for timers and hooks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import click

from sslbind.cli.app import HELP, App, format_option, pass_app
from sslbind.cli.moments import at_option, window
from sslbind.cli.passwords import password_options
from sslbind.cli.provision import read_certificates
from sslbind.cli.streams import STANDARD_INPUT, shown_name
from sslbind.cli.wildcards import one_file
from sslbind.errors import BadValueError, SslbindError
from sslbind.expiry import Row, expiry_rows
from sslbind.keys import CCS, SCOPEDCCS, Key, any_key
from sslbind.lookup import called
from sslbind.moments import Window
from sslbind.printable import printable
from sslbind.provisioning import certificate_reference, is_digits
from sslbind.selection import select_bindings
from sslbind.session import Session
from sslbind.wording import minute

YES, NOT_YET, MISSING, OTHER = 0, 1, 2, 255
"""The exit codes of ``step certificate needs-renewal``."""


class _Command(click.Command):
    """A command whose every failure exits with OTHER, usage errors included."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.show()
            raise click.exceptions.Exit(OTHER) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SslbindError as error:
            ctx.find_object(App).error(error)  # type: ignore[union-attr]  # the root makes it
            return OTHER
        except click.UsageError as error:
            error.show()
            return OTHER


class _Validity(NamedTuple):
    """The validity of one certificate, and what the answer calls it."""

    what: str
    not_before: datetime
    not_after: datetime


class _MissingError(SslbindError):
    """No such binding, certificate or file exists."""


@click.command("needs-renewal", cls=_Command, context_settings=HELP)
@click.argument("renewable", callback=one_file, metavar="KEY|CERT|FILE")
@click.option(
    "--expires-in",
    "within",
    metavar="TIME",
    default="33%",
    show_default=True,
    callback=window,
    help="How long before it expires a certificate is due: 30d, 2w, 12h, 33% of its lifetime, or"
    " a date.",
)
@at_option("As it will be then")
@password_options
@format_option()
@pass_app
def needs_renewal_command(
    app: App,
    renewable: str,
    within: Window,
    now: datetime,
    password_file: str | None,
    password_env: str | None,
    format_: str,
) -> int:
    """Say whether a certificate is due to be renewed.

    KEY is a binding (www.contoso.com:443) or a host, whose bindings on all ports are
    meant; CERT a thumbprint, 8 or more of its digits, or a name that it has; FILE
    a PEM or PFX file, or - for standard input. Of several certificates the one
    counts that ends first.

    Exit 0: yes; 1: no; 2: no such binding, certificate or file; 255: any other error.
    """
    try:
        lives = list(_lives(app, renewable, password_file, password_env))
    except _MissingError as error:
        if format_ == "json":
            app.json({"needs_renewal": None, "missing": True})
        else:
            app.echo(f"missing: {printable(error.message)}\n")
        app.hint(*error.hints)
        return MISSING
    life = min(lives, key=lambda one: one.not_after)
    due = now >= within.opens(life.not_before, life.not_after)
    if format_ == "json":
        app.json(
            {
                "needs_renewal": due,
                "missing": False,
                "not_after": life.not_after.isoformat(),
                "days_left": (life.not_after - now).days,
            }
        )
    else:
        ends = "expired" if now > life.not_after else "expires"
        verdict = "yes" if due else "no"
        app.echo(
            f"{verdict}: {printable(life.what)} {ends} on {minute(life.not_after)}, and is due"
            f" {within} before\n"
        )
    return YES if due else NOT_YET


def _lives(
    app: App, what: str, password_file: str | None, password_env: str | None
) -> Iterable[_Validity]:
    if what == STANDARD_INPUT or os.path.exists(what):
        found, _ = read_certificates((what,), password_file, password_env)
        return [
            _Validity(shown_name(what), one.leaf.not_before, one.leaf.not_after) for one in found
        ]
    reference = certificate_reference(what)
    if reference is not None and is_digits(reference):
        return _stored(app.reading(), reference)
    key = _key(what)
    if key is not None:
        return _bound(app.reading(), key)
    if reference is None:
        raise _MissingError(f"there is no file {what}", "check the path")
    return _called(app.reading(), reference)


def _key(text: str) -> Key | None:
    try:
        return any_key(text)
    except BadValueError:
        return None


def _called(session: Session, name: str) -> list[_Validity]:
    """Return the certificates of a host's bindings, or those that have it as a name."""
    host = name.removeprefix("[").removesuffix("]")
    with contextlib.suppress(BadValueError):
        found = select_bindings(session, host=host)
        if found:
            return [life for one in found for life in _bound(session, one.key)]
    try:
        known = called(session, name)
    except SslbindError as error:
        raise _MissingError(
            f"no binding, file or certificate has the name {name}",
            *error.hints,
        ) from None
    lives = [
        _Validity(f"{one.thumbprint} ({name})", one.entry.not_before, one.entry.not_after)
        for one in known
        if one.entry and one.entry.not_before and one.entry.not_after
    ]
    if not lives:
        raise SslbindError(f"certificates are not modelled, so the expiry of {name} is not known")
    return lives


def _stored(session: Session, digits: str) -> list[_Validity]:
    if session.stores is None:
        raise SslbindError(
            "without [CertStores] there is no certificate to check",
            "give a file instead of the thumbprint",
            file=session.registry.path,
        )
    found = {
        one.thumbprint: _Validity(one.thumbprint, one.not_before, one.not_after)
        for one in session.stores.search(digits)
        if one.not_before and one.not_after
    }
    if len(found) > 1:
        raise SslbindError(f"{digits} matches {len(found)} certificates: {', '.join(found)}")
    if not found:
        raise _MissingError(
            f"no store has the certificate {digits}", "sslbind store list shows the certificates"
        )
    return list(found.values())


def _bound(session: Session, key: Key) -> list[_Validity]:
    if session.registry.get(key) is None:
        raise _MissingError(f"there is no binding {key.spec}", "sslbind list shows the bindings")
    lives, problems = [], []
    for row in _rows(session, key):
        if row.not_before and row.not_after:
            lives.append(_Validity(f"{row.kind} {row.key}", row.not_before, row.not_after))
        else:
            problems.append(f"the certificate of {row.key}: {row.problem}")
    if session.stores is None and key.kind.certificate:
        raise SslbindError(f"{key.spec}: certificates are not modelled, so its expiry is not known")
    if not lives:
        raise _MissingError(
            "; ".join(problems) or f"no file of the central store serves {key.spec}",
            "sslbind check says what is missing, and which command adds it",
        )
    return lives


def _rows(session: Session, key: Key) -> Iterator[Row]:
    """Yield the rows of one binding; a central-store record has one for each of its files."""
    central = key.kind in (CCS, SCOPEDCCS)
    names = {key.host, f"*.{key.host.partition('.')[2]}"}
    served = {
        file.file
        for file in (session.central.files() if central and session.central else ())
        if file.name is not None and (key.kind is CCS or file.name in names)
    }
    for row in expiry_rows(session, ""):
        if (row.kind == key.kind.name and row.key == str(key)) or row.key in served:
            yield row
