"""Plans and reports for people, on a terminal: one block per target.

They are rendered from their JSON, so that an old plan is shown as it was. Nothing from a
server reaches the terminal unfiltered: control characters are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sslbind.comparison import IPLISTEN
from sslbind.planning.note import Note
from sslbind.planning.outcome import Status, summary
from sslbind.printable import printable
from sslbind.tags import STORED

_MARKS = {"deliver": ">", "add": "+", "update": "~", "delete": "-"}

Shown = Mapping[str, Any]
"""A target, a change or a note in JSON form."""


def report(targets: Sequence[Shown], *, changes: bool = True) -> str:
    """Return a block for each target that has something to say, and the counts.

    Without ``changes`` the plan itself is left out, because it has been shown.
    """
    lines = [line for one in targets for line in _block(one, changes=changes)]
    lines.append(summary(str(one["status"]) for one in targets))
    return "".join(f"{printable(line)}\n" for line in lines)


def _block(one: Shown, *, changes: bool) -> Iterable[str]:
    yield f"{one['target']}: {_title(one)}"
    if changes:
        for change in one["changes"]:
            yield f"  {_MARKS.get(change['action'], '?')} {words(change)}"
    yield from (f"  missing: {missing}" for missing in one["missing"])
    if one["message"]:
        yield f"  {one['message']}"
    if changes:
        yield from (f"  note: {note_text(note)}" for note in one.get("notes", ()))
    yield from (f"  impact: {impact_text(impact)}" for impact in one.get("impact", ()))


def _title(one: Shown) -> str:
    status, changes = one["status"], one["changes"]
    if not changes:
        return str(status)
    if status == Status.CHANGES:
        actions = [change["action"] for change in changes]
        counts = (f"{actions.count(one)} to {one}" for one in _MARKS if one in actions)
        return f"{status} ({', '.join(counts)})"
    return f"{status} ({one['done']}/{len(changes)})"


def words(change: Shown) -> str:
    """Return a change in words: ``update ipport=…: certhash … -> …``."""
    pairs = change["tags"].items()
    if change["action"] == "update":
        values = [f"{name} {shown(name, old)} -> {shown(name, new)}" for name, (old, new) in pairs]
    else:
        at = int(change["action"] == "add")
        values = [f"{name}={shown(name, pair[at])}" for name, pair in pairs]
    return f"{change['action']} {spec(change)}" + (f": {', '.join(values)}" if values else "")


def spec(change: Shown) -> str:
    """Return the object of a change, as a netsh line names it."""
    kind = "ipaddress" if change["kind"] == IPLISTEN else change["kind"]
    return f"{kind}={change['key']}"


def shown(name: str, value: Any) -> str:
    """Return a value as a netsh line writes it, ``(null)`` for text that is absent."""
    tag = STORED.get(name)
    if value is None:
        return "(null)"
    return tag.text(value) if tag else str(value)


def note_text(note: Shown) -> str:
    """Return a note with the first of its names."""
    return Note(note["kind"], note["message"], tuple(note["names"])).text


def impact_text(impact: Shown) -> str:
    """Return a connection and its certificates: ``www.contoso.com on 10.0.0.5:443: … -> …``."""
    address = impact["address"]
    where = f"[{address}]" if ":" in address else address
    host = impact["host"] or "no server name"
    return f"{host} on {where}:{impact['port']}: {impact['before']} -> {impact['after']}"


def diff(changes: Iterable[Shown]) -> tuple[str, str]:
    """Return the change as two texts, before and after, with one value per line."""
    changes = [*changes]
    before = (_side(one, 0) for one in changes if one["action"] not in ("add", "deliver"))
    after = (_side(one, 1) for one in changes if one["action"] != "delete")
    return "".join(before), "".join(after)


def _side(change: Shown, at: int) -> str:
    lines = [spec(change)]
    lines += [f"    {name}={shown(name, pair[at])}" for name, pair in change["tags"].items()]
    return "".join(f"{printable(line)}\n" for line in lines)
