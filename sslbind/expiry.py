"""When certificates expire: one row per binding and per central-store file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslbind.binding import DEFAULT_STORE
from sslbind.moments import SpanOrThird, Window
from sslbind.session import Session

if TYPE_CHECKING:
    from sslbind.certificates.central import CentralFile
    from sslbind.registry.provenance import Unread

FILE = "file"
"""The kind of a row about a file of the central store; others have the kind of their key."""

_NOT_MODELLED = "certificates are not modelled"

Status = Literal["expired", "due", "ok", "unknown"]


class Row(NamedTuple):
    """One certificate in one place: until when it is valid, or why that is not known.

    ``server`` is what the registry is called, ``key`` the binding's key or the
    name of the file. ``thumbprint`` is empty if none is known; the dates are None if
    ``problem`` says why.
    """

    server: str
    kind: str
    key: str
    thumbprint: str
    names: tuple[str, ...] = ()
    not_before: datetime | None = None
    not_after: datetime | None = None
    problem: str = ""

    def days_left(self, now: datetime) -> int | None:
        """Return the whole days until it expires, negative afterwards; None if not known."""
        return None if self.not_after is None else (self.not_after - now).days

    def status(self, now: datetime, window: Window | SpanOrThird) -> Status:
        """Return whether it has expired at ``now``, or is due within ``window``."""
        if self.not_after is None or self.not_before is None:
            return "unknown"
        if now > self.not_after:
            return "expired"
        return "due" if now >= window.opens(self.not_before, self.not_after) else "ok"


class _Certificate(NamedTuple):
    """What is known about one certificate."""

    thumbprint: str
    names: tuple[str, ...]
    not_before: datetime | None
    not_after: datetime | None


def expiry_rows(session: Session, server: str, also: Session | None = None) -> Iterator[Row]:
    """Yield the rows of one registry, in its order.

    A certificate that is neither in its stores nor in its document is looked up by
    thumbprint in the stores of ``also``: the registry that a server follows.
    """
    stored = _stored(session)
    elsewhere = {life.thumbprint: life for life in _stored(also).values()} if also else {}
    modelled = session.stores is not None or also is not None
    for key, binding in session.registry.bindings.items():
        thumbprint = binding.certhash
        if thumbprint is None:  # the files of the central store have their own rows
            if key.kind.certificate:
                yield Row(server, key.kind.name, str(key), "", problem="its thumbprint is unknown")
            continue
        store = binding.store or DEFAULT_STORE
        life = stored.get((thumbprint, store.casefold())) or elsewhere.get(thumbprint)
        where = key.kind.name, str(key), thumbprint
        if life is not None:
            yield Row(server, *where, life.names, life.not_before, life.not_after)
        elif not modelled:
            yield Row(server, *where, problem=_NOT_MODELLED)
        else:
            yield Row(server, *where, problem=f"it is not in the store {store}")
    for file in session.central.files() if session.central else ():
        yield _of_file(file, server)
    for unread in session.registry.provenance.unread:
        if unread.is_record:
            yield _of_unread(unread, server)


def _of_unread(unread: Unread, server: str) -> Row:
    """Return the row of a record that could not be read."""
    kind = unread.key.kind if unread.key is not None else unread.kind
    key = unread.key or (f"?:{unread.port}" if unread.port else "?")
    problem = f"it could not be read ({unread.place})"
    return Row(server, str(kind or "?"), str(key), "", problem=problem)


def _stored(session: Session) -> dict[tuple[str, str], _Certificate]:
    """Return the certificates of a registry or a document, by thumbprint and store."""
    return {
        (one.thumbprint, one.store.casefold()): _Certificate(
            one.thumbprint, one.names, one.not_before, one.not_after
        )
        for one in (session.stores.entries() if session.stores else ())
        if one.not_after is not None
    }


def _of_file(file: CentralFile, server: str) -> Row:
    entry = file.entry
    problem = "" if entry.not_after else file.problem
    return Row(
        server,
        FILE,
        file.file,
        entry.thumbprint,
        entry.names,
        entry.not_before,
        entry.not_after,
        problem,
    )


def soonest_first(rows: Iterable[Row]) -> list[Row]:
    """Return rows by the expiry of their certificates, those without a known date last."""
    return sorted(
        rows,
        key=lambda row: (
            row.not_after is None,
            row.not_after.timestamp() if row.not_after else 0,
            row.server,
            row.key,
        ),
    )


def server_names(paths: Sequence[str]) -> list[str]:
    """Return what each registry is called: ``web01`` for ``@web01``, or for ``a/web01.toml``.

    It is the whole path if two would have the same name.
    """
    import os

    stems = [
        path[1:] if path.startswith("@") else os.path.splitext(os.path.basename(path))[0] or path
        for path in paths
    ]
    return [
        path if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems, strict=True)
    ]
