"""``import``: what servers have becomes a registry, planned and written once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import A, B, Run, snapshot

CAPTURES = Path(__file__).parent / "captures"
FRENCH, CHINESE = "french-2022.txt", "chinese-2016.txt"
BAD = "quoted-collapsed-2012r2.txt"


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """Return a folder with captures and no registry, where commands run."""
    for path in CAPTURES.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def test_a_capture_becomes_a_registry(run: Run, folder: Path) -> None:
    """The registry is made, with the release of the capture and without [CertStores]."""
    seen = run("import", CHINESE)
    assert seen.out == (
        "added ipport=[::]:443 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567\n"
        "added ccs=443 served by the central store\n"
    )
    assert (seen.code, seen.err) == (0, "note: sslbind.toml: 2 added\n")
    assert (folder / "sslbind.toml").read_text() == (
        "# TLS bindings of one server, or of servers that are alike: see `man sslbind`.\n"
        'version = 1\nwindows = "2016"\niplisten = []\n\n'
        '[SslBindingInfo."[::]:443"]\n'
        'certhash = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"\n'
        'appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"\n'
        "usagecheck = false\nurlretrievaltimeout = 15000\nreject = true\ndisablehttp2 = true\n\n"
        "[SslCcsBindingInfo.443]\n"
        'appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"\n'
    )


def test_the_same_again_changes_nothing(run: Run, folder: Path) -> None:
    """A record that is there already is no conflict, and not a byte is written."""
    run("import", CHINESE)
    before = snapshot(folder)
    seen = run("import", CHINESE)
    assert (seen.code, seen.out) == (0, "")
    assert seen.err == "note: sslbind.toml: 2 the same; nothing was written\n"
    assert snapshot(folder) == before


def test_a_record_with_other_values_is_a_conflict(run: Run, folder: Path) -> None:
    """The difference is shown, nothing is written, and the exit code is 1."""
    run("import", CHINESE)
    run("update", "sslcert", "[::]:443", "usagecheck=enable")
    before = snapshot(folder)
    seen = run("import", CHINESE, FRENCH)
    assert seen.code == 1
    assert seen.out.endswith("conflict ipport=[::]:443\n    usagecheck: enable -> disable\n")
    assert (
        "hint: chinese-2016.txt:6: ipport=[::]:443 is there with other values; --if-exists keep,"
        " update or reset says what becomes of it\n"
    ) in seen.err
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("if_exists", "usagecheck", "timeout"),
    [("keep", "Enabled", "7"), ("update", "Disabled", "15000"), ("reset", "Disabled", "15000")],
)
def test_if_exists_says_what_becomes_of_it(
    run: Run, folder: Path, if_exists: str, usagecheck: str, timeout: str
) -> None:
    """keep leaves the record, update takes what the document sets, reset replaces it."""
    run("import", CHINESE)
    tags = ("usagecheck=enable", "urlretrievaltimeout=7", "dsmapperusage=enable")
    run("update", "sslcert", "[::]:443", *tags)
    assert run("import", "--if-exists", if_exists, CHINESE).code == 0
    shown = run("show", "sslcert", "[::]:443").out
    assert f"Usage Check                  : {usagecheck}\n" in shown
    assert f"URL Retrieval Timeout        : {timeout}\n" in shown
    mapper = "Disabled" if if_exists == "reset" else "Enabled"
    assert f"DS Mapper Usage              : {mapper}\n" in shown


def test_bad_records_are_told_and_keep_the_rest_out(run: Run, folder: Path) -> None:
    """Each bad record has its file and line; --partial takes the others."""
    seen = run("import", BAD)
    assert seen.code == 1
    assert not (folder / "sslbind.toml").exists()
    assert (
        "hint: quoted-collapsed-2012r2.txt:19: ipport=192.0.2.8:443: line 20 has 'the hash was cut"
        " out' where certhash is expected\n"
    ) in seen.err
    assert "note: sslbind.toml: 2 added, 1 bad; nothing was written\n" in seen.err
    seen = run("import", "--partial", BAD)
    assert (seen.code, len(run("list", "--format", "tsv").out.splitlines())) == (1, 2)


def test_a_dry_run_writes_nothing(run: Run, folder: Path) -> None:
    """--dry-run prints the plan and makes no file."""
    before = snapshot(folder)
    seen = run("import", "--dry-run", CHINESE)
    assert seen.out.startswith("would add ipport=[::]:443 ")
    assert (seen.code, snapshot(folder)) == (0, before)


def test_each_makes_a_registry_of_every_file(run: Run, folder: Path) -> None:
    """--each FOLDER gives every server its own file, each with its own release."""
    assert run("import", "--each", "servers", FRENCH, CHINESE).code == 0
    made = {path.name: path.read_text() for path in (folder / "servers").glob("*.toml")}
    assert sorted(made) == ["chinese-2016.toml", "french-2022.toml"]
    assert 'windows = "2016"' in made["chinese-2016.toml"]
    assert 'windows = "2022"' in made["french-2022.toml"]


def test_standard_input_and_json(run: Run, folder: Path) -> None:
    """What a pipe brings is read without a name, and programs are told the same."""
    text = (CAPTURES / CHINESE).read_bytes()
    seen = run("import", "--json", "-", stdin=text)
    assert seen.json == {
        "version": 1,
        "changed": True,
        "registries": [
            {
                "registry": "sslbind.toml",
                "changed": True,
                "windows": "2016",
                "added": [
                    {"kind": "ipport", "key": "[::]:443"},
                    {"kind": "ccs", "key": "443"},
                ],
                "updated": [],
                "unchanged": [],
                "kept": [],
                "conflicts": [],
                "bad": [],
            }
        ],
    }


def test_reading_commands_take_a_capture(run: Run, folder: Path) -> None:
    """-r takes a capture, from a file or from standard input, and says so where it matters."""
    seen = run("-r", FRENCH, "show", "sslcert", "10.20.30.40:8443")
    assert "    Certificate Store Name       : WebHosting\n" in seen.out
    piped = run("-r", "-", "list", "--format", "tsv", stdin=(CAPTURES / CHINESE).read_bytes())
    assert [line.split("\t")[:2] for line in piped.out.splitlines()] == [
        ["ipport", "[::]:443"],
        ["ccs", "443"],
    ]


def test_a_capture_is_not_written(run: Run, folder: Path) -> None:
    """A command that writes wants a registry."""
    before = snapshot(folder)
    seen = run("-r", FRENCH, "delete", "sslcert", "10.20.30.40:8443")
    assert (seen.code, snapshot(folder)) == (2, before)


def test_what_nothing_can_read_is_named(run: Run, folder: Path) -> None:
    """A file of another sort is refused, with the formats that are known."""
    (folder / "notes.txt").write_text("nothing here\n")
    seen = run("import", "notes.txt")
    assert seen.code == 2
    assert seen.err.startswith(
        "error: notes.txt: is nothing that can be imported\nhint: known are "
    )
    assert run("import", "absent.txt").code == 2
    broken = run("-r", "notes.txt", "list")
    assert (broken.code, "is not valid TOML" in broken.err) == (2, True)


def test_two_servers_in_one_import_must_agree(run: Run, folder: Path) -> None:
    """One key with two certificates in two files is a conflict of the two."""
    for name, certhash in (("one.txt", A), ("two.txt", B)):
        (folder / name).write_text(
            f"IP:port : 0.0.0.0:443\nHash : {certhash}\n"
            "ID : {4dc3e181-e14b-4a21-b022-59fc669b0914}\nStore : MY\n"
        )
    seen = run("import", "one.txt", "two.txt")
    assert seen.code == 1
    assert f"conflict ipport=0.0.0.0:443\n    certhash: {A} -> {B}\n" in seen.out
