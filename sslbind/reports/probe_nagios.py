"""The result of ``probe`` as one line for Nagios."""

from __future__ import annotations

from collections.abc import Sequence

from sslbind.probing.verdict import Result
from sslbind.reports.nagios import CRITICAL, OK, UNKNOWN, line

_SHOWN = 3


def report(results: Sequence[Result]) -> tuple[int, str]:
    """Return the exit code and the line."""
    if not results:
        return UNKNOWN, line(UNKNOWN, "nothing was probed")
    wrong = [one for one in results if one.status != "match" or one.expired]
    count, differing = len(results), sum(one.status != "match" for one in results)
    slowest = max((one.shown.seconds for one in results if one.shown), default=0.0)
    performance = {
        "connections": (count,),
        "differing": (differing, 0, 0, 0, count),
        "expired": (sum(one.expired for one in results), 0, 0, 0, count),
    }
    performance["slowest_ms"] = (round(slowest * 1000),)
    if not wrong:
        text = f"{count} of {count} connections as resolve says"
        return OK, line(OK, text, performance)
    named = "; ".join(f"{one.connection}: {one.message}" for one in wrong[:_SHOWN])
    more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return CRITICAL, line(
        CRITICAL, f"{len(wrong)} of {count} connections: {named}{more}", performance
    )
