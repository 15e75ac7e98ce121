"""The JSON of ``show sslcert json=enable``, with the names that are known.

Known are the top level and the entry's names. Inferred: that ``ConfigType`` is
HTTP_SERVICE_CONFIG_ID and ``SslHash`` the base64 of the 20 bytes. The names of
the other fields are not known, and none is made up.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats.netsh_text import SYSTEM_TEXTS
from sslbind.keys import KINDS, Key, Kind, parse_key
from sslbind.printable import printable_json
from sslbind.tags import TAG_BY_NAME


def write(bindings: Iterable[Binding], *, status: int = 0, ascii_only: bool = False) -> str:
    """Return the document; ``status`` is the Windows error that ``message`` explains.

    ``ascii_only`` escapes every other character, for streams that lack them.
    """
    document = {
        "SslCertificateBindings": [_entry(binding) for binding in bindings],
        "message": SYSTEM_TEXTS[status] if status else "",
        "status": status,
    }
    return printable_json(json.dumps(document, indent=4, ensure_ascii=ascii_only)) + "\n"


def read(text: str, file: str) -> list[tuple[Key, dict[str, str]]]:
    """Return each entry's key and tags, as texts that a line would have.

    Raises SslbindError where ``text`` is no such document, and BadValueError
    for a key that cannot be.
    """
    try:
        document = json.loads(text)
        entries = document["SslCertificateBindings"]
        return [_read_entry(entry) for entry in entries]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SslbindError(
            f"is no JSON as show sslcert json=enable prints it: {error!r:.120}", file=file
        ) from None


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


def _read_entry(entry: dict[str, object]) -> tuple[Key, dict[str, str]]:
    kinds: dict[object, Kind] = {kind.config_id: kind for kind in KINDS}
    kind = kinds[entry.get("ConfigType", 1)]
    texts = {"appid": str(entry["GuidString"])}
    if entry.get("SslHash"):
        texts["certhash"] = base64.b64decode(str(entry["SslHash"]), validate=True).hex()
    if entry.get("SslCertStoreName"):
        texts["certstorename"] = str(entry["SslCertStoreName"])
    return parse_key(kind, str(entry["IpPort"])), {
        name: texts[name] for name in TAG_BY_NAME if name in texts
    }
