"""What is remembered between runs, in the user's cache folder.

Nothing here is ever needed: a missing, unwritable or damaged cache costs time
only. Entries belong to one version of the product and are written whole.
Paths are plain strings, because importing pathlib costs more than a lookup.
"""

from __future__ import annotations

import contextlib
import os
import sys

from sslbind.errors import SslbindError
from sslbind.files import read_file
from sslbind.version import VERSION


def cache_folder() -> str | None:
    """Return the folder, or None where the user has none (no HOME, say).

    ``$XDG_CACHE_HOME`` holds everywhere; else ``~/.cache``, ``~/Library/Caches``
    or ``%LOCALAPPDATA%``.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    if not chosen and sys.platform == "win32":
        chosen = os.environ.get("LOCALAPPDATA")
    if not chosen:
        home = os.path.expanduser("~")
        chosen = os.path.join(home, "Library/Caches" if sys.platform == "darwin" else ".cache")
    if not os.path.isabs(chosen):  # XDG: relative paths are to be ignored; "~" stays without HOME
        return None
    return os.path.join(chosen, "sslbind", VERSION)


def recall(name: str) -> bytes | None:
    """Return what was remembered under ``name`` (a file name), or None."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        return read_file(os.path.join(folder, name), regular=True)
    except SslbindError:
        return None


def remember(name: str, data: bytes) -> None:
    """Remember ``data`` under ``name`` for later runs, if the folder can be written."""
    folder = cache_folder()
    if folder is None:
        return
    part = os.path.join(folder, f"{name}.{os.getpid()}.part")
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            with open(part, "wb") as file:
                file.write(data)
            os.replace(part, os.path.join(folder, name))
        except OSError:
            os.unlink(part)
