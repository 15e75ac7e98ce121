"""Real servers on the loopback interface, good ones and bad ones, for what connects to them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pki import Issued
from tools import needs

LOOPBACK = "127.0.0.1"


def pem_file(folder: Path, issued: Issued) -> Path:
    """Write the certificate and its key into one file."""
    path = folder / f"{issued.thumbprint}.both.pem"
    path.write_bytes(issued.pem + issued.key_pem())
    return path


def free_port(address: str = LOOPBACK) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.bind((address, 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], address: str = LOOPBACK) -> None:
    """Return once something listens; fail where the process ends first."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection((address, port), 10):
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not listen on port {port}")


@contextlib.contextmanager
def running(
    *command: str | Path, port: int, address: str = LOOPBACK
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process, address)
        yield process
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def openssl_server(*options: str | Path, address: str = LOOPBACK) -> Iterator[int]:
    """Run ``openssl s_server`` with ``options``; give its port."""
    port = free_port(address)
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    command = (needs("openssl"), "s_server", "-quiet", "-accept", where, *options)
    with running(*command, port=port, address=address):
        yield port


@contextlib.contextmanager
def accepting(answer: Callable[[socket.socket], None], address: str = LOOPBACK) -> Iterator[int]:
    """Answer each connection by a function in a thread of its own; give the port."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, 0), family=family, backlog=256)
    threads: list[threading.Thread] = []

    def answer_one(connection: socket.socket) -> None:
        connection.settimeout(60)
        with connection, contextlib.suppress(OSError):
            answer(connection)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # the listener was shut down
                return
            one = threading.Thread(target=answer_one, args=(connection,), daemon=True)
            one.start()
            threads.append(one)

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):  # Windows: it is not connected; closing it is enough
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        server.join()
        for one in threads:
            one.join(60)


@contextlib.contextmanager
def python_server(
    folder: Path, default: Issued, names: dict[str, Issued], seen: list[bytes] | None = None
) -> Iterator[int]:
    """Serve a certificate for each name, and ``default`` to the others, by Python's ssl.

    What a client sends after the handshake goes into ``seen``.
    """

    def context(issued: Issued) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(pem_file(folder, issued))
        # A client that goes at once leaves tickets unread: it resets, and what it sent is lost.
        made.num_tickets = 0
        return made

    contexts = {name: context(issued) for name, issued in names.items()}
    main = context(default)

    def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = contexts.get(name or "", main)

    main.sni_callback = choose

    def answer(connection: socket.socket) -> None:
        with main.wrap_socket(connection, server_side=True) as secured:
            data = secured.recv(1000)
            if seen is not None:
                seen.append(data)

    with accepting(answer) as port:
        yield port


def silent(connection: socket.socket) -> None:
    """Send nothing, and wait for the client to go."""
    while connection.recv(4096):
        pass


def plain_text(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 \x1b[31mBad\x1b[0m|Request\r\n\r\n<h1>no</h1>")


def closing(connection: socket.socket) -> None:
    connection.recv(4096)


def resetting(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping(connection: socket.socket) -> None:
    """Send a handshake record of 16,000 bytes, one byte after the other."""
    connection.recv(4096)
    connection.sendall(b"\x16\x03\x03\x3e\x80")
    while True:
        connection.sendall(b"\x00")
        time.sleep(0.02)


def endless(connection: socket.socket) -> None:
    """Send one handshake message of 16 MB, as fast as it goes."""
    connection.recv(4096)
    body = b"\x0b\xff\xff\xff" + bytes(16000 - 4)
    while True:
        connection.sendall(b"\x16\x03\x03" + len(body).to_bytes(2, "big") + body)
        body = bytes(16000)
