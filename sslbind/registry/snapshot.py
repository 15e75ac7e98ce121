"""The bindings of a document that is not a registry, such as a capture: read, never written."""

from __future__ import annotations

from collections.abc import Mapping

from sslbind.binding import Binding
from sslbind.keys import Key
from sslbind.registry.bindings import Bindings, in_order
from sslbind.registry.document import Settings
from sslbind.registry.provenance import Provenance


class Snapshot(Bindings):
    """The bindings of the document ``path``; ``lines`` has the line (from 1) of each, if known."""

    def __init__(
        self,
        path: str,
        settings: Settings,
        bindings: Mapping[Key, Binding],
        lines: Mapping[Key, int | None],
        provenance: Provenance,
    ) -> None:
        self.path = path
        self.provenance = provenance
        self._settings = settings
        self._bindings = in_order(bindings)
        self._lines = lines

    @property
    def settings(self) -> Settings:
        """Everything in the document that is not a binding."""
        return self._settings

    @property
    def bindings(self) -> Mapping[Key, Binding]:
        """Every binding, in the order of ``show``: by kind, then in the order of the document."""
        return self._bindings

    def get(self, key: Key) -> Binding | None:
        """Return the binding of ``key``, or None."""
        return self._bindings.get(key)

    def line(self, key: Key) -> int | None:
        """Return the line (from 1) of the document where the binding of ``key`` starts."""
        return self._lines.get(key)
