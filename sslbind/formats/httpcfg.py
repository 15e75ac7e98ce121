"""What ``httpcfg query ssl`` prints on Windows XP and Server 2003, which have no netsh http.

The tool is part of the Support Tools. Its numbers are those of the Windows registry:
``CertCheckMode`` is DefaultSslCertCheckMode, ``Flags`` is DefaultFlags.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.format import Format
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.formats.left_out import (
    breaks_off,
    elision,
    joined_to_another,
    stands_for_others,
    without_key,
)
from sslbind.formats.netsh.tools import httpcfg_values
from sslbind.keys import IPPORT, Key, parse_key
from sslbind.release import Release

_FIELD = re.compile(r"^\s*(\w+)\s*:\s?(.*?)\s*$")
# IP: 0.0.0.0:443, then Hash: … and Guid: … on the next lines
_DETECT = re.compile(
    r"^\s*IP\s*:\s*\S+:[0-9]{1,5}\s*\n\s*Hash\s*:[^\n]*\n\s*Guid\s*:", re.MULTILINE
)
_LETTERS = {
    "Hash": "h", "Guid": "g", "CertStoreName": "c", "CertCheckMode": "m",
    "RevocationFreshnessTime": "r", "UrlRetrievalTimeout": "x", "SslCtlIdentifier": "t",
    "SslCtlStoreName": "n", "Flags": "f",
}  # fmt: skip
"""The option of ``httpcfg set ssl`` that sets each field."""


def detect(text: str) -> bool:
    """Whether ``text`` holds a record as httpcfg prints it."""
    return "Guid" in text and bool(_DETECT.search(text))


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records; one without a field, or with an unreadable one, is bad."""
    records: dict[Key, ImportedRecord] = {}
    found, bad = _records(text)
    for line, place, options in found:
        key = None
        try:
            key = parse_key(IPPORT, place)
            binding = Binding(key, httpcfg_values(options))
            _check_whole(key, options)
        except BadValueError as error:
            bad.append(BadRecord(line, error.message, error.hints, key))
            if line == found[-1].line and len(options) < len(_LETTERS):
                bad.append(breaks_off(text.count("\n") + 1))
            continue
        if records.setdefault(key, ImportedRecord(binding, line)).binding != binding:
            bad.append(BadRecord(line, f"{key.spec} appears twice", (), key))
    return Imported(tuple(records.values()), tuple(bad), Release.W2003)


def _check_whole(key: Key, options: Container[str]) -> None:
    lacks = [name for name, letter in _LETTERS.items() if letter not in options]
    if lacks:
        raise BadValueError(f"{key.spec} is cut short: it has no {lacks[0]}")


class _Record(NamedTuple):
    """The line and the address of a record, and its options by their letters."""

    line: int
    place: str
    options: dict[str, str]


def _records(text: str) -> tuple[list[_Record], list[BadRecord]]:
    """Return the records, and what stands for those of which a part is missing."""
    found: list[_Record] = []
    bad: list[BadRecord] = BadOnes()
    for number, line in enumerate(text.split("\n"), 1):
        field = _FIELD.match(line)
        letter = _LETTERS.get(field[1]) if field else None
        if field is not None and field[1] == "IP":
            found.append(_Record(number, field[2], {}))
        elif field is None or letter is None:
            bad += [elision(number, line)] if stands_for_others(line) else []
        elif not found:
            bad += [without_key(number)] if not bad else []
        elif letter in found[-1].options:
            known = bad and bad[-1].line == number - 1
            bad += [] if known else [joined_to_another(number)]
        else:
            found[-1].options[letter] = field[2]
    return found, bad


FORMAT = Format(
    "httpcfg",
    "output of 'httpcfg query ssl' of Windows Server 2003",
    detect,
    read,
    rank=10,
    whole_server=True,
)
