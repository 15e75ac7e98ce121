"""How many examples a property test tries: few at a landing, many where ``fresh.py`` asks."""

from __future__ import annotations

import os

VARIABLE = "FRESH_EXAMPLES"
WANTED = int(os.environ.get(VARIABLE, "0"))
"""At least so many new ones for each property; 0 where nobody asks for more."""


def examples(usual: int, values: int = 1) -> int:
    """Return a number for ``max_examples``: ``usual``, or more where more are wanted.

    ``values`` is how many cases one example has: a start of PowerShell gets hundreds.
    """
    return max(usual, -(-WANTED // values))
