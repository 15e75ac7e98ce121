"""Rules about the records of one port: which hide others, and which are missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from sslbind.answers.precedence import Shadows
from sslbind.check.adfs import service_names
from sslbind.check.command import NEW
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import deletion
from sslbind.check.site_sharing import loopback
from sslbind.check.subject import Subject
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key, Kind
from sslbind.owners import OWNER_BY_APPID
from sslbind.resolver import ANY_IPV4, ANY_IPV6, used_since

if TYPE_CHECKING:
    from sslbind.binding import Binding

_NAMED = 3
"""This many of the names that a record hides are listed one by one."""
_NO_DEFAULT = (
    "No default SSL site has been created. To support browsers without SNI capabilities, it is"
    " recommended to create a default SSL site."
)
"""The words of IIS Manager."""
_ADD_DEFAULT = (
    f"IIS Manager says: {_NO_DEFAULT} Add a record for {ANY_IPV4}:{{port}} with the certificate"
    " for clients that send no name"
)


@rule("no-default-ssl", "warn", absence=True)
def no_default_ssl(subject: Subject) -> Iterator[Found]:
    """A port has SNI or CCS records but no wildcard IP record.

    A client that sends no server name, or an unknown one, gets no certificate: the
    connection is reset. Typical examples are monitoring probes, old clients and load
    balancers. An ipport record for 0.0.0.0 answers them.
    """
    for port, kinds in subject.ports.items():
        named = _names(subject, kinds)
        if not named or any(one.key.wildcard for one in kinds[IPPORT]):
            continue
        like = _like(subject, port, kinds[HOSTNAMEPORT])
        advice, command = f"{_ADD_DEFAULT.format(port=port)}", ""
        theirs = like is not None and like.appid in subject.site_owners
        if theirs or any(key.port == port for key in subject.dependents):
            advice = (
                f"give a site the https binding *:{port}: and add a record for {ANY_IPV4}:{port};"
                " without a site no request there is answered"
            )
        elif like:
            advice, command = _NO_DEFAULT, _wildcard(subject, like)
        yield Found(
            named[0].key,
            f"port {port} has records for host names but none for all addresses, such as"
            f" {ANY_IPV4}:{port}",
            advice,
            command,
        )


def _like(subject: Subject, port: int, others: Sequence[Binding]) -> Binding | None:
    """Return the record whose certificate a new one for all addresses should have.

    That is the service name's if AD FS owns the port, else the first of ``others`` that
    serves, or simply the first, whose certificate must be replaced.
    """
    services = [one for one in service_names(subject) if one.key.port == port]
    found = services or others
    return next(filter(subject.serves, found), found[0] if found else None)


@rule("ip-shadows-sni", "error")
def ip_shadows_sni(subject: Subject) -> Iterator[Found]:
    """A port has an exact IP record and also names with another certificate.

    HTTP.SYS looks for the exact address first, so that record always answers: the
    server name that the client sends is ignored. Clients that reach a name through
    that address get the certificate of the address and refuse it. Delete the
    record, or move it to 0.0.0.0, which comes last; a service that needs it should have its
    own address or port. With --sites, names that are bound to other addresses do not count.
    Only programs on the server connect to 127.0.0.1, so the finding is a warning there.
    """
    for shadow in _shadows(subject):
        if shadow.others:
            record = shadow.record
            advice, command = deletion(
                subject,
                record.key,
                "delete the record if nothing needs it, so that the names and 0.0.0.0 answer;"
                " or give its service another address or port, which is safer if it is in use",
            )
            names = ", ".join(_name(one) for one in shadow.some)
            more = shadow.others - len(shadow.some)
            local = loopback(record)
            clients = "programs on the server" if local else "clients"
            yield Found(
                record.key,
                f"it takes precedence over every name: {clients} that connect to"
                f" {record.key.host} for {names}{f' and {more} more' if more else ''} get the"
                f" certificate {record.certhash}",
                advice,
                command,
                severity="warn" if local else None,
            )


@rule("ip-shadows-sni-same-cert", "info")
def ip_shadows_sni_same_cert(subject: Subject) -> Iterator[Found]:
    """A port has an exact IP record and also names, all with the same certificate.

    HTTP.SYS looks for the exact address first, so that record always answers. Every name
    gets the right certificate here, but the other tags of the names, such as those for
    client certificates and trust lists, are lost on that address. Delete the record if
    nothing needs it.
    """
    for shadow in _shadows(subject):
        if not shadow.others:
            record = shadow.record
            advice, command = deletion(
                subject,
                record.key,
                "delete the record if nothing needs it, so that the names and 0.0.0.0 answer",
            )
            count = f"{shadow.same} name{'s' * (shadow.same > 1)}"
            yield Found(
                record.key,
                f"it takes precedence over every name: the client-certificate and CTL settings"
                f" of {count} on port {record.key.port} are lost for clients that connect to"
                f" {record.key.host}; the certificate is the same",
                advice,
                command,
            )


@rule("v6-wildcard-differs", "warn")
def v6_wildcard_differs(subject: Subject) -> Iterator[Found]:
    """The records for [::] and 0.0.0.0 of a port differ in certificate or appid.

    Clients over IPv6 get one of them and clients over IPv4 the other, depending on
    their network. Usually one of the two was forgotten when the certificate was renewed:
    set both to the same values. If they belong to two products, each changes its own
    record, and a record keeps its owner.
    """
    for kinds in subject.ports.values():
        ipv6, ipv4 = _wildcards(kinds)
        if ipv6 is None or ipv4 is None:
            continue
        unknown = ipv6.unknown | ipv4.unknown
        odd = ["certhash"] if ipv6.certhash != ipv4.certhash else []
        if "certhash" in unknown:
            odd = []
        if odd and str(ipv6.store).casefold() != str(ipv4.store).casefold():
            odd.append("certstorename")
        if ipv6.appid != ipv4.appid and "appid" not in unknown:
            odd.append("appid")
        if odd:
            ours, theirs = _values(ipv6, odd), _values(ipv4, odd)
            advice, command = _alike(subject, ipv4, ipv6, odd)
            yield Found(
                ipv6.key,
                f"it has {_in_words(ours)}, and {ipv4.key} has {_in_words(theirs)}",
                advice,
                command,
            )


@rule("v6-only-wildcard", "warn", absence=True)
def v6_only_wildcard(subject: Subject) -> Iterator[Found]:
    """A port has a record for [::] but none for 0.0.0.0.

    The record for [::] answers IPv6 connections only, whereas 0.0.0.0 answers
    both. IPv4 clients that send no server name, or an unknown one, get no certificate. Add
    a record for 0.0.0.0.
    """
    for port, kinds in subject.ports.items():
        ipv6, ipv4 = _wildcards(kinds)
        if ipv6 is None or ipv4 is not None:
            continue
        like = _like(subject, port, (ipv6, *kinds[HOSTNAMEPORT]))
        advice = f"add a record for {ANY_IPV4}:{port}, which answers IPv6 too"
        command = _wildcard(subject, like) if like else ""
        needed = subject.dependents.get(Key(IPPORT, ANY_IPV4, port))
        if needed:
            advice, command = (
                f"{needed} needs {ANY_IPV4}:{port}: binding-without-record adds it",
                "",
            )
        elif like is not None and like.appid in subject.site_owners:
            advice = f"give a site the https binding *:{port}: if IPv4 clients should reach it"
            command = ""
        yield Found(
            ipv6.key,
            f"it only answers IPv6 connections, and there is no {ANY_IPV4}:{port}:"
            " IPv4 clients without a server name fail",
            advice,
            command,
        )


def _alike(subject: Subject, ipv4: Binding, ipv6: Binding, odd: Sequence[str]) -> tuple[str, str]:
    """Return how to give two records the same values for ``odd``, and the command, if any."""
    if "appid" in odd:
        return _two_owners(ipv4, ipv6), ""
    if any(one.key.port == ipv6.key.port for one in service_names(subject)):
        return "AD FS needs no record for [::]: see adfs-ip-binding", ""
    if ipv6.appid in subject.site_owners:  # a site that is not bound to [::] needs no such record
        advice = "set both to the same values, which is safer"
        return f"{advice}; or delete {ipv6.key} if no site needs it", ""
    good = next(filter(subject.serves, (ipv4, ipv6)), None)
    if good is None:
        return "set both to the same values", ""
    advice = f"set both to the same values; the command uses those of {good.key}"
    other = ipv6 if good is ipv4 else ipv4
    return advice, subject.update(other.key, _values(good, odd))


def _two_owners(ipv4: Binding, ipv6: Binding) -> str:
    """Return what the owners of two records must do, each with its own tool."""
    parts = []
    for record in (ipv4, ipv6):
        owner = OWNER_BY_APPID.get(record.appid)
        way = f"{owner.name}, {owner.way}" if owner else f"the application {record.appid}"
        parts.append(f"{record.key} belongs to {way}")
    return (
        f"let both owners use one certificate, each with its own tool, or free the port for one:"
        f" {'; '.join(parts)}"
    )


def _values(record: Binding, names: Sequence[str]) -> dict[str, str]:
    values = {"certhash": record.certhash, "certstorename": record.store, "appid": record.appid}
    return {name: str(values[name]) for name in names}


def _in_words(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


class _Shadow(NamedTuple):
    """An exact-IP record on a port with names: how many share its certificate, how many do not."""

    record: Binding
    same: int
    others: int
    some: tuple[Binding, ...]
    """A few of the others."""


def _shadows(subject: Subject) -> Iterator[_Shadow]:
    """Yield each exact-IP record that hides names, in time linear in both."""
    for kinds in subject.ports.values():
        if all(record.key.wildcard for record in kinds[IPPORT]):
            continue
        used = {
            record.key: record
            for kind in (IPPORT, HOSTNAMEPORT, SCOPEDCCS, CCS)
            for record in kinds[kind]
            if not subject.reach.why_unused(record.key)
        }
        names = [record for key, record in used.items() if key.kind is not IPPORT]
        names = [record for record in names if "certhash" not in record.unknown]
        shadows = Shadows(used) if names else None
        near = _near(subject, names)
        for key in shadows.exact(names[0].key) if shadows else ():
            record = used[key]
            if "certhash" in record.unknown:
                continue
            groups = [near[None], near.get(key.host, {})]
            same = sum(len(group.get(record.certhash, ())) for group in groups)
            others = [
                name
                for group in groups
                for thumbprint, there in group.items()
                if thumbprint != record.certhash
                for name in islice(there, _NAMED)
            ]
            count = sum(len(there) for group in groups for there in group.values()) - same
            if same or count:
                yield _Shadow(record, same, count, (*others[:_NAMED],))


def _near(
    subject: Subject, names: Sequence[Binding]
) -> Mapping[str | None, Mapping[str | None, Sequence[Binding]]]:
    """Return names by the address that their sites are bound to and by certificate.

    The address is None for names that clients may request at every address.
    """
    near: dict[str | None, dict[str | None, list[Binding]]] = {None: {}}
    for name in names:
        addresses = subject.bound.get((name.key.host, name.key.port), frozenset(("",)))
        for address in (None,) if "" in addresses or not name.key.host else addresses:
            near.setdefault(address, {}).setdefault(name.certhash, []).append(name)
    return near


def _names(subject: Subject, kinds: Mapping[Kind, Sequence[Binding]]) -> Sequence[Binding]:
    """Return the records of one port that a server name leads to, if the release has them."""
    return [
        one
        for kind in (HOSTNAMEPORT, SCOPEDCCS, CCS)
        for one in kinds[kind]
        if used_since(one.key) <= subject.release
    ]


def _name(record: Binding) -> str:
    if record.key.kind is CCS:
        return "every host of the central store"
    return record.key.host


def _wildcards(
    kinds: Mapping[Kind, Sequence[Binding]],
) -> tuple[Binding | None, Binding | None]:
    """Return the records of [::] and of 0.0.0.0 of one port."""
    found = {one.key.host: one for one in kinds[IPPORT] if one.key.wildcard}
    return found.get(ANY_IPV6), found.get(ANY_IPV4)


def _wildcard(subject: Subject, like: Binding) -> str:
    """Return the command that adds a record for 0.0.0.0 with the certificate of another.

    It needs a new certificate if the other's does not serve.
    """
    certificate = (f"certhash={like.certhash}",) if subject.serves(like) else ("--cert", NEW)
    values = {"appid": like.appid, "certstorename": str(like.store)}
    return subject.add(Key(IPPORT, ANY_IPV4, like.key.port), certificate, values)
