"""Rules about records that several sites share, and sites that have several records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import identity, site_bindings
from sslbind.check.subject import Subject
from sslbind.keys import CCS, IPPORT, Key
from sslbind.wording import join, some

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.sites import SiteBinding

_NAMED = 3


@rule("shared-record", "info", sites=True)
def shared_record(subject: Subject) -> Iterator[Found]:
    """Bindings of several sites have one record.

    HTTP.SYS has one record for an address and port, or for a name and port, and IIS
    writes it for each of the bindings: whoever changes the certificate of one site
    changes it for all, and whoever removes one binding in IIS Manager may remove
    the record of the others (KB 2405568; event 15300). That is fine where it is
    known. Give the sites host names with SNI to have a record for each.
    """
    for key, dependents in subject.dependents.items():
        sites = list(
            dict.fromkeys(
                one.site
                for one in dependents.bindings
                if one.site and one.meant_key(subject.release) not in subject.bindings
            )
        )
        if key.kind is CCS or key not in subject.bindings or len(sites) < 2:
            continue
        names = some([repr(f"{site:.100}") for site in sites], _NAMED)
        yield dependents.found(
            key,
            f"the sites {names} share the record: who changes or removes it for one does so for"
            " all (KB 2405568)",
            "fine where that is known; host names with SNI have a record each",
        )


@rule("site-two-certificates", "info", sites=True)
def site_two_certificates(subject: Subject) -> Iterator[Found]:
    """One site has different certificates on one port, by the address that clients come to.

    Exchange makes its site so, with 127.0.0.1:443 beside 0.0.0.0:443, and both are
    needed. After a renewal one of them is easily forgotten: 127.0.0.1 answers the
    programs on the server itself, and these fail then. Give both the new
    certificate, unless they are meant to differ.
    """
    places: dict[tuple[str, int], dict[Key, SiteBinding]] = {}
    for _, binding in site_bindings(subject):
        key = binding.key_for(subject.release) if binding.https else None
        if key is not None and key.kind is IPPORT and not binding.host:
            places.setdefault((binding.site, key.port), {})[key] = binding
    for (site, _), bindings in places.items():
        records = [subject.bindings[key] for key in bindings if key in subject.bindings]
        if any("certhash" in one.unknown for one in records):
            continue
        if len({one.certhash for one in records}) > 1:
            first = bindings[records[0].key]
            where = join([f"{one.key} has {one.certhash}" for one in records])
            yield Found(
                records[0].key,
                f"the site {site!r:.100} has two certificates: {where}",
                "fine if they are meant to differ; otherwise give both the newer one",
                about=identity(first),
            )


def loopback(record: Binding) -> bool:
    """Whether only programs on the server itself come to the address of a record."""
    host = record.key.host
    return record.key.kind is IPPORT and (host.startswith("127.") or host == "::1")
