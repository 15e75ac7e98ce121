"""Records that could not be read, in the answers of commands."""

from __future__ import annotations

from typing import Any

from sslbind.registry.provenance import Unread


def unread_json(one: Unread) -> dict[str, Any]:
    """Return a record that could not be read, for JSON; null for what is not known."""
    kind = one.key.kind if one.key is not None else one.kind
    return {
        "kind": kind and kind.name,
        "key": one.key and str(one.key),
        "file": one.file,
        "line": one.line,
        "message": one.message,
    }
