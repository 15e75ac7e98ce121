"""The result of reading a document: records with their lines, and what is not a valid record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sslbind.binding import Binding
from sslbind.keys import Key, Kind
from sslbind.release import Release
from sslbind.tags import Value

if TYPE_CHECKING:
    from sslbind.registry.document import CentralCertProvider
    from sslbind.sites import Sites


class ImportedRecord(NamedTuple):
    """A binding, not verified, and the line (from 1) where the document has it."""

    binding: Binding
    line: int | None = None


class BadRecord(NamedTuple):
    """Something that is not a valid record: its line, what is wrong, and how to fix it.

    ``key`` is the record's, if it could be read, else ``kind`` and ``port`` are what is
    known about it. ``binding`` is the record with what is known, if key and certificate are
    known or the certificate is masked. Without ``is_record`` it is something else in the
    document, such as a certificate.
    """

    line: int | None
    message: str
    hints: tuple[str, ...] = ()
    key: Key | None = None
    kind: Kind | None = None
    port: int | None = None
    binding: Binding | None = None
    is_record: bool = True


class IncompleteRecord(NamedTuple):
    """A record without a certificate in its document; one that covers ``host`` is looked for.

    ``host`` is empty if it is not known; ``values`` are the known tags.
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
    """Everything that one document has.

    ``release``, ``iplisten``, ``certificates`` and ``central`` are None if the
    document does not record them. ``carried`` are the names of the tags that
    such a document has, None if it has all: the others are not known, and not
    at their defaults. ``only`` are the keys that it covers, None if it covers a whole
    server. ``inferred``: the release is a guess from the layout of the records. ``notes``
    are sentences about what was assumed or left out.
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
    only: frozenset[Key] | None = None
    inferred: bool = False
