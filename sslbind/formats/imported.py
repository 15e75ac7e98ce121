"""What reading a foreign document gives: records with their lines, and what was no record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sslbind.binding import Binding
from sslbind.keys import Key
from sslbind.release import Release
from sslbind.tags import Value

if TYPE_CHECKING:
    from sslbind.registry.document import CentralCertProvider
    from sslbind.sites import Sites


class ImportedRecord(NamedTuple):
    """A binding, taken as a fact, and the line (from 1) where the document has it."""

    binding: Binding
    line: int | None = None


class BadRecord(NamedTuple):
    """What should have been a record: where it stands, what is wrong, how it is mended.

    ``key`` is the record's, as far as that could be read.
    """

    line: int | None
    message: str
    hints: tuple[str, ...] = ()
    key: Key | None = None


class IncompleteRecord(NamedTuple):
    """A record whose document names no certificate: one that covers ``host`` is looked for.

    ``host`` is empty where none is known; ``values`` are the tags that are.
    """

    key: Key
    host: str
    values: Mapping[str, Value]
    line: int | None = None


class StoredCertificate(NamedTuple):
    """A certificate of a server's store, without its key: DER bytes."""

    store: str
    der: bytes


class Imported(NamedTuple):
    """Everything that one document said.

    ``release`` is None where it cannot be told from the document, ``iplisten``
    where the document does not speak of it, ``certificates`` where it holds no
    store, ``central`` where it has no settings of the central store. ``carried``
    are the names of the tags that such a document has, None where it has all:
    what it does not carry is not known, and not at its default. ``notes`` are
    sentences about what was taken for granted or left out.
    """

    records: tuple[ImportedRecord, ...] = ()
    bad: tuple[BadRecord, ...] = ()
    release: Release | None = None
    iplisten: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    incomplete: tuple[IncompleteRecord, ...] = ()
    sites: Sites | None = None
    certificates: tuple[StoredCertificate, ...] | None = None
    central: CentralCertProvider | None = None
    carried: frozenset[str] | None = None
