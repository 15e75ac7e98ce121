"""What a binary file is, told by its first bytes, and how much work it asks for.

A reader of DER headers and no more: what it finds is read by a real parser
afterwards, which judges the rest.
"""

from __future__ import annotations

from typing import Literal

from sslbind.errors import CertificateError

MAX_ROUNDS = 2_000_000
"""Rounds of key derivation: a second or two of work. Windows and OpenSSL write 2,000."""

Kind = Literal["certificate", "pkcs7", "pkcs12", "key", "encrypted key"]

_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE, _VERSION = 0x02, 0x04, 0x05, 0x06, 0x30, 0xA0
_PKCS7_DATA = bytes.fromhex("2a864886f70d0107")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_DERIVATIONS = (
    bytes.fromhex("2a864886f70d01050c"),  # PBKDF2: RFC 8018, and PBMAC1 in a PFX: RFC 9579
    *(bytes.fromhex("2a864886f70d0105") + bytes((n,)) for n in (1, 3, 4, 6, 10, 11)),  # PBES1
    *(bytes.fromhex("2a864886f70d010c01") + bytes((n,)) for n in range(1, 7)),  # PFX: RFC 7292
    bytes.fromhex("2b0e03021a"),  # SHA-1, in the MAC of a PFX, and its successors
    *(bytes.fromhex("6086480165030402") + bytes((n,)) for n in range(1, 12)),
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


def whole(data: bytes) -> bool:
    """Whether ``data`` is exactly one SEQUENCE, so that text in it is content, not armour."""
    outer = element(data)
    return outer is not None and outer[0] == _SEQUENCE and outer[2] == len(data)


def first(data: bytes) -> bytes:
    """Return the first element of ``data`` with its header: what stands behind it is dropped."""
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
    """Return the largest count of key derivation rounds that ``data`` asks for, 0 for none.

    The algorithms are found by their identifiers, in DER and BER alike, so one
    that is inside an encrypted part is not seen. For scrypt (RFC 7914) it is
    cost times block size times parallelism.
    """
    most = 0
    for identifier in (*_DERIVATIONS, _SCRYPT):
        at = data.find(identifier)
        while at >= 0:
            found = _integers(data, at + len(identifier))
            if identifier == _SCRYPT:
                count = 1
                for number in found[:3]:
                    count *= number
                most = max(most, count)
            elif found:
                most = max(most, found[0])
            at = data.find(identifier, at + 1)
    return most


def check_rounds(data: bytes) -> None:
    """Raise CertificateError where a file asks for more than MAX_ROUNDS."""
    count = rounds(data)
    if count > MAX_ROUNDS:
        raise CertificateError(
            f"it asks for {count} rounds of key derivation, more than {MAX_ROUNDS}",
            "export it again with fewer rounds, if it is yours",
        )


def key_bags(data: bytes) -> int:
    """Return how many encrypted private keys a PFX shows: the parser reads the first only."""
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
            found.append(int.from_bytes(data[start : min(end, start + 16)], "big"))
        elif found or tag not in (_SEQUENCE, _OCTETS, _NULL):
            break
        at = start if tag == _SEQUENCE else end
    return found
