"""What one file of a certificate store holds: public facts, no key, no password."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from sslbind.certificates.facts import CertificateFacts, facts_of
from sslbind.certificates.pem import MAX_SIZE
from sslbind.certificates.sealed import Sealed, sealed_of
from sslbind.errors import CertificateError, PasswordError, SslbindError
from sslbind.files import read_file, stamp_of

if TYPE_CHECKING:
    from sslbind.certificates.identity import Bundle, Identity

_RACY = 20_000_000  # ns: file times move in steps, and a second change in one step does not show


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


def open_file(path: str, password_file: PasswordFile, *, strict: bool) -> Bundle:
    """Return what the file at ``path`` holds; the password is read only where one is needed.

    ``strict`` checks keys in full and raises for a key that no password opens;
    else such keys are counted in the bundle. Raises SslbindError if the file
    cannot be read, CertificateError where it is nothing known, PasswordError
    where it is locked.
    """
    return _open(read_file(path, MAX_SIZE, regular=True), path, password_file, strict=strict)


def _open(data: bytes, path: str, password_file: PasswordFile, *, strict: bool) -> Bundle:
    from sslbind.certificates.parsing import read_bundle

    try:
        bundle = read_bundle(data, check_keys=strict, keep_locked=not strict)
    except PasswordError as error:
        refused = error
        try:
            if passwords := password_file.passwords():
                return read_bundle(data, passwords, check_keys=strict, keep_locked=not strict)
        except PasswordError as error:
            refused = error
        raise PasswordError(refused.message, password_file.advice, file=path) from None
    except CertificateError as error:
        raise CertificateError(error.message, *error.hints, file=path) from None
    if bundle.locked:
        with contextlib.suppress(CertificateError):  # the certificate in it counts without its key
            passwords = password_file.passwords()
            return read_bundle(data, passwords, check_keys=strict, keep_locked=True)
    return bundle


def branch_of(identity: Identity) -> Branch:
    """Return what is remembered of an end certificate and its chain."""
    return Branch(facts_of(identity.leaf), tuple(map(facts_of, identity.chain)))


def read_contents(path: str, stamp: list[int], password_file: PasswordFile) -> FileContents:
    """Return what a file holds that has, or had just now, this stamp; raise nothing.

    What is wrong with it is in ``problem``.
    """
    from sslbind.certificates.parsing import chains, names_issuer

    size, modified, changed, _ = stamp
    if abs(time.time_ns() - max(modified, changed)) < _RACY:
        stamp = []
    if size > MAX_SIZE:
        return FileContents(stamp, [], [], problem=f"is larger than {MAX_SIZE} bytes")
    sealed = None
    try:
        data = read_file(path, MAX_SIZE, regular=True)
        sealed = sealed_of(data)
        bundle = _open(data, path, password_file, strict=False)
        found = [branch_of(one) for one in chains(bundle.certificates, names_issuer)]
        keys, locked = [key.spki for key in bundle.keys], bundle.locked > 0
        flags = bundle.twice, bundle.signs_only
        return FileContents(stamp, found, keys, locked, None, sealed, *flags)
    except PasswordError as error:
        problem = f"is locked: {error.message}"
        return FileContents(stamp, [], [], locked=True, problem=problem, sealed=sealed)
    except CertificateError as error:
        locked = error.file == password_file.path  # it may come, and the file is tried again then
        problem = f"cannot be used: {error.message}"
        return FileContents(stamp, [], [], locked=locked, problem=problem, sealed=sealed)
    except SslbindError as error:
        return FileContents([], [], [], problem=error.message)
