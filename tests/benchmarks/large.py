"""What a registry of 100,000 bindings costs, compared with one of 10,000, in time and memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

EVERYTHING: Mapping[str, tuple[str, ...]] = {
    "show": ("show", "sslcert"),
    "list tsv": ("list", "--format", "tsv"),
    "list json": ("list", "--format", "json"),
    "resolve table": ("resolve",),
}
"""The commands that print every binding, by what the rows call them."""

PEAK = """\
import sys
from sslbind.cli import main
main()
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0], file=sys.stderr)
"""
"""A command that prints its largest memory in KiB: ``ru_maxrss`` starts from the parent's."""


def peak(registry: Path, words: tuple[str, ...], env: Mapping[str, str]) -> float:
    """Return the largest memory, in sizes of the registry's file, of a process that prints it."""
    command = [sys.executable, "-c", PEAK, "-q", "-r", str(registry), *words]
    done = subprocess.run(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True
    )
    return int(done.stderr.split()[-1]) * 1024 / registry.stat().st_size


def figures(
    many: Path, most: Path, env: Mapping[str, str], run: Callable[..., float]
) -> list[tuple[str, float, float, float]]:
    """Return the rows of a registry ``most`` that is ten times as large as ``many``."""
    rows = []
    for name, words in EVERYTHING.items():
        small = min(run(many, *words) for _ in range(3))
        large = min(run(most, *words) for _ in range(2))
        rows.append((f"{name}: 100,000 / 10,000", large / small, 11.0, 10.0))
    if sys.platform == "linux":
        for name in ("show", "list tsv", "list json"):
            rows.append((f"{name}: memory / file", peak(most, EVERYTHING[name], env), 10.0, 6.0))
    return rows
