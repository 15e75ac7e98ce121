"""The tags: their types, their defaults, their first release, and their bad values."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from conftest import IIS, OTHER, WRONG, A, Run
from hypothesis import given
from hypothesis import strategies as st

from sslbind.errors import BadValueError, SslbindError
from sslbind.owners import OWNERS
from sslbind.tags import TAG_BY_NAME, TAGS, Tag

RELEASES = ["2003", "2008", "2008r2", "2012", "2012r2", "2016", "2019", "2022", "2025"]

TABLE = {
    "certhash": ("hash", None, "2008"),
    "appid": ("guid", None, "2008"),
    "certstorename": ("text", None, "2008"),
    "verifyclientcertrevocation": ("e/d", True, "2008"),
    "verifyrevocationwithcachedclientcertonly": ("e/d", False, "2008"),
    "usagecheck": ("e/d", True, "2008"),
    "revocationfreshnesstime": ("number", 0, "2008"),
    "urlretrievaltimeout": ("number", 0, "2008"),
    "sslctlidentifier": ("text", None, "2008"),
    "sslctlstorename": ("text", None, "2008"),
    "dsmapperusage": ("e/d", False, "2008"),
    "clientcertnegotiation": ("e/d", False, "2008"),
    "reject": ("e/d", False, "2016"),
    "disablehttp2": ("e/d", False, "2016"),
    "disablequic": ("e/d", False, "2019"),
    "disabletls13": ("e/d", False, "2019"),
    "disableocspstapling": ("e/d", False, "2019"),
    "enabletokenbinding": ("e/d", False, "2022"),
    "logextendedevents": ("e/d", False, "2022"),
    "disablelegacytls": ("e/d", False, "2019"),
    "enablesessionticket": ("e/d", False, "2022"),
    "disabletls12": ("e/d", False, "2019"),
    "disablesessionid": ("e/d", False, "2025"),
}
"""Section 3 of the specification, verbatim."""

BITS = {
    "verifyclientcertrevocation": ("DefaultSslCertCheckMode", 0x1),
    "verifyrevocationwithcachedclientcertonly": ("DefaultSslCertCheckMode", 0x2),
    "usagecheck": ("DefaultSslCertCheckMode", 0x10000),
    "dsmapperusage": ("DefaultFlags", 0x1),
    "clientcertnegotiation": ("DefaultFlags", 0x2),
    "reject": ("DefaultFlags", 0x8),
    "disablehttp2": ("DefaultFlags", 0x10),
    "disablequic": ("DefaultFlags", 0x20),
    "disabletls13": ("DefaultFlags", 0x40),
    "disableocspstapling": ("DefaultFlags", 0x80),
    "enabletokenbinding": ("DefaultFlags", 0x100),
    "logextendedevents": ("DefaultFlags", 0x200),
    "disablelegacytls": ("DefaultFlags", 0x400),
    "enablesessionticket": ("DefaultFlags", 0x800),
    "disabletls12": ("DefaultFlags", 0x1000),
    "disablesessionid": ("DefaultFlags", 0x4000),
}
KEY = "ipport=10.0.0.5:443"
BASE = (KEY, f"certhash={A}", "appid=iis", "certstorename=MY")
SAMPLES = {"e/d": "enable", "number": "7", "text": "Some Text", "hash": A, "guid": OTHER}


def test_the_table() -> None:
    """The tags are those of the specification, with their defaults."""
    assert [(tag.name, tag.default) for tag in sorted(TAGS, key=lambda tag: tag.name)] == [
        (name, default) for name, (_, default, _) in sorted(TABLE.items())
    ]


@pytest.mark.parametrize(("name", "place"), BITS.items())
def test_bits(name: str, place: tuple[str, int]) -> None:
    """Each flag has the registry value and the bit of HTTP.SYS; two are set when disabled."""
    tag = TAG_BY_NAME[name]
    assert (tag.value, tag.bit) == place
    assert tag.inverted is (name in ("verifyclientcertrevocation", "usagecheck"))


@pytest.mark.parametrize("name", TABLE)
def test_added_listed_and_dumped(run: Run, bare: Path, name: str) -> None:
    """Every tag is accepted by add, stored with its native type, listed and dumped."""
    kind, default, _ = TABLE[name]
    text = "disable" if default is True else SAMPLES[kind]
    words = [word for word in BASE if not word.startswith(f"{name}=")]
    assert run("add", "sslcert", *words, f"{name}={text}").code == 0
    native: object = {"enable": True, "disable": False, "7": 7}.get(text, text)
    assert run("list", "--format", "json").json["bindings"][0][name] == native
    assert f" {name}=" in run("dump").out
    toml = {"enable": "true", "disable": "false", "7": "7"}.get(text, f'"{text}"')
    assert f"\n{name} = {toml}\n" in bare.read_text()


@pytest.mark.parametrize("name", TABLE)
def test_defaults_are_left_out(run: Run, bare: Path, name: str) -> None:
    """A tag at its default appears neither in the file nor in a dump."""
    kind, default, _ = TABLE[name]
    if default is None:
        return
    text = "0" if kind == "number" else "enable" if default else "disable"
    assert run("add", "sslcert", *BASE, f"{name}={text}").code == 0
    assert name not in bare.read_text()
    assert name not in run("dump").out


NEWER = [
    (name, release)
    for (name, (_, _, since)), release in itertools.product(TABLE.items(), RELEASES[1:])
    if RELEASES.index(release) < RELEASES.index(since)
]


@pytest.mark.parametrize(("name", "release"), NEWER)
def test_newer_than_the_release(run: Run, bare: Path, name: str, release: str) -> None:
    """A tag newer than the release is unknown to it; the hint names the release that has it."""
    before = bare.read_bytes()
    result = run("--windows", release, "add", "sslcert", *BASE, f"{name}=enable")
    assert result.code == 1
    assert result.out.startswith(f"'{name}' is not a valid argument for this command.\n")
    since = TABLE[name][2]
    assert f"hint: {name} exists from Windows Server {since} on\n" in result.err
    assert f"--windows {since}" in result.err
    assert bare.read_bytes() == before


@pytest.mark.parametrize("name", TABLE)
def test_in_its_first_release(run: Run, bare: Path, name: str) -> None:
    """A tag is accepted in its first release."""
    del bare
    kind, _, since = TABLE[name]
    words = [word for word in BASE if not word.startswith(f"{name}=")]
    result = run("--windows", since, "add", "sslcert", *words, f"{name}={SAMPLES[kind]}")
    assert result.code == 0


@pytest.mark.parametrize(
    ("word", "key", "release", "since"),
    [
        ("hostnameport", "www.contoso.com:443", "2008r2", "2012"),
        ("ccs", "443", "2008r2", "2012"),
        ("scopedccs", "www.contoso.com:443", "2019", "2022"),
        ("hostnameport", "*.contoso.com:443", "2012r2", "2016"),
    ],
)
def test_kinds_newer_than_the_release(
    run: Run, bare: Path, word: str, key: str, release: str, since: str
) -> None:
    """A kind of key, and a wildcard name, are refused before their first release."""
    tags = [f"certhash={A}", "certstorename=MY"] if word == "hostnameport" else []
    before = bare.read_bytes()
    result = run("--windows", release, "add", "sslcert", f"{word}={key}", "appid=iis", *tags)
    assert result.code == 1
    assert f"Windows Server {since}" in result.err
    assert bare.read_bytes() == before
    assert run("--windows", since, "add", "sslcert", f"{word}={key}", "appid=iis", *tags).code == 0


BAD = [
    ("certhash", "a1" * 19),
    ("certhash", "a1" * 21),
    ("certhash", "g1" * 20),
    ("certhash", ""),
    ("appid", "4dc3e181-e14b-4a21-b022-59fc669b0914"),
    ("appid", "'{4dc3e181-e14b-4a21-b022-59fc669b0914}'"),
    ("appid", "{4dc3e181-e14b-4a21-b022-59fc669b091}"),
    ("appid", "{4dc3e181e14b4a21b02259fc669b0914}"),
    ("appid", "notepad"),
    ("appid", ""),
    ("certstorename", "../MY"),
    ("certstorename", "a/b"),
    ("certstorename", ".."),
    ("certstorename", "a\\b"),
    ("certstorename", "M\x1bY"),
    ("certstorename", "M\nY"),
    ("usagecheck", "yes"),
    ("usagecheck", "true"),
    ("usagecheck", "1"),
    ("usagecheck", ""),
    ("revocationfreshnesstime", "-1"),
    ("revocationfreshnesstime", "4294967296"),
    ("revocationfreshnesstime", "1.5"),
    ("revocationfreshnesstime", "1e3"),
    ("revocationfreshnesstime", "0x10"),
    ("revocationfreshnesstime", "\u0663"),
    ("urlretrievaltimeout", "soon"),
    ("sslctlidentifier", "a\x00b"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_values(run: Run, bare: Path, name: str, value: str) -> None:
    """A bad value is error 87; the hint names tag and value, and nothing is written."""
    before = bare.read_bytes()
    words = [word for word in BASE if not word.startswith(f"{name}=")]
    result = run("add", "sslcert", *words, f"{name}={value}")
    assert (result.code, result.out) == (1, WRONG)
    shown = value.encode("unicode_escape").decode() if not value.isprintable() else value
    assert f"hint: {name}={shown}" in result.err
    assert bare.read_bytes() == before


@pytest.mark.parametrize("text", ["enable", "ENABLE", "Enable"])
def test_switches_ignore_case(run: Run, bare: Path, text: str) -> None:
    """``enable`` and ``disable`` ignore case, and so do the names of tags."""
    assert run("add", "sslcert", *BASE, f"DisableHTTP2={text}").code == 0
    assert "disablehttp2 = true" in bare.read_text()


def test_store_names_keep_their_case(run: Run, bare: Path) -> None:
    """A store name is kept and shown as it was typed."""
    run("add", "sslcert", *BASE[:3], "certstorename=My")
    assert 'certstorename = "My"' in bare.read_text()
    assert "    Certificate Store Name       : My\n" in run("show", "sslcert").out


def test_hash_and_guid_in_lower_case(run: Run, bare: Path) -> None:
    """Hash and GUID are stored and shown in lower case."""
    run("add", "sslcert", KEY, f"certhash={A.upper()}", f"appid={IIS.upper()}", "certstorename=MY")
    assert f'certhash = "{A}"\nappid = "{IIS}"\n' in bare.read_text()


OWNER_IDS = {
    "iis": "{4dc3e181-e14b-4a21-b022-59fc669b0914}",
    "iisexpress": "{214124cd-d05b-4309-9af9-9caa44b2b74a}",
    "wmsvc": "{d7d72267-fcf9-4424-9eec-7e1d8dcec9a9}",
    "adfs": "{5d89a20c-beab-4389-9447-324788eb944a}",
    "wap": "{f955c070-e044-456c-ac00-e9e4275b3f04}",
    "workfolders": "{ce66697b-3aa0-49d1-bdbd-a25c8359fd5d}",
    "winrm": "{afebb9ad-9b97-4a91-9ab5-daf4d59122f6}",
    "reportingservices": "{1d40ebc7-1983-4ac5-82aa-1e17a7ae9a0e}",
    "sstp": "{ba195980-cd49-458b-9e23-c84ee0adcd75}",
    "branchcache": "{d673f5ee-a714-454d-8de2-492e4c1bd8f8}",
    "kdcproxy": "{5d8e2743-ef20-4d38-8751-7e400f200e65}",
    "octopus": "{e2096a4c-2391-4be1-9f17-e353f930e7f1}",
    "certify": "{c0a1e5ce-c001-c0de-ba5e-000000000042}",
}


def test_owners() -> None:
    """The products that use well-known ids are known by name."""
    assert {owner.word: owner.appid for owner in OWNERS} == OWNER_IDS


@pytest.mark.parametrize("word", ["iis", "IIS", "adfs"])
def test_appid_by_name(run: Run, bare: Path, word: str) -> None:
    """``appid=iis`` is IIS's GUID."""
    assert run("add", "sslcert", KEY, f"certhash={A}", f"appid={word}").code == 0
    assert f'appid = "{OWNER_IDS[word.lower()]}"' in bare.read_text()


def test_braces_are_explained(run: Run, bare: Path) -> None:
    """A GUID without braces gets a hint how to write it, in PowerShell too."""
    del bare
    result = run("add", "sslcert", KEY, f"certhash={A}", f"appid={IIS[1:-1]}")
    assert result.code == 1
    assert f"appid='{IIS}' in PowerShell" in result.err


@given(st.sampled_from(TAGS), st.text(max_size=50))
def test_any_value(tag: Tag, text: str) -> None:
    """Any text is a value or an SslbindError, and a value reads back from what is written."""
    try:
        value = tag.parse(text)
    except SslbindError:
        return
    assert tag.parse(tag.text(value)) == value
    assert tag.check(value) == value


@given(st.sampled_from(TAGS), st.one_of(st.none(), st.booleans(), st.floats(), st.integers()))
def test_any_stored_value(tag: Tag, value: object) -> None:
    """What a registry file may hold is checked by type: true is not a number, and 1 is not true."""
    try:
        checked = tag.check(value)
    except BadValueError:
        return
    assert type(checked) is type(value)
    assert checked == value
