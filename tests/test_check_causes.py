"""What ``check`` prints for people: findings of one cause once, the other formats each."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_cases import CCS, PROVIDER, STORES, Case, record
from conftest import Run
from pki import intermediate, issue

from sslbind.sites import SiteBinding, Sites, parse_information


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def test_a_missing_issuer_is_one_finding(case: Case) -> None:
    """The files of the central store that it issued come with --verbose; JSON has each."""
    issuer = intermediate()
    case.write(STORES, PROVIDER, record("443"), record("0.0.0.0:443", "1" * 40))
    for host in ("a.example", "b.example", "c.example"):
        case.central(f"{host}.pfx", issue(host, dns=(host,), issuer=issuer))
    answer = case.run("check", "--select", "cert-*", "--at", "2026-06-01")
    words = "is issued by CN=Test Intermediate, which is neither in its file nor in a store"
    advice = [
        "    put the issuer's certificate into the store CA; a root belongs in Root (all 3 above)",
        "    sslbind store add ISSUER.pem --store CA",
    ]
    file = f"{CCS}{{0}}.example.pfx"
    start = f"{file}: warn: cert-chain-incomplete: the certificate in {file}"
    there = [line for line in answer.out.splitlines() if "1" * 40 not in line]
    assert there[:3] == [
        f"{start.format('a')} {words} (and 2 more: --verbose lists them)",
        *advice,
    ]
    assert "3 warnings" in answer.err
    answer = case.run("check", "--select", "cert-chain-incomplete", "--verbose")
    assert answer.out.splitlines() == [*(f"{start.format(one)} {words}" for one in "abc"), *advice]
    answer = case.run("check", "--select", "cert-chain-incomplete", "--format", "json")
    assert len(answer.json["findings"]) == 3
    assert "cause" not in answer.json["findings"][0]


def test_findings_with_the_same_advice_share_it(case: Case) -> None:
    """What differs is said for each, the command once."""
    case.write(record("443"), record("8443"), record("0.0.0.0:443", "1" * 40))
    answer = case.run("check", "--select", "ccs-disabled")
    why = "it uses the central store, but there is no [CentralCertProvider]"
    assert answer.out == (
        f"sslbind.toml:3: error: ccs-disabled: ccs=443: {why} (and 1 more: --verbose lists them)\n"
        "    set Enabled = true and CertStoreLocation in [CentralCertProvider]; or delete the"
        " record, which is safer: it is ignored now, so no answer changes (all 2 above)\n"
        "    sslbind ccs enable ccs\n"
    )


def test_a_share_that_cannot_be_seen_is_one_finding(case: Case) -> None:
    """Which files it has is not known: no host is said to lack one."""
    sites = "".join(
        f'<binding protocol="https" bindingInformation="*:443:w{number}.example" sslFlags="3" />'
        for number in range(1800)
    )
    Path("sites.config").write_text(
        "<configuration><system.applicationHost><sites><site name='farm' id='1'><bindings>"
        f"{sites}</bindings></site></sites></system.applicationHost></configuration>",
        encoding="utf-8",
    )
    case.write(PROVIDER, record("443"), record("0.0.0.0:443", "1" * 40))
    answer = case.run("check", "--sites", "sites.config")
    assert answer.code == 1
    assert answer.out.splitlines()[0].startswith(
        "sslbind.toml:7: error: ccs-missing-file: ccs=443: the central store ccs cannot be read: "
    )
    assert answer.out.splitlines()[0].endswith(": it is not known whether 1800 hosts have a file")
    assert "1 error" in answer.err


def test_an_empty_central_store_is_one_finding(case: Case) -> None:
    """A port of which the record is missing as well has its own."""
    Path("ccs").mkdir()
    case.write(PROVIDER, record("443"), record("0.0.0.0:443", "1" * 40))
    bindings = [
        SiteBinding("farm", "https", text, *parse_information(text), 3, number)
        for number, text in enumerate(("*:443:a.example", "*:443:b.example", "*:8443:a.example"), 1)
    ]
    some = case.check(ids=["ccs-missing-file"], sites=[Sites("x", tuple(bindings))])
    assert [(one.key, one.message) for one in some] == [
        ("443", "the central store ccs has no file that serves a host; 2 hosts need one"),
        (
            "8443",
            (
                "the central store ccs has no file that serves a host; 2 hosts need one;"
                " https '*:8443:a.example' of site 'farm' is one"
            ),
        ),
    ]
