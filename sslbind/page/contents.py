"""The content of the report as data: servers with their ports, certificates and findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sslbind.answers.table import Port, Table
from sslbind.checking import check_again
from sslbind.comparison import ServerState, compare, server_state
from sslbind.expiry import FILE, Row, expiry_rows
from sslbind.moments import SOON, SpanOrThird, Window

if TYPE_CHECKING:
    from sslbind.check.finding import Finding, Severity
    from sslbind.comparison import Comparison
    from sslbind.session import Session


class Moment(NamedTuple):
    """The time of the report, and how long before its expiry a certificate is due."""

    now: datetime
    window: Window | SpanOrThird = SOON


class ServerReport(NamedTuple):
    """One server: its ports, the expiry of each certificate, and what is wrong.

    ``problem`` says why it could not be read; all else is empty then. ``places``
    are the rows of ``expiry`` by kind and key, ``worst`` the most severe finding of a
    binding. ``notes`` are sentences on what is not known.
    """

    name: str
    path: str
    problem: str = ""
    release: str = ""
    iplisten: tuple[str, ...] = ()
    ports: Sequence[Port] = ()
    places: Mapping[tuple[str, str], Row] = {}
    findings: Sequence[Finding] = ()
    suppressed: int = 0
    notes: Sequence[str] = ()
    state: ServerState | None = None

    @property
    def bindings(self) -> int:
        """How many bindings it has."""
        return sum(len(port.candidates) for port in self.ports)


class CertificateUse(NamedTuple):
    """One certificate wherever it is used: ``row`` is any of its places, ``places`` all."""

    row: Row
    places: tuple[tuple[str, str], ...]
    """Server and key of each place."""

    def days_left(self, now: datetime) -> int:
        """Return the whole days until it expires; negative afterwards."""
        end = self.row.not_after
        assert end is not None  # noqa: S101  # the others are not listed
        return (end - now).days if end >= now else -(now - end).days


class ReportContents(NamedTuple):
    """The whole content of the report, at one point in time."""

    moment: Moment
    servers: Sequence[ServerReport]
    certificates: Sequence[CertificateUse]
    """Each certificate once, in the order in which they expire."""
    comparison: Comparison | None

    @property
    def severities(self) -> Counter[Severity]:
        """How many findings there are of each severity."""
        return Counter(one.severity for server in self.servers for one in server.findings)


def report_on(
    session: Session, name: str, moment: Moment, *, named: bool = False, release_given: bool = False
) -> ServerReport:
    """Return the report on one server; raise SslbindError if it cannot be read.

    ``named``: commands name the registry even if it is the default one. ``release_given``:
    the session's release was given, and is the server's.
    """
    registry = session.registry
    found = check_again(session, moment.now, soon=moment.window, named=named).split
    notes = [*registry.provenance.notes, *registry.provenance.left_out, *found.notes]
    if session.stores is None:
        notes.append("Certificates are not modelled: names and dates of bindings are not known.")
    return ServerReport(
        name,
        registry.path,
        release=session.release.title,
        iplisten=registry.iplisten,
        ports=[*Table(session).ports(None)],
        places={(row.kind, row.key): row for row in expiry_rows(session, name)},
        findings=found.findings,
        suppressed=len(found.suppressed),
        notes=notes,
        state=server_state(session, release_given=release_given)._replace(name=name),
    )


def contents(servers: Sequence[ServerReport], moment: Moment) -> ReportContents:
    """Return the report on ``servers``, side by side if there are two or more."""
    states = [one.state for one in servers if one.state is not None]
    comparison = compare(states) if len(states) > 1 else None
    return ReportContents(moment, servers, _certificates(servers), comparison)


def _certificates(servers: Sequence[ServerReport]) -> Sequence[CertificateUse]:
    rows: dict[str, Row] = {}
    places: dict[str, list[tuple[str, str]]] = {}
    for server in servers:
        for row in server.places.values():
            if row.not_after is not None:
                rows.setdefault(row.thumbprint, row)
                key = f"{row.key} (central store)" if row.kind == FILE else row.key
                places.setdefault(row.thumbprint, []).append((server.name, key))
    found = [CertificateUse(row, tuple(places[thumbprint])) for thumbprint, row in rows.items()]
    return sorted(found, key=lambda one: (one.row.not_after, one.row.thumbprint))
