"""What an answer depends on if a document does not record a whole server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sslbind.resolver import central_stems
from sslbind.tags import REJECT
from sslbind.wording import join, some

if TYPE_CHECKING:
    from sslbind.keys import Key
    from sslbind.registry.provenance import Unread
    from sslbind.resolver import Answer
    from sslbind.session import Session

_NAMED = 3


def unread(session: Session, answer: Answer) -> tuple[Unread, ...]:
    """Return the records that could not be read and that may answer."""
    missing = [key for key in answer.undecided if session.registry.get(key) is None]
    return session.registry.provenance.unread_for(missing)


def reasons(session: Session, answer: Answer) -> str:
    """Return why an answer is unknown, in one clause; empty for any other answer."""
    return "; ".join(dict.fromkeys(_reasons(session, answer)))


def _reasons(session: Session, answer: Answer) -> Iterator[str]:
    provenance = session.registry.provenance
    records = unread(session, answer)
    for one in records:
        if one.key is not None:
            yield f"{one.key.spec} could not be read ({one.place})"
    if keyless := [one for one in records if one.key is None]:
        may = f"may be {answer.undecided[0].spec}" if len(answer.undecided) == 1 else "may answer"
        yield f"a record whose key could not be read ({keyless[0].place}) {may}"
    if any(provenance.excludes(key) for key in answer.undecided):
        only = sorted(key.spec for key in provenance.only or ())
        what = some(only, _NAMED) or "a part of the server"
        yield f"{session.registry.path} covers {what}, not other records"
    for key in answer.undecided:
        if (record := session.registry.get(key)) is None:
            continue
        if REJECT.name in record.unknown:
            yield f"it is not known whether {key.spec} has {REJECT.name}"
        else:
            yield _files(session, key, answer.name or "")


def _files(session: Session, key: Key, name: str) -> str:
    files = join([f"{stem}.pfx" for stem in central_stems(name)], "or")
    where = f"{key.spec} answers if the central store is enabled and has {files}"
    settings = session.registry.settings.central_store
    if session.central is None or settings is None:
        return f"{where}, which {session.registry.path} does not record"
    why = session.central.unreadable
    return f"{key.spec} answers if {settings.location} has {files}, but it cannot be read: {why}"
