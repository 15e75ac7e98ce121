"""Captures of ``show sslcert`` are read by shape, whatever their language and layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import A, Run
from hypothesis import given
from hypothesis import strategies as st
from strategies import binding_lists

from sslbind.binding import Binding
from sslbind.formats import formats
from sslbind.formats.encoding import decode_text
from sslbind.formats.imported import Imported
from sslbind.formats.netsh import show_reader, show_writer
from sslbind.keys import IPPORT, parse_key
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.tags import PROPERTIES, TAGS

CAPTURES = Path(__file__).parent / "captures"
KEY = parse_key(IPPORT, "10.0.0.5:443")
IIS = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"


def capture(name: str) -> Imported:
    """Return what a capture says."""
    return show_reader.read(decode_text((CAPTURES / name).read_bytes(), name), name)


def told(imported: Imported) -> dict[str, dict[str, object]]:
    """Return the values of each record by its key."""
    return {one.binding.key.spec: dict(one.binding.values) for one in imported.records}


def test_a_french_capture_is_read_by_shape() -> None:
    """Colons in labels, ragged columns and a colon without a space do not matter."""
    imported = capture("french-2022.txt")
    assert told(imported) == {
        "ipport=10.20.30.40:8443": {
            "certhash": "1f2e3d4c5b6a79880102030405060708090a0b0c",
            "appid": "{6b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d}",
            "certstorename": "WebHosting",
            "verifyclientcertrevocation": False,
            "revocationfreshnesstime": 3600,
            "sslctlstorename": "Clients de confiance",
            "clientcertnegotiation": True,
            "disablehttp2": True,
            "disablelegacytls": True,
            "receivewindow": 65536,
        },
        "hostnameport=bücher.example:8443": {
            "certhash": "2f2e3d4c5b6a79880102030405060708090a0b0c",
            "appid": "{6b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d}",
            "certstorename": "MY",
        },
    }
    assert (imported.release, imported.bad, imported.notes) == (Release.W2022, (), ())
    assert [one.line for one in imported.records] == [7, 40]


def test_a_chinese_capture_with_the_console_around_it() -> None:
    """A console's own lines are skipped, and a port with a null hash is a ccs record."""
    imported = capture("chinese-2016.txt")
    assert told(imported) == {
        "ipport=[::]:443": {
            "certhash": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
            "appid": IIS,
            "usagecheck": False,
            "urlretrievaltimeout": 15000,
            "reject": True,
            "disablehttp2": True,
        },
        "ccs=443": {"appid": IIS},
    }
    assert (imported.release, imported.bad) == (Release.W2016, ())


def test_a_logger_before_every_line_and_a_record_cut_short() -> None:
    """A prefix that a logger puts on every line is removed; values of missing lines are unknown."""
    imported = capture("german-verbose.txt")
    assert imported.release is None
    some = "clientcertnegotiation, disablehttp2, disablelegacytls and 20 more"
    assert [one.message for one in imported.bad] == [
        f"ipport=0.0.0.0:8091 is cut short: {some} are not known",
        "the capture breaks off in ipport=0.0.0.0:8091: what follows is not known",
    ]
    binding = imported.bad[0].binding
    assert binding is not None
    assert binding["certstorename"] == "MY"
    assert "usagecheck" in binding.unknown


def test_a_quoted_mail_with_collapsed_columns_and_a_bad_record() -> None:
    """A bad record is reported with its line, and the next is read."""
    imported = capture("quoted-collapsed-2012r2.txt")
    assert list(told(imported)) == ["ipport=192.0.2.7:443"]
    assert imported.release is Release.W2012R2
    assert [one.line for one in imported.bad] == [19, 22, 25]
    some = "clientcertnegotiation, dsmapperusage, reject and 7 more"
    assert [one.message for one in imported.bad] == [
        "ipport=192.0.2.8:443: line 20 has 'the hash was cut out' where certhash is expected",
        f"hostnameport=a.example:443 is cut short: {some} are not known",
        "the capture breaks off in hostnameport=a.example:443: what follows is not known",
    ]


def test_the_console_of_2008_r2_is_told_by_its_spacing() -> None:
    """The old layout has the lines of 2012, and four blanks after the labels of flags."""
    text = (Path(__file__).parent / "golden" / "show-2008r2-ipport.txt").read_text()
    assert show_reader.read(text, "x").release is Release.W2008R2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
def test_every_encoding_of_windows_is_read(
    encoding: str, run: Run, tmp_path: Path, bare: Path
) -> None:
    """PowerShell's UTF-16, a byte order mark and CRLF are the same capture."""
    text = (CAPTURES / "french-2022.txt").read_text("utf-8").replace("\n", "\r\n")
    (tmp_path / "web01.txt").write_bytes(text.encode(encoding))
    seen = run("-r", "web01.txt", "list", "--format", "tsv")
    assert [line.split("\t")[1] for line in seen.out.splitlines()] == [
        "10.20.30.40:8443",
        "bücher.example:8443",
    ]


def test_a_code_page_that_no_byte_tells_loses_only_the_names(run: Run, tmp_path: Path) -> None:
    """In the console's own code page labels are noise, and a name that is not ASCII is bad."""
    text = (CAPTURES / "french-2022.txt").read_text("utf-8")
    (tmp_path / "web01.txt").write_bytes(text.encode("cp850"))
    seen = run("-r", "web01.txt", "list", "--format", "tsv")
    assert [line.split("\t")[1] for line in seen.out.splitlines()] == ["10.20.30.40:8443", "?:8443"]
    assert "is not UTF-8" not in seen.err
    lost = (
        "web01.txt:40: left out: the record has a character that was lost in the console's"
        " code page"
    )
    assert lost in seen.err


FRENCH = "\nLiaisons de certificats SSL :\n-----------------------------\n\n"
NONE = "has a heading and no record: the server has no bindings"
LISTEN = "\nIP addresses present in the IP listen list:\n-------------------------\n\n"


@pytest.mark.parametrize(
    ("text", "notes", "iplisten"),
    [
        (show_writer.HEADER, (NONE,), None),
        (FRENCH, (NONE,), None),
        (
            "PS C:\\> netsh http show sslcert\n\nOdd\n--------------------\n\nPS C:\\>",
            (NONE,),
            None,
        ),
        (
            show_writer.NOT_FOUND,
            ("has no record: netsh answered 'The system cannot find the file specified.'",),
            None,
        ),
        (f"{show_writer.HEADER}{LISTEN}    10.0.0.5\n", (NONE,), ("10.0.0.5",)),
    ],
)
def test_a_server_without_bindings(
    text: str, notes: tuple[str, ...], iplisten: tuple[str, ...] | None
) -> None:
    """A heading and dashes are netsh's answer if there is no record, in any language."""
    assert show_reader.detect(text)
    assert show_reader.read(text, "x") == Imported(notes=notes, iplisten=iplisten)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "| SSL: | b |\n-------------------------\n",
        "| SSL | b: |\n|-----|----|\n| x | y |\n",
        "URL Reservations:\n--------------------\n",
        LISTEN,
        "About SSL:\n--------------------\nOne line.\nAnother.\n",
        "Text before.\nAbout SSL:\n--------------------\n",
        "SSL:\n-----\n",
        "SSL:\n--------------------\nIP:port : 0.0.0.0:443\n",
    ],
)
def test_other_texts_with_dashes(text: str) -> None:
    """Tables, prose headings, other netsh output and truncated captures are not an empty server."""
    assert not show_reader.detect(text)


def test_an_empty_server_is_read_by_commands(run: Run, tmp_path: Path) -> None:
    """Commands read it as a registry without bindings."""
    (tmp_path / "empty.txt").write_text(show_writer.HEADER)
    seen = run("-r", "empty.txt", "list", "--format", "tsv")
    assert (seen.code, seen.out) == (0, "")


CENTRAL = f"""
    Central Certificate Store    : 443
    Application ID               : {IIS}
    Verify Client Certificate Revocation : Enabled
    Verify Revocation Using Cached Client Certificate Only : Disabled
    Usage Check                  : Enabled
    Revocation Freshness Time    : 0
    URL Retrieval Timeout        : 0
    Ctl Identifier               : (null)
    Ctl Store Name               : (null)
    DS Mapper Usage              : Disabled
    Negotiate Client Certificate : Enabled

"""


def test_a_central_record_without_hash_and_store_lines() -> None:
    """A port before a GUID starts one, also immediately after another record."""
    first = show_writer.show([Binding(KEY, {"certhash": A, "appid": IIS})], Release.W2012)
    for text in (CENTRAL, first + CENTRAL, first.rstrip() + CENTRAL):
        imported = show_reader.read(text, "x")
        assert told(imported)["ccs=443"] == {"appid": IIS, "clientcertnegotiation": True}
        assert (imported.bad, imported.notes) == ((), ())
        assert len(imported.records) == 1 + (text is not CENTRAL)


def test_lines_behind_a_record_that_look_like_another_are_bad() -> None:
    """They are reported with their line; what holds no GUID is left out with a note."""
    whole = show_writer.show([Binding(KEY, {"certhash": A, "appid": IIS})], Release.W2025).rstrip()
    text = whole.partition("\n Extended")[0].rstrip()
    end = text.count("\n") + 2
    imported = show_reader.read(f"{text}\n    Odd : x\n    Owner : {IIS}\n", "x")
    assert [(one.line, one.message) for one in imported.bad] == [
        (end, "is a record in an unknown layout")
    ]
    assert len(imported.records) == 1
    imported = show_reader.read(f"{whole}\n    Odd : x\n    Owner : {IIS}\n", "x")
    assert [one.line for one in imported.bad] == [whole.count("\n") + 2]
    imported = show_reader.read(f"{text}\n    Odd : x\n", "x")
    assert imported.notes == (
        "ipport=10.0.0.5:443 has 1 line more than in any known release; left out: Odd",
    )


def test_a_bad_record_has_its_key() -> None:
    """All that is known of a record that cannot be read is that it exists."""
    assert capture("quoted-collapsed-2012r2.txt").bad[0].key == parse_key(IPPORT, "192.0.2.8:443")


def shown_as_it_is(binding: Binding) -> bool:
    """Whether netsh's own text can say what a record has.

    It cannot where a text has blanks at its ends or characters that are escaped, or is
    the word for none, or ours for unknown.
    """
    texts = [value for value in binding.values.values() if isinstance(value, str)]
    return all(
        printable(text) == text == text.strip() and text.lower() not in {"(null)", "?"}
        for text in texts
    )


def printed(release: Release) -> st.SearchStrategy[list[Binding]]:
    """Bindings that ``release`` prints in full."""
    names = {tag.name for tag in TAGS if tag.since <= release}
    if release >= Release.W2022:
        names |= {one.tag.name for one in PROPERTIES}

    def cut(found: list[Binding]) -> list[Binding]:
        return [
            Binding(one.key, {name: value for name, value in one.values.items() if name in names})
            for one in found
            if one.key.kind.since <= release and shown_as_it_is(one)
        ]

    return binding_lists().map(cut)


SHOWING = st.sampled_from(list(Release)[1:])


@given(SHOWING.flatmap(lambda release: st.tuples(st.just(release), printed(release))))
def test_what_show_prints_is_read_back(case: tuple[Release, list[Binding]]) -> None:
    """Every release's own text gives the bindings that were printed."""
    release, found = case
    imported = show_reader.read(show_writer.show(found, release), "x")
    assert imported.bad == ()
    assert {one.binding.key: one.binding for one in imported.records} == {
        one.key: one for one in found
    }


PIECES = ["a:443", " : ", "\n", "(null)", "{x}", "443", "Set", A, IIS, "> ", "1.0.0.1:1", "[::]:1"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_read_without_a_crash(text: str) -> None:
    """Whatever the text, there are records or there are none."""
    show_reader.detect(text)
    show_reader.read(text, "x")


def test_the_format_is_known() -> None:
    """The table of formats has it, found by content."""
    known = formats()["netsh-show"]
    assert known.detect is not None
    assert known.detect((CAPTURES / "german-verbose.txt").read_text("utf-8"))
    assert not known.detect("SSL Certificate successfully added\n")


def block(**changed: str) -> str:
    """Return one record as 2012 R2 prints it, with some values changed by their labels."""
    values = {
        "IP:port": "0.0.0.0:443",
        "Certificate Hash": A,
        "Application ID": IIS,
        "Certificate Store Name": "MY",
        "Verify Client Certificate Revocation": "Disabled",
        "Verify Revocation Using Cached Client Certificate Only": "Disabled",
        "Usage Check": "Enabled",
        "Revocation Freshness Time": "0",
        "URL Retrieval Timeout": "0",
        "Ctl Identifier": "(null)",
        "Ctl Store Name": "(null)",
        "DS Mapper Usage": "Disabled",
        "Negotiate Client Certificate": "Enabled",
    } | {label.replace("_", " "): value for label, value in changed.items()}
    lines = (
        f"    {label:<29}: {value}" if len(label) < 29 else f"    {label} : {value}"
        for label, value in values.items()
    )
    return "\nSSL Certificate bindings:\n-------------------------\n\n" + "\n".join(lines) + "\n\n"


def test_a_value_may_have_a_colon_of_its_own() -> None:
    """If the columns are netsh's, the column is decisive, not the colon."""
    text = block(Certificate_Store_Name="My : Root", Ctl_Identifier="x : 5")
    [record] = show_reader.read(text, "x").records
    assert record.binding.store == "My : Root"
    assert record.binding["sslctlidentifier"] == "x : 5"


@pytest.mark.parametrize("label", ["Certificate_Store_Name", "Ctl_Identifier", "Ctl_Store_Name"])
def test_an_empty_value_shifts_nothing(label: str) -> None:
    """What follows an empty value is read correctly."""
    imported = show_reader.read(block(**{label: ""}), "x")
    [record] = imported.records
    assert record.binding["verifyclientcertrevocation"] is False
    assert record.binding["clientcertnegotiation"] is True
    assert "receivewindow" not in record.binding.values
    assert (imported.bad, imported.notes) == ((), ())


def test_an_address_as_a_title_is_no_listen_list() -> None:
    """Only what is below the dashes of a listing is a listen list."""
    assert show_reader.read("10.1.2.3\n" + block(), "x").iplisten is None
    title = "IP addresses present in the IP listen list:"
    listed = f"{title}\n{'-' * len(title)}\n\n    10.1.2.3\n    ::1\n\n"
    assert show_reader.read(listed + block(), "x").iplisten == ("10.1.2.3", "::1")


def test_an_extended_property_that_is_no_number_is_bad() -> None:
    """It is reported with its line, and not skipped."""
    text = block().rstrip("\n") + "\n Extended Properties:\n    PropertyId : 0\n    Window : abc\n"
    imported = show_reader.read(text, "x")
    assert [(one.line, one.message) for one in imported.bad] == [
        (20, "is an extended property, but not a number")
    ]
