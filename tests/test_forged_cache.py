"""The cache trusts nobody: an entry with wrong types and a valid digest costs only time.

Who can write the user's own files can make them say anything; test_files has who cannot.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from pki import PASSWORD, issue, web

from sslbind.answers import report
from sslbind.certificates import central, loading
from sslbind.certificates.central import CentralStore
from sslbind.certificates.facts import facts_of, from_row, to_row
from sslbind.certificates.parsing import identities, read_bundle
from sslbind.digest import content_digest

OTHERS: tuple[object, ...] = (
    None, True, -1, 1.5, 1 << 70, "", "x" * 40, "../../etc/passwd", [], [[]], [1, "2"], {"a": 1},
)  # fmt: skip


def forged(document: Any) -> Iterator[Any]:
    """Yield the document with each of its values, at any depth, replaced by one of another type."""
    if isinstance(document, list):
        places: list[Any] = [*range(len(document))]
    elif isinstance(document, dict):
        places = [*document]
    else:
        return
    for place in places:
        for other in (*OTHERS, *forged(document[place])):
            copy = document.copy()
            copy[place] = other
            yield copy


@pytest.mark.slow
@pytest.mark.parametrize(
    "what", ["store-files", "facts", "names", "opened-pfx", "registry", "haproxy"]
)
def test_forged_entries(
    what: str, run: Run, registry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged entry is ignored; an altered one still gives values of the right types."""
    monkeypatch.setattr(loading, "_RACY", 0)  # files that were made just now are remembered
    monkeypatch.setattr(central, "_RACY", 0)
    monkeypatch.setattr(report, "_RACY", 0)
    folder = registry.parent
    own = issue("own", dns=["www.contoso.com"])
    (folder / "web.pem").write_bytes(own.pem + own.key_pem())
    (folder / "ccs").mkdir()
    (folder / "ccs" / "WWW.contoso.com.pfx").write_bytes(web().pfx(PASSWORD))
    (folder / "pw").write_bytes(PASSWORD)
    if what != "haproxy":  # with a central store, that answer is not cached
        assert run("ccs", "enable", "ccs", "--password-file", "pw").code == 0
        assert run("add", "sslccs", "444", "appid=iis").code == 0
    assert run("store", "add", "web.pem").code == 0
    line = ["0.0.0.0:443", f"certhash={own.thumbprint}", "certstorename=MY", "appid=iis"]
    assert run("add", "sslcert", *line).code == 0
    questions: tuple[list[str], ...] = (
        ["resolve", "0.0.0.0:444", "www.contoso.com"],
        ["store", "list"],
        ["check", "--format", "json"],
        ["resolve", "0.0.0.0:443", "www.contoso.com", "--format", "json"],
        ["ccs", "list"],
        ["resolve", "0.0.0.0:444", "gone.contoso.com"],  # Windows finds files in any case, unlisted
    )
    if what == "haproxy":
        questions = (["export", "haproxy", "-o", "out"],)
        assert run(*questions[0]).code == 0
    answers = [run(*words) for words in questions]
    entries = [path for path in cache.rglob("*") if path.is_file() and path.name.startswith(what)]
    assert entries
    for entry in entries:
        good = entry.read_bytes()
        digested = b"\n" in good
        try:
            document = json.loads(good.partition(b"\n")[2] if digested else good)
        except ValueError:
            document = None
        for data in (b"", b"\0" * 40, good[:-1], good * 2):
            entry.write_bytes(data)
            assert [run(*words) for words in questions] == answers, data[:300]
        bad = [json.dumps(one).encode() for one in forged(document)]
        for data in bad[:: max(1, len(bad) // 150)]:
            entry.write_bytes(content_digest(data).encode() + b"\n" + data if digested else data)
            for words in questions:
                assert run(*words).code in (0, 1, 2), data[:300]
        entry.write_bytes(good)


@pytest.mark.parametrize("other", [None, True, 1.5, 7, "x", [1], {"a": 1}, [["x"]]], ids=repr)
def test_types_of_a_row(other: object) -> None:
    """A certificate's facts are taken from the cache only with exactly the right types."""
    (one,) = identities(read_bundle(web().pem))
    row = json.loads(json.dumps(to_row(one.leaf)))
    assert from_row(row) == facts_of(one.leaf)
    for place in range(len(row)):
        try:
            found = from_row([*row[:place], other, *row[place + 1 :]])
        except (ValueError, TypeError, OverflowError):
            continue
        assert [type(getattr(found, name)) for name in ("thumbprint", "subject", "is_ca")] == [
            str, str, bool,
        ]  # fmt: skip
        assert all(type(name) is str for name in found.names)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows finds a file in any case, unlisted")
def test_no_name_in_the_cache_leads_out_of_the_folder(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The central store's list of odd names must match the names that it represents."""
    monkeypatch.setattr(central, "_RACY", 0)
    (tmp_path / "ccs").mkdir()
    (tmp_path / "secret.pfx").write_bytes(web().pfx(PASSWORD))
    (tmp_path / "ccs" / "WWW.contoso.com.pfx").write_bytes(web().pfx(PASSWORD))
    store = CentralStore(str(tmp_path / "ccs"))
    assert store.file("www.contoso.com") == "WWW.contoso.com.pfx"
    (entry,) = cache.rglob("names-*")
    stamp, odd = json.loads(entry.read_bytes())
    assert odd == {"www.contoso.com": "WWW.contoso.com.pfx"}
    for file in ("../secret.pfx", "secret.pfx", 7):
        entry.write_text(json.dumps([stamp, {"www.contoso.com": file}]))
        again = CentralStore(str(tmp_path / "ccs"))
        assert again.file("www.contoso.com") == "WWW.contoso.com.pfx"
