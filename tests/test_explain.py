"""``sslbind explain``: errors, events, rules, flags, owners and the path of a request."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IIS, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import web
from tools import needs

import sslbind
from sslbind.check import Rule, rules
from sslbind.cli.root import COMMANDS
from sslbind.errors import SslbindError
from sslbind.explanations.codes import CODES, spelled
from sslbind.explanations.events import EVENTS
from sslbind.explanations.explanation import Explanation
from sslbind.explanations.pasted import explain_text
from sslbind.explanations.topics import explain, topics
from sslbind.keys import KIND_BY_NAME
from sslbind.owners import OWNERS
from sslbind.release import DEFAULT_RELEASE, Release
from sslbind.resolver import State, resolve
from sslbind.tags import STORED

pytestmark = pytest.mark.usefixtures("run")  # in an empty folder: no registry is needed here


def ask(*words: str) -> Explanation:
    return explain(words, DEFAULT_RELEASE)


# One of each sort, to the letter


def test_an_error(run: Run) -> None:
    """An error code says what netsh says, why, and which commands fix it."""
    result = run("explain", "1312")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Error 1312 (0x80070520), ERROR_NO_SUCH_LOGON_SESSION\n"
        "A specified logon session does not exist. It may already have been terminated.\n"
        "why:\n"
        "    the certificate has no private key: a .cer was imported instead of the .pfx\n"
        "    the certificate is not in the store that certstorename names\n"
        "    it was imported for the user, not for the machine\n"
        "    the key set is broken: an import in IIS without 'allow export', access rights on"
        " MachineKeys, KeySpec 2, or a temporary key\n"
        "fix:\n"
        "    sslbind store list shows which stores have the certificate, and whether its key"
        " is there\n"
        "    sslbind store add FILE.pfx --store MY adds the certificate with its key\n"
        "    sslbind store verify THUMBPRINT checks the certificate, its key and its chain\n"
    )


@pytest.mark.parametrize(
    "text",
    ["1312", "0x520", "0x80070520", "0X80070520", "80070520", "2147943712", "-2147023584"],
)
def test_forms_of_a_code(run: Run, text: str) -> None:
    """The code is the same as a number, in hex, and as an HRESULT, signed or not."""
    assert run("explain", text).out == run("explain", "error", "1312").out


def test_an_event(run: Run) -> None:
    """A Windows event says what happened, and which commands to run next."""
    assert run("explain", "event", "15300").out == (
        "Event 15300, HttpEvent\n"
        "A record was deleted.\n"
        "why:\n"
        "    an administrator, or the owner of the record, deleted it\n"
        "    a binding was removed whose record is shared: all https bindings without SNI on"
        " one address and port, of any site, share it (KB 2405568), as do products other than"
        " IIS, such as Reporting Services\n"
        "    the IIS configuration has property 5506 below customMetadata, a leftover that"
        " makes bindings disappear\n"
        "fix:\n"
        "    sslbind list shows the records that should exist\n"
        "    sslbind check --sites applicationHost.config finds bindings without a record,"
        " records that several sites share, and property 5506: explain legacy-5506\n"
    )


def test_sslflags(run: Run) -> None:
    """Each bit has its name, its tag and its first release; each kind says what is wrong."""
    assert run("explain", "sslflags", "133").out == (
        "sslFlags 133\n"
        "SNI: by the server name, with its own certificate;"
        " 133 = 1 Sni + 4 DisableHTTP2 + 128 NegotiateClientCert.\n"
        "why:\n"
        "    1 Sni: the record is found by the server name that the client sends (hostnameport);"
        " from Windows Server 2012 on (documented)\n"
        "    4 DisableHTTP2: the same setting as the tag disablehttp2;"
        " from Windows Server 2019 on (documented)\n"
        "    128 NegotiateClientCert: the same setting as the tag clientcertnegotiation;"
        " from Windows Server 2022 on (documented)\n"
        "    ipport: wrong, bits 1 and 2 of ipport records are 0 (none), not 1 (Sni)"
        " (documented)\n"
        "    hostnameport: fits (documented)\n"
        "    ccs: wrong, bits 1 and 2 of ccs records are 2 (CentralCertStore) or 3 (Sni,"
        " CentralCertStore), not 1 (Sni) (documented)\n"
        "    scopedccs: wrong, bits 1 and 2 of scopedccs records are 3 (Sni, CentralCertStore),"
        " not 1 (Sni) (documented)\n"
        "fix:\n"
        "    sslbind update sslcert KEY disablehttp2=enable has the same meaning as bit 4\n"
        "    sslbind update sslcert KEY clientcertnegotiation=enable has the same meaning as"
        " bit 128\n"
        "    sslbind check --select 'sslflags-*' finds records with invalid sslflags\n"
    )


@pytest.mark.parametrize(
    ("value", "means"),
    [
        ("0", "legacy binding: by address and port, with neither SNI nor central store."),
        ("1", "SNI: by the server name, with its own certificate; 1 = 1 Sni."),
        ("2", "central store, SNI not enforced; 2 = 2 CentralCertStore."),
        ("0x3", "central store, SNI enforced; 3 = 1 Sni + 2 CentralCertStore."),
    ],
)
def test_the_four_kinds_of_binding(value: str, means: str) -> None:
    """Bits 1 and 2 say what kind of binding it is."""
    assert ask("sslflags", value).means == means


def test_bits_that_are_not_there() -> None:
    """A bit that is too new for the release, or unknown, is reported as such."""
    found = explain(("sslflags", "384"), Release.W2019)
    assert [one.text for one in found.why[:3]] == [
        (
            "128 NegotiateClientCert: the same setting as the tag clientcertnegotiation; from"
            " Windows Server 2022 on, and Windows Server 2019 is modelled"
        ),
        "256: this bit is not known in any Windows release",
        "ipport: fits, except the unknown bits",
    ]
    together = [one.text for one in ask("sslflags", "6").why]
    assert "ccs: wrong, DisableHTTP2 cannot be combined with CentralCertStore" in together


@pytest.mark.parametrize("asked", ["iis", IIS, IIS.strip("{}").upper()])
def test_an_appid(run: Run, asked: str) -> None:
    """A GUID in any form and the owner's word are the same."""
    assert run("explain", "appid", asked).out == (
        "IIS (iis)\n"
        "Records with the appid {4dc3e181-e14b-4a21-b022-59fc669b0914} belong to IIS.\n"
        "why:\n"
        "    the appid only identifies the owner of a record (inferred)\n"
        "    its owner may rewrite the record, or delete it (inferred)\n"
        "    records of RD Gateway, Exchange, WSUS, Configuration Manager, SharePoint, NDES, Citrix"
        " StoreFront and Azure DevOps Server also have this appid\n"
        "    the appid is known from: Learn: netsh http, appid of the examples\n"
        "fix:\n"
        "    its own tool changes the certificate: IIS Manager, the bindings of the site\n"
        "    sslbind list --appid iis lists its records\n"
        "    appid=iis in a command means it\n"
    )


def test_an_owner_that_keeps_a_copy(run: Run) -> None:
    """Changing only the record does not last: where else to change it, and with which tool."""
    said = run("explain", "appid", "sstp").out
    assert "    it also keeps the thumbprint in SHA256CertificateHash below HKLM" in said
    assert "its own tool changes the certificate: Set-RemoteAccess -SslCertificate" in said


def test_an_unknown_appid(run: Run) -> None:
    """An unknown owner is answered with no; for a misspelled word a known one is suggested."""
    result = run("explain", "appid", "{00000000-0000-0000-0000-000000000000}")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        "error: {00000000-0000-0000-0000-000000000000} does not belong to a known product\n"
        "hint: the null GUID: records of programs that do not name themselves, ScreenConnect among"
        " them, and of httpcfg\nhint: known are iis, "
    )
    result = run("explain", "appid", "{00112233-4455-6677-8899-AABBCCDDEEFF}")
    assert result.err.splitlines()[1] == (
        "hint: the example of Microsoft's documentation on binding a port, copied into many scripts"
    )
    result = run("explain", "appid", "isi")
    assert (result.code, result.out, result.err) == (
        1,
        "",
        "error: appid isi is neither a GUID nor known\nhint: did you mean iis?\n",
    )


def test_a_rule(run: Run) -> None:
    """A rule is explained in its own words."""
    rule = rules()["no-default-ssl"]
    lines = run("explain", "no-default-ssl").out.splitlines()
    assert lines[:3] == [
        "no-default-ssl (warn)",
        "A port has SNI or CCS records but no wildcard IP record.",
        "why:",
    ]
    assert lines[3].strip() == " ".join(rule.details.split())
    assert lines[4:] == [
        "fix:",
        "    sslbind check --select no-default-ssl shows each finding and how to fix it",
        ('    [[Suppress]] with rule = "no-default-ssl" and a reason silences it in one registry'),
    ]


@pytest.mark.parametrize(
    "rule", [one for one in rules().values() if one.sites], ids=lambda one: one.id
)
def test_a_rule_that_needs_sites(run: Run, rule: Rule) -> None:
    """Its command names the file that it compares with."""
    command = f"sslbind check --sites applicationHost.config --select {rule.id}"
    assert f"    {command} shows each finding and how to fix it\n" in run("explain", rule.id).out


def test_exit_codes_are_told(run: Run) -> None:
    """--help says what the exit codes mean, and that is true."""
    assert "The exit code is 1 for an appid whose owner is not known, 2 for what" in (
        run("explain", "--help").out
    )
    assert run("explain", "appid", "{11111111-2222-3333-4444-555555555555}").code == 1
    assert run("explain", "no-such-topic").code == 2


FLOW = """\
The path of a request, and the lookup of its certificate
A request is decrypted, served and encrypted again; going from kernel mode to user mode, or back, \
is a mode switch. During the handshake HTTP.SYS looks for a record, in the order below for a \
client that connects to [2001:db8::5]:443 and asks for www.contoso.com on Windows Server 2012 R2; \
the first record found answers; without one the handshake fails.
why:
    IIS 6, SSL in user mode: request -> HTTP.SYS -> HTTPFilter in lsass.exe -> HTTP.SYS -> the \
worker process -> HTTP.SYS -> HTTPFilter in lsass.exe -> HTTP.SYS -> response: 6 mode switches, \
4 of them for cryptography (documented)
    IIS 6 with EnableKernelSSL: request -> HTTP.SYS -> the worker process -> HTTP.SYS -> \
response: 2 mode switches; EnableKernelSSL = 1 (DWORD) below \
HKLM\\System\\CurrentControlSet\\Services\\HTTP\\Parameters, from SP1 on; without client \
certificates, RC2 or PCT, and a new certificate requires a restart of the HTTP service (documented)
    IIS 7 and later: request -> HTTP.SYS -> the worker process -> HTTP.SYS -> response: 2 mode \
switches; SSL is always in kernel mode (as on Windows Server 2012 R2, which is modelled) \
(documented)
    lookup 1, ipport: ipport=[2001:db8::5]:443 (documented)
    lookup 2, hostnameport: hostnameport=www.contoso.com:443 (documented)
    lookup 3, ccs: ccs=443 with www.contoso.com.pfx or _.contoso.com.pfx (documented)
    lookup 4, ipv6-wildcard: ipport=[::]:443 (documented)
    lookup 5, ipv4-wildcard: ipport=0.0.0.0:443 (documented)
fix:
    sslbind resolve ADDRESS:PORT HOST --explain does the same lookup with your records
    sslbind --windows RELEASE explain flow shows the order of another release
"""


def test_the_flow(run: Run, tmp_path: Path) -> None:
    """The way of a request, then the lookup on the release of the option or the registry."""
    assert run("--windows", "2012r2", "explain", "flow").out == FLOW
    (tmp_path / "sslbind.toml").write_text('version = 1\nwindows = "2012r2"\n')
    assert run("explain", "flow").out == FLOW
    assert run("--windows", "2025", "explain", "flow").out != FLOW


@pytest.mark.parametrize("release", Release)
def test_the_lookup_is_the_resolver_s(release: Release) -> None:
    """The order is the one that ``resolve`` uses, with its marks."""
    steps = resolve(State(release, {}), "2001:db8::5", 443, "www.contoso.com").steps
    told = [one for one in explain(("flow",), release).why if one.text.startswith("lookup")]
    assert [one.documented for one in told] == [step.documented for step in steps]
    assert all(one.text.endswith(step.tried) for one, step in zip(told, steps, strict=True))
    modelled = [one.text for one in explain(("flow",), release).why if "modelled" in one.text]
    assert len(modelled) == (2 if release is Release.W2003 else 1)


# All of them


@pytest.mark.parametrize("id_", rules())
def test_every_rule_explains_itself(id_: str) -> None:
    """Each rule says when it fires, why it matters, and how its findings are shown."""
    found = ask(id_)
    assert found.title.startswith(f"{id_} (")
    assert len(found.means) > 20
    assert found.why
    assert "``" not in found.means + "".join(one.text for one in found.why)


def test_every_topic_works(run: Run) -> None:
    """What is listed is explained, with a reason and a command of ours that exists."""
    for sort, names in topics().items():
        for name, about in names.items():
            found = ask(*name.replace("sslflags N", "sslflags 129").split())
            assert found.means
            assert found.why, name
            assert found.fix, name
            assert about, name
            if sort in ("errors", "events", "rules"):
                for line in found.fix:
                    words = line.split() if line.startswith("sslbind ") else ["", "check"]
                    known = [*COMMANDS, "accepts", "needs", "--windows"]
                    assert words[1] in known, line
    result = run("explain")
    assert result.code == 0
    for name in (*rules(), *map(spelled, CODES), *map(str, EVENTS), "flow", "sslflags N"):
        assert f"\n    {name} " in result.out
    for owner in OWNERS:
        assert f"\n    appid {owner.word} " in result.out
    assert run("explain", "--format", "json").json["topics"] == json.loads(json.dumps(topics()))


def test_json(run: Run) -> None:
    """JSON has the same parts, and says for each reason whether it is documented."""
    document = run("explain", "sslflags", "0", "--format", "json").json
    assert list(document) == ["version", "title", "means", "why", "mend"]
    assert document["why"][0] == {"text": "ipport: fits", "documented": True}
    assert run("explain", "5", "--format", "json").json == {
        "version": 1,
        "title": "Error 5 (0x80070005), ERROR_ACCESS_DENIED",
        "means": "Access is denied.",
        "why": [
            {
                "text": "the console is not elevated: only administrators change HTTP.SYS's"
                " records",
                "documented": None,
            },
            {
                "text": "in a pipeline, the account that its agent runs as is not an administrator",
                "documented": None,
            },
        ],
        "mend": [
            ("run netsh in an elevated console; sslbind only needs access to the registry file")
        ],
    }


# What people paste

HASH = "a1b2c3d4e5f6071829304a5b6c7d8e9f00112233"


def titles(run: Run, text: str) -> list[str]:
    """Return the titles of what is explained of a text on standard input."""
    answer = run("explain", "-", "--format", "json", stdin=text)
    assert (answer.code, answer.err) == (0, "")
    return [one["title"] for one in answer.json["explanations"]]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Error: 1312", "Error 1312 (0x80070520), ERROR_NO_SUCH_LOGON_SESSION"),
        ("SSL Certificate add failed, Error: 183", "Error 183 (0x800700B7), ERROR_ALREADY_EXISTS"),
        ("the PARAMETER is incorrect", "Error 87 (0x80070057), ERROR_INVALID_PARAMETER"),
        ("SEC_E_UNKNOWN_CREDENTIALS", "0x8009030D (-2146893043), SEC_E_UNKNOWN_CREDENTIALS"),
        ("sec_e_no_credentials", "0x8009030E (-2146893042), SEC_E_NO_CREDENTIALS"),
        ("0x8009030d", "0x8009030D (-2146893043), SEC_E_UNKNOWN_CREDENTIALS"),
        ("-2146893043", "0x8009030D (-2146893043), SEC_E_UNKNOWN_CREDENTIALS"),
        ("2148074253", "0x8009030D (-2146893043), SEC_E_UNKNOWN_CREDENTIALS"),
        ("0x80090016", "0x80090016 (-2146893802), NTE_BAD_KEYSET"),
        ("Keyset does not exist.", "0x80090016 (-2146893802), NTE_BAD_KEYSET"),
        ("234", "Error 234 (0x800700EA), ERROR_MORE_DATA"),
        ("0x80072550", "Error 9552 (0x80072550), DNS_ERROR_INVALID_IP_ADDRESS"),
        ("0x80070490", "Error 1168 (0x80070490), ERROR_NOT_FOUND"),
        ("15005", "Event 15005, HttpEvent"),
        ("36871", "Event 36871, Schannel"),
        ("36885", "Event 36885, Schannel"),
        ("EventID: 36886", "Event 36886, Schannel"),
        ("36887", "Event 36887, Schannel"),
        ("36888", "Event 36888, Schannel"),
        (
            (
                "A fatal alert was received from the remote endpoint. The TLS protocol defined"
                " fatal alert code is 46."
            ),
            "Event 36887, Schannel",
        ),
        (
            (
                "A fatal alert was generated and sent to the remote endpoint. The TLS protocol"
                " defined fatal error code is 40."
            ),
            "Event 36888, Schannel",
        ),
        ("0x80090322", "0x80090322 (-2146893022), SEC_E_WRONG_PRINCIPAL"),
        ("0x80090325", "0x80090325 (-2146893019), SEC_E_UNTRUSTED_ROOT"),
        ("0x80090326", "0x80090326 (-2146893018), SEC_E_ILLEGAL_MESSAGE"),
        ("0x80090327", "0x80090327 (-2146893017), SEC_E_CERT_UNKNOWN"),
        ("0x80090328", "0x80090328 (-2146893016), SEC_E_CERT_EXPIRED"),
        ("0x80090331", "0x80090331 (-2146893007), SEC_E_ALGORITHM_MISMATCH"),
        ("0x80096004", "0x80096004 (-2146869244), TRUST_E_CERT_SIGNATURE"),
        ("0x80092004", "0x80092004 (-2146885628), CRYPT_E_NOT_FOUND"),
        ("403.16", "HTTP 403.16, Client certificate is untrusted or invalid"),
        ("HTTP Error 503. The service is unavailable.", "HTTP 503, Service Unavailable"),
        ("NET::ERR_CERT_COMMON_NAME_INVALID", "ERR_CERT_COMMON_NAME_INVALID, Chrome and Edge"),
        ("net::err_cert_date_invalid", "ERR_CERT_DATE_INVALID, Chrome and Edge"),
        ("Error code: SSL_ERROR_BAD_CERT_DOMAIN", "SSL_ERROR_BAD_CERT_DOMAIN, Firefox"),
        (
            (
                "A fatal error occurred while creating a TLS client credential. The internal error"
                " state is 10013."
            ),
            "Event 36871, Schannel",
        ),
        (
            "curl: (60) SSL certificate problem: unable to get local issuer certificate",
            "'unable to get local issuer certificate', of a client",
        ),
        (
            "SSL: no alternative certificate subject name matches target host name 'a.test'",
            "'no alternative certificate subject name matches', of a client",
        ),
        ("ERR_CONNECTION_TIMED_OUT", "ERR_CONNECTION_TIMED_OUT, Chrome and Edge"),
        ("alert 40", "TLS alert 40, handshake_failure"),
        ("unknown_ca", "TLS alert 48, unknown_ca"),
        ("sslflags=33", "sslFlags 33"),
        ('sslFlags="0x21"', "sslFlags 33"),
        (IIS, "IIS (iis)"),
        (IIS.strip("{}").upper(), "IIS (iis)"),
        ("clientcertnegotiation", "clientcertnegotiation=enable|disable"),
        ("hostnameport", "hostnameport=<name:port>"),
        ("maxsettingsperframe", "maxsettingsperframe=<u-int>"),
    ],
    ids=lambda value: value[:24],
)
def test_what_people_paste(run: Run, text: str, title: str) -> None:
    """A code, a name, a sentence or a word, as people find it, all give the same explanation."""
    for words in ([text], text.split()):
        answer = run("explain", *words)
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.splitlines()[0] == title


@pytest.mark.parametrize("tag", [*STORED, *KIND_BY_NAME])
def test_every_tag(run: Run, tag: str) -> None:
    """Each tag, and each word for a key, says what it is and since when."""
    answer = run("explain", tag)
    assert answer.code == 0
    assert answer.out.startswith(f"{tag}=")
    assert "    from Windows Server " in answer.out


def test_a_line_of_netsh(run: Run) -> None:
    """A whole line is taken apart: what it does, what each value is."""
    line = f"netsh http add sslcert ipport=10.0.0.5:443 certhash={HASH} appid={IIS} reject=enable"
    assert run("explain", line).out == (
        f"{line}\n"
        "Adds the record ipport=10.0.0.5:443.\n"
        "why:\n"
        f"    certhash={HASH}: SHA-1 thumbprint of the certificate\n"
        f"    appid={IIS}: IIS\n"
        "    reject=enable: drop the connections that the binding matches\n"
        "fix:\n"
        "    sslbind show sslcert ipport=10.0.0.5:443 shows the record\n"
    )


@pytest.mark.parametrize(
    ("line", "means"),
    [
        (
            f"netsh http add sslcert ipport=10.0.0.5:443 certhash=a1 appid={IIS}",
            "This line fails: certhash=a1: 2 hex digits where a SHA-1 thumbprint has 40.",
        ),
        (
            f"add sslcert ipport=+:8443 certhash={HASH}",
            "This line fails: ipport=+:8443: the address is missing.",
        ),
        ("netsh http show sslcert", "Shows sslcert."),
    ],
    ids=["hash", "key", "show"],
)
def test_a_line_that_fails(run: Run, line: str, means: str) -> None:
    """A line that netsh would refuse is explained by why."""
    assert run("explain", line).out.splitlines()[:2] == [line, means]


def test_the_output_of_show(run: Run, bare: Path) -> None:
    """The output of show is recognized, with its bindings and the command that reads it."""
    assert run("add", "sslcert", "ipport=0.0.0.0:443", f"certhash={HASH}", f"appid={IIS}").code == 0
    shown = run("show", "sslcert").out
    assert run("explain", "-", stdin=f"C:\\>netsh http show sslcert\n{shown}").out == (
        "The output of netsh http show sslcert\n"
        "It has 1 binding.\n"
        "why:\n"
        f"    ipport=0.0.0.0:443: {HASH}, of IIS\n"
        "fix:\n"
        "    sslbind check FILE reports what is wrong in a file with this text\n"
        "    sslbind -r FILE resolve ADDRESS:PORT HOST --explain shows which record answers\n"
        "    sslbind import FILE creates a registry from it\n"
    )


def test_an_event_names_its_record(run: Run) -> None:
    """The endpoint of an event is the key of the record to look at."""
    line = (
        "Event ID 15021 Source HttpEvent An error occurred while using SSL configuration for"
        " endpoint 0.0.0.0:444. The error status code is contained within the returned data."
    )
    answer = run("explain", line).out.splitlines()
    assert answer[0] == "Event 15021, HttpEvent"
    assert answer[answer.index("fix:") + 1] == (
        "    sslbind show sslcert ipport=0.0.0.0:444 shows the record that it is about"
    )


LOG = f"""\
2026-03-02T07:41:19.1000003Z ##[command]"netsh" http show sslcert ipport=0.0.0.0:443
2026-03-02T07:41:19.1000003Z ##[command]"netsh" http add sslcert ipport=0.0.0.0:443 \
certhash={HASH} appid={{11111111-2222-4333-8444-555555555555}}
2026-03-02T07:41:19.3000009Z SSL Certificate add failed, Error: 5
2026-03-02T07:41:19.4000012Z The requested operation requires elevation (Run as administrator).
2026-03-02T07:41:20Z Event 36887 The TLS protocol defined fatal alert code is 46.
2026-03-02T07:41:21Z HRESULT: -2146893043 (HTTP/1.1 503 Service Unavailable)
web01.txt:3: warn: null-store: ipport=0.0.0.0:7048: it has no certstorename
"""


def test_a_log(run: Run) -> None:
    """Everything known in a log, in its order and once each; meaningless numbers are left out."""
    assert titles(run, LOG) == [
        LOG.splitlines()[1].partition("]")[2].replace('"', ""),
        "Error 5 (0x80070005), ERROR_ACCESS_DENIED",
        "Event 36887, Schannel",
        "TLS alert 46, certificate_unknown",
        "0x8009030D (-2146893043), SEC_E_UNKNOWN_CREDENTIALS",
        "HTTP 503, Service Unavailable",
        "null-store (warn)",
    ]


def test_a_log_by_redirection(tmp_path: Path) -> None:
    """``sslbind explain < log.txt`` reads it; an empty one, and none, list what is known."""
    log = tmp_path / "log.txt"
    command = [sys.executable, "-m", "sslbind", "explain"]
    for text, first in ((LOG.encode(), "netsh http add"), (b"", "rules:"), (None, "rules:")):
        if text is not None:
            log.write_bytes(text)
        with log.open("rb") if text is not None else open(os.devnull, "rb") as stream:
            done = subprocess.run(
                command, stdin=stream, capture_output=True, timeout=60, check=False
            )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode().startswith(first)


@pytest.mark.parametrize("text", ["nothing that anybody knows 12345 {0}", "", " \n"])
def test_a_log_without_anything(run: Run, text: str) -> None:
    """Text without anything known gives a message and exit code 2."""
    answer = run("explain", "-", stdin=text)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(("error: nothing in standard input", "error: standard input"))


def test_every_code_of_our_texts_is_explained() -> None:
    """No text of ours contains a code or an event that ``explain`` does not know."""
    named = re.compile(r"\b(?:error|event) (\d{1,5})\b|\b(0x8[0-9A-Fa-f]{7})\b|\b(40[13]\.\d+)\b")
    root = Path(sslbind.__file__).parent
    top = Path(__file__).parent.parent  # where the package is installed, it has no README
    texts = [*root.rglob("*.py"), *(top / "docs").glob("*.md"), top / "README.md"]
    codes = {
        next(filter(None, one.groups()))
        for path in texts
        if path.name != "winrm.py"  # codes of WS-Management, which no text of ours prints
        for one in named.finditer(path.read_text(encoding="utf-8"))
    }
    assert {"1312", "15021", "0x80072550", "403.16", "234", "36885"} <= codes
    for code in sorted(codes - {"4104", "0x80070000"}):  # of PowerShell's own log; a facility
        assert ask(code).title


def test_every_rule_and_command_that_is_named_exists() -> None:
    """What an explanation tells people to run exists."""
    found = (one for group in topics().values() for one in group)
    texts = [
        line
        for topic in found
        for line in ask(*topic.replace("sslflags N", "sslflags 129").split()).fix
    ]
    patterns = {
        pattern
        for line in texts
        for group in re.findall(r"--select '?([a-z0-9*,-]+)", line)
        for pattern in group.split(",")
    }
    assert len(patterns) > 60
    for pattern in patterns:
        assert fnmatch.filter(rules(), pattern), pattern
    commands = {line.split()[1] for line in texts if line.startswith("sslbind ")}
    assert commands - {"accepts", "needs", "--windows", "-r"} <= set(COMMANDS)


@pytest.mark.parametrize(
    ("options", "means", "opens"),
    [
        (
            ("-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"),
            "A PFX file, protected with 3DES, SHA-1.",
            ["every release opens it"],
        ),
        (
            ("-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "sha256"),
            "A PFX file, protected with AES-256, SHA-256.",
            [
                "Windows Server 2019 and later open it",
                ("Windows reports a wrong password on Windows Server 2016 and older"),
            ],
        ),
    ],
    ids=["old", "modern"],
)
def test_how_a_pfx_file_is_sealed(
    run: Run, tmp_path: Path, options: tuple[str, ...], means: str, opens: list[str]
) -> None:
    """The file is read without its password; the Windows releases that can open it follow."""
    (tmp_path / "web.pem").write_bytes(web().pem + web().key_pem())
    line = ("pkcs12", "-export", "-in", "web.pem", "-out", "Web.PFX", "-passout", "pass:x")
    subprocess.run([needs("openssl"), *line, *options], check=True, cwd=tmp_path)
    answer = run("explain", "Web.PFX", "--format", "json").json
    assert (answer["title"], answer["means"]) == ("Web.PFX", means)
    assert [
        one["text"] for one in answer["why"] if "open" in one["text"] or "wrong" in one["text"]
    ] == opens


def test_a_file_is_read_from_standard_input(run: Run, tmp_path: Path) -> None:
    """The name of a log is not its text."""
    (tmp_path / "deployment.log").write_text(LOG)
    assert run("explain", "deployment.log").err == (
        "error: 'deployment.log' is not a known topic\n"
        "hint: to explain what a file contains: sslbind explain < deployment.log\n"
    )


def test_a_file_that_is_no_pfx(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pfx").write_bytes(web().pem)
    assert run("explain", "a.pfx").err.startswith("error: a.pfx: is not a PFX file")
    assert run("explain", "none.pfx").code == 2


# What cannot be explained


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            ("no-defualt-ssl",),
            "'no-defualt-ssl' is not a known topic",
            "did you mean no-default-ssl?",
        ),
        (("15302",), "'15302' is not a known topic", "sslbind explain lists what can be explained"),
        (
            ("sslflags", "-1"),
            "sslflags -1: must be a number from 0 to 4294967295",
            "sslbind explain sslflags 129",
        ),
        (("qqq",), "'qqq' is not a known topic", "sslbind explain lists what can be explained"),
    ],
)
def test_unknown(run: Run, line: tuple[str, ...], message: str, hint: str) -> None:
    """A question that cannot be answered is exit 2, with the closest known word."""
    result = run("explain", *line)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[:2] == [f"error: {message}", f"hint: {hint}"]


def test_an_option_that_does_not_exist(run: Run) -> None:
    """The words are click's and differ between its releases; the hint is ours."""
    result = run("explain", "--foo")
    assert (result.code, result.out) == (2, "")
    error, hint = result.err.splitlines()
    assert error.startswith("error: No such option")
    assert hint == "hint: see sslbind explain --help"


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_anything_may_be_asked(words: list[str]) -> None:
    """Whatever the question, the answer is an explanation or a sentence."""
    for line in (words, ["sslflags", *words], ["appid", *words], ["error", *words]):
        try:
            found = explain(line, DEFAULT_RELEASE)
        except SslbindError as error:
            assert error.message.isprintable()
        else:
            assert found.title
        for one in explain_text(" ".join(line), DEFAULT_RELEASE):
            assert one.title
