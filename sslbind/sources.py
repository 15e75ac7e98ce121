"""Documents with bindings: recognised by content, and read like a registry."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sslbind import memory
from sslbind.binding import Binding
from sslbind.errors import InvalidRegistryError, RegistryError, SslbindError, bare
from sslbind.files import read_file
from sslbind.formats import formats
from sslbind.formats.encoding import decode_console
from sslbind.formats.imported import Imported, ImportedRecord
from sslbind.keys import KIND_BY_TABLE, Key
from sslbind.printable import printable
from sslbind.registry.bindings import Bindings
from sslbind.registry.document import CertStoresSettings, Settings
from sslbind.registry.provenance import Provenance, Unread
from sslbind.registry.registry import DEFAULT_FILE, MAX_SIZE, Registry, may_be_registry
from sslbind.registry.snapshot import Snapshot
from sslbind.release import DEFAULT_RELEASE
from sslbind.tags import STORED
from sslbind.wording import plural, some

if TYPE_CHECKING:
    from sslbind.formats.format import Format
    from sslbind.formats.seems import Seeming

_TABLES = "|".join((*KIND_BY_TABLE, "CertStores", "CentralCertProvider", "Suppress"))
_REGISTRY = re.compile(rf"\n[ \t]*(?:version[ \t]*=|\[\[?[ \t]*(?:{_TABLES})\b)")
"""The start of a line that only a registry has."""


class Source(NamedTuple):
    """One document that was read: its file, its format, and its content."""

    file: str
    format: Format
    imported: Imported


def read_source(path: str, name: str | None = None) -> Source:
    """Return the document at ``path``; see ``parse_source``."""
    return parse_source(read_file(path, MAX_SIZE), path, name)


def parse_source(data: bytes, file: str, name: str | None = None) -> Source:
    """Return what ``data``, the content of ``file``, holds.

    The format is the one called ``name``, or the one that recognises the
    content. Raises SslbindError if no format does, or the document as a
    whole cannot be read.
    """
    return memory.proportional(len(data), file, lambda: _source(data, file, name))


def _source(data: bytes, file: str, name: str | None) -> Source:
    source = _parsed(data, file, name)
    if source is not None:
        return source
    if (what := _seeming(data, file)) is not None:
        raise SslbindError(f"is {what.what}", *what.hints, _readable(), file=file)
    raise SslbindError(
        "unrecognised format",
        f"{_readable()}; --from names one; -r names a registry",
        file=file,
    )


def open_registry(path: str = DEFAULT_FILE) -> Bindings:
    """Return the registry at ``path``, or a read-only one of the document that is there.

    Raises RegistryError for a file that is neither.
    """
    if not may_be_registry(path):  # a large capture must not be parsed as TOML first
        data = read_file(path, MAX_SIZE)
        found = memory.proportional(len(data), path, lambda: _snapshot(data, path))
        if found is not None:
            return found
    try:
        return Registry.open(path)
    except RegistryError as error:
        if not os.path.isfile(path):
            raise
        refused = bare(error)
    data = read_file(path, MAX_SIZE)
    return memory.proportional(len(data), path, lambda: _no_registry(data, path, refused))


def _snapshot(data: bytes, path: str) -> Snapshot | None:
    source = _parsed(data, path)
    return None if source is None else snapshot(source)


def _no_registry(data: bytes, path: str, error: RegistryError) -> Bindings:
    """Return what a file holds that is not a registry because of ``error``, or raise it."""
    found = _snapshot(data, path)
    if found is not None:
        return found
    if (what := _seeming(data, path)) is not None:
        raise RegistryError(f"is {what.what}", *what.hints, _readable(), file=path) from None
    hints = () if path.endswith(".toml") else (_readable(),)
    if hints and (start := _no_toml(data, path, error)) is not None:
        message = "is not a registry, and in no format that is recognised: it starts with"
        raise RegistryError(f"{message} {start}", *hints, file=path) from None
    if isinstance(error, InvalidRegistryError):
        raise InvalidRegistryError(error.mistakes, *hints) from None
    raise RegistryError(
        error.message, *error.hints, *hints, file=error.file, line=error.line
    ) from None


def _no_toml(data: bytes, file: str, error: RegistryError) -> str | None:
    """Return how a file starts if that is where it is not TOML, and nothing in it is ours."""
    text, _ = decode_console(data, file)
    lines = [*enumerate(text.split("\n"), 1)]
    first = next(((n, line) for n, line in lines if line.strip() and line.lstrip()[0] != "#"), None)
    mistakes = error.mistakes if isinstance(error, InvalidRegistryError) else (error,)
    where = {one.line for one in mistakes if "is not valid TOML" in one.message}
    if first is None or first[0] not in where:
        return None
    return None if _like_registry(text) else repr(printable(first[1].strip()[:60]))


def _seeming(data: bytes, file: str) -> Seeming | None:
    """Return what a file seems to be that is neither a registry nor a document, or None."""
    from sslbind.formats.seems import seems

    text, _ = decode_console(data, file)
    if _like_registry(text) or (file.endswith(".toml") and not text.strip()):
        return None
    return seems(text)


def _two_versions(text: str) -> Seeming | None:
    if "@@" not in text and "<<<<<<<" not in text:
        return None
    from sslbind.formats.seems import two_versions

    return two_versions(text)


def foreign_error(path: str) -> RegistryError | None:
    """Return the error for a file that ``import`` reads and that is not a registry, else None."""
    try:
        source = _parsed(read_file(path, MAX_SIZE), path) if os.path.isfile(path) else None
    except SslbindError:
        return None
    if source is None:
        return None
    what = f"is a {source.format.name} document, not a registry"
    return RegistryError(what, "sslbind import creates a registry from it", file=path)


def _parsed(data: bytes, file: str, name: str | None = None) -> Source | None:
    text, note = decode_console(data, file)
    known = formats()
    if name is not None and name not in known:
        raise SslbindError(f"{name} is not a format", _readable())
    found = known[name] if name is not None else _detected(known, text)
    if found is None or found.read is None:
        return None
    if (what := _two_versions(text)) is not None:
        raise SslbindError(f"is {what.what}", *what.hints, file=file)
    try:
        imported = found.read(text, file)
    except SslbindError as error:
        error.file = file if error.file is None else error.file
        raise
    if note and not found.strict_encoding:
        imported = imported._replace(notes=(note, *imported.notes))
    return Source(file, found, imported)


def _readable() -> str:
    """Return a sentence with the formats that are read."""
    return f"import reads {', '.join(one.name for one in formats().values() if one.read)}"


def _detected(known: Mapping[str, Format], text: str) -> Format | None:
    """Return the format of ``text``; None also for a registry, whatever its comments contain."""
    if _like_registry(text):
        return None
    return next((one for one in known.values() if one.detect and one.detect(text)), None)


def _like_registry(text: str) -> bool:
    """Whether a line is from a registry: a broken registry is never read as another document."""
    possible = "[" in text or "version" in text  # which is seen at once
    return possible and bool(_REGISTRY.search(f"\n{text}"))  # faster than ^ by far


def snapshot(source: Source) -> Snapshot:
    """Return a document as a read-only registry; its notes list what the document lacks.

    The certificates that it holds are its stores, without keys.

    Bad records are listed in ``provenance.unread``; one of which only some values could not
    be read is a binding with ``unknown`` values. Raises SslbindError if one key has two
    different values: that is more than one server.
    """
    imported = source.imported
    bindings: dict[Key, Binding] = {}
    lines: dict[Key, int | None] = {}
    records = [*imported.records, *_partial(imported)]
    if len(records) > len(imported.records):
        records.sort(key=lambda one: one.line or 0)
    for binding, line in records:
        if bindings.setdefault(binding.key, binding) != binding:
            raise SslbindError(
                f"{binding.key.spec} appears twice, with different values",
                "one file holds one server",
                file=source.file,
                line=line,
            )
        lines.setdefault(binding.key, line)
    settings = Settings(
        imported.release or DEFAULT_RELEASE,
        imported.iplisten or (),
        None if imported.certificates is None else CertStoresSettings("certificates", True),
        central_store=imported.central,
    )
    return Snapshot(source.file, settings, bindings, lines, _provenance(source, bindings))


def _provenance(source: Source, bindings: Mapping[Key, Binding]) -> Provenance:
    imported = source.imported
    notes = [f"{source.file}: {note}" for note in imported.notes]
    if imported.central is None and not all(key.kind.certificate for key in bindings):
        missing = "does not record whether the central store is enabled, nor its files"
        notes.append(f"{source.file}: {missing}")
    unknown = set() if imported.carried is None else STORED.keys() - imported.carried
    for name, value in (
        ("windows", imported.release),
        ("iplisten", imported.iplisten),
        ("central", imported.central),
    ):
        if value is None:
            unknown.add(name)
    if imported.only is not None:
        about = some(sorted(key.spec for key in imported.only), 3) or "a part of a server"
        notes.append(f"{source.file}: is about {about} only: what else the server has is not known")
    if imported.incomplete:
        count = plural(len(imported.incomplete), "binding")
        notes.append(f"{source.file}: does not record the certificate of {count}")
    sites = (imported.sites,) if imported.sites else ()
    return Provenance(
        tuple(notes),
        sites,
        frozenset(unknown),
        tuple(_unread(source, bindings)),
        imported.certificates,
        imported.only,
        tuple(
            (name, one.binding.key)
            for one in imported.bad
            if one.binding is not None and one.binding.key in bindings
            for name in sorted(one.binding.unknown)
        ),
        imported.inferred,
    )


def _unread(source: Source, bindings: Mapping[Key, Binding]) -> Iterator[Unread]:
    """Yield what could not be read, except records that only have an unknown value."""
    for one in source.imported.bad:
        if one.binding is None or one.key not in bindings:
            key = one.key if one.is_record else None
            yield Unread(one.message, source.file, one.line, key, one.kind, one.port, one.is_record)


def _partial(imported: Imported) -> Iterator[ImportedRecord]:
    """Yield the records for which the document does not give every value."""
    for one in imported.bad:
        if one.binding is not None:
            yield ImportedRecord(one.binding, one.line)
    for wanted in imported.incomplete:
        unknown = frozenset(STORED.keys() - wanted.values.keys())
        yield ImportedRecord(Binding(wanted.key, wanted.values, unknown=unknown), wanted.line)
