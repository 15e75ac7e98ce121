"""Rules about a record by itself: tags that are dangerous, missing, or too new."""

from __future__ import annotations

from collections.abc import Iterator

from sslbind.binding import DEFAULT_STORE, Binding
from sslbind.certificates.names import covers
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import found_in_site
from sslbind.check.subject import Subject
from sslbind.keys import HOSTNAMEPORT, IPPORT, SNI_WILDCARD_SINCE
from sslbind.sslflags import SNI
from sslbind.tags import REJECT, STORE, TAGS
from sslbind.tls_versions import versions_left

_TLS_TAGS = tuple(tag for tag in TAGS if tag.removes)
_TLS12 = next(tag for tag in _TLS_TAGS if "TLS 1.2" in tag.removes)
"""Whatever the release, only this one turns off its last version."""


@rule("null-store", "warn")
def null_store(subject: Subject) -> Iterator[Found]:
    """An IP record has no certstorename.

    HTTP.SYS searches MY for such a record, which works; IIS Manager fails on it with error
    234 and shows no bindings at all. Set the store.
    """
    what = f"it has no {STORE.name}: IIS Manager fails on it with error 234"
    advice = f"set the store; HTTP.SYS searches {DEFAULT_STORE}"
    for kinds in subject.ports.values():
        for record in kinds[IPPORT]:
            if STORE.name not in record.values.keys() | record.unknown:
                yield Found(
                    record.key,
                    what,
                    advice,
                    subject.update(record.key, {STORE.name: DEFAULT_STORE}),
                )


@rule("host-without-store", "error")
def host_without_store(subject: Subject) -> Iterator[Found]:
    """A host name record has no certstorename.

    netsh refuses to add such a record with error 87 (a public capture), so it comes from a
    script that never worked or from an edited file: a server does not have it. Set the
    store.
    """
    for kinds in subject.ports.values():
        for record in kinds[HOSTNAMEPORT]:
            if STORE.name not in record.values.keys() | record.unknown:
                yield Found(
                    record.key,
                    f"it has no {STORE.name}: netsh refuses a host name record without it"
                    " (error 87)",
                    f"set the store, usually {DEFAULT_STORE}",
                    subject.update(record.key, {STORE.name: DEFAULT_STORE}),
                )


@rule("reject-set", "warn")
def reject_set(subject: Subject) -> Iterator[Found]:
    """A record has ``reject`` on.

    HTTP.SYS drops every connection that the record answers, before the
    handshake. It is meant for names that must get no answer at all, and is easily
    forgotten. It was introduced in Windows Server 2016.
    """
    for record in subject.holding(REJECT):
        if subject.release >= REJECT.since:
            yield Found(
                record.key,
                f"{REJECT.name} is on: every connection that the record answers is dropped",
                "turn it off, unless the name must get no answer",
                subject.update(record.key, {REJECT.name: False}) if _fits(subject, record) else "",
            )


def _fits(subject: Subject, record: Binding) -> bool:
    """Whether the certificate of a record that rejects could serve, as far as is known."""
    entry = subject.entry(record)
    host = record.key.host if record.key.kind is HOSTNAMEPORT else ""
    named = entry is None or not host or covers(entry.names, host)
    return subject.serves(record) and named


@rule("no-tls-version-left", "error")
def no_tls_version_left(subject: Subject) -> Iterator[Found]:
    """The tags of a record turn off every TLS version that the release has.

    The version is negotiated before anything else in the handshake: no client can connect.
    This takes all of the tags that turn versions off; releases before Windows Server 2019
    do not have them and ignore them. Turn one off.
    """
    words = ", ".join(tag.name for tag in _TLS_TAGS)
    for record in subject.holding(_TLS12):
        on = all(record[tag.name] for tag in _TLS_TAGS)
        if on and not versions_left(record, subject.release):
            yield Found(
                record.key,
                f"{words} are on: no TLS version is left for its clients",
                "turn one of them off",
                subject.update(record.key, {_TLS12.name: False}),
            )


@rule("sni-wildcard-old-os", "error")
def sni_wildcard_old_os(subject: Subject) -> Iterator[Found]:
    """A host name has a wildcard that the release, or any HTTP.SYS, does not support.

    Records for ``*.name`` exist from Windows Server 2016 on, and the asterisk is
    the whole first label: older releases never match such a record (inferred),
    and none matches ``w*.contoso.com``. Bind each name separately, or make the wildcard
    certificate the default of the port.
    """
    if subject.release < SNI_WILDCARD_SINCE:
        for kinds in subject.ports.values():
            for record in kinds[HOSTNAMEPORT]:
                if record.key.wildcard:
                    yield Found(
                        record.key,
                        f"{record.key.host}: wildcard names exist from"
                        f" {SNI_WILDCARD_SINCE.title} on, and {subject.modelled}",
                        "add a record for each name that is needed, then delete this one; or set"
                        " windows in the registry to the release that the server has",
                    )
    for sites in subject.sites:
        for binding in sites.bindings:
            host = binding.host
            misplaced = "*" in (host[1:] if host.startswith("*.") else host)
            if binding.https and binding.sslflags & SNI and misplaced:
                yield found_in_site(
                    sites,
                    binding,
                    None,
                    f"{binding}: an asterisk may only be the whole first label of a host",
                    "bind each name separately, or *. and the name above them",
                )
