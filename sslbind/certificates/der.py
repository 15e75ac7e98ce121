"""What a binary file is, by its first bytes, and how much work it demands.

It only reads DER headers: a real parser reads the file afterwards and decides the rest.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

from sslbind.errors import CertificateError

MAX_ROUNDS = 4_000_000
"""Rounds of key derivation in a file: seconds of work. Windows and OpenSSL write 2,000 a part."""
_MAX_ELEMENTS = 200_000
_MAX_NESTING = 40

Kind = Literal["certificate", "pkcs7", "pkcs12", "key", "encrypted key"]

_CONSTRUCTED, _HIGH_TAG = 0x20, 0x1F
_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE, _VERSION = 0x02, 0x04, 0x05, 0x06, 0x30, 0xA0
_PKCS7_DATA = bytes.fromhex("2a864886f70d0107")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_DERIVATIONS = (
    bytes.fromhex("2a864886f70d01050c"),  # PBKDF2: RFC 8018, and PBMAC1 in a PFX: RFC 9579
    *(bytes.fromhex("2a864886f70d0105") + bytes((n,)) for n in (1, 3, 4, 6, 10, 11)),  # PBES1
    *(bytes.fromhex("2a864886f70d010c01") + bytes((n,)) for n in range(1, 7)),  # PFX: RFC 7292
)
_SHROUDED_KEY = bytes.fromhex("2a864886f70d010c0a0102")


def element(data: bytes, at: int = 0) -> tuple[int, int, int] | None:
    """Return tag, start and end of the content of the element at ``at``, or None.

    An indefinite length (BER) reaches to the end of ``data``.
    """
    if at + 2 > len(data):
        return None
    tag, length, start = data[at], data[at + 1], at + 2
    if length == 0x80:
        return tag, start, len(data)
    if length > 0x80:
        octets = length - 0x80
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    end = start + length
    return (tag, start, end) if end <= len(data) else None


def elements(data: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """Return the elements between two places, each as tag, start and end of its content."""
    found = []
    while start < end and (one := element(data, start)) is not None:
        found.append(one)
        start = one[2]
    return found


def whole(data: bytes) -> bool:
    """Whether ``data`` is exactly one SEQUENCE, so that text in it is content, not armour."""
    outer = element(data)
    return outer is not None and outer[0] == _SEQUENCE and outer[2] == len(data)


def first(data: bytes) -> bytes:
    """Return the first element of ``data`` with its header, and drop what follows it."""
    outer = element(data)
    return data if outer is None else data[: outer[2]]


def kind(data: bytes) -> Kind | None:
    """Return what ``data`` looks like by the first elements inside it, or None."""
    outer = element(data)
    inner = element(data, outer[1]) if outer and outer[0] == _SEQUENCE else None
    if inner is None:
        return None
    tag, start, end = inner
    below = element(data, start)
    if tag == _OID:
        return "pkcs7" if data[start:end].startswith(_PKCS7_DATA) else None
    if tag == _INTEGER:
        return "pkcs12" if data[start:end] == b"\x03" else "key"
    if tag != _SEQUENCE or below is None:
        return None
    if below[0] == _OID:
        return "encrypted key"
    return "certificate" if below[0] in (_VERSION, _INTEGER) else None


def rounds(data: bytes) -> int:
    """Return how many key derivation rounds ``data`` requires in all, 0 for none.

    BER is converted to DER first, so that neither an indefinite length nor a
    string in pieces hides anything; CertificateError is raised for a PFX or an
    encrypted key that cannot be converted. The algorithms are found by their
    identifiers, the MAC of a PFX by its position. For
    scrypt (RFC 7914) the count is cost times block size times parallelism. Known limit: a
    derivation inside an encrypted part is not seen, because only the password reveals it.
    """
    is_pfx = kind(data) == "pkcs12"
    try:
        data = normal(data)
    except NotBerError as error:
        if is_pfx or kind(data) == "encrypted key":
            what = "a PFX file" if is_pfx else "an encrypted private key"
            raise CertificateError(f"{what} cannot be read: {error}") from None
    total = _mac_rounds(data) if is_pfx else 0
    for identifier in (*_DERIVATIONS, _SCRYPT):
        at = data.find(identifier)
        while at >= 0:
            found = _integers(data, at + len(identifier))
            if identifier == _SCRYPT:
                total += math.prod(found[:3])
            elif found:
                total += found[0]
            at = data.find(identifier, at + 1)
    return total


@functools.lru_cache(maxsize=2)  # rounds and algorithms of a file are queried in turn
def normal(data: bytes) -> bytes:
    """Return the first element of ``data`` with BER turned into DER; raise NotBerError."""
    end = _normal_end(data)
    return data[:end] if end else _Normal(data).element(0, len(data), 0)[0]


def _normal_end(data: bytes) -> int:
    """Return where the first element ends if there is nothing to rewrite in it, else 0.

    That is true of nearly every file, and checking costs a tenth of rewriting.
    """
    outside: list[int] = []  # where the elements around this one end
    at, limit, whole = 0, len(data), 0
    try:
        for _ in range(_MAX_ELEMENTS):
            tag, length = data[at], data[at + 1]
            at += 2
            if length >= 0x80:
                octets = length - 0x80
                length = int.from_bytes(data[at : at + octets], "big")
                if length < 0x80 or data[at] == 0:
                    return 0
                at += octets
            end = at + length
            if end > limit or tag & _HIGH_TAG == _HIGH_TAG or tag == _OCTETS | _CONSTRUCTED:
                return 0
            whole = whole or end
            if length and (tag & _CONSTRUCTED or (tag == _OCTETS and data[at] == _SEQUENCE)):
                outside.append(limit)
                limit = end
                if len(outside) > _MAX_NESTING:
                    return 0
                continue
            at = end
            while at == limit and at != whole:
                limit = outside.pop()
            if at == whole:
                return whole
    except IndexError:
        pass
    return 0


def check_rounds(count: int) -> None:
    """Raise CertificateError if a file asks for more than MAX_ROUNDS in all."""
    if count > MAX_ROUNDS:
        raise CertificateError(
            f"it requires {count} rounds of key derivation, more than {MAX_ROUNDS}",
            "if the file is yours, export it again with fewer rounds",
        )


def key_bags(data: bytes) -> int:
    """Return how many encrypted private keys a PFX shows: the parser only reads the first."""
    return data.count(_SHROUDED_KEY)


def _integers(data: bytes, at: int) -> list[int]:
    """Return the INTEGERs of the parameters that follow an algorithm identifier."""
    found: list[int] = []
    for _ in range(7):
        header = element(data, at)
        if header is None:
            break
        tag, start, end = header
        if tag == _INTEGER:
            found.append(_number(data[start:end]))
        elif found or tag not in (_SEQUENCE, _OCTETS, _NULL):
            break
        at = start if tag == _SEQUENCE else end
    return found


def _number(octets: bytes) -> int:
    """Return an INTEGER; one that is too long, or negative, counts as large."""
    return int.from_bytes(octets.lstrip(b"\0")[:16], "big")


def _mac_rounds(data: bytes) -> int:
    """Return the iterations of the MAC of a PFX in DER, whatever its digest: RFC 7292, section 4.

    They are the INTEGERs among the elements of whatever follows the content.
    """
    outer = element(data)
    at, end, total, place = (outer[1], outer[2], 0, 0) if outer else (0, 0, 0, 0)
    while at < end and (part := element(data, at)):
        inside = part[1]
        while place >= 2 and inside < part[2] and (one := element(data, inside)):
            if one[0] == _INTEGER:
                total += _number(data[one[1] : one[2]])
            inside = one[2]
        at, place = part[2], place + 1
    return total


class NotBerError(Exception):
    """Bytes that are not BER, or too much of it."""


class _Normal:
    """Rewrites BER with definite lengths and whole strings, also within OCTET STRINGs."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MAX_ELEMENTS
        self._too_deep = False

    def element(self, at: int, limit: int, depth: int) -> tuple[bytes, int]:
        """Return the element at ``at`` in DER, and where it ends."""
        tag, content, end = self._content(at, limit, depth)
        return encode(tag, content), end

    def _content(self, at: int, limit: int, depth: int) -> tuple[int, bytes, int]:
        self._left -= 1
        self._too_deep = self._too_deep or depth > _MAX_NESTING
        header = element(self._data, at)
        if header is None or self._left < 0 or self._too_deep:
            raise NotBerError("it has too many parts" if header else "it is cut short")
        tag, start, end = header
        indefinite = self._data[at + 1] == 0x80
        if tag & _HIGH_TAG == _HIGH_TAG or (not indefinite and end > limit):
            raise NotBerError("it is not PKCS#12")
        if not tag & _CONSTRUCTED:
            if indefinite:
                raise NotBerError("a length is missing")
            content = self._data[start:end]
            return tag, self._within(content, depth) if tag == _OCTETS else content, end
        end = limit if indefinite else end
        parts = []
        at, string = start, tag == _OCTETS | _CONSTRUCTED
        while at < end:
            if indefinite and self._data[at : at + 2] == b"\0\0":
                break
            below, content, at = self._content(at, end, depth + 1)
            parts.append(content if string else encode(below, content))
        if indefinite:
            if at >= end:
                raise NotBerError("it is cut short")
            end = at + 2
        content = b"".join(parts)
        return (_OCTETS, self._within(content, depth), end) if string else (tag, content, end)

    def _within(self, content: bytes, depth: int) -> bytes:
        """Return the content of a string, rewritten where it begins with a SEQUENCE."""
        if content[:1] != b"0":
            return content
        inner = _Normal(content)
        inner._left = self._left
        try:
            first_one, end = inner.element(0, len(content), depth + 1)
        except NotBerError:
            if inner._left < 0 or inner._too_deep:
                raise
            return content
        finally:
            self._left, self._too_deep = inner._left, inner._too_deep
        return first_one + content[end:]


def encode(tag: int, content: bytes) -> bytes:
    """Return an element with its header."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
