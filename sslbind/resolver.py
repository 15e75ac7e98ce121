"""The binding that HTTP.SYS picks for a connection, and why.

Pure and total: a state and a connection in, an answer with its steps out. The
order is Microsoft's table (Learn, "Troubleshoot AD FS SSO issue"): exact
address, host name, Central Certificate Store, ``[::]``, ``0.0.0.0``. What that
table leaves out is inferred, and each step records it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.keys import (
    CCS,
    HOSTNAMEPORT,
    IPPORT,
    SCOPEDCCS,
    SNI_WILDCARD_SINCE,
    Key,
    parse_address,
    parse_host,
)
from sslbind.release import Release
from sslbind.tags import REJECT

Outcome = Literal["certificate", "dropped", "broken", "no-match", "not-listening", "unknown"]

ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104  # the keys of wildcard records
_MAPPED = "::ffff:"


if TYPE_CHECKING:  # a protocol takes longer to make than a record to find

    class Bindings(Protocol):
        """Where records are looked up: a dict, or a registry's ``Bindings``."""

        def get(self, key: Key, /) -> Binding | None:
            """Return the record of ``key``, or None."""

    class Certificates(Protocol):
        """The certificate stores, as far as ``resolve`` needs them."""

        def has(self, thumbprint: str, store: str) -> bool:
            """Whether the store has the certificate with its private key, or needs no key."""

    class Central(Protocol):
        """The central store of a provider that is enabled."""

        def __contains__(self, stem: object, /) -> bool:
            """Whether there is a file ``<stem>.pfx``; ``stem`` comes from the network."""

        def opens(self, stem: str) -> bool:
            """Whether that file opens and has a certificate with its private key."""

    class Doubt(Protocol):
        """What is not known of a server, because a document or a folder could not be read."""

        def may_have(self, key: Key, /) -> bool:
            """Whether there may be a record of ``key`` although none was read."""

        def files_unknown(self) -> bool:
            """Whether it is not known which files the central store has, or if it is enabled."""


class State(NamedTuple):
    """A server, as HTTP.SYS sees it.

    ``central`` is None if the provider is not enabled, ``certificates``
    where certificate stores are not modelled, ``doubt`` where everything is known.
    """

    release: Release
    bindings: Bindings
    iplisten: tuple[str, ...] = ()
    central: Central | None = None
    certificates: Certificates | None = None
    doubt: Doubt | None = None


class LookupStep(NamedTuple):
    """One lookup of a record: in which step, for which key, and whether it was found.

    ``stem`` is the file of the central store that serves the name, ``stems``
    those that would; both empty for records that name their certificate.
    """

    name: str
    key: Key
    hit: bool
    documented: bool
    stems: tuple[str, ...] = ()
    stem: str = ""

    @property
    def tried(self) -> str:
        """What was looked for, in words: ``ccs=443 with www.contoso.com.pfx``."""
        files = " or ".join(f"{stem}.pfx" for stem in self.stems)
        return self.key.spec + (f" with {files}" if files else "")


class Answer(NamedTuple):
    """What happens to a connection.

    ``address`` and ``name`` are what was looked up: canonical, ``name`` is
    None if the client sends none, and empty if no record can have what it sends.
    ``binding`` is the record that was picked, also where it serves nothing.
    ``steps`` are those tried, ``passed_over`` the keys of later records that
    fit as well. ``undecided`` are the keys that an ``unknown`` answer hangs on, as
    what there is of them is not known; ``otherwise`` is then what the outcome is if
    none of them answers.
    """

    outcome: Outcome
    address: str
    port: int
    name: str | None
    binding: Binding | None = None
    steps: tuple[LookupStep, ...] = ()
    passed_over: tuple[Key, ...] = ()
    undecided: tuple[Key, ...] = ()
    otherwise: Outcome | None = None

    @property
    def step(self) -> LookupStep | None:
        """The step that found the record, None if no step did."""
        return self.steps[-1] if self.binding is not None else None

    @property
    def documented(self) -> bool:
        """Whether it is documented by Microsoft or implemented elsewhere, not inferred."""
        if self.outcome in ("broken", "unknown"):
            return False
        return self.step is None or self.step.documented


def resolve(state: State, address: str, port: int, name: str | None = None) -> Answer:
    """Return what answers a connection to ``address`` and ``port`` that sends ``name``.

    ``address`` is an IPv4 or IPv6 address, canonical or not; one that is mapped
    into IPv6 counts as IPv4 (inferred). ``name`` is the server name of the
    ClientHello in any spelling; None, empty or an address (RFC 6066, section 3)
    mean that none is sent. Raises BadValueError if ``address`` is not an address.
    """
    address = parse_address(address)
    address = mapped_ipv4(address) or address
    host = server_name(name)
    if not listens(state.iplisten, address):
        return Answer("not-listening", address, port, host)
    steps: list[LookupStep] = []
    found: Binding | None = None
    later: list[Key] = []
    undecided: list[Key] = []
    for step, key, documented, stems in _places(state.release, address, port, host):
        record, stem = _look(state, key, stems)
        if found is None:
            steps.append(LookupStep(step, key, record is not None, documented, stems, stem))
            found = record
            undecided += [key] if record is None and _may_answer(state, key, stems) else []
        elif record is not None:
            later.append(key)
    outcome: Outcome = "no-match" if found is None else _outcome(state, found, steps[-1].stem)
    if found is not None and outcome == "unknown":
        undecided.append(found.key)
    answer = Answer(outcome, address, port, host, found, tuple(steps), tuple(later))
    if not undecided:
        return answer
    return answer._replace(outcome="unknown", undecided=tuple(undecided), otherwise=outcome)


def address_records(state: State, address: str, port: int) -> tuple[Key, ...]:
    """Return the records of addresses that a connection to ``address`` may reach, in their order.

    Addresses on which HTTP.SYS listens are answered alike, whatever name is sent, where
    these are the same: all other records are looked for by port and name.
    """
    places = _places(state.release, address, port, None)
    keys = (key for _, key, _, _ in places if key.kind is IPPORT)
    return tuple(key for key in keys if state.bindings.get(key) is not None)


def unused(state: State, answer: Answer) -> tuple[Key, ...]:
    """Return the records that fit the connection of ``answer`` and that the release never uses."""
    if answer.outcome == "not-listening":
        return ()
    places = _places(max(Release), answer.address, answer.port, answer.name)
    return tuple(
        key
        for _, key, _, stems in places
        if used_since(key) > state.release and _look(state, key, stems)[0] is not None
    )


def used_since(key: Key) -> Release:
    """Return the first release that looks for a record with this key."""
    if key.kind is HOSTNAMEPORT and key.wildcard:
        return SNI_WILDCARD_SINCE
    return key.kind.since


def server_name(text: str | None) -> str | None:
    """Return the server name that is looked up: canonical, None if none is sent.

    It is empty if no record can have such a name, as with ``a/b`` or
    ``*.contoso.com``: names from the network never raise an error.
    """
    if not text:
        return None
    try:
        host = parse_host(text)
    except BadValueError:
        try:
            parse_address(text.removesuffix(".").removeprefix("[").removesuffix("]"))
        except BadValueError:
            return ""
        return None
    return "" if host.startswith("*") else host


def mapped_ipv4(address: str) -> str | None:
    """Return the IPv4 address in a canonical mapped one (::ffff:10.0.0.5), else None."""
    if address.startswith(_MAPPED) and "." in address:
        return address[len(_MAPPED) :]
    return None


def listens(iplisten: tuple[str, ...], address: str) -> bool:
    """Whether HTTP.SYS listens on ``address`` with this IP listen list; empty means all.

    An IPv4 address that is mapped into IPv6 in the list counts as itself (inferred).
    """
    if not iplisten or address in iplisten:
        return True
    if ":" in address:
        return ANY_IPV6 in iplisten
    return ANY_IPV4 in iplisten or f"{_MAPPED}{address}" in iplisten


def central_stems(host: str) -> tuple[str, ...]:
    """Return the names of the central store's files that serve ``host``, the first that exists."""
    parent = host.partition(".")[2]
    return (host, f"_.{parent}") if parent else (host,)


def _places(
    release: Release, address: str, port: int, host: str | None
) -> Iterator[tuple[str, Key, bool, tuple[str, ...]]]:
    """Yield where a record is looked for, in order: step, key, whether documented, files."""
    ipv6 = ":" in address
    if address not in (ANY_IPV4, ANY_IPV6):
        yield "ipport", Key(IPPORT, address, port), True, ()
    if release >= HOSTNAMEPORT.since:
        stems = central_stems(host) if host else ()
        if host:
            yield from _named_places(release, port, host, stems)
        # It is inferred that a connection without a name gets here.
        yield "ccs", Key(CCS, "", port), host is not None, stems
    if ipv6:
        yield "ipv6-wildcard", Key(IPPORT, ANY_IPV6, port), True, ()
    yield "ipv4-wildcard", Key(IPPORT, ANY_IPV4, port), True, ()


def _named_places(
    release: Release, port: int, host: str, stems: tuple[str, ...]
) -> Iterator[tuple[str, Key, bool, tuple[str, ...]]]:
    yield "hostnameport", Key(HOSTNAMEPORT, host, port), True, ()
    parent = host.partition(".")[2]
    wildcard = f"*.{parent}"
    if parent and release >= SNI_WILDCARD_SINCE:
        yield "wildcard-hostnameport", Key(HOSTNAMEPORT, wildcard, port), False, ()
    if release >= SCOPEDCCS.since:
        yield "scopedccs", Key(SCOPEDCCS, host, port), False, stems
        if parent:
            yield "scopedccs", Key(SCOPEDCCS, wildcard, port), False, stems


def _look(state: State, key: Key, stems: tuple[str, ...]) -> tuple[Binding | None, str]:
    """Return the record of ``key`` if it serves, and the first of its files that is there."""
    record = state.bindings.get(key)
    if record is None or key.kind.certificate:
        return record, ""
    central = state.central
    stem = next((stem for stem in stems if central is not None and stem in central), "")
    return record if stem else None, stem


def _may_answer(state: State, key: Key, stems: tuple[str, ...]) -> bool:
    """Whether a record of ``key`` that was not found, or its file, may be there all the same."""
    doubt = state.doubt
    if doubt is None or not (key.kind.certificate or stems):
        return False
    if state.bindings.get(key) is not None:
        return doubt.files_unknown()
    return doubt.may_have(key)


def _outcome(state: State, record: Binding, stem: str) -> Outcome:
    if REJECT.since <= state.release:
        if REJECT.name in record.unknown:
            return "unknown"
        if record[REJECT.name]:
            return "dropped"
    if "certhash" in record.unknown:
        return "certificate"
    if stem:
        usable = state.central is not None and state.central.opens(stem)
    else:
        usable = state.certificates is None or (
            state.certificates.has(record.certhash or "", record.store or "")
        )
    return "certificate" if usable else "broken"
