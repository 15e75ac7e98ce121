"""The certificate stores: folders of PEM and PFX files beside the registry.

``certs/<STORE NAME>/<thumbprint>.pem`` (the certificate, then its chain) and
``<thumbprint>.key`` (PKCS#8) are ours; files that other tools add are found too. Importing
this is cheap and ``require`` of a file of ours loads no cryptography, because adding a
binding runs at the speed of a process start.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import stat
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sslbind.binding import DEFAULT_STORE
from sslbind.certificates import own_files
from sslbind.certificates.entry import Entry
from sslbind.certificates.pem import first_certificate
from sslbind.devices import is_device
from sslbind.digest import content_digest
from sslbind.digest import thumbprint as thumbprint_of
from sslbind.errors import CertificateError, NoCertificateError, PasswordError, SslbindError
from sslbind.files import delete_own, ignore_keys, remove_leftovers, stamp_of
from sslbind.locks import locked
from sslbind.printable import printable, shows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sslbind.certificates.contents import FileContents, PasswordFile
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.certificates.identity import Certificate, Identity, PrivateKey
    from sslbind.certificates.judgement import Problem
    from sslbind.certificates.scanning import Look
    from sslbind.certificates.shares import Progress

_HEX = frozenset("0123456789abcdef")


def store_name(text: str) -> str:
    """Return ``text`` if it can name a store: one component of a path, on every system.

    Raises CertificateError, which says what is wrong with it.
    """
    if not text or len(text) > 200:
        wrong = "it is empty" if not text else "it is longer than 200 characters"
    elif not shows(text):
        wrong = "it has a control character"
    elif any(char in '/\\:*?"<>|' for char in text):
        wrong = "it must be one folder name"
    elif text.startswith(".") or text.endswith((".", " ")):
        wrong = "it must not start with a dot, nor end with a dot or a space"
    elif is_device(text):
        wrong = "it is the name of a device on Windows"
    else:
        return text
    raise CertificateError(
        f"'{printable(text[:200])}' is not a store name: {wrong}",
        "stores are MY, WebHosting, Root and so on",
    )


class CertStores:
    """The stores in ``folder``, as they were when first read.

    ``keys_elsewhere``: certificates without private keys are fine.
    ``password_file`` holds the password of PFX files from other tools.
    ``progress`` is called with the number of files seen, while scanning. ``add`` and
    ``delete`` read again, and so does ``refresh``.
    """

    def __init__(
        self,
        folder: str,
        *,
        keys_elsewhere: bool = False,
        password_file: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.folder = os.fspath(folder)
        self._progress = progress
        self.keys_elsewhere = keys_elsewhere
        self._password_path = password_file
        self._seen: Look | None = None
        self._seen_with: tuple[Any, ...] = ()
        self._files: dict[str, FileContents] | None = None
        self._entries: tuple[Entry, ...] | None = None
        self._by_thumbprint: dict[str, list[Entry]] = {}
        self._by_subject: dict[str, list[tuple[CertificateFacts, str]]] | None = None
        self._required: dict[tuple[str, str], Entry] = {}
        self._opened: dict[str, tuple[list[int], tuple[Certificate, ...]]] = {}
        self._writing = False

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the one lock of all the stores: read, decide and write inside it.

        ``add`` and ``delete`` take it themselves; it may be taken again within.
        Leftovers of killed writers are removed. Raises SslbindError.
        """
        if self._writing:
            yield
            return
        own_files.make(self.folder)
        with locked(self.folder):
            self._writing = True
            try:
                self.refresh()
                for folder in ("", *self._spelling()):
                    remove_leftovers(os.path.join(self.folder, folder))
                yield
            finally:
                self._writing = False

    def refresh(self) -> None:
        """Forget what was read: the next query reads the folder again."""
        self._seen = self._files = self._entries = self._by_subject = None
        self._required.clear()
        self._opened.clear()

    def names(self) -> tuple[str, ...]:
        """Return the stores there are, in the spelling of their folders."""
        return tuple(dict.fromkeys(self._spelling().values()))

    def require(self, thumbprint: str, store: str | None = None) -> Entry:
        """Return the certificate with this thumbprint from ``store`` (None: MY), with its key.

        Raises NoCertificateError, Windows' error 1312, whose hints say why: it is not in
        any store, in another one, or without its private key.
        """
        wanted = thumbprint.lower(), DEFAULT_STORE if store is None else store
        found = self._required.get(wanted)
        if found is None:
            found = self._required[wanted] = self._find(wanted[0], store_name(wanted[1]))
        return found

    def _find(self, thumbprint: str, store: str) -> Entry:
        found = self._require_own(thumbprint, store)
        if found is not None:
            return found
        same = self.with_thumbprint(thumbprint)
        for entry in same:
            if entry.store.casefold() == store.casefold():
                if entry.has_key or self.keys_elsewhere:
                    return entry
                raise self._no_key(entry)
        raise self._not_in(thumbprint, store, same)

    def has(self, thumbprint: str, store: str | None = None) -> bool:
        """Whether ``require`` finds the certificate."""
        try:
            self.require(thumbprint, store)
        except (CertificateError, NoCertificateError):
            return False
        return True

    def find(self, thumbprint: str, store: str) -> Entry | None:
        """Return the certificate with this thumbprint in ``store``, None if it is not there."""
        return next(
            (
                entry
                for entry in self.with_thumbprint(thumbprint)
                if entry.store.casefold() == store.casefold()
            ),
            None,
        )

    def by_sha256(self, digest: str) -> Entry | None:
        """Return the certificate with this SHA-256 (64 hex digits), or None."""
        digest = digest.lower()
        return next(
            (one for one in self.entries() if one.certificate and one.certificate.sha256 == digest),
            None,
        )

    def search(self, text: str) -> tuple[Entry, ...]:
        """Return the certificates of a thumbprint, a prefix of 8 or more digits, or a SHA-256."""
        text = text.lower()
        if not _HEX.issuperset(text) or len(text) < 8:
            return ()
        return tuple(
            one
            for one in self.entries()
            if one.certificate
            and (one.thumbprint.startswith(text) or one.certificate.sha256 == text)
        )

    def entries(self, store: str | None = None) -> tuple[Entry, ...]:
        """Return everything in the stores, or in one, including locked and unreadable files.

        One certificate of a store is one entry, however many files hold it.
        Unchanged files are not opened. No content of a file raises an error.
        """
        if self._entries is None:
            from sslbind.certificates.index import index

            self._entries = index(self._scan(), self._spelling())
            self._by_thumbprint = {}
            for entry in self._entries:
                self._by_thumbprint.setdefault(entry.thumbprint, []).append(entry)
        if store is None:
            return self._entries
        wanted = store_name(store).casefold()
        return tuple(one for one in self._entries if one.store.casefold() == wanted)

    def add(
        self, identity: Identity, store: str | None = None, *, dry_run: bool = False
    ) -> tuple[Entry, bool]:
        """Write a certificate with chain and key; return its entry, and whether anything changed.

        With ``dry_run`` nothing is written, and the answer is what would be.

        Existing content is not written again; an existing chain or key is kept if
        ``identity`` has none; a key that another tool put into our ``.pem`` moves into a
        ``.key``. Raises SslbindError if the folder cannot be written, CertificateError for
        a key of another certificate, for a link in our place, and where a key would be
        lost.
        """
        from sslbind.certificates.index import Pairing, entry_of
        from sslbind.certificates.loading import branch_of
        from sslbind.certificates.parsing import encode_chain, encode_key

        leaf = identity.leaf
        if identity.key is not None and identity.key.spki != leaf.spki:
            raise CertificateError(f"the private key does not match {leaf.thumbprint}")
        wanted = store_name(DEFAULT_STORE if store is None else store)
        with contextlib.nullcontext() if dry_run else self.writing():
            if not dry_run:
                ignore_keys(self.folder)
            folder = self._folder_of(wanted, make=not dry_run)
            path = os.path.join(folder, leaf.thumbprint)
            put = own_files.differs if dry_run else own_files.put
            own_files.refuse_foreign(f"{path}.pem")
            own_files.refuse_foreign(f"{path}.key")
            chain = encode_chain(identity)
            old = own_files.old_content(f"{path}.pem")
            replaced = old != chain if identity.chain else not old.startswith(chain)
            key_now = identity.key
            if replaced and old:
                key_now = self._rescued(f"{path}.pem", old, identity)
            # The key first: a visible certificate then has its key.
            changed = key_now is not None and put(f"{path}.key", encode_key(key_now))
            if replaced:
                changed = put(f"{path}.pem", chain, 0o666) or changed
            has_key = key_now is not None or os.path.exists(f"{path}.key")
            self.refresh()
        name = os.path.basename(folder)
        key = Pairing("ok", f"{name}/{leaf.thumbprint}.key") if has_key else Pairing()
        entry = entry_of(name, f"{name}/{leaf.thumbprint}.pem", branch_of(identity), key)
        return entry, changed

    def delete(self, entry: Entry, *, dry_run: bool = False) -> tuple[str, ...]:
        """Remove the files that hold ``entry``, and return their paths below the folder.

        With ``dry_run`` nothing is removed.

        A file from another tool is only removed if it holds nothing else: otherwise
        CertificateError names it, and nothing is removed. A key that another certificate in
        the folder uses is kept.
        """
        from sslbind.certificates.index import removable

        if dry_run:
            return removable(entry, self._scan())
        with self.writing():
            doomed = removable(entry, self._scan())
            for path in doomed:
                delete_own(*os.path.split(os.path.join(self.folder, path)))
            self.refresh()
        return doomed

    def load(self, entry: Entry, *, check_keys: bool = True) -> Identity:
        """Return the certificate of ``entry`` with chain and key, read again and fully checked.

        ``check_keys=False`` leaves out the arithmetic check of RSA keys. A key of
        another certificate is returned too, so that ``verify`` can report it. Raises
        SslbindError if a file is gone or cannot be read, PasswordError if it is locked.
        """
        from sslbind.certificates.loading import open_file
        from sslbind.certificates.parsing import Identity, chains

        passwords = self._password_file()
        bundle = open_file(os.path.join(self.folder, entry.file), passwords, strict=check_keys)
        found = next(
            (one for one in chains(bundle.certificates) if one.leaf.thumbprint == entry.thumbprint),
            None,
        )
        if found is None:
            raise CertificateError(
                f"does not hold the certificate {entry.thumbprint or 'any more'}", file=entry.file
            )
        if entry.key_file and entry.key_file != entry.file:
            path = os.path.join(self.folder, entry.key_file)
            bundle += open_file(path, passwords, strict=check_keys)
        keys = sorted(bundle.keys, key=lambda key: key.spki != found.leaf.spki)
        return Identity(found.leaf, found.chain, keys[0] if keys else None)

    def issuers(self, identity: Identity) -> tuple[Certificate, ...]:
        """Return the certificates of all stores that may be above ``identity``.

        They have the name of an issuer in it, or of an issuer of theirs; signatures are not
        checked. Unreadable files are left out. A self-signed certificate needs none.
        """
        from sslbind.certificates.parsing import issued_by

        if issued_by(identity.leaf, identity.leaf):
            return ()
        waiting = [one.issuer for one in (identity.leaf, *identity.chain)]
        found: dict[str, Certificate] = {}
        for name in waiting:
            for facts, file in self.named(name):
                one = None if facts.sha256 in found else self.certificate(file, facts.sha256)
                if one is not None:
                    found[facts.sha256] = one
                    waiting.append(one.issuer)
        return tuple(found.values())

    def named(self, subject: str) -> Sequence[tuple[CertificateFacts, str]]:
        """Return the certificates of all stores that have this subject, each with its file.

        What a file of an issuer has above it counts too; the chain in the file of a
        server's certificate does not: it is only sent with that one.
        """
        if self._by_subject is None:
            self._by_subject = {}
            for entry in self.entries():
                if entry.certificate is not None:
                    above = entry.chain if entry.certificate.is_ca else ()
                    for one in (entry.certificate, *above):
                        self._by_subject.setdefault(one.subject, []).append((one, entry.file))
        return self._by_subject.get(subject, ())

    def folders(self) -> tuple[str, ...]:
        """Return the paths of the stores' folder and of each store."""
        return (
            self.folder,
            *(os.path.join(self.folder, name) for name in self._spelling()),
        )

    def certificate(self, file: str, sha256: str) -> Certificate | None:
        """Return one of the certificates that a file holds, None if it cannot be opened."""
        return next((one for one in self.certificates(file) if one.sha256 == sha256), None)

    def certificates(self, file: str) -> tuple[Certificate, ...]:
        """Return the content of a file, none if it cannot be opened; opened once if unchanged."""
        from sslbind.certificates.loading import open_file

        path = os.path.join(self.folder, file)
        try:
            stamp = stamp_of(path)
            known = self._opened.get(file)
            if known is None or known[0] != stamp:
                bundle = open_file(path, self._password_file(), strict=False)
                known = self._opened[file] = stamp, bundle.certificates
        except (OSError, SslbindError):
            return ()
        return known[1]

    def wide_modes(self, entry: Entry) -> tuple[Problem, ...]:
        """Return a problem (``wide-mode``) for each file with the key that others may read.

        Windows has no modes, so there is no such problem.
        """
        from sslbind.certificates.judgement import Problem

        if os.name == "nt" or not entry.key_file:
            return ()
        path = os.path.join(self.folder, entry.key_file)
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except OSError:
            return ()
        if not mode & 0o077:
            return ()
        message = f"others may read the private key in {printable(entry.key_file)}, mode {mode:04o}"
        return (Problem("wide-mode", message, f"chmod 600 {_word(path)}"),)

    def _require_own(self, thumbprint: str, store: str) -> Entry | None:
        """Return the entry of a ``<thumbprint>.pem`` that really holds it, with a key beside."""
        if len(thumbprint) != 40 or not _HEX.issuperset(thumbprint):
            return None
        for folder, name in self._spelling().items():
            if name.casefold() != store.casefold():
                continue
            path = f"{folder}/{thumbprint}"
            found = first_certificate(own_files.content(os.path.join(self.folder, f"{path}.pem")))
            if found is None or thumbprint_of(found) != thumbprint:
                continue
            if os.path.isfile(os.path.join(self.folder, f"{path}.key")):
                key_file = f"{path}.key"
                return Entry(name, f"{path}.pem", thumbprint, key_status="ok", key_file=key_file)
            if self.keys_elsewhere:
                return Entry(name, f"{path}.pem", thumbprint)
        return None

    def with_thumbprint(self, thumbprint: str) -> Sequence[Entry]:
        """Return the certificate with this thumbprint, once for each store that has it."""
        self.entries()
        return self._by_thumbprint.get(thumbprint, []) if thumbprint else []

    def _no_key(self, entry: Entry) -> NoCertificateError:
        hints = []
        if entry.problem:
            hints.append(f"{printable(entry.file)}: {printable(entry.problem)}")
        if entry.locked:
            hints.append(self._password_file().advice)
        else:
            hints.append(
                f"sslbind store add CERTIFICATE KEY --store {_word(entry.store)} adds the key"
            )
            hints.append(
                'privatekeys = "elsewhere" in [CertStores] allows certificates without keys'
            )
        return NoCertificateError(
            f"the certificate {entry.thumbprint} in the store {printable(entry.store)}"
            " has no private key",
            *hints,
        )

    def _not_in(self, thumbprint: str, store: str, same: Iterable[Entry]) -> NoCertificateError:
        hints = [
            f"it is in the store {printable(one.store)}: certstorename={_word(one.store)}"
            for one in same
        ]
        if hints:
            where = f"not in the store {printable(store)}"
        else:
            where = "not in any store"
            hints.append(f"sslbind store add FILE --store {_word(store)} adds it")
            closed = [one for one in self.entries() if not one.thumbprint]
            hints.extend(
                f"{printable(one.file)} may hold it, but {printable(one.problem or 'is locked')}"
                for one in closed[:5]
            )
            if any(one.locked for one in closed):
                hints.append(self._password_file().advice)
        return NoCertificateError(f"the certificate {printable(thumbprint)} is {where}", *hints)

    def _password_file(self) -> PasswordFile:
        from sslbind.certificates.contents import PasswordFile

        return PasswordFile(self._password_path)

    def fingerprint(self) -> str:
        """Return values that change when a file of the stores, a store or the password does.

        They are those of the first look at the stores.
        """
        found = {} if self.stamped else self._scan()
        files = [
            (path, found[path].stamp if stamp is None else stamp)
            for path, stamp in self._look().files
        ]
        # A sixth of the time of repr; its version 2 writes equal values alike.
        return content_digest(marshal.dumps((self._seen_with, files), 2))

    @property
    def stamped(self) -> bool:
        """Whether the stamps of all files are known without opening any."""
        return all(stamp is not None for _, stamp in self._look().files)

    @property
    def settled(self) -> bool:
        """Whether each file was read long enough after writing for its stamp to identify it."""
        return all(map(attrgetter("stamp"), self._scan().values()))

    def _look(self) -> Look:
        if self._seen is None:
            from sslbind.certificates.scanning import look

            place, password = os.path.realpath(self.folder), self._password_file().stamp()
            self._seen_with = place, password, self._spelling()
            self._seen = look(self.folder)
        return self._seen

    def _scan(self) -> dict[str, FileContents]:
        if self._files is None:
            from sslbind.certificates.scanning import scan

            self._files = scan(
                self.folder,
                self._password_file(),
                progress=self._progress,
                seen=self._look(),
            )
        return self._files

    def _spelling(self) -> dict[str, str]:
        """Return the name of the store for each folder: ``MY`` and ``my`` are one store."""
        try:
            with os.scandir(self.folder) as items:
                folders = sorted(
                    item.name
                    for item in items
                    if item.is_dir(follow_symlinks=False) and not item.name.startswith(".")
                )
        except OSError:
            return {}
        names: dict[str, str] = {}
        return {name: names.setdefault(name.casefold(), name) for name in folders}

    def _rescued(self, path: str, old: bytes, identity: Identity) -> PrivateKey | None:
        """Return the key for the ``.key``: the one given, or the one in the replaced ``.pem``.

        Raises CertificateError if the ``.pem`` holds any other.
        """
        from sslbind.certificates.loading import open_file

        keys: list[PrivateKey] = []
        try:
            bundle = open_file(path, self._password_file(), strict=False)
            keys.extend(bundle.keys)
            lost = bundle.locked > 0
        except PasswordError:
            lost = True
        except CertificateError:
            lost = b"PRIVATE KEY" in old
        if lost or any(key.spki != identity.leaf.spki for key in keys):
            raise CertificateError(
                "holds a private key that would be lost",
                "move the key into its own file beside it first",
                file=path,
            )
        return identity.key or (keys[0] if keys else None)

    def _folder_of(self, store: str, *, make: bool) -> str:
        """Return the folder of a store, spelled as it is there; ``make`` it if it is missing."""
        spelled = {name.casefold(): name for name in self.names()}
        path = os.path.join(self.folder, spelled.get(store.casefold(), store))
        if make:
            own_files.make(path)
        if (make or own_files.mode_of(path)) and not stat.S_ISDIR(own_files.mode_of(path)):
            raise CertificateError(
                "is not a folder but a link or a file", own_files.REPLACE, file=path
            )
        return path


def _word(text: str) -> str:
    """Return ``text`` as one word of a command that somebody may paste into any shell."""
    from sslbind.shells import word

    return word(text) or "STORE"
