"""Host names in certificates: their canonical form, and which of them cover a host."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ipaddress

from sslbind.hosts import ascii_host, unicode_labels

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def ascii_name(name: str) -> str:
    """Return a host name in the form of a certificate: lower case, A-labels, no trailing dot.

    Both forms of an international name are accepted, as by ``parse_host``, and ``*`` as the
    whole first label. Raises ValueError, with the reason, for anything else, addresses
    included.
    """
    star, rest = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    if not rest.isascii():
        try:
            rest = ascii_host(".".join(unicode_labels(rest.removesuffix("."))))
        except ValueError as error:
            raise ValueError(f"not an international host name: {error}") from None
    rest = rest.lower().removesuffix(".")
    if len(star + rest) > 253:
        raise ValueError("longer than 253 characters")
    if not all(_LABEL.fullmatch(label) for label in rest.split(".")):
        raise ValueError("a label is empty, too long, or has a character that is not allowed")
    if address(rest) is not None or rest.rpartition(".")[2].isdecimal():
        raise ValueError("an address, not a host name")
    return star + rest


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that ``text`` is, with or without brackets, or None."""
    if ":" not in text and not text.rstrip("]")[-1:].isdigit():
        return None  # true of most names, and an exception costs ten times as much
    import ipaddress

    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def covers(certificate_names: Iterable[str], host: str) -> bool:
    """Whether one of the names of a certificate covers ``host`` according to RFC 9525.

    Names and host are case-insensitive, in either form of an international name. ``*``
    covers exactly one label, the first and a whole one, in front of at least two others:
    clients refuse ``*.com``. A host ``*.contoso.com``, the key of a wildcard binding, is
    only covered by the same wildcard. An address is compared as an address. Nothing covers
    an invalid host name.
    """
    wanted = address(host)
    if wanted is not None:
        return wanted in _addresses(tuple(certificate_names))
    try:
        host = ascii_name(host)
    except ValueError:
        return False
    parent = host.partition(".")[2]
    wildcard = f"*.{parent}" if "." in parent and not host.startswith("*.") else host
    return not _hosts(tuple(certificate_names)).isdisjoint((host, wildcard))


@functools.lru_cache(maxsize=16)  # a certificate is checked for one host after another
def _hosts(names: tuple[str, ...]) -> frozenset[str]:
    found = set()
    for name in names:
        with contextlib.suppress(ValueError):
            found.add(ascii_name(name))
    return frozenset(found)


@functools.lru_cache(maxsize=16)
def _addresses(
    names: tuple[str, ...],
) -> frozenset[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return frozenset(filter(None, map(address, names)))
