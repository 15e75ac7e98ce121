"""Stand-ins that are served: each line runs in a fork of one process that has imported everything.

``python served.py FOLDER`` serves ``FOLDER/netsh`` and ``FOLDER/sslbind``, two
Unix sockets that the options ``--netsh`` and ``--sslbind`` of the differential
take in place of programs. A fork is a process of its own, as a program would
be, and costs a tenth of a start of the interpreter. It ends when its standard
input does.
"""

from __future__ import annotations

import gc
import io
import json
import os
import pkgutil
import selectors
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module

from programs import Answer, Program

from sslbind.grammar import split_line


def is_served(path: str) -> bool:
    """Whether ``path`` is the socket of a stand-in that is served."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


class Served(Program):
    """A program that a server carries out; ``prefix`` starts with its socket."""

    def run(self, line: str) -> Answer:
        """Carry out ``line``, as a person types it after the program's name."""
        with (
            socket.socket(socket.AF_UNIX) as server,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            server.connect(self.prefix[0])
            words = [*self.prefix[1:], *split_line(line)]
            socket.send_fds(server, [b"!"], [out.fileno(), err.fileno()])
            server.sendall(json.dumps([words, self.environment]).encode())
            server.shutdown(socket.SHUT_WR)
            code = int(server.recv(16))  # an empty one is a fork that died: a ValueError
            out.seek(0)
            err.seek(0)
            return Answer(self._text(out.read()), code, self._text(err.read()))


def _netsh(words: list[str]) -> int:
    import standin_netsh

    return standin_netsh.run(words)


def _sslbind(words: list[str]) -> int:
    from sslbind.cli.entry import main

    return main(words)


PROGRAMS: Mapping[str, Callable[[list[str]], int]] = {"netsh": _netsh, "sslbind": _sslbind}


def serve(folder: str) -> None:
    """Serve every program until standard input ends."""
    _import_everything()
    gc.collect()
    gc.freeze()  # what is never looked at is never copied
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        for name in PROGRAMS:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(os.path.join(folder, name))
            listener.listen(64)
            selector.register(listener, selectors.EVENT_READ, name)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    return _reap()
                assert isinstance(key.fileobj, socket.socket)
                connection = key.fileobj.accept()[0]
                if os.fork() == 0:
                    _carry_out(connection, key.data)
                connection.close()
                _reap()


def _reap() -> None:
    """Collect the forks that have ended, whose time then counts as that of this process."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _import_everything() -> None:
    import standin_netsh  # noqa: F401

    import sslbind

    for module in pkgutil.walk_packages(sslbind.__path__, "sslbind."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def _carry_out(client: socket.socket, name: str) -> None:
    """Run one line in this process, which is a fork and ends here."""
    code = 70
    try:
        _, files, _, _ = socket.recv_fds(client, 1, 2)
        request = b"".join(iter(lambda: client.recv(1 << 16), b""))
        words, environment = json.loads(request)
        os.environ.clear()
        os.environ.update(environment)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in enumerate(files, 1):
            os.dup2(file, number)
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115
        sys.stdout = io.TextIOWrapper(open(1, "wb"), encoding="utf-8")  # noqa: SIM115
        sys.stderr = io.TextIOWrapper(open(2, "wb"), encoding="utf-8", write_through=True)  # noqa: SIM115
        sys.argv = [name]
        code = PROGRAMS[name](words)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  # as the interpreter does at its end
        sys.excepthook(*sys.exc_info())
    finally:
        client.sendall(str(code).encode())
        os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
