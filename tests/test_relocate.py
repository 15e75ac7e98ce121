"""``copy`` and ``move``: a binding at another host, address or port, with every tag."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run, Stored

LINES = f"""version = 1
windows = "2022"

# the shop
[SslSniBindingInfo."www.contoso.com:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "WebHosting"
sslflags = 5
disablehttp2 = true
revocationfreshnesstime = 60

[SslSniBindingInfo."www.contoso.com:443".Other]
DefaultFlags = 0x8000

[SslBindingInfo."0.0.0.0:443"]
certhash = "{B}"
appid = "{OTHER}"

[SslCcsBindingInfo.443]
appid = "{IIS}"

[SslScopedCcsBindingInfo."ccs.contoso.com:443"]
appid = "{IIS}"
clientcertnegotiation = true
"""


@pytest.fixture
def shop(bare: Path) -> Path:
    bare.write_text(LINES)
    return bare


def records(run: Run) -> dict[str, dict[str, object]]:
    """Return each record in JSON, by kind and key."""
    document = run("list", "--format", "json").json
    return {f"{one['kind']}={one['key']}": one for one in document["bindings"]}


def tags(record: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in record.items() if name not in ("kind", "key")}


@pytest.mark.parametrize(
    ("key", "new", "source", "made"),
    [
        ("www.contoso.com:443", "shop.contoso.com:443", "hostnameport=www.contoso.com:443",
         "hostnameport=shop.contoso.com:443"),
        ("hostnameport=WWW.contoso.com:443", "www.contoso.com:8443",
         "hostnameport=www.contoso.com:443", "hostnameport=www.contoso.com:8443"),
        ("0.0.0.0:443", "[::]:443", "ipport=0.0.0.0:443", "ipport=[::]:443"),
        ("443", "ccs=8443", "ccs=443", "ccs=8443"),
        ("ccs.contoso.com:443", "x.contoso.com:444", "scopedccs=ccs.contoso.com:443",
         "scopedccs=x.contoso.com:444"),
    ],
    ids=["host", "port", "address", "ccs", "scopedccs"],
)  # fmt: skip
@pytest.mark.parametrize("move", [False, True], ids=["copy", "move"])
def test_every_tag_is_kept(  # the fixtures, and a table of two keys
    run: Run, shop: Path, key: str, new: str, source: str, made: str, move: bool
) -> None:
    """The new record has the tags of the old one, which stays with copy and goes with move."""
    before = records(run)
    result = run("move" if move else "copy", key, new)
    assert result.code == 0, result.err
    assert result.out.startswith(f"added {made}\n")
    assert result.out.endswith(f"deleted {source}\n") == move
    after = records(run)
    assert tags(after.pop(made)) == tags(before[source])
    if move:
        del before[source]
    assert after == before
    if source.startswith("hostnameport"):
        assert shop.read_text().count("DefaultFlags = ") == 2 - move


@pytest.mark.parametrize("dry", ["--dry-run", "--format=json"])
def test_dry_run(run: Run, shop: Path, dry: str) -> None:
    """A dry run says what would change, and writes nothing; JSON says the same."""
    line = ("move", "0.0.0.0:443", "10.0.0.5:443", "--dry-run")
    result = run(*line, dry) if dry != "--dry-run" else run(*line)
    assert result.code == 0
    assert shop.read_text() == LINES
    if dry == "--dry-run":
        assert result.out == (
            "would add ipport=10.0.0.5:443\n"
            f"    certhash: {B}\n    appid: {OTHER}\n"
            "would delete ipport=0.0.0.0:443\n"
        )
        return
    document = result.json
    binding = document.pop("binding")
    assert (binding["kind"], binding["key"], binding["certhash"]) == ("ipport", "10.0.0.5:443", B)
    assert document == {
        "version": 1,
        "changed": False,
        "action": "added",
        "from": {"kind": "ipport", "key": "0.0.0.0:443"},
        "moved": True,
        "would_change": True,
        "dry_run": True,
    }


def test_between_kinds(run: Run, shop: Path) -> None:
    """From an address to a name and back: the store and sslflags follow the kind."""
    assert run("copy", "0.0.0.0:443", "new.contoso.com:443").code == 0
    assert run("move", "www.contoso.com:443", "10.0.0.5:443").code == 0
    after = records(run)
    made = after["hostnameport=new.contoso.com:443"]
    assert (made["certstorename"], made["sslflags"], made["certhash"]) == ("MY", 1, B)
    moved = after["ipport=10.0.0.5:443"]
    assert (moved["certstorename"], moved["sslflags"], moved["disablehttp2"]) == (
        "WebHosting", 4, True,
    )  # fmt: skip
    assert "DefaultFlags = 0x8000" in shop.read_text() or "32768" in shop.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("copy", "gone.contoso.com:443", "x.contoso.com:443"), "there is no binding"),
        (("copy", "0.0.0.0:443", "0.0.0.0:443"), "both the old and the new key"),
        (("copy", "0.0.0.0:443", "ccs=444"), "only one of the two kinds names a certificate"),
        (("move", "ccs.contoso.com:443", "ccs=444"), "HTTP.SYS refuses options"),
        (("copy", "0.0.0.0:443", "www.contoso.com"), "the port is missing"),
        (("copy", "0.0.0.0:443", "www.contoso.com:443"), "exists"),
        (("move", "0.0.0.0:443", "www.contoso.com:443", "--if-exists", "keep"), "exists"),
    ],
    ids=["absent", "same", "kind", "options", "no port", "exists", "keep"],
)
def test_refused(run: Run, shop: Path, words: tuple[str, ...], said: str) -> None:
    """What is not possible is exit 1 with the reason, and nothing changes: neither key."""
    result = run(*words)
    assert (result.code, result.out) == (1, "")
    assert said in result.err
    assert shop.read_text() == LINES


def test_moved_already(run: Run, shop: Path) -> None:
    """A second move says that the first one was done."""
    del shop
    assert run("move", "0.0.0.0:443", "10.0.0.5:443").code == 0
    again = run("move", "0.0.0.0:443", "10.0.0.5:443")
    assert again.code == 1
    assert "ipport=10.0.0.5:443 is there: it may have been moved already" in again.err


def test_if_exists(run: Run, shop: Path) -> None:
    """As ``add`` has it: keep what is the same, update what the old one has, reset the rest."""
    del shop
    assert run("copy", "www.contoso.com:443", "x.contoso.com:443").code == 0
    again = run("copy", "www.contoso.com:443", "x.contoso.com:443", "--if-exists", "keep")
    assert (again.code, again.out) == (0, "unchanged hostnameport=x.contoso.com:443\n")
    run("update", "sslsnicert", "x.contoso.com:443", "dsmapperusage=enable", "disablehttp2=disable")
    words = ("copy", "www.contoso.com:443", "x.contoso.com:443", "--if-exists")
    assert run(*words, "update").code == 0
    made = records(run)["hostnameport=x.contoso.com:443"]
    assert (made["dsmapperusage"], made["disablehttp2"]) == (True, True)
    assert run(*words, "reset").code == 0
    after = records(run)
    assert tags(after["hostnameport=x.contoso.com:443"]) == tags(
        after["hostnameport=www.contoso.com:443"]
    )


def test_notes(run: Run, registry: Path, stored: Stored) -> None:
    """A name that the certificate does not cover, and a leftover suppression, are noted."""
    run("add", "sslsnicert", "www.contoso.com:443", stored.web.thumbprint, "iis", "MY")
    with registry.open("a") as file:
        file.write('\n[[Suppress]]\nrule = "no-default"\nkey = "www.contoso.com:443"\n')
        file.write('reason = "known"\n')
    result = run("move", "www.contoso.com:443", "shop.contoso.com:443")
    assert result.code == 0
    assert (
        f"note: the certificate {stored.web.thumbprint} (www.contoso.com) does not cover"
        " shop.contoso.com\n"
    ) in result.err
    assert (
        "note: [[Suppress]] no-default is for www.contoso.com:443, and does not move along\n"
    ) in result.err


def test_not_in_its_store(run: Run, registry: Path) -> None:
    """A certificate that is not in its store is refused as in add, unless --no-verify is given."""
    run("add", "sslsnicert", "www.contoso.com:443", A, "iis", "MY", "--no-verify")
    before = registry.read_bytes()
    result = run("move", "www.contoso.com:443", "www.contoso.com:8443")
    assert (result.code, registry.read_bytes()) == (1, before)
    assert f"the certificate {A} is not in any store" in result.err
    assert run("move", "www.contoso.com:443", "www.contoso.com:8443", "--no-verify").code == 0


COMMENTED = """version = 1

# the shop, renewed in March
# by Jane
[SslBindingInfo."0.0.0.0:443"]  # the last one
certhash = "{A}"
appid = "{IIS}"
# asked for by the bank
clientcertnegotiation = true

[SslBindingInfo."0.0.0.0:443".Other]
DefaultFlags = 0x8000

# of another
[SslBindingInfo."10.0.0.5:443"]
certhash = "{A}"
appid = "{IIS}"
"""


def test_move_takes_the_comments_along(run: Run, tmp_path: Path) -> None:
    """The table stays where it is, with what people wrote in it and above it."""
    path = tmp_path / "sslbind.toml"
    before = COMMENTED.replace("{A}", A).replace("{IIS}", IIS)
    for new, table in (
        ("10.0.0.6:8443", 'SslBindingInfo."10.0.0.6:8443"'),
        ("shop.contoso.com:443", 'SslSniBindingInfo."shop.contoso.com:443"'),
    ):
        path.write_text(before, newline="")
        result = run("move", "0.0.0.0:443", new)
        assert result.code == 0, result.err
        after = before.replace('SslBindingInfo."0.0.0.0:443"', table)
        if "Sni" in table:
            flag = "clientcertnegotiation = true\n"
            after = after.replace(flag, f'{flag}certstorename = "MY"\n')
            assert (
                "note: certstorename=MY was added: hostnameport needs one, and without it"
                " ipport=0.0.0.0:443 is searched in MY\n"
            ) in result.err
        assert path.read_text() == after


ODD = {
    "header": (
        (
            "# the shop\n[ SslBindingInfo . '0.0.0.0:443' ]  # renewed\n"
            'certhash = "{A}"\n# of IIS\nappid = "{IIS}"  # see appid=iis\n'
        ),
        "# the shop\n# renewed\n# of IIS\n# see appid=iis\n",
    ),
    "inline": (
        (
            "[SslBindingInfo]\n# the shop\n"
            '"0.0.0.0:443" = { certhash = "{A}", appid = "{IIS}" } # renewed\n'
        ),
        "# the shop\n# renewed\n",
    ),
    "dotted": (
        (
            '# the shop\nSslBindingInfo."0.0.0.0:443".certhash = "{A}" # renewed\n'
            'SslBindingInfo."0.0.0.0:443".appid = "{IIS}"\n'
        ),
        "# the shop\n# renewed\n",
    ),
}


@pytest.mark.parametrize("layout", ODD)
@pytest.mark.parametrize("new", ["10.0.0.6:8443", "shop.contoso.com:443"])
def test_move_takes_the_comments_along_in_any_layout(
    run: Run, tmp_path: Path, layout: str, new: str
) -> None:
    """A table that people wrote in another form becomes a table of ours, below its comments."""
    table, comments = (text.replace("{A}", A).replace("{IIS}", IIS) for text in ODD[layout])
    path = tmp_path / "sslbind.toml"
    path.write_text(f"version = 1\n\n{table}\n# the end\n")
    result = run("move", "0.0.0.0:443", new)
    assert result.code == 0, result.err
    after = path.read_text()
    kind = "SslSniBindingInfo" if "shop" in new else "SslBindingInfo"
    assert f'{comments}[{kind}."{new}"]\ncerthash = "{A}"\nappid = "{IIS}"\n' in after
    assert "# the end\n" in after
    assert after.count("#") == comments.count("#") + 1
