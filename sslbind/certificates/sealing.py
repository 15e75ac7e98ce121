"""PFX files (PKCS#12, RFC 7292) written so that each release of Windows can open them.

``sealed`` knows what each release opens, and reads it from files. All PFX files are written
by ``encode_pfx``.
"""

from __future__ import annotations

import enum
import hmac
from secrets import token_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from sslbind.certificates import der
from sslbind.certificates.derivation import MAC, derive
from sslbind.certificates.identity import Identity
from sslbind.certificates.parsing import utf8
from sslbind.certificates.sealed import MAX_ITERATIONS, MODERN_SINCE, PBMAC1, sealed_of
from sslbind.errors import CertificateError
from sslbind.release import Release

_ROUNDS = 20_000
"""Rounds of key derivation: cryptography's own default."""
_OPEN_ROUNDS = 2048
_SHA1 = bytes.fromhex("300906052b0e03021a0500")


class Seal(enum.Enum):
    """How a PFX file is encrypted: AES-256 with SHA-256, or 3DES with SHA-1."""

    MODERN = "modern"
    LEGACY = "legacy"


def seal_for(release: Release) -> Seal:
    """Return the strongest encryption that the release opens."""
    return Seal.MODERN if release >= MODERN_SINCE else Seal.LEGACY


def seal_of(data: bytes) -> Seal | None:
    """Return the ``Seal`` that a PFX file is equivalent to, None if no release opens it."""
    found = sealed_of(data)
    if found is None or found.mac == PBMAC1 or found.iterations > MAX_ITERATIONS:
        return None
    return Seal.MODERN if found.modern else Seal.LEGACY


def encode_pfx(identity: Identity, password: bytes, seal: Seal) -> bytes:
    """Return a certificate with its key and chain as a PFX file.

    With an empty ``password`` it is not encrypted. Raises CertificateError if there is no
    key, or one that a PFX file cannot hold.
    """
    leaf = identity.leaf
    if identity.key is None:
        raise CertificateError(
            f"the certificate {leaf.thumbprint} has no private key",
            "also give the file with the key",
        )
    try:
        data = pkcs12.serialize_key_and_certificates(
            None,
            identity.key.secret,  # type: ignore[arg-type]  # what it cannot hold raises TypeError
            x509.load_der_x509_certificate(leaf.der),
            [x509.load_der_x509_certificate(one.der) for one in identity.chain],
            _encryption(password, seal),
        )
        return data if password or seal is Seal.MODERN else _with_sha1_mac(data)
    except (TypeError, ValueError):
        why = f"its key is {leaf.key_type}"
        if any(one.odd for one in (leaf, *identity.chain)):
            why = "a part of it, or of its chain, cannot be read"
        raise CertificateError(f"{leaf.thumbprint} cannot be put into a PFX file: {why}") from None


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


def _with_sha1_mac(data: bytes) -> bytes:
    """Return a PFX without a password with a SHA-1 MAC: cryptography's own is SHA-256."""
    parts = der.elements(data, *der.elements(data, 0, len(data))[0][1:])
    whole = data[parts[0][1] - 2 : parts[1][2]]  # the version and the content, with their headers
    octets = der.elements(data, *der.elements(data, *parts[1][1:])[1][1:])[0]
    content = data[octets[1] : octets[2]]
    salt = token_bytes(8)
    digest = derive(MAC, "", salt, _OPEN_ROUNDS, 20)
    mac = hmac.digest(digest, content, "sha1")
    info = der.encode(0x30, _SHA1 + der.encode(0x04, mac))
    rounds = der.encode(0x02, _OPEN_ROUNDS.to_bytes(2, "big"))
    return der.encode(0x30, whole + der.encode(0x30, info + der.encode(0x04, salt) + rounds))
