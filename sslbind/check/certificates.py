"""Rules about the certificates that records and the central store serve, as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.certificates.choosing import age
from sslbind.certificates.names import covers
from sslbind.certificates.verify import MIN_BITS, SERVER_USES, WEAK_HASHES
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.subject import Served, Subject
from sslbind.errors import SslbindError
from sslbind.keys import HOSTNAMEPORT

if TYPE_CHECKING:
    from datetime import datetime

    from sslbind.binding import Binding
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.identity import Certificate

NEW = "NEW.pfx"
"""Stands in a command for the file that the operator has to get."""

_NAMES = 5
"""So many names of a certificate are told."""


@rule("cert-expired", "error")
def expired(subject: Subject) -> Iterator[Found]:
    """A certificate that is served has expired.

    HTTP.SYS serves it all the same, and clients refuse it. Renew it; rebind
    gives the new one to every record at once, with all other tags kept.
    """
    now = subject.now
    for one in subject.served:
        end = one.certificate.not_after
        if end < now:
            days = _days((now - end).days)
            what = f"expired on {_text(end)}, {days} ago"
            yield _found(one, what, "renew the certificate", _rebind(subject, one))


@rule("cert-not-yet-valid", "error")
def not_yet_valid(subject: Subject) -> Iterator[Found]:
    """A certificate that is served is not valid yet.

    HTTP.SYS serves it all the same, and clients refuse it until that day. Bind
    the one that is valid now, or wait with the change.
    """
    now = subject.now
    for one in subject.served:
        start = one.certificate.not_before
        if now < start:
            days = _days((start - now).days)
            what = f"is valid only from {_text(start)} on, in {days}"
            yield _found(one, what, "serve one that is valid now, and change later")


@rule("cert-expires-soon", "warn")
def expires_soon(subject: Subject) -> Iterator[Found]:
    """A certificate that is served expires within the time asked for.

    That is 30 days unless another time is asked for. Renew it; rebind gives the
    new one to every record at once, with all other tags kept.
    """
    now, limit = subject.now, subject.now + subject.soon
    for one in subject.served:
        end = one.certificate.not_after
        if now <= end <= limit:
            what = f"expires on {_text(end)}, in {_days((end - now).days)}"
            yield _found(one, what, "renew the certificate", _rebind(subject, one))


@rule("cert-host-mismatch", "warn")
def host_mismatch(subject: Subject) -> Iterator[Found]:
    """The host name of an SNI record is not among the names of its certificate.

    Clients compare the name that they asked for with the subject alternative
    names, where a wildcard stands for exactly one label; the common name does
    not count. A wildcard record is covered by the same wildcard only. Bind a
    certificate that has the name.
    """
    for one in subject.served:
        if one.key is None or one.name is None or covered(one.entry, one.name):
            continue
        what = f"does not cover {one.name}: {named(one.entry)}"
        yield _found(
            one, what, "bind a certificate that has the name",
            subject.command("update", "sslcert", one.key.spec, "--cert", NEW),
        )  # fmt: skip


@rule("cert-eku", "error")
def eku(subject: Subject) -> Iterator[Found]:
    """The extended key usage of a certificate that is served is without serverAuth.

    Clients refuse such a certificate for servers. One without the extension is
    good for every use. Request it again for server authentication.
    """
    for one in subject.served:
        uses = one.certificate.eku
        if uses is not None and SERVER_USES.isdisjoint(uses):
            what = f"has the extended key usage {', '.join(uses) or 'empty'}, without serverAuth"
            yield _found(one, what, "request it again for servers", _rebind(subject, one))


@rule("cert-weak", "warn")
def weak(subject: Subject) -> Iterator[Found]:
    """A certificate that is served has a short key or an old signature.

    That is an RSA or DSA key of less than 2048 bits, or a signature made with
    SHA-1 or MD5: clients refuse these by now. Request it again with a new key.
    """
    for one in subject.served:
        facts = one.certificate
        short = facts.key_bits < MIN_BITS and facts.key_type.startswith(("RSA", "DSA"))
        if not short and facts.signature_hash not in WEAK_HASHES:
            continue
        reasons = [f"a key of {facts.key_bits} bits ({facts.key_type})"] * short
        if facts.signature_hash in WEAK_HASHES:
            reasons.append(f"a signature made with {facts.signature_hash}")
        what = f"has {' and '.join(reasons)}"
        advice = "request it again with a key of 2048 bits or more and SHA-256"
        yield _found(one, what, advice, _rebind(subject, one))


@rule("cert-chain-incomplete", "warn")
def chain_incomplete(subject: Subject) -> Iterator[Found]:
    """The issuer of a certificate that is served is neither in its file nor in a store.

    The server sends the certificate without its intermediate, and clients that
    do not fetch it by themselves refuse the connection; browsers that saw it
    elsewhere do not, which hides the mistake. Add the certificate together with
    its chain, or put the issuer's certificate into the store CA, a root into Root.
    The issuer is known by its name and key identifier, or else by the signature;
    a certificate that names itself as issuer and has no such identifier is believed.
    """
    if subject.stores is None:
        return
    named: dict[str, list[Entry]] = {}
    for stored in subject.stores.entries():
        if stored.certificate:
            named.setdefault(stored.certificate.subject, []).append(stored)
    there: dict[str, bool] = {}
    for one in subject.served:
        entry, facts = one.entry, one.certificate
        if facts.self_signed or entry.chain or not facts.issuer:
            continue
        namesakes = named.get(facts.issuer, ())
        others = [stored for stored in namesakes if stored.thumbprint != entry.thumbprint]
        if entry.thumbprint not in there:
            there[entry.thumbprint] = _issued(subject, one, others)
        if not there[entry.thumbprint]:
            yield _found(
                one,
                f"is issued by {facts.issuer}, which is neither in its file nor in a store"
                + (": what has the name there did not sign it" if others else ""),
                "put the issuer's certificate into the store CA; a root belongs into Root",
                subject.command("store", "add", "ISSUER.pem", "--store", "CA"),
            )


def _issued(subject: Subject, one: Served, others: Sequence[Entry]) -> bool:
    """Whether one of ``others``, all named like its issuer, stands above a certificate."""
    wanted = one.certificate.issuer_key_id
    if any(other.certificate and other.certificate.key_id == wanted != b"" for other in others):
        return True
    leaf = _certificate(subject, one) if others else None
    if leaf is None or subject.stores is None:
        return bool(others)  # the file has changed or gone since it was looked at
    from sslbind.certificates.parsing import issued_by

    files = dict.fromkeys(other.file for other in others)
    found = (above for file in files for above in subject.stores.certificates(file))
    return any(issued_by(leaf, above) for above in found)


def _certificate(subject: Subject, one: Served) -> Certificate | None:
    """Return what is served itself, from its file; None where that cannot be opened."""
    from sslbind.certificates.central import stem_of

    if one.key is None:
        with contextlib.suppress(SslbindError):
            stem = stem_of(one.entry.file)
            return subject.central.load(stem).leaf if subject.central and stem else None
        return None
    found = subject.stores.certificates(one.entry.file) if subject.stores else ()
    return next((leaf for leaf in found if leaf.thumbprint == one.entry.thumbprint), None)


@rule("rebind-split", "info")
def rebind_split(subject: Subject) -> Iterator[Found]:
    """Records hold an expired certificate while a newer one of the same subject is in the store.

    The renewal came as far as the store, and not to these records: HTTP.SYS
    goes on serving what a record names. Rebind them; every other tag is kept.
    """
    now = subject.now
    old: dict[str, Served] = {}
    for one in subject.served:
        if one.key is not None and one.certificate.not_after < now:
            old.setdefault(one.entry.thumbprint, one)
    users = subject.users if old else {}
    namesakes = _valid_by_subject(subject) if old else {}
    for thumbprint, one in old.items():
        subject_ = one.certificate.subject
        fit, new = _newest(one.entry, users[thumbprint], namesakes.get(subject_, ()))
        if new is not None:
            count = len(users[thumbprint])
            what = "1 record holds" if count == 1 else f"{count} records hold"
            yield Found(
                users[thumbprint][0].key,
                f"{what} the certificate {thumbprint} of {subject_}, which has expired, and"
                f" {new.thumbprint}, valid until {_text(new.not_after)}, is in {new.store}",
                "rebind them to the newer one"
                + ("" if fit else ", which lacks a name or is not in the store of each"),
                subject.rebind(thumbprint, new.thumbprint) if fit else "",
            )


def _valid_by_subject(subject: Subject) -> dict[str, list[Entry]]:
    """Return the certificates that are valid now and have their keys, by their subjects."""
    found: dict[str, list[Entry]] = {}
    for same in subject.entries.values():
        for entry in same:
            if entry.certificate and entry.certificate.subject and subject.valid(entry):
                found.setdefault(entry.certificate.subject, []).append(entry)
    return found


def _newest(
    old: Entry, users: Sequence[Binding], namesakes: Sequence[Entry]
) -> tuple[bool, Entry | None]:
    """Return the newest namesake in a store of the users, one that fits before others.

    It fits where ``rebind`` takes it: it is in every store and has every name.
    """
    stores = {(one.store or "").casefold() for one in users}
    hosts = [one.key.host for one in users if one.key.kind is HOSTNAMEPORT]
    names = {*(old.names or hosts), *(host for host in hosts if covered(old, host))}
    there: dict[str, set[str]] = {}
    for one in namesakes:
        there.setdefault(one.thumbprint, set()).add(one.store.casefold())
    ranked = [
        (
            stores <= there[one.thumbprint] and all(covered(one, name) for name in names),
            age(one),
            one,
        )
        for one in namesakes
        if one.store.casefold() in stores
    ]
    fit, _, new = max(ranked, key=lambda row: row[:2], default=(False, None, None))
    return fit, new


def _found(one: Served, what: str, advice: str, command: str = "") -> Found:
    """Return the finding about a certificate of a record, or of a file of the central store."""
    if one.key is None:
        advice += f"; put the new one in the place of {one.file}"
        return Found(None, f"the certificate in {one.file} {what}", advice, file=one.file)
    return Found(one.key, f"the certificate {one.entry.thumbprint} {what}", advice, command)


def _rebind(subject: Subject, one: Served) -> str:
    return "" if one.key is None else subject.rebind(one.entry.thumbprint, NEW)


def covered(entry: Entry, host: str) -> bool:
    """Whether a host is among the names of a certificate; most are there word for word."""
    names, parent = entry.names, host.partition(".")[2]
    there = host in names or ("." in parent and f"*.{parent}" in names)
    return there or covers(entry.names, host)


def named(entry: Entry) -> str:
    """Return the names of a certificate in words, the first of many."""
    names: Sequence[str] = entry.names
    more = ", …" if len(names) > _NAMES else ""
    return f"its names are {', '.join(names[:_NAMES])}{more}" if names else "it has no names"


def _text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _days(count: int) -> str:
    return f"{count} day{'s' * (count > 1)}" if count else "less than a day"
