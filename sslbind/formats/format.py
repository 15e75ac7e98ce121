"""What a format is: a name, and the functions that read and write it.

A module of this package that has a ``FORMAT`` is one; nothing else lists it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.formats.imported import Imported
from sslbind.keys import Key
from sslbind.registry.bindings import Bindings
from sslbind.registry.provenance import Provenance, Unread
from sslbind.release import Release
from sslbind.wording import join


class Contents(NamedTuple):
    """The part of a registry that formats carry; bindings in the order of ``show``.

    ``file`` is the source, and ``provenance`` what else that file records.
    """

    bindings: tuple[Binding, ...]
    iplisten: tuple[str, ...]
    release: Release
    file: str = ""
    provenance: Provenance = Provenance()

    @property
    def left_out(self) -> tuple[str, ...]:
        """A sentence for each record that could not be read, wholly or in part."""
        return tuple(
            f"{one.key.spec if one.key is not None else 'a record'} could not be read completely,"
            f" and is left out ({one.place})"
            for one in self.provenance.unread
            if one.is_record
        )


def contents_of(registry: Bindings, release: Release) -> Contents:
    """Return the content for the formats, of a registry or a document read as one.

    A record with an unknown value cannot be written, and counts as unreadable.
    """
    whole = tuple(one for one in registry.bindings.values() if not one.unknown)
    provenance, path = registry.provenance, str(registry.path)
    partial = tuple(
        Unread(f"{key.spec} has unknown values: {join(one.unknown)}", path, registry.line(key), key)
        for key, one in registry.bindings.items()
        if one.unknown
    )
    provenance = provenance._replace(unread=(*provenance.unread, *partial))
    return Contents(whole, registry.iplisten, release, path, provenance)


class Delta(NamedTuple):
    """One record before and after, None if it is absent; the two are never equal.

    ``unknown`` are the names of the tags of ``before`` that are not known.
    """

    before: Binding | None
    after: Binding | None
    unknown: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        """The key of the record."""
        binding = self.after or self.before
        assert binding is not None  # noqa: S101  # one of the two is there
        return binding.key


class Transition(NamedTuple):
    """The changes that make a server match a registry, for ``release``."""

    deltas: tuple[Delta, ...]
    listen: tuple[str, ...]
    """Addresses to add to the IP listen list."""
    unlisten: tuple[str, ...]
    release: Release
    listening: str = ""
    """A sentence if the change turns listening on every address on or off."""
    losses: tuple[str, ...] = ()
    """A sentence for each unknown part of the server, which is left or overwritten."""


class Written(NamedTuple):
    """A document, and a sentence for everything that it cannot carry safely."""

    data: bytes
    losses: tuple[str, ...] = ()


class Format(NamedTuple):
    """One format.

    ``title`` describes it, for help. ``detect`` recognises a document by its
    whole text; ``read`` takes text and the file's name and
    raises SslbindError if the document as a whole is not one, while a record
    that is bad goes into ``Imported.bad``. ``write_changes`` writes what turns one
    state into another. What a format cannot do is None. Formats are tried in the
    order of ``rank``. ``whole_server``: a document has every binding of its server,
    so that one without records means a server without bindings. ``strict_encoding``:
    ``read`` itself reports characters that were lost in decoding.
    """

    name: str
    title: str
    detect: Callable[[str], bool] | None = None
    read: Callable[[str, str], Imported] | None = None
    write: Callable[[Contents], Written] | None = None
    write_changes: Callable[[Transition], Written] | None = None
    rank: int = 50
    whole_server: bool = False
    strict_encoding: bool = False
