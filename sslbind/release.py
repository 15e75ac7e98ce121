"""The Windows releases whose HTTP.SYS and netsh are modelled."""

from __future__ import annotations

import enum

from sslbind.errors import BadValueError


class Release(enum.IntEnum):
    """A Windows Server release; later ones compare greater.

    ``str()`` is the word that the option ``--windows`` and the registry use.
    """

    W2003 = enum.auto()
    W2008 = enum.auto()
    W2008R2 = enum.auto()
    W2012 = enum.auto()
    W2012R2 = enum.auto()
    W2016 = enum.auto()
    W2019 = enum.auto()
    W2022 = enum.auto()
    W2025 = enum.auto()

    def __str__(self) -> str:
        return self.name[1:].lower()

    @property
    def title(self) -> str:
        """The name in a sentence: ``Windows Server 2012 R2``."""
        return f"Windows Server {self.name[1:].replace('R2', ' R2')}"


DEFAULT_RELEASE = Release.W2022
RELEASES = {str(release): release for release in Release}


def parse_release(text: str) -> Release:
    """Return the release that ``text`` names (``2008r2``); raise BadValueError otherwise."""
    try:
        return RELEASES[text.lower()]
    except KeyError:
        words = ", ".join(RELEASES)
        raise BadValueError(f"{text!r} is not a modelled Windows release: {words}") from None
