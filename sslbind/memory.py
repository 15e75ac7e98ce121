"""The memory that a document takes: at most ``RATIO`` times its size, and a base.

``bounds`` refuses texts by what they hold, before a parser reads them; this makes the system
refuse what nobody thought of, while a document is read. Only Linux has such a limit
(``RLIMIT_DATA`` of setrlimit(2)), and only the command line asks for it, because a program that
uses the library may take memory elsewhere meanwhile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TypeVar

from sslbind.bounds import ALLOWANCE, RATIO
from sslbind.errors import SslbindError

Result = TypeVar("Result")

_FREE = 64 << 10
"""Bytes of a document that takes no memory worth limiting."""
_START = 28 << 20
"""What Python, libraries and this program take of the base before they read anything."""
_RESERVE = 8 << 20
"""What is left when the limit is met, for the calls that end the parser."""
_INTERVAL = 0.01
"""Seconds of CPU time between two looks at what is taken."""
_limited = False
_reading = ""
_most: dict[str, int] = {}
"""The limit for each file: a second attempt at one has no more than the first."""


class ExhaustedError(SslbindError):
    """A document that would take more memory than its size allows."""


def limit() -> None:
    """Let ``proportional`` limit the memory from now on: this process does nothing else."""
    global _limited  # noqa: PLW0603  # a process is one or the other
    _limited = sys.platform == "linux"


def proportional(size: int, file: str, read: Callable[[], Result]) -> Result:
    """Return what ``read`` returns, which takes memory in proportion to ``size`` bytes of ``file``.

    Raises ExhaustedError where that is not enough. A call within another one has no limit
    of its own, and neither has one in another thread than the main one.
    """
    global _reading  # noqa: PLW0603  # the memory is the process's
    if not _limited or _reading or size < _FREE or not _in_main_thread():
        return read()
    _reading = file
    most = _most.setdefault(file, _taken() + ALLOWANCE - _START + RATIO * size)
    try:
        return _limit(most, read)
    except MemoryError:
        pass
    except SystemError as error:  # what CPython 3.11 raises if it has none left for a call
        if "without setting an exception" not in str(error):
            raise
    finally:
        _reading = ""
    raise ExhaustedError(f"would take more than {RATIO} times its size in memory", file=file)


def _limit(most: int, read: Callable[[], Result]) -> Result:
    """Return what ``read`` returns; raise MemoryError for more than ``most`` bytes, or a bit less.

    The system's own refusal is at best a SystemError in Python 3.11 if it meets a call of
    Python code. So what is taken is looked at, too, a hundred times in a second of work.
    """
    import resource
    import signal

    looking = True

    def look(*_: object) -> None:
        nonlocal looking
        if looking and _taken() > most - _RESERVE:
            looking = False  # once: the rest is for those that pass the error on
            raise MemoryError

    before = resource.getrlimit(resource.RLIMIT_DATA)
    own = [one for one in before if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *own]), before[1]))
    handler = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _INTERVAL, _INTERVAL)
    try:
        return read()  # no context manager: it would be left before the last signal is handled
    finally:
        looking = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _in_main_thread() -> bool:
    from threading import current_thread, main_thread

    return current_thread() is main_thread()


def _taken() -> int:
    """Return the bytes of data and stack of this process: the sixth in statm of proc(5)."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[5]) * os.sysconf("SC_PAGESIZE")
