"""``sslbind store``: certificates go in, are listed, shown, checked and deleted; new ones made."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run, Stored, snapshot
from cryptography import x509
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import PASSWORD, Issued, bag, intermediate, issue, mail, root, web
from tools import is_private

SECRET = PASSWORD.decode()
ENV = {"PW": SECRET}


def files(registry: Path) -> list[str]:
    folder = registry.parent / "certs"
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()
    )


def both(one: Issued, store: str = "MY") -> list[str]:
    return [f"{store}/{one.thumbprint}.key", f"{store}/{one.thumbprint}.pem"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pem", lambda: web().pem + web().key_pem()),
        ("pem, key first", lambda: web().key_pem() + web().pem),
        ("pem, shuffled chain", lambda: intermediate().pem + web().key_pem() + web().pem),
        ("pfx", lambda: web().pfx(PASSWORD, [intermediate()])),
        ("pfx without password", lambda: web().pfx()),
        ("locked pem", lambda: web().pem + web().key_pem(PASSWORD)),
    ],
)
def test_add(run: Run, registry: Path, name: str, data: object) -> None:
    """The format is recognized by the content; the second time nothing changes."""
    del name
    (registry.parent / "file").write_bytes(data())  # type: ignore[operator]
    line = ("store", "add", "file", "--password-env", "PW")
    result = run(*line, env=ENV)
    assert (result.code, result.out) == (0, f"added {web().thumbprint} MY www.contoso.com\n")
    assert files(registry) == both(web())
    before = snapshot(registry.parent)
    again = run(*line, env=ENV)
    assert (again.code, again.out) == (0, f"unchanged {web().thumbprint} MY www.contoso.com\n")
    assert snapshot(registry.parent) == before
    assert SECRET not in result.out + result.err


def test_add_two_files(run: Run, registry: Path) -> None:
    """A certificate and its key may be two files."""
    (registry.parent / "a.crt").write_bytes(web().pem)
    (registry.parent / "a.key").write_bytes(web().key_pem())
    assert run("store", "add", "a.crt", "a.key", "--store", "WebHosting").code == 0
    assert files(registry) == both(web(), "WebHosting")


def test_add_without_a_key(run: Run, registry: Path) -> None:
    """A certificate without its key goes in, and a note says that no binding can use it."""
    (registry.parent / "a.cer").write_bytes(web().der)
    result = run("store", "add", "a.cer")
    assert result.code == 0
    assert "private key" in result.err
    assert files(registry) == both(web())[1:]


def test_add_roots(run: Run, registry: Path) -> None:
    """A bag of certificates goes into the store that is named."""
    (registry.parent / "a.p7b").write_bytes(bag(root()))
    assert run("store", "add", "a.p7b", "--store", "Root").code == 0
    assert files(registry) == [f"Root/{root().thumbprint}.pem"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"\x30\x82\xff\xff",
    ],
)
def test_junk(run: Run, registry: Path, data: bytes) -> None:
    """A file that is not a certificate is an error that names the file."""
    (registry.parent / "junk.pem").write_bytes(data)
    before = snapshot(registry.parent)
    result = run("store", "add", "junk.pem")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: junk.pem: ")
    assert snapshot(registry.parent) == before


def test_the_key_of_another(run: Run, registry: Path) -> None:
    """A private key must match its certificate."""
    (registry.parent / "a.pem").write_bytes(web().pem + mail().key_pem())
    before = snapshot(registry.parent)
    result = run("store", "add", "a.pem")
    assert result.code == 2
    assert "key" in result.err
    assert snapshot(registry.parent) == before


@pytest.mark.parametrize("given", [(), ("--password-env", "WRONG"), ("--password-file", "wrong")])
def test_no_password(run: Run, registry: Path, given: tuple[str, ...]) -> None:
    """A locked file without its password is an error with the options; nothing is asked."""
    (registry.parent / "a.pfx").write_bytes(web().pfx(PASSWORD))
    (registry.parent / "wrong").write_text("n0pe!")
    before = snapshot(registry.parent)
    result = run("store", "add", "a.pfx", *given, env={"WRONG": "n0pe!"})
    assert (result.code, result.out) == (2, "")
    assert "a.pfx" in result.err
    assert "--password-file" in result.err
    assert "n0pe!" not in result.err
    assert snapshot(registry.parent) == before


@pytest.mark.parametrize("name", ["..", "a/b", "", "\\x", ".git", "a\x1b"])
def test_store_names(run: Run, registry: Path, name: str) -> None:
    """A store name is one component of a path."""
    (registry.parent / "a.pem").write_bytes(web().pem + web().key_pem())
    before = snapshot(registry.parent)
    result = run("store", "add", "a.pem", "--store", name)
    assert result.code == 2
    assert "store name" in result.err
    assert snapshot(registry.parent) == before


def test_list(run: Run, stored: Stored) -> None:
    """The list has store, thumbprint, names, days left, key, file, and how a PFX is sealed."""
    rows = run("store", "list", "--format", "tsv").out.splitlines()
    row = next(row.split("\t") for row in rows if "www.contoso.com" in row)
    name = stored.web.thumbprint
    assert row[:3] == ["MY", name, "www.contoso.com"]
    assert row[4:] == ["yes", f"MY/{name}.pem", "-"]
    assert int(row[3]) < 0
    head = run("store", "list").out.splitlines()[0]
    assert head.split() == ["store", "thumbprint", "names", "days", "left", "key", "file", "sealed"]
    assert run("store", "list", "--store", "my", "--format", "tsv").out.count("\n") == 2
    assert run("store", "list", "--store", "Root", "--format", "tsv").out == ""


def test_show(run: Run, stored: Stored) -> None:
    """``show`` takes a thumbprint, digits of it or a SHA-256, and names the bindings."""
    run("add", "sslcert", "10.0.0.5:443", stored.web.thumbprint, "iis", "MY")
    texts = {
        run("store", "show", text).out
        for text in (stored.web.thumbprint, stored.web.thumbprint[:9].upper(), stored.web.sha256)
    }
    assert len(texts) == 1
    text = texts.pop()
    for said in (stored.web.sha256, "CN=Test Intermediate", "ipport=10.0.0.5:443"):
        assert said in text


def test_show_what(run: Run, stored: Stored) -> None:
    """A certificate that is in no store is answered with exit code 1."""
    result = run("store", "show", stored.renewed.thumbprint)
    assert (result.code, result.out) == (1, "")
    assert stored.renewed.thumbprint in result.err


def test_delete(run: Run, registry: Path, stored: Stored) -> None:
    """``delete`` takes the certificate with its key, and nothing else."""
    assert run("store", "delete", stored.web.thumbprint[:8]).code == 0
    assert files(registry) == both(stored.mail)
    assert run("store", "delete", stored.web.thumbprint).code == 1


def test_delete_what_is_used(run: Run, registry: Path, stored: Stored) -> None:
    """A certificate that a binding uses stays: exit 1, and the binding is named."""
    run("add", "sslcert", "10.0.0.5:443", stored.web.thumbprint, "iis")
    before = snapshot(registry.parent)
    result = run("store", "delete", stored.web.thumbprint, stored.mail.thumbprint)
    assert result.code == 1
    assert "ipport=10.0.0.5:443" in result.err
    assert snapshot(registry.parent) == before


def test_dry_runs(run: Run, registry: Path, stored: Stored) -> None:
    """What ``add`` and ``delete`` would do is answered as they do, and nothing is written."""
    folder = registry.parent
    (folder / "new.pem").write_bytes(stored.renewed.pem + stored.renewed.key_pem())
    before = snapshot(folder)
    thumbprint = stored.renewed.thumbprint
    line = ("store", "add", "new.pem", "--store", "WebHosting")
    seen = run(*line, "--dry-run")
    assert (seen.code, seen.out) == (0, f"would add {thumbprint} WebHosting www.contoso.com\n")
    document = run(*line, "--dry-run", "--format", "json").json
    assert {name: document[name] for name in ("changed", "would_change", "dry_run")} == {
        "changed": False, "would_change": True, "dry_run": True,
    }  # fmt: skip
    (one,) = document["certificates"]
    assert (one["file"], one["key"]) == (f"WebHosting/{thumbprint}.pem", "ok")
    assert (one["changed"], one["would_change"]) == (False, True)
    gone = run("store", "delete", stored.web.thumbprint, "--dry-run")
    assert gone.code == 0
    assert gone.out == "".join(f"would delete {file}\n" for file in sorted(both(stored.web))[::-1])
    document = run("store", "delete", stored.web.thumbprint, "--dry-run", "--format", "json").json
    assert (document["changed"], document["would_change"]) == (False, True)
    assert sorted(document["deleted"]) == both(stored.web)
    assert snapshot(folder) == before
    assert run(*line).out == f"added {thumbprint} WebHosting www.contoso.com\n"
    again = run(*line, "--dry-run")
    assert again.out == f"unchanged {thumbprint} WebHosting www.contoso.com\n"
    assert run(*line, "--dry-run", "--format", "json").json["would_change"] is False


def test_a_dry_run_is_refused_as_the_command_is(run: Run, registry: Path, stored: Stored) -> None:
    """A certificate in use is not deleted: the same sentence and exit code."""
    run("add", "sslcert", "10.0.0.5:443", stored.web.thumbprint, "iis")
    before = snapshot(registry.parent)
    used = run("store", "delete", stored.web.thumbprint, "--dry-run")
    assert (used.code, used.out) == (1, "")
    assert "is used by ipport=10.0.0.5:443" in used.err
    assert snapshot(registry.parent) == before


def test_new_and_verify(run: Run, registry: Path) -> None:
    """A new certificate is bound immediately, and verifies as good."""
    line = ("store", "new", "--dns", "a.test", "--dns", "*.a.test", "--ip", "10.0.0.5")
    result = run(*line, "--days", "30")
    assert result.code == 0
    word, thumbprint, store, names = result.out.rstrip("\n").split(" ", 3)
    assert (word, store, names) == ("added", "MY", "a.test, *.a.test, 10.0.0.5")
    made = x509.load_pem_x509_certificate(
        (registry.parent / "certs" / "MY" / f"{thumbprint}.pem").read_bytes()
    )
    assert 29 <= (made.not_valid_after_utc - made.not_valid_before_utc).days <= 31
    assert run("add", "sslsnicert", "www.a.test:443", thumbprint, "iis", "MY").code == 0
    assert run("store", "verify").out == f"MY {thumbprint}: good\n"


def test_new_twice(run: Run, registry: Path) -> None:
    """A valid certificate for the same names is kept, in its store; ``--force`` makes another."""
    names = ("--dns", "Bücher.example", "--dns", "www.contoso.com", "--ip", "10.0.0.5")
    line = ("store", "new", *names)
    first = run(*line)
    thumbprint = first.out.split()[1]
    before = snapshot(registry.parent)
    same = ("--ip", "10.0.0.5", "--dns", "WWW.contoso.com", "--dns", "xn--bcher-kva.example")
    again = run("store", "new", *same)
    assert (again.code, again.out) == (0, first.out.replace("added", "unchanged"))
    assert again.err.startswith("note: it is valid until 20")
    assert again.err.endswith("; --force makes another\n")
    assert snapshot(registry.parent) == before
    assert run(*line, "--format", "json").json["changed"] is False
    for more in (("--force",), ("--store", "WebHosting"), ("--dns", "a.contoso.com")):
        other = run(*line, *more)
        assert (other.code, other.out.split()[0]) == (0, "added")
        assert other.out.split()[1] != thumbprint


def test_new_where_the_old_one_cannot_be_used(run: Run, registry: Path) -> None:
    """One without its key, or one that an issuer signed, is not kept."""
    made = run("store", "new", "--dns", "a.test").out.split()[1]
    (registry.parent / "certs" / "MY" / f"{made}.key").unlink()
    assert run("store", "new", "--dns", "a.test").out.startswith("added")
    (registry.parent / "web.pem").write_bytes(web().pem + web().key_pem())
    run("store", "add", "web.pem")
    assert run("store", "new", "--dns", "www.contoso.com").out.startswith("added")


def test_verify_finds(run: Run, registry: Path, stored: Stored) -> None:
    """``verify`` reports which problem each certificate has: exit 1."""
    run("add", "sslsnicert", "other.contoso.com:443", stored.web.thumbprint, "iis", "MY")
    key = registry.parent / "certs" / "MY" / f"{stored.web.thumbprint}.key"
    key.chmod(0o644)
    result = run("store", "verify", stored.web.thumbprint)
    assert result.code == 1
    for said in ("expired", "name-mismatch", "other.contoso.com", "chain-incomplete"):
        assert said in result.out
    assert is_private(key) or "644" in result.out
    key.unlink()
    assert "no-private-key" in run("store", "verify", stored.web.thumbprint).out


@pytest.mark.parametrize(
    "words", [("list",), ("add", "a.pem"), ("new", "--dns", "a.test"), ("verify",)]
)
def test_no_stores(run: Run, bare: Path, words: tuple[str, ...]) -> None:
    """Without [CertStores] there is no store: exit 2, with a hint how to get one."""
    (bare.parent / "a.pem").write_bytes(web().pem + web().key_pem())
    before = snapshot(bare.parent)
    result = run("store", *words)
    assert (result.code, result.out) == (2, "")
    assert "[CertStores]" in result.err
    assert snapshot(bare.parent) == before


@pytest.mark.parametrize(
    "words", [("new",), ("new", "--dns", "a b"), ("new", "--ip", "x"), ("add",)]
)
def test_bad_words(run: Run, registry: Path, words: tuple[str, ...]) -> None:
    """Invalid words are reported, and create nothing."""
    before = snapshot(registry.parent)
    result = run("store", *words)
    assert result.code in (1, 2)
    assert result.out == ""
    assert snapshot(registry.parent) == before


def test_no_private_key_in_any_output(run: Run, stored: Stored) -> None:
    """No answer has a private key in it."""
    body = stored.web.key_pem().splitlines()[1].decode()
    for words in (
        ("store", "list"),
        ("store", "list", "--format", "json"),
        ("store", "show", stored.web.thumbprint),
        ("store", "verify"),
    ):
        result = run(*words)
        assert "PRIVATE" not in result.out + result.err
        assert body not in result.out + result.err


GOOD = issue("a.test", dns=("a.test",))
PIECES = st.sampled_from(
    [GOOD.pem, GOOD.key_pem(), GOOD.pfx(PASSWORD), GOOD.der, b"-----BEGIN X-----\n", b"\n", b"\0"]
)


@settings(max_examples=examples(80))
@given(st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=4).map(b"".join))
def test_any_bytes(run: Run, registry: Path, data: bytes) -> None:
    """No bytes as PEM or PFX end in anything but an answer."""
    (registry.parent / "any.pem").write_bytes(data)
    assert run("store", "add", "any.pem").code in (0, 2)


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(st.integers(0, len(GOOD.pfx(PASSWORD)) - 1), st.integers(0, 255))
def test_a_damaged_pfx(run: Run, registry: Path, place: int, byte: int) -> None:
    """Nor does a PFX with one wrong byte."""
    data = bytearray(DAMAGED)
    data[place % len(data)] = byte
    (registry.parent / "any.pfx").write_bytes(data)
    result = run("store", "add", "any.pfx", "--password-env", "PW", env=ENV)
    assert result.code in (0, 2)


DAMAGED = GOOD.pfx(PASSWORD)
