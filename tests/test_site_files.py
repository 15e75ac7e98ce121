"""The configuration files of IIS: what is read from them, and what is refused."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from conftest import A, B
from hypothesis import given
from hypothesis import strategies as st

from sslbind.errors import SslbindError
from sslbind.formats.iis.read_sites import MAX_SIZE, read_sites
from sslbind.formats.iis.xml_tree import MAX_DEPTH, MAX_PARTS, MAX_TAG, parse
from sslbind.release import Release, parse_release
from sslbind.sites import ClientCertificate, SiteBinding, Sites, parse_information

GOLDEN = Path(__file__).parent / "golden" / "sites"


def golden(name: str) -> Sites:
    return read_sites(GOLDEN / name)


def read(tmp_path: Path, text: str | bytes) -> Sites:
    """The sites of a file with this content."""
    path = tmp_path / "sites.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_sites(path)


def refused(tmp_path: Path, text: str | bytes) -> tuple[str, int | None]:
    """The message, and the line, with which a file is refused; the file is named."""
    with pytest.raises(SslbindError) as caught:
        read(tmp_path, text)
    assert caught.value.file == str(tmp_path / "sites.xml")
    assert type(caught.value) is SslbindError
    return caught.value.message, caught.value.line


def one(tmp_path: Path, attributes: str) -> SiteBinding:
    """The binding that an element with these attributes gives."""
    [binding] = read(tmp_path, f"<bindings><binding {attributes}/></bindings>").bindings
    return binding


def key(binding: SiteBinding) -> str:
    """The key of its record in IIS 8 and later."""
    return str(binding.key_for(Release.W2022))


# Each kind of file


def test_application_host() -> None:
    """Sites with their bindings, those that all sites inherit first unless they are cleared."""
    sites = golden("applicationHost.config")
    assert (sites.express, sites.owner.word) == (False, "iis")
    assert [
        (
            one.site,
            one.protocol,
            one.information,
            one.sslflags,
            one.line,
            key(one),
        )
        for one in sites.bindings
    ] == [
        ("Default Web Site", "http", "*:80:", 0, 31, "0.0.0.0:80"),
        ("Default Web Site", "https", "*:443:", 0, 32, "0.0.0.0:443"),
        ("Contoso", "http", "*:8080:", 0, 56, "0.0.0.0:8080"),
        ("Contoso", "https", "10.0.0.5:443:WWW.contoso.com", 33, 39, "www.contoso.com:443"),
        ("Contoso", "https", "[2001:db8::5]:443:", 0, 43, "[2001:db8::5]:443"),
        ("Contoso", "https", "0.0.0.0:8443:bücher.contoso.com", 1, 44, "bücher.contoso.com:8443"),
        ("Farm & Sons", "http", "*:8080:", 0, 56, "0.0.0.0:8080"),
        ("Farm & Sons", "https", "*:443:farm.contoso.com", 3, 49, "443"),
    ]


def test_client_certificates_of_application_host() -> None:
    """A folder of Contoso wants them; the site that has <access> with Ssl alone does not."""
    assert golden("applicationHost.config").client_certificates == (
        ClientCertificate("Contoso", required=True, line=73),
    )


def test_legacy_property() -> None:
    """Property 5506 is reported with its path; other properties are not."""
    assert golden("applicationHost.config").legacy_bindings == (("LM/W3SVC/1", 18),)


def test_iis_express() -> None:
    """IIS Express writes * for every host, and is recognized by the location of its modules."""
    sites = golden("iisexpress.config")
    assert (sites.express, sites.owner.word) == (True, "iisexpress")
    assert [(one.address, one.port, one.host, key(one)) for one in sites.bindings] == [
        ("", 8080, "localhost", "0.0.0.0:8080"),
        ("", 44300, "", "0.0.0.0:44300"),
        ("", 44301, "localhost", "0.0.0.0:44301"),
    ]


def test_appcmd() -> None:
    """appcmd also shows the certificate and the store; the hash is converted to lower case."""
    sites = golden("appcmd.xml")
    assert sites.bindings[1] == SiteBinding(
        site="Shop",
        protocol="https",
        information="*:443:shop.contoso.com",
        address="",
        port=443,
        host="shop.contoso.com",
        sslflags=1,
        line=7,
        certhash=B,
        store="WebHosting",
    )
    assert len(sites.bindings) == 2


def test_appcmd_through_powershell(tmp_path: Path) -> None:
    """PowerShell's > makes UTF-16 of a text that says it is UTF-8: the byte order mark counts."""
    text = (GOLDEN / "appcmd.xml").read_text(encoding="utf-8")
    assert read(tmp_path, text.encode("utf-16")).bindings == golden("appcmd.xml").bindings


def test_metabase() -> None:
    """A site of IIS 6 has one certificate for all its secure bindings, reported with its own line.

    Its store comes from the web service if the site names none; FTP sites
    do not use HTTP.SYS.
    """
    sites = golden("MetaBase-V64_0.xml")
    assert sites.owner.word == "iis"
    assert [
        (one.site, one.protocol, one.information, one.line, one.certhash, one.store, key(one))
        for one in sites.bindings
    ] == [
        ("Default Web Site", "http", ":80:", 22, None, None, "0.0.0.0:80"),
        ("Default Web Site", "http", ":80:www.contoso.com", 22, None, None, "0.0.0.0:80"),
        ("Default Web Site", "https", ":443:", 22, A, "MY", "0.0.0.0:443"),
        ("Default Web Site", "https", "10.0.0.5:8443:www.contoso.com", 22, A, "MY",
         "10.0.0.5:8443"),
        ("/LM/w3svc/1874501", "https", "*:9443:", 32, None, "OWN", "0.0.0.0:9443"),
    ]  # fmt: skip


def test_metabase_of_another_schema() -> None:
    """The namespace does not count; a site without a comment is named by its location."""
    [binding] = golden("MetaBase-V54_0.xml").bindings
    assert (binding.site, binding.certhash, binding.line) == ("/LM/W3SVC/1", A, 5)


HOST, TSOH = "<system.applicationHost><sites>", "</sites></system.applicationHost>"


@pytest.mark.parametrize(
    ("text", "sites"),
    [
        ('<site name="A"><bindings>{}</bindings></site>', ["A"]),
        ('<sites><site name="A"><bindings>{0}{0}</bindings></site></sites>', ["A", "A"]),
        ("<bindings>{}</bindings>", [""]),
        ("{}", [""]),
        (f"{HOST}<site name='A'><bindings>{{}}</bindings></site>{TSOH}", ["A"]),
        ("<sites/>", []),
        (f"<configuration>{HOST}{TSOH}</configuration>", []),
    ],
)
def test_snippets(tmp_path: Path, text: str, sites: list[str]) -> None:
    """A part of a configuration is read as far as it holds bindings."""
    binding = '<binding protocol="https" bindingInformation="*:443:"/>'
    assert [one.site for one in read(tmp_path, text.format(binding)).bindings] == sites


def test_bindings_elsewhere(tmp_path: Path) -> None:
    """Elements of the same name in other sections do not belong to any site."""
    text = (
        '<configuration><system.serviceModel><bindings><binding name="x"/></bindings>'
        f"</system.serviceModel>{HOST}{TSOH}</configuration>"
    )
    assert read(tmp_path, text).bindings == ()


# Values


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("*:443:", ("", 443, "")),
        (":443:", ("", 443, "")),
        ("0.0.0.0:443:www", ("", 443, "www")),
        ("10.0.0.5:443:www.contoso.com", ("10.0.0.5", 443, "www.contoso.com")),
        ("[::1]:443:www", ("[::1]", 443, "www")),
        ("::1:443:www", ("::1", 443, "www")),
        ("[::]:443:", ("[::]", 443, "")),
        (":44300:*", ("", 44300, "")),
        ("*:443:*.contoso.com", ("", 443, "*.contoso.com")),
        ("*:443", ("", None, "443")),
        ("443", ("", None, "443")),
        ("", ("", None, "")),
        ("*:0:www", ("", None, "www")),
        ("*:65536:www", ("", None, "www")),
        ("*:\uff14\uff14\uff13:www", ("", None, "www")),
    ],
)
def test_information(text: str, place: tuple[str, int | None, str]) -> None:
    """It is read from the right: host, port, and the rest is the address."""
    assert parse_information(text) == place


@pytest.mark.parametrize(
    ("information", "flags", "windows", "key"),
    [
        ("*:443:www", 0, "2022", "ipport=0.0.0.0:443"),
        ("10.0.0.5:443:www", 0, "2022", "ipport=10.0.0.5:443"),
        ("[2001:DB8::0:5]:443:", 4, "2022", "ipport=[2001:db8::5]:443"),
        ("10.0.0.5:443:WWW.contoso.com", 1, "2022", "hostnameport=www.contoso.com:443"),
        ("*:443:*.contoso.com", 1, "2022", "hostnameport=*.contoso.com:443"),
        ("*:443:www", 2, "2022", "ccs=443"),
        ("*:443:www", 3, "2012", "ccs=443"),
        ("*:443:www", 3, "2008r2", "ipport=0.0.0.0:443"),
        ("10.0.0.5:443:www", 1, "2008", "ipport=10.0.0.5:443"),
        ("*:443:", 1, "2022", None),
        ("::1:443:", 0, "2022", None),
        ("*:443:10.0.0.5", 1, "2022", None),
        ("www", 0, "2022", None),
    ],
)
def test_key(tmp_path: Path, information: str, flags: int, windows: str, key: str | None) -> None:
    """Bits 1 and 2 of the flags choose the kind of record, from Windows Server 2012 on."""
    attributes = f'protocol="https" bindingInformation="{information}" sslFlags="{flags}"'
    found = one(tmp_path, attributes).key_for(parse_release(windows))
    assert (found and f"{found.kind}={found}") == key


def test_in_a_sentence(tmp_path: Path) -> None:
    """A binding is named by protocol, information and site; endless text is cut."""
    binding = one(tmp_path, 'protocol="https" bindingInformation="*:443:"')
    assert str(binding) == "https '*:443:'"
    assert str(binding._replace(site="Web")) == "https '*:443:' of site 'Web'"
    assert len(str(binding._replace(site="x" * 10_000, information="y" * 10_000))) < 700


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("0.0.0.0:443:www.contoso.com", True),
        (":443:WWW.Contoso.com", True),
        ("*:443:www.contoso.com.", True),
        ("*:443:shop.contoso.com", False),
        ("*:8443:www.contoso.com", False),
        ("10.0.0.5:443:www.contoso.com", False),
        ("*:443:", False),
    ],
)
def test_the_same_place(tmp_path: Path, other: str, same: bool) -> None:
    """Spellings of every address, and case in hosts, make no difference."""
    first = one(tmp_path, 'protocol="https" bindingInformation="*:443:www.contoso.com"')
    second = one(tmp_path, f'protocol="https" bindingInformation="{other}"')
    assert (first.canonical == second.canonical) is same


ACCESS = '<system.webServer><security><access sslFlags="{}"/></security></system.webServer>'


def location(path: str, flags: str) -> str:
    return f'<location path="{path}">{ACCESS.format(flags)}</location>'


@pytest.mark.parametrize(
    ("access", "wanted"),
    [
        ("", []),
        (ACCESS.format("Ssl, Ssl128"), []),
        (ACCESS.format("SslMapCert"), []),
        (ACCESS.format("Ssl, SslNegotiateCert"), [("One", False), ("Two", False)]),
        (ACCESS.format("ssl,sslrequirecert"), [("One", True), ("Two", True)]),
        (ACCESS.format("104"), [("One", True), ("Two", True)]),
        (ACCESS.format("8|32"), [("One", False), ("Two", False)]),
        (location("", "SslRequireCert"), [("One", True), ("Two", True)]),
        (location(".", "SslRequireCert"), [("One", True), ("Two", True)]),
        (location("one", "SslRequireCert"), [("One", True)]),
        (location("One/app/deep", "SslNegotiateCert"), [("One", False)]),
        (location("Other", "SslRequireCert"), []),
        (ACCESS.format("SslRequireCert") + location("Two", "None"), [("One", True)]),
        (
            ACCESS.format("SslRequireCert") + location("Two/app", "None"),
            [("One", True), ("Two", True)],
        ),
    ],
)
def test_access(tmp_path: Path, access: str, wanted: list[tuple[str, bool]]) -> None:
    """A site's setting replaces the server's; a folder's is added to it."""
    sites = (
        '<configuration><system.applicationHost><sites><site name="One"/><site name="Two"/>'
        f"</sites></system.applicationHost>{access}</configuration>"
    )
    found = read(tmp_path, sites).client_certificates
    assert [(one.site, one.required) for one in found] == wanted


# What cannot be


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ('bindingInformation="*:443:"', "a binding has no protocol"),
        ('protocol="https"', "a binding has no bindingInformation"),
        (
            'protocol="https" bindingInformation="*:443:" sslFlags="Sni"',
            "sslFlags='Sni' of a binding is not a number",
        ),
        (
            'protocol="https" bindingInformation="*:443:" sslFlags="-1"',
            "sslFlags='-1' of a binding is not a number",
        ),
        (
            'protocol="https" bindingInformation="*:443:" sslFlags="99999999999"',
            "sslFlags='99999999999' of a binding is not a number",
        ),
        (
            'protocol="https" bindingInformation="*:443:" certificateHash="8d90"',
            "certificateHash='8d90': 4 hex digits where a SHA-1 thumbprint has 40",
        ),
        (
            'protocol="https" bindingInformation="*:443:" certificateStoreName="../MY"',
            ("certificateStoreName='../MY': a store name is a word such as MY, not a path"),
        ),
    ],
)
def test_bad_binding(tmp_path: Path, attributes: str, message: str) -> None:
    """What IIS would refuse is an error with its line number."""
    text = f"<bindings>\n<clear/>\n<binding {attributes}/>\n</bindings>"
    assert refused(tmp_path, text) == (message, 3)


def test_bad_access(tmp_path: Path) -> None:
    """So is a flag of <access> that does not exist."""
    text = (
        f"<system.applicationHost>\n{ACCESS.format('Ssl, Cert')}<sites/></system.applicationHost>"
    )
    assert refused(tmp_path, text) == (
        "sslFlags of <access> has 'Cert', which is not a flag",
        2,
    )


def test_bad_metabase(tmp_path: Path) -> None:
    """An invalid SSLCertHash in the metabase is reported with the line of its site."""
    text = '<MBProperty>\n<IIsWebServer Location="/LM/W3SVC/1" SSLCertHash="zz"/></MBProperty>'
    assert refused(tmp_path, text) == (
        "SSLCertHash='zz': 'z' (U+007A) is not a hex digit; a thumbprint has 40",
        2,
    )


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("<configuration><system.web/></configuration>", "configuration"),
        ('<appcmd><SITE SITE.NAME="Shop" bindings="https/*:443:"/></appcmd>', "appcmd"),
        ("<html><body/></html>", "html"),
    ],
)
def test_no_sites(tmp_path: Path, text: str, root: str) -> None:
    """Other XML is refused, with the name of the right file; appcmd needs /config."""
    with pytest.raises(SslbindError) as caught:
        read(tmp_path, text)
    assert caught.value.message == f"has no sites: its root element is <{root}>"
    [hint] = caught.value.hints
    assert hint == (
        "files with sites are applicationHost.config, the output of appcmd list site /config"
        " /xml, and MetaBase.xml"
    )


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "is not XML: no element found", 1),
        ("version = 1\n", "is not XML: syntax error", 1),
        ("<sites>\n<site>\n</sites>", "is not XML: mismatched tag", 3),
        ("<sites/>\n<sites/>", "is not XML: junk after document element", 2),
        ("<sites>\n&nbsp;</sites>", "is not XML: undefined entity", 2),
        ('<sites a="1"\n a="2"/>', "is not XML: duplicate attribute", 2),
        ("<sites>\x00</sites>", "is not XML: not well-formed (invalid token)", 1),
    ],
)
def test_broken_xml(tmp_path: Path, text: str, message: str, line: int) -> None:
    """Broken XML is reported with expat's message and the line."""
    assert refused(tmp_path, text) == (message, line)


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", ["", ' encoding="UTF-8"'])
def test_encodings(tmp_path: Path, encoding: str, declared: str) -> None:
    """UTF-8 with and without a mark, and UTF-16 with one; line ends do not count."""
    text = (
        f'<?xml version="1.0"{declared}?>\r\n<sites>\r\n<site name="Bücher">\r\n<bindings>'
        '<binding protocol="https" bindingInformation="*:443:"/></bindings></site></sites>'
    )
    [binding] = read(tmp_path, text.encode(encoding)).bindings
    assert (binding.site, binding.line) == ("Bücher", 4)


def test_utf16_says_so(tmp_path: Path) -> None:
    """UTF-16 that says it is."""
    assert read(tmp_path, '<?xml version="1.0" encoding="UTF-16"?><sites/>'.encode("utf-16"))


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b'<?xml version="1.0" encoding="UTF-16"?><sites/>',
         "declares the encoding 'UTF-16', but has another one", 1),
        (b'\xef\xbb\xbf<?xml version="1.0" encoding="windows-1252"?><sites/>',
         "declares the encoding 'windows-1252', but has another one", 1),
        (b'<?xml version="1.0" encoding="\x66oo"?><sites/>',
         "declares the encoding 'foo', but has another one", 1),
        ("<sites>\n<site name='Bücher'/></sites>".encode("latin-1"), "is not UTF-8 text", 2),
        (b"\xff\xfe<\x00a", "is not UTF-16-LE text", 1),
    ],
)  # fmt: skip
def test_wrong_encoding(tmp_path: Path, data: bytes, message: str, line: int) -> None:
    """Another encoding, or a declaration that is not true, is refused."""
    assert refused(tmp_path, data) == (message, line)


# Hostile files

LAUGHS = (
    '<?xml version="1.0"?>\n<!DOCTYPE lolz [\n<!ENTITY lol "lol">\n'
    + "".join(f'<!ENTITY lol{n + 1} "{f"&lol{n or str()};" * 10}">\n' for n in range(10))
    + "]>\n<sites><site name='&lol9;'/></sites>"
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LAUGHS, 2),
        ("<!DOCTYPE sites><sites/>", 1),
        ('<!DOCTYPE sites SYSTEM "http://192.0.2.1/sites.dtd"><sites/>', 1),
        ('\n<!DOCTYPE sites [<!ENTITY x SYSTEM "file:///etc/passwd">]><sites>&x;</sites>', 2),
        ('<!DOCTYPE sites [<!ENTITY % p SYSTEM "http://192.0.2.1/p"> %p;]><sites/>', 1),
        ('<!DOCTYPE sites [<!ATTLIST site name CDATA "x">]><sites><site/></sites>', 1),
    ],
)
def test_document_type(tmp_path: Path, text: str, line: int) -> None:
    """A document type is refused before anything in it is looked at."""
    message, found = refused(tmp_path, text)
    assert message == (
        "has a document type declaration, which IIS configurations never have; it was not expanded"
    )
    assert found == line


def test_depth(tmp_path: Path) -> None:
    """Elements may be 200 deep, and no deeper; a million of them take too much memory."""
    assert read(
        tmp_path, "<sites>" + "<a>" * (MAX_DEPTH - 1) + "</a>" * (MAX_DEPTH - 1) + "</sites>"
    )
    assert refused(tmp_path, "<sites>" + "\n<a>" * 100_000) == (
        "has elements nested more than 200 deep",
        201,
    )
    message, line = refused(tmp_path, "<sites>" + "\n<a>" * 1_000_000)
    assert message.startswith("would take more than 20 times its size in memory")
    assert line is None


@pytest.mark.parametrize(
    "tag",
    [
        f'<site name="{"x" * 2 * MAX_TAG}"/>',
        "<site {}/>".format(" ".join(f'a{n}=""' for n in range(MAX_TAG // 4))),
        f"<!--{'x' * 2 * MAX_TAG}-->",
        f"<{'x' * 2 * MAX_TAG}/>",
        f"<?{'x' * 2 * MAX_TAG}?>",
    ],
    ids=["attribute", "attributes", "comment", "name", "instruction"],
)
def test_endless_tag(tmp_path: Path, tag: str) -> None:
    """A tag or comment of more than a mebibyte is refused before it is read completely."""
    assert refused(tmp_path, f"<sites>\n{tag}</sites>") == (
        "has a tag or comment of more than 1048576 bytes",
        2,
    )


def test_a_long_attribute(tmp_path: Path) -> None:
    """A smaller one is read."""
    assert read(tmp_path, f'<sites><site name="{"x" * (MAX_TAG // 2)}"/></sites>')


def test_parts(tmp_path: Path) -> None:
    """So is a file of more than a million elements and attributes."""
    element = "<a {}/>".format(" ".join(f'a{n}="{"x" * 20}"' for n in range(99)))
    assert refused(tmp_path, f"<sites>{element * (MAX_PARTS // 100)}</sites>") == (
        "has more than 1000000 elements and attributes",
        1,
    )


def test_inheritance(tmp_path: Path) -> None:
    """So are bindings for all sites that would be a hundred thousand in all."""
    binding = '<binding protocol="https" bindingInformation="*:443:"/>'
    defaults = f"<siteDefaults><bindings>{binding * 200}</bindings></siteDefaults>"
    text = f"<sites>{'<site/>' * 1000}\n{defaults}</sites>"
    assert refused(tmp_path, text) == (
        "has 200 bindings in siteDefaults, too many for 1000 sites",
        2,
    )


def test_metabase_without_end(tmp_path: Path) -> None:
    """So are sites of IIS 6 with a hundred thousand bindings."""
    server = f'<IIsWebServer Location="/LM/W3SVC/1" SecureBindings="{":1: " * 20_000}"/>'
    assert refused(tmp_path, f"<MBProperty>{server * 6}</MBProperty>") == (
        "has more than 100000 bindings",
        None,
    )


def test_size(tmp_path: Path) -> None:
    """A file of more than 64 MiB is refused unread."""
    path = tmp_path / "sites.xml"
    path.touch()
    os.truncate(path, MAX_SIZE + 1)
    with pytest.raises(SslbindError, match="is larger than the limit of 67108864 bytes"):
        read_sites(path)


def test_absent(tmp_path: Path) -> None:
    """A missing file is reported with the system's reason."""
    with pytest.raises(
        SslbindError, match=r"sites\.xml: cannot be read: no such file or directory"
    ):
        read_sites(tmp_path / "sites.xml")


DOCUMENTS = [path.read_bytes() for path in sorted(GOLDEN.iterdir())] + [LAUGHS.encode()]


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    """Whatever the bytes are, the result is an answer or a sentence."""
    try:
        parse(data, "sites.xml")
    except SslbindError as error:
        assert str(error).startswith("sites.xml:")


@given(
    st.sampled_from(DOCUMENTS),
    st.sampled_from(["utf-8", "utf-16"]),
    st.randoms(use_true_random=False),
    st.lists(
        st.sampled_from(
            ["<", ">", "/>", '"', "&", "&#0;", "&#x110000;", "<!", "<![CDATA[", "]]>", "<?xml?>",
             "binding", ":", "\x00", "\ud800", "\ufffe", "-1", "é", "<!DOCTYPE a>", "sslFlags=''"]
        ),
        min_size=1,
        max_size=5,
    ),
)  # fmt: skip
def test_mutated_documents(
    tmp_path: Path, document: bytes, encoding: str, chance: random.Random, pieces: list[str]
) -> None:
    """The same is true for files of IIS with parts inserted or removed anywhere."""
    text = document.decode()
    for piece in pieces:
        at = chance.randrange(len(text) + 1)
        text = text[:at] + piece + text[at + chance.choice((0, 0, 1, 20)) :]
    path = tmp_path / "sites.xml"
    path.write_bytes(text.encode(encoding, "surrogatepass"))
    try:
        sites = read_sites(path)
    except SslbindError as error:
        assert str(error).startswith(f"{path}:")
        return
    for binding in sites.bindings:
        assert str(binding)
        assert hash(binding.canonical)
        assert [binding.key_for(release) for release in Release]
