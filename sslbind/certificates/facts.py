"""What is publicly known about one certificate: the value that is cached, passed on and judged."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CertificateFacts(NamedTuple):
    """The public facts of an X.509 certificate (RFC 5280), read once.

    ``subject`` and ``issuer`` are RFC 4514 text, raw: they are the certificate's
    own claims and go through ``printable`` on their way to a terminal.
    ``dns_names`` and ``ip_names`` come from the subject alternative name alone:
    a common name does not count (RFC 9525, section 2; browsers ignore it), and
    neither does an address in a DNS name (RFC 9525, section 6.5). ``eku`` is
    None if the extension is absent, which allows every use. ``spki`` is a
    digest of the public key and equals the ``spki`` of its private key.
    ``key_id`` and ``issuer_key_id`` identify its own key and the key that signed
    it, and are empty if it does not say. ``self_signed``: its names say so, and its key
    identifiers or the signature. ``key_usage`` is None if the extension is absent, which
    allows every use. ``must_staple``: it requires a stapled OCSP response (RFC 7633);
    ``ocsp``: it says where such responses come from. ``subject_size`` is that of the
    subject in DER. ``odd``: it has an extension that cannot be read.
    """

    thumbprint: str
    sha256: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...]
    ip_names: tuple[str, ...]
    eku: tuple[str, ...] | None
    is_ca: bool
    key_type: str
    key_bits: int
    signature_hash: str | None
    spki: str
    key_id: bytes
    issuer_key_id: bytes
    self_signed: bool
    key_usage: tuple[str, ...] | None = None
    must_staple: bool = False
    ocsp: bool = False
    subject_size: int = 0
    odd: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a client may ask for: DNS names, then addresses."""
        return self.dns_names + self.ip_names

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer (RFC 5280, section 3.2), signed so or not."""
        return self.subject == self.issuer


def facts_of(certificate: CertificateFacts) -> CertificateFacts:
    """Return the facts alone of a certificate that carries more, such as its bytes."""
    return CertificateFacts._make(certificate)


_MOMENTS = [*map(CertificateFacts._fields.index, ("not_before", "not_after"))]
_BYTES = [*map(CertificateFacts._fields.index, ("key_id", "issuer_key_id"))]


def to_row(facts: CertificateFacts) -> list[Any]:
    """Return ``facts`` as a list that JSON can hold: moments in seconds, bytes in hex."""
    row: list[Any] = [*facts]
    for place in _MOMENTS:
        row[place] = int(row[place].timestamp())
    for place in _BYTES:
        row[place] = row[place].hex()
    return row


_TEXT, _FLAG, _NUMBER = frozenset((str,)), frozenset((bool,)), frozenset((int,))
_LIST, _TEXT_OR_NOTHING = frozenset((list,)), frozenset((str, type(None)))
_LIST_OR_NOTHING = frozenset((list, type(None)))
_TYPES = (
    _TEXT, _TEXT, _TEXT, _TEXT, _NUMBER, _NUMBER, _LIST, _LIST, _LIST_OR_NOTHING,
    _FLAG, _TEXT, _NUMBER, _TEXT_OR_NOTHING, _TEXT, _TEXT, _TEXT, _FLAG,
    _LIST_OR_NOTHING, _FLAG, _FLAG, _NUMBER, _FLAG,
)  # fmt: skip


@functools.lru_cache(maxsize=64)  # similar certificates have rows of the same types
def _may_be(types: tuple[type, ...]) -> bool:
    """Whether ``to_row`` may have made a row of these types."""
    return all(one in allowed for one, allowed in zip(types, _TYPES, strict=True))


def _check_types(row: list[Any]) -> None:
    """Raise TypeError if a value of a row has another type than ``to_row`` gives it."""
    if not _may_be(tuple(map(type, row))):
        raise TypeError("a value of another type")
    for names in (row[6], row[7], row[8] or (), row[17] or ()):
        "".join(names)  # which only accepts text


def from_row(row: list[Any]) -> CertificateFacts:
    """Return the facts from a list made by ``to_row``.

    Raises ValueError, TypeError or OverflowError for anything else.
    """
    (
        thumbprint, sha256, subject, issuer, start, end, dns_names, ip_names, eku,
        is_ca, key_type, key_bits, signature_hash, spki, key_id, issuer_key_id, self_signed,
        key_usage, must_staple, ocsp, subject_size, odd,
    ) = row  # fmt: skip
    _check_types(row)
    return CertificateFacts(
        thumbprint, sha256, subject, issuer,
        _EPOCH + timedelta(seconds=start), _EPOCH + timedelta(seconds=end),
        tuple(dns_names), tuple(ip_names), None if eku is None else tuple(eku),
        is_ca, key_type, key_bits, signature_hash, spki,
        bytes.fromhex(key_id), bytes.fromhex(issuer_key_id), self_signed,
        None if key_usage is None else tuple(key_usage), must_staple, ocsp, subject_size,
        odd,
    )  # fmt: skip
