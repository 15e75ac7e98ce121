"""The rows of ``expiry`` as metrics for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sslbind.expiry import Row
from sslbind.reports.prometheus import Gauge, Sample, text


def report(rows: Sequence[Row], reachable: Mapping[str, bool], now: datetime) -> str:
    """Return the metrics.

    ``reachable`` says for each server whether it, or its file, could be read; ``now`` is
    the time of reading.
    """
    dates: list[Sample] = [
        (
            {
                "server": row.server,
                "kind": row.kind,
                "key": row.key,
                "thumbprint": row.thumbprint,
            },
            row.not_after.timestamp(),
        )
        for row in rows
        if row.not_after is not None
    ]
    unknown = Counter(row.server for row in rows if row.not_after is None)
    return text(
        (
            Gauge(
                "sslbind_binding_cert_not_after_timestamp_seconds",
                "When the certificate of a binding, or of a central-store file, expires.",
                dates,
            ),
            Gauge(
                "sslbind_bindings_without_known_cert",
                "How many bindings and files have a certificate with an unknown expiry date.",
                [({"server": one}, unknown[one]) for one, there in reachable.items() if there],
            ),
            Gauge(
                "sslbind_target_reachable",
                "Whether the server, or its file, could be read (1) or not (0).",
                [({"server": one}, there) for one, there in reachable.items()],
            ),
            Gauge(
                "sslbind_last_run_timestamp_seconds",
                "When sslbind last wrote these metrics.",
                [({"command": "expiry"}, now.timestamp())],
            ),
        )
    )
