"""What is checked: one registry with what stands behind and beside it, at one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from sslbind.keys import HOSTNAMEPORT, KINDS, Key, Kind
from sslbind.printable import printable
from sslbind.registry import DEFAULT_FILE

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certentry import Entry
    from sslbind.operations import Session
    from sslbind.sites import Sites


class Served(NamedTuple):
    """A certificate that a record or the central store serves.

    ``key`` is the record's; for a file of the central store it is None, and
    ``file`` says which. ``name`` is the host that it must cover, None for a
    record without one.
    """

    key: Key | None
    entry: Entry
    name: str | None
    file: str | None = None


class Subject:
    """One registry and all that rules may ask about it; every answer is found once.

    ``sites`` are the configuration files beside it, ``now`` is the moment that
    counts, ``soon`` the time before an expiry that is worth a warning.
    """

    def __init__(
        self,
        session: Session,
        now: datetime,
        soon: timedelta = timedelta(days=30),
        sites: Sequence[Sites] = (),
    ) -> None:
        self.registry = session.registry
        self.settings = session.registry.settings
        self.release = session.release
        self.stores = session.stores
        self.central = session.central
        self.now = now
        self.soon = soon
        self.sites = tuple(sites)

    @cached_property
    def bindings(self) -> Mapping[Key, Binding]:
        """Every record."""
        return self.registry.bindings

    @cached_property
    def ports(self) -> Mapping[int, Mapping[Kind, Sequence[Binding]]]:
        """The records by port and kind; every kind is there."""
        ports: dict[int, dict[Kind, list[Binding]]] = {}
        for key, binding in self.bindings.items():
            by_kind = ports.setdefault(key.port, {kind: [] for kind in KINDS})
            by_kind[key.kind].append(binding)
        return ports

    @cached_property
    def entries(self) -> Mapping[str, Sequence[Entry]]:
        """What the certificate stores hold, by thumbprint; nothing where they are not modelled."""
        found: dict[str, list[Entry]] = {}
        for entry in self.stores.entries() if self.stores else ():
            if entry.thumbprint:
                found.setdefault(entry.thumbprint, []).append(entry)
        return found

    def entry(self, binding: Binding) -> Entry | None:
        """Return the certificate of a record in the store that it names, None if not there."""
        store = (binding.store or "").casefold()
        found = self.entries.get(binding.certhash or "", ())
        return next((one for one in found if one.store.casefold() == store), None)

    @cached_property
    def served(self) -> Sequence[Served]:
        """Every certificate that a record or the central store serves, as far as it can be read."""
        return tuple(self._served())

    def _served(self) -> Iterator[Served]:
        for key, binding in self.bindings.items():
            entry = self.entry(binding)
            if entry is not None:
                yield Served(key, entry, key.host if key.kind is HOSTNAMEPORT else None)
        for one in self.central.files() if self.central else ():
            if one.entry.thumbprint and one.name is not None:
                yield Served(None, one.entry, one.name, self.central_path(one.file))

    def central_path(self, file: str = "") -> str:
        """Return the path of a file of the central store, as the registry writes it."""
        location = self.settings.central_store and self.settings.central_store.location
        return f"{location}/{file}" if file else f"{location}"

    def command(self, *words: str) -> str:
        """Return a command of ours for this registry, each word quoted for a shell."""
        path = self.registry.path
        before = [] if path == DEFAULT_FILE else ["-r", path]
        return " ".join(["sslbind", *(quote(printable(word)) for word in (*before, *words))])
