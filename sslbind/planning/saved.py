"""Saved plans: for review, without a key or a password, and read back strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import UnionType
from typing import Any, NamedTuple

from sslbind.bounds import check_json
from sslbind.errors import SslbindError
from sslbind.files import read_file, write_output
from sslbind.formats.encoding import decode_text
from sslbind.planning.outcome import Outcome, Status
from sslbind.planning.plan import Plan, difference

VERSION = 1
KIND = "sslbind-plan"
MAX_SIZE = 256 << 20


class SavedTarget(NamedTuple):
    """A saved plan's part on one target; ``changes`` are in JSON form."""

    target: str
    seen: str | None
    wanted: str | None
    changes: tuple[Mapping[str, Any], ...]


class SavedPlan(NamedTuple):
    """A saved plan; ``document`` is all of it, for display."""

    file: str
    prune: bool
    targets: tuple[SavedTarget, ...]
    document: Mapping[str, Any]


def document(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return outcomes for JSON, without the version that every document has."""
    return {"targets": [one.to_json() for one in outcomes]}


def save(path: str, outcomes: Sequence[Outcome], *, prune: bool) -> None:
    """Write the plan of each target that could be read to ``path``, all or nothing."""
    import json

    whole = {"version": VERSION, "format": KIND, "prune": prune, **document(outcomes)}
    write_output(path, (json.dumps(whole, indent=2) + "\n").encode())


def is_saved(path: str) -> bool:
    """Whether the file at ``path`` declares itself a saved plan."""
    try:
        with open(path, "rb") as file:
            return f'"format": "{KIND}"'.encode() in file.read(200)
    except OSError:
        return False


def read_saved(path: str) -> SavedPlan:
    """Read a saved plan; raise SslbindError if it is not one, or incomplete."""
    import json

    text = decode_text(read_file(path, MAX_SIZE), path)
    check_json(text, path)
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SslbindError(f"is not JSON: {error}", file=path) from None
    try:
        _check(whole, {"version": int, "format": str, "prune": bool, "targets": list})
        if (whole["format"], whole["version"]) != (KIND, VERSION):
            raise SslbindError(f"is not a saved plan of version {VERSION}", file=path)
        targets = tuple(map(_target, whole["targets"]))
        _check_names([one.target for one in targets])
    except _NotWholeError as error:
        raise SslbindError(
            f"is not a complete saved plan: {error}", "sslbind plan --out writes one", file=path
        ) from None
    return SavedPlan(path, whole["prune"], targets, whole)


class _NotWholeError(ValueError):
    """What is missing from a saved plan, or has the wrong type."""


Fields = Mapping[str, type | UnionType]


def _check(value: object, fields: Fields) -> None:
    """Raise _NotWholeError unless ``value`` is an object whose ``fields`` have these types."""
    if not isinstance(value, dict):
        raise _NotWholeError(f"{value!r:.60} is not an object")
    for name, kind in fields.items():
        if name not in value:
            raise _NotWholeError(f"{name} is missing")
        if not isinstance(value[name], kind):
            raise _NotWholeError(f"{name} cannot be {value[name]!r:.60}")


_TARGET: Fields = {"target": str, "status": str, "seen": str | None, "wanted": str | None,
                   "done": int, "message": str, "changes": list, "missing": list,
                   "notes": list}  # fmt: skip
_CHANGE: Fields = {"action": str, "kind": str, "key": str, "tags": dict}
_NOTE: Fields = {"kind": str, "message": str, "names": list}
_IMPACT: Fields = {"address": str, "port": int, "host": str | None, "before": str, "after": str}


def _target(one: Mapping[str, Any]) -> SavedTarget:
    _check(one, _TARGET)
    for change in one["changes"]:
        _check(change, _CHANGE)
        for name, pair in change["tags"].items():
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(_scalar, pair))):
                raise _NotWholeError(f"{name} must be a pair of values")
    for note in one["notes"]:
        _check(note, _NOTE)
        _texts(note["names"])
    for impact in one.get("impact", ()):
        _check(impact, _IMPACT)
    _texts(one["missing"])
    return SavedTarget(one["target"], one["seen"], one["wanted"], tuple(one["changes"]))


def _check_names(names: Sequence[str]) -> None:
    """Refuse a plan without targets, which would mean all of them, and duplicate targets."""
    if not names:
        raise _NotWholeError("it has no target")
    for name in names:
        if names.count(name) > 1:
            raise _NotWholeError(f"{name} appears twice")


def _scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int)


def _texts(values: Iterable[object]) -> None:
    for value in values:
        if not isinstance(value, str):
            raise _NotWholeError(f"{value!r:.60} is not a text")


def compare(saved: SavedTarget | None, plan: Plan) -> Outcome | None:
    """Return why the current plan is not the saved one; None if they are the same.

    ``saved`` is None for a target that is not in the saved plan. A target that differs from
    what the plan saw has moved on; a plan that differs although the target is the same was
    edited, or the registry was.
    """
    if saved is None or saved.seen is None:
        message = "it is not in the saved plan; nothing was written: plan again"
        return Outcome(plan.target, Status.REFUSED, plan, message=message, notes=plan.notes)
    if saved.seen != plan.seen:
        message = "it has changed since the plan was made; nothing was written: plan again"
        if saved.wanted == plan.wanted and saved.changes and not plan.changes:
            message = "the plan was applied already: nothing is left to change; nothing was written"
        return Outcome(plan.target, Status.MOVED_ON, plan, message=message, notes=plan.notes)
    differs = difference(saved.changes, plan.changes)
    if differs or saved.wanted != plan.wanted:
        edited = saved.wanted == plan.wanted
        who = (
            "the plan was edited" if edited else "the registry has changed since the plan was made"
        )
        message = "; ".join([f"{who}; nothing was written", *differs])
        return Outcome(plan.target, Status.REFUSED, plan, message=message, notes=plan.notes)
    return None
