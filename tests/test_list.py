"""``sslbind list``: the bindings in a table, as tsv and as JSON, selected or all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run, Stored
from pki import issue


@pytest.fixture
def many(bare: Path) -> Path:
    """Return a registry with a record of each kind, two certificates and two owners."""
    record = '[{}]\ncerthash = "{}"\nappid = "{}"\ncertstorename = "MY"\n{}\n'
    bare.write_text(
        'version = 1\nwindows = "2022"\n\n'
        f'[SslScopedCcsBindingInfo."shop.contoso.com:443"]\nappid = "{IIS}"\n'
        + record.format('SslSniBindingInfo."www.contoso.com:443"', A, IIS, "reject = true\n")
        + record.format('SslSniBindingInfo."münchen.de:443"', B, OTHER, "usagecheck = false\n")
        + f'[SslCcsBindingInfo.443]\nappid = "{IIS}"\nsslflags = 3\n'
        + record.format('SslBindingInfo."[2001:db8::1]:443"', A, OTHER, ""),
        encoding="utf-8",
    )
    return bare


ROWS = [
    ["ipport", "[2001:db8::1]:443", A, OTHER, "-", "-"],
    ["hostnameport", "www.contoso.com:443", A, "IIS", "-", "reject"],
    ["hostnameport", "münchen.de:443", B, OTHER, "-", "usagecheck=disable"],
    ["ccs", "443", "-", "IIS", "-", "sslflags=3"],
    ["scopedccs", "shop.contoso.com:443", "-", "IIS", "-", "-"],
]


def tsv(run: Run, *words: str) -> list[list[str]]:
    result = run("list", "--format", "tsv", *words)
    assert result.code == 0
    return [line.split("\t") for line in result.out.splitlines()]


def test_tsv(run: Run, many: Path) -> None:
    """tsv has kind, key, thumbprint, owner, days left, flags; a line a record, and no header."""
    del many
    assert tsv(run) == ROWS


def test_table(run: Run, many: Path) -> None:
    """The table has the same columns under their names, and whole thumbprints however narrow."""
    del many
    lines = run("list", env={"COLUMNS": "20"}).out.splitlines()
    assert lines[0].split() == ["kind", "key", "thumbprint", "owner", "days", "left", "flags"]
    assert [line.split() for line in lines[2:]] == ROWS
    assert "\x1b" not in "".join(lines)


def test_json(run: Run, many: Path) -> None:
    """JSON has the same records, in the same order."""
    del many
    document = run("list", "--format", "json").json
    assert document["version"] == 1
    assert [[one["kind"], one["key"]] for one in document["bindings"]] == [row[:2] for row in ROWS]


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (("--cert", A), [0, 1]),
        (("--cert", A[:8].upper()), [0, 1]),
        (("--cert", f"\u200e{A}"), [0, 1]),
        (("--cert", "c3" * 20), []),
        (("--appid", "iis"), [1, 3, 4]),
        (("--appid", OTHER), [0, 2]),
        (("--appid", OTHER[1:-1].upper()), [0, 2]),
        (("--host", "xn--mnchen-3ya.de"), [2]),
        (("--host", "WWW.CONTOSO.COM."), [1]),
        (("--host", "shop.contoso.com"), [4]),
        (("--host", "2001:DB8::1"), [0]),
        (("--host", "[2001:db8:0::1]"), [0]),
        (("--host", "www.contoso.com", "--appid", OTHER), []),
        (("--cert", A, "--appid", "iis"), [1]),
    ],
)
def test_selected(run: Run, many: Path, words: tuple[str, ...], rows: list[int]) -> None:
    """``--cert``, ``--appid`` and ``--host`` select; together, what fits them all."""
    del many
    assert tsv(run, *words) == [ROWS[row] for row in rows]


@pytest.mark.parametrize("form", ["table", "json", "tsv"])
def test_nothing(run: Run, bare: Path, form: str) -> None:
    """Where nothing matches, the list is empty and the exit code 0."""
    del bare
    result = run("list", "--format", form)
    assert result.code == 0
    if form == "json":
        assert result.json == {"version": 1, "bindings": []}
    else:
        assert result.out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--appid", "notepad"), "notepad"),
        (("--host", "a b"), "a b"),
        (("--cert", "a1a1"), "a1a1"),
        (("--cert", "nowhere.pem"), "nowhere.pem"),
    ],
)
def test_bad_selectors(run: Run, many: Path, words: tuple[str, ...], said: str) -> None:
    """A selector that cannot be is named."""
    del many
    result = run("list", *words)
    assert result.code in (1, 2)
    assert result.out == ""
    assert said in result.err


def test_days_left(run: Run, registry: Path) -> None:
    """Days left come from the certificate in the record's own store."""
    now = datetime.now(UTC)
    soon = issue("a.test", dns=("a.test",), start=now, end=now + timedelta(days=10, hours=1))
    (registry.parent / "a.pem").write_bytes(soon.pem + soon.key_pem())
    run("add", "sslsnicert", "a.test:443", "--cert", "a.pem", "appid=iis")
    run("add", "sslsnicert", "b.test:443", soon.thumbprint, "iis", "WebHosting", "--no-verify")
    rows = tsv(run)
    assert [row[4] for row in rows] == ["10", "-"]


def test_by_a_file(run: Run, registry: Path, stored: Stored) -> None:
    """``--cert`` takes a file, and a SHA-256 of a certificate in a store."""
    run("add", "sslsnicert", "www.contoso.com:443", stored.web.thumbprint, "iis", "MY")
    run("add", "sslsnicert", "mail.contoso.com:443", stored.mail.thumbprint, "iis", "MY")
    (registry.parent / "web.cer").write_bytes(stored.web.der)
    assert [row[1] for row in tsv(run, "--cert", "web.cer")] == ["www.contoso.com:443"]
    assert [row[1] for row in tsv(run, "--cert", stored.mail.sha256)] == ["mail.contoso.com:443"]
