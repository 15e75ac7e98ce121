"""One certificate: DER in, facts out (RFC 5280).

If a strict parser refuses a part that no server needs, it is read without that part.
"""

from __future__ import annotations

import contextlib
import functools
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

from sslbind.certificates.extensions import (
    KEY_USAGES,
    Extensions,
    Parts,
    parts,
    read_extensions,
)
from sslbind.certificates.facts import CertificateFacts
from sslbind.certificates.identity import Certificate
from sslbind.certificates.names import address
from sslbind.certificates.rescue import Rest, rests
from sslbind.digest import thumbprint
from sslbind.errors import CertificateError

_USAGES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}
"""Extended key usages by their identifiers: RFC 5280, section 4.2.1.12."""
_PSS = "1.2.840.113549.1.1.10"
_ALGORITHMS = {
    "1.2.840.10045.2.1": "EC with a curve that is not known",
    "1.2.840.10040.4.1": "DSA",
    _PSS: "RSA-PSS",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}
"""Names of algorithms whose keys the parser may not know."""
_KEPT = 128
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


class Parsing:
    """Turns any exception of a parser on hostile bytes into CertificateError.

    Every exception is caught, because cryptography raises ValueError, TypeError
    and a dozen of its own classes, depending on the version, and panics.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, CertificateError):
            return
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise CertificateError(
                f"{self._what} cannot be read: it is damaged, or in an unknown format"
            ) from None


@functools.lru_cache(maxsize=16)  # the same issuers occur in many files
def read_certificate(data: bytes) -> Certificate:
    """Return the certificate that ``data`` is in DER; raise CertificateError."""
    with Parsing("a certificate"):
        try:
            return _read(data, x509.load_der_x509_certificate(data))
        except Exception:  # of any class, see Parsing; raised again where no rest can be read
            for rest in rests(data):
                with contextlib.suppress(Exception):
                    return _read(data, x509.load_der_x509_certificate(rest.der), rest)
            raise


def _read(data: bytes, one: x509.Certificate, rest: Rest | None = None) -> Certificate:
    """Return the certificate ``data``, which was parsed, or the ``rest`` of it where it was not."""
    try:
        found, odd = _extensions(one) if rest is None else read_extensions(data), rest is not None
    except Exception:  # noqa: BLE001  any of them may be damaged, or of a form unknown here
        found, odd = read_extensions(data), True
    raw = parts(data)
    key = _public_key(one, data, raw, rest.key if rest else "")
    subject = one.subject.rfc4514_string()
    same = raw.issuer == raw.subject != b"" or one.issuer == one.subject
    issuer = subject if same else one.issuer.rfc4514_string()
    if rest and rest.names:
        issuer, subject = rest.names
    ids = found.issuer_key_id in (b"", found.key_id)
    facts = CertificateFacts(
        thumbprint=thumbprint(data),
        sha256=sha256(data).hexdigest(),
        subject=subject,
        issuer=issuer,
        not_before=one.not_valid_before_utc,
        not_after=one.not_valid_after_utc,
        dns_names=tuple(name for name in found.dns_names if address(name) is None),
        ip_names=found.ip_names,
        eku=found.eku and tuple(_USAGES.get(oid, oid) for oid in found.eku),
        is_ca=found.is_ca,
        key_type=key.type,
        key_bits=key.bits,
        signature_hash=_signature_hash(one) if rest is None else rest.hash,
        spki=key.spki,
        key_id=found.key_id,
        issuer_key_id=found.issuer_key_id,
        # Checking every signature would cost more than everything else.
        self_signed=subject == issuer and (ids or signed(one, one)),
        key_usage=found.key_usage,
        must_staple=found.must_staple,
        ocsp=found.ocsp,
        subject_size=len(raw.subject or one.subject.public_bytes()),
        odd=odd,
    )
    return Certificate.of(facts, data)


def odd_part(data: bytes) -> str:
    """Return which part of a certificate in DER cannot be read."""
    try:
        x509.load_der_x509_certificate(data).subject  # noqa: B018  names are parsed when asked for
    except Exception:  # noqa: BLE001  of any class and by version, see Parsing
        return "a part"
    return "an extension"


def _extensions(certificate: x509.Certificate) -> Extensions:
    """Return the content of the extensions; raise whatever the parser raises for a damaged one."""
    found: dict[str, Any] = {}
    for extension in certificate.extensions:
        match extension.value:
            case x509.SubjectAlternativeName() as names:
                found["dns_names"] = tuple(names.get_values_for_type(x509.DNSName))
                found["ip_names"] = tuple(map(str, names.get_values_for_type(x509.IPAddress)))
            case x509.ExtendedKeyUsage() as usage:
                found["eku"] = tuple(oid.dotted_string for oid in usage)
            case x509.KeyUsage() as usage:
                found["key_usage"] = tuple(
                    name for name, bit in zip(KEY_USAGES, _usage_bits(usage), strict=True) if bit
                )
            case x509.BasicConstraints() as constraints:
                found["is_ca"] = constraints.ca
            case x509.SubjectKeyIdentifier() as own:
                found["key_id"] = own.digest
            case x509.AuthorityKeyIdentifier() as above:
                found["issuer_key_id"] = above.key_identifier or b""
            case x509.TLSFeature() as features:
                found["must_staple"] = x509.TLSFeatureType.status_request in features
            case x509.AuthorityInformationAccess() as access:
                oids = {one.access_method for one in access}
                found["ocsp"] = AuthorityInformationAccessOID.OCSP in oids
    return Extensions(**found)


def _usage_bits(usage: x509.KeyUsage) -> tuple[bool, ...]:
    return (
        usage.digital_signature,
        usage.content_commitment,
        usage.key_encipherment,
        usage.data_encipherment,
        usage.key_agreement,
        usage.key_cert_sign,
        usage.crl_sign,
        usage.key_agreement and usage.encipher_only,
        usage.key_agreement and usage.decipher_only,
    )


def _signature_hash(certificate: x509.Certificate) -> str | None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):  # unknown, or RSA-PSS without its parameters
        return None
    return None if algorithm is None else algorithm.name


def signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the key of ``issuer`` made the signature; False if that cannot be checked.

    Not ``verify_directly_issued_by``: it refuses SHA-1 and MD5, which old certificates have
    and the judgement must report.
    """
    if certificate.issuer != issuer.subject:
        return False
    signature, content = certificate.signature, certificate.tbs_certificate_bytes
    try:
        how = certificate.signature_algorithm_parameters
        match issuer.public_key():
            case rsa.RSAPublicKey() as key if isinstance(how, (padding.PKCS1v15, padding.PSS)):
                hashed = certificate.signature_hash_algorithm
                key.verify(signature, content, how, hashed or hashes.SHA256())
            case ec.EllipticCurvePublicKey() as key if isinstance(how, ec.ECDSA):
                key.verify(signature, content, how)
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey() as key:
                key.verify(signature, content)
            case _:
                return False
    except Exception:  # noqa: BLE001  InvalidSignature, or anything else that hostile bytes bring
        return False
    return True


class PublicKey(NamedTuple):
    """The digest of a public key, by which its private key is found; its type and size in bits."""

    spki: str
    type: str
    bits: int


_seen: dict[bytes, PublicKey] = {}
"""The last public keys in DER: a certificate's was mostly read just before, beside it."""


def public_key_of(key: PublicKeyTypes) -> PublicKey:
    """Return what is known of a public key, and keep it for a certificate with the same."""
    encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    found = PublicKey(sha256(encoded).hexdigest(), *_key_type(key))
    if len(_seen) >= _KEPT:
        del _seen[next(iter(_seen))]
    _seen[encoded] = found
    return found


def _public_key(
    certificate: x509.Certificate, data: bytes, raw: Parts, unread: str = ""
) -> PublicKey:
    """Return the key of a certificate; one of an unknown algorithm has no bits.

    ``unread`` is the identifier of an algorithm whose key is not in ``certificate``.
    """
    if raw.key in _seen:
        return _seen[raw.key]
    oid = unread or certificate.public_key_algorithm_oid.dotted_string
    if unread:
        return PublicKey(sha256(raw.key).hexdigest(), _ALGORITHMS.get(oid, oid), 0)
    try:
        found = public_key_of(certificate.public_key())
    except Exception:  # noqa: BLE001  UnsupportedAlgorithm, or damaged parameters
        return PublicKey(sha256(raw.key or data).hexdigest(), _ALGORITHMS.get(oid, oid), 0)
    if oid == _PSS:
        return found._replace(type=found.type.replace("RSA", "RSA-PSS"))
    return found


def _key_type(key: PublicKeyTypes) -> tuple[str, int]:
    match key:
        case ec.EllipticCurvePublicKey():
            return f"EC {_CURVES.get(key.curve.name, key.curve.name)}", key.key_size
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}", key.key_size
        case dsa.DSAPublicKey():
            return f"DSA {key.key_size}", key.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 256
        case ed448.Ed448PublicKey():
            return "Ed448", 456
    name = type(key).__name__.removesuffix("PublicKey")
    return name.replace("MLDSA", "ML-DSA-"), 0
