"""Words of a capture that are not netsh's: other languages, masked values, notes of people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sslbind.binding import UNKNOWN
from sslbind.formats.netsh.show_layouts import Column, Shape, best, layouts, shape
from sslbind.printable import printable
from sslbind.tags import Bit, Tag, Type

_ENGLISH = {"Enabled": True, "Disabled": False, "Set": True, "Not Set": False}
# <redacted>, xxxx, ****, {GUID}, your thumbprint
_MASK = re.compile(
    r"[<\[({]?\s*(?:redacted|removed|hidden|masked|censored|anonymi[sz]ed|obfuscated|omitted|snip"
    r"(?:ped)?|private|secret|my|your|some|the|cert(?:ificate)?|thumb-?print|hash|guid|app-?id|"
    r"[xX*•█?_.…#\s-])+[>\])}]?",
    re.IGNORECASE,
)
_HASH_SO_FAR = re.compile(r"[0-9A-Fa-fxX*•█?_.… -]+")
_MASKED_RUN = re.compile(r"[xX*•█?_…]{2,}|\.{3,}")
_MASKED_ADDRESS = re.compile(r"(?:[0-9xX*#]{1,3}\.){3}[0-9xX*#]{1,3}")
_FEW = 3
"""A word without a counterpart that occurs in fewer places than this is ignored."""
_LONGEST = 400
"""Characters of a value that people write."""
_NOTE = re.compile(r"(.*?)\s+(?:<+-*|<=+|#|//|--|\(|;|\*|!|←|\[|=>?|-+>).*")


def masked(value: str) -> bool:
    """Whether ``value`` is what people write for a thumbprint or GUID: ``redacted``, ``xxxx``."""
    if not 1 < len(value) < _LONGEST:
        return value in {UNKNOWN, "…"}
    if _MASK.fullmatch(value):
        return True
    return bool(_HASH_SO_FAR.fullmatch(value) and _MASKED_RUN.search(value))


def masked_address(host: str) -> bool:
    """Whether ``host`` is an IPv4 address of which somebody masked digits: ``10.x.x.5``."""
    return bool(_MASKED_ADDRESS.fullmatch(host)) and not host.replace(".", "").isdecimal()


def without_note(value: str) -> str:
    """Return ``value`` without what somebody wrote after it: ``Enabled   <-- why?``."""
    found = _NOTE.fullmatch(value) if len(value) < _LONGEST else None
    return found[1] if found else value


class Words(NamedTuple):
    """What the words for on and off of another language mean; None if that is not known."""

    early: Mapping[str, bool | None] = {}
    late: Mapping[str, bool | None] = {}

    def shape(self, value: str) -> Shape:
        """Return what ``value`` looks like."""
        if value in self.early:
            return Shape.EARLY
        return Shape.LATE if value in self.late else shape(value)

    def flag(self, value: str) -> bool | None:
        """Return what a word means, None if that is not known."""
        known = self.early.get(value, self.late.get(value))
        return _ENGLISH.get(value, known)

    @property
    def notes(self) -> Iterator[str]:
        """The guesses, as sentences."""
        pairs = (self.early, ("Enabled", "Disabled")), (self.late, ("Set", "Not Set"))
        for words, names in pairs:
            read = [
                f"{printable(word)!r} is read as {names[not value]}"
                for word, value in sorted(words.items(), key=lambda item: not item[1])
                if value is not None
            ]
            if read:
                yield f"{' and '.join(read)}: a guess, from where they are"


def words_of(records: Sequence[Sequence[str]]) -> Words:
    """Return the words of on and off in records, each the values after its key.

    Found by position, like labels: the words in the places of flags that are
    usually on, or off, mean that (Windows' defaults).
    """
    early: Counter[str] = Counter()
    late: Counter[str] = Counter()
    for values in records:
        for counter, found in zip((early, late), candidates(values), strict=True):
            counter.update(found)
    for word in early:
        late.pop(word, None)
    if len(late) == 1 and late.total() < _FEW:
        late.clear()
    if not early and not late:
        return Words()
    words = Words(
        dict.fromkeys(word for word, _ in early.most_common(2)),
        dict.fromkeys(word for word, _ in late.most_common(2)),
    )
    votes: Counter[tuple[str, bool]] = Counter()
    for values in records:
        layout, _ = best(tuple(map(words.shape, values)))
        votes.update(
            (value, _default(column))
            for column, value in zip(layout.columns, values, strict=False)
            if _is_flag(column) and words.shape(value) in (Shape.EARLY, Shape.LATE)
        )
    return Words(_meanings(words.early, votes), _meanings(words.late, votes, lone=False))


def candidates(values: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words in the positions of early and late flags: around two numbers in a row."""
    shapes = [shape(value) for value in values]
    numbers = Shape.NUMBER, Shape.NUMBER
    place = next(
        (at for at in range(3, len(shapes) - 1) if (shapes[at], shapes[at + 1]) == numbers), None
    )
    if place is None or shapes[1] is not Shape.GUID:
        return [], []
    early = [*range(3, place), *range(place + 4, min(place + 6, len(values)))]
    found = [values[at] for at in early if shapes[at] is Shape.TEXT]
    end = min(len(values), len(layouts()[-1].columns))
    return found, [values[at] for at in range(place + 6, end) if shapes[at] is Shape.TEXT]


def _meanings(
    words: Iterable[str], votes: Mapping[tuple[str, bool], int], *, lone: bool | None = None
) -> dict[str, bool | None]:
    """Return what each word means; ``lone`` is what a word means without a counterpart."""
    found = [*words]
    if len(found) < 2:
        return dict.fromkeys(found, lone)
    one, other = found
    score = votes.get((one, True), 0) + votes.get((other, False), 0)
    against = votes.get((one, False), 0) + votes.get((other, True), 0)
    if score == against:
        return dict.fromkeys(found)
    return {one: score > against, other: score < against}


def _is_flag(column: Column) -> bool:
    return isinstance(column, Bit) or column.type is Type.FLAG


def _default(column: Column) -> bool:
    return isinstance(column, Tag) and bool(column.default)
