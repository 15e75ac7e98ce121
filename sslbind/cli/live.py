"""``@NAME``, ``@GROUP`` and ``@all`` in place of a file: servers that are read live."""

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
"""How many servers a note lists; the others are counted."""


class LiveSources:
    """The servers of one run; each is read once, those of one command in parallel."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self._read: dict[str, Source | SslbindError] = {}

    def select(self, words: Iterable[str]) -> list[Target]:
        """Return the targets that ``words`` name; raise SslbindError for an unknown one."""
        found = []
        for word in words:
            selected = self.targets.select([word])
            if not selected:
                raise SslbindError(f"{word} matches no target", file=self.targets.file)
            found += selected
        return list({one.name: one for one in found}.values())

    def names(self, word: str) -> list[str]:
        """Return the servers that ``word`` matches, each as ``@NAME``."""
        return [f"{MARK}{one.name}" for one in self.select([word])]

    def read(self, targets: Sequence[Target]) -> None:
        """Read those of ``targets`` that have not been read yet, in parallel, with progress."""
        waiting = [one for one in targets if one.name not in self._read]
        failed = done = 0
        with progress(f"of {len(waiting)} servers read") as advance:
            for reading in read_all(waiting, self.targets.jobs):
                done += 1
                failed += reading.error is not None
                found = reading.source or reading.error
                if found is not None:
                    self._read[reading.target.name] = found
                if advance is not None:
                    advance(done, f"{failed} failed" if failed else "")

    def source(self, word: str) -> Source:
        """Return what was read from the one server of ``word``; raise what reading it raised."""
        selected = self.select([word])
        if len(selected) > 1:
            names = some((f"{MARK}{one.name}" for one in selected), _NAMED)
            raise SslbindError(f"{word} is {len(selected)} servers; give one", names)
        self.read(selected)
        found = self._read[selected[0].name]
        if isinstance(found, SslbindError):
            raise found
        return found

    def take_notes(self) -> list[str]:
        """Take the notes out of all that was read; return each once, with its servers."""
        servers: dict[str, list[str]] = {}
        for name, found in self._read.items():
            if not isinstance(found, SslbindError):
                for note in found.imported.notes:
                    servers.setdefault(note, []).append(found.file)
                self._read[name] = found._replace(imported=found.imported._replace(notes=()))
        return [f"{some(sorted(names), _NAMED)}: {note}" for note, names in servers.items()]


def live_sources(option: str | None, registry: str, words: Iterable[str]) -> LiveSources:
    """Return the servers of the targets file; raise SslbindError if it cannot be read."""
    return LiveSources(open_targets(option, registry, words))
