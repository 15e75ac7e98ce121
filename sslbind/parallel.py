"""Many servers in parallel: each answer as it arrives; one failure does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAKE = 1.0
"""Seconds after which a wait is restarted: on Windows an endless wait ignores Ctrl-C."""


def in_parallel(
    items: Sequence[Item], work: Callable[[Item], Result], jobs: int
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with the result of ``work``, as they finish, ``jobs`` in parallel.

    ``work`` returns its failures; an exception ends the whole iteration. If the caller
    stops early, or is interrupted, no further item is started, and running ones are not
    waited for; a pool of ``concurrent.futures`` would wait at exit.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    done: SimpleQueue[tuple[Item, Result] | BaseException] = SimpleQueue()
    for item in items:
        waiting.put(item)

    def run() -> None:
        try:
            while True:
                one = waiting.get_nowait()
                done.put((one, work(one)))
        except Empty:
            return
        except BaseException as error:  # noqa: BLE001  # it is raised where the answers are read
            done.put(error)

    for _ in range(max(1, min(jobs, len(items)))):
        Thread(target=run, daemon=True).start()
    try:
        for _ in items:
            found = _next(done)
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        _empty(waiting)


def _empty(queue: SimpleQueue[Item]) -> None:
    with suppress(Empty):
        while True:
            queue.get_nowait()


def _next(
    done: SimpleQueue[tuple[Item, Result] | BaseException],
) -> tuple[Item, Result] | BaseException:
    while True:
        with suppress(Empty):
            return done.get(timeout=_WAKE)
