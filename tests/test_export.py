"""``export``: what others read, and the script that turns a server's state into the registry's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import IIS, A, B, Run, snapshot

from sslbind.formats import formats

CAPTURES = Path(__file__).parent / "captures"


@pytest.fixture
def server(run: Run, tmp_path: Path) -> Path:
    """Return the capture of a server; the registry beside it says the same."""
    path = Path(shutil.copy(CAPTURES / "french-2022.txt", tmp_path / "web01.txt"))
    assert run("import", "web01.txt").code == 0
    return path


def body(text: str) -> list[str]:
    """Return the lines of a netsh script between its frame."""
    lines = text.splitlines()
    return [line for line in lines[lines.index("pushd http") + 1 : lines.index("popd")] if line]


def test_no_change_is_an_empty_script(run: Run, server: Path) -> None:
    """A server that is as the registry says gets no line."""
    seen = run("export", "netsh-script", "--changes-from", "web01.txt")
    assert (seen.code, body(seen.out), seen.err) == (0, [], "")


def test_changes_and_no_more(run: Run, server: Path) -> None:
    """A changed tag is an update that names the record, a new record an add, each explained."""
    run("update", "sslcert", "10.20.30.40:8443", "usagecheck=disable")
    run("add", "sslcert", "0.0.0.0:443", f"certhash={A}", "appid=iis", "certstorename=MY")
    seen = run("export", "netsh-script", "--changes-from", "web01.txt")
    first, update, second, add = body(seen.out)
    assert first == "# update ipport=10.20.30.40:8443: usagecheck from enable to disable"
    assert update.startswith("update sslcert ipport=10.20.30.40:8443 certhash=1f2e3d4c")
    assert " usagecheck=disable " in update
    assert second == "# add ipport=0.0.0.0:443"
    assert add == f"add sslcert ipport=0.0.0.0:443 certhash={A} appid={IIS} certstorename=MY"


def test_deletions_only_when_asked_for(run: Run, server: Path) -> None:
    """What only the server has stays, and a note says so; --prune deletes it."""
    run("delete", "sslcert", "bücher.example:8443")
    seen = run("export", "netsh-script", "--changes-from", "web01.txt")
    assert body(seen.out) == []
    assert seen.err == (
        "note: hostnameport=bücher.example:8443 is only on the server, and stays;"
        " --prune deletes it\n"
    )
    pruned = run("export", "netsh-script", "--changes-from", "web01.txt", "--prune")
    assert body(pruned.out) == [
        "# delete hostnameport=bücher.example:8443",
        "delete sslcert hostnameport=bücher.example:8443",
    ]


def test_the_script_makes_the_server_what_the_registry_says(run: Run, server: Path) -> None:
    """Run on the captured state, the script leaves no difference."""
    run("update", "sslcert", "10.20.30.40:8443", "usagecheck=disable", "disablequic=enable")
    run("add", "sslcert", "0.0.0.0:443", f"certhash={B}", "appid=iis", "certstorename=MY")
    run("delete", "sslcert", "bücher.example:8443")
    assert run("-r", "server.toml", "import", "web01.txt").code == 0
    assert run("diff", "server.toml", "sslbind.toml").code == 1
    script = ("export", "netsh-script", "--changes-from", "web01.txt", "--prune", "-o", "go.txt")
    assert run(*script).code == 0
    assert run("-r", "server.toml", "-f", "go.txt").code == 0
    assert run("diff", "server.toml", "sslbind.toml").code == 0


def test_store_names_compare_without_case(run: Run, tmp_path: Path) -> None:
    """Windows writes My, My and MY: that is no change."""
    lines = f"IP:port : 0.0.0.0:443\nHash : {A}\nID : {IIS}\nStore : My\n"
    (tmp_path / "web01.txt").write_text(lines)
    (tmp_path / "sslbind.toml").write_text(
        f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        'certstorename = "MY"\n'
    )
    assert body(run("export", "netsh-script", "--changes-from", "web01.txt").out) == []


def test_what_is_lost_is_told_and_strict_says_no(run: Run, bare: Path) -> None:
    """What a format cannot carry is told after the export; --strict makes it exit 1."""
    bare.write_text(
        bare.read_text() + f'[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        "Other = { Unknown = 1 }\n"
    )
    seen = run("export", "netsh-script")
    told = "note: ipport=0.0.0.0:443: no script carries what has no tag: Unknown\n"
    assert (seen.code, seen.err) == (0, told)
    strict = run("export", "netsh-script", "--strict")
    assert (strict.code, strict.out, strict.err) == (1, seen.out, told)


@pytest.mark.parametrize("name", [one.name for one in formats().values() if one.write and one.read])
def test_a_registry_comes_back_from_every_two_way_format(run: Run, server: Path, name: str) -> None:
    """Out in a format and in again it is the same registry, but for what the export told."""
    run("update", "sslcert", "10.20.30.40:8443", "disablequic=enable")
    out = run("export", name, "-o", "file")
    assert run("-r", "again.toml", "import", "file").code == 0
    again = run("diff", "sslbind.toml", "again.toml")
    assert again.code == (1 if out.err else 0), again.out


def test_the_capture_script_needs_no_registry(run: Run, tmp_path: Path) -> None:
    """capture-script prints the PowerShell script that is run on a server."""
    seen = run("export", "capture-script", "-o", "capture.ps1")
    assert seen.code == 0
    data = (tmp_path / "capture.ps1").read_bytes()
    assert data.isascii() and b"netsh" in data and data.count(b"\n") == data.count(b"\r\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("netsh-script", "--prune"), "--prune goes with --changes-from FILE"),
        (("json", "--changes-from", "web01.txt"), "json carries no changes"),
        (("capture-script", "--changes-from", "web01.txt"), "capture-script carries no changes"),
        (("nonsense",), "'nonsense' is not one of"),
        (("json", "-o", "sslbind.toml"), "is the registry itself"),
    ],
)
def test_what_cannot_be_asked(run: Run, server: Path, words: tuple[str, ...], why: str) -> None:
    """A slip is a sentence, and nothing is written."""
    before = snapshot(server.parent)
    seen = run("export", *words)
    assert seen.code in (1, 2)
    assert why in seen.err
    assert snapshot(server.parent) == before
