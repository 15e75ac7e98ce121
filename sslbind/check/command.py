"""A command that a finding offers, with what it changes, so that commands can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from sslbind.binding import DEFAULT_STORE, Binding
from sslbind.keys import Key
from sslbind.tags import Value

TO_CHOOSE = "0" * 40
"""The thumbprint in an edit for a certificate that the user has to choose."""
NEW = "NEW.pfx"
"""Placeholder in a command for a file that the operator has to obtain."""


class Edit(NamedTuple):
    """What a command does to one record; ``values`` are the tags that it names."""

    verb: Literal["add", "update", "delete"]
    key: Key
    values: Mapping[str, Value]

    def apply(self, before: Binding | None) -> Binding | None:
        """Return the record that results from ``before``; None means no record."""
        if self.verb == "delete":
            return None
        if self.verb == "add":
            return before or Binding(self.key, self._whole())
        return before and before.replace(self.values)

    def contradicts(self, other: Edit) -> bool:
        """Whether the two conflict on a record: one fails, or undoes the other."""
        if self.key != other.key or "delete" in (self.verb, other.verb):
            return False
        if "add" in (self.verb, other.verb):
            return True
        common = self.values.keys() & other.values.keys()
        return any(self.values[name] != other.values[name] for name in common)

    def _whole(self) -> Mapping[str, Value]:
        if not self.key.kind.certificate:
            return self.values
        return {"certhash": TO_CHOOSE, "certstorename": DEFAULT_STORE} | dict(self.values)


class FixCommand(str):
    """A line for a shell, and what it changes: ``edits`` of records, or the ``central`` store.

    ``of_certificate``: it changes every record of a certificate that there is when it runs.
    A command about something else, such as one that stores a certificate, is a string.
    """

    __slots__ = ("central", "edits", "of_certificate")
    edits: Sequence[Edit]
    central: str | None
    of_certificate: bool

    @classmethod
    def of(
        cls, line: str, *edits: Edit, central: str | None = None, of_certificate: bool = False
    ) -> FixCommand:
        """Return the command ``line``; with ``central`` it turns the central store on there."""
        command = cls(line)
        command.edits = edits
        command.central = central
        command.of_certificate = of_certificate
        return command
