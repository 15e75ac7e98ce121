"""The plan of one target: what was seen, the changes that make it match, and notes.

Pure: two states in, a plan out. What changes is what ``formats.transition``
finds for ``export --changes-from``; here they get an order in which no connection is ever
without an answer, within the limits of netsh lines over a pipe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.comparison import IPLISTEN
from sslbind.formats.format import Contents, Delta, Transition
from sslbind.formats.netsh.script_writer import netsh_losses, replaced
from sslbind.formats.transition import changed_tags, transition
from sslbind.planning.delivery import StoredThumbprint
from sslbind.planning.lines import carried, precedence
from sslbind.planning.note import Note, grouped
from sslbind.planning.seen import Seen, digest
from sslbind.release import Release
from sslbind.tags import STORED, Tag, Value

DELIVER, CERTIFICATE = "deliver", "certificate"
"""Action and kind of a change that puts a certificate into a store of the target."""

Pair = tuple[Value | None, Value | None]
"""A value before and after; None if the record, or the text, is absent."""


class PlanStep(NamedTuple):
    """One thing that is added to, changed on or deleted from a target.

    ``kind`` and ``key`` are those of a binding, or ``iplisten`` and an address, or
    ``certificate`` and ``STORE/THUMBPRINT``. ``tags`` are the values that differ.
    ``lines`` are netsh lines without line ends; a certificate has none.
    """

    action: str
    """``add``, ``update``, ``delete`` or ``deliver``."""
    kind: str
    key: str
    tags: Mapping[str, Pair]
    lines: tuple[str, ...]
    delta: Delta | None = None
    """The records before and after; None for what is not a binding."""

    @property
    def text(self) -> str:
        """What happens to what: ``add hostnameport=www.contoso.com:443``."""
        return f"{self.action} {'ipaddress' if self.kind == IPLISTEN else self.kind}={self.key}"

    def to_json(self) -> dict[str, object]:
        """Return the change for JSON."""
        tags = {name: [*pair] for name, pair in self.tags.items()}
        return {"action": self.action, "kind": self.kind, "key": self.key, "tags": tags}


class Plan(NamedTuple):
    """What to do to one target.

    ``deliveries`` are certificates that come before everything. ``first`` takes no answer
    away: additions and updates. ``last`` are deletions, which run after ``first`` has been
    read back. ``seen`` and ``wanted`` are digests of the target and of its registry.
    """

    target: str
    seen: str
    wanted: str
    release: Release
    bindings: int
    """How many bindings the target has."""
    deliveries: tuple[PlanStep, ...]
    first: tuple[PlanStep, ...]
    last: tuple[PlanStep, ...]
    absent: tuple[str, ...]
    """Bindings of the registry that no netsh line can make there, as ``kind=key``."""
    notes: tuple[Note, ...]
    before: Contents
    after: Contents

    @property
    def changes(self) -> tuple[PlanStep, ...]:
        """All changes in the order in which they are made."""
        return self.deliveries + self.first + self.last

    @property
    def taken(self) -> int:
        """How many bindings are changed or deleted: what a limit counts."""
        return sum(one.delta is not None and one.action != "add" for one in self.changes)


class PlanOptions(NamedTuple):
    """The options of a plan.

    ``prune``: delete bindings that only the target has. ``deliver``: send certificates that
    none of its stores has. ``release``: the one that lines are for, whatever the target
    runs.
    """

    prune: bool = False
    deliver: bool = False
    release: Release | None = None


PLAIN = PlanOptions()


def make_plan(target: str, seen: Seen, wanted: Contents, asked: PlanOptions = PLAIN) -> Plan:
    """Return the plan that makes the target that was ``seen`` match its registry.

    Lines are for the release in the options, else for the one the target runs, else for the
    registry's. With ``prune``, bindings that only the target has are deleted if the
    registry has their owner; others are never touched.
    """
    prune, deliver, release = asked
    before = seen.contents
    known = "windows" not in before.provenance.unknown
    after = wanted._replace(release=release or (before.release if known else wanted.release))
    changes = transition(before, after, prune=prune)
    collected = _Collected(before, after, prune=prune)
    collected.take(changes)
    lacking = _lacking(seen, after)
    notes = [
        *([] if deliver else _lacks(target, lacking)),
        *_listening(changes),
        *collected.notes,
        *grouped("cannot", [*changes.losses, *collected.losses]),
        *_only(target, before, after, changes, prune=prune),
        *(Note("read", one) for one in (*before.provenance.left_out, *before.provenance.notes)),
    ]
    if release is None and known and before.release is not wanted.release:
        what = f"is {before.release.title}, but the registry is for {wanted.release.title}"
        notes.append(Note("release", f"{target} {what}: lines are written for the former"))
    return Plan(
        target,
        digest(before),
        digest(wanted),
        after.release,
        len(before.bindings),
        tuple(_delivered(one) for one in lacking) if deliver else (),
        tuple(collected.first),
        tuple(collected.last),
        tuple(collected.absent),
        tuple(notes),
        before,
        after,
    )


class _Collected:
    """The changes of a transition in their order, and what cannot be carried."""

    def __init__(self, before: Contents, after: Contents, *, prune: bool) -> None:
        self.before, self.after = before, after
        self.prune = prune
        self.first: list[PlanStep] = []
        self.last: list[PlanStep] = []
        self.absent: list[str] = []
        self.losses: list[str] = []
        self.gaps: list[str] = []

    @property
    def notes(self) -> Iterator[Note]:
        """Yield the note on records that do not answer for a moment."""
        yield from grouped("gap", self.gaps)

    def take(self, changes: Transition) -> None:
        """Order everything: additions and updates first, the most specific records first.

        So each connection keeps its old answer until it has its new one: whatever precedes
        its record in HTTP.SYS's order is already in its final state. Deletions go in
        reverse order. Addresses leave the listen list before them, and join it after them;
        but if a list would be empty for a moment, and HTTP.SYS so listen everywhere, an
        address joins first, and the last address of a list leaves at the very end.
        """
        owners = {one.appid for one in self.after.bindings}
        made = sorted(
            (one for one in changes.deltas if one.after is not None),
            key=lambda one: precedence(one.key),
        )
        gone = sorted(
            (one for one in changes.deltas if one.after is None),
            key=lambda one: precedence(one.key),
            reverse=True,
        )
        for delta in made:
            self._made(delta)
        deleted = [
            change
            for one in gone
            if one.before and one.before.appid in owners and (change := self._gone(one))
        ]
        join = [_listed("add", address) for address in changes.listen]
        leave = [_listed("delete", address) for address in changes.unlisten]
        if set(self.before.iplisten) - set(changes.unlisten):
            self.last += [*leave, *deleted, *join]
        elif join:
            self.last += [*join, *leave, *deleted]
        else:
            self.last += [*deleted, *leave]

    def _made(self, delta: Delta) -> None:
        self.losses += netsh_losses(delta, self.after.release)
        change = self._change("add" if delta.before is None else "update", delta)
        if change is None:
            self.absent += [delta.key.spec] if delta.before is None else []
        elif change.lines:
            why = replaced(delta, self.after.release)
            gap = f"{delta.key.spec}: {why}; for the time of one line it has no answer"
            self.gaps += [gap] if why else []
            self.first.append(change)

    def _gone(self, delta: Delta) -> PlanStep | None:
        return self._change("delete", delta)

    def _change(self, action: str, delta: Delta) -> PlanStep | None:
        """Return a change with its lines, which may be none; None if no line can make it."""
        key, release = delta.key, self.after.release
        try:
            lines = carried(delta, release)
        except ValueError as error:
            self.losses.append(f"{key.spec}: {error}")
            return None
        return PlanStep(action, key.kind.name, str(key), _tags(delta, release), lines, delta)


def _listed(action: str, address: str) -> PlanStep:
    return PlanStep(action, IPLISTEN, address, {}, (f"http {action} iplisten ipaddress={address}",))


def _tags(delta: Delta, release: Release) -> dict[str, Pair]:
    """Return the values of a change: all of a record that is added or deleted."""
    before, after, unknown = delta
    if before is None or after is None:
        one = after or before
        names = [] if one is None else [name for name in STORED if name in one.values]
        return {name: (_value(before, name), _value(after, name)) for name in names}
    tags: Iterable[Tag] = changed_tags(before, after, unknown)
    return {one.name: (before[one.name], after[one.name]) for one in tags if one.since <= release}


def _value(binding: Binding | None, name: str) -> Value | None:
    return None if binding is None else binding[name]


def _lacking(seen: Seen, after: Contents) -> dict[StoredThumbprint, list[str]]:
    """Return each certificate of the registry that no store of the target has, with its records.

    None if the stores of the target were not read.
    """
    found: dict[StoredThumbprint, list[str]] = {}
    if seen.stores is None:
        return found
    for one in after.bindings:
        store, thumbprint = one.store or "", one.certhash or ""
        if thumbprint and (store.casefold(), thumbprint) not in seen.stores:
            found.setdefault(StoredThumbprint(store, thumbprint), []).append(one.key.spec)
    return found


def _lacks(target: str, lacking: Mapping[StoredThumbprint, list[str]]) -> Iterator[Note]:
    for (store, thumbprint), names in lacking.items():
        yield Note("lacks", f"{thumbprint} of {store} is not on {target}", tuple(names))


def _delivered(certificate: StoredThumbprint) -> PlanStep:
    return PlanStep(DELIVER, CERTIFICATE, "/".join(certificate), {}, ())


def _listening(changes: Transition) -> Iterator[Note]:
    if changes.listening:
        yield Note("listening", changes.listening)


def _only(
    target: str, before: Contents, after: Contents, changes: Transition, *, prune: bool
) -> Iterator[Note]:
    """Yield a note on what only the target has and keeps, and one on other owners' bindings."""
    unread = before.provenance.unread_keys | after.provenance.unread_keys
    known = {one.key for one in after.bindings} | unread
    owners = {one.appid for one in after.bindings}
    extra = [one for one in before.bindings if one.key not in known]
    own = [one.key.spec for one in extra if one.appid in owners]
    foreign = sum(one.appid not in owners for one in extra)
    if not prune and IPLISTEN not in before.provenance.unknown | after.provenance.unknown:
        listed = {*after.iplisten, *changes.listen}
        own += [f"ipaddress={one}" for one in before.iplisten if one not in listed]
    if own and not prune:
        yield Note("kept", f"only on {target}, and is kept; --prune deletes it", tuple(own))
    if foreign:
        word = "1 binding of another owner" if foreign == 1 else f"{foreign} bindings of others"
        yield Note("others", f"{word} on {target}: not touched")


def difference(old: Sequence[Mapping[str, object]], new: Collection[PlanStep]) -> list[str]:
    """Return in words how the changes of a saved plan differ from the current ones.

    Certificates are not compared here, but when the plan is applied.
    """
    made = [one.to_json() for one in new if one.action != DELIVER]
    gone = [f"the plan has {_words(one)}" for one in old if one not in made]
    return gone + [f"the registry asks for {_words(one)}" for one in made if one not in old]


def _words(change: Mapping[str, object]) -> str:
    tags = change["tags"]
    pairs = tags.items() if isinstance(tags, Mapping) else ()
    values = ", ".join(f"{name} {old!r} -> {new!r}" for name, (old, new) in pairs)
    return f"{change['action']} {change['kind']}={change['key']} ({values})"
