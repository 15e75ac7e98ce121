"""The registry file: bindings of one server, read strictly and edited in place.

A large file is not parsed for one binding. The cache records, by the digest of
a file's content, that it is valid and that its bindings can be found by their
header lines; then one table is searched, parsed, edited and spliced back.
Without such an entry, the whole file is read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Literal

from sslbind import cache, files, locks, memory
from sslbind.binding import Binding
from sslbind.digest import content_digest
from sslbind.errors import InvalidRegistryError, RegistryError, SslbindError
from sslbind.keys import Key
from sslbind.registry import plain
from sslbind.registry.bindings import Bindings, in_order
from sslbind.registry.document import (
    CentralCertProvider,
    CertStoresSettings,
    Document,
    ExcessiveError,
    Settings,
    Suppression,
    parse_document,
    parse_settings,
)
from sslbind.release import DEFAULT_RELEASE, Release

__all__ = [
    "CentralCertProvider",
    "CertStoresSettings",
    "Registry",
    "Settings",
    "Suppression",
]

DEFAULT_FILE = "sslbind.toml"
_START = 1 << 12
"""Bytes; a line with content is usually found within these."""
MAX_SIZE = 256 << 20
"""Bytes; a registry of a million bindings is smaller."""

_BOM = "\ufeff"
_NONE: tuple[Binding | None, Binding | None] = (None, None)
_FEW = 16
"""How many lookups and changes are made one by one; for more, a full parse is faster."""


class Registry(Bindings):
    """The bindings and settings of one registry file.

    ``Registry.open`` reads; ``Registry.editing`` locks, reads, and writes once
    at the end. ``put`` and ``delete`` change the bindings in memory.
    """

    def __init__(self, data: bytes, path: str | os.PathLike[str]) -> None:
        """Read ``data``, the content of the file ``path``; raise RegistryError."""
        self.path = os.fspath(path)
        self._changes: dict[Key, Binding | None] = {}
        self._moved: dict[Key, Key] = {}
        self._iplisten: tuple[str, ...] | None = None
        self._central_store: CentralCertProvider | None = None
        self._lines: dict[tuple[str, ...], int] | None = None
        self._headers: dict[str, int] | None = None
        self._new = False
        self.written = False
        """Whether ``save`` wrote anything."""
        self._load(data)

    @classmethod
    def open(cls, path: str | os.PathLike[str] = DEFAULT_FILE) -> Registry:
        """Return the registry of an existing file; raise RegistryError."""
        if not os.path.exists(path):
            raise RegistryError(
                "there is no such registry file",
                _init_hint(os.fspath(path)),
                file=path,
            )
        return cls(_read(path), path)

    @classmethod
    @contextlib.contextmanager
    def editing(
        cls,
        path: str | os.PathLike[str] = DEFAULT_FILE,
        timeout: float = locks.LOCK_TIMEOUT,
    ) -> Iterator[Registry]:
        """Yield the registry under its lock, and save it if the block ends without an error.

        Waits up to ``timeout`` seconds for another writer, then raises RegistryError,
        which names it. ``written`` is True afterwards if a byte was written.
        """
        if not os.path.exists(path):
            cls.open(path)  # raises the error before a lock file is created
        with _locked(path, timeout):
            registry = cls.open(path)
            _clean(path)
            yield registry
            registry.save()

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] = DEFAULT_FILE,
        release: Release = DEFAULT_RELEASE,
        keys: Literal["here", "elsewhere"] = "here",
    ) -> Registry:
        """Create a registry file, and ``certs/`` beside it with a .gitignore for keys.

        ``keys`` says where private keys are. Raises RegistryError if the file exists.
        """
        from sslbind.registry.template import make_stores, new_text

        _refuse_device(path)
        data = new_text(release, keys).encode()
        with _locked(path, locks.LOCK_TIMEOUT):
            if os.path.lexists(path):
                raise RegistryError(
                    "already exists, and was not changed",
                    "sslbind list shows its bindings",
                    file=path,
                )
            _clean(path)
            registry = cls(data, path)
            make_stores(registry.stores_folder)
            files.write_file(path, data, new=True)
        return registry

    @classmethod
    @contextlib.contextmanager
    def making(
        cls,
        path: str | os.PathLike[str],
        release: Release,
        *,
        stores: str | None = None,
        lock: bool = True,
        timeout: float = locks.LOCK_TIMEOUT,
    ) -> Iterator[Registry]:
        """Yield the registry under its lock, a new one in memory if the file does not exist.

        A new one models ``release`` and, if ``stores`` (a folder relative to the
        registry's) is given, certificates whose keys stay elsewhere. Only ``save`` writes,
        and it must not be called without ``lock``.
        """
        _refuse_device(path)
        folder = os.path.dirname(path)
        if lock and folder and not os.path.isdir(folder):
            raise RegistryError(
                f"cannot be created: there is no folder {folder}",
                "create the folder, or use another registry with -r",
                file=path,
            )
        with _locked(path, timeout) if lock else contextlib.nullcontext():
            if lock:
                _clean(path)
            if os.path.lexists(path):
                yield cls.open(path)
                return
            from sslbind.registry.template import new_text

            keys: Literal["elsewhere"] | None = None if stores is None else "elsewhere"
            registry = cls(new_text(release, keys, stores or "").encode(), path)
            registry._new = True
            yield registry

    @property
    def settings(self) -> Settings:
        """Everything in the file that is not a binding; the central store as last set."""
        if self._central_store is None:
            return self._settings
        return self._settings._replace(central_store=self._central_store)

    @property
    def iplisten(self) -> tuple[str, ...]:
        """The IP listen list; empty means every address."""
        return self._settings.iplisten if self._iplisten is None else self._iplisten

    @property
    def option(self) -> str:
        """The value of ``-r`` in commands: the path."""
        return self.path

    @property
    def bindings(self) -> Mapping[Key, Binding]:
        """Every binding, in the order of ``show``: by kind, then as the file has them."""
        if not self._changes:
            return self._document.bindings
        current = dict(self._document.bindings)
        for key, binding in self._changes.items():
            if binding is not None:
                current[key] = binding
            else:
                current.pop(key, None)
        return in_order(current)

    def get(self, key: Key) -> Binding | None:
        """Return the binding of ``key``, or None."""
        if key in self._changes:
            return self._changes[key]
        return self._stored(key)

    def put(self, binding: Binding) -> None:
        """Add ``binding``, or replace the one with its key."""
        self._changes[binding.key] = binding

    def delete(self, key: Key) -> None:
        """Take the binding of ``key`` out, if there is one."""
        self._changes[key] = None

    def moved(self, key: Key, new: Key) -> None:
        """Say that the binding put at ``new`` is that of ``key``: its comments go with it."""
        self._moved[new] = key

    def set_iplisten(self, addresses: tuple[str, ...]) -> None:
        """Replace the IP listen list with canonical ``addresses``."""
        self._iplisten = addresses

    def set_central_store(self, settings: CentralCertProvider) -> None:
        """Replace ``[CentralCertProvider]``; its paths are relative to the registry's folder."""
        self._central_store = settings

    def line(self, key: Key) -> int | None:
        """Return the line (from 1) of the file where the binding of ``key`` starts."""
        if self._plain:  # without the position of every value
            if self._headers is None:
                self._headers = plain.header_lines(self._text)
            line = self._headers.get(f"[{plain.plain_header(key)}]")
            if line is not None:
                return line
        spelled = self._document.spelled.get(key)
        return None if spelled is None else self._line(key.kind.table, spelled)

    def suppression_line(self, number: int) -> int | None:
        """Return the line of the ``[[Suppress]]`` that has ``number`` (from 0) in the settings."""
        return self._line("Suppress", str(number))

    def _line(self, table: str, name: str) -> int | None:
        if self._lines is None:
            from sslbind.registry.source import first_lines

            self._lines = first_lines(self._text)
        return self._lines.get((table, name)) or self._lines.get((table,))

    def checkpoint(self) -> tuple[object, ...]:
        """Return the state of the unsaved changes, for ``rollback``."""
        return dict(self._changes), self._iplisten, self._central_store, dict(self._moved)

    def rollback(self, checkpoint: tuple[object, ...]) -> None:
        """Return to a ``checkpoint``."""
        self._changes, self._iplisten, self._central_store, self._moved = checkpoint  # type: ignore[assignment]

    def save(self) -> bool:
        """Write the changes, all or nothing; return whether any byte changed.

        Call it under the lock: ``editing`` does.
        """
        text = self.render()
        if text == self._text and not self._new:
            return False
        try:
            data = (self._mark + text).encode()
            expected = None if self._new else (self._mark + self._text).encode()
            files.write_file(self.path, data, expected=expected, new=self._new)
        except UnicodeEncodeError as error:  # bytes on a command line that are not valid text
            raise RegistryError(
                f"cannot store {error.object[error.start : error.end]!r}, which is not valid text",
                "write it in UTF-8",
                file=self.path,
            ) from None
        except SslbindError as error:
            raise _as_registry_error(error, self.path) from None
        if self._plain:  # and it still is, so nothing is read again
            self._settings = self.settings._replace(iplisten=self.iplisten)
            self._take(text)
            cache.remember(*_slot(data))
        else:
            self._load(data)
        self._changes.clear()
        self._moved.clear()
        self._iplisten = self._central_store = None
        self._new = False
        self.written = True
        return True

    def render(self) -> str:
        """Return the text of the file with the changes, checked by reading it again."""
        from sslbind.registry import rendering

        wanted = self.settings._replace(iplisten=self.iplisten)
        text = self._text
        if wanted != self._settings:
            end = plain.head_region(text) if self._plain else len(text)
            head = rendering.with_settings(text[:end], self._settings, wanted, self.path)
            text = head + text[end:]
        old = {key: self._stored(key) for key in self._changes}
        changes = {key: (old[key], new) for key, new in self._changes.items() if new != old[key]}
        for new, key in self._moved.items() if self._plain else ():
            (_, after), (before, rest) = changes.get(new, _NONE), changes.get(key, _NONE)
            if after is None or before is None or rest is not None or old[new] is not None:
                continue
            if (moved := rendering.with_moved(text, before, after, self.path)) is not None:
                text = moved
                del changes[new], changes[key]
        if changes and self._plain and len(changes) <= _FEW:
            text = rendering.with_few(text, changes.values(), self.path)
        elif changes:
            spelled = self._document.spelled
            many = changes.values()
            left = {new: key for new, key in self._moved.items() if old.get(new) is None}
            text = rendering.with_many(text, many, spelled, self.bindings, self.path, moved=left)
        return text

    # Reading.

    def _load(self, data: bytes) -> None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
            what = "is UTF-16, and a registry is UTF-8 text" if wide else "is not UTF-8 text"
            hint = "in PowerShell: (Get-Content FILE) | Set-Content -Encoding utf8 FILE"
            hints = (hint,) if wide else ("save it as UTF-8",)
            raise RegistryError(what, *hints, file=self.path, line=line) from None
        self._mark = _BOM if text.startswith(_BOM) else ""
        self._take(text.removeprefix(_BOM))
        slot, digest = _slot(data)
        remembered = cache.recall(slot) == digest
        self._plain = remembered or self._is_plain(len(data))
        self._settings = self._read.settings if self._read else self._fast_settings()
        if self._plain and not remembered:
            cache.remember(slot, digest)

    def _is_plain(self, size: int) -> bool:
        """Parse a content of ``size`` bytes that is not known to be valid."""
        try:
            return memory.proportional(
                size, self.path, lambda: plain.is_plain(self._text, self._document.bindings)
            )
        except memory.ExhaustedError as error:
            raise ExcessiveError(error.message, file=self.path) from None

    def _take(self, text: str) -> None:
        """Make ``text`` the content, not parsed yet."""
        self._text = text
        self._read: Document | None = None
        self._lines = self._headers = None
        self._looked_up = 0

    def _fast_settings(self) -> Settings:
        try:
            return parse_settings(plain.settings_text(self._text), self.path)
        except RegistryError:  # the cache entry was wrong
            self._plain = False
            return self._document.settings

    @property
    def _document(self) -> Document:
        if self._read is None:
            try:
                self._read = parse_document(self._text, self.path)
            except ExcessiveError:
                raise
            except RegistryError as error:
                from sslbind.registry.mistakes import find_mistakes

                mistakes = find_mistakes(self._text, self.path) or [error]
                raise InvalidRegistryError(mistakes) from None
        return self._read

    def _stored(self, key: Key) -> Binding | None:
        self._looked_up += 1
        if self._read is None and self._plain and self._looked_up <= _FEW:
            try:
                return plain.find(self._text, key, self.path)
            except RegistryError:  # the cache entry was wrong
                self._plain = False
        return self._document.bindings.get(key)


def may_be_registry(path: str) -> bool:
    """Whether the file at ``path`` may be TOML, judging by its first line with content.

    That line is a table or has a value. Also True if this cannot be decided.
    """
    if not os.path.isfile(path):
        return True
    try:
        with open(path, "rb") as file:
            *lines, _ = file.read(_START).removeprefix(_BOM.encode()).split(b"\n")
    except OSError:
        return True
    for line in map(bytes.strip, lines):
        if line and not line.startswith(b"#"):
            return b"=" in line or line.startswith(b"[")
    return True


def _slot(data: bytes) -> tuple[str, bytes]:
    """Return the name and content of the cache entry for a valid and plain ``data``."""
    digest = content_digest(data)
    return f"registry-{digest[:2]}", digest.encode()  # fixed slots: no cleanup


def _init_hint(path: str) -> str:
    """Return how to create the file; a name that was given may be misspelt."""
    if path == DEFAULT_FILE:
        return "sslbind init creates it; --registry or $SSLBIND_REGISTRY selects another"
    from sslbind import shells

    command = shells.in_sentence(("sslbind", "-r", path, "init")) or "sslbind init"
    return f"check the name; {command} creates a new registry there"


@contextlib.contextmanager
def _locked(path: str | os.PathLike[str], timeout: float) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.locked(path, timeout))
        except SslbindError as error:
            raise _as_registry_error(error, path) from None
        yield


def _clean(path: str | os.PathLike[str]) -> None:
    files.remove_leftovers(os.path.dirname(os.path.realpath(path)))


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return files.read_file(path, MAX_SIZE, regular=True)
    except SslbindError as error:
        raise _as_registry_error(error, path) from None


def _as_registry_error(error: SslbindError, path: str | os.PathLike[str]) -> RegistryError:
    return RegistryError(error.message, *error.hints, file=path)


def _refuse_device(path: str | os.PathLike[str]) -> None:
    from sslbind.devices import DEVICE, is_device

    if is_device(os.path.basename(path)):
        raise RegistryError(DEVICE, "choose another name", file=path)
