"""The collection sslbind.windows: a real ansible-core, real servers by ssh, check, diff, serial."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import A, B
from sshd import Farm, Machine, farm, servers
from test_apply_fleet import HAD, WANTED, same
from test_man import wheel
from tools import needs

__all__ = ["farm", "servers", "wheel"]  # fixtures

pytestmark = pytest.mark.slow
TOP = Path(__file__).parent.parent
PLAY = TOP / "docs" / "ansible.yml"


class Controller:
    """A controller with the farm's inventory, and everybody's registry."""

    def __init__(self, farm: Farm, folder: Path) -> None:
        self.folder = folder
        self.registry = farm.folder / "web.toml"
        self.registry.write_text(WANTED, encoding="utf-8")
        for server in farm.servers:
            server.registry.write_text(HAD, encoding="utf-8")
        tables = {server.name: 'registry = "web.toml"' for server in farm.servers}
        targets = farm.write_targets(tables)
        self.inventory = folder / "inventory.json"
        words = ("-m", "sslbind", "--targets", targets, "targets", "--format", "ansible")
        self.inventory.write_bytes(subprocess.check_output([sys.executable, *words]))

    def play(self, *options: str, code: int = 0, play: Path = PLAY) -> str:
        """Run the documented play. The servers have sh, which Windows' sshd has not."""
        done = subprocess.run(
            [needs("ansible-playbook"), "-i", self.inventory, play, "-e", "ansible_shell_type=sh",
             "-e", "ansible_shell_executable=/bin/sh", *options],
            env={**os.environ, "HOME": str(self.folder), "ANSIBLE_NOCOLOR": "1",
                 "ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def controller(farm: Farm, servers: list[Machine], tmp_path: Path) -> Controller:
    return Controller(farm, tmp_path)


def recap(text: str) -> dict[str, dict[str, int]]:
    """Return what the play's last lines count for each host."""
    rows = re.findall(r"^(s\d)\s+: (.*)$", text, re.MULTILINE)
    return {
        name: {word: int(count) for word, count in re.findall(r"(\w+)=(\d+)", counts)}
        for name, counts in rows
    }


def test_check_shows_and_writes_nothing(controller: Controller, servers: list[Machine]) -> None:
    out = controller.play("--check", "--diff", "--limit", "s1")
    assert recap(out)["s1"]["changed"] == 1
    assert f"-    certhash={A}" in out
    assert f"+    certhash={B}" in out
    assert "+hostnameport=bücher.example:443" in out
    assert servers[0].registry.read_text(encoding="utf-8") == HAD


def test_apply_and_again(controller: Controller, servers: list[Machine]) -> None:
    """Each server is changed once; one at a time is the canary."""
    out = controller.play()
    assert {name: row["changed"] for name, row in recap(out).items()} == {
        "s1": 1, "s2": 1, "s3": 1, "s4": 1,
    }  # fmt: skip
    assert out.count("PLAY [HTTP.SYS follows the registries]") == 2
    assert all(same(server, controller.registry) for server in servers)
    assert {row["changed"] for row in recap(controller.play()).values()} == {0}


def test_a_liar_fails_and_stops_the_play(controller: Controller, servers: list[Machine]) -> None:
    """What was not read back was not done; the servers after the canary are left alone."""
    servers[0].mood("liar")
    out = controller.play(code=2)
    assert recap(out)["s1"]["failed"] == 1
    assert "incomplete; update hostnameport=www.contoso.com:443; " in out
    assert [server.registry.read_text(encoding="utf-8") for server in servers[1:]] == [HAD] * 3


def test_a_server_that_is_gone_is_unreachable(controller: Controller) -> None:
    text = controller.inventory.read_text("utf-8")
    controller.inventory.write_text(text.replace('"s1"', '"dead"').replace("s1", "dead"), "utf-8")
    out = controller.play("--limit", "dead", code=4)
    assert re.search(r"^dead .* unreachable=1 +failed=0 ", out, re.MULTILINE)


def test_the_limit(controller: Controller, servers: list[Machine]) -> None:
    many = "".join(HAD.partition("\n[")[0] for _ in range(1))
    for number in range(10):
        many += (
            f'\n[SslBindingInfo."10.0.0.{number}:443"]\n' + HAD.split('443"]\n')[1].split("\n[")[0]
        )
    servers[0].registry.write_text(many, encoding="utf-8")
    controller.registry.write_text(many.replace(A, B), encoding="utf-8")
    out = controller.play("--limit", "s1", code=2)
    assert "but the limit is 30%: limit: 100% allows it" in out
    assert servers[0].registry.read_text(encoding="utf-8") == many


def test_ansible_doc_knows_every_option() -> None:
    """The documentation has the options that the action takes, with the same defaults."""
    done = subprocess.run(
        [needs("ansible-doc"), "-t", "module", "-j", "sslbind.windows.bindings"],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    document: dict[str, Any] = json.loads(done.stdout)["sslbind.windows.bindings"]["doc"]
    source = (TOP / "ansible_collections" / "sslbind" / "windows" / "plugins" / "action"
              / "bindings.py").read_text("utf-8")  # fmt: skip
    taken = re.findall(r'^    "(\w+)": {"type": "(\w+)"', source, re.MULTILINE)
    assert {name: one["type"] for name, one in document["options"].items()} == dict(taken)
    assert document["has_action"]


def test_the_wheel_has_the_collection(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    folder = "ansible_collections/sslbind/windows"
    for name in ("galaxy.yml", "meta/runtime.yml", "plugins/action/bindings.py",
                 "plugins/modules/bindings.py"):  # fmt: skip
        assert f"{folder}/{name}" in names


def test_it_is_the_version_of_sslbind() -> None:
    from sslbind.version import VERSION

    galaxy = TOP / "ansible_collections" / "sslbind" / "windows" / "galaxy.yml"
    assert f"\nversion: {VERSION}\n" in galaxy.read_text("utf-8")
