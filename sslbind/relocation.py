"""A binding copied or moved to another host, address or port; every tag is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sslbind.binding import DEFAULT_STORE, Binding
from sslbind.certificates.names import covers
from sslbind.errors import BadValueError, NotFoundError
from sslbind.keys import HOSTNAMEPORT, Key
from sslbind.tags import SSLFLAGS, STORE, Value

if TYPE_CHECKING:
    from sslbind.session import Change, Session


class Relocation(NamedTuple):
    """What was done: the change of the new key, and that of the old one if it was moved."""

    put: Change
    taken: Change | None
    notes: tuple[str, ...] = ()


def relocate(  # noqa: PLR0913  # two keys, and one parameter for each option
    session: Session,
    key: Key,
    new: Key,
    *,
    move: bool = False,
    if_exists: str = "fail",
    force: bool = False,
    verify: bool = True,
) -> Relocation:
    """Put a record like that of ``key`` at ``new``, and with ``move`` delete the old one.

    Both happen in memory, or neither. ``if_exists``, ``force`` and ``verify`` are
    those of ``Session.add``. Between keys with a host name and without, tags that depend on
    the kind of key are adapted: the store that is searched, and the bits of ``sslflags``.
    Raises NetshError.
    """
    source = session.registry.get(key)
    if source is None:
        raise _absent(session, key, new, move=move)
    if new == key:
        raise BadValueError(f"{key.spec} is both the old and the new key")
    if new.kind.certificate != key.kind.certificate:
        raise BadValueError(
            f"{new.spec} cannot be like {key.spec}: only one of the two kinds names a certificate"
        )
    checkpoint = session.editable.checkpoint()
    try:
        put = session.add(
            new,
            _values(source, new),
            if_exists=if_exists,
            verify=verify,
            force=force,
            other=source.other,
        )
        taken = session.delete(key) if move else None
        if move and put.before is None:
            session.editable.moved(key, new)
    except Exception:
        session.editable.rollback(checkpoint)
        raise
    return Relocation(put, taken, (*put.notes, *_notes(session, source, put.after, move=move)))


def _values(source: Binding, new: Key) -> dict[str, Value]:
    """Return the tags of the new record: those of the old one, adapted to the kind."""
    values = dict(source.values)
    if new.kind is not source.key.kind:
        values.pop(SSLFLAGS.name, None)  # its bits show the kind, and the others are also tags
    if new.kind is HOSTNAMEPORT:
        values.setdefault(STORE.name, DEFAULT_STORE)
    return values


def _absent(session: Session, key: Key, new: Key, *, move: bool) -> NotFoundError:
    hints = ["sslbind list shows the bindings"]
    if move and session.registry.get(new) is not None:
        hints = [f"{new.spec} is there: it may have been moved already"]
    return NotFoundError(f"there is no binding {key.spec}", *hints)


def _notes(
    session: Session, source: Binding, after: Binding | None, *, move: bool
) -> Iterator[str]:
    """Yield notes on what the new record may lack, and what still refers to the old one."""
    if after is None:
        return
    if after.key.kind is HOSTNAMEPORT and STORE.name not in source.values:
        yield (
            f"{STORE.name}={after[STORE.name]} was added: hostnameport needs one, and without it"
            f" {source.key.spec} is searched in {DEFAULT_STORE}"
        )
    entry = session.entry(after)
    if entry and after.key.kind is HOSTNAMEPORT and not covers(entry.names, after.key.host):
        yield f"the certificate {entry.thumbprint} ({entry.called}) does not cover {after.key.host}"
    for one in session.registry.settings.suppressions if move else ():
        if one.key == str(source.key):
            yield f"[[Suppress]] {one.rule} is for {one.key}, and does not move along"
