"""Imports of applicationHost.config, of IIS Express' own, and of appcmd's XML."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import IIS, A, B, Run, Stored, snapshot
from hypothesis import given
from hypothesis import strategies as st

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats import formats
from sslbind.formats.iis import site_records
from sslbind.formats.imported import Imported, ImportedRecord
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, parse_key
from sslbind.owners import OWNER_BY_WORD

GOLDEN = Path(__file__).parent / "golden" / "sites"
EXPRESS = OWNER_BY_WORD["iisexpress"].appid
NOTE = "does not record an owner; appid is assumed to be that of IIS"


def golden(name: str) -> Imported:
    return site_records.read((GOLDEN / name).read_text(encoding="utf-8"), name)


def document(*bindings: str) -> str:
    """A configuration whose one site has these bindings, each on a line, the first on line 2."""
    elements = "".join(f'<binding protocol="https" {one}/>\n' for one in bindings)
    return f'<sites><site name="Shop"><bindings>\n{elements}</bindings></site></sites>'


def place(information: str, flags: int = 0, certhash: str = "", store: str = "") -> str:
    """The attributes of a binding."""
    found = f'bindingInformation="{information}" sslFlags="{flags}"'
    found += f' certificateHash="{certhash}"' if certhash else ""
    return found + (f' certificateStoreName="{store}"' if store else "")


def read(*bindings: str) -> Imported:
    return site_records.read(document(*bindings), "sites.xml")


def wanted(imported: Imported) -> list[tuple[str, str, int | None]]:
    """Each record that wants a certificate: key, host, line."""
    return [(one.key.spec, one.host, one.line) for one in imported.incomplete]


def bad(imported: Imported) -> list[tuple[int | None, str]]:
    return [(one.line, one.message) for one in imported.bad]


# Documents


def test_application_host() -> None:
    """A record for each https binding; the certificates are in no file, but for central stores."""
    imported = golden("applicationHost.config")
    assert imported.records == (
        ImportedRecord(Binding(parse_key(CCS, "443"), {"appid": IIS, "sslflags": 3}), 49),
    )
    assert wanted(imported) == [
        ("ipport=0.0.0.0:443", "", 32),
        ("hostnameport=www.contoso.com:443", "www.contoso.com", 39),
        ("ipport=[2001:db8::5]:443", "", 43),
        ("hostnameport=bücher.contoso.com:8443", "bücher.contoso.com", 44),
    ]
    assert [dict(one.values) for one in imported.incomplete] == [
        {"appid": IIS},
        {"appid": IIS, "disabletls13": True},
        {"appid": IIS},
        {"appid": IIS},
    ]
    assert (imported.bad, imported.notes, imported.release) == ((), (NOTE,), None)


def test_the_sites_come_along() -> None:
    """What is asked of the sites can be asked of an import."""
    imported = golden("applicationHost.config")
    assert imported.sites is not None
    assert (len(imported.sites.bindings), len(imported.sites.client_certificates)) == (8, 1)


def test_appcmd() -> None:
    """appcmd writes certificate and store, and that is the whole record."""
    imported = golden("appcmd.xml")
    values = {"certhash": B, "certstorename": "WebHosting", "appid": IIS}
    key = parse_key(HOSTNAMEPORT, "shop.contoso.com:443")
    assert imported.records == (ImportedRecord(Binding(key, values), 7),)
    assert (imported.incomplete, imported.bad) == ((), ())


def test_iis_express() -> None:
    """The records of IIS Express are its own, and a note says so."""
    imported = golden("iisexpress.config")
    assert wanted(imported) == [
        ("ipport=0.0.0.0:44300", "", 11),
        ("ipport=0.0.0.0:44301", "localhost", 12),
    ]
    assert {one.values["appid"] for one in imported.incomplete} == {EXPRESS}
    assert imported.notes == (
        "does not record an owner; appid is assumed to be that of IIS Express",
    )


def test_http_alone() -> None:
    """http bindings have no records, and nothing is said of them."""
    text = '<bindings><binding protocol="http" bindingInformation="*:80:"/></bindings>'
    imported = site_records.read(text, "sites.xml")
    assert (imported.records, imported.bad, imported.notes) == ((), (), ())


# Bindings into records


@pytest.mark.parametrize(
    ("flags", "tags"),
    [
        (1, []),
        (1 + 4, ["disablehttp2"]),
        (1 + 8, ["disableocspstapling"]),
        (1 + 16, ["disablequic"]),
        (1 + 64 + 128, ["clientcertnegotiation", "disablelegacytls"]),
    ],
)
def test_flags_are_tags(flags: int, tags: list[str]) -> None:
    """Bits 4 to 128 of sslFlags turn tags on; the number itself is not kept."""
    [record] = read(place("*:443:www.contoso.com", flags, A)).records
    assert sorted(record.binding.values.keys() - {"certhash", "appid"}) == tags
    assert record.binding == Binding(
        parse_key(HOSTNAMEPORT, "www.contoso.com:443"),
        {"certhash": A, "appid": IIS, "sslflags": flags},
    ).replace({"sslflags": None})


def test_a_shared_record() -> None:
    """Bindings of one key share its record: every bit counts, and the certificate of any."""
    imported = read(
        place("*:443:www.contoso.com", 4),
        place("*:443:shop.contoso.com", 8, A, "My"),
        place("0.0.0.0:443:", 0, A, "MY"),
    )
    [record] = imported.records
    assert (record.line, str(record.binding.key), record.binding.values) == (
        3,
        "0.0.0.0:443",
        {
            "certhash": A,
            "certstorename": "My",
            "appid": IIS,
            "disablehttp2": True,
            "disableocspstapling": True,
        },
    )
    assert (imported.incomplete, imported.bad) == ((), ())


def test_another_certificate_for_a_shared_record() -> None:
    """One record holds one certificate: a binding that selects another is bad."""
    imported = read(
        place("*:443:a.contoso.com", 0, A),
        place("*:443:b.contoso.com", 0, B),
        place("*:443:c.contoso.com", 0, A, "WebHosting"),
    )
    assert [one.binding.certhash for one in imported.records] == [A]
    said = "has a different certificate from line 2, but ipport=0.0.0.0:443 serves both"
    assert bad(imported) == [
        (3, f"https '*:443:b.contoso.com' of site 'Shop' {said}"),
        (4, f"https '*:443:c.contoso.com' of site 'Shop' {said}"),
    ]


def test_several_hosts() -> None:
    """Where several hosts share a record without certificate, a note says which is searched for."""
    imported = read(place("*:443:WWW.contoso.com"), place("*:443:"), place("*:443:b.contoso.com"))
    assert wanted(imported) == [("ipport=0.0.0.0:443", "www.contoso.com", 2)]
    assert imported.notes[1:] == (
        (
            "ipport=0.0.0.0:443 serves 2 hosts; its certificate is selected for the first,"
            " www.contoso.com"
        ),
    )


@pytest.mark.parametrize(
    ("flags", "stored"), [([2], None), ([3], 3), ([3, 3], 3), ([3, 2], None), ([2, 2], None)]
)
def test_central_store(flags: Iterable[int], stored: int | None) -> None:
    """A port has one record, without certificate; SNI is its own where every site asks for it."""
    imported = read(*(place(f"*:443:{n}.contoso.com", n_) for n, n_ in enumerate(flags)))
    values = {"appid": IIS} | ({"sslflags": stored} if stored else {})
    assert imported.records == (ImportedRecord(Binding(parse_key(CCS, "443"), values), 2),)


def test_a_certificate_beside_the_central_store() -> None:
    """A certificateHash has no place in a record of the central store."""
    [record] = read(place("*:443:www.contoso.com", 2, A)).records
    assert record.binding == Binding(parse_key(CCS, "443"), {"appid": IIS})


# What has no record


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            place("*:443:", 1),
            (
                "https '*:443:' of site 'Shop' cannot have a record: hostnameport=:443: '' is not a"
                " host name: a label is empty"
            ),
        ),
        (
            place("443"),
            "https '443' of site 'Shop' cannot have a record: it is not IP:port:host",
        ),
        (
            place("::1:443:"),
            (
                "https '::1:443:' of site 'Shop' cannot have a record: ipport=::1:443:"
                " write an IPv6 address in brackets"
            ),
        ),
        (
            place("*:443:www", 6),
            (
                "https '*:443:www' of site 'Shop' cannot have a record: sslflags=6: DisableHTTP2"
                " cannot be combined with CentralCertStore"
            ),
        ),
        (
            place("*:443:www", 257),
            (
                "https '*:443:www' of site 'Shop' cannot have a record: sslflags=257: bit 256 is"
                " not known"
            ),
        ),
        ('bindingInformation="*:443:" sslFlags="x"', "sslFlags='x' of a binding is not a number"),
        ("", "a binding has no bindingInformation"),
        (
            place("*:443:", 0, "8d90"),
            "certificateHash='8d90': 4 hex digits where a SHA-1 thumbprint has 40",
        ),
    ],
)
def test_bad_binding(attributes: str, message: str) -> None:
    """A binding that cannot have a record is bad, with its line; those around it are read."""
    good = place("*:8443:", 0, A)
    imported = read(place("*:9443:", 0, A), attributes, good)
    assert bad(imported) == [(3, message)]
    assert [one.line for one in imported.records] == [2, 4]


def test_bad_access() -> None:
    """So is a flag of <access> that is none."""
    text = (
        '<configuration><location path="Shop"><system.webServer><security>\n'
        '<access sslFlags="Cert"/></security></system.webServer></location>'
        f"<system.applicationHost>{document(place('*:443:', 0, A))}</system.applicationHost>"
        "</configuration>"
    )
    imported = site_records.read(text, "sites.xml")
    assert bad(imported) == [(2, "sslFlags of <access> has 'Cert', which is not a flag")]
    assert len(imported.records) == 1


# The command


def test_the_newest_certificate_of_the_stores(run: Run, stored: Stored, tmp_path: Path) -> None:
    """A store gives the certificate for the host, and a note names it."""
    (tmp_path / "sites.xml").write_text(document(place("*:443:www.contoso.com", 1 + 32)))
    seen = run("import", "sites.xml")
    assert (seen.code, seen.out) == (
        0,
        f"added hostnameport=www.contoso.com:443 {stored.web.thumbprint}\n",
    )
    assert (
        "note: sites.xml: hostnameport=www.contoso.com:443: the document has no certificate;"
        f" {stored.web.thumbprint} in MY was chosen for www.contoso.com:"
    ) in seen.err
    assert f"note: sites.xml: {NOTE}\n" in seen.err
    shown = run("show", "sslcert", "hostnameport=www.contoso.com:443").out
    assert "    Disable TLS1.3               : Set\n" in shown


def test_no_certificate(run: Run, stored: Stored, tmp_path: Path) -> None:
    """Where no store covers the host the record is bad, with its line, and nothing is written."""
    (tmp_path / "sites.xml").write_text(document(place("*:443:"), place("*:443:a.example", 1)))
    before = snapshot(tmp_path)
    seen = run("import", "sites.xml")
    assert (seen.code, snapshot(tmp_path)) == (1, before)
    for line, key in ((2, "ipport=0.0.0.0:443"), (3, "hostnameport=a.example:443")):
        assert f"error: sites.xml:{line}: {key}: the document has no certificate," in seen.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", ["UTF-8", "utf-16", "windows-1252"])
def test_any_declared_encoding(run: Run, tmp_path: Path, encoding: str, declared: str) -> None:
    """What is decoded is read, whatever encoding it says it has."""
    text = document(place("*:443:bücher.example", 1, A))
    data = f'<?xml version="1.0" encoding="{declared}"?>\r\n{text}'.encode(encoding)
    assert run("import", "-", stdin=data).out == f"added hostnameport=bücher.example:443 {A}\n"


def test_reading_commands(run: Run, tmp_path: Path) -> None:
    """-r takes such a file; a record without a certificate is there, its certificate unknown."""
    (tmp_path / "sites.xml").write_text(document(place("*:443:", 0, A), place("*:444:")))
    seen = run("-r", "sites.xml", "list", "--format", "tsv")
    rows = [line.split("\t")[1:3] for line in seen.out.splitlines()]
    assert rows == [["0.0.0.0:443", A], ["0.0.0.0:444", "?"]]
    assert "note: sites.xml: does not record the certificate of 1 binding\n" in seen.err


LAUGHS = (
    '<?xml version="1.0"?>\n<!DOCTYPE sites [\n<!ENTITY a "ha">\n'
    '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">\n]>\n<sites><site name="&b;"/></sites>'
)
FETCH = '<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<sites><site name="&a;"/></sites>'
METABASE = '<!DOCTYPE s SYSTEM "http://192.0.2.1/x.dtd">\n<MBProperty><IIsWebServer/></MBProperty>'


@pytest.mark.parametrize("name", [(), ("--from", "iis"), ("--from", "metabase")])
@pytest.mark.parametrize(("text", "line"), [(LAUGHS, 2), (FETCH, 1), (METABASE, 1)])
def test_entities_are_refused(
    run: Run, tmp_path: Path, text: str, line: int, name: tuple[str, ...]
) -> None:
    """A document type is refused with file and line; nothing is expanded, fetched or written."""
    (tmp_path / "sites.xml").write_text(text)
    before = snapshot(tmp_path)
    seen = run("import", *name, "sites.xml")
    assert (seen.code, seen.out, snapshot(tmp_path)) == (2, "", before)
    assert seen.err.startswith(f"error: sites.xml:{line}: has a document type declaration, ")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<sites>\n<site>\n</sites>", "sites.xml:3: is not XML: mismatched tag\n"),
        (
            "<a><bindings/></a>",
            "sites.xml: has no sites: its root element is <a>\n",
        ),
        ("<html/>", "sites.xml: is a web page\n"),
    ],
)
def test_other_xml(run: Run, tmp_path: Path, text: str, error: str) -> None:
    """Broken XML, and XML of another kind, is refused."""
    (tmp_path / "sites.xml").write_text(text)
    seen = run("import", "sites.xml")
    assert (seen.code, seen.err.splitlines(keepends=True)[0]) == (2, f"error: {error}")


def test_text_for_the_terminal_is_harmless(run: Run, tmp_path: Path) -> None:
    """Names with control characters come escaped, and no host of theirs becomes a record."""
    (tmp_path / "sites.xml").write_text(document(place("*:443:a&#10;b &quot;$(x)&#155;", 1, A)))
    seen = run("import", "sites.xml")
    assert (seen.code, seen.out) == (1, "")
    assert "https '*:443:a\\nb \"$(x)\\x9b' of site 'Shop' cannot have a record: " in seen.err


# Anything


def test_it_is_told_by_content() -> None:
    """Each golden file is one of the two formats, and nothing else is."""
    for path in GOLDEN.iterdir():
        text = path.read_text(encoding="utf-8")
        found = next(one.name for one in formats().values() if one.detect and one.detect(text))
        assert found == ("metabase" if path.name.startswith("MetaBase") else "iis")


@given(st.text() | st.text().map(lambda text: f"<sites>{text}</sites>"))
def test_any_text(text: str) -> None:
    """Whatever the text is, there is an answer or a sentence."""
    site_records.detect(text)
    with contextlib.suppress(SslbindError):
        site_records.read(text, "sites.xml")


attributes = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"&<\ufffe\uffff')
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["*:443:", "[::1]:1:www", ":44300:*", "x"]) | attributes,
            st.integers(0, 300),
            st.sampled_from(["", A, B]) | attributes,
        ),
        max_size=5,
    )
)
def test_any_bindings(places: list[tuple[str, int, str]]) -> None:
    """Every binding is in a record, wanted, or bad; no key comes twice."""
    imported = read(*(place(*one) for one in places))
    keys = [one.binding.key for one in imported.records] + [one.key for one in imported.incomplete]
    assert len(keys) == len(set(keys))
    assert len(keys) + len(imported.bad) <= len(places)
    assert bool(keys) or len(imported.bad) == len(places)


def test_ten_thousand_sites() -> None:
    """The work grows with the document and not with its square."""
    many = (place(f"*:443:{n}.contoso.com", 1, A) for n in range(10_000))
    assert len(read(*many).records) == 10_000


def test_an_address_has_the_kind_of_its_record() -> None:
    """Without SNI the host does not count: the address has the record."""
    [record] = read(place("10.0.0.5:443:www.contoso.com", 0, A)).records
    assert record.binding.key == parse_key(IPPORT, "10.0.0.5:443")


# What is elsewhere, or was left out


@pytest.mark.parametrize(
    "mark",
    ["...", "[snip]", "<!-- 12 more bindings -->", "<!-- … -->"],
    ids=["dots", "snip", "comment", "ellipsis"],
)
def test_bindings_that_were_left_out(run: Run, tmp_path: Path, mark: str) -> None:
    """A text or a comment that stands for bindings or sites is an unknown record."""
    text = document(place("*:443:a.test", 1)).replace("</bindings>", f"{mark}\n</bindings>")
    imported = site_records.read(text, "sites.xml")
    assert [message.partition(" stands ")[2] for _, message in bad(imported)] == [
        "for lines that were left out: which records they had is not known"
    ]
    (tmp_path / "sites.xml").write_text(text, encoding="utf-8")
    checked = run("check", "sites.xml")
    assert checked.code == 1
    assert ": error: record-unreadable: a record could not be read: " in checked.out
    assert run("-r", "new.toml", "import", "sites.xml").code == 1
    assert not (tmp_path / "new.toml").exists()
    (tmp_path / "bare.toml").write_text("version = 1\n")
    assert run("-r", "bare.toml", "check", "--sites", "sites.xml").code == 2


def test_other_text_and_comments_stand_for_nothing() -> None:
    """Comments in other places, and words in these, are passed over as ever."""
    text = document(place("*:443:a.test", 1)).replace("<sites>", "<sites><!-- the shop -->ours")
    around = f"<configuration><!-- ... truncated --><system.applicationHost>{text}"
    around += "</system.applicationHost></configuration>"
    assert bad(site_records.read(around, "sites.xml")) == []


def test_sites_in_another_file(run: Run, tmp_path: Path) -> None:
    """``configSource`` names it: no answer is given about sites that were not read."""
    (tmp_path / "a.config").write_text(
        '<configuration><system.applicationHost>\n<sites configSource="sites.xml"/>'
        "</system.applicationHost></configuration>"
    )
    message = "a.config:2: error: record-unreadable: a record could not be read: the sites are in"
    checked = run("check", "a.config")
    assert checked.code == 1
    assert f"{message} 'sites.xml', which configSource names" in checked.out
    (tmp_path / "bare.toml").write_text("version = 1\n")
    compared = run("-r", "bare.toml", "check", "--sites", "a.config")
    assert (compared.code, compared.out) == (2, "")
    assert "hint: name that file instead\n" in compared.err


def test_flags_that_are_no_number_are_an_unread_record(run: Run, tmp_path: Path) -> None:
    """What ``check`` says of a configuration alone, beside a binding that could be read."""
    good = place("*:443:a.test", 1)
    (tmp_path / "a.config").write_text(document(good, good.replace('"1"', '"abc"')))
    checked = run("check", "a.config")
    assert checked.code == 1
    assert "a.config:3: error: record-unreadable: a record could not be read: sslFlags='abc'" in (
        checked.out
    )
