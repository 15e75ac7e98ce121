"""What ``show`` prints, byte for byte, for each Windows release."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import IIS, WRONG, A, B, Run

GOLDEN = Path(__file__).parent / "golden"
HEADER = "\nSSL Certificate bindings:\n-------------------------\n\n"
NOT_FOUND = f"{HEADER}The system cannot find the file specified.\n\n"

KEYS = {
    "ipport": ("10.0.0.5:443", "2008"),
    "hostnameport": ("www.contoso.com:443", "2012"),
    "ccs": ("443", "2012"),
    "scopedccs": ("shop.contoso.com:443", "2022"),
}
RELEASES = ["2008", "2008r2", "2012", "2012r2", "2016", "2019", "2022", "2025"]
KINDS = [
    (release, kind)
    for release in RELEASES
    for kind, (_, since) in KEYS.items()
    if RELEASES.index(since) <= RELEASES.index(release)
]
NOT_AT_DEFAULT = {
    "verifyclientcertrevocation": "disable",
    "verifyrevocationwithcachedclientcertonly": "enable",
    "usagecheck": "disable",
    "revocationfreshnesstime": "3600",
    "urlretrievaltimeout": "15000",
    "sslctlidentifier": "Issuers",
    "sslctlstorename": "Client CA",
    "dsmapperusage": "enable",
    "clientcertnegotiation": "enable",
    "reject": "enable",
    "disablehttp2": "enable",
    "disablequic": "enable",
    "disabletls13": "enable",
    "disableocspstapling": "enable",
    "enabletokenbinding": "enable",
    "logextendedevents": "enable",
    "disablelegacytls": "enable",
    "enablesessionticket": "enable",
    "disabletls12": "enable",
    "disablesessionid": "enable",
}


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.txt").read_bytes().decode()


def fill(bare: Path) -> None:
    """Write a registry with one record of each kind, in another order than that of ``show``."""
    bare.write_text(
        f"""version = 1
windows = "2022"
[SslScopedCcsBindingInfo."shop.contoso.com:443"]
appid = "{IIS}"
[SslCcsBindingInfo.443]
appid = "{IIS}"
[SslSniBindingInfo."www.contoso.com:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
[SslBindingInfo."10.0.0.5:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
"""
    )


@pytest.mark.parametrize(("release", "kind"), KINDS)
def test_defaults(run: Run, bare: Path, release: str, kind: str) -> None:
    """A record at its defaults prints as its release prints it."""
    fill(bare)
    result = run("--windows", release, "show", "sslcert", f"{kind}={KEYS[kind][0]}")
    assert (result.out, result.err) == (golden(f"show-{release}-{kind}"), "")
    assert result.code == 0


@pytest.mark.parametrize("release", RELEASES)
def test_every_tag(run: Run, bare: Path, release: str) -> None:
    """A record with no tag at its default prints every tag that its release has, and no newer."""
    tags = [f"{name}={value}" for name, value in NOT_AT_DEFAULT.items()]
    key = "ipport=10.0.0.5:443"
    named = (f"certhash={A}", "appid=iis", "certstorename=MY")
    assert run("add", "sslcert", key, *named, *tags).code == 0
    extended = ("update", "sslpropertyex", key)
    assert run(*extended, "propertyid=0", "receivewindow=2097152").code == 0
    settings = ("propertyid=1", "maxsettingsperframe=1000", "maxsettingsperminute=60000")
    assert run(*extended, *settings).code == 0
    result = run("--windows", release, "show", "sslcert")
    assert result.out == golden(f"show-{release}-every-tag")


def blocks(release: str, *kinds: str) -> str:
    return HEADER + "".join(golden(f"show-{release}-{kind}")[len(HEADER) :] for kind in kinds)


def test_order_of_kinds(run: Run, bare: Path) -> None:
    """A listing has IP, then hostname, then CCS, then scoped CCS, with an empty line after each."""
    fill(bare)
    assert run("show", "sslcert").out == blocks("2022", *KEYS)
    assert run("show", "sslsnicert").out == blocks("2022", "hostnameport")
    assert run("show", "sslccs").out == blocks("2022", "ccs", "scopedccs")


def test_order_within_a_kind(run: Run, bare: Path) -> None:
    """Within a kind the order is the registry file's."""
    table = '[SslBindingInfo."{}"]\ncerthash = "{}"\nappid = "{}"\n'
    bare.write_text(
        "version = 1\n"
        + table.format("10.0.0.9:443", A, IIS)
        + table.format("10.0.0.1:443", B, IIS)
    )
    out = run("show", "sslcert").out
    assert out.index("10.0.0.9:443") < out.index("10.0.0.1:443")


def test_the_files_release(run: Run, bare: Path) -> None:
    """Without --windows, the registry's release is used."""
    fill(bare)
    bare.write_text(bare.read_text().replace('"2022"', '"2012r2"'))
    assert run("show", "sslcert", "10.0.0.5:443").out == golden("show-2012r2-ipport")


def test_no_store_name(run: Run, bare: Path) -> None:
    """An ipport record without a store name shows it as (null)."""
    text = golden("show-2022-ipport").replace(
        "    Certificate Store Name       : MY\n", "    Certificate Store Name       : (null)\n"
    )
    bare.write_text(
        f'version = 1\n[SslBindingInfo."10.0.0.5:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
    )
    assert run("show", "sslcert").out == text


def test_untagged_bits(run: Run, bare: Path) -> None:
    """Server 2025 shows the bits that have no tag: cached URLs, no AIA, the client hello cache."""
    bare.write_text(
        f"""version = 1
windows = "2025"
[SslBindingInfo."10.0.0.5:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
[SslBindingInfo."10.0.0.5:443".Other]
DefaultFlags = 0x8000
DefaultSslCertCheckMode = 0x18
"""
    )
    text = golden("show-2025-ipport")
    for label, off, on in (
        ("Verify Revocation Using Cached URLs Only", "Disabled", "Enabled"),
        ("Disable Authority Info Access", "Disabled", "Enabled"),
        ("Enable Caching Client Hello ", "Not Set", "Set"),
    ):
        assert f"    {label} : {off}\n" in text
        text = text.replace(f"    {label} : {off}\n", f"    {label} : {on}\n")
    assert run("show", "sslcert").out == text


@pytest.mark.parametrize("line", [("sslcert", "ipport=10.0.0.6:443"), ("sslsnicert", "x.test:443")])
def test_nothing_found(run: Run, bare: Path, line: tuple[str, ...]) -> None:
    """A key without a record answers as netsh does, on standard output, with exit code 1."""
    fill(bare)
    result = run("show", *line)
    assert (result.code, result.out) == (1, NOT_FOUND)
    assert result.err.startswith("hint: ")
    assert line[1].rpartition("=")[2] in result.err


def test_nothing_at_all(run: Run, bare: Path) -> None:
    """Without a key and without records, only the header is printed, with exit code 0."""
    del bare
    result = run("show", "sslcert")
    assert (result.code, result.out, result.err) == (0, HEADER, "")


def test_a_bad_key(run: Run, bare: Path) -> None:
    """An invalid key is error 87, not a key that was not found."""
    del bare
    result = run("show", "sslcert", "ipport=10.0.0.256:443")
    assert (result.code, result.out) == (1, WRONG)
    assert "10.0.0.256" in result.err


def test_terminal_makes_no_difference(run: Run, bare: Path) -> None:
    """Colours and widths do not matter: show always prints netsh's text."""
    fill(bare)
    env = {"FORCE_COLOR": "1", "COLUMNS": "20"}
    assert run("show", "sslcert", "10.0.0.5:443", env=env).out == golden("show-2022-ipport")


def test_json(run: Run, bare: Path) -> None:
    """``json=enable`` prints netsh's JSON: the names are captured, the hash is base64."""
    fill(bare)
    result = run("show", "sslcert", "json=enable")
    assert result.code == 0
    assert result.json == {
        "SslCertificateBindings": [
            {
                "IpPort": "10.0.0.5:443",
                "ConfigType": 1,
                "AppId": IIS,
                "GuidString": IIS,
                "SslHash": "oaGhoaGhoaGhoaGhoaGhoaGhoaE=",
                "SslCertStoreName": "MY",
            },
            {
                "IpPort": "www.contoso.com:443",
                "ConfigType": 5,
                "AppId": IIS,
                "GuidString": IIS,
                "SslHash": "oaGhoaGhoaGhoaGhoaGhoaGhoaE=",
                "SslCertStoreName": "MY",
            },
            {
                "IpPort": "443",
                "ConfigType": 6,
                "AppId": IIS,
                "GuidString": IIS,
                "SslHash": None,
                "SslCertStoreName": None,
            },
            {
                "IpPort": "shop.contoso.com:443",
                "ConfigType": 11,
                "AppId": IIS,
                "GuidString": IIS,
                "SslHash": None,
                "SslCertStoreName": None,
            },
        ],
        "message": "",
        "status": 0,
    }


def test_json_of_nothing(run: Run, bare: Path) -> None:
    """The format does not change the exit code, and standard output stays JSON."""
    fill(bare)
    result = run("show", "sslcert", "ipport=10.0.0.6:443", "json=enable")
    assert result.code == 1
    assert result.json == {
        "SslCertificateBindings": [],
        "message": "The system cannot find the file specified.",
        "status": 2,
    }
    assert json.loads(run("show", "sslccs", "json=ENABLE").out)["status"] == 0


def test_json_file_round_trip(run: Run, bare: Path) -> None:
    """``add sslcert json=FILE`` makes the records that ``show … json=enable`` printed."""
    fill(bare)
    shown = run("show", "sslcert", "json=enable").out
    (bare.parent / "records.json").write_text(shown)
    bare.write_text("version = 1\n")
    assert run("add", "sslcert", "json=records.json").code == 0
    assert run("show", "sslcert", "json=enable").out == shown
