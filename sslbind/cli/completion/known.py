"""What completions know about the registry: read quickly, as far as it can be read.

A file that is being edited may be broken, and a large one takes too long to read strictly;
both are searched for the lines that matter. Nothing here raises because of a file's
content, takes a lock, or loads cryptography.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from sslbind.errors import BadValueError, SslbindError
from sslbind.files import read_file
from sslbind.keys import KIND_BY_TABLE, Key, parse_key
from sslbind.owners import OWNER_BY_APPID
from sslbind.registry.document import Document, Settings, parse_document, parse_settings
from sslbind.release import Release
from sslbind.wording import plural, some

USUAL_STORES = ("MY", "WebHosting")
"""The stores that bindings usually name, whether or not they have a folder."""

_MAX_FILE = 64 << 20
_MAX_STRICT = 64 << 10
"""Bytes; a file of this size is read strictly in less time than the command line takes to start."""

_HEADER = (
    rf"\[[ \t]*({'|'.join(KIND_BY_TABLE)})[ \t]*\.[ \t]*"
    r"(\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[0-9A-Za-z_-]+)[ \t]*\]"
)
_TAG = r"(certhash|appid)[ \t]*=[ \t]*[\"']([^\"'\n]*)"
_HEADER_LINE = re.compile(rf"^[ \t]*{_HEADER}", re.MULTILINE)
_LINE = re.compile(rf"^[ \t]*(?:{_HEADER}|{_TAG})", re.MULTILINE)
_FIRST_BINDING = re.compile(r"^[ \t]*\[[ \t]*Ssl", re.MULTILINE)
_HASH = re.compile(r"[0-9a-f]{40}")


class KnownRecord(NamedTuple):
    """The parts of a binding that completions need."""

    key: Key
    certhash: str
    appid: str


class Known:
    """What the registry file ``path`` has; a missing file has nothing."""

    def __init__(self, path: str, release: Release | None = None, targets: str = "") -> None:
        self._path = _spelled_out(path)
        self._release = release
        self._targets = targets and _spelled_out(targets)

    @cached_property
    def servers(self) -> dict[str, str]:
        """The names in the targets file, groups included, each with what it is."""
        from sslbind.targets import ALL, find_targets, read_targets

        try:
            found = read_targets(find_targets(self._targets or None, self._path))
        except SslbindError:
            return {}
        names = {name: one.host or one.transport for name, one in found.targets.items()}
        groups = {name: plural(len(members), "server") for name, members in found.groups.items()}
        return {**names, **groups, ALL: plural(len(names), "server")}

    @property
    def release(self) -> Release:
        """The release that is modelled."""
        return self._release or self._content[0].release

    @property
    def iplisten(self) -> tuple[str, ...]:
        """The IP listen list."""
        return self._content[0].iplisten

    @cached_property
    def keys(self) -> list[Key]:
        """The keys, in the order of the file."""
        document = self._content[1]
        if document is not None:
            return list(document.bindings)
        found = (_key(*header) for header in _HEADER_LINE.findall(self._text))
        return [key for key in found if key is not None]

    @cached_property
    def records(self) -> list[KnownRecord]:
        """The bindings, in the order of the file."""
        document = self._content[1]
        if document is None:
            return list(_scan(self._text))
        return [KnownRecord(b.key, b.certhash or "", b.appid) for b in document.bindings.values()]

    @property
    def hosts(self) -> list[str]:
        """The host names and addresses of the keys."""
        return list(dict.fromkeys(key.host for key in self.keys if key.host))

    @property
    def foreign_appids(self) -> list[str]:
        """The application ids in use that belong to no known product."""
        used = dict.fromkeys(r.appid for r in self.records)
        return [appid for appid in used if appid and appid not in OWNER_BY_APPID]

    @cached_property
    def bound(self) -> dict[str, str]:
        """The thumbprints that bindings use, each with what uses it."""
        users: dict[str, list[str]] = {}
        for record in self.records:
            if _HASH.fullmatch(record.certhash):
                users.setdefault(record.certhash, []).append(record.key.spec)
        return {used: some(names, 1) for used, names in users.items()}

    @cached_property
    def stored(self) -> dict[str, str]:
        """The thumbprints in file names of the stores, each with its store."""
        found: dict[str, str] = {}
        for store in self._store_folders:
            for name in _names(os.path.join(self._folder, store)):
                stem, suffix = os.path.splitext(name)
                if suffix == ".pem" and _HASH.fullmatch(stem):
                    found.setdefault(stem, store)
        return found

    @property
    def stores(self) -> list[str]:
        """The certificate stores: those that have a folder, and the usual ones."""
        spelled = {name.casefold(): name for name in reversed(self._store_folders)}
        return list(dict.fromkeys([*spelled.values()][::-1])) + [
            name for name in USUAL_STORES if name.casefold() not in spelled
        ]

    @property
    def _folder(self) -> str:
        """The folder of the stores, empty if they are not modelled."""
        settings = self._content[0].cert_stores
        if settings is None:
            return ""
        return os.path.join(os.path.dirname(os.path.realpath(self._path)), settings.path)

    @cached_property
    def _store_folders(self) -> list[str]:
        if not self._folder:
            return []
        from sslbind.certificates.stores import store_name

        found = []
        for name in sorted(_names(self._folder)):
            try:
                if os.path.isdir(os.path.join(self._folder, store_name(name))):
                    found.append(name)
            except SslbindError:
                continue
        return found

    @cached_property
    def _text(self) -> str:
        return _text(self._path)

    @cached_property
    def _content(self) -> tuple[Settings, Document | None]:
        """The settings, and the whole file if it is small enough and not broken."""
        text = self._text
        if len(text) <= _MAX_STRICT:
            try:
                document = parse_document(text, self._path)
            except SslbindError:
                pass  # a broken file still has lines that can be read
            else:
                return document.settings, document
        first = _FIRST_BINDING.search(text)
        try:
            return parse_settings(text[: first.start()] if first else text, self._path), None
        except Exception:  # noqa: BLE001  settings that are being edited hide no keys
            return Settings(), None


def _spelled_out(path: str) -> str:
    """Return ``path`` with ``~`` and ``$NAME`` expanded as by the shell."""
    return path if os.path.exists(path) else os.path.expanduser(os.path.expandvars(path))


def _text(path: str) -> str:
    if not os.path.isfile(path):  # opening a named pipe would block
        return ""
    try:
        return read_file(path, _MAX_FILE).decode("utf-8-sig", "replace").replace("\r\n", "\n")
    except SslbindError:
        return ""


def _scan(text: str) -> Iterator[KnownRecord]:
    """Yield the bindings that have their own table header."""
    key: Key | None = None
    tags: dict[str, str] = {}
    for table, spelled, tag, value in (*_LINE.findall(text), ("", "", "", "")):
        if tag:
            tags[tag] = value.lower()
            continue
        if key is not None:
            yield KnownRecord(key, tags.get("certhash", ""), tags.get("appid", ""))
        key, tags = _key(table, spelled) if table else None, {}


def _key(table: str, spelled: str) -> Key | None:
    try:
        text = str(json.loads(spelled)) if spelled[0] == '"' else spelled.strip("'")
        return parse_key(KIND_BY_TABLE[table], text)
    except (BadValueError, ValueError):
        return None


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
