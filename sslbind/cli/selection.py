"""The options that select bindings: ``--cert``, ``--appid`` and ``--host``."""

from __future__ import annotations

import click

from sslbind.binding import Binding
from sslbind.cli.app import options
from sslbind.cli.provision import named_thumbprints
from sslbind.selection import select_bindings
from sslbind.session import Session

selectors = options(
    click.option(
        "--cert",
        metavar="CERT",
        help="Bindings of this certificate: a thumbprint, 8 or more of its digits, a SHA-256,"
        " or a file.",
    ),
    click.option(
        "--appid", metavar="APPID", help="Bindings of this owner: a GUID, or a name such as iis."
    ),
    click.option("--host", metavar="HOST", help="Bindings of this host name or address."),
)


def select(
    session: Session, cert: str | None, appid: str | None, host: str | None
) -> list[Binding]:
    """Return the bindings that match every option that was given."""
    thumbprints = None if cert is None else named_thumbprints(cert)
    return select_bindings(session, thumbprints=thumbprints, appid=appid, host=host)
