"""A stand-in for HTTP.SYS: TLS on the loopback interface, answering from a registry.

``$SSLBIND_REGISTRY`` names the registry. ``$LIE=name-first`` looks for the
server name before the exact address, which is a mistake in many web pages.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
import tempfile
import threading
import time

from sslbind import Registry, Session, resolve
from sslbind.certificates.parsing import encode_chain, encode_key
from sslbind.resolver import Answer

TIMEOUT = 20


def listen(port: int) -> list[socket.socket]:
    """Return listeners for every address of the host, with IPv4 and IPv6 separate."""
    listeners = [socket.create_server(("0.0.0.0", port))]
    with contextlib.suppress(OSError):  # a host may have no IPv6
        listeners.append(socket.create_server(("::", port), family=socket.AF_INET6))
    return listeners


def answer(session: Session, address: str, port: int, name: str | None) -> Answer:
    """Return who answers; the lie looks again as if the connection had come in elsewhere."""
    if os.environ.get("LIE") == "name-first" and name:
        elsewhere = resolve(session.state, "127.9.9.9", port, name)
        if elsewhere.binding is not None and elsewhere.binding.key.host == name:
            return elsewhere
    return resolve(session.state, address, port, name)


def choose(secured: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int:
    """Give the connection its certificate, or end it."""
    assert isinstance(secured, ssl.SSLSocket)
    session = Session(Registry.open(os.environ["SSLBIND_REGISTRY"]))
    address, port = secured.getsockname()[:2]
    found = answer(session, address, port, name)
    stores, binding = session.stores, found.binding
    if found.outcome != "certificate" or binding is None or binding.certhash is None or not stores:
        return ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
    identity = stores.load(stores.require(binding.certhash, binding.store))
    assert identity.key is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "served.pem")
        with open(path, "wb") as file:
            file.write(encode_chain(identity) + encode_key(identity.key))
        context.load_cert_chain(path)
    secured.context = context
    return 0


def serve(listener: socket.socket) -> None:
    """Answer the connections of one listener."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda *given: choose(*given) or None
    while True:
        connection, _ = listener.accept()
        connection.settimeout(TIMEOUT)
        with (
            connection,
            contextlib.suppress(OSError),  # clients that are refused hang up
            context.wrap_socket(connection, server_side=True) as secured,
        ):
            secured.recv(1)


def main() -> None:
    """Listen on the ports of the command line until the process that started this has ended."""
    parent = os.getppid()
    for port in sys.argv[1:]:
        for listener in listen(int(port)):
            threading.Thread(target=serve, args=[listener], daemon=True).start()
    print("ready", flush=True)
    while os.getppid() == parent:
        time.sleep(0.5)


if __name__ == "__main__":
    main()
