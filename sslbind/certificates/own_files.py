"""The files and folders that sslbind itself has in a store, and nothing that others put there."""

from __future__ import annotations

import os
import stat

from sslbind.certificates.pem import MAX_SIZE
from sslbind.errors import CertificateError, SslbindError, reason
from sslbind.files import read_file, write_own
from sslbind.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folder

REPLACE = "a store is only written in its own folders and files: remove it first"
"""The hint for what stands in the place of one."""


def content(path: str) -> bytes:
    """Return the bytes of a file of ours, or none if it is missing or cannot be read."""
    try:
        return read_file(path, MAX_SIZE, regular=True)
    except SslbindError:
        return b""


def old_content(path: str) -> bytes:
    """Return the content of our file before it is deleted; raise SslbindError if unreadable."""
    return read_file(path, MAX_SIZE, regular=True) if os.path.lexists(path) else b""


def mode_of(path: str) -> int:
    """Return type and mode of ``path`` itself, not of a link's target; 0 if it does not exist."""
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise CertificateError(f"cannot be read: {reason(error)}", file=path) from None


def refuse_foreign(path: str) -> None:
    """Raise CertificateError if a link, a folder or a pipe has the name of a file of ours."""
    mode = mode_of(path)
    if mode and not stat.S_ISREG(mode):
        what = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise CertificateError(f"is {what}, and is not written", REPLACE, file=path)


def make(path: str) -> None:
    """Make a folder of the stores; raise CertificateError."""
    try:
        make_folder(path, PRIVATE_FOLDER)
    except OSError as error:
        raise CertificateError(f"cannot be made: {reason(error)}", file=path) from None


def put(path: str, data: bytes, mode: int = PRIVATE_FILE) -> bool:
    """Write ``data`` unless it exists, private if it must be; return whether it was written."""
    if not differs(path, data, mode):
        return False
    write_own(*os.path.split(path), data, mode)
    return True


def differs(path: str, data: bytes, mode: int = PRIVATE_FILE) -> bool:
    """Whether ``put`` writes."""
    return content(path) != data or (mode == PRIVATE_FILE and not _ours(path))


def _ours(path: str) -> bool:
    """Whether nobody else owns or may read the file ``path``. Windows has no modes."""
    if os.name == "nt":
        return True
    status = os.lstat(path)
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
