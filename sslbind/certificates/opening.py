"""Time limits for PFX files: each is first opened in a separate process.

An encrypted part of a PFX file may demand any number of key derivation rounds
for its content. Only its password reveals them, and OpenSSL computes them without checking
for signals: 2^31 take half an hour. So a file with such a part is opened in a process that
can be killed; once it has been opened, its digest is remembered, and it is opened here. If
no process can be started, as in a program without its own interpreter, there is no limit.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from sslbind import cache
from sslbind.certificates import der
from sslbind.certificates.deferral import defer
from sslbind.errors import CertificateError

LIMIT = 15
"""Seconds that opening a file may take; the visible rounds take at most two."""
TOO_SLOW = f"takes more than {LIMIT} seconds to open: too many hidden key derivation rounds"

_ENCRYPTED = bytes.fromhex("06092a864886f70d010706")  # pkcs7-encryptedData
_SLOT = "opened-pfx"
_SLOW_SLOT = "slow-pfx"  # digests, each with the time (seconds, 8 bytes) when it was too slow
_SLOW_FOR = 86_400  # seconds: the machine may have been busy
_DIGEST = 16
_KEPT = 48 << 14  # bytes: some 49,000 files, and of slow ones some 33,000
_CODE = (
    "import json, sys\n"
    "sys.path[:] = json.loads(sys.argv[1])\n"
    "from sslbind.certificates.{} import answer\n"
    "answer()\n"
)
_opened: set[bytes] = set()
_too_slow: set[bytes] = set()
_here = False


def digest(data: bytes) -> bytes:
    """Return the identity under which a file is remembered."""
    from hashlib import sha256

    return sha256(data).digest()[:_DIGEST]


def needs_limit(data: bytes) -> bool:
    """Whether a file has a part that may hide work and has not been opened before."""
    if _here or der.kind(data) != "pkcs12":
        return False
    try:
        hides = _ENCRYPTED in der.normal(data)
    except der.NotBerError:  # the reader will refuse it
        return False
    return hides and digest(data) not in _opened and digest(data) not in _remembered()


def open_here() -> None:
    """Set no limit in this process: it is the one that can be killed."""
    global _here  # noqa: PLW0603  # a process is one or the other
    _here = True


def remember(digests: set[bytes]) -> None:
    """Remember files that were opened, by their digests."""
    new = digests - _opened
    if not new:
        return
    _opened.update(new)
    known = cache.recall(_SLOT) or b""
    kept = {known[at : at + _DIGEST] for at in range(0, len(known), _DIGEST)}
    if new - kept:
        cache.remember(_SLOT, (known + b"".join(sorted(new - kept)))[-_KEPT:])


def check(data: bytes, passwords: Sequence[bytes]) -> None:
    """Let another process open a PFX file; raise CertificateError if that takes too long.

    A file that took too long is not tried again by this process, nor by others for a day.
    """
    if digest(data) in _too_slow or _was_slow(data):
        raise _refusal()
    defer(lambda: _open_apart(data, passwords))
    if not _open_apart(data, passwords):
        raise _refusal()


def remember_slow(data: bytes) -> None:
    """Remember for a day that a file takes too long."""
    _too_slow.add(digest(data))
    known = cache.recall(_SLOW_SLOT) or b""
    cache.remember(_SLOW_SLOT, (known + digest(data) + int(time.time()).to_bytes(8))[-_KEPT:])


def _was_slow(data: bytes) -> bool:
    known, one = cache.recall(_SLOW_SLOT) or b"", digest(data)
    size = _DIGEST + 8
    return any(
        known[at : at + _DIGEST] == one
        and 0 <= time.time() - int.from_bytes(known[at + _DIGEST : at + size]) < _SLOW_FOR
        for at in range(0, len(known) - size + 1, size)
    )


def _refusal() -> CertificateError:
    return CertificateError(
        f"the PFX file {TOO_SLOW}",
        "if the file is yours, export it again; if not, delete it",
    )


def _open_apart(data: bytes, passwords: Sequence[bytes]) -> bool:
    """Let another process open a PFX file; return whether that ended in time."""
    import base64
    import json
    import subprocess

    request = json.dumps([base64.b64encode(one).decode() for one in (data, *passwords)])
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, and code of ours
            _command("vetting"),
            input=request.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        remember_slow(data)
        return False
    except OSError:
        return True
    if done.stdout == b"opened":
        remember({digest(data)})
    return True


def lines(module: str, request: bytes) -> Iterator[bytes | None]:
    """Yield the lines that ``answer`` of a module prints, the first of which says that it runs.

    None replaces the line of a file that takes too long; the process has then ended.
    """
    from queue import Empty, SimpleQueue
    from threading import Thread

    output: SimpleQueue[bytes] = SimpleQueue()

    def read(printed: IO[bytes]) -> None:
        with contextlib.suppress(ValueError):  # it is closed when the caller needs no more
            for line in printed:
                output.put(line)
        output.put(b"")

    with contextlib.suppress(OSError), helper(module) as (requests, answers):
        # A request may be larger than a pipe, and this process has other work meanwhile.
        Thread(target=_send, args=(requests, request), daemon=True).start()
        Thread(target=read, args=(answers,), daemon=True).start()
        try:
            while line := output.get(timeout=LIMIT):
                yield line
        except Empty:
            yield None


class Pipes(NamedTuple):
    """What a process reads from, and what it prints to."""

    requests: IO[bytes]
    answers: IO[bytes]


@contextlib.contextmanager
def helper(module: str) -> Iterator[Pipes]:
    """Start ``answer`` of a module in a process of its own; yield what it reads and prints.

    It has ended when the block ends. Raises OSError if no process can be started.
    """
    import subprocess

    process = subprocess.Popen(  # noqa: S603  # this interpreter, and code of ours
        _command(module),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=1 << 16,  # as much as a pipe holds
    )
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    try:
        yield Pipes(process.stdin, process.stdout)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(OSError):  # what it was not sent
            process.stdin.close()


def _send(stream: IO[bytes], request: bytes) -> None:
    with contextlib.suppress(OSError, ValueError), stream:  # to one that has ended
        stream.write(request)


def _command(module: str) -> list[str]:
    import json

    paths = json.dumps([os.path.abspath(path) for path in sys.path if path])
    names = f"utf8={sys.flags.utf8_mode}"  # as file names are spelled here; -I hides PYTHONUTF8
    command = [sys.executable or "python", "-I", "-X", names]
    return [*command, "-c", _CODE.format(module), paths]


def _remembered() -> frozenset[bytes]:
    known = cache.recall(_SLOT) or b""
    return frozenset(known[at : at + _DIGEST] for at in range(0, len(known), _DIGEST))
