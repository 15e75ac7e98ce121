"""How many examples a property test tries: few at a landing, many where ``fresh.py`` asks."""

from __future__ import annotations

import os
import sys

VARIABLE = "FRESH_EXAMPLES"
WANTED = int(os.environ.get(VARIABLE, "0"))
"""At least so many new ones for each property; 0 if nobody asks for more."""


def examples(usual: int, values: int = 1) -> int:
    """Return a number for ``max_examples``: ``usual``, or more where more are wanted.

    ``values`` is how many cases one example has: a start of PowerShell gets hundreds. A
    tenth is enough under Wine, where files are slow, and logic is not in question.
    """
    if sys.platform == "win32":
        from windows.wine import is_wine

        if is_wine():
            usual = max(usual // 10, 5)
    return max(usual, -(-WANTED // values))
