"""Rules about the records of one port: which of them hide others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from sslbind.answers.precedence import Shadows
from sslbind.check.adfs import service_names
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import deletion
from sslbind.check.subject import Subject
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Kind
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


@rule("no-default-ssl", "warn", absence=True)
def no_default_ssl(subject: Subject) -> Iterator[Found]:
    """A port has SNI or CCS records and no wildcard IP record.

    A client that sends no server name, or one that no record has, gets no
    certificate: the connection is reset. Typical ones are monitoring probes, old
    clients and load balancers. An ipport record for 0.0.0.0 answers them.
    """
    services = service_names(subject)
    for port, kinds in subject.ports.items():
        named = _names(subject, kinds)
        if not named or any(one.key.wildcard for one in kinds[IPPORT]):
            continue
        services_here = [one for one in services if one.key.port == port]
        like = next(filter(subject.serves, services_here or kinds[HOSTNAMEPORT]), None)
        yield Found(
            named[0].key,
            f"port {port} has records for host names but none for all addresses, such as"
            f" {ANY_IPV4}:{port}",
            _NO_DEFAULT
            if like
            else f"IIS Manager says: {_NO_DEFAULT} Add a record for {ANY_IPV4}:{port} with the"
            " certificate for clients that send no name",
            _wildcard(subject, like) if like else "",
        )


@rule("ip-shadows-sni", "error")
def ip_shadows_sni(subject: Subject) -> Iterator[Found]:
    """An exact IP record is on a port that also has names with another certificate.

    HTTP.SYS looks for the exact address first, and its record always answers: the
    server name that the client sends is ignored. Clients that reach a name through
    that address get the certificate of the address and refuse it. Delete the
    record, or move it to 0.0.0.0, which comes last; a service that needs it should
    have an address or a port of its own.
    """
    for shadow in _shadows(subject):
        if shadow.others:
            record = shadow.record
            advice, command = deletion(
                subject,
                record.key,
                "delete the record if nothing needs it, so that the names and 0.0.0.0 answer,"
                " or give its service another address or port",
            )
            names = ", ".join(_name(one) for one in shadow.some)
            more = shadow.others - len(shadow.some)
            yield Found(
                record.key,
                f"it answers before every name: clients that connect to"
                f" {record.key.host} for {names}{f' and {more} more' if more else ''} get the"
                f" certificate {record.certhash}",
                advice,
                command,
            )


@rule("ip-shadows-sni-same-cert", "info")
def ip_shadows_sni_same_cert(subject: Subject) -> Iterator[Found]:
    """An exact IP record is on a port that also has names, all with its certificate.

    HTTP.SYS looks for the exact address first, and its record always answers.
    Every name gets the right certificate here, but the other tags of the names,
    such as those for client certificates and trust lists, are lost on that
    address. Delete the record if nothing needs it.
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
                f"it answers before every name: the client-certificate and CTL settings"
                f" of {count} on port {record.key.port} are lost for clients that connect to"
                f" {record.key.host}; the certificate is the same",
                advice,
                command,
            )


@rule("v6-wildcard-differs", "warn")
def v6_wildcard_differs(subject: Subject) -> Iterator[Found]:
    """The records for [::] and 0.0.0.0 of a port differ in certificate or appid.

    Clients over IPv6 get one of them and clients over IPv4 the other, depending on
    their network. Most often one of the two was forgotten when the certificate was
    renewed. Set both to the same values.
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
            good = next(filter(subject.serves, (ipv4, ipv6)), None)
            advice, command = "set both to the same values", ""
            if good is not None:
                other = ipv6 if good is ipv4 else ipv4
                advice += f"; the command takes those of {good.key}"
                command = subject.update(other.key, _values(good, odd))
            yield Found(
                ipv6.key,
                f"it has {_in_words(ours)}, and {ipv4.key} has {_in_words(theirs)}",
                advice,
                command,
            )


@rule("v6-only-wildcard", "warn", absence=True)
def v6_only_wildcard(subject: Subject) -> Iterator[Found]:
    """A port has a record for [::] and none for 0.0.0.0.

    The record for [::] answers IPv6 connections only, whereas 0.0.0.0 answers
    both. IPv4 clients that send no server name, or one that no record has, get
    no certificate. Add a record for 0.0.0.0.
    """
    for port, kinds in subject.ports.items():
        ipv6, ipv4 = _wildcards(kinds)
        if ipv6 is not None and ipv4 is None:
            yield Found(
                ipv6.key,
                f"it answers IPv6 connections only, and there is no {ANY_IPV4}:{port}:"
                " IPv4 clients without a server name fail",
                f"add a record for {ANY_IPV4}:{port}, which answers IPv6 too",
                _wildcard(subject, ipv6) if subject.serves(ipv6) else "",
            )


def _values(record: Binding, names: Sequence[str]) -> dict[str, str]:
    values = {"certhash": record.certhash, "certstorename": record.store, "appid": record.appid}
    return {name: str(values[name]) for name in names}


def _in_words(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


class _Shadow(NamedTuple):
    """An exact-IP record on a port with names: how many have its certificate, how many another."""

    record: Binding
    same: int
    others: int
    some: tuple[Binding, ...]
    """A few of the others."""


def _shadows(subject: Subject) -> Iterator[_Shadow]:
    """Yield each exact-IP record that comes before names; the cost does not grow with both."""
    for kinds in subject.ports.values():
        used = {
            record.key: record
            for kind in (IPPORT, HOSTNAMEPORT, SCOPEDCCS, CCS)
            for record in kinds[kind]
            if not subject.reach.why_unused(record.key)
        }
        names = [record for key, record in used.items() if key.kind is not IPPORT]
        names = [record for record in names if "certhash" not in record.unknown]
        shadows = Shadows(used) if names else None
        groups: dict[str | None, list[Binding]] = {}
        for name in names:
            groups.setdefault(name.certhash, []).append(name)
        for key in shadows.exact(names[0].key) if shadows else ():
            record = used[key]
            if "certhash" in record.unknown:
                continue
            same = len(groups.get(record.certhash, ()))
            others = chain.from_iterable(
                group for thumbprint, group in groups.items() if thumbprint != record.certhash
            )
            yield _Shadow(record, same, len(names) - same, (*islice(others, _NAMED),))


def _names(subject: Subject, kinds: Mapping[Kind, Sequence[Binding]]) -> Sequence[Binding]:
    """Return the records of one port that a server name leads to, as far as the release has any."""
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
    """Return the command that adds a record for 0.0.0.0 with the certificate of another."""
    owner = OWNER_BY_APPID.get(like.appid)
    return subject.command(
        "add", "sslcert", f"ipport={ANY_IPV4}:{like.key.port}", f"certhash={like.certhash}",
        f"appid={owner.word if owner else like.appid}", f"certstorename={like.store}",
    )  # fmt: skip
