"""Records that repeat the lines of another are read at once, and as any text is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from conftest import IIS, A, B
from hypothesis import example, given
from hypothesis import strategies as st

from sslbind.binding import Binding
from sslbind.formats.netsh import show_reader, show_writer
from sslbind.formats.netsh.show_plain import plain_records
from sslbind.keys import Key, infer_key
from sslbind.release import Release

HERE = Path(__file__).parent
FILES = sorted((*HERE.glob("golden/show-*.txt"), *HERE.glob("captures/*.txt")))


def record(name: str, release: Release = Release.W2022, **tags: object) -> str:
    """Return the text of one record, with the blank line after it."""
    values = {"certhash": A, "appid": IIS, "certstorename": "MY", **tags}
    return record_of(Binding(infer_key(name), values), release)


def record_of(binding: Binding, release: Release) -> str:
    """Return what ``show`` prints for a binding, without its title."""
    return show_writer.show([binding], release).removeprefix(show_writer.HEADER)


PLAIN = record("www.contoso.com:443")
KEY, HASH, REST = PLAIN.split("\n", 2)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files(path: Path) -> None:
    """Every capture that the tests have, once and twice in one file."""
    text = path.read_text(encoding="utf-8")
    for one in (text, text + text, text + PLAIN + PLAIN + text):
        assert show_reader.read(one, "") == show_reader.read_each(one)


@pytest.mark.parametrize("release", Release)
def test_all_but_the_last_are_read_at_once(release: Release) -> None:
    """Of a server's records, whichever release prints them, the last may break off."""
    kinds = [name for name in ("10.0.0.5:443", "[2001:db8::1]:8443", "WWW.Contoso.COM:443")
             if infer_key(name).kind.since <= release]  # fmt: skip
    keys = [infer_key(name) for name in kinds]
    bindings = [Binding(key, {"certhash": A, "appid": IIS}) for key in keys for _ in "12"]
    plain = plain_records(show_writer.show(bindings, release).replace(A, A.upper()))
    assert [one.binding for one in plain.records] == bindings[:-1]
    title = [line for _, line in plain.lines if line.strip()]
    assert [line.strip(" -") for line in title[:2]] == ["SSL Certificate bindings:", ""]
    assert [line.split(" : ")[1].strip() for line in title[2:4]] == [str(keys[0]), str(keys[-1])]
    assert len(plain.keys) == 1


def test_lines() -> None:
    """Each record has the line of its key, whatever is around it."""
    text = f"> netsh http show sslcert\n\n{PLAIN}\n{PLAIN}note: one\n\n{PLAIN}"
    lines = [number for number, line in enumerate(text.split("\n"), 1) if line == KEY]
    assert [one.line for one in show_reader.read(text, "").records] == lines


def test_wildcards_need_their_release() -> None:
    """``*.name`` tells a newer release than another name in the same lines."""
    texts = [record(name, Release.W2012R2) for name in ("www.a.de:443", "*.a.de:443")]
    releases = [show_reader.read(text + texts[0], "").release for text in texts]
    assert releases == [Release.W2012R2, Release.W2016]


PIECES = {
    "plain": PLAIN,
    "another": record("[2001:db8::5]:444", certhash=B, usagecheck=False),
    "wildcard": record("*.contoso.com:443"),
    "old": record("10.0.0.1:443", Release.W2008R2),
    "central": record_of(Binding(infer_key("443"), {"appid": IIS}), Release.W2022),
    "short": f"{KEY}\n{HASH}\n",
    "cut": PLAIN[:600] + "\n\n",
    "no blank line": PLAIN.rstrip("\n") + "\n",
    "no key": f"{HASH}\n{REST}",
    "bad key": PLAIN.replace("www.contoso.com:443", "www..com:99999"),
    "bad value": PLAIN.replace("Usage Check                  : Enabled", "Usage Check : perhaps"),
    "a line more": PLAIN.rstrip("\n") + "\n    Enable Something New : Set\n\n",
    "masked": PLAIN.replace(A, "<redacted>"),
    "note": PLAIN.replace(A, f"{A}   <-- which?"),
    "asks": PLAIN.replace(": MY", ": show sslcert"),
    "german": PLAIN.replace("Enabled", "Aktiviert").replace("Disabled", "Deaktiviert"),
    "reordered": "\n".join((KEY, HASH, *sorted(REST.strip("\n").split("\n")), "", "")),
    "quoted": "".join(f"> {line}\n" for line in PLAIN.split("\n")),
    "prefixed": "".join(f"web01: {line}\n" for line in PLAIN.rstrip("\n").split("\n")) + "\n",
    "title": "SSL Certificate bindings:\n-------------------------\n\n",
    "dashes": "\nIP addresses present in the IP listen list:\n----------------------\n\n",
    "address": "    10.0.0.5\n    ::1\n\n",
    "question": "C:\\> netsh http show sslcert ipport=10.0.0.5:443\n",
    "empty value": "    Ctl Store Name               :\n",
    "properties": " Extended Properties:\n    PropertyId                   : 0\n",
    "port": "    443\n",
    "unset": "    Certificate Hash             : (null)\n",
    "words": "nothing to see\n",
    "blank": "\n",
    "blanks": "    \n",
    "lost": PLAIN.replace(": MY", ": M\ufffd"),
    "carriage return": PLAIN.replace("\n", "\r\n"),
}


@pytest.mark.parametrize("name", PIECES)
def test_between_records(name: str) -> None:
    """Each thing that captures have: before, between and after records that are read at once."""
    piece = PIECES[name]
    for text in (
        PLAIN + piece,
        piece + PLAIN,
        PLAIN + piece + PLAIN,
        piece + PLAIN + PLAIN + piece + PLAIN,
    ):
        assert show_reader.read(text, "") == show_reader.read_each(text)


@example([*PIECES.values()], [])
@given(
    st.lists(st.sampled_from([PLAIN, PLAIN, *PIECES.values()]), min_size=1, max_size=8),
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["", "\n", "    x : y\n"])), max_size=3
    ),
)
def test_any_text(pieces: list[str], edits: list[tuple[int, str]]) -> None:
    """Whatever is in a text, and whichever lines of it are missing or others."""
    lines = "".join(pieces).splitlines(keepends=True)
    for place, line in edits:
        lines[place % len(lines)] = line
    text = "".join(lines)
    imported = show_reader.read(text, "")
    assert imported == show_reader.read_each(text)
    numbers = [one.line or 0 for one in imported.records]
    assert all(one < other for one, other in pairwise(numbers))


def test_same_record() -> None:
    """A record with another key and thumbprint is what it would be if it were made so."""
    binding = Binding(infer_key("a.de:443"), {"certhash": A, "appid": IIS, "reject": True})
    key: Key = infer_key("b.de:443")
    values = {"certhash": B, "appid": IIS, "reject": True}
    assert binding.at(key, B) == Binding(key, values)
