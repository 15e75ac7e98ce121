"""Metrics in Prometheus' text format, for the textfile collectors of its exporters.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sslbind.printable import printable

Sample = tuple[Mapping[str, str], float]
"""Labels and a value; the labels' names are ours, their values may come from anywhere."""


class Gauge(NamedTuple):
    """One metric: its name, what it means, and its samples."""

    name: str
    help: str
    samples: Sequence[Sample]


def text(gauges: Iterable[Gauge]) -> str:
    """Return the metrics; of several samples with the same labels the first is used."""
    lines: list[str] = []
    for gauge in gauges:
        if not gauge.samples:
            continue
        lines += (f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge")
        rows: dict[str, float] = {}
        for labels, value in gauge.samples:
            rows.setdefault(f"{gauge.name}{_labels(labels)}", value)
        lines += (f"{name} {value:.15g}" for name, value in rows.items())
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    """Return labels in braces; a value cannot end its quotes, or its line."""
    pairs = (f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{','.join(pairs)}}}" if labels else ""


def _escape(value: str) -> str:
    return printable(value).replace("\\", r"\\").replace('"', r"\"")
