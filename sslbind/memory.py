"""The memory of this process: at most ``RATIO`` times the size of what it reads, and a base.

``bounds`` refuses texts by what they hold, before a parser reads them; this module makes the
system refuse what nobody thought of, whatever command it happens in: an allocation beyond
the limit raises MemoryError. Only Linux has such a limit (``RLIMIT_DATA`` of setrlimit(2)),
and only the command line sets it, because a program that uses the library has other data too.
"""

from __future__ import annotations

import atexit
import os
import sys
from _thread import allocate_lock
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sslbind.bounds import ALLOWANCE, RATIO

_FREE = 64 << 10
"""Files of less, all together, take no memory worth limiting."""
_PROGRAMS = 24 << 20
"""What the code of Python and of libraries takes, which the system does not count as data."""
_STACK = 8 << 20
"""Address space that the system counts for each thread; hardly any of it becomes memory."""
_RESERVE = 8 << 20
"""What the main thread leaves of it."""
_INTERVAL = 0.01
"""Seconds of CPU time between two looks at what is taken."""
REFUSAL = f"would take more than {RATIO} times its size in memory"
"""What is said of the largest file when the limit is met."""


class _Limit:
    """What was read, and what suspends or raises the limit."""

    def __init__(self) -> None:
        self.lock = allocate_lock()
        self.sizes: dict[str, int] = {}
        self.total = 0
        self.threads = 0
        self.lifted = 0
        self.most = 0
        self.before: tuple[int, int] | None = None

    def apply(self) -> None:
        """Give the limit to the system."""
        if sys.platform != "linux" or self.total < _FREE:
            return
        import resource

        if self.before is None:
            self.before = resource.getrlimit(resource.RLIMIT_DATA)
            _watch()
        soft, hard = self.before
        if not self.lifted:
            wanted = ALLOWANCE - _PROGRAMS + RATIO * self.total + self.threads * _STACK
            own = [one for one in self.before if one != resource.RLIM_INFINITY]
            soft = min([wanted, *own])
        self.most = 0 if self.lifted else soft - _RESERVE
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


_limit = _Limit()


def _watch() -> None:
    """Stop the main thread a little below the limit, if it runs Python code.

    What Python 3.11 does if the system refuses the memory for a call is at best a SystemError.
    """
    import signal

    with suppress(ValueError):  # not the main thread: the limit itself is left
        signal.signal(signal.SIGPROF, _look)
        signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
        # Python gives signals their default back when it ends, and this one's would kill it.
        atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)


def _look(*_: object) -> None:
    """Raise MemoryError if nearly all memory is taken."""
    if _limit.most:
        with open("/proc/self/statm", "rb") as file:  # proc(5): the sixth is data and stack
            pages = int(file.read().split()[5])
        if pages * os.sysconf("SC_PAGESIZE") > _limit.most:
            raise MemoryError


def read(size: int, file: str) -> None:
    """Let the process take memory for ``size`` bytes of ``file``, which it is about to read.

    A file that is read again counts once.
    """
    with _limit.lock:
        more = size - _limit.sizes.get(file, 0)
        if more > 0:
            _limit.sizes[file] = size
            _limit.total += more
            _limit.apply()


def thread(count: int = 1) -> None:
    """Let the process start ``count`` more threads."""
    with _limit.lock:
        _limit.threads += count
        _limit.apply()


@contextmanager
def lifted() -> Iterator[None]:
    """Suspend the limit: another program, which would inherit it, is started, or all is over."""
    with _limit.lock:
        _limit.lifted += 1
        _limit.apply()
    try:
        yield
    finally:
        with _limit.lock:
            _limit.lifted -= 1
            _limit.apply()


def largest() -> str:
    """Return the largest file that was read."""
    return max(_limit.sizes, key=_limit.sizes.__getitem__, default="")
