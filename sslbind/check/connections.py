"""The connections that must keep working: those of the sites, and of other owners' names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sslbind.certificates.names import covers
from sslbind.check.command import TO_CHOOSE
from sslbind.errors import BadValueError
from sslbind.keys import HOSTNAMEPORT, IPPORT, Key, parse_address
from sslbind.resolver import Answer, State, resolve

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.check.subject import Subject
    from sslbind.resolver import Bindings
    from sslbind.sites import SiteBinding

_PLAIN = ("198.51.100.255", "2001:db8:ffff:ffff::ffff")
"""Addresses for documentation (RFC 5737, RFC 3849), which no server has."""
_PROBE = "sslbind-probe"
"""The label that replaces an asterisk."""


class RequiredConnection(NamedTuple):
    """A client that comes to ``address`` and asks for ``name``; None if it sends no name.

    ``needs`` is the record that the binding of a site needs, None if no site does.
    ``own``: no site needs it, but it is the record of the product that serves the name.
    """

    address: str
    port: int
    name: str | None
    needs: Key | None = None
    own: bool = False

    def __str__(self) -> str:
        """Name it in a sentence, without the address that represents all others."""
        who = self.name.replace(_PROBE, "*") if self.name else "clients that send no name"
        return who if self.address in _PLAIN else f"{who} at {self.address}"


def connections(
    subject: Subject, port: int, edited: Collection[str]
) -> Iterator[RequiredConnection]:
    """Yield the connections to ``port`` that some site, or a product beside IIS, means to serve.

    ``edited`` are the addresses whose own records may change: a name that is bound to all
    addresses is tried there too.
    """
    listened = [one for one in subject.settings.iplisten if one not in ("0.0.0.0", "::")]  # noqa: S104
    everywhere = tuple(dict.fromkeys((*_PLAIN, *listened, *edited)))
    ours = set()
    for sites in subject.sites:
        ours.add(sites.owner.appid)
        for binding in sites.bindings:
            if binding.https and binding.port == port:
                yield from _of_site(subject, binding, everywhere)
    for record in subject.ports.get(port, {}).get(HOSTNAMEPORT, ()):
        if record.appid not in ours:
            for address in everywhere:
                yield RequiredConnection(
                    address, port, _asked(record.key.host), record.key, own=True
                )


def _of_site(
    subject: Subject, binding: SiteBinding, everywhere: Iterable[str]
) -> Iterator[RequiredConnection]:
    addresses = everywhere
    if binding.address:
        try:
            addresses = (parse_address(binding.address.strip("[]")),)
        except BadValueError:
            return
    needs = binding.key_for(subject.release)
    for address in addresses:
        yield RequiredConnection(address, binding.port or 0, _asked(binding.host) or None, needs)


def _asked(host: str) -> str:
    return host.replace("*", _PROBE, 1)


class Judge:
    """Checks whether connections get the right certificate, before and after a change."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        # Whether a store has the certificate is checked separately: see ``_serves``.
        self._state = State(
            subject.release, subject.bindings, subject.settings.iplisten, subject.central
        )

    def answer(self, connection: RequiredConnection, records: Bindings | None = None) -> Answer:
        """Return what answers, with other records if ``records`` are given."""
        state = self._state if records is None else self._state._replace(bindings=records)
        return resolve(state, connection.address, connection.port, connection.name)

    def right(self, connection: RequiredConnection, answer: Answer) -> bool:
        """Whether the certificate is the right one, as far as that is known.

        It covers the name. If its names are not known, the record is the one that the site
        needs, or has exactly that name.
        """
        record = answer.binding
        if answer.outcome != "certificate" or record is None or not self._serves(record):
            return False
        names = self._names(record)
        if names is not None and connection.name:
            return covers(names, connection.name)
        return record.key == connection.needs or record.key.kind is not IPPORT

    def kept(self, connection: RequiredConnection, before: Answer, after: Answer) -> bool:
        """Whether a connection that was right before is right after a change, for certain."""
        if not self.right(connection, after):
            return False
        assert before.binding and after.binding  # noqa: S101  # both are right
        if self._names(after.binding) is not None and connection.name:
            return True
        if connection.own and after.binding.key == connection.needs:
            return True  # its record has a new certificate, on purpose
        return after.binding.certhash in (before.binding.certhash, TO_CHOOSE)

    def _serves(self, record: Binding) -> bool:
        known = record.certhash not in (None, TO_CHOOSE)
        return self._subject.serves(record) if known else True

    def _names(self, record: Binding) -> Collection[str] | None:
        entry = self._subject.entry(record)
        return None if entry is None or entry.certificate is None else entry.names
