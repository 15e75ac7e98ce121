"""Notes on a plan: once a kind, with the number of records that each is of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sslbind.wording import some

SHOWN = 3
"""Names that a note shows; the others are counted."""


class Note(NamedTuple):
    """One sentence and the records that it is of; ``kind`` is a word for programs.

    ``lacks``: a certificate that is in no store of the target; ``gap``: records
    that are deleted and added again; ``listening``; ``release``; ``cannot``: what no
    line carries; ``kept``: what only ``--prune`` deletes; ``others``: bindings of
    owners that the registry does not have; ``read``: what reading left out.
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
        """Return the note as JSON has it, with every name."""
        return {"kind": self.kind, "message": self.what, "names": [*self.names]}


def grouped(kind: str, sentences: Iterable[str]) -> list[Note]:
    """Return a note for each thing that several ``record: thing`` sentences say of records."""
    found: dict[str, list[str]] = {}
    for sentence in dict.fromkeys(sentences):
        name, colon, what = sentence.partition(": ")
        if colon and "=" in name and " " not in name:
            found.setdefault(what, []).append(name)
        else:
            found.setdefault(sentence, [])
    return [Note(kind, what, tuple(names)) for what, names in found.items()]
