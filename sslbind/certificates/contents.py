"""What one file of a certificate store holds: public facts, no key, no password."""

from __future__ import annotations

from typing import NamedTuple

from sslbind.certificates.facts import CertificateFacts
from sslbind.certificates.sealed import Sealed
from sslbind.errors import CertificateError, SslbindError
from sslbind.files import read_file, stamp_of

CERTIFICATE_SUFFIXES = frozenset((".pem", ".crt", ".cer", ".der", ".pfx", ".p12", ".p7b", ".p7c"))
KEY_SUFFIX = ".key"
"""How the names of files of certificates end, and of those that are a private key alone."""


class Branch(NamedTuple):
    """An end certificate of a file, and those above it there, its issuer first."""

    leaf: CertificateFacts
    chain: tuple[CertificateFacts, ...] = ()


class FileContents(NamedTuple):
    """What one file holds: end certificates, digests of keys, or why nothing is known.

    ``locked``: no password opens something in it. ``stamp`` tells a changed file
    from an unchanged one; it is empty if the contents must not be remembered.
    Of a PFX file ``sealed`` is how it is protected; ``twice`` and ``signs_only``
    are as in a bundle.
    """

    stamp: list[int]
    branches: list[Branch]
    keys: list[str]
    locked: bool = False
    problem: str | None = None
    sealed: Sealed | None = None
    twice: bool = False
    signs_only: bool = False


class PasswordFile:
    """The one password for files that others drop in; read when it is needed, and once.

    ``setting`` names where the registry says which file it is.
    """

    def __init__(self, path: str | None, setting: str = "PasswordFile in [CertStores]") -> None:
        self.path = path
        self.setting = setting
        self._read: tuple[bytes, ...] | None = None

    @property
    def advice(self) -> str:
        """What to do about a file that does not open."""
        if self.path is None:
            return f"set {self.setting} to a file with its password"
        return f"export it again with the password of the store, the one in {self.path}"

    def passwords(self) -> tuple[bytes, ...]:
        """Return the password, or none where no file is configured.

        A line end after it is dropped. Raises CertificateError, which names
        the file, where that cannot be read.
        """
        if self._read is None:
            self._read = () if self.path is None else (self._password(self.path, self.setting),)
        return self._read

    def stamp(self) -> list[str | int]:
        """Return what changes when the password may have changed."""
        if self.path is None:
            return []
        try:
            return [self.path, *stamp_of(self.path)]
        except (OSError, ValueError):
            return [self.path]

    @staticmethod
    def _password(path: str, setting: str) -> bytes:
        try:
            data = read_file(path, 4096, regular=True)
        except SslbindError as error:
            raise CertificateError(
                f"the password file {error.message}",
                f"{setting} names it; it holds one password",
                file=path,
            ) from None
        return data.removesuffix(b"\n").removesuffix(b"\r")
