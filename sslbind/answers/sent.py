"""The chain that Windows sends with a certificate, and whether a client accepts it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sslbind.answers.reasons import DOCUMENTED, INFERRED, Reason
from sslbind.certificates.judgement import judge
from sslbind.certificates.sending import MACHINE, Sending, sending
from sslbind.wording import day, join

if TYPE_CHECKING:
    from sslbind.answers.report import Report
    from sslbind.certificates.chains import Chain
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.certificates.stores import CertStores
    from sslbind.session import Session

_CHAIN_IDS = frozenset(("chain-incomplete", "expired", "not-yet-valid", "weak-signature"))


def chain_reasons(session: Session, found: Report, now: datetime) -> list[Reason]:
    """Return what Windows sends with the certificate of an answer; empty if it is unknown."""
    if found.chain is None or session.stores is None or not found.served:
        return []
    chain, stores = found.chain, session.stores
    central = found.answer.step is not None and bool(found.answer.step.stem)
    sent = sending(chain.leaf, lambda one: _of_machine(chain, stores, one, central=central))
    reasons = [Reason("chain", _sent(sent))]
    for taken, other in sent.rivals:
        reasons.append(
            Reason(
                "chain",
                f"of two issuers Windows picks {_issuer(taken)}, whose validity starts later, over"
                f" {_issuer(other)} ({INFERRED}, reported once)",
            )
        )
    missing = [one for one in chain.above(sent.sent[-1]) if one not in sent.sent]
    if sent.root is None and missing:
        reasons.append(
            Reason(
                "chain",
                f"{missing[0].subject} is in the certificate's file, but in neither of the stores"
                " CA and Root: Windows sends it only if the server's store CA has it"
                f" ({INFERRED})",
            )
        )
    reasons.append(Reason("client", _client(sent, now)))
    return reasons


def _of_machine(
    chain: Chain, stores: CertStores, one: CertificateFacts, *, central: bool
) -> list[CertificateFacts]:
    """Return the signers of a certificate that Windows finds: in its stores CA and Root.

    With ``central``, those in the file count too.
    """
    signers = chain.above(one)
    if central:
        return [*signers]
    there = {
        facts.sha256
        for facts, file in stores.named(one.issuer)
        if file.partition("/")[0].casefold() in MACHINE
    }
    return [signer for signer in signers if signer.sha256 in there]


def _sent(sent: Sending) -> str:
    names = join([one.subject for one in sent.sent])
    text = (
        f"Windows sends {names}, because it finds issuers in the stores CA and Root ({DOCUMENTED})"
    )
    if sent.root is not None and len(sent.sent) > 0 and sent.root != sent.sent[0]:
        text += f"; the root {sent.root.subject} is not sent ({DOCUMENTED})"
    return text


def _issuer(one: CertificateFacts) -> str:
    return f"{one.subject} (from {day(one.not_before)} to {day(one.not_after)})"


def _client(sent: Sending, now: datetime) -> str:
    """Return whether a client accepts the chain that has its root and no other certificate."""
    last = sent.sent[-1]
    who = "a client that has its root and no other certificate"
    if sent.root is None:
        return (
            f"{who} accepts the chain if its root is {last.issuer}; otherwise intermediates are"
            f" missing ({INFERRED})"
        )
    wrong = [one for one in judge(sent.sent[0], sent.above, now) if one.id in _CHAIN_IDS]
    if wrong:
        return f"{who} refuses the chain: {'; '.join(one.message for one in wrong)} ({INFERRED})"
    return f"{who} can build the chain up to {sent.root.subject} ({INFERRED})"
