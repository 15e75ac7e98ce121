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
    """Bindings of several sites share one record.

    HTTP.SYS has one record for an address and port, or for a name and port, and IIS writes
    it for each of the bindings: changing the certificate of one site changes it for all,
    and removing one binding in IIS Manager may remove the record of the others (KB 2405568;
    event 15300). That is fine if everyone knows. Give the sites host names with SNI to have
    a record for each.
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
            f"the sites {names} share the record: changing or removing it for one affects all (KB"
            " 2405568)",
            "fine if everyone knows; host names with SNI have separate records",
        )


@rule("site-two-certificates", "info", sites=True)
def site_two_certificates(subject: Subject) -> Iterator[Found]:
    """A site has different certificates on one port, depending on the address.

    Exchange sets up its site like this, with 127.0.0.1:443 beside 0.0.0.0:443, and both are
    needed. After a renewal one of them is easily forgotten: 127.0.0.1 answers programs on
    the server itself, which then fail. Give both the new certificate, unless they are meant
    to differ.
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
    """Whether only programs on the server itself connect to the address of a record."""
    host = record.key.host
    return record.key.kind is IPPORT and (host.startswith("127.") or host == "::1")
