"""The chain that Windows sends, which is not the one in a certificate's file.

Schannel builds it from the computer's stores CA and Root and sends all but the
root (KB954755, and Microsoft Learn, "Certificate stores"); of two issuers with
one key it picked the one whose validity started last (reported once). Neither a chain in a
PEM file nor one in a PFX influences it (reported twice); that the issuers in a file of the
central store help to build it is inferred from contradictory reports.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sslbind.certificates.facts import CertificateFacts
from sslbind.certificates.judgement import Above

MACHINE = frozenset(("ca", "root", "authroot"))
"""The stores that Windows builds chains from, in lower case."""


class Sending(NamedTuple):
    """What Windows sends: the certificate and those above it, without the root.

    ``root`` ends the chain, None if no root is reached. ``rivals`` are issuers that also
    signed but were not picked, each after the one that was.
    """

    sent: tuple[CertificateFacts, ...]
    root: CertificateFacts | None
    rivals: tuple[tuple[CertificateFacts, CertificateFacts], ...]

    def above(self, one: CertificateFacts) -> tuple[CertificateFacts, ...]:
        """Return what signed ``one``, for a client that has the root and nothing else."""
        chain = (*self.sent, *((self.root,) if self.root else ()))
        if one == self.root:
            return (one,)
        places = [place for place, other in enumerate(chain) if other == one]
        return chain[places[0] + 1 : places[0] + 2] if places else ()


def sending(leaf: CertificateFacts, above: Above) -> Sending:
    """Return the chain for ``leaf``; ``above`` returns the signers that the machine has."""
    sent = [leaf]
    rivals: list[tuple[CertificateFacts, CertificateFacts]] = []
    root = leaf if leaf.self_signed else None
    while root is None:
        issuers = [one for one in above(sent[-1]) if one not in sent]
        if not issuers:
            break
        taken = taken_of(issuers)
        rivals += ((taken, one) for one in issuers if one != taken)
        if taken.self_signed:
            root = taken
        else:
            sent.append(taken)
    return Sending(tuple(sent), root, tuple(rivals))


def taken_of(issuers: Iterable[CertificateFacts]) -> CertificateFacts:
    """Return the issuer that Windows picks of several: the one that started last (reported)."""
    return max(issuers, key=lambda one: (one.not_before, one.not_after, one.sha256))
