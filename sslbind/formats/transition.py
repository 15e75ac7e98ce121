"""From what a server has to what a registry says: the changes, and no more."""

from __future__ import annotations

import re

from sslbind.binding import Binding
from sslbind.formats.format import Contents, Delta, Transition
from sslbind.tags import PROPERTIES, TAGS, Tag, Type, Value

_UNSAFE = re.compile(r"[^\w .:,=(){}\[\]*/-]")


def transition(before: Contents, after: Contents, *, prune: bool) -> Transition:
    """Return what turns ``before`` into ``after``; what is to go goes only with ``prune``.

    Records are compared by what a netsh line carries, store names without case.
    New and changed ones come first and deletions last, so that no name is
    without an answer in between.
    """
    old = {one.key: one for one in before.bindings}
    new = {one.key: one for one in after.bindings}
    deltas = [
        Delta(old.get(key), one)
        for key, one in new.items()
        if key not in old or changed_tags(old[key], one)
    ]
    gone = [Delta(one, None) for key, one in old.items() if key not in new]
    return Transition(
        tuple(deltas + gone if prune else deltas),
        tuple(one for one in after.iplisten if one not in before.iplisten),
        tuple(one for one in before.iplisten if one not in after.iplisten) if prune else (),
        after.release,
    )


def kept(before: Contents, after: Contents) -> tuple[str, ...]:
    """Return a word for each thing that only a pruning transition would take away."""
    new = {one.key for one in after.bindings}
    records = [f"{b.key.kind}={b.key}" for b in before.bindings if b.key not in new]
    addresses = [f"ipaddress={one}" for one in before.iplisten if one not in after.iplisten]
    return (*records, *addresses)


def comment(delta: Delta) -> str:
    """Return a script's comment line that says what changes, and holds nothing that runs.

    Whoever gives a netsh script to cmd runs its comments too: what cmd or a
    shell would read more into is shown as ``?``.
    """
    return f"# {_UNSAFE.sub('?', describe(delta))}"


def describe(delta: Delta) -> str:
    """Return what changes in words: ``update ipport=…: certhash from … to …``."""
    name = f"{delta.key.kind}={delta.key}"
    if delta.after is None:
        return f"delete {name}"
    if delta.before is None:
        return f"add {name}"
    changes = []
    for tag in changed_tags(delta.before, delta.after):
        values = delta.before[tag.name], delta.after[tag.name]
        old, new = ("(null)" if value is None else tag.text(value) for value in values)
        changes.append(f"{tag.name} from {old} to {new}")
    return f"update {name}: {', '.join(changes)}"


def changed_tags(before: Binding, after: Binding) -> tuple[Tag, ...]:
    """Return the tags and properties in which two records of one key differ."""
    return tuple(
        tag
        for tag in (*TAGS, *(one.tag for one in PROPERTIES))
        if _comparable(tag, before[tag.name]) != _comparable(tag, after[tag.name])
    )


def _comparable(tag: Tag, value: Value | None) -> Value | None:
    return value.casefold() if tag.type is Type.STORE and isinstance(value, str) else value
