"""What `store verify` finds wrong with a certificate, each problem by an id and a sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pki import CLIENT, NOW, SERVER, Issued, ec_key, intermediate, issue, openssl, root, web

from sslbind.certificates.judgement import lasts_until, path
from sslbind.certificates.parsing import Certificate, Identity, PrivateKey, identities, read_bundle
from sslbind.certificates.verify import problems, signed_chain


def certificate(issued: Issued) -> Certificate:
    return read_bundle(issued.pem).certificates[0]


def private_key(issued: Issued) -> PrivateKey:
    return read_bundle(issued.key_pem()).keys[0]


def identity(*issued: Issued) -> Identity:
    one, *chain = map(certificate, issued)
    return Identity(one, tuple(chain), private_key(issued[0]))


def ids(one: Identity, *names: str, days: int = 0, others: tuple[Certificate, ...] = ()) -> str:
    return " ".join(p.id for p in problems(one, others, NOW + timedelta(days=days), names))


def test_a_good_certificate_has_no_problem() -> None:
    """A leaf with its intermediate is complete: clients have the root themselves."""
    assert ids(identity(web(), intermediate()), "www.contoso.com") == ""
    assert ids(identity(web(), intermediate(), root()), "WWW.CONTOSO.COM.") == ""


def test_the_key_of_another_certificate() -> None:
    """A key that does not match is a problem; a key kept elsewhere is not."""
    leaf = certificate(web())
    chain = (certificate(intermediate()),)
    assert ids(Identity(leaf, chain, private_key(root()))) == "key-mismatch"
    assert ids(Identity(leaf, chain, None)) == ""


def test_a_chain_that_is_incomplete() -> None:
    """The issuer has to be in the chain or in a store, unless the certificate signs itself."""
    assert ids(identity(web())) == "chain-incomplete"
    assert ids(identity(web(), root())) == "chain-incomplete"
    assert ids(identity(web()), others=(certificate(intermediate()),)) == ""
    assert ids(identity(issue("self", dns=["self.example"]))) == ""


def test_an_issuer_of_the_same_name_only() -> None:
    """The signature counts, not the name: another CA with the same name is not the issuer."""
    other = issue("Test Intermediate", issuer=root(), ca=True, key=ec_key("another"))
    assert ids(identity(web(), other)) == "chain-incomplete"


@pytest.mark.parametrize(
    ("days", "found"),
    [(-31, "not-yet-valid"), (0, ""), (60, ""), (61, "expired"), (1001, "expired expired")],
)
def test_dates(days: int, found: str) -> None:
    """Not yet valid and expired, the chain's certificates too."""
    assert ids(identity(web(), intermediate()), days=days).replace("not-yet-valid ", "") == found


def test_names() -> None:
    """Every name that is not covered is a problem, which lists the covered names."""
    found = problems(identity(web(), intermediate()), (), NOW, ["a.example", "www.contoso.com"])
    assert [one.message for one in found] == [
        "the certificate does not cover a.example: its names are www.contoso.com"
    ]


def test_a_chain_is_a_path_and_not_a_set() -> None:
    """One valid path is enough, and every certificate on it counts, including the root."""
    old: dict[str, Any] = {"start": NOW - timedelta(days=99), "end": NOW - timedelta(days=1)}
    above = issue("Other Root", ca=True)
    cross = issue("Test Root", issuer=above, ca=True, key=root().key, **old)
    leaf, chain = web(), (intermediate(), cross)
    assert ids(identity(leaf, *chain, root())) == ""
    assert ids(identity(leaf, *chain), others=(certificate(root()),)) == ""
    assert ids(identity(leaf, *chain)) == "expired"
    expired_root = issue("Test Root", ca=True, key=root().key, **old)
    found = problems(identity(leaf, intermediate()), (certificate(expired_root),), NOW)
    assert [one.message for one in found] == [
        "CN=Test Root in the chain expired on 2026-05-31 12:00 UTC"
    ]
    assert ids(identity(leaf, intermediate(), expired_root), others=(certificate(root()),)) == ""


def test_the_path_that_lasts_longest() -> None:
    """Of two valid paths the one that lasts longest counts; a circle of CAs ends nowhere."""
    short = issue("Test Root", ca=True, key=root().key, end=NOW + timedelta(days=1))
    chain = signed_chain(identity(web(), intermediate(), short, root()), ())
    way = path(chain.leaf, chain.above, NOW)
    assert [one.subject for one in way] == [
        "CN=www.contoso.com",
        "CN=Test Intermediate",
        "CN=Test Root",
    ]
    assert lasts_until(way) == NOW + timedelta(days=60)
    one, other = ec_key("one"), ec_key("other")
    by = Issued(issue("Other", key=other).certificate, other)
    first = issue("One", issuer=by, key=one, ca=True)
    second = issue("Other", issuer=first, key=other, ca=True)
    leaf = issue("x", dns=["x.example"], issuer=first)
    assert ids(identity(leaf, first, second)) == ""


def test_a_common_name_is_no_name() -> None:
    """Without a subject alternative name no client accepts it, whatever the common name is."""
    assert ids(identity(issue("cn.example")), "cn.example") == "no-names"


@pytest.mark.parametrize(
    ("usage", "found"),
    [(SERVER, ""), (CLIENT, "no-server-auth"), (CLIENT + SERVER, ""), (None, "")],
)
def test_extended_key_usage(usage: tuple[object, ...] | None, found: str) -> None:
    """An extended key usage without serverAuth is a problem; none at all allows everything."""
    leaf = issue("e", dns=["e.example"], issuer=intermediate(), eku=usage)  # type: ignore[arg-type]
    assert ids(identity(leaf, intermediate())) == found


def test_weak_keys_and_signatures() -> None:
    """RSA below 2048 bits and SHA-1 are weak."""
    request = "req -x509 -newkey rsa:1024 -sha1 -nodes -subj /CN=old -days 3650 -keyout -"
    made = openssl(*request.split(), "-addext", "subjectAltName=DNS:old.example")
    (old,) = identities(read_bundle(made))
    found = problems(old, (), old.leaf.not_before)
    assert [one.id for one in found] == ["weak-key", "weak-signature"]
    assert found[0].message == (
        "the certificate has a weak key (RSA 1024; clients require 2048 bits)"
    )


def test_text_of_certificates_is_escaped() -> None:
    """A subject or a name cannot steer a terminal through a problem's sentence."""
    evil = issue("\x1b[31mCA", ca=True, end=NOW - timedelta(days=1), start=NOW - timedelta(days=9))
    leaf = issue("x", dns=["x.example"], issuer=evil)
    for chain in ([], [evil]):
        text = str(problems(identity(leaf, *chain), (), NOW, ["\x1b.example"]))
        assert "\x1b" not in text
        assert "\\\\x1b" in text
