"""The files of the stores, sorted into certificates with their keys.

Pure: it reads no file. Keys are matched to certificates by public key within
one folder, so every layout works; names are only used to say whose key is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from sslbind.certificates.contents import KEY_SUFFIX, Branch, FileContents
from sslbind.certificates.entry import Entry, KeyStatus
from sslbind.errors import CertificateError

_NOTHING = FileContents([], [], [])


def index(found: Mapping[str, FileContents], spelling: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the entries of ``found``, one for each certificate of a store.

    ``spelling`` gives the name of a store by its folder. Of several files with one
    certificate the one with a key is used, then the one with the longest chain (certbot's
    ``fullchain.pem`` before ``cert.pem``).
    """
    folders: dict[str, dict[str, FileContents]] = {}
    for path, contents in found.items():
        folders.setdefault(path.rpartition("/")[0], {})[path] = contents
    best: dict[tuple[str, str], Entry] = {}
    for folder, files in folders.items():
        name = folder.partition("/")[0]
        for entry in _folder(spelling.get(name, name), files):
            same = (entry.store.casefold(), entry.thumbprint or entry.file)
            best[same] = _merged(best[same], entry) if same in best else entry
    return tuple(sorted(best.values(), key=lambda entry: (entry.store, entry.file)))


class Pairing(NamedTuple):
    """What is known about the private key of a certificate; the fields are those of ``Entry``."""

    key_status: KeyStatus = "missing"
    key_file: str = ""
    locked: bool = False
    problem: str | None = None


_NO_KEY = Pairing()


def entry_of(
    store: str, path: str, branch: Branch, key: Pairing, contents: FileContents = _NOTHING
) -> Entry:
    """Return the entry of the certificate that ends ``branch``, in the file ``path``."""
    leaf, chain = branch
    of_file = (), contents.sealed, contents.twice, contents.signs_only
    return Entry(store, path, leaf.thumbprint, leaf, chain, *key, *of_file)


def removable(entry: Entry, found: Mapping[str, FileContents]) -> tuple[str, ...]:
    """Return the files to delete with ``entry``: those that hold it and nothing else.

    Raises CertificateError if one holds another certificate too, or its only
    key. A key file that another certificate in the folder uses is kept; certbot's
    ``chain.pem`` goes with the last certificate beside it.
    """
    holders = [entry.file, *entry.also]
    if not entry.thumbprint:
        return tuple(holders)
    doomed = dict.fromkeys(holders)
    for folder in dict.fromkeys(os.path.dirname(path) for path in holders):
        files = {
            path: contents for path, contents in found.items() if os.path.dirname(path) == folder
        }
        _refuse_shared(entry, {path: files[path] for path in holders if path in files})
        doomed.update(dict.fromkeys(_companions(entry, folder, files)))
        _refuse_last_keys(entry, files, doomed)
    return tuple(doomed)


def _refuse_last_keys(
    entry: Entry, files: Mapping[str, FileContents], doomed: Collection[str]
) -> None:
    """Raise CertificateError if the only key of another certificate would be deleted."""
    stays = {
        spki for path, contents in files.items() if path not in doomed for spki in contents.keys
    }
    needed = {
        branch.leaf.spki: branch.leaf.thumbprint
        for contents in files.values()
        for branch in contents.branches
        if branch.leaf.thumbprint != entry.thumbprint and branch.leaf.spki not in stays
    }
    for path in doomed:
        for spki in files[path].keys if path in files else ():
            if spki in needed:
                raise CertificateError(
                    f"also holds the private key of another certificate: {needed[spki]}",
                    "move that key to its own file beside it first",
                    file=path,
                )


def _refuse_shared(entry: Entry, holders: Mapping[str, FileContents]) -> None:
    for path, contents in holders.items():
        others = [
            one.leaf.thumbprint
            for one in contents.branches
            if one.leaf.thumbprint != entry.thumbprint
        ]
        if others:
            raise CertificateError(
                f"also holds other certificates: {', '.join(others[:3])}",
                "remove the certificate from the file with an editor",
                file=path,
            )


def _companions(entry: Entry, folder: str, files: Mapping[str, FileContents]) -> Iterator[str]:
    """Yield the key and the chain that nothing needs once ``entry`` is gone from ``folder``."""
    above = {one.thumbprint for one in entry.chain}
    others = [branch for contents in files.values() for branch in contents.branches]
    others = [branch for branch in others if branch.leaf.thumbprint != entry.thumbprint]
    last = all(branch.leaf.thumbprint in above for branch in others)
    needed = {branch.leaf.spki for branch in others}
    own_key = [entry.certificate.spki] if entry.certificate else None
    for path, contents in files.items():
        own = contents.keys == own_key or path == f"{folder}/{entry.thumbprint}{KEY_SUFFIX}"
        if own and not contents.branches and needed.isdisjoint(contents.keys):
            yield path
        if last and _is_chain(path) and _only(contents, above):
            yield path


def _folder(store: str, files: Mapping[str, FileContents]) -> Iterator[Entry]:
    """Yield the entries of one folder of a store."""
    keys = {spki: path for path, contents in files.items() for spki in contents.keys}
    names = {path.lower(): path for path in files}
    chained = {
        above.thumbprint
        for contents in files.values()
        for branch in contents.branches
        for above in branch.chain
    }
    for path, contents in files.items():
        if contents.branches:
            if _is_chain(path) and _only(contents, chained):
                continue
            for branch in contents.branches:
                key = next(_pairings(path, branch, files, keys, names), _NO_KEY)
                yield entry_of(store, path, branch, key, contents)
        elif contents.problem and not path.lower().endswith(KEY_SUFFIX):
            yield Entry(
                store,
                path,
                locked=contents.locked,
                problem=contents.problem,
                sealed=contents.sealed,
            )


def _is_chain(path: str) -> bool:
    """Whether it is certbot's chain.pem, whose certificates are also in fullchain.pem."""
    return path.rpartition("/")[2].lower() == "chain.pem"


def _only(contents: FileContents, thumbprints: set[str]) -> bool:
    return bool(contents.branches) and all(
        branch.leaf.thumbprint in thumbprints for branch in contents.branches
    )


def _pairings(
    path: str,
    branch: Branch,
    files: Mapping[str, FileContents],
    keys: Mapping[str, str],
    names: Mapping[str, str],
) -> Iterator[Pairing]:
    """Yield where the key of a certificate is, then the reasons why not; the first one counts."""
    own, spki = files[path], branch.leaf.spki
    if spki in own.keys:
        yield Pairing("ok", path)
    if spki in keys:
        yield Pairing("ok", keys[spki])
    if own.locked:
        yield Pairing("missing", path, locked=True, problem="its private key is locked")
    if own.keys and len(own.branches) == 1:
        yield Pairing("mismatch", path, problem="its private key belongs to another certificate")
    for name in _beside(path):
        beside = names.get(name.lower(), "")
        contents = files.get(beside, _NOTHING)
        what = f"the private key in {beside}"
        if contents.locked:
            yield Pairing("missing", beside, locked=True, problem=f"{what} is locked")
        if contents.problem:
            yield Pairing("missing", beside, problem=f"{beside} {contents.problem}")
        if contents.keys:
            yield Pairing("mismatch", beside, problem=f"{what} belongs to another certificate")


def _beside(path: str) -> Iterator[str]:
    """Yield where the key of a certificate is kept by convention: stem.key, privkey.pem."""
    yield os.path.splitext(path)[0] + KEY_SUFFIX
    folder, name = os.path.split(path)
    if name.lower() in ("cert.pem", "fullchain.pem"):
        yield f"{folder}/privkey.pem"


def _merged(one: Entry, other: Entry) -> Entry:
    best, rest = (other, one) if _rank(other) > _rank(one) else (one, other)
    return best._replace(also=tuple(sorted({*best.also, *rest.also, rest.file})))


def _rank(entry: Entry) -> tuple[bool, bool, int, bool]:
    own = entry.file.endswith(f"/{entry.thumbprint}.pem")
    return entry.has_key, not entry.locked, len(entry.chain), own
