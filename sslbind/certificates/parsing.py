"""Certificates and private keys: bytes in, values out.

It reads no files and no clock. Whatever the bytes, it only raises CertificateError or
PasswordError.
"""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import (
    ExtendedKeyUsageOID,
    NameOID,
)

from sslbind.certificates import der, opening, pem
from sslbind.certificates.chains import Signed, encode_chain, ordered, with_keys
from sslbind.certificates.identity import Bundle, Certificate, Identity, PrivateKey
from sslbind.certificates.names import ascii_name
from sslbind.certificates.pem import MAX_SIZE
from sslbind.certificates.reading import (
    Parsing,
    odd_part,
    public_key_of,
    read_certificate,
    signed,
)
from sslbind.errors import CertificateError, PasswordError
from sslbind.printable import printable

__all__ = [
    "MAX_SIZE",
    "Bundle",
    "Certificate",
    "Identity",
    "PrivateKey",
    "chains",
    "encode_chain",
    "encode_key",
    "identities",
    "issued_by",
    "names_issuer",
    "read_bundle",
    "self_signed",
    "utf8",
]

MAX_CERTIFICATES = 1000
"""The most certificates in one file, so that hostile chains cannot take hours to order."""

_IGNORE = ("ignore", None, Warning, None, 0)
"""What ``warnings`` has as its first filter if every warning is ignored."""
_NOTHING = contextlib.nullcontext()

MAX_KEYS = 100
"""The most private keys in one file: each costs a check, or a key derivation."""


def read_bundle(
    data: bytes,
    passwords: Sequence[bytes] = (),
    *,
    check_keys: bool = True,
    keep_locked: bool = False,
) -> Bundle:
    """Return the certificates and keys in ``data``, whose format is recognised by content.

    PEM in any order and with any text between, in UTF-16 too (PowerShell's
    ``>``); a DER certificate or key; PKCS#12 (RFC 7292); PKCS#7 (RFC 2315).
    Keys are PKCS#8, PKCS#1 or SEC 1. Encrypted data is tried without a password, with an
    empty one, and with each of ``passwords``.

    ``check_keys=False`` leaves out the arithmetic check of RSA keys outside of
    PKCS#12 (33 ms each); ``keep_locked`` counts encrypted keys that do not open in
    ``Bundle.locked`` instead of raising.

    Raises PasswordError if a password is missing or wrong, and
    CertificateError, which says what was found, for anything else.
    """
    if len(data) > MAX_SIZE:
        raise CertificateError(f"{len(data)} bytes are too many for a certificate file")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("ascii", "replace")
    reader = _Reader(tuple(passwords), check_keys, keep_locked)
    with quiet():
        if b"-----BEGIN " in data and not der.whole(data):
            reader.read_pem(data)
        else:
            reader.read_der(data)
    return Bundle(
        tuple(reader.certificates.values()),
        tuple(reader.keys.values()),
        tuple(reader.notes),
        reader.locked,
        reader.twice,
        reader.signs_only,
    )


def quiet() -> contextlib.AbstractContextManager[object]:
    """Return a context without the parser's warnings about BER and old algorithms.

    Entering one within another costs nothing.
    """
    if warnings.filters[:1] == [_IGNORE]:
        return _NOTHING
    return warnings.catch_warnings(action="ignore")


def identities(bundle: Bundle) -> tuple[Identity, ...]:
    """Return every end-entity certificate of ``bundle`` with its chain and its key, if any.

    An end-entity certificate is one that signed no other in the bundle; a root alone is
    one. Raises CertificateError if there is no certificate, or if a private key belongs to
    none of the end-entity certificates.
    """
    if not bundle.certificates:
        found = "a private key but no certificate" if bundle.keys else "no certificate"
        raise CertificateError(f"it holds {found}", "also give the certificate's file")
    return with_keys(chains(bundle.certificates), bundle.keys)


def names_issuer(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether ``issuer`` is above ``certificate``, usually without checking a signature.

    The issuer's name together with its key identifier is trusted (RFC 5280,
    section 4.2.1.1); if the identifiers do not agree, the signature decides.
    """
    if certificate.issuer != issuer.subject:
        return False
    agreed = certificate.issuer_key_id == issuer.key_id != b""
    return agreed or issued_by(certificate, issuer)


@functools.lru_cache(maxsize=1024)  # asked both for loading a chain and for judging it
def issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether ``issuer`` signed ``certificate``: by name and by signature, regardless of dates."""
    if certificate.issuer != issuer.subject:
        return False
    with quiet():
        try:
            one, other = map(x509.load_der_x509_certificate, (certificate.der, issuer.der))
        except ValueError:  # one that was accepted without an unreadable part
            return False
        return signed(one, other)


def chains(certificates: Sequence[Certificate], signed: Signed = issued_by) -> tuple[Identity, ...]:
    """Return the end certificates among ``certificates`` with their chains, without keys."""
    if len(certificates) < 2:
        return tuple(map(Identity, certificates))
    return ordered(certificates, signed)


def encode_key(key: PrivateKey) -> bytes:
    """Return ``key`` as PKCS#8 PEM, not encrypted."""
    return key.secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def self_signed(dns: Sequence[str], ip: Sequence[str], days: int, now: datetime) -> Identity:
    """Make a self-signed certificate for development, with a new P-256 key.

    ``dns`` and ``ip`` become its subject alternative names, international names
    as A-labels; it is valid for ``days`` from ``now``, only for servers, and is not a CA.
    Raises CertificateError for an invalid name, address or number of days.
    """
    names = [*_alternatives(dns, ip)]
    if not names:
        raise CertificateError("a certificate needs a name", "give --dns NAME or --ip ADDRESS")
    if days < 1:
        raise CertificateError(f"a certificate cannot be valid for {days} days", "use --days 365")
    start = now.replace(microsecond=0)
    try:
        end = start + timedelta(days=days)
    except OverflowError:
        raise CertificateError(f"{days} days are beyond the year 9999", "use --days 365") from None
    key = ec.generate_private_key(ec.SECP256R1())
    common = str(names[0].value)[:64]  # the bound of RFC 5280, appendix A; clients ignore it
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(read_certificate(made.public_bytes(Encoding.DER)), (), _private_key(key))


class _Reader:
    """Collects the content of a file; duplicate certificates and keys count once."""

    def __init__(self, passwords: tuple[bytes, ...], check_keys: bool, keep_locked: bool) -> None:
        self.certificates: dict[str, Certificate] = {}
        self.keys: dict[str, PrivateKey] = {}
        self.notes: list[str] = []
        self.locked = 0
        self.twice = False
        self.signs_only = False
        self._keys_seen = 0
        self._rounds = 0
        self._passwords = passwords
        self._check_keys = check_keys
        self._keep_locked = keep_locked

    def read_pem(self, data: bytes) -> None:
        passed_over = []
        for block in pem.blocks(data):
            if block.label in pem.CERTIFICATE_LABELS:
                self.add_certificate(der.first(block.der))
                if block.label == "TRUSTED CERTIFICATE":
                    self.notes.append("the trust settings of a TRUSTED CERTIFICATE are ignored")
            elif block.label in ("PKCS7", "CMS"):
                self.read_pkcs7(block.der)
            elif block.label.endswith("PRIVATE KEY"):
                self.read_key(block)
            elif block.label != "EC PARAMETERS":  # the key that follows repeats the curve
                passed_over.append(block.label)
        self.notes.extend(f"a {label} is ignored" for label in passed_over)
        if not (self.certificates or self.keys or self.locked):
            found = ", ".join(dict.fromkeys(passed_over)) or "a PEM block that does not end"
            raise CertificateError(f"it holds no certificate and no private key but {found}")

    def read_der(self, data: bytes) -> None:
        found = der.kind(data)
        if found == "certificate":
            self.add_certificate(data)
        elif found == "pkcs7":
            self.read_pkcs7(data)
        elif found == "pkcs12":
            self.read_pkcs12(data)
        elif found in ("key", "encrypted key"):
            self.read_key(pem.PemBlock("PRIVATE KEY", b"", data))
        else:
            raise CertificateError(
                "it is not PEM, DER, PKCS#7 or PFX" if data else "it is empty",
                "certificate files are .pem, .cer, .der, .pfx, .p12 or .p7b",
            )

    def read_pkcs7(self, data: bytes) -> None:
        # It loads the package email, which no other format needs.
        from cryptography.hazmat.primitives.serialization import pkcs7

        with Parsing("a PKCS#7 file"):
            found = pkcs7.load_der_pkcs7_certificates(data)
        for one in found:
            self.add_certificate(one.public_bytes(Encoding.DER))

    def read_pkcs12(self, data: bytes) -> None:
        self.count_rounds(data)
        if opening.needs_limit(data):
            opening.check(data, self._passwords)
        store, password = self.open_pkcs12(data)
        own = store.cert.certificate.public_bytes(Encoding.DER) if store.cert else None
        if own is not None:
            self.add_certificate(own)
        for one in store.additional_certs:
            held = one.certificate.public_bytes(Encoding.DER)
            self.twice = self.twice or held == own
            self.add_certificate(held)
        if store.key is not None:
            with Parsing("the private key of a PFX file"):
                self.add_key(_private_key(store.key))
                if isinstance(store.key, rsa.RSAPrivateKey):
                    self.signs_only = _signs_only(data, utf8(password or b""), store.key)
        if self.signs_only:
            self.notes.append(
                "the PFX declares its RSA key for signatures only (KeySpec 2), with which"
                " Schannel fails handshakes; the key is used without that restriction"
            )
        if der.key_bags(data) > 1:
            self.notes.append("the PFX holds several private keys; only the first is read")

    def open_pkcs12(self, data: bytes) -> tuple[pkcs12.PKCS12KeyAndCertificates, bytes | None]:
        for password in (None, *self._passwords):  # OpenSSL takes None for the empty one too
            with Parsing("a PFX file"):
                try:
                    return pkcs12.load_pkcs12(data, password and utf8(password)), password
                except ValueError as error:
                    if "password" not in str(error):
                        raise
        raise self.wrong_password("the PFX file")

    def read_key(self, block: pem.PemBlock) -> None:
        self._keys_seen += 1
        if self._keys_seen > MAX_KEYS:
            raise CertificateError(f"it holds more than {MAX_KEYS} private keys")
        encrypted = block.encrypted_by_header or der.kind(block.der) == "encrypted key"
        if not encrypted:
            with Parsing("a private key"):
                self.add_key(_private_key(self.load_key(block, None)))
            return
        if block.encrypted_by_header and not block.header_is_whole:
            raise CertificateError("an encrypted private key has an unknown cipher")
        self.count_rounds(block.der)
        for password in filter(None, self._passwords):  # cryptography does not accept an empty one
            with Parsing("an encrypted private key"):
                try:
                    self.add_key(_private_key(self.load_key(block, password)))
                except ValueError as error:
                    # One wrong password in 256 decrypts to well-formed data that is not a key.
                    if not re.search("password|deserialize", str(error)):
                        raise
                else:
                    return
        if not self._keep_locked:
            raise self.wrong_password("the private key")
        self.locked += 1

    def load_key(self, block: pem.PemBlock, password: bytes | None) -> PrivateKeyTypes:
        skip = not self._check_keys
        if block.encrypted_by_header:
            text = block.text.replace(b"\r\n", b"\n")  # the lines of its header
            return load_pem_private_key(text, password, unsafe_skip_rsa_key_validation=skip)
        return load_der_private_key(block.der, password, unsafe_skip_rsa_key_validation=skip)

    def count_rounds(self, data: bytes) -> None:
        """Refuse the file if its total work is too much."""
        self._rounds += der.rounds(data)
        der.check_rounds(self._rounds)

    def add_certificate(self, data: bytes) -> None:
        if len(self.certificates) >= MAX_CERTIFICATES:
            raise CertificateError(f"it holds more than {MAX_CERTIFICATES} certificates")
        one = read_certificate(data)
        if one.odd and one.thumbprint not in self.certificates:
            self.notes.append(
                f"the certificate {one.thumbprint} has {odd_part(data)} that cannot be read, and"
                " is used without it"
            )
        self.certificates.setdefault(one.thumbprint, one)

    def add_key(self, key: PrivateKey) -> None:
        self.keys.setdefault(key.spki, key)

    def wrong_password(self, what: str) -> PasswordError:
        tried = len(self._passwords)
        if tried == 0:
            return PasswordError(f"{what} is protected by a password; none was given")
        passwords = "password does not open" if tried == 1 else f"{tried} passwords do not open"
        return PasswordError(f"the {passwords} {what}")


def utf8(password: bytes) -> bytes:
    """Return a password as PKCS#12 needs it; a file that is not UTF-8 is read as Windows-1252."""
    try:
        password.decode("utf-8")
    except UnicodeDecodeError:
        return password.decode("cp1252", "replace").encode("utf-8")
    return password


def _signs_only(data: bytes, password: bytes, key: rsa.RSAPrivateKey) -> bool:
    """Whether the RSA key of a PFX file is for signatures only; see ``key_spec``."""
    from sslbind.certificates import key_spec

    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return key_spec.signs_only(data, password, len(plain))


def _private_key(key: PrivateKeyTypes) -> PrivateKey:
    return PrivateKey(public_key_of(key.public_key()).spki, key)


def _alternatives(dns: Sequence[str], ip: Sequence[str]) -> Iterator[x509.GeneralName]:
    for name in dns:
        try:
            yield x509.DNSName(ascii_name(name))
        except ValueError as error:
            raise CertificateError(f"--dns {printable(name)}: {error}") from None
    for text in ip:
        try:
            yield x509.IPAddress(ip_address(text))
        except ValueError:
            raise CertificateError(f"--ip {printable(text)}: not an address") from None


def _key_usage() -> x509.KeyUsage:
    others = (
        "content_commitment key_encipherment data_encipherment key_agreement key_cert_sign"
        " crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(digital_signature=True, **dict.fromkeys(others.split(), False))
