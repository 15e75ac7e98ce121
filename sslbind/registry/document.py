"""Read a registry file strictly: TOML text in, settings and bindings out."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind import bounds
from sslbind.binding import Binding
from sslbind.errors import BadValueError, RegistryError, SslbindError
from sslbind.keys import KIND_BY_TABLE, Key, Kind, parse_address, parse_key, plain_keys
from sslbind.registry import fast_toml
from sslbind.release import DEFAULT_RELEASE, Release, parse_release
from sslbind.tags import STORED

if TYPE_CHECKING:
    from sslbind.registry.source import Path

VERSION = 1
"""The version of the file format."""

_DIGITS = r"[0-9A-Fa-f](?:_?[0-9A-Fa-f]){3000}"
_MAX_DEPTH = 32


class CertStoresSettings(NamedTuple):
    """``[CertStores]``: where the certificate stores are, relative to the registry file."""

    path: str = "certs"
    keys_elsewhere: bool = False
    password_file: str | None = None


class CentralCertProvider(NamedTuple):
    """``[CentralCertProvider]``: the central store, named as in the Windows registry."""

    enabled: bool = False
    location: str | None = None
    password_file: str | None = None

    @property
    def table(self) -> dict[str, bool | str | None]:
        """The values by their names in the file."""
        return dict(zip(_SECTIONS[type(self).__name__], self, strict=True))


class Suppression(NamedTuple):
    """``[[Suppress]]``: a finding that was accepted, and the reason."""

    rule: str
    reason: str
    key: str | None = None
    until: str | None = None


class Settings(NamedTuple):
    """Everything in a registry file that is not a binding."""

    release: Release = DEFAULT_RELEASE
    iplisten: tuple[str, ...] = ()
    cert_stores: CertStoresSettings | None = None
    central_store: CentralCertProvider | None = None
    suppressions: tuple[Suppression, ...] = ()


class Document(NamedTuple):
    """A registry file as it was read. ``spelled`` has each key's own spelling."""

    settings: Settings
    bindings: dict[Key, Binding]
    spelled: dict[Key, str]


class ProblemError(RegistryError):
    """A problem with the value at a path; the line is looked up later."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


class ExcessiveError(RegistryError):
    """A text that is refused before parsing; its mistakes are not looked for either."""


def parse_document(text: str, file: str) -> Document:
    """Read a whole registry file; raise RegistryError with the line of the error."""
    data = read_toml(text, file)
    bindings: dict[Key, Binding] = {}
    names: list[str] = []
    try:
        settings = read_settings(data)
        for table, kind in KIND_BY_TABLE.items():
            read: dict[int, Binding] = {}
            certified: dict[object, Binding] = {}
            tables = binding_tables(data, table)
            plain = plain_keys(kind, tables)
            for name, body in tables.items():
                like = read.get(id(body))  # many bindings share one table
                if like is None:
                    checked = binding_table(table, name, body)
                    binding = _read_certified(kind, name, checked, plain, certified)
                    read[id(body)] = binding
                    key = binding.key
                else:
                    key = plain.get(name) or _read_key(kind, name)
                    binding = like.at(key)
                if key in bindings:
                    only_once(key, name, dict(zip(bindings, names, strict=True)))
                bindings[key] = binding
                names.append(name)
    except ProblemError as problem:
        raise _located(problem, text, file) from None
    except RecursionError:
        raise RegistryError("is nested too deeply for a registry", file=file) from None
    except ValueError:  # an integer of thousands of digits, in a message that shows it
        raise RegistryError(
            "has an integer of more than 64 bits", file=file, line=_huge_line(text)
        ) from None
    return Document(settings, bindings, dict(zip(bindings, names, strict=True)))


def parse_settings(text: str, file: str) -> Settings:
    """Read the part of a registry file without bindings."""
    return read_settings(read_toml(text, file))


def read_toml(text: str, file: str) -> dict[str, Any]:
    """Return the data, which must not be changed; raise RegistryError for a syntax error.

    Raises ExcessiveError if it would take far more memory than its size.
    """
    try:
        bounds.check_tables(text, file)
        data = fast_toml.loads(text)
        if data is not None:
            return data
        bounds.check_keys(text, file)
    except SslbindError as error:
        raise ExcessiveError(error.message, file=file, line=error.line) from None
    return parse_toml(text, file)


def parse_toml(text: str, file: str) -> dict[str, Any]:
    """Return what tomllib reads; raise RegistryError with the line of a syntax error."""
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        from sslbind.registry.source import deepest_line

        raise RegistryError(
            "is nested too deeply for a registry", file=file, line=deepest_line(text)
        ) from None
    except ValueError as error:  # TOMLDecodeError, and ValueError from int()
        raise _syntax_error(str(error), text, file) from None


def _syntax_error(message: str, text: str, file: str) -> RegistryError:
    """Return the error for a message of tomllib, with its line."""
    where = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if where is None:
        return RegistryError(
            "has an integer of more than 64 bits", file=file, line=_huge_line(text)
        )
    message = message[: where.start()]
    if not where[1]:
        line = text.count("\n") + 1
        return RegistryError(f"is not valid TOML: {message} (at the end)", file=file, line=line)
    line = int(where[1])
    shown = text.split("\n", line)[line - 1].strip()
    return RegistryError(
        f"is not valid TOML: {message} (column {where[2]} of {shown!r:.80})", file=file, line=line
    )


def _huge_line(text: str) -> int:
    """Return the line of the first number that is too long for Python to convert or print."""
    digits = re.search(_DIGITS, text)
    return text.count("\n", 0, digits.start() if digits else 0) + 1


def _read_certified(
    kind: Kind,
    name: str,
    body: Mapping[str, Any],
    plain: Mapping[str, Key],
    known: dict[object, Binding],
) -> Binding:
    """Return what ``read_binding`` does; tables that differ in their certificates are checked once.

    ``known`` are those that were read, by what they have besides the certificate.
    """
    certhash = body.get("certhash")
    # Types as well, because 1 equals true and 1.0.
    same = (*{**body, "certhash": None}.items(), *map(type, body.values()))
    try:
        like = known.get(same)
    except TypeError:  # it has Other, which is a table
        return read_binding(kind, name, body)
    if like is not None and certhash is not None:
        with contextlib.suppress(BadValueError):
            canonical = STORED["certhash"].check(certhash)
            return like.at(plain.get(name) or _read_key(kind, name), str(canonical))
    known[same] = read_binding(kind, name, body)
    return known[same]


def read_binding(kind: Kind, name: str, body: Mapping[str, Any]) -> Binding:
    """Return the binding that the table ``name`` of ``kind`` holds."""
    key, path = _read_key(kind, name), (kind.table, name)
    other = body.get("Other")
    if other is not None:
        if not isinstance(other, dict):
            raise ProblemError((*path, "Other"), "Other must be a table")
        _check_other((*path, "Other"), other)
        body = {tag: value for tag, value in body.items() if tag != "Other"}
    try:
        return Binding(key, body, other)
    except BadValueError as error:
        starts = {tag: (f"{tag} ", repr(tag)) for tag in body}
        bad = next((tag for tag in body if error.message.startswith(starts[tag])), None)
        raise ProblemError(path if bad is None else (*path, bad), error.message) from None


def _read_key(kind: Kind, name: str) -> Key:
    try:
        return parse_key(kind, name)
    except BadValueError as error:
        raise ProblemError((kind.table, name), error.message) from None


def only_once(key: Key, name: str, spelled: Mapping[Key, str]) -> None:
    """Raise ProblemError if another spelling in ``spelled`` is the same key."""
    if key in spelled:
        raise ProblemError(
            (key.kind.table, name), f"{name!r} and {spelled[key]!r} are one {key.kind} key"
        )


def _check_other(path: Path, other: Mapping[str, Any]) -> None:
    """Refuse values in ``Other`` that cannot be printed: huge integers, endless nesting."""
    todo: list[tuple[Path, object]] = [(path, other)]
    while todo:
        path, value = todo.pop()
        if len(path) > _MAX_DEPTH:
            raise ProblemError(path[:3], "Other is nested too deeply")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            raise ProblemError(path, f"{path[-1]}: an integer has up to 64 bits")
        if isinstance(value, float) and value != value:  # noqa: PLR0124  # unequal to itself
            raise ProblemError(path, f"{path[-1]}: nan is not allowed")
        if isinstance(value, dict):
            todo += (((*path, name), item) for name, item in value.items())
        elif isinstance(value, list):
            todo += (((*path, str(number)), item) for number, item in enumerate(value))


def _located(problem: ProblemError, text: str, file: str) -> RegistryError:
    from sslbind.registry.source import locate

    return RegistryError(problem.message, file=file, line=locate(text, problem.path) or 1)


def binding_tables(data: Mapping[str, Any], table: str) -> Mapping[str, object]:
    """Return what a table of the data holds, by the names of its bindings."""
    tables = data.get(table, {})
    if not isinstance(tables, dict):
        raise ProblemError((table,), f"{table} must be a table")
    return tables


def binding_table(table: str, name: str, body: object) -> Mapping[str, Any]:
    """Return the content of one binding of ``table``, which must be a table itself."""
    if not isinstance(body, dict):
        raise ProblemError((table, name), f'must be a table: [{table}."{name}"]')
    return body


_ROOT: Mapping[str, type] = {"version": int, "windows": str, "iplisten": list}
_SECTIONS: Mapping[str, Mapping[str, type]] = {
    "CertStores": {"path": str, "privatekeys": str, "PasswordFile": str},
    "CentralCertProvider": {
        "Enabled": bool,
        "CertStoreLocation": str,
        "PrivateKeyPasswordFile": str,
    },
}
_COUNTED = re.compile(r"[0-9]+[hdw]|yesterday|today|tomorrow|now")
"""Words that count from the day on which they are typed."""
_WORDS = {
    int: "a whole number",
    str: "text in quotes",
    list: "a list",
    bool: "true or false",
}


def read_settings(data: Mapping[str, Any]) -> Settings:
    """Return what the data holds apart from bindings; raise ProblemError."""
    known = {*_ROOT, *_SECTIONS, *KIND_BY_TABLE, "Suppress"}
    for name in data:
        if name not in known:
            raise ProblemError((name,), f"{name!r} is not a table or setting of a registry")
    _check_types((), data, _ROOT)
    if "version" not in data:
        raise ProblemError((), f"version is missing: a registry starts with version = {VERSION}")
    if data["version"] != VERSION:
        raise ProblemError(
            ("version",), f"version = {data['version']} is not known; this sslbind reads {VERSION}"
        )
    return Settings(
        release=_release(data),
        iplisten=tuple(_addresses(data.get("iplisten", []))),
        cert_stores=_cert_stores(_section(data, "CertStores")),
        central_store=_central_store(_section(data, "CentralCertProvider")),
        suppressions=tuple(_suppressions(data.get("Suppress", []))),
    )


def _check_types(path: Path, table: Mapping[str, Any], types: Mapping[str, type]) -> None:
    for name, wanted in types.items():
        if name in table and type(table[name]) is not wanted:
            raise ProblemError(
                (*path, name), f"{name} must be {_WORDS[wanted]}, not {table[name]!r:.60}"
            )


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    section = data.get(name)
    if section is None:
        return None
    if not isinstance(section, dict):
        raise ProblemError((name,), f"{name} must be a table")
    for entry in section:
        if entry not in _SECTIONS[name]:
            words = ", ".join(_SECTIONS[name])
            raise ProblemError((name, entry), f"{entry!r} is not a setting of [{name}]: {words}")
    _check_types((name,), section, _SECTIONS[name])
    for entry, value in section.items():
        if value == "" or (isinstance(value, str) and "\0" in value):
            raise ProblemError((name, entry), f"{entry} = {value!r} is not a path")
    return section


def _release(data: Mapping[str, Any]) -> Release:
    try:
        return parse_release(data.get("windows", str(DEFAULT_RELEASE)))
    except BadValueError as error:
        raise ProblemError(("windows",), f"windows: {error.message}") from None


def _addresses(texts: Iterable[object]) -> Iterable[str]:
    seen: set[str] = set()
    for text in texts:
        if not isinstance(text, str):
            raise ProblemError(
                ("iplisten",), f"iplisten holds addresses in quotes, not {text!r:.60}"
            )
        try:
            address = parse_address(text)
        except BadValueError as error:
            raise ProblemError(("iplisten",), f"iplisten: {error.message}") from None
        if address in seen:
            raise ProblemError(("iplisten",), f"iplisten holds {address} twice")
        seen.add(address)
        yield address


def _cert_stores(section: Mapping[str, Any] | None) -> CertStoresSettings | None:
    if section is None:
        return None
    keys = section.get("privatekeys", "here")
    if keys not in ("here", "elsewhere"):
        raise ProblemError(
            ("CertStores", "privatekeys"), f'privatekeys = "{keys}" is neither here nor elsewhere'
        )
    return CertStoresSettings(
        section.get("path", "certs"), keys == "elsewhere", section.get("PasswordFile")
    )


def _central_store(section: Mapping[str, Any] | None) -> CentralCertProvider | None:
    if section is None:
        return None
    return CentralCertProvider(
        section.get("Enabled", False),
        section.get("CertStoreLocation"),
        section.get("PrivateKeyPasswordFile"),
    )


def _suppressions(entries: object) -> Iterable[Suppression]:
    if not isinstance(entries, list):
        raise ProblemError(("Suppress",), "Suppress is an array of tables: [[Suppress]]")
    for number, entry in enumerate(entries):
        path = ("Suppress", str(number))
        if not isinstance(entry, dict):
            raise ProblemError(("Suppress",), "Suppress is an array of tables: [[Suppress]]")
        for name in entry:
            if name not in ("rule", "key", "reason", "until"):
                raise ProblemError((*path, name), f"{name!r} is not a setting of [[Suppress]]")
        _check_types(path, entry, {"rule": str, "key": str, "reason": str})
        for name in ("rule", "reason"):
            if not entry.get(name):
                raise ProblemError(path, f"[[Suppress]] needs a {name}")
        if "key" in entry and not _is_key(entry["key"]):
            raise ProblemError(
                (*path, "key"), f"key = {entry['key']!r:.60} is not the key of a binding"
            )
        yield Suppression(entry["rule"], entry["reason"], entry.get("key"), _until(path, entry))


def _is_key(text: str) -> bool:
    """Whether ``text`` is a key of any kind."""
    for kind in KIND_BY_TABLE.values():
        try:
            parse_key(kind, text)
        except BadValueError:
            continue
        return True
    return False


def _until(path: Path, entry: Mapping[str, Any]) -> str | None:
    from datetime import date

    until = entry.get("until")
    try:
        return None if until is None else date.fromisoformat(str(until)).isoformat()
    except ValueError:
        counted = (
            " (relative dates are not allowed in a file)" if _COUNTED.fullmatch(str(until)) else ""
        )
        raise ProblemError(
            (*path, "until"),
            f"until = {str(until)!r:.60} is not a date such as 2027-01-31{counted}",
        ) from None
