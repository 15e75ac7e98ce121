"""IIS's ``sslFlags`` of a binding, and the tags that are the same settings.

Not HTTP.SYS's ``DefaultFlags``, nor the ``sslFlags`` of ``<access>``: bits 1
and 2 determine the kind of record that serves a site, bits 4 to 128 repeat tags
(IIS schema, system.applicationHost/sites).
"""

from __future__ import annotations

from collections.abc import Mapping

from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Kind
from sslbind.release import Release
from sslbind.tags import TAGS, Tag, Value

SNI = 1
CENTRAL_CERT_STORE = 2

BASE = {IPPORT: 0, HOSTNAMEPORT: SNI, CCS: CENTRAL_CERT_STORE, SCOPEDCCS: SNI | CENTRAL_CERT_STORE}
"""Bits 1 and 2 of a record for which no ``sslflags`` is stored."""

FLAG_TAGS: tuple[Tag, ...] = tuple(tag for tag in TAGS if tag.site_flag)
"""The tags that a bit repeats."""

_NAMES = {SNI: "Sni", CENTRAL_CERT_STORE: "CentralCertStore"} | {
    tag.site_flag.bit: tag.site_flag.name for tag in FLAG_TAGS if tag.site_flag
}
SINCE = {SNI: Release.W2012, CENTRAL_CERT_STORE: Release.W2012} | {
    tag.site_flag.bit: tag.site_flag.since for tag in FLAG_TAGS if tag.site_flag
}
"""The bits that are known, with the first release of each."""


def effective(kind: Kind, values: Mapping[str, Value], release: Release) -> int:
    """Return the whole integer of a record: the stored flags, and those of its kind and tags.

    No bit is newer than ``release``; central-store records have only bits 1 and 2.
    """
    flags = int(values.get("sslflags", BASE[kind]))
    if kind.certificate:
        flags |= tag_bits(values)
    return flags & sum(bit for bit, since in SINCE.items() if since <= release)


def tag_bits(values: Mapping[str, Value]) -> int:
    """Return the bits of the tags that are on."""
    return sum(tag.site_flag.bit for tag in FLAG_TAGS if tag.site_flag and values.get(tag.name))


def bases(kind: Kind) -> tuple[int, ...]:
    """Return what bits 1 and 2 may be; a ``ccs`` serves sites with SNI and without."""
    return (BASE[kind], SNI | CENTRAL_CERT_STORE) if kind is CCS else (BASE[kind],)


def check(kind: Kind, flags: int, release: Release) -> None:
    """Raise BadValueError if ``flags`` has a bit that the kind or the release cannot have."""
    prefix = f"sslflags={flags}"
    unknown = flags & ~sum(SINCE)
    if unknown:
        raise BadValueError(f"{prefix}: bit {unknown & -unknown} is not known", _known())
    for bit, since in sorted(SINCE.items()):
        if flags & bit and since > release:
            raise BadValueError(
                f"{prefix}: bit {bit} ({_NAMES[bit]}) exists from {since.title} on,"
                f" but {release.title} is modelled",
            )
    base = flags & (SNI | CENTRAL_CERT_STORE)
    allowed = bases(kind)
    if base not in allowed:
        words = " or ".join(f"{bits} ({names(bits)})" for bits in allowed)
        raise BadValueError(
            f"{prefix}: bits 1 and 2 of {kind} records are {words}, not {base} ({names(base)})"
        )
    if base & CENTRAL_CERT_STORE and flags != base:
        raise BadValueError(
            f"{prefix}: {names(flags & ~base)} cannot be combined with CentralCertStore",
        )


def names(flags: int) -> str:
    """Return the names of the bits that are set: ``Sni, DisableHTTP2``."""
    return ", ".join(name for bit, name in sorted(_NAMES.items()) if flags & bit) or "none"


def _known() -> str:
    return "known are " + ", ".join(f"{bit} {name}" for bit, name in sorted(_NAMES.items()))
