"""The content of every file of the certificate stores, cached between runs.

A file with unchanged size, times and inode is not opened again. Only
public facts are cached: no key, no password.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from sslbind import cache
from sslbind.certificates.contents import (
    CERTIFICATE_SUFFIXES,
    KEY_SUFFIX,
    FileContents,
    PasswordFile,
)
from sslbind.certificates.rows import DAMAGED, decode, encode
from sslbind.digest import content_digest
from sslbind.errors import reason
from sslbind.files import stamp_of

if TYPE_CHECKING:
    from sslbind.certificates.shares import Helpers, Part, Progress

_PFX = frozenset((".pfx", ".p12"))
_SUFFIXES = CERTIFICATE_SUFFIXES | {KEY_SUFFIX}
MAX_DEPTH = 8
"""Depth of folders below a store that are searched; links to folders are not followed."""

_NOTHING = FileContents([], [], [])


class Look(NamedTuple):
    """Files by their paths below a folder, each with its stamp or why it cannot be read.

    If nothing is known of the files, ``helpers`` are ready to read them, and who reads a file
    takes its stamp: it is None here.
    """

    files: list[tuple[str, list[int] | str | None]]
    helpers: Helpers | None = None


def look(folder: str, *, flat: bool = False) -> Look:
    """Return every file in the stores of ``folder``, none of which is opened.

    ``flat``: only the PFX files in ``folder`` itself, as in a central store.
    """
    if flat:
        return Look([*_flat(folder)])
    if cache.has(_slot(folder)):
        return Look([*_walk(folder)])
    from sslbind.certificates.shares import Helpers

    helpers = Helpers()
    return Look([*_walk(folder, helpers)], helpers)


def scan(
    folder: str,
    password_file: PasswordFile,
    *,
    flat: bool = False,
    progress: Progress | None = None,
    seen: Look | None = None,
) -> dict[str, FileContents]:
    """Return the contents of every file in the stores of ``folder``, by its path below it.

    ``seen`` is what ``look`` returned, if it was called. ``progress`` is called with
    the number of files seen so far. Unreadable files are included with their problem.
    """
    name = _slot(folder, flat=flat)
    password_stamp = password_file.stamp()
    old_password, old = _recall(name)
    found: dict[str, FileContents] = {}
    new: list[str] = []
    apart: list[tuple[str, list[int]]] = []
    files, helpers = seen or look(folder, flat=flat)
    for path, stamp in files:
        if isinstance(stamp, str):
            found[path] = FileContents([], [], [], problem=stamp)
            continue
        known = old.get(path)
        retry = known is not None and known.locked and old_password != password_stamp
        if known is None or known.stamp != stamp or retry:
            known = _NOTHING  # its position in the order
            if stamp is not None and _suffix(path) in _PFX:
                apart.append((path, stamp))
            else:
                new.append(path)
        found[path] = known
    parts: list[Part] = []
    if apart:
        from sslbind.certificates.apart import defer_to

        defer_to(lambda: scan(folder, password_file, flat=flat, progress=progress), folder, apart)
    if new:
        from sslbind.certificates.shares import Helpers, read_all

        parts += read_all(folder, new, password_file, helpers or Helpers(), progress)
        for part in parts:
            found |= part.contents
    if apart:
        _read_apart(folder, apart, password_file, progress, found)
    kept = {path for path, contents in found.items() if contents.stamp}
    if new or apart or kept != old.keys() or old_password != password_stamp:
        _remember(name, password_stamp, found, parts)
    return found


def _read_apart(
    folder: str,
    files: list[tuple[str, list[int]]],
    password_file: PasswordFile,
    progress: Progress | None,
    found: dict[str, FileContents],
) -> None:
    """Put the contents of PFX files into ``found``."""
    from sslbind.certificates.apart import open_apart

    for path, contents in open_apart(folder, files, password_file):
        found[path] = contents
        if progress is not None and len(files) >= 64:
            progress(len(found))


def _walk(
    folder: str, helpers: Helpers | None = None
) -> Iterator[tuple[str, list[int] | str | None]]:
    """Yield each file below a store with its stamp, or why it cannot be read.

    With ``helpers``, which are started for many files, only links and PFX files have one.
    """
    waiting = [("", 0)]
    while waiting:
        below, depth = waiting.pop()
        try:
            with os.scandir(os.path.join(folder, below)) as items:
                inside = [item for item in items if not item.name.startswith(".")]
        except OSError as error:
            if below:
                yield below, f"cannot be read: {reason(error)}"
            continue
        if helpers is not None:
            helpers.start(len(inside))
        for item in sorted(inside, key=attrgetter("name")):
            name = item.name
            path = f"{below}/{name}" if below else name
            if item.is_dir(follow_symlinks=False):
                if depth <= MAX_DEPTH:
                    waiting.append((path, depth + 1))
            elif below and (suffix := _suffix(name)) in _SUFFIXES:
                late = helpers and suffix not in _PFX and item.is_file(follow_symlinks=False)
                stamp = None if late else _stamp(item)
                if late or stamp:
                    yield path, stamp


def _stamp(item: os.DirEntry[str]) -> list[int] | str:
    """Return the stamp of a file, or why it cannot be read; empty for a pipe or a device.

    For a link it is that of its target.
    """
    try:
        status = item.stat()
        return stamp_of(item.path, status) if stat.S_ISREG(status.st_mode) else []
    except OSError as error:
        return f"cannot be read: {reason(error)}"


def _flat(folder: str) -> Iterator[tuple[str, list[int] | str]]:
    """Yield each PFX file in ``folder`` itself, links to files included."""
    try:
        with os.scandir(folder) as items:
            inside = [item for item in items if _suffix(item.name) == ".pfx"]
    except OSError:
        return
    for item in sorted(inside, key=attrgetter("name")):
        if not item.name.startswith(".") and (stamp := _stamp(item)):
            yield item.name, stamp


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


# The file of the cache: the password file's stamp, then contents in parts.


def _slot(folder: str, *, flat: bool = False) -> str:
    """Return the name of the file, another one for each form of it."""
    kind = "central-files-4" if flat else "store-files-5"
    return f"{kind}-{content_digest(os.fsencode(os.path.realpath(folder)))}.json"


def _recall(name: str) -> tuple[list[str | int], dict[str, FileContents]]:
    """Return the password file's stamp and the cached contents; none if damaged."""
    import json

    digest, _, text = (cache.recall(name) or b"").partition(b"\n")
    if digest.decode("ascii", "replace") != content_digest(text):
        return [], {}
    try:
        password_stamp, *parts = json.loads(text)
        known: dict[str, FileContents] = {}
        for part in parts:
            known |= decode(part)
        stamp = [*password_stamp]
    except DAMAGED:
        return [], {}
    return stamp, known


def _remember(
    name: str,
    password_stamp: list[str | int],
    found: Mapping[str, FileContents],
    parts: Iterable[Part],
) -> None:
    """Remember what was found; ``parts`` that came as JSON are taken as they are."""
    import json

    written = [part for part in parts if part.text]
    done = {path for part in written for path in part.contents}
    rest = {path: one for path, one in found.items() if one.stamp and path not in done}
    texts = encode(rest), *(part.text for part in written)
    text = b"[%s]" % b",".join((json.dumps(password_stamp).encode("ascii"), *texts))
    cache.remember(name, content_digest(text).encode("ascii") + b"\n" + text)
