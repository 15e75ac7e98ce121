"""PFX files as other programs write them: Java, GnuTLS and NSS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pki import PASSWORD, Issued
from tools import needs

SECRET = PASSWORD.decode()
OLD = ("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES")
"""Options of openssl for what every Windows opens, but for the MAC."""


def keytool(issued: Issued, folder: Path, *options: str) -> bytes:
    """A PKCS#12 key store as Java writes it, with a key of its own."""
    del issued
    command = [needs("keytool"), *options, "-genkeypair", "-keystore", "java.p12", "-alias", "web"]
    command += ["-storetype", "PKCS12", "-storepass", SECRET, "-keyalg", "EC"]
    command += ["-dname", "CN=www.contoso.com", "-ext", "san=dns:www.contoso.com"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "java.p12").read_bytes()


def certtool(issued: Issued, folder: Path, *options: str) -> bytes:
    """A PFX as GnuTLS writes it."""
    (folder / "c.pem").write_bytes(issued.pem)
    (folder / "k.pem").write_bytes(issued.key_pem())
    command = [needs("certtool"), "--to-p12", "--load-certificate", "c.pem", "--load-privkey"]
    command += ["k.pem", "--outder", "--p12-name", "web", "--password", SECRET]
    command += ["--outfile", "g.pfx", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return (folder / "g.pfx").read_bytes()


def pk12util(issued: Issued, folder: Path, *options: str) -> bytes:
    """A PFX as NSS exports it, from a database of its own."""
    for name, text in (("db", ""), ("pw", SECRET)):
        (folder / name).write_text(text, encoding="ascii")
    (folder / "nss").mkdir()
    (folder / "in.pfx").write_bytes(issued.pfx(PASSWORD))
    base = ["-d", "sql:nss", "-K", ""]
    program = needs("pk12util")
    for command in (
        [program, "-i", "in.pfx", "-W", SECRET, *base],
        [program, "-o", "n.pfx", "-n", "name", "-W", SECRET, *base, *options],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, input=b"\n\n")
    return (folder / "n.pfx").read_bytes()


WRITERS = {
    "java": (keytool, (), "AES-256, SHA-256", False),
    "java-legacy": (keytool, ("-J-Dkeystore.pkcs12.legacy",), "3DES, RC2-40, SHA-1", True),
    "gnutls": (certtool, (), "AES-128, SHA-256", False),
    "gnutls-3des": (
        certtool,
        ("--pkcs-cipher=3des-pkcs12", "--hash=sha1"),
        "3DES, SHA-1",
        True,
    ),
    "nss": (pk12util, (), "AES-256, AES-128, SHA-256", False),
    "nss-3des": (
        pk12util,
        ("-c", "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC",
         "-C", "PKCS #12 V2 PBE With SHA-1 And 3KEY Triple DES-CBC", "-M", "SHA-1"),
        "3DES, SHA-1",
        True,
    ),
}  # fmt: skip
