"""``check`` asked again: the same answer as without a memory, whatever changed since."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from check_cases import PROVIDER, STORES, Case, record
from conftest import A, Result, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import NOW, PASSWORD, Issued, intermediate, issue, mail, web

from sslbind.cached_answer import CachedAnswer
from sslbind.digest import content_digest
from sslbind.registry.registry import Registry
from sslbind.session import Session
from sslbind.version import VERSION

DAY = timedelta(days=1)
ASKED = NOW + timedelta(minutes=30)


@pytest.fixture
def case(run: Run) -> Case:
    """A registry with certificates that have expired, soon will, and are not valid yet."""
    case = Case(run)
    case.store(web(), chain=(intermediate(),))
    case.store(OLD)
    case.store(SOON)
    case.store(EARLY)
    case.write(STORES, RECORDS)
    time.sleep(0.05)  # a file that was written just now is not known by its stamp
    return case


def issued(name: str, start: timedelta, end: timedelta) -> Issued:
    return issue(name, dns=(name,), start=NOW + start, end=NOW + end)


OLD = issued("old.contoso.com", -90 * DAY, -2 * DAY - timedelta(hours=5))
SOON = issued("soon.contoso.com", -80 * DAY, 10 * DAY + timedelta(hours=7))
EARLY = issued("early.contoso.com", 3 * DAY + timedelta(hours=1), 400 * DAY)
RECORDS = "\n".join(
    (
        record("www.contoso.com:443", web()),
        record("old.contoso.com:443", OLD),
        record("soon.contoso.com:443", SOON),
        record("early.contoso.com:443", EARLY),
        record("other.contoso.com:443", SOON),
        record("none.contoso.com:443", A),
        record("0.0.0.0:443", web()),
    )
)


def slots(cache: Path) -> list[Path]:
    """The files with remembered answers."""
    return sorted(cache.glob(f"sslbind/{VERSION}/check-*"))


def afresh(case: Case, cache: Path, *args: str) -> Result:
    """The answer of a run that remembers nothing."""
    kept = cache.with_name(f"{cache.name}-kept")
    cache.rename(kept)
    answer = case.run("check", *args)
    shutil.rmtree(cache, ignore_errors=True)
    kept.rename(cache)
    return answer


def at(moment: datetime) -> tuple[str, str]:
    return "--at", moment.isoformat()


def read(cache: Path) -> list[Any]:
    """What the one remembered answer says."""
    (slot,) = slots(cache)
    row: list[Any] = json.loads(slot.read_bytes().partition(b"\n")[2])
    return row


def put(cache: Path, row: object) -> None:
    """Replace the remembered answer by another one that is whole."""
    (slot,) = slots(cache)
    text = json.dumps(row).encode()
    slot.write_bytes(content_digest(text).encode() + b"\n" + text)


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "junit", "github"])
def test_the_same_bytes(case: Case, format_: str) -> None:
    """An answer that is remembered is printed as one that was found."""
    first, again = (case.run("check", "--format", format_, *at(ASKED)) for _ in "12")
    assert first == again
    assert first.code == 1
    assert "cert-expired" in first.out


def test_it_is_taken(case: Case, cache: Path) -> None:
    """Nothing is judged again: what the memory says is the answer, as long as it holds."""
    case.run("check", *at(ASKED))
    row = read(cache)
    assert row[3] == 7
    row[3], row[4] = 70, row[4][:1]
    put(cache, row)
    assert "1 finding in 70 bindings" in case.run("check", *at(ASKED)).err
    assert "1 finding in 70 bindings" in case.run("check", *at(ASKED + timedelta(minutes=9))).err
    assert "1 finding" not in case.run("check", *at(ASKED + DAY)).err


def test_empty_stores(case: Case, cache: Path) -> None:
    """No file of theirs is unknown, so the answer is taken as well."""
    shutil.rmtree("certs/MY")
    case.run("check", *at(ASKED))
    put(cache, [*read(cache)[:3], 70, *read(cache)[4:]])
    assert "in 70 bindings" in case.run("check", *at(ASKED)).err


@pytest.mark.parametrize("seen", [False, True], ids=["new-files", "known-files"])
def test_a_store_that_appears_meanwhile(case: Case, cache: Path, seen: bool) -> None:
    """What changes while an answer is made is not in it, so the answer is not taken then."""
    if seen:
        case.run("list")
    else:
        shutil.rmtree(cache, ignore_errors=True)

    def answer() -> CachedAnswer:
        return CachedAnswer(Session(Registry.open("sslbind.toml")), "test")

    first = answer()
    Path("certs/Another").mkdir()
    first.remember(["as it was"])
    assert answer().recall() is None
    answer().remember(["as it is"])
    assert answer().recall() == ["as it is"]


def test_from_one_moment_to_the_next(case: Case, cache: Path) -> None:
    """The answer holds while no certificate comes to a date, or to another number of days."""
    case.run("check", *at(ASKED))
    since, until = (datetime.fromisoformat(text) for text in read(cache)[1:3])
    assert (since, until) == (NOW, NOW + timedelta(hours=1))


@pytest.mark.slow
@given(
    st.lists(
        st.builds(
            lambda base, days, seconds: base + days * DAY + timedelta(seconds=seconds),
            st.sampled_from([NOW, OLD.certificate.not_valid_after_utc,
                             SOON.certificate.not_valid_after_utc,
                             EARLY.certificate.not_valid_before_utc,
                             web().certificate.not_valid_after_utc]),
            st.integers(-35, 35),
            st.integers(-1, 1),
        ),
        min_size=2,
        max_size=4,
    )
)  # fmt: skip
def test_at_every_moment(case: Case, cache: Path, moments: list[datetime]) -> None:
    """Whatever was asked before, the answer is the one of that moment."""
    for moment in moments:
        args = ("--format", "json", *at(moment))
        assert case.run("check", *args) == afresh(case, cache, *args)


def _replace_by_folder() -> None:
    path = Path(f"certs/MY/{SOON.thumbprint}.key")
    path.unlink()
    path.mkdir()


def _in_place(path: Path) -> None:
    """Change bytes, not the size, and set the time back."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[60:70] = b"AAAAAAAAAA"
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[], object]] = {
    "a record": lambda: Path("sslbind.toml").write_text(
        Path("sslbind.toml").read_text().replace(A, SOON.thumbprint)
    ),
    "a certificate gone": lambda: Path(f"certs/MY/{OLD.thumbprint}.pem").unlink(),
    "another certificate": lambda: Path(f"certs/MY/{OLD.thumbprint}.pem").write_bytes(mail().pem),
    "in place, at the same time": lambda: _in_place(Path(f"certs/MY/{SOON.thumbprint}.key")),
    "a key gone": lambda: Path(f"certs/MY/{SOON.thumbprint}.key").unlink(),
    "a key that cannot be read": _replace_by_folder,
    "a store more": lambda: Path("certs/WebHosting").mkdir(),
    "a file more": lambda: Path("certs/MY/new.pem").write_bytes(mail().pem),
    "the stores moved": lambda: Path("certs").rename("elsewhere"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed(case: Case, cache: Path, name: str) -> None:
    """A change of anything that rules look at is seen."""
    args = ("--format", "json", *at(ASKED))
    before = case.run("check", *args)
    CHANGES[name]()
    after = case.run("check", *args)
    assert after == afresh(case, cache, *args)
    assert (after == before) is (name in ("a store more", "a file more"))


@pytest.mark.parametrize(
    "options",
    [
        ("--select", "cert-*"),
        ("--ignore", "cert-expired"),
        ("--expires-within", "5d"),
        ("--fail-on", "info"),
        ("--sites", "sites.xml"),
    ],
    ids=" ".join,
)
def test_other_questions(case: Case, cache: Path, options: tuple[str, ...]) -> None:
    """Each question has its own answer."""
    Path("sites.xml").write_text("<configuration><system.applicationHost/></configuration>")
    for args in ((), options, (), options):
        assert case.run("check", *args, *at(ASKED)) == afresh(case, cache, *args, *at(ASKED))


def test_other_releases_and_places(case: Case, cache: Path) -> None:
    """So have another release and another name for the file, which is in the commands."""
    for words in ([], ["--windows", "2012"], ["-r", "./sslbind.toml"], []):
        first = case.run(*words, "check", *at(ASKED))
        kept = cache.with_name("kept")
        cache.rename(kept)
        assert case.run(*words, "check", *at(ASKED)) == first
        shutil.rmtree(cache, ignore_errors=True)
        kept.rename(cache)


def test_suppressions_end(case: Case, cache: Path) -> None:
    """A suppression ends with its day, and a note says so from then on."""
    until = f'[[Suppress]]\nrule = "cert-expired"\nreason = "known"\nuntil = "{NOW.date()}"\n'
    case.write(STORES, RECORDS, until)
    for moment in (NOW, NOW + timedelta(minutes=1), NOW + DAY, NOW + DAY):
        args = ("--format", "json", *at(moment))
        assert case.run("check", *args) == afresh(case, cache, *args)


def test_nothing_else_has_a_say(case: Case, cache: Path) -> None:
    """With a central store, or a record that needs one, nothing is remembered."""
    Path("ccs").mkdir()
    (Path("ccs") / "www.contoso.com.pfx").write_bytes(web().pfx(PASSWORD))
    case.write(STORES, PROVIDER, RECORDS)
    assert case.run("check", *at(ASKED)).code == 1
    case.write(STORES, record("443"))
    assert case.run("check", *at(ASKED)).code == 1
    assert slots(cache) == []


def test_files_that_were_just_written(case: Case, cache: Path) -> None:
    """What could change once more without another stamp is not remembered."""
    path = Path("certs/MY/new.pem")
    path.write_bytes(mail().pem)
    soon = time.time_ns() + 10_000_000
    os.utime(path, ns=(soon, soon))
    if case.run("check", *at(ASKED)) and time.time_ns() < soon:  # on a busy machine it is later
        assert slots(cache) == []


GARBAGE: dict[str, Callable[[list[Any]], object]] = {
    "not a list": lambda _row: {"findings": []},
    "too short": lambda row: row[:3],
    "another subject": lambda row: ["0" * 64, *row[1:]],
    "no moment": lambda row: [row[0], "soon", *row[2:]],
    "a moment without a zone": lambda row: [*row[:2], "2030-01-01T00:00:00", *row[3:]],
    "findings that are none": lambda row: [*row[:4], [["x"]], *row[5:]],
    "a severity that is none": lambda row: [*row[:4], [["r", "fatal", *[None] * 9]], *row[5:]],
    "a number for a text": lambda row: [*row[:4], [["r", "error", *[1] * 9]], *row[5:]],
    "a text for a line": lambda row: [
        *row[:4], [["r", "error", None, None, "f", "1", "m", None, None, "", ""]], *row[5:]
    ],
    "notes that are none": lambda row: [*row[:6], [1]],
    "a count that is none": lambda row: [*row[:3], "many", *row[4:]],
}  # fmt: skip


@pytest.mark.parametrize("name", GARBAGE)
def test_a_memory_that_is_none(case: Case, cache: Path, name: str) -> None:
    """An entry of another form costs time only, and is replaced."""
    first = case.run("check", *at(ASKED))
    row = read(cache)
    put(cache, GARBAGE[name](row))
    assert case.run("check", *at(ASKED)) == first
    assert read(cache) == row


def test_a_damaged_memory(case: Case, cache: Path) -> None:
    """So does one with any byte changed, and one that is empty."""
    first = case.run("check", *at(ASKED))
    (slot,) = slots(cache)
    data = slot.read_bytes()
    for place in range(0, len(data), 97):
        slot.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert case.run("check", *at(ASKED)) == first
    slot.write_bytes(b"")
    assert case.run("check", *at(ASKED)) == first


def test_now(case: Case, cache: Path) -> None:
    """Without ``--at`` it is now, and the second answer is the first."""
    first = case.run("check")
    assert case.run("check") == first
    assert datetime.fromisoformat(read(cache)[2]) > datetime.now(UTC)
