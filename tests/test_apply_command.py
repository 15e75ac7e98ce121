"""``sslbind apply``: servers that misbehave, limits, canary, batches, and a true report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import A, B, Result, Run
from machines import Machine, contents_of
from test_plan_command import C, lab, table
from tools import needs

from sslbind.planning.carrying import carry_out
from sslbind.planning.fleet import Pace, Progress, roll_out
from sslbind.planning.lines import scripts
from sslbind.planning.outcome import Outcome, Status
from sslbind.planning.plan import Plan, make_plan
from sslbind.transports.transport import Ran, UnreachableError

__all__ = ["lab"]  # a fixture

MOODY = Path(__file__).parent / "moody_netsh.py"
HAD = "version = 1\n" + table("SslBindingInfo", "0.0.0.0:443", A)
WANTED = "version = 1\n" + "".join([
    table("SslBindingInfo", "0.0.0.0:443", B),
    table("SslSniBindingInfo", "mail.contoso.com:443", B),
    table("SslSniBindingInfo", "www.contoso.com:443", C),
])  # fmt: skip


class Shop:
    """Servers by the command transport, each with a mood, all meant to follow one registry."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self.run_ = run
        (folder / "web.toml").write_text(WANTED)
        (folder / "targets.toml").write_text("version = 1\n[defaults]\ntimeout = 30\n")

    def add(self, name: str, mood: str = "", had: str = HAD, more: str = "") -> None:
        """Add a server; its HTTP.SYS is the registry ``NAME/server.toml``."""
        home = self.folder / f"{name}.server"
        home.mkdir()
        (home / "server.toml").write_text(had)
        variables = [f"SERVER={home}", f"SSLBIND_REGISTRY={home}/server.toml"]
        good = [sys.executable, "-m", "sslbind", "-q", "-f", "-"]
        netsh = [needs("env"), *variables, *([sys.executable, str(MOODY), mood] if mood else good)]
        with (self.folder / "targets.toml").open("a") as file:
            file.write(f'[Target.{name}]\ntransport = "command"\nnetsh = {json.dumps(netsh)}\n'
                       f'registry = "web.toml"\n{more}\n')  # fmt: skip

    def state(self, name: str) -> Path:
        return self.folder / f"{name}.server" / "server.toml"

    def apply(self, *words: str) -> Result:
        """Apply to what ``words`` name; to everything if there are only options."""
        named = words if words[:1] and not words[0].startswith("-") else ("all", *words)
        return self.run_("apply", *named, "--yes", "--format", "json")

    def statuses(self, *words: str) -> dict[str, str]:
        return {one["target"]: one["status"] for one in self.apply(*words).json["targets"]}


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Shop:
    return Shop(tmp_path, run)


def test_done(shop: Shop) -> None:
    """What was planned is there, and nothing is left to do."""
    shop.add("web01")
    done = shop.apply()
    (target,) = done.json["targets"]
    assert (done.code, target["status"], target["done"]) == (0, "done", 3)
    assert contents_of(shop.state("web01")).bindings == contents_of(
        shop.folder / "web.toml").bindings  # fmt: skip
    assert shop.statuses() == {"web01": "unchanged"}


def test_the_report_for_people(shop: Shop, run: Run) -> None:
    shop.add("web01")
    done = run("apply", "@all", "--yes")
    assert done.out.splitlines()[0] == "web01: done (3/3)"
    assert done.out.splitlines()[-1] == "1 target: 1 done"


def test_no_target_is_not_every_target(shop: Shop, run: Run) -> None:
    """PowerShell drops ``@front`` if it is not quoted; that must not mean the whole fleet."""
    shop.add("web01")
    done = run("apply", "--yes")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: name the targets, or all; ")
    assert shop.state("web01").read_text() == HAD


def test_without_a_terminal_and_without_yes(shop: Shop, run: Run) -> None:
    shop.add("web01")
    done = run("apply", "web01")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "error: apply asks before it writes, and there is no terminal to ask on: use --yes"
    )
    assert shop.state("web01").read_text() == HAD


MOODS = {
    "liar": ("incomplete", 0, 3, ""),
    "grump": ("done", 3, 0, ""),
    "unelevated": ("incomplete", 0, 3, "The requested operation requires elevation"),
    "dying-writer": ("incomplete", 2, 1, ""),
    "french": ("done", 3, 0, ""),
    "denied": ("unreadable", 0, 0, "netsh gave no whole listing of bindings; it answered: The"),
    "empty": ("unreadable", 0, 0, "netsh gave no whole listing of bindings; it answered: nothing"),
    "dying": ("unreadable", 0, 0, "netsh gave no whole listing of bindings; it breaks off"),
    "hostile": ("unreadable", 0, 0, "netsh gave no whole listing"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mood", MOODS)
def test_moods(shop: Shop, mood: str) -> None:
    """Neither an exit code nor the output is believed: only what was read back."""
    status, count, missing, message = MOODS[mood]
    shop.add("web01", mood)
    done = shop.apply()
    (target,) = done.json["targets"]
    assert (target["status"], target["done"], len(target["missing"])) == (status, count, missing)
    assert target["message"].startswith(message)
    assert done.code == (0 if status == "done" else 1)
    assert target["message"].isprintable()


@pytest.mark.slow
def test_a_time_out_is_unknown_and_the_next_run_reads_first(shop: Shop) -> None:
    """The program may still be running, or may have finished: nobody knows or claims to know."""
    shop.add("web01", "hanging-done", more="timeout = 10")
    shop.add("web02", "hanging", more="timeout = 10")
    assert shop.statuses() == {"web01": "done", "web02": "unreachable"}
    assert shop.statuses("web01") == {"web01": "unchanged"}


@pytest.mark.slow
def test_one_bad_server_stops_no_other(shop: Shop) -> None:
    """A second run completes the work once the server behaves again."""
    for name, mood in (("a", ""), ("b", "liar"), ("c", "denied"), ("d", "dying-writer"), ("e", "")):
        shop.add(name, mood)
    assert shop.statuses() == {
        "a": "done", "b": "incomplete", "c": "unreadable", "d": "incomplete", "e": "done",
    }  # fmt: skip
    text = (shop.folder / "targets.toml").read_text()
    for mood in ("liar", "denied", "dying-writer"):
        text = text.replace(f'"{MOODY}", "{mood}"', '"-m", "sslbind", "-q", "-f", "-"')
    (shop.folder / "targets.toml").write_text(text)
    assert shop.statuses() == {
        "a": "unchanged", "b": "done", "c": "done", "d": "done", "e": "unchanged",
    }  # fmt: skip


def test_a_saved_plan(shop: Shop, run: Run) -> None:
    """It is carried out once, and only if nobody else changed the server in between."""
    for name in ("web01", "web02"):
        shop.add(name)
    assert run("plan", "--out", "p.json").code == 1
    changed = HAD.replace("0.0.0.0:443", "0.0.0.0:4443")
    shop.state("web02").write_text(changed)
    assert shop.statuses("p.json") == {"web01": "done", "web02": "moved-on"}
    assert shop.state("web02").read_text() == changed
    assert shop.statuses("p.json") == {"web01": "moved-on", "web02": "moved-on"}
    document = run("apply", "p.json", "--yes", "--format", "json").json
    assert [one["message"] for one in document["targets"]] == [
        "the plan was applied already: nothing is left to change; nothing was written",
        "it has changed since the plan was made; nothing was written: plan again",
    ]


def test_a_plan_for_an_empty_server_goes_once(shop: Shop, run: Run) -> None:
    shop.add("web01", had="version = 1\n")
    run("plan", "--out", "p.json")
    assert shop.statuses("p.json") == {"web01": "done"}
    assert shop.statuses("p.json") == {"web01": "moved-on"}


@pytest.mark.parametrize("what", ["plan", "registry"])
def test_an_edited_plan_is_refused_with_the_difference(shop: Shop, run: Run, what: str) -> None:
    shop.add("web01")
    registry = shop.folder / "web.toml"
    registry.write_text("version = 1\n" + table("SslBindingInfo", "0.0.0.0:443", B))
    run("plan", "--out", "p.json")
    edited = shop.folder / "p.json" if what == "plan" else registry
    edited.write_text(edited.read_text().replace(B, C))
    done = shop.apply("p.json")
    (target,) = done.json["targets"]
    assert (done.code, target["status"]) == (1, "refused")
    who, planned, asked = ("the plan was edited", C, B)
    if what == "registry":
        who, planned, asked = ("the registry has changed since the plan was made", B, C)
    assert target["message"] == (
        f"{who}; nothing was written; the plan has update ipport=0.0.0.0:443 (certhash '{A}' ->"
        f" '{planned}'); the registry asks for update ipport=0.0.0.0:443 (certhash '{A}' ->"
        f" '{asked}')"
    )
    assert shop.state("web01").read_text() == HAD


def test_a_plan_that_somebody_made_a_group_of(shop: Shop, run: Run) -> None:
    """A target that was not in the plan, or could not be read then, is left alone."""
    shop.add("web01", more='groups = ["front"]')
    shop.add("web02", "denied", more='groups = ["front"]')
    run("plan", "web01", "--out", "p.json")
    saved = shop.folder / "p.json"
    text = saved.read_text()
    saved.write_text(text.replace('"target": "web01"', '"target": "front"'))
    assert shop.statuses("p.json") == {"web01": "refused", "web02": "unreadable"}
    run("plan", "--out", "p.json")
    targets = (shop.folder / "targets.toml").read_text()
    healthy = targets.replace(f'"{MOODY}", "denied"', '"-m", "sslbind", "-q", "-f", "-"')
    (shop.folder / "targets.toml").write_text(healthy)
    assert shop.statuses("p.json") == {"web01": "done", "web02": "refused"}


def many(certhash: str, count: int = 10) -> str:
    return "version = 1\n" + "".join(
        table("SslBindingInfo", f"10.0.0.{number}:443", certhash) for number in range(count)
    )


def test_the_limit_stops_everything_before_anything_is_written(shop: Shop) -> None:
    """The refusal gives the number, and what to type."""
    shop.add("web01", had=many(A))
    shop.add("web02")
    (shop.folder / "web.toml").write_text(many(A).replace(A, B, 4))
    done = shop.apply()
    first, second = done.json["targets"]
    assert (done.code, first["status"], second["status"]) == (1, "refused", "changes")
    assert first["message"] == (
        "4 of 10 bindings would be changed or deleted, 40%, but the limit is 30%: --limit 40%"
        " allows it"
    )
    assert second["message"] == "nothing was written: web01 is over the limit"
    assert shop.state("web01").read_text() == many(A)
    assert shop.state("web02").read_text() == HAD
    assert shop.statuses("--limit", "40%") == {"web01": "done", "web02": "done"}


@pytest.mark.parametrize("text", ["half", "101%", "-1", "30 percent"])
def test_a_limit_that_is_none(shop: Shop, text: str) -> None:
    shop.add("web01")
    done = shop.run_("apply", "all", "--yes", f"--limit={text}")
    assert (done.code, done.out) == (2, "")
    assert f"'{text}' is not a percentage from 0% to 100%" in done.err


@pytest.mark.slow
def test_the_canary(shop: Shop) -> None:
    """The others are written only if the first one ended as done."""
    shop.add("web01", "liar")
    shop.add("web02")
    done = shop.apply("--first", "1")
    first, second = done.json["targets"]
    assert (first["status"], second["status"]) == ("incomplete", "changes")
    assert second["message"] == "nothing was written: the canary web01 came out incomplete"
    assert shop.state("web02").read_text() == HAD
    assert shop.statuses("web02", "web01", "--first", "1") == {
        "web02": "done", "web01": "incomplete",
    }  # fmt: skip


def test_an_unelevated_server_loses_nothing(shop: Shop) -> None:
    """What comes before the deletions is not there, so nothing is deleted."""
    shop.add("web01", "unelevated", HAD + table("SslBindingInfo", "0.0.0.0:8443", A))
    done = shop.apply("--prune")
    (target,) = done.json["targets"]
    assert target["missing"][-1] == "delete ipport=0.0.0.0:8443"
    assert target["message"].endswith("deletions wait for the changes before them")


# The fleet: plans of nothing but a name, and whatever comes out of them.


def plans(tmp_path: Path, count: int) -> list[Plan]:
    server, registry = tmp_path / "server.toml", tmp_path / "registry.toml"
    server.write_text(HAD)
    registry.write_text(WANTED)
    plan = make_plan("web", Machine(server).read(), contents_of(registry))
    return [plan._replace(target=f"web{number:02}") for number in range(count)]


class Carrier:
    """Carries out nothing, returns what it is set to return, and records what ran with what."""

    def __init__(self, bad: dict[str, Status] | None = None) -> None:
        self.bad = bad or {}
        self.started: list[str] = []

    def __call__(self, plan: Plan) -> Outcome:
        self.started.append(plan.target)
        return Outcome(plan.target, self.bad.get(plan.target, Status.DONE), plan)


def test_batches_come_one_after_the_other(tmp_path: Path) -> None:
    carry = Carrier()
    found: list[Progress] = []
    outcomes = roll_out(plans(tmp_path, 10), carry, Pace(jobs=4, first=1, batch=3),
                        progress=found.append)  # fmt: skip
    assert [one.status for one in outcomes] == [Status.DONE] * 10
    order = [int(name[3:]) for name in carry.started]
    waves = [order[0:1], order[1:4], order[4:7], order[7:10]]
    assert [sorted(wave) for wave in waves] == [[0], [1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert found[-1] == Progress(10, 10, 0, 0)


@pytest.mark.parametrize("jobs", [1, 4])
def test_max_failures_stops_the_fleet(tmp_path: Path, jobs: int) -> None:
    """What is running is waited for; what was not started is reported as not started."""
    carry = Carrier({"web00": Status.INCOMPLETE, "web01": Status.UNKNOWN})
    counted = threading.Event()

    def carry_good_ones_later(plan: Plan) -> Outcome:
        outcome = carry(plan)
        if outcome.status is Status.DONE:
            assert counted.wait(60)
        return outcome

    def look(now: Progress) -> None:
        if now.failed == 2:
            counted.set()

    outcomes = roll_out(
        plans(tmp_path, 20), carry_good_ones_later, Pace(jobs=jobs, max_failures=2), progress=look
    )
    untouched = [one for one in outcomes if one.status is Status.CHANGES]
    assert len(untouched) == 20 - len(carry.started) >= 20 - 2 - jobs
    assert {one.message for one in untouched} == {
        "nothing was written: 2 targets failed, and --max-failures stops there"
    }


def test_targets_that_could_not_be_read_count_as_failures(tmp_path: Path) -> None:
    carry = Carrier()
    outcomes = roll_out(plans(tmp_path, 2), carry, Pace(max_failures=1), failed=1)
    assert carry.started == []
    assert [one.status for one in outcomes] == [Status.CHANGES] * 2


def test_an_interrupt_waits_for_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    """Pressing Ctrl-C still gives a report of everything."""
    carry = Carrier()
    pressed: list[bool] = []

    def press(now: Progress) -> None:
        if now.done == 2 and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt

    outcomes = roll_out(plans(tmp_path, 6), carry, Pace(jobs=1), progress=press)
    statuses = [one.status for one in outcomes]
    assert statuses[:2] == [Status.DONE] * 2
    assert statuses.count(Status.CHANGES) == 6 - len(carry.started) >= 3
    assert outcomes[-1].message == "nothing was written: interrupted"


# One target, and a server that does what it likes between two looks.


def test_a_server_that_changes_between_plan_and_write(tmp_path: Path) -> None:
    (plan,) = plans(tmp_path, 1)
    (tmp_path / "server.toml").write_text(HAD.replace(A, C))
    machine = Machine(tmp_path / "server.toml")
    assert carry_out(plan, machine).status is Status.MOVED_ON
    assert machine.scripts == []


class Lost(Machine):
    """A server that is lost while it is written to: by a timeout, or with its connection."""

    def __init__(self, path: Path, error: UnreachableError | None = None) -> None:
        super().__init__(path)
        self.error = error

    def write(self, script: bytes) -> Ran:
        self.scripts.append(script)
        if self.error is not None:
            raise self.error
        return Ran(b"", b"", None)


@pytest.mark.parametrize("error", [None, UnreachableError("Connection reset")],
                         ids=["time-out", "broken"])  # fmt: skip
def test_nobody_knows_what_a_lost_server_still_does(
    tmp_path: Path, error: UnreachableError | None
) -> None:
    """The state is unknown, never failed: lines that were sent may still be carried out."""
    (plan,) = plans(tmp_path, 1)
    outcome = carry_out(plan, Lost(tmp_path / "server.toml", error))
    assert (outcome.status, outcome.done, len(outcome.missing)) == (Status.UNKNOWN, 0, 3)
    assert outcome.message == (
        "it did not end in time, and may still be running; the next run reads first"
        + (" (Connection reset)" if error else "")
    )
    assert carry_out(plan, Machine(tmp_path / "server.toml")).status is Status.DONE


def test_lines_of_a_change_arrive_whole(tmp_path: Path) -> None:
    """No run is longer than one connection can carry, and no change is split in two."""
    changes = [(f"http add sslcert {n}", f"http update {'x' * (n % 700)}") for n in range(2000)]
    runs = [*scripts(changes)]
    assert max(map(len, runs)) <= (16 << 10) + len("exit\r\n")
    lines = [run.decode().split("\r\n") for run in runs]
    assert {tuple(one[-2:]) for one in lines} == {("exit", "")}
    assert [line for one in lines for line in one[:-2]] == [one for pair in changes for one in pair]
    assert all(len(one) % 2 == 0 for one in lines)


@pytest.mark.skipif(os.name == "nt", reason="pexpect drives a POSIX terminal")
@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 1)], ids=["yes", "no"])
def test_on_a_terminal_it_asks(shop: Shop, typed: str, code: int) -> None:
    import pexpect  # type: ignore[import-untyped]  # it has no stubs

    shop.add("web01")
    child = pexpect.spawn(sys.executable, ["-m", "sslbind", "apply", "web01"], cwd=str(shop.folder),
                          encoding="utf-8", timeout=60)  # fmt: skip
    child.expect_exact("1 target: 1 with changes")
    child.expect_exact("Write to 1 target? [y/N]: ")
    child.sendline(typed)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == code
    assert ("web01: done (3/3)" in (child.before or "")) is (code == 0)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="it sends SIGINT")
def test_ctrl_c_waits_for_what_runs_and_reports(shop: Shop) -> None:
    """What is being written is read back, the next one is left alone, and both are reported."""
    shop.add("web01", "hanging-done", more="timeout = 10")
    shop.add("web02")
    words = [sys.executable, "-m", "sslbind", "apply", "all", "--yes", "--jobs", "1"]
    process = subprocess.Popen(words, cwd=shop.folder, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    hanging = shop.folder / "web01.server" / "hanging"
    for _ in range(600):
        if hanging.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (1, "")
    assert out.startswith("web01: done (3/3)\n")
    assert "\nweb02: changes (2 to add, 1 to update)\n" in out
    assert "\n  nothing was written: interrupted\n" in out
    assert out.endswith("2 targets: 1 with changes, 1 done\n")
    assert shop.state("web02").read_text() == HAD
