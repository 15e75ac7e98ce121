"""Many servers at once: each answer as it comes, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    items: Sequence[Item], work: Callable[[Item], Result], jobs: int
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with what ``work`` returns for it, as they are done, ``jobs`` at once.

    ``work`` returns its failures; one that it raises ends the whole. When the
    caller stops early, or is interrupted, items that were not started are left out.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    pool = ThreadPoolExecutor(max(1, min(jobs, len(items))))
    try:
        waiting = {pool.submit(work, item): item for item in items}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
