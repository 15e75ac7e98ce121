"""Choose one of several certificates that cover a host, and say why.

A certificate that is valid now comes before one that is not, one that has the
host's own name before one whose wildcard covers it, then the one issued last
(notBefore), then the one that lasts longest (notAfter). IIS has no such rule:
this is what an operator who has just renewed a certificate expects.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Protocol

from sslbind.certificates.entry import Entry
from sslbind.certificates.judgement import for_servers, valid_at
from sslbind.certificates.names import address, ascii_name, covers


class Issued(Protocol):
    """Anything that has the age of a certificate: an ``Entry`` or a ``Certificate``."""

    @property
    def not_before(self) -> datetime | None:
        """The first moment of its validity."""

    @property
    def not_after(self) -> datetime | None:
        """The last moment of its validity."""


class Choice(NamedTuple):
    """The certificate that was chosen; ``reason`` says why, as a clause about it."""

    entry: Entry
    reason: str


class Chooser:
    """Chooses among those of ``entries`` that can serve TLS."""

    def __init__(self, entries: Iterable[Entry], now: datetime) -> None:
        self._now = now
        self._entries = entries

    def choose(self, hosts: Iterable[str]) -> Choice | None:
        """Return the certificate for ``hosts``, names or addresses that one record serves.

        None if no certificate covers all of them, and if there are none.
        """
        wanted = [*dict.fromkeys(canonical_name(host) for host in hosts if host)]
        found: dict[tuple[str, str], Entry] = {}
        for entry in self._candidates(wanted[0]) if wanted else ():
            if all(covers(entry.names, host) for host in wanted):
                found.setdefault((entry.thumbprint, entry.store), entry)
        ranked = sorted(found.values(), key=lambda one: self._rank(one, wanted), reverse=True)
        if not ranked:
            return None
        best = ranked[0]
        others = [one for one in ranked[1:] if one.thumbprint != best.thumbprint]
        return Choice(best, self._reason(best, others, wanted))

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self._entries:
            if entry.certificate is not None and for_servers(entry.certificate):
                for name in entry.names:
                    found.setdefault(canonical_name(name), []).append(entry)
        return found

    def _candidates(self, host: str) -> list[Entry]:
        found = [*self._by_name.get(host, ())]
        parent = host.partition(".")[2]
        if parent and not host.startswith("*.") and address(host) is None:
            found += self._by_name.get(f"*.{parent}", ())
        return found

    def _rank(self, entry: Entry, hosts: Sequence[str]) -> tuple[bool, bool, float, float, str]:
        return (self._valid(entry), _exact(entry, hosts), *age(entry), entry.thumbprint)

    def _valid(self, entry: Entry) -> bool:
        return entry.certificate is not None and valid_at(entry.certificate, self._now)

    def _reason(self, best: Entry, others: Sequence[Entry], hosts: Sequence[str]) -> str:
        """Return the difference between ``best`` and the last that it was compared with."""
        if not others:
            return "the only certificate that covers the name"
        second = others[0]
        if self._valid(best) != self._valid(second):
            return "the only one of those that cover the name that is valid now"
        if _exact(best, hosts) != _exact(second, hosts):
            return "it has the name itself, while the others only cover it by a wildcard"
        if best.not_before != second.not_before:
            return f"of those that cover the name it was issued last, on {_day(best.not_before)}"
        if best.not_after != second.not_after:
            return f"of those that cover the name it lasts longest, until {_day(best.not_after)}"
        return "of those that cover the name others are as new"


def age(certificate: Issued) -> tuple[float, float]:
    """Return what is greater for the newer of two certificates: notBefore, then notAfter."""
    start, end = certificate.not_before, certificate.not_after
    return start.timestamp() if start else 0.0, end.timestamp() if end else 0.0


def _exact(entry: Entry, hosts: Sequence[str]) -> bool:
    return {canonical_name(name) for name in entry.names}.issuperset(hosts)


def canonical_name(name: str) -> str:
    """Return a name or an address in a form in which equal ones are the same text."""
    literal = address(name)
    if literal is not None:
        return str(literal)
    with contextlib.suppress(ValueError):
        return ascii_name(name)
    return name.casefold()


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}"
