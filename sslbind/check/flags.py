"""Rules about ``sslflags``: IIS's flags that a record may store beside its tags.

``sslbind.sslflags`` has the allowed values; ``add`` and ``update`` refuse others, so these
come from imports and editors. A rule about the bits alone also applies to the bindings of
sites (``--sites``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from sslbind import sslflags
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import found_in_site, identity, site_bindings
from sslbind.check.subject import Subject
from sslbind.sslflags import CENTRAL_CERT_STORE, FLAG_TAGS, SINCE, SNI
from sslbind.tags import SSLFLAGS, Tag, Value
from sslbind.wording import join

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.sites import SiteBinding, Sites

_KNOWN = sum(SINCE)
_BASE = SNI | CENTRAL_CERT_STORE


@rule("sslflags-unknown-bit", "error")
def unknown_bit(subject: Subject) -> Iterator[Found]:
    """A stored sslflags has a bit that no Windows release knows.

    IIS knows the bits 1 to 128. A larger one usually belongs to another field: DefaultFlags
    of HTTP.SYS and sslFlags of <access> have other bits. Store the known bits only.
    """
    for found, flags in _everywhere(subject):
        unknown = flags & ~_KNOWN
        if unknown:
            bits = [1 << place for place in range(unknown.bit_length()) if unknown >> place & 1]
            words = ", ".join(map(str, bits))
            yield found(f"no release knows bit {words}")


@rule("sslflags-newer-than-release", "error")
def newer_than_release(subject: Subject) -> Iterator[Found]:
    """A stored sslflags has a bit that the Windows release does not know yet.

    IIS of that release refuses the whole binding, or ignores the setting.
    Remove the bit, or set windows in the registry to the release that the
    server really has.
    """
    for found, flags in _everywhere(subject):
        for bit, since in sorted(SINCE.items()):
            if flags & bit and since > subject.release:
                what = f"bit {bit} ({sslflags.names(bit)}) exists from {since.title} on"
                yield found(f"{what}, and {subject.modelled}")


@rule("sslflags-kind-mismatch", "error")
def kind_mismatch(subject: Subject) -> Iterator[Found]:
    """Bits 1 and 2 of a stored sslflags do not match the kind of the record.

    Bit 1 (SNI) and bit 2 (central store) decide which kind of record IIS creates for a
    site: none for ipport, 1 for hostnameport, 2 or 3 for ccs, 3 for scopedccs. With other
    bits the record does not match the site that it serves. Store the bits that match the kind.
    """
    for binding, flags in _stored(subject):
        kind, base = binding.key.kind, flags & _BASE
        allowed = sslflags.bases(kind)
        if base not in allowed:
            words = " or ".join(f"{bits} ({sslflags.names(bits)})" for bits in allowed)
            what = f"bits 1 and 2 of {kind} records are {words}"
            yield _found(subject, binding, f"{what}, here they are {base} ({sslflags.names(base)})")


@rule("sslflags-ccs-combination", "error")
def ccs_combination(subject: Subject) -> Iterator[Found]:
    """A stored sslflags combines bit 2 (central store) with one of the bits 4 to 128.

    IIS refuses the combination (from others' code): a binding that the central store serves
    may have bit 1 with bit 2 and no other. Remove the other bits; such settings apply to
    the whole port there.
    """
    for found, flags in _everywhere(subject):
        others = flags & _KNOWN & ~_BASE
        if flags & CENTRAL_CERT_STORE and others:
            what = f"{sslflags.names(others)} cannot be combined with CentralCertStore"
            yield found(what)


@rule("sslflags-contradicts-tag", "error")
def contradicts_tag(subject: Subject) -> Iterator[Found]:
    """A stored sslflags has a bit set whose tag the record turns off.

    Bits 4 to 128 and their tags mean the same thing, and here they contradict each
    other: what IIS shows is not what HTTP.SYS does. Choose one of them; the command removes
    the bit and leaves the tag off.
    """
    for binding, flags in _stored(subject):
        for tag in _denied(binding, flags):
            if tag.site_flag:
                bit, name = tag.site_flag.bit, tag.site_flag.name
                what = f"bit {bit} ({name}) is set, and {tag.name} is turned off"
                advice = "that is safer, because nothing changes for clients; or turn it on:"
                advice += f" {tag.name}=enable"
                yield _found(subject, binding, what, advice)


@rule("sslflags-drift", "warn", sites=True)
def drift(subject: Subject) -> Iterator[Found]:
    """The sslFlags of a site's binding and the tags of its record disagree.

    The bits 4 to 128 of sslFlags are tags of the record: IIS shows its own value, and
    HTTP.SYS does what the record has. Usually netsh changed the record, or an editor the
    file. There are two fixes: set sslFlags in IIS to what the record does, which changes
    nothing for clients and is safer; or set the record's tag to what IIS shows.
    """
    for key, dependents in subject.dependents.items():
        record = subject.bindings.get(key)
        if record is None or not key.kind.certificate:
            continue
        for binding in dependents.bindings:
            tags = [*_drifting(record, binding.sslflags, subject)]
            if not tags:
                continue
            does = record.sslflags(subject.release) & ~_BASE
            wanted = binding.sslflags & _BASE | does
            shows = join([f"{tag.name} is {'off' if record[tag.name] else 'on'}" for tag in tags])
            ways = " ".join(
                f"{tag.name}={'disable' if record[tag.name] else 'enable'}" for tag in tags
            )
            yield found_in_site(
                dependents.sites,
                binding,
                key,
                f"{binding} has sslFlags={binding.sslflags}, as if {shows}, but the record does"
                " the opposite",
                f"set sslFlags={wanted} for it in IIS, which changes nothing for clients and is"
                f" safer; or update the record with {ways}",
            )


def _drifting(record: Binding, flags: int, subject: Subject) -> Iterator[Tag]:
    """Yield the tags of a record that differ from the bits of a site."""
    for tag in FLAG_TAGS:
        flag = tag.site_flag
        if flag is None or tag.name in record.unknown or SINCE[flag.bit] > subject.release:
            continue
        if tag.since <= subject.release and bool(record[tag.name]) != bool(flags & flag.bit):
            yield tag


def _stored(subject: Subject) -> Iterator[tuple[Binding, int]]:
    """Yield the records that store flags, with the flags."""
    for binding in subject.holding(SSLFLAGS):
        yield binding, int(binding[SSLFLAGS.name] or 0)


def _everywhere(subject: Subject) -> Iterator[tuple[Callable[[str], Found], int]]:
    """Yield the flags of records and sites' bindings, each with a function that makes a finding."""
    for record, flags in _stored(subject):
        yield partial(_found, subject, record), flags
    for sites, binding in site_bindings(subject):
        if binding.https and binding.sslflags:
            yield partial(_found_in_iis, subject, sites, binding), binding.sslflags


def _denied(binding: Binding, flags: int) -> tuple[Tag, ...]:
    """Return the tags that are written off against their bit; ``Binding`` keeps these."""
    return tuple(
        tag
        for tag in FLAG_TAGS
        if tag.site_flag and flags & tag.site_flag.bit and binding.values.get(tag.name) is False
    )


def _found(subject: Subject, binding: Binding, what: str, advice: str = "") -> Found:
    flags = int(binding[SSLFLAGS.name] or 0)
    right = _corrected(subject, binding, flags)
    return Found(
        binding.key,
        f"sslflags={flags}: {what}",
        f"store sslflags={right[SSLFLAGS.name]}, or none: it follows from the key and the tags"
        + (f"; {advice}" if advice else ""),
        subject.update(binding.key, right),
        about=what,
    )


def _found_in_iis(subject: Subject, sites: Sites, binding: SiteBinding, what: str) -> Found:
    return Found(
        binding.key_for(subject.release),
        f"{binding} has sslFlags={binding.sslflags}: {what}",
        "correct its sslFlags in IIS",
        file=sites.file,
        line=binding.line,
        about=f"{identity(binding)}|{what}",
    )


def _corrected(subject: Subject, binding: Binding, flags: int) -> dict[str, Value]:
    """Return the values that correct everything that is wrong with the flags of a record."""
    kind = binding.key.kind
    base = flags & _BASE if flags & _BASE in sslflags.bases(kind) else sslflags.BASE[kind]
    if kind.certificate:
        known = sum(bit for bit, since in SINCE.items() if since <= subject.release)
        denied = sum(tag.site_flag.bit for tag in _denied(binding, flags) if tag.site_flag)
        return {SSLFLAGS.name: base | flags & known & ~_BASE & ~denied}
    # The bits have turned their tags on, but central-store records have none of them.
    turned = {
        tag.name: False
        for tag in FLAG_TAGS
        if tag.site_flag and flags & tag.site_flag.bit and tag.since <= subject.release
    }
    return {SSLFLAGS.name: base, **turned}
