"""Answers that are cached for as long as nothing that they depend on has changed.

What is made of a registry and its stores follows from the registry's text, the files of the
stores (their sizes, times and inodes), the options and the program. An answer that depends on
anything else, the central store for one, is not cached.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from sslbind import cache
from sslbind.digest import content_digest
from sslbind.registry.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sslbind.session import Session


class CachedAnswer:
    """The place in the cache for one answer about one registry.

    ``kind`` says what the answer is, ``options`` whatever else it depends on; both are part of
    the cache key. Values are what JSON can hold, and the reader checks their types.
    """

    def __init__(self, session: Session, kind: str, *options: object) -> None:
        self._session = session
        registry = session.registry
        place = os.path.realpath(registry.path), registry.path
        self._slot = f"{kind}-{_digest(repr((place, options)))[:2]}"
        self._of_what: tuple[object, ...] = ()
        self._recallable = False
        if isinstance(registry, Registry) and registry.settings.central_store is None:
            self._of_what = place, options, _digest(registry.render()), _program()
            # Looked at before the answer is made: what changes meanwhile is not in it.
            self._recallable = session.stores is None or session.stores.stamped

    def recall(self) -> list[Any] | None:
        """Return the values that were cached, None if there are none or anything has changed."""
        if not self._recallable:
            return None
        digest, _, text = (cache.recall(self._slot) or b"").partition(b"\n")
        if digest.decode("ascii", "replace") != content_digest(text):
            return None
        try:
            of_what, *values = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            return None
        return values if of_what == self._key() else None

    @property
    def possible(self) -> bool:
        """Whether the answer may be cached: nothing unknown decides it, no file is too new."""
        stores = self._session.stores
        return bool(self._of_what) and (stores is None or stores.settled)

    def remember(self, values: Sequence[object]) -> None:
        """Cache ``values``, in place of those from before, if that is possible."""
        if self.possible:
            text = json.dumps((self._key(), *values), separators=(",", ":")).encode()
            cache.remember(self._slot, content_digest(text).encode() + b"\n" + text)

    def _key(self) -> str:
        """Return what changes whenever anything does that the answer depends on."""
        stores = self._session.stores
        files = None if stores is None else stores.fingerprint()
        return _digest(repr((*self._of_what, files)))


def typed(value: Any, *types: type) -> Any:
    """Return ``value``, which must have one of the types; raise TypeError."""
    if type(value) in types:
        return value
    raise TypeError(value)


def _digest(text: str) -> str:
    return content_digest(text.encode("utf-8", "surrogateescape"))


def _program() -> list[tuple[str, int]]:
    """Return what changes whenever our code does, in a checkout even without a new version."""
    root = os.path.dirname(__file__)
    return [
        (name, os.stat(os.path.join(folder, name)).st_mtime_ns)
        for folder, _, names in sorted(os.walk(root))
        for name in sorted(names)
        if name.endswith(".py")
    ]
