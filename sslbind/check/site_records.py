"""Rules that compare the sites of IIS (``--sites``) with the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.binding import DEFAULT_STORE
from sslbind.certificates.choosing import Chooser
from sslbind.certificates.names import covers
from sslbind.check.choosing import chooser_of
from sslbind.check.command import NEW, Edit, FixCommand
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import (
    found_in_site,
    has_host,
    needs_host,
    site_bindings,
    wants_certificates,
)
from sslbind.check.stores import with_key
from sslbind.check.subject import Dependents, Subject, in_store
from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, SNI_WILDCARD_SINCE, Key
from sslbind.owners import EXPRESS_PORTS, OWNER_BY_APPID, OWNER_BY_WORD, owner_name
from sslbind.release import Release
from sslbind.resolver import ANY_IPV4, ANY_IPV6
from sslbind.sites import FROM_STANDARD_INPUT, SiteBinding
from sslbind.sslflags import CENTRAL_CERT_STORE
from sslbind.tags import CLIENT_CERTIFICATE, Value
from sslbind.wording import join

if TYPE_CHECKING:
    from sslbind.binding import Binding

_IIS, _EXPRESS = OWNER_BY_WORD["iis"].appid, OWNER_BY_WORD["iisexpress"].appid
_NAMED = 3
"""This many names are listed one by one."""
_NEW_WEBBINDING_SINCE = Release.W2008R2
"""The release whose PowerShell has the cmdlets of IIS."""


@rule("binding-without-record", "error", sites=True, absence=True)
def binding_without_record(subject: Subject) -> Iterator[Found]:
    """An https binding of a site has no record.

    IIS and HTTP.SYS keep separate lists. The site has its binding, but HTTP.SYS has no
    certificate for it: another record answers, or the connection is reset. Usually the
    binding was created with New-WebBinding or by editing the file, which only change IIS;
    or another product that shares the port, such as Reporting Services, removed the record.
    Add it. The command uses the certificate that the file names, else one from the stores
    that covers the host names (an exact name before a wildcard, then the one issued last,
    then the one that expires last), else a new one.
    """
    chooser = chooser_of(subject)
    yield from _malformed(subject)
    for key, needing in subject.dependents.items():
        if key.kind is CCS or key in subject.bindings:
            continue
        waiting = [one for one in needing.bindings if not _answered(subject, one)]
        if waiting:
            dependents = needing._replace(bindings=waiting)
            advice, command = _missing(subject, key, dependents, chooser)
            what = f"{dependents} has no record: the binding is in IIS but not in HTTP.SYS"
            found = dependents.found(key, what + _cause(subject, key), advice, command)
            if not any(one.started for one in waiting):
                found = found._replace(
                    message=f"{found.message}; its site does not start automatically",
                    severity="warn",
                )
            yield found


def _answered(subject: Subject, binding: SiteBinding) -> bool:
    """Whether a binding that lost its SNI still has a record for its name, or will have."""
    meant = binding.meant_key(subject.release)
    return meant in subject.bindings or meant in subject.dependents


def _cause(subject: Subject, key: Key) -> str:
    """Return who may have removed the record, if the other wildcard shows it."""
    if key.kind is not IPPORT or key.host != ANY_IPV4:
        return ""
    other = subject.bindings.get(Key(IPPORT, ANY_IPV6, key.port))
    owner = OWNER_BY_APPID.get(other.appid) if other else None
    if owner is None or owner.appid == _IIS:
        return ""
    return (
        f"; {owner.name} has [::]:{key.port}, and its configuration tool may have removed"
        f" {key}, which all products of a port share"
    )


def _missing(
    subject: Subject, key: Key, dependents: Dependents, chooser: Chooser
) -> tuple[str, str]:
    """Return advice and the command that comes first if a record is missing."""
    advice, command = _addition(subject, key, dependents, chooser)
    sni = dependents.bindings[0].meant_key(subject.release)
    exact = key.kind is IPPORT and not key.wildcard and all(dependents.hosts)
    if exact and sni and sni.kind is HOSTNAMEPORT and _named(subject, key.port):
        # A record for the address would answer every name there.
        only = dependents._replace(bindings=dependents.bindings[:1])
        advice, command = _addition(subject, sni, only, chooser)
        advice = (
            f"set sslFlags 1 (SNI) for it in IIS, and {advice}; a record for {key} would answer"
            " every name at that address with its certificate"
        )
        return advice, command
    if dependents.sites.express and key.port not in EXPRESS_PORTS:
        first, last = EXPRESS_PORTS[0], EXPRESS_PORTS[-1]
        advice = (
            f"give the site a port from {first} to {last}, which the installer of IIS Express has"
            f" bound, or {advice}"
        )
    return advice, command


def _named(subject: Subject, port: int) -> bool:
    """Whether a server name leads anywhere on a port: to a record, or to a site's binding."""
    if subject.release < HOSTNAMEPORT.since:
        return False
    records = subject.ports.get(port, {})
    return any(records.get(kind) for kind in (HOSTNAMEPORT, SCOPEDCCS, CCS)) or any(
        key.port == port and key.kind is not IPPORT for key in subject.dependents
    )


def _malformed(subject: Subject) -> Iterator[Found]:
    """Yield bindings that cannot have a record, unless another rule explains it."""
    for sites, binding in site_bindings(subject):
        if not binding.https or binding.unbracketed or needs_host(binding):
            continue
        problem = ""
        try:
            binding.require_key(subject.release)
        except BadValueError as error:
            problem = error.message
        central = binding.sslflags & CENTRAL_CERT_STORE and subject.release >= CCS.since
        if central and not problem and not has_host(binding):  # the key of ccs has no host
            problem = f"{binding.host!r:.200} is not a host name"
        if problem:
            yield found_in_site(
                sites,
                binding,
                None,
                f"{binding} cannot have a record: {problem:.300}",
                "correct its bindingInformation in IIS",
            )


def _addition(
    subject: Subject, key: Key, dependents: Dependents, chooser: Chooser
) -> tuple[str, str]:
    """Return advice and the command that adds the record, or the one that must come before it."""
    if key.kind is HOSTNAMEPORT and key.wildcard and subject.release < SNI_WILDCARD_SINCE:
        return f"wildcard names exist from {SNI_WILDCARD_SINCE.title} on", ""
    for one in dependents.bindings:
        if one.certhash:
            return _named_addition(
                subject, key, dependents, one.certhash, one.store or DEFAULT_STORE
            )
    twin = subject.bindings.get(Key(IPPORT, ANY_IPV6, key.port)) if key.host == ANY_IPV4 else None
    if twin and _fits(subject, twin, dependents):
        advice, command = _new_record(
            subject, key, dependents, str(twin.store), f"certhash={twin.certhash}"
        )
        return f"{advice}; the certificate is that of {twin.key}", command
    choice = chooser.choose(dependents.hosts)
    if choice is not None:
        entry = choice.entry
        advice, command = _new_record(
            subject, key, dependents, entry.store, f"certhash={entry.thumbprint}"
        )
        return f"{advice}; {entry.thumbprint} was chosen: {choice.reason}", command
    if subject.stores is None:
        advice, command = _new_record(
            subject, key, dependents, DEFAULT_STORE, "certhash=THUMBPRINT"
        )
        return f"{advice}; replace THUMBPRINT with that of a certificate on the server", command
    advice, command = _new_record(subject, key, dependents, DEFAULT_STORE, "--cert", NEW)
    hosts = [host for host in dependents.hosts if host]
    what = "certhash=THUMBPRINT instead of --cert uses one that is already in the store"
    if hosts:
        what = f"no certificate in the stores covers {_list(hosts)}"
    return f"{advice}; {what}", command


def _fits(subject: Subject, twin: Binding, dependents: Dependents) -> bool:
    """Whether the certificate of a record of the same owner serves these bindings too."""
    entry = subject.entry(twin)
    names = entry.names if entry else ()
    return (
        twin.appid == dependents.sites.owner.appid
        and subject.serves(twin)
        and (entry is None or all(covers(names, host) for host in dependents.hosts if host))
    )


def _named_addition(
    subject: Subject, key: Key, dependents: Dependents, thumbprint: str, store: str
) -> tuple[str, str]:
    """Return the same if the file names a certificate."""
    if dependents.sites.metabase:
        advice = (
            "import the file: that also sets the site's other options of HTTP.SYS, such as client"
            " certificates and revocation checks"
        )
        file = "-" if dependents.sites.file == FROM_STANDARD_INPUT else dependents.sites.file
        return advice, subject.command("import", file, "--if-exists", "keep")
    if subject.stores is not None:
        found = [one for one in subject.entries.get(thumbprint, ()) if subject.usable(one)]
        if not found:
            advice = (
                f"the certificate {thumbprint} that the file names is not in any store with its"
                " private key: put it there, then add the record"
            )
            return advice, with_key(subject, store)
        store = (in_store(found, store) or found[0]).store
    return _new_record(subject, key, dependents, store, f"certhash={thumbprint}")


def _new_record(
    subject: Subject, key: Key, dependents: Dependents, store: str, *certificate: str
) -> tuple[str, str]:
    advice = "add the record"
    if subject.release >= _NEW_WEBBINDING_SINCE:
        advice += "; New-WebBinding changes IIS only"
    values: dict[str, Value] = {
        "appid": dependents.sites.owner.appid,
        "certstorename": store,
    }
    if any(wants_certificates(dependents.sites, one) for one in dependents.bindings):
        values[CLIENT_CERTIFICATE.name] = True
    return advice, subject.add(key, certificate, values)


@rule("ccs-binding-without-record", "error", sites=True, absence=True)
def ccs_binding_without_record(subject: Subject) -> Iterator[Found]:
    """A site has a binding for the central store, but its port has no ccs record.

    With sslFlags 2 and 3 the certificate comes from the Central Certificate Store, but
    HTTP.SYS only looks there for ports that have a ccs record. One serves every site on the
    port. Add it.
    """
    for key, dependents in subject.dependents.items():
        if key.kind is CCS and key not in subject.bindings:
            advice = "add the record; one serves every site of the port"
            yield dependents.found(
                key,
                f"{dependents} has sslFlags for the central store, but port {key.port} has no ccs"
                " record",
                advice,
                FixCommand.of(
                    subject.command(
                        "add", "sslccs", str(key), f"appid={dependents.sites.owner.word}"
                    ),
                    Edit("add", key, {"appid": dependents.sites.owner.appid}),
                ),
            )


@rule("orphan-record", "warn", sites=True)
def orphan_record(subject: Subject) -> Iterator[Found]:
    """A record belongs to IIS, but no https binding of a site needs it.

    Deleting a binding or a whole site in the configuration file leaves the record
    in HTTP.SYS. It still answers, with a certificate that nobody renews any more. Delete
    it, unless another configuration file has its binding. A record that a mistyped binding
    (no SNI, no brackets) refers to is not an orphan, nor are the ports 44300 to 44399,
    which the installer of IIS Express binds.
    """
    owners, dependents = subject.site_owners, subject.dependents
    scoped = {
        (host, key.port) for key, one in dependents.items() if key.kind is CCS for host in one.hosts
    }
    orphans = {}
    for key, record in subject.bindings.items():
        if record.appid not in owners or key in dependents or key.kind.since > subject.release:
            continue
        if key in subject.meant or (record.appid == _EXPRESS and key.port in EXPRESS_PORTS):
            continue
        if key.kind is SCOPEDCCS and (key.host, key.port) in scoped:
            continue
        orphans[key] = record
    shared = {key.port for key in subject.bindings if key not in orphans}
    shared |= {key.port for key in dependents}
    for key, record in orphans.items():
        found = Found(
            key,
            f"it belongs to {owner_name(record.appid)}, but no https binding of a site needs it",
            "delete it, unless another configuration file has its binding",
            subject.delete(key),
        )
        if key.kind is IPPORT and key.wildcard and key.port in shared:
            found = found._replace(
                advice=f"it answers clients without SNI on port {key.port}: give a site the https"
                f" binding *:{key.port}: and keep it, which is safer; or delete it",
                command="",
                severity="info",
            )
        yield found


@rule("foreign-appid", "info", sites=True)
def foreign_appid(subject: Subject) -> Iterator[Found]:
    """A record on a port that has https bindings of IIS belongs to another product.

    HTTP.SYS shares ports, so this may be intended: AD FS and Work Folders do it.
    Otherwise another product has replaced the site's certificate with its own, and
    IIS shows it as the site's.
    """
    owners = {_IIS, *(sites.owner.appid for sites in subject.sites)}
    ports: dict[int, SiteBinding] = {}
    for sites in subject.sites:
        for binding in sites.bindings:
            if binding.https and binding.port is not None:
                ports.setdefault(binding.port, binding)
    for key, record in subject.bindings.items():
        if key.port in ports and record.appid not in owners and "appid" not in record.unknown:
            owner = owner_name(record.appid) or "an unknown application"
            yield Found(
                key,
                f"it belongs to {owner} {record.appid}, and port {key.port} has {ports[key.port]}",
                "fine if they are meant to share the port; otherwise delete the record, and move"
                " its product to another port",
            )


@rule("shared-ip-port", "warn", sites=True)
def shared_ip_port(subject: Subject) -> Iterator[Found]:
    """Https bindings without SNI share one address and port under different host names.

    Without SNI HTTP.SYS knows only the address and the port when it chooses the
    certificate: all these names get the same one. If it does not cover one of them, which
    is an error, clients refuse it. Set sslFlags 1 (SNI) and give each name a record, or use
    one certificate that covers them all.
    """
    chooser = chooser_of(subject)
    for key, dependents in subject.dependents.items():
        if key.kind is not IPPORT:
            continue
        without = [one for one in dependents.bindings if not _answered(subject, one)]
        hosts = dependents._replace(bindings=without).hosts
        if len(hosts) < 2:
            continue
        record = subject.bindings.get(key)
        entry = subject.entry(record) if record else None
        missed = [host for host in hosts if host and entry and not covers(entry.names, host)]
        message = f"{_list(hosts)} share {key} without SNI: they get one certificate"
        sni = "set sslFlags 1 (SNI) and give each name a record"
        if subject.release < HOSTNAMEPORT.since:
            sni = "give each name its own address"
        advice = f"{sni}; or use one certificate that covers them all, which is safer: clients"
        advice, command = f"{advice} without SNI get it too", ""
        if missed and entry:
            message += f", and {entry.thumbprint} does not cover {_list(missed)}"
            other = chooser.choose(hosts)
            if other:
                command = subject.update(
                    key,
                    {"certhash": other.entry.thumbprint, "certstorename": other.entry.store},
                )
        found = dependents.found(key, message, advice, command)
        yield found._replace(severity="error") if missed else found


def _list(hosts: Sequence[str]) -> str:
    """Return host names for a sentence: the first few, and the number of the others."""
    words = [f"{host:.300}" or "the binding without a host name" for host in hosts[:_NAMED]]
    if len(hosts) > len(words):
        words.append(f"{len(hosts) - len(words)} more")
    return join(words)
