"""The renewal of a certificate: every binding that uses the old one gets the new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sslbind.binding import Binding
from sslbind.certificates.names import covers
from sslbind.keys import HOSTNAMEPORT
from sslbind.session import Change, Session


@dataclass(frozen=True, slots=True)
class Rebinding:
    """What a renewal does: the changed bindings, and the names that the new one lacks."""

    changes: tuple[Change, ...]
    uncovered: tuple[str, ...]


def rebind(  # noqa: PLR0913  # two certificates, and what is known of each
    session: Session,
    old: str,
    new: str,
    *,
    old_names: Sequence[str],
    new_names: Sequence[str] | None,
    verify: bool = True,
) -> Rebinding:
    """Bind ``new`` wherever ``old`` is bound, in memory, every other tag kept.

    ``old`` and ``new`` are thumbprints; the names are those of the
    certificates, empty for an old one that is in no store, None for a new one
    that is not known. A name is uncovered that the old certificate answered
    for, or that a binding has as its host, and that the new one does not cover.
    Raises NoCertificateError where ``new`` is not in a binding's store.
    """
    users = [b for b in session.registry.bindings.values() if b.certhash == old]
    changes = tuple(
        session.update(binding.key, {"certhash": new}, verify=verify) for binding in users
    )
    if new_names is None:
        return Rebinding(changes, ())
    wanted = dict.fromkeys(old_names)
    wanted |= dict.fromkeys(
        b.key.host for b in users if b.key.kind is HOSTNAMEPORT and _covered(b, old_names)
    )
    return Rebinding(changes, tuple(name for name in wanted if not covers(new_names, name)))


def _covered(binding: Binding, old_names: Sequence[str]) -> bool:
    """Whether the old certificate answered for the binding's host, as far as that is known."""
    return not old_names or covers(old_names, binding.key.host)
