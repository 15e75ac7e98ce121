"""Rules about PFX files: whether Windows can use one, whatever certificate is in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sslbind.certificates.sealed import MAX_ITERATIONS, MODERN_SINCE, PBMAC1, Sealed, too_new
from sslbind.check.finding import Found, Severity
from sslbind.check.rule import rule
from sslbind.check.subject import Subject
from sslbind.printable import printable
from sslbind.shells import in_sentence, powershell

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry
    from sslbind.keys import Key

_CNG = ("Key Storage Provider", "Platform Crypto Provider")
"""Found in the names of CNG providers; their keys have KeySpec 0, whatever a file says."""
_AGED = frozenset(("RC2-40", "RC2-128", "RC4-40", "RC4-128"))
"""Ciphers that OpenSSL 3 reads with -legacy only."""
_STORED = "Cert:\\LocalMachine\\My\\"
_OLD = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"


@rule("pfx-too-new", "error")
def pfx_too_new(subject: Subject) -> Iterator[Found]:
    """A PFX file is encrypted with algorithms that the server's Windows does not know.

    Windows Server 2016 and older only open 3DES and RC2 with a SHA-1 MAC; for AES or
    SHA-256, which OpenSSL 3 and most tools write by default, they report a wrong password
    (documented for import; reported 14 times; that the central store uses the same importer
    is inferred). Every release refuses more than 600,000 iterations (reported once), and
    none is known to open PBMAC1 (inferred: nothing public says so). Encrypt the file again
    with 3DES and SHA-1, as ccs put does for such a release, openssl pkcs12 -export with
    -keypbe and -certpbe PBE-SHA1-3DES and -macalg sha1, or Export-PfxCertificate with
    -CryptoAlgorithmOption TripleDES_SHA1.
    """
    for file in subject.central_files:
        sealed = file.entry.sealed
        why = too_new(sealed, subject.release) if sealed and file.name is not None else ""
        if sealed and why:
            path = subject.central_path(file.file)
            yield Found(
                None,
                f"{path} {why}",
                _again(subject, sealed, path),
                _put(subject, file.entry, path),
                severity=_severity(sealed, "error"),
                file=path,
            )
    for entry, path in _stored(subject):
        why = too_new(entry.sealed, subject.release) if entry.sealed else ""
        if entry.sealed and why:
            yield Found(
                None,
                f"{path} {why}",
                f"{_again(subject, entry.sealed, path)}, unless the server already has it",
                severity=_severity(entry.sealed, "warn"),
                file=path,
            )


@rule("pfx-many-keys", "warn")
def pfx_many_keys(subject: Subject) -> Iterator[Found]:
    """A PFX file of the central store holds several private keys.

    It is not documented which of its certificates Windows serves; .NET takes the first with
    a key (reported once). Export-PfxCertificate of a whole store creates such files. Put
    each certificate into its own file: ccs put writes the first again alone, and
    Export-PfxCertificate exports one by its thumbprint.
    """
    for file in subject.central_files:
        sealed = file.entry.sealed
        if sealed and sealed.keys > 1 and file.name is not None:
            path = subject.central_path(file.file)
            yield Found(
                None,
                f"{path} holds {sealed.keys} private keys; it is not documented which one Windows"
                " serves",
                "export the certificate of this host alone, for example on the server:"
                f" {_export(file.file)}",
                _put(subject, file.entry, path),
                file=path,
            )


@rule("pfx-leaf-twice", "warn")
def pfx_leaf_twice(subject: Subject) -> Iterator[Found]:
    """A PFX file holds its own certificate twice.

    Windows may import such a file without the private key (reported once).
    openssl writes one if the certificate is in -in and in -certfile, as with
    certbot's fullchain.pem. Export it again, with only the chain in -certfile.
    """
    found = [
        (file.entry, subject.central_path(file.file))
        for file in subject.central_files
        if file.name is not None
    ]
    for entry, path in (*found, *_stored(subject)):
        if entry.twice:
            yield Found(
                None,
                f"{path} holds its own certificate twice: Windows may import it without the key",
                "export it again; for openssl pkcs12 -export, -certfile must be the chain alone:"
                " certbot's chain.pem",
                _put(subject, entry, path) if not entry.store else "",
                file=path,
            )


@rule("pfx-key-spec", "error")
def pfx_key_spec(subject: Subject) -> Iterator[Found]:
    """The RSA key in a PFX file that is served is for signatures only (KeySpec 2).

    A key of a cryptographic service provider (CSP) that was created for AT_SIGNATURE cannot
    do key exchange: handshakes fail with events 36888 and 36874 (documented; reported 8
    times). This is in the encrypted part of the file, so a locked file is not checked. Keys
    of a key storage provider (CNG) have no such limit. Export it again with openssl pkcs12
    -export -keyex, or import it on the server with certutil -importpfx FILE AT_KEYEXCHANGE.
    """
    for file in subject.central_files:
        if file.name is not None and _signs_only(file.entry):
            path = subject.central_path(file.file)
            yield _key_spec(subject, None, file.entry, path)
    folder = subject.settings.cert_stores and subject.settings.cert_stores.path
    for one in subject.served:
        if one.key is not None and _signs_only(one.entry):
            base = os.path.dirname(subject.registry.path)
            path = os.path.join(base, folder or "", one.entry.key_file)
            yield _key_spec(subject, one.key, one.entry, path)


def _signs_only(entry: Entry) -> bool:
    if not entry.signs_only or entry.key_file != entry.file:
        return False
    provider = entry.sealed.provider if entry.sealed else ""
    return not any(word in provider for word in _CNG)


def _key_spec(subject: Subject, key: Key | None, entry: Entry, path: str) -> Found:
    again = _again(subject, entry.sealed or Sealed(), path, "-keyex ")
    return Found(
        key,
        f"the RSA key in {path} is for signatures only (KeySpec 2): Schannel fails the handshake"
        " with events 36888 and 36874",
        f"{again}, or on the server: certutil -importpfx FILE AT_KEYEXCHANGE",
        "" if entry.store else _put(subject, entry, path),
        file=path,
    )


def _stored(subject: Subject) -> Iterator[tuple[Entry, str]]:
    """Yield the PFX files of the certificate stores, with their paths."""
    settings = subject.settings.cert_stores
    if subject.stores is None or settings is None:
        return
    folder = os.path.join(os.path.dirname(subject.registry.path), settings.path)
    for entry in subject.stores.entries():
        if entry.sealed is not None:
            yield entry, os.path.join(folder, entry.file)


def _severity(sealed: Sealed, own: Severity) -> Severity:
    """Return the severity: certain for every release, inferred, or depending on the place."""
    if sealed.iterations > MAX_ITERATIONS:
        return "error"
    return "warn" if sealed.mac == PBMAC1 else own


def _again(subject: Subject, sealed: Sealed, path: str, more: str = "") -> str:
    """Return how openssl encrypts a file again, with ``more`` options; t.pem has the plain key."""
    how = _OLD if subject.release < MODERN_SINCE else "-iter 2048"
    old = "" if _AGED.isdisjoint(sealed.pbes1) else " -legacy"
    commands = (
        f"openssl pkcs12 -in FILE -nodes{old} -out t.pem",
        f"openssl pkcs12 -export -in t.pem {more}{how} -out FILE",
    )
    opened, sealed_again = (
        in_sentence([path if word == "FILE" else word for word in one.split()]) or one
        for one in commands
    )
    return f"encrypt it again: {opened}, then {sealed_again}; then delete t.pem"


def _export(file: str) -> str:
    """Return the command of PowerShell that exports one certificate: with 3DES, by default."""
    return (
        f"Export-PfxCertificate -Cert {_STORED}THUMBPRINT -FilePath {powershell(printable(file))}"
        " -ChainOption BuildChain -Password (Read-Host -AsSecureString)"
    )


def _put(subject: Subject, entry: Entry, path: str) -> str:
    """Return the command that rewrites a file of the central store, if there is one."""
    from sslbind.certificates.central import stem_of, stems_for

    facts, settings = entry.certificate, subject.settings.central_store
    if facts is None or settings is None or not entry.has_key:
        return ""
    if stem_of(entry.file) not in stems_for(facts.dns_names):
        return ""
    words = ["ccs", "put", path]
    if settings.password_file:
        folder = os.path.dirname(subject.registry.path)
        words += ["--password-file", os.path.join(folder, settings.password_file)]
    return subject.command(*words)
