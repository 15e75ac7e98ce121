"""The renewal of a certificate: every binding that uses the old one gets the new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sslbind.binding import DEFAULT_STORE, Binding
from sslbind.certificates.names import covers
from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import HOSTNAMEPORT
from sslbind.lookup import named
from sslbind.provisioning import is_digits, stored_thumbprint
from sslbind.session import ADD_BOTH, Change, Session
from sslbind.tags import STORE, Value

if TYPE_CHECKING:
    from sslbind.certificates.identity import Identity


@dataclass(frozen=True, slots=True)
class Rebinding:
    """What a renewal did: the changed bindings, and the names that the new certificate lacks.

    ``old`` and ``new`` are thumbprints; ``old_names`` and ``new_names`` are empty if the
    certificate is not in a store. ``refused``: nothing was changed, because of the names in
    ``uncovered``. ``done``: nothing uses ``old`` any more, and ``new`` is bound, as after
    an earlier run.
    """

    old: str
    new: str
    old_names: Sequence[str]
    changes: tuple[Change, ...]
    uncovered: tuple[str, ...]
    refused: bool
    done: bool = False
    new_names: Sequence[str] = ()

    def called(self, thumbprint: str) -> str:
        """Return the first name of the old or the new certificate, by its thumbprint."""
        names = {self.old: self.old_names, self.new: self.new_names}
        return next(iter(names.get(thumbprint, ())), "")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A certificate: its thumbprint, and its names and keys where they are known."""

    thumbprint: str
    names: Sequence[str] | None
    identity: Identity | None = None


def rebind(
    session: Session,
    old: str | Identity,
    new: str | Identity,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> Rebinding:
    """Bind ``new`` wherever ``old`` is bound; every other tag keeps its value.

    ``old`` and ``new`` are certificates that were read, or hex digits: a
    thumbprint, 8 or more of its digits, or a SHA-256; or a name: of a certificate
    that is bound for ``old``, of one in the stores for ``new``. The bindings change in
    memory. A ``new`` that was read goes into the store of each of them, unless
    ``dry_run``. If the new certificate lacks a name that the old one covers, or the host of
    a binding, nothing changes unless ``force``. Raises BadValueError for digits that do not
    name one certificate, SslbindError for a name, and NoCertificateError where ``new`` is
    not in a binding's store.
    """
    checkpoint = session.editable.checkpoint()
    after = _new(session, new, old)
    before = _old(session, old, after)
    bindings = session.registry.bindings.values()
    using = [one for one in bindings if one.certhash == before.thumbprint]
    done = not using and any(one.certhash == after.thumbprint for one in bindings)
    changes = tuple(
        session.update(one.key, _values(one, after.thumbprint), verify=after.identity is None)
        for one in using
    )
    old_names = before.names or ()
    uncovered = _uncovered(using, old_names, after.names)
    refused = bool(uncovered) and not force
    if refused:
        session.editable.rollback(checkpoint)
    elif after.identity is not None and session.stores is not None and not dry_run:
        for store in dict.fromkeys(one.after.store for one in changes if one.after):
            session.stores.add(after.identity, store)
    new_names = after.names or ()
    return Rebinding(
        before.thumbprint, after.thumbprint, old_names, changes, uncovered, refused, done, new_names
    )


def _values(record: Binding, thumbprint: str) -> dict[str, Value]:
    """Return what changes; a host name record without a store gets the one that is searched."""
    values: dict[str, Value] = {"certhash": thumbprint}
    if record.key.kind is HOSTNAMEPORT and STORE.name not in record.values:
        values[STORE.name] = DEFAULT_STORE
    return values


def _old(session: Session, certificate: str | Identity, after: _Chosen) -> _Chosen:
    if not isinstance(certificate, str):
        return _Chosen(certificate.leaf.thumbprint, certificate.leaf.names)
    if not is_digits(certificate):
        thumbprint = named(session, certificate, bound=True, other_than=(after.thumbprint,))
    elif len(certificate) == 64:
        thumbprint = stored_thumbprint(session, certificate)
    else:
        used = {one.certhash for one in session.registry.bindings.values() if one.certhash}
        found = sorted(one for one in used if one.startswith(certificate))
        if len(found) > 1:
            raise BadValueError(
                f"{certificate} matches {len(found)} certificates: {', '.join(found)}"
            )
        thumbprint = found[0] if found else certificate
    return _Chosen(thumbprint, _stored_names(session, thumbprint))


def _new(session: Session, certificate: str | Identity, old: str | Identity) -> _Chosen:
    if isinstance(certificate, str):
        known = old if isinstance(old, str) else old.leaf.thumbprint
        thumbprint = stored_thumbprint(session, certificate, (known,))
        return _Chosen(thumbprint, _stored_names(session, thumbprint))
    if session.stores is None:
        raise SslbindError(
            "there is no certificate store for the new certificate",
            'add [CertStores] with path = "certs" to the registry, or name a thumbprint',
            file=session.registry.path,
        )
    leaf = certificate.leaf
    stored = any(entry.has_key for entry in session.stores.search(leaf.thumbprint))
    if certificate.key is None and not stored and not session.stores.keys_elsewhere:
        raise BadValueError(
            f"{leaf.thumbprint} comes without its private key, and a binding needs one", ADD_BOTH
        )
    return _Chosen(leaf.thumbprint, leaf.names, certificate)


def _stored_names(session: Session, thumbprint: str) -> Sequence[str] | None:
    if session.stores is None:
        return None
    found = session.stores.search(thumbprint) if len(thumbprint) >= 8 else ()
    return found[0].names if found else None


def _uncovered(
    using: Sequence[Binding], old_names: Sequence[str], new_names: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the names that the new certificate lacks; none if its names are not known.

    A record of a host name serves that name only, whatever its certificate lists.
    """
    if new_names is None:
        return ()
    by_name = all(one.key.kind is HOSTNAMEPORT for one in using)
    wanted = dict.fromkeys(() if using and by_name else old_names)
    wanted |= dict.fromkeys(
        one.key.host
        for one in using
        if one.key.kind is HOSTNAMEPORT and (not old_names or covers(old_names, one.key.host))
    )
    return tuple(name for name in wanted if not covers(new_names, name))
