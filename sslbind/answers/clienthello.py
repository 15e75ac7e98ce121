"""The server name in a ClientHello, read by the TLS library itself.

The bytes are fed to a server of the standard library and only the name is taken, so that
whatever Python's OpenSSL understands is understood here.
"""

from __future__ import annotations

import ssl
import sys
import warnings

from sslbind.errors import SslbindError

MAX_SIZE = 128 << 10
"""Bytes; real ones have a few hundred, and OpenSSL accepts none larger."""


def hello_name(data: bytes) -> str | None:
    r"""Return the server name of the ClientHello in ``data``, None if it has none.

    ``data`` are TLS records as a client sends them, one or several; what follows
    the ClientHello is not looked at. Bytes that are not ASCII come as ``\xc3``,
    and no record has such a name. Raises SslbindError if there is no whole
    ClientHello.
    """
    names: list[str | None] = []

    def see(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int:
        names.append(name)
        return ssl.AlertDescription.ALERT_DESCRIPTION_USER_CANCELLED

    incoming = ssl.MemoryBIO()
    incoming.write(data)
    server = _context(see).wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None  # the callback gets ASCII only; anything else is printed
    try:
        server.do_handshake()
    except ssl.SSLWantReadError:
        raise SslbindError("ends before the ClientHello does" if data else "is empty") from None
    except ssl.SSLError as error:
        if not names:
            names += _undecoded_name(data)
        if not names:
            why = (error.reason or "not TLS").lower().replace("_", " ")
            raise SslbindError(
                f"has no readable ClientHello: {why}",
                "it takes the first bytes that a client sends, as TLS records (0x16 0x03 …)",
            ) from None
    finally:
        sys.unraisablehook = hook
    return names[0] or None


def _undecoded_name(data: bytes) -> list[str]:
    """Return the server name of a ClientHello if it is not ASCII, which Python cannot decode.

    OpenSSL has read the message as far as this extension (RFC 6066 section 3),
    so its lengths are valid; an invalid one ends the search.
    """
    message, pos = b"", 0
    while data[pos : pos + 1] == b"\x16" and len(message) < MAX_SIZE:  # handshake records
        length = int.from_bytes(data[pos + 3 : pos + 5], "big")
        message += data[pos + 5 : pos + 5 + length]
        pos += 5 + length
    pos = 38  # type, length, version and random
    for width in (1, 2, 1):  # session, cipher suites, compression methods
        pos += width + int.from_bytes(message[pos : pos + width], "big")
    pos += 2  # the length of all extensions
    while pos + 4 <= len(message):
        kind, length = (int.from_bytes(message[at : at + 2], "big") for at in (pos, pos + 2))
        if kind == 0:  # server_name: the length of the list, type, length, name
            name = message[pos + 9 : pos + 4 + length]
            return [] if name.isascii() else [name.decode("ascii", "backslashreplace")]
        pos += 4 + length
    return []


def _context(see: object) -> ssl.SSLContext:
    """Return a TLS server for clients of any age; it never completes a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old TLS versions, which are intended
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.sni_callback = see  # type: ignore[assignment]
    return context
