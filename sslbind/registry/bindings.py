"""What a registry file and every other document have in common: readable bindings."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping

from sslbind.binding import Binding
from sslbind.keys import KINDS, Key
from sslbind.registry.document import CertStoresSettings, Settings
from sslbind.registry.provenance import Provenance


class Bindings(ABC):
    """The bindings and settings of one document, to be read.

    ``Registry`` is the one that can be edited and saved, ``Snapshot`` what any
    other document has.
    """

    path: str
    """The file, as the user named it."""
    provenance = Provenance()
    """What the document records apart from bindings and settings, and what it does not."""

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """Everything in the document that is not a binding."""

    @property
    @abstractmethod
    def bindings(self) -> Mapping[Key, Binding]:
        """Every binding, in the order of ``show``: by kind, then in the order of the file."""

    @abstractmethod
    def get(self, key: Key) -> Binding | None:
        """Return the binding of ``key``, or None."""

    @abstractmethod
    def line(self, key: Key) -> int | None:
        """Return the line (from 1) of the file where the binding of ``key`` starts."""

    @property
    def iplisten(self) -> tuple[str, ...]:
        """The IP listen list; empty means every address."""
        return self.settings.iplisten

    @property
    def option(self) -> str:
        """The value of ``-r`` in commands: the path, or REGISTRY if ``import`` must make one."""
        return "REGISTRY"

    @property
    def stores_folder(self) -> str:
        """The folder of the certificate stores, whether or not ``[CertStores]`` is there."""
        stores = self.settings.cert_stores or CertStoresSettings()
        return self.resolve_path(stores.path)

    def resolve_path(self, path: str) -> str:
        """Return ``path``, which is relative to the folder of the real file, as a path to open."""
        return os.path.join(os.path.dirname(os.path.realpath(self.path)), path)

    def suppression_line(self, number: int) -> int | None:  # noqa: ARG002  # a registry has lines
        """Return the line of the ``[[Suppress]]`` that has ``number`` (from 0) in the settings."""
        return None


def in_order(bindings: Mapping[Key, Binding]) -> dict[Key, Binding]:
    """Return ``bindings`` in the order of ``show``: by kind, each kind in its present order."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return dict(sorted(bindings.items(), key=lambda item: ranks[item[0].kind]))
