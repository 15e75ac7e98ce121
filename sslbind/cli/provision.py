"""A certificate that a command names: a file, a thumbprint, a part of one, or a SHA-256."""

from __future__ import annotations

import os
import re

from sslbind.certificates.identity import Identity
from sslbind.cli.passwords import with_passwords
from sslbind.errors import BadValueError, CertificateError, PasswordError
from sslbind.files import read_file
from sslbind.session import Session
from sslbind.tags import clean_hash

MAX_FILE = 16 << 20
_DIGITS = re.compile(r"[0-9a-f]{8,40}|[0-9a-f]{64}")


def certificate_digits(text: str) -> str | None:
    """Return ``text`` as the hex digits that it is, cleaned; None where it names a file."""
    digits = clean_hash(text)[0].lower()
    return None if os.path.exists(text) or not _DIGITS.fullmatch(digits) else digits


def cleaned(text: str) -> tuple[str, ...]:
    """Return a sentence for what was removed from pasted digits; none where nothing was."""
    removed = clean_hash(text)[1] if certificate_digits(text) else ()
    if not removed:
        return ()
    return (f"the thumbprint was pasted with {', '.join(removed)}: removed",)


def read_identities(
    path: str, password_file: str | None = None, password_env: str | None = None
) -> tuple[tuple[Identity, ...], tuple[str, ...]]:
    """Return the certificates of a file with their chains and keys, and the reader's notes.

    Raises SslbindError with the file's name.
    """
    from sslbind.certificates.parsing import identities, read_bundle

    if re.fullmatch(r"[0-9A-Fa-f]{1,39}", path) and not os.path.exists(path):
        raise BadValueError(f"{path} is no file, and a thumbprint needs 8 or more of its 40 digits")
    data = read_file(path, MAX_FILE)
    try:
        bundle = with_passwords(
            lambda passwords: read_bundle(data, passwords), path, password_file, password_env
        )
        return identities(bundle), bundle.notes
    except PasswordError as error:
        raise PasswordError(error.message, *error.hints, file=path) from None
    except CertificateError as error:
        raise CertificateError(error.message, *error.hints, file=path) from None


def read_identity(
    path: str, password_file: str | None = None, password_env: str | None = None
) -> Identity:
    """Return the one end certificate of a file; raise SslbindError where there are more."""
    found, _ = read_identities(path, password_file, password_env)
    with_key = [one for one in found if one.key is not None]
    if len(found) > 1 and len(with_key) != 1:
        names = ", ".join(one.leaf.thumbprint for one in found)
        raise CertificateError(
            f"holds {len(found)} end certificates: {names}",
            "sslbind store add FILE takes them all; then name one by its thumbprint",
            file=path,
        )
    return with_key[0] if len(with_key) == 1 else found[0]


def stored_thumbprint(session: Session, digits: str) -> str:
    """Return the thumbprint of the one certificate in the stores that ``digits`` mean.

    Raises BadValueError where none or more than one fits. Forty digits are
    taken as they are: whether they are in the right store is asked later.
    """
    if len(digits) == 40:
        return digits
    if session.stores is None:
        raise BadValueError(
            f"{digits}: without [CertStores] only the 40 digits of a thumbprint name a certificate"
        )
    found = sorted({entry.thumbprint for entry in session.stores.search(digits)})
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} certificates: {', '.join(found[:5])}" if found else "no certificate"
    raise BadValueError(f"{digits} means {what} in the stores", "sslbind store list shows them all")
