"""What Wine does other than Windows: the tests that fail under it, each with Wine's fault.

They are expected to fail, strictly: one that passes is a failure, and its line goes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_RESET = "a socket that is closed with SO_LINGER of no time is not reset"
FAULTS: dict[str, str] = {
    "tests/test_probe.py::test_resolve_says_nothing": _RESET,
    "tests/test_probe.py::test_servers_that_serve_nothing[reset]": _RESET,
}
"""The fault by the node of the test, or of all its cases."""

NOT_RUN: dict[str, str] = {}
"""Likewise, where the test would not end."""


def is_wine() -> bool:
    """Whether this Windows is Wine."""
    return sys.platform == "win32" and hasattr(ctypes.windll.ntdll, "wine_get_version")


def expect_faults(items: Iterable[pytest.Item]) -> None:
    """Mark the tests of both tables; outside of Wine do nothing."""
    import pytest

    if not is_wine():
        return
    for item in items:
        node = item.nodeid.partition("[")[0]
        for faults, run in ((FAULTS, True), (NOT_RUN, False)):
            reason = faults.get(item.nodeid) or faults.get(node)
            if reason:
                item.add_marker(pytest.mark.xfail(reason=f"Wine: {reason}", run=run, strict=True))
