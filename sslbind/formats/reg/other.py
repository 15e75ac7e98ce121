r"""How values and subkeys without a tag are written in ``[….Other]``: readable, and lossless.

==================  ============================================================
in Windows          in the registry file
==================  ============================================================
REG_DWORD           an integer: ``Answer = 42``
REG_SZ              text: ``Owner = "Web team"``
REG_EXPAND_SZ       ``Folder = ["REG_EXPAND_SZ", "%SystemRoot%\\x"]``
REG_MULTI_SZ        ``Names = ["REG_MULTI_SZ", "one", "two"]``
REG_BINARY          ``Blob = ["REG_BINARY", "81e1c34d"]``
any other type,     ``Odd = [11, "0100000000000000"]``: the number of the type, and
or data that is     the bytes as hex digits
not its type's
the default value   a value with an empty name: ``"" = "text"``
a subkey            a table: ``[….Other.TlsRestrictions]``. Where a value has the
                    same name, the table's starts with a backslash, which no key's
                    name has
==================  ============================================================

``DefaultFlags`` and ``DefaultSslCertCheckMode`` hold here the bits that have no
tag, and no others. Everything else that TOML can say (true, dates, fractions,
other lists) has no meaning in Windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sslbind.formats.reg.reg_key import (
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    TYPE_NAMES,
    Data,
    RegKey,
)
from sslbind.printable import printable
from sslbind.tags import MAX_NUMBER

_MAX_KEY_NAME = 255
_MAX_VALUE_NAME = 16383
"""Characters (Microsoft's "Registry element size limits")."""


def to_value(data: Data) -> Any:
    """Return data as a TOML value."""
    value: Any = [data.type, data.bytes.hex()]
    try:
        if data.type == REG_DWORD:
            value = int.from_bytes(data.bytes, "little")
        elif data.type == REG_SZ:
            value = data.decode()[:-1]
        elif data.type == REG_BINARY:
            value = [TYPE_NAMES[REG_BINARY], data.bytes.hex()]
        elif data.type == REG_EXPAND_SZ:
            value = [TYPE_NAMES[REG_EXPAND_SZ], data.decode()[:-1]]
        elif data.type == REG_MULTI_SZ:
            value = [TYPE_NAMES[REG_MULTI_SZ], *data.decode()[:-1].split("\0")[:-1]]
    except UnicodeDecodeError:
        pass
    return value if to_data(value) == data else [data.type, data.bytes.hex()]


def to_data(value: object) -> Data | None:  # noqa: PLR0911  # a row of the table each
    """Return the data that a TOML value stands for, None if it stands for none."""
    match value:
        case bool():
            return None
        case int() if 0 <= value <= MAX_NUMBER:
            return Data.dword(value)
        case str() if _is_text(value):
            return Data.text(value)
        case ["REG_EXPAND_SZ", str(text)] if _is_text(text):
            return Data.text(text, REG_EXPAND_SZ)
        case ["REG_MULTI_SZ", *texts] if all(text and _is_text(text) for text in texts):
            return Data.texts(str(text) for text in texts)
        case ["REG_BINARY", str(digits)]:
            return _hex(REG_BINARY, digits)
        case [int(number), str(digits)] if 0 <= number <= MAX_NUMBER and number is not True:
            return _hex(number, digits)
    return None


def read_other(key: RegKey) -> dict[str, Any]:
    """Return a key's values and subkeys as a table."""
    table: dict[str, Any] = {one.name: to_value(one.data) for one in key.values.values()}
    for subkey in key.keys.values():
        name = subkey.name
        while name in table:
            name = f"\\{name}"
        table[name] = read_other(subkey)
    return table


def write_other(key: RegKey, table: Mapping[str, Any], where: str = "Other") -> list[str]:
    """Put a table's values and subkeys into ``key``; return a sentence for each that cannot be."""
    losses: list[str] = []
    for name, value in table.items():
        place = f"{where}.{printable(name)}"
        if isinstance(value, Mapping):
            losses += _write_subkey(key, name.lstrip("\\"), value, place)
            continue
        data = to_data(value)
        if data is None:
            losses.append(f"{place}: Windows' registry has no value such as {value!r:.60}")
        elif len(name) > _MAX_VALUE_NAME or not name.isprintable():
            losses.append(f"{place}: cannot be the name of a value")
        elif key.value(name):
            losses.append(f"{place}: names compare without case, and {name} is there already")
        else:
            key.set(name, data)
    return losses


def _write_subkey(key: RegKey, name: str, table: Mapping[str, Any], place: str) -> list[str]:
    if not 0 < len(name) <= _MAX_KEY_NAME or "\\" in name or not name.isprintable():
        return [f"{place}: cannot be the name of a key"]
    if key.find([name]):
        return [f"{place}: names compare without case, and {name} is there already"]
    return write_other(key.key(name), table, place)


def _is_text(value: object) -> bool:
    """Whether UTF-16 has the text: no NUL inside, no half of a surrogate pair."""
    return (
        isinstance(value, str)
        and "\0" not in value
        and not any("\ud800" <= char <= "\udfff" for char in value)
    )


def _hex(type_: int, digits: str) -> Data | None:
    try:
        return Data(type_, bytes.fromhex(digits))
    except ValueError:
        return None
