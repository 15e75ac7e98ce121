"""Keys of Windows' registry, held in memory: names that compare without case, typed data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sslbind.formats.imported import BadRecord

REG_SZ = 1
REG_EXPAND_SZ = 2
REG_BINARY = 3
REG_DWORD = 4
REG_MULTI_SZ = 7
TYPE_NAMES = {
    REG_SZ: "REG_SZ",
    REG_EXPAND_SZ: "REG_EXPAND_SZ",
    REG_BINARY: "REG_BINARY",
    REG_DWORD: "REG_DWORD",
    REG_MULTI_SZ: "REG_MULTI_SZ",
}
"""The types that have a form of their own; any other is a number with bytes."""


class Data(NamedTuple):
    """A value's type and its bytes, as Windows stores them: text is UTF-16LE with its NUL."""

    type: int
    bytes: bytes

    @classmethod
    def dword(cls, number: int) -> Data:
        """Return a REG_DWORD."""
        return cls(REG_DWORD, number.to_bytes(4, "little"))

    @classmethod
    def text(cls, text: str, type_: int = REG_SZ) -> Data:
        """Return a REG_SZ, or a REG_EXPAND_SZ."""
        return cls(type_, f"{text}\0".encode("utf-16-le", "surrogatepass"))

    @classmethod
    def texts(cls, texts: Iterable[str]) -> Data:
        """Return a REG_MULTI_SZ."""
        joined = "".join(f"{text}\0" for text in texts)
        return cls(REG_MULTI_SZ, f"{joined}\0".encode("utf-16-le", "surrogatepass"))

    @property
    def type_name(self) -> str:
        """The type as Windows calls it, or its number."""
        return TYPE_NAMES.get(self.type, f"type {self.type}")

    def decode(self) -> str:
        """Return the bytes as text with its NULs; raise UnicodeDecodeError if they are not text."""
        return self.bytes.decode("utf-16-le")


class RegValue(NamedTuple):
    """A named value, and the line that sets it."""

    name: str
    """As it is spelled; empty for a key's default value."""
    data: Data
    line: int | None = None


class RegKey:
    """A key with its values and subkeys, each in the order in which they came."""

    __slots__ = ("comment", "keys", "line", "name", "problem", "values")

    def __init__(self, name: str, line: int | None = None) -> None:
        self.name = name
        self.line = line
        self.comment = ""
        """For people; on one line."""
        self.problem: BadRecord | None = None
        """What is wrong with the lines of the key, or of one below it."""
        self.values: dict[str, RegValue] = {}
        self.keys: dict[str, RegKey] = {}

    def key(self, name: str, line: int | None = None) -> RegKey:
        """Return the subkey called ``name``, created if it is missing."""
        return self.keys.setdefault(name.lower(), RegKey(name, line))

    def find(self, names: Iterable[str]) -> RegKey | None:
        """Return the key that a path leads to, None if there is none."""
        key: RegKey | None = self
        for name in names:
            key = key and key.keys.get(name.lower())
        return key

    def value(self, name: str) -> RegValue | None:
        """Return the value called ``name``, None if there is none."""
        return self.values.get(name.lower())

    def set(self, name: str, data: Data, line: int | None = None) -> None:
        """Set a value."""
        self.values[name.lower()] = RegValue(name, data, line)

    def walk(self, path: str) -> Iterator[tuple[str, RegKey]]:
        r"""Yield this key, whose path is ``path``, and every one below it, parents first."""
        todo = [(path, self)]
        while todo:
            path, key = todo.pop()
            yield path, key
            todo += [(f"{path}\\{one.name}", one) for one in reversed(key.keys.values())]
