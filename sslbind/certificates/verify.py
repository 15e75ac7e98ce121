"""What is wrong with a certificate and its key, apart from where they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sslbind.certificates.names import covers
from sslbind.printable import printable

if TYPE_CHECKING:
    from sslbind.certificates.identity import Certificate, Identity

SERVER_USES = frozenset(("serverAuth", "anyExtendedKeyUsage"))
"""The extended key usages of which a server needs one."""
WEAK_HASHES = frozenset(("md5", "sha1"))
MIN_BITS = 2048
"""What clients ask of an RSA key, and of a DSA one."""


class Problem(NamedTuple):
    """One thing that is wrong: a short ``id`` for scripts, a sentence, and how it is mended."""

    id: str
    message: str
    advice: str = ""


class Dated(Protocol):
    """What time and a host name are held against: a ``Certificate``, or what is left of one."""

    @property
    def subject(self) -> str:
        """Who it is for."""

    @property
    def not_before(self) -> datetime:
        """The first moment of its validity."""

    @property
    def not_after(self) -> datetime:
        """The last moment of its validity."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a client may ask for."""


def problems(
    identity: Identity,
    others: Sequence[Certificate],
    now: datetime,
    names: Sequence[str] = (),
) -> tuple[Problem, ...]:
    """Return everything that is wrong with ``identity`` at ``now``, in a fixed order.

    ``others`` are the certificates that may complete its chain, those of the
    stores; ``names`` are the hosts it has to answer for. A missing key is not a
    problem here: it may be kept elsewhere. The ids are ``key-mismatch``,
    ``chain-incomplete``, ``not-yet-valid``, ``expired``, ``name-mismatch``,
    ``no-names``, ``no-server-auth``, ``weak-key`` and ``weak-signature``.
    """
    return (
        *_key(identity),
        *_chain(identity, others),
        *_dates(identity.leaf, identity.chain, now),
        *_names(identity.leaf, names),
        *_usage(identity.leaf),
        *_strength(identity),
    )


def lasting_problems(identity: Identity, others: Sequence[Certificate]) -> tuple[Problem, ...]:
    """Return those of ``problems`` that neither time nor the host that is asked for changes."""
    return (
        *_key(identity),
        *_chain(identity, others),
        *_usage(identity.leaf),
        *_strength(identity),
    )


def passing_problems(
    leaf: Dated, chain: Sequence[Dated], now: datetime, names: Sequence[str] = ()
) -> tuple[Problem, ...]:
    """Return the other ones of ``problems``: dates and names; it loads no cryptography."""
    return (*_dates(leaf, chain, now), *_names(leaf, names))


def _key(identity: Identity) -> Iterator[Problem]:
    if identity.key is not None and identity.key.spki != identity.leaf.spki:
        yield Problem(
            "key-mismatch",
            "the private key belongs to another certificate",
            "add the certificate again with its own key",
        )


def _chain(identity: Identity, others: Sequence[Certificate]) -> Iterator[Problem]:
    """Ask for the issuer of the end certificate only.

    Above it the next missing one is most often a root, which clients bring
    along and servers do not send (RFC 8446, section 4.4.2).
    """
    from sslbind.certificates.parsing import issued_by

    leaf = identity.leaf
    if any(issued_by(leaf, one) for one in (leaf, *identity.chain, *others)):
        return
    yield Problem(
        "chain-incomplete",
        f"the issuer {printable(leaf.issuer)} is neither in the chain nor in a store",
        "add the certificate again together with its chain",
    )


def _dates(leaf: Dated, chain: Sequence[Dated], now: datetime) -> Iterator[Problem]:
    for one in (leaf, *chain):
        what = "the certificate" if one is leaf else f"{printable(one.subject)} in the chain"
        if now < one.not_before:
            yield Problem("not-yet-valid", f"{what} is valid only from {_text(one.not_before)} on")
        if now > one.not_after:
            yield Problem("expired", f"{what} expired on {_text(one.not_after)}", "renew it")


def _names(leaf: Dated, names: Sequence[str]) -> Iterator[Problem]:
    if not leaf.names:
        yield Problem(
            "no-names",
            "the certificate has no subject alternative name, and clients ignore the common name",
            "request it again with its host names",
        )
        return
    for name in names:
        if not covers(leaf.names, name):
            held = printable(", ".join(leaf.names[:10])) + (", …" if len(leaf.names) > 10 else "")
            yield Problem("name-mismatch", f"{printable(name)} is not among its names: {held}")


def _usage(leaf: Certificate) -> Iterator[Problem]:
    if leaf.eku is not None and SERVER_USES.isdisjoint(leaf.eku):
        yield Problem(
            "no-server-auth",
            f"its extended key usage is {', '.join(leaf.eku) or 'empty'}, without serverAuth",
            "request it again for servers",
        )


def _strength(identity: Identity) -> Iterator[Problem]:
    from sslbind.certificates.parsing import issued_by

    for one in (identity.leaf, *identity.chain):
        of = "" if one is identity.leaf else f" of {printable(one.subject)} in the chain"
        if one.key_type.startswith(("RSA", "DSA")) and one.key_bits < MIN_BITS:
            weak = f"the key{of} is {one.key_type}: clients ask for {MIN_BITS} bits"
            yield Problem("weak-key", weak)
        # What a root says of itself is not checked by anyone; see RFC 5280, section 6.1.
        if one.signature_hash not in WEAK_HASHES:
            continue
        if one is identity.leaf or not issued_by(one, one):
            yield Problem("weak-signature", f"the signature{of} is made with {one.signature_hash}")


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
