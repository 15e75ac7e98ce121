"""Certificates named the way people do it: by their names, wherever a certificate is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, A, B, Result, Run
from pki import Issued, issue

from sslbind import Registry, Session, rebind

TODAY = datetime.now(UTC).replace(microsecond=0)


def made(folder: Path, file: str, *names: str, days: int = 60) -> Issued:
    """Make a certificate valid today for ``names``, in ``file`` with its key."""
    one = issue(names[0], dns=names, start=TODAY, end=TODAY + timedelta(days=days))
    (folder / file).write_bytes(one.pem + one.key_pem())
    return one


@pytest.fixture
def shop(run: Run, registry: Path) -> dict[str, Issued]:
    """Bind a wildcard, a certificate of two names, and an international one; store a spare."""
    folder = registry.parent
    found = {
        "wildcard": made(folder, "wildcard.pem", "*.example.com"),
        "mail": made(folder, "mail.pem", "mail.example.com", "autodiscover.example.com"),
        "bücher": made(folder, "bücher.pem", "xn--bcher-kva.example"),
        "spare": made(folder, "spare.pem", "spare.example.com"),
        "root": issue("Example Root", ca=True),
    }
    (folder / "root.pem").write_bytes(found["root"].pem)
    for file, host in (("wildcard", "shop"), ("wildcard", "www"), ("mail", "mail")):
        key = f"{host}.example.com:443"
        assert run("add", "sslsnicert", key, "--cert", f"{file}.pem", "appid=iis").code == 0
    run("add", "sslsnicert", "bücher.example:443", "--cert", "bücher.pem", "appid=iis")
    run("store", "add", "spare.pem")
    run("store", "add", "root.pem", "--store", "Root")
    return found


def keys(result: Result) -> list[str]:
    assert result.code == 0, result.err
    return [line.split("\t")[1] for line in result.out.splitlines()]


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("mail.example.com", ["mail.example.com:443"]),
        ("MAIL.example.com.", ["mail.example.com:443"]),
        ("autodiscover.example.com", ["mail.example.com:443"]),
        ("*.example.com", ["shop.example.com:443", "www.example.com:443"]),
        ("other.example.com", ["shop.example.com:443", "www.example.com:443"]),
        ("bücher.example", ["bücher.example:443"]),
        ("xn--bcher-kva.example", ["bücher.example:443"]),
        ("CN=mail.example.com", ["mail.example.com:443"]),
        ("spare.example.com", []),
        ("example root", []),
    ],
)
def test_list(run: Run, shop: dict[str, Issued], name: str, bound: list[str]) -> None:
    """``list --cert`` takes a name, the subject, or one that a wildcard covers."""
    del shop
    assert keys(run("list", "--cert", name, "--format", "tsv")) == bound


def test_list_of_several(run: Run, shop: dict[str, Issued], registry: Path) -> None:
    """If several have the name, the bindings of each are listed."""
    del shop
    new = made(registry.parent, "new.pem", "mail.example.com", days=90)
    run("add", "sslcert", "0.0.0.0:443", "--cert", "new.pem", "appid=iis")
    result = run("list", "--cert", "mail.example.com", "--format", "tsv")
    assert keys(result) == ["0.0.0.0:443", "mail.example.com:443"]
    assert new.thumbprint in result.out


def test_store_show(run: Run, shop: dict[str, Issued]) -> None:
    """``store show`` takes a name; a wildcard matches what it covers, and its names are shown."""
    for name in ("*.example.com", "shop.example.com"):
        lines = run("store", "show", name).out.splitlines()
        assert lines[0] == f"thumbprint:   {shop['wildcard'].thumbprint}"
        assert "names:        *.example.com" in lines
    lines = run("store", "show", "Example Root").out.splitlines()
    assert "store:        Root" in lines


def test_rebind(run: Run, shop: dict[str, Issued], registry: Path) -> None:
    """``rebind '*.example.com' new.pfx``: the certificate that is bound is meant, also again."""
    new = made(registry.parent, "new.pem", "*.example.com", days=90)
    (registry.parent / "new.pfx").write_bytes(new.pfx())
    old = shop["wildcard"].thumbprint
    planned = run("rebind", "*.example.com", "new.pfx", "--dry-run")
    assert planned.out == (
        "would update hostnameport=shop.example.com:443\n"
        f"    certhash: {old} (*.example.com) -> {new.thumbprint} (*.example.com)\n"
        "would update hostnameport=www.example.com:443\n"
        f"    certhash: {old} (*.example.com) -> {new.thumbprint} (*.example.com)\n"
        "2 bindings; these names would get the new certificate: shop.example.com,"
        " www.example.com, *.example.com\n"
    )
    assert run("rebind", "*.example.com", "new.pfx").code == 0
    assert len(keys(run("list", "--cert", new.thumbprint, "--format", "tsv"))) == 2
    before = registry.read_bytes()
    again = run("rebind", "*.example.com", "new.pfx")
    assert (again.code, registry.read_bytes()) == (0, before)
    assert "unchanged" in again.err
    back = run("rebind", new.thumbprint, "*.example.com")
    assert (back.code, "*.example.com" in back.out) == (0, True), back.err


def test_rebind_of_what_a_wildcard_covers(
    run: Run, shop: dict[str, Issued], registry: Path
) -> None:
    """Commands that change bindings take a certificate's own names only, and say what covers it."""
    before = registry.read_bytes()
    result = run("rebind", "shop.example.com", "spare.example.com")
    assert (result.code, result.out, registry.read_bytes()) == (2, "", before)
    day = f"{TODAY + timedelta(days=60):%Y-%m-%d}"
    assert result.err == (
        "error: shop.example.com is not a file, and no certificate has that name\n"
        f"hint: it is covered by {shop['wildcard'].thumbprint} (*.example.com), until {day},"
        " 2 bindings\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("rebind", "mail.example.com", "spare.example.com"),
        ("delete", "sslcert", "--cert", "mail.example.com"),
        ("store", "delete", "mail.example.com"),
        ("add", "sslcert", "10.0.0.5:443", "--cert", "mail.example.com", "appid=iis"),
    ],
    ids=["rebind", "delete", "store delete", "add"],
)
def test_ambiguous(
    run: Run, shop: dict[str, Issued], registry: Path, words: tuple[str, ...]
) -> None:
    """Two certificates of one name: the candidates, each with its names, expiry and use."""
    new = made(registry.parent, "new.pem", "mail.example.com", days=90)
    run("add", "sslcert", "0.0.0.0:443", "--cert", "new.pem", "appid=iis")
    before = registry.read_bytes()
    result = run(*words)
    assert (result.code, result.out, registry.read_bytes()) == (1, "", before)
    ends = [f"{TODAY + timedelta(days=days):%Y-%m-%d}" for days in (60, 90)]
    old, lines = shop["mail"].thumbprint, result.err.splitlines()
    assert lines[0] == "error: mail.example.com is the name of 2 certificates"
    assert sorted(lines[1:3]) == sorted(
        [
            f"hint: {old} (mail.example.com, autodiscover.example.com), until {ends[0]}, 1 binding",
            f"hint: {new.thumbprint} (mail.example.com), until {ends[1]}, 1 binding",
        ]
    )
    assert lines[3] == "hint: name one by its thumbprint, or by 8 or more of its digits"


def test_add_and_update(run: Run, shop: dict[str, Issued]) -> None:
    """``--cert`` of add and update takes a name; a dry run shows it next to the thumbprint."""
    line = ("sslsnicert", "spare.example.com:443", "--cert", "spare.example.com", "appid=iis")
    planned = run("add", *line, "--dry-run")
    assert planned.out.splitlines()[1] == (
        f"    certhash: {shop['spare'].thumbprint} (spare.example.com)"
    )
    assert run("add", *line).code == 0
    assert run("update", *line[:2], "--cert", "*.example.com").code == 0
    assert keys(run("list", "--cert", "*.example.com", "--format", "tsv"))[-1] == line[1]


def test_delete(run: Run, shop: dict[str, Issued]) -> None:
    """``delete --cert`` takes a name, and ``store delete`` too."""
    del shop
    assert run("delete", "sslcert", "--cert", "autodiscover.example.com").code == 0
    assert run("store", "delete", "autodiscover.example.com").code == 0
    assert run("store", "show", "CN=mail.example.com").code == 2


def test_a_file_comes_first(run: Run, shop: dict[str, Issued], registry: Path) -> None:
    """If a file has that name, the file is meant; what can only be a file is not looked up."""
    (registry.parent / "spare.example.com").write_bytes((registry.parent / "mail.pem").read_bytes())
    found = run("store", "show", "spare.example.com").out
    assert found.startswith(f"thumbprint:   {shop['mail'].thumbprint}")
    for path in ("nowhere.pem", "./spare", "nowhere.PFX"):
        assert run("store", "show", path).err.startswith(f"error: {path}: ")


def test_without_stores(run: Run, bare: Path) -> None:
    """Without certificate stores, the hosts of bindings are the known names."""
    line = ("iis", "MY", "--no-verify")
    run("add", "sslsnicert", "www.example.com:443", A, *line)
    run("add", "sslcert", "10.0.0.5:443", A, *line)
    assert run("rebind", "www.example.com", B).code == 0
    assert bare.read_text().count(B) == 2
    result = run("list", "--cert", "mail.example.com")
    assert (result.code, result.out) == (2, "")
    assert "only the hosts of bindings are known" in result.err


def test_library(shop: dict[str, Issued], registry: Path) -> None:
    """``rebind`` of the library takes names as well."""
    with Registry.editing(registry) as opened:
        result = rebind(Session(opened), "mail.example.com", "spare.example.com", force=True)
    assert (result.old, result.new) == (shop["mail"].thumbprint, shop["spare"].thumbprint)


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("shop.example.com", 1, "no: hostnameport shop.example.com:443 expires on "),
        ("SHOP.example.com", 1, "no: hostnameport shop.example.com:443 expires on "),
        ("10.0.0.5", 1, "no: ipport 10.0.0.5:443 expires on "),
        ("spare.example.com", 1, "no: "),
        ("*.example.com", 1, "no: "),
        (
            "gone.example.com",
            2,
            "missing: no binding, file or certificate has the name gone.example.com",
        ),
        (
            "gone.example.com:443",
            2,
            "missing: there is no binding hostnameport=gone.example.com:443\n",
        ),
        ("nowhere.pem", 2, "missing: there is no file nowhere.pem\n"),
        ("0123456789", 2, "missing: no store has the certificate 0123456789\n"),
    ],
)
def test_needs_renewal(run: Run, shop: dict[str, Issued], what: str, code: int, said: str) -> None:
    """``needs-renewal`` takes a bare host or a name, and answers on standard output."""
    run("add", "sslcert", "10.0.0.5:443", shop["mail"].thumbprint, IIS, "MY")
    result = run("needs-renewal", what, "--expires-in", "30d")
    assert result.code == code
    assert result.out.startswith(said)
