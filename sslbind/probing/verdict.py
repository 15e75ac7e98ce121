"""Compare what a server served with what ``resolve`` says, and describe the result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslbind.answers.reasons import because
from sslbind.answers.report import state
from sslbind.certificates.names import ascii_name
from sslbind.digest import thumbprint as thumbprint_of
from sslbind.errors import SslbindError
from sslbind.printable import printable
from sslbind.probing.connections import Connection
from sslbind.probing.handshake import Family, Shown, prepare, shake_hands
from sslbind.resolver import Answer, State, resolve
from sslbind.wording import day, some

if TYPE_CHECKING:
    from sslbind.certificates.identity import Certificate
    from sslbind.keys import Key
    from sslbind.session import Session

Status = Literal["match", "differs", "unreachable", "unknown"]
Shake = Callable[[str, int, str | None, float, Family], Shown]

_NOTHING: dict[str, frozenset[str]] = {
    "no-match": frozenset(("reset", "closed", "alert")),
    "not-listening": frozenset(("refused", "reset", "no-answer", "unreachable")),
    "dropped": frozenset(("reset", "closed", "alert")),
    "broken": frozenset(("reset", "closed", "alert")),
}
"""What a server without a certificate may do, by the answer of ``resolve``."""
_NAMES = 5


class Expected(NamedTuple):
    """What ``resolve`` answers for a connection; ``thumbprint`` is None for no certificate."""

    outcome: str
    thumbprint: str | None
    binding: Key | None
    reason: str


class Result(NamedTuple):
    """One connection: what was expected, what was served, and whether they agree.

    ``message`` is a sentence without the connection in front. ``served`` is the
    thumbprint that was served, ``certificate`` its content, None if it cannot be read.
    ``expired``: the served certificate has expired or is not valid yet.
    """

    connection: Connection
    expected: Expected
    status: Status
    message: str
    shown: Shown | None = None
    served: str | None = None
    certificate: Certificate | None = None
    expired: bool = False


class Prober:
    """Probes the connections of one registry, whose handshakes several threads may make."""

    def __init__(self, session: Session, now: datetime, timeout: float = 5.0) -> None:
        self._state: State = state(session)._replace(bindings=dict(session.registry.bindings))
        self._iplisten = session.registry.iplisten
        self._central = _central_thumbprints(session)
        self._ports = {key.port for key in session.registry.bindings}
        self._now = now
        self._timeout = timeout
        self._read: dict[str, Certificate | None] = {}
        prepare()

    def expect(self, connection: Connection) -> Expected:
        """Return what ``resolve`` answers for the connection; call it from one thread."""
        if not connection.address:
            return Expected("unknown", None, None, "")
        answer = resolve(self._state, connection.address, connection.port, connection.name)
        key = None if answer.binding is None else answer.binding.key
        return Expected(
            answer.outcome, self._thumbprint(answer), key, because(answer, self._iplisten)
        )

    def probe(self, connection: Connection, expected: Expected) -> Result:
        """Connect, and return how the result compares with ``expect``; nothing is raised.

        One connection is made, and a second one if the first certificate is not the
        expected one: a server may have a pair, RSA and ECDSA.
        """
        if not connection.address:
            return Result(connection, expected, "unreachable", connection.problem)
        shown = self._shake(connection, "any")
        if shown.outcome != "certificate":
            agrees = shown.outcome in _NOTHING.get(expected.outcome, ())
            if expected.outcome == "no-match" and connection.port not in self._ports:
                agrees = agrees or shown.outcome == "refused"  # without a record nothing may listen
            status: Status = _status(expected, agrees=agrees)
            if status == "differs" and shown.outcome in ("unreachable", "no-answer"):
                status = "unreachable"
            return Result(connection, expected, status, _sentence(expected, shown.detail), shown)
        served = thumbprint_of(shown.der)
        certificate = self._certificate(served, shown.der)
        agrees = served == expected.thumbprint
        what = f"serves {served}" + (f" ({_described(certificate)})" if not agrees else "")
        message = _sentence(expected, what + (f"; {shown.detail}" if shown.detail else ""), agrees)
        if not agrees and expected.thumbprint:
            message += self._pair(connection, expected.thumbprint, certificate)
        trouble = self._trouble(certificate)
        return Result(
            connection,
            expected,
            _status(expected, agrees=agrees),
            message + (f"; {trouble}" if trouble else ""),
            shown,
            served,
            certificate,
            bool(trouble),
        )

    def _shake(self, connection: Connection, family: Family) -> Shown:
        name = connection.name and ascii_name(connection.name)
        return shake_hands(connection.address, connection.to, name or None, self._timeout, family)

    def _pair(self, connection: Connection, wanted: str, served: Certificate | None) -> str:
        """Return a clause if clients of another kind get the right certificate."""
        elliptic = served is not None and served.key_type.startswith("EC")
        family: Family = "RSA" if elliptic else "ECDSA"
        shown = self._shake(connection, family)
        if not shown.der or thumbprint_of(shown.der) != wanted:
            return ""
        return f"; only clients that request {family} get it: the server has a pair"

    def _certificate(self, thumbprint: str, der: bytes) -> Certificate | None:
        """Return the content of a certificate; it comes from the server, and may be nonsense."""
        if thumbprint not in self._read:
            from sslbind.certificates.parsing import read_bundle

            try:
                self._read[thumbprint] = read_bundle(der).certificates[0]
            except SslbindError:
                self._read[thumbprint] = None
        return self._read[thumbprint]

    def _trouble(self, certificate: Certificate | None) -> str:
        if certificate is None:
            return ""
        if self._now > certificate.not_after:
            return f"it expired on {day(certificate.not_after)}"
        if self._now < certificate.not_before:
            return f"it is not valid before {day(certificate.not_before)}"
        return ""

    def _thumbprint(self, answer: Answer) -> str | None:
        if answer.outcome != "certificate" or answer.binding is None or answer.step is None:
            return None
        return self._central.get(answer.step.stem) if answer.step.stem else answer.binding.certhash


def _status(expected: Expected, *, agrees: bool) -> Status:
    if expected.outcome == "unknown":
        return "unknown"
    return "match" if agrees else "differs"


def _central_thumbprints(session: Session) -> dict[str, str]:
    """Return the thumbprints of the central store's files by their stem."""
    found: dict[str, str] = {}
    for file in session.central.files() if session.central else ():
        if file.name is not None and file.entry.thumbprint:
            stem = f"_.{file.name[2:]}" if file.name.startswith("*.") else file.name
            found[stem] = file.entry.thumbprint
    return found


def _sentence(expected: Expected, what: str, agrees: bool = False) -> str:
    """Return a sentence: what happened, and what ``resolve`` says."""
    by = f" by {expected.binding.spec}" if expected.binding else ""
    if agrees:
        return f"{what}{by}, as resolve says"
    if expected.thumbprint:
        return f"{what}, but resolve says {expected.thumbprint}{by}"
    return f"{what}, but resolve says {expected.outcome}{by}: {expected.reason}"


def _described(certificate: Certificate | None) -> str:
    """Return whom a certificate is for and how long it is valid, safe for a terminal."""
    if certificate is None:
        return "which cannot be read"
    names = some(certificate.names, _NAMES) or certificate.subject or "without a name"
    return f"{printable(names)}, until {day(certificate.not_after)}"
