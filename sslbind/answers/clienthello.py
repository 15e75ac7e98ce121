"""The server name in a ClientHello, read by the TLS library itself.

A server of the standard library is given the bytes and asked for nothing but
the name, so that whatever Python's OpenSSL understands is understood here.
"""

from __future__ import annotations

import ssl
import sys
import warnings

from sslbind.errors import SslbindError

MAX_SIZE = 128 << 10
"""Bytes; real ones have a few hundred, and OpenSSL takes no larger one."""


def hello_name(data: bytes) -> str | None:
    r"""Return the server name of the ClientHello in ``data``, None where it has none.

    ``data`` are TLS records as a client sends them, one or several; what follows
    the ClientHello is not looked at. Bytes that are not ASCII come as ``\xc3``,
    and no record has such a name. Raises SslbindError where there is no whole
    ClientHello.
    """
    names: list[str | None] = []

    def see(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int:
        names.append(name)
        return ssl.AlertDescription.ALERT_DESCRIPTION_USER_CANCELLED

    def undecoded(unraisable: sys.UnraisableHookArgs) -> None:
        # Python gives the callback ASCII only, and complains here of anything else.
        if isinstance(unraisable.object, bytes):
            names.append(unraisable.object.decode("ascii", "backslashreplace"))

    incoming = ssl.MemoryBIO()
    incoming.write(data)
    server = _context(see).wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    hook = sys.unraisablehook
    sys.unraisablehook = undecoded
    try:
        server.do_handshake()
    except ssl.SSLWantReadError:
        raise SslbindError("ends before the ClientHello does" if data else "is empty") from None
    except ssl.SSLError as error:
        if not names:
            why = (error.reason or "no TLS").lower().replace("_", " ")
            raise SslbindError(
                f"holds no ClientHello that can be read: {why}",
                "the bytes that a client sends first are meant, as TLS records (0x16 0x03 …)",
            ) from None
    finally:
        sys.unraisablehook = hook
    return names[0] or None


def _context(see: object) -> ssl.SSLContext:
    """Return a server for clients of any age, who need not be served."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old versions, which are meant
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.sni_callback = see  # type: ignore[assignment]
    return context
