"""What is remembered between runs, in the user's cache folder.

The cache is optional: if it is missing, unwritable or damaged, only time is
lost. Entries that another user could have written are ignored, and the reader
of an entry checks its types. Entries belong to one version of the product
and are written whole. Paths are plain strings, because importing pathlib costs
more than a lookup.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys

from sslbind.errors import SslbindError
from sslbind.files import write_into
from sslbind.folders import PRIVATE_FOLDER, Folder
from sslbind.version import VERSION

MAX_SIZE = 256 << 20
"""Bytes of one entry; the index of a hundred thousand certificates is smaller."""


def cache_folder() -> str | None:
    """Return the folder, or None if the user has none (no HOME, say).

    ``$XDG_CACHE_HOME`` is used on every system; else ``~/.cache``, ``~/Library/Caches``
    or ``%LOCALAPPDATA%``.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    if not chosen and sys.platform == "win32":
        chosen = os.environ.get("LOCALAPPDATA")
    if not chosen:
        home = os.path.expanduser("~")
        chosen = os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache")
    if not os.path.isabs(chosen):  # XDG: ignore relative paths; "~" stays without HOME
        return None
    return os.path.join(chosen, "sslbind", VERSION)


def recall(name: str) -> bytes | None:
    """Return what was remembered under ``name`` (a file name), or None."""
    folder = cache_folder()
    if folder is None or not _ours(folder):
        return None
    try:
        with Folder(folder, follow=False, trusted=True) as where:
            status = where.status(name)
            if status is None or status.st_size > MAX_SIZE or not _is_ours(status):
                return None
            return where.read(name)
    except OSError:
        return None


def has(name: str) -> bool:
    """Whether something seems to be remembered under ``name``; ``recall`` decides."""
    folder = cache_folder()
    return folder is not None and os.path.exists(os.path.join(folder, name))


def remember(name: str, data: bytes) -> None:
    """Remember ``data`` under ``name`` for later runs, if the folder is the user's own."""
    folder = cache_folder()
    if folder is None:
        return
    with contextlib.suppress(OSError, SslbindError):
        os.makedirs(folder, mode=PRIVATE_FOLDER, exist_ok=True)
        if _ours(folder):
            with Folder(folder, follow=False, trusted=True) as where:
                write_into(where, name, data, sync=False)


def _ours(folder: str) -> bool:
    """Whether only the current user can write to the folder and the one above it."""
    try:
        return all(_is_ours(os.lstat(one)) for one in (os.path.dirname(folder), folder))
    except OSError:
        return False


def _is_ours(status: os.stat_result) -> bool:
    """Whether it is not a link, belongs to the user and cannot be written by others.

    Windows keeps other users out of %LOCALAPPDATA% by its ACL.
    """
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return False
    if sys.platform == "win32":
        return True
    return status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o022
