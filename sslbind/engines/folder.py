"""The folder of a server, written so that a reader sees either the old files or the new ones.

The files that the main file refers to are written first, under names derived from their
content, so that such a file never changes; the main file is replaced by one rename; then
files that are no longer used are removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Mapping

from sslbind.digest import content_digest
from sslbind.errors import SslbindError, reason
from sslbind.files import read_file, remove_leftovers, write_file, write_own
from sslbind.folders import Folder, make_folder
from sslbind.locks import locked

IGNORED = b"# Private keys belong in no repository.\n*\n"
_OURS = re.compile(r"(?:[0-9a-f]{40}-)?[0-9a-f]{16}\.(?:pem|list)|refusal\.pem")
_LARGEST = 64 << 20
_MANY = 20


def write_folder(
    folder: str, files: Mapping[str, bytes], main: str, mark: bytes, keep: str = ""
) -> bool:
    """Write ``files``, the paths of which are relative to ``folder``; return whether any changed.

    ``main`` is the file that refers to the others, and starts with ``mark``: one that does
    not is somebody else's, is kept, and raises SslbindError. ``keep`` is a file that is
    kept if it exists. Files and new folders are accessible to the user only.
    """
    path = os.path.join(folder, main)
    folders = {os.path.dirname(one) for one in files} - {""}
    _make(folder)
    with locked(path):
        remove_leftovers(folder)
        _refuse_foreign(folder, path, mark, folders)
        for name in folders:
            _make_ours(os.path.join(folder, name))
        if not os.path.lexists(os.path.join(folder, ".gitignore")):
            _create({os.path.join(folder, ".gitignore"): IGNORED})
        missing = {
            os.path.join(folder, name): data
            for name, data in files.items()
            if name != main
            and not _is_there(os.path.join(folder, name), None if name == keep else len(data))
        }
        _create(missing)
        changed = _put(path, files[main]) or bool(missing)
        for name in folders:
            wanted = {os.path.basename(one) for one in files if os.path.dirname(one) == name}
            _tidy(os.path.join(folder, name), wanted)
    return changed


def is_written(folder: str, sizes: Mapping[str, int | None], main: str, digest: str) -> bool:
    """Whether ``write_folder`` would change nothing, as far as sizes and names of files tell.

    ``sizes`` are those of the files that ``main`` refers to, None for one that is kept
    whatever it is; ``digest`` is that of the content of ``main``. What killed writers left
    is removed.
    """
    path = os.path.join(folder, main)
    if not os.path.lexists(path):
        return False
    with locked(path):
        remove_leftovers(folder)
        for name in {os.path.dirname(one) for one in sizes} - {""}:
            inside = os.path.join(folder, name)
            if not os.path.isdir(inside) or os.path.islink(inside):
                return False
            if not _is_private(os.stat(inside)):
                return False
            remove_leftovers(inside)
        status = os.lstat(path)
        return (
            stat.S_ISREG(status.st_mode)
            and _is_private(status)
            and os.path.lexists(os.path.join(folder, ".gitignore"))
            and content_digest(read_file(path, _LARGEST, regular=True)) == digest
            and all(_is_there(os.path.join(folder, one), size) for one, size in sizes.items())
        )


def _refuse_foreign(folder: str, main: str, mark: bytes, folders: set[str]) -> None:
    """Raise SslbindError for a folder that is not empty and not one of ours.

    ``folders`` are our own in it, which an interrupted run may have left.
    """
    if os.path.lexists(main):
        if not read_file(main, _LARGEST, regular=True).startswith(mark):
            raise SslbindError(
                "was not made by sslbind, and is left unchanged", "choose another folder", file=main
            )
        return
    lock = f".{os.path.basename(main)}.lock"
    if {*os.listdir(folder)} - {lock, ".gitignore", *folders}:
        raise SslbindError(
            "is not empty, and was not made by sslbind", "choose a new folder", file=folder
        )


def _make(folder: str) -> None:
    """Make a folder for the user only where there is none."""
    try:
        with contextlib.suppress(FileExistsError):
            make_folder(folder)
        if not stat.S_ISDIR(os.stat(folder).st_mode):
            raise SslbindError("is not a folder", "choose another one", file=folder)
    except OSError as error:
        raise SslbindError(f"cannot be made: {reason(error)}", file=folder) from None


def _make_ours(folder: str) -> None:
    """Make a folder of ours for the user only, or make it so; raise SslbindError for a link."""
    _make(folder)
    if os.path.islink(folder):
        raise SslbindError("is not a folder", "choose another one", file=folder)
    try:
        with Folder(folder, follow=False) as where:
            where.make_private()
    except OSError as error:
        raise SslbindError(f"cannot be made private: {reason(error)}", file=folder) from None


def _is_there(path: str, size: int | None) -> bool:
    """Whether a file with this name is complete: it has ``size`` bytes, if that is known."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise SslbindError("is not a regular file, and is not written", "remove it", file=path)
    if sys.platform != "win32" and status.st_uid != os.geteuid():
        return False  # somebody else's, who may have put anything into it
    return size is None or (status.st_size == size and _is_private(status))


def _is_private(status: os.stat_result) -> bool:
    """Whether a file is its owner's alone; Windows has no modes to look at."""
    return sys.platform == "win32" or not stat.S_IMODE(status.st_mode) & 0o077


def _create(files: Mapping[str, bytes]) -> None:
    """Write files for the user only, replacing any; they are on disk when this returns."""
    at_once = len(files) > _MANY and hasattr(os, "sync")
    for path, data in files.items():
        write_own(*os.path.split(path), data, sync=not at_once)
    if at_once:  # one fsync per file would take seconds for a thousand files
        os.sync()


def _put(path: str, data: bytes) -> bool:
    """Write ``data`` unless the file exists, for the user only; return whether it was written."""
    try:
        status = os.lstat(path)
    except OSError:
        status = None
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise SslbindError("is not a regular file, and is not written", "remove it", file=path)
    if status is None or not _is_private(status):
        write_own(*os.path.split(path), data)
        return True
    if status.st_size == len(data) and read_file(path, _LARGEST, regular=True) == data:
        return False
    write_file(path, data)
    return True


def _tidy(folder: str, wanted: set[str]) -> None:
    """Remove files of ours that are no longer used, and temporary files of dead writers."""
    remove_leftovers(folder)
    with contextlib.suppress(OSError), Folder(folder, follow=False) as where:
        for name in filter(_OURS.fullmatch, where.names()):
            if name not in wanted:
                with contextlib.suppress(OSError):
                    where.unlink(name)
