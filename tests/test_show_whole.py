"""A capture that breaks off, wherever it does, is not taken for a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, A, B, Run

from sslbind.binding import Binding
from sslbind.formats.imported import Imported
from sslbind.formats.netsh import show_reader, show_writer
from sslbind.keys import infer_key
from sslbind.release import Release

FIRST, LAST = "ipport=0.0.0.0:443", "ipport=10.0.0.5:443"


def listing(release: Release, *keys: str) -> str:
    """Return what ``show`` prints of records with these keys."""
    values = {"certhash": A, "appid": IIS, "certstorename": "WebHosting"}
    return show_writer.show([Binding(infer_key(key), values) for key in keys], release)


def read(text: str) -> Imported:
    """Return what is read of a text."""
    return show_reader.read(text, "web01.txt")


@pytest.mark.parametrize("release", [Release.W2008R2, Release.W2012R2, Release.W2022])
def test_wherever_the_last_record_breaks_off(release: Release) -> None:
    """Up to the end of its last line something is unknown, and the first record is whole."""
    text = listing(release, "0.0.0.0:443", "10.0.0.5:443")
    start = text.rindex("    IP:port") + len("    ")
    for end in range(start + 1, len(text.rstrip())):
        imported = read(text[:end])
        assert [one.binding.key.spec for one in imported.records][:1] == [FIRST], text[start:end]
        whole = release >= Release.W2022 and text[:end].endswith("429496729")
        assert len(imported.records) == 1 or whole, text[start:end]
        assert imported.bad, text[start:end]
    for whole_text in (text, text.rstrip() + "\n", text + "C:\\>"):
        assert (len(read(whole_text).records), read(whole_text).bad) == (2, ())


@pytest.mark.parametrize("release", [Release.W2012, Release.W2012R2, Release.W2022])
def test_a_record_alone_may_be_of_a_newer_release(release: Release) -> None:
    """Without the empty line after it nothing says that it is whole, unless it has every line."""
    text = listing(release, "0.0.0.0:443")
    assert read(text).bad == ()
    assert read(text.rstrip() + "\nC:\\>").bad == ()
    bad = read(text.rstrip() + "\n").bad
    if release is Release.W2022:
        assert bad == ()
        bad = read(text[: text.index(" Extended Properties")]).bad
    assert [(one.key and one.key.spec, one.message.partition(":")[0]) for one in bad] == [
        (FIRST, "ipport=0.0.0.0")
    ]
    assert "below its last line, which no empty line follows" in bad[0].message
    assert bad[0].hints == ("if it is whole, add an empty line below it, as netsh prints one",)


def test_the_lines_that_one_of_several_records_lacks() -> None:
    """They are unknown wherever it is, and what follows only where the text ends in it."""
    whole = listing(Release.W2022, "0.0.0.0:443").removeprefix(show_writer.HEADER)
    short = listing(Release.W2012R2, "10.0.0.5:443").removeprefix(show_writer.HEADER)
    for text in (whole + short + whole.replace(":443", ":444"), whole + short):
        imported = read(show_writer.HEADER + text)
        assert [one.key and one.key.spec for one in imported.bad] == [LAST]
        assert "disablehttp2" in (imported.bad[0].binding or imported.records[0].binding).unknown
    imported = read(show_writer.HEADER + whole + short.rstrip())
    assert [one.key and one.key.spec for one in imported.bad] == [LAST, None]
    two = read(show_writer.HEADER + whole + show_writer.HEADER + short)
    assert (len(two.records), two.bad) == (2, ())  # of two servers, one after the other


def test_a_value_that_may_go_on() -> None:
    """The name of a store, and a number, at the end of a text without a line end."""
    text = listing(Release.W2022, "0.0.0.0:443", "10.0.0.5:443")
    cut = read(text[: text.rindex("WebHosting") + 3]).bad[0].binding
    assert cut is not None
    assert "certstorename" in cut.unknown
    cut = read(text[: text.rindex("4294967295") + 4]).bad[0].binding
    assert cut is not None
    assert cut.unknown == {"maxsettingsperminute"}


@pytest.fixture
def cut(tmp_path: Path, run: Run) -> str:  # it changes to the folder
    """Return a file that breaks off in the second half of its last record; whole.txt is not."""
    text = listing(Release.W2022, "0.0.0.0:443", "10.0.0.5:443")
    (tmp_path / "whole.txt").write_text(text)
    (tmp_path / "cut.txt").write_text(text[:-400])
    return "cut.txt"


def test_commands_say_so(cut: str, run: Run) -> None:
    """What the record lacks and what may follow is unknown: exit 1, said once."""
    values = "disablelegacytls, enablesessionticket, enabletokenbinding and 4 more"
    result = run("check", cut)
    assert result.code == 1
    assert result.out == (
        f"cut.txt:36: warn: record-unreadable: {values} of 1 binding are not known: {LAST}\n"
        "    capture the server again; rules about these values find nothing there\n"
        "cut.txt:55: error: record-unreadable: a record could not be read: the capture breaks off"
        f" in {LAST}: what follows is not known\n"
        "    capture the server again, or correct the line\n"
    )
    assert run("-r", cut, "resolve", "10.0.0.5:443").code == 0
    result = run("-r", cut, "resolve", "10.0.0.6:443")
    assert (result.code, result.out.partition(":")[0]) == (1, "unknown")
    assert run("-r", cut, "list").code == 1
    result = run("diff", "whole.txt", cut)
    assert (result.code, result.out.partition("\n")[0]) == (
        1,
        "the same on both servers: 1 binding",
    )
    result = run("-r", "new.toml", "import", cut)
    assert result.code == 1
    assert f"error: cut.txt:36: {LAST} is cut short: {values} are not known\n" in result.err
    assert not Path("new.toml").exists()


@pytest.mark.parametrize("dashes", ["-" * 25 + "\n\n", "-" * 25, "----"])
def test_a_heading_alone_is_a_server_without_bindings(
    dashes: str, tmp_path: Path, run: Run
) -> None:
    """It is answered as one, with a note; without an empty line after it nothing says more."""
    (tmp_path / "none.txt").write_text(f"SSL Certificate bindings:\n{dashes}")
    whole = "" if dashes.endswith("\n\n") else ", if the capture is whole"
    result = run("-r", "none.txt", "list")
    assert (result.code, result.out) == (0, "")
    note = f"note: none.txt: has a heading and no record: the server has no bindings{whole}\n"
    assert result.err == f"{note}note: no binding\n"
    result = run("check", "none.txt")
    assert (result.code, note in result.err) == (0, True)


@pytest.mark.parametrize("answer", ["Access is denied.", "Zugriff verweigert", "Odmowa"])
def test_another_answer_is_not_a_server_without_bindings(
    answer: str, tmp_path: Path, run: Run
) -> None:
    """Only the sentence that nothing was found says that; of others nothing is known."""
    (tmp_path / "none.txt").write_text(f"{show_writer.HEADER}{answer}\n\n")
    assert run("check", "none.txt").code == 1
    result = run("-r", "none.txt", "resolve", "10.0.0.5:443")
    assert (result.code, result.out.partition(":")[0]) == (1, "unknown")


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff"])
@pytest.mark.parametrize("words", [["check", "web01.txt"], ["-r", "web01.txt", "list"],
                                   ["import", "web01.txt"], ["diff", "web01.txt", "web01.txt"]],
                         ids=lambda words: words[0])  # fmt: skip
def test_an_empty_file_is_not(text: str, words: list[str], tmp_path: Path, run: Run) -> None:
    """It is said to be empty, and how a capture is made: exit 2."""
    (tmp_path / "web01.txt").write_text(text, encoding="utf-8")
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(
        "error: web01.txt: is empty: if it is a capture, the command of its redirection printed"
        " nothing\nhint: netsh http show sslcert > web01.txt, in an elevated prompt, writes the"
        " capture\n"
    )


def test_a_heading_that_breaks_off(tmp_path: Path, run: Run) -> None:
    """It is named for what it is."""
    (tmp_path / "web01.txt").write_text("\nSSL Certificate bindings:\n")
    result = run("check", "web01.txt")
    assert result.code == 2
    assert "is the start of what netsh http show sslcert prints: it breaks off there" in result.err


def test_a_key_that_may_go_on(tmp_path: Path, run: Run) -> None:
    """A port that is cut is not another port."""
    text = listing(Release.W2012R2, "0.0.0.0:443", "10.0.0.5:8443")
    (tmp_path / "web01.txt").write_text(text[: text.index(":8443") + 3])
    document = run("-r", "web01.txt", "list", "--format", "json").json
    assert [(one["kind"], one["key"]) for one in document["unread"]] == [("ipport", None)]
    assert B not in str(document)
