"""Stand-ins that are served: every line runs in one process that has imported everything.

``python served.py FOLDER`` serves ``FOLDER/netsh`` and ``FOLDER/sslbind``, two
Unix sockets that the options ``--netsh`` and ``--sslbind`` of the differential
take in place of programs; on Windows, ``FOLDER/netsh.port`` and so on, files with
a port of the loopback address. Most of what a program costs is the start of its
interpreter. The server ends when its standard input does.
"""

from __future__ import annotations

import io
import json
import os
import pkgutil
import selectors
import socket
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import BinaryIO

from programs import Answer, CannotRunError, Program

from sslbind.grammar import split_line

_PORT = ".port"


def is_served(path: str) -> bool:
    """Whether ``path`` is the socket of a stand-in that is served, or has its port."""
    if path.endswith(_PORT):
        return True
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


class Served(Program):
    """A program that a server carries out; ``prefix`` starts with its socket."""

    def run(self, line: str) -> Answer:
        """Carry out ``line``, as a person types it after the program's name."""
        with _connect(self.prefix[0]) as server:
            words = [*self.prefix[1:], *split_line(line)]
            server.sendall(json.dumps([words, self.environment]).encode())
            server.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: server.recv(1 << 16), b""))
        return Answer(*json.loads(answer))

    def feed(self, lines: str, *words: str) -> Answer:
        """Refuse: a served line has no standard input."""
        raise CannotRunError("a stand-in that is served has no standard input")


def _connect(path: str) -> socket.socket:
    if path.endswith(_PORT):
        with open(path, encoding="ascii") as file:
            return socket.create_connection(("127.0.0.1", int(file.read())))
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    return server


def _listen(path: str) -> socket.socket:
    if sys.platform != "win32":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        with open(path + _PORT, "w", encoding="ascii") as file:
            file.write(str(listener.getsockname()[1]))
    listener.listen(64)
    return listener


def _netsh(words: list[str]) -> int:
    import standin_netsh

    return standin_netsh.run(words)


def _sslbind(words: list[str]) -> int:
    from sslbind.cli.entry import main

    return main(words)


PROGRAMS: Mapping[str, Callable[[list[str]], int]] = {"netsh": _netsh, "sslbind": _sslbind}


def serve(folder: str) -> None:
    """Serve every program, a line at a time, until standard input ends."""
    _import_everything()
    # The streams of this process are replaced while a line is carried out.
    threading.Thread(target=_end_with, args=(sys.stdin.buffer,), daemon=True).start()
    with selectors.DefaultSelector() as selector:
        for name in PROGRAMS:
            listener = _listen(os.path.join(folder, name))
            selector.register(listener, selectors.EVENT_READ, name)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                with key.fileobj.accept()[0] as client, suppress(BrokenPipeError):
                    client.sendall(json.dumps(_carry_out(client, key.data)).encode())


def _end_with(stream: BinaryIO) -> None:
    """End this process when ``stream`` does: select knows no pipes on Windows."""
    stream.read()
    os._exit(0)


def _import_everything() -> None:
    import standin_netsh  # noqa: F401

    import sslbind

    for module in pkgutil.walk_packages(sslbind.__path__, "sslbind."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def _carry_out(client: socket.socket, name: str) -> tuple[str, int, str]:
    """Run the line that ``client`` sends; return output, exit code and errors."""
    words, environment = json.loads(b"".join(iter(lambda: client.recv(1 << 16), b"")))
    os.environ.clear()
    os.environ.update(environment)
    streams = sys.stdin, sys.stdout, sys.stderr
    out, err = io.BytesIO(), io.BytesIO()
    sys.argv = [name]
    own = (
        io.TextIOWrapper(io.BytesIO(), encoding="utf-8"),
        io.TextIOWrapper(out, encoding="utf-8", newline=""),
        io.TextIOWrapper(err, encoding="utf-8", newline=""),
    )
    sys.stdin, sys.stdout, sys.stderr = own
    try:
        code = PROGRAMS[name](words)
    except Exception:  # noqa: BLE001  # as the interpreter does at its end
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        for stream in own[1:]:
            stream.flush()
        sys.stdin, sys.stdout, sys.stderr = streams
    return out.getvalue().decode(), code, err.getvalue().decode()


if __name__ == "__main__":
    serve(sys.argv[1])
