"""Captures of which records are missing in part: shortened, cut, joined, or broken by a console."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run
from test_show_variants import WORDS, in_language

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats.netsh import show_writer
from sslbind.keys import SCOPEDCCS, infer_key, parse_key
from sslbind.release import Release
from sslbind.sources import parse_source, snapshot

RECORDS = [
    Binding(infer_key("0.0.0.0:443"), {"certhash": A, "appid": IIS, "certstorename": "MY"}),
    Binding(infer_key("10.0.0.9:443"), {"certhash": B, "appid": OTHER, "certstorename": "MY"}),
    Binding(infer_key("[2001:db8::5]:8443"), {"certhash": A, "appid": IIS, "usagecheck": False}),
    Binding(
        infer_key("a-name-that-is-longer-than-a-line-of-a-console.shop.example.com:443"),
        {"certhash": B, "appid": IIS, "certstorename": "MY"},
    ),
]
SECOND = re.compile(r"\n[^\n]*: 10\.0\.0\.9:443\n.*?\n\n", re.DOTALL)


def instead(mark: str) -> Callable[[str], str]:
    """Return what replaces the second record."""
    return lambda text: SECOND.sub(lambda _: f"\n{mark}\n\n", text)


def wrapped(width: int) -> Callable[[str], str]:
    """Return what breaks lines as a console of that width does."""
    return lambda text: "\n".join(re.sub(f"(.{{{width}}})(?=.)", r"\1\n", text).split("\n"))


def without_lines(first: int, last: int) -> Callable[[str], str]:
    """Return what leaves out lines, as a screen that scrolled does."""
    return lambda text: "\n".join(
        line for number, line in enumerate(text.split("\n")) if not first <= number <= last
    )


CHANGES: dict[str, Callable[[str], str]] = {
    "dots": instead("    ..."),
    "ellipsis": instead("[…]"),
    "snip": instead("[snip]"),
    "omitted": instead("<output omitted>"),
    "more-records": instead("(12 more records)"),
    "comment": instead("# and so on"),
    "cut-log": lambda text: text[: len(text) * 3 // 5] + "\n... (truncated, 4096 bytes)",
    "end-of-log": lambda text: "(truncated) ..." + text[len(text) // 5 :],
    "tail": lambda text: "\n".join(text.split("\n")[9:]),
    "screen": without_lines(16, 24),
    "no-key": lambda text: re.sub(r"\n[^\n]*10\.0\.0\.9:443", "", text),
    "no-hash": lambda text: text.replace(f": {B}", ": "),
    "letter": lambda text: text.replace("10.0.0.9", "10.O.0.9"),
    "columns-45": lambda text: "\n".join(line[:45] for line in text.split("\n")),
    "columns-50": lambda text: "\n".join(line[:50] for line in text.split("\n")),
    "columns-70": lambda text: "\n".join(line[:70] for line in text.split("\n")),
    "dotted-57": lambda text: re.sub("(?m)^(.{54}).{4,}$", r"\1...", text),
    "console-40": wrapped(40),
    "console-50": wrapped(50),
    "console-64": wrapped(64),
    "console-80": wrapped(80),
    "sorted": lambda text: "\n".join(sorted(text.split("\n"))),
    "unique": lambda text: "\n".join(dict.fromkeys(text.split("\n"))),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("release", [Release.W2012R2, Release.W2022, Release.W2025], ids=str)
def test_no_record_is_absent(change: str, language: str, release: Release) -> None:
    """Every record is read as it is, or it may be there; or the text is refused."""
    text = in_language(show_writer.show(RECORDS, release), language)
    try:
        read = snapshot(parse_source(CHANGES[change](text).encode(), "x"))
    except SslbindError as error:
        assert "unrecognised" in error.message or "show sslcert" in error.message
        return
    assert set(read.bindings) <= {one.key for one in RECORDS}
    for one in RECORDS:
        found = read.bindings.get(one.key)
        if found is None:
            assert read.provenance.may_have(one.key)
        else:
            wanted = {k: v for k, v in one.values.items() if k not in found.unknown}
            assert found.values == wanted


def test_commands_say_so(run: Run, tmp_path: Path) -> None:
    """The record that stands for the others is in every answer."""
    text = show_writer.show(RECORDS[:3], Release.W2022)
    (tmp_path / "whole.txt").write_text(text)
    cut = instead("    [snip]")(text)
    (tmp_path / "web01.txt").write_text(cut)
    place = f"web01.txt:{cut[: cut.index('[snip]')].count(chr(10)) + 1}"
    message = "'[snip]' stands for lines that were left out: which records they had is not known"
    checked = run("check", "web01.txt")
    assert checked.code == 1
    assert f"{place}: error: record-unreadable: a record could not be read: {message}" in (
        checked.out
    )
    assert run("diff", "whole.txt", "web01.txt").code == 1
    resolved = run("-r", "web01.txt", "resolve", "10.0.0.9:443", "shop.example.com")
    assert resolved.code == 1
    assert resolved.out.startswith(
        f"unknown: a record whose key could not be read ({place}) may answer"
    )
    assert run("-r", "web01.txt", "list").code == 1
    imported = run("-r", "new.toml", "import", "web01.txt")
    assert imported.code == 1
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.parametrize("mark", ["    ...", "    [snip]"])
def test_a_record_that_was_shortened(mark: str) -> None:
    """What stands for lines of a record, below its first ones, stands for no other record."""
    text = show_writer.show(RECORDS[:2], Release.W2022)
    head, store, rest = text.partition("    Certificate Store Name       : MY\n")
    _, _, rest = rest.partition("\n\n")
    read = snapshot(parse_source(f"{head}{store}{mark}\n\n{rest}".encode(), "x"))
    assert [*read.bindings] == [one.key for one in RECORDS[:2]]
    assert read.provenance.unread == ()
    assert "usagecheck" in read.bindings[RECORDS[0].key].unknown


def test_dots_below_the_last_lines_may_stand_for_anything() -> None:
    """Whether they are the rest of the record, or of the server, cannot be seen."""
    text = show_writer.show(RECORDS[:1], Release.W2022).partition("    Usage Check")[0]
    read = snapshot(parse_source(f"{text}    ...\n".encode(), "x"))
    assert read.provenance.may_have(RECORDS[1].key)


def test_prose_around_a_capture_is_not_part_of_it() -> None:
    """Lines that people write above, between and below records stand for nothing."""
    first, second = (show_writer.show([one], Release.W2012R2) for one in RECORDS[:2])
    text = (
        f"Hi all, here is what I see; the rest of the server is fine.\n{first}\n"
        f"And this is the other one:\n{second}\n"
        "Application ID: that of IIS, I think.\nThanks!\n"
    )
    read = snapshot(parse_source(text.encode(), "x"))
    assert [*read.bindings.values()] == RECORDS[:2]
    assert read.provenance.unread == ()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("@@ -1,3 +1,3 @@\n", "is the difference between two files"),
        ("<<<<<<< HEAD\n=======\n>>>>>>> b\n", "is an unfinished merge"),
    ],
    ids=["diff", "merge"],
)
def test_two_versions_in_one_file(run: Run, tmp_path: Path, text: str, what: str) -> None:
    """Neither of them is taken for the server."""
    (tmp_path / "web01.txt").write_text(text + show_writer.show(RECORDS, Release.W2022))
    for words in (("check", "web01.txt"), ("-r", "web01.txt", "list"), ("import", "web01.txt")):
        seen = run(*words)
        assert (seen.code, seen.out) == (2, "")
        assert seen.err.startswith(f"error: web01.txt: {what}")


def test_colours_are_not_part_of_values() -> None:
    """What a terminal colours is read without the escape sequences."""
    text = re.sub(
        r"(?m): (.*)$", ": \x1b[1;31m\\1\x1b[0m\x1b[K", show_writer.show(RECORDS, Release.W2022)
    )
    assert [*snapshot(parse_source(text.encode(), "x")).bindings.values()] == RECORDS


@pytest.mark.parametrize("separator", ["    ", " = ", "&nbsp;:&nbsp;"], ids=["none", "=", "html"])
def test_a_capture_that_lost_its_form(run: Run, tmp_path: Path, separator: str) -> None:
    """It is named as what it is, not as a text that breaks off."""
    text = show_writer.show(RECORDS, Release.W2022)
    (tmp_path / "web01.txt").write_text(re.sub(" *: ", separator, text))
    seen = run("-r", "web01.txt", "list")
    assert (seen.code, seen.out) == (2, "")
    assert "is the output of show sslcert in a form that is not read" in seen.err


def test_a_host_without_thumbprint_is_not_of_the_central_store() -> None:
    """The key of such a record may be of either kind."""
    text = show_writer.show(RECORDS[3:], Release.W2022).replace(f": {B}", ": ")
    read = snapshot(parse_source(text.encode(), "x"))
    central = parse_key(SCOPEDCCS, RECORDS[3].key.spec.partition("=")[2])
    assert read.provenance.may_have(RECORDS[3].key)
    assert read.provenance.may_have(central)
    assert not read.provenance.may_have(parse_key(RECORDS[0].key.kind, "0.0.0.0:444"))
