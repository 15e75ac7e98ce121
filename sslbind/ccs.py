"""The Central Certificate Store: a folder whose file names say who is served.

``<host>.pfx`` serves a host, ``_.<parent>.pfx`` the names one label below a
parent; names are Unicode and compare without case, and what stands inside a
certificate plays no part (Microsoft Learn, "Centralized SSL Certificate
Support"). The names that are asked for come from the network.
"""

from __future__ import annotations

import os
import time
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from sslbind import cache
from sslbind.digest import content_digest
from sslbind.errors import BadValueError, CertificateError, SslbindError
from sslbind.keys import parse_host

if TYPE_CHECKING:
    from sslbind.certentry import Entry
    from sslbind.certfiles import Progress
    from sslbind.identity import Identity

SUFFIX = ".pfx"
_WILDCARD = "_."
_RACY = 20_000_000  # ns: a folder that changed just now may change again within one step of time


class CentralFile(NamedTuple):
    """A PFX file of the central store.

    ``name`` is what it serves, a host or ``*.parent``, None where its name is
    none that is ever looked for. ``entry`` has the facts of its certificate, or
    the problem in place of them.
    """

    file: str
    name: str | None
    entry: Entry

    @property
    def usable(self) -> bool:
        """Whether it opens and has a certificate with its private key."""
        return self.entry.has_key


def stem_of(file: str) -> str | None:
    """Return the canonical stem of a file's name, None where no connection leads to it.

    That is any name without ``.pfx`` and any that is no host name; names in
    A-labels too, as Windows looks for the Unicode form (confirmed by others'
    code).
    """
    stem, suffix = file[: -len(SUFFIX)], file[-len(SUFFIX) :]
    if suffix.lower() != SUFFIX or stem.startswith(("*", ".")) or "xn--" in stem.lower():
        return None
    try:
        return parse_host(unicodedata.normalize("NFC", stem))
    except BadValueError:
        return None


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

    def __contains__(self, stem: object) -> bool:
        return self.file(str(stem)) is not None

    def file(self, stem: str) -> str | None:
        """Return the name of the file for a canonical stem, whatever its case, or None.

        A stem that is not canonical has none, so that no name leads out of the
        folder. The cost does not grow with the folder.
        """
        if stem_of(stem + SUFFIX) != stem:
            return None
        if os.path.isfile(os.path.join(self.folder, stem + SUFFIX)):
            return stem + SUFFIX
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
        from sslbind.certfiles import PasswordFile, open_file
        from sslbind.certificates import identities

        file = self.file(stem)
        if file is None:
            raise CertificateError(f"the central store has no {stem}{SUFFIX}", file=self.folder)
        path = os.path.join(self.folder, file)
        found = identities(open_file(path, PasswordFile(self._password_path), strict=True))
        return next((one for one in found if one.key is not None), found[0])

    def files(self) -> tuple[CentralFile, ...]:
        """Return every PFX file in the order of names; one that did not change is not opened."""
        if self._files is None:
            self._files = tuple(self._listed())
        return self._files

    def _listed(self) -> list[CentralFile]:
        from sslbind.certentry import Entry
        from sslbind.certfiles import SPKI, PasswordFile, scan
        from sslbind.certindex import Pairing, entry_of

        listed = []
        password_file = PasswordFile(self._password_path)
        found = scan(self.folder, password_file, flat=True, progress=self._progress)
        for file, facts in found.items():
            rows = sorted(facts.rows, key=lambda row, keys=facts.keys: row[SPKI] not in keys)  # type: ignore[misc]
            if rows and rows[0][SPKI] in facts.keys:
                entry = entry_of("", file, rows[0], Pairing("ok", file))
            elif rows:
                problem = "its private key is not in the file"
                entry = entry_of("", file, rows[0], Pairing("missing", problem=problem))
            else:
                problem = facts.problem or "holds no certificate"
                entry = Entry("", file, locked=facts.locked, problem=problem)
            stem = stem_of(file)
            listed.append(CentralFile(file, None if stem is None else served_name(stem), entry))
        return listed

    def _find_odd(self) -> dict[str, str]:
        """Return the files whose names are not spelled canonically, by their stem.

        What was found is remembered as long as the folder does not change.
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
            if remembered == stamp:
                return {str(stem): str(file) for stem, file in odd.items()}
        except (ValueError, TypeError, AttributeError, RecursionError):
            pass
        odd = dict(self._odd_names())
        if abs(time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns)) >= _RACY:
            cache.remember(slot, json.dumps([stamp, odd]).encode())
        return odd

    def _odd_names(self) -> list[tuple[str, str]]:
        try:
            names = sorted(os.listdir(self.folder), reverse=True)  # the first of two counts
        except OSError:
            return []
        stems = ((stem_of(name), name) for name in names if name.isprintable())
        return [(stem, name) for stem, name in stems if stem is not None and stem + SUFFIX != name]
