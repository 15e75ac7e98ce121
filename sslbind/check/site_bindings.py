"""Rules about bindings of sites that IIS itself cannot use."""

from __future__ import annotations

from collections.abc import Iterator

from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.subject import Subject
from sslbind.errors import BadValueError
from sslbind.keys import HOSTNAMEPORT, Key, parse_host
from sslbind.owners import OWNER_BY_APPID
from sslbind.sites import SiteBinding, Sites
from sslbind.sslflags import CENTRAL_CERT_STORE, SNI


@rule("duplicate-binding", "error", sites=True)
def duplicate_binding(subject: Subject) -> Iterator[Found]:
    """Two bindings of the sites have the same protocol, address, port and host.

    IIS starts only one of two such sites; within one site the second binding makes
    the configuration invalid. An address that is empty, * or 0.0.0.0 means the
    same, and host names ignore case. Delete one of the two, or give it its own host name.
    If one of the two sites does not start automatically (serverAutoStart="false"), it is a
    spare, and the finding is an info.
    """
    for sites in subject.sites:
        first: dict[tuple[str, str, int | None, str], SiteBinding] = {}
        for binding in sites.bindings:
            same = first.setdefault(binding.canonical, binding)
            if same is binding:
                continue
            spare = next((one for one in (binding, same) if not one.started), None)
            found = _about(
                subject,
                sites,
                binding,
                f"{binding} means the same as {same} on line {same.line}",
                "give one of the two its own host name in IIS, which is safer, or delete it",
            )
            if spare is not None and binding.site != same.site:
                found = found._replace(
                    message=f"{found.message}; {spare.site!r:.100} does not start automatically"
                    " (serverAutoStart)",
                    advice="fine as long as only one of the two sites is started",
                    severity="info",
                )
            yield found


@rule("http-and-https", "error", sites=True)
def http_and_https(subject: Subject) -> Iterator[Found]:
    """An http and an https binding have the same address and port.

    An address and port speaks either TLS or plain HTTP: HTTP.SYS accepts the first of the
    two that is started, and IIS cannot start the other site (inferred). Usually the
    protocol or the port of one of them is a mistake. Correct it in IIS.
    """
    for sites in subject.sites:
        plain: dict[tuple[str, int | None], SiteBinding] = {}
        for binding in sites.bindings:
            if binding.protocol == "http" and binding.port is not None:
                plain.setdefault(binding.canonical[1:3], binding)
        for binding in sites.bindings:
            other = plain.get(binding.canonical[1:3]) if binding.https else None
            if other is not None:
                yield _about(
                    subject,
                    sites,
                    binding,
                    f"{binding} and {other} on line {other.line} have the same address and port,"
                    " which speaks either TLS or plain HTTP",
                    "correct the protocol or the port of one of the two in IIS",
                )


@rule("sslflags-on-non-https", "error", sites=True)
def sslflags_on_non_https(subject: Subject) -> Iterator[Found]:
    """An http binding of a site has sslFlags.

    They only apply to https. Usually the protocol was meant to be https. Correct the
    protocol, or remove sslFlags.
    """
    for sites, binding in site_bindings(subject):
        if not binding.https and binding.sslflags:
            yield _about(
                subject,
                sites,
                binding,
                f"{binding} has sslFlags={binding.sslflags}, which only https bindings have",
                "make it https, or remove sslFlags",
            )


@rule("sslflags-needs-host", "error", sites=True)
def sslflags_needs_host(subject: Subject) -> Iterator[Found]:
    """An https binding of a site has sslFlags 1, 2 or 3 and no host name.

    SNI and the central store both find the certificate by the host name. IIS
    refuses such a binding, and no record can serve it. Give it a host name, or
    remove bits 1 and 2.
    """
    for sites, binding in site_bindings(subject):
        if needs_host(binding):
            yield _about(
                subject,
                sites,
                binding,
                f"{binding} has sslFlags={binding.sslflags}, SNI or the central store, and no host"
                " name",
                "give it a host name, or remove bits 1 and 2 of sslFlags",
            )


@rule("sni-flag-missing", "warn", sites=True)
def sni_flag_missing(subject: Subject) -> Iterator[Found]:
    """An https binding with a host name has no SNI, but there is a record for its name.

    IIS treats it as an address binding, but HTTP.SYS answers the name with its own record:
    what IIS shows and changes is not what clients get. Usually a script recreated the
    binding without sslFlags 1. Set sslFlags 1 in IIS, and leave the record as it is.
    """
    for key, dependents in subject.meant.items():
        if key.kind is HOSTNAMEPORT:
            yield dependents.found(
                key,
                f"{dependents} has no SNI (sslFlags 1), but HTTP.SYS has a record for its name",
                "set sslFlags 1 for the binding in IIS; the record is right as it is",
            )


@rule("ipv6-unbracketed", "error", sites=True)
def ipv6_unbracketed(subject: Subject) -> Iterator[Found]:
    """A binding of a site has an IPv6 address without brackets.

    IIS answers 0x80072550 and does not start the site. Put the address in
    brackets: [2001:db8::5]:443:www.contoso.com.
    """
    for sites, binding in site_bindings(subject):
        if binding.unbracketed:
            bare = binding.address.strip("[]")
            yield _about(
                subject,
                sites,
                binding,
                f"{binding} has an IPv6 address without brackets",
                f"write [{bare:.300}]:{binding.port or 'PORT'}:{binding.host:.300}",
            )


@rule("legacy-5506", "error", sites=True)
def legacy_5506(subject: Subject) -> Iterator[Found]:
    """The configuration has property 5506 below customMetadata.

    It is a leftover of older settings that names a certificate, and it makes new bindings
    disappear (event 15300). Delete the <key> element from applicationHost.config.
    """
    for sites in subject.sites:
        for path, line in sites.legacy_bindings:
            yield Found(
                None,
                f"customMetadata has property 5506 for {path!r:.300}: bindings disappear",
                "delete its <key> element from applicationHost.config",
                file=sites.file,
                line=line,
                about=path,
            )


def site_bindings(subject: Subject) -> Iterator[tuple[Sites, SiteBinding]]:
    """Yield every binding of every file of sites, with its file."""
    return ((sites, binding) for sites in subject.sites for binding in sites.bindings)


def identity(binding: SiteBinding) -> str:
    """Return the ``about`` of a finding on this binding: site, protocol, information."""
    return f"{binding.site}|{binding.protocol}|{binding.information}"


def found_in_site(  # noqa: PLR0913, PLR0917  # what a finding has
    sites: Sites,
    binding: SiteBinding,
    key: Key | None,
    message: str,
    advice: str,
    command: str = "",
) -> Found:
    """Return what is wrong with a binding of a site, at its line; ``key`` is its record's."""
    return Found(
        key,
        message,
        advice,
        command,
        file=sites.file,
        line=binding.line,
        about=identity(binding),
    )


def has_host(binding: SiteBinding) -> bool:
    """Whether a record may have its host: a name, or ``*.`` and a name."""
    try:
        parse_host(binding.host)
    except BadValueError:
        return False
    return True


def needs_host(binding: SiteBinding) -> bool:
    """Whether its flags require a host name that it does not have."""
    return (
        binding.https and not binding.host and bool(binding.sslflags & (SNI | CENTRAL_CERT_STORE))
    )


def wants_certificates(sites: Sites, binding: SiteBinding) -> bool:
    """Whether the site of a binding asks for client certificates."""
    return any(wish.site == binding.site for wish in sites.client_certificates)


def deletion(subject: Subject, key: Key, advice: str) -> tuple[str, str]:
    """Return ``advice`` and the command that deletes a record; different ones if a site needs it.

    A record that belongs to another product must be deleted by its owner.
    """
    meant = subject.meant.get(key)
    if meant is not None:
        return f"{meant.bindings[0]} means this record: correct the binding in IIS first", ""
    dependents = subject.dependents.get(key)
    if dependents is None:
        record = subject.bindings.get(key)
        owner = OWNER_BY_APPID.get(record.appid) if record else None
        if subject.sites and owner and owner not in {one.owner for one in subject.sites}:
            return f"{advice}; it belongs to {owner.name}, {owner.way}", ""
        return advice, subject.delete(key)
    advice = (
        f"{dependents} needs the record: move the site to a host name (SNI, sslFlags 1) in IIS"
        " first, with a record of that name; then delete this one"
    )
    return advice, ""


def _about(
    subject: Subject, sites: Sites, binding: SiteBinding, message: str, advice: str
) -> Found:
    key = binding.key_for(subject.release) if binding.https else None
    return found_in_site(sites, binding, key, message, advice)
