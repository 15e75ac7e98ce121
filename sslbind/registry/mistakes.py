"""Find all mistakes in a registry file, so that people can fix five typing errors in one go.

Only for files that were refused. Each mistake is removed and the rest is read again, until
nothing is wrong or enough mistakes are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from sslbind.errors import RegistryError, bare
from sslbind.keys import KIND_BY_TABLE, Kind
from sslbind.registry.document import (
    VERSION,
    ProblemError,
    binding_table,
    binding_tables,
    only_once,
    parse_toml,
    read_binding,
    read_settings,
)
from sslbind.registry.source import Path, Statement, locate_all, statements

LIMIT = 50
"""How many syntax errors are looked for."""
MOST = 1000
"""How many other mistakes are looked for."""
_READ_AT_MOST = 32 << 20
"""The limit on characters read again in search of the next syntax error."""
_UNREADABLE = "sslbind-unreadable-"
"""Starts the name of a table that replaces one whose header cannot be read."""
_STAND_INS = {"certhash": "0" * 40, "appid": f"{{{UUID(int=0)}}}"}
"""Required values of a binding, used if its own value is wrong."""


def find_mistakes(text: str, file: str) -> list[RegistryError]:
    """Return what is wrong in the ``text`` of ``file``, in the order of its lines.

    It stops where the syntax leaves the meaning of the rest open; the list is empty if a
    mistake cannot be removed.
    """
    syntax, rest = _syntax_errors(text, file)
    if rest is None:
        return syntax
    places = statements(rest)
    try:
        problems = [*islice(_problems(parse_toml(rest, file)), MOST)]
    except (RecursionError, ValueError):  # nested too deeply; an integer that cannot be shown
        return syntax
    lines = locate_all(rest, [problem.path for problem in problems], places)
    found = [
        RegistryError(problem.message, file=file, line=lines.get(problem.path, 1))
        for problem in problems
        if not (
            problem.message.endswith(" is missing") and _has_any(rest, problem.path, syntax, places)
        )
    ]
    return sorted([*syntax, *found], key=lambda error: error.line or 0)


def _has_any(text: str, path: Path, syntax: list[RegistryError], places: list[Statement]) -> bool:
    """Whether one of the syntax errors is in the table at ``path``: it may be the missing value."""
    if not syntax:
        return False
    headers = [one for one in places if one.header]
    lines = [text.count("\n", 0, one.start) + 1 for one in headers]
    return any(
        one.path[: len(path)] == path and line <= (error.line or 0) < end
        for one, line, end in zip(headers, lines, [*lines[1:], len(text)], strict=False)
        for error in syntax
    )


def _syntax_errors(text: str, file: str) -> tuple[list[RegistryError], str | None]:
    """Return the syntax errors, and the text without their lines; None if it cannot be repaired."""
    lines = text.split("\n")
    found: list[RegistryError] = []
    for _ in range(min(LIMIT, _READ_AT_MOST // (len(text) + 1)) + 1):
        try:
            parse_toml("\n".join(lines), file)
        except RegistryError as error:
            number = (error.line or len(lines)) - 1
            before = found[-1].line if found else None
            follows = before is not None and not "".join(lines[before:number]).strip()
            if number >= len(lines) or not lines[number].strip() or follows:
                break  # the cause is further up, and every remaining line would be an error
            found.append(bare(error))
            header = lines[number].lstrip().startswith("[")
            lines[number] = f"[{_UNREADABLE}{number}]" if header else ""
        else:
            return found, "\n".join(lines)
    return found or [_only(text, file)], None


def _only(text: str, file: str) -> RegistryError:
    try:
        parse_toml(text, file)
    except RegistryError as error:
        return bare(error)
    raise AssertionError(f"{file} is valid TOML")


def _problems(data: dict[str, Any]) -> Iterator[ProblemError]:
    """Yield the mistakes in valid TOML, and remove them from ``data``."""
    for name in [name for name in data if name.startswith(_UNREADABLE)]:
        del data[name]
    while True:
        try:
            read_settings(data)
            break
        except ProblemError as problem:
            yield problem
            if not _without(data, problem.path):
                break
    for table, kind in KIND_BY_TABLE.items():
        yield from _table_problems(data, table, kind)


def _table_problems(data: dict[str, Any], table: str, kind: Kind) -> Iterator[ProblemError]:
    try:
        tables = binding_tables(data, table)
    except ProblemError as problem:
        yield problem
        return
    spelled: dict[Any, str] = {}
    for name, value in list(tables.items()):
        try:
            body = binding_table(table, name, value)
        except ProblemError as problem:
            yield problem
            continue
        yield from _binding_problems(kind, name, dict(body), spelled)


def _binding_problems(
    kind: Kind, name: str, body: dict[str, Any], spelled: dict[Any, str]
) -> Iterator[ProblemError]:
    """Yield the mistakes of one binding: those of its tags, else those of the whole."""
    while True:
        try:
            key = read_binding(kind, name, body).key
            only_once(key, name, spelled)
        except ProblemError as problem:
            yield problem
            wrong = "".join(problem.path[2:3])
            if wrong in _STAND_INS and body[wrong] != _STAND_INS[wrong]:
                body[wrong] = _STAND_INS[wrong]
            elif body.pop(wrong, None) is None:
                return
        else:
            spelled[key] = name
            return


def _complete(suppression: dict[str, str]) -> None:
    """Give a suppression the first of the texts that it lacks."""
    lacking = [name for name in ("rule", "reason") if not suppression.get(name)]
    suppression[lacking[0]] = "-"


def _without(data: dict[str, Any], path: Path) -> bool:
    """Remove the value at ``path`` from the settings; return whether there was one."""
    if not path:  # the version is missing
        return data.setdefault("version", VERSION) == VERSION and len(data) > 1
    holder: Any = data
    for part in path[:-1]:
        holder = holder[int(part)] if isinstance(holder, list) else holder.get(part)
    last = path[-1]
    if isinstance(holder, list):
        _complete(holder[int(last)])
    elif path == ("version",):
        data["version"] = VERSION
    elif path[0] == "Suppress" and last in ("rule", "reason"):
        holder[last] = "-"
    elif isinstance(holder, dict) and last in holder:
        del holder[last]
    else:
        return False
    return True
