"""Open folders, reached by a path that another user cannot divert.

The system follows every link in a path, also one that another user put there to make root
write elsewhere. So on Linux a path is walked here, each component relative to the folder
before it, and such links are refused, as systemd does (CHASE_SAFE); the kernel does so only
in folders like ``/tmp`` (``fs.protected_symlinks``). Other systems follow them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections import deque
from typing import NamedTuple, Self

from sslbind.devices import is_device
from sslbind.errors import SslbindError, reason

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
AT_ONCE = getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_NEW = "was created, but may not survive a power failure"
_MOST_LINKS = 40  # as in Linux


class Folder:
    """An open folder: everything happens in this folder, even if its path is replaced meanwhile.

    ``follow``: the last component of ``path`` may be a symbolic link. With ``make``, missing
    folders are created with this mode. Windows has no such handles; there the path is used.
    Raises OSError, also for a link of another user (``_Walk``), unless the path is ``trusted``,
    which is faster. ``handle`` is an open one.
    """

    def __init__(
        self,
        path: str,
        *,
        follow: bool = True,
        make: int | None = None,
        trusted: bool = False,
        handle: int | None = None,
    ) -> None:
        self.path = path or os.curdir
        self._handle = handle
        if trusted and sys.platform != "win32":
            self._handle = os.open(self.path, _FOLDER | (0 if follow else _NO_LINK))
        elif handle is None:
            self._handle = _open(self.path, follow=follow, make=make)

    @classmethod
    def of(cls, path: str) -> tuple[Self, str]:
        """Return the folder of the file that ``path`` leads to, and the file's name in it.

        Links are followed, the last one too; the file may be missing. Raises OSError.
        """
        handle, folder, name = _open_around(path)
        return cls(folder, handle=handle), name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def at(self, name: str) -> str:
        """Return a path for ``name`` where the system has no handles of folders, else itself."""
        return os.path.join(self.path, name) if self._handle is None else name

    @property
    def handle(self) -> int | None:
        """The handle for ``dir_fd``, None where the system has none."""
        return self._handle

    def open(self, name: str, flags: int, mode: int = PRIVATE_FILE) -> int:
        """Open a file of the folder; never follow a link."""
        return os.open(self.at(name), flags | _NO_LINK, mode, dir_fd=self._handle)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of ``name`` itself, not its link target; None if missing."""
        try:
            return os.stat(self.at(name), dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes:
        """Return the bytes of a file of the folder; raise OSError."""
        with open(self.open(name, READ | AT_ONCE), "rb") as file:
            return file.read()

    def unlink(self, name: str) -> None:
        """Delete a file of the folder."""
        os.unlink(self.at(name), dir_fd=self._handle)

    def names(self) -> list[str]:
        """Return the names in the folder."""
        return os.listdir(self.path if self._handle is None else self._handle)

    @property
    def is_open_to_others(self) -> bool:
        """Whether anyone but the user and root can make files in it; Windows has no modes."""
        if self._handle is None:
            return False
        status = os.fstat(self._handle)
        return status.st_uid not in (0, os.geteuid()) or bool(status.st_mode & 0o022)

    def make_private(self) -> None:
        """Make the folder its owner's alone, where it is not; raise OSError."""
        if self._handle is not None and stat.S_IMODE(os.fstat(self._handle).st_mode) & 0o077:
            os.fchmod(self._handle, PRIVATE_FOLDER)

    def sync(
        self, file: str | None = None, but: str = "was written, but may not survive a power failure"
    ) -> None:
        """Flush new names to disk, if the system can synchronise folders.

        Raises SslbindError, which says ``but`` of ``file``.
        """
        if self._handle is not None:
            try:
                os.fsync(self._handle)
            except OSError as error:
                if error.errno != errno.EINVAL:  # this file system cannot synchronise folders
                    raise SslbindError(
                        f"{but}: {reason(error)}", file=self.path if file is None else file
                    ) from None


def make_folder(path: str, mode: int = PRIVATE_FOLDER) -> None:
    """Create a folder and its parents, all on disk when this returns; raise OSError.

    A device of Windows is refused on every system.
    """
    if is_device(os.path.basename(path.rstrip("/"))):
        raise OSError(errno.EINVAL, "it is the name of a device on Windows")
    if not os.path.isdir(path):
        with Folder(path, make=mode):
            pass


if sys.platform == "linux":
    _STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    """Opens anything, a link itself too, without a permission to read it."""

    class _Link(NamedTuple):
        """A link of another user: where it ends must belong to that user.

        It ends when no more than ``left`` components of the path are left.
        """

        name: str
        owner: int
        left: int

    class _Walk:
        """A walk along a path, component by component, creating folders with mode ``make``.

        Links of root and of the user are followed. A link of another user must end at
        something of that user, so that root is only led to what that user can change anyway.
        For users other than root, this holds in sticky folders alone, such as ``/tmp``.
        Raises OSError.
        """

        def __init__(self, path: str, make: int | None = None) -> None:
            self._path = path
            self._make = make
            self._parts = _parts(path)
            self._links = 0
            self._foreign: list[_Link] = []
            self._handle = os.open("/" if path.startswith("/") else ".", _STEP)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self._handle)

        def to_folder(self, *, follow: bool = True) -> None:
            """Go to the folder that the path leads to."""
            while self._parts:
                name = self._parts.popleft()
                found = self._look(name)
                if found is None and self._make is not None:
                    found = self._made(name, self._make)
                self._step(name, found, follow=follow or bool(self._parts))

        def to_file(self) -> str:
            """Go to the folder of what the path leads to; return its name there."""
            while self._parts:
                name = self._parts.popleft()
                found = self._look(name)
                is_last = not self._parts and name != ".."
                if is_last and (found is None or not stat.S_ISLNK(os.fstat(found).st_mode)):
                    if found is not None:
                        os.close(found)
                    return name
                self._step(name, found)
            raise _error(errno.EISDIR)

        def opened(self) -> int:
            """Return a handle of the folder that can be read and synchronised."""
            return os.open(".", _FOLDER, dir_fd=self._handle)

        def _look(self, name: str) -> int | None:
            """Return a handle of ``name``, None if it is missing.

            Raises OSError if a link of another user ends here at what is not that user's.
            """
            try:
                found = os.open(name, _STEP, dir_fd=self._handle)
            except FileNotFoundError:
                self._check(os.fstat(self._handle))  # where it may be made
                return None
            try:
                status = os.fstat(found)
                if not stat.S_ISLNK(status.st_mode):
                    self._check(status)
            except BaseException:  # a signal, too, leaves no open handle
                os.close(found)
                raise
            return found

        def _step(self, name: str, found: int | None, *, follow: bool = True) -> None:
            """Enter the folder ``name``, or put the components of the link before the others."""
            if found is None:
                raise _error(errno.ENOENT)
            status = os.fstat(found)
            if stat.S_ISDIR(status.st_mode):
                self._move(found)
                return
            try:
                if not stat.S_ISLNK(status.st_mode):
                    raise _error(errno.ENOTDIR)
                self._links += 1
                if not follow or self._links > _MOST_LINKS:
                    raise _error(errno.ELOOP)
                if self._is_foreign(status):
                    self._foreign.append(_Link(name, status.st_uid, len(self._parts)))
                target = os.readlink("", dir_fd=found)
            finally:
                os.close(found)
            if target.startswith("/"):
                self._move(os.open("/", _STEP))
            inside = _parts(target)
            self._parts.extendleft(reversed(inside))
            if not inside:
                self._check(os.fstat(self._handle))

        def _made(self, name: str, mode: int) -> int:
            """Return a handle of the new folder ``name``, which is on disk."""
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, mode, dir_fd=self._handle)
            with Folder(self._path, handle=self.opened()) as where:
                where.sync(self._path, _NEW)
            return os.open(name, _STEP, dir_fd=self._handle)

        def _is_foreign(self, link: os.stat_result) -> bool:
            if link.st_uid in (0, os.geteuid()):
                return False
            return os.geteuid() == 0 or bool(os.fstat(self._handle).st_mode & stat.S_ISVTX)

        def _check(self, status: os.stat_result) -> None:
            """Raise OSError if links of other users end here, and it is not theirs."""
            while self._foreign and self._foreign[-1].left >= len(self._parts):
                link = self._foreign.pop()
                if status.st_uid != link.owner:
                    raise OSError(
                        errno.EPERM,
                        f"the link {link.name} of user {link.owner} leads to what is not theirs:"
                        " name that place itself",
                    )

        def _move(self, handle: int) -> None:
            os.close(self._handle)
            self._handle = handle

    def _parts(path: str) -> deque[str]:
        return deque(one for one in path.split("/") if one not in ("", "."))

    def _error(number: int) -> OSError:
        return OSError(number, os.strerror(number))

    def _open(path: str, *, follow: bool, make: int | None) -> int | None:
        with _Walk(path, make) as walk:
            walk.to_folder(follow=follow)
            return walk.opened()

    def _open_around(path: str) -> tuple[int | None, str, str]:
        """Return the handle of the folder of a file, a path for messages, and the file's name."""
        with _Walk(path) as walk:
            name = walk.to_file()
            return walk.opened(), os.path.dirname(path), name
else:

    def _open(path: str, *, follow: bool, make: int | None) -> int | None:
        if make is not None:
            _make_folders(path, make)
        if sys.platform == "win32":
            return None
        return os.open(path, _FOLDER | (0 if follow else _NO_LINK))

    def _open_around(path: str) -> tuple[int | None, str, str]:
        """Return the handle of the folder of a file, a path for messages, and the file's name."""
        folder, name = os.path.split(os.path.realpath(path))
        return _open(folder or os.curdir, follow=True, make=None), folder, name

    def _make_folders(path: str, mode: int) -> None:
        if os.path.isdir(path):
            return
        parent = os.path.dirname(os.path.abspath(path))
        _make_folders(parent, mode)
        try:
            os.mkdir(path, mode)
        except FileExistsError:
            if not os.path.isdir(path):
                raise
        with Folder(parent) as where:
            where.sync(path, _NEW)
