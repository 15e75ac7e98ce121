"""Certificates for the tests, made by code: a root, an intermediate and leaves of every sort.

Keys are made once in a session, and are P-256 where RSA is not the matter.
"""

from __future__ import annotations

import functools
import ipaddress
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tools import needs

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PASSWORD = b"s3kr1t"
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@functools.cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """The session's key of this name."""
    del name
    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, in the forms that files have."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def thumbprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA1()).hex()

    @property
    def sha256(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def key_pem(
        self,
        password: bytes | None = None,
        form: PrivateFormat = PrivateFormat.PKCS8,
        encoding: Encoding = Encoding.PEM,
    ) -> bytes:
        lock = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(encoding, form, lock)

    def pfx(self, password: bytes | None = None, chain: Sequence[Issued] = ()) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            b"name",
            self.key,
            self.certificate,
            [one.certificate for one in chain],
            BestAvailableEncryption(password) if password else NoEncryption(),
        )


def issue(
    name: str,
    *,
    dns: Sequence[str] = (),
    ip: Sequence[str] = (),
    issuer: Issued | None = None,
    ca: bool = False,
    eku: Sequence[x509.ObjectIdentifier] | None = SERVER,
    key: Key | None = None,
    start: datetime = NOW - timedelta(days=30),
    end: datetime = NOW + timedelta(days=60),
) -> Issued:
    """A certificate for the common name ``name``, signed by ``issuer`` or by itself."""
    key = key or ec_key(name)
    subject = _name(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    names: list[x509.GeneralName] = [x509.DNSName(one) for one in dns]
    names += [x509.IPAddress(ipaddress.ip_address(one)) for one in ip]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if eku and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(eku), critical=False)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@functools.cache
def root() -> Issued:
    return issue("Test Root", ca=True, end=NOW + timedelta(days=3650))


@functools.cache
def intermediate() -> Issued:
    return issue("Test Intermediate", issuer=root(), ca=True, end=NOW + timedelta(days=1000))


@functools.cache
def web() -> Issued:
    return issue("www.contoso.com", dns=("www.contoso.com",), issuer=intermediate())


@functools.cache
def mail() -> Issued:
    return issue("mail.contoso.com", dns=("mail.contoso.com",), issuer=intermediate())


def bag(*issued: Issued, encoding: Encoding = Encoding.PEM) -> bytes:
    """A PKCS#7 file of certificates."""
    return pkcs7.serialize_certificates([one.certificate for one in issued], encoding)


def openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    """Run the real openssl, for the forms that only it writes."""
    return subprocess.run(
        [needs("openssl"), *arguments], input=stdin, capture_output=True, check=True
    ).stdout


def openssl_pfx(issued: Issued, *options: str, password: bytes = PASSWORD) -> bytes:
    """A PFX as ``openssl pkcs12 -export`` writes it with ``options``."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # it is read twice
        file.write(issued.pem + issued.key_pem())
        file.flush()
        secret = f"pass:{password.decode()}"
        return openssl("pkcs12", "-export", "-in", file.name, *options, "-passout", secret)


def put(folder: Path, *issued: Issued) -> None:
    """Write certificates and their keys into a store's folder, as ``store add`` would."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in issued:
        (folder / f"{one.thumbprint}.pem").write_bytes(one.pem)
        key = folder / f"{one.thumbprint}.key"
        key.write_bytes(one.key_pem())
        key.chmod(0o600)
