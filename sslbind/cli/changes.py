"""Changes, described to people."""

from __future__ import annotations

from collections.abc import Callable

from sslbind.cli.lines import Reply
from sslbind.printable import printable
from sslbind.session import Change
from sslbind.tags import STORED


def plan(answer: Reply) -> str:
    """Return what a line would change, for a dry run; netsh's answer if it changes nothing."""
    if not answer.changes and not answer.plan:
        return "".join(answer.pieces)
    described = (describe(one, answer.called, would=True) for one in answer.changes)
    return "".join(described) + answer.plan


def describe(
    change: Change, called: Callable[[str], str] = lambda _: "", *, would: bool = False
) -> str:
    """Return what happened, or would happen, to one binding: a line, then one line per tag.

    ``called`` returns the name of a certificate by its thumbprint, empty if it is not known.
    """
    verb = {"added": "add", "updated": "update", "deleted": "delete"}.get(change.action)
    name = change.key.spec
    if verb is None:
        return f"unchanged {name}\n"
    lines = [f"would {verb} {name}\n" if would else f"{change.action} {name}\n"]
    if change.after is None:
        return lines[0]
    before = change.before.values if change.before else {}
    for tag, info in STORED.items():
        old, new = before.get(tag, info.default), change.after.values.get(tag, info.default)
        if old != new:
            shown = [info.text(value) if value is not None else "(null)" for value in (old, new)]
            if tag == "certhash":
                shown = [f"{one} ({name})" if (name := called(one)) else one for one in shown]
            text = shown[1] if change.before is None else f"{shown[0]} -> {shown[1]}"
            lines.append(f"    {tag}: {printable(text)}\n")
    return "".join(lines)
