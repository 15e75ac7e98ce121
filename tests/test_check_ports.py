"""``check``: the records of one port, and which of them hide others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from check_cases import ADFS, PROVIDER, STORES, Case, record
from conftest import OTHER, A, B, Run
from pki import NOW, issue, mail

from sslbind.sites import SiteBinding, Sites


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def test_no_default_ssl(case: Case) -> None:
    """A port with names needs a wildcard IP record; the command adds one like the first name."""
    case.write(record("www.contoso.com:443", A, store="WebHosting"), record("10.0.0.5:8443", A))
    found = case.only("no-default-ssl")
    assert (found.severity, found.kind, found.key, found.line) == (
        "warn",
        "hostnameport",
        "www.contoso.com:443",
        3,
    )
    assert found.message == (
        "port 443 has records for host names but none for all addresses, such as 0.0.0.0:443"
    )
    assert found.advice == (
        "No default SSL site has been created. To support browsers without SNI capabilities,"
        " it is recommended to create a default SSL site."
    )
    assert case.mend("no-default-ssl") == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={A} appid=iis certstorename=WebHosting"
    )


def test_no_default_ssl_of_an_unknown_owner(case: Case) -> None:
    """An appid that has no name stays an appid, quoted for a shell."""
    case.write(record("www.contoso.com:443", A, appid=OTHER))
    assert case.mend("no-default-ssl") == (
        f'sslbind add sslcert ipport=0.0.0.0:443 certhash={A} "appid={OTHER}" certstorename=MY'
    )


def test_no_default_ssl_with_a_certificate_that_serves(case: Case) -> None:
    """The command takes a certificate that is in its store, else a new one."""
    case.write(STORES, record("www.contoso.com:443", A), record("mail.contoso.com:443", mail()))
    assert case.only("no-default-ssl").command == (
        "sslbind add sslcert ipport=0.0.0.0:443 --cert NEW.pfx appid=iis certstorename=MY"
    )
    case.store(mail())
    assert f"certhash={mail().thumbprint}" in case.mend("no-default-ssl")


def test_no_default_ssl_for_the_central_store(case: Case) -> None:
    """A port with only the central store fires too; the certificate is unknown."""
    case.write(record("443"))
    found = case.only("no-default-ssl")
    assert (found.kind, found.key, found.command) == ("ccs", "443", None)
    assert found.advice == (
        "IIS Manager says: No default SSL site has been created. To support browsers without SNI"
        " capabilities, it is recommended to create a default SSL site. Add a record for"
        " 0.0.0.0:443 with the certificate for clients that send no name"
    )


def test_no_default_ssl_of_adfs(case: Case) -> None:
    """On an AD FS server the default is that of the service name, as adfs-fallback-stale wants."""
    case.write(
        record("a.contoso.com:443", A),
        record("enterpriseregistration.contoso.com:443", A, appid=ADFS),
        record("localhost:443", A, appid=ADFS),
        record("sts.contoso.com:443", B, appid=ADFS),
    )
    assert case.mend("no-default-ssl") == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={B} appid=adfs certstorename=MY"
    )
    assert case.check(ids=["adfs-fallback-stale"]) == []


@pytest.mark.parametrize("wildcard", ["0.0.0.0:443", "[::]:443"])
def test_a_wildcard_is_a_default(case: Case, wildcard: str) -> None:
    """Any wildcard IP record is a default; that [::] leaves out IPv4 is a different rule."""
    case.write(record("www.contoso.com:443", A), record(wildcard, A))
    assert case.check(ids=["no-default-ssl"]) == []


def test_no_default_ssl_before_names(case: Case) -> None:
    """Releases without SNI have no names that need a default."""
    case.write(record("www.contoso.com:443", A), windows="2008r2")
    assert case.check(ids=["no-default-ssl"]) == []


def test_ip_shadows_sni(case: Case) -> None:
    """An exact IP record answers before every name on its port, and the finding lists them."""
    hosts = [f"{name}.contoso.com:443" for name in "abcde"]
    case.write(
        record("0.0.0.0:443", A),
        record("10.0.0.5:443", B),
        *(record(host, A) for host in hosts),
        record("same.contoso.com:443", B),
        record("other.contoso.com:8443", A),
        PROVIDER,
        record("443"),
    )
    found = case.only("ip-shadows-sni")
    assert (found.severity, found.kind, found.key) == ("error", "ipport", "10.0.0.5:443")
    assert found.message == (
        "it takes precedence over every name: clients that connect to 10.0.0.5 for a.contoso.com,"
        f" b.contoso.com, c.contoso.com and 3 more get the certificate {B}"
    )
    assert found.advice == (
        "delete the record if nothing needs it, so that the names and 0.0.0.0 answer;"
        " or give its service another address or port, which is safer if it is in use"
    )
    assert case.check(ids=["ip-shadows-sni-same-cert"]) == []
    assert case.mend("ip-shadows-sni") == "sslbind delete sslcert ipport=10.0.0.5:443"


def test_ip_shadows_the_central_store(case: Case) -> None:
    """The central store always has other certificates; one finding for each address."""
    case.write(record("0.0.0.0:443", A), record("10.0.0.5:443", A), record("[2001:db8::5]:443", A))
    assert case.check(ids=["ip-shadows-sni"]) == []
    with open("sslbind.toml", "a", encoding="utf-8") as file:
        file.write(record("443") + record("www.contoso.com:443", scoped=True))
    assert case.check(ids=["ip-shadows-sni"]) == []  # the provider is off
    with open("sslbind.toml", "a", encoding="utf-8") as file:
        file.write(PROVIDER)
    one, other = case.check(ids=["ip-shadows-sni"])
    assert (one.key, other.key) == ("10.0.0.5:443", "[2001:db8::5]:443")
    assert one.message == (
        "it takes precedence over every name: clients that connect to 10.0.0.5 for www.contoso.com,"
        f" every host of the central store get the certificate {A}"
    )
    assert len(case.check(ids=["ip-shadows-sni"], windows="2019")) == 2
    assert "www.contoso.com" not in case.check(ids=["ip-shadows-sni"], windows="2019")[0].message


def test_nothing_is_shadowed(case: Case) -> None:
    """Not by a wildcard record, not on another port, not by a release that knows no names."""
    case.write(record("0.0.0.0:443", A), record("10.0.0.5:444", A), record("w.contoso.com:443", B))
    shadows = ["ip-shadows-sni", "ip-shadows-sni-same-cert"]
    assert case.check(ids=shadows) == []
    case.write(record("10.0.0.5:443", A), record("w.contoso.com:443", B))
    assert case.check(ids=shadows, windows="2008r2") == []
    assert [one.rule for one in case.check(ids=shadows, windows="2012")] == ["ip-shadows-sni"]


def test_ip_shadows_sni_same_cert(case: Case) -> None:
    """With one certificate for all, the other settings of the names are lost."""
    case.write(
        record("0.0.0.0:443", A),
        record("10.0.0.5:443", A),
        record("a.contoso.com:443", A),
        record("b.contoso.com:443", A.upper(), store="WebHosting"),
    )
    assert case.check(ids=["ip-shadows-sni"]) == []
    found = case.only("ip-shadows-sni-same-cert")
    assert (found.severity, found.key) == ("info", "10.0.0.5:443")
    assert found.message == (
        "it takes precedence over every name: the client-certificate and CTL settings of 2 names"
        " on port 443 are lost for clients that connect to 10.0.0.5; the certificate is the"
        " same"
    )
    assert case.mend("ip-shadows-sni-same-cert") == "sslbind delete sslcert ipport=10.0.0.5:443"


@pytest.mark.parametrize("appid", [A, B])
def test_ip_shadows_sni_for_a_site(case: Case, appid: str) -> None:
    """A record that a site's binding needs must not be deleted before the site has a name."""
    case.write(record("0.0.0.0:443", A), record("10.0.0.5:443", appid), record("w.com:443", A))
    site = SiteBinding("Shop", "https", "10.0.0.5:443:", "10.0.0.5", 443, "")
    rules = ["ip-shadows-sni", "ip-shadows-sni-same-cert"]
    [found] = case.check(ids=rules, sites=[Sites("applicationHost.config", (site,))])
    assert found.command is None
    assert found.advice == (
        "https '10.0.0.5:443:' of site 'Shop' needs the record: move the site to a host name"
        " (SNI, sslFlags 1) in IIS first, with a record of that name; then delete this one"
    )
    [other] = case.check(ids=rules)
    assert other.command == "sslbind delete sslcert ipport=10.0.0.5:443"


def test_v6_wildcard_differs(case: Case) -> None:
    """[::] and 0.0.0.0 of a port have one certificate; no command changes the owner of a record."""
    case.write(
        record("0.0.0.0:443", A),
        record("[::]:443", B, store="my", appid=ADFS),
        record("0.0.0.0:444", A),
        record("[::]:444", A, store="my"),
        record("0.0.0.0:445", A),
        record("[::]:445", A, store="WebHosting"),
    )
    first = case.only("v6-wildcard-differs")
    assert first.key == "[::]:443"
    assert first.message == (
        f"it has certhash {B}, appid {ADFS}, and 0.0.0.0:443 has certhash {A},"
        " appid {4dc3e181-e14b-4a21-b022-59fc669b0914}"
    )
    assert first.command is None
    assert first.advice == (
        "let both owners use one certificate, each with its own tool, or free the port for one:"
        " 0.0.0.0:443 belongs to IIS, whose own tool changes it: IIS Manager, the bindings of the"
        " site; [::]:443 belongs to AD FS, whose own tool changes it: Set-AdfsSslCertificate"
        " -Thumbprint NEW"
    )
    case.write(record("0.0.0.0:443", A), record("[::]:443", B, store="WebHosting"))
    assert case.only("v6-wildcard-differs").advice == (
        "set both to the same values; the command uses those of 0.0.0.0:443"
    )
    assert case.mend("v6-wildcard-differs") == (
        f'sslbind update sslcert "ipport=[::]:443" certhash={A} certstorename=MY'
    )


def test_expired_certificates_are_not_spread(case: Case) -> None:
    """A command copies a certificate that is valid now, of whichever record has one."""
    old, new = issue("old", end=NOW - timedelta(days=1)), issue("new")
    case.store(old, new)
    case.write(STORES, record("0.0.0.0:443", old), record("[::]:443", new))
    found = case.only("v6-wildcard-differs")
    assert found.advice == "set both to the same values; the command uses those of [::]:443"
    assert case.mend("v6-wildcard-differs") == (
        f"sslbind update sslcert ipport=0.0.0.0:443 certhash={new.thumbprint}"
    )
    later = issue("later", start=NOW + timedelta(days=1))
    case.store(later)
    case.write(STORES, record("0.0.0.0:443", old), record("[::]:443", later))
    found = case.only("v6-wildcard-differs")
    assert (found.advice, found.command) == ("set both to the same values", None)
    case.write(STORES, record("[::]:443", old), record("www.contoso.com:443", old))
    assert "--cert NEW.pfx" in (case.only("v6-only-wildcard").command or "")
    case.write(STORES, record("www.contoso.com:443", old), record("x.contoso.com:443", new))
    assert f"certhash={new.thumbprint}" in case.mend("no-default-ssl")
    case.write(STORES, record("0.0.0.0:443", new), record("fs.contoso.com:443", old, appid=ADFS))
    assert case.only("adfs-fallback-stale").command is None


@pytest.mark.parametrize(
    ("windows", "settings", "address", "name"),
    [
        ("2022", "", "[::ffff:10.0.0.5]:443", "www.contoso.com:443"),
        ("2022", 'iplisten = ["10.0.0.9"]', "10.0.0.5:443", "www.contoso.com:443"),
        ("2022", "", "10.0.0.5:443", "443"),
        ("2022", PROVIDER.replace("true", "false"), "10.0.0.5:443", "443"),
        ("2012", "", "10.0.0.5:443", "*.contoso.com:443"),
    ],
)
def test_no_shadow_that_the_resolver_does_not_see(
    case: Case, windows: str, settings: str, address: str, name: str
) -> None:
    """No client reaches the record, or the name, so nothing is hidden."""
    shadows = ["ip-shadows-sni", "ip-shadows-sni-same-cert"]
    named = record(name, None if name == "443" else B)
    case.write(settings, record(address, A), named, windows=windows)
    assert case.check(ids=shadows) == []


def test_same_certificate_beside_a_central_store_that_is_off(case: Case) -> None:
    """A ccs record without its provider is not a name with another certificate."""
    case.write(record("10.0.0.5:443", A), record("www.contoso.com:443", A), record("443"))
    assert case.check(ids=["ip-shadows-sni"]) == []
    assert case.only("ip-shadows-sni-same-cert").key == "10.0.0.5:443"


def test_v6_only_wildcard(case: Case) -> None:
    """[::] alone leaves IPv4 clients without an answer; 0.0.0.0 alone excludes no client."""
    case.write(record("[::]:443", A, store=None), record("0.0.0.0:444", A))
    found = case.only("v6-only-wildcard")
    assert (found.severity, found.key) == ("warn", "[::]:443")
    assert found.message == (
        "it only answers IPv6 connections, and there is no 0.0.0.0:443: IPv4 clients without a"
        " server name fail"
    )
    assert found.advice == "add a record for 0.0.0.0:443, which answers IPv6 too"
    assert case.mend("v6-only-wildcard") == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={A} appid=iis certstorename=MY"
    )
