r"""The Central Certificate Store: a folder whose file names determine which hosts are served.

``<host>.pfx`` serves a host, ``_.<parent>.pfx`` the names one label below a
parent; names are Unicode and case-insensitive, and the names inside a certificate are
irrelevant (Microsoft Learn, "Centralized SSL Certificate Support"). The requested names
come from the network. Windows keeps the settings under
``HKLM\SOFTWARE\Microsoft\IIS\CentralCertProvider``: ``Enabled``, ``CertStoreLocation``,
``PrivateKeyPassword``.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslbind import cache
from sslbind.certificates.pem import MAX_SIZE
from sslbind.devices import is_device
from sslbind.digest import content_digest
from sslbind.errors import BadValueError, CertificateError, PasswordError, SslbindError, reason
from sslbind.files import ignore_keys, read_file, remove_leftovers, write_file
from sslbind.folders import PRIVATE_FILE, Folder
from sslbind.keys import parse_host
from sslbind.locks import locked

if TYPE_CHECKING:
    from sslbind.certificates.contents import Branch, FileContents, PasswordFile
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.identity import Bundle, Identity
    from sslbind.certificates.sealing import Seal
    from sslbind.certificates.shares import Progress

SUFFIX = ".pfx"
_WILDCARD = "_."
_KEYLESS = "has no private key"
_RACY = 20_000_000  # ns: a folder that has just changed may change again within one time step


class CentralFile(NamedTuple):
    """A PFX file of the central store.

    ``name`` is what it serves, a host or ``*.parent``, None if no connection
    leads to it: ``why`` says why not. ``entry`` has the facts of its certificate, or the
    problem instead.
    """

    file: str
    name: str | None
    entry: Entry
    why: str = ""

    @property
    def usable(self) -> bool:
        """Whether it opens and has a certificate with its private key."""
        return self.entry.has_key

    @property
    def problem(self) -> str:
        """Why it is not usable, as the rest of a sentence about the file; empty if it is.

        For example ``is locked: the password does not open the PFX file``.
        """
        return "" if self.usable else self.entry.problem or _KEYLESS


class Put(NamedTuple):
    """A file that ``put`` wrote or left unchanged; ``serves`` is a host, or ``*.parent``."""

    file: str
    serves: str
    action: Literal["added", "updated", "unchanged"]


def stem_of(file: str) -> str | None:
    """Return the canonical stem of a file's name, None if no connection leads to it.

    None for any name without ``.pfx``, for anything but a host name (whatever its case and
    Unicode normal form), for names in A-labels, because Windows looks for the Unicode form
    (confirmed by other people's code), and for names of devices.
    """
    stem, suffix = file[: -len(SUFFIX)], file[-len(SUFFIX) :]
    if suffix.lower() != SUFFIX or stem.startswith("*") or "xn--" in stem.lower():
        return None
    if is_device(file):
        return None
    # Letter by letter: in a whole word, Python lowers a final capital sigma differently.
    stem = "".join(letter.lower() for letter in unicodedata.normalize("NFC", stem))
    try:
        return stem if parse_host(stem) == stem else None
    except BadValueError:
        return None


def stems_for(names: Iterable[str]) -> tuple[str, ...]:
    """Return the stems of the files that serve the DNS names of a certificate, each once.

    Names that no file can have are left out, such as one without a dot below a wildcard.
    """
    found: dict[str, None] = {}
    for name in names:
        with contextlib.suppress(BadValueError):
            host = parse_host(name)
            stem = f"{_WILDCARD}{host[2:]}" if host.startswith("*.") else host
            if stem_of(stem + SUFFIX) == stem:
                found[stem] = None
    return tuple(found)


def served_name(stem: str) -> str:
    """Return the names that a canonical stem serves: the host, or ``*.parent``."""
    return f"*.{stem[len(_WILDCARD) :]}" if stem.startswith(_WILDCARD) else stem


class CentralStore:
    """The PFX files in ``folder``; ``password_file`` holds the password of all of them."""

    def __init__(
        self, folder: str, *, password_file: str | None = None, progress: Progress | None = None
    ) -> None:
        self.folder = folder
        self._password_path = password_file
        self._progress = progress
        self._odd: dict[str, str] | None = None
        self._files: tuple[CentralFile, ...] | None = None
        self._writing = False

    def __contains__(self, stem: object) -> bool:
        return self.file(str(stem)) is not None

    def file(self, stem: str) -> str | None:
        """Return the name of the file for a canonical stem, whatever its case, or None.

        A stem that is not canonical has no file, so that no name leads out of the folder.
        The cost does not depend on the size of the folder.
        """
        if stem_of(stem + SUFFIX) != stem:
            return None
        path = os.path.join(self.folder, stem + SUFFIX)
        if os.path.isfile(path):
            return _spelled(path)
        if self._odd is None:
            self._odd = self._find_odd()
        return self._odd.get(stem)

    def opens(self, stem: str) -> bool:
        """Whether the file of ``stem`` opens and has a certificate with its private key."""
        try:
            return self.load(stem).key is not None
        except SslbindError:
            return False

    def load(self, stem: str) -> Identity:
        """Return the certificate of ``stem`` with its chain and key.

        Raises SslbindError if there is no file, or it does not open.
        """
        return self._load(stem)[0]

    def _load(self, stem: str) -> tuple[Identity, Bundle]:
        """Return the certificate of ``stem``, and the whole content of its file."""
        from sslbind.certificates.loading import open_file
        from sslbind.certificates.parsing import identities

        file = self.file(stem)
        if file is None:
            raise CertificateError(f"the central store has no {stem}{SUFFIX}", file=self.folder)
        path = os.path.join(self.folder, file)
        try:
            bundle = open_file(path, self._password_file(), strict=True)
            found = identities(bundle)
        except PasswordError:
            raise
        except CertificateError as error:
            hint = "replace it with a PFX file that has the certificate and its private key"
            hints = (hint,) if error.file == path else error.hints
            raise CertificateError(error.message, *hints, file=error.file) from None
        return next((one for one in found if one.key is not None), found[0]), bundle

    def put(self, identity: Identity, seal: Seal, *, dry_run: bool = False) -> tuple[Put, ...]:
        """Write a certificate into the file of each of its host names, ``_.parent`` for wildcards.

        Each file is written whole, by rename, for its owner only, encrypted with the
        provider's password. One that already has the same certificate, chain, key and
        encryption is left unchanged. Addresses, and names that no file can have, are left
        out. The folder gets a .gitignore. Raises SslbindError; files written before that are
        complete.
        """
        from sslbind.certificates.sealing import encode_pfx

        password = next(iter(self._password_file().passwords()), b"")
        data = encode_pfx(identity, password, seal)
        names = identity.leaf.dns_names
        with contextlib.nullcontext() if dry_run else self.writing(names):
            return self._put(identity, seal, data, dry_run=dry_run)

    @contextlib.contextmanager
    def writing(self, names: Iterable[str]) -> Iterator[None]:
        """Hold the lock of the folder, to replace the files for ``names``; it may be taken again.

        Their present content is opened first, because that may take long. Leftovers of
        killed writers are removed. Raises SslbindError.
        """
        if self._writing:
            yield
            return
        for stem in stems_for(names):
            self.opens(stem)
        with locked(self.folder):
            self._writing = True
            try:
                self._odd = self._files = None
                remove_leftovers(self.folder)
                yield
            finally:
                self._writing = False

    def _put(
        self, identity: Identity, seal: Seal, data: bytes, *, dry_run: bool
    ) -> tuple[Put, ...]:
        done: list[Put] = []
        if not dry_run:
            ignore_keys(self.folder)
        for stem in stems_for(identity.leaf.dns_names):
            file = self.file(stem)
            action: Literal["added", "updated", "unchanged"] = "updated" if file else "added"
            if file and self._holds(file, stem, identity, seal):
                action = "unchanged"
            file = file or stem + SUFFIX
            if action != "unchanged" and not dry_run:
                path = os.path.join(self.folder, file)
                _refuse_prepared(path)
                write_file(path, data, PRIVATE_FILE)
            done.append(Put(file, served_name(stem), action))
        self._odd = self._files = None
        return tuple(done)

    def _holds(self, file: str, stem: str, identity: Identity, seal: Seal) -> bool:
        """Whether a file has this certificate, chain and key under this seal, as ``put`` writes."""
        from sslbind.certificates.der import key_bags
        from sslbind.certificates.sealing import seal_of

        try:
            data = read_file(os.path.join(self.folder, file), MAX_SIZE, regular=True)
            found, bundle = self._load(stem)
            odd = bundle.twice or bundle.signs_only or key_bags(data) > 1
            return seal is seal_of(data) and not odd and found == identity
        except SslbindError:  # it is replaced with one that opens
            return False

    def files(self) -> tuple[CentralFile, ...]:
        """Return every PFX file in the order of names; unchanged ones are not opened."""
        if self._files is None:
            self._files = tuple(self._listed())
        return self._files

    @property
    def unreadable(self) -> str:
        """Why the folder cannot be read from here, as a phrase; empty if it can."""
        try:
            with os.scandir(self.folder):
                return ""
        except OSError as error:
            return reason(error)

    def names(self) -> list[str]:
        """Return the names of the PFX files, unordered; none if the folder does not exist."""
        try:
            with os.scandir(self.folder) as items:
                files = [item.name for item in items if item.is_file()]
        except OSError:
            return []
        return [
            file for file in files if file.lower().endswith(SUFFIX) and not file.startswith(".")
        ]

    def _listed(self) -> list[CentralFile]:
        from sslbind.certificates.scanning import scan

        found = scan(self.folder, self._password_file(), flat=True, progress=self._progress)
        there = {*self.names()}
        serving = _by_stem(there)
        listed = []
        for file, contents in found.items():
            entry, stem = _entry(file, contents), stem_of(file)
            if stem is None:
                listed.append(CentralFile(file, None, entry, _why_nobody(file)))
            elif file not in there:  # such as a dangling link
                listed.append(CentralFile(file, None, entry, contents.problem or "is not there"))
            elif serving[stem] != file:
                why = f"{serving[stem]} already serves {served_name(stem)}"
                listed.append(CentralFile(file, None, entry, why))
            else:
                listed.append(CentralFile(file, served_name(stem), entry))
        return listed

    def _password_file(self) -> PasswordFile:
        from sslbind.certificates.contents import PasswordFile

        return PasswordFile(self._password_path, "PrivateKeyPasswordFile in [CentralCertProvider]")

    def _has_links(self) -> bool:
        try:
            with os.scandir(self.folder) as items:
                return any(item.is_symlink() for item in items)
        except OSError:
            return False

    def _find_odd(self) -> dict[str, str]:
        """Return the files whose names are not canonical, by their stem.

        The result is cached as long as the folder does not change, unless it has links,
        whose targets may change unnoticed.
        """
        import json

        try:
            status = os.stat(self.folder)
        except OSError:
            return {}
        stamp = [status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        slot = f"names-{content_digest(os.fsencode(os.path.realpath(self.folder)))}.json"
        try:
            remembered, odd = json.loads(cache.recall(slot) or b"[0, {}]")
            if remembered == stamp and all(stem_of(file) == stem for stem, file in odd.items()):
                return dict(odd)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            pass
        serving = _by_stem(self.names())
        odd = {stem: file for stem, file in serving.items() if stem + SUFFIX != file}
        settled = abs(time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns)) >= _RACY
        if settled and not self._has_links():
            cache.remember(slot, json.dumps([stamp, odd]).encode())
        return odd


def _refuse_prepared(path: str) -> None:
    """Raise CertificateError if another user could have made a file, to read root's key in it."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    try:
        where, name = Folder.of(path)
        with where:
            old = where.status(name)
            if old is None or old.st_uid == 0 or not where.is_open_to_others:
                return
    except OSError as error:
        raise CertificateError(f"cannot be written: {reason(error)}", file=path) from None
    raise CertificateError(
        f"belongs to user {old.st_uid}, who could read the private key",
        "delete the file, or run the command as that user",
        file=path,
    )


def _spelled(path: str) -> str:
    """Return the name of a file as spelled in its folder, if the case may differ."""
    name = os.path.basename(path)
    if os.name != "nt":
        return name
    found = os.path.basename(os.path.realpath(path))
    return found if found.lower() == name.lower() else name  # otherwise it is a link


def _by_stem(files: Iterable[str]) -> dict[str, str]:
    """Return the file that serves each stem: the one spelled canonically, else the first."""
    serving: dict[str, str] = {}
    for file in sorted(files, reverse=True):
        stem = stem_of(file)
        if stem is not None and serving.get(stem) != stem + SUFFIX:
            serving[stem] = file
    return serving


def _why_nobody(file: str) -> str:
    """Return why no connection leads to a file whose name has no stem."""
    stem = file[: -len(SUFFIX)]
    if stem.startswith("*"):
        return "a file name cannot contain '*': the file of a wildcard is _.contoso.com.pfx"
    if is_device(file):
        return "its name is reserved for a device on Windows"
    if "xn--" not in stem.lower():
        return "its name is not a host name"
    why = "its name is in punycode, but Windows looks for the Unicode form"
    with contextlib.suppress(BadValueError):
        host = parse_host(stem)
        why += f", {host}{SUFFIX}" if "xn--" not in host else ""
    return why


def _entry(file: str, contents: FileContents) -> Entry:
    """Return what is known about the certificate in a file, preferably that of its private key."""
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.index import Pairing, entry_of

    def fits(branch: Branch) -> bool:
        return branch.leaf.spki in contents.keys

    branches = sorted(contents.branches, key=fits, reverse=True)
    if not branches:
        problem = contents.problem or "holds no certificate"
        return Entry("", file, locked=contents.locked, problem=problem, sealed=contents.sealed)
    key = Pairing("ok", file) if fits(branches[0]) else Pairing(problem=_KEYLESS)
    return entry_of("", file, branches[0], key, contents)
