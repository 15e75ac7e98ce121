"""``renew``: put a renewed certificate into its bindings, found by names; safe to run twice."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, OTHER, Run, snapshot
from pki import PASSWORD, Issued, ec_key, intermediate, issue, put, root, rsa_key
from test_ccs_put import info, live
from tools import needs

pytestmark = pytest.mark.usefixtures("opened_here")

TODAY = datetime.now(UTC).replace(microsecond=0)
SITE = ("www.contoso.com", "contoso.com")


def leaf(*names: str, age: int, days: int = 60, rsa: bool = False) -> Issued:
    """Return a certificate that was issued ``age`` days ago and is valid ``days`` from now."""
    return issue(
        names[0],
        dns=names,
        issuer=intermediate(),
        key=rsa_key() if rsa else ec_key("renew"),
        start=TODAY - timedelta(days=age),
        end=TODAY + timedelta(days=days),
    )


def bind(registry: Path, key: str, certificate: Issued, *more: str, store: str = "MY") -> None:
    table = "SslBindingInfo" if key[0].isdigit() else "SslSniBindingInfo"
    with registry.open("a") as file:
        file.write(
            f'[{table}."{key}"]\ncerthash = "{certificate.thumbprint}" # kept\nappid = "{IIS}"\n'
            f'certstorename = "{store}"\n' + "".join(f"{line}\n" for line in more)
        )


@pytest.fixture
def old(registry: Path) -> Issued:
    """Return a certificate that two bindings use, in two stores, beside another one."""
    one, other = leaf(*SITE, age=80, days=9), leaf("mail.contoso.com", age=80)
    (registry.parent / "certs" / "CA").mkdir()
    above = intermediate().pem + root().pem
    (registry.parent / "certs" / "CA" / "above.pem").write_bytes(above)
    put(registry.parent / "certs" / "MY", one, other)
    put(registry.parent / "certs" / "WebHosting", one)
    bind(
        registry, "0.0.0.0:443", one, "clientcertnegotiation = true", "revocationfreshnesstime = 7"
    )
    bind(registry, "www.contoso.com:443", one, "disablequic = true", store="WebHosting")
    bind(registry, "mail.contoso.com:443", other)
    return one


@pytest.fixture
def new(registry: Path, old: Issued) -> Issued:
    """Return its renewal, in certbot's folder ``live``; its names are in another order."""
    one = leaf(*SITE[::-1], age=1)
    live(registry.parent / "live", one)
    return one


def test_certbots_folder(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """Both bindings change, each in its store; tags, comments and the other binding are kept."""
    before = registry.read_text()
    done = run("renew", "live")
    assert done.code == 0
    assert done.out == (
        f"renewed {new.thumbprint} (contoso.com, www.contoso.com)\n"
        f"    replaces {old.thumbprint} (www.contoso.com, contoso.com; 2 bindings)\n"
        "updated ipport=0.0.0.0:443\n"
        f"    certhash: {old.thumbprint} -> {new.thumbprint}\n"
        "updated hostnameport=www.contoso.com:443\n"
        f"    certhash: {old.thumbprint} -> {new.thumbprint}\n"
    )
    assert done.err == "note: live: passed over README\n"
    assert registry.read_text() == before.replace(old.thumbprint, new.thumbprint)
    assert run("store", "verify").code == 0
    for store in ("MY", "WebHosting"):
        assert (registry.parent / "certs" / store / f"{new.thumbprint}.key").exists()


def test_twice(run: Run, registry: Path, old: Issued, new: Issued, tmp_path: Path) -> None:
    assert run("renew", "live").code == 0
    before = snapshot(tmp_path)
    done = run("renew", "live", "--format", "json")
    assert (done.code, done.json["changed"]) == (0, False)
    assert done.json["certificates"][0]["status"] == "unchanged"
    assert (
        run("renew", "live").out == f"unchanged {new.thumbprint} (contoso.com, www.contoso.com)\n"
    )
    assert snapshot(tmp_path) == before


def test_json(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    done = run("renew", "live", "--format", "json")
    assert (done.code, done.json["version"], done.json["changed"]) == (0, 1, True)
    (one,) = done.json["certificates"]
    assert [binding["key"] for binding in one.pop("bindings")] == [
        "0.0.0.0:443",
        "www.contoso.com:443",
    ]
    assert one == {
        "thumbprint": new.thumbprint,
        "names": ["contoso.com", "www.contoso.com"],
        "not_after": (TODAY + timedelta(days=60)).isoformat(),
        "status": "renewed",
        "message": None,
        "replaced": [old.thumbprint],
        "candidates": [],
        "files": [],
    }


def test_dry_run(run: Run, registry: Path, old: Issued, new: Issued, untouched: None) -> None:
    done = run("renew", "live", "--dry-run")
    assert done.code == 0
    assert done.out.startswith(f"would be renewed {new.thumbprint} ")
    assert "would update ipport=0.0.0.0:443\n" in done.out
    document = run("renew", "live", "--dry-run", "--format", "json").json
    assert (document["changed"], document["dry_run"]) == (False, True)


@pytest.mark.parametrize("form", ["pfx", "pem", "two files"])
def test_forms(run: Run, registry: Path, old: Issued, new: Issued, form: str) -> None:
    """What lego, acme.sh and simple-acme hand over."""
    Path("new.pfx").write_bytes(new.pfx(PASSWORD))
    Path("new.pem").write_bytes(new.key_pem() + new.pem)
    words = {
        "pfx": ("new.pfx", "--password-env", "PFX"),
        "pem": ("new.pem",),
        "two files": ("live/fullchain.pem", "live/privkey.pem"),
    }
    done = run("renew", *words[form], env={"PFX": PASSWORD.decode()})
    assert (done.code, done.out.count("updated ")) == (0, 2)
    assert run("store", "verify").code == 0


def test_several_at_once(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """Each by its own names; one that is refused does not stop the others."""
    mail = leaf("mail.contoso.com", age=1)
    strange = leaf("strange.contoso.com", age=1)
    live(Path("mail"), mail)
    live(Path("strange"), strange)
    done = run("renew", "live", "strange", "mail")
    assert done.code == 1
    assert done.out.count("\nupdated ") == 3
    assert (
        f"refused {strange.thumbprint} (strange.contoso.com): no binding has a certificate with its"
        " names\n"
    ) in done.out
    assert "hint: --bind 443 adds a record for each of its names\n" in done.err
    assert not list(registry.parent.glob(f"certs/*/{strange.thumbprint}*"))
    used = {one["certhash"] for one in run("list", "--format", "json").json["bindings"]}
    assert used == {new.thumbprint, mail.thumbprint}


def test_the_newest_of_several_issues(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """A folder with every version of a certificate, as clients keep it."""
    folder = Path("archive")
    folder.mkdir()
    middle = leaf(*SITE, age=40)
    for number, one in enumerate((old, new, middle)):
        (folder / f"cert{number}.pem").write_bytes(one.pem)
    (folder / "privkey.pem").write_bytes(new.key_pem())
    done = run("renew", "archive")
    assert done.code == 0
    for one in (old, middle):
        assert f"note: {one.thumbprint} is skipped: a newer one is in the input\n" in done.err
    assert run("list", "--cert", new.thumbprint, "--format", "tsv").out.count("\n") == 2


def test_more_names(run: Run, registry: Path, old: Issued) -> None:
    """A renewal with an additional name replaces the certificate whose names it all has."""
    more = leaf(*SITE, "shop.contoso.com", age=1)
    Path("new.pem").write_bytes(more.key_pem() + more.pem)
    assert run("renew", "new.pem").code == 0
    assert run("list", "--cert", more.thumbprint, "--format", "tsv").out.count("\n") == 2


def test_ambiguous(run: Run, registry: Path, old: Issued, untouched: None) -> None:
    """One certificate for what two have now: the candidates, and a command for each."""
    both = leaf(*SITE, "mail.contoso.com", age=1)
    path = registry.parent.parent / "both.pem"
    path.write_bytes(both.key_pem() + both.pem)
    done = run("renew", str(path))
    assert done.code == 1
    assert done.out.startswith(
        f"refused {both.thumbprint} (www.contoso.com, contoso.com, mail.contoso.com): it covers the"
        " names of 2 certificates that are bound, and replaces only one by itself\n"
        f"    candidate {old.thumbprint} (www.contoso.com, contoso.com; 2 bindings)\n"
        "    candidate "
    )
    assert f"hint: sslbind rebind {old.thumbprint} FILE replaces this one\n" in done.err
    document = run("renew", str(path), "--format", "json").json
    assert document["changed"] is False
    assert [len(one["bindings"]) for one in document["certificates"][0]["candidates"]] == [2, 1]


def test_a_wildcard_beside_an_exact_name(run: Run, registry: Path) -> None:
    """The renewal of a wildcard leaves alone the certificate of a name below it, also twice."""
    wild, exact = leaf("*.contoso.com", age=80), leaf("shop.contoso.com", age=80)
    put(registry.parent / "certs" / "MY", wild, exact)
    bind(registry, "*.contoso.com:443", wild)
    bind(registry, "shop.contoso.com:443", exact)
    new = leaf("*.contoso.com", age=1)
    live(Path("live"), new)
    for _ in range(2):
        assert run("renew", "live").code == 0
        used = {one["key"]: one["certhash"] for one in bindings(run)}
        assert used == {
            "*.contoso.com:443": new.thumbprint,
            "shop.contoso.com:443": exact.thumbprint,
        }


def bindings(run: Run) -> list[dict[str, str]]:
    found: list[dict[str, str]] = run("list", "--format", "json").json["bindings"]
    return found


def test_a_pair(run: Run, registry: Path) -> None:
    """With an RSA and an ECDSA certificate for the same names, each is renewed by its kind."""
    ecdsa, rsa = leaf(*SITE, age=80), leaf(*SITE, age=80, rsa=True)
    put(registry.parent / "certs" / "MY", ecdsa, rsa)
    bind(registry, "0.0.0.0:443", ecdsa)
    bind(registry, "www.contoso.com:443", rsa)
    new = leaf(*SITE, age=1, rsa=True)
    live(Path("live"), new)
    assert run("renew", "live").code == 0
    assert [one["certhash"] for one in bindings(run)] == [ecdsa.thumbprint, new.thumbprint]


def test_never_back(run: Run, registry: Path, old: Issued, new: Issued, tmp_path: Path) -> None:
    """An old hook that runs again does not restore the old certificate."""
    assert run("renew", "live").code == 0
    live(Path("older"), old)
    before = registry.read_bytes()
    done = run("renew", "older")
    assert done.code == 1
    assert f"the certificate {new.thumbprint} that is bound was issued after it\n" in done.out
    assert registry.read_bytes() == before


REFUSED = {
    "expired": (leaf(*SITE, age=80, days=-1), "it expired on "),
    "a name is lost": (
        leaf("www.contoso.com", age=1),
        "it lacks contoso.com, which the certificate that is bound has",
    ),
    "nobody's": (
        leaf("nobody.example", age=1),
        "no binding has a certificate with its names",
    ),
}


@pytest.mark.parametrize(("issued", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(run: Run, registry: Path, old: Issued, issued: Issued, message: str) -> None:
    live(Path("live"), issued)
    before = snapshot(registry.parent)
    done = run("renew", "live")
    assert done.code == 1
    assert message in done.out
    assert snapshot(registry.parent) == before


def test_without_its_key(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    done = run("renew", "live/cert.pem")
    assert (done.code, "it comes without its private key" in done.out) == (1, True)
    registry.write_text(
        registry.read_text().replace('path = "certs"', 'path = "certs"\nprivatekeys = "elsewhere"')
    )
    assert run("renew", "live/cert.pem").code == 0


def test_an_old_one_that_is_in_no_store(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """Its names are then the hosts of its bindings."""
    for path in registry.parent.glob(f"certs/*/{old.thumbprint}.*"):
        path.unlink()
    done = run("renew", "live")
    assert done.code == 0
    assert f"replaces {old.thumbprint} (www.contoso.com; 2 bindings)" in done.out


def test_bind(run: Run, registry: Path) -> None:
    """The first issue: a record for each name that has none; again, nothing changes."""
    new = leaf("www.contoso.com", "*.contoso.com", age=1)
    live(Path("live"), new)
    other = leaf("www.contoso.com", age=80)
    done = run("renew", "live", "--bind", "8443", "--appid", OTHER)
    assert done.code == 0
    assert {one["key"]: (one["appid"], one["certhash"]) for one in bindings(run)} == {
        "www.contoso.com:8443": (OTHER, new.thumbprint),
        "*.contoso.com:8443": (OTHER, new.thumbprint),
    }
    done = run("renew", "live", "--bind", "8443")
    assert (done.code, done.out) == (
        0, f"unchanged {new.thumbprint} (www.contoso.com, *.contoso.com)\n"
    )  # fmt: skip
    put(registry.parent / "certs" / "MY", other)
    bind(registry, "www.contoso.com:443", other)
    done = run("renew", "live", "--bind", "443")
    assert "added hostnameport=*.contoso.com:443\n" in done.out
    assert (
        f"note: hostnameport=www.contoso.com:443 has another certificate, {other.thumbprint}, and"
        " keeps it\n"
    ) in done.err


def test_bind_on_an_old_release(run: Run, registry: Path) -> None:
    """If the release refuses part of a certificate, all of it is refused: nothing is half bound."""
    live(Path("live"), leaf("www.contoso.com", "*.contoso.com", age=1))
    done = run("--windows", "2012r2", "renew", "live", "--bind", "443")
    assert done.code == 1
    assert "wildcard names exist from Windows Server 2016 on" in done.out
    assert bindings(run) == []


def test_ccs(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """The central store's files follow; an older certificate does not replace a newer file."""
    Path("ccs").mkdir()
    Path("secret").write_text("s3cret")
    assert run("ccs", "enable", "ccs", "--password-file", "secret").code == 0
    done = run("renew", "live", "--ccs", "--format", "json")
    assert done.code == 0
    assert sorted(one["file"] for one in done.json["certificates"][0]["files"]) == [
        "contoso.com.pfx",
        "www.contoso.com.pfx",
    ]
    assert info(Path("ccs/www.contoso.com.pfx"), secret=b"s3cret").returncode == 0
    done = run("renew", "live", "--ccs")
    assert (done.code, done.out.splitlines()[0].split()[0]) == (0, "unchanged")
    done = run("renew", "live", "--ccs", "--seal", "legacy")
    assert done.out.count("updated ") == 2
    opened = info(Path("ccs/www.contoso.com.pfx"), secret=b"s3cret")
    assert (opened.returncode, "MAC: sha1" in opened.stderr) == (0, True)
    nobody = leaf("nobody.example", age=1)
    live(Path("nobody"), nobody)
    done = run("renew", "nobody", "--ccs")
    assert (done.code, done.out) == (
        0,
        (
            f"renewed {nobody.thumbprint} (nobody.example)\n"
            f"added nobody.example.pfx {nobody.thumbprint}\n"
        ),
    )
    live(Path("nobody"), leaf("nobody.example", age=9))
    done = run("renew", "nobody", "--ccs")
    assert done.code == 1
    assert ": nobody.example.pfx in the central store has a newer certificate\n" in done.out


def test_what_cannot_be_asked(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    for words, message in (
        (("nowhere",), "nowhere: cannot be read"),
        (("live/README",), "live/README"),
        (("live", "--bind", "0"), "--bind"),
        (("live", "--ccs"), "has no CertStoreLocation"),
    ):
        done = run("renew", *words)
        assert (done.code, done.out) == (2, ""), words
        assert message in done.err
    registry.write_text("version = 1\n")
    done = run("renew", "live")
    assert (done.code, done.out) == (2, "")
    assert "error: sslbind.toml: there is no certificate store for the new certificate" in done.err


def test_a_hook_as_certbot_calls_it(registry: Path, old: Issued, new: Issued) -> None:
    """The command line in the manual, run by a shell with certbot's environment."""
    hook = f'"{needs("sslbind")}" -r {registry} renew "$RENEWED_LINEAGE"'
    environment = {**os.environ, "RENEWED_LINEAGE": str(registry.parent / "live")}
    for word in ("renewed", "unchanged"):
        done = subprocess.run(
            [needs("sh"), "-c", hook], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith(f"{word} {new.thumbprint} ")


def test_rebind_twice(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """Nothing uses OLD any more because NEW is bound: unchanged. NEW bound nowhere: no."""
    words = ("rebind", old.thumbprint, "live/fullchain.pem")
    assert run("store", "add", "live").code == 0
    assert run(*words).code == 0
    before = registry.read_bytes()
    done = run(*words)
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        f"note: unchanged: nothing uses {old.thumbprint}, and {new.thumbprint} is already bound\n"
    )
    done = run(*words, "--format", "json")
    assert (done.code, done.json["changed"], done.json["bindings"]) == (0, False, [])
    assert run("rebind", "c3" * 20, old.thumbprint).code == 1
    assert registry.read_bytes() == before


def test_an_empty_chain(run: Run, registry: Path, old: Issued, new: Issued) -> None:
    """Some ACME clients leave ``chain.pem`` empty if there is no chain."""
    del old, new
    (registry.parent / "live" / "chain.pem").write_bytes(b"")
    result = run("renew", "live")
    assert result.code == 0, result.err
    empty = os.path.join("live", "chain.pem")
    assert f"note: {empty}: is empty, and is passed over\n" in result.err
