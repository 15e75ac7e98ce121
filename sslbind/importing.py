"""Import documents into a registry: plan first, then apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind.binding import Binding
from sslbind.certificates.choosing import Chooser
from sslbind.certificates.judgement import doubts
from sslbind.comparison import IPLISTEN
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord
from sslbind.keys import Key
from sslbind.registry.document import CentralCertProvider
from sslbind.registry.registry import Registry
from sslbind.sources import Source

if TYPE_CHECKING:
    from datetime import datetime

    from sslbind.certificates.stores import CertStores

Carried = frozenset[str] | None
"""The names of the tags that a document records; None: all."""


class Conflict(NamedTuple):
    """A record that exists with other values: in the registry or, ``within``, in the import."""

    file: str
    line: int | None
    before: Binding
    wanted: Binding
    within: bool = False


class Setting(NamedTuple):
    """A setting by its name in the registry file, its value now, and the one in ``file``."""

    file: str
    name: str
    before: object
    after: object
    within: bool = False
    """Of a conflict: whether another file of the import has ``before``, not the registry."""


class ImportPlan(NamedTuple):
    """What an import does: each record by its outcome, in the order of the files."""

    added: tuple[Binding, ...] = ()
    changed: tuple[Binding, ...] = ()
    same: tuple[Key, ...] = ()
    kept: tuple[Key, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    settings: tuple[Setting, ...] = ()
    kept_settings: tuple[Setting, ...] = ()
    setting_conflicts: tuple[Setting, ...] = ()


def plan_import(
    registry: Registry, sources: Sequence[Source], if_exists: str = "fail"
) -> ImportPlan:
    """Return what importing ``sources`` into ``registry`` does.

    ``if_exists`` decides what happens to a record, or a setting, that exists with
    another value: ``fail`` is a conflict, ``keep`` leaves it, ``update`` changes
    the tags that the document has away from their defaults, ``reset`` replaces
    it, except tags that such a document cannot carry. Two values within one import are
    always a conflict: that is more than one server.
    """
    bindings = registry.bindings
    now = dict(bindings)
    done: dict[Key, Binding] = {}
    said: dict[Key, tuple[Binding, Carried]] = {}
    same: list[Key] = []
    kept: list[Key] = []
    conflicts: list[Conflict] = []
    for source in sorted(sources, key=lambda one: one.imported.carried is not None):
        carried = source.imported.carried
        for binding, line in source.imported.records:
            key = binding.key
            before = now.get(key)
            earlier, known = said.setdefault(key, (binding, carried))
            full = _replaced(before, binding, carried)
            after = _merged(before, binding) if before and if_exists == "update" else full
            if _replaced(earlier, binding, _both(known, carried)) != earlier:
                conflicts.append(Conflict(source.file, line, earlier, binding, within=True))
            elif before is None or (before != after and if_exists in ("update", "reset")):
                now[key] = done[key] = after
            elif before == after:
                same.append(key)
            elif if_exists == "keep":
                kept.append(key)
            else:
                conflicts.append(Conflict(source.file, line, before, full))
    return ImportPlan(
        tuple(one for key, one in done.items() if key not in bindings),
        tuple(one for key, one in done.items() if key in bindings and bindings[key] != one),
        tuple(same),
        tuple(kept),
        tuple(conflicts),
        *_plan_settings(registry, sources, if_exists),
    )


def _plan_settings(
    registry: Registry, sources: Sequence[Source], if_exists: str
) -> tuple[tuple[Setting, ...], ...]:
    """Return the settings that change, that are kept, and that are in conflict.

    A registry with neither bindings nor addresses has no opinion on the listen list.
    """
    central = registry.settings.central_store
    now: dict[str, object] = {} if central is None else {**central.table}
    if registry.bindings or registry.iplisten:
        now[IPLISTEN] = registry.iplisten
    said: dict[str, object] = {}
    changed: list[Setting] = []
    kept: list[Setting] = []
    conflicts: list[Setting] = []
    for source in sources:
        for name, value in _settings(source.imported):
            before, earlier = now.get(name), said.setdefault(name, value)
            one = Setting(source.file, name, before, value)
            if _folded(earlier) != _folded(value):
                conflicts.append(one._replace(before=earlier, within=True))
            elif before is None or if_exists in ("update", "reset"):
                now[name] = value
                if _folded(before or ()) != _folded(value):
                    changed.append(one)
            elif _folded(before) != _folded(value):
                (kept if if_exists == "keep" else conflicts).append(one)
    return tuple(changed), tuple(kept), tuple(conflicts)


def apply_import(registry: Registry, plan: ImportPlan) -> None:
    """Change ``registry`` in memory according to ``plan``."""
    for binding in (*plan.added, *plan.changed):
        registry.put(binding)
    values: dict[str, Any] = {one.name: one.after for one in plan.settings}
    if IPLISTEN in values:
        registry.set_iplisten(values.pop(IPLISTEN))
    if values:
        central = registry.settings.central_store or CentralCertProvider()
        registry.set_central_store(CentralCertProvider(*({**central.table, **values}).values()))


def _settings(imported: Imported) -> Iterator[tuple[str, object]]:
    """Yield each setting that a document records, by its name in the registry file."""
    if imported.iplisten is not None:
        yield IPLISTEN, imported.iplisten
    if imported.central is not None:
        yield from ((name, one) for name, one in imported.central.table.items() if one is not None)


def _folded(value: object) -> object:
    """Return a value in comparable form: the listen list has no order."""
    return frozenset(value) if isinstance(value, tuple) else value


def with_certificates(imported: Imported, stores: CertStores | None, now: datetime) -> Imported:
    """Return ``imported`` with a certificate for each record that names none.

    ``Chooser`` picks it from the stores, by the host of the record.

    If no certificate covers it, it is a bad record; a note says what was chosen, and why.
    """
    if not imported.incomplete:
        return imported
    entries = (
        [one for one in stores.entries() if one.has_key or stores.keys_elsewhere] if stores else []
    )
    chooser = Chooser(entries, now)
    records, bad, notes = list(imported.records), list(imported.bad), list(imported.notes)
    for wanted in imported.incomplete:
        choice = chooser.choose((wanted.host,))
        name = wanted.key.spec
        if choice is None:
            bad.append(BadRecord(
                wanted.line,
                f"{name}: the document has no certificate, and no store has one for"
                f" {wanted.host or 'it'}",
                ("sslbind store add FILE adds one",),
            ))  # fmt: skip
            continue
        entry = choice.entry
        values = {**wanted.values, "certhash": entry.thumbprint, "certstorename": entry.store}
        records.append(ImportedRecord(Binding(wanted.key, values), wanted.line))
        notes.append(f"{name}: the document has no certificate; {entry.thumbprint} in"
            f" {entry.store} was chosen for {wanted.host}: {choice.reason}")  # fmt: skip
        wrong = doubts(entry.certificate) if entry.certificate else ()
        notes += [one for one in wrong if one not in notes]
    return imported._replace(
        records=tuple(records), bad=tuple(bad), notes=tuple(notes), incomplete=()
    )


def _merged(before: Binding, binding: Binding) -> Binding:
    return Binding(before.key, {**before.values, **binding.values},
                   {**before.other, **binding.other})  # fmt: skip


def _replaced(before: Binding | None, binding: Binding, carried: Carried) -> Binding:
    """Return ``binding`` with ``before``'s values for tags that its document cannot carry."""
    if before is None or carried is None:
        return binding
    kept = {name: value for name, value in before.values.items() if name not in carried}
    return Binding(binding.key, {**kept, **binding.values}, before.other)


def _both(one: Carried, other: Carried) -> Carried:
    """Return the tags that two documents both carry."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
