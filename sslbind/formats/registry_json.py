"""sslbind's own JSON: the bindings of a registry, for other programs.

``list --format json`` prints the same records, and is read too. A record has
the ``sslflags`` in force; where other flags are stored, ``storedsslflags`` has
them. ``other`` holds what has no tag.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import islice
from typing import Any

from sslbind.binding import Binding
from sslbind.errors import BadValueError, SslbindError
from sslbind.formats import json_records
from sslbind.formats.format import Contents, Format, Written
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.keys import KIND_BY_NAME, Key, parse_address, parse_key
from sslbind.printable import printable_json
from sslbind.release import Release, parse_release
from sslbind.sslflags import effective
from sslbind.tags import SSLFLAGS, STORED

VERSION = 1
_ARRAY = "bindings"
_BATCH = 200
"""Records per call: each call leaves a reference cycle, and the collector may be off."""
_STORED_FLAGS = "storedsslflags"
_NAMES = {"version", "windows", "iplisten", _ARRAY}
_MAX_DEPTH = 29
"""Levels below ``other``: a registry takes no more below ``Other``."""


def write(contents: Contents) -> Written:
    """Return the document; dates and infinite numbers below ``other`` become text, a loss."""
    losses: list[str] = []
    document = {
        "version": VERSION,
        "windows": str(contents.release),
        "iplisten": [*contents.iplisten],
        _ARRAY: [],
    }
    start, _, end = _text(document).rpartition("[]")
    data = BytesIO()
    data.write(start.encode())
    before = "["
    bindings = iter(contents.bindings)
    while batch := [*islice(bindings, _BATCH)]:  # never all of them as objects
        records = [_record(binding, contents.release, losses) for binding in batch]
        text = _text(records)[1:-2].replace("\n", "\n  ")
        data.write(f"{before}{text}".encode())
        before = ","
    data.write(f"[]{end}\n".encode() if before == "[" else f"\n  ]{end}\n".encode())
    return Written(data.getvalue(), tuple(losses))


def detect(text: str) -> bool:
    """Whether ``text`` starts as a JSON object and has ``bindings``."""
    return json_records.looks_like(text, _ARRAY)


def read(text: str, file: str) -> Imported:
    """Return the records of such a document, or of what ``list --format json`` prints.

    Raises SslbindError for another kind of document, or another version.
    """
    document, entries = json_records.parse(text, _ARRAY, file)
    try:
        release, iplisten = _settings(document)
    except BadValueError as error:
        raise SslbindError(error.message, *error.hints, file=file) from None
    records: list[ImportedRecord] = []
    bad: list[BadRecord] = BadOnes()
    for line, entry in entries:
        try:
            records.append(ImportedRecord(_binding(entry, release), line))
        except BadValueError as error:
            bad.append(BadRecord(line, error.message, error.hints, _key_of(entry)))
    return Imported(tuple(records), tuple(bad), release, iplisten)


# Writing.


def _text(value: object) -> str:
    return printable_json(json.dumps(value, indent=2, ensure_ascii=False))


def _record(binding: Binding, release: Release, losses: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {**binding.to_json(release)}
    if SSLFLAGS.name in binding.values and _binding(record, release).values != binding.values:
        record[_STORED_FLAGS] = binding.values[SSLFLAGS.name]
    if binding.other:
        name = binding.key.spec
        record["other"] = _plain(binding.other, f"{name}: Other", losses)
    return record


def _plain(value: object, path: str, losses: list[str]) -> object:
    """Return ``value`` for JSON; dates and infinite numbers become text, with a loss."""
    if isinstance(value, Mapping):
        return {name: _plain(item, f"{path}.{name}", losses) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, path, losses) for item in value]
    if isinstance(value, bool | int | str) or (isinstance(value, float) and _finite(value)):
        return value
    losses.append(f"{path} = {value} becomes text in JSON, which has no such type")
    return str(value)


def _finite(value: float) -> bool:
    return float("-inf") < value < float("inf")


# Reading.


def _settings(document: Mapping[str, Any]) -> tuple[Release | None, tuple[str, ...] | None]:
    for name in document:
        if name not in _NAMES:
            raise BadValueError(
                f"{name!r} is not a field of this format: {', '.join(sorted(_NAMES))}"
            )
    if "version" not in document:
        raise BadValueError(f"version is missing: the current one is {VERSION}")
    version = document["version"]
    if type(version) is not int or version != VERSION:
        raise BadValueError(f"version {version!r:.40} is not known; this sslbind reads {VERSION}")
    windows = document.get("windows")
    if not isinstance(windows, str | None):
        raise BadValueError(f"windows must be text such as 2022, not {windows!r:.40}")
    release = None if windows is None else parse_release(windows)
    addresses = document.get("iplisten")
    if addresses is None:
        return release, None
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        raise BadValueError(f"iplisten must be a list of addresses, not {addresses!r:.60}")
    return release, tuple(dict.fromkeys(parse_address(one) for one in addresses))


def _binding(entry: object, release: Release | None) -> Binding:
    """Return the binding of one record; raise BadValueError with what is wrong."""
    if not isinstance(entry, dict):
        raise BadValueError(f"a record must be an object, not {entry!r:.60}")
    key = _key(entry)
    try:
        return Binding(key, dict(_values(key, entry, release)), _other(entry.get("other")))
    except BadValueError as error:
        prefix = "" if error.message.startswith(f"{key.kind}=") else f"{key.spec}: "
        raise BadValueError(f"{prefix}{error.message}", *error.hints) from None


def _key(entry: Mapping[str, Any]) -> Key:
    kind = KIND_BY_NAME.get(str(entry.get("kind")))
    if kind is None:
        words = ", ".join(KIND_BY_NAME)
        raise BadValueError(f"kind must be one of {words}, not {entry.get('kind')!r:.60}")
    text = entry.get("key")
    if not isinstance(text, str):
        raise BadValueError(f"key must be text such as 0.0.0.0:443, not {text!r:.60}")
    return parse_key(kind, text)


def _key_of(entry: object) -> Key | None:
    try:
        return _key(entry) if isinstance(entry, dict) else None
    except BadValueError:
        return None


_NO_TAGS = {"kind", "key", "other", "names", "not_after"}
"""The fields of a record that are not tags; ``list`` adds the last two about its certificate."""


def _values(
    key: Key, entry: Mapping[str, Any], release: Release | None
) -> Iterator[tuple[str, object]]:
    """Yield the names and values of tags; null is text that is not set."""
    tags = {name: value for name, value in entry.items() if name not in _NO_TAGS}
    flags = tags.pop(SSLFLAGS.name, None)
    if flags is not None:
        SSLFLAGS.check(flags)
    if _STORED_FLAGS in tags:
        yield SSLFLAGS.name, tags.pop(_STORED_FLAGS)
    elif flags is not None:
        releases = list(Release) if release is None else [release]
        if all(flags != effective(key.kind, tags, one) for one in releases):
            yield SSLFLAGS.name, flags
    for name, value in tags.items():
        if value is not None or name not in STORED or STORED[name].default is not None:
            yield name, value


def _other(other: object) -> Mapping[str, Any] | None:
    if other is None:
        return None
    if not isinstance(other, dict):
        raise BadValueError(f"other must be an object, not {other!r:.60}")
    todo: list[tuple[object, int]] = [(other, 0)]
    while todo:
        value, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise BadValueError("other is nested too deeply")
        if value is None:
            raise BadValueError("other has a null, which a registry cannot hold")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise BadValueError("other has an integer of more than 64 bits")
        if isinstance(value, str) and not value.isascii():
            _encodable(value)
        if isinstance(value, dict):
            todo += ((item, depth + 1) for pair in value.items() for item in pair)
        elif isinstance(value, list):
            todo += ((item, depth + 1) for item in value)
    return other


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValueError(
            f"other has text with half a character (a lone surrogate): {text!r:.60}"
        ) from None


FORMAT = Format(
    "json",
    "JSON of sslbind, with every tag of each record",
    detect,
    read,
    write,
    rank=10,
    whole_server=True,
)
