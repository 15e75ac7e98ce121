"""What a line of a script that is not netsh's does to a record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, Key, parse_key
from sslbind.tags import TAGS, Type, Value


class Effect(NamedTuple):
    """What a line does: ``add``, ``update`` or ``delete`` a record, or something ``unclear``.

    ``key`` is None if it is not known. ``why`` says what an unclear line does;
    ``removes``: it may remove the record, or every record if there is no key.
    """

    action: str
    key: Key | None = None
    values: Mapping[str, Value] = {}
    why: str = ""
    removes: bool = False


# …\HTTP\Parameters\SslBindingInfo\0.0.0.0:443
HTTP_KEYS = re.compile(
    r"\\(SslBindingInfo|SslSniBindingInfo|SslCcsBindingInfo|SslScopedCcsBindingInfo)\\(.+)$",
    re.IGNORECASE,
)


def stored_values(name: str, number: int) -> dict[str, Value]:
    """Return the tags that a number in a value of the Windows registry sets."""
    found: dict[str, Value] = {}
    for tag in TAGS:
        if tag.value.lower() == name.lower():
            if tag.type is Type.FLAG:
                found[tag.name] = bool(number & tag.bit) is not tag.inverted
            elif tag.type is Type.NUMBER:
                found[tag.name] = number
    return found


def site_key(address: str, port: str, host: str, flags: int) -> Key | None:
    """Return the key of the record that IIS makes for a site's binding, None if it is not one."""
    if flags & 2:
        kind, text = CCS, port
    elif flags & 1:
        kind, text = HOSTNAMEPORT, f"{host}:{port}"
    else:
        place = "0.0.0.0" if address in ("", "*") else address  # noqa: S104
        if ":" in place and place[0] != "[":
            place = f"[{place}]"
        kind, text = IPPORT, f"{place}:{port}"
    try:
        return parse_key(kind, text)
    except BadValueError:
        return None
