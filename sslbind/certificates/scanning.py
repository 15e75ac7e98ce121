"""What every file of the certificate stores holds, cached from run to run.

A file whose size, times and inode did not change is not opened again. Only
public facts are cached: no key, no password.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind import cache
from sslbind.certificates import opening
from sslbind.certificates.deferral import defer, deferring
from sslbind.certificates.facts import CertificateFacts, facts_of, from_row, to_row
from sslbind.certificates.pem import MAX_SIZE
from sslbind.certificates.sealed import Sealed, sealed_of
from sslbind.digest import content_digest
from sslbind.errors import CertificateError, PasswordError, SslbindError
from sslbind.files import read_file, reason, stamp_of

if TYPE_CHECKING:
    from sslbind.certificates.identity import Bundle, Identity

CERTIFICATE_SUFFIXES = frozenset((".pem", ".crt", ".cer", ".der", ".pfx", ".p12", ".p7b", ".p7c"))
KEY_SUFFIX = ".key"
_PFX = frozenset((".pfx", ".p12"))
_FEW = 8  # PFX files: starting a process takes as long as opening some of them
_SUFFIXES = CERTIFICATE_SUFFIXES | {KEY_SUFFIX}
MAX_DEPTH = 8
"""Folders below a store that are looked into; links to folders are not followed."""
_RACY = 20_000_000  # ns: file times move in steps, and a second change in one step does not show

Progress = Callable[[int], None]
"""Called with the number of files seen so far; a cold scan of thousands takes seconds."""


class Branch(NamedTuple):
    """An end certificate of a file, and those above it there, its issuer first."""

    leaf: CertificateFacts
    chain: tuple[CertificateFacts, ...] = ()


class FileContents(NamedTuple):
    """What one file holds: end certificates, digests of keys, or why nothing is known.

    ``locked``: no password opens something in it. ``stamp`` tells a changed file
    from an unchanged one; it is empty where the contents must not be remembered.
    Of a PFX file ``sealed`` is how it is protected; ``twice`` and ``signs_only``
    are as in a bundle.
    """

    stamp: list[int]
    branches: list[Branch]
    keys: list[str]
    locked: bool = False
    problem: str | None = None
    sealed: Sealed | None = None
    twice: bool = False
    signs_only: bool = False


_NOTHING = FileContents([], [], [])


class PasswordFile:
    """The one password for files that others drop in; read when it is needed, and once.

    ``setting`` names where the registry says which file it is.
    """

    def __init__(self, path: str | None, setting: str = "PasswordFile in [CertStores]") -> None:
        self.path = path
        self.setting = setting
        self._read: tuple[bytes, ...] | None = None

    @property
    def advice(self) -> str:
        """What to do about a file that does not open."""
        if self.path is None:
            return f"name a file with its password as {self.setting}"
        return f"export it again with the password of the store, the one in {self.path}"

    def passwords(self) -> tuple[bytes, ...]:
        """Return the password, or none where no file is configured.

        A line end after it is dropped. Raises CertificateError, which names
        the file, where that cannot be read.
        """
        if self._read is None:
            self._read = () if self.path is None else (self._password(self.path, self.setting),)
        return self._read

    def stamp(self) -> list[str | int]:
        """Return what changes when the password may have changed."""
        if self.path is None:
            return []
        try:
            return [self.path, *stamp_of(self.path)]
        except (OSError, ValueError):
            return [self.path]

    @staticmethod
    def _password(path: str, setting: str) -> bytes:
        try:
            data = read_file(path, 4096, regular=True)
        except SslbindError as error:
            raise CertificateError(
                f"the password file {error.message}",
                f"{setting} names it; it holds one password",
                file=path,
            ) from None
        return data.removesuffix(b"\n").removesuffix(b"\r")


Listing = list[tuple[str, "list[int] | str"]]
"""Files by their paths below a folder, each with its stamp or why it cannot be looked at."""


def look(folder: str, *, flat: bool = False) -> Listing:
    """Return every file in the stores of ``folder``, none of which is opened.

    ``flat``: only the PFX files in ``folder`` itself, as in a central store.
    """
    return [*(_flat(folder) if flat else _walk(folder))]


def scan(
    folder: str,
    password_file: PasswordFile,
    *,
    flat: bool = False,
    progress: Progress | None = None,
    listing: Listing | None = None,
) -> dict[str, FileContents]:
    """Return the contents of every file in the stores of ``folder``, by its path below it.

    ``listing`` is what ``look`` returned, if it was called. ``progress`` is called with
    the number of files seen so far. What cannot be read is there with its problem.
    """
    kind = "central-files-3" if flat else "store-files-4"  # another name for each form of the file
    name = f"{kind}-{content_digest(os.fsencode(os.path.realpath(folder)))}.json"
    password_stamp = password_file.stamp()
    old_password, old = _recall(name)
    found: dict[str, FileContents] = {}
    apart: list[tuple[str, list[int]]] = []
    fresh = False
    for count, (path, stamp) in enumerate(look(folder, flat=flat) if listing is None else listing):
        if progress is not None and count % 64 == 0:
            progress(count)
        if isinstance(stamp, str):
            found[path] = FileContents([], [], [], problem=stamp)
            continue
        known = old.get(path)
        retry = known is not None and known.locked and old_password != password_stamp
        if known is None or known.stamp != stamp or retry:
            fresh = True
            if _suffix(path) in _PFX:
                apart.append((path, stamp))
                known = _NOTHING  # its place in the order
            else:
                known = _contents(f"{folder}/{path}", stamp, password_file)
        found[path] = known
    _defer(folder, apart, lambda: scan(folder, password_file, flat=flat, progress=progress))
    for path, contents in _open_apart(folder, apart, password_file):
        found[path] = contents
        if progress is not None and len(apart) >= 64:
            progress(len(found))
    kept = {path for path, facts in found.items() if facts.stamp}
    if fresh or kept != old.keys() or old_password != password_stamp:
        _remember(name, password_stamp, found)
    return found


def _open_apart(
    folder: str, files: Sequence[tuple[str, list[int]]], password_file: PasswordFile
) -> Iterator[tuple[str, FileContents]]:
    """Yield the contents of PFX files, opened in another process, which ends if one takes too long.

    A few that cannot hide any work are opened here, which is faster.
    """
    waiting = [*files] if len(files) > _FEW else []
    for path, stamp in files if not waiting else ():
        if _needs_limit(f"{folder}/{path}"):
            waiting.append((path, stamp))
        else:
            yield path, _contents(f"{folder}/{path}", stamp, password_file)
    digests: set[bytes] = set()
    while waiting:
        done, running = 0, False
        for line in opening.lines("scanning", _request(folder, waiting, password_file)):
            if running and line is not None:
                contents, digest = _from_line(line)
                digests.update(digest)
                yield waiting[done][0], contents
                done += 1
            running = True
        if not running:  # no process can be started here
            for path, stamp in waiting:
                yield path, _contents(f"{folder}/{path}", stamp, password_file)
            break
        if done < len(waiting):
            path, stamp = waiting[done]
            yield (
                path,
                FileContents(stamp, [], [], problem=f"cannot be used: it {opening.TOO_SLOW}"),
            )
            done += 1
        waiting = waiting[done:]
    opening.remember(digests)


def _defer(folder: str, files: Sequence[tuple[str, list[int]]], again: Callable[[], Any]) -> None:
    """Leave the block that holds a lock where ``_open_apart`` starts a process for these files."""
    if deferring() and (
        len(files) > _FEW or any(_needs_limit(f"{folder}/{path}") for path, _ in files)
    ):
        defer(again)


def _needs_limit(path: str) -> bool:
    try:
        return opening.needs_limit(read_file(path, MAX_SIZE, regular=True))
    except SslbindError:
        return False


def _request(
    folder: str, files: Sequence[tuple[str, list[int]]], password_file: PasswordFile
) -> bytes:
    import json

    return json.dumps([folder, files, password_file.path, password_file.setting]).encode()


def answer() -> None:
    """Open the files that ``_open_apart`` asks for, in a process of their own; print each."""
    import json
    import sys

    opening.open_here()
    folder, files, path, setting = json.loads(sys.stdin.buffer.read())
    password_file = PasswordFile(path, setting)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for file, stamp in files:
        contents = _contents(f"{folder}/{file}", stamp, password_file)
        digest = []
        if contents.branches and contents.sealed and contents.sealed.mac:
            with contextlib.suppress(SslbindError):
                data = read_file(f"{folder}/{file}", MAX_SIZE, regular=True)
                digest = [opening.digest(data).hex()]
        ends = [[to_row(one) for one in (b.leaf, *b.chain)] for b in contents.branches]
        sys.stdout.write(json.dumps([digest, ends, *_rest(contents)]) + "\n")
        sys.stdout.flush()


def _rest(contents: FileContents) -> list[Any]:
    return [contents.stamp, *contents[2:]]


def _from_line(line: bytes) -> tuple[FileContents, list[bytes]]:
    import json

    digest, ends, stamp, keys, locked, problem, sealed, *flags = json.loads(line)
    branches = []
    for leaf, *chain in ends:
        branches.append(Branch(from_row(leaf), tuple(map(from_row, chain))))
    contents = FileContents(stamp, branches, keys, locked, problem, _sealed(sealed), *flags)
    return contents, [bytes.fromhex(one) for one in digest]


def open_file(path: str, password_file: PasswordFile, *, strict: bool) -> Bundle:
    """Return what the file at ``path`` holds; the password is read only where one is needed.

    ``strict`` checks keys in full and raises for a key that no password opens;
    else such keys are counted in the bundle. Raises SslbindError where the file
    cannot be read, CertificateError where it is nothing known, PasswordError
    where it is locked.
    """
    return _open(read_file(path, MAX_SIZE, regular=True), path, password_file, strict=strict)


def _open(data: bytes, path: str, password_file: PasswordFile, *, strict: bool) -> Bundle:
    from sslbind.certificates.parsing import read_bundle

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


def _contents(path: str, stamp: list[int], password_file: PasswordFile) -> FileContents:
    from sslbind.certificates.parsing import chains, names_issuer

    size, modified, changed, _ = stamp
    if abs(time.time_ns() - max(modified, changed)) < _RACY:
        stamp = []
    if size > MAX_SIZE:
        return FileContents(stamp, [], [], problem=f"is larger than {MAX_SIZE} bytes")
    sealed = None
    try:
        data = read_file(path, MAX_SIZE, regular=True)
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
    except SslbindError as error:
        return FileContents([], [], [], problem=error.message)


def _walk(folder: str) -> Iterator[tuple[str, list[int] | str]]:
    """Yield each file below a store with its stamp, or why it cannot be looked at."""
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
        for item in sorted(inside, key=attrgetter("name")):
            name = item.name
            path = f"{below}/{name}" if below else name
            if item.is_dir(follow_symlinks=False):
                if depth <= MAX_DEPTH:
                    waiting.append((path, depth + 1))
            elif below and _suffix(name) in _SUFFIXES and (stamp := _stamp(item)) is not None:
                yield path, stamp


def _stamp(item: os.DirEntry[str]) -> list[int] | str | None:
    """Return the stamp of a file, why it cannot be looked at, or None for a pipe or a device.

    Of a link it is that of the file to which it leads.
    """
    try:
        status = item.stat()
        return stamp_of(item.path, status) if stat.S_ISREG(status.st_mode) else None
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
        if not item.name.startswith(".") and (stamp := _stamp(item)) is not None:
            yield item.name, stamp


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


# The file of the cache: each certificate once, however many files hold it or one that it issued.


def _recall(name: str) -> tuple[list[str | int], dict[str, FileContents]]:
    """Return the password file's stamp and the contents remembered; none where damaged."""
    import json

    digest, _, text = (cache.recall(name) or b"").partition(b"\n")
    if digest.decode("ascii", "replace") != content_digest(text):
        return [], {}
    try:
        password_stamp, rows, files = json.loads(text)
        known = [*map(from_row, rows)]
        return [*password_stamp], {
            path: FileContents(
                [*map(_number, stamp)],
                [
                    Branch(known[leaf], tuple([known[one] for one in chain]))
                    for leaf, *chain in ends
                ],
                [*map(_text, keys)],
                bool(locked),
                None if problem is None else _text(problem),
                _sealed(sealed),
                *map(bool, flags),
            )
            for path, (stamp, ends, keys, locked, problem, sealed, *flags) in files.items()
        }
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        return [], {}


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a number")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def _sealed(row: list[Any] | None) -> Sealed | None:
    if row is None:
        return None
    mac, pbes1, pbes2, iterations, keys, provider = row
    ciphers = tuple(map(_text, pbes1)), tuple(map(_text, pbes2))
    return Sealed(_text(mac), *ciphers, _number(iterations), _number(keys), _text(provider))


def _remember(name: str, password_stamp: list[str | int], found: dict[str, FileContents]) -> None:
    import json

    places: dict[str, int] = {}
    rows: list[list[Any]] = []

    def place(facts: CertificateFacts) -> int:
        at = places.setdefault(facts.sha256, len(rows))
        if at == len(rows):
            rows.append(to_row(facts))
        return at

    files = {
        path: [
            one.stamp,
            [[*map(place, (branch.leaf, *branch.chain))] for branch in one.branches],
            one.keys,
            one.locked,
            one.problem,
            one.sealed,
            one.twice,
            one.signs_only,
        ]
        for path, one in found.items()
        if one.stamp
    }
    text = json.dumps([password_stamp, rows, files], separators=(",", ":")).encode("ascii")
    cache.remember(name, content_digest(text).encode("ascii") + b"\n" + text)
