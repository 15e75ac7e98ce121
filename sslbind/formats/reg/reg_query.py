r"""What ``reg query HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters /s`` prints.

A key is a line without blanks before it, a value one with four blanks before name,
type and data. Bytes are digits without commas, a REG_DWORD is ``0x2``, and the
strings of a REG_MULTI_SZ are joined by ``\0`` (Microsoft Learn, "reg query", and
what Wine prints).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sslbind.formats.format import Format
from sslbind.formats.imported import Imported
from sslbind.formats.left_out import stands_for_others
from sslbind.formats.reg.reg_file import Reader
from sslbind.formats.reg.reg_key import (
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_SZ,
    TYPE_NAMES,
    Data,
)
from sslbind.formats.reg.reg_text import BadLine, Elision, KeyLine, Statement, ValueLine
from sslbind.keys import KIND_BY_TABLE
from sslbind.printable import printable
from sslbind.wording import join

_TYPES = {name: number for number, name in TYPE_NAMES.items()}
# HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters
_KEY = re.compile(
    r"HK(?:EY_LOCAL_MACHINE|LM)\\[^\n]*?\\Services\\HTTP\\Parameters\b", re.IGNORECASE
)
_NAME = re.compile(r"\\Services\\HTTP\\Parameters\b", re.IGNORECASE)
_VALUE = re.compile(r"(?: {4}|\t)(.*?)(?: {4}|\t)(REG_[A-Z_]+)(?:(?: {4}|\t)(.*))?")
_DEFAULT = re.compile(r"\((?:Default|Standard|par défaut|predeterminado|默认)\)", re.IGNORECASE)


def detect(text: str) -> bool:
    """Whether ``text`` has a key of HTTP.SYS on a line of its own, and a value with its type."""
    if not _NAME.search(text):
        return False
    lines = text.split("\n")
    return any(map(_KEY.match, lines)) and any(
        _VALUE.fullmatch(line.rstrip()) is not None for line in lines
    )


def read(text: str, file: str) -> Imported:  # noqa: ARG001  # the protocol's
    """Return the records; a note names the kinds of records that were not asked for."""
    reader = Reader()
    asked: set[str] = set()
    whole = False
    for statement in _statements(text):
        reader.take(statement)
        if isinstance(statement, KeyLine):
            _, _, below = statement.path.lower().partition("\\http\\parameters")
            whole = whole or not below
            asked.add(below.strip("\\").partition("\\")[0])
    imported = reader.imported(ended=text.endswith("\n"))
    others = [table for table in KIND_BY_TABLE if table.lower() not in asked]
    if whole or not others:
        return imported
    note = f"does not list {join(others)}: records of these kinds are not known"
    return imported._replace(notes=(*imported.notes, note))


def _statements(text: str) -> Iterator[Statement]:
    key = 0  # the line of the last key
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r")
        if line[:3].upper() == "HKE" or line[:5].upper() == "HKLM\\":
            key = number
            path = re.sub(r"^HKLM\\", r"HKEY_LOCAL_MACHINE\\", line.rstrip(), flags=re.IGNORECASE)
            yield KeyLine(number, path)
        elif (found := _VALUE.fullmatch(line)) is not None:
            yield _value(number, found)
        elif stands_for_others(line):
            yield Elision(number, line)
        elif line.strip() and key and line[:1] in " \t":
            name = line.split(None, 1)[0]
            what = f"'{printable(line.strip()[:60])}' is not a value with its type"
            yield BadLine(number, what, name=name)
        elif line.strip() and number == key + 1:
            yield BadLine(number, "the line above is a key that is broken over two", is_key=True)


def _value(number: int, found: re.Match[str]) -> ValueLine | BadLine:
    name = "" if _DEFAULT.fullmatch(found[1]) else found[1]
    text = found[3] or ""
    type_ = _TYPES.get(found[2])
    try:
        return ValueLine(number, name, _data(type_, text))
    except ValueError:
        return BadLine(number, f"'{printable(text[:60])}' is not a {found[2]}", name=name)


def _data(type_: int | None, text: str) -> Data:
    """Return the data of a value; raise ValueError for what its type cannot have."""
    if type_ == REG_DWORD and re.fullmatch(r"0x[0-9a-fA-F]{1,8}", text.strip()):
        return Data.dword(int(text, 16))
    if type_ == REG_MULTI_SZ:
        return Data.texts(filter(None, text.split("\\0")))
    if type_ in (REG_SZ, REG_EXPAND_SZ):
        return Data.text(text, type_)
    if type_ != REG_BINARY:
        raise ValueError
    return Data(type_, bytes.fromhex(text.strip()))


FORMAT = Format(
    "reg-query",
    "output of 'reg query' with /s",
    detect,
    read,
    rank=12,
)
