"""A registry that is no file of ours: what another document says, to be read and not written."""

from __future__ import annotations

from collections.abc import Mapping

from sslbind.binding import Binding
from sslbind.errors import RegistryError
from sslbind.keys import Key
from sslbind.registry.document import Document, Settings, Told
from sslbind.registry.registry import Registry


class Snapshot(Registry):
    """The bindings of a document called ``path``, with the lines where it has them."""

    writable = False

    def __init__(
        self,
        path: str,
        settings: Settings,
        bindings: Mapping[Key, Binding],
        lines: Mapping[Key, int | None],
        told: Told,
    ) -> None:
        self.path = path
        self._changes = {}
        self._iplisten = None
        self._central_store = None
        self._settings = settings
        self._read = Document(settings, dict(bindings), {})
        self._plain = False
        self._looked_up = 0
        self._places = lines
        self.told = told

    def line(self, key: Key) -> int | None:
        """Return the line (from 1) of the document where the binding of ``key`` starts."""
        return self._places.get(key)

    def render(self) -> str:
        """Raise RegistryError: only ``import`` makes a registry of a document."""
        raise RegistryError(
            "is no registry, and is only read", "sslbind import makes a registry of it",
            file=self.path,
        )  # fmt: skip
