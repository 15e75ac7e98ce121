"""Keys in PFX files that are for signing only: found with the password, and exported again."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_cases import PROVIDER, STORES, Case, record
from conftest import Run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import PASSWORD, Issued, ec_key, issue, openssl_pfx, rsa_key
from tools import needs

from sslbind.certificates.derivation import IV, KEY, MAC, derive
from sslbind.certificates.key_spec import signs_only
from sslbind.certificates.parsing import read_bundle
from sslbind.certificates.sealed import sealed_of

pytestmark = pytest.mark.usefixtures("opened_here")

SECRET = PASSWORD.decode()
KEY_ID = "www.contoso.com:443"
CSP = ("-CSP", "Microsoft Enhanced Cryptographic Provider v1.0")
FILE = "PrivateKeyPasswordFile = "


def rsa_web() -> Issued:
    return issue("www.contoso.com", dns=("www.contoso.com",), key=rsa_key())


@pytest.fixture
def case(run: Run) -> Case:
    needs("openssl")
    Path("ccs.password").write_text(SECRET, encoding="ascii")
    Path("ccs").mkdir()
    return Case(run)


SEALS = {
    "aes": (),
    "aes128": ("-keypbe", "AES-128-CBC"),
    "3des": ("-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"),
    "legacy": ("-legacy",),
    "open": ("-keypbe", "NONE", "-certpbe", "NONE"),
}


@pytest.mark.parametrize("seal", SEALS.values(), ids=SEALS)
@pytest.mark.parametrize("password", [PASSWORD, b"", "schlüssel".encode()], ids=["a", "b", "c"])
def test_openssl(seal: tuple[str, ...], password: bytes) -> None:
    """``-keysig`` and ``-keyex`` write what Windows' exports have; by default there is neither."""
    said = [
        read_bundle(openssl_pfx(rsa_web(), *seal, *more, password=password), [password]).signs_only
        for more in (("-keysig",), ("-keysig", *CSP), ("-keyex",), ("-keyex", *CSP), (), CSP)
    ]
    assert said == [True, True, False, False, False, False]


def test_elliptic_curves() -> None:
    """Keys of elliptic curves are never in such a provider."""
    web = issue("www.contoso.com", key=ec_key("web"))
    assert not read_bundle(openssl_pfx(web, "-keysig"), [PASSWORD]).signs_only


def test_derivation() -> None:
    """RFC 7292, appendix B: openssl's own values for the password ``smeg``, and similar ones."""
    salt = bytes.fromhex("0a58cf64530d823f")
    assert derive(KEY, "smeg", salt, 1, 24).hex() == (
        "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"
    )
    assert derive(IV, "smeg", salt, 1, 8).hex() == "79993dfe048d3b76"
    assert derive(MAC, "smeg", bytes.fromhex("3d83c0e4546ac140"), 1, 20).hex() == (
        "8d967d88f6caa9d714800ab3d48051d63f73a312"
    )
    assert derive(KEY, "queeg", bytes.fromhex("05dec959acff72f7"), 1000, 24).hex() == (
        "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4"
    )


def test_central_store(case: Case) -> None:
    """A file of the central store: an error on every release, and ``ccs put`` rewrites it."""
    path = Path("ccs/www.contoso.com.pfx")
    path.write_bytes(openssl_pfx(rsa_web(), "-keysig", *CSP))
    case.write(PROVIDER, f'{FILE}"ccs.password"', record("443"))
    found = case.only("pfx-key-spec")
    assert (found.severity, found.file) == ("error", "ccs/www.contoso.com.pfx")
    assert found.message == (
        "the RSA key in ccs/www.contoso.com.pfx is for signatures only (KeySpec 2): Schannel fails"
        " the handshake with events 36888 and 36874"
    )
    assert found.command == ("sslbind ccs put ccs/www.contoso.com.pfx --password-file ccs.password")
    assert "certutil -importpfx FILE AT_KEYEXCHANGE" in (found.advice or "")
    assert len(case.check(ids=["pfx-key-spec"], windows="2012r2")) == 1
    assert [one.rule for one in case.check()].count("pfx-key-spec") == 1  # from the cache as well
    case.mend("pfx-key-spec")


@pytest.mark.parametrize("windows", ["2012r2", "2022"])
@pytest.mark.parametrize("seal", [(), ("-legacy",)], ids=["aes", "legacy"])
def test_openssl_line(case: Case, windows: str, seal: tuple[str, ...]) -> None:
    """openssl's command exports the key for exchange, in a form that the release opens."""
    path = Path("ccs/www.contoso.com.pfx")
    path.write_bytes(openssl_pfx(rsa_web(), "-keysig", *seal))
    case.write(PROVIDER, f'{FILE}"ccs.password"', record("443"), windows=windows)
    case.shell(case.only("pfx-key-spec"), SECRET)
    assert case.check(ids=["pfx-key-spec", "pfx-too-new", "cert-no-private-key"]) == []
    sealed = sealed_of(path.read_bytes())
    assert sealed is not None
    assert bool(sealed.modern) is (windows == "2022")


def test_store(case: Case) -> None:
    """A PFX file in a certificate store counts if a record uses it."""
    Path("certs/MY").mkdir(parents=True)
    path = Path("certs/MY/web.pfx")
    web = rsa_web()
    path.write_bytes(openssl_pfx(web, "-keysig", *CSP))
    case.write(STORES, 'PasswordFile = "ccs.password"', record(KEY_ID, web))
    found = case.only("pfx-key-spec")
    assert (found.key, found.file, found.command) == (KEY_ID, "certs/MY/web.pfx", None)
    case.shell(found, SECRET)
    assert case.check(ids=["pfx-key-spec", "cert-no-private-key"]) == []
    case.write(STORES, 'PasswordFile = "ccs.password"')
    path.write_bytes(openssl_pfx(web, "-keysig"))
    assert case.check(ids=["pfx-key-spec"]) == []


@pytest.mark.parametrize(
    "options",
    [
        ("-keysig", "-CSP", "Microsoft Software Key Storage Provider"),
        ("-keysig", "-CSP", "Microsoft Platform Crypto Provider"),
        ("-keyex", *CSP),
        CSP,
        (),
    ],
    ids=["cng", "tpm", "exchange", "csp", "plain"],
)
def test_files_that_are_fine(case: Case, options: tuple[str, ...]) -> None:
    Path("ccs/www.contoso.com.pfx").write_bytes(openssl_pfx(rsa_web(), *options))
    case.write(PROVIDER, f'{FILE}"ccs.password"', record("443"))
    assert case.check(ids=["pfx-key-spec"]) == []


def test_without_the_password(case: Case) -> None:
    """It is in the encrypted part: nothing is known about it in a locked file."""
    Path("ccs/www.contoso.com.pfx").write_bytes(openssl_pfx(rsa_web(), "-keysig"))
    case.write(PROVIDER, record("443"))
    assert case.check(ids=["pfx-key-spec"]) == []


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_damaged(data: st.DataObject) -> None:
    """Whatever is changed, there is an answer: the file itself is checked elsewhere."""
    whole = bytearray(data.draw(st.sampled_from(WHOLE)))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert signs_only(bytes(whole), PASSWORD, 1217) in (True, False)


WHOLE = [
    openssl_pfx(rsa_web(), "-keysig", *seal, *CSP) for seal in ((), ("-legacy",), SEALS["open"])
]


def test_brought(case: Case) -> None:
    """``store add`` reports it for a new file, and stores the key without the limit."""
    Path("web.pfx").write_bytes(openssl_pfx(rsa_web(), "-keysig", *CSP))
    case.write(STORES)
    for name, count in (("web.pfx", 1), ("good.pfx", 0)):
        done = case.run("store", "add", name, "--password-file", "ccs.password")
        assert done.code == 0, done
        assert done.err.count("for signatures only (KeySpec 2)") == count
        Path("good.pfx").write_bytes(openssl_pfx(rsa_web(), "-keyex", *CSP))
