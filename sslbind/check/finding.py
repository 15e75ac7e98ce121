"""What ``check`` reports: one thing that is wrong, as plain data."""

from __future__ import annotations

from typing import NamedTuple

from sslbind.check.rule import Severity


class Finding(NamedTuple):
    """One thing that is wrong: the rule, the record, its place, and what mends it.

    ``kind`` and ``key`` are None where no record is meant, ``line`` where it is
    not known; ``advice`` and ``command`` are None where there is none.
    ``about`` is that of ``Found``.
    """

    rule: str
    severity: Severity
    kind: str | None
    key: str | None
    file: str
    line: int | None
    message: str
    advice: str | None
    command: str | None
    about: str = ""

    @property
    def sentence(self) -> str:
        """The message with the record that it is about: ``ipport=10.0.0.5:443: …``."""
        return f"{self.kind}={self.key}: {self.message}" if self.key else self.message


class Suppressed(NamedTuple):
    """A finding that somebody decided to live with: why, and until which day (YYYY-MM-DD)."""

    finding: Finding
    reason: str
    until: str | None
