"""``sslbind list``: bindings as a table, tsv and JSON: selected, sorted, grouped or all."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run, Stored
from pki import Issued, issue
from terminal import TERMINAL, on_terminal


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
        (("--host", "*.contoso.com"), [1, 4]),
        (("--host", "*.CONTOSO.com."), [1, 4]),
        (("--host", "w?w.contoso.com"), [1]),
        (("--host", "m*"), [2]),
        (("--host", "xn--*"), [2]),
        (("--host", "2001:*"), [0]),
        (("--host", "[2001:*]"), [0]),
        (("--host", "*"), [0, 1, 2, 4]),
        (("--host", "[a-z]*"), []),
        (("--port", "443"), [0, 1, 2, 3, 4]),
        (("--port", "8443"), []),
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


@pytest.fixture
def dated(run: Run, registry: Path) -> dict[str, Issued]:
    """Bind three certificates that end in 5, 10 and 200 days, and one that is in no store."""
    now = datetime.now(UTC)
    made = {
        name: issue(name, dns=(name, f"www.{name}"), start=now - timedelta(days=90), end=end)
        for name, end in (
            ("b.test", now + timedelta(days=200, hours=1)),
            ("c.test", now + timedelta(days=5, hours=1)),
            ("a.test", now + timedelta(days=10, hours=1)),
        )
    }
    for name, one in made.items():
        (registry.parent / f"{name}.pem").write_bytes(one.pem + one.key_pem())
        run("add", "sslsnicert", f"{name}:443", "--cert", f"{name}.pem", "appid=iis")
    run("add", "sslcert", "10.0.0.10:8443", made["a.test"].thumbprint, "iis", "MY")
    run("add", "sslcert", "10.0.0.9:8443", made["c.test"].thumbprint, "iis", "MY")
    run("add", "sslsnicert", "d.test:444", "d4" * 20, "iis", "MY", "--no-verify")
    return made


@pytest.mark.parametrize(
    ("order", "keys"),
    [
        (
            "key",
            "10.0.0.9:8443 10.0.0.10:8443 a.test:443 b.test:443 c.test:443 d.test:444",
        ),
        (
            "expiry",
            "10.0.0.9:8443 c.test:443 10.0.0.10:8443 a.test:443 b.test:443 d.test:444",
        ),
        (
            "cert",
            "10.0.0.10:8443 a.test:443 b.test:443 10.0.0.9:8443 c.test:443 d.test:444",
        ),
        (
            "host",
            "10.0.0.9:8443 10.0.0.10:8443 a.test:443 b.test:443 c.test:443 d.test:444",
        ),
        (
            "port",
            "a.test:443 b.test:443 c.test:443 d.test:444 10.0.0.9:8443 10.0.0.10:8443",
        ),
    ],
    ids=["key", "expiry", "cert", "host", "port"],
)
def test_sorted(run: Run, dated: dict[str, Issued], order: str, keys: str) -> None:
    """Addresses are sorted as numbers, before names; what is not known comes last."""
    del dated
    assert [row[1] for row in tsv(run, "--sort", order)] == keys.split()


@pytest.mark.parametrize(
    ("within", "keys"),
    [
        ("7d", {"10.0.0.9:8443", "c.test:443"}),
        ("2w", {"10.0.0.9:8443", "c.test:443", "10.0.0.10:8443", "a.test:443"}),
        ("50%", {"10.0.0.9:8443", "c.test:443", "10.0.0.10:8443", "a.test:443"}),
        ("1d", set()),
    ],
    ids=["7d", "2w", "half", "1d"],
)
def test_expires_within(run: Run, dated: dict[str, Issued], within: str, keys: set[str]) -> None:
    """``--expires-within`` selects by the certificate; a note counts those that are not known."""
    del dated
    result = run("list", "--expires-within", within, "--format", "tsv")
    assert {line.split("\t")[1] for line in result.out.splitlines()} == keys
    assert (
        "note: 1 binding left out: the expiry date of the certificate is not known\n" in result.err
    )


def test_names_and_ends(run: Run, dated: dict[str, Issued]) -> None:
    """JSON has the names and the end of each certificate, null if they are not known."""
    end = dated["a.test"].certificate.not_valid_after_utc.isoformat()
    document = run("list", "--format", "json").json
    found = {one["key"]: (one["names"], one["not_after"]) for one in document["bindings"]}
    assert found["a.test:443"] == (["a.test", "www.a.test"], end)
    assert found["d.test:444"] == (None, None)


def test_grouped(run: Run, dated: dict[str, Issued]) -> None:
    """``--group-by cert``: a row a certificate, with its first name, its end and its bindings."""
    a, c = dated["a.test"], dated["c.test"]
    words = ("list", "--group-by", "cert", "--sort", "cert", "--format")
    rows = [line.split("\t") for line in run(*words, "tsv").out.splitlines()]
    day = f"{a.certificate.not_valid_after_utc:%Y-%m-%d}"
    assert rows[0] == [
        a.thumbprint, "a.test +1", day, "10", "2", "ipport=10.0.0.10:8443 hostnameport=a.test:443",
    ]  # fmt: skip
    assert rows[-1] == ["d4" * 20, "-", "-", "-", "1", "hostnameport=d.test:444"]
    document = run(*words, "json").json
    assert [len(one["bindings"]) for one in document["certificates"]] == [2, 1, 2, 1]
    assert document["certificates"][2] == {
        "thumbprint": c.thumbprint,
        "names": ["c.test", "www.c.test"],
        "not_after": c.certificate.not_valid_after_utc.isoformat(),
        "bindings": [
            {"kind": "ipport", "key": "10.0.0.9:8443"},
            {"kind": "hostnameport", "key": "c.test:443"},
        ],
    }


@pytest.fixture
def wide(run: Run, registry: Path) -> str:
    """Bind one certificate with long flags, for a long name and for an unknown owner."""
    now = datetime.now(UTC)
    one = issue(
        "a.test", dns=("a.test", "b.test"), start=now, end=now + timedelta(days=40, hours=1)
    )
    (registry.parent / "a.pem").write_bytes(one.pem + one.key_pem())
    run("add", "sslsnicert", "a.test:443", "--cert", "a.pem", "appid=iis")
    run("add", "sslsnicert", f"{'long-name.' * 5}test:443", one.thumbprint, OTHER, "MY")
    run(
        "add", "sslcert", "0.0.0.0:443", one.thumbprint, "iis", "MY", "dsmapperusage=enable",
        "verifyrevocationwithcachedclientcertonly=enable", "clientcertnegotiation=enable",
    )  # fmt: skip
    return one.thumbprint


@TERMINAL
def test_narrow(wide: str, tmp_path: Path) -> None:
    """80 columns: thumbprints of 12 digits, cells folded, certificate and flags below."""
    short, owner = wide[:12], OTHER[1:-1].split("-")
    assert on_terminal(80, "list", cwd=tmp_path) == (
        f"""\
kind          key                          thumbprint    owner         days left
    certificate
    flags
────────────────────────────────────────────────────────────────────────────────
ipport        0.0.0.0:443                  {short}  IIS                  40
    a.test +1
    verifyrevocationwithcachedclientcertonly dsmapperusage clientcertnegotiation
hostnameport  a.test:443                   {short}  IIS                  40
    a.test +1
hostnameport  long-name.long-name.long-    {short}  {{{owner[0]}-           40
              name.long-name.long-name.                  {owner[1]}-{owner[2]}-
              test:443                                   {owner[3]}-
                                                         {owner[4]}
                                                         }}
    a.test +1
"""
    )


@TERMINAL
@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("words", [("list",), ("list", "--group-by", "cert"), ("store", "list")])
def test_fits(wide: str, tmp_path: Path, words: tuple[str, ...], columns: int) -> None:
    """No line is wider than the terminal, or has blanks at its end."""
    lines = on_terminal(columns, *words, cwd=tmp_path).splitlines()
    assert max(map(len, lines)) <= columns
    assert [line for line in lines if line != line.rstrip()] == []
    assert any(wide[:12] in line for line in lines)


@TERMINAL
def test_colours(wide: str, tmp_path: Path) -> None:
    """Colours are around words, and change no width."""
    del wide
    plain = on_terminal(120, "list", cwd=tmp_path)
    coloured = on_terminal(120, "list", cwd=tmp_path, colour=True)
    assert "\x1b[1mdays left\x1b[0m" in coloured
    for code in ("\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_a_pipe(run: Run, wide: str) -> None:
    """In a pipe each binding is one line, with whole cells and no blanks at its end."""
    lines = run("list", env={"COLUMNS": "40"}).out.splitlines()
    assert len(lines) == 5
    assert all(wide in line for line in lines[2:])
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="asks the kernel for the memory of a child")
@pytest.mark.parametrize("form", ["table", "tsv", "json"])
def test_a_hundred_thousand(tmp_path: Path, form: str) -> None:
    """100,000 bindings are listed in modest memory."""
    with (tmp_path / "sslbind.toml").open("w") as file:
        file.write("version = 1\n")
        for number in range(100_000):
            file.write(
                f'[SslSniBindingInfo."h{number}.contoso.com:443"]\n'
                f'certhash = "{number % 500:040x}"\nappid = "{IIS}"\ncertstorename = "MY"\n'
            )
    code = (
        "import resource, subprocess, sys\n"
        "words = [sys.executable, '-m', 'sslbind', 'list', '--format', sys.argv[1]]\n"
        "lines = subprocess.run(words, check=True, capture_output=True).stdout.count(b'h9999.')\n"
        "print(lines, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, form], cwd=tmp_path, capture_output=True, check=True, text=True
    )
    count, memory = map(int, done.stdout.split())
    assert count == 1
    assert memory < 400 * 1024 * (1024 if sys.platform == "darwin" else 1)  # KiB; macOS: bytes
