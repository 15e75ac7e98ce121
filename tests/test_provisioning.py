"""Provisioning: ``--cert`` on add and update, safe to run twice, and ``rebind``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ADDED, IIS, UPDATED, A, B, Run, Stored, snapshot
from pki import PASSWORD, Issued, intermediate, issue, mail, web
from tools import modes

pytestmark = pytest.mark.usefixtures("opened_here")

WEB = "www.contoso.com:443"
SECRET = PASSWORD.decode()
ENV = {"PFX_PASSWORD": SECRET}


@pytest.fixture
def pfx(registry: Path) -> Path:
    """Return the path of a PFX file with a password, its chain inside, next to a registry."""
    path = registry.parent / "web.pfx"
    path.write_bytes(web().pfx(PASSWORD, [intermediate()]))
    return path


def bound(run: Run) -> list[tuple[Any, ...]]:
    return [
        (record["key"], record["certhash"], record["certstorename"])
        for record in run("list", "--format", "json").json["bindings"]
    ]


def stores(registry: Path) -> list[str]:
    folder = registry.parent / "certs"
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()
    )


PROVISION = ("add", "sslsnicert", WEB, "--cert", "web.pfx", "appid=iis", "--if-exists", "update")


@pytest.mark.parametrize("way", ["env", "file", "file with line end"])
def test_safe_to_run_twice(run: Run, registry: Path, pfx: Path, way: str) -> None:
    """The certificate goes into MY and is bound; the second run changes nothing and says so."""
    (registry.parent / "password").write_bytes(PASSWORD + b"\n" * (way != "file"))
    given = ("--password-env", "PFX_PASSWORD")
    if way != "env":
        given = ("--password-file", "password")
    result = run(*PROVISION, *given, env=ENV)
    assert (result.code, result.out) == (0, ADDED)
    assert f"stored {web().thumbprint} in MY" in result.err
    assert bound(run) == [(WEB, web().thumbprint, "MY")]
    assert stores(registry) == [f"MY/{web().thumbprint}.key", f"MY/{web().thumbprint}.pem"]
    before = snapshot(registry.parent)
    again = run(*PROVISION, *given, env=ENV)
    assert (again.code, again.out) == (0, ADDED)
    assert again.err.endswith("note: unchanged\n")
    assert snapshot(registry.parent) == before
    assert SECRET not in result.err + again.err
    del pfx


@modes
def test_modes(run: Run, registry: Path, pfx: Path) -> None:
    """Files with keys are the owner's alone, and so is their folder."""
    del pfx
    run(*PROVISION, "--password-env", "PFX_PASSWORD", env=ENV)
    folder = registry.parent / "certs" / "MY"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / f"{web().thumbprint}.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", ["pem", "pfx without password"])
def test_other_files(run: Run, registry: Path, form: str) -> None:
    """A PEM file with its key, and a PFX file without a password, need no option."""
    data = web().pem + web().key_pem() if form == "pem" else web().pfx()
    (registry.parent / "web.bin").write_bytes(data)
    line = ("add", "sslcert", "0.0.0.0:443", "--cert", "web.bin", "appid=iis")
    assert run(*line).code == 0
    assert bound(run) == [("0.0.0.0:443", web().thumbprint, "MY")]


def test_another_store(run: Run, registry: Path, pfx: Path) -> None:
    """``certstorename=`` says into which store it goes, and is bound."""
    del pfx
    given = ("certstorename=WebHosting", "--password-env", "PFX_PASSWORD")
    assert run(*PROVISION, *given, env=ENV).code == 0
    assert bound(run) == [(WEB, web().thumbprint, "WebHosting")]
    assert stores(registry)[0].startswith("WebHosting/")


def test_update_with_a_file(run: Run, registry: Path, stored: Stored) -> None:
    """``update --cert`` keeps the other tags, and the record's own store."""
    run("add", "sslsnicert", WEB, stored.web.thumbprint, "iis", "MY", "reject=enable")
    (registry.parent / "new.pem").write_bytes(stored.renewed.pem + stored.renewed.key_pem())
    result = run("update", "sslsnicert", WEB, "--cert", "new.pem")
    assert (result.code, result.out) == (0, UPDATED)
    record = run("list", "--format", "json").json["bindings"][0]
    assert (record["certhash"], record["reject"]) == (stored.renewed.thumbprint, True)


@pytest.mark.parametrize("digits", [slice(0, 8), slice(0, 12), slice(0, 40)])
def test_by_a_thumbprint(run: Run, stored: Stored, digits: slice) -> None:
    """``--cert`` takes a thumbprint of the store too, or 8 or more of its digits."""
    text = stored.web.thumbprint[digits]
    assert run("add", "sslsnicert", WEB, "--cert", text.upper(), "appid=iis").code == 0
    assert bound(run) == [(WEB, stored.web.thumbprint, "MY")]


def test_by_a_sha256(run: Run, stored: Stored) -> None:
    """``--cert`` takes a SHA-256, and binds the SHA-1."""
    assert run("add", "sslsnicert", WEB, "--cert", stored.web.sha256, "appid=iis").code == 0
    assert bound(run) == [(WEB, stored.web.thumbprint, "MY")]


FAILING = [
    (("--cert", "web.pfx", "appid=iis"), {}, 2, "--password-env"),
    (("--cert", "web.pfx", "appid=iis", "--password-env", "NOWHERE"), {}, 2, "not set"),
    (("--cert", "web.pfx", "appid=iis", "--password-env", "P"), {"P": "wr0ng!"}, 2, "web.pfx"),
    (
        ("--cert", "web.pfx", "appid=iis", "--password-file", "none"),
        {},
        2,
        "--password-file cannot be read",
    ),
    (("--cert", "nowhere.pfx", "appid=iis"), {}, 2, "nowhere.pfx"),
    (("--cert", "junk.pem", "appid=iis"), {}, 2, "junk.pem"),
    (("--cert", "cert.pem", "appid=iis"), {}, 1, "private key"),
    (("--cert", "other.pem", "appid=iis"), {}, 2, "other.pem"),
    (("--cert", "two.pem", "appid=iis"), {}, 2, "two.pem"),
    (("--cert", "good.pem"), {}, 1, "appid"),
    (("--cert", "good.pem", "appid=iis", "usagecheck=x"), {}, 1, "usagecheck=x"),
    (("--cert", "good.pem", "appid=iis", "certhash=" + "a1" * 20), {}, 1, "certhash"),
    (("--cert", "good.pem", "appid=iis", "certstorename=.."), {}, 1, "certstorename"),
    (("--cert", "abcdef0123", "appid=iis"), {}, 1, "abcdef0123"),
]


@pytest.mark.parametrize(("words", "env", "code", "said"), FAILING)
def test_failures_leave_nothing(
    run: Run,
    registry: Path,
    pfx: Path,
    words: tuple[str, ...],
    env: dict[str, str],
    code: int,
    said: str,
) -> None:
    """What fails is named, and leaves neither a record nor a certificate; no password is shown."""
    del pfx
    folder = registry.parent
    (folder / "junk.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n")
    (folder / "cert.pem").write_bytes(web().pem)
    (folder / "other.pem").write_bytes(web().pem + mail().key_pem())
    (folder / "two.pem").write_bytes(web().pem + web().key_pem() + mail().pem + mail().key_pem())
    (folder / "good.pem").write_bytes(web().pem + web().key_pem())
    before = snapshot(folder)
    result = run("add", "sslsnicert", WEB, *words, env=env)
    assert result.code == code
    assert said in result.err
    assert "wr0ng!" not in result.out + result.err
    assert snapshot(folder) == before


def test_an_existing_record_stays(run: Run, registry: Path, pfx: Path, stored: Stored) -> None:
    """Without ``--if-exists`` an existing record stays, and no certificate is stored."""
    del pfx
    run("add", "sslsnicert", WEB, stored.mail.thumbprint, "iis", "MY")
    (registry.parent / "new.pem").write_bytes(stored.renewed.pem + stored.renewed.key_pem())
    before = snapshot(registry.parent)
    result = run("add", "sslsnicert", WEB, "--cert", "new.pem", "appid=iis")
    assert (result.code, "Error: 183" in result.out) == (1, True)
    assert snapshot(registry.parent) == before


def test_dry_run(run: Run, registry: Path, pfx: Path) -> None:
    """``--dry-run`` opens the file, prints what would change, and writes nothing."""
    del pfx
    before = snapshot(registry.parent)
    result = run(*PROVISION, "--password-env", "PFX_PASSWORD", "--dry-run", env=ENV)
    assert result.code == 0
    assert result.out.splitlines() == [
        f"would add hostnameport={WEB}",
        f"    certhash: {web().thumbprint}",
        f"    appid: {IIS}",
        "    certstorename: MY",
    ]
    assert snapshot(registry.parent) == before


def test_json(run: Run, registry: Path, pfx: Path) -> None:
    """A second run answers ``"changed": false`` to programs."""
    del registry, pfx
    line = (*PROVISION, "--password-env", "PFX_PASSWORD", "--format", "json")
    assert run(*line, env=ENV).json["changed"] is True
    assert run(*line, env=ENV).json["changed"] is False


def test_central_store_takes_no_file(run: Run, registry: Path, pfx: Path) -> None:
    """Central store records get their certificate from there: --cert does not go with them."""
    del pfx
    before = snapshot(registry.parent)
    assert run("add", "sslccs", "443", "--cert", "web.pfx", "appid=iis").code == 1
    assert snapshot(registry.parent) == before


def test_no_store(run: Run, bare: Path) -> None:
    """If certificates are not modelled there is nowhere to put one."""
    (bare.parent / "good.pem").write_bytes(web().pem + web().key_pem())
    before = snapshot(bare.parent)
    result = run("add", "sslsnicert", WEB, "--cert", "good.pem", "appid=iis")
    assert result.code != 0
    assert "[CertStores]" in result.err
    assert snapshot(bare.parent) == before


# rebind


@pytest.fixture
def renewal(run: Run, registry: Path, stored: Stored) -> Stored:
    """Return certificates of which ``web`` is bound twice and ``mail`` once; a PFX of the new."""
    old = (stored.web.thumbprint, "iis", "MY")
    run("add", "sslcert", "0.0.0.0:443", *old, "reject=enable")
    run("add", "sslsnicert", WEB, *old, "clientcertnegotiation=enable")
    run("add", "sslsnicert", "mail.contoso.com:443", stored.mail.thumbprint, "iis", "MY")
    (registry.parent / "new.pfx").write_bytes(stored.renewed.pfx(PASSWORD))
    (registry.parent / "old.pem").write_bytes(stored.web.pem)
    return stored


NEW = ("new.pfx", "--password-env", "PFX_PASSWORD")


@pytest.mark.parametrize("old", ["thumbprint", "prefix", "file", "sha256", "pasted"])
def test_rebind(run: Run, registry: Path, renewal: Stored, old: str) -> None:
    """Every record of OLD gets NEW, which goes into the store; every other tag is kept."""
    thumbprint = renewal.web.thumbprint
    named = {
        "thumbprint": thumbprint,
        "prefix": thumbprint[:8],
        "file": "old.pem",
        "sha256": renewal.web.sha256,
        "pasted": f"\u200e{thumbprint.upper()}",
    }[old]
    before = registry.read_text()
    result = run("rebind", named, *NEW, env=ENV)
    assert result.code == 0, result.err
    assert registry.read_text() == before.replace(thumbprint, renewal.renewed.thumbprint)
    assert f"MY/{renewal.renewed.thumbprint}.key" in stores(registry)
    new = renewal.renewed.thumbprint
    assert result.out.splitlines() == [
        "updated ipport=0.0.0.0:443",
        f"    certhash: {thumbprint} (www.contoso.com) -> {new} (www.contoso.com)",
        f"updated hostnameport={WEB}",
        f"    certhash: {thumbprint} (www.contoso.com) -> {new} (www.contoso.com)",
        "2 bindings; these names got the new certificate: www.contoso.com",
    ]
    assert SECRET not in result.out + result.err


def test_rebind_to_what_is_stored(run: Run, registry: Path, renewal: Stored) -> None:
    """NEW may be a certificate of the store, by thumbprint or by some of its digits."""
    assert run("store", "add", *NEW, env=ENV).code == 0
    new = renewal.renewed.thumbprint
    assert run("rebind", renewal.web.thumbprint[:8], new[:8]).code == 0
    assert registry.read_text().count(new) == 2


def test_rebind_nothing(run: Run, registry: Path, renewal: Stored) -> None:
    """Exit 1 if nothing uses OLD; NEW does not go into the store then."""
    before = snapshot(registry.parent)
    result = run("rebind", renewal.renewed.thumbprint, *NEW, env=ENV)
    assert (result.code, result.out) == (1, "")
    assert f"nothing uses {renewal.renewed.thumbprint}" in result.err
    assert snapshot(registry.parent) == before


def test_rebind_loses_a_name(run: Run, registry: Path, renewal: Stored) -> None:
    """Exit 1 if NEW lacks a name that OLD has: the names are listed, and nothing changes."""
    bad = shop()
    (registry.parent / "bad.pem").write_bytes(bad.pem + bad.key_pem())
    before = snapshot(registry.parent)
    result = run("rebind", renewal.web.thumbprint, "bad.pem")
    assert result.code == 1
    assert result.out.splitlines()[0] == (
        f"refused: {bad.thumbprint} does not cover www.contoso.com; nothing was changed"
    )
    assert "does not cover www.contoso.com; --force binds it anyway" in result.err
    assert "--force" in result.err
    assert snapshot(registry.parent) == before


def shop() -> Issued:
    return issue("shop.contoso.com", dns=("shop.contoso.com",))


def test_rebind_by_force(run: Run, registry: Path, renewal: Stored) -> None:
    """``--force`` binds it anyway, and still reports which names are lost."""
    new = shop()
    (registry.parent / "bad.pem").write_bytes(new.pem + new.key_pem())
    result = run("rebind", renewal.web.thumbprint, "bad.pem", "--force")
    assert result.code == 0
    assert "www.contoso.com" in result.err
    assert registry.read_text().count(new.thumbprint) == 2


def test_rebind_dry_run(run: Run, registry: Path, renewal: Stored) -> None:
    """``--dry-run`` prints what would change, by name, and writes nothing."""
    before = snapshot(registry.parent)
    result = run("rebind", renewal.web.thumbprint, *NEW, "--dry-run", env=ENV)
    assert result.code == 0
    assert result.out.splitlines()[0] == "would update ipport=0.0.0.0:443"
    assert result.out.splitlines()[-1] == (
        "2 bindings; these names would get the new certificate: www.contoso.com"
    )
    assert snapshot(registry.parent) == before


def test_rebind_all_or_nothing(run: Run, registry: Path, renewal: Stored) -> None:
    """If NEW is missing from the store of one record, no record is changed."""
    assert run("store", "add", *NEW, env=ENV).code == 0
    text = registry.read_text()
    head, tail = text.split("[SslSniBindingInfo", 1)
    registry.write_text(f"{head}[SslSniBindingInfo{tail.replace('MY', 'WebHosting', 1)}")
    before = snapshot(registry.parent)
    result = run("rebind", renewal.web.thumbprint, renewal.renewed.thumbprint)
    assert result.code == 1
    assert "WebHosting" in result.err
    assert snapshot(registry.parent) == before


def test_rebind_fills_every_store(run: Run, registry: Path, renewal: Stored) -> None:
    """A NEW file goes into the store of each record that is rebound."""
    text = registry.read_text()
    head, tail = text.split("[SslSniBindingInfo", 1)
    registry.write_text(f"{head}[SslSniBindingInfo{tail.replace('MY', 'WebHosting', 1)}")
    assert run("rebind", renewal.web.thumbprint, *NEW, env=ENV).code == 0
    new = renewal.renewed.thumbprint
    assert {f"MY/{new}.key", f"WebHosting/{new}.key"} <= set(stores(registry))


def test_rebind_without_a_key(run: Run, registry: Path, renewal: Stored) -> None:
    """A NEW file without its private key cannot be bound."""
    (registry.parent / "new.cer").write_bytes(renewal.renewed.pem)
    before = snapshot(registry.parent)
    result = run("rebind", renewal.web.thumbprint, "new.cer")
    assert result.code == 1
    assert "private key" in result.err
    assert snapshot(registry.parent) == before


def test_rebind_to_itself(run: Run, registry: Path, renewal: Stored) -> None:
    """OLD and NEW the same: nothing changes."""
    before = snapshot(registry.parent)
    run("rebind", renewal.web.thumbprint, renewal.web.thumbprint)
    assert snapshot(registry.parent) == before


def test_rebind_json(run: Run, registry: Path, renewal: Stored) -> None:
    """For programs: the old and new certificate, the lost names, the records."""
    del registry
    line = ("rebind", renewal.web.thumbprint, *NEW, "--format", "json")
    planned = run(*line, "--dry-run", env=ENV).json
    done = run(*line, env=ENV).json
    assert [record["key"] for record in done.pop("bindings")] == ["0.0.0.0:443", WEB]
    assert done == {
        "version": 1,
        "changed": True,
        "old": renewal.web.thumbprint,
        "new": renewal.renewed.thumbprint,
        "uncovered": [],
    }
    assert planned["changed"] is False


@pytest.mark.parametrize("words", [("nowhere.pem", "new.pfx"), ("abcdefgh", "new.pfx"), ()])
def test_rebind_of_what(run: Run, renewal: Stored, words: tuple[str, ...]) -> None:
    """A missing file is exit 2, with its name."""
    del renewal
    result = run("rebind", *words)
    assert (result.code, result.out) == (2, "")
    assert (words or ("OLD",))[0] in result.err


def test_an_ambiguous_prefix(run: Run, bare: Path) -> None:
    """Digits that match two certificates are refused, and both are named."""
    one, two = "a1" * 20, "a1" * 19 + "b2"
    run("add", "sslcert", "10.0.0.5:443", one, "iis")
    run("add", "sslcert", "10.0.0.6:443", two, "iis")
    before = snapshot(bare.parent)
    result = run("rebind", "a1a1a1a1", "c3" * 20)
    assert result.code == 1
    assert one in result.err
    assert two in result.err
    assert snapshot(bare.parent) == before


@pytest.mark.parametrize("verb", ["add", "update"])
def test_a_key_in_another_store(run: Run, registry: Path, stored: Stored, verb: str) -> None:
    """A file without its key is refused although another store has the key: 1312."""
    (registry.parent / "web.cer").write_bytes(stored.web.pem)
    if verb == "update":
        run("add", "sslsnicert", WEB, stored.mail.thumbprint, "iis", "MY")
    before = snapshot(registry.parent)
    line = (verb, "sslsnicert", WEB, "--cert", "web.cer", "appid=iis", "certstorename=WebHosting")
    result = run(*line)
    assert (result.code, "Error: 1312" in result.out) == (1, True)
    assert snapshot(registry.parent) == before


def test_a_key_that_is_there(run: Run, registry: Path, stored: Stored) -> None:
    """A file without its key is accepted if that store already has the key."""
    (registry.parent / "web.cer").write_bytes(stored.web.pem)
    assert run("add", "sslsnicert", WEB, "--cert", "web.cer", "appid=iis").code == 0


@pytest.mark.parametrize("name", [".git", "a:b", "MY ", "x" * 201])
@pytest.mark.parametrize("way", ["--cert", "certhash"])
def test_bad_store_names(run: Run, registry: Path, stored: Stored, way: str, name: str) -> None:
    """A store name that is not a valid folder name is error 87, as any bad value is."""
    (registry.parent / "web.pem").write_bytes(stored.web.pem + stored.web.key_pem())
    before = snapshot(registry.parent)
    certificate = (
        ("--cert", "web.pem") if way == "--cert" else (f"certhash={stored.web.thumbprint}",)
    )
    line = ("add", "sslcert", "0.0.0.0:443", *certificate, "appid=iis", f"certstorename={name}")
    result = run(*line)
    assert (result.code, result.out) == (1, "The parameter is incorrect.\n")
    assert re.search(f"hint: certstorename='?{re.escape(name)}(: |' has blanks)", result.err)
    assert snapshot(registry.parent) == before


def test_an_empty_option(run: Run, registry: Path, stored: Stored) -> None:
    """An option whose variable was empty is not the same as an omitted option."""
    run("add", "sslsnicert", WEB, stored.web.thumbprint, "iis", "MY")
    before = snapshot(registry.parent)
    for line in (
        ("update", "sslsnicert", WEB, "--cert", ""),
        ("delete", "sslcert", "--appid", "iis", "--host", "", "--yes"),
        ("delete", "sslcert", "--appid", "iis", "--cert", "", "--yes"),
        ("delete", "sslcert", "--cert", stored.web.thumbprint, "--appid", "", "--yes"),
        ("list", "--host", ""),
        ("-r", "", "delete", "sslcert", WEB),
        ("-f", ""),
    ):
        assert run(*line).code in (1, 2)
        assert snapshot(registry.parent) == before


def test_rebind_to_itself_says_so(run: Run, renewal: Stored) -> None:
    """If nothing changes, no name is reported as changing, and ``changed`` is false."""
    line = ("rebind", renewal.web.thumbprint, renewal.web.thumbprint)
    result = run(*line)
    assert "changed hands" not in result.out
    assert "note: unchanged\n" in result.err
    assert run(*line, "--format", "json").json["changed"] is False


def test_pasted_digits(run: Run, registry: Path, stored: Stored, renewal: Stored) -> None:
    """--cert and rebind report characters removed from a pasted thumbprint, as certhash does."""
    del renewal
    pairs = " ".join(stored.web.thumbprint[at : at + 2] for at in range(0, 40, 2))
    bound_ = run("add", "sslsnicert", "b.test:443", "--cert", f"\u200e{pairs}", "appid=iis")
    assert bound_.code == 0
    assert "note: removed from the pasted thumbprint: U+200E, spaces\n" in bound_.err
    result = run("rebind", f"\u200e{stored.web.thumbprint}", stored.mail.thumbprint, "--force")
    assert result.code == 0
    assert "U+200E" in result.err
    assert stored.web.thumbprint not in registry.read_text()


def test_certificates_from_standard_input(run: Run, registry: Path) -> None:
    """'-' is a certificate too: for add, rebind and store; so may its password be."""
    data = web().pfx(PASSWORD, [intermediate()])
    password = ("--password-env", "PFX_PASSWORD")
    line = ("add", "sslsnicert", WEB, "--cert", "-", "appid=iis")
    assert run(*line, *password, stdin=data, env=ENV).out == ADDED
    assert bound(run) == [(WEB, web().thumbprint, "MY")]
    newer = issue("new", dns=("www.contoso.com",))
    assert run("rebind", web().thumbprint, "-", stdin=newer.pem + newer.key_pem()).code == 0
    assert bound(run) == [(WEB, newer.thumbprint, "MY")]
    assert newer.thumbprint in run("list", "--cert", "-", stdin=newer.pem).out
    shown = run("store", "show", "-", stdin=newer.pem).out
    assert shown.startswith(f"thumbprint:   {newer.thumbprint}\n")
    (registry.parent / "web.pfx").write_bytes(data)
    added = run("store", "add", "web.pfx", "--password-file", "-", stdin=PASSWORD)
    assert added.out == f"unchanged {web().thumbprint} MY www.contoso.com\n"
    assert run("store", "add", "-", stdin=b"nothing").err.startswith("error: standard input: ")


def test_rebind_says_where_an_owner_keeps_a_copy(run: Run, bare: Path) -> None:
    """SSTP continues to use its own copy of the thumbprint: the record alone is not enough."""
    del bare
    run("add", "sslcert", "ipport=[::]:443", f"certhash={A}", "appid=sstp", "certstorename=MY")
    done = run("rebind", A, B)
    assert done.code == 0
    assert "note: SSTP keeps the thumbprint in SHA256CertificateHash below HKLM" in done.err
    assert "Set-RemoteAccess" in done.err


def test_rebind_repairs_a_name_with_the_wrong_certificate(run: Run, stored: Stored) -> None:
    """A record of a host name serves that name: what else its certificate lists is not lost."""
    wrong, right = stored.mail.thumbprint, stored.web.thumbprint
    line = ("add", "sslsnicert", WEB, f"certhash={wrong}", "appid=iis", "certstorename=MY")
    assert run(*line).code == 0
    assert run("rebind", wrong, right).code == 0
    assert right in run("list", "--format", "tsv").out


def test_rebind_of_an_address_keeps_every_name(run: Run, stored: Stored) -> None:
    """A record of an address serves every name that its certificate lists."""
    line = (
        "add",
        "sslcert",
        "ipport=0.0.0.0:443",
        f"certhash={stored.mail.thumbprint}",
        "appid=iis",
    )
    assert run(*line).code == 0
    refused = run("rebind", stored.mail.thumbprint, stored.web.thumbprint)
    assert refused.code == 1
    assert refused.out.startswith("refused: ")


@pytest.mark.parametrize("reference", ["thumbprint", "name"])
def test_a_stored_certificate_of_another_name_is_noted(
    run: Run, stored: Stored, reference: str
) -> None:
    """A certificate given by digits or by name is checked like one from a file."""
    cert = stored.mail.thumbprint if reference == "thumbprint" else "mail.contoso.com"
    done = run("add", "sslsnicert", WEB, "--cert", cert, "appid=iis")
    assert done.code == 0
    assert f"note: {stored.mail.thumbprint} does not cover www.contoso.com\n" in done.err
