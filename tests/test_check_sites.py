"""``check --sites``: what IIS says, compared with the records."""

from __future__ import annotations

import shlex
import tracemalloc
from datetime import timedelta
from pathlib import Path

import pytest
from check_cases import ADFS, STORES, Case, record
from conftest import OTHER, A, B, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import NOW, issue, mail, web

from sslbind.check import Finding
from sslbind.formats.iis.application_host import read
from sslbind.formats.iis.read_sites import read_sites
from sslbind.formats.iis.xml_tree import parse
from sslbind.release import Release
from sslbind.sites import ClientCertificate, SiteBinding, Sites

EXPRESS = "{214124cd-d05b-4309-9af9-9caa44b2b74a}"


def binding(information: str, flags: int | None = None, protocol: str = "https") -> str:
    """One <binding>; without ``flags`` it has no sslFlags."""
    more = "" if flags is None else f' sslFlags="{flags}"'
    return f'<binding protocol="{protocol}" bindingInformation="{information}"{more}/>'


class SiteCase(Case):
    """A registry with an applicationHost.config ."""

    def sites(self, *bindings: str, access: str = "", name: str = "Web", more: str = "") -> None:
        """Write a configuration with one site: its first binding is on line 3."""
        flags = f"<security><access sslFlags='{access}'/></security>"
        text = "\n".join(
            (
                "<configuration><system.applicationHost><sites>",
                f"<site name='{name}'><bindings>",
                *bindings,
                f"</bindings></site>{more}</sites></system.applicationHost>",
                f"<system.webServer>{flags}</system.webServer></configuration>",
            )
        )
        Path("applicationHost.config").write_text(text, encoding="utf-8")

    def found(
        self, rule: str, windows: str | None = None, file: str = "applicationHost.config"
    ) -> list[Finding]:
        """What one rule finds."""
        return self.check(ids=[rule], windows=windows, sites=[read_sites(file)])

    def one(self, rule: str, windows: str | None = None) -> Finding:
        """The one finding of a rule."""
        [found] = self.found(rule, windows)
        return found

    def mended(self, rule: str) -> str:
        """Run the command of the one finding, see it gone, and return the command."""
        command = self.one(rule).command
        assert command is not None
        answer = self.run(*shlex.split(command)[1:])
        assert answer.code == 0, answer
        assert self.found(rule) == []
        return command


@pytest.fixture
def case(run: Run) -> SiteCase:
    return SiteCase(run)


def test_all_is_well(case: SiteCase) -> None:
    """A site of every type, each with its record, is not a finding of any rule."""
    case.write(
        record("0.0.0.0:443", A),
        record("10.0.0.5:8443", A),
        record("[2001:db8::5]:8443", A),
        record("www.contoso.com:443", A),
        record("*.contoso.com:443", A),
        record("443"),
    )
    case.sites(
        binding("*:80:", protocol="http"),
        binding("*:443:", 0),
        binding("10.0.0.5:8443:"),
        binding("[2001:DB8:0::5]:8443:"),
        binding("10.0.0.5:443:WWW.contoso.com", 1),
        binding("*:443:*.contoso.com", 1),
        binding("*:443:a.contoso.com", 2),
        binding("*:443:b.contoso.com", 3),
    )
    files = [read_sites("applicationHost.config")]
    without = {one.rule for one in case.check()}
    assert {one.rule for one in case.check(sites=files)} == without


def test_without_sites(case: SiteCase) -> None:
    """Without --sites there is nothing to compare, and records of IIS are not orphans."""
    case.write(record("0.0.0.0:443", A))
    assert case.check(ids=["orphan-record", "binding-without-record", "foreign-appid"]) == []


def test_binding_without_record(case: SiteCase) -> None:
    """An https binding needs a record; the finding is at the line of the binding."""
    case.write(record("0.0.0.0:8443", A))
    case.sites(binding("*:80:", protocol="http"), binding("*:443:", 0))
    assert case.one("binding-without-record") == Finding(
        rule="binding-without-record",
        severity="error",
        kind="ipport",
        key="0.0.0.0:443",
        file="applicationHost.config",
        line=4,
        message=(
            "https '*:443:' of site 'Web' has no record: the binding is in IIS but not in HTTP.SYS"
        ),
        advice=(
            "add the record; New-WebBinding changes IIS only; replace THUMBPRINT with that of a"
            " certificate on the server"
        ),
        command=(
            "sslbind add sslcert ipport=0.0.0.0:443 certhash=THUMBPRINT appid=iis certstorename=MY"
        ),
    )


def test_binding_without_record_and_without_host(case: SiteCase) -> None:
    """sslbind does not guess which stored certificate a binding without host needs."""
    case.write(STORES)
    case.store(web())
    case.sites(binding("*:443:", 0))
    assert case.one("binding-without-record").advice == (
        "add the record; New-WebBinding changes IIS only; certhash=THUMBPRINT instead of --cert"
        " uses one that is already in the store"
    )
    Path("NEW.pfx").write_bytes(mail().pfx())
    assert case.mended("binding-without-record") == (
        "sslbind add sslcert ipport=0.0.0.0:443 --cert NEW.pfx appid=iis certstorename=MY"
    )


def test_binding_without_record_and_without_certificate(case: SiteCase) -> None:
    """If no stored certificate covers the host, that is said and a new one bound."""
    case.write(STORES)
    case.store(mail())
    case.sites(binding("*:443:www.contoso.com", 1))
    assert case.one("binding-without-record").advice == (
        "add the record; New-WebBinding changes IIS only; no certificate in the stores"
        " covers www.contoso.com"
    )
    Path("NEW.pfx").write_bytes(web().pfx())
    assert case.mended("binding-without-record") == (
        "sslbind add sslcert hostnameport=www.contoso.com:443 --cert NEW.pfx appid=iis"
        " certstorename=MY"
    )


def test_binding_without_record_whose_certificate_is_missing(case: SiteCase) -> None:
    """A certificate that the file names is first added to a store; then the record is added."""
    case.write(STORES)
    case.store(web(), key=False)
    case.sites(
        binding("*:443:", 0).replace(
            "/>", f' certificateHash="{web().thumbprint}" certificateStoreName="WebHosting"/>'
        )
    )
    found = case.one("binding-without-record")
    assert found.advice == (
        f"the certificate {web().thumbprint} that the file names is not in any store with its"
        " private key: put it there, then add the record"
    )
    assert found.command == "sslbind store add CERTIFICATE.pem KEY.key --store WebHosting"
    Path("CERTIFICATE.pem").write_bytes(web().pem)
    Path("KEY.key").write_bytes(web().key_pem())
    assert case.run(*shlex.split(found.command)[1:]).code == 0
    assert case.mended("binding-without-record") == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={web().thumbprint} appid=iis"
        " certstorename=WebHosting"
    )


def test_binding_without_record_whose_certificate_is_elsewhere(case: SiteCase) -> None:
    """The store that has the certificate counts, not the one that the file names."""
    case.write(STORES)
    case.store(web())
    case.sites(
        binding("*:443:", 0).replace(
            "/>", f' certificateHash="{web().thumbprint}" certificateStoreName="WebHosting"/>'
        )
    )
    assert case.mended("binding-without-record").endswith(" certstorename=MY")


def test_binding_without_record_of_a_name(case: SiteCase) -> None:
    """An SNI binding needs a record of its name; the newest certificate that covers it wins."""
    old = issue("*.contoso.com", dns=("*.contoso.com",), start=NOW - timedelta(days=60))
    new = issue("www", dns=("www.contoso.com",), start=NOW - timedelta(days=9))
    late = issue("late", dns=("www.contoso.com",), start=NOW + timedelta(days=1))
    keyless = issue("keyless", dns=("www.contoso.com",), start=NOW - timedelta(days=1))
    case.write(STORES)
    case.store(old, mail(), late)
    case.store(new, store="WebHosting")
    case.store(keyless, key=False)
    case.sites(binding("10.0.0.5:443:WWW.contoso.com", 1))
    assert case.mended("binding-without-record") == (
        f"sslbind add sslcert hostnameport=www.contoso.com:443 certhash={new.thumbprint}"
        " appid=iis certstorename=WebHosting"
    )


def test_binding_without_record_of_a_wildcard(case: SiteCase) -> None:
    """A wildcard certificate covers the names below it, and Unicode names as their A-labels."""
    wild = issue("*.xn--bcher-kva.example", dns=("*.xn--bcher-kva.example",))
    case.write(STORES)
    case.store(wild)
    case.sites(binding("*:443:www.bücher.example", 1))
    assert case.mended("binding-without-record") == (
        'sslbind add sslcert "hostnameport=www.bücher.example:443"'
        f" certhash={wild.thumbprint} appid=iis certstorename=MY"
    )


def test_binding_without_record_of_shared_address(case: SiteCase) -> None:
    """One record serves all names of an address: one finding, one certificate for all of them."""
    both = issue("both", dns=("www.contoso.com", "mail.contoso.com"))
    case.write(STORES)
    case.store(web(), mail(), both)
    case.sites(binding("*:443:www.contoso.com"), binding("*:443:mail.contoso.com"))
    found = case.one("binding-without-record")
    assert found.message == (
        "https '*:443:www.contoso.com' of site 'Web' (and 1 more) has no record: the binding is"
        " in IIS but not in HTTP.SYS"
    )
    assert case.mended("binding-without-record") == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={both.thumbprint} appid=iis"
        " certstorename=MY"
    )


def test_binding_without_record_from_appcmd(case: SiteCase) -> None:
    """The certificate that the file names is preferred."""
    case.write()
    case.sites(
        binding("*:443:", 0).replace(
            "/>", f' certificateHash="{B.upper()}" certificateStoreName="WebHosting"/>'
        )
    )
    assert case.mended("binding-without-record") == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={B} appid=iis certstorename=WebHosting"
    )


def test_binding_without_record_of_iis_express(case: SiteCase) -> None:
    """Records of IIS Express belong to IIS Express."""
    case.write()
    case.sites(binding(":44300:*"))
    text = Path("applicationHost.config").read_text(encoding="utf-8")
    module = '<globalModules><add name="x" image="%IIS_BIN%\\x.dll"/></globalModules>'
    Path("applicationHost.config").write_text(
        text.replace("<system.webServer>", f"<system.webServer>{module}"), encoding="utf-8"
    )
    command = case.one("binding-without-record").command
    assert command is not None
    assert " appid=iisexpress " in command
    case.write(record("0.0.0.0:44300", A, appid=EXPRESS))
    assert case.found("binding-without-record") == []
    assert case.found("foreign-appid") == []


def test_binding_without_record_in_the_metabase(case: SiteCase) -> None:
    """IIS 6 names the certificate of a site for all its bindings."""
    case.write(record("0.0.0.0:443", A), windows="2003")
    text = (
        '<configuration><MBProperty><IIsWebServer Location="/LM/W3SVC/1" ServerComment="Web"'
        f'\nSSLCertHash="{A}" SSLStoreName="MY" SecureBindings=":443: 10.0.0.5:8443:"'
        ' SSLAlwaysNegoClientCert="TRUE"/>'
        "</MBProperty></configuration>"
    )
    Path("MetaBase.xml").write_text(text, encoding="utf-8")
    [found] = case.found("binding-without-record", file="MetaBase.xml")
    assert (found.key, found.file, found.line) == ("10.0.0.5:8443", "MetaBase.xml", 1)
    assert found.advice == (
        "import the file: that also sets the site's other options of HTTP.SYS, such as client"
        " certificates and revocation checks"
    )
    assert found.command == "sslbind import MetaBase.xml --if-exists keep"
    words = ("check", "--sites", "-", "--select", found.rule)
    assert "sslbind import - --if-exists keep" in case.run(*words, stdin=text).out
    assert case.run(*found.command.split()[1:]).code == 0
    assert "clientcertnegotiation = true" in Path("sslbind.toml").read_text(encoding="utf-8")
    assert case.found("binding-without-record", file="MetaBase.xml") == []


@pytest.mark.parametrize(
    ("windows", "advice"),
    [
        ("2003", "add the record"),
        ("2008", "add the record"),
        ("2008r2", "add the record; New-WebBinding changes IIS only"),
    ],
)
def test_new_webbinding(case: SiteCase, windows: str, advice: str) -> None:
    """The cmdlet is mentioned if the release has it."""
    case.write(windows=windows)
    case.sites(binding("*:443:").replace("/>", f' certificateHash="{B}"/>'))
    assert case.one("binding-without-record").advice == advice


def test_binding_without_record_before_names(case: SiteCase) -> None:
    """IIS before Windows Server 2012 has no flags: each binding needs a record of its address."""
    case.write(record("0.0.0.0:443", A), windows="2008r2")
    case.sites(binding("*:443:www.contoso.com", 1), binding("*:443:a.contoso.com", 3))
    assert case.found("binding-without-record") == []
    assert case.found("ccs-binding-without-record") == []


def test_binding_without_record_of_an_old_wildcard(case: SiteCase) -> None:
    """If the release refuses a name, there is no command that adds it."""
    case.write(windows="2012r2")
    case.sites(binding("*:443:*.contoso.com", 1))
    found = case.one("binding-without-record")
    assert found.command is None
    assert found.advice == "wildcard names exist from Windows Server 2016 on"


@pytest.mark.parametrize(
    ("information", "flags", "why"),
    [
        ("443", 0, "it is not IP:port:host"),
        ("*:443", 0, "it is not IP:port:host"),
        ("*:0:", 0, "it is not IP:port:host"),
        (
            "10.0.0.05:443:",
            0,
            "ipport=10.0.0.05:443: '10.0.0.05' is not an IP address",
        ),
        (
            "*:443:10.0.0.5",
            1,
            "hostnameport=10.0.0.5:443: an address, not a host name",
        ),
    ],
)
def test_binding_that_can_have_no_record(
    case: SiteCase, information: str, flags: int, why: str
) -> None:
    """A binding that is not IP:port:host cannot have a record, and only that is reported."""
    case.write()
    case.sites(binding(information, flags))
    rules = [one.rule for one in case.check(sites=[read_sites("applicationHost.config")])]
    assert rules == ["binding-without-record"]
    found = case.one("binding-without-record")
    assert (found.kind, found.key, found.line) == (None, None, 3)
    assert found.message == (f"https '{information}' of site 'Web' cannot have a record: {why}")


def test_ccs_binding_without_record(case: SiteCase) -> None:
    """Bindings for the central store need one ccs record per port, and the command adds it."""
    case.write(record("www.contoso.com:443", A))
    case.sites(
        binding("*:443:www.contoso.com", 1),
        binding("*:443:a.contoso.com", 3),
        binding("*:443:b.contoso.com", 2),
    )
    found = case.one("ccs-binding-without-record")
    assert (found.severity, found.kind, found.key, found.line) == ("error", "ccs", "443", 4)
    assert found.message == (
        "https '*:443:a.contoso.com' of site 'Web' (and 1 more) has sslFlags for the central"
        " store, but port 443 has no ccs record"
    )
    assert case.found("binding-without-record") == []
    assert case.mended("ccs-binding-without-record") == "sslbind add sslccs 443 appid=iis"


def test_orphan_record(case: SiteCase) -> None:
    """A record of IIS that no binding needs is reported at its line in the registry; it can go."""
    case.write(record("0.0.0.0:443", A), record("old.contoso.com:443", A))
    case.sites(binding("*:443:"))
    assert case.one("orphan-record") == Finding(
        rule="orphan-record",
        severity="warn",
        kind="hostnameport",
        key="old.contoso.com:443",
        file="sslbind.toml",
        line=9,
        message="it belongs to IIS, but no https binding of a site needs it",
        advice="delete it, unless another configuration file has its binding",
        command="sslbind delete sslcert hostnameport=old.contoso.com:443",
    )
    case.mended("orphan-record")


def test_orphan_default(case: SiteCase) -> None:
    """sslbind does not advise deleting one that answers clients without SNI next to names."""
    case.write(record("0.0.0.0:443", A), record("www.contoso.com:443", A))
    case.sites(binding("*:443:www.contoso.com", 1))
    found = case.one("orphan-record")
    assert (found.key, found.command) == ("0.0.0.0:443", None)
    assert found.advice == (
        "it answers clients without SNI on port 443: give a site the https binding *:443: and"
        " keep it, which is safer; or delete it"
    )


def test_orphan_of_the_central_store(case: SiteCase) -> None:
    """A scopedccs record is needed by a binding of its host and port with bit 2 of sslFlags."""
    hosts = ("a.contoso.com", "b.contoso.com", "c.contoso.com", "d.contoso.com")
    case.write(record("443"), *(record(f"{host}:443", scoped=True) for host in hosts))
    case.sites(
        binding("*:443:A.contoso.com", 2),
        binding("*:443:b.contoso.com", 3),
        binding("*:8443:c.contoso.com", 3),
        binding("*:443:d.contoso.com", 1),
    )
    found = case.found("orphan-record")
    assert [(one.kind, one.key) for one in found] == [
        ("scopedccs", "c.contoso.com:443"),
        ("scopedccs", "d.contoso.com:443"),
    ]
    assert found[0].command == "sslbind delete sslcert scopedccs=c.contoso.com:443"
    assert case.run(*(found[0].command or "").split()[1:]).code == 0


@pytest.mark.parametrize(
    ("more", "express"),
    [
        ('<application applicationPool="Clr4IntegratedAppPool"/>', True),
        ('<application><virtualDirectory physicalPath="%IIS_SITES_HOME%\\x"/></application>', True),
        ('<logFile directory="%IIS_USER_HOME%\\Logs"/>', True),
        ('<application applicationPool="DefaultAppPool"/>', False),
        ('<logFile directory="%SystemDrive%\\inetpub\\logs"/>', False),
    ],
)
def test_signs_of_iis_express(case: SiteCase, more: str, express: bool) -> None:
    """A small file is taken for IIS Express if it has what only that has, whatever its port."""
    case.write()
    case.sites(binding("*:44300:localhost"), more=f'<site name="Other">{more}</site>')
    owner = "appid=iisexpress" if express else "appid=iis"
    assert f" {owner} " in (case.one("binding-without-record").command or "")
    case.write(record("0.0.0.0:44300", A))
    assert case.found("foreign-appid") == []


@pytest.mark.parametrize("appid", [ADFS, OTHER, EXPRESS])
def test_no_orphan(case: SiteCase, appid: str) -> None:
    """Records of others are not orphans of IIS."""
    case.write(record("0.0.0.0:8443", A, appid=appid))
    case.sites(binding("*:80:", protocol="http"))
    assert case.found("orphan-record") == []


def test_two_files(case: SiteCase) -> None:
    """A record that one of several files needs is not an orphan."""
    case.write(record("0.0.0.0:443", A), record("0.0.0.0:8443", A))
    case.sites(binding("*:443:"))
    Path("applicationHost.config").rename("one.config")
    case.sites(binding("*:8443:"))
    files = [read_sites("one.config"), read_sites("applicationHost.config")]
    assert case.check(ids=["orphan-record", "binding-without-record"], sites=files) == []


def test_each_of_two_files(case: SiteCase) -> None:
    """A mistake is reported for each file, a record that several need once."""
    case.write()
    case.sites(binding("*:443:"), binding("443"))
    Path("applicationHost.config").rename("one.config")
    case.sites(binding("443"), binding("*:443:"))
    files = [read_sites("one.config"), read_sites("applicationHost.config")]
    found = case.check(ids=["binding-without-record"], sites=files)
    assert [(one.file, one.line, one.key) for one in found] == [
        ("applicationHost.config", 3, None),
        ("one.config", 3, "0.0.0.0:443"),
        ("one.config", 4, None),
    ]


@pytest.mark.parametrize(
    ("appid", "owner"),
    [
        (ADFS, f"AD FS {ADFS}"),
        (OTHER, f"an unknown application {OTHER}"),
        (EXPRESS, f"IIS Express {EXPRESS}"),
    ],
)
def test_foreign_appid(case: SiteCase, appid: str, owner: str) -> None:
    """A record on a port of IIS that belongs to another is reported, with its owner's name."""
    case.write(
        record("0.0.0.0:443", A),
        record("sts.contoso.com:443", A, appid=appid),
        record("sts.contoso.com:49443", A, appid=appid),
    )
    case.sites(binding("*:443:"), binding("*:80:", protocol="http"))
    found = case.one("foreign-appid")
    assert (found.severity, found.key, found.file) == (
        "info",
        "sts.contoso.com:443",
        "sslbind.toml",
    )
    assert found.message == f"it belongs to {owner}, and port 443 has https '*:443:' of site 'Web'"
    assert found.advice == (
        "fine if they are meant to share the port; otherwise delete the record, and move its"
        " product to another port"
    )


def test_shared_ip_port(case: SiteCase) -> None:
    """Names on one address and port without SNI get one certificate."""
    case.write(record("0.0.0.0:443", A))
    case.sites(
        binding("*:443:www.contoso.com"),
        binding("*:443:mail.contoso.com", 4),
        binding("*:443:"),
        binding("*:443:sni.contoso.com", 1),
    )
    found = case.one("shared-ip-port")
    assert (found.severity, found.key, found.line) == ("warn", "0.0.0.0:443", 3)
    assert found.message == (
        "www.contoso.com, mail.contoso.com and the binding without a host name share 0.0.0.0:443"
        " without SNI: they get one certificate"
    )
    assert found.advice == (
        "set sslFlags 1 (SNI) and give each name a record; or use one certificate that covers"
        " them all, which is safer: clients without SNI get it too"
    )
    assert found.command is None


@pytest.mark.parametrize(
    "bindings",
    [
        [binding("*:443:www.contoso.com"), binding("*:8443:mail.contoso.com")],
        [binding("10.0.0.5:443:www.contoso.com"), binding("10.0.0.6:443:mail.contoso.com")],
        [binding("*:443:www.contoso.com"), binding("*:443:mail.contoso.com", 1)],
        [binding("*:443:www.contoso.com"), binding("0.0.0.0:443:WWW.contoso.com")],
        [binding("*:443:a.contoso.com", 2), binding("*:443:b.contoso.com", 2)],
    ],
)
def test_not_shared(case: SiteCase, bindings: list[str]) -> None:
    """Other ports, other addresses, SNI, the central store, or the same host: nothing is shared."""
    case.write(record("0.0.0.0:443", A))
    case.sites(*bindings)
    assert case.found("shared-ip-port") == []


def test_shared_ip_port_that_is_not_covered(case: SiteCase) -> None:
    """It is an error if the certificate leaves a name out; one that covers all is accepted."""
    both = issue("both", dns=("www.contoso.com", "mail.contoso.com"))
    case.write(STORES, record("0.0.0.0:443", web()))
    case.store(web(), mail())
    case.sites(binding("*:443:www.contoso.com"), binding("*:443:mail.contoso.com"))
    found = case.one("shared-ip-port")
    assert (found.severity, found.command) == ("error", None)
    assert found.message == (
        "www.contoso.com and mail.contoso.com share 0.0.0.0:443 without SNI: they get one"
        f" certificate, and {web().thumbprint} does not cover mail.contoso.com"
    )
    case.store(both, store="WebHosting")
    command = case.one("shared-ip-port").command
    assert command == (
        f"sslbind update sslcert ipport=0.0.0.0:443 certhash={both.thumbprint}"
        " certstorename=WebHosting"
    )
    assert case.run(*shlex.split(command)[1:]).code == 0
    assert case.one("shared-ip-port").severity == "warn"


def test_shared_ip_port_before_names(case: SiteCase) -> None:
    """Before Windows Server 2012 the flags do not count, and SNI cannot be advised."""
    case.write(record("0.0.0.0:443", A), windows="2008r2")
    case.sites(binding("*:443:www.contoso.com", 1), binding("*:443:mail.contoso.com", 1))
    assert case.one("shared-ip-port").advice == (
        "give each name its own address; or use one certificate that covers them all, which"
        " is safer: clients without SNI get it too"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (binding("*:443:www.contoso.com"), binding(":443:WWW.contoso.com")),
        (binding("*:443:", 0), binding("0.0.0.0:443:", 4)),
        (binding("*:80:", protocol="http"), binding("*:80:", protocol="http")),
        (binding("[::1]:443:"), binding("[0:0::1]:443:")),
        (binding(":44300:*"), binding("*:44300:")),
    ],
)
def test_duplicate_binding(case: SiteCase, first: str, second: str) -> None:
    """Two equivalent bindings are reported at the second one, whatever its spelling."""
    case.write(record("0.0.0.0:443", A))
    case.sites(first, second)
    assert (case.one("duplicate-binding").severity, case.one("duplicate-binding").line) == (
        "error",
        4,
    )


def test_duplicate_binding_in_another_site(case: SiteCase) -> None:
    """The same holds for two sites with the same binding."""
    case.write()
    other = f'<site name="Other"><bindings>{binding("*:443:", 0)}</bindings></site>'
    case.sites(binding("*:443:"), more=other)
    found = case.one("duplicate-binding")
    assert (found.key, found.line) == ("0.0.0.0:443", 4)
    assert found.message == (
        "https '*:443:' of site 'Other' means the same as https '*:443:' of site 'Web' on line 3"
    )


@pytest.mark.parametrize(
    "second",
    [
        binding("*:443:", protocol="http"),
        binding("*:8443:"),
        binding("10.0.0.5:443:"),
        binding("[::]:443:"),
        binding("*:443:www.contoso.com"),
    ],
)
def test_no_duplicate(case: SiteCase, second: str) -> None:
    """Another protocol, port, address or host is another binding."""
    case.write()
    case.sites(binding("*:443:"), second)
    assert case.found("duplicate-binding") == []


def test_sslflags_on_non_https(case: SiteCase) -> None:
    """Flags are only for https; sslFlags 0 says nothing."""
    case.write()
    case.sites(binding("*:80:", 0, "http"), binding("*:80:www.contoso.com", 1, "http"))
    found = case.one("sslflags-on-non-https")
    assert (found.severity, found.key, found.line) == ("error", None, 4)
    assert found.message == (
        "http '*:80:www.contoso.com' of site 'Web' has sslFlags=1, which only https bindings have"
    )
    assert case.found("sslflags-needs-host") == []


@pytest.mark.parametrize("flags", [1, 2, 3, 33])
def test_sslflags_needs_host(case: SiteCase, flags: int) -> None:
    """SNI and the central store find certificates by name, so a binding needs one."""
    case.write(record("443"))
    case.sites(binding("*:443:", flags), binding("*:443:www.contoso.com", flags))
    found = case.one("sslflags-needs-host")
    assert (found.severity, found.key, found.line) == ("error", "443" if flags & 2 else None, 3)
    assert found.message == (
        f"https '*:443:' of site 'Web' has sslFlags={flags}, SNI or the central store, and no host"
        " name"
    )


@pytest.mark.parametrize("flags", [0, 4, 64])
def test_sslflags_without_host(case: SiteCase, flags: int) -> None:
    """The other bits do not need one."""
    case.write(record("0.0.0.0:443", A))
    case.sites(binding("*:443:", flags))
    assert case.found("sslflags-needs-host") == []


@pytest.mark.parametrize(
    ("rule", "flags", "windows", "what"),
    [
        ("sslflags-unknown-bit", 257, "2022", "no release knows bit 256"),
        (
            "sslflags-newer-than-release",
            5,
            "2016",
            (
                "bit 4 (DisableHTTP2) exists from Windows Server 2019 on, and Windows Server 2016"
                " is modelled"
            ),
        ),
        (
            "sslflags-ccs-combination",
            7,
            "2022",
            "DisableHTTP2 cannot be combined with CentralCertStore",
        ),
    ],
)
def test_sslflags_of_a_site(case: SiteCase, rule: str, flags: int, windows: str, what: str) -> None:
    """The rules about the bits of a record apply to the bindings of sites as well."""
    case.write(record("www.contoso.com:443", A), record("443"), windows=windows)
    case.sites(binding("*:443:www.contoso.com", flags), binding("*:80:", 512, "http"))
    found = case.one(rule)
    assert (found.severity, found.file, found.line) == ("error", "applicationHost.config", 3)
    assert found.message == (
        f"https '*:443:www.contoso.com' of site 'Web' has sslFlags={flags}: {what}"
    )


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_ipv6_unbracketed(case: SiteCase, protocol: str) -> None:
    """IPv6 is in brackets, in http too."""
    case.write(record("[2001:db8::5]:443", A))
    case.sites(
        binding("[2001:db8::5]:443:", protocol=protocol),
        binding("2001:db8::5:443:www.contoso.com", protocol=protocol),
    )
    found = case.one("ipv6-unbracketed")
    assert (found.severity, found.key, found.line) == ("error", None, 4)
    assert found.message == (
        f"{protocol} '2001:db8::5:443:www.contoso.com' of site 'Web' has an IPv6 address without"
        " brackets"
    )
    assert found.advice == "write [2001:db8::5]:443:www.contoso.com"
    assert case.found("binding-without-record") == []


def test_legacy_5506(case: SiteCase) -> None:
    """Property 5506 is reported with its path and line; the rest of customMetadata is not."""
    case.write()
    text = (
        '<configuration><system.applicationHost><sites/><customMetadata>\n<key path="LM/W3SVC/1">'
        '<property id="4012" value="x"/>\n<property id="5506" dataType="Binary" value="AA=="/>'
        "</key></customMetadata></system.applicationHost></configuration>"
    )
    Path("applicationHost.config").write_text(text, encoding="utf-8")
    found = case.one("legacy-5506")
    assert (found.severity, found.key, found.line) == ("error", None, 3)
    assert found.message == (
        "customMetadata has property 5506 for 'LM/W3SVC/1': bindings disappear"
    )


# Client certificates


def test_clientcert_renegotiation(case: SiteCase) -> None:
    """A site that requires client certificates renegotiates if the record does not request them."""
    case.write(record("0.0.0.0:443", A), record("0.0.0.0:8443", A), windows="2019")
    case.sites(binding("*:443:"), access="Ssl,SslNegotiateCert")
    found = case.one("clientcert-renegotiation")
    assert (found.severity, found.key, found.file, found.line) == (
        "warn",
        "0.0.0.0:443",
        "applicationHost.config",
        3,
    )
    assert found.message == (
        "https '*:443:' of site 'Web' asks for client certificates (<access> on line 5), but the"
        " record does not negotiate them: each connection is renegotiated after the request"
    )
    assert case.found("clientcert-tls13") == []
    assert case.mended("clientcert-renegotiation") == (
        "sslbind update sslcert ipport=0.0.0.0:443 clientcertnegotiation=enable"
    )


def test_clientcert_tls13(case: SiteCase) -> None:
    """With TLS 1.3 the request fails."""
    case.write(record("0.0.0.0:443", A), windows="2022")
    case.sites(binding("*:443:"), access="Ssl, SslRequireCert")
    found = case.one("clientcert-tls13")
    assert (found.severity, found.key, found.line) == ("error", "0.0.0.0:443", 3)
    assert found.message == (
        "https '*:443:' of site 'Web' requires client certificates (<access> on line 5), but the"
        " record does not negotiate them and leaves TLS 1.3 on, which has no renegotiation: the"
        " request fails"
    )
    assert case.mended("clientcert-tls13") == (
        "sslbind update sslcert ipport=0.0.0.0:443 clientcertnegotiation=enable"
    )
    assert case.found("clientcert-renegotiation") == []


def test_clientcert_without_tls13(case: SiteCase) -> None:
    """If TLS 1.3 is off, renegotiation remains."""
    case.write(record("0.0.0.0:443", A, tags="disabletls13 = true"), windows="2022")
    case.sites(binding("*:443:"), access="SslRequireCert")
    assert case.found("clientcert-tls13") == []
    assert case.one("clientcert-renegotiation").severity == "warn"


@pytest.mark.parametrize(
    ("information", "flags", "access"),
    [
        ("*:443:", 0, "Ssl"),
        ("*:443:", 0, "None"),
        ("*:443:", 0, "SslMapCert"),
        ("*:9443:", 0, "SslRequireCert"),
        ("*:8443:", 0, "SslRequireCert"),
    ],
)
def test_no_clientcert(case: SiteCase, information: str, flags: int, access: str) -> None:
    """Nothing is required, there is no record, or the record requests it in the handshake."""
    case.write(
        record("0.0.0.0:443", A), record("0.0.0.0:8443", A, tags="clientcertnegotiation = true")
    )
    case.sites(binding(information, flags), access=access)
    assert case.found("clientcert-renegotiation") == []
    assert case.found("clientcert-tls13") == []


def test_clientcert_of_the_central_store(case: SiteCase) -> None:
    """A ccs record takes no option, so the command would be refused and is not suggested."""
    case.write(record("443"))
    case.sites(binding("*:443:www.contoso.com", 3), access="SslRequireCert")
    found = case.one("clientcert-tls13")
    assert (found.key, found.command) == ("443", None)
    assert found.advice == (
        "give the name its own record (SNI): ccs records do not have this option"
    )


# Whatever the files say

ADDRESSES = ("", "*", "0.0.0.0", "10.0.0.5", "[::1]", "::1", "[", "é", "10.0.0.05")
HOSTS = ("", "*", "www.contoso.com", "WWW.contoso.com", "*.contoso.com", "a..b", "10.0.0.5",
         "xn--a", "b\u00fccher", "\u202e", "a" * 400)  # fmt: skip


@given(
    st.lists(
        st.builds(
            SiteBinding,
            site=st.sampled_from(["", "Web", "Other"]),
            protocol=st.sampled_from(["http", "https"]),
            information=st.text(max_size=9),
            address=st.sampled_from(ADDRESSES),
            port=st.sampled_from([None, 80, 443]),
            host=st.sampled_from(HOSTS),
            sslflags=st.sampled_from([0, 1, 2, 3, 4, 7, 128, 4294967295]),
            line=st.sampled_from([None, 1]),
            certhash=st.sampled_from([None, B]),
            store=st.sampled_from([None, "WebHosting"]),
        ),
        max_size=6,
    ),
    st.sampled_from(list(Release)),
)
def test_any_sites(bare: Path, run: Run, bindings: list[SiteBinding], release: Release) -> None:
    """No rule fails on any binding, and each command is one that the command line accepts."""
    names = {"Web": True, "Other": False}
    wanted = tuple(ClientCertificate(name, required, 1) for name, required in names.items())
    case = Case(run)
    case.write(record("0.0.0.0:443", A), record("www.contoso.com:443", A, appid=OTHER))
    for found in case.check(windows=str(release), sites=[Sites("x", tuple(bindings), wanted)]):
        if found.command is not None and found.file == "x":
            assert run(*shlex.split(found.command.replace("THUMBPRINT", B))[1:]).code == 0, found


# The command


def test_from_the_command_line(case: SiteCase) -> None:
    """--sites reads the file, and its errors make the exit code 1."""
    case.write(record("0.0.0.0:8443", A, appid=OTHER))
    case.sites(binding("*:443:"))
    answer = case.run("check", "--sites", "applicationHost.config")
    assert answer.code == 1
    assert answer.out == (
        "applicationHost.config:3: error: binding-without-record: ipport=0.0.0.0:443: https"
        " '*:443:' of site 'Web' has no record: the binding is in IIS but not in HTTP.SYS\n"
        "    add the record; New-WebBinding changes IIS only; replace THUMBPRINT with that of"
        " a certificate on the server\n"
        "    sslbind add sslcert ipport=0.0.0.0:443 certhash=THUMBPRINT appid=iis"
        " certstorename=MY\n"
    )


def test_hostile_names(case: SiteCase) -> None:
    """Nothing in a file can control a terminal, and a file that is refused is exit code 2."""
    case.write()
    case.sites(binding("*:443:a\u202eb", 1), name="x\u202ey")
    answer = case.run("check", "--sites", "applicationHost.config")
    assert answer.code == 1
    assert "\u202e" not in answer.out
    Path("applicationHost.config").write_text("<!DOCTYPE x><x/>", encoding="utf-8")
    answer = case.run("check", "--sites", "applicationHost.config")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(
        "error: applicationHost.config:1: has a document type declaration, which"
    )


def test_memory_of_a_deep_configuration() -> None:
    """What surrounds an element is not kept with it, however deeply a file is nested."""
    access = "<security><access sslFlags='None'/></security>"
    deep = "<location path='Web'>" * 150 + access * 3000 + "</location>" * 150
    document = parse(f"<configuration>{deep}</configuration>".encode(), "deep.config")
    tracemalloc.start()
    read(document, "deep.config")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20
