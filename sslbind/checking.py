"""Run the rules of ``check`` on one registry, and apply its suppressions to the findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sslbind.check import Subject, check, rules
from sslbind.check.plan import complete
from sslbind.check.remembered import CheckResult, Memory
from sslbind.check.suppress import Split, split
from sslbind.moments import SOON, SpanOrThird, Window
from sslbind.session import Session
from sslbind.sites import Sites


def check_registry(  # noqa: PLR0913  # one parameter for each option of the command
    session: Session,
    now: datetime,
    *,
    soon: Window | SpanOrThird = SOON,
    sites: Sequence[Sites] = (),
    ids: Collection[str] | None = None,
    named: bool = False,
) -> Split:
    """Return what is wrong with a registry at ``now``: findings, and those it suppresses.

    A certificate that expires within ``soon`` is a finding. ``sites`` are IIS configuration
    files to compare with; ``ids`` the rules to run, None for all. ``named``: commands in
    findings name the registry even if it is the default file. The commands of the findings
    are consistent with each other: see ``check.plan``.
    """
    sites = (*sites, *session.registry.provenance.sites)
    subject = Subject(session, now, soon, sites, named=named)
    everything = ids is None  # otherwise a suppression may be for a rule that did not run
    looked = {id_ for id_, rule in rules().items() if everything and (sites or not rule.sites)}
    sited = frozenset(id_ for id_, rule in rules().items() if rule.sites)

    def look(subject: Subject) -> Split:
        return split(session.registry, check(subject, ids), now.date(), looked)

    result = look(subject)
    findings = complete(subject, result.findings, lambda then: look(then).findings, sited)
    return result._replace(findings=findings)


def check_again(  # noqa: PLR0913  # one parameter for each option of the command
    session: Session,
    now: datetime,
    *,
    soon: Window | SpanOrThird = SOON,
    sites: Sequence[Sites] = (),
    ids: Collection[str] | None = None,
    named: bool = False,
) -> CheckResult:
    """Return what ``check_registry`` returns, from the cache if nothing has changed."""
    memory = None if sites else Memory(session, soon, ids, named=named)
    answer = memory.recall(now) if memory else None
    if answer is None:
        found = check_registry(session, now, soon=soon, sites=sites, ids=ids, named=named)
        answer = CheckResult(found, len(session.registry.bindings))
        if memory:
            memory.remember(now, answer)
    return answer
