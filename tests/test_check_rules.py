"""``check``: the complete list of rules, their texts, and a healthy server."""

from __future__ import annotations

import pytest
from check_cases import PROVIDER, STORES, Case, record
from conftest import OTHER, Run
from pki import intermediate, issue, mail, root, web

from sslbind.check import Rule, rules
from sslbind.release import RELEASES

IDS = {
    "error": """
        adfs-certauth-ctl adfs-ip-binding adfs-no-ctl binding-without-record host-without-store
        ccs-binding-without-record ccs-disabled
        ccs-missing-file cert-chain-expired cert-eku cert-expired cert-key-type
        cert-key-usage cert-must-staple cert-key-mismatch cert-no-private-key cert-not-found
        cert-not-yet-valid cert-wrong-store clientcert-tls13 duplicate-binding ip-shadows-sni
        ipv6-unbracketed legacy-5506 no-tls-version-left pfx-key-spec pfx-too-new
        record-unreadable
        registry-invalid sni-wildcard-old-os
        sslflags-ccs-combination sslflags-contradicts-tag sslflags-kind-mismatch
        sslflags-needs-host sslflags-newer-than-release sslflags-on-non-https
        sslflags-unknown-bit unknown-store http-and-https
    """,
    "warn": """
        adfs-fallback-stale adfs-record-stale sni-flag-missing
        ccs-name-mismatch cert-chain-incomplete cert-expires-soon
        cert-no-san ctl-too-long
        cert-host-mismatch cert-weak clientcert-renegotiation ctl-store no-default-ssl null-store
        orphan-record pfx-leaf-twice pfx-many-keys reject-set shared-ip-port
        v6-only-wildcard v6-wildcard-differs sslflags-drift
    """,
    "info": """
        ccs-chain-in-file cert-chain-ambiguous foreign-appid ip-shadows-sni-same-cert rebind-split
        root-not-self-signed adfs-no-certauth adfs-no-localhost adfs-old-name
        shared-record site-two-certificates
    """,
}


def test_the_whole_list() -> None:
    """Exactly these rules exist, with these severities."""
    severities = {id_: severity for severity, ids in IDS.items() for id_ in ids.split()}
    assert {one.id: one.severity for one in rules().values()} == severities


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_words(rule: Rule) -> None:
    """What ``explain`` prints: a line that says when, then two to five sentences that say why."""
    assert 20 < len(rule.summary) < 100
    assert not rule.summary.endswith(".")
    sentences = " ".join(rule.details.split()).split(". ")
    assert 2 <= len(sentences) <= 5
    assert sentences[-1].endswith(".")


def well(case: Case, windows: str) -> None:
    """A healthy server, with what the release has."""
    release = RELEASES[windows]
    sni, scoped = release >= RELEASES["2012"], release >= RELEASES["2022"]
    case.store(root(), store="Root", key=False)
    case.store(intermediate(), store="CA", key=False)
    case.store(web(), mail(), chain=(intermediate(),))
    many = issue("*.contoso.com", dns=("*.contoso.com", "contoso.com"), issuer=intermediate())
    case.store(many, store="WebHosting" if sni else "MY")
    store = "WebHosting" if sni else "MY"
    parts = [
        STORES,
        record("0.0.0.0:443", many, store=store),
        record("[::]:443", many, store=store),
        record("10.0.0.5:8443", mail()),
    ]
    if sni:
        case.central("shop.fabrikam.com.pfx", issue("shop", dns=("shop.fabrikam.com",)))
        case.central("_.fabrikam.com.pfx", issue("all", dns=("*.fabrikam.com",)))
        parts += [
            PROVIDER,
            record("www.contoso.com:443", web()),
            record("mail.contoso.com:443", mail(), tags="sslflags = 1"),
            record("www.contoso.com:444", web(), appid=OTHER),
            record("443", tags="sslflags = 3"),
            record("0.0.0.0:444", many, store=store),
        ]
    if release >= RELEASES["2016"]:
        parts.append(record("*.contoso.com:443", many, store=store, tags="disablehttp2 = true"))
    if scoped:
        parts.append(record("a.fabrikam.com:443", scoped=True))
    case.write(*parts, windows=windows)


@pytest.mark.parametrize("windows", list(RELEASES))
def test_a_server_that_is_well(run: Run, windows: str) -> None:
    """No rule finds anything on a healthy server, whatever the release."""
    case = Case(run)
    well(case, windows)
    assert case.check() == []


def test_command_names_registry_and_release(run: Run) -> None:
    """A command is for this registry, and for the release that was asked for."""
    case = Case(run)
    case.write(record("0.0.0.0:443", web(), store=None), windows="2012")
    found = case.only("null-store", windows="2019")
    assert found.command == (
        "sslbind --windows 2019 update sslcert ipport=0.0.0.0:443 certstorename=MY"
    )
    assert case.mend("null-store", windows="2019") == found.command
