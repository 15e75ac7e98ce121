"""Certificates that a strict parser refuses as a whole, without the offending part.

Examples are RFC 8410's own example, DSA keys that inherit their parameters (RFC
3279, section 2.3.2), or a signature algorithm with superfluous parameters. Windows accepts
them. What is left is a certificate that a parser reads; its signature is no longer valid,
so it is read and then dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from sslbind.certificates import der
from sslbind.certificates.extensions import dotted

_SEQUENCE, _BITS, _VERSION = 0x30, 0x03, 0xA0
_THIRD = bytes.fromhex("a003020102")
_ED25519 = bytes.fromhex("300506032b6570")
_NOBODYS_KEY = der.encode(_SEQUENCE, _ED25519 + der.encode(_BITS, bytes(33)))
_NAMELESS = der.encode(_SEQUENCE, b"")
_HASHES = {
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.10040.4.3": "sha1",
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
"""Hashes of signatures by their identifiers: RFC 3279, RFC 4055, RFC 5758."""


class Rest(NamedTuple):
    """A certificate without its extensions and its signature, and what it was signed with.

    ``key`` is the identifier of its key's algorithm if the key had to be removed too;
    ``names`` are words for its issuer and its subject if those had to be, or none.
    """

    der: bytes
    hash: str | None
    key: str = ""
    names: tuple[str, ...] = ()


def rests(data: bytes) -> Iterator[Rest]:
    """Yield reduced forms of a certificate in DER, each with less than the one before."""
    outer = der.elements(data, 0, len(data))
    inner = der.elements(data, *outer[0][1:]) if outer else []
    fields = der.elements(data, *inner[0][1:]) if inner else []
    fields = fields[1:] if fields and fields[0][0] == _VERSION else fields
    if len(fields) < 6:
        return
    serial, signed, issuer, validity, subject, key = (
        der.encode(tag, data[start:end]) for tag, start, end in fields[:6]
    )
    hash_, algorithm = _HASHES.get(dotted(_first(signed))), dotted(_first(_first(key, 0)))
    nameless = _unreadable(issuer), _unreadable(subject)
    for names in ((), nameless):
        between = (_NAMELESS, validity, _NAMELESS) if names else (issuer, validity, subject)
        for kept, gone in ((key, ""), (_NOBODYS_KEY, algorithm)):
            parts = der.encode(_SEQUENCE, b"".join((_THIRD, serial, _ED25519, *between, kept)))
            whole = der.encode(_SEQUENCE, parts + _ED25519 + der.encode(_BITS, b"\0"))
            yield Rest(whole, hash_, gone, names)


def _first(element: bytes, header: int = 1) -> bytes:
    """Return the first element inside one: its content, or with 0 all of it."""
    outer = der.elements(element, 0, len(element))
    inside = der.elements(element, *outer[0][1:]) if outer else []
    if not inside:
        return b""
    return element[inside[0][1] if header else outer[0][1] : inside[0][2]]


def _unreadable(name: bytes) -> str:
    return f"a name that cannot be read ({sha256(name).hexdigest()[:12]})"
