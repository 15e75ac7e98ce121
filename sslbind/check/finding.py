"""What ``check`` reports: one problem, as a rule yields it and as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from sslbind.keys import Key

Severity = Literal["error", "warn", "info"]
SEVERITIES: tuple[Severity, ...] = ("info", "warn", "error")
"""From the least to the most severe."""


class Found(NamedTuple):
    """What a rule found, and about which record or other place.

    ``key`` is the record's, None if the finding is about something else.
    ``message`` is a sentence with the value, ``advice`` one that says what to
    do, ``command`` a line that does it (made by ``Subject.command``), empty if no single
    line does. ``severity`` is given if it is not the rule's own. ``file`` and ``line`` are
    the place of something outside the registry; the default is the record's own place.
    ``about`` distinguishes findings of one rule with the same record and file: text that
    does not change when lines move or time passes. Findings of one rule with the same
    ``cause`` are shown to people as one; the default cause is the message.
    """

    key: Key | None
    message: str
    advice: str
    command: str = ""
    severity: Severity | None = None
    file: str | None = None
    line: int | None = None
    about: str = ""
    cause: str = ""


class Finding(NamedTuple):
    """One thing that is wrong: the rule, the record, its place, and how to fix it.

    ``kind`` and ``key`` are None if no record is meant, ``line`` if it is not known;
    ``advice`` and ``command`` are None if there is none. ``about`` and ``cause`` are those
    of ``Found``.
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
    cause: str = ""

    @property
    def sentence(self) -> str:
        """The message with the record that it is about: ``ipport=10.0.0.5:443: …``."""
        return f"{self.kind}={self.key}: {self.message}" if self.key else self.message


class Suppressed(NamedTuple):
    """An accepted finding: why, and until which day (YYYY-MM-DD)."""

    finding: Finding
    reason: str
    until: str | None
