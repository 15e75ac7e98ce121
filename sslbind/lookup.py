"""Certificates found by what people call them: a host name that they have, or their subject."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sslbind.certificates.choosing import canonical_name
from sslbind.certificates.names import covers
from sslbind.errors import RefusedError, SslbindError
from sslbind.keys import HOSTNAMEPORT
from sslbind.wording import day, plural, some

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.entry import Entry
    from sslbind.session import Session

_NAMES = 5
_MOST = 10
"""How many certificates are listed."""
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:[^\\,+]|\\.)*)")


class Candidate(NamedTuple):
    """A certificate that may be meant: its names, what binds it, and its entry if it is stored."""

    thumbprint: str
    names: tuple[str, ...]
    bindings: tuple[Binding, ...]
    entry: Entry | None = None

    def __str__(self) -> str:
        """Return it in a sentence: its thumbprint, names and bindings."""
        names = some(self.names, _NAMES) or "names are not known"
        return f"{self.thumbprint} ({names}; {plural(len(self.bindings), 'binding')})"


def candidates(session: Session) -> list[Candidate]:
    """Return each certificate that is bound or in a store; those that are bound come first.

    The names of one that is not in any store are the hosts of its bindings.
    """
    entries: dict[str, Entry] = {}
    for entry in session.stores.entries() if session.stores else ():
        if entry.thumbprint:
            entries.setdefault(entry.thumbprint, entry)
    using: dict[str, list[Binding]] = {}
    for binding in session.registry.bindings.values():
        if binding.certhash:
            using.setdefault(binding.certhash, []).append(binding)
    found = []
    for thumbprint in dict.fromkeys((*using, *entries)):
        entry_ = entries.get(thumbprint)
        bindings = using.get(thumbprint, ())
        hosts = (one.key.host for one in bindings if one.key.kind is HOSTNAMEPORT)
        names = entry_.names if entry_ else tuple(dict.fromkeys(hosts))
        found.append(Candidate(thumbprint, names, tuple(bindings), entry_))
    return found


def called(session: Session, name: str, *, covering: bool = False) -> list[Candidate]:
    """Return the certificates that have ``name``, else those whose subject or common name it is.

    Those that cover it by a wildcard count if there are no others and ``covering`` is set;
    otherwise the hints list them. Raises SslbindError if there are none.
    """
    everything = candidates(session)
    wanted, text = canonical_name(name), name.casefold()
    found = [one for one in everything if wanted in map(canonical_name, one.names)]
    found = found or [one for one in everything if text in _subjects(one)]
    if found:
        return found
    wildcards = [one for one in everything if covers(one.names, name)]
    if covering and wildcards:
        return wildcards
    where = "sslbind store list shows the certificates and their names"
    if session.stores is None:
        where = "there is no certificate store, and so only the hosts of bindings are known"
    raise SslbindError(
        f"{name} is not a file, and no certificate has that name",
        *(f"it is covered by {_described(one)}" for one in wildcards[:_MOST]),
        *(() if wildcards else (where,)),
    )


def named(
    session: Session,
    name: str,
    *,
    bound: bool = False,
    covering: bool = False,
    other_than: Collection[str] = (),
) -> str:
    """Return the thumbprint of the only certificate that is ``called`` by ``name``.

    With ``bound``, certificates that are bound come first; ``other_than`` are thumbprints,
    or their first digits, to exclude. Raises RefusedError, with the candidates, where there
    are several, and SslbindError where there are none.
    """
    found = called(session, name, covering=covering)
    found = [one for one in found if not one.thumbprint.startswith(tuple(other_than))] or found
    if bound:
        found = [one for one in found if one.bindings] or found
    if len(found) > 1:
        raise RefusedError(
            f"{name} is the name of {len(found)} certificates",
            *(f"{_described(one)}" for one in found[:_MOST]),
            "name one by its thumbprint, or by 8 or more of its digits",
        )
    return found[0].thumbprint


def _described(one: Candidate) -> str:
    end = one.entry.not_after if one.entry else None
    until = f" until {day(end)}," if end else ""
    names = some(one.names, _NAMES) or (one.entry.called if one.entry else "")
    return f"{one.thumbprint} ({names}),{until} {plural(len(one.bindings), 'binding')}"


def _subjects(one: Candidate) -> Iterator[str]:
    """Yield the subject of a certificate, and its common name."""
    if one.entry is None or one.entry.certificate is None:
        return
    subject = one.entry.certificate.subject
    yield subject.casefold()
    for name in _COMMON_NAME.findall(subject):
        yield re.sub(r"\\(.)", r"\1", name).casefold()
