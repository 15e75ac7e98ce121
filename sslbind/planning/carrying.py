"""Apply the plan of one target: write, read back, and trust only what was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats.encoding import decode_console
from sslbind.formats.format import Contents
from sslbind.formats.transition import changed_tags
from sslbind.keys import Key
from sslbind.planning.delivery import Parcel, StoredThumbprint
from sslbind.planning.lines import scripts
from sslbind.planning.outcome import Outcome, Status, planned
from sslbind.planning.plan import Plan, PlanStep
from sslbind.planning.seen import Seen, digest
from sslbind.printable import printable
from sslbind.release import Release
from sslbind.transports.transport import Ran, UnreachableError

_SHOWN = 3
"""How many lines of a server's answer a report repeats."""
_WIDTH = 200


class TargetAccess(Protocol):
    """One target during the run."""

    def read(self) -> Seen:
        """Return its current state; raise UnreachableError or another SslbindError."""

    def write(self, script: bytes) -> Ran:
        """Send lines to its netsh; raise UnreachableError."""

    def pack(self, wanted: Collection[StoredThumbprint], release: Release) -> list[Parcel]:
        """Return certificates to deliver; raise SslbindError if one is missing."""

    def deliver(self, parcels: Collection[Parcel]) -> frozenset[StoredThumbprint]:
        """Import certificates there, and return those found afterwards; raise SslbindError."""


class _Sent(NamedTuple):
    """The state after sending lines: their missing changes, and the server's output.

    ``certain`` is whether the program on the server has ended.
    """

    missing: tuple[PlanStep, ...]
    said: str
    certain: bool


def carry_out(plan: Plan, server: TargetAccess) -> Outcome:
    """Make the changes of ``plan`` and return what was read back.

    The server is read first: if it has changed since the plan was made, nothing is written.
    Certificates come before bindings, and deletions last; each stage only if everything
    before it was read back.
    """
    if not plan.changes:
        return planned(plan)
    wanted = [StoredThumbprint(*one.key.rsplit("/", 1)) for one in plan.deliveries]
    try:
        parcels = server.pack(wanted, plan.release) if wanted else []
    except SslbindError as error:
        message = f"nothing was written: {_sentence(error)}"
        return Outcome(plan.target, Status.REFUSED, plan, message=message, notes=plan.notes)
    try:
        before = server.read()
    except SslbindError as error:
        return unread(plan.target, error, plan)
    if digest(before.contents) != plan.seen:
        return moved_on(plan)
    undelivered = _deliver(plan, server, parcels) if parcels else None
    return undelivered or _write(plan, server)


def _write(plan: Plan, server: TargetAccess) -> Outcome:
    """Send the lines stage by stage, and read each back."""
    done = len(plan.deliveries)
    for stage in (plan.first, plan.last):
        if not stage:
            continue
        try:
            sent = _send(stage, server, plan.release)
        except SslbindError as error:
            message = f"it was written to, but cannot be read back: {_sentence(error)}"
            rest = tuple(one.text for one in plan.changes[done:])
            return Outcome(plan.target, Status.UNKNOWN, plan, done, rest, message, plan.notes)
        done += len(stage) - len(sent.missing)
        if sent.missing:
            return _incomplete(plan, stage, sent, done)
    status = Status.INCOMPLETE if plan.absent else Status.DONE
    return Outcome(plan.target, status, plan, done, plan.absent, "", plan.notes)


def unread(target: str, error: SslbindError, plan: Plan | None = None) -> Outcome:
    """Return the outcome for a target that could not be read; nothing was written to it."""
    reached = not isinstance(error, UnreachableError)
    status = Status.UNREADABLE if reached else Status.UNREACHABLE
    return Outcome(target, status, plan, message=_sentence(error))


def moved_on(plan: Plan) -> Outcome:
    """Return the outcome for a target that has changed since its plan was made."""
    message = "it has changed since the plan was made; nothing was written: plan again"
    return Outcome(plan.target, Status.MOVED_ON, plan, message=message, notes=plan.notes)


def _deliver(plan: Plan, server: TargetAccess, parcels: Collection[Parcel]) -> Outcome | None:
    """Return the outcome if certificates are missing after they were sent."""
    found: frozenset[StoredThumbprint] = frozenset()
    status, message = Status.INCOMPLETE, ""
    try:
        found = server.deliver(parcels)
    except UnreachableError as error:
        status, message = Status.UNKNOWN, _sentence(error)
    except SslbindError as error:
        message = _sentence(error)
    if all(one.certificate in found for one in parcels):
        return None
    missing = [one.text for one in plan.changes if one.key not in map("/".join, found)]
    message = "; ".join(filter(None, [message, "bindings wait for their certificates"]))
    return Outcome(plan.target, status, plan, len(found), tuple(missing), message, plan.notes)


def _send(stage: Sequence[PlanStep], server: TargetAccess, release: Release) -> _Sent:
    """Send the lines of a stage and read back; raise SslbindError if that cannot be read."""
    said: dict[str, None] = {}
    certain = True
    for script in scripts(one.lines for one in stage):
        try:
            ran = server.write(script)
        except UnreachableError as error:
            certain = False
            said[_sentence(error)] = None
        else:
            certain = ran.code is not None
            said.update(dict.fromkeys(answer(ran)))
        if not certain:
            break
    seen = server.read()
    bindings = {one.key: one for one in seen.contents.bindings}
    missing = tuple(one for one in stage if not _there(one, seen.contents, bindings, release))
    return _Sent(missing, " / ".join([*said][:_SHOWN]), certain)


def _there(
    change: PlanStep, contents: Contents, bindings: Mapping[Key, Binding], release: Release
) -> bool:
    """Whether the state that was read has ``change``."""
    if change.delta is None:
        return (change.key in contents.iplisten) is (change.action == "add")
    key, after = change.delta.key, change.delta.after
    now = bindings.get(key)
    if key in contents.provenance.unread_keys:
        return False
    if now is None or after is None:
        return now is after
    return all(tag.since > release for tag in changed_tags(now, after, contents.provenance.unknown))


def _incomplete(plan: Plan, stage: Sequence[PlanStep], sent: _Sent, done: int) -> Outcome:
    rest = plan.last if stage is plan.first else ()
    missing = [one.text for one in (*sent.missing, *rest)]
    if sent.certain:
        status, message = Status.INCOMPLETE, sent.said
    else:
        status = Status.UNKNOWN
        message = "it did not end in time, and may still be running; the next run reads first"
        message += f" ({sent.said})" if sent.said else ""
    if rest:
        message += f"{'; ' if message else ''}deletions wait for the changes before them"
    return Outcome(plan.target, status, plan, done, (*missing, *plan.absent), message, plan.notes)


def answer(ran: Ran) -> list[str]:
    """Return the first lines of a server's output, safe for a terminal, without successes."""
    texts = (decode_console(data, "")[0] for data in (ran.errors, ran.output))
    lines = (printable(line.strip()) for text in texts for line in text.splitlines())
    kept = (line[:_WIDTH] for line in lines if line and "successfully" not in line)
    return list(dict.fromkeys(kept))[:_SHOWN]


def _sentence(error: SslbindError) -> str:
    return "; ".join([error.message, *error.hints])
