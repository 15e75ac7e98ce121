"""What planning costs: one large target by a command, and fifty by ssh."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from sshd import Farm

APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
MANY, SERVERS, JOBS = 10_000, 50, 10
_ASKED = b"http show iplisten\nhttp show sslcert\nhttp show iplisten\n"
"""What a server is asked, so that the answer can be kept."""
_PARSED = """\
import sys
from pathlib import Path
from sslbind.formats.netsh import show_reader
from sslbind.registry.registry import Registry
len(Registry.open(sys.argv[1]).bindings)
show_reader.read(Path(sys.argv[2]).read_text(), "x")
"""
_PEAK = """\
import sys
from sslbind.cli.entry import main
main(["--targets", sys.argv[1], "plan", "all", "--format", "json"])
sys.stderr.write(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])
"""


class Figure(NamedTuple):
    """A ratio, what it must not and what it should not exceed."""

    what: str
    value: float
    limit: float
    aim: float


class Large:
    """One target whose netsh is ``cat``: what is measured is sslbind's side alone."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder / f"large{count}"
        self.folder.mkdir()
        self.registry, self.answer = self.folder / "web.toml", self.folder / "answer.txt"
        self.targets = self.folder / "targets.toml"
        server = self.folder / "server.toml"
        _registry(server, count)
        _registry(self.registry, count, changed=100)
        self.answer.write_bytes(_answer(server))
        netsh = json.dumps(["cat", "answer.txt"])
        self.targets.write_text(
            f'version = 1\n[Target.web]\ntransport = "command"\nnetsh = {netsh}\n'
        )

    def plan(self) -> float:
        words = ("--targets", self.targets, "plan", "all", "--format", "json")
        return _seconds([sys.executable, "-m", "sslbind", *words], 1)

    def parse(self) -> float:
        return _seconds([sys.executable, "-c", _PARSED, self.registry, self.answer])

    def peak(self) -> float:
        """Return the largest memory of a plan, in KiB."""
        command = [sys.executable, "-c", _PEAK, str(self.targets)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stderr)


def large_plans(folder: Path) -> list[Figure]:
    """Return the plan of 10,000 bindings against parsing both sides, and how memory grows."""
    empty, once = Large(folder, 0), Large(folder, MANY)
    times = [(once.plan(), once.parse()) for _ in range(3)]
    plan, parse = (min(column) for column in zip(*times, strict=True))
    figures = [Figure("plan of 10,000 / parsing both sides", plan / parse, 4, 2)]
    if sys.platform == "linux":
        base, fourfold = empty.peak(), Large(folder, 4 * MANY).peak()
        ratio = (fourfold - base) / (once.peak() - base)
        figures.append(Figure("its memory for 40,000 / for 10,000", ratio, 5, 4.2))
    return figures


def plans_by_ssh(folder: Path) -> list[Figure]:
    """Return the plan of 50 servers against ``ssh SERVER true`` for each, as many at once."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
    if sys.platform != "linux" or not all(shutil.which(one, path=path) for one in ("sshd", "ssh")):
        return []
    registry = folder / "fifty.toml"
    _registry(registry, 50)
    answer = folder / "fifty.json"
    answer.write_text(_capture(registry) + "\n")
    with _farm(folder, answer) as farm:
        targets = farm.write_targets(
            {server.name: f'registry = "{registry}"' for server in farm.servers}
        )
        names = [server.name for server in farm.servers]
        times = [(_plan(targets), _true(farm, names)) for _ in range(3)]
    plan, true = (min(column) for column in zip(*times, strict=True))
    return [Figure("plan of 50 by ssh / 50 times ssh true", plan / true, 1.3, 1.2)]


@contextmanager
def _farm(folder: Path, answer: Path) -> Iterator[Farm]:
    """Give servers whose PowerShell answers at once: what is measured is the way to them."""
    home = folder / "farm"
    home.mkdir()
    farm = Farm(home, SERVERS)
    try:
        for server in farm.servers:
            powershell = server.folder / "bin" / "powershell"
            powershell.write_text(f"#!/bin/sh\nexec cat {answer}\n")
            powershell.chmod(0o755)
        yield farm
    finally:
        farm.close()


def _plan(targets: str) -> float:
    # Every run finds no connection that another one left open.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="s") as runtime:
        command = [sys.executable, "-m", "sslbind", "--targets", targets, "plan", "all"]
        return _seconds([*command, "--jobs", str(JOBS)], env={"XDG_RUNTIME_DIR": runtime})


def _true(farm: Farm, names: list[str]) -> float:
    def one(name: str) -> None:
        command = ["ssh", "-T", "-o", "BatchMode=yes", "-F", str(farm.ssh_config), name, "true"]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)

    start = time.perf_counter()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(one, names))
    return time.perf_counter() - start


def _registry(path: Path, count: int, changed: int = 0) -> None:
    """Write ``count`` bindings, of which every ``changed``-th has another certificate."""
    tables = (
        f'\n[SslSniBindingInfo."www{number}.contoso.com:443"]\n'
        f'certhash = "{number + bool(changed and number % changed == 0):040x}"\n'
        f'appid = "{APPID}"\ncertstorename = "MY"\n'
        for number in range(count)
    )
    path.write_text('version = 1\nwindows = "2022"\n' + "".join(tables), newline="\n")


def _answer(registry: Path, asked: bytes = _ASKED) -> bytes:
    command = [sys.executable, "-m", "sslbind", "-q", "-r", str(registry), "-f", "-"]
    return subprocess.run(command, input=asked, capture_output=True, check=True).stdout


def _capture(registry: Path) -> str:
    """Return what the capture script would write on a server with these bindings."""
    lists = {
        name: _answer(registry, f"http show {name}\n".encode()).decode().split("\n")
        for name in ("sslcert", "iplisten")
    }
    head = {"format": "sslbind-capture", "version": 1, "windows": {"build": 20348}}
    rest: dict[str, object] = {"certificates": [], "central": None, "config": None}
    return json.dumps({**head, **lists, **rest}, separators=(",", ":"))


def _seconds(command: list[str | Path], code: int = 0, env: dict[str, str] | None = None) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode != code:
        raise SystemExit(f"{command}: {done.stdout[-500:]}{done.stderr}")
    return seconds


def figures(folder: Path) -> Iterator[Figure]:
    """Yield every figure as it is measured."""
    measures: tuple[Callable[[Path], list[Figure]], ...] = (large_plans, plans_by_ssh)
    yield from itertools.chain.from_iterable(measure(folder) for measure in measures)
