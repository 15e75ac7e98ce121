"""The test's own certificates: made by sslbind, and imported into the machine's MY."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509 import load_pem_x509_certificate
from programs import CannotRunError, Program, powershell
from table import DOMAIN

KEYLESS = "keyless"
FOR_LINES = ("a", "b", KEYLESS)
FOR_HANDSHAKES = ("a", "b", "s", "v", "w")
_PASSWORD = "SSLBIND_DIFFERENTIAL_PASSWORD"
_FOLDER = "SSLBIND_DIFFERENTIAL_FOLDER"

_IMPORT = f"""
$password = ConvertTo-SecureString $env:{_PASSWORD} -AsPlainText -Force
Get-ChildItem -LiteralPath $env:{_FOLDER} -Filter *.pfx | ForEach-Object {{
  Import-PfxCertificate -FilePath $_.FullName -CertStoreLocation Cert:\\LocalMachine\\My `
    -Password $password | Out-Null
}}
Get-ChildItem -LiteralPath $env:{_FOLDER} -Filter *.cer | ForEach-Object {{
  Import-Certificate -FilePath $_.FullName -CertStoreLocation Cert:\\LocalMachine\\My | Out-Null
}}
"""
_REMOVE = """
@(Get-ChildItem Cert:\\LocalMachine\\My | Where-Object {{ {condition} }}) | ForEach-Object {{
  $path = 'Cert:\\LocalMachine\\My\\' + $_.Thumbprint
  if ($_.HasPrivateKey) {{ Remove-Item -Path $path -DeleteKey }} else {{ Remove-Item -Path $path }}
}}
"""


class Certificates(NamedTuple):
    """The certificates by letter, ``keyless`` that without its private key.

    ``folder`` is sslbind's folder of MY. ``machine``: they are in the store of
    this Windows too; else a stand-in reads ``folder`` itself.
    """

    thumbprints: dict[str, str]
    folder: str
    machine: bool

    def take(self, letter: str, *, key_only: bool) -> None:
        """Take the certificate away on both sides, or its private key only."""
        path = os.path.join(self.folder, self.thumbprints[letter])
        with open(f"{path}.pem", "rb") as file:
            pem = file.read()
        os.remove(f"{path}.key")
        if not key_only:
            os.remove(f"{path}.pem")
        if self.machine:
            condition = f"$_.Thumbprint -eq '{self.thumbprints[letter].upper()}'"
            powershell(_REMOVE.format(condition=condition))
            if key_only:
                _import(self.folder, {f"{letter}.cer": _der(pem)})


def make(sslbind: Program, letters: Iterable[str], folder: str, *, machine: bool) -> Certificates:
    """Make certificates with ``sslbind store new``; ``machine`` imports them into MY."""
    made: dict[str, str] = {}
    for letter in letters:
        answer = sslbind.run(f"store new --dns {letter}.{DOMAIN} --days 2 --format json")
        if answer.code:
            raise CannotRunError(f"sslbind store new failed: {answer.errors.strip()}")
        made[letter] = json.loads(answer.output)["certificates"][0]["thumbprint"]
    certificates = Certificates(made, folder, machine)
    if KEYLESS in made:
        os.remove(os.path.join(folder, f"{made[KEYLESS]}.key"))
    if machine:
        _import_all(certificates)
    return certificates


def remove() -> None:
    """Remove every certificate of this test from the machine's MY, with its key."""
    powershell(_REMOVE.format(condition=f"$_.Subject -like '*.{DOMAIN}'"))


def _import_all(certificates: Certificates) -> None:
    password = secrets.token_urlsafe(16)
    files: dict[str, bytes] = {}
    for letter, thumbprint in certificates.thumbprints.items():
        path = os.path.join(certificates.folder, thumbprint)
        with open(f"{path}.pem", "rb") as file:
            pem = file.read()
        if letter == KEYLESS:
            files[f"{letter}.cer"] = _der(pem)
            continue
        with open(f"{path}.key", "rb") as file:
            files[f"{letter}.pfx"] = _pfx(pem, file.read(), password)
    _import(certificates.folder, files, password)


def _import(folder: str, files: dict[str, bytes], password: str = "none") -> None:
    """Import PFX and CER files, which are written beside the stores and removed again."""
    place = os.path.join(os.path.dirname(os.path.dirname(folder)), "import")
    os.mkdir(place, 0o700)
    try:
        for name, data in files.items():
            with open(os.path.join(place, name), "wb") as file:
                file.write(data)
        powershell(_IMPORT, {_PASSWORD: password, _FOLDER: place})
    finally:
        for name in os.listdir(place):
            os.remove(os.path.join(place, name))
        os.rmdir(place)


def _der(pem: bytes) -> bytes:
    return load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def _pfx(pem: bytes, key_pem: bytes, password: str) -> bytes:
    """Return a PFX as Windows Server 2012 and all later ones read it."""
    certificate = load_pem_x509_certificate(pem)
    key = load_pem_private_key(key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    lock = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2000)
        .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        .hmac_hash(SHA1())
        .build(password.encode())
    )
    return pkcs12.serialize_key_and_certificates(b"differential", key, certificate, None, lock)
