"""apply killed at any moment: what is left is whole, and the next apply completes it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import A, B
from test_plan_command import table

from sslbind.registry.registry import Registry

BATCHES, KILLS = 10, 50
"""500 kills, in batches that run side by side."""
NETSH = [sys.executable, "-m", "sslbind", "-q", "-r", "server.toml", "-f", "-"]
OLD = "version = 1\n" + "".join(
    table("SslBindingInfo", f"10.0.0.{number}:443", A) for number in range(1, 13)
)
NEW = "version = 1\n" + "".join(
    table("SslBindingInfo", f"10.0.0.{number}:443", B) for number in range(5, 21)
)
WORDS = (sys.executable, "-m", "sslbind", "apply", "@all", "--yes", "--prune", "--limit", "100%")


def apply(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(WORDS, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip


def state(path: Path) -> dict[str, str | None]:
    return {str(key): one.certhash for key, one in Registry.open(str(path)).bindings.items()}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="it kills with SIGKILL")
@pytest.mark.parametrize("batch", range(BATCHES))
def test_killed_at_any_moment(tmp_path: Path, batch: int) -> None:
    """Every record is the old one or the new one, nothing is left beside, and a run ends it."""
    rest = random.Random(batch)
    (tmp_path / "targets.toml").write_text(
        f'version = 1\n[Target.web]\ntransport = "command"\nnetsh = {json.dumps(NETSH)}\n'
    )
    server, registry = tmp_path / "server.toml", tmp_path / "web.toml"
    registry.write_text(NEW)
    server.write_text(OLD)
    old, new = state(server), state(registry)
    start = time.monotonic()
    complete(tmp_path)
    whole = time.monotonic() - start  # as long as a run takes on this machine
    assert state(server) == new
    server.write_text(OLD)
    for kill in range(KILLS):
        process = apply(tmp_path)
        time.sleep(rest.random() * whole)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        for key, certhash in state(server).items():
            assert certhash in (old.get(key), new.get(key)), key
        assert registry.read_text() == NEW
        if kill % 10 == 9:
            complete(tmp_path)
            assert state(server) == new
            server.write_text(OLD)
    names = {path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")}
    assert names == {"targets.toml", "server.toml", "web.toml"}


def complete(folder: Path) -> None:
    """Apply until all is done: what was killed may have left a netsh that still writes."""
    for _ in range(10):
        process = apply(folder)
        out, errors = process.communicate()
        if process.returncode == 0:
            return
        assert b"moved-on" in out, out + errors
    pytest.fail("it never comes to an end")
