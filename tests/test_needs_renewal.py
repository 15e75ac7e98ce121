"""``needs-renewal``: the answer is the exit code, as that of step's command."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, Run
from pki import PASSWORD
from test_expiry import FILE, LATE, OLD, SHORT, SOON, path, record

__all__ = ["path"]

AT = ("--at", "2026-06-01T12:00Z")


@pytest.mark.parametrize(
    ("what", "within", "code"),
    [
        ("soon.contoso.com:443", "33%", 0),
        ("hostnameport=soon.contoso.com:443", "9d", 1),
        ("soon.contoso.com:443", "10d", 0),
        ("old.contoso.com:443", "1%", 0),
        ("short.contoso.com:443", "33%", 1),
        ("short.contoso.com:443", "30d", 0),
        (LATE.thumbprint, "30d", 1),
        (SOON.thumbprint[:10], "30d", 0),
        (OLD.sha256, "30d", 0),
        ("certs/MY/" + SHORT.thumbprint + ".pem", "4d", 1),
        ("ccs/file.contoso.com.pfx", "41d", 0),
        ("gone.contoso.com:443", "30d", 2),
        ("nowhere.contoso.com:443", "30d", 2),
        ("0123456789", "30d", 2),
        ("nowhere.pem", "30d", 2),
        ("ipport=0.0.0.0:443", "30d", 2),
        ("sslbind.toml", "30d", 255),
        ("soon.contoso.com:443", "someday", 255),
        ("soon.contoso.com:443", "0%", 255),
    ],
    ids=range(19),
)
def test_codes(run: Run, path: Path, what: str, within: str, code: int) -> None:
    done = run("needs-renewal", what, "--expires-in", within, *AT)
    assert done.code == code
    assert done.out.startswith({0: "yes: ", 1: "no: "}.get(code, ""))
    assert bool(done.err) == (code >= 2)


def test_what_it_says(run: Run, path: Path) -> None:
    done = run("needs-renewal", "soon.contoso.com:443", *AT)
    assert done.out == (
        "yes: hostnameport soon.contoso.com:443 expires on 2026-06-11 12:00 UTC, and is due 33% of"
        " its life before\n"
    )
    done = run("needs-renewal", "soon.contoso.com:443", *AT, "--format", "json")
    assert done.json == {
        "version": 1,
        "needs_renewal": True,
        "missing": False,
        "not_after": "2026-06-11T12:00:00+00:00",
        "days_left": 10,
    }
    done = run("needs-renewal", "gone.contoso.com:443", *AT, "--format", "json")
    assert (done.code, done.json) == (
        2,
        {"version": 1, "needs_renewal": None, "missing": True},
    )


def test_the_central_store(run: Run, path: Path) -> None:
    """A record of the central store is due when the first of its files is."""
    with path.open("a") as file:
        file.write(f'[SslCcsBindingInfo.443]\nappid = "{IIS}"\nsslflags = 3\n')
    assert run("needs-renewal", "443", *AT, "--expires-in", "41d").code == 0
    assert run("needs-renewal", "443", *AT, "--expires-in", "39d").code == 1
    Path("ccs/file.contoso.com.pfx").unlink()
    assert run("needs-renewal", "443", *AT).code == 2


@pytest.mark.parametrize(
    "words", [(), ("a", "b"), ("--nonsense", "a"), ("a:443", "--format", "tsv")], ids=range(4)
)
def test_a_line_that_cannot_be_read(run: Run, path: Path, words: tuple[str, ...]) -> None:
    """A mistyped line is not taken for a certificate that is missing."""
    done = run("needs-renewal", *words)
    assert (done.code, done.out) == (255, "")
    assert done.err.startswith("Usage: ")


def test_what_cannot_be_asked(run: Run, path: Path) -> None:
    Path("web.pfx").write_bytes(FILE.pfx(PASSWORD))
    assert run("needs-renewal", "web.pfx").code == 255
    done = run("needs-renewal", "web.pfx", "--password-env", "PFX", env={"PFX": PASSWORD.decode()})
    assert done.code in (0, 1)
    path.write_text("version = 1\n" + record("c3" * 20, "a.contoso.com:443"))
    for what in ("a.contoso.com:443", "c3" * 20):
        assert run("needs-renewal", what).code == 255
    path.write_text("nonsense")
    assert run("needs-renewal", "a.contoso.com:443").code == 255


def test_help(run: Run) -> None:
    assert run("needs-renewal", "--help").code == 0
