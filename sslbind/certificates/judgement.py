"""The one judgement of a certificate: what is wrong with it and its chain at a given time.

Pure: facts in, problems out. Rules, ``store verify`` and the client's verdict of
``resolve`` each put the same problems into their own words.

A chain is judged as a path, not as a set: a client that finds one valid path
from the certificate to a root is satisfied, whatever else a file holds (RFC
5280, section 6.1). On that path the dates of every certificate count, including a root's,
as in Schannel and OpenSSL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from sslbind.certificates.facts import CertificateFacts
from sslbind.certificates.names import covers
from sslbind.printable import printable
from sslbind.wording import minute

SERVER_USES = frozenset(("serverAuth", "anyExtendedKeyUsage"))
"""The extended key usages of which a server needs one."""
WEAK_HASHES = frozenset(("md5", "sha1"))
MIN_BITS = 2048
"""The minimum that clients require for an RSA or DSA key."""
REFUSED_BITS = 1024
"""Every Windows refuses RSA keys with fewer bits: KB2661254, Microsoft Learn."""
NEW_KEY = "request it again with a P-256 or an RSA 2048 key"
_OFFERED = frozenset(("P-256", "P-384"))
"""The curves of certificates that Windows enables: Microsoft Learn, "TLS Elliptic Curves"."""
_NO_STAPLE = "request it again without Must-Staple"
_NAMES = 5  # how many names of a certificate a message has

Above = Callable[[CertificateFacts], Sequence[CertificateFacts]]
"""Returns the certificates known to have signed one; a root is among its own."""


class Problem(NamedTuple):
    """One thing that is wrong: a short ``id`` for scripts, a sentence, and how to fix it.

    ``what`` is the sentence without its subject, which is the certificate, or ``issuer`` if
    that is the one with the problem.
    """

    id: str
    message: str
    advice: str = ""
    what: str = ""
    issuer: CertificateFacts | None = None


def judge(
    leaf: CertificateFacts,
    above: Above,
    now: datetime,
    names: Sequence[str] | None = None,
    way: Sequence[CertificateFacts] = (),
) -> tuple[Problem, ...]:
    """Return everything that is wrong with ``leaf`` at ``now``, in a fixed order.

    ``names`` are the hosts that it must cover; None skips names. ``way`` is what ``path``
    returned, if it was called. The
    ids are ``chain-incomplete``, ``not-yet-valid``, ``expired``,
    ``name-mismatch``, ``no-names``, ``no-server-auth``, ``key-usage``,
    ``key-type``, ``weak-key`` and ``weak-signature``.
    """
    way = way or path(leaf, above, now)
    found = [] if above(leaf) else [_incomplete(leaf)]
    for one in way:
        if not valid_at(one, now):
            found += _dates(one, leaf, now)
    if names is not None:
        found += name_problems(leaf, names)
    found += _usage(leaf)
    found += key_problems(leaf)
    for one in way:
        found += _strength(one, leaf, above)
    return tuple(found)


def path(leaf: CertificateFacts, above: Above, now: datetime) -> tuple[CertificateFacts, ...]:
    """Return the best path from ``leaf`` to a root, or to the last certificate that is known.

    It has the fewest problems at ``now``, and of those it is valid longest. Above the last
    known certificate the next one is usually a root, which clients have and servers do not
    send (RFC 8446, section 4.4.2).
    """
    if all(one.sha256 == leaf.sha256 for one in above(leaf)):
        return (leaf,)
    number = count()  # so that equal paths are not compared any further
    ways: list[tuple[int, float, int, tuple[CertificateFacts, ...]]] = []
    heappush(ways, (0, -leaf.not_after.timestamp(), next(number), (leaf,)))
    seen: set[str] = set()
    way: tuple[CertificateFacts, ...] = (leaf,)
    while ways:
        wrong, end, _, way = heappop(ways)
        last = way[-1]
        if last.sha256 in seen:
            continue
        seen.add(last.sha256)
        signers = above(last)
        issuers = [one for one in signers if one.sha256 != last.sha256]
        if not issuers or len(issuers) < len(signers):
            return way
        for one in issuers:
            more = sum(1 for _ in (*_dates(one, leaf, now), *_strength(one, leaf, above)))
            sooner = max(end, -one.not_after.timestamp())
            heappush(ways, (wrong + more, sooner, next(number), (*way, one)))
    return way  # CAs that signed each other and nothing above them


def lasts_until(way: Sequence[CertificateFacts]) -> datetime:
    """Return the last moment at which every certificate of a path is valid."""
    return min(one.not_after for one in way)


def valid_at(one: CertificateFacts, now: datetime) -> bool:
    """Whether ``now`` is within the validity of a certificate, apart from its chain."""
    return one.not_before <= now <= one.not_after


def name_problems(leaf: CertificateFacts, names: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with the names of ``leaf`` for the hosts ``names``."""
    if not leaf.names:
        yield _problem(
            "no-names",
            leaf,
            leaf,
            "has no subject alternative name, and clients ignore the common name",
            "request it again with its host names",
        )
        return
    for name in names:
        if not covered(leaf, name):
            held = printable(", ".join(leaf.names[:_NAMES]))
            more = ", …" if len(leaf.names) > _NAMES else ""
            what = f"does not cover {printable(name)}: its names are {held}{more}"
            yield _problem("name-mismatch", leaf, leaf, what)


def covered(leaf: CertificateFacts, host: str) -> bool:
    """Whether a host is among the names of a certificate; most are there literally."""
    names, parent = leaf.names, host.partition(".")[2]
    there = host in names or ("." in parent and f"*.{parent}" in names)
    return there or covers(names, host)


def _incomplete(leaf: CertificateFacts) -> Problem:
    """Return the problem of a certificate without its issuer, the one that ``path`` requires."""
    return _problem(
        "chain-incomplete",
        leaf,
        leaf,
        f"is issued by {printable(leaf.issuer)}, which is neither in its file nor in a store",
        "add the certificate again together with its chain",
    )


def _dates(one: CertificateFacts, leaf: CertificateFacts, now: datetime) -> Iterator[Problem]:
    if now < one.not_before:
        what = f"is not valid before {minute(one.not_before)}"
        yield _problem("not-yet-valid", one, leaf, what)
    if now > one.not_after:
        advice = "renew it" if one is leaf else "add the chain that its CA provides now"
        yield _problem("expired", one, leaf, f"expired on {minute(one.not_after)}", advice)


def _usage(leaf: CertificateFacts) -> Iterator[Problem]:
    if not for_servers(leaf):
        uses = ", ".join(leaf.eku or ()) or "empty"
        what = f"has the extended key usage {uses}, without serverAuth"
        yield _problem("no-server-auth", leaf, leaf, what, "request it again for servers")
    if leaf.key_usage is not None and "digitalSignature" not in leaf.key_usage:
        uses = ", ".join(leaf.key_usage) or "empty"
        what = (
            f"has the key usage {uses}, without digitalSignature: Chrome and Edge refuse it, and"
            " Schannel offers neither ECDHE nor TLS 1.3 with it"
        )
        yield _problem("key-usage", leaf, leaf, what, "request it again with digitalSignature")


def for_servers(leaf: CertificateFacts) -> bool:
    """Whether the extended key usage lets a server use the certificate."""
    return leaf.eku is None or not SERVER_USES.isdisjoint(leaf.eku)


def key_problems(leaf: CertificateFacts) -> Iterator[Problem]:
    """Yield why servers or clients cannot use the type of key that ``leaf`` has."""
    kind = leaf.key_type
    algorithm, _, curve = kind.partition(" ")
    if algorithm.startswith("RSA"):
        if 0 < leaf.key_bits < REFUSED_BITS:
            why = f"and no Windows accepts less than {REFUSED_BITS} bits"
        else:
            return
    elif algorithm == "EC":
        if curve in _OFFERED:
            return
        why = "but Windows, like browsers, only offers P-256 and P-384"
    elif algorithm == "DSA":
        why = "which TLS 1.3 and browsers do not have"
    elif algorithm in ("Ed25519", "Ed448"):
        why = "which Schannel does not use (inferred)"
    else:
        why = "which Schannel is not known to use (inferred)"
    what = f"has a key of the type {kind}, {why}"
    yield _problem("key-type", leaf, leaf, what, NEW_KEY)


def doubts(leaf: CertificateFacts) -> Iterator[str]:
    """Yield a sentence with everything wrong with ``leaf``, whatever its binding or the time.

    That covers its key, its usage and missing names; nothing if it is fine.
    """
    found = [*_usage(leaf), *key_problems(leaf), *(() if leaf.names else name_problems(leaf, ()))]
    if leaf.must_staple and not leaf.ocsp:
        found += filter(None, [staple_problem(leaf, stapled=None)])
    if found:
        what = "; it ".join(one.what for one in found)
        yield f"the certificate {leaf.thumbprint} {what}"


def staple_problem(leaf: CertificateFacts, *, stapled: bool | None) -> Problem | None:
    """Return what is wrong if ``leaf`` requires a stapled OCSP response (RFC 7633).

    ``stapled``: whether the server staples one, None if it depends on the
    machine's settings.
    """
    if not leaf.must_staple or (stapled and leaf.ocsp):
        return None
    what = "requires a stapled OCSP response (Must-Staple), "
    if not leaf.ocsp:
        what += "but has no URL to get one from"
    elif stapled is None:
        what += "but HTTP.SYS staples for such records only if EnableOcspStaplingForSni is 1"
    else:
        what += "but the record turns stapling off"
    return _problem("must-staple", leaf, leaf, f"{what}: Firefox refuses it", _NO_STAPLE)


def _strength(one: CertificateFacts, leaf: CertificateFacts, above: Above) -> Iterator[Problem]:
    if one.key_type.startswith(("RSA", "DSA")) and one.key_bits < MIN_BITS:
        refused = one is leaf and any(True for _ in key_problems(leaf))
        if not refused:
            what = f"has a weak key ({one.key_type}; clients require {MIN_BITS} bits)"
            yield _problem("weak-key", one, leaf, what)
    if one.signature_hash not in WEAK_HASHES:
        return
    # Nobody checks the signature of a root: RFC 5280, section 6.1.
    if one is leaf or one.sha256 not in {signer.sha256 for signer in above(one)}:
        what = f"has a weak signature ({one.signature_hash})"
        yield _problem("weak-signature", one, leaf, what)


def _problem(
    id_: str, one: CertificateFacts, leaf: CertificateFacts, what: str, advice: str = ""
) -> Problem:
    if one is leaf:
        return Problem(id_, f"the certificate {what}", advice, what)
    return Problem(id_, f"{printable(one.subject)} in the chain {what}", advice, what, one)
