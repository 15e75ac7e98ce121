"""One certificate of a store, as ``list`` shows it and ``add`` relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

KeyStatus = Literal["ok", "missing", "mismatch"]


class Entry(NamedTuple):
    """A certificate in a store, or a file there that could not be opened.

    ``file``, ``key_file`` and ``also`` (more files of the store with the same
    certificate) are relative to the stores' folder, with ``/``. ``locked``: no
    password opens the file, or the key; without a thumbprint the certificate is
    unknown too. ``problem`` is a sentence where something cannot be read or
    does not fit. ``chain`` holds thumbprints, the issuer's first.
    ``self_signed``: its names say that its own key signed it, and so do its key
    identifiers, or else the signature. Subject and names are the certificate's
    word, raw; the other facts mean what they mean in ``Certificate``. What
    ``CertStores.require`` finds by file name alone has store, file, thumbprint
    and key only.
    """

    store: str
    file: str
    thumbprint: str = ""
    sha256: str = ""
    subject: str = ""
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    dns_names: tuple[str, ...] = ()
    ip_names: tuple[str, ...] = ()
    eku: tuple[str, ...] | None = None
    is_ca: bool = False
    key_type: str = ""
    key_bits: int = 0
    signature_hash: str | None = None
    spki: str = ""
    chain: tuple[str, ...] = ()
    key_id: bytes = b""
    issuer_key_id: bytes = b""
    self_signed: bool = False
    key_status: KeyStatus = "missing"
    key_file: str = ""
    locked: bool = False
    problem: str | None = None
    also: tuple[str, ...] = ()

    @property
    def has_key(self) -> bool:
        """Whether its own private key is in the store and opens."""
        return self.key_status == "ok"

    @property
    def self_issued(self) -> bool:
        """Whether it names itself as its issuer (RFC 5280, section 3.2), signed so or not."""
        return self.subject == self.issuer

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a client may ask for: DNS names, then addresses."""
        return self.dns_names + self.ip_names
