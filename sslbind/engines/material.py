"""The files for a server: certificates with their keys, and the CAs of clients.

Files are named after a hash of their content, so that no name comes from the data and an
existing file never changes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslbind.answers.report import refuse_too_new
from sslbind.certificates.chains import encode_chain
from sslbind.certificates.judgement import WEAK_HASHES
from sslbind.digest import content_digest
from sslbind.errors import CertificateError, SslbindError

if TYPE_CHECKING:
    from sslbind.certificates.identity import Certificate, Identity
    from sslbind.session import Session

CERTIFICATES, CLIENTS = "certificates", "clients"
"""The folders of certificates with their keys, and of the accepted CAs of clients."""

_MIN_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}


class Pem(NamedTuple):
    """A file with a certificate, its chain and its key, and the algorithm of that key."""

    file: str
    algorithm: str


class Clients(NamedTuple):
    """Which client certificates are requested.

    ``file`` has their issuers; ``named``: the issuers are sent to clients. ``verified``:
    client certificates must be from these issuers, which also needs the certificates in
    ``above`` up to the roots, if there are any.
    """

    file: str
    named: bool = False
    verified: bool = False
    above: str = ""


class Material:
    """What the listeners of one registry serve; each certificate is opened once.

    ``files`` are the contents by their path in the server's folder, ``losses``
    sentences about certificates that cannot be served although HTTP.SYS would.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.files: dict[str, bytes] = {}
        self.losses: dict[str, None] = {}
        self._stored: dict[tuple[str, str], Pem | None] = {}
        self._central: dict[str, Identity | None] = {}
        self._clients: dict[str, Clients | None] = {}

    def stored(self, thumbprint: str, store: str) -> Pem | None:
        """Return the file of a certificate in a store, None if it cannot be served."""
        place = thumbprint, store.casefold()
        if place not in self._stored:
            identity = self._load_stored(thumbprint, store)
            self._stored[place] = None if identity is None else self._pem(identity)
        return self._stored[place]

    def central(self, stem: str) -> Pem | None:
        """Return the file of a certificate in the central store, None if it does not open."""
        identity = self._load_central(stem)
        return None if identity is None else self._pem(identity)

    def __contains__(self, stem: object) -> bool:
        return self._session.central is not None and stem in self._session.central

    def opens(self, stem: str) -> bool:
        """Whether the file of the central store opens and has its private key."""
        return self._load_central(stem) is not None

    def clients(self, store: str) -> Clients | None:
        """Return the client certificates to request for a store, None if it has no certificates."""
        if store not in self._clients:
            found = self._authorities(store)
            ways = [self._above(one) for one in found]
            verified = None not in ways
            above = {one.sha256: one for way in ways for one in way or () if one not in found}
            file = self._public(found)
            self._clients[store] = (
                Clients(file, True, verified, self._public([*above.values()]) if verified else "")
                if file
                else None
            )
        return self._clients[store]

    def _above(self, certificate: Certificate) -> tuple[Certificate, ...] | None:
        """Return the chain from a certificate to a root, None if it is not known."""
        if certificate.self_signed:
            return ()
        from sslbind.certificates.identity import Identity

        chain = self._completed(Identity(certificate)).chain
        return chain if chain and chain[-1].self_signed else None

    def _authorities(self, store: str) -> list[Certificate]:
        """Return the certificates of a store."""
        stores = self._session.stores
        found: dict[str, Certificate] = {}
        try:
            entries = stores.entries(store) if stores else ()
        except CertificateError:  # a name that no store can have
            entries = ()
        for entry in entries:
            if stores and entry.thumbprint:
                held = stores.certificates(entry.file)
                found.update(
                    (one.thumbprint, one) for one in held if one.thumbprint == entry.thumbprint
                )
        return [*found.values()]

    def itself(self, pem: Pem) -> str:
        """Return a file with the certificate of ``pem`` alone, without its key."""
        from sslbind.certificates.pem import armour, first_certificate

        leaf = first_certificate(self.files[pem.file])
        assert leaf is not None  # noqa: S101  # it was written by us
        return self._named(CLIENTS, "", armour("CERTIFICATE", leaf))

    def _load_stored(self, thumbprint: str, store: str) -> Identity | None:
        stores = self._session.stores
        if stores is None:
            self.losses["certificates are not modelled: names that need one are refused"] = None
            return None
        try:
            identity = stores.load(stores.require(thumbprint, store), check_keys=False)
        except SslbindError:  # HTTP.SYS has nothing to serve then either
            return None
        if identity.key is None:
            self.losses[
                f"the private key of {thumbprint} is elsewhere: its handshakes are refused"
            ] = None
        elif identity.key.spki == identity.leaf.spki:
            return self._completed(identity)
        return None

    def _completed(self, identity: Identity) -> Identity:
        """Return ``identity`` with the issuers from the stores, as Windows completes it."""
        stores = self._session.stores
        itself = identity.leaf.subject == identity.leaf.issuer
        others = () if stores is None or identity.chain or itself else stores.issuers(identity)
        if not others:
            return identity
        from sslbind.certificates.identity import Identity
        from sslbind.certificates.parsing import chains

        thumbprint = identity.leaf.thumbprint
        found = chains((identity.leaf, *others))
        chain = next((one.chain for one in found if one.leaf.thumbprint == thumbprint), ())
        return Identity(identity.leaf, chain, identity.key)

    def _load_central(self, stem: str) -> Identity | None:
        if stem not in self._central:
            central, identity = self._session.central, None
            try:
                file = central.file(stem) if central is not None else None
                if central is not None and file is not None:  # as resolve does
                    refuse_too_new(os.path.join(central.folder, file), self._session.release)
                    identity = central.load(stem)
            except SslbindError:
                identity = None
            self._central[stem] = identity if identity and identity.key else None
        return self._central[stem]

    def _pem(self, identity: Identity) -> Pem | None:
        from sslbind.certificates.parsing import encode_key

        leaf = identity.leaf
        weak = next(filter(None, map(_weakness, (leaf, *identity.chain))), "")
        if weak:
            self.losses[
                f"{leaf.thumbprint} cannot be loaded {weak}: its handshakes are refused"
            ] = None
            return None
        assert identity.key is not None  # noqa: S101  # those without one were sorted out
        data = encode_chain(identity) + encode_key(identity.key)
        name = self._named(CERTIFICATES, f"{leaf.thumbprint}-", data)
        return Pem(name, leaf.key_type.partition(" ")[0])

    def _public(self, certificates: Sequence[Certificate]) -> str:
        from sslbind.certificates.pem import armour

        data = b"".join(armour("CERTIFICATE", one.der) for one in certificates)
        return self._named(CLIENTS, "", data) if data else ""

    def _named(self, folder: str, start: str, data: bytes) -> str:
        name = f"{folder}/{start}{content_digest(data)[:16]}.pem"
        self.files[name] = data
        return name


def _weakness(certificate: Certificate) -> str:
    """Return why OpenSSL refuses a certificate at its security level 2, empty if it does not.

    That is what Debian and others set. The level requires 112 bits of security
    (SSL_CTX_set_security_level(3)); a self-signed certificate is trusted whatever the hash.
    """
    algorithm = certificate.key_type.partition(" ")[0]
    if certificate.key_bits < _MIN_BITS.get(algorithm, 0):
        return f"because a key of {certificate.key_bits} bits is too small for OpenSSL"
    itself = certificate.subject == certificate.issuer
    itself = itself and certificate.issuer_key_id in (b"", certificate.key_id)
    if certificate.signature_hash in WEAK_HASHES and not itself:
        return f"because a {certificate.signature_hash} signature is too weak for OpenSSL"
    return ""
