"""Certificates for bindings: read from files, found in the stores, stored and bound in one step."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sslbind.binding import DEFAULT_STORE
from sslbind.certificates.judgement import doubts
from sslbind.certificates.names import covers
from sslbind.errors import BadValueError, CertificateError, PasswordError, SslbindError, reason
from sslbind.files import read_file
from sslbind.keys import HOSTNAMEPORT, Key
from sslbind.lookup import named
from sslbind.passwords import NO_PASSWORDS, Passwords
from sslbind.tags import Value, clean_hash
from sslbind.wording import day, join, some

if TYPE_CHECKING:
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.certificates.identity import Bundle, Identity
    from sslbind.session import Change, Session

MAX_FILE = 16 << 20
"""Bytes; a certificate file is smaller."""
_DIGITS = re.compile(r"[0-9a-f]{8,40}|[0-9a-f]{64}")
_TOO_FEW = re.compile(r"[0-9A-Fa-f]{0,7}")


def certificate_digits(text: str) -> str | None:
    """Return the hex digits of a thumbprint, of a part of one, or of a SHA-256.

    None if ``text`` names a file.
    """
    digits = clean_hash(text)[0].lower()
    return None if os.path.exists(text) or not _DIGITS.fullmatch(digits) else digits


def certificate_reference(text: str) -> str | None:
    """Return the digits, or else the name, of a certificate that ``text`` is.

    None if it names a file: one that is there, or what can only be one. Raises
    BadValueError where it is empty.
    """
    if not text:
        raise BadValueError(
            "the name of a certificate is empty: it is a file, a thumbprint or a host name",
            "sslbind store list lists the certificates",
        )
    digits = certificate_digits(text)
    if digits is not None:
        return digits
    from sslbind.certificates.contents import CERTIFICATE_SUFFIXES, KEY_SUFFIX

    suffix = os.path.splitext(text)[1].lower()
    file = text == "-" or os.path.basename(text) != text or os.path.exists(text)
    if file or suffix in (*CERTIFICATE_SUFFIXES, KEY_SUFFIX) or _TOO_FEW.fullmatch(text):
        return None
    return text


def is_digits(reference: str) -> bool:
    """Whether a reference is digits, and not a name."""
    return _DIGITS.fullmatch(reference) is not None


def cleaned(text: str) -> tuple[str, ...]:
    """Return a note about the characters that were removed from pasted digits, if any were."""
    removed = clean_hash(text)[1] if certificate_digits(text) else ()
    return (f"removed from the pasted thumbprint: {', '.join(removed)}",) if removed else ()


def read_identities(
    path: str, passwords: Passwords = NO_PASSWORDS
) -> tuple[tuple[Identity, ...], tuple[str, ...]]:
    """Return the certificates of a file with their chains and keys, and the reader's notes.

    Raises SslbindError with the file's name.
    """
    return parse_identities(((path, read_file(path, MAX_FILE)),), passwords)


def folder_files(folder: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the certificate and key files in ``folder``, and a note on skipped files.

    It is a folder that a client of an authority keeps for one certificate, such
    as certbot's ``live/NAME``; subfolders are not searched. Raises SslbindError if it
    cannot be read, or has none.
    """
    from sslbind.certificates.contents import CERTIFICATE_SUFFIXES, KEY_SUFFIX

    suffixes = CERTIFICATE_SUFFIXES | {KEY_SUFFIX}
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        raise SslbindError(f"cannot be read: {reason(error)}", file=folder) from None
    taken = [name for name in names if os.path.splitext(name)[1].lower() in suffixes]
    taken = [name for name in taken if os.path.isfile(os.path.join(folder, name))]
    if not taken:
        raise SslbindError(
            "has no certificate file",
            f"such files end in {join(sorted(suffixes), 'or')}",
            file=folder,
        )
    passed = [name for name in names if name not in taken]
    notes = (f"{folder}: passed over {some(passed, 5)}",) if passed else ()
    return [os.path.join(folder, name) for name in taken], notes


def parse_identities(
    files: Sequence[tuple[str, bytes]], passwords: Passwords = NO_PASSWORDS
) -> tuple[tuple[Identity, ...], tuple[str, ...]]:
    """Return the certificates of files that belong together, such as a certificate and its key.

    ``files`` are names with contents; each note starts with the name of its file.
    """
    from sslbind.certificates.identity import Bundle
    from sslbind.certificates.parsing import identities

    bundle, notes = Bundle(), list[str]()
    for file, data in files:
        if len(files) > 1 and not data.strip():  # some clients leave an empty chain.pem
            notes.append(f"{file}: is empty, and is passed over")
            continue
        one = _bundle(file, data, passwords)
        notes += (f"{file}: {note}" for note in one.notes)
        bundle = one if len(files) == 1 else bundle + one
    try:
        return identities(bundle), tuple(notes)
    except CertificateError as error:
        if len(files) > 1:
            raise
        raise type(error)(error.message, *error.hints, file=files[0][0]) from None


def _bundle(file: str, data: bytes, passwords: Passwords) -> Bundle:
    from sslbind.certificates.parsing import read_bundle

    try:
        return passwords.open(lambda known: read_bundle(data, known), file)
    except PasswordError as error:
        raise PasswordError(error.message, *error.hints, file=file) from None
    except CertificateError as error:
        raise CertificateError(error.message, *error.hints, file=file) from None


def one_identity(found: Sequence[Identity], file: str) -> Identity:
    """Return the end certificate of ``file``, of several the one that has its key.

    Raises CertificateError if that is not exactly one.
    """
    with_key = [one for one in found if one.key is not None]
    if len(found) > 1 and len(with_key) != 1:
        names = ", ".join(one.leaf.thumbprint for one in found)
        raise CertificateError(
            f"holds {len(found)} end certificates: {names}",
            "sslbind store add FILE adds them all; then name one by its thumbprint",
            file=file,
        )
    return with_key[0] if len(with_key) == 1 else found[0]


def stored_thumbprint(session: Session, reference: str, other_than: Collection[str] = ()) -> str:
    """Return the thumbprint of the only certificate in the stores that ``reference`` matches.

    It is digits, or a name; a name never means one of ``other_than``. Raises SslbindError
    if none or more than one matches. Forty digits are returned as they are: whether the
    right store has them is checked later.
    """
    if not is_digits(reference):
        return named(session, reference, other_than=other_than)
    digits = reference
    if len(digits) == 40:
        return digits
    if session.stores is None:
        raise BadValueError(
            f"{digits}: without [CertStores], a certificate is named by the 40 digits of its"
            " thumbprint"
        )
    found = sorted({entry.thumbprint for entry in session.stores.search(digits)})
    if len(found) == 1:
        return found[0]
    what = f"matches {len(found)} certificates: {some(found, 5)}" if found else "is not known"
    raise BadValueError(
        f"{digits} {what} in the stores", "sslbind store list lists the certificates"
    )


def not_a_thumbprint(session: Session, text: str, error: BadValueError) -> BadValueError:
    """Return the error for a ``certhash=`` that is not 40 hex digits.

    Its hints name the certificate that is meant, as ``--cert`` would find it.
    """
    lists = "sslbind store list lists the certificates"
    if not text:
        return BadValueError("certhash= is empty: a thumbprint has 40 hex digits", lists)
    if session.stores is None:
        return error
    if len(text) == 64 and certificate_digits(text):
        message = f"certhash={text}: 64 hex digits are a SHA-256, and HTTP.SYS knows SHA-1"
        entry = session.stores.by_sha256(text.lower())
        meant = entry.thumbprint if entry else None
        hint = "no store has that certificate; store list shows SHA-1"
        return BadValueError(
            message, f"the same certificate is certhash={meant}" if meant else hint
        )
    reference = certificate_reference(text)
    if reference is None:
        hint = f"--cert {text} binds the certificate of the file" if os.path.exists(text) else lists
        return BadValueError(error.message, *error.hints, hint)
    try:
        meant = stored_thumbprint(session, reference)
    except SslbindError as other:
        return BadValueError(error.message, *error.hints, other.message, *other.hints)
    return BadValueError(error.message, *error.hints, f"the certificate is certhash={meant}")


def check_certificate_allowed(key: Key, values: Mapping[str, Value]) -> None:
    """Raise BadValueError if ``bind_certificate`` takes no certificate for ``key``."""
    if not key.kind.certificate:
        raise BadValueError(f"{key.spec} has no certificate of its own, so --cert is not allowed")
    if "certhash" in values:
        raise BadValueError("certhash= and --cert exclude each other")


def bind_certificate(  # noqa: PLR0913  # a certificate, a binding, and how netsh's line asks for it
    session: Session,
    key: Key,
    values: Mapping[str, Value],
    certificate: str | Identity,
    now: datetime,
    *,
    update: bool = False,
    if_exists: str = "fail",
    verify: bool = True,
    force: bool = False,
    dry_run: bool = False,
) -> Change:
    """Add or update the binding of ``key`` with a certificate, which goes into its store first.

    ``certificate`` is an ``Identity``, or digits or a name of a stored one. The binding is
    created in memory before the certificate is stored, so that a refusal leaves nothing
    behind. Raises NetshError.
    """
    check_certificate_allowed(key, values)
    identity = None if isinstance(certificate, str) else certificate
    thumbprint = (
        stored_thumbprint(session, certificate)
        if isinstance(certificate, str)
        else certificate.leaf.thumbprint
    )
    values = {**values, "certhash": thumbprint}
    before = session.registry.get(key) if update or if_exists == "update" else None
    if before is None or "certstorename" not in before.values:
        values.setdefault("certstorename", DEFAULT_STORE)
    if update:
        change = session.update(key, values, verify=verify, certificate=identity)
    else:
        change = session.add(
            key, values, if_exists=if_exists, verify=verify, certificate=identity, force=force
        )
    leaf = identity.leaf if identity else _stored(session, thumbprint)
    more = (*_doubts(leaf, key, now), *doubts(leaf)) if leaf else ()
    change = change._replace(notes=(*change.notes, *more))
    return change if dry_run or identity is None else session.store(identity, change)


def _stored(session: Session, thumbprint: str) -> CertificateFacts | None:
    """Return what is known of a certificate in the stores, None if nothing can be read."""
    found = session.stores.search(thumbprint) if session.stores else ()
    return next((one.certificate for one in found if one.certificate), None)


def _doubts(leaf: CertificateFacts, key: Key, now: datetime) -> Iterator[str]:
    """Yield a note for each reason why a client of this binding would reject its certificate."""
    if not leaf.not_before <= now <= leaf.not_after:
        yield (
            f"{leaf.thumbprint} is only valid from {day(leaf.not_before)} to {day(leaf.not_after)}"
        )
    if key.kind is HOSTNAMEPORT and not covers(leaf.names, key.host):
        yield f"{leaf.thumbprint} does not cover {key.host}"
