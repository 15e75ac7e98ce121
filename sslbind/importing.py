"""Foreign documents into registries: told by content, planned, then written once."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.files import read_file
from sslbind.formats import formats
from sslbind.formats.encoding import decode_text
from sslbind.formats.imported import BadRecord, Imported, Record, Wanted
from sslbind.keys import Key
from sslbind.names import covers
from sslbind.registry import MAX_SIZE, Settings
from sslbind.registry.document import Told
from sslbind.registry.snapshot import Snapshot
from sslbind.release import DEFAULT_RELEASE
from sslbind.tags import STORED

if TYPE_CHECKING:
    from sslbind.certentry import Entry
    from sslbind.certstore import CertStores
    from sslbind.formats.format import Format

STANDARD_INPUT = "-"


class Conflict(NamedTuple):
    """A record that the registry, or an earlier file, has with other values."""

    file: str
    line: int | None
    before: Binding
    wanted: Binding


class Plan(NamedTuple):
    """What an import does: each record under what becomes of it, in the order of the files."""

    added: tuple[Binding, ...] = ()
    changed: tuple[Binding, ...] = ()
    same: tuple[Key, ...] = ()
    kept: tuple[Key, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


class Source(NamedTuple):
    """One file that was read: its name, its format, what it says, and notes on reading it."""

    file: str
    format: str
    imported: Imported


def read_source(path: str, name: str | None = None) -> Source | None:
    """Return what the file at ``path`` (``-``: standard input) says.

    The format is told by content, or is the one called ``name``; None where no
    format knows the content. Raises SslbindError where the file cannot be read.
    """
    file = "standard input" if path == STANDARD_INPUT else path
    text, notes = _text(_data(path), file)
    known = formats()
    found = known[name] if name is not None else _detected(known, text)
    if found is None or found.read is None:
        return None
    imported = found.read(text, file)
    return Source(file, found.name, imported._replace(notes=notes + imported.notes))


def unknown(path: str) -> SslbindError:
    """Return the error for a file that no format knows."""
    names = ", ".join(one.name for one in formats().values() if one.read)
    return SslbindError(
        "is nothing that can be imported", f"known are {names}; --format names one", file=path
    )


def snapshot(source: Source) -> Snapshot:
    """Return what a file says as a registry that is only read; its ``notes`` say what it lacks.

    Bad records are left out. Raises SslbindError where one key comes twice with
    different values: that is more than one server.
    """
    imported = source.imported
    bindings: dict[Key, Binding] = {}
    lines: dict[Key, int | None] = {}
    for binding, line in imported.records:
        if bindings.setdefault(binding.key, binding) != binding:
            raise SslbindError(
                f"{binding.key.kind}={binding.key} comes twice, with different values",
                "one file holds one server",
                file=source.file,
                line=line,
            )
        lines.setdefault(binding.key, line)
    settings = Settings(
        imported.release or DEFAULT_RELEASE,
        imported.iplisten or (),
        central_store=imported.central,
    )
    return Snapshot(source.file, settings, bindings, lines, _told(source, bindings))


def _told(source: Source, bindings: Mapping[Key, Binding]) -> Told:
    imported = source.imported
    notes = (*(f"{source.file}: {note}" for note in imported.notes), *left_out(source))
    if imported.central is None and not all(key.kind.certificate for key in bindings):
        told = "does not tell whether the central store is enabled: its records serve nobody here"
        notes += (f"{source.file}: {told}",)
    unknown = set() if imported.carried is None else STORED.keys() - imported.carried
    for name, value in (
        ("windows", imported.release),
        ("iplisten", imported.iplisten),
        ("central", imported.central),
    ):
        if value is None:
            unknown.add(name)
    unread = {one.key for one in imported.bad if one.key} | {one.key for one in imported.wanted}
    sites = (imported.sites,) if imported.sites else ()
    return Told(notes, sites, frozenset(unknown), frozenset(unread))


def left_out(source: Source) -> tuple[str, ...]:
    """Return a sentence, with file and line, for each record of a file that cannot be taken."""
    bad = [(one.line, one.message) for one in source.imported.bad]
    bad += [
        (one.line, f"{one.key.kind}={one.key} comes without its certificate")
        for one in source.imported.wanted
    ]
    return tuple(
        f"{source.file}{'' if line is None else f':{line}'}: left out: {message}"
        for line, message in bad
    )


def plan(
    bindings: Mapping[Key, Binding], sources: Sequence[Source], if_exists: str = "fail"
) -> Plan:
    """Return what importing ``sources`` into ``bindings`` does.

    ``if_exists`` says what becomes of a record that is there with other values:
    ``fail`` is a conflict, ``keep`` leaves it, ``update`` changes the tags that
    the document has away from their defaults, ``reset`` replaces it.
    """
    now = dict(bindings)
    done: dict[Key, Binding] = {}
    same: list[Key] = []
    kept: list[Key] = []
    conflicts: list[Conflict] = []
    for source in sources:
        for binding, line in source.imported.records:
            before = now.get(binding.key)
            after = _merged(before, binding) if before and if_exists == "update" else binding
            if before is None or (before != after and if_exists in ("update", "reset")):
                now[binding.key] = done[binding.key] = after
            elif before == after:
                same.append(binding.key)
            elif if_exists == "keep":
                kept.append(binding.key)
            else:
                conflicts.append(Conflict(source.file, line, before, binding))
    return Plan(
        tuple(one for key, one in done.items() if key not in bindings),
        tuple(one for key, one in done.items() if key in bindings and bindings[key] != one),
        tuple(same),
        tuple(kept),
        tuple(conflicts),
    )


def with_certificates(imported: Imported, stores: CertStores | None) -> Imported:
    """Give each wanted record the newest certificate of the stores that covers its host.

    One that none covers is a bad record; a note says what was chosen.
    """
    entries = (
        [one for one in stores.entries() if one.has_key or stores.keys_elsewhere]
        if (stores)
        else []
    )
    records, bad, notes = list(imported.records), list(imported.bad), list(imported.notes)
    for wanted in imported.wanted:
        entry = _newest(entries, wanted)
        name = f"{wanted.key.kind}={wanted.key}"
        if entry is None:
            bad.append(BadRecord(
                wanted.line,
                f"{name}: the document names no certificate, and no store has one for"
                f" {wanted.host or 'it'}",
                ("sslbind store add FILE brings one",),
            ))  # fmt: skip
            continue
        values = {**wanted.values, "certhash": entry.thumbprint, "certstorename": entry.store}
        records.append(Record(Binding(wanted.key, values), wanted.line))
        notes.append(f"{name}: the document names no certificate; {entry.thumbprint} in"
                     f" {entry.store} is the newest that covers {wanted.host}")  # fmt: skip
    return imported._replace(records=tuple(records), bad=tuple(bad), notes=tuple(notes), wanted=())


def _detected(known: Mapping[str, Format], text: str) -> Format | None:
    return next((one for one in known.values() if one.detect and one.detect(text)), None)


def _newest(entries: Sequence[Entry], wanted: Wanted) -> Entry | None:
    fitting = [
        one for one in entries if one.not_after and wanted.host and covers(one.names, wanted.host)
    ]
    return max(fitting, key=lambda one: (one.not_after, one.thumbprint), default=None)


def _merged(before: Binding, binding: Binding) -> Binding:
    return Binding(before.key, {**before.values, **binding.values},
                   {**before.other, **binding.other})  # fmt: skip


def _data(path: str) -> bytes:
    if path != STANDARD_INPUT:
        return read_file(path, MAX_SIZE)
    if sys.stdin is None:
        raise SslbindError("standard input is closed")
    data = sys.stdin.buffer.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise SslbindError(f"standard input is larger than {MAX_SIZE} bytes")
    return data


def _text(data: bytes, file: str) -> tuple[str, tuple[str, ...]]:
    """Return the text, and a note where its encoding is not known.

    A console's own code page is not told by the bytes; labels are not read
    anyway, and names that are not ASCII become bad records.
    """
    try:
        return decode_text(data, file), ()
    except SslbindError:
        text = data.decode("ascii", "replace").replace("\r\n", "\n")
        return text, ("is not UTF-8, and what is not ASCII in it cannot be read; save it as UTF-8",)
