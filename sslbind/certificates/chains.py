"""Which certificate signed which, and which certificate a private key belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslbind.errors import CertificateError

if TYPE_CHECKING:
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.certificates.identity import Certificate, Identity, PrivateKey

Signed = Callable[["Certificate", "Certificate"], bool]
"""Whether the first certificate was signed by the second."""

_SAME_NAME = 16  # how many issuers of one name are tried, so that a hostile file cannot take hours


class Chain(NamedTuple):
    """An end-entity certificate, and the known signers of it and its issuers.

    ``signers`` are by the SHA-256 of a certificate; a root is among its own.
    """

    leaf: CertificateFacts
    signers: Mapping[str, tuple[CertificateFacts, ...]]

    def above(self, one: CertificateFacts) -> tuple[CertificateFacts, ...]:
        """Return the certificates that signed ``one``."""
        return self.signers.get(one.sha256, ())


def chain_above(leaf: Certificate, others: Sequence[Certificate], signed: Signed) -> Chain:
    """Return ``leaf`` with those of ``others`` that signed it, and their issuers in turn."""
    named = _by_subject((leaf, *others))
    signers: dict[str, tuple[Certificate, ...]] = {}
    waiting = [leaf]
    for one in waiting:
        if one.sha256 not in signers:
            found = tuple(other for other in named.get(one.issuer, ()) if signed(one, other))
            signers[one.sha256] = found
            waiting += found
    return Chain(leaf, signers)


def ordered(certificates: Sequence[Certificate], signed: Signed) -> tuple[Identity, ...]:
    """Return each end certificate with those above it, its issuer first, without keys.

    An end-entity certificate signed no other one. If a CA is cross-signed, each of its
    certificates stays in the chain.
    """
    from sslbind.certificates.identity import Identity

    issuers = _issuers(certificates, signed)
    signers = {issuer.thumbprint for above in issuers.values() for issuer in above}
    ends = [one for one in certificates if one.thumbprint not in signers]
    # Two CAs that signed each other leave no end entity: the first in the file is used.
    return tuple(Identity(one, _above(one, issuers)) for one in ends or certificates[:1])


def with_keys(identities: Sequence[Identity], keys: Sequence[PrivateKey]) -> tuple[Identity, ...]:
    """Give each identity its key; raise CertificateError for any other key."""
    from sslbind.certificates.identity import Identity

    by_spki = {key.spki: key for key in keys}
    stray = by_spki.keys() - {one.leaf.spki for one in identities}
    if stray:
        ends = ", ".join(one.leaf.thumbprint for one in identities)
        issuers = (
            above.thumbprint for one in identities for above in one.chain if above.spki in stray
        )
        issuer = next(issuers, None)
        raise CertificateError(
            f"the private key belongs to the issuer {issuer}, not to the certificate {ends}"
            if issuer
            else f"the private key does not match the certificate {ends}",
            "give only the key that the certificate was requested with",
        )
    return tuple(Identity(one.leaf, one.chain, by_spki.get(one.leaf.spki)) for one in identities)


def encode_chain(identity: Identity) -> bytes:
    """Return the certificate and its chain as PEM, the end certificate first."""
    from sslbind.certificates.pem import armour

    return b"".join(armour("CERTIFICATE", one.der) for one in (identity.leaf, *identity.chain))


def _issuers(certificates: Sequence[Certificate], signed: Signed) -> dict[str, list[Certificate]]:
    """Return, by thumbprint, the other certificates that signed each one."""
    by_subject = _by_subject(certificates)
    return {
        one.thumbprint: [
            issuer
            for issuer in by_subject.get(one.issuer, ())
            if issuer.thumbprint != one.thumbprint and signed(one, issuer)
        ]
        for one in certificates
    }


def _by_subject(certificates: Sequence[Certificate]) -> dict[str, list[Certificate]]:
    """Return the certificates by subject, each once and no more of one name than are tried."""
    found: dict[str, list[Certificate]] = {}
    for one in dict.fromkeys(certificates):
        same = found.setdefault(one.subject, [])
        if len(same) < _SAME_NAME:
            same.append(one)
    return found


def _above(leaf: Certificate, issuers: dict[str, list[Certificate]]) -> tuple[Certificate, ...]:
    chain = {leaf.thumbprint: leaf}
    waiting = [leaf]
    for one in waiting:
        for issuer in issuers[one.thumbprint]:
            if issuer.thumbprint not in chain:
                chain[issuer.thumbprint] = issuer
                waiting.append(issuer)
    return tuple(chain.values())[1:]
