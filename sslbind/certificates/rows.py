"""Contents of files as JSON: as the cache keeps them, and as one process tells another.

Whoever wrote it, what is read has the types that it was written with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sslbind.certificates.contents import Branch, FileContents, PasswordFile
from sslbind.certificates.facts import CertificateFacts, from_row, to_row
from sslbind.certificates.sealed import Sealed


def encode(found: Mapping[str, FileContents]) -> bytes:
    """Return contents by path as one JSON array in one line.

    Each certificate is in it once, however many files hold it or one that it issued.
    """
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
    }
    return json.dumps([rows, files], separators=(",", ":")).encode("ascii")


def decode(document: Any) -> dict[str, FileContents]:
    """Return what ``encode`` wrote, of its JSON array; raise one of ``DAMAGED`` for another."""
    rows, files = document
    known = [*map(from_row, rows)]
    return {
        path: FileContents(
            _each(stamp, _NUMBERS),
            [Branch(known[leaf], tuple([known[one] for one in chain])) for leaf, *chain in ends],
            _each(keys, _TEXTS),
            bool(locked),
            None if problem is None else _text(problem),
            None if sealed is None else _sealed(sealed),
            bool(twice),
            bool(signs_only),
        )
        for path, (stamp, ends, keys, locked, problem, sealed, twice, signs_only) in files.items()
    }


def request(folder: str, password_file: PasswordFile, paths: Sequence[str]) -> bytes:
    """Return what asks another process for the contents of files of a folder, in one line."""
    return json.dumps([folder, paths, password_file.path, password_file.setting]).encode("ascii")


def requested(data: bytes) -> tuple[str, list[str], PasswordFile]:
    """Return the folder, the paths of the files and the password file of a request."""
    folder, paths, path, setting = json.loads(data)
    return folder, paths, PasswordFile(path, setting)


DAMAGED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading a damaged or forged text raises."""


_NUMBERS, _TEXTS = frozenset((int,)), frozenset((str,))


def _each(values: Any, types: frozenset[type]) -> list[Any]:
    """Return ``values``, a list of these types; raise TypeError for anything else."""
    if type(values) is not list or not types.issuperset(map(type, values)):
        raise TypeError("not a list of these types")
    return values


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a number")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def _sealed(row: list[Any]) -> Sealed:
    mac, pbes1, pbes2, iterations, keys, provider = row
    ciphers = tuple(map(_text, pbes1)), tuple(map(_text, pbes2))
    return Sealed(_text(mac), *ciphers, _number(iterations), _number(keys), _text(provider))
