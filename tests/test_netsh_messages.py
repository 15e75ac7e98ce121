"""netsh's sentences on standard output, its exit codes, and our hints on standard error."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ADDED, DELETED, IIS, OTHER, UPDATED, WRONG, A, B, Run, Stored

KEY = "ipport=10.0.0.5:443"
LINE = (KEY, f"certhash={A}", "appid=iis", "certstorename=MY")
SNI = "hostnameport=www.contoso.com:443"
EXISTS = (
    "\nSSL Certificate add failed, Error: 183\n"
    "Cannot create a file when that file already exists.\n"
)
NO_SESSION = (
    "\nSSL Certificate add failed, Error: 1312\n"
    "A specified logon session does not exist. It may already have been terminated.\n"
)
ABSENT = "\nSSL Certificate {} failed, Error: 2\nThe system cannot find the file specified.\n"
MISSING = (
    "One or more essential parameters were not entered.\n"
    "Verify the required parameters, and reenter them.\n"
    "The syntax supplied for this command is not valid. Check help for the correct syntax.\n"
    "\nUsage: "
)


def test_done(run: Run, bare: Path) -> None:
    """Success is netsh's sentence between empty lines, on standard output, exit 0."""
    del bare
    assert (run("add", "sslcert", *LINE).out) == ADDED
    result = run("update", "sslcert", KEY, "reject=enable")
    assert (result.code, result.out) == (0, UPDATED)
    result = run("delete", "sslcert", KEY)
    assert (result.code, result.out) == (0, DELETED)


def test_exists(run: Run, bare: Path) -> None:
    """183: the existing binding is shown with its owner, and update is suggested."""
    run("add", "sslcert", *LINE)
    before = bare.read_bytes()
    result = run("add", "sslcert", KEY, f"certhash={B}", f"appid={OTHER}")
    assert (result.code, result.out) == (1, EXISTS)
    assert f"hint: {KEY} exists" in result.err
    assert A in result.err
    assert f"IIS {IIS}" in result.err
    assert "sslbind update sslcert ipport=10.0.0.5:443" in result.err
    assert bare.read_bytes() == before


@pytest.mark.parametrize(
    ("verb", "words", "word"),
    [("delete", (), "deletion"), ("update", (f"certhash={A}",), "update")],
)
def test_absent(run: Run, bare: Path, verb: str, words: tuple[str, ...], word: str) -> None:
    """2: there is nothing to delete or update, and the key is named."""
    before = bare.read_bytes()
    result = run(verb, "sslcert", KEY, *words)
    assert (result.code, result.out) == (1, ABSENT.format(word))
    assert f"hint: there is no binding {KEY}\n" in result.err
    assert bare.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "key"),
        ((KEY,), "appid"),
        ((KEY, "appid=iis"), "certhash"),
        ((KEY, f"certhash={A}"), "appid"),
        (("hostnameport=a.test:443", "appid=iis"), "certhash"),
        (("ccs=443",), "appid"),
        (("scopedccs=a.test:443",), "appid"),
    ],
)
def test_missing(run: Run, bare: Path, words: tuple[str, ...], named: str) -> None:
    """A missing tag is answered with netsh's sentences and the usage; the hint names the tag."""
    before = bare.read_bytes()
    result = run("add", "sslcert", *words)
    assert result.code == 1
    assert result.out.startswith(f"{MISSING}add sslcert ")
    assert named in result.err.splitlines()[0]
    assert bare.read_bytes() == before


@pytest.mark.parametrize("word", ["certhsah", "foo", "Disable", "ipports"])
def test_unknown_tag(run: Run, bare: Path, word: str) -> None:
    """An unknown tag is named as it was typed, followed by the syntax line."""
    before = bare.read_bytes()
    result = run("add", "sslcert", *LINE, f"{word}=1")
    assert result.code == 1
    assert result.out == (
        f"'{word}' is not a valid argument for this command.\n"
        "The syntax supplied for this command is not valid."
        " Check help for the correct syntax.\n"
    )
    assert result.err.startswith("hint: ")
    assert bare.read_bytes() == before


def test_unknown_tag_that_is_nearly_one(run: Run, bare: Path) -> None:
    """A misspelt tag gets a suggestion."""
    del bare
    assert "certhash" in run("add", "sslcert", KEY, f"certhsah={A}").err


@pytest.mark.parametrize(
    ("pasted", "named"),
    [
        (f"\u200e{A}", ["U+200E"]),
        (f"\u200f{A}", ["U+200F"]),
        (f"\ufeff{A}\u200b", ["U+FEFF", "U+200B"]),
        (f"\u202a{A}\u202c", ["U+202A", "U+202C"]),
        (" ".join(["a1"] * 20), ["spaces"]),
        (":".join(["A1"] * 20), ["colons"]),
        ("\u200e" + " ".join(["a1"] * 20), ["U+200E", "spaces"]),
    ],
)
def test_pasted_hash(run: Run, bare: Path, pasted: str, named: list[str]) -> None:
    """A pasted thumbprint is cleaned of harmless characters, and the removed ones are reported."""
    result = run("add", "sslcert", KEY, f"certhash={pasted}", "appid=iis", "certstorename=MY")
    assert (result.code, result.out) == (0, ADDED)
    assert f'certhash = "{A}"' in bare.read_text()
    for name in named:
        assert name in result.err


def test_pasted_hash_by_position(run: Run, bare: Path) -> None:
    """It is cleaned as a positional argument, too."""
    result = run("add", "sslcert", "10.0.0.5:443", f"\u200e{A}", "iis", "MY")
    assert result.code == 0
    assert "U+200E" in result.err
    assert f'certhash = "{A}"' in bare.read_text()


def test_hash_in_pieces(run: Run, bare: Path) -> None:
    """A thumbprint with unquoted spaces is many words; the hint says how to write it."""
    del bare
    result = run("add", "sslcert", KEY, "appid=iis", "certhash=a1", *["a1"] * 19)
    assert (result.code, result.out) == (1, WRONG)
    assert "quotes" in result.err


def test_sha256_in_a_store(run: Run, stored: Stored) -> None:
    """A SHA-256 as certhash: the hint names the SHA-1 of that certificate."""
    result = run("add", "sslcert", KEY, f"certhash={stored.web.sha256}", "appid=iis")
    assert (result.code, result.out) == (1, WRONG)
    assert "SHA-256" in result.err
    assert stored.web.sha256 in result.err
    assert f"certhash={stored.web.thumbprint}" in result.err


def test_sha256_in_no_store(run: Run, stored: Stored) -> None:
    """A SHA-256 of a certificate that is in no store is recognised as one."""
    result = run("add", "sslcert", KEY, f"certhash={stored.renewed.sha256}", "appid=iis")
    assert (result.code, result.out) == (1, WRONG)
    assert "SHA-256" in result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("ipport=www.contoso.com:443",), ["ipport=www.contoso.com:443", "host name"]),
        (("ipport=www.contoso.com:443",), ["hostnameport=www.contoso.com:443"]),
        (("ipport=10.0.0.5",), ["ipport=10.0.0.5", "port"]),
        (("ipport=10.0.0.5:65536",), ["65536", "65535"]),
        (("ipport=10.0.0.5:0",), ["ipport=10.0.0.5:0", "'0'"]),
        (("hostnameport=10.0.0.5:443",), ["hostnameport=10.0.0.5:443", "ipport=10.0.0.5:443"]),
        (("ipport=::1:443",), ["ipport=::1:443", "brackets"]),
        ((SNI,), [SNI, "certstorename", "MY"]),
        ((KEY, "appid={4dc3}"), ["appid={4dc3}"]),
        ((KEY, "appid="), ["appid="]),
    ],
)
def test_named_with_the_value(
    run: Run, bare: Path, words: tuple[str, ...], said: list[str]
) -> None:
    """Error 87 says what was wrong with which value, in a hint after the bare sentence."""
    before = bare.read_bytes()
    rest = ["appid=iis"] if not any(word.startswith("appid") for word in words) else []
    result = run("add", "sslcert", *words, f"certhash={A}", *rest)
    assert (result.code, result.out) == (1, WRONG)
    assert all(line.startswith(("hint: ", "note: ")) for line in result.err.splitlines())
    for text in said:
        assert text in result.err
    assert bare.read_bytes() == before


def test_in_no_store(run: Run, stored: Stored) -> None:
    """1312: the hash is in no store, and the hint says so."""
    line = (KEY, f"certhash={stored.renewed.thumbprint}", "appid=iis", "certstorename=MY")
    result = run("add", "sslcert", *line)
    assert (result.code, result.out) == (1, NO_SESSION)
    assert stored.renewed.thumbprint in result.err
    assert "not in any store" in result.err


def test_in_another_store(run: Run, stored: Stored) -> None:
    """1312: the hash is in a store other than the one named, and the hint names that store."""
    line = (KEY, f"certhash={stored.web.thumbprint}", "appid=iis", "certstorename=WebHosting")
    result = run("add", "sslcert", *line)
    assert (result.code, result.out) == (1, NO_SESSION)
    assert "WebHosting" in result.err
    assert "MY" in result.err


def test_without_its_key(run: Run, registry: Path, stored: Stored) -> None:
    """1312: the store has the certificate without its private key, and the hint says so."""
    (registry.parent / "certs" / "MY" / f"{stored.web.thumbprint}.key").unlink()
    line = (KEY, f"certhash={stored.web.thumbprint}", "appid=iis", "certstorename=MY")
    result = run("add", "sslcert", *line)
    assert (result.code, result.out) == (1, NO_SESSION)
    assert "private key" in result.err


def test_without_its_key_on_update(run: Run, stored: Stored) -> None:
    """1312 on update has update's sentence."""
    line = (KEY, f"certhash={stored.web.thumbprint}", "appid=iis", "certstorename=MY")
    assert run("add", "sslcert", *line).code == 0
    result = run("update", "sslcert", KEY, f"certhash={stored.renewed.thumbprint}")
    assert (result.code, result.out) == (1, NO_SESSION.replace("add failed", "update failed"))


def test_keys_elsewhere(run: Run, registry: Path, stored: Stored) -> None:
    """With ``privatekeys = "elsewhere"`` a certificate without its key is fine."""
    (registry.parent / "certs" / "MY" / f"{stored.web.thumbprint}.key").unlink()
    text = registry.read_text()
    registry.write_text(text.replace('path = "certs"', 'path = "certs"\nprivatekeys = "elsewhere"'))
    line = (KEY, f"certhash={stored.web.thumbprint}", "appid=iis", "certstorename=my")
    result = run("add", "sslcert", *line)
    assert (result.code, result.out, result.err) == (0, ADDED, "")


def test_store_names_compare_without_case(run: Run, stored: Stored) -> None:
    """``certstorename=my`` finds what is in MY."""
    line = (KEY, f"certhash={stored.web.thumbprint}", "appid=iis", "certstorename=my")
    assert run("add", "sslcert", *line).code == 0


@pytest.mark.parametrize(
    ("words", "shown"),
    [(("frobnicate",), "frobnicate"), (("http", "frob", "x"), "http frob x"), (("d",), "d")],
)
def test_unknown_command(run: Run, words: tuple[str, ...], shown: str) -> None:
    """An unknown command gets netsh's sentence and exit code 2: the request was not understood."""
    result = run(*words)
    assert result.code == 2
    assert result.out == f"The following command was not found: {shown}.\n"
    assert result.err.startswith("hint: ")


def test_unknown_object(run: Run, bare: Path) -> None:
    """An unknown object is an unknown command."""
    del bare
    result = run("add", "urlacl", "url=http://+:80/")
    assert result.code == 2
    assert result.out == (
        "The following command was not found: http add urlacl url=http://+:80/.\n"
    )


def test_ours_only_in_full(run: Run, bare: Path) -> None:
    """Our own commands match in full only; netsh's prefixes stay netsh's."""
    del bare
    assert run("lis").code == 2
    assert run("reb", "x", "y").code == 2
    assert run("stor").code == 2


@pytest.mark.parametrize("word", ["add", "update", "delete", "show"])
def test_no_registry(run: Run, tmp_path: Path, word: str) -> None:
    """A mistyped path is an error with exit code 2 and the hint init, never an empty registry."""
    result = run("-r", "nowhere.toml", word, "sslcert", KEY)
    assert (result.code, result.out) == (2, "")
    assert "nowhere.toml" in result.err
    assert "sslbind -r nowhere.toml init creates " in result.err
    assert "sslbind init creates " in run(word, "sslcert", KEY).err
    assert not (tmp_path / "nowhere.toml").exists()


def test_quiet(run: Run, bare: Path) -> None:
    """``-q`` drops notes; hints stay."""
    del bare
    assert run("-q", "add", "sslcert", KEY, f"certhash={A}", "appid=iis").err == ""
    assert run("-q", "add", "sslcert", KEY, f"certhash={A}", "appid=iis").err.startswith("hint: ")
