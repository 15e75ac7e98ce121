"""A registry served by HAProxy, for as long as the block lasts."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from sslbind.engines.exporting import Exported, export
from sslbind.engines.listeners import Listener
from sslbind.engines.places import Moves, here, moved
from sslbind.engines.process import Haproxy, find_haproxy
from sslbind.errors import SslbindError
from sslbind.files import stamp_of
from sslbind.locks import locked

if TYPE_CHECKING:
    from sslbind.session import Session

Opening = Callable[[], "Session"]


_PREFIX = "sslbind-serve-"
_FRESH = 60  # seconds


class ServedListeners(NamedTuple):
    """What is served: the listeners, what HAProxy cannot do, and the skipped addresses."""

    listeners: tuple[Listener, ...]
    losses: tuple[str, ...]
    elsewhere: tuple[str, ...]


class HaproxyServer:
    """HAProxy with the registry that ``opening`` reads, at the places that ``moves`` gives.

    It serves inside a ``with`` block, and leaves neither a process nor a file
    behind. Raises SslbindError if HAProxy is missing or does not start.
    """

    def __init__(self, opening: Opening, moves: Moves) -> None:
        self._opening = opening
        self._moves = moves
        self._elsewhere: list[str] = []
        self._session: Session | None = None
        self._seen: list[tuple[str, list[int]]] = []

    def __enter__(self) -> Self:
        program = find_haproxy()
        _remove_left()
        self._folder = tempfile.mkdtemp(prefix=_PREFIX)
        self._held = contextlib.ExitStack()
        try:
            self._held.enter_context(locked(self._folder))
            made = self._export()
            self._haproxy = Haproxy(program, made.file).__enter__()
        except BaseException:  # not even a signal leaves anything half-made
            self._remove()
            raise
        self.served = self._served(made)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._haproxy.__exit__()
        finally:
            self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._held.close()

    def check_alive(self) -> None:
        """Raise SslbindError if HAProxy has exited."""
        self._haproxy.check_alive()

    def changed(self) -> bool:
        """Whether a file that the answers depend on has changed since it was read."""
        return self._session is not None and [*_stamps(self._session)] != self._seen

    def reload(self) -> bool:
        """Serve the current registry; return whether anything changed.

        Raises SslbindError if it cannot be read or served; the previous state
        is then still served.
        """
        made = self._export()
        if made.changed:
            self._haproxy.reload()
            self.served = self._served(made)
        return made.changed

    def _export(self) -> Exported:
        if self._session is not None:  # after a failure, wait for the next change
            self._seen = [*_stamps(self._session)]
        self._session = self._opening()
        self._seen = [*_stamps(self._session)]
        # Read again, so that a change during reading shows in the stamps.
        folder = os.path.join(self._folder, "files")
        return export(self._opening(), folder, datetime.now(UTC), self._move)

    def _move(self, listeners: Sequence[Listener]) -> Sequence[Listener]:
        found, self._elsewhere = here(moved(listeners, self._moves))
        if listeners and not found:
            raise SslbindError(
                f"this machine has none of these addresses: {', '.join(self._elsewhere)}",
                f"--map {self._elsewhere[0]}=127.0.0.1 serves it on 127.0.0.1",
            )
        return found

    def _served(self, made: Exported) -> ServedListeners:
        return ServedListeners(made.listeners, made.losses, tuple(self._elsewhere))


def _remove_left() -> None:
    """Remove the folders of servers that were killed: they have private keys.

    Each is locked as long as its server runs. A new one may not have a lock yet:
    those of the last minute are kept.
    """
    place = tempfile.gettempdir()
    for name in os.listdir(place):
        folder = os.path.join(place, name)
        with contextlib.suppress(OSError, SslbindError):
            status = os.lstat(folder)
            ours = name.startswith(_PREFIX) and stat.S_ISDIR(status.st_mode)
            if ours and status.st_uid == os.getuid() and time.time() - status.st_mtime > _FRESH:
                with locked(folder, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)


def _stamps(session: Session) -> Iterator[tuple[str, list[int]]]:
    """Yield the stamps of all files that answers depend on: registry, stores, central store."""
    registry = session.registry
    settings = registry.settings
    yield _stamp(registry.path)
    if settings.cert_stores is not None:
        yield from _below(registry.stores_folder)
    for section in (settings.cert_stores, settings.central_store):
        if section is not None and section.password_file:
            yield _stamp(registry.resolve_path(section.password_file))
    if settings.central_store is not None and settings.central_store.location:
        yield from _below(registry.resolve_path(settings.central_store.location))


def _below(folder: str) -> Iterator[tuple[str, list[int]]]:
    for where, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            yield _stamp(os.path.join(where, name))


def _stamp(path: str) -> tuple[str, list[int]]:
    try:
        return path, stamp_of(path)
    except OSError:
        return path, []
