"""Rules about the central store: whether there is one, and a file for every host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sslbind.certificates.judgement import name_problems
from sslbind.check.command import FixCommand
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import found_in_site, has_host, site_bindings
from sslbind.check.subject import Subject
from sslbind.errors import BadValueError
from sslbind.keys import CCS, SCOPEDCCS, parse_host
from sslbind.registry.snapshot import Snapshot
from sslbind.resolver import central_stems
from sslbind.sslflags import CENTRAL_CERT_STORE
from sslbind.wording import plural

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.sites import SiteBinding, Sites

_PROVIDER = "[CentralCertProvider]"
_ALL_FILES = f"put the file of every host there, or correct {_PROVIDER}"
_SEE_FILES = f"run check on a machine that can see the servers' folder, or correct {_PROVIDER}"
_FOLDER = "ccs"
"""The placeholder in a command if the registry has no folder."""


@rule("ccs-disabled", "error")
def ccs_disabled(subject: Subject) -> Iterator[Found]:
    r"""A record uses the central store, but the provider is off or has no folder.

    HTTP.SYS ignores such a record: clients get the certificate of the wildcard IP
    record, or none. The settings are those of
    HKLM\SOFTWARE\Microsoft\IIS\CentralCertProvider. Turn the provider on and set its
    folder, or delete the record.
    """
    settings = subject.settings.central_store
    unknown = "central" in subject.registry.provenance.unknown
    if subject.central is not None or unknown:
        return
    location = settings.location if settings else None
    if settings is None:
        why = f"there is no {_PROVIDER}"
    elif not settings.enabled:
        why = f"Enabled is false in {_PROVIDER}"
    else:
        why = f"{_PROVIDER} has no CertStoreLocation"
    advice = (
        f"set Enabled = true and CertStoreLocation in {_PROVIDER}; or delete the record, which is"
        " safer: it is ignored now, so no answer changes"
    )
    words = ("ccs", "enable") if location else ("ccs", "enable", _FOLDER)
    command = FixCommand.of(subject.command(*words), central=location or _FOLDER)
    for record in _records(subject):
        yield Found(record.key, f"it uses the central store, but {why}", advice, command)
    for key, dependents in subject.dependents.items():
        if key.kind is CCS and key not in subject.bindings:
            advice = f"set Enabled = true and CertStoreLocation in {_PROVIDER}"
            what = f"{dependents} has sslFlags for the central store, but {why}"
            yield dependents.found(key, what, advice, command)


@rule("ccs-missing-file", "error")
def ccs_missing_file(subject: Subject) -> Iterator[Found]:
    """The central store has no file for a host that it must serve.

    The host of a record or of a site binding with bit 2 of sslFlags needs
    ``<host>.pfx``, or ``_.<parent>.pfx`` one label up; without either, clients
    get the certificate of the wildcard IP record, or none. A ccs record needs a readable
    folder with at least one such file; if the folder cannot be read, its files are not
    known, and that is one finding per port.
    """
    if subject.central is None:
        return
    if isinstance(subject.registry, Snapshot) and subject.central.unreadable:
        return  # a capture has the path of the server's folder
    problem = _folder_problem(subject)
    if problem:
        yield from _without_files(subject, problem)
        return
    for record in _records(subject):
        host = record.key.host
        if host and missing_file(subject, host):
            yield Found(record.key, _missing(subject, host), _files_advice(host))
    for sites, binding in _flagged(subject):
        if missing_file(subject, binding.host):
            what = f"{_missing(subject, binding.host)}, which {binding} needs"
            yield found_in_site(sites, binding, None, what, _files_advice(binding.host))


def _flagged(subject: Subject) -> Iterator[tuple[Sites, SiteBinding]]:
    """Yield the bindings of sites whose certificates the central store has."""
    if subject.release < CCS.since:
        return
    for sites, binding in site_bindings(subject):
        if binding.https and binding.sslflags & CENTRAL_CERT_STORE and has_host(binding):
            yield sites, binding


def _without_files(subject: Subject, problem: str) -> Iterator[Found]:
    """Yield one finding for each port for which the folder of the central store serves nobody."""
    records = {one.key: one for one in _records(subject)}
    hosts = {key.host for key in records if key.host}
    hosts |= {binding.canonical[3] for _, binding in _flagged(subject)}
    unseen = subject.central and subject.central.unreadable
    advice = _SEE_FILES if unseen else _ALL_FILES
    if hosts:
        count = plural(len(hosts), "host")
        problem += (
            f": it is not known whether {count} have a file" if unseen else f"; {count} need one"
        )
    ports = [key for key in records if not key.host] or [*records][:1]
    for key in ports:
        yield Found(key, problem, advice)
    for key, dependents in subject.dependents.items():
        if key.kind is CCS and key not in records:
            yield dependents.found(key, f"{problem}; {dependents} is one", advice)


@rule("ccs-name-mismatch", "warn")
def ccs_name_mismatch(subject: Subject) -> Iterator[Found]:
    """The name of a file in the central store is not among the names of its certificate.

    IIS finds the file only by its name and never checks the names inside: clients of that
    host get a certificate that does not cover it. A file that no server name leads to, for
    example one named in A-labels, is also reported. Name the file after a host of its
    certificate, ``_.contoso.com.pfx`` for a wildcard.
    """
    from sslbind.certificates.central import stem_of

    for file in subject.central_files:
        entry, path = file.entry, subject.central_path(file.file)
        advice = "name the file after a host that its certificate has, in Unicode, with _. instead"
        advice += " of *."
        if file.name is None:
            what = f"{path} serves no host: {file.why}"
            if os.path.islink(path):
                advice = "put the file there, or delete the link"
            elif stem_of(file.file) is not None:
                advice = "delete one of the two"
        else:
            names = (file.name,)
            facts = entry.certificate
            problem = next(name_problems(facts, names), None) if facts and facts.names else None
            if problem is None:
                continue
            what = f"{path} serves {file.name}, but its certificate {problem.what}"
        yield Found(None, what, advice, file=path)


def missing_file(subject: Subject, host: str) -> bool:
    """Whether the central store can be read and has no file that serves ``host``.

    ``host`` may have any spelling; ``*.contoso.com`` is served by its own file
    and by that of any host one label below. Anything but a host name has no file.
    """
    if subject.central is None:
        return False
    try:
        host = parse_host(host)
    except BadValueError:
        return True
    parent = host.partition(".")[2]
    if host.startswith("*."):
        return parent not in subject.central_parents
    return subject.central_names.isdisjoint((host, f"*.{parent}"))


def _records(subject: Subject) -> Iterator[Binding]:
    """Yield the records that the central store serves, as far as the release has any."""
    for kinds in subject.ports.values():
        for kind in (CCS, SCOPEDCCS):
            if kind.since <= subject.release:
                yield from kinds[kind]


def _folder_problem(subject: Subject) -> str:
    """Return why the folder of the central store serves no host; empty if it does."""
    if subject.central_names or subject.central is None:
        return ""
    path, why = subject.central_path(), subject.central.unreadable
    if why:
        return f"the central store {path} cannot be read: {why}"
    return f"the central store {path} has no file that serves a host"


def _missing(subject: Subject, host: str) -> str:
    return f"the central store {subject.central_path()} has no file for {host}"


def _files_advice(host: str) -> str:
    parent = host.removeprefix("*.")
    if parent != host:
        return f"put _.{parent}.pfx or the file of a host below {parent} there"
    return f"put {' or '.join(f'{stem}.pfx' for stem in central_stems(host))} there"
