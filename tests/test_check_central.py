"""``check``: the central store, its provider and its files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from check_cases import CCS, PROVIDER, STORES, Case, record
from conftest import A, Run
from pki import CLIENT, NOW, PASSWORD, intermediate, issue, mail, openssl, web
from tools import links, refusal

from sslbind.check.central import missing_file
from sslbind.check.subject import Subject
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.sites import SiteBinding, Sites

BROKEN = "HTTP.SYS logs event 15021 and the handshake fails (netsh's error 1312)"
BINDINGS = record("0.0.0.0:443", A) + record("443") + record("www.contoso.com:443", scoped=True)


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def test_a_central_store_that_is_well(case: Case) -> None:
    """Files for every host, named the way they are looked up, whatever their case."""
    case.central("WWW.contoso.com.pfx", web(), chain=(intermediate(),))
    wildcard = issue("*.fabrikam.com", dns=("*.fabrikam.com",))
    case.central("_.fabrikam.com.pfx", wildcard)
    case.central("bücher.example.pfx", issue("b", dns=("xn--bcher-kva.example",)))
    case.write(PROVIDER, BINDINGS)
    assert case.check() == []


@pytest.mark.parametrize(
    ("provider", "why", "command"),
    [
        ("", "there is no [CentralCertProvider]", "sslbind ccs enable ccs"),
        (
            PROVIDER.replace("true", "false"),
            "Enabled is false in [CentralCertProvider]",
            "sslbind ccs enable",
        ),
        (
            "[CentralCertProvider]\nEnabled = true\n",
            "[CentralCertProvider] has no CertStoreLocation",
            "sslbind ccs enable ccs",
        ),
    ],
)
def test_ccs_disabled(case: Case, provider: str, why: str, command: str) -> None:
    """Each record that asks for a central store that is off is reported, with the reason."""
    case.central("www.contoso.com.pfx", web(), chain=(intermediate(),))
    case.write(provider, BINDINGS)
    one, other = case.check()
    assert {one.rule, other.rule} == {"ccs-disabled"}
    assert (one.severity, one.key, other.key) == ("error", "443", "www.contoso.com:443")
    assert one.message == f"it uses the central store, but {why}"
    assert one.advice == (
        "set Enabled = true and CertStoreLocation in [CentralCertProvider]; or delete the record,"
        " which is safer: it is ignored now, so no answer changes"
    )
    assert one.command == other.command == command
    assert case.run(*command.split()[1:]).code == 0
    assert case.check() == []


def test_releases_without_the_records(case: Case) -> None:
    """A release that does not know the kind of record has no use for a central store."""
    case.write(BINDINGS)
    keys = {windows: [one.key for one in case.check(windows=windows)] for windows in RELEASES}
    assert keys == {"2008r2": [], "2012": ["443"], "2022": ["443", "www.contoso.com:443"]}


RELEASES = ("2008r2", "2012", "2022")


def test_missing_file_of_a_record(case: Case) -> None:
    """A scopedccs record needs the file of its host, or the wildcard one label up."""
    case.central("mail.contoso.com.pfx", mail(), chain=(intermediate(),))
    case.write(PROVIDER, BINDINGS)
    [found] = case.check()
    assert (found.rule, found.severity, found.key) == (
        "ccs-missing-file",
        "error",
        "www.contoso.com:443",
    )
    assert found.message == "the central store ccs has no file for www.contoso.com"
    assert found.advice == "put www.contoso.com.pfx or _.contoso.com.pfx there"
    wildcard = issue("*.contoso.com", dns=("*.contoso.com",))
    case.central("_.contoso.com.pfx", wildcard)
    assert case.check() == []


def test_wildcard_record(case: Case) -> None:
    """A record for ``*.name`` is served by the file of any host below the name."""
    case.write(PROVIDER, record("0.0.0.0:443", A), record("*.contoso.com:443", scoped=True))
    case.central("www.fabrikam.com.pfx", issue("f", dns=("www.fabrikam.com",)))
    [found] = case.check()
    assert found.message == "the central store ccs has no file for *.contoso.com"
    assert found.advice == "put _.contoso.com.pfx or the file of a host below contoso.com there"
    case.central("www.contoso.com.pfx", web(), chain=(intermediate(),))
    assert case.check() == []


def test_folder_that_serves_nobody(case: Case) -> None:
    """A ccs record needs a readable folder, with at least one file that some name matches."""
    case.write(PROVIDER, record("0.0.0.0:443", A), record("443"))
    found = case.only("ccs-missing-file")
    assert found.key == "443"
    assert found.message == f"the central store ccs cannot be read: {refusal(Path('ccs'))}"
    assert found.advice == (
        "run check on a machine that can see the servers' folder, or correct [CentralCertProvider]"
    )
    Path("ccs").mkdir()
    Path("ccs/readme.txt").write_text("none", encoding="utf-8")
    assert case.only("ccs-missing-file").message == (
        "the central store ccs has no file that serves a host"
    )


def test_missing_file_of_a_site(case: Case) -> None:
    """The host of a site binding with bit 2 needs a file too; the finding is in the site's file."""

    def site(host: str, line: int, sslflags: int = 3, protocol: str = "https") -> SiteBinding:
        return SiteBinding("Shop", protocol, f"*:443:{host}", "", 443, host, sslflags, line)

    case.central("www.contoso.com.pfx", web(), chain=(intermediate(),))
    case.write(PROVIDER, record("0.0.0.0:443", A), record("443"))
    bindings = (
        site("WWW.contoso.com", 1),
        site("shop.contoso.com", 2),
        site("sni.contoso.com", 3, sslflags=1),
        site("http.contoso.com", 4, protocol="http"),
        site("", 5),
    )
    sites = Sites("applicationHost.config", bindings)
    found = case.only("ccs-missing-file", sites=[sites])
    assert (found.file, found.line, found.key) == ("applicationHost.config", 2, None)
    assert found.message == (
        "the central store ccs has no file for shop.contoso.com, which"
        " https '*:443:shop.contoso.com' of site 'Shop' needs"
    )
    assert found.advice == "put shop.contoso.com.pfx or _.contoso.com.pfx there"
    assert case.check(ids=["ccs-missing-file"], sites=[sites], windows="2008r2") == []


def test_missing_file_takes_any_text(case: Case) -> None:
    """What is not a host name has no file, and without a provider none is missing."""
    case.central("www.contoso.com.pfx", web(), chain=(intermediate(),))
    case.write(PROVIDER)
    subject = Subject(Session(Registry.open()), NOW)
    hosts = ("www.contoso.com.", "WWW.CONTOSO.COM", "../www.contoso.com", "", "contoso.com")
    assert [missing_file(subject, host) for host in hosts] == [False, False, True, True, True]
    case.write("")
    assert not missing_file(Subject(Session(Registry.open()), NOW), "a.contoso.com")


def test_name_mismatch(case: Case) -> None:
    """The file's name and the names inside: IIS looks at the file's name only."""
    case.central("shop.contoso.com.pfx", web(), chain=(intermediate(),))
    case.central("_.contoso.com.pfx", web(), chain=(intermediate(),))
    case.central("xn--bcher-kva.example.pfx", issue("b", dns=("xn--bcher-kva.example",)))
    case.write(PROVIDER, record("0.0.0.0:443", A), record("443"))
    found = case.check()
    assert {(one.rule, one.severity, one.kind, one.key) for one in found} == {
        ("ccs-name-mismatch", "warn", None, None)
    }
    assert [(one.file, one.message) for one in found] == [
        (
            f"{CCS}_.contoso.com.pfx",
            (
                f"{CCS}_.contoso.com.pfx serves *.contoso.com, but its certificate does not cover"
                " *.contoso.com: its names are www.contoso.com"
            ),
        ),
        (
            f"{CCS}shop.contoso.com.pfx",
            (
                f"{CCS}shop.contoso.com.pfx serves shop.contoso.com, but its certificate does not"
                " cover shop.contoso.com: its names are www.contoso.com"
            ),
        ),
        (
            f"{CCS}xn--bcher-kva.example.pfx",
            (
                f"{CCS}xn--bcher-kva.example.pfx serves no host: its name is in punycode, but"
                " Windows looks for the Unicode form, bücher.example.pfx"
            ),
        ),
    ]
    assert found[0].advice == (
        "name the file after a host that its certificate has, in Unicode, with _. instead of *."
    )


def test_files_that_do_not_open(case: Case) -> None:
    """A file without its key, with another password, or with other content: its path is given.

    Without [CertStores] and without the password, nothing is known about a locked one.
    """
    Path("ccs").mkdir()
    Path("ccs/a.contoso.com.pfx").write_bytes(b"none")
    Path("ccs/b.contoso.com.pfx").write_bytes(mail().pfx(PASSWORD))
    case.write(PROVIDER, record("443"))
    assert case.only("cert-no-private-key").file == f"{CCS}a.contoso.com.pfx"
    case.write(STORES, PROVIDER, record("443"))
    bad, locked = case.check(ids=["cert-no-private-key"])
    assert (bad.severity, bad.kind, bad.key, bad.file, bad.line) == (
        "error",
        None,
        None,
        f"{CCS}a.contoso.com.pfx",
        None,
    )
    assert bad.message.startswith(
        f"{CCS}a.contoso.com.pfx serves a.contoso.com but cannot be used: "
    )
    assert bad.message.endswith(f"; {BROKEN}")
    assert bad.advice == "replace it with a PFX file that has the certificate and its private key"
    assert locked.file == f"{CCS}b.contoso.com.pfx"
    assert locked.advice == (
        "set PrivateKeyPasswordFile in [CentralCertProvider] to a file with the password"
    )
    assert locked.command == "sslbind ccs enable --password-file FILE"
    Path("ccs/a.contoso.com.pfx").unlink()
    Path("ccs.password").write_bytes(PASSWORD)
    case.write(STORES, PROVIDER, 'PrivateKeyPasswordFile = "ccs.password"', record("443"))
    assert case.check(ids=["cert-no-private-key"]) == []


@pytest.mark.parametrize("stores", ["", STORES], ids=["alone", "stores"])
def test_a_file_without_its_key(case: Case, stores: str) -> None:
    """It cannot be served; ``ccs put`` with certificate and key is the solution."""
    Path("ccs").mkdir()
    pfx = ("pkcs12", "-export", "-nokeys", "-passout", "pass:")
    Path("ccs/www.contoso.com.pfx").write_bytes(openssl(*pfx, stdin=web().pem))
    case.write(stores, PROVIDER, record("443"))
    found = case.only("cert-no-private-key")
    assert found.severity == "error"
    assert found.message == (
        f"{CCS}www.contoso.com.pfx serves www.contoso.com but cannot be used: has no private key;"
        f" {BROKEN}"
    )
    assert found.command == "sslbind ccs put CERTIFICATE.pem KEY.key"
    Path("CERTIFICATE.pem").write_bytes(web().pem)
    Path("KEY.key").write_bytes(web().key_pem())
    case.mend("cert-no-private-key")


def test_password_alone(case: Case) -> None:
    """If the password is given, it must open each file; if its file is missing, nobody knows."""
    Path("ccs").mkdir()
    Path("ccs/b.contoso.com.pfx").write_bytes(mail().pfx(PASSWORD))
    case.write(PROVIDER, 'PrivateKeyPasswordFile = "ccs.password"', record("443"))
    assert case.check(ids=["cert-no-private-key"]) == []
    Path("ccs.password").write_bytes(b"another")
    assert case.only("cert-no-private-key").file == f"{CCS}b.contoso.com.pfx"


def test_file_with_another_password(case: Case) -> None:
    """The store has one password; a file with another one must be exported again with that one."""
    case.central("b.contoso.com.pfx", mail())
    Path("ccs/b.contoso.com.pfx").write_bytes(mail().pfx(PASSWORD))
    Path("ccs.password").write_bytes(b"another")
    case.write(STORES, PROVIDER, 'PrivateKeyPasswordFile = "ccs.password"', record("443"))
    found = case.only("cert-no-private-key")
    assert found.advice == (
        "export it again with the password of the store, the one in ccs.password"
    )
    assert found.command is None


def test_second_spelling(case: Case) -> None:
    """Two files for one name: the one that serves is reported, and the other one can be removed."""
    case.central("www.contoso.com.pfx", web())
    case.central("WWW.contoso.com.pfx", web())
    case.write(PROVIDER, record("443"))
    if len(list(Path("ccs").iterdir())) == 1:
        pytest.skip("names of files compare without case here")
    found = case.only("ccs-name-mismatch")
    assert found.message == (
        f"{CCS}WWW.contoso.com.pfx serves no host: www.contoso.com.pfx already serves"
        " www.contoso.com"
    )
    assert found.advice == "delete one of the two"


def test_certificates_of_the_central_store(case: Case) -> None:
    """The other certificate rules check its files too, if there is [CertStores]."""
    old = issue(
        "www.contoso.com",
        dns=("www.contoso.com",),
        issuer=intermediate(),
        eku=CLIENT,
        start=NOW - timedelta(days=99),
        end=NOW - timedelta(days=1),
    )
    case.central("www.contoso.com.pfx", old)
    case.write(PROVIDER, record("0.0.0.0:443", A), record("443"))
    assert case.rules() == []
    case.write(PROVIDER, STORES, record("443"))
    served = ["cert-chain-incomplete", "cert-eku", "cert-expired"]
    assert [rule for rule, _ in case.rules()] == [*served, "no-default-ssl"]
    found = case.only("cert-expired")
    assert (found.file, found.line, found.command) == (f"{CCS}www.contoso.com.pfx", None, None)
    assert found.message == (
        f"the certificate in {CCS}www.contoso.com.pfx expired on 2026-05-31 12:00 UTC, 1 day ago"
    )
    assert found.advice == ("renew the certificate; replace the file with the new one")
    assert case.only("cert-chain-incomplete").file == f"{CCS}www.contoso.com.pfx"
    case.store(intermediate(), store="CA", key=False)
    assert case.check(ids=["cert-chain-incomplete"]) == []


@links
def test_link_to_nothing(case: Case) -> None:
    """A dangling link serves nobody, as in the resolver; the host has no file."""
    Path("ccs").mkdir()
    Path("ccs/www.contoso.com.pfx").symlink_to("gone.pfx")
    case.write(
        STORES, PROVIDER, record("0.0.0.0:443", A), record("www.contoso.com:443", scoped=True)
    )
    rules = ["ccs-missing-file", "ccs-name-mismatch", "cert-no-private-key"]
    link, missing = case.check(ids=rules)
    assert (missing.rule, missing.key) == ("ccs-missing-file", "www.contoso.com:443")
    assert (link.rule, link.file) == ("ccs-name-mismatch", f"{CCS}www.contoso.com.pfx")
    assert link.message == (
        f"{CCS}www.contoso.com.pfx serves no host: cannot be read: no such file or directory"
    )
    assert link.advice == "put the file there, or delete the link"


def test_malformed_host_of_a_site(case: Case) -> None:
    """What is not a host name has no file; the finding says that it is not a host name."""
    case.central("www.contoso.com.pfx", web())
    case.write(PROVIDER, record("0.0.0.0:443", A), record("443"))
    host = "../../etc/x"
    flags = {1: 10, 2: 20, 3: 30}
    sites = Sites(
        "applicationHost.config",
        tuple(
            SiteBinding("Shop", "https", f"*:443:{host}", "", 443, host, flag, line)
            for flag, line in flags.items()
        ),
    )
    assert case.check(ids=["ccs-missing-file"], sites=[sites]) == []
    found = case.check(ids=["binding-without-record"], sites=[sites])
    assert [one.line for one in found] == [10, 20, 30]
    assert {one.advice for one in found} == {"correct its bindingInformation in IIS"}
    for one in found:
        assert one.message.startswith(
            "https '*:443:../../etc/x' of site 'Shop' cannot have a record: "
        )
        assert ".pfx" not in one.message
    assert found[1].message.endswith("'../../etc/x' is not a host name")
    assert found[2].message == found[1].message
    assert case.check(ids=["binding-without-record"], sites=[sites], windows="2008r2") == []


def test_central_store_of_a_capture(run: Run) -> None:
    """The folder that a capture names is on the server; its absence here is not a finding."""
    key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\IIS\CentralCertProvider"
    services = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
    text = (
        f'Windows Registry Editor Version 5.00\n\n[{key}]\n"Enabled"=dword:00000001\n'
        '"CertStoreLocation"="C:\\\\ccs"\n\n'
        f"[{services}\\SslCcsBindingInfo\\443]\n"
        f'"AppId"=hex:{",".join(f"{byte:02x}" for byte in bytes(range(16)))}\n'
    )
    Path("server.reg").write_text(text, encoding="utf-8")
    answer = run("check", "server.reg", "--select", "ccs-missing-file")
    assert (answer.code, answer.out) == (0, "")
    assert "no findings in 1 binding\n" in answer.err
