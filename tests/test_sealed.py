"""How PFX files are sealed: read without the password, whatever wrote them, and rewritten."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from check_cases import PROVIDER, STORES, Case, record
from conftest import Run
from pfx_writers import OLD, SECRET, WRITERS, keytool
from pki import PASSWORD, intermediate, openssl_pfx, web
from tools import needs

from sslbind.certificates.central import CentralStore
from sslbind.certificates.parsing import identities, read_bundle
from sslbind.certificates.sealed import Sealed, sealed_of, too_new
from sslbind.certificates.sealing import Seal, encode_pfx, seal_for, seal_of
from sslbind.check.pfx import _export
from sslbind.release import RELEASES, Release

pytestmark = pytest.mark.usefixtures("opened_here")

WRONG = "it reports a wrong password"


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


# Reading

OPENSSL = {
    "default": ((), Sealed("SHA-256", (), ("AES-256",), 2048, 1)),
    "legacy": (("-legacy",), Sealed("SHA-1", ("RC2-40", "3DES"), (), 2048, 1)),
    "3des": ((*OLD, "-macalg", "sha1"), Sealed("SHA-1", ("3DES",), (), 2048, 1)),
    "mac-alone": (OLD, Sealed("SHA-256", ("3DES",), (), 2048, 1)),
    "old-mac": (("-macalg", "sha1"), Sealed("SHA-1", (), ("AES-256",), 2048, 1)),
    "sha512": (("-macalg", "sha512"), Sealed("SHA-512", (), ("AES-256",), 2048, 1)),
    "aes128": (
        ("-keypbe", "AES-128-CBC", "-certpbe", "AES-192-CBC"),
        Sealed("SHA-256", (), ("AES-192", "AES-128"), 2048, 1),
    ),
    "many-rounds": (("-iter", "600001"), Sealed("SHA-256", (), ("AES-256",), 600_001, 1)),
    "no-mac": (("-nomac",), Sealed("", (), ("AES-256",), 0, 1)),
    "open": (("-keypbe", "NONE", "-certpbe", "NONE"), Sealed("SHA-256", (), (), 2048, 1)),
    "provider": (
        ("-CSP", "Microsoft RSA SChannel Cryptographic Provider"),
        Sealed(
            "SHA-256",
            (),
            ("AES-256",),
            2048,
            1,
            "Microsoft RSA SChannel Cryptographic Provider",
        ),
    ),
}


@pytest.mark.parametrize(("options", "sealed"), OPENSSL.values(), ids=OPENSSL)
def test_openssl(options: tuple[str, ...], sealed: Sealed) -> None:
    """The algorithms, the iterations and the provider can be read without the password."""
    assert sealed_of(openssl_pfx(web(), *options)) == sealed


def test_cryptography() -> None:
    """What Python's cryptography writes by default, with a password and without."""
    assert str(sealed_of(web().pfx(PASSWORD))) == "AES-256, SHA-256"
    assert str(sealed_of(web().pfx())) == "not encrypted, SHA-256"


@pytest.mark.slow
@pytest.mark.parametrize(("writer", "options", "said", "old"), WRITERS.values(), ids=WRITERS)
def test_other_writers(
    writer: object, options: tuple[str, ...], said: str, old: bool, tmp_path: Path
) -> None:
    """What Java, GnuTLS and NSS write is read, opened, and distinguished."""
    assert callable(writer)
    data = writer(web(), tmp_path, *options)
    sealed = sealed_of(data)
    assert sealed is not None
    assert (str(sealed), sealed.keys) == (said, 1)
    assert bool(too_new(sealed, Release.W2016)) is not old
    (one,) = identities(read_bundle(data, [PASSWORD]))
    assert one.key is not None


def test_pbmac1() -> None:
    """RFC 9579: the MAC's algorithm is PBMAC1; a handmade file, as few openssl versions do it."""
    data = openssl_pfx(web())
    sha256 = bytes.fromhex("300d06096086480165030402010500")
    pbmac1 = bytes.fromhex("300d06092a864886f70d01050e0500")
    assert data.count(sha256) == 1
    sealed = sealed_of(data.replace(sha256, pbmac1))
    assert sealed is not None
    assert sealed.mac == "PBMAC1"
    assert {too_new(sealed, one) for one in Release} == {
        "is protected with PBMAC1 (RFC 9579), which no Windows is known to open"
    }


@pytest.mark.parametrize("data", [b"", b"0", web().pem, web().der, b"0\x03\x02\x01\x03"])
def test_other_files(data: bytes) -> None:
    assert sealed_of(data) in (None, Sealed())


# Which release opens what


@pytest.mark.parametrize("word", RELEASES)
def test_by_release(word: str) -> None:
    """AES from 2019 on, 3DES and RC2 everywhere; too many iterations nowhere."""
    release, old = RELEASES[word], RELEASES[word] < Release.W2019
    name = release.title
    said = {
        key: too_new(sealed, release) for key, (_, sealed) in OPENSSL.items() if key != "provider"
    }
    aes = f"is protected with AES-256 and SHA-256, which {name} cannot open: {WRONG}"
    mac = f"is protected with a SHA-256 MAC, which {name} cannot open: {WRONG}"
    assert said == {
        "default": aes if old else "",
        "legacy": "",
        "3des": "",
        "mac-alone": mac if old else "",
        "old-mac": f"is protected with AES-256, which {name} cannot open: {WRONG}" if old else "",
        "sha512": aes.replace("SHA-256", "SHA-512") if old else "",
        "aes128": aes.replace("AES-256 and", "AES-192, AES-128 and") if old else "",
        "many-rounds": "is protected with 600001 iterations, but Windows opens at most 600000:"
        f" {WRONG}",
        "no-mac": f"is protected with AES-256, which {name} cannot open: {WRONG}" if old else "",
        "open": mac if old else "",
    }


@pytest.mark.parametrize("seal", Seal)
@pytest.mark.parametrize("password", [PASSWORD, b""], ids=["password", "open"])
def test_what_is_written(seal: Seal, password: bytes, tmp_path: Path) -> None:
    """Every release opens what is sealed for it, and openssl reads it back, chain and key."""
    pem = web().pem + intermediate().pem + web().key_pem()
    (identity,) = identities(read_bundle(pem))
    data = encode_pfx(identity, password, seal)
    assert seal_of(data) is seal
    sealed = sealed_of(data)
    assert sealed is not None
    assert [r for r in Release if not too_new(sealed, r)] == [r for r in Release if seal is Seal.LEGACY or seal_for(r) is seal]  # noqa: E501  # fmt: skip
    path = tmp_path / "x.pfx"
    path.write_bytes(data)
    secret = f"pass:{password.decode()}"
    shown = subprocess.run(
        [needs("openssl"), "pkcs12", "-info", "-in", path, "-passin", secret, "-nodes"],
        capture_output=True,
        check=True,
    )
    digest = b"sha1" if seal is Seal.LEGACY else b"sha256"
    assert shown.stderr.startswith(b"MAC: " + digest)
    assert (shown.stdout.count(b"BEGIN CERTIFICATE"), shown.stdout.count(b"PRIVATE KEY")) == (2, 2)
    wrong = subprocess.run(
        [needs("openssl"), "pkcs12", "-in", path, "-passin", "pass:wrong", "-noout"],
        capture_output=True,
        check=False,
    )
    assert wrong.returncode == 1


# What check and resolve say


@pytest.fixture
def farm(case: Case) -> Case:
    """A farm of Server 2016 with a central store, whose renewal tool moved to OpenSSL 3."""
    Path("ccs.password").write_text(SECRET, encoding="ascii")
    case.write(PROVIDER, 'PrivateKeyPasswordFile = "ccs.password"', record("443"), windows="2016")
    Path("ccs").mkdir()
    Path("ccs/www.contoso.com.pfx").write_bytes(openssl_pfx(web()))
    return case


def test_the_pull_request_of_the_farm(farm: Case) -> None:
    """``check`` reports it, without the password too, and its command repairs the file."""
    found = farm.only("pfx-too-new")
    assert (found.severity, found.file) == ("error", "ccs/www.contoso.com.pfx")
    assert found.message == (
        "ccs/www.contoso.com.pfx is protected with AES-256 and SHA-256, which Windows Server 2016"
        f" cannot open: {WRONG}"
    )
    assert "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1" in (found.advice or "")
    assert farm.check(ids=["pfx-too-new"], windows="2019") == []
    assert farm.run("resolve", "10.0.0.5:443", "www.contoso.com").out.startswith(
        "broken by ccs=443: ccs/www.contoso.com.pfx: is protected with AES-256 and SHA-256, which"
        " Windows Server 2016 cannot open"
    )
    command = farm.mend("pfx-too-new")
    assert command == "sslbind ccs put ccs/www.contoso.com.pfx --password-file ccs.password"
    sealed = sealed_of(Path("ccs/www.contoso.com.pfx").read_bytes())
    assert str(sealed) == "3DES, SHA-1"
    answer = farm.run("resolve", "10.0.0.5:443", "www.contoso.com")
    assert answer.out.startswith(web().thumbprint)


def test_without_the_password(farm: Case) -> None:
    """The structure shows it; the fix is then openssl's command, which asks for the password."""
    Path("ccs.password").write_text("wrong", encoding="ascii")
    found = farm.only("pfx-too-new")
    assert found.command is None
    farm.shell(found, SECRET)
    assert not Path("t.pem").exists()
    assert farm.check(ids=["pfx-too-new"]) == []


def test_iterations(farm: Case) -> None:
    """Over 600,000 are an error for every release, in the stores as well."""
    data = openssl_pfx(web(), "-iter", "600001")
    Path("ccs/www.contoso.com.pfx").write_bytes(data)
    Path("certs/MY").mkdir(parents=True)
    Path("certs/MY/web.pfx").write_bytes(data)
    farm.write(PROVIDER, STORES, 'PasswordFile = "ccs.password"', record("443"))
    found = farm.check(ids=["pfx-too-new"])
    assert [(one.severity, one.file) for one in found] == [
        ("error", "ccs/www.contoso.com.pfx"),
        ("error", "certs/MY/web.pfx"),
    ]
    assert "600001 iterations" in found[0].message


def test_a_store_is_warned_about(case: Case) -> None:
    """A file in a store may already be on the server."""
    Path("certs/MY").mkdir(parents=True)
    Path("certs/MY/web.pfx").write_bytes(openssl_pfx(web()))
    case.write(STORES, windows="2012r2")
    found = case.only("pfx-too-new")
    assert (found.severity, found.file) == ("warn", "certs/MY/web.pfx")
    assert found.message.startswith("certs/MY/web.pfx is protected with AES-256 and SHA-256, which")
    assert case.check(ids=["pfx-too-new"], windows="2022") == []


@pytest.mark.parametrize("windows", ["2016", "2022"])
def test_leaf_twice(farm: Case, tmp_path: Path, windows: str) -> None:
    """openssl with the full chain in -in and in -certfile; ccs put writes it once."""
    chain = tmp_path / "full.pem"
    chain.write_bytes(web().pem + intermediate().pem)
    key = tmp_path / "key.pem"
    key.write_bytes(web().key_pem())
    subprocess.run(
        [
            *(needs("openssl"), "pkcs12", "-export", "-in", chain, "-inkey", key),
            *("-certfile", chain, "-out", "ccs/www.contoso.com.pfx", "-passout", f"pass:{SECRET}"),
        ],
        check=True,
    )
    password = 'PrivateKeyPasswordFile = "ccs.password"'
    farm.write(PROVIDER, password, record("443"), windows=windows)
    found = farm.only("pfx-leaf-twice")
    assert found.message == (
        "ccs/www.contoso.com.pfx holds its own certificate twice: Windows may import it without"
        " the key"
    )
    farm.mend("pfx-leaf-twice")
    assert farm.check(ids=["pfx-leaf-twice", "pfx-too-new"]) == []


@pytest.mark.slow
def test_many_keys(farm: Case, tmp_path: Path) -> None:
    """Java puts several keys into one file; the second is a warning."""
    data = keytool(web(), tmp_path)
    subprocess.run(
        [
            *(needs("keytool"), "-genkeypair", "-keystore", "java.p12", "-alias", "other"),
            *("-storepass", SECRET, "-keyalg", "EC", "-dname", "CN=other"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    path = Path("ccs/www.contoso.com.pfx")
    path.write_bytes(data)
    assert farm.check(ids=["pfx-many-keys"]) == []
    path.write_bytes((tmp_path / "java.p12").read_bytes())
    found = farm.only("pfx-many-keys")
    assert found.message == (
        "ccs/www.contoso.com.pfx holds 2 private keys; it is not documented which one Windows"
        " serves"
    )
    line = (found.advice or "").partition("for example on the server: ")[2]
    assert line == (
        "Export-PfxCertificate -Cert Cert:\\LocalMachine\\My\\THUMBPRINT -FilePath"
        " 'www.contoso.com.pfx' -ChainOption BuildChain -Password (Read-Host -AsSecureString)"
    )
    command = farm.mend("pfx-many-keys")
    assert command == "sslbind ccs put ccs/www.contoso.com.pfx --password-file ccs.password"
    [entry] = CentralStore("ccs", password_file="ccs.password").files()
    assert (entry.usable, entry.entry.sealed and entry.entry.sealed.keys) == (True, 1)


@pytest.mark.slow
def test_export_by_powershell(farm: Case, tmp_path: Path) -> None:
    """PowerShell parses the command of ``pfx-many-keys``, whatever the name of the file."""
    parse = "[void][Management.Automation.Language.Parser]::ParseInput($env:LINE, [ref]$null,"
    parse += " [ref]$errors); $errors.Count"
    line = _export("it's $x.pfx")
    done = subprocess.run(
        [needs("pwsh"), "-NoProfile", "-NonInteractive", "-Command", f"$errors = $null; {parse}"],
        env={**os.environ, "LINE": line},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "0"
