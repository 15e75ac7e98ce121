"""Bindings by their certificate, their owner or their host: ``--cert``, ``--appid``, ``--host``."""

from __future__ import annotations

import click

from sslbind.binding import Binding
from sslbind.cli.app import options
from sslbind.cli.provision import certificate_digits, read_identities
from sslbind.errors import BadValueError
from sslbind.keys import parse_address, parse_host
from sslbind.session import Session
from sslbind.tags import TAG_BY_NAME

selectors = options(
    click.option(
        "--cert",
        metavar="CERT",
        help="Those that use this certificate: a thumbprint, 8 or more of its digits, a SHA-256,"
        " or a file.",
    ),
    click.option("--appid", metavar="APPID", help="Those of this owner: a GUID, or a name: iis."),
    click.option("--host", metavar="HOST", help="Those of this host name or address."),
)


def select(
    session: Session, cert: str | None, appid: str | None, host: str | None
) -> list[Binding]:
    """Return the bindings that every given selector fits, in the order of ``show``."""
    found = list(session.registry.bindings.values())
    if cert is not None:
        wanted = thumbprints(session, cert)
        found = [b for b in found if (b.certhash or "-").startswith(wanted)]
    if appid is not None:
        text = appid if appid.startswith("{") or "-" not in appid else f"{{{appid}}}"
        owner = TAG_BY_NAME["appid"].parse(text)
        found = [b for b in found if b.appid == owner]
    if host is not None:
        name = _host(host)
        found = [b for b in found if b.key.host == name]
    return found


def thumbprints(session: Session, cert: str) -> tuple[str, ...]:
    """Return what thumbprints start with that ``cert`` means: digits, a SHA-256 or a file."""
    digits = certificate_digits(cert)
    if digits is None:
        return tuple(one.leaf.thumbprint for one in read_identities(cert)[0])
    if len(digits) < 64:
        return (digits,)
    entry = session.stores.by_sha256(digits) if session.stores else None
    if entry is None:
        raise BadValueError(f"{cert}: no store has the certificate with this SHA-256")
    return (entry.thumbprint,)


def _host(text: str) -> str:
    bare = text.removeprefix("[").removesuffix("]")
    try:
        return parse_address(bare)
    except BadValueError:
        return parse_host(text)
