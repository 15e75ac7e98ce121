"""``export``: formats for other programs, and the script that makes a server match a registry."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IIS, A, B, Run, snapshot
from tools import links, needs

from sslbind.binding import Binding
from sslbind.formats import formats
from sslbind.formats.format import Contents
from sslbind.formats.netsh import show_writer
from sslbind.formats.transition import transition
from sslbind.keys import infer_key
from sslbind.release import Release

CAPTURES = Path(__file__).parent / "captures"


@pytest.fixture
def server(run: Run, tmp_path: Path) -> Path:
    """Return the capture of a server; the registry next to it says the same."""
    path = Path(shutil.copy(CAPTURES / "french-2022.txt", tmp_path / "web01.txt"))
    assert run("import", "web01.txt").code == 0
    return path


def body(text: str) -> list[str]:
    """Return the lines of a netsh script between its frame."""
    lines = text.splitlines()
    return [line for line in lines[lines.index("pushd http") + 1 : lines.index("popd")] if line]


def test_no_change_is_an_empty_script(run: Run, server: Path) -> None:
    """A server that already matches the registry gets no line."""
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
        "note: hostnameport=bücher.example:8443 is only on the server, and is kept; --prune"
        " deletes it\n"
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
    """Windows writes My, My and MY: that is not a change."""
    lines = f"IP:port : 0.0.0.0:443\nHash : {A}\nID : {IIS}\nStore : My\n"
    (tmp_path / "web01.txt").write_text(lines)
    (tmp_path / "sslbind.toml").write_text(
        f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        'certstorename = "MY"\n'
    )
    assert body(run("export", "netsh-script", "--changes-from", "web01.txt").out) == []


def test_what_is_lost_is_told_and_strict_says_no(run: Run, bare: Path) -> None:
    """What a format cannot carry is reported after the export; --strict makes it exit 1."""
    bare.write_text(
        bare.read_text() + f'[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        "Other = { Unknown = 1 }\n"
    )
    seen = run("export", "netsh-script")
    told = "note: ipport=0.0.0.0:443: scripts cannot carry values without a tag: Unknown\n"
    assert (seen.code, seen.err) == (0, told)
    strict = run("export", "netsh-script", "--strict")
    assert (strict.code, strict.out, strict.err) == (1, seen.out, told)
    assert run("export", "netsh-script", "--strict", "-o", "go.txt").code == 1
    assert (bare.parent / "go.txt").read_bytes() == seen.out.encode()


@pytest.mark.parametrize("name", [one.name for one in formats().values() if one.write and one.read])
def test_a_registry_comes_back_from_every_two_way_format(run: Run, server: Path, name: str) -> None:
    """Exported and imported again, it is the same registry, except for what the export reported."""
    run("update", "sslcert", "10.20.30.40:8443", "disablequic=enable")
    out = run("export", name, "-o", "file")
    assert run("-r", "again.toml", "import", "file").code == 0
    again = run("diff", "sslbind.toml", "again.toml")
    assert again.code == (1 if out.err.removeprefix("note: wrote file\n") else 0), again.out


def test_the_capture_script_needs_no_registry(run: Run, tmp_path: Path) -> None:
    """capture-script prints the PowerShell script that is run on a server."""
    seen = run("export", "capture-script", "-o", "capture.ps1")
    assert seen.code == 0
    data = (tmp_path / "capture.ps1").read_bytes()
    assert data.isascii() and b"netsh" in data and data.count(b"\n") == data.count(b"\r\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("netsh-script", "--prune"), "--prune needs --changes-from FILE"),
        (("json", "--changes-from", "web01.txt"), "json cannot write changes"),
        (("capture-script", "--changes-from", "web01.txt"), "capture-script cannot write changes"),
        (("nonsense",), "'nonsense' is not one of"),
        (("json", "-o", "sslbind.toml"), "is the registry itself"),
        pytest.param(("json", "-o", "link.toml"), "link.toml: is the registry itself", marks=links),
        (
            ("netsh-script", "--changes-from", "web01.txt", "-o", "./web01.txt"),
            "./web01.txt: is the file of --changes-from",
        ),
        (
            ("netsh-script", "--changes-from", "web01.txt", "-o", "hard.txt"),
            "hard.txt: is the file of --changes-from",
        ),
    ],
)
def test_what_cannot_be_asked(run: Run, server: Path, words: tuple[str, ...], why: str) -> None:
    """A mistake is reported in one sentence, and nothing is written."""
    if sys.platform != "win32":
        (server.parent / "link.toml").symlink_to("sslbind.toml")
    (server.parent / "hard.txt").hardlink_to(server)
    before = snapshot(server.parent)
    seen = run("export", *words)
    assert (seen.code, seen.out) == (2, "")
    assert why in seen.err
    assert snapshot(server.parent) == before


def partial(path: Path, *records: tuple[str, str]) -> None:
    """Write what ``show sslcert json=enable`` prints of records: their keys and hashes."""
    entries = [
        {"IpPort": key, "ConfigType": 1, "GuidString": IIS, "SslHash": hash_,
         "SslCertStoreName": "MY"}
        for key, hash_ in records
    ]  # fmt: skip
    path.write_text(json.dumps({"SslCertificateBindings": entries, "message": "", "status": 0}))


HASH_A, HASH_B = (base64.b64encode(bytes.fromhex(one)).decode() for one in (A, B))
LINE = ("appid=iis", "certstorename=MY")


def test_what_the_server_does_not_tell(run: Run, bare: Path) -> None:
    """A tag that the document lacks is not compared; an update that overwrites it is a loss."""
    run("add", "sslcert", "10.0.0.5:443", f"certhash={A}", *LINE, "reject=enable")
    run("add", "sslcert", "10.0.0.6:443", f"certhash={A}", *LINE, "disabletls13=enable")
    partial(bare.parent / "web.json", ("10.0.0.5:443", HASH_A), ("10.0.0.6:443", HASH_B))
    seen = run("export", "netsh-script", "--changes-from", "web.json", "--strict")
    assert seen.code == 1
    said, update = body(seen.out)
    assert said == f"# update ipport=10.0.0.6:443: certhash from {B} to {A}"
    assert update.startswith(f"update sslcert ipport=10.0.0.6:443 certhash={A} ")
    loss = "note: ipport=10.0.0.6:443: web.json does not record verifyclientcertrevocation, "
    assert loss in seen.err
    assert ", disabletls13, " in seen.err
    assert ": the update sets them to the registry's values\n" in seen.err
    assert "10.0.0.5:443" not in seen.err
    partial(bare.parent / "web.json", ("10.0.0.5:443", HASH_A), ("10.0.0.6:443", HASH_A))
    same = run("export", "netsh-script", "--changes-from", "web.json", "--strict")
    assert (same.code, body(same.out)) == (0, [])


def test_a_listen_list_that_the_server_does_not_tell(run: Run, bare: Path) -> None:
    """No line changes it, and that is a loss where the registry has one."""
    run("add", "iplisten", "10.0.0.5")
    partial(bare.parent / "web.json", ("10.0.0.5:443", HASH_A))
    seen = run("export", "netsh-script", "--changes-from", "web.json", "--strict")
    assert (seen.code, body(seen.out)) == (1, [])
    assert "note: web.json does not record the IP listen list: it is left unchanged\n" in seen.err


def test_a_partial_document_is_no_aim(run: Run, bare: Path) -> None:
    """A format that does not record every tag cannot define what a server should have."""
    partial(bare.parent / "web.json", ("10.0.0.5:443", HASH_A))
    seen = run("-r", "web.json", "export", "netsh-script", "--changes-from", "sslbind.toml")
    assert (seen.code, seen.out) == (2, "")
    assert "error: web.json: does not record every tag" in seen.err


def test_unreadable_records_stay(run: Run, bare: Path) -> None:
    """A record that the server has and that could not be read gets no line; that is a loss."""
    run("add", "sslcert", "10.0.0.5:443", f"certhash={A}", *LINE)
    partial(bare.parent / "web.json", ("10.0.0.5:443", "?"), ("10.0.0.6:443", HASH_A))
    seen = run("export", "powershell", "--changes-from", "web.json", "--strict")
    assert seen.code == 1
    assert "10.0.0.5" not in seen.out
    assert (
        "note: ipport=10.0.0.5:443: web.json has it, but it could not be read: it is left"
        " unchanged\n"
    ) in seen.err
    partial(bare.parent / "web.json", ("10.0.0.5", HASH_A))
    seen = run("export", "netsh-script", "--changes-from", "web.json", "--strict")
    assert seen.code == 1
    assert "note: web.json has records whose keys could not be read" in seen.err


def test_nothing_is_pruned_for_what_could_not_be_read(run: Run, bare: Path) -> None:
    """Wanted records that cannot be read are not a reason to delete any."""
    run("add", "sslcert", "10.0.0.5:443", f"certhash={A}", *LINE)
    (bare.parent / "aim.txt").write_text(
        f"netsh http add sslcert ipport=10.0.0.5:443 certhash=%HASH% appid={IIS}\n"
        f"netsh http add sslcert ipport=10.0.0.6:443 certhash={A} appid={IIS}\n"
    )
    words = ("-r", "aim.txt", "export", "netsh-script", "--changes-from", "sslbind.toml")
    assert "10.0.0.5" not in "".join(body(run(*words).out))
    seen = run(*words, "--prune")
    assert (seen.code, seen.out) == (2, "")
    assert "aim.txt: has records that could not be read, and --prune would delete them" in seen.err


def test_changes_of_the_listen_list(run: Run, bare: Path) -> None:
    """Each has a comment; the first address and the last one change what all others get."""
    shutil.copy(bare, bare.parent / "web.toml")
    words = ("netsh-script", "--changes-from", "web.toml", "--prune")
    run("add", "iplisten", "10.0.0.5")
    sentence = (
        "the IP listen list was empty: HTTP.SYS then listens on 10.0.0.5 and on no other address"
    )
    seen = run("export", *words)
    assert body(seen.out) == [
        f"# {sentence}",
        "# add ipaddress=10.0.0.5",
        "add iplisten ipaddress=10.0.0.5",
    ]
    assert seen.err == f"note: {sentence}\n"
    shutil.copy(bare, bare.parent / "web.toml")
    run("delete", "iplisten", "10.0.0.5")
    sentence = "the IP listen list becomes empty: HTTP.SYS then listens on every address"
    seen = run("export", *words)
    assert body(seen.out) == [
        f"# {sentence}",
        "# delete ipaddress=10.0.0.5",
        "delete iplisten ipaddress=10.0.0.5",
    ]
    assert seen.err == f"note: {sentence}\n"


@pytest.mark.parametrize("name", ["netsh-script", "powershell"])
def test_no_netsh_http(run: Run, bare: Path, name: str) -> None:
    """Windows Server 2003 has no netsh http, so there is no script for it."""
    seen = run("--windows", "2003", "export", name)
    assert (seen.code, seen.out) == (2, "")
    assert seen.err == (
        "error: Windows Server 2003 has no netsh http; --windows 2022 writes for a newer one\n"
    )


def test_the_script_says_how_it_is_run(run: Run, bare: Path) -> None:
    """A registry without bindings is the frame of a script, which starts with its command."""
    seen = run("export", "netsh-script")
    assert (seen.code, seen.err, body(seen.out)) == (0, "", [])
    assert seen.out.startswith(
        "# Run it with: netsh -f FILE   (netsh continues after a line that fails)\n# ---"
    )
    assert "Run it with" not in run("dump").out


@pytest.mark.parametrize("hostile", ["$(touch pwn)", "`touch pwn`", "a\\\\", "%TEMP%", "$HOME"])
def test_nothing_of_a_script_runs_in_a_shell(run: Run, bare: Path, hostile: str) -> None:
    """A value that sh or cmd would expand is left out and reported; PowerShell carries it."""
    bare.write_text(
        f'{bare.read_text()}[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        f'certstorename = "MY"\nsslctlidentifier = "{hostile}"\n'
    )
    seen = run("export", "netsh-script", "-o", "go.txt", "--strict")
    assert seen.code == 1
    assert "sslctlidentifier has a character that sh, cmd or PowerShell would interpret" in seen.err
    subprocess.run([needs("sh"), "go.txt"], cwd=bare.parent, capture_output=True, check=False)
    assert not (bare.parent / "pwn").exists()
    assert "sslctlidentifier=" in run("export", "powershell").out


@pytest.mark.parametrize(
    ("line", "names"),
    [("Other = { DefaultFlags = 32768 }", "DefaultFlags"), ("sslflags = 1", "sslflags")],
)
def test_a_difference_that_no_line_carries(run: Run, bare: Path, line: str, names: str) -> None:
    """Values without a tag are compared too: no line changes them, and that is a loss."""
    run("add", "sslcert", "10.0.0.5:443", f"certhash={A}", *LINE)
    before = bare.parent / "web.toml"
    before.write_text(bare.read_text())
    words = ("export", "netsh-script", "--changes-from", "web.toml", "--strict")
    assert run(*words).code == 0
    bare.write_text(bare.read_text().rstrip() + f"\n{line}\n")
    told = f"ipport=10.0.0.5:443: values without a tag differ: {names}: scripts cannot carry them"
    for _ in range(2):
        seen = run(*words)
        assert (seen.code, body(seen.out), seen.err) == (1, [], f"note: {told}\n")
        there, here = before.read_text(), bare.read_text()
        before.write_text(here)
        bare.write_text(there)


def test_long_listen_lists() -> None:
    """Two long lists are compared; if each address cost as much as the list, it would never end."""
    found = tuple(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(40_000))
    before, after = (Contents((), one, Release.W2022) for one in (found, found[1:]))
    made = transition(before, after, prune=True)
    assert (made.listen, made.unlisten) == ((), found[:1])


def test_changes_are_for_the_release_of_the_server(run: Run, bare: Path) -> None:
    """The one that a capture records or looks like, unless ``--windows`` names another."""
    del bare
    binding = Binding(infer_key("0.0.0.0:443"), {"certhash": A, "appid": IIS})
    Path("web01.txt").write_text(show_writer.show([binding], Release.W2012R2))
    run("add", "sslcert", "ipport=0.0.0.0:443", f"certhash={B}", f"appid={IIS}")
    words = ("export", "netsh-script", "--changes-from", "web01.txt")
    result = run(*words)
    assert "delete sslcert ipport=0.0.0.0:443" in result.out
    assert result.err.startswith(
        "note: the script is for Windows Server 2012 R2 (inferred from the lines), as web01.txt,"
        " and not for Windows Server 2025, as sslbind.toml; --windows selects another release\n"
    )
    result = run("--windows", "2019", *words)
    assert "update sslcert ipport=0.0.0.0:443" in result.out
    assert "the script is for" not in result.err
