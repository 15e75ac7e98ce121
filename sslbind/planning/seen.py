"""What was read from a target, and the digest by which a plan recognises it."""

from __future__ import annotations

from typing import NamedTuple

from sslbind.digest import content_digest, thumbprint
from sslbind.formats.format import Contents, contents_of
from sslbind.sources import Source, snapshot

Stores = frozenset[tuple[str, str]]
"""Certificates with their keys: the store's name in lower case, and the thumbprint."""


class Seen(NamedTuple):
    """A target at one moment; ``stores`` is None if its stores were not read."""

    contents: Contents
    stores: Stores | None = None


def seen_of(source: Source) -> Seen:
    """Return the state that was read from a target; raise SslbindError for more than one server."""
    found = snapshot(source)
    contents = contents_of(found, found.settings.release)
    provenance = contents.provenance._replace(notes=source.imported.notes)
    contents = contents._replace(file=source.file, provenance=provenance)
    held = source.imported.certificates
    if held is None:
        return Seen(contents)
    return Seen(contents, frozenset((one.store.casefold(), thumbprint(one.der)) for one in held))


def digest(contents: Contents) -> str:
    """Return 64 hex digits that identify bindings and listen list, whatever their order.

    The release is left out: netsh's text records it less reliably than a capture does.
    """
    import json

    records = sorted(
        (one.key.spec, sorted(one.values.items()), sorted(one.other.items(), key=str))
        for one in contents.bindings
    )
    unread = sorted(key.spec for key in contents.provenance.unread_keys)
    whole = [records, sorted(contents.iplisten), unread]
    return content_digest(json.dumps(whole, default=str).encode())
