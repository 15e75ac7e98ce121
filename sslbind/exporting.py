"""Export a registry to other formats, and as a script that makes a server match it."""

from __future__ import annotations

from typing import NamedTuple

from sslbind.errors import SslbindError
from sslbind.formats import formats
from sslbind.formats.format import Contents, Written, contents_of
from sslbind.formats.transition import kept, transition
from sslbind.session import Session
from sslbind.tags import PROPERTIES, TAG_BY_NAME
from sslbind.wording import join


class Changes(NamedTuple):
    """A script that changes a server, and notes on what it does and does not do."""

    written: Written
    notes: tuple[str, ...] = ()


def export_registry(session: Session, name: str) -> Written:
    """Return the registry in the format ``name``, and what that format cannot carry."""
    write = formats()[name].write if name in formats() else None
    if write is None:
        raise SslbindError(f"{name} is not an export format")
    content = contents(session)
    written = write(content)
    return written._replace(losses=(*content.left_out, *written.losses))


def export_changes(session: Session, server: Session, name: str, *, prune: bool = False) -> Changes:
    """Return the script, in the format ``name``, that makes ``server`` match the registry.

    It is for the release of the server where that is known, which a note says if the registry has
    another. Records that only the server has are kept unless ``prune``. Raises SslbindError
    for a format that cannot write changes, and if the document of ``session`` does not
    record every tag.
    """
    write = formats()[name].write_changes if name in formats() else None
    if write is None:
        raise SslbindError(f"{name} cannot write changes", f"{join(changing_formats())} can")
    before, after = contents(server), contents(session)
    wanted = after.release
    _refuse_partial(after, prune=prune)
    notes: list[str] = []
    if "windows" not in before.provenance.unknown and before.release is not wanted:
        after = after._replace(release=before.release)
        notes.append(
            f"the script is for {server.release_words}, as {before.file}, and not for"
            f" {wanted.title}, as {after.file}; --windows selects another release"
        )
    if not prune:
        stays = kept(before, after)
        notes += (f"{one} is only on the server, and is kept; --prune deletes it" for one in stays)
    changes = transition(before, after, prune=prune)
    if changes.listening:
        notes.append(changes.listening)
    return Changes(write(changes), tuple(notes))


def changing_formats() -> tuple[str, ...]:
    """Return the names of the formats that ``export_changes`` writes."""
    return tuple(one.name for one in formats().values() if one.write_changes)


def contents(session: Session) -> Contents:
    """Return the content of a registry for the formats."""
    return contents_of(session.registry, session.release)


def _refuse_partial(contents: Contents, *, prune: bool) -> None:
    """Raise SslbindError if the desired state is not recorded completely."""
    lines = TAG_BY_NAME.keys() | {one.tag.name for one in PROPERTIES}
    if contents.provenance.unknown & lines:
        raise SslbindError(
            "does not record every tag, and --changes-from needs them",
            "sslbind import creates a registry from it, with the missing tags at their defaults",
            file=contents.file,
        )
    if prune and contents.provenance.left_out:
        raise SslbindError(
            "has records that could not be read, and --prune would delete them",
            "fix them, or leave out --prune",
            file=contents.file,
        )
