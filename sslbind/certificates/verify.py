"""What is wrong with a certificate that was opened: the judgement, and whether its key matches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sslbind.certificates.chains import Chain, chain_above
from sslbind.certificates.judgement import Problem, judge

if TYPE_CHECKING:
    from sslbind.certificates.identity import Certificate, Identity


def problems(
    identity: Identity,
    others: Sequence[Certificate],
    now: datetime,
    names: Sequence[str] = (),
) -> tuple[Problem, ...]:
    """Return everything that is wrong with ``identity`` at ``now``, in a fixed order.

    ``others`` are the certificates that may complete its chain, those of the
    stores; ``names`` are the hosts that it must cover. A missing key is not a
    problem here: it may be kept elsewhere. The ids are those of ``judge``, and
    ``key-mismatch``.
    """
    chain = signed_chain(identity, others)
    found = judge(chain.leaf, chain.above, now, names)
    if identity.key is None or identity.key.spki == identity.leaf.spki:
        return found
    what = "the private key belongs to another certificate"
    return (Problem("key-mismatch", what, "add the certificate again with its own key"), *found)


def signed_chain(identity: Identity, others: Sequence[Certificate]) -> Chain:
    """Return what signed ``identity``, of its own chain and of ``others``, by the signatures."""
    from sslbind.certificates.parsing import issued_by

    return chain_above(identity.leaf, (*identity.chain, *others), issued_by)
