"""What chooses a certificate of the stores for a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sslbind.certificates.choosing import Chooser

if TYPE_CHECKING:
    from sslbind.check.subject import Subject


def chooser_of(subject: Subject) -> Chooser:
    """Return what chooses among the certificates that are valid now and can be bound."""
    found = (entry for entries in subject.entries.values() for entry in entries)
    return Chooser(filter(subject.valid, found), subject.now)
