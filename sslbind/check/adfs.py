"""Rules about AD FS, if it owns records.

They are Microsoft's own checks, as far as records show them: "Verify TLS
certificates" and "Manage SSL certificates in AD FS and WAP" of Learn, the support
article on user certificates, and adfsToolbox (github.com/microsoft/adfsToolbox:
TestSslBindings and TestProxySslBindings require NAME:443 and localhost:443 with the
thumbprint of the service and the CTL store AdfsTrustedDevices, NAME:49443 and every
other record of AD FS with the thumbprint alone). That the certificate has the
service name (TestSSLCertSubjectContainsADFSFarmName) is cert-host-mismatch, that Root
holds self-signed certificates only is root-not-self-signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import deletion
from sslbind.check.subject import Subject
from sslbind.keys import HOSTNAMEPORT, IPPORT, Key, Kind
from sslbind.owners import OWNER_BY_APPID, OWNER_BY_WORD
from sslbind.resolver import ANY_IPV4
from sslbind.tags import CTL_STORE

if TYPE_CHECKING:
    from sslbind.binding import Binding

_ADFS = OWNER_BY_WORD["adfs"].appid
_WAP = OWNER_BY_WORD["wap"].appid
_PORT = 443
_TRUSTED_DEVICES = "AdfsTrustedDevices"
_LOCALHOST, _REGISTRATION, _CERTAUTH = "localhost", "enterpriseregistration.", "certauth."
"""Hosts of AD FS that are not its service name."""
_CERTAUTH_PORT = 49443
"""The port of user certificates, where they do not have the host ``certauth.NAME``."""


@rule("adfs-ip-binding", "error")
def adfs_ip_binding(subject: Subject) -> Iterator[Found]:
    """An IP record other than 0.0.0.0 is on port 443 of an AD FS server.

    HTTP.SYS looks for the exact address before the names of AD FS, so that record answers
    instead: sign-in fails, and so does the trust with proxies. [::] answers IPv6
    connections without a name. Microsoft's advice is to delete such records; 0.0.0.0:443
    may stay.
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
    accepted issuers by that store. Without it the proxy trust fails, mostly after somebody
    bound a new certificate by hand. Set the store again. The endpoint of user certificates
    (certauth.NAME, or port 49443) must not have it: see adfs-certauth-ctl.
    """
    for record in _hosts(subject):
        if certauth(record) or CTL_STORE.name in record.unknown:
            continue
        if not trusted_devices(record):
            store = record[CTL_STORE.name]
            yield Found(
                record.key,
                f"it has {CTL_STORE.name}={store}" if store else f"it has no {CTL_STORE.name}",
                f"AD FS needs {CTL_STORE.name}={_TRUSTED_DEVICES} there",
                subject.update(record.key, {CTL_STORE.name: _TRUSTED_DEVICES}),
            )


@rule("adfs-certauth-ctl", "error")
def adfs_certauth_ctl(subject: Subject) -> Iterator[Found]:
    """The endpoint of AD FS for user certificates has the CTL store AdfsTrustedDevices.

    That store lists only the proxies, so that clients on certauth.NAME:443 or NAME:49443
    find no matching certificate to send, and sign-in with user certificates fails.
    Microsoft support says that the store must be null there. netsh cannot clear a tag:
    delete the record and add it again without sslctlstorename, or run
    Set-AdfsSslCertificate.
    """
    for record in subject.owned(_ADFS):
        if certauth(record) and trusted_devices(record):
            yield Found(
                record.key,
                f"it has {CTL_STORE.name}={_TRUSTED_DEVICES}, but it asks for user certificates",
                f"delete the record and add it again without {CTL_STORE.name}, or run"
                " Set-AdfsSslCertificate -Thumbprint THUMBPRINT on the AD FS server",
            )


@rule("adfs-record-stale", "warn")
def adfs_record_stale(subject: Subject) -> Iterator[Found]:
    """A record of AD FS has another certificate than the federation service name.

    AD FS has one certificate for all its records: localhost:443, NAME:49443 or
    certauth.NAME:443, and enterpriseregistration. A renewal by hand easily misses
    one, and device registration, user certificates or the proxy trust fail.
    Microsoft's adfsToolbox also compares every record. Leftovers of an old service name are
    found too. Set-AdfsSslCertificate changes all of them.
    """
    names = service_names(subject)
    if len({one.certhash for one in names}) != 1:
        return  # it is not known which of them is the service's
    service = names[0]
    values = {"certhash": str(service.certhash), "certstorename": str(service.store)}
    for record in subject.owned(_ADFS):
        kind = record.key.kind
        if not kind.certificate:
            continue
        if kind is IPPORT and record.key.port == _PORT:
            continue  # adfs-fallback-stale and adfs-ip-binding report those
        unknown = "certhash" in record.unknown | service.unknown
        if record.certhash != service.certhash and not unknown:
            yield Found(
                record.key,
                f"it has certhash {record.certhash}, and {service.key} of AD FS has"
                f" {service.certhash}",
                "give it the certificate of the federation service name; on the server,"
                " Set-AdfsSslCertificate does it for every record",
                subject.update(record.key, values) if subject.serves(service) else "",
            )


@rule("adfs-old-name", "info")
def adfs_old_name(subject: Subject) -> Iterator[Found]:
    """AD FS has records for several service names, with different certificates.

    AD FS has one federation service name. A second one is usually left over from a change
    of the name, and nobody renews its certificate. Get-AdfsProperties shows the name in use
    (HostName); delete the records of the other.
    """
    names = service_names(subject)
    if len({one.certhash for one in names}) > 1:
        others = ", ".join(f"{one.key.host:.200}" for one in names)
        yield Found(
            names[0].key,
            f"{others} all look like the federation service name, and their certificates differ",
            "Get-AdfsProperties shows the one in use; delete the records of the others",
        )


@rule("adfs-no-certauth", "info", absence=True)
def adfs_no_certauth(subject: Subject) -> Iterator[Found]:
    """A federation service name has no record for user certificates.

    AD FS asks for user certificates on NAME:49443, or on certauth.NAME:443 from
    Windows Server 2016 on (Set-AdfsAlternateTlsClientBinding). Without either,
    sign-in with certificates fails; that is fine if nobody uses it.
    """
    for one in service_names(subject):
        host = one.key.host
        places = (Key(HOSTNAMEPORT, host, _CERTAUTH_PORT), Key(HOSTNAMEPORT, _CERTAUTH + host, 443))
        if not any(place in subject.bindings for place in places):
            yield Found(
                one.key,
                f"there is neither {places[0]} nor {places[1]}: nothing asks for user certificates",
                "fine if nobody signs in with a certificate; Set-AdfsSslCertificate creates the"
                " record again",
            )


@rule("adfs-no-localhost", "info", absence=True)
def adfs_no_localhost(subject: Subject) -> Iterator[Found]:
    """An AD FS server has no record for localhost:443.

    AD FS creates it beside that of its service name, and its services call each other
    there; Microsoft's adfsToolbox requires it. A Web Application Proxy has no such record,
    and gets no finding. Set-AdfsSslCertificate creates it again.
    """
    names = service_names(subject)
    proxy = subject.owned(_WAP)
    if names and not proxy and Key(HOSTNAMEPORT, _LOCALHOST, _PORT) not in subject.bindings:
        yield Found(
            names[0].key,
            f"AD FS is on this server, but there is no record for {_LOCALHOST}:{_PORT}",
            "Set-AdfsSslCertificate -Thumbprint THUMBPRINT creates it; a proxy does not need it",
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
    owner = OWNER_BY_APPID.get(record.appid)
    theirs = "" if record.appid == _ADFS else "; it belongs to another application"
    if theirs and owner:
        theirs = f"; it belongs to {owner.name}, {owner.way}"
    yield Found(
        record.key,
        f"it has certhash {record.certhash}, and {service.key} of AD FS has {service.certhash}",
        "give it the certificate of the federation service name" + theirs,
        subject.update(record.key, values) if subject.serves(service) and not theirs else "",
    )


def service_names(subject: Subject) -> list[Binding]:
    """Return the host records of AD FS that may be its service name's, usually one."""
    return [
        one
        for one in _hosts(subject)
        if one.key.host != _LOCALHOST and not one.key.host.startswith((_REGISTRATION, _CERTAUTH))
    ]


def certauth(record: Binding) -> bool:
    """Whether it is the endpoint of AD FS for user certificates."""
    key = record.key
    return key.kind is HOSTNAMEPORT and (
        key.host.startswith(_CERTAUTH) or key.port == _CERTAUTH_PORT
    )


def trusted_devices(record: Binding) -> bool:
    """Whether a record of AD FS has the CTL store that AD FS itself fills on the server."""
    store = str(record[CTL_STORE.name])
    return record.appid == _ADFS and store.casefold() == _TRUSTED_DEVICES.casefold()


def _records(subject: Subject, kind: Kind) -> Sequence[Binding]:
    """Return the records of one kind on the port of AD FS; none if it owns no record."""
    kinds = subject.ports.get(_PORT)
    return kinds[kind] if kinds and subject.owned(_ADFS) else ()


def _hosts(subject: Subject) -> list[Binding]:
    owned = subject.owned(_ADFS)
    return [one for one in owned if one.key.kind is HOSTNAMEPORT and one.key.port == _PORT]
