"""Why a connection is answered as it is: the sentences that explain an answer.

Each says whether it is in Microsoft's documentation or other people's code (documented), or
follows from them (inferred).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sslbind.errors import CertificateError
from sslbind.keys import CCS, HOSTNAMEPORT, SCOPEDCCS, SNI_WILDCARD_SINCE, Key
from sslbind.release import Release
from sslbind.resolver import used_since
from sslbind.tags import CLIENT_CERTIFICATE, CTL_IDENTIFIER, CTL_STORE, REJECT
from sslbind.tls_versions import VERSIONS, versions_left

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.resolver import Answer, LookupStep
    from sslbind.session import Session

DOCUMENTED, INFERRED = "documented", "inferred"
_SHOWN = 20  # names of CAs; a store of roots has hundreds

_STEPS = {
    "ipport": "the exact address has precedence",
    "hostnameport": "the client sends the name, and no record has the exact address",
    "wildcard-hostnameport": "the wildcard covers the name that the client sends, and no record"
    " has the name itself or the exact address",
    "scopedccs": "the scope covers the name that the client sends, and no earlier binding matches",
    "ccs": "the central store has a file for the name that the client sends, and no earlier binding"
    " matches",
    "ipv6-wildcard": "[::] answers the IPv6 connections that no earlier binding matches",
    "ipv4-wildcard": "0.0.0.0 answers the connections that no earlier binding matches",
}


class Reason(NamedTuple):
    """One line of an explanation: its topic, and what is true."""

    topic: str
    text: str


def mark(documented: bool) -> str:
    """Return the word for where a statement comes from."""
    return DOCUMENTED if documented else INFERRED


def because(answer: Answer, iplisten: tuple[str, ...]) -> str:
    """Return in one clause why the answer is what it is."""
    if answer.outcome == "not-listening":
        return f"{answer.address} is not in the IP listen list: {', '.join(iplisten)}"
    if "dropped" in (answer.outcome, answer.otherwise):
        return f"the record has {REJECT.name}={REJECT.text(value=True)}"
    if "broken" in (answer.outcome, answer.otherwise):
        return "the record is picked but the handshake fails; no later record is tried"
    if answer.step is None:
        return "no binding matches, and the connection is reset (TCP RST)"
    if answer.step.name == "ipv4-wildcard" and ":" in answer.address:
        return f"{_STEPS['ipv4-wildcard']}, IPv6 as well"
    file = f": {answer.step.stem}.pfx" if answer.step.stem else ""
    return _STEPS[answer.step.name] + file


def never_used(key: Key, release: Release) -> str:
    """Return the sentence on the release that introduced records such as ``key``."""
    return (
        f"{key.spec} is never used: {release.title} is modelled, and such records"
        f" exist from {used_since(key).title} on"
    )


def explain(session: Session, answer: Answer, address: str, name: str | None) -> list[Reason]:
    """Return how the answer was reached; ``address`` and ``name`` are the question as written."""
    record = answer.binding
    reasons = [Reason("release", _release(session.release, session.release_words))]
    reasons += [Reason(*one) for one in _normalised(answer, address, name)]
    reasons.append(Reason("IP listen list", _listening(session, answer)))
    reasons += [Reason(f"step {n}", _step(answer, one)) for n, one in enumerate(answer.steps, 1)]
    if any(one.key.kind in (CCS, SCOPEDCCS) for one in answer.steps):
        reasons.append(Reason("central store", _provider(session)))
    if record is not None and answer.outcome == "certificate":
        reasons += [Reason(*one) for one in _handshake(session, record)]
    return reasons


def _handshake(session: Session, record: Binding) -> Iterator[tuple[str, str]]:
    """Yield what the handshake has besides the certificate, up to the point it reaches."""
    left = versions_left(record, session.release)
    if left:
        yield "client certificate", _client_certificate(session, record)
    yield "TLS versions", _versions(left, session.release)
    if left:
        later = "the Host header does, after TLS"
        yield "site", f"the certificate does not select the site: {later} ({DOCUMENTED})"


def _release(release: Release, words: str) -> str:
    if release < HOSTNAMEPORT.since:
        return f"{words} has IP records only ({DOCUMENTED})"
    lacks = []
    if release < SNI_WILDCARD_SINCE:
        lacks.append(f"wildcard names, which exist from {SNI_WILDCARD_SINCE.title} on")
    if release < SCOPEDCCS.since:
        lacks.append(f"scopedccs, which exists from {SCOPEDCCS.since.title} on")
    return words + (f", without {' and '.join(lacks)}" if lacks else "")


def _normalised(answer: Answer, address: str, name: str | None) -> Iterator[tuple[str, str]]:
    """Yield what was looked up in a different form than it was asked."""
    bare = address.removeprefix("[").removesuffix("]")
    if ":" in bare and ":" not in answer.address:
        yield "address", f"{address} is treated as {answer.address} ({INFERRED})"
    elif bare != answer.address:
        yield "address", f"{address} is {answer.address}"
    if not name:
        yield "name", "the client sends no server name"
    elif answer.name is None:
        yield "name", f"{name} is an address, not a server name (RFC 6066, section 3)"
    elif not answer.name:
        yield "name", f"{name:.100} is not a name that a binding can have"
    elif answer.name != name:
        changes = []
        if name.endswith("."):
            changes.append("without the trailing dot")
        if not answer.name.isascii() and "xn--" in name.lower():
            changes.append("in its Unicode form")
        if name.lower() != name:
            changes.append("names ignore case")
        why = f": {', '.join(changes)}" if changes else ""
        yield "name", f"{name} is looked up as {answer.name}{why}"


def _listening(session: Session, answer: Answer) -> str:
    listed = session.registry.iplisten
    if not listed:
        return "empty: HTTP.SYS listens on every address"
    found = "is not" if answer.outcome == "not-listening" else "is"
    return f"{', '.join(listed)}: {answer.address} {found} in it ({DOCUMENTED})"


def _step(answer: Answer, step: LookupStep) -> str:
    if step.hit:
        certain = answer.outcome == "certificate"
        found = "answers" if certain else "not known" if answer.undecided else "picked"
    else:
        found = "not known" if step.key in answer.undecided else "no"
    return f"{step.tried}: {found} ({mark(step.documented)})"


def _provider(session: Session) -> str:
    settings = session.registry.settings.central_store
    if session.central is None and session.files_unknown():
        return "it is not known whether the provider is enabled and which files it has"
    if session.central is not None and settings is not None:
        why = session.central.unreadable
        return f"the provider is enabled, its files are in {settings.location}" + (
            f", which cannot be read: {why}; its files are unknown" if why else ""
        )
    return "the provider is not enabled, and no file is searched for"


def _client_certificate(session: Session, record: Binding) -> str:
    if not record[CLIENT_CERTIFICATE.name]:
        return "the handshake does not ask for one"
    store, identifier = record[CTL_STORE.name], record[CTL_IDENTIFIER.name]
    asks = "the handshake asks for one, and"
    # Microsoft Learn, "Overview of TLS - SSL (Schannel SSP)": trusted issuers.
    if session.release < Release.W2012:
        if store or identifier:
            listed = identifier or store
            return f"{asks} names the CAs of the trust list {listed} ({INFERRED})"
        return f"{asks} names every trusted root ({DOCUMENTED})"
    if not store:
        return f"{asks} names no CAs ({DOCUMENTED}: from {Release.W2012.title} on none by default)"
    return f"{asks} names the CAs in the store {store} ({DOCUMENTED}){_subjects(session, store)}"


def _subjects(session: Session, store: object) -> str:
    if session.stores is None:
        return ", which is not modelled"
    try:
        entries = session.stores.entries(str(store))
    except CertificateError:
        entries = ()
    subjects = sorted({entry.certificate.subject for entry in entries if entry.certificate})
    if not subjects:
        return ", which holds no certificate"
    more = len(subjects) - _SHOWN
    return f": {'; '.join(subjects[:_SHOWN])}" + (f"; and {more} more" if more > 0 else "")


def _versions(left: tuple[str, ...], release: Release) -> str:
    if not left:
        return "none is left: the handshake fails"
    missing = [version for version, since in VERSIONS.items() if since <= release]
    removed = [version for version in missing if version not in left]
    return ", ".join(left) + (f"; the record turns off {', '.join(removed)}" if removed else "")
