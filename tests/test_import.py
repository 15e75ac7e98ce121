"""``import``: what servers have becomes a registry, planned first and written once."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, A, B, Run, snapshot
from pki import Issued, issue, mail, web

from sslbind import netsh_messages
from sslbind.binding import Binding
from sslbind.formats.netsh import show_writer
from sslbind.keys import HOSTNAMEPORT, IPPORT, parse_key
from sslbind.release import Release
from sslbind.tags import STORED

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
    """A record that already exists is not a conflict, and not a byte is written."""
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
        "error: chinese-2016.txt:6: ipport=[::]:443 exists with other values\n"
        "hint: --if-exists keep, update or reset decides what happens to it\n"
    ) in seen.err
    assert seen.err.endswith(
        "note: sslbind.toml: 2 would be added, 1 the same, 1 in conflict; nothing was written\n"
    )
    assert snapshot(folder) == before
    (plan,) = run("import", "--format", "json", CHINESE).json["registries"]
    assert plan["conflicts"] == [
        {
            "kind": "ipport",
            "key": "[::]:443",
            "file": CHINESE,
            "line": 6,
            "tags": {"usagecheck": [True, False]},
        }
    ]
    (plan,) = run("import", "--format", "json", "--if-exists", "update", CHINESE).json["registries"]
    assert plan["updated"] == [
        {"kind": "ipport", "key": "[::]:443", "tags": {"usagecheck": [True, False]}}
    ]


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
    """Each bad record is reported with its file and line; --partial imports the others."""
    seen = run("import", BAD)
    assert seen.code == 1
    assert not (folder / "sslbind.toml").exists()
    assert (
        "error: quoted-collapsed-2012r2.txt:19: ipport=192.0.2.8:443: line 20 has 'the hash was cut"
        " out' where certhash is expected\n"
    ) in seen.err
    assert (
        "note: sslbind.toml: 1 would be added, 3 bad; nothing was written; --partial writes the"
        " others\n"
    ) in seen.err
    seen = run("import", "--partial", BAD)
    assert (seen.code, len(run("list", "--format", "tsv").out.splitlines())) == (1, 1)


def test_a_dry_run_writes_nothing(run: Run, folder: Path) -> None:
    """--dry-run prints the plan and creates no file."""
    before = snapshot(folder)
    seen = run("import", "--dry-run", CHINESE)
    assert seen.out.startswith("would add ipport=[::]:443 ")
    assert (seen.code, snapshot(folder)) == (0, before)
    seen = run("import", "--dry-run", "--each", "servers", CHINESE)
    path = os.path.join("servers", "chinese-2016.toml")
    assert (seen.code, seen.err) == (0, f"note: {path}: 2 would be added\n")
    assert not (folder / "servers").exists()


def test_each_makes_a_registry_of_every_file(run: Run, folder: Path) -> None:
    """--each FOLDER gives every server its own file, each with its own release."""
    assert run("import", "--each", "servers", FRENCH, CHINESE).code == 0
    made = {path.name: path.read_text() for path in (folder / "servers").glob("*.toml")}
    assert sorted(made) == ["chinese-2016.toml", "french-2022.toml"]
    assert 'windows = "2016"' in made["chinese-2016.toml"]
    assert 'windows = "2022"' in made["french-2022.toml"]


def test_standard_input_and_json(run: Run, folder: Path) -> None:
    """Input from a pipe has no file name, and JSON reports the same."""
    text = (CAPTURES / CHINESE).read_bytes()
    seen = run("import", "--format", "json", "-", stdin=text)
    assert seen.json == {
        "version": 1,
        "changed": True,
        "registries": [
            {
                "registry": "sslbind.toml",
                "changed": True,
                "windows": "2016",
                "settings": [],
                "added": [
                    {"kind": "ipport", "key": "[::]:443"},
                    {"kind": "ccs", "key": "443"},
                ],
                "updated": [],
                "unchanged": [],
                "kept": [],
                "conflicts": [],
                "bad": [],
                "certificates": [],
                "notes": [],
            }
        ],
    }


def test_reading_commands_take_a_capture(run: Run, folder: Path) -> None:
    """-r takes a capture, from a file or from standard input, and says so if it matters."""
    seen = run("-r", FRENCH, "show", "sslcert", "10.20.30.40:8443")
    assert "    Certificate Store Name       : WebHosting\n" in seen.out
    piped = run("-r", "-", "list", "--format", "tsv", stdin=(CAPTURES / CHINESE).read_bytes())
    assert [line.split("\t")[:2] for line in piped.out.splitlines()] == [
        ["ipport", "[::]:443"],
        ["ccs", "443"],
    ]


def test_a_capture_is_not_written(run: Run, folder: Path) -> None:
    """A command that writes needs a registry."""
    before = snapshot(folder)
    for command in (["delete", "sslcert", "10.20.30.40:8443"], ["import", CHINESE]):
        seen = run("-r", FRENCH, *command)
        assert seen.err == (
            "error: french-2022.txt: is a netsh-show document, not a registry\n"
            "hint: sslbind import creates a registry from it\n"
        )
        assert (seen.code, snapshot(folder)) == (2, before)
    seen = run("-r", FRENCH, "store", "list")
    assert seen.err.endswith("hint: sslbind import creates a registry from it\n")
    assert "[CertStores]" not in seen.err


def test_what_nothing_can_read_is_named(run: Run, folder: Path) -> None:
    """A file of another type is refused, and the known formats are listed."""
    (folder / "notes.txt").write_text("nothing here\n")
    seen = run("import", "notes.txt")
    assert seen.code == 2
    assert seen.err.startswith("error: notes.txt: unrecognised format\nhint: import reads ")
    assert run("import", "absent.txt").code == 2
    broken = run("-r", "notes.txt", "list")
    assert broken.code == 2
    assert "it starts with 'nothing here'\n" in broken.err
    assert "\nhint: import reads capture, " in broken.err


@pytest.mark.parametrize("if_exists", ["fail", "keep", "update", "reset"])
def test_two_servers_in_one_import_must_agree(run: Run, folder: Path, if_exists: str) -> None:
    """One key with two certificates in one import is a conflict, whatever exists already."""
    for name, certhash in (("one.txt", A), ("two.txt", B)):
        values = {"certhash": certhash, "appid": IIS, "certstorename": "MY"}
        binding = Binding(parse_key(IPPORT, "0.0.0.0:443"), values)
        (folder / name).write_text(show_writer.show([binding], Release.W2012))
    seen = run("import", "--if-exists", if_exists, "one.txt", "two.txt")
    assert seen.code == 1
    assert f"conflict ipport=0.0.0.0:443\n    certhash: {A} -> {B}\n" in seen.out
    assert (
        "error: two.txt:5: ipport=0.0.0.0:443 appears twice, with different values\n"
        "hint: one file holds one server: import each into its own registry with --each\n"
    ) in seen.err
    assert "--if-exists" not in seen.err
    assert not (folder / "sslbind.toml").exists()


def capture(one: Issued | None = None, **fields: Any) -> str:
    """Return what capture.ps1 writes on a server with one record, for a certificate in My."""
    values = {"certhash": (one or web()).thumbprint, "appid": IIS, "certstorename": "My"}
    binding = Binding(parse_key(HOSTNAMEPORT, "www.contoso.com:443"), values)
    shown = show_writer.show([binding], Release.W2022).split("\n")
    head = {"format": "sslbind-capture", "version": 1}
    return json.dumps({**head, "sslcert": shown, **fields}, indent=4)


def held(one: Issued, store: str = "My", *, key: bool = True) -> dict[str, Any]:
    return {"store": store, "key": key, "der": base64.b64encode(one.der).decode()}


def test_each_server_has_stores_of_its_own(run: Run, tmp_path: Path) -> None:
    """What one server lacks is not supplied by another server's certificates."""
    (tmp_path / "web 01.json").write_text(capture(certificates=[held(web())]))
    (tmp_path / "web02.json").write_text(capture(certificates=[held(mail())]))
    assert run("import", "--each", "servers", "web 01.json", "web02.json").code == 0
    text = (tmp_path / "servers" / "web-01.toml").read_text()
    assert '[CertStores]\npath = "web-01.certs"\nprivatekeys = "elsewhere"\n' in text
    findings = {}
    for name in ("web-01", "web02"):
        seen = run(
            "-r", f"servers/{name}.toml", "check", "--select", "cert-not-found", "--format", "json"
        )
        findings[name] = len(seen.json["findings"])
    assert findings == {"web-01": 0, "web02": 1}


def test_certificates_are_told(run: Run, tmp_path: Path) -> None:
    """JSON lists those that were stored; if the registry has no stores, a note says so."""
    (tmp_path / "web01.json").write_text(capture(certificates=[held(web())]))
    stored = [{"store": "My", "thumbprint": web().thumbprint}]
    for expected in (stored, []):
        (one,) = run("import", "--format", "json", "web01.json").json["registries"]
        assert (one["certificates"], one["notes"]) == (expected, [])
    (tmp_path / "bare.toml").write_text('version = 1\nwindows = "2022"\n')
    seen = run("-r", "bare.toml", "import", "web01.json")
    assert (
        "note: web01.json: its certificates are left out, because bare.toml has no [CertStores]:"
        ' add it, with path = "certs" and privatekeys = "elsewhere", and import again\n'
    ) in seen.err


def test_what_is_wrong_with_a_certificate_is_noted(run: Run, tmp_path: Path) -> None:
    """The same note as in ``store add`` for a certificate that is bound, and only once."""
    bad = issue("www.contoso.com")
    authority = issue("An authority", ca=True)
    (tmp_path / "web01.json").write_text(
        capture(bad, certificates=[held(bad), held(authority, "Root"), held(web())])
    )
    note = (
        f"note: the certificate {bad.thumbprint} has no subject alternative name, and clients"
        " ignore the common name\n"
    )
    for expected in (1, 0):
        done = run("import", "web01.json")
        assert (done.code, done.err.count("note: the certificate")) == (0, expected)
        assert done.err.count(note) == expected


def test_a_certificate_without_its_key_is_left_out(run: Run, tmp_path: Path) -> None:
    """If the server could not serve a record, check says so after the import."""
    (tmp_path / "web01.json").write_text(capture(certificates=[held(web(), key=False)]))
    seen = run("import", "web01.json")
    assert "without its private key; it is left out, so that check reports it\n" in seen.err
    found = run("check", "--select", "cert-*", "--format", "json")
    assert [one["rule"] for one in found.json["findings"]] == ["cert-not-found"]


def test_a_capture_with_certificates_is_checked_without_an_import(run: Run, tmp_path: Path) -> None:
    """Its certificates are its stores: what one of them lacks is found in its own place."""
    (tmp_path / "web01.json").write_text(capture(certificates=[held(web())]))
    seen = run("check", "web01.json", "--select", "cert-expired", "--at", "2099-01-01")
    assert seen.code == 1
    assert "error: cert-expired: " in seen.out
    assert "[CertStores]" not in seen.err


LISTENING = netsh_messages.iplisten(("10.0.0.5",)).split("\n")
CENTRAL = {"enabled": True, "location": r"\\files\certs"}


def test_settings_stand_in_the_plan(run: Run, tmp_path: Path) -> None:
    """The listen list and the central store are shown, written and included in the JSON."""
    (tmp_path / "web01.json").write_text(capture(iplisten=LISTENING, central=CENTRAL))
    seen = run("import", "--dry-run", "web01.json")
    assert seen.out.splitlines()[:3] == [
        "would set iplisten = 10.0.0.5",
        "would set Enabled = true",
        r"would set CertStoreLocation = \\files\certs",
    ]
    (one,) = run("import", "--format", "json", "web01.json").json["registries"]
    assert one["settings"] == [
        {"name": "iplisten", "before": None, "after": ["10.0.0.5"]},
        {"name": "Enabled", "before": None, "after": True},
        {"name": "CertStoreLocation", "before": None, "after": r"\\files\certs"},
    ]
    again = run("import", "web01.json")
    assert (again.code, again.out) == (0, "")
    assert again.err == "note: sslbind.toml: 1 the same; nothing was written\n"
    assert run("show", "iplisten").out.split()[-1] == "10.0.0.5"


@pytest.mark.parametrize(
    ("if_exists", "code", "address"),
    [("fail", 1, "10.0.0.5"), ("keep", 0, "10.0.0.5"), ("update", 0, "::1"), ("reset", 0, "::1")],
)
def test_another_listen_list(
    run: Run, tmp_path: Path, if_exists: str, code: int, address: str
) -> None:
    """It is a conflict like a record's, and --if-exists decides what happens to it."""
    (tmp_path / "web01.json").write_text(capture(iplisten=LISTENING))
    run("import", "web01.json")
    other = netsh_messages.iplisten(("::1",)).split("\n")
    (tmp_path / "web01.json").write_text(capture(iplisten=other))
    seen = run("import", "--if-exists", if_exists, "web01.json")
    assert (seen.code, run("show", "iplisten").out.split()[-1]) == (code, address)
    if if_exists == "fail":
        assert seen.out == "conflict iplisten: 10.0.0.5 -> ::1\n"
        assert "error: web01.json: iplisten exists with other values\n" in seen.err
        assert "1 the same, 1 in conflict; nothing was written\n" in seen.err
    if if_exists == "keep":
        assert "1 the same, 1 kept; nothing was written\n" in seen.err


def test_a_registry_that_listens_everywhere(run: Run, tmp_path: Path) -> None:
    """An empty list means every address, unless the registry has no binding yet."""
    (tmp_path / "web01.json").write_text(capture())
    (tmp_path / "listening.json").write_text(capture(iplisten=LISTENING, central=CENTRAL))
    run("import", "web01.json")
    assert run("import", "listening.json").out == (
        "would set Enabled = true\n"
        "would set CertStoreLocation = \\\\files\\certs\n"
        "conflict iplisten: every address -> 10.0.0.5\n"
    )
    assert run("-r", "new.toml", "init").code == 0
    seen = run("-r", "new.toml", "import", "listening.json")
    assert (seen.code, seen.out.splitlines()[0]) == (0, "set iplisten = 10.0.0.5")
    assert "note: new.toml: 1 added, 3 settings changed\n" in seen.err


def test_two_listen_lists_in_one_import(run: Run, tmp_path: Path) -> None:
    """Two servers have two lists: neither is written."""
    for name, address in (("web01.json", "10.0.0.5"), ("web02.json", "10.0.0.6")):
        lines = netsh_messages.iplisten((address,)).split("\n")
        (tmp_path / name).write_text(capture(iplisten=lines))
    seen = run("import", "web01.json", "web02.json")
    assert "error: web02.json: iplisten appears twice, with different values\n" in seen.err
    assert (seen.code, (tmp_path / "sslbind.toml").exists()) == (1, False)


ELSE = [
    ("reg", 'Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\A]\n"a"="b"\n'),
    ("netsh-script", "netsh http delete sslcert ipport=0.0.0.0:443\n"),
]


@pytest.mark.parametrize(("format_", "text"), ELSE)
def test_what_has_no_record_makes_no_registry(
    run: Run, tmp_path: Path, format_: str, text: str
) -> None:
    """A file about something else is not taken for a server without bindings."""
    (tmp_path / "one.txt").write_text(text)
    seen = run("import", "--from", format_, "one.txt")
    assert (seen.code, "sslbind.toml: no record; nothing was written\n" in seen.err) == (1, True)
    assert "error: one.txt: has no record: no registry was made\n" in seen.err
    assert run("import", "--partial", "--from", format_, "one.txt").code == 1
    assert not (tmp_path / "sslbind.toml").exists()


def test_a_server_without_bindings_is_a_registry(run: Run, tmp_path: Path) -> None:
    """A capture that says that nothing is bound is valid information about a server."""
    (tmp_path / "web01.json").write_text(
        capture(sslcert=show_writer.show([], Release.W2022).split("\n"))
    )
    assert run("import", "web01.json").code == 0
    assert (tmp_path / "sslbind.toml").exists()


def test_what_a_document_does_not_carry_stays(run: Run, folder: Path) -> None:
    """Only three tags are known in netsh's JSON: the others are neither compared nor changed."""
    shown = run("-r", FRENCH, "show", "sslcert", "10.20.30.40:8443", "json=enable").out
    (folder / "show.json").write_text(shown)
    assert (
        "note: show.json only records appid, certhash and certstorename: the other tags of the"
        " added records are at their defaults\n"
    ) in run("import", "--dry-run", "show.json").err
    run("import", FRENCH)
    run("update", "sslcert", "10.20.30.40:8443", "urlretrievaltimeout=7")
    for if_exists in ("fail", "update", "reset"):
        seen = run("import", "--if-exists", if_exists, "show.json")
        assert (seen.code, seen.out) == (0, "")
    found = json.loads(shown)
    found["SslCertificateBindings"][0]["SslHash"] = base64.b64encode(bytes.fromhex(A)).decode()
    (folder / "show.json").write_text(json.dumps(found))
    assert run("import", "show.json").code == 1
    assert run("import", "--if-exists", "reset", "show.json").out == (
        "updated ipport=10.20.30.40:8443\n    certhash: 1f2e3d4c5b6a79880102030405060708090a0b0c"
        f" -> {A}\n"
    )
    after = run("show", "sslcert", "10.20.30.40:8443").out
    assert "URL Retrieval Timeout        : 7\n" in after


def test_where_it_cannot_be_made(run: Run, folder: Path) -> None:
    """A missing folder is named; --each says where to write, and so does -r: not both."""
    seen = run("-r", "one/web.toml", "import", CHINESE)
    assert seen.err.startswith("error: one/web.toml: cannot be created: there is no folder one\n")
    seen = run("-r", "web.toml", "import", "--each", "servers", CHINESE)
    assert (seen.code, "--each FOLDER and -r exclude each other" in seen.err) == (2, True)
    for args in (("import",), ("import", "-"), ("-r", "-", "list")):
        seen = run(*args, stdin="nothing of the kind")
        assert seen.err.startswith("error: standard input: unrecognised format\n")


def test_what_could_not_be_read_is_seen(run: Run, folder: Path) -> None:
    """A record that a reading command cannot read is named, even with --quiet: exit 1."""
    seen = run("-q", "-r", BAD, "list")
    assert seen.code == 1
    assert seen.err.startswith(f"hint: {BAD}:19: left out: ipport=192.0.2.8:443: ")


COMMENTED = f"""\
version = 1
#    IP:port                      : 10.9.9.9:443
#    Certificate Hash             : {A}
#    Application ID               : {{4dc3e181-e14b-4a21-b022-59fc669b0914}}
#    Certificate Store Name       : MY

[SslBindingInfo."0.0.0.0:443"]
certhsh = "{A}"
"""


@pytest.mark.parametrize("words", [("list",), ("check",), ("resolve", "10.9.9.9:443")])
def test_a_broken_registry_is_never_taken_for_another_document(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """A typo is reported with its line, although a comment looks like a capture."""
    (tmp_path / "sslbind.toml").write_text(COMMENTED)
    seen = run(*words)
    assert seen.code == 2
    assert "10.9.9.9:443" not in seen.out
    assert "'certhsh' is not a tag" in (seen.out if words == ("check",) else seen.err)


def test_a_registry_is_not_imported(run: Run, tmp_path: Path) -> None:
    """What looks like a capture in its comments does not decide its format."""
    (tmp_path / "other.toml").write_text(COMMENTED.replace("certhsh", "certhash"))
    seen = run("import", "other.toml")
    assert (seen.code, "-r names a registry" in seen.err) == (2, True)
    assert not (tmp_path / "sslbind.toml").exists()


def test_standard_input_is_named_once_and_never_written(run: Run, folder: Path) -> None:
    """'-' is not a file name: import has no registry there, diff takes it once, export prints."""
    before = snapshot(folder)
    assert run("-r", "-", "import", FRENCH).code == 2
    assert "can only be given once" in run("diff", "-", "-").err
    assert run("-r", FRENCH, "export", "json", "-o", "-").json["windows"] == "2022"
    assert snapshot(folder) == before


def test_each_leaves_no_empty_folder(run: Run, folder: Path) -> None:
    """If nothing can be written, the folder is not created either."""
    assert run("import", "--each", "servers", BAD).code == 1
    assert not (folder / "servers").exists()


def test_a_host_name_without_a_store_is_noted(run: Run, tmp_path: Path) -> None:
    """netsh refuses such a record; it is imported, since the file has it, with a note."""
    (tmp_path / "a.cmd").write_text(
        f"netsh http add sslcert hostnameport=www.contoso.com:443 certhash={A} appid={IIS}\n"
        f"netsh http add sslcert ipport=0.0.0.0:443 certhash={A} appid={IIS}\n"
    )
    seen = run("import", "a.cmd")
    assert seen.code == 0
    assert (
        "note: hostnameport=www.contoso.com:443 has no certstorename: netsh refuses such a record"
        " with error 87\n"
    ) in seen.err
    assert seen.err.count("error 87") == 1


def test_what_select_string_leaves_is_said_once(run: Run, tmp_path: Path) -> None:
    """Only key and hash lines: each reason is one note, whatever the number of tags."""
    (tmp_path / "piece.txt").write_text(
        f"    IP:port                      : 0.0.0.0:443\n    Certificate Hash             : {A}\n"
        f"    Hostname:port                : a.test:443\n    Certificate Hash             : {A}\n"
    )
    seen = run("import", "piece.txt", "--dry-run")
    notes = [line for line in seen.err.splitlines() if "known" in line]
    assert notes == [
        (
            "note: piece.txt: appid, certstorename, verifyclientcertrevocation and"
            f" {len(STORED) - 4} more of 2 bindings are not known: not in the capture"
        )
    ]
