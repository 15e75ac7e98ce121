"""The options that select bindings: ``--cert``, ``--appid``, ``--host`` and ``--port``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from sslbind.binding import Binding
from sslbind.cli.app import options
from sslbind.cli.wildcards import one_file
from sslbind.selection import select_bindings
from sslbind.session import Session

_cert = click.option(
    "--cert",
    metavar="CERT",
    callback=one_file,
    help="Bindings of this certificate: a thumbprint, 8 or more of its digits, a SHA-256,"
    " a name that it has, or a file.",
)
_appid = click.option(
    "--appid", metavar="APPID", help="Bindings of this owner: a GUID, or a name such as iis."
)
selectors = options(
    _cert,
    _appid,
    click.option("--host", metavar="HOST", help="Bindings of this host name or address."),
)
"""The options that select bindings to change."""

filters = options(
    _cert,
    _appid,
    click.option(
        "--host",
        metavar="HOST",
        help="Bindings of this host name or address; * matches any text, ? one character.",
    ),
    click.option("--port", type=click.IntRange(1, 65535), help="Bindings of this port."),
)
"""The options that select bindings to show."""


def select(
    session: Session, cert: str | None, appid: str | None, host: str | None
) -> list[Binding]:
    """Return the bindings that match all the ``selectors`` given."""
    thumbprints = None if cert is None else selected_thumbprints(session, cert)
    return select_bindings(session, thumbprints=thumbprints, appid=appid, host=host)


def selected_thumbprints(session: Session, cert: str, *, only: bool = True) -> Sequence[str]:
    """Return the digits or thumbprints that ``--cert`` means.

    If several certificates have the name, those that are bound are meant; raises
    RefusedError, with the candidates, if ``only`` one is allowed.
    """
    from sslbind.cli.provision import named_thumbprints

    found = named_thumbprints(cert)
    if not isinstance(found, str):
        return found
    from sslbind.lookup import called, named

    if only:
        return (named(session, found, bound=True),)
    return [one.thumbprint for one in called(session, found, covering=True)]
