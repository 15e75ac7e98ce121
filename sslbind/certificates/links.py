"""What signed the certificates that a server serves, judging by facts.

The issuer's name together with its key identifier is trusted (RFC 5280, section 4.2.1.1);
only if no identifiers agree are files opened and signatures checked. That makes a check of
thousands of certificates possible without opening one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sslbind.certificates.central import stem_of
from sslbind.errors import SslbindError

if TYPE_CHECKING:
    from sslbind.certificates.central import CentralStore
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.certificates.identity import Certificate
    from sslbind.certificates.judgement import Above
    from sslbind.certificates.stores import CertStores


class Links:
    """Looks for issuers in the certificate stores; each question is answered once."""

    def __init__(self, stores: CertStores, central: CentralStore | None) -> None:
        self._stores = stores
        self._central = central
        self._signed: dict[tuple[str, str], bool] = {}

    def above(self, entry: Entry) -> Above:
        """Return the function that finds the signers of ``entry``'s certificate and those above it.

        They come from the file of ``entry``, where scanning has checked them,
        and from the stores. An entry without a store is a file of the central
        store.
        """
        own = {one.sha256: one for one in (entry.certificate, *entry.chain) if one is not None}
        known: dict[str, list[CertificateFacts]] = {}

        def signers(one: CertificateFacts) -> list[CertificateFacts]:
            if one.sha256 in known:
                return known[one.sha256]
            found = {
                other.sha256: other
                for other in own.values()
                if other.subject == one.issuer and _may_have_signed(other, one)
            }
            for other, file in self._stores.named(one.issuer):
                if other.sha256 not in found and self._has_signed(other, file, one, entry):
                    found[other.sha256] = other
            known[one.sha256] = [*found.values()]
            return known[one.sha256]

        return signers

    def _has_signed(
        self, issuer: CertificateFacts, file: str, one: CertificateFacts, entry: Entry
    ) -> bool:
        if issuer.sha256 == one.sha256:
            return one.self_signed
        if issuer.key_id == one.issuer_key_id != b"":
            return True
        pair = one.sha256, issuer.sha256
        if pair not in self._signed:
            self._signed[pair] = self._checked(issuer, file, one, entry)
        return self._signed[pair]

    def _checked(
        self, issuer: CertificateFacts, file: str, one: CertificateFacts, entry: Entry
    ) -> bool:
        """Check the signature; True if a file has changed or disappeared since it was read."""
        from sslbind.certificates.parsing import issued_by

        below, above = self._opened(one, entry), self._stores.certificate(file, issuer.sha256)
        return below is None or above is None or issued_by(below, above)

    def _opened(self, one: CertificateFacts, entry: Entry) -> Certificate | None:
        """Return a certificate of the file of ``entry``, or else of a store."""
        if not entry.store and self._central is not None:
            with contextlib.suppress(SslbindError):
                identity = self._central.load(stem_of(entry.file) or "")
                for held in (identity.leaf, *identity.chain):
                    if held.sha256 == one.sha256:
                        return held
        elif (found := self._stores.certificate(entry.file, one.sha256)) is not None:
            return found
        for facts, file in self._stores.named(one.subject):
            if facts.sha256 == one.sha256:
                return self._stores.certificate(file, one.sha256)
        return None


def _may_have_signed(issuer: CertificateFacts, one: CertificateFacts) -> bool:
    """Whether nothing contradicts a signature within one file if the names agree."""
    if issuer.sha256 == one.sha256:
        return one.self_signed
    return not issuer.key_id or not one.issuer_key_id or issuer.key_id == one.issuer_key_id
