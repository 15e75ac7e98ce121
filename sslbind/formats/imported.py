"""The result of reading a document: records with their lines, and what is not a valid record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TypeVar

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.keys import Key, Kind
from sslbind.release import Release
from sslbind.tags import Value

if TYPE_CHECKING:
    from sslbind.registry.document import CentralCertProvider
    from sslbind.sites import Sites


MAX_BAD = 10_000
"""Records and lines of a document that may be unreadable."""


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


class _Unreadable(Protocol):
    """What a ``BadRecord`` and an SslbindError have in common."""

    @property
    def line(self) -> int | None:
        """Where it is."""

    @property
    def message(self) -> str:
        """What is wrong."""


Bad = TypeVar("Bad", bound=_Unreadable)


class BadOnes(list[Bad]):
    """What could not be read in a document: with more than ``MAX_BAD`` it is refused as a whole.

    Each takes a hundred times the memory of its text. Records of which only some values
    are not known do not count.
    """

    def append(self, one: Bad) -> None:
        """Add one; raise SslbindError if it is one too many."""
        if len(self) >= MAX_BAD and getattr(one, "binding", None) is None:
            where = "" if self[0].line is None else f"line {self[0].line}: "
            raise SslbindError(
                f"has more than {MAX_BAD} records or lines that cannot be read; the first:"
                f" {where}{self[0].message}"
            )
        super().append(one)

    def extend(self, more: Iterable[Bad]) -> None:
        """Add each of ``more`` as ``append`` does."""
        for one in more:
            self.append(one)

    def __iadd__(self, more: Iterable[Bad]) -> Self:  # type: ignore[misc,override]
        """Do the same."""
        self.extend(more)
        return self


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
