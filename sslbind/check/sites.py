"""Rules that compare what IIS says, in the files of ``--sites``, with the records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslbind.binding import DEFAULT_STORE
from sslbind.check.rule import Found, rule
from sslbind.check.site_bindings import needs_host, site_bindings, unbracketed
from sslbind.check.subject import Subject
from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, SNI_WILDCARD_SINCE, Key
from sslbind.names import ascii_name, covers
from sslbind.owners import owner_name
from sslbind.sites import SiteBinding, Sites

if TYPE_CHECKING:
    from sslbind.certentry import Entry

_NAMED = 3
"""So many of several names are told one by one."""


class _Wanted(NamedTuple):
    """The https bindings that one record serves, and the file that has the first of them."""

    sites: Sites
    bindings: list[SiteBinding]

    @property
    def hosts(self) -> list[str]:
        """Their host names, each once; empty for a binding without one."""
        return list(dict.fromkeys(one.canonical[3] for one in self.bindings))

    def __str__(self) -> str:
        """Name the first of them in a sentence, and the others as a number."""
        more = len(self.bindings) - 1
        return f"{self.bindings[0]}" + (f" (and {more} more)" if more else "")

    def found(self, key: Key, message: str, advice: str, command: str = "") -> Found:
        """Return what is wrong with the first of them."""
        return Found(
            key, message, advice, command, file=self.sites.file, line=self.bindings[0].line
        )


@rule("binding-without-record", "error")
def binding_without_record(subject: Subject) -> Iterator[Found]:
    """An https binding of a site has no record.

    IIS and HTTP.SYS keep two lists. The site has its binding, but HTTP.SYS has
    no certificate for it: another record answers, or the connection is reset.
    Most often the binding was made by New-WebBinding or by an edit of the file,
    which write the side of IIS only. Add the record. The command takes the
    certificate that the file names, else the newest one in the stores that
    covers the host names.
    """
    certificates = _Certificates(subject)
    yield from _malformed(subject)
    for key, wanted in _wanted(subject).items():
        if key.kind is not CCS and key not in subject.bindings:
            advice, command = _addition(subject, key, wanted, certificates)
            yield wanted.found(
                key,
                f"{wanted} has no record: IIS has the binding, HTTP.SYS has not",
                advice,
                command,
            )


def _malformed(subject: Subject) -> Iterator[Found]:
    """Give what has no record because none is possible, unless another rule says why."""
    for sites, binding in site_bindings(subject):
        if not binding.https or unbracketed(binding) or needs_host(binding):
            continue
        try:
            binding.require_key(subject.release)
        except BadValueError as error:
            yield Found(
                None,
                f"{binding} can have no record: {error.message:.300}",
                "correct its bindingInformation in IIS",
                file=sites.file,
                line=binding.line,
            )


def _addition(
    subject: Subject, key: Key, wanted: _Wanted, certificates: _Certificates
) -> tuple[str, str]:
    """Return advice and the command that adds the record, if the release has such ones."""
    if key.kind is HOSTNAMEPORT and key.wildcard and subject.release < SNI_WILDCARD_SINCE:
        return f"wildcard names exist from {SNI_WILDCARD_SINCE.title} on", ""
    certhash, store = certificates.choose(wanted)
    return "add the record; New-WebBinding writes only the side of IIS", subject.command(
        "add", "sslcert", f"{key.kind}={key}", f"certhash={certhash}",
        f"appid={wanted.sites.owner.word}", f"certstorename={store}",
    )  # fmt: skip


@rule("ccs-binding-without-record", "error")
def ccs_binding_without_record(subject: Subject) -> Iterator[Found]:
    """A site has a binding for the central store, and its port has no ccs record.

    sslFlags 2 and 3 leave the certificate to the Central Certificate Store, and
    HTTP.SYS looks there only for ports that have a ccs record. One serves every
    site of the port. Add it.
    """
    for key, wanted in _wanted(subject).items():
        if key.kind is CCS and key not in subject.bindings:
            yield wanted.found(
                key,
                f"{wanted} has sslFlags for the central store, and port {key.port} has no ccs"
                " record",
                "add the record; one serves every site of the port",
                subject.command("add", "sslccs", str(key), f"appid={wanted.sites.owner.word}"),
            )


@rule("orphan-record", "warn")
def orphan_record(subject: Subject) -> Iterator[Found]:
    """A record belongs to IIS, and no https binding of a site needs it.

    Whoever deletes a binding in the configuration file, or a whole site, leaves
    the record behind. It still answers, with a certificate that nobody renews
    any more. Delete it, unless another configuration file has its binding.
    """
    owners = {sites.owner.appid for sites in subject.sites}
    wanted = _wanted(subject)
    named = {key.port for key in wanted if key.kind is not IPPORT}
    for key, record in subject.bindings.items():
        if record.appid not in owners or key in wanted or key.kind is SCOPEDCCS:
            continue
        if key.kind.since > subject.release:
            continue
        default = key.kind is IPPORT and key.wildcard and key.port in named
        yield Found(
            key,
            f"it belongs to {owner_name(record.appid)}, and no https binding of a site needs it",
            f"it answers clients without SNI on port {key.port}: give a site the https binding"
            f" *:{key.port}: and keep it, or delete it"
            if default
            else "delete it, unless another configuration file has its binding",
            "" if default else subject.command("delete", "sslcert", f"{key.kind}={key}"),
        )


@rule("foreign-appid", "info")
def foreign_appid(subject: Subject) -> Iterator[Found]:
    """A record on a port that has https bindings of IIS belongs to another product.

    HTTP.SYS shares ports, so that is fine where it is meant: AD FS and Work
    Folders do it. Where it is not, another product has put its certificate in
    the place of the site's, and IIS shows it as its own.
    """
    owners = {sites.owner.appid for sites in subject.sites}
    ports: dict[int, SiteBinding] = {}
    for sites in subject.sites:
        for binding in sites.bindings:
            if binding.https and binding.port is not None:
                ports.setdefault(binding.port, binding)
    for key, record in subject.bindings.items():
        if key.port in ports and record.appid not in owners:
            owner = owner_name(record.appid) or "an application that is not known"
            yield Found(
                key,
                f"it belongs to {owner} {record.appid}, and port {key.port} has {ports[key.port]}",
                "fine where both are meant to share the port",
            )


@rule("shared-ip-port", "warn")
def shared_ip_port(subject: Subject) -> Iterator[Found]:
    """Https bindings without SNI share one address and port under different host names.

    Without SNI HTTP.SYS knows only the address and the port when it chooses the
    certificate: all these names get the same one. Where it does not cover one
    of them, which is an error, clients refuse it. Set sslFlags 1 (SNI) and give
    each name a record, or use one certificate that covers them all.
    """
    certificates = _Certificates(subject)
    for key, wanted in _wanted(subject).items():
        if key.kind is not IPPORT or len(hosts := wanted.hosts) < 2:
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
            other = certificates.newest(hosts)
            if other:
                command = subject.update(
                    key, {"certhash": other.thumbprint, "certstorename": other.store}
                )
        found = wanted.found(key, message, advice, command)
        yield found._replace(severity="error") if missed else found


def _wanted(subject: Subject) -> Mapping[Key, _Wanted]:
    """Return the https bindings by the record that each needs."""
    found: dict[Key, _Wanted] = {}
    for sites, binding in site_bindings(subject):
        key = binding.key_for(subject.release) if binding.https else None
        if key is not None:
            found.setdefault(key, _Wanted(sites, [])).bindings.append(binding)
    return found


def _list(hosts: Sequence[str]) -> str:
    """Return host names in a sentence, those of a long list as a number."""
    told = [f"{host:.300}" or "the binding without a host name" for host in hosts[:_NAMED]]
    if len(hosts) > len(told):
        told.append(f"{len(hosts) - len(told)} more")
    return " and ".join((", ".join(told[:-1]), told[-1])) if told[1:] else told[0]


class _Certificates:
    """The certificates of the stores that could serve a name now, newest first."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._by_name: dict[str, list[Entry]] | None = None

    def choose(self, wanted: _Wanted) -> tuple[str, str]:
        """Return the thumbprint and store for a record: what the file says, else the newest."""
        for one in wanted.bindings:
            if one.certhash:
                return one.certhash, one.store or DEFAULT_STORE
        entry = self.newest(wanted.hosts)
        return (entry.thumbprint, entry.store) if entry else ("THUMBPRINT", DEFAULT_STORE)

    def newest(self, hosts: Iterable[str]) -> Entry | None:
        """Return the newest certificate that covers every one of ``hosts``, None without one."""
        names = [host for host in hosts if host]
        for entry in self._candidates(names[0]) if names else ():
            if all(covers(entry.names, name) for name in names):
                return entry
        return None

    def _candidates(self, host: str) -> list[Entry]:
        if self._by_name is None:
            self._by_name = {}
            for entry in self._usable():
                for name in entry.names:
                    self._by_name.setdefault(name.casefold(), []).append(entry)
        try:
            host = ascii_name(host)
        except ValueError:
            return []
        wildcard = f"*.{host.partition('.')[2]}"
        found = [*self._by_name.get(host, ()), *self._by_name.get(wildcard, ())]
        return sorted(found, key=_start, reverse=True)

    def _usable(self) -> Iterator[Entry]:
        """Give the certificates that are valid now and have their key, or need none here."""
        stores, now = self._subject.stores, self._subject.now
        for entries in self._subject.entries.values():
            for entry in entries:
                start, end = entry.not_before, entry.not_after
                usable = entry.has_key or (stores is not None and stores.keys_elsewhere)
                if usable and start and end and start <= now <= end:
                    yield entry


def _start(entry: Entry) -> float:
    return entry.not_before.timestamp() if entry.not_before else 0
