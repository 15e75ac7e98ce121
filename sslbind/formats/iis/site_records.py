"""Records of the https bindings that a configuration of IIS has.

The file is IIS's side: which record serves a binding follows from its flags; the file only
has the certificate if appcmd wrote it at run time, and never the owner (Microsoft Learn,
"Binding <binding>").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sslbind import sslflags
from sslbind.binding import DEFAULT_STORE, Binding
from sslbind.errors import BadValueError, SslbindError
from sslbind.formats.format import Format
from sslbind.formats.iis.application_host import collect, has_sites, no_sites
from sslbind.formats.iis.xml_tree import is_markup, parse_text
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord, IncompleteRecord
from sslbind.keys import CCS, Key
from sslbind.release import Release
from sslbind.sites import SiteBinding, Sites
from sslbind.tags import SSLFLAGS, Value

_ELEMENT = re.compile(r"<(?:sites|site|bindings|binding)[\s/>]")
_NEWEST = max(Release)
"""A file does not record its release: it may have any flag."""


def detect(text: str) -> bool:
    """Whether ``text`` is XML that may have sites; ``read`` reports why it has none."""
    return is_markup(text) and _ELEMENT.search(text) is not None


def read(text: str, file: str) -> Imported:
    """Return a record for each key that the https bindings have; those of one key share it.

    If the file has no certificate the record is incomplete. Raises SslbindError,
    with the line, for what is not XML, and for XML without sites.
    """
    document = parse_text(text, file)
    if not has_sites(document):
        raise no_sites(document, file)
    errors: list[SslbindError] = BadOnes()
    sites = collect(document, file, errors)
    bad: list[BadRecord] = BadOnes(map(bad_record, errors))
    records: list[ImportedRecord] = []
    incomplete: list[IncompleteRecord] = []
    notes = owner_notes(sites)
    for key, bindings in by_key(sites.bindings, bad).items():
        line, certificate = _certificate(key, bindings, bad)
        values = {"appid": sites.owner.appid, **_tags(key, bindings), **certificate}
        if certificate or not key.kind.certificate:
            records.append(ImportedRecord(Binding(key, values), line))
            continue
        hosts = list(dict.fromkeys(filter(None, (one.canonical[3] for one in bindings))))
        incomplete.append(IncompleteRecord(key, hosts[0] if hosts else "", values, line))
        if len(hosts) > 1:
            notes.append(
                f"{key.spec} serves {len(hosts)} hosts; its certificate is selected"
                f" for the first, {hosts[0]:.300}"
            )
    bad.sort(key=lambda one: one.line or 0)
    return Imported(
        tuple(records), tuple(bad), notes=tuple(notes), incomplete=tuple(incomplete), sites=sites
    )


def by_key(bindings: Iterable[SiteBinding], bad: list[BadRecord]) -> dict[Key, list[SiteBinding]]:
    """Return the https bindings by the record that serves them; those without go to ``bad``."""
    found: dict[Key, list[SiteBinding]] = {}
    for binding in bindings:
        if not binding.https:
            continue
        try:
            key = binding.require_key(_NEWEST)
            sslflags.check(key.kind, binding.sslflags, _NEWEST)
        except BadValueError as error:
            message = f"{binding} cannot have a record: {error.message:.300}"
            bad.append(BadRecord(binding.line, message, error.hints, binding.key_for(_NEWEST)))
        else:
            found.setdefault(key, []).append(binding)
    return found


def owner_notes(sites: Sites) -> list[str]:
    """Return the note about the owner of the records, if there are any."""
    if not any(one.https for one in sites.bindings):
        return []
    return [f"does not record an owner; appid is assumed to be that of {sites.owner.name}"]


def bad_record(error: SslbindError) -> BadRecord:
    """Return a bad record with the error's line, message and hints."""
    return BadRecord(error.line, error.message, error.hints)


def _tags(key: Key, bindings: Sequence[SiteBinding]) -> dict[str, Value]:
    """Return the tags that the flags turn on: a clear bit leaves its tag alone.

    The record of a central store has bit 1 if every site uses SNI.
    """
    if key.kind is CCS:
        flags = min(one.sslflags for one in bindings)
        return {} if flags == sslflags.BASE[CCS] else {SSLFLAGS.name: flags}
    return {
        tag.name: True
        for tag in sslflags.FLAG_TAGS
        if tag.site_flag and any(one.sslflags & tag.site_flag.bit for one in bindings)
    }


def _certificate(
    key: Key, bindings: Sequence[SiteBinding], bad: list[BadRecord]
) -> tuple[int | None, dict[str, Value]]:
    """Return the line and the certificate of the first binding that has one, else no certificate.

    A binding with another one goes to ``bad``: a record has only one.
    """
    named = [one for one in bindings if one.certhash and key.kind.certificate]
    if not named:
        return bindings[0].line, {}
    first = named[0]
    bad += (
        BadRecord(
            one.line,
            f"{one} has a different certificate from line {first.line}, but {key.spec} serves both",
            key=key,
        )
        for one in named
        if _named(one) != _named(first)
    )
    values = {"certhash": first.certhash, "certstorename": first.store}
    return first.line, {name: value for name, value in values.items() if value}


def _named(binding: SiteBinding) -> tuple[str | None, str]:
    return binding.certhash, (binding.store or DEFAULT_STORE).casefold()


FORMAT = Format(
    "iis", "applicationHost.config, of IIS Express too, or XML of appcmd", detect, read, rank=10
)
