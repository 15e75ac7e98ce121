"""An explanation: what something means, why it happens, and how to fix it."""

from __future__ import annotations

from typing import NamedTuple


class Detail(NamedTuple):
    """A sentence, and whether it is documented (True), inferred (False) or unknown (None)."""

    text: str
    documented: bool | None = None


class Explanation(NamedTuple):
    """What something means, why it happens, and how to fix it."""

    title: str
    means: str
    why: tuple[Detail, ...] = ()
    fix: tuple[str, ...] = ()


class Fault(NamedTuple):
    """Something that goes wrong with a binding, whatever code or event reports it."""

    why: tuple[str, ...]
    fix: tuple[str, ...]

    def explained(self, title: str, means: str) -> Explanation:
        """Return the explanation of one code that reports this problem."""
        return Explanation(title, means, tuple(map(Detail, self.why)), self.fix)
