"""``check``: a record by itself, and the records of AD FS."""

from __future__ import annotations

import pytest
from check_cases import ADFS, STORES, Case, record
from conftest import A, B, Run
from pki import web

from sslbind.owners import OWNERS
from sslbind.sites import SiteBinding, Sites


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def test_null_store(case: Case) -> None:
    """An IP record without certstorename causes trouble in IIS Manager."""
    case.write(record("0.0.0.0:443", A, store=None), record("0.0.0.0:444", A))
    found = case.only("null-store")
    assert (found.severity, found.key) == ("warn", "0.0.0.0:443")
    assert found.message == "it has no certstorename: IIS Manager fails on it with error 234"
    assert found.advice == "set the store; HTTP.SYS searches MY"
    assert case.mend("null-store") == ("sslbind update sslcert ipport=0.0.0.0:443 certstorename=MY")


def test_reject_set(case: Case) -> None:
    """``reject`` drops every connection, from the first release that knows it."""
    case.write(
        record("a.contoso.com:443", A, tags="reject = true"),
        record("b.contoso.com:443", A, tags="reject = false"),
    )
    found = case.only("reject-set")
    assert (found.severity, found.key) == ("warn", "a.contoso.com:443")
    assert found.message == "reject is on: every connection that the record answers is dropped"
    assert found.advice == "turn it off, unless the name must get no answer"
    assert case.check(ids=["reject-set"], windows="2012r2") == []
    assert case.mend("reject-set") == (
        "sslbind update sslcert hostnameport=a.contoso.com:443 reject=disable"
    )


NO_LEGACY = "disablelegacytls = true\n"
NO_TLS = NO_LEGACY + "disabletls12 = true\ndisabletls13 = true"


def test_no_tls_version_left(case: Case) -> None:
    """With every version off no client can connect."""
    case.write(
        record("a.contoso.com:443", A, tags=NO_TLS),
        record("b.contoso.com:443", A, tags=NO_LEGACY + "disabletls12 = true"),
        record("c.contoso.com:443", A, tags="disabletls12 = true\ndisabletls13 = true"),
    )
    found = case.only("no-tls-version-left")
    assert (found.severity, found.key) == ("error", "a.contoso.com:443")
    assert found.message == (
        "disablelegacytls, disabletls12, disabletls13 are on: no TLS version is left for its"
        " clients"
    )
    assert found.advice == "turn one of them off"
    assert case.mend("no-tls-version-left") == (
        "sslbind update sslcert hostnameport=a.contoso.com:443 disabletls12=disable"
    )


def test_no_tls_version_left_before_tls13(case: Case) -> None:
    """All three tags count on Windows Server 2019 too. Before, no tag takes any version away."""
    case.write(record("0.0.0.0:443", A, tags=NO_LEGACY + "disabletls12 = true"))
    assert case.check(ids=["no-tls-version-left"], windows="2019") == []
    case.write(record("0.0.0.0:443", A, tags=NO_TLS))
    assert [one.key for one in case.check(ids=["no-tls-version-left"], windows="2019")] == [
        "0.0.0.0:443"
    ]
    assert case.check(ids=["no-tls-version-left"], windows="2016") == []


def test_sni_wildcard_old_os(case: Case) -> None:
    """A wildcard record wants Windows Server 2016."""
    case.write(record("*.contoso.com:443", A), record("www.contoso.com:443", A))
    found = case.only("sni-wildcard-old-os", windows="2012r2")
    assert (found.severity, found.key, found.command) == ("error", "*.contoso.com:443", None)
    assert found.message == (
        "*.contoso.com: wildcard names exist from Windows Server 2016 on, and Windows Server 2012"
        " R2 is modelled"
    )
    assert found.advice == (
        "add a record for each name that is needed, then delete this one; or set windows in the"
        " registry to the release that the server has"
    )
    assert case.check(ids=["sni-wildcard-old-os"], windows="2016") == []


def test_misplaced_asterisk_of_a_site(case: Case) -> None:
    """An SNI binding of a site has its asterisk as the whole first label, on every release."""

    def site(host: str, line: int, sslflags: int = 1, protocol: str = "https") -> SiteBinding:
        return SiteBinding("Shop", protocol, f"*:443:{host}", "", 443, host, sslflags, line)

    case.write()
    sites = Sites(
        "applicationHost.config",
        (
            site("*.contoso.com", 1),
            site("w*.contoso.com", 2),
            site("w*.contoso.com", 3, sslflags=0),
            site("w*.contoso.com", 4, protocol="http"),
            site("www.*.com", 5),
        ),
    )
    found = case.check(ids=["sni-wildcard-old-os"], sites=[sites])
    assert [(one.file, one.line, one.kind, one.key) for one in found] == [
        ("applicationHost.config", 2, None, None),
        ("applicationHost.config", 5, None, None),
    ]
    assert found[0].message == (
        "https '*:443:w*.contoso.com' of site 'Shop': an asterisk may only be the whole first"
        " label of a host"
    )
    assert found[0].advice == "bind each name separately, or *. and the name above them"


def test_ctl_by_identifier(case: Case) -> None:
    """HTTP.SYS does not support trust lists by identifier from Windows Server 2012 on."""
    case.write(record("0.0.0.0:443", A, tags='sslctlidentifier = "clients"'))
    found = case.only("ctl-store", windows="2012")
    assert (found.severity, found.key, found.command) == ("warn", "0.0.0.0:443", None)
    assert found.message == (
        "sslctlidentifier=clients: HTTP.SYS of Windows Server 2012 does not support trust lists"
        " by identifier"
    )
    assert found.advice == (
        "remove sslctlidentifier from the record, and set a store with sslctlstorename instead"
    )
    assert case.check(ids=["ctl-store"], windows="2008r2") == []


def test_ctl_store(case: Case) -> None:
    """A trust-list store that is empty lets no client in; one that Windows fills may be empty."""
    case.store(web(), store="Partners")
    text = 'sslctlstorename = "{}"'.format
    case.write(
        STORES,
        record("0.0.0.0:443", A, tags=text("ClientAuthIssuer")),
        record("0.0.0.0:444", A, tags=text("partners")),
        record("0.0.0.0:445", A, tags=text("Root")),
    )
    found = case.only("ctl-store")
    assert found.key == "0.0.0.0:443"
    assert found.message == "sslctlstorename=ClientAuthIssuer: the store is absent"
    assert found.advice == "add the certificates of the issuers that clients may have to it"
    assert found.command == "sslbind store add ISSUER.pem --store ClientAuthIssuer"
    assert case.run("init").code == 2  # the registry exists; next is a folder made by hand
    case.store(store="ClientAuthIssuer")
    assert case.only("ctl-store").message == (
        "sslctlstorename=ClientAuthIssuer: the store is empty"
    )


def test_ctl_store_of_adfs(case: Case) -> None:
    """AD FS fills AdfsTrustedDevices on the server; elsewhere that name has no special meaning."""
    tag = 'sslctlstorename = "ADFSTrustedDevices"'
    case.write(
        STORES,
        record("sts.contoso.com:443", A, appid=ADFS, tags=tag),
        record("www.contoso.com:443", A, tags=tag),
    )
    assert [one.key for one in case.check(ids=["ctl-store"])] == ["www.contoso.com:443"]


def test_ctl_store_that_is_not_modelled(case: Case) -> None:
    """Without [CertStores] the contents of a store are unknown."""
    case.write(record("0.0.0.0:443", A, tags='sslctlstorename = "ClientAuthIssuer"'))
    assert case.check(ids=["ctl-store"]) == []


CTL = 'sslctlstorename = "AdfsTrustedDevices"'


def adfs(key: str, certificate: str = A, tags: str = CTL) -> str:
    return record(key, certificate, appid=ADFS, tags=tags)


def test_adfs_that_is_well(case: Case) -> None:
    """The records of AD FS with its CTL store, and a fallback of the same certificate."""
    case.write(
        record("0.0.0.0:443", A),
        record("10.0.0.5:8443", B),
        adfs("fs.contoso.com:443", tags='sslctlstorename = "adfstrusteddevices"'),
        adfs("localhost:443"),
        adfs("enterpriseregistration.contoso.com:443"),
        adfs("fs.contoso.com:49443", tags=""),
        adfs("certauth.fs.contoso.com:443", tags=""),
        record("www.contoso.com:443", B),
    )
    assert [one for one in case.check() if one.rule.startswith("adfs")] == []


def test_adfs_ip_binding(case: Case) -> None:
    """Any IP record except 0.0.0.0 hides names of AD FS; without AD FS this is not checked."""
    case.write(record("0.0.0.0:443", A), record("10.0.0.5:443", A), record("[::]:443", A))
    assert case.check(ids=["adfs-ip-binding"]) == []
    with open("sslbind.toml", "a", encoding="utf-8") as file:
        file.write(adfs("fs.contoso.com:443"))
    one, other = case.check(ids=["adfs-ip-binding"])
    assert (one.severity, one.key, other.key) == ("error", "10.0.0.5:443", "[::]:443")
    assert one.message == "AD FS is on this server, and 10.0.0.5 answers on its port 443"
    assert one.advice == ("delete it; 0.0.0.0:443 may be the fallback for clients without a name")
    assert one.command == "sslbind delete sslcert ipport=10.0.0.5:443"
    assert case.run("delete", "sslcert", "ipport=10.0.0.5:443").code == 0
    assert case.mend("adfs-ip-binding") == 'sslbind delete sslcert "ipport=[::]:443"'


def test_adfs_ip_binding_for_a_site(case: Case) -> None:
    """What a site of IIS needs goes only after its binding has moved to a name."""
    case.write(record("10.0.0.5:443", A), adfs("fs.contoso.com:443"))
    site = SiteBinding("Shop", "https", "10.0.0.5:443:", "10.0.0.5", 443, "")
    found = case.only("adfs-ip-binding", sites=[Sites("applicationHost.config", (site,))])
    assert found.command is None
    assert str(found.advice).startswith(
        "https '10.0.0.5:443:' of site 'Shop' needs the record: move the site to a host name"
    )


def test_adfs_no_ctl(case: Case) -> None:
    """Host records of AD FS name AdfsTrustedDevices."""
    case.write(adfs("fs.contoso.com:443", tags=""), record("www.contoso.com:443", A))
    found = case.only("adfs-no-ctl")
    assert (found.severity, found.key) == ("error", "fs.contoso.com:443")
    assert found.message == "it has no sslctlstorename"
    assert found.advice == "AD FS needs sslctlstorename=AdfsTrustedDevices there"
    assert case.mend("adfs-no-ctl") == (
        "sslbind update sslcert hostnameport=fs.contoso.com:443 sslctlstorename=AdfsTrustedDevices"
    )
    case.write(adfs("fs.contoso.com:443", tags='sslctlstorename = "Root"'))
    assert case.only("adfs-no-ctl").message == "it has sslctlstorename=Root"


def test_adfs_record_stale_of_an_address(case: Case) -> None:
    """A custom IP record of AD FS, on another port, has the certificate of the service too."""
    case.write(adfs("10.0.0.5:8443", B, ""), record("10.0.0.6:8443", B), adfs("fs.contoso.com:443"))
    found = case.only("adfs-record-stale")
    assert (found.severity, found.key) == ("warn", "10.0.0.5:8443")
    assert case.mend("adfs-record-stale") == (
        f"sslbind update sslcert ipport=10.0.0.5:8443 certhash={A} certstorename=MY"
    )


def test_adfs_no_localhost(case: Case) -> None:
    """An AD FS server has localhost:443; a proxy, which has its own record, does not."""
    case.write(adfs("fs.contoso.com:443"))
    found = case.only("adfs-no-localhost")
    assert (found.severity, found.key, found.command) == ("info", "fs.contoso.com:443", None)
    assert found.message == "AD FS is on this server, but there is no record for localhost:443"
    case.write(adfs("fs.contoso.com:443"), adfs("localhost:443"))
    assert case.check(ids=["adfs-no-localhost"]) == []
    wap = next(owner.appid for owner in OWNERS if owner.word == "wap")
    case.write(adfs("fs.contoso.com:443"), record("app.contoso.com:443", B, appid=wap))
    assert case.check(ids=["adfs-no-localhost"]) == []


def test_adfs_fallback_stale(case: Case) -> None:
    """0.0.0.0:443 has the certificate of the federation service name."""
    case.write(
        adfs("0.0.0.0:443", B, ""),
        adfs("localhost:443", B),
        adfs("enterpriseregistration.contoso.com:443", B),
        adfs("fs.contoso.com:443"),
    )
    found = case.only("adfs-fallback-stale")
    assert (found.severity, found.key) == ("warn", "0.0.0.0:443")
    assert found.message == f"it has certhash {B}, and fs.contoso.com:443 of AD FS has {A}"
    assert found.advice == "give it the certificate of the federation service name"
    assert case.mend("adfs-fallback-stale") == (
        f"sslbind update sslcert ipport=0.0.0.0:443 certhash={A} certstorename=MY"
    )
    case.write(record("0.0.0.0:443", B), adfs("fs.contoso.com:443"))
    found = case.only("adfs-fallback-stale")
    assert found.command is None  # its own tool changes it
    assert found.advice is not None
    assert "; it belongs to IIS, whose own tool changes it" in found.advice
