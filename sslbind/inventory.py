"""The certificates in a registry's stores: which bindings use them, what is wrong with them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sslbind.binding import DEFAULT_STORE
from sslbind.certificates.choosing import canonical_name
from sslbind.certificates.entry import Entry
from sslbind.certificates.judgement import Problem
from sslbind.errors import RefusedError, SslbindError
from sslbind.keys import HOSTNAMEPORT, Key
from sslbind.registry.registry import Registry
from sslbind.wording import join

if TYPE_CHECKING:
    from sslbind.certificates.stores import CertStores
    from sslbind.session import Session


def require_stores(session: Session) -> CertStores:
    """Return the certificate stores; raise SslbindError if the registry has none."""
    if not isinstance(session.registry, Registry):
        raise SslbindError(
            "is not a registry, and has no certificate store",
            "sslbind import creates a registry from it",
            file=session.registry.path,
        )
    if session.stores is None:
        raise SslbindError(
            "has no [CertStores]: there is no certificate store",
            'add [CertStores] with path = "certs" to it',
            file=session.registry.path,
        )
    return session.stores


def self_signed_for(
    stores: CertStores, names: Collection[str], store: str | None, now: datetime
) -> Entry | None:
    """Return the certificate of a store for exactly these names that was made for development.

    It signs itself, is valid and has its key; the one that is valid longest.
    """
    wanted = {*map(canonical_name, names)}
    found = [
        entry
        for entry in stores.entries(store or DEFAULT_STORE)
        if entry.certificate is not None
        and entry.has_key
        and entry.certificate.self_signed
        and entry.certificate.not_before <= now < entry.certificate.not_after
        and {*map(canonical_name, entry.names)} == wanted
    ]
    return max(found, key=lambda one: (one.not_after, one.thumbprint), default=None)


def find_entries(
    session: Session, thumbprints: Sequence[str], store: str | None = None, *, named: str
) -> tuple[Entry, ...]:
    """Return the entries of one certificate, in one store or more; raise RefusedError.

    ``thumbprints`` are hex digits: a thumbprint, 8 or more of its digits, or a
    SHA-256. ``named`` is what messages call the certificate.
    """
    stores = require_stores(session)
    inside = {id(entry) for entry in stores.entries(store)}
    matching = (entry for digits in thumbprints for entry in stores.search(digits))
    found = tuple({id(one): one for one in matching if id(one) in inside}.values())
    if not found:
        raise RefusedError(
            f"{named} is not in {'any store' if store is None else f'the store {store}'}",
            "sslbind store list lists the certificates",
        )
    different = sorted({entry.thumbprint for entry in found})
    if len(different) > 1:
        raise RefusedError(f"{named} matches {len(different)} certificates: {join(different)}")
    return found


def users(session: Session, entry: Entry) -> list[Key]:
    """Return the keys of the bindings that use a certificate of a store."""
    return [
        one.key
        for one in session.registry.bindings.values()
        if one.certhash == entry.thumbprint
        and (one.store or "").casefold() == entry.store.casefold()
    ]


def sharing(session: Session) -> tuple[list[str], bool]:
    """Return the registries that share the stores' folder, and whether there may be more.

    Those in the folder of the registry, and beside the stores, are found. There may be more
    if the stores are not below the registry.
    """
    own, stores = os.path.realpath(session.registry.path), require_stores(session).folder
    folder = os.path.realpath(stores)
    found = []
    for place in dict.fromkeys((os.path.dirname(own), os.path.dirname(folder))):
        for name in sorted(os.listdir(place)):
            path = os.path.join(place, name)
            if not name.endswith(".toml") or path == own:
                continue
            with contextlib.suppress(SslbindError):
                other = Registry.open(path)
                has_stores = other.settings.cert_stores is not None
                if has_stores and os.path.realpath(other.stores_folder) == folder:
                    found.append(os.path.relpath(path))
    return found, not folder.startswith(os.path.join(os.path.dirname(own), ""))


def delete_entries(
    session: Session,
    entries: Sequence[Entry],
    others: Sequence[Session] = (),
    *,
    dry_run: bool = False,
) -> list[str]:
    """Delete certificates with their keys, unless ``dry_run``; return their files.

    ``others`` are registries that share the stores. Raises RefusedError, before anything is
    deleted, if a binding uses one.
    """
    for entry in entries:
        for one in (session, *others):
            if keys := users(one, entry):
                where = f" in {one.registry.path}" if others else ""
                called = f" ({entry.called})" if entry.called else ""
                raise RefusedError(
                    f"{entry.thumbprint}{called} in {entry.store} is used by"
                    f" {join(key.spec for key in keys)}{where}",
                    "delete or rebind these first: sslbind rebind OLD NEW",
                )
    stores = require_stores(session)
    return [file for entry in entries for file in stores.delete(entry, dry_run=dry_run)]


def verify_entries(
    session: Session, entries: Sequence[Entry], now: datetime
) -> Iterator[tuple[Entry, tuple[Problem, ...]]]:
    """Yield each entry with its problems: key, chain, dates, names, usage, strength, file modes."""
    stores = require_stores(session)
    for entry in entries:
        yield entry, tuple(_problems(session, stores, entry, now))


def missing_entries(
    session: Session, store: str | None = None
) -> Iterator[tuple[Entry, tuple[Problem, ...]]]:
    """Yield an entry without a file for each binding whose certificate is not in its store."""
    entries = require_stores(session).entries()
    present = {(entry.thumbprint, entry.store.casefold()) for entry in entries}
    for one in session.registry.bindings.values():
        if not one.certhash or not one.store:
            continue
        if store is not None and store.casefold() != one.store.casefold():
            continue
        if (one.certhash, one.store.casefold()) not in present:
            message = f"{one.key.spec} binds it, but it is not in the store"
            yield Entry(one.store, "", one.certhash), (Problem("not-found", message),)


def _problems(
    session: Session, stores: CertStores, entry: Entry, now: datetime
) -> Sequence[Problem]:
    from sslbind.certificates.verify import problems

    if entry.locked:
        return [Problem("locked", entry.problem or "no password opens it")]
    if not entry.thumbprint:
        return [Problem("unreadable", entry.problem or "cannot be read")]
    names = [
        one.key.host
        for one in session.registry.bindings.values()
        if one.certhash == entry.thumbprint and one.key.kind is HOSTNAMEPORT
    ]
    try:
        identity = stores.load(entry)
    except SslbindError as error:
        return [Problem("unreadable", str(error))]
    found = [*problems(identity, stores.issuers(identity), now, names), *stores.wide_modes(entry)]
    if identity.leaf.is_ca and not users(session, entry):  # an issuer needs no key here
        return [one for one in found if one.id not in ("no-names", "no-server-auth", "key-usage")]
    if identity.key is None and not stores.keys_elsewhere:
        found.insert(0, Problem("no-private-key", "its private key is not in the store"))
    return found
