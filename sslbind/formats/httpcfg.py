"""What ``httpcfg query ssl`` prints on Windows XP and Server 2003, which have no netsh http.

The tool is part of the Support Tools. Its numbers are those of the Windows registry:
``CertCheckMode`` is DefaultSslCertCheckMode, ``Flags`` is DefaultFlags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.format import Format
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord
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
    """Return the records; one without a hash, or with an unreadable field, is bad."""
    records: dict[Key, ImportedRecord] = {}
    bad = []
    for line, place, options in _records(text):
        key = None
        try:
            key = parse_key(IPPORT, place)
            binding = Binding(key, httpcfg_values(options))
        except BadValueError as error:
            bad.append(BadRecord(line, error.message, error.hints, key))
            continue
        if records.setdefault(key, ImportedRecord(binding, line)).binding != binding:
            bad.append(BadRecord(line, f"{key.spec} appears twice", (), key))
    return Imported(tuple(records.values()), tuple(bad), Release.W2003)


def _records(text: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Yield the line, the address and the options of each record."""
    found: list[tuple[int, str, dict[str, str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        field = _FIELD.match(line)
        if field is None:
            continue
        name, value = field[1], field[2]
        if name == "IP":
            found.append((number, value, {}))
        elif found and name in _LETTERS:
            found[-1][2][_LETTERS[name]] = value
    yield from found


FORMAT = Format(
    "httpcfg",
    "output of 'httpcfg query ssl' of Windows Server 2003",
    detect,
    read,
    rank=10,
    whole_server=True,
)
