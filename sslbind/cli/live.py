"""``@NAME``, ``@GROUP`` and ``@all`` where a file is expected: servers that are read now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sslbind.cli.progress import progress
from sslbind.errors import SslbindError
from sslbind.live import read_all
from sslbind.targets import MARK, Target, Targets, open_targets
from sslbind.wording import some

if TYPE_CHECKING:
    from sslbind.sources import Source

_NAMED = 3
"""Servers that a note names; more are counted."""


class LiveSources:
    """The servers that one run names; each is read once, all of a command's together."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self._read: dict[str, Source | SslbindError] = {}

    def select(self, words: Iterable[str]) -> list[Target]:
        """Return the targets that ``words`` name; raise SslbindError for one that names none."""
        found = []
        for word in words:
            selected = self.targets.select([word])
            if not selected:
                raise SslbindError(f"{word} names no target", file=self.targets.file)
            found += selected
        return list({one.name: one for one in found}.values())

    def names(self, word: str) -> list[str]:
        """Return the servers that ``word`` names, each as ``@NAME``."""
        return [f"{MARK}{one.name}" for one in self.select([word])]

    def read(self, targets: Sequence[Target]) -> None:
        """Read those of ``targets`` that were not read yet, in parallel, with progress."""
        waiting = [one for one in targets if one.name not in self._read]
        failed = done = 0
        with progress(f"of {len(waiting)} servers were read") as advance:
            for reading in read_all(waiting, self.targets.jobs):
                done += 1
                failed += reading.error is not None
                found = reading.source or reading.error
                if found is not None:
                    self._read[reading.target.name] = found
                if advance is not None:
                    advance(done, f"{failed} failed" if failed else "")

    def source(self, word: str) -> Source:
        """Return what the one server that ``word`` names has; raise what reading it raised."""
        selected = self.select([word])
        if len(selected) > 1:
            names = some((f"{MARK}{one.name}" for one in selected), _NAMED)
            raise SslbindError(f"{word} is {len(selected)} servers, and one is read here", names)
        self.read(selected)
        found = self._read[selected[0].name]
        if isinstance(found, SslbindError):
            raise found
        return found

    def take_notes(self) -> list[str]:
        """Take the notes out of all that was read; return each once, with the servers it is of."""
        servers: dict[str, list[str]] = {}
        for name, found in self._read.items():
            if not isinstance(found, SslbindError):
                for note in found.imported.notes:
                    servers.setdefault(note, []).append(found.file)
                self._read[name] = found._replace(imported=found.imported._replace(notes=()))
        return [f"{some(sorted(names), _NAMED)}: {note}" for note, names in servers.items()]


def live_sources(option: str | None, registry: str, words: Iterable[str]) -> LiveSources:
    """Return the servers of the targets file; raise SslbindError where it cannot be read."""
    return LiveSources(open_targets(option, registry, words))
