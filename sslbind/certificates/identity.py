"""Certificates, private keys and what belongs together: values, without a parser.

``parsing`` makes them from bytes; code that only handles them need not load cryptography.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sslbind.certificates.facts import CertificateFacts

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes


class Certificate(CertificateFacts):
    """A certificate with its bytes; it equals its facts alone."""

    der: bytes

    @classmethod
    def of(cls, facts: CertificateFacts, der: bytes) -> Certificate:
        """Return the certificate that ``der`` is, with what is known about it."""
        one = cls._make(facts)
        one.der = der
        return one


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key; two are equal when their public keys are. It is never shown."""

    spki: str
    secret: PrivateKeyTypes = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The content of one file, without duplicates, in order; ``+`` joins two files.

    ``notes`` are sentences about what was skipped; ``locked`` counts the keys that no
    password opened, if the reader was asked to continue. ``twice``: a PFX file has the
    certificate of its key twice. ``signs_only``: it declares its key for signatures, not
    for key exchange.
    """

    certificates: tuple[Certificate, ...] = ()
    keys: tuple[PrivateKey, ...] = ()
    notes: tuple[str, ...] = ()
    locked: int = 0
    twice: bool = False
    signs_only: bool = False

    def __add__(self, other: Bundle) -> Bundle:
        return Bundle(
            tuple(dict.fromkeys(self.certificates + other.certificates)),
            tuple(dict.fromkeys(self.keys + other.keys)),
            self.notes + other.notes,
            self.locked + other.locked,
            self.twice or other.twice,
            self.signs_only or other.signs_only,
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """An end-entity certificate, the certificates above it from its issuer upward, and its key."""

    leaf: Certificate
    chain: tuple[Certificate, ...] = ()
    key: PrivateKey | None = None
