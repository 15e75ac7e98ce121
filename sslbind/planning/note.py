"""Notes on a plan: one per kind, with the number of its records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sslbind.wording import some

SHOWN = 3
"""How many names a note shows; the others are counted."""


class Note(NamedTuple):
    """One sentence and its records; ``kind`` is a word for programs.

    ``lacks``: a certificate that is not in any store of the target; ``gap``: records that
    are deleted and added again; ``listening``; ``release``; ``cannot``: what no line can
    do; ``kept``: what only ``--prune`` deletes; ``others``: bindings of owners that the
    registry does not have; ``read``: what could not be read.
    """

    kind: str
    what: str
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The sentence with its number and the first names."""
        if not self.names:
            return self.what
        return f"{self.what}: {some(self.names, SHOWN)}"

    def to_json(self) -> dict[str, object]:
        """Return the note for JSON, with every name."""
        return {"kind": self.kind, "message": self.what, "names": [*self.names]}


def grouped(kind: str, sentences: Iterable[str]) -> list[Note]:
    """Return one note for each thing that several ``record: thing`` sentences have in common."""
    found: dict[str, list[str]] = {}
    for sentence in dict.fromkeys(sentences):
        name, colon, what = sentence.partition(": ")
        if colon and "=" in name and " " not in name:
            found.setdefault(what, []).append(name)
        else:
            found.setdefault(sentence, [])
    return [Note(kind, what, tuple(names)) for what, names in found.items()]
