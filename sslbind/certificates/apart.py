"""PFX files opened in another process, which ends if one takes too long; see ``opening``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sslbind.certificates import opening
from sslbind.certificates.contents import FileContents, PasswordFile
from sslbind.certificates.deferral import defer, deferring
from sslbind.certificates.pem import MAX_SIZE
from sslbind.certificates.rows import decode, encode, request, requested
from sslbind.errors import SslbindError
from sslbind.files import read_file

_FEW = 8  # PFX files: starting a process takes as long as opening some of them


Files = Sequence[tuple[str, list[int]]]
"""PFX files by their paths below a folder, each with its stamp."""


def open_apart(
    folder: str, files: Files, password_file: PasswordFile
) -> Iterator[tuple[str, FileContents]]:
    """Yield the contents of PFX files of a folder.

    A few that cannot hide any work are opened here, which is faster.
    """
    waiting = [*files] if len(files) > _FEW else []
    for path, stamp in files if not waiting else ():
        if _needs_limit(f"{folder}/{path}"):
            waiting.append((path, stamp))
        else:
            yield path, _read(folder, path, password_file)
    digests: set[bytes] = set()
    while waiting:
        done, running = 0, False
        asked = request(folder, password_file, [path for path, _ in waiting])
        for line in opening.lines("apart", asked):
            if running and line is not None:
                contents, digest = _from_line(line)
                digests.update(digest)
                yield waiting[done][0], contents
                done += 1
            running = True
        if not running:  # no process can be started here
            for path, _ in waiting:
                yield path, _read(folder, path, password_file)
            break
        if done < len(waiting):
            path, stamp = waiting[done]
            with contextlib.suppress(SslbindError):
                opening.remember_slow(read_file(f"{folder}/{path}", MAX_SIZE, regular=True))
            yield (
                path,
                FileContents(stamp, [], [], problem=f"cannot be used: it {opening.TOO_SLOW}"),
            )
            done += 1
        waiting = waiting[done:]
    opening.remember(digests)


def defer_to(again: Callable[[], Any], folder: str, files: Files) -> None:
    """Leave the block that holds a lock where ``open_apart`` starts a process for these files."""
    if deferring() and (
        len(files) > _FEW or any(_needs_limit(f"{folder}/{path}") for path, _ in files)
    ):
        defer(again)


def _needs_limit(path: str) -> bool:
    try:
        return opening.needs_limit(read_file(path, MAX_SIZE, regular=True))
    except SslbindError:
        return False


def _read(folder: str, path: str, password_file: PasswordFile) -> FileContents:
    from sslbind.certificates.loading import read_contents

    return read_contents(f"{folder}/{path}", password_file)


def answer() -> None:
    """Open the files that ``open_apart`` asks for, in a process of their own; print each."""
    import sys

    opening.open_here()
    folder, files, password_file = requested(sys.stdin.buffer.read())
    output = sys.stdout.buffer
    output.write(b"ready\n")
    output.flush()
    for file in files:
        contents = _read(folder, file, password_file)
        digest = b""
        if contents.branches and contents.sealed and contents.sealed.mac:
            with contextlib.suppress(SslbindError):
                digest = opening.digest(read_file(f"{folder}/{file}", MAX_SIZE, regular=True))
        output.write(b"%s %s\n" % (digest.hex().encode(), encode({file: contents})))
        output.flush()


def _from_line(line: bytes) -> tuple[FileContents, list[bytes]]:
    import json

    digest, _, text = line.partition(b" ")
    (contents,) = decode(json.loads(text)).values()
    return contents, [bytes.fromhex(digest.decode())] if digest else []
