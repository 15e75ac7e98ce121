"""Files of certificate stores, opened: each as a bundle, or as what is remembered of it."""

from __future__ import annotations

import contextlib
import time

from sslbind.certificates.contents import Branch, FileContents, PasswordFile
from sslbind.certificates.facts import facts_of
from sslbind.certificates.identity import Bundle, Identity
from sslbind.certificates.parsing import MAX_SIZE, chains, names_issuer, read_bundle
from sslbind.certificates.sealed import sealed_of
from sslbind.errors import CertificateError, PasswordError, SslbindError
from sslbind.files import read_file, read_stamped

_RACY = 20_000_000  # ns: file times move in steps, and a second change in one step does not show


def open_file(path: str, password_file: PasswordFile, *, strict: bool) -> Bundle:
    """Return what the file at ``path`` holds; the password is read only where one is needed.

    ``strict`` checks keys in full and raises for a key that no password opens;
    else such keys are counted in the bundle. Raises SslbindError if the file
    cannot be read, CertificateError where it is nothing known, PasswordError
    where it is locked.
    """
    return _open(read_file(path, MAX_SIZE, regular=True), path, password_file, strict=strict)


def _open(data: bytes, path: str, password_file: PasswordFile, *, strict: bool) -> Bundle:
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


def read_contents(path: str, password_file: PasswordFile) -> FileContents:
    """Return what a file holds; raise nothing: what is wrong with it is in ``problem``.

    Its stamp is empty if the file was changed just now.
    """
    try:
        stamp, data = read_stamped(path, MAX_SIZE)
    except SslbindError as error:
        return FileContents([], [], [], problem=error.message)
    _, modified, changed, _ = stamp
    if abs(time.time_ns() - max(modified, changed)) < _RACY:
        stamp = []
    if data is None:
        return FileContents(stamp, [], [], problem=f"is larger than {MAX_SIZE} bytes")
    sealed = None
    try:
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
