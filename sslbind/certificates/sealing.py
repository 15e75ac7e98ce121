"""PFX files (PKCS#12, RFC 7292) as each release of Windows opens them.

Server 2016 and older know nothing newer than 3DES with SHA-1; what OpenSSL 3
writes by default, AES-256 with SHA-256, is "password is incorrect" to them.
"""

from __future__ import annotations

import enum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from sslbind.certificates.identity import Identity
from sslbind.certificates.parsing import utf8
from sslbind.errors import CertificateError
from sslbind.release import Release

_MODERN_SINCE = Release.W2019
_ROUNDS = 20_000
"""Rounds of the derivation of the key: what cryptography's own default has."""
_TRIPLE_DES = bytes.fromhex("060a2a864886f70d010c0103")  # pbeWithSHAAnd3-KeyTripleDES-CBC


class Seal(enum.Enum):
    """How a PFX file is encrypted: AES-256 with SHA-256, or 3DES with SHA-1."""

    MODERN = "modern"
    LEGACY = "legacy"


def seal_for(release: Release) -> Seal:
    """Return the strongest seal that the release opens."""
    return Seal.MODERN if release >= _MODERN_SINCE else Seal.LEGACY


def seal_of(data: bytes) -> Seal:
    """Return how a PFX file is sealed, as far as its algorithms tell."""
    return Seal.LEGACY if _TRIPLE_DES in data else Seal.MODERN


def encode_pfx(identity: Identity, password: bytes, seal: Seal) -> bytes:
    """Return a certificate with its key and chain as a PFX file.

    An empty ``password`` leaves it open. Raises CertificateError where there is
    no key, or one that a PFX file cannot hold.
    """
    leaf = identity.leaf
    if identity.key is None:
        raise CertificateError(
            f"the certificate {leaf.thumbprint} comes without its private key",
            "name the file with the key as well",
        )
    try:
        return pkcs12.serialize_key_and_certificates(
            None,
            identity.key.secret,  # type: ignore[arg-type]  # what it cannot hold raises TypeError
            x509.load_der_x509_certificate(leaf.der),
            [x509.load_der_x509_certificate(one.der) for one in identity.chain],
            _encryption(password, seal),
        )
    except (TypeError, ValueError) as error:
        raise CertificateError(
            f"{leaf.thumbprint} cannot be put into a PFX file: {error}"
        ) from None


def _encryption(password: bytes, seal: Seal) -> KeySerializationEncryption:
    if not password:
        return NoEncryption()
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    if seal is Seal.LEGACY:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        builder = builder.hmac_hash(hashes.SHA1())  # noqa: S303  # what old releases know
    else:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        builder = builder.hmac_hash(hashes.SHA256())
    return builder.build(utf8(password))
