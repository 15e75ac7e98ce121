"""The consequences of changing a record: what it takes away and hides, and who shares it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sslbind import shells
from sslbind.binding import Binding
from sslbind.certificates.names import covers
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SNI_WILDCARD_SINCE, Key
from sslbind.owners import OWNER_BY_APPID, owner_name
from sslbind.release import Release
from sslbind.resolver import listens, used_since
from sslbind.wording import plural, some

_NAMED = 3
"""This many names are listed one by one."""
SHARED = (
    "all https bindings without SNI on one address and port share one record: a change or"
    " deletion affects all of them (KB 2405568)"
)

Names = Sequence[str] | None
"""The names of a certificate; None if they are not known."""


def taken(before: Binding, after: Binding, old: Names, new: Names) -> str:
    """Return what ``after`` takes away from the users of ``before``; empty if nothing is known.

    That is the record, if it gets another owner, and the certificate, if the new one lacks
    a name of the old one. ``old`` and ``new`` are their names.
    """
    if before.appid != after.appid and "appid" not in before.unknown:
        return f"{after.key.spec} would no longer belong to {_owner(before)} but to {_owner(after)}"
    if old is None or new is None or before.certhash == after.certhash:
        return ""
    names = old if before.key.kind is IPPORT else [before.key.host]
    lost = [name for name in names if covers(old, name) and not covers(new, name)]
    return f"{after.certhash} does not cover {some(lost, _NAMED)}" if lost else ""


def beside(before: Binding, after: Binding, old: Names, new: Names, release: Release) -> str:
    """Return how both certificates can be served although the address and port are taken.

    With SNI each name has its own record. Empty if SNI is not the solution: names in
    common, the same certificate, or a release without SNI.
    """
    if before.key.kind is not IPPORT or release < HOSTNAMEPORT.since:
        return ""
    if before.certhash == after.certhash:
        return ""
    place = f"{before.key.port}"
    if old is None or new is None:
        return (
            "if the certificates are for different host names, SNI serves both:"
            f" hostnameport=NAME:{place} gives a name its own record"
        )
    hosts = [one for one in new if not one.startswith("*") or release >= SNI_WILDCARD_SINCE]
    if not hosts or any(covers(old, name) for name in new) or any(covers(new, one) for one in old):
        return ""
    key = Key(HOSTNAMEPORT, hosts[0], before.key.port)
    owner = OWNER_BY_APPID.get(after.appid)
    line = shells.command(
        (
            "sslbind",
            "add",
            "sslcert",
            key.spec,
            f"certhash={after.certhash}",
            f"appid={owner.word if owner else after.appid}",
            f"certstorename={after.store}",
        )
    )
    return (
        f"the certificates have no name in common, so an update would leave {some([*old], _NAMED)}"
        f" without one; SNI serves both (sslFlags 1 in IIS): {line}"
    )


def hidden(
    added: Binding, records: Iterable[Binding], iplisten: tuple[str, ...], release: Release
) -> str:
    """Return which names the record of an address now hides; empty if none.

    HTTP.SYS looks for the exact address first, whatever name the client sends.
    """
    key = added.key
    if key.kind is not IPPORT or key.wildcard or not listens(iplisten, key.host):
        return ""
    names = [
        "every host of the central store" if one.key.kind is CCS else one.key.host
        for one in records
        if one.key.port == key.port
        and one.key.kind is not IPPORT
        and used_since(one.key) <= release
        and (one.certhash is None or one.certhash != added.certhash)
    ]
    if not names:
        return ""
    return (
        f"{key.spec} takes precedence over every name: clients that connect to {key.host} for"
        f" {some(names, _NAMED)} now get {added.certhash}"
    )


def shared(changed: Sequence[Binding]) -> str:
    """Return a note that sites share the changed address records; empty if none changed."""
    keys = [one.key.spec for one in changed if one.key.kind is IPPORT]
    if not keys:
        return ""
    what = keys[0] if len(keys) == 1 else plural(len(keys), "record") + " of addresses"
    return f"{what}: {SHARED}"


def copies(changed: Iterable[Binding]) -> tuple[str, ...]:
    """Return notes on where else the owners of the records keep the thumbprint."""
    owners = {OWNER_BY_APPID.get(one.appid) for one in changed}
    return tuple(sorted(one.second_place for one in owners if one and one.second_place))


def _owner(record: Binding) -> str:
    return f"{owner_name(record.appid) or 'an unknown application'} {record.appid}"
