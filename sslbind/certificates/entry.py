"""One certificate of a store, as ``list`` shows it and ``add`` relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from sslbind.certificates.facts import CertificateFacts
    from sslbind.certificates.sealed import Sealed

KeyStatus = Literal["ok", "missing", "mismatch"]


class Entry(NamedTuple):
    """A certificate in a store, or a file there that could not be opened.

    ``file``, ``key_file`` and ``also`` (more files of the store with the same
    certificate) are relative to the stores' folder, with ``/``. ``locked``: no
    password opens the file, or the key; without a thumbprint the certificate is
    unknown too. ``problem`` is a sentence if something cannot be read or does not match.
    ``certificate`` is None if it was not read, as in what ``CertStores.require`` finds by
    file name alone. ``chain`` are the certificates above it in its file, its issuer first.
    ``sealed``, ``twice`` and ``signs_only`` are those of a PFX file.
    """

    store: str
    file: str
    thumbprint: str = ""
    certificate: CertificateFacts | None = None
    chain: tuple[CertificateFacts, ...] = ()
    key_status: KeyStatus = "missing"
    key_file: str = ""
    locked: bool = False
    problem: str | None = None
    also: tuple[str, ...] = ()
    sealed: Sealed | None = None
    twice: bool = False
    signs_only: bool = False

    @property
    def has_key(self) -> bool:
        """Whether its own private key is in the store and opens."""
        return self.key_status == "ok"

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a client may ask for; none if the certificate was not read."""
        return self.certificate.names if self.certificate else ()

    @property
    def called(self) -> str:
        """What people call it: its first name, else its subject; empty if it was not read."""
        return next(iter(self.names), self.certificate.subject if self.certificate else "")

    @property
    def not_before(self) -> datetime | None:
        """The first moment of its validity, None if the certificate was not read."""
        return self.certificate.not_before if self.certificate else None

    @property
    def not_after(self) -> datetime | None:
        """The last moment of its validity, None if the certificate was not read."""
        return self.certificate.not_after if self.certificate else None
