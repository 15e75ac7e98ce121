"""The changes that make a server match a registry."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from sslbind.binding import Binding
from sslbind.comparison import IPLISTEN
from sslbind.formats.format import Contents, Delta, Transition
from sslbind.keys import Key
from sslbind.release import Release
from sslbind.tags import PROPERTIES, SSLFLAGS, STORED, TAGS, Tag, Type, Value
from sslbind.wording import plural, some

_UNSAFE = re.compile(r"[^\w .:,=(){}\[\]*/-]")


def transition(before: Contents, after: Contents, *, prune: bool) -> Transition:
    """Return what turns ``before`` into ``after``; deletions only with ``prune``.

    Records are compared by what netsh lines can carry and both sides record, store names
    case-insensitively; a record that could not be read on either side is left unchanged.
    New and changed ones come first and deletions last, so that no name is without an answer
    in between.
    """
    old = {one.key: one for one in before.bindings}
    unread = before.provenance.unread_keys | after.provenance.unread_keys
    unknown = before.provenance.unknown
    deltas = [
        Delta(old.get(one.key), one, unknown)
        for one in after.bindings
        if one.key not in unread
        and not before.provenance.excludes(one.key)
        and (one.key not in old or _differs(old[one.key], one, unknown))
    ]
    gone, unlisten = _only(before, after)
    listed = set(before.iplisten)
    listen = [one for one in after.iplisten if one not in listed and IPLISTEN not in unknown]
    if not prune:
        gone = unlisten = ()
    return Transition(
        (*deltas, *(Delta(one, None) for one in gone)),
        tuple(listen),
        unlisten,
        after.release,
        _listening(before.iplisten, listen, unlisten),
        (
            *_unread(before, after),
            *_unknown(before, after, deltas),
            *_untagged(old, after, unread, unknown),
        ),
    )


def kept(before: Contents, after: Contents) -> tuple[str, ...]:
    """Return a word for everything that only a pruning transition would remove."""
    records, addresses = _only(before, after)
    return (*(_named(one.key) for one in records), *(f"ipaddress={one}" for one in addresses))


def _only(before: Contents, after: Contents) -> tuple[tuple[Binding, ...], tuple[str, ...]]:
    """Return the records and the listen addresses that only ``before`` has."""
    unread = before.provenance.unread_keys | after.provenance.unread_keys
    new = {one.key for one in after.bindings} | unread
    known = IPLISTEN not in after.provenance.unknown
    listed = set(after.iplisten)
    return (
        tuple(
            one
            for one in before.bindings
            if one.key not in new and not after.provenance.may_have(one.key)
        ),
        tuple(one for one in before.iplisten if known and one not in listed),
    )


def _listening(old: Sequence[str], listen: Sequence[str], unlisten: Collection[str]) -> str:
    if listen and not old:
        addresses = ", ".join(listen)
        return (
            f"the IP listen list was empty: HTTP.SYS then listens on {addresses}"
            " and on no other address"
        )
    if unlisten and not listen and not set(old) - set(unlisten):
        return "the IP listen list becomes empty: HTTP.SYS then listens on every address"
    return ""


def _unread(before: Contents, after: Contents) -> list[str]:
    """Return a sentence for each record that either side has and could not be read."""
    losses = []
    for side in (before, after):
        losses += [
            f"{_named(key)}: {side.file} has it, but it could not be read: it is left unchanged"
            for key in sorted(side.provenance.unread_keys, key=_named)
        ]
        if any(one.key is None and one.is_record for one in side.provenance.unread):
            losses.append(
                f"{side.file} has records whose keys could not be read:"
                " it is not known whether a line changes one of them"
            )
    only = before.provenance.only
    if only is not None:
        others = sum(one.key not in only for one in after.bindings)
        about = some(sorted(map(_named, only)), 3) or "no whole server"
        losses.append(
            f"{before.file} covers {about}: {plural(others, 'binding')} of the registry"
            " cannot be compared, and no line is written for them"
        )
    return losses


def _unknown(before: Contents, after: Contents, deltas: Sequence[Delta]) -> list[str]:
    """Return a sentence for each change that must overwrite unknown values."""
    losses = [
        f"{_named(one.key)}: {before.file} does not record {', '.join(names)}:"
        " the update sets them to the registry's values"
        for one in deltas
        if (names := _overwritten(one, after.release))
    ]
    if after.iplisten and IPLISTEN in before.provenance.unknown:
        losses.append(f"{before.file} does not record the IP listen list: it is left unchanged")
    return losses


def _untagged(
    old: Mapping[Key, Binding], after: Contents, unread: Collection[Key], unknown: Collection[str]
) -> list[str]:
    """Return a sentence for each record that differs in something that no line can carry.

    A document that does not record every tag does not record tagless values either.
    """
    if not STORED.keys().isdisjoint(unknown):
        return []
    losses = []
    for one in after.bindings:
        other = old.get(one.key)
        if other is None or one.key in unread or one == other:
            continue
        names = [
            name
            for name in dict.fromkeys((*other.other, *one.other))
            if other.other.get(name) != one.other.get(name)
        ]
        if _iis_flags(other, after.release) != _iis_flags(one, after.release):
            names.append(SSLFLAGS.name)
        if names:
            losses.append(
                f"{_named(one.key)}: values without a tag differ: {', '.join(names)}: scripts"
                " cannot carry them"
            )
    return losses


def _iis_flags(binding: Binding, release: Release) -> int:
    """Return the bits of IIS's flags that are stored, and that no tag turns on."""
    values = {name: value for name, value in binding.values.items() if name != SSLFLAGS.name}
    return binding.sslflags(release) & ~Binding(binding.key, values).sslflags(release)


def _overwritten(delta: Delta, release: Release) -> list[str]:
    """Return the names of the unknown tags that a whole record overwrites."""
    before, after, unknown = delta
    if before is None or after is None:
        return []
    if not any(tag in TAGS for tag in changed_tags(before, after, unknown)):
        return []
    return [tag.name for tag in TAGS if tag.name in unknown and tag.since <= release]


def comment(delta: Delta) -> str:
    """Return a comment line that describes the change and cannot be executed.

    Comments are executed if a netsh script is run by cmd: characters that cmd or
    a shell would interpret are shown as ``?``.
    """
    return f"# {_UNSAFE.sub('?', describe(delta))}"


def describe(delta: Delta) -> str:
    """Return the change in words: ``update ipport=…: certhash from … to …``."""
    name = _named(delta.key)
    before, after, unknown = delta
    if after is None:
        return f"delete {name}"
    if before is None:
        return f"add {name}"
    changes = []
    for tag in changed_tags(before, after, unknown):
        values = before[tag.name], after[tag.name]
        old, new = ("(null)" if value is None else tag.text(value) for value in values)
        changes.append(f"{tag.name} from {old} to {new}")
    return f"update {name}: {', '.join(changes)}"


def changed_tags(before: Binding, after: Binding, unknown: Collection[str] = ()) -> tuple[Tag, ...]:
    """Return the tags and properties, but those ``unknown``, in which two records differ."""
    return tuple(
        tag
        for tag in (*TAGS, *(one.tag for one in PROPERTIES))
        if tag.name not in unknown
        and _comparable(tag, before[tag.name]) != _comparable(tag, after[tag.name])
    )


def _differs(before: Binding, after: Binding, unknown: Collection[str]) -> bool:
    return before.values != after.values and bool(changed_tags(before, after, unknown))


def _comparable(tag: Tag, value: Value | None) -> Value | None:
    return value.casefold() if tag.type is Type.STORE and isinstance(value, str) else value


def _named(key: Key) -> str:
    return key.spec
