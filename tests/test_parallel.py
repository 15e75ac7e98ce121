"""Work in parallel: answers as they come, errors where they are read, and no wait at the end."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from threading import Barrier, Event

import pytest

from sslbind.parallel import in_parallel


@pytest.mark.parametrize("jobs", [1, 3, 50])
def test_each_item_is_answered_once(jobs: int) -> None:
    assert sorted(in_parallel(range(20), lambda one: one * one, jobs)) == [
        (one, one * one) for one in range(20)
    ]


def test_no_items() -> None:
    assert list(in_parallel([], str, 5)) == []


def test_as_many_as_jobs_run_at_once() -> None:
    """Three wait for each other, which fewer than three threads could not do."""
    barrier = Barrier(3)
    assert len(list(in_parallel(range(3), lambda _: barrier.wait(60), 3))) == 3


def test_a_slow_one_holds_up_no_other() -> None:
    release = Event()

    def work(one: int) -> int:
        if one == 0:
            assert release.wait(60)
        return one

    found = in_parallel(range(3), work, 2)
    assert sorted(one for one, _ in (next(found), next(found))) == [1, 2]
    release.set()
    assert next(found) == (0, 0)


def test_what_work_raises_is_raised() -> None:
    def work(one: int) -> int:
        raise ValueError(one)

    with pytest.raises(ValueError, match="0"):
        list(in_parallel(range(1), work, 2))


def test_nothing_is_started_after_the_caller_stops() -> None:
    started: list[int] = []

    def work(one: int) -> None:
        started.append(one)
        time.sleep(0.01)

    found = in_parallel(range(1000), work, 1)
    next(found)
    found.close()  # type: ignore[attr-defined]
    seen = len(started)
    time.sleep(0.2)
    assert len(started) <= seen + 1


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
@pytest.mark.slow
def test_ctrl_c_ends_the_run_and_what_it_started(tmp_path: Path) -> None:
    """A server that hangs is not waited for; the program that reaches it is ended."""
    import pexpect  # type: ignore[import-untyped]

    hanging = (
        "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid()));"
        " sys.stdin.read(); time.sleep(600)"
    )
    (tmp_path / "targets.toml").write_text(
        "version = 1\n\n[defaults]\ntimeout = 600\n\n[Target.lab]\ntransport = 'command'\n"
        f'netsh = ["{sys.executable}", "-c", "{hanging}", "pid"]\n'
    )
    child = pexpect.spawn(
        sys.executable, ["-m", "sslbind", "check", "@lab"], cwd=str(tmp_path), timeout=60
    )
    pid = 0
    for _ in range(600):
        if (tmp_path / "pid").exists() and (text := (tmp_path / "pid").read_text()):
            pid = int(text)
            break
        time.sleep(0.1)
    child.sendintr()
    child.expect_exact("hint: interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the program that reaches the server still runs")
