"""Bindings selected by their certificate, their owner or their host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.keys import parse_address, parse_host
from sslbind.tags import TAG_BY_NAME

if TYPE_CHECKING:
    from sslbind.session import Session


def select_bindings(
    session: Session,
    *,
    thumbprints: Sequence[str] | None = None,
    appid: str | None = None,
    host: str | None = None,
) -> list[Binding]:
    """Return the bindings that match everything given, in the order of ``show``.

    ``thumbprints`` are hex digits, any of which must match: a thumbprint, its
    first 8 or more digits, or a SHA-256. ``appid`` is a GUID or the name of a
    known owner; ``host`` a host name or an address. Raises BadValueError.
    """
    found = list(session.registry.bindings.values())
    if thumbprints is not None:
        wanted = tuple(_sha1(session, digits) for digits in thumbprints)
        found = [one for one in found if one.certhash and one.certhash.startswith(wanted)]
    if appid is not None:
        text = appid if appid.startswith("{") or "-" not in appid else f"{{{appid}}}"
        owner = TAG_BY_NAME["appid"].parse(text)
        found = [one for one in found if one.appid == owner]
    if host is not None:
        name = _host(host)
        found = [one for one in found if one.key.host == name]
    return found


def _sha1(session: Session, digits: str) -> str:
    """Return the thumbprint for the 64 digits of a SHA-256; other digits as they are."""
    if len(digits) < 64:
        return digits
    entry = session.stores.by_sha256(digits) if session.stores else None
    if entry is None:
        raise BadValueError(f"{digits}: no store has a certificate with this SHA-256")
    return entry.thumbprint


def _host(text: str) -> str:
    try:
        return parse_address(text.removeprefix("[").removesuffix("]"))
    except BadValueError:
        return parse_host(text)
