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
    rows += _captures(many, most, env, run)
    if sys.platform == "linux":
        for name in ("show", "list tsv", "list json"):
            rows.append((f"{name}: memory / file", peak(most, EVERYTHING[name], env), 10.0, 6.0))
    return rows


def _captures(
    many: Path, most: Path, env: Mapping[str, str], run: Callable[..., float]
) -> list[tuple[str, float, float, float]]:
    """Return the rows of what reads captures of both, and of a check with nothing changed."""
    captures = {registry: registry.with_suffix(".txt") for registry in (many, most)}
    for registry, capture in captures.items():
        command = [sys.executable, "-m", "sslbind", "-r", str(registry), "show", "sslcert"]
        with capture.open("wb") as file:
            subprocess.run(command, env=env, stdout=file, check=True)
        run(registry, "check")  # from here on it is remembered

    def import_(registry: Path) -> float:
        made = registry.with_suffix(".imported.toml")
        made.unlink(missing_ok=True)
        return run(made, "import", str(captures[registry]))

    def diff(registry: Path) -> float:
        return run(registry, "diff", *[str(captures[registry])] * 2)

    def check(registry: Path) -> float:
        return run(registry, "check")

    return [
        (
            f"{name}: 100,000 / 10,000",
            min(measure(most) for _ in range(2)) / min(measure(many) for _ in range(3)),
            11.0,
            10.0,
        )
        for name, measure in (("import", import_), ("diff", diff), ("check, warm", check))
    ]
