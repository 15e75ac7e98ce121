"""Put a renewed certificate into its bindings: found by name, and safe to run twice.

A certificate is replaced if the new one covers its names. A hook of certbot and similar
clients only knows the new files; which certificate they replace, and whether they already
have, is found out here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslbind.binding import DEFAULT_STORE
from sslbind.certificates.choosing import age, canonical_name
from sslbind.certificates.judgement import doubts
from sslbind.certificates.names import covers
from sslbind.errors import BadValueError, NetshError, SslbindError
from sslbind.keys import HOSTNAMEPORT, Key, parse_host
from sslbind.lookup import Candidate, candidates
from sslbind.owners import OWNER_BY_WORD
from sslbind.session import ADD_BOTH, Change, Session
from sslbind.wording import day, some

if TYPE_CHECKING:
    from sslbind.certificates.identity import Certificate, Identity

Status = Literal["renewed", "unchanged", "refused"]
_NAMES = 5


class Renewal(NamedTuple):
    """What happened to one new certificate.

    ``replaced`` are the certificates that it replaced, ``changes`` the bindings, including
    those added. If it was refused, ``message`` says why, ``candidates`` are the
    certificates that it might have replaced, and ``hints`` are commands.
    """

    identity: Identity
    status: Status
    replaced: tuple[Candidate, ...] = ()
    changes: tuple[Change, ...] = ()
    message: str = ""
    candidates: tuple[Candidate, ...] = ()
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class _RefusedError(Exception):
    """The renewal is refused: why, the candidates, and what to do."""

    def __init__(
        self, message: str, candidates: Collection[Candidate] = (), hints: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.candidates = tuple(candidates)
        self.hints = tuple(hints)


class RenewalRequest(NamedTuple):
    """How certificates are renewed.

    ``port``: names without a record there get one, owned by ``appid``.
    ``needed``: refuse if nothing has the names yet.
    ``dry_run``: no certificate is stored.
    """

    now: datetime
    port: int | None = None
    appid: str = OWNER_BY_WORD["iis"].appid
    needed: bool = True
    dry_run: bool = False


def newest(found: Iterable[Identity]) -> list[Identity]:
    """Return the certificates with names, of those with the same names and kind of key the newest.

    A folder may hold several versions of one certificate.
    """
    best: dict[tuple[frozenset[str], str], Identity] = {}
    for one in found:
        leaf = one.leaf
        if not leaf.names:
            continue
        same = _canonical(leaf.names), _family(leaf.key_type)
        if same not in best or age(leaf) > age(best[same].leaf):
            best[same] = one
    return list(best.values())


def renew(session: Session, identity: Identity, request: RenewalRequest) -> Renewal:
    """Bind ``identity`` wherever a certificate is bound whose names it covers; keep every tag.

    A certificate with the same names is replaced, else the only one of which it
    has all names. The bindings change in memory, all or none; the certificate
    goes into the store of each. If the old certificate is ambiguous, nothing changes and
    the status is ``refused``.
    """
    checkpoint = session.editable.checkpoint()
    try:
        _check(session, identity, request.now)
        candidates = _bound(session, identity.leaf)
        bound = any(
            one.certhash == identity.leaf.thumbprint for one in session.registry.bindings.values()
        )
        replaced = _replaced(candidates, identity.leaf, bound=bound)
        changes = [
            session.update(one.key, {"certhash": identity.leaf.thumbprint}, certificate=identity)
            for old in replaced
            for one in old.bindings
        ]
        added, notes = _added(session, identity, request)
        changes += added
        if not changes and not bound and request.needed:
            raise _unused(identity.leaf, candidates)
    except _RefusedError as no:
        session.editable.rollback(checkpoint)
        return Renewal(
            identity, "refused", message=str(no), candidates=no.candidates, hints=no.hints
        )
    except NetshError as error:
        session.editable.rollback(checkpoint)
        return Renewal(identity, "refused", message=error.message, hints=error.hints)
    if not request.dry_run:
        _store(session, identity, changes)
    status: Status = "renewed" if changes else "unchanged"
    notes += doubts(identity.leaf)
    return Renewal(identity, status, tuple(replaced), tuple(changes), notes=tuple(notes))


def _check(session: Session, identity: Identity, now: datetime) -> None:
    """Refuse a certificate that no binding could use."""
    leaf = identity.leaf
    if session.stores is None:
        raise SslbindError(
            "there is no certificate store for the new certificate",
            'add [CertStores] with path = "certs" to the registry',
            file=session.registry.path,
        )
    if now > leaf.not_after:
        raise _RefusedError(f"it expired on {day(leaf.not_after)}")
    keyed = identity.key is not None or session.stores.keys_elsewhere
    if not keyed and not any(one.has_key for one in session.stores.search(leaf.thumbprint)):
        raise _RefusedError("it comes without its private key", hints=(ADD_BOTH,))


def _bound(session: Session, new: Certificate) -> list[Candidate]:
    """Return the certificates that bindings use, other than ``new``."""
    return [one for one in candidates(session) if one.bindings and one.thumbprint != new.thumbprint]


def _replaced(candidates: Sequence[Candidate], new: Certificate, *, bound: bool) -> list[Candidate]:
    """Return the certificates that ``new`` replaces; raise _RefusedError if in doubt."""
    names = _canonical(new.names)
    same = [one for one in candidates if _canonical(one.names) == names]
    alike = [one for one in same if _family_of(one) == _family(new.key_type)]
    if same:
        found = alike or same
    elif bound:  # a second run: other names that it covers have their own certificates
        return []
    else:
        found = [
            one for one in candidates if one.names and all(covers(new.names, n) for n in one.names)
        ]
        if len(found) > 1:
            raise _RefusedError(
                f"it covers the names of {len(found)} certificates that are bound, and replaces"
                " only one by itself",
                found,
                [f"sslbind rebind {one.thumbprint} FILE replaces this one" for one in found],
            )
    older = [one for one in found if one.entry is None or age(one.entry) <= age(new)]
    if found and not older and not bound:
        newer = found[0]
        raise _RefusedError(
            f"the certificate {newer.thumbprint} that is bound was issued after it",
            found,
            [f"sslbind rebind {newer.thumbprint} FILE goes back to the older one"],
        )
    return older


def _added(
    session: Session, identity: Identity, request: RenewalRequest
) -> tuple[list[Change], list[str]]:
    """Add a record for each name that has none on the port that is asked for."""
    changes: list[Change] = []
    notes: list[str] = []
    if request.port is None:
        return changes, notes
    leaf = identity.leaf
    values = {
        "certhash": leaf.thumbprint,
        "appid": request.appid,
        "certstorename": DEFAULT_STORE,
    }
    for name in leaf.dns_names:
        try:
            key = Key(HOSTNAMEPORT, parse_host(name), request.port)
        except BadValueError as error:
            notes.append(f"{name} gets no record: {error.message}")
            continue
        there = session.registry.get(key)
        if there is None:
            changes.append(session.add(key, values, certificate=identity))
        elif there.certhash != leaf.thumbprint:
            notes.append(f"{key.spec} has another certificate, {there.certhash}, and keeps it")
    if leaf.ip_names:
        notes.append(f"{some(leaf.ip_names, _NAMES)}: addresses get no record by --bind")
    return changes, notes


def _unused(new: Certificate, candidates: Sequence[Candidate]) -> _RefusedError:
    """Return why there is nothing to renew: no names, or a name that the new one lacks."""
    near = [one for one in candidates if any(covers(new.names, name) for name in one.names)]
    if near:
        lacking = [name for name in near[0].names if not covers(new.names, name)]
        return _RefusedError(
            f"it lacks {some(lacking, _NAMES)}, which the certificate that is bound has",
            near,
            [f"sslbind rebind {one.thumbprint} FILE --force replaces it anyway" for one in near],
        )
    return _RefusedError(
        "no binding has a certificate with its names",
        hints=("--bind 443 adds a record for each of its names",),
    )


def _store(session: Session, identity: Identity, changes: Sequence[Change]) -> None:
    """Put the certificate into the store of each binding that has it now."""
    stores = [one.after.store or DEFAULT_STORE for one in changes if one.after]
    if session.stores is not None:
        for store in dict.fromkeys(stores):
            session.stores.add(identity, store)


def newer_file(session: Session, identity: Identity) -> str | None:
    """Return the central store's file for a name of ``identity`` that has a newer certificate."""
    from sslbind.certificates.central import SUFFIX, stems_for

    store = session.central_store
    for stem in stems_for(identity.leaf.dns_names) if store else ():
        with contextlib.suppress(SslbindError):
            if store is not None and age(store.load(stem).leaf) > age(identity.leaf):
                return stem + SUFFIX
    return None


def _canonical(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(canonical_name, names))


def _family_of(candidate: Candidate) -> str:
    """Return the family of its key; empty if the certificate is not known."""
    facts = candidate.entry.certificate if candidate.entry else None
    return _family(facts.key_type) if facts else ""


def _family(key_type: str) -> str:
    """Return ``RSA`` of ``RSA 2048``: certificates of a pair have the same names."""
    return key_type.partition(" ")[0]
