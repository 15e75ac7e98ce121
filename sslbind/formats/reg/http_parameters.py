r"""Bindings as HTTP.SYS keeps them in Windows' registry, below ``HTTP\Parameters``.

A record is a key below ``SslBindingInfo`` and its sisters. Its name is the
binding's key; for records with a host name it is a GUID, and the value
``HostnamePort`` has the key. The listen list is ``ListenOnlyList``, a
REG_MULTI_SZ of addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.formats.format import Contents
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.formats.reg.other import read_other, write_other
from sslbind.formats.reg.reg_key import (
    REG_BINARY,
    REG_DWORD,
    REG_MULTI_SZ,
    REG_SZ,
    TYPE_NAMES,
    Data,
    RegKey,
    RegValue,
)
from sslbind.keys import HOSTNAMEPORT, KINDS, SCOPEDCCS, Key, Kind, parse_address, parse_key
from sslbind.printable import printable
from sslbind.tags import BITS, MAX_NUMBER, SSLFLAGS, STORED, TAGS, Tag, Type, Value

LISTEN_LIST = "ListenOnlyList"
_HOST = "HostnamePort"
_HOSTED = (HOSTNAMEPORT, SCOPEDCCS)
_NO_OWNER = "{00000000-0000-0000-0000-000000000000}"
_NAMESPACE = "{fd9fe07f-dc75-4e15-9abb-e33d6de2a052}"
"""Names of records with a host follow from their keys (UUID version 5), so that they stay."""


def _tags(kind: Kind) -> dict[str, list[Tag]]:
    """Return the registry values of a record of ``kind``, each with the tags that it stores."""
    found: dict[str, list[Tag]] = {}
    for tag in TAGS:
        if kind.certificate or tag.name not in ("certhash", "certstorename"):
            found.setdefault(tag.value, []).append(tag)
    return found


def _mask(tags: list[Tag]) -> int:
    return sum(tag.bit for tag in tags)


# Windows' registry into bindings.


def read(parameters: RegKey) -> Imported:
    r"""Return what the key ``HTTP\Parameters`` holds; a key with a problem is a bad record."""
    records: list[ImportedRecord] = []
    bad: list[BadRecord] = BadOnes()
    notes: list[str] = []
    for kind in KINDS:
        table = parameters.find([kind.table])
        if table is None:
            continue
        notes += [
            f"{printable(value.name)} is directly in {kind.table}, where HTTP.SYS ignores it;"
            " it is left out"
            for value in table.values.values()
        ]
        for key in table.keys.values():
            if key.problem:
                bad.append(key.problem._replace(key=_key_of(kind, key)))
                continue
            try:
                binding = _binding(kind, key)
            except BadValueError as error:
                bad.append(BadRecord(key.line, error.message, error.hints, _key_of(kind, key)))
                continue
            records.append(ImportedRecord(binding, key.line))
            notes += _doubts(binding, key)
    iplisten, bad_addresses = _addresses(parameters.value(LISTEN_LIST))
    return Imported(tuple(records), (*bad, *bad_addresses), None, iplisten, tuple(notes))


def _binding(kind: Kind, key: RegKey) -> Binding:
    """Return the record that ``key`` holds; raise BadValueError if it holds none."""
    known = {value.lower(): tags for value, tags in _tags(kind).items()}
    values: dict[str, Value] = {"appid": _NO_OWNER}
    bits: dict[str, int] = {}
    rest = RegKey(key.name)
    rest.keys = key.keys
    rest.values = dict(key.values)
    host = rest.values.pop(_HOST.lower(), None) if kind in _HOSTED else None
    binding_key = _key(kind, key, host)
    try:
        for folded, tags in known.items():
            value = rest.values.pop(folded, None)
            if value is None:
                continue
            if tags[0].bit:
                number = _number(value)
                values |= {tag.name: bool(number & tag.bit) != tag.inverted for tag in tags}
                bits[tags[0].value] = number & ~_mask(tags)
            else:
                values |= _value(tags[0], value)
    except BadValueError as error:
        message = f"{binding_key.spec}: {error.message}"
        raise BadValueError(message, *error.hints) from None
    plain = Binding(binding_key, values)
    for bit in BITS:
        if plain.bit(bit):  # it follows from a tag
            bits[bit.value] = bits.get(bit.value, 0) & ~bit.bit
    other = {name: number for name, number in bits.items() if number} | read_other(rest)
    return Binding(binding_key, values, other)


def _key(kind: Kind, key: RegKey, host: RegValue | None) -> Key:
    try:
        if host is not None:
            return parse_key(kind, _text(host))
        return parse_key(kind, key.name)
    except BadValueError as error:
        place = f"{kind.table}\\{printable(key.name)}"
        if host is None and kind in _HOSTED:
            raise BadValueError(
                f"{place} has no {_HOST}, and its name is not host:port",
                f"the value {_HOST} is missing, which has the key: export the whole registry key",
            ) from None
        raise BadValueError(f"{place}: {error.message}", *error.hints) from None


def _key_of(kind: Kind, key: RegKey) -> Key | None:
    try:
        return _key(kind, key, key.value(_HOST) if kind in _HOSTED else None)
    except BadValueError:
        return None


def _value(tag: Tag, value: RegValue) -> dict[str, Value]:
    """Return the tag's value; nothing for empty text, which has no meaning."""
    if tag.type is Type.NUMBER:
        return {tag.name: _number(value)}
    if tag.type is Type.HASH:
        return {tag.name: tag.check(_bytes(value).hex())}
    if tag.type is Type.GUID:
        from uuid import UUID

        if len(_bytes(value)) != 16:
            raise BadValueError(f"{value.name} has {len(_bytes(value))} bytes; a GUID has 16")
        return {tag.name: f"{{{UUID(bytes_le=value.data.bytes)}}}"}
    text = _text(value)
    return {tag.name: tag.check(text)} if text else {}


def _bytes(value: RegValue) -> bytes:
    return _typed(value, REG_BINARY).bytes


def _number(value: RegValue) -> int:
    data = _typed(value, REG_DWORD).bytes
    if len(data) != 4:
        raise BadValueError(f"{value.name} has {len(data)} bytes; a REG_DWORD has 4")
    return int.from_bytes(data, "little")


def _text(value: RegValue) -> str:
    """Return text without the NUL at its end, which other programs may forget."""
    try:
        return _typed(value, REG_SZ).decode().rstrip("\0")
    except UnicodeDecodeError:
        raise BadValueError(f"{value.name} is not UTF-16 text") from None


def _typed(value: RegValue, type_: int) -> Data:
    if value.data.type != type_:
        raise BadValueError(
            f"{value.name} is {value.data.type_name} where {TYPE_NAMES[type_]} is expected"
        )
    return value.data


def _doubts(binding: Binding, key: RegKey) -> Iterator[str]:
    """Yield a sentence where two stored values contradict each other: the tag wins."""
    for bit in BITS:
        stored = key.value(bit.value)
        number = int.from_bytes(stored.data.bytes, "little") if stored else 0
        if not number & bit.bit and binding.bit(bit):
            yield (
                f"{binding.key.spec}: bit {bit.name} of {bit.value} is off,"
                " but the value that implies it is set; an export turns it on"
            )


def _addresses(value: RegValue | None) -> tuple[tuple[str, ...] | None, list[BadRecord]]:
    """Return the listen list, None if there is none, and its entries that are not addresses."""
    if value is None:
        return None, []
    found: list[str] = []
    bad: list[BadRecord] = []
    try:
        texts = _typed(value, REG_MULTI_SZ).decode().split("\0")
    except (BadValueError, UnicodeDecodeError):
        return None, [
            BadRecord(
                value.line, f"{value.name} is not a REG_MULTI_SZ of addresses", is_record=False
            )
        ]
    for text in filter(None, texts):
        try:
            found.append(parse_address(text.removeprefix("[").removesuffix("]")))
        except BadValueError as error:
            bad.append(
                BadRecord(
                    value.line, f"{value.name}: {error.message}", error.hints, is_record=False
                )
            )
    return tuple(dict.fromkeys(found)), bad


# Bindings into Windows' registry.


def write(contents: Contents, losses: list[str]) -> Iterator[tuple[str, RegKey]]:
    r"""Yield ``HTTP\Parameters`` and the keys below it with their paths there, parents first.

    A sentence for each thing that they cannot hold is added to ``losses``.

    The numbers of a record are all written, 0 too, as HTTP.SYS does: what is
    merged over another record then leaves none of its bits set. Text is
    written where there is some.
    """
    parameters = RegKey("Parameters")
    if contents.iplisten:
        parameters.set(LISTEN_LIST, Data.texts(contents.iplisten))
    yield "", parameters
    by_kind: dict[Kind, list[Binding]] = {}
    for binding in contents.bindings:
        by_kind.setdefault(binding.key.kind, []).append(binding)
    for kind, bindings in by_kind.items():
        yield f"\\{kind.table}", RegKey(kind.table)
        for binding in bindings:
            key = _record(binding, contents, losses)
            yield f"\\{kind.table}\\{key.name}", key


def _record(binding: Binding, contents: Contents, losses: list[str]) -> RegKey:
    """Return the key of a record."""
    kind = binding.key.kind
    name = str(binding.key)
    hosted = kind in _HOSTED
    key = RegKey(_guid(binding.key) if hosted else name)
    if hosted:
        key.set(_HOST, Data.text(name))
        key.comment = "" if name.isascii() else binding.key.spec
    other = dict(binding.other)
    sentences: list[str] = []
    for value, tags in _tags(kind).items():
        data = _data(binding, tags)
        if data:
            key.set(value, data)
        sentences += _take(other, value, tags)
    sentences += write_other(key, other)
    sentences += _unstored(binding, contents)
    losses += (f"{binding.key.spec}: {sentence}" for sentence in sentences)
    return key


def _guid(key: Key) -> str:
    from uuid import UUID, uuid5

    return f"{{{uuid5(UUID(_NAMESPACE), key.spec)}}}"


def _data(binding: Binding, tags: list[Tag]) -> Data | None:
    """Return the data of the value that stores ``tags``, None if there is nothing to store."""
    tag = tags[0]
    if tag.bit:
        bits = sum(one.bit for one in tags if bool(binding[one.name]) != one.inverted)
        stored = binding.other.get(tag.value)
        if _has_bits(stored):
            bits |= stored & ~_mask(tags)
        derived = Binding(binding.key, binding.values)
        bits |= sum(bit.bit for bit in BITS if bit.value == tag.value and derived.bit(bit))
        return Data.dword(bits)
    value = binding[tag.name]
    return None if value is None else _STORED[tag.type](value)


def _has_bits(value: object) -> TypeGuard[int]:
    """Whether ``Other`` holds a REG_DWORD."""
    return type(value) is int and 0 <= value <= MAX_NUMBER


def _take(other: dict[str, Any], value: str, tags: list[Tag]) -> list[str]:
    """Take the values that tags store out of ``other``; report where they had another value."""
    losses = []
    for name in [name for name in other if name.lower() == value.lower()]:
        found = other.pop(name)
        if not tags[0].bit or name != value or not _has_bits(found) or found & _mask(tags):
            losses.append(f"Other.{name}: the tags determine {value}")
    return losses


def _unstored(binding: Binding, contents: Contents) -> Iterator[str]:
    """Yield a sentence for each tag without a known value that stores it."""
    plain = Binding(
        binding.key, {name: value for name, value in binding.values.items() if STORED[name].value}
    )
    same = plain.sslflags(contents.release) == binding.sslflags(contents.release)
    for name, value in binding.values.items():
        if not STORED[name].value and not (same and name == SSLFLAGS.name):
            yield f"{name}={value}: it is not known which value of the Windows registry stores it"


def _guid_data(value: Value) -> Data:
    from uuid import UUID

    return Data(REG_BINARY, UUID(str(value)).bytes_le)


_STORED: Mapping[Type, Callable[[Value], Data]] = {
    Type.HASH: lambda value: Data(REG_BINARY, bytes.fromhex(str(value))),
    Type.GUID: _guid_data,
    Type.STORE: lambda value: Data.text(str(value)),
    Type.TEXT: lambda value: Data.text(str(value)),
    Type.NUMBER: lambda value: Data.dword(int(value)),
}
