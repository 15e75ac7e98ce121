"""``@NAME``, ``@GROUP``, ``@all`` on the command line, and ``targets``: real servers by ssh."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from conftest import IIS, OTHER, A, B, Run
from pki import web
from sshd import Farm, Machine, farm, servers

__all__ = ["farm", "servers"]  # fixtures

HEAD = 'version = 1\nwindows = "2022"\n'


def record(key: str, certhash: str = A, appid: str = IIS) -> str:
    table = "SslBindingInfo" if key[0] in "0123456789[" else "SslSniBindingInfo"
    return (
        f'\n[{table}."{key}"]\ncerthash = "{certhash}"\nappid = "{appid}"\ncertstorename = "MY"\n'
    )


@pytest.fixture
def three(farm: Farm, servers: list[Machine], monkeypatch: pytest.MonkeyPatch) -> Farm:
    """Return three servers with a binding each, and one that is dead, in a targets file."""
    for number, server in enumerate(servers[:3], 1):
        server.registry.write_text(HEAD + record(f"10.0.0.{number}:443"), encoding="utf-8")
    path = farm.write_targets(
        {"s1": 'groups = ["front"]', "s2": 'groups = ["front"]', "s3": "", "dead": ""}
    )
    monkeypatch.setenv("SSLBIND_TARGETS", path)
    return farm


@pytest.mark.slow
def test_check(three: Farm, run: Run) -> None:
    """Every finding names its server, and the dead one is named, and is exit 2."""
    three.servers[1].registry.write_text(HEAD + record("[::]:443"))
    three.servers[2].registry.write_text(HEAD + record("0.0.0.0:443") + record("[::]:443", B))
    seen = run("check", "@all")
    where = [line.split(": ")[0] for line in seen.out.splitlines() if not line.startswith(" ")]
    assert {*where} == {"@s2", "@s3"}
    assert "error: @dead: dead cannot be reached by ssh: " in seen.err
    assert seen.code == 2
    notes = [line for line in seen.err.splitlines() if "read with netsh" in line]
    assert len(notes) == 1
    assert notes[0].startswith("note: @s1, @s2, @s3: read with netsh, which lists no")
    assert run("check", "@s1").code == 0


@pytest.mark.slow
def test_check_looks_at_the_certificates_of_a_server(three: Farm, run: Run) -> None:
    """What capture.ps1 brings is judged as if it had been imported: dates, names and chains."""
    server = three.servers[0]
    server.powershell()
    (server.folder / "My").mkdir(exist_ok=True)
    (server.folder / "My" / "web.cer").write_bytes(web().der)
    server.registry.write_text(
        HEAD + record("www.contoso.com:443", web().thumbprint)
        + record("mail.contoso.com:443", web().thumbprint) + record("10.0.0.9:443", B)
    )  # fmt: skip
    seen = run("check", "@s1", "--at", "2099-01-01", "--format", "json")
    found = {(one["rule"], one["key"]) for one in seen.json["findings"]}
    assert {
        ("cert-expired", "www.contoso.com:443"),
        ("cert-host-mismatch", "mail.contoso.com:443"),
        ("cert-not-found", "10.0.0.9:443"),
    } <= found
    assert run("import", "--each", "servers", "@s1").code == 0
    again = run("check", "servers/s1.toml", "--at", "2099-01-01", "--format", "json")
    assert {(one["rule"], one["key"]) for one in again.json["findings"]} == found
    assert web().thumbprint in run("expiry", "@s1", "--format", "tsv").out


@pytest.mark.slow
def test_import_each(three: Farm, run: Run, tmp_path: Path) -> None:
    """One that cannot be reached keeps none of the others from a registry."""
    seen = run("import", "--each", "servers", "@all")
    assert seen.code == 2
    assert seen.out == "".join(
        f"servers/s{number}.toml: added ipport=10.0.0.{number}:443 {A}\n" for number in (1, 2, 3)
    )
    assert sorted(path.name for path in (tmp_path / "servers").iterdir()) == [
        "s1.toml", "s2.toml", "s3.toml",
    ]  # fmt: skip
    assert run("diff", "servers/s1.toml", "@s1").code == 0
    assert run("-r", "servers/s2.toml", "list", "--format", "tsv").out.startswith(
        "ipport\t10.0.0.2"
    )


@pytest.mark.slow
def test_a_name_with_dots_keeps_them(
    farm: Farm, servers: list[Machine], run: Run, tmp_path: Path
) -> None:
    servers[0].registry.write_text(HEAD + record("10.0.0.1:443"), encoding="utf-8")
    path = farm.write_targets({'"web01.contoso.com"': 'host = "s1"'})
    assert run("--targets", path, "import", "--each", ".", "@all").code == 0
    assert (tmp_path / "web01.contoso.com.toml").exists()


@pytest.mark.slow
def test_one_registry_of_a_server(three: Farm, run: Run, tmp_path: Path) -> None:
    assert run("-r", "s1.toml", "import", "@s1").code == 0
    assert run("-r", "s1.toml", "import", "@s1").out == ""
    assert run("-r", "dead.toml", "import", "@dead").code == 2
    assert not (tmp_path / "dead.toml").exists()


@pytest.mark.slow
def test_reading_a_server(three: Farm, run: Run) -> None:
    assert run("-r", "@s1", "list", "--format", "tsv").out.startswith("ipport\t10.0.0.1:443")
    assert "10.0.0.1:443" in run("-r", "@s1", "show", "sslcert").out
    seen = run("-r", "@s2", "resolve", "10.0.0.2:443", "--format", "json")
    assert seen.json["binding"]["key"] == "10.0.0.2:443"
    seen = run("-r", "@front", "list")
    assert (seen.code, seen.err) == (
        2, "error: @front is 2 servers; give one\nhint: @s1, @s2\n",
    )  # fmt: skip


@pytest.mark.slow
def test_a_record_of_a_server_that_cannot_be_read(three: Farm, run: Run) -> None:
    """It is unknown, and not absent: list, check, resolve and diff say so, exit 1."""
    for machine in three.servers[:2]:
        machine.registry.write_text(HEAD + record("0.0.0.0:443") + record("10.0.0.9:443", B))
    three.servers[1].mood("garbled")
    seen = run("-r", "@s2", "list", "--format", "json")
    assert (seen.code, [one["key"] for one in seen.json["unread"]]) == (1, ["0.0.0.0:443"])
    seen = run("-r", "@s2", "resolve", "10.0.0.1:443")
    assert (seen.code, seen.out[:8]) == (1, "unknown:")
    assert run("-r", "@s2", "resolve", "10.0.0.9:443").code == 0
    seen = run("check", "@s2", "--format", "json")
    assert (seen.code, [one["rule"] for one in seen.json["findings"]]) == (1, ["record-unreadable"])
    seen = run("diff", "@s1", "@s2", "--format", "json")
    document = seen.json
    assert (seen.code, document["same"], document["unknown"]) == (1, 1, 1)
    assert document["differences"] == []


@pytest.mark.usefixtures("three")
def test_a_server_is_not_edited(run: Run) -> None:
    seen = run("-r", "@s1", "add", "iplisten", "10.0.0.9")
    assert (seen.code, seen.out) == (2, "")
    assert seen.err.startswith("error: @s1 is a server, not a registry file\n")


@pytest.mark.slow
def test_diff(three: Farm, run: Run) -> None:
    text = HEAD + record("10.0.0.1:443", B)
    three.servers[1].registry.write_text(text, encoding="utf-8")
    seen = run("diff", "@front", "--format", "json")
    assert (seen.code, seen.json["servers"]) == (1, ["@s1", "@s2"])
    (one,) = seen.json["differences"]
    assert (one["key"], one["tag"]) == ("10.0.0.1:443", "certhash")
    seen = run("diff", "@s1", "@dead")
    assert (seen.code, seen.out) == (2, "")
    seen = run("diff", "@all")
    assert (seen.code, "@dead: dead cannot be reached" in seen.err) == (2, True)
    assert "@s1" in seen.out


@pytest.mark.slow
def test_changes_from_a_server(three: Farm, run: Run, tmp_path: Path) -> None:
    (tmp_path / "sslbind.toml").write_text(HEAD + record("10.0.0.1:443", B, OTHER))
    seen = run("export", "netsh-script", "--changes-from", "@s1")
    assert re.findall(r"(?m)^(\w+) sslcert", seen.out.replace("http ", "")) == ["update"]
    three.servers[0].registry.write_text((tmp_path / "sslbind.toml").read_text())
    assert "sslcert" not in run("export", "netsh-script", "--changes-from", "@s1").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "@frnt"), "error: @frnt is not a target or a group of "),
        (("--targets", "none.toml", "check", "@s1"), "error: none.toml: does not exist"),
        (("-r", "@", "list"), "error: @ is not a target or a group of "),
    ],
    ids=["unknown", "no-file", "no-name"],
)
@pytest.mark.usefixtures("three")
def test_a_name_that_names_nothing(run: Run, words: tuple[str, ...], message: str) -> None:
    seen = run(*words)
    assert (seen.code, seen.out) == (2, "")
    assert seen.err.startswith(message)


@pytest.mark.usefixtures("three")
def test_a_file_of_such_a_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "@s1").write_text(HEAD + record("10.9.9.9:443"))
    assert "10.9.9.9:443" in run("-r", "./@s1", "list").out


@pytest.mark.slow
def test_hostile_servers(three: Farm, run: Run) -> None:
    """Nothing that a server says steers the terminal."""
    for server in three.servers[:3]:
        server.mood("hostile")
    for words in (("check", "@all"), ("import", "--each", "x", "@all"), ("diff", "@s1", "@s2"),
                  ("targets", "--check")):  # fmt: skip
        seen = run(*words)
        assert seen.code in (1, 2)
        assert (seen.out + seen.err).replace("\n", "").isprintable()
        assert "\\x1b]0;owned" in seen.err


class TestTargets:
    @pytest.mark.usefixtures("three")
    def test_list(self, run: Run) -> None:
        seen = run("targets", "--format", "tsv")
        assert [line.split("\t")[:3] for line in seen.out.splitlines()] == [
            ["s1", "ssh", "s1"],
            ["s2", "ssh", "s2"],
            ["s3", "ssh", "s3"],
            ["dead", "ssh", "dead"],
        ]
        assert "registry" in run("targets").out
        listed = run("targets", "front", "--format", "json").json["targets"]
        assert [one["target"] for one in listed] == ["s1", "s2"]

    @pytest.mark.slow
    def test_check(self, three: Farm, run: Run) -> None:
        three.servers[1].powershell()
        three.servers[2].mood("denied")
        seen = run("targets", "--check", "--format", "json")
        assert seen.code == 1
        assert [
            (one["target"], one["status"], one["readBy"], one["windows"], one["bindings"])
            for one in seen.json["targets"]
        ] == [
            ("s1", "ok", "netsh", "2022", 1),
            ("s2", "ok", "capture.ps1", "2022", 1),
            ("s3", "unreadable", None, None, None),
            ("dead", "unreachable", None, None, None),
        ]
        assert seen.err.splitlines()[-1] == "note: 2 of 4 servers can be read"
        assert run("targets", "--check", "s1").code == 0

    @pytest.mark.usefixtures("three")
    def test_inventory(self, run: Run, farm: Farm) -> None:
        seen = run("targets", "--format", "ansible")
        children = json.loads(seen.out)["all"]["children"]
        assert children["front"] == {"hosts": {"s1": {}, "s2": {}}}
        assert children["sslbind_ssh"]["vars"]["ansible_connection"] == "ssh"
        assert children["sslbind_ssh"]["hosts"]["s1"] == {
            "sslbind_registry": str(farm.folder / "s1.toml"),
            "ansible_host": "s1",
            "ansible_ssh_common_args": f"-F {farm.ssh_config}",
        }
        assert run("targets", "--check", "--format", "ansible").code == 2


@pytest.mark.usefixtures("three")
@pytest.mark.slow
def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reading that takes longer than a second shows how many servers are read."""
    import pexpect  # type: ignore[import-untyped]

    monkeypatch.delenv("CI", raising=False)
    targets = tmp_path / "targets.toml"
    slow = json.dumps([sys.executable, "-c", "import time; time.sleep(4)"])
    tables = [f'[Target.t{number}]\ntransport = "command"\nnetsh = {slow}\n' for number in (1, 2)]
    targets.write_text("version = 1\n\n[defaults]\njobs = 1\n\n" + "\n".join(tables))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "sslbind", "--targets", str(targets), "check", "@all"],
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact("1 of 2 servers read")
    child.expect_exact("error: @t1: netsh gave no whole listing")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("check", "@"), ["@s1", "@s2", "@s3", "@dead", "@front", "@all"]),
        (("-r", "@f"), ["@front"]),
        (("export", "netsh-script", "--changes-from", "@S"), ["@s1", "@s2", "@s3"]),
        (("targets", "fr"), ["front"]),
    ],
    ids=["file", "registry", "changes-from", "targets"],
)
def test_names_complete(words: tuple[str, ...], values: list[str]) -> None:
    from sslbind.cli.completion.candidates import candidates

    assert [one.value for one in candidates(words)] == values


@pytest.mark.skipif(sys.platform == "win32", reason="Windows finds its own netsh, and no script")
class TestLocal:
    """``@local`` is this machine: its netsh, here one that is called so on PATH."""

    def test_without_a_targets_file(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "http.toml").write_text(HEAD + record("10.0.0.1:443"))
        netsh = tmp_path / "bin" / "netsh"
        netsh.parent.mkdir()
        netsh.write_text(
            f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'netsh'\n"
            "from sslbind.cli.entry import main\n"
            f"sys.exit(main(['-q', '-r', '{tmp_path}/http.toml', *sys.argv[1:]]))\n"
        )
        netsh.chmod(0o755)
        monkeypatch.setenv("PATH", str(netsh.parent))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        seen = run("-r", "@local", "list", "--format", "tsv")
        assert (seen.code, seen.out.split("\t")[:2]) == (0, ["ipport", "10.0.0.1:443"])
        assert run("diff", "@local", "http.toml").code == 0
        seen = run("check", "@local", "@web01")
        assert (seen.code, seen.out) == (2, "")
        assert seen.err.startswith("error: targets.toml: does not exist")

    def test_a_machine_without_netsh(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        seen = run("check", "@local")
        assert (seen.code, seen.out) == (2, "")
        assert seen.err == (
            "error: @local: netsh cannot be started: no such file or directory\n"
            "hint: this machine has no netsh: use @NAME for another one\n"
        )
