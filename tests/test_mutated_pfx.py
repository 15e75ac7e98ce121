"""A thousand damaged PFX files from several writers: each ends in a sentence, or is read."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from check_cases import PROVIDER, STORES, record
from conftest import Run
from pfx_writers import OLD, SECRET, WRITERS
from pki import PASSWORD, issue, openssl_pfx, rsa_key, web

from sslbind.certificates.parsing import read_bundle
from sslbind.certificates.sealed import sealed_of, too_new
from sslbind.errors import CertificateError, PasswordError
from sslbind.release import Release

COUNT = 1000
SHA256 = bytes.fromhex("300d06096086480165030402010500")
PBMAC1 = bytes.fromhex("300d06092a864886f70d01050e0500")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A file of every writer and of every kind of seal; few openssl write PBMAC1 themselves."""
    rsa = issue("www.contoso.com", dns=("www.contoso.com",), key=rsa_key())
    found = [web().pfx(), web().pfx(PASSWORD), openssl_pfx(web()).replace(SHA256, PBMAC1)]
    options = ((), ("-legacy",), OLD, (*OLD, "-macalg", "sha1"), ("-macalg", "sha512"), ("-nomac",))
    found += [openssl_pfx(one, *words) for words in options for one in (web(), rsa)]
    found.append(
        openssl_pfx(rsa, "-keysig", "-CSP", "Microsoft RSA SChannel Cryptographic Provider")
    )
    for name, (writer, words, _, _) in WRITERS.items():
        assert callable(writer)
        found.append(writer(web(), tmp_path_factory.mktemp(name), *words))
    return found


def mutated(files: list[bytes], number: int) -> bytes:
    """One of them with up to four bytes changed, sometimes cut short, sometimes longer."""
    random = Random(number)
    data = bytearray(random.choice(files))
    for _ in range(random.randint(1, 4)):
        data[random.randrange(len(data))] = random.randrange(256)
    kind = random.randrange(8)
    return bytes(data[: random.randrange(len(data))] if kind == 0 else data + b"x" * (kind == 1))


def quick(data: bytes, most: int = 50_000) -> bool:
    """Whether it does not take long to open: GnuTLS and NSS write 600,000 iterations."""
    sealed = sealed_of(data)
    return sealed is None or sealed.iterations <= most


@pytest.mark.slow
@pytest.mark.usefixtures("opened_here")
def test_a_sentence_each(files: list[bytes]) -> None:
    """No words of a library, no line ends, no traceback; and the structure always has an answer."""
    refused = 0
    for number in range(COUNT):
        data = mutated(files, number)
        sealed = sealed_of(data)
        if sealed is not None:
            assert all(isinstance(too_new(sealed, release), str) for release in Release)
        try:
            if quick(data, 700_000 if number % 25 == 0 else 50_000):
                read_bundle(data, [PASSWORD])
        except (CertificateError, PasswordError) as error:
            refused += 1
            assert "Error" not in error.message, (number, error.message)
            assert "\n" not in error.message
    assert COUNT // 2 < refused < COUNT


@pytest.mark.slow
def test_a_central_store_of_them(files: list[bytes], run: Run) -> None:
    """``ccs list`` and ``check`` name each; the exit code is that of findings."""
    Path("ccs").mkdir()
    damaged = (mutated(files, number) for number in range(200))
    for number, data in enumerate(filter(quick, damaged)):
        Path(f"ccs/w{number}.contoso.com.pfx").write_bytes(data)
    Path("ccs.password").write_text(SECRET, encoding="ascii")
    lines = (PROVIDER, 'PrivateKeyPasswordFile = "ccs.password"\n', STORES, record("443"))
    text = 'version = 1\nwindows = "2016"\n' + "".join(lines)
    Path("sslbind.toml").write_text(text, encoding="utf-8")
    listed = run("ccs", "list", "--format", "json")
    assert len(listed.json["files"]) == len([*Path("ccs").iterdir()])
    checked = run("check", "--format", "json")
    assert checked.code == 1
    named = {
        one["file"] for one in checked.json["findings"] if one["rule"] == "cert-no-private-key"
    }
    assert len(named) > 50
    assert all("Error" not in one["message"] for one in checked.json["findings"])
