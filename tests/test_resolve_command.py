"""``sslbind resolve``: the answer and its reasons, for addresses, URLs, ClientHellos; the table."""

from __future__ import annotations

import shutil
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, A, B, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import CLIENT, Issued, intermediate, issue, root, rsa_key
from tools import needs, refusal

from sslbind.answers.clienthello import hello_name
from sslbind.errors import SslbindError

WWW = "www.contoso.com"
NOT_MODELLED = (
    "note: the registry has no [CertStores]: certificates are not modelled, so hashes"
    " are not checked\n"
)
HEAD = 'version = 1\nwindows = "{}"\n'
STORES = '\n[CertStores]\npath = "certs"\n'
CENTRAL = '\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
TABLES = {"ip": "SslBindingInfo", "sni": "SslSniBindingInfo", "scoped": "SslScopedCcsBindingInfo"}


def write(folder: Path, *records: str, windows: str = "2022", settings: str = "") -> None:
    """Write a registry; a record is ``ip 10.0.0.5:443 THUMBPRINT [TAG…]``, or ``ccs``."""
    text = HEAD.format(windows) + settings
    for record in records:
        table, *words = record.split(" ", 3)
        if table == "ccs":
            text += f'\n[SslCcsBindingInfo.443]\nappid = "{IIS}"\n'
            continue
        text += f'\n[{TABLES[table]}."{words[0]}"]\n'
        if len(words) > 1:
            text += f'certhash = "{words[1]}"\ncertstorename = "MY"\n'
        text += f'appid = "{IIS}"\n'
        text += "".join(f"{tag}\n" for tag in " ".join(words[2:]).split(";") if tag)
    (folder / "sslbind.toml").write_text(text, encoding="utf-8")


def store(folder: Path, one: Issued, *chain: Issued, name: str = "MY", key: bool = True) -> str:
    """Put a certificate into a store as ``store add`` does; return its thumbprint."""
    place = folder / "certs" / name
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{one.thumbprint}.pem"
    path.write_bytes(one.pem + b"".join(above.pem for above in chain))
    if key:
        path.with_suffix(".key").write_bytes(one.key_pem())
        path.with_suffix(".key").chmod(0o600)
    return one.thumbprint


NOW = datetime.now(UTC).replace(microsecond=0)
START, END = NOW - timedelta(days=9), NOW + timedelta(days=90)
UNTIL = f"{END:%Y-%m-%d %H:%M} UTC"


def leaf(*dns: str, end: datetime = END, **options: Any) -> Issued:
    options = dict[str, Any](start=START, issuer=intermediate()) | options
    return issue(dns[0] if dns else "nobody", dns=dns, end=end, **options)


GOOD, OTHER = leaf(WWW), leaf("other.contoso.com")


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """A folder with two certificates in MY, where the commands run."""
    store(tmp_path, GOOD, intermediate())
    store(tmp_path, OTHER, intermediate())
    return tmp_path


def test_an_exact_address(run: Run, folder: Path) -> None:
    """The answer comes first, then the skipped records, then whether a client accepts it."""
    records = (f"ip 10.0.0.5:443 {OTHER.thumbprint}", f"sni {WWW}:443 {GOOD.thumbprint}")
    write(folder, *records, f"ip 0.0.0.0:443 {OTHER.thumbprint}", settings=STORES)
    result = run("resolve", "10.0.0.5:443", WWW)
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"{OTHER.thumbprint} by ipport=10.0.0.5:443: the exact address has precedence"
        " (documented)\n"
        "passed over: hostnameport=www.contoso.com:443, ipport=0.0.0.0:443\n"
        "a client that trusts the issuer refuses it for www.contoso.com: the certificate does"
        " not cover www.contoso.com: its names are other.contoso.com\n"
    )


def test_a_name(run: Run, folder: Path) -> None:
    """A certificate that a client accepts is shown with its expiry date."""
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=STORES)
    result = run("resolve", "10.0.0.5:443", "WWW.Contoso.com.")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        f"{GOOD.thumbprint} by hostnameport=www.contoso.com:443: the client sends the name, and no"
        " record has the exact address (documented)\n"
        f"a client that trusts the issuer accepts it for www.contoso.com until {UNTIL}\n"
    )


def test_json(run: Run, folder: Path) -> None:
    """JSON has the answer, certificate, client's verdict, skipped records and steps."""
    records = (f"ip 0.0.0.0:443 {OTHER.thumbprint}", f"sni {WWW}:443 {GOOD.thumbprint}")
    write(folder, *records, settings=STORES)
    result = run("resolve", "10.0.0.5:443", WWW, "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert result.json == {
        "version": 1,
        "address": "10.0.0.5",
        "port": 443,
        "name": "www.contoso.com",
        "windows": "2022",
        "outcome": "certificate",
        "documented": True,
        "step": "hostnameport",
        "binding": {"kind": "hostnameport", "key": "www.contoso.com:443"},
        "certificate": {
            "thumbprint": GOOD.thumbprint,
            "file": f"certs/MY/{GOOD.thumbprint}.pem",
        },
        "verified": True,
        "client": {"accepts": True, "problems": []},
        "passed_over": [{"kind": "ipport", "key": "0.0.0.0:443"}],
        "steps": [
            {
                "step": "ipport",
                "tried": "ipport=10.0.0.5:443",
                "hit": False,
                "documented": True,
            },
            {
                "step": "hostnameport",
                "tried": "hostnameport=www.contoso.com:443",
                "hit": True,
                "documented": True,
            },
        ],
        "reason": "the client sends the name, and no record has the exact address",
    }


def test_not_modelled(run: Run, folder: Path) -> None:
    """Without [CertStores] the thumbprint is shown, and nothing is said about the certificate."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    result = run("resolve", "10.0.0.5:443", "--format", "json")
    assert (result.code, result.err) == (0, NOT_MODELLED)
    assert result.json["certificate"] == {"thumbprint": A, "file": None}
    assert result.json["verified"] is None
    assert result.json["client"] == {"accepts": None, "problems": []}
    text = run("resolve", "10.0.0.5:443")
    assert (text.code, text.err) == (0, NOT_MODELLED)
    assert text.out == (
        f"{A} by ipport=0.0.0.0:443: 0.0.0.0 answers the connections that no earlier binding"
        f" matches (documented)\n"
        "client check skipped: certificates are not modelled\n"
    )


def test_no_match(run: Run, folder: Path) -> None:
    """If no record fits, the connection is reset: exit 1."""
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=STORES)
    result = run("resolve", "10.0.0.5:443")
    assert (result.code, result.err) == (1, "")
    assert result.out == "no-match: no binding matches, and the connection is reset (TCP RST) (documented)\n"  # fmt: skip  # noqa: E501
    document = run("resolve", "10.0.0.5:443", "--format", "json").json
    assert {name: document[name] for name in ("outcome", "step", "binding", "certificate")} == {
        "outcome": "no-match",
        "step": None,
        "binding": None,
        "certificate": None,
    }
    assert document["verified"] is None
    assert document["client"] == {"accepts": None, "problems": []}


def test_dropped(run: Run, folder: Path) -> None:
    """A record with reject drops the connection: there is no certificate."""
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint} reject = true", settings=STORES)
    result = run("resolve", "10.0.0.5:443", WWW)
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "dropped by hostnameport=www.contoso.com:443: the record has reject=enable (documented)\n"
    )
    document = run("resolve", "10.0.0.5:443", WWW, "--format", "json").json
    assert (document["outcome"], document["certificate"]) == ("dropped", None)


def test_dropped_in_the_table(run: Run, folder: Path) -> None:
    """The table marks such a record, whatever its certificate; 2012 R2 knows no reject."""
    write(folder, f"sni {WWW}:443 {B} reject = true", settings=STORES)
    assert run("resolve", ":443").out.splitlines()[3] == "      dropped: reject is on"
    (port,) = run("resolve", "--format", "json").json["ports"]
    row = port["candidates"][0]
    assert (row["used"], row["note"]) == (True, "reject is on")
    assert "broken: the certificate is not" in run("--windows", "2012r2", "resolve").out


def test_not_listening(run: Run, folder: Path) -> None:
    """An address that is not in the IP listen list has no listener."""
    write(folder, f"ip 0.0.0.0:443 {A}", settings='iplisten = ["10.0.0.5", "::1"]\n')
    result = run("-q", "resolve", "10.0.0.6:443")
    assert result.code == 1
    assert result.out == (
        "not-listening: 10.0.0.6 is not in the IP listen list: 10.0.0.5, ::1 (documented)\n"
    )
    assert run("-q", "resolve", "10.0.0.6:443", "--format", "json").json["steps"] == []


def test_broken_without_a_certificate(run: Run, folder: Path) -> None:
    """A certificate that is in no store breaks the handshake; the hints say how to fix it."""
    records = (f"sni {WWW}:443 {B}", f"ip 0.0.0.0:443 {GOOD.thumbprint}")
    write(folder, *records, settings=STORES)
    result = run("resolve", "10.0.0.5:443", WWW)
    assert result.code == 1
    assert result.out == (
        f"broken by hostnameport=www.contoso.com:443: the certificate {B} is not in any store; the"
        " record is picked but the handshake fails; no later record is tried (inferred)\n"
        "passed over: ipport=0.0.0.0:443\n"
    )
    assert result.err == "hint: sslbind store add FILE --store MY adds it\n"
    why = run("resolve", "10.0.0.5:443", WWW, "--explain").out.split("\n\n")[1]
    assert why.splitlines()[-1] == ("step 2: hostnameport=www.contoso.com:443: picked (documented)")
    document = run("resolve", "10.0.0.5:443", WWW, "--format", "json").json
    assert (document["outcome"], document["certificate"]) == ("broken", None)
    assert document["client"] == {"accepts": None, "problems": []}
    assert document["documented"] is False


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("gone", "has no private key"),
        ("another's", "the private key belongs to another certificate"),
        ("garbage", "not PEM, DER"),
    ],
)
def test_broken_without_a_private_key(run: Run, folder: Path, damage: str, why: str) -> None:
    """A private key that is missing, mismatched or unreadable breaks the handshake as well."""
    key = folder / "certs" / "MY" / f"{GOOD.thumbprint}.key"
    if damage == "gone":
        key.unlink()
    else:
        key.write_bytes(OTHER.key_pem() if damage == "another's" else b"garbage")
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=STORES)
    result = run("resolve", "10.0.0.5:443", WWW)
    assert result.code == 1
    assert result.out.startswith("broken by hostnameport=www.contoso.com:443: ")
    assert why in result.out


def test_keys_elsewhere(run: Run, folder: Path) -> None:
    """If keys are kept elsewhere, a certificate without one is served."""
    (folder / "certs" / "MY" / f"{GOOD.thumbprint}.key").unlink()
    settings = f'{STORES}privatekeys = "elsewhere"\n'
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=settings)
    assert run("resolve", "10.0.0.5:443", WWW).code == 0


BAD = {
    "expired": (leaf(WWW, end=NOW - timedelta(days=1)), "expired", "the certificate expired on"),
    "early": (leaf(WWW, start=NOW + timedelta(days=1)), "not-yet-valid", "is not valid before"),
    "usage": (leaf(WWW, eku=CLIENT), "no-server-auth", "clientAuth, without serverAuth"),
    "weak": (leaf(WWW, key=rsa_key(1024)), "weak-key", "RSA 1024; clients require 2048 bits"),
    "nameless": (leaf(), "no-names", "clients ignore the common name"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_a_client_refuses(run: Run, folder: Path, what: str) -> None:
    """Dates, usage, strength and names are a client's reasons, though a certificate answers."""
    one, id_, words = BAD[what]
    store(folder, one, intermediate())
    write(folder, f"ip 0.0.0.0:443 {one.thumbprint}", settings=STORES)
    for _ in ("read", "remembered"):
        result = run("resolve", "10.0.0.5:443", WWW, "--format", "json")
        assert result.code == 0
        client = result.json["client"]
        assert client["accepts"] is False
        assert [problem["id"] for problem in client["problems"]] == [id_]
        assert words in client["problems"][0]["message"]


def test_an_incomplete_chain_alone_is_accepted(run: Run, folder: Path) -> None:
    """A client that trusts the issuer knows it; that it is not sent is reported nevertheless."""
    one = leaf(WWW)
    store(folder, one)
    write(folder, f"ip 0.0.0.0:443 {one.thumbprint}", settings=STORES)
    result = run("resolve", "10.0.0.5:443", WWW)
    assert result.out.splitlines()[-1] == (
        f"a client that trusts the issuer accepts it for www.contoso.com until {UNTIL}, but the"
        " certificate is issued by CN=Test Intermediate, which is neither in its file nor in a"
        " store"
    )
    store(folder, intermediate(), name="CA", key=False)
    for _ in ("read", "remembered"):
        assert "is issued by" not in run("resolve", "10.0.0.5:443", WWW).out
    (folder / "certs" / "CA" / f"{intermediate().thumbprint}.pem").unlink()
    client = run("resolve", "10.0.0.5:443", WWW, "--format", "json").json["client"]
    assert client["accepts"] is True
    assert [problem["id"] for problem in client["problems"]] == ["chain-incomplete"]


def test_a_root_that_has_expired(run: Run, folder: Path) -> None:
    """A root in Root counts like every certificate of the path, until a valid one is there."""
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=STORES)

    def last() -> str:
        time.sleep(0.03)  # files that changed just now are not remembered
        return run("resolve", "10.0.0.5:443", WWW).out.splitlines()[-1]

    accepted = f"a client that trusts the issuer accepts it for www.contoso.com until {UNTIL}"
    assert (last(), last()) == (accepted, accepted)
    end = NOW - timedelta(days=1)
    old = issue("Test Root", ca=True, key=root().key, start=NOW - timedelta(days=99), end=end)
    store(folder, old, name="Root", key=False)
    refused = (
        "a client that trusts the issuer refuses it for www.contoso.com: CN=Test Root in the chain"
        f" expired on {end:%Y-%m-%d %H:%M} UTC"
    )
    assert (last(), last()) == (refused, refused)
    store(folder, root(), name="Root", key=False)
    assert (last(), last()) == (accepted, accepted)


def test_without_a_name_none_is_checked(run: Run, folder: Path) -> None:
    """An address alone says nothing about a name; an address as HOST is checked as one."""
    write(folder, f"ip 0.0.0.0:443 {GOOD.thumbprint}", settings=STORES)
    last = run("resolve", "10.0.0.5:443").out.splitlines()[-1]
    assert last == f"a client that trusts the issuer accepts it until {UNTIL}; no name was checked"
    last = run("resolve", "10.0.0.5:443", "10.0.0.5").out.splitlines()[-1]
    assert last.endswith("the certificate does not cover 10.0.0.5: its names are www.contoso.com")


def test_what_is_remembered_changes_with_the_files(run: Run, folder: Path, cache: Path) -> None:
    """A second answer loads no certificate; another file, or a damaged cache, is read anew."""
    write(folder, f"ip 0.0.0.0:443 {GOOD.thumbprint}", settings=STORES)
    time.sleep(0.03)  # files that changed just now are not remembered
    path = folder / "certs" / "MY" / f"{GOOD.thumbprint}.pem"

    def answer() -> Any:
        return run("resolve", "10.0.0.5:443", WWW, "--format", "json").json

    first = answer()
    assert answer() == first
    (slot,) = cache.rglob("facts-*")
    for damaged in (b'["damaged"]', b"", b"[[[", slot.read_bytes()[:-1]):
        slot.write_bytes(damaged)
        assert answer() == first
    path.write_bytes(GOOD.pem)  # without its chain
    assert [one["id"] for one in answer()["client"]["problems"]] == ["chain-incomplete"]
    path.with_suffix(".key").write_bytes(OTHER.key_pem())
    assert answer()["outcome"] == "broken"
    path.unlink()
    assert answer()["outcome"] == "broken"


def test_the_central_store(run: Run, folder: Path) -> None:
    """A file of the central store answers, with the certificate that is in it."""
    (folder / "ccs").mkdir()
    (folder / "ccs" / f"{WWW}.pfx").write_bytes(GOOD.pfx(chain=(intermediate(),)))
    (folder / "ccs" / "_.contoso.com.pfx").write_bytes(b"garbage")
    write(folder, "ccs", f"scoped {WWW}:443", settings=STORES + CENTRAL)
    table = run("resolve", ":443").out
    assert table.count("  2 files, 1 of them unusable  ") == 2
    write(folder, "ccs", settings=STORES + CENTRAL)
    result = run("resolve", "10.0.0.5:443", WWW, "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert result.json["step"] == "ccs"
    assert result.json["binding"] == {"kind": "ccs", "key": "443"}
    assert result.json["certificate"] == {
        "thumbprint": GOOD.thumbprint,
        "file": f"ccs/{WWW}.pfx",
    }
    assert result.json["client"] == {"accepts": True, "problems": []}
    assert result.json["steps"][-1]["tried"] == (
        "ccs=443 with www.contoso.com.pfx or _.contoso.com.pfx"
    )
    broken = run("resolve", "10.0.0.5:443", "shop.contoso.com", "--explain")
    file = Path("ccs", "_.contoso.com.pfx")
    assert broken.code == 1
    assert broken.out.startswith(f"broken by ccs=443: {file}: it is not PEM, DER")
    assert broken.err == (
        "hint: replace it with a PFX file that has the certificate and its private key\n"
    )
    assert broken.out.splitlines()[-2:] == [
        "step 6: ccs=443 with shop.contoso.com.pfx or _.contoso.com.pfx: picked (documented)",
        "central store: the provider is enabled, its files are in ccs",
    ]


def test_a_central_store_that_cannot_be_read(run: Run, folder: Path) -> None:
    """If only the servers see the folder, its files are unknown, not missing: exit 2."""
    records = ("ccs", f"ip 0.0.0.0:443 {GOOD.thumbprint}")
    write(folder, *records, settings=STORES + CENTRAL)
    result = run("resolve", "10.0.0.5:443", WWW, "--explain")
    why = refusal(Path("ccs"))
    assert (result.code, result.err) == (2, "")
    lines = result.out.splitlines()
    assert lines[0] == (
        "unknown: ccs=443 answers if ccs has www.contoso.com.pfx or _.contoso.com.pfx, but it"
        f" cannot be read: {why}; otherwise {GOOD.thumbprint} by ipport=0.0.0.0:443:"
        " 0.0.0.0 answers the connections that no earlier binding matches"
    )
    assert (
        "step 6: ccs=443 with www.contoso.com.pfx or _.contoso.com.pfx: not known (documented)"
    ) in lines
    assert (
        "central store: the provider is enabled, its files are in ccs, which cannot be read:"
        f" {why}; its files are unknown"
    ) in lines
    document = run("resolve", "10.0.0.5:443", WWW, "--format", "json").json
    assert (document["outcome"], document["documented"]) == ("unknown", False)
    assert (document["binding"], document["certificate"], document["step"]) == (None, None, None)
    assert document["undecided"] == [{"kind": "ccs", "key": "443"}]
    assert document["otherwise"]["outcome"] == "certificate"
    assert document["otherwise"]["binding"] == {"kind": "ipport", "key": "0.0.0.0:443"}
    assert document["otherwise"]["certificate"]["thumbprint"] == GOOD.thumbprint
    assert document["verified"] is None
    result = run("resolve", "10.0.0.5:443", "--format", "json")  # no name, and no file for it
    assert (result.err, result.json["verified"]) == ("", True)
    rows = run("resolve", ":443").out.splitlines()
    assert rows[2:4] == [
        "    ccs=443             files not known  sslbind.toml:11",
        f"      not known: the folder ccs cannot be read: {why}",
    ]
    (port,) = run("resolve", "--format", "json").json["ports"]
    assert (port["candidates"][0]["files"], port["candidates"][0]["unusable"]) == (None, None)
    (folder / "ccs").mkdir()
    result = run("resolve", "10.0.0.5:443", WWW, "--format", "json")
    assert (result.err, result.json["verified"]) == ("", True)


def test_files_of_the_central_store_are_opened_anew_where_they_change(
    run: Run, folder: Path
) -> None:
    """What is remembered of a PFX file holds as long as it and the password are the same."""
    (folder / "ccs").mkdir()
    file, password = folder / "ccs" / f"{WWW}.pfx", folder / "password"
    file.write_bytes(GOOD.pfx(b"secret", chain=(intermediate(),)))
    password.write_text("secret\n")
    settings = f'{CENTRAL}PrivateKeyPasswordFile = "password"\n'
    write(folder, "ccs", settings=settings)

    def answer() -> tuple[str, str | None]:
        document = run("-q", "resolve", "10.0.0.5:443", WWW, "--format", "json").json
        certificate = document["certificate"]
        return document["outcome"], certificate and certificate["thumbprint"]

    time.sleep(0.03)  # files that changed just now are not remembered
    assert [answer(), answer()] == [("certificate", GOOD.thumbprint)] * 2
    password.write_text("another\n")
    assert answer() == ("broken", None)
    password.write_text("secret\n")
    assert answer() == ("certificate", GOOD.thumbprint)
    file.write_bytes(OTHER.pfx(b"secret"))
    assert answer() == ("certificate", OTHER.thumbprint)
    file.unlink()
    assert answer() == ("no-match", None)


def test_records_that_the_release_never_uses(run: Run, folder: Path) -> None:
    """A record that would fit on a newer server is named in a note."""
    write(folder, f"sni *.contoso.com:443 {A}", windows="2012r2")
    result = run("resolve", "10.0.0.5:443", WWW)
    assert result.code == 1
    assert result.out.startswith("no-match: ")
    assert result.err == NOT_MODELLED + (
        "note: hostnameport=*.contoso.com:443 is never used: Windows Server 2012 R2 is modelled,"
        " and such records exist from Windows Server 2016 on\n"
    )
    assert run("--windows", "2016", "resolve", "10.0.0.5:443", WWW).code == 0


def test_no_tls_version_left(run: Run, folder: Path) -> None:
    """If a record turns every version off no client sees its certificate: exit 1."""
    off = "disabletls12 = true;disabletls13 = true;disablelegacytls = true"
    lost = "no client can connect: the record leaves no TLS version"
    problem = {"id": "no-tls-version-left", "message": "the record leaves no TLS version"}
    for settings, verified in ((STORES, True), ("", None)):
        write(folder, f"ip 0.0.0.0:443 {GOOD.thumbprint} {off}", settings=settings)
        result = run("-q", "resolve", "10.0.0.5:443", WWW, "--explain")
        assert (result.code, result.err) == (1, "")
        answer, why = result.out.split("\n\n")
        assert answer.splitlines()[-1] == lost
        assert why.splitlines()[-1] == "TLS versions: none is left: the handshake fails"
        result = run("-q", "resolve", "10.0.0.5:443", WWW, "--format", "json")
        assert (result.code, result.json["outcome"]) == (1, "certificate")
        assert result.json["verified"] is verified
        assert result.json["client"] == {"accepts": False, "problems": [problem]}
    assert "      broken: the record leaves no TLS version\n" in run("-q", "resolve").out


def test_explain(run: Run, folder: Path) -> None:
    """--explain says what was taken how, each step with its mark, and what the record asks for."""
    store(folder, root(), name="AdfsTrustedDevices", key=False)
    tags = 'clientcertnegotiation = true;sslctlstorename = "AdfsTrustedDevices";disabletls13 = true'
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint} {tags}", windows="2019", settings=STORES)
    result = run(
        "--windows", "2022", "resolve", "[::ffff:10.0.0.5]:443", "WWW.contoso.com.", "--explain"
    )
    assert (result.code, result.err) == (0, "")
    assert result.out.split("\n\n")[1] == (
        "release: Windows Server 2022\n"
        "address: [::ffff:10.0.0.5] is treated as 10.0.0.5 (inferred)\n"
        "name: WWW.contoso.com. is looked up as www.contoso.com: without the trailing dot,"
        " names ignore case\n"
        "IP listen list: empty: HTTP.SYS listens on every address\n"
        "step 1: ipport=10.0.0.5:443: no (documented)\n"
        "step 2: hostnameport=www.contoso.com:443: answers (documented)\n"
        "client certificate: the handshake asks for one, and names the CAs in the store"
        " AdfsTrustedDevices (documented): CN=Test Root\n"
        "TLS versions: TLS 1.0, TLS 1.1, TLS 1.2; the record turns off TLS 1.3\n"
        "site: the certificate does not select the site: the Host header does, after TLS"
        " (documented)\n"
        "chain: Windows sends CN=www.contoso.com, because it finds issuers in the stores CA"
        " and Root (documented)\n"
        "chain: CN=Test Intermediate is in the certificate's file, but in neither of the"
        " stores CA and Root: Windows sends it only if the server's store CA has it"
        " (inferred)\n"
        "client: a client that has its root and no other certificate accepts the chain if its"
        " root is CN=Test Intermediate; otherwise intermediates are missing (inferred)\n"
    )


def test_explain_the_chain(run: Run, folder: Path) -> None:
    """What Windows sends from its stores (of two issuers the later), and what a client gets."""
    later = issue(
        "Test Intermediate",
        issuer=root(),
        ca=True,
        key=intermediate().key,
        start=datetime.now(UTC) - timedelta(days=1),
        end=datetime.now(UTC) + timedelta(days=4000),
    )
    store(folder, root(), name="Root", key=False)
    store(folder, intermediate(), later, name="CA", key=False)
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=STORES)
    said = run("resolve", "10.0.0.5:443", WWW, "--explain").out.splitlines()[-3:]
    assert said[0] == (
        "chain: Windows sends CN=www.contoso.com and CN=Test Intermediate, because it finds"
        " issuers in the stores CA and Root (documented); the root CN=Test Root is not sent"
        " (documented)"
    )
    assert said[1].startswith("chain: of two issuers Windows picks CN=Test Intermediate (from ")
    assert said[1].endswith("(inferred, reported once)")
    assert said[2] == (
        "client: a client that has its root and no other certificate can build the chain up to"
        " CN=Test Root (inferred)"
    )


@pytest.mark.parametrize(
    ("windows", "name", "topic", "text"),
    [
        ("2008r2", WWW, "release", "Windows Server 2008 R2 has IP records only (documented)"),
        (
            "2012r2", WWW, "release",
            (
                "Windows Server 2012 R2, without wildcard names, which exist from Windows Server"
                " 2016 on and scopedccs, which exists from Windows Server 2022 on"
            ),
        ),
        ("2025", WWW, "central store", "the provider is not enabled, and no file is searched for"),
        (
            "2008r2", WWW, "client certificate",
            "the handshake asks for one, and names every trusted root (documented)",
        ),
        (
            "2022", WWW, "client certificate",
            (
                "the handshake asks for one, and names no CAs (documented: from Windows Server 2012"
                " on none by default)"
            ),
        ),
        ("2022", "xn--bcher-kva.de", "name",
         "xn--bcher-kva.de is looked up as bücher.de: in its Unicode form"),
        ("2022", "10.0.0.9", "name",
         "10.0.0.9 is an address, not a server name (RFC 6066, section 3)"),
        ("2022", "a/b", "name", "a/b is not a name that a binding can have"),
        ("2022", "", "name", "the client sends no server name"),
    ],
)  # fmt: skip
def test_explain_in_json(
    run: Run, folder: Path, windows: str, name: str, topic: str, text: str
) -> None:
    """JSON has the same lines, each under its topic."""
    write(folder, f"ip 0.0.0.0:443 {A} clientcertnegotiation = true")
    words = ["resolve", "10.0.0.5:443", *([name] if name else []), "--explain", "--format", "json"]
    document = run("-q", "--windows", windows, *words).json
    assert {"topic": topic, "text": text} in document["explanation"]


# What is asked: URLs, addresses, and what is neither.


def test_a_url_with_an_address(run: Run, folder: Path) -> None:
    """--address says where a URL connects to; user information and path play no part."""
    write(folder, f"sni {WWW}:443 {GOOD.thumbprint}", settings=STORES)
    url = "HTTPS://user:secret@WWW.Contoso.com/path?query#fragment"
    result = run("resolve", url, "--address", "10.0.0.5", "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert (result.json["address"], result.json["port"]) == ("10.0.0.5", 443)
    assert result.json["name"] == "www.contoso.com"
    assert result.json["client"]["accepts"] is True


def test_a_url_by_dns(run: Run, folder: Path) -> None:
    """A URL is answered for each address that its host has, in a list."""
    write(folder, f"sni localhost:8443 {A}")
    result = run("resolve", "https://localhost:8443/", "--format", "json")
    assert result.code == 0
    assert {one["name"] for one in result.json["answers"]} == {"localhost"}
    assert {one["address"] for one in result.json["answers"]} <= {"127.0.0.1", "::1"}
    assert all(one["certificate"]["thumbprint"] == A for one in result.json["answers"])
    for one in result.json["answers"]:
        place = "[::1]" if one["address"] == "::1" else one["address"]
        lines = run("resolve", "https://localhost:8443/").out.splitlines()
        assert f"{place}:8443 localhost" in lines
    told = run("resolve", "https://localhost:8443/", "--address", "10.0.0.5").out
    assert told.startswith(f"{A} by hostnameport=localhost:8443: ")


@pytest.mark.parametrize("literal", ["127.0.0.1", "[::1]"])
def test_a_url_with_an_address_as_host(run: Run, folder: Path, literal: str) -> None:
    """An address in a URL is not a server name: none is sent, and the address is checked."""
    bare = literal.strip("[]")
    one = leaf(ip=[bare])
    store(folder, one, intermediate())
    records = (f"ip 0.0.0.0:443 {one.thumbprint}", f"sni {WWW}:443 {GOOD.thumbprint}")
    write(folder, *records, settings=STORES)
    (answer,) = run("resolve", f"https://{literal}/", "--format", "json").json["answers"]
    assert (answer["address"], answer["name"]) == (bare, None)
    assert answer["client"] == {"accepts": True, "problems": []}


def test_a_url_in_unicode(run: Run, folder: Path) -> None:
    """Both forms of an international name mean the same record."""
    write(folder, f"sni bücher.de:443 {A}")
    for host in ("bücher.de", "BÜCHER.de", "xn--bcher-kva.de"):
        result = run(
            "resolve", f"https://{host}/", "--address", "[2001:db8::1]", "--format", "json"
        )
        assert (result.code, result.json["name"]) == (0, "bücher.de")


def test_a_name_without_an_address(run: Run, folder: Path) -> None:
    """A name that DNS does not know makes the question unanswerable."""
    write(folder, f"sni {WWW}:443 {A}")
    result = run("resolve", "https://nothing.invalid/")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: nothing.invalid cannot be looked up: ")
    assert "hint: --address IP names the address to use, without asking DNS\n" in result.err


WRONG = {
    "http://www.contoso.com/": "is not an https URL",
    "ftp://x/": "is not an https URL",
    "https:///path": "it has no host name",
    "https://x:99999/": "is not a URL: Port out of range",
    "https://x:0/": "port 0 is not a port",
    "https://x:y/": "is not a URL: Port could not be cast",
    "https://[::1/": "is not a URL: Invalid IPv6 URL",
    "https://a\x1bb/": "it has a control character",
    "https://*.contoso.com/": "a client cannot connect to a wildcard",
    "https://a..b/": "a label is empty",
    "https://127.1/": "is an address, not a host name",
    "www.contoso.com:443": "hint: sslbind resolve https://www.contoso.com:443/ looks up",
    "www.contoso.com": "hint: sslbind resolve https://www.contoso.com:443/ looks up",
    "10.0.0.5": "hint: 10.0.0.5:443 has one",
    "443": "hint: sslbind resolve :443 prints the table of a port",
    "::1:443": "hint: [::1]:443 has them",
    "[::1]": "the port is missing",
    "[fe80::1%eth0]:443": "has a zone",
    "10.0.0.5:0": "a port is a number from 1 to 65535",
    "10.0.0.5:99999": "a port is a number from 1 to 65535",
    "10.0.0.500:443": "is not an IP address",
    "a b:443": "'a b' is a host name",
    ":99999": "a port is a number from 1 to 65535",
    ":": "the address is missing",
    "*:443": "hint: give an address of the server, for example 10.0.0.5:443",
    "*": "the address is missing",
    "": "the port is missing",
}


@pytest.mark.parametrize("target", WRONG)
def test_what_cannot_be_asked(run: Run, folder: Path, target: str) -> None:
    """What is neither an address with a port nor an https URL is exit 2, with a sentence."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    result = run("resolve", target)
    assert (result.code, result.out) == (2, "")
    assert WRONG[target] in result.err
    assert "port=" not in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("https://x/", "www.contoso.com"),
        ("https://x/", "--client-hello", "x"),
        ("https://x/", "--address", "x"),
        ("10.0.0.5:443", "--address", "10.0.0.5"),
        ("10.0.0.5:443", "x", "--client-hello", "x"),
        ("--explain",),
        (":443", "x"),
        ("--client-hello", "x"),
    ],
)
def test_what_does_not_go_together(run: Run, folder: Path, words: tuple[str, ...]) -> None:
    """Options that contradict each other are exit 2."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    result = run("resolve", *words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")


def test_a_name_without_an_address_beside_it(run: Run, folder: Path) -> None:
    """A port and a name are not a connection: the message says what is missing."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    assert run("resolve", ":443", WWW).err == (
        "error: :443: the address is missing\n"
        "hint: give an address of the server, for example 10.0.0.5:443\n"
    )


def test_every_address_is_none_to_connect_to(run: Run, folder: Path) -> None:
    """0.0.0.0 and [::] are answered as any address without a record, with a note."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    for address in ("0.0.0.0:443", "[::]:443"):
        result = run("resolve", address)
        assert result.code == 0
        assert "note: clients cannot connect to " in result.err


def test_names_that_no_record_can_have(run: Run, folder: Path) -> None:
    """Junk from a client goes to the default; it cannot control a terminal on its way."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    for name in ("a\x1b[2Jb", "../../x", "*.contoso.com", "é" * 300, "a\nb"):
        result = run("resolve", "10.0.0.5:443", name)
        assert result.code == 0
        assert "note: no binding can have the name" in result.err
        assert "\x1b" not in result.out + result.err
        assert run("resolve", "10.0.0.5:443", name, "--format", "json").json["name"] == ""


# The server name of a ClientHello.


def hello(name: str | None, context: ssl.SSLContext | None = None) -> bytes:
    """The ClientHello that Python's own TLS sends."""
    context = context or ssl.create_default_context()
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def split(data: bytes, size: int) -> bytes:
    """The same handshake message in records of ``size`` bytes."""
    body = data[5:]
    parts = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(data[:3] + len(part).to_bytes(2, "big") + part for part in parts)


def test_a_client_hello(run: Run, folder: Path) -> None:
    """The name of a ClientHello is looked up, from a file or standard input; none means no name."""
    write(folder, f"sni bücher.de:443 {A}", f"ip 0.0.0.0:443 {B}")
    (folder / "hello").write_bytes(hello("xn--bcher-kva.de"))
    words = ("-q", "resolve", "10.0.0.5:443", "--format", "json", "--client-hello")
    result = run(*words, "hello")
    assert (result.json["name"], result.json["certificate"]["thumbprint"]) == ("bücher.de", A)
    result = run(*words, "-", stdin=hello(None))
    assert (result.json["name"], result.json["certificate"]["thumbprint"]) == (None, B)


@pytest.mark.parametrize("size", [1, 2, 7, 100, 10_000])
def test_a_client_hello_in_several_records(size: int) -> None:
    """A ClientHello may span records of any size; what follows it is not looked at."""
    data = hello(WWW)
    assert hello_name(split(data, size)) == WWW
    assert hello_name(data + b"\x14\x03\x03\x00\x01\x01") == WWW


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_client_hellos_of_any_age(version: str) -> None:
    """Old clients send names too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion[version]
    assert hello_name(hello(WWW, context)) == WWW


def test_a_client_hello_of_openssl(tmp_path: Path) -> None:
    """What ``openssl s_client`` sends is read as well."""
    import socket
    import subprocess

    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [needs("openssl"), "s_client", "-connect", address, "-servername", WWW]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                assert hello_name(connection.recv(65536)) == WWW


def test_names_that_are_not_ascii(run: Run, folder: Path) -> None:
    """Bytes that are not a name match no record, and no Python error message is shown."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    data = hello(WWW).replace(WWW.encode(), b"www.c\xc3\xb6ntoso.mm")
    assert hello_name(data) == r"www.c\xc3\xb6ntoso.mm"
    result = run("resolve", "10.0.0.5:443", "--client-hello", "-", stdin=data)
    assert result.code == 0
    assert "Exception" not in result.err


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\x16", "ends before the ClientHello does"),
        (hello(WWW)[:100], "ends before the ClientHello does"),
        (b"GET / HTTP/1.1\r\n\r\n", "has no readable ClientHello: http request"),
        (b"garbage" * 99, "has no readable ClientHello: "),
        (b"\x15\x03\x01\x00\x02\x02\x28", "has no readable ClientHello: "),
        (b"\x16\x03\x01\xff\xff" + bytes(99), "has no readable ClientHello: "),
        (bytes(1 << 20), "larger than"),
    ],
    ids=["empty", "one byte", "cut", "http", "garbage", "alert", "zeros", "huge"],
)
def test_what_is_no_client_hello(run: Run, folder: Path, data: bytes, why: str) -> None:
    """Truncated, empty, foreign and huge files are exit 2, with the file in the sentence."""
    write(folder, f"ip 0.0.0.0:443 {A}")
    (folder / "hello").write_bytes(data)
    for path in ("hello", "-"):
        result = run("resolve", "10.0.0.5:443", "--client-hello", path, stdin=data)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("error: " + ("standard input: " if path == "-" else "hello: "))
        assert why in result.err
    assert run("resolve", "10.0.0.5:443", "--client-hello", "missing").code == 2


HELLO = hello(WWW)


@given(st.integers(0, len(HELLO) - 1), st.binary(min_size=1, max_size=4))
def test_damaged_client_hellos(at: int, change: bytes) -> None:
    """Whatever the bytes are, there is a name, none, or a sentence."""
    try:
        name = hello_name(HELLO[:at] + change + HELLO[at + len(change) :])
    except SslbindError:
        return
    assert name is None or isinstance(name, str)


# The table.


def test_the_table(run: Run, folder: Path) -> None:
    """Without a target: each port's records in order, what each serves, and where it is defined."""
    write(
        folder,
        f"ip 0.0.0.0:443 {OTHER.thumbprint}",
        f"ip 10.0.0.5:443 {GOOD.thumbprint}",
        f"sni {WWW}:443 {B}",
        f"sni *.contoso.com:443 {GOOD.thumbprint}",
        f"sni {WWW}:8443 {GOOD.thumbprint}",
        "ccs",
        settings=STORES,
    )
    result = run("resolve")
    assert (result.code, result.err) == (0, "")
    assert result.out == TABLE.format(a=OTHER.thumbprint, b=GOOD.thumbprint, s=B)
    assert run("resolve", ":8443").out == result.out.split("\n\n")[1]


TABLE = """\
port 443, Windows Server 2022
  exact address:
    ipport=10.0.0.5:443               {b}  www.contoso.com  sslbind.toml:12
  host name; not on 10.0.0.5:443:
    hostnameport=www.contoso.com:443  {s}  sslbind.toml:17
      broken: the certificate is not in the store MY
  wildcard name, for names without their own binding; not on 10.0.0.5:443:
    hostnameport=*.contoso.com:443    {b}  www.contoso.com  sslbind.toml:22
      names with their own binding go to hostnameport=www.contoso.com:443
  central store, for names that have a file; not on 10.0.0.5:443:
    ccs=443                           0 files  sslbind.toml:32
      never used: the central store's provider is not enabled
  every other connection; not on 10.0.0.5:443:
    ipport=0.0.0.0:443                {a}  other.contoso.com  sslbind.toml:7
  everyone else: is answered by ipport=0.0.0.0:443

port 8443, Windows Server 2022
  host name:
    hostnameport=www.contoso.com:8443  {b}  www.contoso.com  sslbind.toml:27
  everyone else: is reset, including clients without a server name; ipport=0.0.0.0:8443 would answer
"""


def test_the_table_in_json(run: Run, folder: Path) -> None:
    """JSON has the same: what shadows a record, why it is not used, where it is defined."""
    (folder / "ccs").mkdir()
    for name in (WWW, "_.contoso.com"):
        (folder / "ccs" / f"{name}.pfx").write_bytes(b"")
    write(
        folder,
        f"ip [::]:443 {A}",
        f"ip 0.0.0.0:443 {A}",
        f"ip 10.0.0.9:443 {A}",
        f"scoped {WWW}:443",
        "ccs",
        windows="2019",
        settings='iplisten = ["10.0.0.5"]\n' + CENTRAL,
    )
    result = run("resolve", ":443", "--format", "json")
    assert result.code == 0
    (port,) = result.json["ports"]
    assert port["port"] == 443
    assert port["otherwise"] == "is answered by ipport=0.0.0.0:443"
    rows = [(one["step"], one["key"], one["line"], one["note"]) for one in port["candidates"]]
    assert rows == [
        ("ipport", "10.0.0.9:443", 19, "the address is not in the IP listen list"),
        (
            "scopedccs", "www.contoso.com:443", 24,
            "Windows Server 2019 does not look for them: they exist from Windows Server 2022 on",
        ),
        ("ccs", "443", 27, None),
        ("ipv6-wildcard", "[::]:443", 9, "the address is not in the IP listen list"),
        ("ipv4-wildcard", "0.0.0.0:443", 14, None),
    ]  # fmt: skip
    assert port["candidates"][2] == {
        "kind": "ccs",
        "key": "443",
        "step": "ccs",
        "certificate": None,
        "files": 2,
        "unusable": 2,
        "file": "sslbind.toml",
        "line": 27,
        "used": True,
        "shadowed_by": [],
        "shadowed_by_count": 0,
        "note": None,
    }


def test_what_shadows_what(run: Run, folder: Path) -> None:
    """Exact addresses come before names, names before wildcards and scopes, [::] before 0.0.0.0."""
    write(
        folder,
        f"ip 10.0.0.5:443 {A}",
        f"ip [2001:db8::1]:443 {A}",
        f"ip [::]:443 {A}",
        f"ip 0.0.0.0:443 {A}",
        f"sni {WWW}:443 {A}",
        f"sni *.contoso.com:443 {A}",
        f"scoped {WWW}:443",
        settings=CENTRAL,
    )
    (port,) = run("-q", "resolve", "--format", "json").json["ports"]
    shadows = {
        f"{one['kind']} {one['key']}": [other["key"] for other in one["shadowed_by"]]
        for one in port["candidates"]
    }
    exact = ["10.0.0.5:443", "[2001:db8::1]:443"]
    assert shadows == {
        "ipport 10.0.0.5:443": [],
        "ipport [2001:db8::1]:443": [],
        "hostnameport www.contoso.com:443": exact,
        "hostnameport *.contoso.com:443": [*exact, "www.contoso.com:443"],
        "scopedccs www.contoso.com:443": [*exact, "www.contoso.com:443", "*.contoso.com:443"],
        "ipport [::]:443": ["[2001:db8::1]:443"],
        "ipport 0.0.0.0:443": [*exact, "[::]:443"],
    }


def test_many_names_below_one_wildcard(run: Run, folder: Path) -> None:
    """Thousands of names do not fill the answer with themselves: some are named, all counted."""
    names = (f"sni w{number}.contoso.com:443 {A}" for number in range(2000))
    write(folder, f"sni *.contoso.com:443 {A}", *names)
    result = run("-q", "resolve")
    assert "and 1997 more\n" in result.out
    assert len(result.out.splitlines()) == 2006
    (port,) = run("-q", "resolve", "--format", "json").json["ports"]
    wildcard = port["candidates"][-1]
    assert (len(wildcard["shadowed_by"]), wildcard["shadowed_by_count"]) == (20, 2000)


def test_an_empty_table(run: Run, folder: Path) -> None:
    """A registry without bindings has no port: a note says so."""
    write(folder, settings=STORES)
    result = run("resolve")
    assert (result.code, result.out, result.err) == (0, "", "note: no binding\n")
    assert run("resolve", ":443").err == "note: no binding on port 443\n"
    assert run("resolve", "--format", "json").json == {
        "version": 1,
        "windows": "2022",
        "ports": [],
    }


def test_nothing_is_written(run: Run, folder: Path) -> None:
    """Resolving reads, also where the cache cannot be written."""
    write(folder, f"ip 0.0.0.0:443 {GOOD.thumbprint}", settings=STORES)
    before = sorted(folder.rglob("*"))
    env = {"XDG_CACHE_HOME": "/dev/null/nowhere"}
    for words in (("10.0.0.5:443", WWW), ()):
        assert run("resolve", *words, env=env).code == 0
    assert sorted(folder.rglob("*")) == before
    shutil.rmtree(folder / "certs")
    assert run("resolve", "10.0.0.5:443", env=env).code == 1


def test_what_is_remembered_of_keys_that_are_elsewhere_does_not_count_here(
    run: Run, folder: Path
) -> None:
    """A key of another certificate is fine where keys are elsewhere, and broken where not."""
    (folder / "certs" / "MY" / f"{GOOD.thumbprint}.key").write_bytes(leaf("x").key_pem())
    elsewhere = STORES + 'privatekeys = "elsewhere"\n'
    for settings, code in ((elsewhere, 0), (STORES, 1), (elsewhere, 0)):
        write(folder, f"ip 10.0.0.5:443 {GOOD.thumbprint}", settings=settings)
        assert run("resolve", "10.0.0.5:443").code == code


def test_an_address_that_stands_mapped_in_the_listen_list(run: Run, folder: Path) -> None:
    """It counts as the IPv4 address that it is."""
    write(folder, f"ip 0.0.0.0:443 {A}", settings='iplisten = ["::ffff:10.0.0.6"]\n')
    assert run("resolve", "[::ffff:10.0.0.6]:443").code == 0
    assert run("resolve", "10.0.0.6:443").code == 0
    assert run("resolve", "10.0.0.7:443").out.startswith("not-listening: ")


def test_thousands_of_addresses_before_thousands_of_names(run: Run, folder: Path) -> None:
    """The table says it once for all names, and in JSON each has the count."""
    many = 300
    records = [f"ip 10.0.{n // 250}.{n % 250}:443 {A}" for n in range(many)]
    write(folder, *records, *(f"sni w{n}.contoso.com:443 {B}" for n in range(many)))
    text = run("resolve", ":443").out
    assert text.count("not on 10.0.0.0:443, 10.0.0.1:443, 10.0.0.2:443 and 297 more") == 1
    [port] = run("resolve", "--format", "json").json["ports"]
    names = [one for one in port["candidates"] if one["kind"] == "hostnameport"]
    assert {one["shadowed_by_count"] for one in names} == {many}
    assert {len(one["shadowed_by"]) for one in names} == {20}


@pytest.mark.parametrize(
    ("host", "code"), [(WWW, 0), ("other.contoso.com", 0), ("nobody.contoso.com", 1), ("", 0)]
)
def test_strict(run: Run, folder: Path, host: str, code: int) -> None:
    """``--strict``: exit 1 if a client would refuse the certificate; the answer is the same."""
    records = (f"ip 0.0.0.0:443 {GOOD.thumbprint}", f"sni other.contoso.com:443 {OTHER.thumbprint}")
    write(folder, *records, settings=STORES)
    words = ("resolve", "10.0.0.5:443", *([host] if host else []))
    strict = run(*words, "--strict")
    assert strict.code == code
    plain = run(*words)
    assert (plain.code, plain.out) == (0, strict.out)


def test_strict_where_it_is_not_known(run: Run, folder: Path) -> None:
    """Without certificate stores the answer is unknown, which is not yes; a table has no client."""
    write(folder, f"ip 0.0.0.0:443 {GOOD.thumbprint}")
    assert run("resolve", "10.0.0.5:443", WWW).code == 0
    assert run("resolve", "10.0.0.5:443", WWW, "--strict").code == 1
    assert run("resolve", "--strict").code == 2


def test_a_pfx_that_the_password_does_not_open(run: Run, folder: Path) -> None:
    """The hint is what ``check`` advises: the password is set, and this file has another."""
    (folder / "ccs").mkdir()
    (folder / "ccs" / f"{WWW}.pfx").write_bytes(GOOD.pfx(b"another"))
    (folder / "ccs.password").write_text("s3kr1t\n")
    write(folder, "ccs", settings=f'{CENTRAL}PrivateKeyPasswordFile = "ccs.password"\n')
    advice = "export it again with the password of the store, the one in ccs.password"
    result = run("resolve", "10.0.0.5:443", WWW)
    assert result.code == 1
    assert f"hint: {advice}\n" in result.err
    assert f"    {advice}\n" in run("check").out
