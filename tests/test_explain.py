"""``sslbind explain``: errors, events, rules, flags, owners and the way of a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import IIS, Run
from hypothesis import given
from hypothesis import strategies as st

from sslbind.check import Rule, rules
from sslbind.cli.root import COMMANDS
from sslbind.errors import SslbindError
from sslbind.explain import ERRORS, EVENTS, Explanation, explain, topics
from sslbind.owners import OWNERS
from sslbind.release import DEFAULT_RELEASE, Release
from sslbind.resolver import State, resolve

pytestmark = pytest.mark.usefixtures("run")  # in an empty folder: nothing here needs a registry


def ask(*words: str) -> Explanation:
    return explain(words, DEFAULT_RELEASE)


# One of each sort, to the letter


def test_an_error(run: Run) -> None:
    """An error code says what netsh says, why, and which commands mend it."""
    result = run("explain", "1312")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Error 1312 (0x80070520), ERROR_NO_SUCH_LOGON_SESSION\n"
        "A specified logon session does not exist. It may already have been terminated.\n"
        "why:\n"
        "    the certificate has no private key: a .cer was imported, and not the .pfx\n"
        "    the certificate is not in the store that certstorename names\n"
        "    it was imported for the user, and not for the machine\n"
        "    the key set is broken: an import in IIS without 'allow export', access rights on"
        " MachineKeys, KeySpec 2, or a temporary key\n"
        "fix:\n"
        "    sslbind store list shows the stores that have the certificate, and whether with its"
        " key\n"
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
    """A Windows event says what happened, and which commands follow."""
    assert run("explain", "event", "15300").out == (
        "Event 15300, HttpEvent\n"
        "A record was deleted.\n"
        "why:\n"
        "    an administrator, or the owner of the record, deleted it\n"
        "    the IIS configuration has property 5506 below customMetadata, a leftover that makes"
        " bindings vanish\n"
        "fix:\n"
        "    sslbind list shows the records that should exist\n"
        "    sslbind check --sites applicationHost.config finds property 5506: explain"
        " legacy-5506\n"
    )


def test_sslflags(run: Run) -> None:
    """Each bit has its name, its tag and its first release; each kind says what is wrong."""
    assert run("explain", "sslflags", "133").out == (
        "sslFlags 133\n"
        "SNI: by the server name, with a certificate of its own;"
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
        ("1", "SNI: by the server name, with a certificate of its own; 1 = 1 Sni."),
        ("2", "central store, SNI not enforced; 2 = 2 CentralCertStore."),
        ("0x3", "central store, SNI enforced; 3 = 1 Sni + 2 CentralCertStore."),
    ],
)
def test_the_four_kinds_of_binding(value: str, means: str) -> None:
    """Bits 1 and 2 say what kind of binding it is."""
    assert ask("sslflags", value).means == means


def test_bits_that_are_not_there() -> None:
    """A bit that is too new for the release, or unknown, is told as that."""
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
        "    its owner may write the record again, or delete it (inferred)\n"
        "    records of RD Gateway, Exchange, WSUS, Configuration Manager and SharePoint have this"
        " appid as well\n"
        "    the appid is known from: Learn: netsh http, appid of the examples\n"
        "fix:\n"
        "    its own tool changes the certificate: IIS Manager, the bindings of the site\n"
        "    sslbind list --appid iis lists its records\n"
        "    appid=iis in a command means it\n"
    )


def test_an_owner_that_keeps_a_copy(run: Run) -> None:
    """A change of the record alone does not last: where else, and by which tool."""
    said = run("explain", "appid", "sstp").out
    assert "    it keeps the thumbprint in SHA256CertificateHash below HKLM" in said
    assert "its own tool changes the certificate: Set-RemoteAccess -SslCertificate" in said


def test_an_unknown_appid(run: Run) -> None:
    """That nobody is known is the answer no; a word that is nearly one is offered."""
    result = run("explain", "appid", "{00000000-0000-0000-0000-000000000000}")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(
        "error: {00000000-0000-0000-0000-000000000000} does not belong to a known product\n"
        "hint: known are iis, "
    )
    result = run("explain", "appid", "isi")
    assert (result.code, result.out, result.err) == (
        1,
        "",
        "error: appid isi is neither a GUID nor known\nhint: did you mean iis?\n",
    )


def test_a_rule(run: Run) -> None:
    """A rule explains itself with its own words."""
    rule = rules()["no-default-ssl"]
    lines = run("explain", "no-default-ssl").out.splitlines()
    assert lines[:3] == [
        "no-default-ssl (warn)",
        "A port has SNI or CCS records and no wildcard IP record.",
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
    """--help says what the exit codes mean, and they are so."""
    assert "The exit code is 1 for an appid whose owner is not known, 2 for what" in (
        run("explain", "--help").out
    )
    assert run("explain", "appid", "{11111111-2222-3333-4444-555555555555}").code == 1
    assert run("explain", "no-such-topic").code == 2


FLOW = """\
The path of a request, and the lookup of its certificate
A request is decrypted, served and encrypted again; going from kernel mode to user mode, or back, \
is a mode switch. In the handshake HTTP.SYS looks for one record, in the order below for a client \
that connects to [2001:db8::5]:443 and asks for www.contoso.com on Windows Server 2012 R2; the \
first record found answers; without one the handshake fails.
why:
    IIS 6, SSL in user mode: request -> HTTP.SYS -> HTTPFilter in lsass.exe -> HTTP.SYS -> the \
worker process -> HTTP.SYS -> HTTPFilter in lsass.exe -> HTTP.SYS -> response: 6 mode switches, \
4 of them for cryptography (documented)
    IIS 6 with EnableKernelSSL: request -> HTTP.SYS -> the worker process -> HTTP.SYS -> \
response: 2 mode switches; EnableKernelSSL = 1 (DWORD) below \
HKLM\\System\\CurrentControlSet\\Services\\HTTP\\Parameters, from SP1 on; no client certificates, \
RC2 or PCT then, and a new certificate needs a restart of the HTTP service (documented)
    IIS 7 and later: request -> HTTP.SYS -> the worker process -> HTTP.SYS -> response: 2 mode \
switches; SSL is always in kernel mode (so on Windows Server 2012 R2, which is modelled) \
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
    """The order is the one that ``resolve`` goes, with its marks."""
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
            found = ask(*name.replace("N", "129").split())
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
    for name in (*rules(), *map(str, ERRORS), *map(str, EVENTS), "flow", "sslflags N"):
        assert f"\n    {name} " in result.out
    for owner in OWNERS:
        assert f"\n    appid {owner.word} " in result.out
    assert run("explain", "--format", "json").json["topics"] == json.loads(json.dumps(topics()))


def test_json(run: Run) -> None:
    """JSON has the same parts, and says of each reason whether it is documented."""
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
        "mend": [("run netsh in an elevated console; sslbind needs rights to the registry only")],
    }


# What cannot be explained


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (("no-defualt-ssl",), "'no-defualt-ssl' is not explained", "did you mean no-default-ssl?"),
        (("15302",), "'15302' is not explained", "did you mean 15301?"),
        (("sslflags",), "'sslflags' is not explained", "sslbind explain sslflags N"),
        (
            ("sslflags", "-1"),
            "sslflags -1: must be a number from 0 to 4294967295",
            "sslbind explain sslflags 129",
        ),
        (("appid",), "'appid' is not explained", "sslbind explain appid {GUID}"),
        (("qqq",), "'qqq' is not explained", "sslbind explain lists what can be explained"),
    ],
)
def test_unknown(run: Run, line: tuple[str, ...], message: str, hint: str) -> None:
    """A question that cannot be answered is exit 2, with the closest that can."""
    result = run("explain", *line)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[:2] == [f"error: {message}", f"hint: {hint}"]


def test_an_option_that_does_not_exist(run: Run) -> None:
    """The words are click's own and differ with its release; the hint is ours."""
    result = run("explain", "--foo")
    assert (result.code, result.out) == (2, "")
    error, hint = result.err.splitlines()
    assert error.startswith("error: No such option")
    assert hint == "hint: sslbind explain --help explains it"


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3))
def test_anything_may_be_asked(words: list[str]) -> None:
    """Whatever is asked, the answer is an explanation or a sentence."""
    for line in (words, ["sslflags", *words], ["appid", *words], ["error", *words]):
        try:
            found = explain(line, DEFAULT_RELEASE)
        except SslbindError as error:
            assert error.message.isprintable()
        else:
            assert found.title
