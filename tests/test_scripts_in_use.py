"""Scripts, logs and manuals as people have them: what binds without netsh, what surrounds it."""

from __future__ import annotations

import pytest
from conftest import IIS, A

from sslbind.binding import Binding
from sslbind.formats import formats
from sslbind.formats.imported import Imported
from sslbind.formats.netsh import show_writer
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, parse_key
from sslbind.release import Release
from sslbind.sources import parse_source

FORMAT = formats()["netsh-script"]
ONE = f"ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename=MY"
TAGS = f"ipport=10.0.0.5:443 certhash={A} appid={IIS}"
ADD = f"netsh http add sslcert {ONE}"
KEY = parse_key(IPPORT, "10.0.0.5:443")
NAME = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
FIRST = Binding(KEY, {"certhash": A, "appid": IIS, "certstorename": "MY"})


def read(text: str) -> Imported:
    """Return what the format reads."""
    assert FORMAT.read
    return FORMAT.read(text, "x.ps1")


def detect(text: str) -> bool:
    """Whether the format takes the text for its own."""
    assert FORMAT.detect
    return FORMAT.detect(text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f'"http add sslcert {TAGS}" | netsh', "binds in a way that cannot be read"),
        (f"echo http add sslcert {TAGS} | netsh", "binds in a way that cannot be read"),
        (f'$line = "http update sslcert {TAGS}"', "binds in a way that cannot be read"),
        (
            "New-Item IIS:\\SslBindings\\0.0.0.0!443 -Value $cert",
            "New-Item makes a record, and the line is not read",
        ),
        (
            "New-WebBinding -Name Contoso -Protocol https -Port 443 -SslFlags 1",
            ("New-WebBinding makes a binding of IIS, but no readable line gives it a certificate"),
        ),
        (
            "(Get-WebBinding -Name Contoso).AddSslCertificate($hash, 'My')",
            "AddSslCertificate changes the record of a site's binding, and the line is not read",
        ),
        (
            "$binding.RebindSslCertificate($hash, 'My')",
            "RebindSslCertificate changes the record of a site's binding, and the line is not read",
        ),
        (
            f"Set-AdfsSslCertificate -Thumbprint {A}",
            "Set-AdfsSslCertificate changes the records of AD FS, and the line is not read",
        ),
        (
            f"Set-WebApplicationProxySslCertificate -Thumbprint {A}",
            (
                "Set-WebApplicationProxySslCertificate changes the records of Web Application"
                " Proxy, and the line is not read"
            ),
        ),
        (
            "Set-ItemProperty IIS:\\SslBindings\\0.0.0.0!444 -Name x -Value 1",
            "Set-ItemProperty changes a record, and the line is not read",
        ),
        (
            f"New-IISSiteBinding -Name a -BindingInformation $b -CertificateThumbPrint {A}",
            "New-IISSiteBinding makes a record, and the line is not read",
        ),
        (
            f'schtasks /create /tn a /tr "netsh http add sslcert {TAGS}"',
            "netsh is inside quotes, whose content is not read",
        ),
    ],
    ids=range(12),
)
def test_a_line_that_binds_in_another_way_is_bad(line: str, message: str) -> None:
    """What changes a record and is not read is reported with its line, and alone it is a script."""
    found = read(f"Import-Module WebAdministration\n{line}\nnetsh http add sslcert {ONE}\n")
    assert [(one.line, one.message) for one in found.bad] == [(2, message)]
    assert found.notes == ("line 1 does not affect bindings, and is ignored",)
    assert len(found.records) == 1
    if not line.startswith(("echo", "$line")):
        assert detect(line)
        assert [one.line for one in read(line).bad] == [1]


VALUES = {"certhash": A, "appid": IIS, "certstorename": "My"}
IN_IIS = Binding(parse_key(IPPORT, "0.0.0.0:443"), VALUES)
SNI_IN_IIS = Binding(NAME, VALUES)
STORE = "Cert:\\LocalMachine\\My"
ESCAPED = f'\\"{IIS}\\"'
ARGUMENTS = f"http add sslcert {ONE}"


@pytest.mark.parametrize(
    ("line", "record"),
    [
        (f"Start-Process netsh -ArgumentList '{ARGUMENTS}' -Wait", FIRST),
        (f'Start-Process -FilePath "netsh.exe" -Args "{ARGUMENTS}"', FIRST),
        (f"saps netsh -ArgumentList 'http','add','sslcert','{ONE}'", FIRST),
        (f'Invoke-Expression "netsh {ARGUMENTS}"', FIRST),
        (f"iex 'netsh {ARGUMENTS}'", FIRST),
        (f'iex "netsh {ARGUMENTS.replace(IIS, repr(IIS))}"', FIRST),
        (f'cmd.exe /c "netsh {ARGUMENTS}"', FIRST),
        (f'cmd /c "netsh {ARGUMENTS.replace(IIS, chr(34) + IIS + chr(34))}"', FIRST),
        (f'powershell -NoProfile -Command "netsh {ARGUMENTS}"', FIRST),
        (f"& netsh.exe --% {ARGUMENTS}", FIRST),
        (
            f"Get-Item {STORE}\\{A} | New-Item 'IIS:\\SslBindings\\0.0.0.0!443'",
            IN_IIS,
        ),
        (f"New-Item IIS:\\SslBindings\\*!443 -Thumbprint {A}", None),
        (
            (
                "New-IISSiteBinding -Name a -BindingInformation '*:443:' -Protocol https"
                f" -CertificateThumbPrint {A} -CertStoreLocation Cert:\\LocalMachine\\My"
            ),
            IN_IIS,
        ),
        (
            (
                f'New-IISSiteBinding -Name a -BindingInformation "*:443:{NAME.host}"'
                " -Protocol https"
                f" -CertificateThumbPrint {A} -CertStoreLocation '{STORE}' -SslFlag Sni"
            ),
            SNI_IN_IIS,
        ),
        (
            (
                f"Add-NetIPHttpsCertBinding -IpPort '0.0.0.0:443' -CertificateHash {A}"
                f" -CertificateStoreName My -ApplicationId '{IIS}' -NullEncryption $false"
            ),
            IN_IIS,
        ),
        (
            (
                f"New-WebBinding -Name a -Protocol https -Port 443 -HostHeader {NAME.host} "
                "-SslFlags 1"
                "\n"
                "$b = Get-WebBinding -Name a -Port 443 -Protocol https\n"
                f"$b.AddSslCertificate('{A}', 'My')"
            ),
            SNI_IN_IIS,
        ),
        (
            (
                "New-WebBinding -Name 'a' -IPAddress * -Port 443 -Protocol https\n"
                f"(Get-WebBinding -Name a).AddSslCertificate('{A}', 'My')"
            ),
            IN_IIS,
        ),
        (f"httpcfg set ssl -i 10.0.0.5:443 -h {A} -g {IIS} -c MY", FIRST),
        (
            f"httpcfg.exe set ssl -i 10.0.0.5:443 -h {A} -g {IIS} -c MY -m 1 -f 2",
            FIRST.replace({"verifyclientcertrevocation": False, "clientcertnegotiation": True}),
        ),
    ],
    ids=range(19),
)
def test_what_is_read_without_a_line_of_netsh(line: str, record: Binding | None) -> None:
    """Commands of PowerShell and httpcfg with literal values are records, netsh in quotes too."""
    assert detect(line)
    found = read(line)
    assert found.bad == ()
    wanted = record or Binding(IN_IIS.key, {**IN_IIS.values, "certstorename": "MY"})
    assert [one.binding for one in found.records] == [wanted]


def test_what_a_removal_may_have_taken_is_not_a_fact() -> None:
    """Records above ``Remove-NetIPHttpsCertBinding`` are bad, those below are facts."""
    found = read(
        f"netsh http add sslcert {ONE}\nRemove-NetIPHttpsCertBinding\n"
        f"netsh http add sslcert ipport=10.0.0.6:443 certhash={A} appid={IIS}\n"
    )
    assert [one.binding.key.host for one in found.records] == ["10.0.0.6"]
    assert [(one.line, one.key) for one in found.bad] == [(1, KEY), (2, None)]
    assert found.bad[0].message == "ipport=10.0.0.5:443 is created here, but line 2 may remove it"
    other = read(f"{ADD}\nRemove-Item 'IIS:\\SslBindings\\10.0.0.5!443'\n")
    assert (other.records, other.bad) == ((), ())


REG = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters\\SslBindingInfo\\10.0.0.5:443"


def test_reg_add_changes_a_record() -> None:
    """DefaultFlags of a record that a line above makes; of no record, its tags are in the hint."""
    line = f"REG ADD {REG}  /v DefaultFlags /t REG_DWORD /d 1 /f"
    found = read(f"{ADD}\n{line}\nnet stop tsgateway\n")
    assert [one.binding for one in found.records] == [FIRST.replace({"dsmapperusage": True})]
    assert found.bad == ()
    assert detect(line)
    (alone,) = read(line).bad
    assert (alone.line, alone.key) == (1, KEY)
    assert alone.message == (
        "sets DefaultFlags to 1 (dsmapperusage=enable) of ipport=10.0.0.5:443, but no line above"
        " adds that record"
    )
    assert alone.hints == (
        (
            "sslbind update sslcert ipport=10.0.0.5:443 dsmapperusage=enable applies it to a"
            " registry that has the record"
        ),
    )
    (other,) = read(f"{ADD}\nreg add {REG} /v SslCertHash /t REG_BINARY /d 00 /f\n").bad[:1]
    assert other.key == KEY
    assert read(f"{ADD}\nreg delete {REG} /f\n").records == ()


@pytest.mark.parametrize(
    "before",
    [
        "C:\\>",
        "E:UsersOperator>",
        "C:\\Program Files\\x>",
        "PS> ",
        "PS C:\\Windows\\system32> ",
        "[web01]: PS C:\\Users\\a\\Documents> ",
        "> ",
        "2026-03-02T07:41:19.1000003Z ##[command]",
        "2026-03-02T07:41:19.1000003Z ",
        "[07:41:19] ",
        "2026-03-02 07:41:19,100 INFO  ",
        "VERBOSE: ",
        "[command]",
        "##[command]",
        "+ ",
        "$ ",
        "setup-1  | ",
    ],
)
def test_what_a_console_or_a_log_puts_before_a_line(before: str) -> None:
    """Prompts, times, levels and marks are not part of the line, quoted program or not."""
    for program in ("netsh", '"netsh"', "C:\\Windows\\System32\\netsh.exe"):
        line = f"{before}{program} http add sslcert {ONE}"
        assert detect(line)
        found = read(line)
        assert ([one.binding for one in found.records], found.bad) == ([FIRST], ())


@pytest.mark.parametrize(
    "line",
    [
        f"netsh http>add sslcert {ONE}",
        f"netsh>http add sslcert {ONE}",
        f'        "netsh http add sslcert {ONE}",',
        f'"cmd": "netsh http add sslcert {ONE.replace(IIS, ESCAPED)}"',
        f"`netsh http add sslcert {ONE}`",
    ],
    ids=["http-prompt", "netsh-prompt", "json", "json-escaped", "markdown"],
)
def test_what_surrounds_a_line(line: str) -> None:
    """netsh's own prompts, JSON's quotes and Markdown's backticks are not part of the line."""
    assert detect(line)
    found = read(f"first\n{line}\n")
    assert [(one.line, one.binding) for one in found.records] == [(2, FIRST)]


def test_the_answer_in_a_log() -> None:
    """A line that netsh answered with an error made no record; for error 5 the hint says why."""
    found = read(
        f"07:41:19 ##[command]{ADD}\n"
        "07:41:20 \n"
        "07:41:20 SSL Certificate add failed, Error: 5\n"
        "07:41:20 The requested operation requires elevation (Run as administrator).\n"
        "07:41:21 ##[command]netsh http add sslcert ccs=443 appid=iis\n"
        "07:41:21 SSL Certificate successfully added\n"
    )
    assert [one.binding.key for one in found.records] == [parse_key(CCS, "443")]
    assert [(one.line, one.message, one.key) for one in found.bad] == [
        (1, "netsh answered this line with error 5, so it created no record", KEY)
    ]
    assert found.bad[0].hints == (
        (
            "the account that ran it is not an administrator: run the console, or the pipeline's"
            " agent, as administrator"
        ),
        "sslbind explain 5 explains the code",
    )
    kept = read(f"{ADD}\n{ADD}\nSSL Certificate add failed, Error: 183\n")
    assert [one.binding for one in kept.records] == [FIRST]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            f"netsh http add sslcert ipport=0.0.0.0:<port> certhash={A} appid={IIS}",
            "'ipport=0.0.0.0:<port>': <port> is a placeholder, whose value is not in the line",
        ),
        (
            f"netsh http add sslcert ipport=0.0.0.0:443 certhash=*** appid={IIS}",
            "'certhash=***': *** is a placeholder, whose value is not in the line",
        ),
        (
            f'netsh http add sslcert ipport=0.0.0.0:443 certhash={A} appid={IIS}"',
            "the line has only a closing double quote",
        ),
    ],
    ids=["angle", "stars", "quote"],
)
def test_placeholders_and_stray_quotes(line: str, message: str) -> None:
    """The sentence names what has to be filled in, or taken away."""
    assert [one.message for one in read(line).bad] == [message]


HTTPCFG = f"""C:\\>httpcfg query ssl
    IP                      : 10.0.0.5:443
    Hash                    : {A}
    Guid                    : {IIS}
    CertStoreName           : MY
    CertCheckMode           : 1
    RevocationFreshnessTime : 60
    UrlRetrievalTimeout     : 0
    SslCtlIdentifier        : (null)
    SslCtlStoreName         : (null)
    Flags                   : 2
------------------------------------------------------------------------------
    IP                      : 0.0.0.0:8012
    Hash                    : 12
    Guid                    : {{00000000-0000-0000-0000-000000000000}}
    CertStoreName           : (null)
"""


def test_the_output_of_httpcfg() -> None:
    """Windows Server 2003's own tool: its numbers are those of the Windows registry."""
    source = parse_source(HTTPCFG.encode(), "ssl.txt")
    assert (source.format.name, source.imported.release) == ("httpcfg", Release.W2003)
    assert [(one.line, one.binding) for one in source.imported.records] == [
        (
            2,
            FIRST.replace({"verifyclientcertrevocation": False, "clientcertnegotiation": True,
                           "revocationfreshnesstime": 60}),
        )
    ]  # fmt: skip
    assert [(one.line, one.message) for one in source.imported.bad] == [
        (13, "certhash=12: 2 hex digits where a SHA-1 thumbprint has 40"),
        (17, "the text breaks off in a record: what follows is not known"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Write-Host 'now add sslcert'",
        "echo add sslcert",
        "Write-Host 'then Set-AdfsSslCertificate'",
        "New-WebBinding -Name Contoso -Protocol http -Port 80",
        "if (!(Test-Path IIS:\\SslBindings\\0.0.0.0!443)) { exit }",
        "Get-ChildItem IIS:\\SslBindings",
    ],
)
def test_a_line_that_does_not_bind_is_passed_over(line: str) -> None:
    """What only speaks of binding, or looks, is not a bad record."""
    found = read(f"{line}\nnetsh http add sslcert {ONE}\n")
    assert found.bad == ()
    assert found.notes == ("line 1 does not affect bindings, and is ignored",)
    assert not detect(line)


def test_show_in_the_answer_of_ansible() -> None:
    """The lines of ``stdout_lines`` are read, however deep they are indented."""
    lines = show_writer.show([FIRST], Release.W2012).split("\n")
    text = "".join(f'        "{line}",\n' for line in lines)
    source = parse_source(f'ok: [web01] => {{\n    "out": [\n{text}    ]\n}}\n'.encode(), "log")
    assert source.format.name == "netsh-show"
    assert [one.binding for one in source.imported.records] == [FIRST]


def test_a_long_line_of_commands() -> None:
    """Time stays in proportion to the text, whatever commands it repeats."""
    for piece in ("New-Item ", "IIS:\\SslBindings\\", "iex '", "-a ", "PS ", "reg add "):
        read(f"httpcfg set ssl {piece * 30_000}")
