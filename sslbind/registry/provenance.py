"""What a document records and what it does not, so that unread data never counts as absent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from sslbind.keys import Key, Kind

if TYPE_CHECKING:
    from sslbind.sites import Sites


class Unread(NamedTuple):
    """A record in a document that could not be read: where it is and what is wrong.

    ``key`` is None if the key could not be read either; ``kind`` and ``port``
    are then what is known about it, None if nothing is. ``line`` counts from 1.
    Without ``is_record`` it is something else in the document, such as a certificate.
    """

    message: str
    file: str
    line: int | None = None
    key: Key | None = None
    kind: Kind | None = None
    port: int | None = None
    is_record: bool = True

    @property
    def place(self) -> str:
        """The file and, if known, the line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    def may_be(self, key: Key) -> bool:
        """Whether it may be the record of ``key``."""
        if self.key is not None:
            return self.key == key
        return self.is_record and self.kind in (None, key.kind) and self.on(key.port)

    def on(self, port: int) -> bool:
        """Whether it may be on ``port``."""
        if self.key is not None:
            return port == self.key.port
        return self.is_record and self.port in (None, port)


class Provenance(NamedTuple):
    """What a document records, and what it does not, apart from bindings and settings.

    A registry file records everything. ``notes`` are sentences about what the
    document lacks, ``sites`` IIS's side of the bindings, ``unknown`` the names
    of what it does not record: tags, ``windows``, ``iplisten``, ``central``;
    ``unread`` its records that could not be read;
    ``certificates`` those that it holds (the store, and DER), None if it has no stores;
    ``only`` the keys that it covers, None if it covers a whole server;
    ``partial`` each value of a record that is masked or could not be read, as the
    name of its tag and the key. ``inferred``: the release is a guess from the layout.
    """

    notes: tuple[str, ...] = ()
    sites: tuple[Sites, ...] = ()
    unknown: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()
    certificates: tuple[tuple[str, bytes], ...] | None = None
    only: frozenset[Key] | None = None
    partial: tuple[tuple[str, Key], ...] = ()
    inferred: bool = False

    @property
    def left_out(self) -> tuple[str, ...]:
        """A sentence, with file and line, for each record that could not be read."""
        return tuple(f"{one.place}: left out: {one.message}" for one in self.unread)

    @property
    def unread_keys(self) -> frozenset[Key]:
        """The keys, as far as they are known, of the records that could not be read."""
        return frozenset(one.key for one in self.unread if one.key is not None)

    def may_have(self, key: Key) -> bool:
        """Whether the server may have a record of ``key`` although none was read."""
        return self.excludes(key) or any(one.may_be(key) for one in self.unread)

    def excludes(self, key: Key) -> bool:
        """Whether the document only covers other keys, and says nothing about ``key``."""
        return self.only is not None and key not in self.only

    def whole(self, port: int) -> bool:
        """Whether every record of ``port`` was read, so that missing ones really do not exist."""
        return self.only is None and not any(one.on(port) for one in self.unread)

    def unread_for(self, keys: Iterable[Key]) -> tuple[Unread, ...]:
        """Return the records that could not be read and may be one of ``keys``."""
        wanted = tuple(keys)
        return tuple(one for one in self.unread if any(map(one.may_be, wanted)))
