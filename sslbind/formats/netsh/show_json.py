"""The JSON of ``show sslcert json=enable``, with the names that are known.

Known are the top level and the entry's names. Inferred: that ``ConfigType`` is
HTTP_SERVICE_CONFIG_ID and ``SslHash`` the base64 of the 20 bytes. The names of the other
fields are not known, and none are invented.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping

from sslbind.binding import Binding
from sslbind.bounds import check_json
from sslbind.errors import BadValueError, SslbindError
from sslbind.formats import json_records
from sslbind.formats.format import Format
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.keys import IPPORT, KINDS, Key, parse_key
from sslbind.netsh_messages import SYSTEM_TEXTS
from sslbind.printable import printable_json
from sslbind.tags import TAG_BY_NAME

CARRIED = "certhash, appid and certstorename are all that such a file records"
"""As far as the names of its fields are known."""
_CARRIED = frozenset({"certhash", "appid", "certstorename"})
_ARRAY = "SslCertificateBindings"
_START = re.compile(r"^[ \t]*\{", re.MULTILINE)


def write(bindings: Iterable[Binding], *, status: int = 0, ascii_only: bool = False) -> str:
    """Return the document; ``status`` is the Windows error that ``message`` explains.

    ``ascii_only`` escapes every other character, for streams that lack them.
    """
    document = {
        _ARRAY: [_entry(binding) for binding in bindings],
        "message": SYSTEM_TEXTS[status] if status else "",
        "status": status,
    }
    return printable_json(json.dumps(document, indent=4, ensure_ascii=ascii_only)) + "\n"


def read(text: str, file: str) -> list[tuple[Key, dict[str, str]]]:
    """Return each entry's key and tags, as texts that a line would have.

    Raises SslbindError if ``text`` is not such a document, and BadValueError for an invalid
    key.
    """
    check_json(text, file)
    try:
        document = json.loads(text)
        entries = document[_ARRAY]
        return [_read_entry(entry) for entry in entries]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SslbindError(
            f"is not the JSON that show sslcert json=enable prints: {error!r:.120}", file=file
        ) from None


def detect(text: str) -> bool:
    """Whether a line of ``text`` starts a JSON object, and it has ``SslCertificateBindings``."""
    return f'"{_ARRAY}"' in text and json_records.looks_like(_document(text), _ARRAY)


def read_records(text: str, file: str) -> Imported:
    """Return the records of the document, with the tags whose names are known."""
    records: list[ImportedRecord] = []
    bad: list[BadRecord] = BadOnes()
    for line, entry in json_records.parse(_document(text), _ARRAY, file)[1]:
        try:
            key, texts = _read_entry(entry)
            values = {name: TAG_BY_NAME[name].parse(value) for name, value in texts.items()}
            records.append(ImportedRecord(Binding(key, values), line))
        except BadValueError as error:
            bad.append(BadRecord(line, error.message, error.hints, _key_of(entry)))
        except (TypeError, ValueError) as error:
            bad.append(BadRecord(line, str(error), key=_key_of(entry)))
    notes = (CARRIED,) if records else ()
    return Imported(tuple(records), tuple(bad), notes=notes, carried=_CARRIED)


def _document(text: str) -> str:
    """Return the object without the console's lines around it, at its original line."""
    start = _START.search(text)
    if start is None:
        return text
    return "\n" * text.count("\n", 0, start.start()) + text[start.start() : text.rfind("}") + 1]


def _entry(binding: Binding) -> dict[str, object]:
    certhash = binding.certhash
    return {
        "IpPort": str(binding.key),
        "ConfigType": binding.key.kind.config_id,
        "AppId": binding.appid,
        "GuidString": binding.appid,
        "SslHash": base64.b64encode(bytes.fromhex(certhash)).decode() if certhash else None,
        "SslCertStoreName": binding["certstorename"],
    }


def _read_entry(entry: object) -> tuple[Key, dict[str, str]]:
    """Return an entry's key and tags; raise TypeError or ValueError with a sentence.

    BadValueError is for an invalid key.
    """
    if not isinstance(entry, dict):
        raise TypeError(f"an entry must be an object, not {entry!r:.60}")
    key = _key(entry)
    texts = {"appid": _text(entry, "GuidString") or _text(entry, "AppId")}
    texts["certhash"] = _hash(_text(entry, "SslHash"))
    texts["certstorename"] = _text(entry, "SslCertStoreName")
    return key, {name: text for name in TAG_BY_NAME if (text := texts.get(name))}


def _key(entry: Mapping[str, object]) -> Key:
    number = entry.get("ConfigType", IPPORT.config_id)
    kind = next((kind for kind in KINDS if kind.config_id == number), None)
    if kind is None:
        known = ", ".join(f"{kind.config_id} {kind}" for kind in KINDS)
        raise ValueError(f"ConfigType {number!r:.40} is not known: {known}")
    return parse_key(kind, _text(entry, "IpPort") or "")


def _key_of(entry: object) -> Key | None:
    try:
        return _key(entry) if isinstance(entry, dict) else None
    except (BadValueError, TypeError, ValueError):
        return None


def _text(entry: Mapping[str, object], name: str) -> str | None:
    value = entry.get(name)
    if not isinstance(value, str | None):
        raise TypeError(f"{name} must be text, not {value!r:.60}")
    return value


def _hash(text: str | None) -> str | None:
    """Return the hex digits of a hash in base64; hex digits are accepted too."""
    try:
        if text is None or re.fullmatch(r"[0-9A-Fa-f]{40}", text):
            return text
        return base64.b64decode(text, validate=True).hex()
    except ValueError:
        raise ValueError(f"SslHash {text!r:.60} is not base64") from None


FORMAT = Format(
    "netsh-json",
    "JSON of 'netsh http show sslcert json=enable'",
    detect,
    read_records,
    rank=10,
    whole_server=True,
)
