"""Make the commands of a check a complete plan: a second check offers nothing new.

The result of the commands is checked on a copy of the records. Commands that do not help,
that the next check would undo, or that lead to an error are left out; what the next check
offers in addition is added to the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sslbind.check.advice import reconcile
from sslbind.check.command import FixCommand
from sslbind.check.finding import Finding
from sslbind.registry.bindings import in_order

if TYPE_CHECKING:
    from sslbind.check.command import Edit
    from sslbind.check.subject import Subject
    from sslbind.keys import Key

_CHECKS = 5
"""How many rounds of follow-up checks a plan gets."""

_FILES = "ccs-missing-file"
"""The error that follows turning on a central store: there are no files yet."""

Look = Callable[["Subject"], Sequence[Finding]]
"""The check itself: all selected rules, without suppressed findings."""


def complete(
    subject: Subject, findings: Sequence[Finding], look: Look, sited: frozenset[str]
) -> list[Finding]:
    """Return the findings of ``subject`` with commands that are consistent and complete.

    ``look`` runs the same rules on a copy. ``sited`` are the rules that look at sites: what
    a site needs comes first.
    """
    barred: dict[str, str] = {}
    while True:
        plan, last = _followed(subject, findings, look, sited, barred)
        caused = _caused(findings, _commands(plan), last)
        if not caused:
            return plan
        barred |= caused


def _followed(
    subject: Subject,
    findings: Sequence[Finding],
    look: Look,
    sited: frozenset[str],
    barred: Mapping[str, str],
) -> tuple[list[Finding], Sequence[Finding]]:
    """Return the plan with its follow-up commands, and what is found at its end."""
    plan, after = _settle(subject, findings, look, sited, barred)
    then: Sequence[Finding] = plan
    for _ in range(_CHECKS):
        if after is None:
            break
        known = {one.command for one in plan}
        then, after = _settle(*after, look, sited, barred)
        new = [one for one in then if one.command and one.command not in known]
        _extend(plan, new)
        if not _commands(new):
            break
    return plan, then


def _settle(
    subject: Subject,
    findings: Sequence[Finding],
    look: Look,
    sited: frozenset[str],
    barred: Mapping[str, str],
) -> tuple[list[Finding], tuple[Subject, Sequence[Finding]] | None]:
    """Return the findings with those commands that the next check does not contradict.

    Also return what that check looks at and finds; None if no command changes anything.
    """
    barred = dict(barred)
    while True:
        plan = reconcile(subject, findings, sited, barred)
        commands = _commands(plan)
        if not commands:
            return plan, None
        after = _after(subject, commands)
        found = look(after)
        regretted = _regretted(plan, reconcile(after, found, sited, {}))
        if not regretted:
            return plan, (after, found)
        barred |= regretted


def _after(subject: Subject, commands: Iterable[FixCommand]) -> Subject:
    """Return the subject as it is after all commands."""
    records = dict(subject.bindings)
    central = None
    for command in commands:
        central = command.central or central
        for edit in command.edits:
            after = edit.apply(records.get(edit.key))
            if after is None:
                records.pop(edit.key, None)
            else:
                records[edit.key] = after
    return subject.after(in_order(records), central)


def _regretted(plan: Sequence[Finding], then: Sequence[Finding]) -> dict[str, str]:
    """Return the commands of a plan that the next check finds wrong, and why."""
    commands = dict.fromkeys(_commands(plan))
    without = [one for one in then if one.command is None]  # else the next command corrects it
    vain = (str(one.command) for one in then if one.command in commands)
    return (
        _caused(plan, commands, without)
        | dict.fromkeys(vain, "it would not be enough")
        | _undone(commands, then)
    )


def _caused(
    before: Iterable[Finding], commands: Collection[FixCommand], then: Iterable[Finding]
) -> dict[str, str]:
    """Return the commands that lead to new errors, and to which."""
    known = {_identity(one) for one in before}
    caused: dict[str, str] = {}
    for one in then:
        if one.severity == "error" and one.rule != _FILES and _identity(one) not in known:
            why = f"it would lead to {one.rule}"
            caused |= dict.fromkeys(map(str, _leading_to(one, commands)), why)
    return caused


def _undone(commands: Iterable[FixCommand], then: Iterable[Finding]) -> dict[str, str]:
    """Return the commands that a command of the next check would undo."""
    done: dict[Key, list[tuple[FixCommand, Edit]]] = {}
    for command in commands:
        for edit in command.edits:
            done.setdefault(edit.key, []).append((command, edit))
    return {
        str(command): f"{one.rule} would then ask for the opposite"
        for one in then
        if isinstance(one.command, FixCommand)
        for edit in one.command.edits
        for command, before in done.get(edit.key, ())
        if command != one.command and (edit.verb != "update" or edit.contradicts(before))
    }


def _identity(finding: Finding) -> tuple[str, str | None, str]:
    return finding.rule, finding.key, finding.about


def _leading_to(error: Finding, commands: Collection[FixCommand]) -> Sequence[FixCommand]:
    """Return the commands that may have caused an error: of its record, else of its port."""
    same = [one for one in commands if any(str(edit.key) == error.key for edit in one.edits)]
    if same or error.key is None:
        return same
    port = error.key.rpartition(":")[2]
    return [
        one
        for one in commands
        if one.central or any(str(edit.key.port) == port for edit in one.edits)
    ]


def _commands(findings: Iterable[Finding]) -> list[FixCommand]:
    """Return the commands that change records or the central store, each once."""
    found = (one.command for one in findings)
    return list(dict.fromkeys(one for one in found if isinstance(one, FixCommand)))


def _extend(plan: list[Finding], new: Iterable[Finding]) -> None:
    """Add the follow-up commands to a plan.

    An existing finding without a command gets it, unless the command must follow another
    one of the same record, or of any record if it is for all those of a certificate.
    """
    edits = [edit for one in _commands(plan) for edit in one.edits]
    keys = {edit.key for edit in edits}
    gone = {str(edit.key) for edit in edits if edit.verb == "delete"}
    idle = {_identity(one): number for number, one in enumerate(plan) if one.command is None}
    leaving = {
        (one.rule, one.message): number
        for number, one in enumerate(plan)
        if one.command is None and one.key in gone
    }
    for one in new:
        later = isinstance(one.command, FixCommand) and (
            one.command.of_certificate or any(edit.key in keys for edit in one.command.edits)
        )
        # Its record may be gone by then, and the same text be about another one.
        place = idle.get(_identity(one), leaving.get((one.rule, one.message)))
        if later or place is None:
            plan.append(one._replace(message=f"after the other commands: {one.message}"))
        else:
            plan[place] = plan[place]._replace(advice=one.advice, command=one.command)
