"""Rules that compare the sites of IIS (``--sites``) with the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sslbind.binding import DEFAULT_STORE
from sslbind.certificates.choosing import Chooser
from sslbind.certificates.names import covers
from sslbind.check.certificates import NEW
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import has_host, identity, needs_host, site_bindings, unbracketed
from sslbind.check.stores import with_key
from sslbind.check.subject import Dependents, Subject, in_store
from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, SNI_WILDCARD_SINCE, Key
from sslbind.owners import OWNER_BY_WORD, owner_name
from sslbind.release import Release
from sslbind.sites import STANDARD_INPUT, SiteBinding
from sslbind.sslflags import CENTRAL_CERT_STORE
from sslbind.wording import join

_IIS = OWNER_BY_WORD["iis"].appid
_NAMED = 3
"""This many names are listed one by one."""
_NEW_WEBBINDING_SINCE = Release.W2008R2
"""The release whose PowerShell has the cmdlets of IIS."""


@rule("binding-without-record", "error", sites=True, absence=True)
def binding_without_record(subject: Subject) -> Iterator[Found]:
    """An https binding of a site has no record.

    IIS and HTTP.SYS keep two lists. The site has its binding, but HTTP.SYS has
    no certificate for it: another record answers, or the connection is reset.
    Most often the binding was made with New-WebBinding or by editing the file,
    which change IIS only. Add the record. The command takes the
    certificate that the file names, else one of the stores that covers the host
    names (one that has the name itself before a wildcard, then the one that was
    issued last, then the one that lasts longest), else a new one.
    """
    chooser = _chooser(subject)
    yield from _malformed(subject)
    for key, dependents in subject.dependents.items():
        if key.kind is not CCS and key not in subject.bindings:
            advice, command = _addition(subject, key, dependents, chooser)
            yield dependents.found(
                key,
                f"{dependents} has no record: the binding is in IIS but not in HTTP.SYS",
                advice,
                command,
            )


def _malformed(subject: Subject) -> Iterator[Found]:
    """Yield what cannot have a record, unless another rule says why."""
    for sites, binding in site_bindings(subject):
        if not binding.https or unbracketed(binding) or needs_host(binding):
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
            yield Found(
                None,
                f"{binding} cannot have a record: {problem:.300}",
                "correct its bindingInformation in IIS",
                file=sites.file,
                line=binding.line,
                about=identity(binding),
            )


def _addition(
    subject: Subject, key: Key, dependents: Dependents, chooser: Chooser
) -> tuple[str, str]:
    """Return advice and the command that adds the record, or the one that has to come before."""
    if key.kind is HOSTNAMEPORT and key.wildcard and subject.release < SNI_WILDCARD_SINCE:
        return f"wildcard names exist from {SNI_WILDCARD_SINCE.title} on", ""
    for one in dependents.bindings:
        if one.certhash:
            return _named_addition(
                subject, key, dependents, one.certhash, one.store or DEFAULT_STORE
            )
    choice = chooser.choose(dependents.hosts)
    if choice is not None:
        entry = choice.entry
        advice, command = _new_record(
            subject, key, dependents, entry.store, f"certhash={entry.thumbprint}"
        )
        return f"{advice}; {entry.thumbprint} is taken: {choice.reason}", command
    if subject.stores is None:
        advice, command = _new_record(
            subject, key, dependents, DEFAULT_STORE, "certhash=THUMBPRINT"
        )
        return f"{advice}; replace THUMBPRINT by that of a certificate of the server", command
    advice, command = _new_record(subject, key, dependents, DEFAULT_STORE, "--cert", NEW)
    hosts = [host for host in dependents.hosts if host]
    what = "certhash=THUMBPRINT instead of --cert uses one that is in the store"
    if hosts:
        what = f"no certificate in the stores covers {_list(hosts)}"
    return f"{advice}; {what}", command


def _named_addition(
    subject: Subject, key: Key, dependents: Dependents, thumbprint: str, store: str
) -> tuple[str, str]:
    """Return the same where the file names a certificate."""
    if dependents.sites.metabase:
        advice = (
            "import the file: that also sets the site's other options of HTTP.SYS, such as client"
            " certificates and revocation checks"
        )
        file = "-" if dependents.sites.file == STANDARD_INPUT else dependents.sites.file
        return advice, subject.command("import", file, "--if-exists", "keep")
    if subject.stores is not None:
        found = [one for one in subject.entries.get(thumbprint, ()) if subject.usable(one)]
        if not found:
            advice = (
                f"the certificate {thumbprint} that the file names is in no store with its private"
                " key: put it there, then add the record"
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
    return advice, subject.command(
        "add", "sslcert", key.spec, *certificate,
        f"appid={dependents.sites.owner.word}", f"certstorename={store}",
    )  # fmt: skip


@rule("ccs-binding-without-record", "error", sites=True, absence=True)
def ccs_binding_without_record(subject: Subject) -> Iterator[Found]:
    """A site has a binding for the central store, and its port has no ccs record.

    sslFlags 2 and 3 leave the certificate to the Central Certificate Store, and
    HTTP.SYS looks there only for ports that have a ccs record. One serves every
    site of the port. Add it.
    """
    for key, dependents in subject.dependents.items():
        if key.kind is CCS and key not in subject.bindings:
            yield dependents.found(
                key,
                f"{dependents} has sslFlags for the central store, and port {key.port} has no ccs"
                " record",
                "add the record; one serves every site of the port",
                subject.command("add", "sslccs", str(key), f"appid={dependents.sites.owner.word}"),
            )


@rule("orphan-record", "warn", sites=True)
def orphan_record(subject: Subject) -> Iterator[Found]:
    """A record belongs to IIS, and no https binding of a site needs it.

    Deleting a binding or a whole site in the configuration file leaves the record
    in HTTP.SYS. It still answers, with a certificate that nobody renews any more.
    Delete it, unless another configuration file has its binding.
    """
    owners = {sites.owner.appid for sites in subject.sites}
    dependents = subject.dependents
    named = {key.port for key in dependents if key.kind is not IPPORT}
    scoped = {
        (host, key.port) for key, one in dependents.items() if key.kind is CCS for host in one.hosts
    }
    for key, record in subject.bindings.items():
        if record.appid not in owners or key in dependents or key.kind.since > subject.release:
            continue
        if key.kind is SCOPEDCCS and (key.host, key.port) in scoped:
            continue
        default = key.kind is IPPORT and key.wildcard and key.port in named
        yield Found(
            key,
            f"it belongs to {owner_name(record.appid)}, and no https binding of a site needs it",
            f"it answers clients without SNI on port {key.port}: give a site the https binding"
            f" *:{key.port}: and keep it, or delete it"
            if default
            else "delete it, unless another configuration file has its binding",
            "" if default else subject.command("delete", "sslcert", key.spec),
        )


@rule("foreign-appid", "info", sites=True)
def foreign_appid(subject: Subject) -> Iterator[Found]:
    """A record on a port that has https bindings of IIS belongs to another product.

    HTTP.SYS shares ports, so that may be intended: AD FS and Work Folders do it.
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
                "fine if both are meant to share the port; otherwise delete the record, and move"
                " its product to another port",
            )


@rule("shared-ip-port", "warn", sites=True)
def shared_ip_port(subject: Subject) -> Iterator[Found]:
    """Https bindings without SNI share one address and port under different host names.

    Without SNI HTTP.SYS knows only the address and the port when it chooses the
    certificate: all these names get the same one. Where it does not cover one
    of them, which is an error, clients refuse it. Set sslFlags 1 (SNI) and give
    each name a record, or use one certificate that covers them all.
    """
    chooser = _chooser(subject)
    for key, dependents in subject.dependents.items():
        if key.kind is not IPPORT or len(hosts := dependents.hosts) < 2:
            continue
        record = subject.bindings.get(key)
        entry = subject.entry(record) if record else None
        missed = [host for host in hosts if host and entry and not covers(entry.names, host)]
        message = f"{_list(hosts)} share {key} without SNI: they get one certificate"
        sni = "set sslFlags 1 (SNI) and give each name a record"
        if subject.release < HOSTNAMEPORT.since:
            sni = "give each name an address of its own"
        advice, command = f"{sni}, or use one certificate that covers them all", ""
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
    """Return host names in a sentence, the first few by name and the rest as a number."""
    words = [f"{host:.300}" or "the binding without a host name" for host in hosts[:_NAMED]]
    if len(hosts) > len(words):
        words.append(f"{len(hosts) - len(words)} more")
    return join(words)


def _chooser(subject: Subject) -> Chooser:
    """Return what chooses among the certificates that are valid now and can be bound."""
    found = (entry for entries in subject.entries.values() for entry in entries)
    return Chooser(filter(subject.valid, found), subject.now)
