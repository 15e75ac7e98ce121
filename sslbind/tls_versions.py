"""The TLS versions that a binding allows."""

from __future__ import annotations

from functools import cache

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


_REMOVING = {tag.name: tag for tag in TAGS if tag.removes}


def versions_left(binding: Binding, release: Release) -> tuple[str, ...]:
    """Return the versions that ``release`` has and no tag of the record takes away.

    A tag that the release does not know takes nothing away.
    """
    removed: set[str] = set()
    for name in _REMOVING.keys() & binding.values.keys():
        tag = _REMOVING[name]
        if tag.since <= release and binding[name]:
            removed.update(tag.removes)
    if not removed:
        return _versions_of(release)
    return tuple(version for version in _versions_of(release) if version not in removed)


@cache
def _versions_of(release: Release) -> tuple[str, ...]:
    return tuple(version for version, since in VERSIONS.items() if since <= release)
