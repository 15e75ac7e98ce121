"""The folder with everything that HAProxy needs to answer as HTTP.SYS would."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslbind.cached_answer import CachedAnswer, typed
from sslbind.certificates.chains import encode_chain
from sslbind.digest import content_digest
from sslbind.engines.folder import is_written, write_folder
from sslbind.engines.haproxy import MAIN, MARK, REFUSAL, configuration
from sslbind.engines.listeners import Listener, listeners
from sslbind.engines.material import Material
from sslbind.errors import SslbindError

if TYPE_CHECKING:
    from datetime import datetime

    from sslbind.session import Session

_REFUSAL_DAYS = 3650
Move = Callable[[Sequence[Listener]], Sequence[Listener]]
"""Moves listeners to other addresses and ports, or leaves some out."""


class Exported(NamedTuple):
    """What was written: its main file, its listeners, whether anything changed, what is lost.

    ``others`` is how many files the main one refers to.
    """

    file: str
    listeners: tuple[Listener, ...]
    changed: bool
    losses: tuple[str, ...]
    others: int


def export(session: Session, folder: str, now: datetime, move: Move = tuple) -> Exported:
    """Write the configuration of HAProxy for a registry into ``folder``; return what it lacks.

    ``haproxy -f FOLDER/haproxy.cfg`` serves it, wherever the folder is. Raises SslbindError
    if the folder cannot be written, or was not made by sslbind.
    """
    return _write(session, folder, now, move)[0]


def _write(
    session: Session, folder: str, now: datetime, move: Move = tuple
) -> tuple[Exported, dict[str, bytes]]:
    """Do as ``export``; return the files as well."""
    material = Material(session)
    found = tuple(move(listeners(session, material)))
    if not found:
        raise SslbindError(
            "no connection reaches a binding: there is nothing to serve",
            "sslbind resolve shows the bindings, and on which addresses HTTP.SYS listens",
            file=session.registry.path,
        )
    made = configuration(found)
    files = {**material.files, **made.files}
    if made.refuses:
        files[REFUSAL] = _refusal(now)
    changed = write_folder(folder, files, MAIN, MARK, keep=REFUSAL)
    losses = (*material.losses, *made.losses)
    others = len(files) - 1
    return Exported(os.path.join(folder, MAIN), found, changed, losses, others), files


def export_or_recall(session: Session, folder: str, now: datetime) -> Exported:
    """Do as ``export``, but open no certificate if nothing has changed since the last time.

    Then the files of the folder are compared by name, size and mode alone, which is what
    ``export`` compares as well. Listeners are not cached: there are none in the answer then.
    """
    cached = CachedAnswer(session, "haproxy", str(session.release), os.path.realpath(folder))
    main = os.path.join(folder, MAIN)
    try:
        digest, sizes, losses = cached.recall() or ("", {}, [])
        known = {typed(name, str): typed(size, int, type(None)) for name, size in sizes.items()}
        lost = tuple(typed(loss, str) for loss in losses)
        answer = Exported(main, (), False, lost, len(known))
        if typed(digest, str) and is_written(folder, known, MAIN, digest):
            return answer
    except (ValueError, TypeError, AttributeError):  # what is cached is not ours
        pass
    answer, files = _write(session, folder, now)
    if all(key.kind.certificate for key in session.registry.bindings):
        sizes = {name: None if name == REFUSAL else len(files[name]) for name in files}
        del sizes[MAIN]
        cached.remember((content_digest(files[MAIN]), sizes, answer.losses))
    return answer


def _refusal(now: datetime) -> bytes:
    """Return a new certificate, which is never sent to a client, with its EC key."""
    from sslbind.certificates.parsing import encode_key, self_signed

    identity = self_signed(["refused.invalid"], [], _REFUSAL_DAYS, now)
    assert identity.key is not None  # noqa: S101  # it was just made
    return encode_chain(identity) + encode_key(identity.key)
