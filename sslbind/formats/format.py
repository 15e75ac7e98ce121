"""What a format is: a name, and what reads and writes it.

A module of this package that has a ``FORMAT`` is one; nothing else lists it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.formats.imported import Imported
from sslbind.release import Release


class Contents(NamedTuple):
    """What a registry says, as far as formats carry it; bindings in the order of ``show``."""

    bindings: tuple[Binding, ...]
    iplisten: tuple[str, ...]
    release: Release


class Written(NamedTuple):
    """A document, and a sentence for each thing that it cannot carry, or not safely."""

    data: bytes
    losses: tuple[str, ...] = ()


class Format(NamedTuple):
    """One format.

    ``title`` says what it is, for help. ``detect`` tells from the whole text of
    a document whether it is one; ``read`` takes text and the file's name and
    raises SslbindError where the document as a whole is none, while a record
    that is bad goes into ``Imported.bad``. ``read`` or ``write`` is None where
    the format goes one way only. Formats are tried in the order of ``rank``.
    """

    name: str
    title: str
    detect: Callable[[str], bool] | None = None
    read: Callable[[str, str], Imported] | None = None
    write: Callable[[Contents], Written] | None = None
    rank: int = 50
