"""The text of a registry with changes in it, each edit confirmed by reading the text again.

A change is a pair of bindings: the one in the file and the one that replaces it, None for
no binding. ``file`` names the registry in errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sslbind.binding import Binding
from sslbind.errors import RegistryError
from sslbind.keys import Key, Kind
from sslbind.registry import plain
from sslbind.registry.document import Settings, parse_document, parse_settings
from sslbind.registry.splice import Splice

Change = tuple[Binding | None, Binding | None]
_NOTHING: Mapping[Key, Key] = {}


def with_settings(head: str, old: Settings, wanted: Settings, file: str) -> str:
    """Return ``head``, the part of a registry that has the settings, with those ``wanted``.

    Only the IP listen list and the central store can differ from ``old``.
    """
    before = _settings(head, file) or old
    splice = Splice(head)
    if wanted.iplisten != old.iplisten:
        splice.set_iplisten(wanted.iplisten)
    if wanted.central_store is not None and wanted.central_store != old.central_store:
        table = old.central_store.table if old.central_store else {}
        new = wanted.central_store.table
        changes = {name: new[name] for name in new if new[name] != table.get(name)}
        splice.set_table(type(wanted.central_store).__name__, changes)
    head = splice.result()
    after = before._replace(iplisten=wanted.iplisten, central_store=wanted.central_store)
    _confirm(_settings(head, file) == after, file)
    return head


def with_few(text: str, changes: Iterable[Change], file: str) -> str:
    """Return a plain registry with a few changes, each made in its own part of the text."""
    for before, after in changes:
        key = _key(before, after)
        start, end = plain.region(text, key) if before else plain.last_region(text, key.kind)
        splice = Splice(text[start:end])
        if after is None and before is not None:
            splice.delete(str(key), before)
        elif after is not None and before is not None:
            splice.change(str(key), before, after)
        elif after is not None:
            splice.insert([after])
        text = text[:start] + splice.result() + text[end:]
        _confirm(_found(text, key, file) == after, file)
    return text


def with_moved(text: str, before: Binding, after: Binding, file: str) -> str | None:
    """Return a registry in which a table has another key, where it is, with every comment in it.

    None if the table does not have its plain header.
    """
    old, new = plain.plain_header(before.key), plain.plain_header(after.key)
    # [SslBindingInfo."0.0.0.0:443"], and what it has in Other
    header = re.compile(rf"^\[{re.escape(old)}(?=(?:\.Other)?\][ \t]*(?:#|\r?$))", re.MULTILINE)
    text, count = header.subn(lambda _: f"[{new}", text)
    if not count:
        return None
    moved = Binding(after.key, before.values, before.other, before.unknown)
    if moved != after:
        start, end = plain.region(text, after.key)
        splice = Splice(text[start:end])
        splice.change(str(after.key), moved, after)
        text = text[:start] + splice.result() + text[end:]
    found = _found(text, after.key, file) == after and _found(text, before.key, file) is None
    return text if found else None


def with_many(  # noqa: PLR0913  # what the text has, and what it is to have
    text: str,
    changes: Iterable[Change],
    spelled: Mapping[Key, str],
    wanted: Mapping[Key, Binding],
    file: str,
    *,
    moved: Mapping[Key, Key] = _NOTHING,
) -> str:
    """Return any registry with any number of changes; the result has the bindings ``wanted``.

    ``spelled`` has the spelling of each key in the file. ``moved`` has for a new key the old
    one, whose comments go with it.
    """
    splice = Splice(text)
    taken = {old: new for new, old in moved.items()}
    comments: dict[Key, str] = {}
    added: dict[Kind, list[Binding]] = {}
    for before, after in changes:
        if before is None:
            if after is not None:
                added.setdefault(after.key.kind, []).append(after)
        elif after is None:
            if before.key in taken:
                comments[taken[before.key]] = splice.comments(spelled[before.key], before)
            splice.delete(spelled[before.key], before)
        else:
            splice.change(spelled[before.key], before, after)
    text = splice.result()
    if added:
        splice = Splice(text)
        for bindings in added.values():
            bindings.sort(key=lambda one: one.key not in comments)
            splice.insert(bindings, comments.get(bindings[0].key, ""))
        text = splice.result()
    _confirm(_bindings(text, file) == wanted, file)
    return text


def _key(before: Binding | None, after: Binding | None) -> Key:
    binding = after or before
    assert binding is not None  # noqa: S101  # one of the two is there
    return binding.key


def _found(text: str, key: Key, file: str) -> Binding | bool | None:
    """Return the binding of ``key`` in an edited text, False if the text does not parse."""
    try:
        return plain.find(text, key, file)
    except RegistryError:
        return False


def _bindings(text: str, file: str) -> Mapping[Key, Binding]:
    try:
        return parse_document(text, file).bindings
    except RegistryError:
        return {}


def _settings(text: str, file: str) -> Settings | None:
    try:
        return parse_settings(text, file)
    except RegistryError:
        return None


def _confirm(as_wanted: bool, file: str) -> None:
    """Refuse to write a text that lacks a requested change, which would be a bug."""
    if not as_wanted:
        raise RegistryError(
            "is written in a way that does not allow this edit; nothing was written",
            "write the binding as a separate table, as sslbind does, and report this",
            file=file,
        )
