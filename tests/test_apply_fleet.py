"""A fleet by ssh: real sshds, a mood on each server, one plan, and a report that is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import IIS, A, B, Run
from sshd import Farm, Machine, farm, servers

from sslbind.registry.registry import Registry

__all__ = ["farm", "servers"]  # fixtures

pytestmark = pytest.mark.slow

HEAD = 'version = 1\nwindows = "2022"\n'


def record(key: str, certhash: str) -> str:
    table = "SslBindingInfo" if key[0] in "0123456789[" else "SslSniBindingInfo"
    return f'\n[{table}."{key}"]\ncerthash = "{certhash}"\nappid = "{IIS}"\ncertstorename = "MY"\n'


HAD = HEAD + record("0.0.0.0:443", A) + record("www.contoso.com:443", A)
WANTED = HEAD + record("0.0.0.0:443", B) + record("www.contoso.com:443", B) + record(
    "bücher.example:443", B
)  # fmt: skip


class Fleet:
    """The servers of a farm that all follow ``web.toml``."""

    def __init__(self, farm: Farm, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        self.farm = farm
        self.run = run
        self.registry = farm.folder / "web.toml"
        self.registry.write_text(WANTED, encoding="utf-8")
        for server in farm.servers:
            server.registry.write_text(HAD, encoding="utf-8")
        tables = {server.name: 'registry = "web.toml"' for server in farm.servers}
        tables |= dict.fromkeys(("dead", "stranger"), 'registry = "web.toml"')
        path = farm.write_targets(tables, "timeout = 30")
        monkeypatch.setenv("SSLBIND_TARGETS", path)

    def apply(self, *words: str) -> dict[str, dict[str, object]]:
        done = self.run("apply", *(words or ("all",)), "--yes", "--format", "json")
        return {one["target"]: one for one in done.json["targets"]}

    def statuses(self, *words: str) -> dict[str, object]:
        return {name: one["status"] for name, one in self.apply(*words).items()}


@pytest.fixture
def fleet(farm: Farm, servers: list[Machine], run: Run, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return Fleet(farm, run, monkeypatch)


def same(server: Machine, registry: Path) -> bool:
    return dict(Registry.open(str(server.registry)).bindings) == dict(
        Registry.open(str(registry)).bindings
    )


def test_moods_of_a_fleet(fleet: Fleet) -> None:
    """The good are done, each bad one has its own status, and the second apply completes all."""
    two, three, four = fleet.farm.servers[1:]
    two.mood("liar")
    three.mood("dying-writer")
    four.mood("grump")
    first = fleet.apply()
    assert {name: (target["status"], target["done"]) for name, target in first.items()} == {
        "s1": ("done", 3),
        "s2": ("incomplete", 0),
        "s3": ("incomplete", 2),
        "s4": ("done", 3),
        "dead": ("unreachable", 0),
        "stranger": ("unreachable", 0),
    }
    assert "Host key verification failed" in str(first["stranger"]["message"])
    assert first["s3"]["missing"] == ["update ipport=0.0.0.0:443"]
    for server in (two, three):
        server.mood("")
    assert fleet.statuses("s1", "s2", "s3", "s4") == {
        "s1": "unchanged", "s2": "done", "s3": "done", "s4": "unchanged",
    }  # fmt: skip
    assert all(same(server, fleet.registry) for server in fleet.farm.servers)


def test_no_value_is_on_a_command_line(fleet: Fleet) -> None:
    """Whatever is written: the command lines are netsh, and PowerShell's bootstrap."""
    assert fleet.statuses("s1") == {"s1": "done"}
    lines = fleet.farm.servers[0].commands()
    assert {line.split(" ")[0] for line in lines} == {"netsh", "powershell"}
    assert {line for line in lines if line.startswith("netsh")} == {"netsh"}
    assert len({line for line in lines if line.startswith("powershell")}) == 1


def test_a_hostile_server_reaches_nothing(fleet: Fleet, run: Run) -> None:
    """Its escapes are shown as text, and no other server's lines hold anything of it."""
    hostile, good = fleet.farm.servers[:2]
    hostile.mood("hostile")
    for format_ in ("text", "json", "markdown"):
        done = run("plan", "s1", "s2", "--format", format_)
        assert done.out.replace("\n", "").isprintable()
        assert "<script>" not in done.out or format_ == "json"
    assert fleet.statuses("s1", "s2") == {"s1": "unreadable", "s2": "done"}
    assert same(good, fleet.registry)


def test_names_of_one_server_stay_on_it(fleet: Fleet) -> None:
    """A binding that only one has, under a name that would be lines or markup, is never sent."""
    evil, good = fleet.farm.servers[:2]
    text = '\n[SslBindingInfo."10.0.0.9:443"]\ncerthash = "%s"\nappid = "%s"\ncertstorename = %s\n'
    name = json.dumps('MY" | x & <b>`$(x)')
    evil.registry.write_text(HAD + text % (A, IIS, name), encoding="utf-8")
    targets = fleet.apply("s1", "s2", "--prune")
    assert {one: target["status"] for one, target in targets.items()} == {
        "s1": "done",
        "s2": "done",
    }
    assert same(evil, fleet.registry)
    assert same(good, fleet.registry)


def test_changed_by_hand_between_plan_and_apply(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    saved = tmp_path / "p.json"
    assert run("plan", "s1", "s2", "--out", str(saved)).code == 1
    changed = HAD.replace(A, "c" * 40, 1)
    fleet.farm.servers[1].registry.write_text(changed, encoding="utf-8")
    assert fleet.statuses(str(saved)) == {"s1": "done", "s2": "moved-on"}
    assert fleet.farm.servers[1].registry.read_text(encoding="utf-8") == changed


def test_a_time_out_after_writing(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """All was done although nobody said so: what is read back is believed."""
    path = fleet.farm.write_targets({"s1": 'registry = "web.toml"'}, "timeout = 10")
    monkeypatch.setenv("SSLBIND_TARGETS", path)
    fleet.farm.servers[0].mood("hanging-done")
    assert fleet.statuses("s1") == {"s1": "done"}
