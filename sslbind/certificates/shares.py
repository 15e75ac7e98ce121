"""Thousands of new files: other processes read some of them meanwhile, one for each core.

Processes and not threads, because reading keys and certificates holds the interpreter's
lock. Whatever becomes of such a process, no answer depends on it: what it does not bring
is read here.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, NamedTuple, Self

from sslbind.certificates import opening
from sslbind.certificates.contents import KEY_SUFFIX, FileContents, PasswordFile
from sslbind.certificates.deferral import deferring
from sslbind.certificates.rows import DAMAGED, decode, encode, request, requested

if TYPE_CHECKING:
    from threading import Thread

_MOST = 4
"""Processes: what each brings is put together by one."""
_ENOUGH = 3_000
"""Files for each process beyond the first: fewer are read sooner than shared."""
_CHUNK = 128
"""Files that are read at a time."""
_AHEAD = 4
"""Chunks that a process is given in advance, so that it never waits for the next."""


Chunks = deque[Sequence[str]]
"""Paths of files below the folder, in parts."""
Progress = Callable[[int], None]
"""Called with the number of files read so far: thousands take seconds."""


class Part(NamedTuple):
    """Contents by path; ``text`` is what ``encode`` makes of them where that is known."""

    contents: dict[str, FileContents]
    text: bytes = b""


class Printed(NamedTuple):
    """What a process printed about some files: settled ones, and those changed just now."""

    paths: Sequence[str]
    settled: bytes
    changed: bytes


class Helpers:
    """Processes that read files; they take a moment to start, and can be started early.

    They end with the context of this name, or when nothing refers to it any more.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._pipes: list[opening.Pipes] = []
        weakref.finalize(self, self._stack.close)

    def start(self, count: int) -> None:
        """Start as many as are worth it for so many files."""
        if deferring():
            return
        with contextlib.suppress(OSError):  # none can be started
            while len(self._pipes) + 1 < _processes(count):
                self._pipes.append(self._stack.enter_context(opening.helper("shares")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipes.clear()
        self._stack.close()

    def share(
        self, chunks: Chunks, request: Callable[[Sequence[str]], bytes], printed: deque[Printed]
    ) -> list[Thread]:
        """Let each process read chunks, from the right, until none is left; return who waits."""
        from threading import Thread

        threads = [
            Thread(target=_serve, args=(*pipes, chunks, request, printed), daemon=True)
            for pipes in self._pipes
        ]
        for thread in threads:
            thread.start()
        return threads


def read_all(
    folder: str,
    paths: Sequence[str],
    password_file: PasswordFile,
    helpers: Helpers,
    progress: Progress | None = None,
) -> Iterator[Part]:
    """Yield the contents of all files of a folder, in parts.

    A file that was changed just now is in no part with a text: its stamp is empty.
    """
    chunks = deque(paths[at : at + _CHUNK] for at in range(0, len(paths), _CHUNK))
    printed: deque[Printed] = deque()
    done = 0
    with helpers:
        helpers.start(len(paths))
        threads = helpers.share(chunks, functools.partial(request, folder, password_file), printed)
        while chunks or threads or printed:
            if progress is not None:
                progress(done)
            parts: list[Part] = []
            if printed:  # here and now, while the others read on
                one = printed.popleft()
                parts = _taken(one) or _own(folder, one.paths, password_file)
            elif chunks:
                with contextlib.suppress(IndexError):  # another process has taken the last one
                    parts = _own(folder, chunks.popleft(), password_file)
            else:
                threads.pop().join()  # a process that ended early has left its chunks
            done += sum(len(part.contents) for part in parts)
            yield from parts


def _serve(
    requests: IO[bytes],
    answers: IO[bytes],
    chunks: Chunks,
    request: Callable[[Sequence[str]], bytes],
    printed: deque[Printed],
) -> None:
    """Give chunks to one process, and keep what it prints about each."""
    given: Chunks = deque()
    with contextlib.suppress(OSError, ValueError):  # it has ended
        while chunks or given:
            with contextlib.suppress(IndexError):
                while len(given) < _AHEAD:
                    given.append(chunks.pop())
                    requests.write(request(given[-1]) + b"\n")
                    requests.flush()
            if given:
                settled, changed = answers.readline(), answers.readline()
                if not changed:
                    break
                printed.append(Printed(given.popleft(), settled, changed))
    chunks.extend(given)


def _own(folder: str, paths: Sequence[str], password_file: PasswordFile) -> list[Part]:
    """Read files in this process."""
    from sslbind.certificates.loading import read_contents
    from sslbind.certificates.parsing import quiet

    # One kind after the other, which is a tenth faster than in turns; keys first, whose public
    # halves are then known when their certificates come.
    paths = sorted(paths, key=lambda path: not path.endswith(KEY_SUFFIX))
    with quiet():
        found = {path: read_contents(f"{folder}/{path}", password_file) for path in paths}
    changed = {path: one for path, one in found.items() if not one.stamp}
    settled = {path: one for path, one in found.items() if one.stamp} if changed else found
    return [Part(settled, encode(settled)), Part(changed)]


def _processes(count: int) -> int:
    """Return how many processes read so many files, this one included."""
    if count < _ENOUGH:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)  # on Linux: the cores that it may use
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, count // _ENOUGH + 1, _MOST))


def _taken(printed: Printed) -> list[Part]:
    """Return what another process made of its files; nothing where anything of it is missing."""
    try:
        settled, changed = decode(json.loads(printed.settled)), decode(json.loads(printed.changed))
    except DAMAGED:
        return []
    if settled.keys() | changed.keys() != {*printed.paths}:
        return []
    return [Part(settled, printed.settled.rstrip(b"\n")), Part(changed)]


def answer() -> None:
    """Read the files that ``read_all`` asks for, in a process of their own; print them."""
    import gc
    import sys

    gc.disable()  # it is short and makes no cycles
    import sslbind.certificates.loading  # noqa: F401  # while the other still looks for files

    output = sys.stdout.buffer
    for line in sys.stdin.buffer:
        settled, changed = _own(*requested(line))
        output.write(settled.text + b"\n" + encode(changed.contents) + b"\n")
        output.flush()
