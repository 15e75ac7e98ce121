"""The result of ``probe`` as metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sslbind.probing.verdict import Result
from sslbind.reports.prometheus import Gauge, text


def report(results: Sequence[Result], now: datetime) -> str:
    """Return the metrics; ``now`` is when they were taken."""
    rows = [(_labels(one), one) for one in results]
    return text(
        (
            Gauge(
                "sslbind_probe_match",
                "Whether the server serves what resolve says (1) or not (0).",
                [(labels, one.status == "match") for labels, one in rows],
            ),
            Gauge(
                "sslbind_probe_cert_not_after_timestamp_seconds",
                "When the served certificate expires.",
                [
                    ({**labels, "thumbprint": one.served}, one.certificate.not_after.timestamp())
                    for labels, one in rows
                    if one.certificate is not None and one.served is not None
                ],
            ),
            Gauge(
                "sslbind_probe_duration_seconds",
                "How long the connection and its handshake took.",
                [(labels, one.shown.seconds) for labels, one in rows if one.shown is not None],
            ),
            Gauge(
                "sslbind_last_run_timestamp_seconds",
                "When sslbind last wrote these metrics.",
                [({"command": "probe"}, now.timestamp())],
            ),
        )
    )


def _labels(result: Result) -> dict[str, str]:
    connection = result.connection
    server = {"server": connection.server} if connection.server else {}
    return server | {
        "address": connection.address,
        "port": str(connection.port),
        "name": connection.name or "",
    }
