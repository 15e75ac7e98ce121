"""Captures: what capture.ps1 writes on a server is read as a registry, and nothing breaks it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import Issued, intermediate, mail, root, web
from strategies import binding_lists

from sslbind import netsh_messages
from sslbind.binding import Binding
from sslbind.digest import thumbprint
from sslbind.errors import SslbindError
from sslbind.formats import capture, formats
from sslbind.formats.imported import BadRecord, Imported, StoredCertificate
from sslbind.formats.netsh import show_reader, show_writer
from sslbind.keys import HOSTNAMEPORT, IPPORT, parse_key
from sslbind.registry.document import CentralCertProvider
from sslbind.release import Release

FILE = "web1.json"
SNI = Binding(
    parse_key(HOSTNAMEPORT, "münchen.example:443"),
    {"certhash": web().thumbprint, "appid": IIS, "certstorename": "My"},
)
IP = Binding(parse_key(IPPORT, "0.0.0.0:443"), {"certhash": web().thumbprint, "appid": IIS})
CONFIG = """\
<configuration>
  <system.applicationHost>
    <sites>
      <site name="Shop" id="1">
        <bindings>
          <binding protocol="https" bindingInformation="*:443:shop.example" sslFlags="1" />
        </bindings>
      </site>
    </sites>
  </system.applicationHost>
</configuration>"""


def stored(one: Issued, store: str = "My", *, key: bool = True) -> dict[str, Any]:
    return {"store": store, "key": key, "der": base64.b64encode(one.der).decode()}


def built(*bindings: Binding, **fields: Any) -> dict[str, Any]:
    """Return a document as capture.ps1 writes it on a Server 2022, except for ``fields``."""
    return {
        "format": "sslbind-capture",
        "version": 1,
        "computer": "WEB1",
        "date": "2026-03-01T12:00:00Z",
        "windows": {
            "build": 20348,
            "product": "Windows Server 2022 Datacenter",
            "release": "2009",
        },
        "sslcert": show_writer.show(bindings, Release.W2022).split("\n"),
        "iplisten": netsh_messages.iplisten(()).split("\n"),
        "certificates": [],
        "central": None,
        "config": None,
        **fields,
    }


def read(document: object, **layout: Any) -> Imported:
    return capture.read(json.dumps(document, **{"indent": 4, **layout}), FILE)


def test_a_capture_says_what_the_server_has() -> None:
    """Records, listen list, release, certificates and the central store come from one file."""
    imported = read(
        built(
            IP,
            SNI,
            iplisten=netsh_messages.iplisten(("10.0.0.5", "::1")).split("\n"),
            certificates=[stored(web()), stored(root(), "Root", key=False)],
            central={
                "enabled": True,
                "location": r"\\files\certs",
                "pollingInterval": 300,
                "files": ["www.contoso.com.pfx"],
            },
        )
    )
    assert [one.binding for one in imported.records] == [IP, SNI]
    assert imported._replace(records=()) == Imported(
        release=Release.W2022,
        iplisten=("10.0.0.5", "::1"),
        certificates=(
            StoredCertificate("My", web().der),
            StoredCertificate("Root", root().der),
        ),
        central=CentralCertProvider(enabled=True, location=r"\\files\certs"),
    )


def test_only_three_fields_are_needed() -> None:
    """What is null or absent did not exist; an empty listen list does exist."""
    shown = show_writer.show([IP], Release.W2022).split("\n")
    least = {"format": "sslbind-capture", "version": 1, "sslcert": shown}
    imported = read(least)
    assert imported._replace(records=()) == Imported(release=Release.W2022, inferred=True)
    assert read({**least, "config": None, "windows": None, "central": None}) == imported
    assert read(built(IP)).iplisten == ()


def test_records_have_the_line_where_their_key_stands() -> None:
    """Records of a document of many lines have their line; in a one-line document, none."""
    document = built(IP, SNI)
    text = json.dumps(document, indent=4)
    lines = [number for number, line in enumerate(text.split("\n"), 1) if ":443" in line]
    assert [one.line for one in read(document).records] == lines
    assert [one.line for one in read(document, indent=None).records] == [None, None]


@given(binding_lists())
@pytest.mark.slow
def test_the_records_are_those_of_netsh(bindings: list[Binding]) -> None:
    """However the JSON is formatted, its records are those that netsh's text alone has."""
    text = show_writer.show(bindings, Release.W2025)
    alone = show_reader.read(text, FILE)
    document = built(sslcert=text.split("\n"))
    for layout in ({"indent": 4}, {"indent": None}, {"indent": 0, "sort_keys": True}):
        imported = read(document, **layout)
        assert [one.binding for one in imported.records] == [one.binding for one in alone.records]
        assert len(imported.bad) == len(alone.bad)


BUILDS = [
    (3790, Release.W2003),
    (6001, Release.W2008),
    (6002, Release.W2008),
    (6003, Release.W2008),
    (7600, Release.W2008R2),
    (7601, Release.W2008R2),
    (9200, Release.W2012),
    (9600, Release.W2012R2),
    (14393, Release.W2016),
    (17763, Release.W2019),
    (20348, Release.W2022),
    (26100, Release.W2025),
]


@pytest.mark.parametrize(("build", "release"), BUILDS)
def test_the_build_tells_the_release(build: int, release: Release) -> None:
    """The build counts, whatever layout the text has."""
    imported = read(built(IP, windows={"build": build}))
    assert (imported.release, imported.notes) == (release, ())


@pytest.mark.parametrize(
    ("build", "release", "note"),
    [
        (19045, Release.W2019, ": it is treated as Windows Server 2019"),
        (25398, Release.W2022, ": it is treated as Windows Server 2022"),
        (99999, Release.W2025, ": it is treated as Windows Server 2025"),
        (2600, Release.W2022, ""),
    ],
)
def test_an_unknown_build(build: int, release: Release, note: str) -> None:
    """It counts as the newest release below it, or else the text's layout decides; noted."""
    imported = read(built(IP, windows={"build": build}))
    assert imported.release == release
    assert imported.notes == (f"build {build} of Windows is not known{note}",)


def test_a_certificate_without_its_key_is_left_out() -> None:
    """What the server could not serve is left out: a registry's store could not express it."""
    imported = read(built(SNI, certificates=[stored(web(), "MY", key=False)]))
    assert imported.certificates == ()
    (note,) = imported.notes
    assert note == (
        f"hostnameport=münchen.example:443: the server has {web().thumbprint} in My without its"
        " private key; it is left out, so that check reports it"
    )
    for entry in (stored(web()), stored(web(), "CA", key=False), stored(root(), key=False)):
        imported = read(built(SNI, certificates=[entry]))
        assert (len(imported.certificates or ()), imported.notes) == (1, ())
    twice = [stored(web(), "MY", key=False), stored(web(), "My")]
    assert read(built(SNI, certificates=twice)).notes == ()


def test_nothing_bound_is_noted() -> None:
    """A heading alone is a server without bindings; without it netsh failed: nothing is known."""
    none = "has a heading and no record: the server has no bindings"
    assert (read(built()).notes, read(built()).bad) == ((none,), ())
    command = "The following command was not found: x."
    failed = read(built(sslcert=[command]))
    assert [(one.key, one.message) for one in failed.bad] == [
        (None, f"netsh gave no listing of bindings; it answered: {command}")
    ]


def test_a_listing_that_breaks_off() -> None:
    """Its last line is not empty: what the last record lacks, and what follows, is not known."""
    lines = built(SNI, IP)["sslcert"]
    cut = read(built(sslcert=lines[: lines.index("") + 40]))
    assert [one.message.partition(" is cut")[0] for one in cut.bad]


BAD_CERTIFICATES = [
    ("www", "a certificate: it must be an object"),
    ({"store": "My", "key": True}, "a certificate: der is not a certificate"),
    ({**stored(web()), "der": "%%%"}, "a certificate: der is not base64"),
    ({**stored(web()), "der": "ü\ud800"}, "a certificate: der is not base64"),
    ({**stored(web()), "der": ["x"]}, "a certificate: der must be text, not a list"),
    ({**stored(web()), "key": "yes"}, "a certificate: key must be true/false, not text"),
    ({**stored(web()), "der": base64.b64encode(web().pem).decode()},
     "a certificate: der is not a certificate"),
    ({**stored(web()), "der": base64.b64encode(web().der + b"x").decode()},
     "a certificate: der is not a certificate"),
    (stored(web(), "../My"),
     "a certificate: '../My' is not a store name: it must be one folder name"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "message"), BAD_CERTIFICATES)
def test_a_bad_certificate_does_not_stop_the_rest(entry: object, message: str) -> None:
    """It is reported with its line, and the next is read."""
    imported = read(built(SNI, certificates=[entry, stored(intermediate(), "CA")]))
    assert imported.certificates == (StoredCertificate("CA", intermediate().der),)
    assert [(one.line is None, one.message) for one in imported.bad] == [(False, message)]


def test_a_private_key_is_no_certificate() -> None:
    """A key or a PFX in a capture is refused: no certificate store takes it in."""
    for data in (web().pfx(), web().key_pem()):
        entry = {**stored(web()), "der": base64.b64encode(data).decode()}
        imported = read(built(SNI, certificates=[entry]))
        assert (imported.certificates, len(imported.bad)) == ((), 1)


def test_a_certificate_that_no_parser_takes() -> None:
    """Windows' own certificates may be like that: left out with a note, and nothing fails."""
    data = web().der.replace(b"120000Z", b"129900Z", 1)  # minute 99
    entry = {"store": "Root", "key": False, "der": base64.b64encode(data).decode()}
    imported = read(built(SNI, certificates=[entry, stored(web())]))
    assert (imported.certificates, imported.bad) == ((StoredCertificate("My", web().der),), ())
    (note,) = imported.notes
    assert note.startswith(f"{thumbprint(data)} in Root is left out: ")


def test_a_bad_record_does_not_stop_the_rest() -> None:
    """An invalid record is reported with the line of the document, and the next is read."""
    lines = show_writer.show([IP, SNI], Release.W2022).split("\n")
    lines[5] = lines[5].replace(web().thumbprint, "sesame")
    document = built(sslcert=lines)
    imported = read(document)
    number = next(
        n for n, line in enumerate(json.dumps(document, indent=4).split("\n"), 1)
        if "0.0.0.0:443" in line
    )  # fmt: skip
    assert [one.binding for one in imported.records] == [SNI]
    assert [(one.line, one.message) for one in imported.bad] == [
        (number, f"ipport=0.0.0.0:443: line {number + 1} has 'sesame' where certhash is expected")
    ]


def test_a_location_that_is_none() -> None:
    """A location with a control character is left out, and reported."""
    imported = read(built(IP, central={"enabled": True, "location": "c:\\certs\x00"}))
    assert imported.central == CentralCertProvider(enabled=True)
    assert imported.bad == (
        BadRecord(
            None, r"location 'c:\\certs\x00' of the central store is not a path", is_record=False
        ),
    )


WRONG = [
    ("", "web1.json:1: is not JSON: Expecting value (column 1)"),
    ("[]", "web1.json: is not a JSON object with an array 'sslcert'"),
    ({}, "web1.json: is not a JSON object with an array 'sslcert'"),
    ({"sslcert": []}, "web1.json: is not a capture"),
    (built(format="capture"), "web1.json: is not a capture"),
    (built(version=2), "web1.json: version 2 is not known; this sslbind reads 1"),
    (built(version=None), "web1.json: version None is not known; this sslbind reads 1"),
    (built(version="1"), "web1.json: version must be a whole number, not text"),
    (built(version=True), "web1.json: version must be a whole number, not true/false"),
    (built(sslcert="text"), "web1.json: is not a JSON object with an array 'sslcert'"),
    (built(sslcert=[["x"]]), "web1.json: sslcert must be a list of lines"),
    (built(sslcert=["a\nb"]), "web1.json: sslcert must be a list of lines"),
    (built(iplisten=[1]), "web1.json: iplisten must be a list of lines"),
    (built(config=[None]), "web1.json: config must be a list of lines"),
    (built(windows=2022), "web1.json: windows must be an object, not a whole number"),
    (built(windows={"build": "20348"}), "web1.json: build must be a whole number, not text"),
    (built(windows={"build": 2.5}), "web1.json: build must be a whole number, not a number"),
    (built(certificates={}), "web1.json: is not a JSON object with an array 'certificates'"),
    (built(central=[]), "web1.json: central must be an object, not a list"),
    (built(central={"enabled": 1}), "web1.json: enabled must be true/false, not a whole number"),
    ('{"sslcert": ' + "9" * 5000 + "}", None),
    ('{"sslcert": ' + "[" * 100_000, "web1.json: is nested too deeply"),
    ('{"sslcert": [NaN]}', "web1.json: is not readable JSON: NaN is not a JSON value"),
]


@pytest.mark.parametrize(("document", "sentence"), WRONG)
def test_what_is_no_capture(document: object, sentence: str | None) -> None:
    """An invalid document, or one of another shape, is an error that says what is wrong."""
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(SslbindError) as caught:
        capture.read(text, FILE)
    assert sentence in (None, str(caught.value))
    assert type(caught.value) is SslbindError  # netsh never answers like this: exit 2


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["store", "key", "der", "build", "location"]), inner)
    ),
    max_leaves=20,
)


@given(st.sampled_from(sorted(built())), values, st.sampled_from([None, 2]))
def test_no_value_is_a_traceback(name: str, value: object, indent: int | None) -> None:
    """Whatever a field holds, the capture is read or refused."""
    with contextlib.suppress(SslbindError):
        read(built(IP, **{name: value}), indent=indent)


def test_a_capture_of_thousands() -> None:
    """The work grows linearly with the document and not quadratically."""
    key = "{}.example:443".format
    many = [Binding(parse_key(HOSTNAMEPORT, key(n)), dict(SNI.values)) for n in range(3000)]
    imported = read(built(*many, certificates=[stored(web())] * 200))
    assert (len(imported.records), len(imported.certificates or ())) == (3000, 200)


def test_sites_have_the_lines_of_the_document() -> None:
    """config holds the bindings of IIS's sites; messages about one name its line."""
    document = built(IP, config=CONFIG.split("\n"))
    text = json.dumps(document, indent=4)
    line = next(n for n, one in enumerate(text.split("\n"), 1) if "bindingInformation" in one)
    sites = read(document).sites
    assert sites is not None
    assert [(one.site, one.host, one.port, one.sslflags, one.line) for one in sites.bindings] == [
        ("Shop", "shop.example", 443, 1, line)
    ]
    assert sites.file == FILE


@pytest.mark.parametrize(
    "lines", [["<configuration>"], ["<!DOCTYPE a []>", "<a/>"], ["\ud800"], []]
)
def test_sites_that_cannot_be_read(lines: list[str]) -> None:
    """They count as one bad record; the bindings are read all the same."""
    imported = read(built(IP, config=lines))
    assert (len(imported.records), imported.sites, len(imported.bad)) == (1, None, 1)
    assert imported.bad[0].message.startswith("config: ")


def test_it_is_told_by_content() -> None:
    """A capture is distinguished from all other JSON, and no other format accepts it."""
    text = json.dumps(built(IP), indent=4)
    assert next(one.name for one in formats().values() if one.detect and one.detect(text)) == (
        "capture"
    )
    assert not capture.detect('{"SslCertificateBindings": []}')
    assert not capture.detect("sslbind-capture")


def test_import(run: Run, tmp_path: Path) -> None:
    """The command makes a registry from a capture, whose certificates go into its stores."""
    document = built(SNI, certificates=[stored(web()), stored(intermediate(), "CA", key=False)])
    (tmp_path / FILE).write_text(json.dumps(document, indent=4), encoding="utf-8-sig")
    result = run("-r", "web1.toml", "import", FILE)
    assert (result.code, result.out) == (
        0,
        f"added hostnameport=münchen.example:443 {web().thumbprint}\n",
    )
    assert len([*(tmp_path / "certs").glob("*/*.pem")]) == 2
    assert run("-r", FILE, "list", "--format", "tsv").out.split("\t")[1] == "münchen.example:443"


SCRIPT = files("sslbind.formats").joinpath("capture.ps1").read_text(encoding="ascii")


def test_the_script_writes_the_fields_that_are_read() -> None:
    """The list of fields exists once, in capture.py; the script writes those, in ASCII."""
    listed = re.findall(r"^    ([a-z]+) {2,}", str(capture.__doc__), re.MULTILINE)
    assert re.findall(r"^    ([a-z]+) += ", SCRIPT.partition("$capture =")[2], re.MULTILINE) == [
        "format", "version", "computer", "date", "windows", "sslcert", "iplisten", "certificates",
        "central", "config",
    ]  # fmt: skip
    assert sorted(listed) == sorted(built())
    inner = {"build", "product", "release", "store", "key", "der", "enabled", "location"}
    for name in inner | {"pollingInterval", "files"}:
        assert re.search(rf"\b{name} =", SCRIPT)
        assert re.search(rf"\b{name}\b", str(capture.__doc__))


def test_the_script_touches_no_secret() -> None:
    """Outside its comments, no password, user name or private key is mentioned."""
    code = re.sub(r"(?s)<#.*?#>|#[^\n]*", "", SCRIPT).lower().replace("hasprivatekey", "")
    assert not re.findall("password|username|privatekey", code)


def test_a_capture_is_checked_as_the_registry_that_is_made_of_it(run: Run, tmp_path: Path) -> None:
    """Its certificates are checked inside it: only file and line differ."""
    unknown = Binding(parse_key(IPPORT, "10.0.0.7:443"), {"certhash": "c3" * 20, "appid": IIS})
    held = [stored(web()), stored(mail()), stored(intermediate(), "CA", key=False)]
    document = built(IP, SNI, unknown, certificates=held)
    (tmp_path / FILE).write_text(json.dumps(document, indent=1))
    assert run("import", "--each", "servers", FILE).code == 0

    def findings(file: str) -> list[tuple[str, str, str]]:
        seen = run("check", file, "--at", "2028-06-01", "--format", "json")
        return sorted((one["rule"], str(one["key"]), one["message"]) for one in
                      seen.json["findings"])  # fmt: skip

    found = findings(FILE)
    assert {rule for rule, _, _ in found} >= {"cert-not-found", "cert-host-mismatch"}
    assert found == findings("servers/web1.toml")


@pytest.mark.parametrize(
    "words", [("store", "add", "x.pem"), ("rebind", "a" * 40, "b" * 40)], ids=["store", "rebind"]
)
def test_the_stores_of_a_capture_are_read_only(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / FILE).write_text(json.dumps(built(IP, certificates=[stored(web())])))
    seen = run("-r", FILE, *words)
    assert (seen.code, seen.out) == (2, "")
    assert "sslbind import creates a registry from it" in seen.err
