"""Certificates, private keys and what belongs together: values, without a parser.

``certificates`` makes them from bytes; whoever only handles them need not load
the cryptography for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


@dataclass(frozen=True, slots=True)
class Certificate:
    """An X.509 certificate (RFC 5280), read once.

    ``subject`` and ``issuer`` are RFC 4514 text, raw: they are the
    certificate's word and go through ``printable`` on their way to a terminal.
    ``dns_names`` and ``ip_names`` come from the subject alternative name alone:
    a common name is never a name (RFC 9525, section 2; browsers ignore it), and
    an address in a DNS name is none (RFC 9525, section 6.5). ``eku`` is None
    where the extension is absent, which allows every use. ``spki`` stands for
    the public key and equals the ``spki`` of its private key. ``key_id`` and
    ``issuer_key_id`` are what it says of its own key and of the one that signed
    it, empty where it says nothing.
    """

    der: bytes = field(repr=False)
    thumbprint: str
    sha256: str
    subject: str
    issuer: str
    serial: int
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
    key_id: bytes = b""
    issuer_key_id: bytes = b""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a client may ask for: DNS names, then addresses."""
        return self.dns_names + self.ip_names


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key; two are equal when their public keys are. It shows nowhere."""

    spki: str
    secret: PrivateKeyTypes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What one file holds, each thing once, in its order; ``+`` joins two files.

    ``notes`` are sentences about what was passed over; ``locked`` counts the
    keys that no password opened, where the reader was asked to go on.
    """

    certificates: tuple[Certificate, ...] = ()
    keys: tuple[PrivateKey, ...] = ()
    notes: tuple[str, ...] = ()
    locked: int = 0

    def __add__(self, other: Bundle) -> Bundle:
        return Bundle(
            tuple(dict.fromkeys(self.certificates + other.certificates)),
            tuple(dict.fromkeys(self.keys + other.keys)),
            self.notes + other.notes,
            self.locked + other.locked,
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """An end certificate, the certificates above it from its issuer upward, and its key."""

    leaf: Certificate
    chain: tuple[Certificate, ...] = ()
    key: PrivateKey | None = None
