"""The TLS versions that a binding allows."""

from __future__ import annotations

from sslbind.binding import Binding
from sslbind.release import Release
from sslbind.tags import TAGS

VERSIONS = {
    "TLS 1.0": Release.W2003,
    "TLS 1.1": Release.W2008R2,
    "TLS 1.2": Release.W2008R2,
    "TLS 1.3": Release.W2022,
}
"""Each version, oldest first, with the first release whose Schannel has it.

Source: Microsoft Learn, "Protocols in TLS/SSL (Schannel SSP)". What an
administrator turned off for the whole machine is not considered.
"""


def versions_left(binding: Binding, release: Release) -> tuple[str, ...]:
    """Return the versions that ``release`` has and that the tags of the record leave on.

    A tag that the release does not have is ignored.
    """
    removed = {
        version
        for tag in TAGS
        if tag.removes and tag.since <= release and binding[tag.name]
        for version in tag.removes
    }
    return tuple(
        version
        for version, since in VERSIONS.items()
        if since <= release and version not in removed
    )
