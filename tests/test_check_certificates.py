"""``check``: certificates against the stores that records name, and the certificates themselves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from check_cases import ADFS, CCS, PROVIDER, STORES, Case, record
from conftest import A, Run
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from pki import (
    CLIENT,
    NOW,
    PASSWORD,
    Issued,
    ec_key,
    intermediate,
    issue,
    mail,
    openssl,
    root,
    rsa_key,
    web,
)

BROKEN = "HTTP.SYS logs event 15021 and the handshake fails (netsh's error 1312)"
KEY = "www.contoso.com:443"


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def name(text: str = "www.contoso.com", **more: Any) -> Issued:
    """A self-signed certificate for the name."""
    return issue(text, dns=(text,), **{"start": NOW - timedelta(days=99), **more})


def certs(case: Case, key: str = KEY) -> list[tuple[str, str | None]]:
    """What the certificate rules find, with the key."""
    return [(one.rule, one.key) for one in case.check() if one.rule.startswith("cert-")]


def test_without_stores(case: Case) -> None:
    """Without [CertStores] nothing is known about certificates, and their rules are silent."""
    case.write(record(KEY, A), record("0.0.0.0:443", A, store="NoSuch"))
    assert [one.rule for one in case.check()] == []


def test_a_certificate_that_is_well(case: Case) -> None:
    """A leaf of an intermediate with its chain and key; a self-signed one is not a finding."""
    case.store(web(), chain=(intermediate(),))
    own = name("own.contoso.com")
    case.store(own, store="WebHosting")
    case.write(
        STORES, record("0.0.0.0:443", web(), store=None), record(KEY, web(), store="my"),
        record("own.contoso.com:443", own, store="webhosting"),
    )  # fmt: skip
    assert certs(case) == []


def test_unused_certificates(case: Case) -> None:
    """A certificate that no record uses may be expired, weak and without its key."""
    case.store(name(end=NOW - timedelta(days=1), eku=CLIENT, key=rsa_key(1024)), key=False)
    case.write(STORES)
    assert case.check() == []


def test_not_found(case: Case) -> None:
    """A certificate in no store: the message has the event and error that operators look for."""
    case.store(mail(), chain=(intermediate(),))
    case.write(STORES, record(KEY, web()), record("mail.contoso.com:443", mail()))
    assert certs(case) == [("cert-not-found", KEY)]
    found = case.only("cert-not-found")
    assert (found.severity, found.kind) == ("error", "hostnameport")
    assert found.message == f"the certificate {web().thumbprint} is not in any store; {BROKEN}"
    assert found.advice == ("put the certificate with its private key into MY, or bind another one")
    assert found.command == "sslbind store add CERTIFICATE.pem KEY.key --store MY"
    Path("CERTIFICATE.pem").write_bytes(web().pem + intermediate().pem)
    Path("KEY.key").write_bytes(web().key_pem())
    case.mend("cert-not-found")
    assert certs(case) == []


def test_not_found_and_a_locked_file(case: Case) -> None:
    """A file that no password opens may hold what is missing."""
    Path("certs/MY").mkdir(parents=True)
    Path("certs/MY/web.pfx").write_bytes(web().pfx(PASSWORD))
    case.write(STORES, record(KEY, web()))
    assert case.only("cert-not-found").advice == (
        "put the certificate with its private key into MY, or bind another one;"
        " MY/web.pfx is locked and may hold it: set PasswordFile in [CertStores]"
    )
    Path("pfx.password").write_bytes(PASSWORD)
    case.write(STORES, 'PasswordFile = "pfx.password"', record(KEY, web()))
    assert case.check(ids=["cert-not-found"]) == []


def test_wrong_store(case: Case) -> None:
    """A certificate in another store: the command makes the record name that store."""
    case.store(web(), store="Web Farm", chain=(intermediate(),))
    case.write(STORES, record(KEY, web()))
    assert certs(case) == [("cert-wrong-store", KEY)]
    found = case.only("cert-wrong-store")
    assert found.message == (
        f"the certificate {web().thumbprint} is not in the store MY but in Web Farm; {BROKEN}"
    )
    assert found.advice == "set the store where it is: certstorename=Web Farm"
    assert case.mend("cert-wrong-store") == (
        f'sslbind update sslcert hostnameport={KEY} "certstorename=Web Farm"'
    )


def test_wrong_store_without_key(case: Case) -> None:
    """If the other store lacks the key, no command fixes it; a store with the key is preferred."""
    case.store(web(), store="CA", key=False)
    case.write(STORES, record(KEY, web()))
    found = case.only("cert-wrong-store")
    assert found.message == (
        f"the certificate {web().thumbprint} is not in the store MY but in CA, without its private"
        f" key; {BROKEN}"
    )
    assert found.advice == (
        "set the store where it is: certstorename=CA, and add its private key there"
    )
    assert found.command is None
    case.store(web(), store="WebHosting")
    assert "but in CA and WebHosting; " in case.only("cert-wrong-store").message
    assert case.mend("cert-wrong-store").endswith("certstorename=WebHosting")


def test_no_private_key(case: Case) -> None:
    """A certificate without its key cannot be served, unless the keys are elsewhere."""
    case.store(web(), chain=(intermediate(),), key=False)
    case.write(STORES, record(KEY, web()))
    assert certs(case) == [("cert-no-private-key", KEY)]
    found = case.only("cert-no-private-key")
    assert found.severity == "error"
    assert found.message == (
        f"the certificate {web().thumbprint} is in MY, but its private key is missing; {BROKEN}"
    )
    assert found.advice == (
        'add its key, or allow certificates without one: privatekeys = "elsewhere" in [CertStores]'
    )
    assert found.command == "sslbind store add CERTIFICATE.pem KEY.key --store MY"
    case.write(STORES, 'privatekeys = "elsewhere"', record(KEY, web()))
    assert certs(case) == []
    case.write(STORES, record(KEY, web()))
    Path("CERTIFICATE.pem").write_bytes(web().pem)
    Path("KEY.key").write_bytes(web().key_pem())
    case.mend("cert-no-private-key")
    assert certs(case) == []


def test_locked_private_key(case: Case) -> None:
    """A key that no password opens counts as missing; PasswordFile fixes it."""
    case.store(web(), chain=(intermediate(),), key=False)
    path = f"MY/{web().thumbprint}.key"
    Path("certs", path).write_bytes(web().key_pem(PASSWORD))
    case.write(STORES, record(KEY, web()))
    found = case.only("cert-no-private-key")
    assert found.message == (
        f"the certificate {web().thumbprint} is in MY, but its private key is locked ({path});"
        f" {BROKEN}"
    )
    assert found.advice == "set PasswordFile in [CertStores] to a file with its password"
    assert found.command is None
    Path("pfx.password").write_bytes(PASSWORD)
    case.write(STORES, 'PasswordFile = "pfx.password"', record(KEY, web()))
    assert certs(case) == []


def test_key_mismatch(case: Case) -> None:
    """The key next to the certificate is a different one: one finding, and not a missing key."""
    case.store(web(), chain=(intermediate(),), key=False)
    path = f"MY/{web().thumbprint}.key"
    Path("certs", path).write_bytes(mail().key_pem())
    case.write(STORES, record(KEY, web()))
    assert certs(case) == [("cert-key-mismatch", KEY)]
    found = case.only("cert-key-mismatch")
    assert found.message == (
        f"the private key in {path} is not that of the certificate {web().thumbprint}; {BROKEN}"
    )
    assert found.advice == "add the certificate again with its own key"
    Path("CERTIFICATE.pem").write_bytes(web().pem)
    Path("KEY.key").write_bytes(web().key_pem())
    case.mend("cert-key-mismatch")
    assert certs(case) == []


def test_unknown_store(case: Case) -> None:
    """A store exists when it has a folder, or when every Windows of the release has it."""
    case.store(web(), chain=(intermediate(),))
    case.store(web(), store="Partners", chain=(intermediate(),))
    stores = ("Mine", "partners", "root", "TrustedPeople", "WEBHOSTING")
    keys = [f"0.0.0.0:{port}" for port in range(1, 6)]
    pairs = zip(keys, stores, strict=True)
    case.write(STORES, *(record(key, web(), store=store) for key, store in pairs))
    found = case.only("unknown-store")
    assert (found.severity, found.key) == ("error", "0.0.0.0:1")
    assert found.message == "certstorename=Mine: there is no such store"
    assert found.advice == "the certificate is in MY: use that store"
    old = case.check(ids=["unknown-store"], windows="2008r2")
    assert [one.key for one in old] == ["0.0.0.0:1", "0.0.0.0:5"]
    assert case.mend("unknown-store") == (
        "sslbind update sslcert ipport=0.0.0.0:1 certstorename=MY"
    )


def test_unknown_store_of_an_unknown_certificate(case: Case) -> None:
    """It is reported together with cert-not-found; there is no command then."""
    case.write(STORES, record("0.0.0.0:443", A, store="Mine"))
    absent = case.only("cert-not-found")
    assert absent.command is None
    assert absent.advice == (
        "put the certificate with its private key into a store that exists, or bind another one"
    )
    assert [one.rule for one in case.check()] == ["cert-not-found", "unknown-store"]
    found = case.only("unknown-store")
    assert found.command is None
    assert found.advice == (
        "use a store that exists, usually MY, or put the certificate into this one"
    )


def test_a_record_that_rejects(case: Case) -> None:
    """It serves no certificate, so only reject-set reports it; older releases do serve one."""
    old = issue("old", dns=("old.contoso.com",), end=NOW - timedelta(days=1))
    case.store(old, key=False)
    case.write(
        STORES,
        record("0.0.0.0:443", A, tags="reject = true"),
        record(KEY, old, tags="reject = true"),
        record("b.contoso.com:443", old, store="WebHosting", tags="reject = true"),
    )
    assert {one.rule for one in case.check()} == {"reject-set"}
    assert {one.rule for one in case.check(windows="2012r2")} == {
        "cert-expired",
        "cert-host-mismatch",
        "cert-no-private-key",
        "cert-not-found",
        "cert-wrong-store",
    }


def test_expired(case: Case) -> None:
    """Past its last moment, which still counts."""
    old = name(end=NOW - timedelta(days=31))
    last = name("last.contoso.com", end=NOW)
    case.store(old, last)
    case.write(STORES, record(KEY, old), record("last.contoso.com:443", last))
    found = case.only("cert-expired")
    assert (found.severity, found.key) == ("error", KEY)
    assert found.message == (
        f"the certificate {old.thumbprint} expired on 2026-05-01 12:00 UTC, 31 days ago"
    )
    assert found.advice == "renew the certificate"
    assert found.command == f"sslbind rebind {old.thumbprint} NEW.pfx"
    assert [one.key for one in case.check(ids=["cert-expires-soon"])] == ["last.contoso.com:443"]
    Path("NEW.pfx").write_bytes(name(end=NOW + timedelta(days=90)).pfx())
    case.mend("cert-expired")


def test_not_yet_valid(case: Case) -> None:
    """Before its first moment, which counts."""
    new = name(start=NOW + timedelta(hours=5))
    first = name("first.contoso.com", start=NOW)
    case.store(new, first)
    case.write(STORES, record(KEY, new), record("first.contoso.com:443", first))
    found = case.only("cert-not-yet-valid")
    assert (found.severity, found.key, found.command) == ("error", KEY, None)
    assert found.message == (
        f"the certificate {new.thumbprint} is not valid before 2026-06-01 17:00 UTC, in less than"
        " a day"
    )
    assert found.advice == "bind one that is valid now, and this one later"


def test_expires_soon(case: Case) -> None:
    """Within the time asked for, exactly; expired certificates are another rule's business."""
    soon = name(end=NOW + timedelta(days=30))
    later = name("later.contoso.com", end=NOW + timedelta(days=30, seconds=1))
    gone = name("gone.contoso.com", end=NOW - timedelta(seconds=1))
    case.store(soon, later, gone)
    hosts = ("later.contoso.com:443", "gone.contoso.com:443")
    case.write(STORES, record(KEY, soon), *map(record, hosts, (later, gone)))
    found = case.only("cert-expires-soon")
    assert (found.severity, found.key) == ("warn", KEY)
    assert found.message == (
        f"the certificate {soon.thumbprint} expires on 2026-07-01 12:00 UTC, in 30 days"
    )
    assert found.command == f"sslbind rebind {soon.thumbprint} NEW.pfx"
    assert case.check(ids=["cert-expires-soon"], soon=29) == []
    assert len(case.check(ids=["cert-expires-soon"], soon=31)) == 2


@pytest.mark.parametrize(
    ("host", "names", "covered"),
    [
        ("www.contoso.com", ("www.contoso.com",), True),
        ("www.contoso.com", ("WWW.Contoso.com",), True),
        ("www.contoso.com", ("*.contoso.com",), True),
        ("*.contoso.com", ("*.contoso.com",), True),
        ("bücher.example", ("xn--bcher-kva.example",), True),
        ("a.b.contoso.com", ("*.contoso.com",), False),
        ("contoso.com", ("*.contoso.com",), False),
        ("contoso.com", ("*.com",), False),
        ("*.contoso.com", ("www.contoso.com",), False),
    ],
)
def test_host_mismatch(case: Case, host: str, names: tuple[str, ...], covered: bool) -> None:
    """The host of an SNI key is among the names; a wildcard matches one label."""
    one = issue("www.contoso.com", dns=names)
    case.store(one)
    case.write(STORES, record("0.0.0.0:443", one), record(f"{host}:443", one))
    expected = [] if covered else [("cert-host-mismatch", f"{host}:443")]
    assert certs(case) == expected


def test_host_mismatch_names_the_certificate_that_covers(case: Case) -> None:
    """The certificate in the stores that has the name, with the command that binds it."""
    old, new = issue("www.contoso.com", dns=["a.contoso.com"]), web()
    case.store(old, new)
    case.write(STORES, record("www.contoso.com:443", old))
    [one] = case.check(ids=["cert-host-mismatch"])
    assert one.advice == (
        f"bind {new.thumbprint} (www.contoso.com): the only certificate that covers the name"
    )
    assert one.command == (
        f"sslbind update sslcert hostnameport=www.contoso.com:443 certhash={new.thumbprint}"
        " certstorename=MY"
    )


def test_host_mismatch_words(case: Case) -> None:
    """The certificate's names are reported, the first few of many; a common name does not count."""
    many = issue("www.contoso.com", dns=[f"{number}.contoso.com" for number in range(7)])
    none = issue("www.contoso.com")
    case.store(many, none)
    case.write(STORES, record("www.contoso.com:443", many), record("www.contoso.com:444", none))
    [one] = case.check(ids=["cert-host-mismatch"])
    [other] = case.check(ids=["cert-no-san"])
    assert one.severity == "warn"
    assert one.message == (
        f"the certificate {many.thumbprint} does not cover www.contoso.com: its names are"
        " 0.contoso.com, 1.contoso.com, 2.contoso.com, 3.contoso.com, 4.contoso.com, …"
    )
    assert one.advice == "bind a certificate that has the name"
    assert one.command == f"sslbind update sslcert hostnameport={KEY} --cert NEW.pfx"
    assert other.message == (
        f"the certificate {none.thumbprint} has no subject alternative name, and clients ignore the"
        " common name"
    )
    case.write(STORES, record("www.contoso.com:443", many))
    Path("NEW.pfx").write_bytes(web().pfx())
    case.mend("cert-host-mismatch")


def test_eku(case: Case) -> None:
    """A client certificate cannot be used for servers; without the extension it is good for all."""
    client, every = name(eku=CLIENT), name("every.contoso.com", eku=None)
    any_use = name("any.contoso.com", eku=(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,))
    case.store(client, every, any_use)
    case.write(
        STORES, record(KEY, client), record("every.contoso.com:443", every),
        record("any.contoso.com:443", any_use),
    )  # fmt: skip
    assert certs(case) == [("cert-eku", KEY)]
    found = case.only("cert-eku")
    assert found.severity == "error"
    assert found.message == (
        f"the certificate {client.thumbprint} has the extended key usage clientAuth, without"
        " serverAuth"
    )
    assert found.advice == "request it again for servers"
    assert found.command == f"sslbind rebind {client.thumbprint} NEW.pfx"


def old_signature(text: str) -> tuple[str, bytes]:
    """A certificate signed with SHA-1, and its thumbprint; only openssl still makes these."""
    request = f"req -x509 -newkey rsa:2048 -sha1 -nodes -subj /CN={text} -days 9 -keyout -"
    pem = openssl(*request.split(), "-addext", f"subjectAltName=DNS:{text}")
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1()).hex(), pem


def test_weak(case: Case) -> None:
    """Short RSA keys and SHA-1 signatures; short elliptic-curve keys are not weak."""
    short, good = name(key=rsa_key(1024)), name("good.contoso.com", key=rsa_key(2048))
    curve, (old, pem) = name("ec.contoso.com", key=ec_key("ec")), old_signature("old.contoso.com")
    case.store(short, good, curve)
    Path("certs/MY/old.pem").write_bytes(pem)
    hosts = [f"{text}.contoso.com:443" for text in ("www", "good", "ec", "old")]
    certificates: tuple[Issued | str, ...] = (short, good, curve, old)
    served = zip(hosts, certificates, strict=True)
    case.write(STORES, *(record(host, one) for host, one in served))
    one, other = case.check(ids=["cert-weak"])
    assert (one.key, other.key) == (KEY, "old.contoso.com:443")
    assert one.severity == "warn"
    assert one.message == (
        f"the certificate {short.thumbprint} has a weak key (RSA 1024; clients require 2048 bits)"
    )
    assert other.message == f"the certificate {old} has a weak signature (sha1)"
    assert one.advice == "request it again with a key of at least 2048 bits and SHA-256"
    assert one.command == f"sslbind rebind {short.thumbprint} NEW.pfx"


def test_weak_dsa(case: Case) -> None:
    """DSA keys are refused, whatever their length."""
    short = name(key=dsa.generate_private_key(1024))
    case.store(short)
    case.write(STORES, record(KEY, short))
    assert case.check(ids=["cert-weak"]) == []
    assert case.only("cert-key-type").message == (
        f"the certificate {short.thumbprint} has a key of the type DSA 1024, which TLS 1.3 and"
        " browsers do not have"
    )


def test_chain_incomplete(case: Case) -> None:
    """The issuer is in the certificate's file or in a store; a root need not be there."""
    case.store(web())
    case.write(STORES, record(KEY, web()))
    assert certs(case) == [("cert-chain-incomplete", KEY)]
    found = case.only("cert-chain-incomplete")
    assert found.severity == "warn"
    assert found.message == (
        f"the certificate {web().thumbprint} is issued by CN=Test Intermediate, which is neither in"
        " its file nor in a store"
    )
    assert found.advice == (
        "put the issuer's certificate into the store CA; a root belongs in Root"
    )
    assert found.command == "sslbind store add ISSUER.pem --store CA"
    Path("ISSUER.pem").write_bytes(intermediate().pem)
    case.mend("cert-chain-incomplete")
    case.store(root(), store="Root", key=False)
    direct = issue("d.contoso.com", dns=("d.contoso.com",), issuer=root())
    case.store(direct)
    case.write(STORES, record("d.contoso.com:443", direct))
    assert certs(case) == []


def test_chain_incomplete_of_a_namesake(case: Case) -> None:
    """A name alone does not make an issuer: one with that name but another key signed nothing."""
    miss = issue("miss", ca=True)
    leaf = issue("www.contoso.com", dns=("www.contoso.com",), issuer=miss)
    case.store(leaf, issue("miss", ca=True, key=ec_key("another")))
    case.write(STORES, record(KEY, leaf), record("10.0.0.5:443", leaf))
    one, other = case.check(ids=["cert-chain-incomplete"])
    assert (one.key, other.key) == (KEY, "10.0.0.5:443")
    assert one.message == (
        f"the certificate {leaf.thumbprint} is issued by CN=miss, which is neither in its file nor"
        " in a store: the one with that name did not sign it"
    )
    case.central("www.contoso.com.pfx", leaf)
    case.write(STORES, PROVIDER, record("443"))
    assert case.only("cert-chain-incomplete").file == f"{CCS}www.contoso.com.pfx"
    case.store(miss, store="CA", key=False)
    assert case.check(ids=["cert-chain-incomplete"]) == []
    case.write(STORES, record(KEY, leaf))
    assert case.check(ids=["cert-chain-incomplete"]) == []


def test_the_chain_has_expired(case: Case) -> None:
    """An expired intermediate is a finding if no other path to a root is valid."""
    case.store(web(), chain=(intermediate(),))
    case.write(STORES, record(KEY, web()))
    later = NOW + timedelta(days=1001)
    served = f"the certificate {web().thumbprint}"
    above = "CN=Test Intermediate, which expired on 2029-02-25 12:00 UTC"
    found = case.check(ids=["cert-expired", "cert-chain-expired"], now=later)
    assert [(one.severity, one.key, one.message) for one in found] == [
        ("error", KEY, f"{served} is issued under {above}, 1 day ago"),
        ("error", KEY, f"{served} expired on 2026-07-31 12:00 UTC, 941 days ago"),
    ]
    assert found[0].advice == (
        "add a valid chain: put the issuer's certificate into the store CA; a root belongs in Root"
    )
    assert found[0].command == "sslbind store add ISSUER.pem --store CA"
    renewed = issue(
        "Test Intermediate",
        issuer=root(),
        ca=True,
        key=intermediate().key,
        end=NOW + timedelta(days=2000),
    )
    case.store(renewed, store="CA", key=False)
    assert case.check(ids=["cert-chain-expired"], now=later) == []


def test_a_root_that_has_expired(case: Case) -> None:
    """A root in Root counts too, even one that expires soon; one valid path is enough."""
    old = {"ca": True, "key": root().key, "start": NOW - timedelta(days=99)}
    ending = issue("Test Root", end=NOW + timedelta(days=9), **old)  # type: ignore[arg-type]
    leaf = issue("d.contoso.com", dns=("d.contoso.com",), issuer=root())
    case.store(leaf)
    case.store(ending, store="Root", key=False)
    case.write(STORES, record("d.contoso.com:443", leaf))
    assert case.only("cert-expires-soon").message == (
        f"the certificate {leaf.thumbprint} is issued under CN=Test Root, which expires on"
        " 2026-06-10 12:00 UTC, in 9 days"
    )
    assert len(case.check(ids=["cert-chain-expired"], now=NOW + timedelta(days=10))) == 1
    case.store(root(), store="Root", key=False)
    assert certs(case) == []
    assert case.check(ids=["cert-chain-expired"], now=NOW + timedelta(days=10)) == []


def signed_by_openssl(subject: str, issuer: str) -> str:
    """Put a certificate with key identifiers into MY, its issuer into ca.pem; its thumbprint."""
    request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj"
    openssl(*request.split(), f"/CN={issuer}", "-keyout", "ca.key", "-out", "ca.pem")
    by = "-keyout leaf.key -CA ca.pem -CAkey ca.key -addext authorityKeyIdentifier=keyid:always"
    pem = openssl(*request.split(), f"/CN={subject}", *by.split())
    Path("certs/MY").mkdir(parents=True)
    Path("certs/MY/leaf.pem").write_bytes(pem)
    return x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA1()).hex()


def test_chain_incomplete_of_its_own_name(case: Case) -> None:
    """A certificate that names itself as its issuer but is not self-signed lacks its issuer."""
    leaf = signed_by_openssl("www.contoso.com", "www.contoso.com")
    case.write(STORES, record(KEY, leaf))
    assert case.only("cert-chain-incomplete").key == KEY
    Path("ca.pem").rename("certs/MY/ca.pem")
    assert case.check(ids=["cert-chain-incomplete"]) == []


def test_chain_by_key_identifiers(case: Case) -> None:
    """The issuer is identified by its name and key identifier, in another store too."""
    leaf = signed_by_openssl("leaf", "ids")
    Path("certs/CA").mkdir()
    Path("ca.pem").rename("certs/CA/ca.pem")
    case.write(STORES, record(KEY, leaf))
    assert case.check(ids=["cert-chain-incomplete"]) == []
    Path("certs/CA/ca.pem").unlink()
    assert case.only("cert-chain-incomplete").key == KEY


def renewed(**more: Any) -> Issued:
    return name(end=NOW + timedelta(days=89), **more)


def test_rebind_split(case: Case) -> None:
    """One finding for an expired certificate whose renewal is in the store and bound nowhere."""
    old, new, newest = (
        name(end=NOW - timedelta(days=1)),
        name(end=NOW + timedelta(days=9)),
        renewed(),
    )
    case.store(old, new, newest)
    case.store(renewed(key=ec_key("on the server")), key=False)
    keys = ("0.0.0.0:443", "10.0.0.5:443", KEY)
    case.write(STORES, *(record(key, old) for key in keys))
    found = case.only("rebind-split")
    assert (found.severity, found.key) == ("info", "0.0.0.0:443")
    assert found.message == (
        f"3 records have the certificate {old.thumbprint} of CN=www.contoso.com, which has expired,"
        f" and {newest.thumbprint}, valid until 2026-08-29 12:00 UTC, is in MY"
    )
    assert found.advice == "rebind them to the newer one"
    assert case.mend("rebind-split") == f"sslbind rebind {old.thumbprint} {newest.thumbprint}"
    assert case.check(ids=["cert-expired"]) == []


def test_rebind_split_that_rebind_refuses(case: Case) -> None:
    """A namesake that lacks a name, or is not in every store, is reported without a command."""
    old = issue("www.contoso.com", dns=("www.contoso.com", "b.com"), end=NOW - timedelta(days=1))
    case.store(old, renewed())
    case.write(STORES, record(KEY, old))
    found = case.only("rebind-split")
    assert found.message.startswith("1 record has the certificate ")
    assert found.advice == (
        "rebind them to the newer one, which lacks a name or is not in the store of every record"
    )
    assert found.command is None


@pytest.mark.parametrize(("windows", "key"), [("2008r2", KEY), ("2012r2", "*.contoso.com:443")])
def test_rebind_that_the_release_refuses(case: Case, windows: str, key: str) -> None:
    """rebind is refused if a record of the certificate is newer than the release."""
    names = ("www.contoso.com", "*.contoso.com")
    old = issue("www.contoso.com", dns=names, end=NOW - timedelta(days=1))
    new = issue("www.contoso.com", dns=names)
    case.store(old, new)
    case.write(STORES, record("0.0.0.0:443", old), record(key, old), windows=windows)
    assert case.run("rebind", old.thumbprint, new.thumbprint).code == 1
    for one in case.check(ids=["rebind-split", "cert-expired"]):
        assert one.command is None


@pytest.mark.parametrize(
    "other",
    [
        name("mail.contoso.com", end=NOW + timedelta(days=9)),
        name(start=NOW + timedelta(days=1), end=NOW + timedelta(days=9)),
        name(end=NOW - timedelta(hours=1)),
    ],
)
def test_no_rebind_split(case: Case, other: Issued) -> None:
    """Another subject, one not yet valid and one that has expired are not renewals."""
    old = name(end=NOW - timedelta(days=1))
    case.store(old, other)
    case.write(STORES, record(KEY, old))
    assert case.check(ids=["rebind-split"]) == []


def test_no_rebind_split_in_another_store(case: Case) -> None:
    """A renewal in a store that no such record names, or without its key, does not count yet."""
    old = name(end=NOW - timedelta(days=1))
    case.store(old)
    case.store(renewed(), store="WebHosting")
    case.store(renewed(key=ec_key("on the server")), key=False)
    case.write(STORES, record(KEY, old, appid=ADFS))
    assert case.check(ids=["rebind-split"]) == []
