"""After bindings were read back: whether clients get what the registry says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from threading import Lock

from sslbind.errors import SslbindError
from sslbind.parallel import in_parallel
from sslbind.planning.outcome import Outcome, Status
from sslbind.probing.connections import addresses_of, connections_of
from sslbind.probing.verdict import Prober
from sslbind.session import Session
from sslbind.targets import Target

JOBS = 8
"""Connections to one target at once; several targets are probed at the same time."""
_ASKING = Lock()  # targets that share a registry share its session, which is not thread-safe


def disagreements(target: Target, session: Session, now: datetime) -> list[str]:
    """Return a sentence for each connection on which the target serves something different.

    Every name and address of the registry is tried at each address of the target.
    Raises SslbindError if that has none.
    """
    addresses = [one for host in target.probed for one in addresses_of(host)]
    with _ASKING:
        prober = Prober(session, now)
        asked = connections_of(session, addresses).connections
        expected = {one: prober.expect(one) for one in asked}
    found = {}
    for connection, result in in_parallel(
        [*expected], lambda one: prober.probe(one, expected[one]), JOBS
    ):
        if result.status != "match":
            found[connection] = f"{connection}: {result.message}"
    return [found[one] for one in expected if one in found]


def proved(outcome: Outcome, ask: Callable[[], list[str]]) -> Outcome:
    """Return ``outcome``, changed to incomplete if a done target serves something different."""
    if outcome.status is not Status.DONE:
        return outcome
    try:
        wrong = ask()
    except SslbindError as error:
        wrong = [str(error)]
    if not wrong:
        return outcome
    message = "its bindings are there, but clients get something different"
    return outcome._replace(status=Status.INCOMPLETE, missing=tuple(wrong), message=message)
