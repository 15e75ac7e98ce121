"""Rules about AD FS, where it owns records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import deletion
from sslbind.check.subject import Subject
from sslbind.keys import HOSTNAMEPORT, IPPORT, Key, Kind
from sslbind.owners import OWNER_BY_WORD
from sslbind.resolver import ANY_IPV4
from sslbind.tags import CTL_STORE

if TYPE_CHECKING:
    from sslbind.binding import Binding

_ADFS = OWNER_BY_WORD["adfs"].appid
_PORT = 443
_TRUSTED_DEVICES = "AdfsTrustedDevices"
_LOCALHOST, _REGISTRATION = "localhost", "enterpriseregistration."
"""Hosts of AD FS that are not its service name."""


@rule("adfs-ip-binding", "error")
def adfs_ip_binding(subject: Subject) -> Iterator[Found]:
    """An IP record other than 0.0.0.0 is on port 443 of an AD FS server.

    HTTP.SYS looks for the exact address before the names of AD FS, so that its
    record answers instead: sign-in fails, and so does the trust with proxies.
    [::] answers what comes over IPv6 without a name. Microsoft's advice is to
    delete such records; 0.0.0.0:443 may stay.
    """
    for record in _records(subject, IPPORT):
        if record.key.host != ANY_IPV4:
            advice = f"delete it; {ANY_IPV4}:{_PORT} may be the fallback for clients without a name"
            advice, command = deletion(subject, record.key, advice)
            yield Found(
                record.key,
                f"AD FS is on this server, and {record.key.host} answers on its port {_PORT}",
                advice,
                command,
            )


@rule("adfs-no-ctl", "error")
def adfs_no_ctl(subject: Subject) -> Iterator[Found]:
    """A host record of AD FS has another CTL store than AdfsTrustedDevices.

    Web Application Proxy signs in with a client certificate, and AD FS names the
    accepted issuers by that store. Without it the proxy trust fails, mostly after
    somebody bound the certificate anew by hand. Name the store again.
    """
    for record in _hosts(subject):
        if not trusted_devices(record) and CTL_STORE.name not in record.unknown:
            store = record[CTL_STORE.name]
            yield Found(
                record.key,
                f"it has {CTL_STORE.name}={store}" if store else f"it has no {CTL_STORE.name}",
                f"AD FS needs {CTL_STORE.name}={_TRUSTED_DEVICES} there",
                subject.update(record.key, {CTL_STORE.name: _TRUSTED_DEVICES}),
            )


@rule("adfs-fallback-stale", "warn")
def adfs_fallback_stale(subject: Subject) -> Iterator[Found]:
    """The record for 0.0.0.0:443 has another certificate than the federation service name.

    Clients and load balancers that send no server name get the certificate of
    0.0.0.0:443. AD FS renews the records of its own names but not this one,
    which is then forgotten. Give it the certificate of the service name.
    """
    names = service_names(subject)
    record = subject.bindings.get(Key(IPPORT, ANY_IPV4, _PORT))
    if record is None or not names or record.certhash in {one.certhash for one in names}:
        return
    service = names[0]
    if "certhash" in record.unknown | service.unknown:
        return
    values = {"certhash": str(service.certhash), "certstorename": str(service.store)}
    yield Found(
        record.key,
        f"it has certhash {record.certhash}, and {service.key} of AD FS has {service.certhash}",
        "give it the certificate of the federation service name",
        subject.update(record.key, values) if subject.serves(service) else "",
    )


def service_names(subject: Subject) -> list[Binding]:
    """Return the host records of AD FS that may be its service name's, most often one."""
    return [
        one
        for one in _hosts(subject)
        if one.key.host != _LOCALHOST and not one.key.host.startswith(_REGISTRATION)
    ]


def trusted_devices(record: Binding) -> bool:
    """Whether a record of AD FS has the CTL store that AD FS itself fills on the server."""
    store = str(record[CTL_STORE.name])
    return record.appid == _ADFS and store.casefold() == _TRUSTED_DEVICES.casefold()


def _records(subject: Subject, kind: Kind) -> Sequence[Binding]:
    """Return the records of one kind on the port of AD FS; none where it owns no record."""
    kinds = subject.ports.get(_PORT)
    owned = any(one.appid == _ADFS for one in subject.bindings.values())
    return kinds[kind] if kinds and owned else ()


def _hosts(subject: Subject) -> list[Binding]:
    return [one for one in _records(subject, HOSTNAMEPORT) if one.appid == _ADFS]
