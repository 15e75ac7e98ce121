"""Thousands of new files: other processes read some of them meanwhile, one for each core.

Processes and not threads, because reading keys and certificates holds the interpreter's
lock. Whatever becomes of such a process, no answer depends on it: what it does not bring
is read here.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from sslbind.certificates import opening
from sslbind.certificates.contents import FileContents, PasswordFile, read_contents
from sslbind.certificates.deferral import deferring
from sslbind.certificates.rows import DAMAGED, Files, decode, encode, request, requested

_MOST = 4
"""Processes: what each brings is put together by one."""
_HEAD_START = 1_000
"""Files that are read here before another process has started."""
_ENOUGH = 3 * _HEAD_START
"""Files for each process beyond the first: fewer are read sooner than shared."""


Progress = Callable[[int], None]
"""Called with the number of files read so far: thousands take seconds."""


class Part(NamedTuple):
    """Contents by path; ``text`` is what ``encode`` makes of them where that is known."""

    contents: dict[str, FileContents]
    text: bytes = b""


def read_all(
    folder: str, files: Files, password_file: PasswordFile, progress: Progress | None = None
) -> Iterator[Part]:
    """Yield the contents of all files of a folder, in parts.

    A file that was changed just now is in no part with a text: its stamp is empty.
    """
    own, *others = _shares(files, 1 if deferring() else _processes(len(files)))
    with contextlib.ExitStack() as helpers:
        printed = [_ask(helpers, request(folder, share, password_file)) for share in others]
        yield Part(_read(folder, own, password_file, progress))
        for share, stream in zip(others, printed, strict=True):
            yield from _taken(share, stream) or [Part(_read(folder, share, password_file))]


def _read(
    folder: str, files: Files, password_file: PasswordFile, progress: Progress | None = None
) -> dict[str, FileContents]:
    found = {}
    for count, (path, stamp) in enumerate(files):
        if progress is not None and count % 64 == 0:
            progress(count)
        found[path] = read_contents(f"{folder}/{path}", stamp, password_file)
    return found


def _processes(count: int) -> int:
    """Return how many processes read so many files, this one included."""
    if count < _ENOUGH:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)  # on Linux: the cores that it may use
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, count // _ENOUGH + 1, _MOST))


def _shares(files: Files, count: int) -> list[Files]:
    """Return the files in ``count`` parts, of which the first is the one that is read here."""
    own = (len(files) + _HEAD_START * (count - 1)) // count
    size = -(-(len(files) - own) // (count - 1)) if count > 1 else 1
    return [files[:own], *(files[at : at + size] for at in range(own, len(files), size))]


def _ask(helpers: contextlib.ExitStack, request: bytes) -> IO[bytes] | None:
    """Start a process that reads files; return what it prints, None if none can be started."""
    try:
        return helpers.enter_context(opening.helper("shares", request))
    except OSError:
        return None


def _taken(share: Files, printed: IO[bytes] | None) -> list[Part]:
    """Return what another process made of its share; nothing where anything of it is missing."""
    if printed is None:
        return []
    settled, *changed = printed.read().splitlines() or [b""]
    try:
        parts = [Part(decode(json.loads(settled)), settled)]
        parts += [Part(decode(json.loads(text))) for text in changed]
    except DAMAGED:
        return []
    brought = {path for part in parts for path in part.contents}
    return parts if brought == {path for path, _ in share} else []


def answer() -> None:
    """Read the files that ``read_all`` asks for, in a process of their own; print them."""
    import gc
    import sys

    gc.disable()  # it is short and makes no cycles
    folder, files, password_file = requested(sys.stdin.buffer.read())
    found = _read(folder, files, password_file)
    settled = {path: one for path, one in found.items() if one.stamp}
    changed = {path: one for path, one in found.items() if not one.stamp}
    sys.stdout.buffer.write(encode(settled) + b"\n" + encode(changed) + b"\n")
