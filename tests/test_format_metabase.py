"""Imports of MetaBase.xml: what IIS 6 stored about certificates becomes records."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from conftest import IIS, A, B, Run
from hypothesis import given
from hypothesis import strategies as st

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats.iis import metabase_records
from sslbind.formats.imported import Imported, ImportedRecord
from sslbind.keys import IPPORT, parse_key
from sslbind.release import Release

GOLDEN = Path(__file__).parent / "golden" / "sites"
NOTE = "does not record an owner; appid is assumed to be that of IIS"
SITE = f'SecureBindings=":443:" SSLCertHash="{A}"'


def golden(name: str) -> Imported:
    return metabase_records.read((GOLDEN / name).read_text(encoding="utf-8"), name)


def read(*sites: str, service: str = "") -> Imported:
    """What is read from sites with these properties, each on a line, the first on line 3."""
    servers = "".join(
        f'<IIsWebServer Location="/LM/W3SVC/{number}" {site}/>\n'
        for number, site in enumerate(sites, 1)
    )
    text = f'<MBProperty>\n<IIsWebService Location="/LM/W3SVC" {service}/>\n{servers}</MBProperty>'
    return metabase_records.read(text, "MetaBase.xml")


def bad(imported: Imported) -> list[tuple[int | None, str]]:
    return [(one.line, one.message) for one in imported.bad]


def test_metabase() -> None:
    """Each secure binding of a site has a record with the site's certificate and settings."""
    imported = golden("MetaBase-V64_0.xml")
    values = {
        "certhash": A,
        "appid": IIS,
        "certstorename": "MY",
        "sslctlidentifier": "{6A615835-58F1-4B6F-A779-3F5AE1F1F9E7}",
        "sslctlstorename": "CA",
    }
    assert imported.records == tuple(
        ImportedRecord(Binding(parse_key(IPPORT, key), values), 22)
        for key in ("0.0.0.0:443", "10.0.0.5:8443")
    )
    assert bad(imported) == [
        (32, "site '/LM/w3svc/1874501' has secure bindings but no certificate (SSLCertHash)")
    ]
    assert (imported.release, imported.notes) == (Release.W2003, (NOTE,))
    assert imported.sites is not None
    assert len(imported.sites.bindings) == 5


def test_inheritance() -> None:
    """A site inherits what the web service sets unless it sets it itself."""
    imported = golden("MetaBase-V54_0.xml")
    assert imported.records == (
        ImportedRecord(Binding(parse_key(IPPORT, "0.0.0.0:443"), {"certhash": A, "appid": IIS}), 5),
    )
    [record] = read(
        f'{SITE} CertCheckMode="0"', service='CertCheckMode="1" SslUseDsMapper="TRUE"'
    ).records
    assert record.binding.values == {"certhash": A, "appid": IIS, "dsmapperusage": True}


@pytest.mark.parametrize(
    ("properties", "tags"),
    [
        ('CertCheckMode="0"', {}),
        ('CertCheckMode="1"', {"verifyclientcertrevocation": False}),
        ('CertCheckMode="2"', {"verifyrevocationwithcachedclientcertonly": True}),
        ('CertCheckMode="65536"', {"usagecheck": False}),
        (
            'CertCheckMode="65537"',
            {"usagecheck": False, "verifyclientcertrevocation": False},
        ),
        (
            'CertCheckMode="4" RevocationFreshnessTime="3600"',
            {"revocationfreshnesstime": 3600},
        ),
        ('RevocationURLRetrievalTimeout="15000"', {"urlretrievaltimeout": 15000}),
        ('SslCtlIdentifier="{X}"', {"sslctlidentifier": "{X}"}),
        ('SslCtlStoreName="CA"', {"sslctlstorename": "CA"}),
        ('SslUseDsMapper="TRUE"', {"dsmapperusage": True}),
        ('SSLAlwaysNegoClientCert="true"', {"clientcertnegotiation": True}),
        (
            'SslUseDsMapper="TRUE" SSLAlwaysNegoClientCert="TRUE"',
            {"dsmapperusage": True, "clientcertnegotiation": True},
        ),
        ('SslUseDsMapper="FALSE" SSLStoreName=""', {}),
    ],
)
def test_properties_are_tags(properties: str, tags: dict[str, object]) -> None:
    """Each property is the tag of the same meaning."""
    imported = read(f"{SITE} {properties}")
    [record] = imported.records
    assert record.binding == Binding(
        parse_key(IPPORT, "0.0.0.0:443"), {"certhash": A, "appid": IIS, **tags}
    )
    assert imported.notes == (NOTE,)


def test_the_bit_of_the_freshness_time() -> None:
    """Bit 4 alone is kept; a time without its bit is reported."""
    [record] = read(f'{SITE} CertCheckMode="4"').records
    assert record.binding.other == {"DefaultSslCertCheckMode": 4}
    imported = read(f'{SITE} RevocationFreshnessTime="60"')
    assert imported.notes[1:] == (
        (
            "ipport=0.0.0.0:443: bit REVOCATION_FRESHNESS_TIME of DefaultSslCertCheckMode is off,"
            " but the value that implies it is set; an export turns it on"
        ),
    )


@pytest.mark.parametrize(
    ("site", "message"),
    [
        (
            'SecureBindings=":443:"',
            "site '/LM/W3SVC/2' has secure bindings but no certificate (SSLCertHash)",
        ),
        (
            'SecureBindings=":443:" SSLCertHash="zz"',
            "SSLCertHash='zz': 'z' (U+007A) is not a hex digit; a thumbprint has 40",
        ),
        (
            f'{SITE} CertCheckMode="-1"',
            "site '/LM/W3SVC/2' has CertCheckMode='-1', which is not a number from 0 to 4294967295",
        ),
        (
            f'{SITE} SslUseDsMapper="maybe"',
            "site '/LM/W3SVC/2' has SslUseDsMapper='maybe', which is neither TRUE nor FALSE",
        ),
        (
            f'{SITE} SslCtlStoreName="../CA"',
            (
                "ipport=0.0.0.0:443: sslctlstorename = '../CA': a store name is a word"
                " such as MY, not a path"
            ),
        ),
        (
            f'SecureBindings="443" SSLCertHash="{A}" ServerComment="Web"',
            "https '443' of site 'Web' cannot have a record: it is not IP:port:host",
        ),
        (
            f'SecureBindings="::1:443:" SSLCertHash="{A}"',
            (
                "https '::1:443:' of site '/LM/W3SVC/2' cannot have a record: ipport=::1:443:"
                " write an IPv6 address in brackets"
            ),
        ),
    ],
)
def test_bad_site(site: str, message: str) -> None:
    """An impossible value is reported with the line of its site; the sites around it are read."""
    around = (f'SecureBindings="10.0.0.{n}:443:" SSLCertHash="{A}"' for n in (1, 2))
    imported = read(next(around), site, next(around))
    assert bad(imported) == [(4, message)]
    assert [one.line for one in imported.records] == [3, 5]


def test_sites_without_secure_bindings() -> None:
    """They need no certificate, and no other setting of theirs makes a record."""
    imported = read('ServerBindings=":80:" CertCheckMode="x"', "")
    assert (imported.records, imported.bad, imported.notes) == ((), (), ())


def test_a_shared_record() -> None:
    """Two sites of one address and port share a record, and must agree on it."""
    one = f'SecureBindings=":443:a.contoso.com :443:" SSLCertHash="{A}"'
    other = f'SecureBindings="0.0.0.0:443:b.contoso.com" SSLCertHash="{B}"'
    imported = read(one, one, f'{one} CertCheckMode="1"', other)
    assert [(one.binding.certhash, one.line) for one in imported.records] == [(A, 3)]
    said = (
        "ipport=0.0.0.0:443: this site's certificate or settings differ from those of the site on"
        " line 3, but one record serves both"
    )
    assert bad(imported) == [(5, said), (6, said)]


def test_the_command(run: Run, tmp_path: Path) -> None:
    """The registry is for Windows Server 2003, and messages name file and line."""
    data = (GOLDEN / "MetaBase-V64_0.xml").read_bytes()
    (tmp_path / "MetaBase.xml").write_bytes(data)
    seen = run("import", "MetaBase.xml")
    assert seen.code == 1
    assert seen.err.startswith("error: MetaBase.xml:32: site '/LM/w3svc/1874501' has secure ")
    seen = run("import", "--partial", "MetaBase.xml")
    assert seen.out == f"added ipport=0.0.0.0:443 {A}\nadded ipport=10.0.0.5:8443 {A}\n"
    assert 'windows = "2003"\n' in (tmp_path / "sslbind.toml").read_text()


def test_another_kind(run: Run, tmp_path: Path) -> None:
    """XML that is not a metabase is refused."""
    (tmp_path / "sites.xml").write_text("<sites/>")
    seen = run("import", "--from", "metabase", "sites.xml")
    assert (seen.code, seen.err.splitlines()[0]) == (
        2,
        "error: sites.xml: has no sites: its root element is <sites>",
    )


def test_too_many_bindings() -> None:
    """A short file that asks for millions of bindings is refused."""
    with pytest.raises(SslbindError, match="has more than 100000 bindings"):
        read(*[f'SecureBindings="{":1: " * 20_000}" SSLCertHash="{A}"'] * 6)


text = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"&<\ufffe\uffff'))
names = st.sampled_from(
    ["SecureBindings", "SSLCertHash", "SSLStoreName", "CertCheckMode", "SslCtlIdentifier",
     "SslUseDsMapper", "RevocationFreshnessTime", "ServerComment", "ServerBindings"]
)  # fmt: skip
properties = st.dictionaries(names, st.sampled_from([":443:", A, "1", "TRUE", "MY"]) | text)


@given(st.lists(properties, max_size=4), properties)
def test_any_properties(sites: list[dict[str, str]], service: dict[str, str]) -> None:
    """Whatever the properties are, there are records and messages."""
    found = (" ".join(f'{name}="{value}"' for name, value in one.items()) for one in sites)
    with contextlib.suppress(SslbindError):
        read(*found, service=" ".join(f'{name}="{value}"' for name, value in service.items()))
