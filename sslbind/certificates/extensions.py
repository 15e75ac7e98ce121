"""The extensions of a certificate that matter here, read one by one (RFC 5280, section 4.2).

For certificates that a strict parser refuses as a whole, because of an
extension that no server needs: an odd name form, a damaged SCT list. Unreadable ones are
skipped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from sslbind.certificates import der

_OCTETS, _BOOLEAN, _OID, _EXTENSIONS, _VERSION = 0x04, 0x01, 0x06, 0xA3, 0xA0
_DNS, _IP = 0x82, 0x87
KEY_USAGES = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
"""The bits of the key usage in their order, as RFC 5280 calls them."""
_OCSP = bytes.fromhex("06082b06010505073001")  # id-ad-ocsp, with its header


class Extensions(NamedTuple):
    """What the extensions say; the fields are those of ``CertificateFacts``."""

    dns_names: tuple[str, ...] = ()
    ip_names: tuple[str, ...] = ()
    eku: tuple[str, ...] | None = None
    key_usage: tuple[str, ...] | None = None
    is_ca: bool = False
    key_id: bytes = b""
    issuer_key_id: bytes = b""
    must_staple: bool = False
    ocsp: bool = False


def read_extensions(certificate: bytes) -> Extensions:
    """Return what can be read of the extensions, one by one."""
    found = Extensions()
    for name, value in _values(certificate):
        reader = _READERS.get(name)
        with contextlib.suppress(ValueError, IndexError):
            found = found if reader is None else reader(found, value)
    return found


class Parts(NamedTuple):
    """Two names and the SubjectPublicKeyInfo of a certificate, each in DER."""

    issuer: bytes = b""
    subject: bytes = b""
    key: bytes = b""


def parts(certificate: bytes) -> Parts:
    """Return these parts of a certificate in DER, empty ones if it has too few."""
    fields = _fields(certificate)
    if len(fields) < 6:
        return Parts()
    (_, _, algorithm), (_, _, issuer), (_, _, validity), (_, _, subject), (_, _, key) = fields[1:6]
    return Parts(
        certificate[algorithm:issuer], certificate[validity:subject], certificate[subject:key]
    )


def _fields(certificate: bytes) -> list[tuple[int, int, int]]:
    """Return the fields of the part that is signed, from the serial number on."""
    outer = der.element(certificate)
    inner = der.element(certificate, outer[1]) if outer else None
    fields = der.elements(certificate, *inner[1:]) if inner else []
    return fields[1:] if fields and fields[0][0] == _VERSION else fields


def _values(certificate: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the identifier of each extension, and its value."""
    for tag, start, end in _fields(certificate):
        if tag == _EXTENSIONS:
            for listed in der.elements(certificate, start, end):
                for extension in der.elements(certificate, *listed[1:]):
                    parts = der.elements(certificate, *extension[1:])
                    if len(parts) >= 2 and parts[0][0] == _OID and parts[-1][0] == _OCTETS:
                        name = certificate[parts[0][1] : parts[0][2]]
                        yield dotted(name), certificate[parts[-1][1] : parts[-1][2]]


def dotted(octets: bytes) -> str:
    """Return an object identifier as text (X.690, section 8.19)."""
    numbers, number = list[int](), 0
    for octet in octets[:64]:
        number = number << 7 | octet & 0x7F
        if octet < 0x80:
            numbers.append(number)
            number = 0
    if not numbers:
        return "?"
    top = min(numbers[0] // 40, 2)
    return ".".join(map(str, (top, numbers[0] - 40 * top, *numbers[1:])))


def _inside(value: bytes) -> list[tuple[int, int, int]]:
    """Return the elements of the one that ``value`` is; raise IndexError if it is none."""
    return der.elements(value, *der.elements(value, 0, len(value))[0][1:])


def _names(found: Extensions, value: bytes) -> Extensions:
    dns, ip = list[str](), list[str]()
    for tag, start, end in _inside(value):
        if tag == _DNS:
            dns.append(value[start:end].decode("ascii"))
        elif tag == _IP:
            with contextlib.suppress(ValueError):
                ip.append(str(ip_address(value[start:end])))
    return found._replace(dns_names=tuple(dns), ip_names=tuple(ip))


def _eku(found: Extensions, value: bytes) -> Extensions:
    return found._replace(eku=tuple(dotted(value[start:end]) for _, start, end in _inside(value)))


def _usage(found: Extensions, value: bytes) -> Extensions:
    _, start, end = der.elements(value, 0, len(value))[0]
    bits = value[start + 1 : end]
    usages = (
        name
        for place, name in enumerate(KEY_USAGES)
        if place // 8 < len(bits) and bits[place // 8] & 0x80 >> place % 8
    )
    return found._replace(key_usage=tuple(usages))


def _constraints(found: Extensions, value: bytes) -> Extensions:
    parts = _inside(value)
    flag = parts[0] if parts and parts[0][0] == _BOOLEAN else None
    return found._replace(is_ca=flag is not None and any(value[flag[1] : flag[2]]))


def _key_id(found: Extensions, value: bytes) -> Extensions:
    _, start, end = der.elements(value, 0, len(value))[0]
    return found._replace(key_id=value[start:end])


def _issuer_key_id(found: Extensions, value: bytes) -> Extensions:
    held = next((value[start:end] for tag, start, end in _inside(value) if tag == 0x80), b"")
    return found._replace(issuer_key_id=held)


def _features(found: Extensions, value: bytes) -> Extensions:
    features = {value[start:end] for _, start, end in _inside(value)}
    return found._replace(must_staple=b"\x05" in features)


def _access(found: Extensions, value: bytes) -> Extensions:
    return found._replace(ocsp=_OCSP in value)


_READERS: dict[str, Callable[[Extensions, bytes], Extensions]] = {
    "2.5.29.17": _names,
    "2.5.29.37": _eku,
    "2.5.29.15": _usage,
    "2.5.29.19": _constraints,
    "2.5.29.14": _key_id,
    "2.5.29.35": _issuer_key_id,
    "1.3.6.1.5.5.7.1.24": _features,
    "1.3.6.1.5.5.7.1.1": _access,
}
