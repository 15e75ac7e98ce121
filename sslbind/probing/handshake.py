"""One TLS handshake with a server, as by a client, and nothing after it.

The context accepts anything: TLS 1.0, old ciphers, certificates that do not verify. The
question is which certificate is served, not whether to trust it. No application data is
ever sent. Time and bytes are bounded, whatever the server does.
"""

from __future__ import annotations

import functools
import socket
import ssl
import time
import warnings
from typing import Literal, NamedTuple, get_args

from sslbind.errors import reason
from sslbind.probing.records import Alert, alert_of, certificate_of, is_tls

MAX_RECEIVED = 1 << 20
"""Bytes that a server may send before the handshake is abandoned; a long chain has 20,000."""
_CHUNK = 16 << 10
_LEGACY_SERVER_CONNECT = 0x4  # named ssl.OP_LEGACY_SERVER_CONNECT since Python 3.12
_LEGACY_CIPHERS = "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"

Family = Literal["any", "RSA", "ECDSA"]
"""The types of certificates that a client offers to accept."""

Outcome = Literal[
    "certificate",  # it sent one
    "refused",  # nothing listens
    "unreachable",  # no route
    "no-answer",  # to the TCP connection
    "silent",  # not one byte
    "slow",  # some bytes, but no certificate in time
    "endless",  # too many bytes
    "plain-text",
    "reset",
    "closed",
    "alert",
    "failed",  # nothing in common, or the server violates the protocol
]


class Shown(NamedTuple):
    """What a server did with one handshake.

    ``der`` is the certificate, empty if none was sent. ``detail`` says in a clause what
    happened instead, or why the handshake stopped. ``version`` is the TLS version, empty if
    it is not known.
    """

    outcome: Outcome
    seconds: float
    der: bytes = b""
    version: str = ""
    detail: str = ""


def shake_hands(
    address: str, port: int, name: str | None, timeout: float, family: Family = "any"
) -> Shown:
    """Return what the server at ``address`` does with a client that sends ``name``.

    ``name`` is a host name in A-labels, None if no server name is sent;
    ``timeout`` is in seconds, for connection and handshake together.
    """
    start = time.monotonic()
    der, version = b"", ""
    outcome: Outcome
    try:
        attempt = _Attempt(name, start + timeout, family)
        with socket.create_connection((address, port), timeout) as connection:
            outcome, detail = attempt.run(connection, timeout)
            der, version = attempt.der, attempt.version
    except ConnectionRefusedError:
        outcome, detail = "refused", "the connection is refused: nothing listens there"
    except TimeoutError:
        outcome, detail = "no-answer", f"the connection is not accepted within {_seconds(timeout)}"
    except ConnectionResetError:
        outcome, detail = "reset", "the server resets the connection"
    except (OSError, ValueError) as error:
        outcome, detail = "unreachable", f"it cannot be reached: {reason(error)}"
    return Shown(outcome, time.monotonic() - start, der, version, detail)


def prepare() -> None:
    """Create what all handshakes share; call it before starting threads."""
    for family in get_args(Family):
        _context(family)


class _Attempt:
    """The client's side of one handshake, fed by hand so that it ends in time."""

    def __init__(self, name: str | None, deadline: float, family: Family) -> None:
        self.der = b""
        self.version = ""
        self._deadline = deadline
        self._received = bytearray()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _context(family).wrap_bio(self._incoming, self._outgoing, server_hostname=name)

    def run(self, connection: socket.socket, timeout: float) -> tuple[Outcome, str]:
        """Do the handshake over ``connection``; return its outcome."""
        try:
            while not self._step():
                self._exchange(connection)
            self._send(connection)
        except OverflowError:
            ended = f"the server sends more than {MAX_RECEIVED} bytes and no certificate"
            return "endless", ended
        except (OSError, EOFError) as error:
            return self._failed(error, timeout)
        return "certificate", ""

    def _failed(self, error: Exception, timeout: float) -> tuple[Outcome, str]:
        match error:
            case TimeoutError():
                return self._late(timeout)
            case ssl.SSLError():
                return self._refused(error)
            case EOFError():
                return self._ended("closed", "the server closes the connection")
            case ConnectionResetError():
                return self._ended("reset", "the server resets the connection")
        return self._ended("reset", f"the connection breaks: {reason(error)}")

    def _step(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.der = self._tls.getpeercert(binary_form=True) or b""
        self.version = self._tls.version() or ""
        return True

    def _exchange(self, connection: socket.socket) -> None:
        self._send(connection)
        connection.settimeout(self._left())
        data = connection.recv(_CHUNK)
        if not data:
            raise EOFError
        self._received += data
        if len(self._received) > MAX_RECEIVED:
            raise OverflowError
        self._incoming.write(data)

    def _send(self, connection: socket.socket) -> None:
        data = self._outgoing.read()
        if data:
            connection.settimeout(self._left())
            connection.sendall(data)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _late(self, timeout: float) -> tuple[Outcome, str]:
        within = _seconds(timeout)
        if self._received:
            return self._ended("slow", f"the handshake is not done within {within}")
        return "silent", f"the server accepts the connection but sends nothing within {within}"

    def _refused(self, error: ssl.SSLError) -> tuple[Outcome, str]:
        if self._received and not is_tls(self._received):
            line = bytes(self._received[:60]).splitlines()[0].decode("ascii", "backslashreplace")
            return "plain-text", f"the server does not speak TLS: {line!r}"
        alert = alert_of(self._received)
        if alert is not None:
            return self._ended("alert", f"the server ends the handshake with {_name(alert)}")
        words = (error.reason or str(error)).replace("_", " ").lower()
        return self._ended("failed", f"the handshake fails: {words}")

    def _ended(self, outcome: Outcome, detail: str) -> tuple[Outcome, str]:
        """Return ``outcome``, unless the certificate was sent before the failure.

        Up to TLS 1.2 it is sent in the clear, so a server that then refuses a client
        without a certificate has still sent its own.
        """
        if not self.der:
            self.der = certificate_of(self._received)
        return ("certificate" if self.der else outcome), detail


@functools.cache
def _context(family: Family) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options |= _LEGACY_SERVER_CONNECT
    with warnings.catch_warnings():  # deprecated TLS 1.0 is allowed on purpose
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.TLSv1
    if family == "any":
        context.set_ciphers(_LEGACY_CIPHERS)
    else:  # in TLS 1.3 a cipher says nothing about the certificate
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"a{family}:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0")
    return context


def _seconds(timeout: float) -> str:
    return f"{timeout:g} second{'s' * (timeout != 1)}"


def _name(alert: Alert) -> str:
    try:
        name = ssl.AlertDescription(alert.code).name.removeprefix("ALERT_DESCRIPTION_")
    except ValueError:
        return f"alert {alert.code}"
    return f"alert {alert.code} ({name.lower()})"
