r"""The Central Certificate Store: a folder whose file names say who is served.

``<host>.pfx`` serves a host, ``_.<parent>.pfx`` the names one label below a
parent; names are Unicode and compare without case, and the names inside a
certificate play no part (Microsoft Learn, "Centralized SSL Certificate
Support"). The names that are asked for come from the network. Windows keeps
the settings under ``HKLM\SOFTWARE\Microsoft\IIS\CentralCertProvider``:
``Enabled``, ``CertStoreLocation``, ``PrivateKeyPassword``.
"""

from __future__ import annotations

import contextlib
import os
import time
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from sslbind import cache
from sslbind.certificates.pem import MAX_SIZE
from sslbind.devices import is_device
from sslbind.digest import content_digest
from sslbind.errors import BadValueError, CertificateError, PasswordError, SslbindError
from sslbind.files import PRIVATE_FILE, read_file, reason, remove_leftovers, write_file
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
_RACY = 20_000_000  # ns: a folder that changed just now may change again within one step of time


class CentralFile(NamedTuple):
    """A PFX file of the central store.

    ``name`` is what it serves, a host or ``*.parent``, None where no connection
    leads to it: ``why`` says why not. ``entry`` has the facts of its
    certificate, or the problem in place of them.
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
        """Why it is not, as the rest of a sentence about the file; empty where it is usable.

        For example ``is locked: the password does not open the PFX file``.
        """
        return "" if self.usable else self.entry.problem or _KEYLESS


class Put(NamedTuple):
    """A file that ``put`` wrote, or left as it is; ``serves`` is a host, or ``*.parent``."""

    file: str
    serves: str
    action: Literal["added", "updated", "unchanged"]


def stem_of(file: str) -> str | None:
    """Return the canonical stem of a file's name, None where no connection leads to it.

    That is any name without ``.pfx``, and any that is not a host name apart from
    its case and its Unicode normal form; names in A-labels too, as Windows looks
    for the Unicode form (confirmed by others' code); and names of devices.
    """
    stem, suffix = file[: -len(SUFFIX)], file[-len(SUFFIX) :]
    if suffix.lower() != SUFFIX or stem.startswith("*") or "xn--" in stem.lower():
        return None
    if is_device(file):
        return None
    # One letter at a time: of a whole word, Python takes a capital sigma at its end for another.
    stem = "".join(letter.lower() for letter in unicodedata.normalize("NFC", stem))
    try:
        return stem if parse_host(stem) == stem else None
    except BadValueError:
        return None


def stems_for(names: Iterable[str]) -> tuple[str, ...]:
    """Return the stems of the files that serve the DNS names of a certificate, each once.

    A name that no file can have is left out, such as one without a dot below a wildcard.
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
    """The PFX files in ``folder``; ``password_file`` holds the one password of all."""

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

        A stem that is not canonical has none, so that no name leads out of the
        folder. The cost does not grow with the folder.
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

        Raises SslbindError where there is no file, or it does not open.
        """
        return self._load(stem)[0]

    def _load(self, stem: str) -> tuple[Identity, Bundle]:
        """Return the certificate of ``stem``, and all that its file holds."""
        from sslbind.certificates.contents import open_file
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
            hint = "put a PFX file with the certificate and its private key in its place"
            hints = (hint,) if error.file == path else error.hints
            raise CertificateError(error.message, *hints, file=error.file) from None
        return next((one for one in found if one.key is not None), found[0]), bundle

    def put(self, identity: Identity, seal: Seal, *, dry_run: bool = False) -> tuple[Put, ...]:
        """Write a certificate into the file of each of its host names, ``_.parent`` for wildcards.

        Each file is written whole, by rename, for its owner only, sealed with the
        provider's password. One that holds the same certificate, chain and key
        under the same seal is left as it is. Addresses, and names that no file
        can have, are left out. Raises SslbindError; files that were written
        before are good then.
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

        What they hold is opened before: that may take long. What killed writers left
        is removed. Raises SslbindError.
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
        for stem in stems_for(identity.leaf.dns_names):
            file = self.file(stem)
            action: Literal["added", "updated", "unchanged"] = "updated" if file else "added"
            if file and self._holds(file, stem, identity, seal):
                action = "unchanged"
            file = file or stem + SUFFIX
            if action != "unchanged" and not dry_run:
                write_file(os.path.join(self.folder, file), data, PRIVATE_FILE)
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
        except SslbindError:  # it is replaced by one that opens
            return False

    def files(self) -> tuple[CentralFile, ...]:
        """Return every PFX file in the order of names; one that did not change is not opened."""
        if self._files is None:
            self._files = tuple(self._listed())
        return self._files

    @property
    def unreadable(self) -> str:
        """Why the folder cannot be looked into from here, as a phrase; empty where it can be."""
        try:
            with os.scandir(self.folder):
                return ""
        except OSError as error:
            return reason(error)

    def names(self) -> list[str]:
        """Return the names of the PFX files, in no order; none where the folder is not there."""
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
            elif file not in there:  # such as a link to nothing
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
        """Return the files whose names are not spelled canonically, by their stem.

        The result is cached as long as the folder does not change, but not where
        it has links, whose targets change unnoticed.
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
        except (ValueError, TypeError, AttributeError, RecursionError):
            pass
        serving = _by_stem(self.names())
        odd = {stem: file for stem, file in serving.items() if stem + SUFFIX != file}
        settled = abs(time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns)) >= _RACY
        if settled and not self._has_links():
            cache.remember(slot, json.dumps([stamp, odd]).encode())
        return odd


def _spelled(path: str) -> str:
    """Return the name of a file as its folder has it, where that may differ in case."""
    name = os.path.basename(path)
    if os.name != "nt":
        return name
    found = os.path.basename(os.path.realpath(path))
    return found if found.lower() == name.lower() else name  # else it is a link


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
        return "a file name cannot have '*': the file of a wildcard is _.contoso.com.pfx"
    if is_device(file):
        return "its name is that of a device on Windows, where no file can have it"
    if "xn--" not in stem.lower():
        return "its name is not a host name"
    why = "its name is in punycode, and Windows looks for the Unicode form"
    with contextlib.suppress(BadValueError):
        host = parse_host(stem)
        why += f", {host}{SUFFIX}" if "xn--" not in host else ""
    return why


def _entry(file: str, contents: FileContents) -> Entry:
    """Return what is known of the certificate in a file, that of its private key first."""
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
