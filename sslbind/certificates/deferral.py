"""PFX files that take long are opened before a lock is taken, not while it is held.

Which files a command needs is only known under the lock. So a block that holds one is
tried: if it reaches a file that another process must open, the block is abandoned with
nothing written; the file is opened without the lock, its content is remembered, and the
block is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

_deferring = False


class DeferredError(Exception):
    """Leaves a block that holds a lock; ``open_`` is what must be done first."""

    def __init__(self, open_: Callable[[], object]) -> None:
        super().__init__("a PFX file is to be opened before the lock is taken")
        self.open = open_


class Attempt:
    """A context for a block that takes a lock; ``again``: it must be run once more."""

    def __init__(self, *, last: bool) -> None:
        self._last = last
        self.again = False

    def __enter__(self) -> Self:
        global _deferring  # noqa: PLW0603  # the process has the locks, whoever opens the file
        _deferring = not self._last
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        global _deferring  # noqa: PLW0603
        _deferring = False
        if isinstance(error, DeferredError):
            error.open()
            self.again = True
        return self.again


def attempts() -> Iterator[Attempt]:
    """Yield an attempt, and another one if a file was opened after the first.

    The second block opens files that appeared in the meantime itself, within the usual limit.
    """
    first = Attempt(last=False)
    yield first
    if first.again:
        yield Attempt(last=True)


def deferring() -> bool:
    """Whether a lock is held, so that nothing slow may be done now."""
    return _deferring


def defer(open_: Callable[[], object]) -> None:
    """Leave the block that holds a lock, if there is one, to call ``open_`` first."""
    if _deferring:
        raise DeferredError(open_)
