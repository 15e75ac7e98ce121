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

from sslbind.errors import SslbindError
from sslbind.files import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    make_folder,
    read_file,
    reason,
    remove_leftovers,
    write_file,
)
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
            _make(os.path.join(folder, name), ours=True)
        if not os.path.lexists(os.path.join(folder, ".gitignore")):
            _create({os.path.join(folder, ".gitignore"): IGNORED})
        missing = {
            os.path.join(folder, name): data
            for name, data in files.items()
            if name != main and not _is_there(os.path.join(folder, name), data, any_=name == keep)
        }
        _create(missing)
        changed = _put(path, files[main]) or bool(missing)
        for name in folders:
            wanted = {os.path.basename(one) for one in files if os.path.dirname(one) == name}
            _tidy(os.path.join(folder, name), wanted)
    return changed


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


def _make(folder: str, *, ours: bool = False) -> None:
    """Make a folder for the user only; one of ours must not be a link."""
    try:
        with contextlib.suppress(FileExistsError):
            make_folder(folder)
        status = os.lstat(folder) if ours else os.stat(folder)
        if not stat.S_ISDIR(status.st_mode):
            raise SslbindError("is not a folder", "choose another one", file=folder)
        if ours and stat.S_IMODE(status.st_mode) != PRIVATE_FOLDER:
            os.chmod(folder, PRIVATE_FOLDER)
    except OSError as error:
        raise SslbindError(f"cannot be made: {reason(error)}", file=folder) from None


def _is_there(path: str, data: bytes, *, any_: bool) -> bool:
    """Whether a file with this name is complete: its content matches its name, unless ``any_``."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise SslbindError("is not a regular file, and is not written", "remove it", file=path)
    private = sys.platform == "win32" or not stat.S_IMODE(status.st_mode) & 0o077
    return any_ or (status.st_size == len(data) and private)


def _create(files: Mapping[str, bytes]) -> None:
    """Write new files, for the user only; they are on disk when this returns.

    An incomplete file from an interrupted run is replaced.
    """
    at_once = len(files) > _MANY and hasattr(os, "sync")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for path, data in files.items():
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            with open(os.open(path, flags, PRIVATE_FILE), "wb") as file:
                file.write(data)
                file.flush()
                if not at_once:
                    os.fsync(file.fileno())
        except OSError as error:
            raise SslbindError(f"cannot be written: {reason(error)}", file=path) from None
    if at_once:  # one fsync per file would take seconds for a thousand files
        os.sync()


def _put(path: str, data: bytes) -> bool:
    """Write ``data`` unless the file exists, for the user only; return whether it was written."""
    try:
        status = os.lstat(path)
    except OSError:
        write_file(path, data, PRIVATE_FILE)
        return True
    if not stat.S_ISREG(status.st_mode):
        raise SslbindError("is not a regular file, and is not written", "remove it", file=path)
    if stat.S_IMODE(status.st_mode) & 0o077:
        with contextlib.suppress(OSError):
            os.chmod(path, PRIVATE_FILE)
    if status.st_size == len(data) and read_file(path, _LARGEST, regular=True) == data:
        return False
    write_file(path, data, PRIVATE_FILE)
    return True


def _tidy(folder: str, wanted: set[str]) -> None:
    """Remove files of ours that are no longer used, and temporary files of dead writers."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            ours = _OURS.fullmatch(name) or (name.startswith(".") and ".part." in name)
            if ours and name not in wanted:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))
