"""TLS records in the clear (RFC 5246, section 6.2): an alert, a certificate.

Pure and total: nothing is raised, whatever the bytes are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_ALERT, _HANDSHAKE = 21, 22
_TYPES = range(20, 25)
_CERTIFICATE = 11
_HEADER = 5
_MAX_RECORD = (1 << 14) + 2048


class Alert(NamedTuple):
    """An alert by its number (RFC 8446, section 6)."""

    code: int


def is_tls(data: bytes | bytearray) -> bool:
    """Whether ``data``, however short, starts like a TLS record."""
    return data[:1] == b"" or (data[0] in _TYPES and data[1:2] in (b"", b"\x03"))


def alert_of(data: bytes | bytearray) -> Alert | None:
    """Return the last alert that was sent in the clear, or None."""
    found = [body for kind, body in _records(data) if kind == _ALERT and len(body) == 2]
    return Alert(found[-1][1]) if found else None


def certificate_of(data: bytes | bytearray) -> bytes:
    """Return the server's certificate as DER if it was sent in the clear, else no bytes."""
    handshake = bytearray()
    for kind, body in _records(data):
        if kind != _HANDSHAKE:  # what follows ChangeCipherSpec is encrypted
            break
        handshake += body
    at = 0
    while at + 4 <= len(handshake):
        size = int.from_bytes(handshake[at + 1 : at + 4], "big")
        message = handshake[at + 4 : at + 4 + size]
        if handshake[at] == _CERTIFICATE:
            length = int.from_bytes(message[3:6], "big")
            found = bytes(message[6 : 6 + length])
            return found if len(found) == length else b""
        at += 4 + size
    return b""


def _records(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the body of each whole record."""
    at = 0
    while at + _HEADER <= len(data) and is_tls(data[at : at + 2]):
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        end = at + _HEADER + size
        if size > _MAX_RECORD or end > len(data):
            return
        yield data[at], bytes(data[at + _HEADER : end])
        at = end
