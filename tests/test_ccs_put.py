"""``ccs put``: PFX files as the central store of each release opens them, held against openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import Run
from pki import PASSWORD, Issued, intermediate, issue, rsa_key
from tools import is_private, needs, refusal

from sslbind.certificates.central import stems_for
from sslbind.certificates.parsing import identities, read_bundle
from sslbind.certificates.sealing import Seal, encode_pfx, seal_of

pytestmark = pytest.mark.usefixtures("opened_here")

SECRET = "p4ss wörd".encode()
NAMES = ("www.contoso.com", "*.shop.contoso.com", "xn--bcher-kva.example")
FILES = ["_.shop.contoso.com.pfx", "bücher.example.pfx", "www.contoso.com.pfx"]


@pytest.fixture
def web() -> Issued:
    return issue("web", dns=NAMES, ip=("10.0.0.5",), issuer=intermediate())


@pytest.fixture
def central(registry: Path, web: Issued) -> Path:
    """Return the folder of an enabled central store, with certbot's files beside it."""
    folder = registry.parent / "ccs"
    folder.mkdir()
    (registry.parent / "ccs.password").write_bytes(SECRET + b"\n")
    with registry.open("a") as file:
        file.write(
            '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
            'PrivateKeyPasswordFile = "ccs.password"\n'
        )
    live(registry.parent / "live", web)
    return folder


def live(folder: Path, issued: Issued) -> None:
    """Write the files that certbot keeps of one certificate."""
    folder.mkdir(exist_ok=True)
    chain = intermediate().pem
    (folder / "README").write_text("This directory contains your keys and certificates.\n")
    (folder / "cert.pem").write_bytes(issued.pem)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "fullchain.pem").write_bytes(issued.pem + chain)
    (folder / "privkey.pem").write_bytes(issued.key_pem())


def info(path: Path, *options: str, secret: bytes = SECRET) -> subprocess.CompletedProcess[str]:
    """Open a PFX file by openssl, which says how it is sealed."""
    return subprocess.run(
        [needs("openssl"), "pkcs12", "-info", "-in", path, "-passin", "stdin", "-noout", *options],
        input=secret.decode() + "\n",
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_for_each_name(run: Run, central: Path, web: Issued) -> None:
    """The names of the files say who is served, and ``ccs list`` opens every one."""
    done = run("ccs", "put", "live")
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [f"added {file} {web.thumbprint}" for file in FILES]
    assert "note: live: passed over README\n" in done.err
    assert "note: no file serves 10.0.0.5: the central store serves host names only\n" in done.err
    assert sorted(one.name for one in central.iterdir()) == [".gitignore", *FILES]
    for file in FILES:
        assert is_private(central / file)
    listed = run("ccs", "list", "--format", "json").json["files"]
    assert [(one["file"], one["serves"], one["opens"]) for one in listed] == [
        ("_.shop.contoso.com.pfx", "*.shop.contoso.com", True),
        ("bücher.example.pfx", "bücher.example", True),
        ("www.contoso.com.pfx", "www.contoso.com", True),
    ]
    assert {one["thumbprint"] for one in listed} == {web.thumbprint}


@pytest.mark.parametrize(
    ("options", "windows", "cipher", "digest"),
    [
        ((), "2022", "PBES2, PBKDF2, AES-256-CBC", "MAC: sha256"),
        ((), "2019", "PBES2, PBKDF2, AES-256-CBC", "MAC: sha256"),
        ((), "2016", "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"),
        (("--seal", "legacy"), "2022", "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"),
        (("--legacy",), "2022", "pbeWithSHA1And3-KeyTripleDES-CBC", "MAC: sha1"),
        (("--seal", "modern"), "2016", "PBES2, PBKDF2, AES-256-CBC", "MAC: sha256"),
    ],
    ids=["2022", "2019", "2016", "legacy", "short", "modern"],
)
def test_how_it_is_sealed(
    run: Run, central: Path, options: tuple[str, ...], windows: str, cipher: str, digest: str
) -> None:
    """As the newest release that has to open it can: Server 2016 knows no AES in a PFX file."""
    assert run("--windows", windows, "ccs", "put", "live", *options).code == 0
    for file in FILES:
        opened = info(central / file)
        assert opened.returncode == 0, opened.stderr
        assert opened.stderr.startswith(digest)
        assert opened.stderr.count(cipher) == 2  # the key, and the certificates
        assert info(central / file, secret=b"wrong").returncode == 1


def test_key_and_chain_are_in_it(run: Run, central: Path, web: Issued) -> None:
    assert run("ccs", "put", "live").code == 0
    (one,) = identities(read_bundle((central / "www.contoso.com.pfx").read_bytes(), [SECRET]))
    assert one.leaf.thumbprint == web.thumbprint
    assert [above.thumbprint for above in one.chain] == [intermediate().thumbprint]
    assert one.key is not None


def test_a_second_time_nothing_changes(run: Run, central: Path) -> None:
    assert run("ccs", "put", "live").code == 0
    before = {one.name: one.stat().st_ino for one in central.iterdir()}
    done = run("ccs", "put", "live", "--format", "json")
    assert (done.code, done.json["changed"]) == (0, False)
    assert {one["action"] for one in done.json["files"]} == {"unchanged"}
    assert {one.name: one.stat().st_ino for one in central.iterdir()} == before
    assert "note: unchanged\n" in run("ccs", "put", "live").err
    legacy = run("ccs", "put", "live", "--seal", "legacy")
    assert legacy.out.count("updated ") == 3, "the seal changes"
    again = run("ccs", "put", "live", "--seal", "legacy")
    assert again.out.count("unchanged ") == 3


def test_a_renewal_replaces(run: Run, central: Path) -> None:
    """Also a file that no password opens, in the spelling that it has, and without a rest."""
    (central / "WWW.contoso.com.pfx").write_bytes(b"damaged")
    new = issue("web", dns=NAMES)
    Path("new.pfx").write_bytes(new.pfx(PASSWORD))
    word = ("--password-env", "PFX")
    dry = run("ccs", "put", "new.pfx", *word, "--dry-run", env={"PFX": PASSWORD.decode()})
    assert sorted(dry.out.splitlines()) == [
        f"would add _.shop.contoso.com.pfx {new.thumbprint}",
        f"would add bücher.example.pfx {new.thumbprint}",
        f"would update WWW.contoso.com.pfx {new.thumbprint}",
    ]
    assert [one.name for one in central.iterdir()] == ["WWW.contoso.com.pfx"]
    done = run("ccs", "put", "new.pfx", *word, env={"PFX": PASSWORD.decode()})
    assert f"updated WWW.contoso.com.pfx {new.thumbprint}\n" in done.out
    assert len(list(central.glob("*.pfx"))) == 3
    assert info(central / "WWW.contoso.com.pfx").returncode == 0


def test_without_a_password(run: Run, central: Path, registry: Path) -> None:
    registry.write_text(registry.read_text().replace('PrivateKeyPasswordFile = "ccs.password"', ""))
    done = run("ccs", "put", "live")
    assert done.code == 0
    assert (
        "note: the files are not encrypted, because the registry has no password file" in done.err
    )
    assert info(central / "www.contoso.com.pfx", secret=b"").returncode == 0
    assert run("ccs", "put", "live").out.count("unchanged ") == 3
    assert info(central / "www.contoso.com.pfx", secret=b"").stderr.startswith("MAC: sha256")
    old = run("ccs", "put", "live", "--seal", "legacy")
    assert old.out.count("updated ") == 3, "Server 2016 does not know a SHA-256 MAC"
    opened = info(central / "www.contoso.com.pfx", secret=b"")
    assert (opened.returncode, opened.stderr.splitlines()[0]) == (0, "MAC: sha1, Iteration 2048")
    assert run("ccs", "put", "live", "--seal", "legacy").out.count("unchanged ") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cert.pem",), "has no private key"),
        (("privkey.pem",), "it holds a private key but no certificate"),
        (("README",), "live/README: "),
        (("nowhere",), "live/nowhere: cannot be read"),
        (("../empty",), "has no certificate file"),
        (("../ip.pem",), "has no host name to name a file after"),
    ],
    ids=["no key", "no certificate", "no file", "absent", "empty folder", "addresses"],
)
def test_what_cannot_be_put(run: Run, central: Path, words: tuple[str, ...], message: str) -> None:
    """A sentence, and no file."""
    Path("empty").mkdir()
    address = issue("ip", ip=("10.0.0.5",))
    Path("ip.pem").write_bytes(address.pem + address.key_pem())
    done = run("ccs", "put", *(f"live/{word}" for word in words))
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert list(central.iterdir()) == []


def test_without_a_folder(run: Run, registry: Path, central: Path) -> None:
    central.rmdir()
    done = run("ccs", "put", "live")
    assert (done.code, done.out) == (2, "")
    assert f"the folder of the central store cannot be read: {refusal(central)}" in done.err
    assert (
        "hint: create the folder, or set another one with sslbind ccs enable FOLDER\n" in done.err
    )
    registry.write_text("version = 1\n")
    done = run("ccs", "put", "live")
    assert done.code == 2
    assert "hint: sslbind ccs enable FOLDER sets the folder of the PFX files\n" in done.err


def test_hostile_names() -> None:
    """No name of a certificate leads out of the folder, or to a file that nobody is served by."""
    names = (
        "../evil.com",
        "a/b.com",
        "*.com",
        "*",
        "a..b",
        "",
        "x*.a.com",
        "www.a.com",
        "WWW.A.COM",
    )
    assert stems_for(names) == ("_.com", "www.a.com")


def test_seals_of_rsa() -> None:
    (one,) = identities(read_bundle(issue("rsa", dns=NAMES, key=rsa_key()).pfx()))
    for seal in Seal:
        assert seal_of(encode_pfx(one, PASSWORD, seal)) is seal


def test_store_add_takes_a_folder(run: Run, central: Path, web: Issued) -> None:
    """Certbot's folder, with a README in it, is one certificate with its chain and key."""
    done = run("store", "add", "live")
    assert done.code == 0
    assert done.out.startswith(f"added {web.thumbprint} MY ")
    assert done.err == "note: live: passed over README\n"
    for words in (sorted(map(str, Path("live").iterdir())), ["live/README", "live"]):
        done = run("store", "add", *words)
        assert (done.code, done.out.split()[:2]) == (0, ["unchanged", web.thumbprint])
        assert "note: passed over live/README\n" in done.err.replace("\\", "/")
