"""The files of the stores, sorted into certificates with their keys.

Pure: it reads no file. Keys are matched to certificates by public key within
one folder, so every layout works; names count only to say whose key is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sslbind.certificates.entry import Entry, KeyStatus
from sslbind.certificates.scanning import CHAIN, KEY_SUFFIX, SPKI, THUMBPRINT, Facts, Row
from sslbind.errors import CertificateError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING = Facts([], [], [])


def index(found: Mapping[str, Facts], spelling: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the entries of ``found``, one for each certificate of a store.

    ``spelling`` gives the name of a store by its folder. Of several files with
    one certificate the one with a key counts, then the one with the longest
    chain (certbot's ``fullchain.pem`` before ``cert.pem``).
    """
    folders: dict[str, dict[str, Facts]] = {}
    for path, facts in found.items():
        folders.setdefault(os.path.dirname(path), {})[path] = facts
    best: dict[tuple[str, str], Entry] = {}
    for folder in folders.values():
        for entry in _folder(folder, spelling):
            same = (entry.store.casefold(), entry.thumbprint or entry.file)
            best[same] = _merged(best[same], entry) if same in best else entry
    return tuple(sorted(best.values(), key=lambda entry: (entry.store, entry.file)))


class Pairing(NamedTuple):
    """What is known of the private key of a certificate; the fields are those of ``Entry``."""

    key_status: KeyStatus = "missing"
    key_file: str = ""
    locked: bool = False
    problem: str | None = None


def entry_of(store: str, path: str, row: Row, key: Pairing) -> Entry:
    """Return the entry of the certificate in ``path`` that ``row`` tells of."""
    return Entry(
        store,
        path,
        thumbprint=row[THUMBPRINT],
        sha256=row[1],
        subject=row[2],
        issuer=row[3],
        not_before=_EPOCH + timedelta(seconds=row[4]),
        not_after=_EPOCH + timedelta(seconds=row[5]),
        dns_names=tuple(row[6]),
        ip_names=tuple(row[7]),
        eku=None if row[8] is None else tuple(row[8]),
        is_ca=row[9],
        key_type=row[10],
        key_bits=row[11],
        signature_hash=row[12],
        spki=row[SPKI],
        chain=tuple(row[CHAIN]),
        key_id=bytes.fromhex(row[15]),
        issuer_key_id=bytes.fromhex(row[16]),
        self_signed=row[17],
        key_status=key.key_status,
        key_file=key.key_file,
        locked=key.locked,
        problem=key.problem,
    )


def removable(entry: Entry, found: Mapping[str, Facts]) -> tuple[str, ...]:
    """Return the files that go with ``entry``: those that hold it and nothing else.

    Raises CertificateError where one holds another certificate too, or its only
    key. A key file that another certificate of the folder uses stays; certbot's
    ``chain.pem`` goes with the last certificate beside it.
    """
    holders = [entry.file, *entry.also]
    if not entry.thumbprint:
        return tuple(holders)
    doomed = dict.fromkeys(holders)
    for folder in dict.fromkeys(os.path.dirname(path) for path in holders):
        files = {path: facts for path, facts in found.items() if os.path.dirname(path) == folder}
        _refuse_shared(entry, {path: files[path] for path in holders if path in files})
        doomed.update(dict.fromkeys(_companions(entry, folder, files)))
        _refuse_last_keys(entry, files, doomed)
    return tuple(doomed)


def _refuse_last_keys(entry: Entry, files: Mapping[str, Facts], doomed: Collection[str]) -> None:
    """Raise CertificateError where a key goes that another certificate has nowhere else."""
    stays = {spki for path, facts in files.items() if path not in doomed for spki in facts.keys}
    needed = {
        row[SPKI]: row[THUMBPRINT]
        for facts in files.values()
        for row in facts.rows
        if row[THUMBPRINT] != entry.thumbprint and row[SPKI] not in stays
    }
    for path in doomed:
        for spki in files[path].keys if path in files else ():
            if spki in needed:
                raise CertificateError(
                    f"holds the private key of another certificate as well: {needed[spki]}",
                    "put that key into a file of its own beside it first",
                    file=path,
                )


def _refuse_shared(entry: Entry, holders: Mapping[str, Facts]) -> None:
    for path, facts in holders.items():
        others = [one[THUMBPRINT] for one in facts.rows if one[THUMBPRINT] != entry.thumbprint]
        if others:
            raise CertificateError(
                f"holds other certificates as well: {', '.join(others[:3])}",
                "take the certificate out of the file with an editor",
                file=path,
            )


def _companions(entry: Entry, folder: str, files: Mapping[str, Facts]) -> Iterator[str]:
    """Yield the key and the chain that nothing needs once ``entry`` is gone from ``folder``."""
    above = set(entry.chain)
    others = [row for facts in files.values() for row in facts.rows]
    others = [row for row in others if row[THUMBPRINT] != entry.thumbprint]
    last = all(row[THUMBPRINT] in above for row in others)
    needed = {row[SPKI] for row in others}
    for path, facts in files.items():
        own = facts.keys == [entry.spki] or path == f"{folder}/{entry.thumbprint}{KEY_SUFFIX}"
        if own and not facts.rows and needed.isdisjoint(facts.keys):
            yield path
        if last and _is_chain(path) and _only(facts, above):
            yield path


def _folder(files: Mapping[str, Facts], spelling: Mapping[str, str]) -> Iterator[Entry]:
    keys = {spki: path for path, facts in files.items() for spki in facts.keys}
    names = {path.lower(): path for path in files}
    chained = {above for facts in files.values() for row in facts.rows for above in row[CHAIN]}
    for path, facts in files.items():
        folder = path.partition("/")[0]
        store = spelling.get(folder, folder)
        if _is_chain(path) and _only(facts, chained):
            continue
        for row in facts.rows:
            key = next(_pairings(path, row, files, keys, names), Pairing())
            yield entry_of(store, path, row, key)
        if not facts.rows and facts.problem and not path.lower().endswith(KEY_SUFFIX):
            yield Entry(store, path, locked=facts.locked, problem=facts.problem)


def _is_chain(path: str) -> bool:
    """Whether it is certbot's chain.pem, whose certificates are in fullchain.pem as well."""
    return os.path.basename(path).lower() == "chain.pem"


def _only(facts: Facts, thumbprints: set[str]) -> bool:
    return bool(facts.rows) and all(row[THUMBPRINT] in thumbprints for row in facts.rows)


def _pairings(
    path: str,
    row: Row,
    files: Mapping[str, Facts],
    keys: Mapping[str, str],
    names: Mapping[str, str],
) -> Iterator[Pairing]:
    """Yield where the key of a certificate is, then the reasons why not; the first holds."""
    own, spki = files[path], row[SPKI]
    if spki in own.keys:
        yield Pairing("ok", path)
    if spki in keys:
        yield Pairing("ok", keys[spki])
    if own.locked:
        yield Pairing("missing", path, locked=True, problem="its private key is locked")
    if own.keys and len(own.rows) == 1:
        yield Pairing("mismatch", path, problem="its private key belongs to another certificate")
    for name in _beside(path):
        beside = names.get(name.lower(), "")
        facts = files.get(beside, _NOTHING)
        what = f"the private key in {beside}"
        if facts.locked:
            yield Pairing("missing", beside, locked=True, problem=f"{what} is locked")
        if facts.problem:
            yield Pairing("missing", beside, problem=f"{beside} {facts.problem}")
        if facts.keys:
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
