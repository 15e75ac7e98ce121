"""Bindings selected by their certificate, owner, host or port, and put in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.keys import IPPORT, KINDS, Key, parse_address, parse_host
from sslbind.tags import TAG_BY_NAME

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry
    from sslbind.moments import Window
    from sslbind.session import Session

ORDERS = ("key", "expiry", "cert", "host", "port")
"""What bindings can be sorted by."""
_RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
_LATEST = datetime.max.replace(tzinfo=UTC)


def select_bindings(  # noqa: PLR0913  # each is one option, and all may be left out
    session: Session,
    *,
    thumbprints: Sequence[str] | None = None,
    appid: str | None = None,
    host: str | None = None,
    pattern: str | None = None,
    port: int | None = None,
) -> list[Binding]:
    """Return the bindings that match everything given, in the order of ``show``.

    ``thumbprints`` are hex digits, any of which must match: a thumbprint, its
    first 8 or more digits, or a SHA-256. ``appid`` is a GUID or the name of a
    known owner; ``host`` a host name or an address; ``pattern`` the same, with
    ``*`` for any text and ``?`` for one character. Raises BadValueError.
    """
    found = list(session.registry.bindings.values())
    if thumbprints is not None:
        wanted = tuple(_sha1(session, digits) for digits in thumbprints)
        found = [one for one in found if one.certhash and one.certhash.startswith(wanted)]
    if appid is not None:
        text = appid if appid.startswith("{") or "-" not in appid else f"{{{appid}}}"
        owner = TAG_BY_NAME["appid"].parse(text)
        found = [one for one in found if one.appid == owner]
    if pattern is not None and not is_pattern(pattern):
        host, pattern = pattern, None
    if host is not None:
        name = _host(host)
        found = [one for one in found if one.key.host == name]
    if pattern is not None:
        fits = _matcher(pattern)
        found = [one for one in found if one.key.host and fits(one.key.host)]
    if port is not None:
        found = [one for one in found if one.key.port == port]
    return found


def ending(
    session: Session, bindings: Iterable[Binding], within: Window, now: datetime
) -> tuple[list[Binding], int]:
    """Return the bindings whose certificates have expired or end ``within`` that time.

    And of how many bindings the end of the certificate is not known.
    """
    found, unknown = list[Binding](), 0
    for binding in bindings:
        entry = session.entry(binding)
        if entry is None or entry.not_before is None or entry.not_after is None:
            unknown += binding.key.kind.certificate
        elif now >= within.opens(entry.not_before, entry.not_after):
            found.append(binding)
    return found, unknown


class CertificateGroup(NamedTuple):
    """A certificate and the bindings that use it.

    ``thumbprint`` is None if the central store has the certificate, and where it is
    ``unknown``; ``entry`` is None if it is in none of their stores.
    """

    thumbprint: str | None
    unknown: bool
    entry: Entry | None
    bindings: Sequence[Binding]


def by_certificate(session: Session, bindings: Iterable[Binding]) -> list[CertificateGroup]:
    """Return the certificates of ``bindings``, in the order of the first that uses each.

    What has no thumbprint comes last.
    """
    groups: dict[tuple[bool, str | None], list[Binding]] = {}
    for binding in bindings:
        unknown = "certhash" in binding.unknown
        groups.setdefault((unknown, binding.certhash), []).append(binding)
    found = [
        CertificateGroup(
            thumbprint, unknown, next(filter(None, map(session.entry, group)), None), group
        )
        for (unknown, thumbprint), group in groups.items()
    ]
    return sorted(found, key=lambda one: one.thumbprint is None)


def is_pattern(text: str) -> bool:
    """Whether ``text`` stands for several hosts."""
    return "*" in text or "?" in text


def sort_bindings(session: Session, bindings: Iterable[Binding], order: str) -> list[Binding]:
    """Return ``bindings`` by one of ``ORDERS``; what is not known comes last.

    ``key``: kind, then host and port; ``cert``: the first name of the
    certificate, then its thumbprint. Addresses come before names, in the order
    of their numbers.
    """

    def rank(binding: Binding) -> tuple[object, ...]:
        key = binding.key
        by_key = _RANKS[key.kind], *_place(key), key.port
        if order == "host":
            return (*_place(key), key.port, _RANKS[key.kind])
        if order == "port":
            return (key.port, *by_key)
        if order == "key":
            return by_key
        entry = session.entry(binding)
        if order == "expiry":
            return ((entry and entry.not_after) or _LATEST, *by_key)
        thumbprint = binding.certhash
        name = entry.called if entry else ""
        return (thumbprint is None, not name, name.removeprefix("*."), thumbprint or "", *by_key)

    return sorted(bindings, key=rank)


def _place(key: Key) -> tuple[int, int, str]:
    """Return what sorts hosts: addresses as numbers, IPv4 first, then names."""
    if key.kind is not IPPORT:
        return 2, 0, key.host
    from ipaddress import ip_address

    address = ip_address(key.host)
    return int(address.version == 6), int(address), ""


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Return whether a host fits ``pattern``, in either form of an international name."""
    from sslbind.certificates.choosing import canonical_name

    text = pattern.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    wanted = re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."))

    def fits(host: str) -> bool:
        if wanted.fullmatch(host):
            return True
        return not host.isascii() and bool(wanted.fullmatch(canonical_name(host)))

    return fits


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
