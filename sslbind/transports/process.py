"""A local program, run with a time limit and a limit on its output."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import IO

from sslbind.errors import SslbindError, reason
from sslbind.transports.transport import MAX_ANSWER, Ran

_GROUP = sys.platform != "win32"
"""Whether a program gets a process group of its own, so that its children can be ended too."""
_CHUNK = 1 << 16
_running: set[subprocess.Popen[bytes]] = set()
"""What is running now; it is ended when this process ends, for example by Ctrl-C."""


def run_process(
    argv: Sequence[str],
    script: bytes,
    timeout: float,
    *,
    folder: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run ``argv`` (never a shell) with ``script`` as its standard input for ``timeout`` seconds.

    Threads feed and read it, so that a child that keeps the pipes open cannot block the
    caller. Raises SslbindError if the program cannot be started.
    """
    due = time.monotonic() + timeout
    try:
        process = subprocess.Popen(  # noqa: S603  # an argv of the targets file or of ours
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=None if env is None else dict(env),
            start_new_session=_GROUP,
        )
    except (OSError, ValueError) as error:
        raise SslbindError(f"{argv[0]} cannot be started: {reason(error)}") from None
    ended = False
    _running.add(process)
    try:
        output, errors = bytearray(), bytearray()
        threads = [
            _start(_feed, process.stdin, script),
            _start(_read, process.stdout, output),
            _start(_read, process.stderr, errors),
        ]
        ended = _wait(process, due)
        for thread in threads:
            thread.join(max(0.0, due - time.monotonic()))
        return Ran(bytes(output), bytes(errors), process.returncode if ended else None)
    finally:
        if not ended:
            _end(process)
        _running.discard(process)


@atexit.register
def _end_all() -> None:
    for process in [*_running]:
        _end(process)


def _wait(process: subprocess.Popen[bytes], due: float) -> bool:
    """Return whether the process ended in time."""
    try:
        process.wait(max(0.0, due - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children."""
    with contextlib.suppress(OSError):
        if _GROUP:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)


def _start(function: Callable[..., None], stream: IO[bytes] | None, data: object) -> Thread:
    thread = Thread(target=function, args=(stream, data), daemon=True)
    thread.start()
    return thread


def _feed(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        stream.write(data)


def _read(stream: IO[bytes], into: bytearray) -> None:
    with contextlib.suppress(OSError, ValueError), stream:
        while len(into) < MAX_ANSWER and (chunk := os.read(stream.fileno(), _CHUNK)):
            into += chunk
