"""Edits of a registry's text that change nothing else in it.

A value on its own line is edited in place; inside an inline table tomlkit does
it. Whole bindings are inserted and deleted as tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from typing import Any

from sslbind.binding import Binding, alike
from sslbind.errors import RegistryError
from sslbind.keys import KIND_BY_TABLE, parse_address
from sslbind.registry.plain import plain_header
from sslbind.registry.source import Path, Statement, newline, rest_of_line, statements
from sslbind.sslflags import FLAG_TAGS
from sslbind.tags import SSLFLAGS, STORED

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def render_value(value: object) -> str:
    """Return ``value`` as TOML writes it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + _ESCAPED.sub(_escape, value) + '"'
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_render_key(name)} = {render_value(value[name])}" for name in value)
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(render_value(item) for item in value) + "]"
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _render_key(name: str) -> str:
    return name if _BARE.fullmatch(name) else render_value(name)


def _escape(match: re.Match[str]) -> str:
    return _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}"


def render_binding(binding: Binding, eol: str = "\n") -> str:
    """Return the table of ``binding``: its header, its tags in order, and what has no tag."""
    return render_bindings([binding], eol)


def render_bindings(bindings: Iterable[Binding], eol: str) -> str:
    """Return the tables of ``bindings`` with an empty line between them."""

    @alike
    def tags(binding: Binding) -> str:
        values = binding.values
        lines = [f"{name} = {render_value(values[name])}" for name in STORED if name in values]
        return "".join(line + eol for line in lines)

    def table(binding: Binding) -> str:
        header = plain_header(binding.key)
        text = f"[{header}]{eol}{tags(binding)}"
        if not binding.other:
            return text
        other = [
            f"{_render_key(name)} = {render_value(value)}" for name, value in binding.other.items()
        ]
        return text + "".join(line + eol for line in ("", f"[{header}.Other]", *other))

    return eol.join(map(table, bindings))


def _changes(before: Binding, after: Binding) -> dict[str, object]:
    """Return what the text of ``before`` lacks of ``after``; None takes a value out."""
    changes: dict[str, object] = {
        name: after.values.get(name)
        for name in STORED
        if before.values.get(name) != after.values.get(name)
    }
    if SSLFLAGS.name in changes:  # a removed bit may be the only thing that turned its tag on
        flags = int(after.values.get(SSLFLAGS.name, 0))
        for tag in FLAG_TAGS:
            if tag.site_flag and not flags & tag.site_flag.bit and after.values.get(tag.name):
                changes[tag.name] = True
    if before.other != after.other:
        changes["Other"] = dict(after.other) or None
    return changes


class Splice:
    """Edits of one text, collected and then applied together.

    The text may be a part of a registry, as long as it starts at its start or
    at a header.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.eol = newline(text)
        self.statements = statements(text)
        self._edits: list[tuple[int, int, str]] = []
        self._deleted: list[list[int]] = []
        self._index: dict[Path, list[int]] | None = None
        self._documents: dict[int, tuple[Statement, Any]] = {}

    def result(self) -> str:
        """Return the text with all edits made."""
        for statement, document in self._documents.values():
            self.set(statement, document.as_string().strip().removeprefix("v = "))
        for indexes in self._deleted:
            for first, last in self._runs(indexes):
                self._delete_lines(first, last)
        pieces: list[str] = []
        pos = 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            pieces += (self.text[pos:start], new)
            pos = max(pos, end)
        return "".join([*pieces, self.text[pos:]])

    def change(self, spelled: str, before: Binding, after: Binding) -> None:
        """Edit the values that differ between ``before`` and ``after``, one key's two states."""
        changes = _changes(before, after)
        path = (before.key.kind.table, spelled)
        inline = self._inline(path)
        if inline is not None:
            self._edit_inline(inline, path, changes)
            return
        own = [s for s in self._own(path) if len(s.path) > 2]
        tags = {s.path[2]: s for s in own if s.path[2] != "Other"}
        for name, value in changes.items():
            if name in tags and value is not None:
                self.set(tags[name], render_value(value))
                continue
            if name == "Other":
                self._delete_other(path)
            elif name in tags:
                self._edits.append((tags[name].start, tags[name].end, ""))
            if value is not None:
                self._append_tag(list(tags.values())[-1], name, value)

    def _delete_other(self, path: Path) -> None:
        """Remove ``Other``: a table with its comment, or a line among the tags without it."""
        tables: list[int] = []
        for index in self._own_indexes(path):
            statement = self.statements[index]
            if statement.path[2:3] != ("Other",):
                continue
            if statement.header or tables:
                tables.append(index)
            else:  # a comment above it may be the binding's
                self._edits.append((statement.start, statement.end, ""))
        self._deleted.append(tables)

    def delete(self, spelled: str, binding: Binding) -> None:
        """Delete a binding, with the comment directly above it."""
        path = (binding.key.kind.table, spelled)
        inline = self._inline(path)
        if inline is not None and len(inline.path) < 2:
            self._edit_inline(inline, path, None)
            return
        self._deleted.append(self._own_indexes(path))

    def comments(self, spelled: str, binding: Binding) -> str:
        """Return the comments, as lines, that ``delete`` takes along with a binding."""
        found: list[str] = []
        for first, last in self._runs(self._own_indexes((binding.key.kind.table, spelled))):
            for index in range(first, last + 1):
                statement = self.statements[index]
                found += self.text[self._with_comment(index) : statement.start].splitlines()
                found.append(rest_of_line(self.text, statement))
            end = self.statements[last].end
            found += self.text[end : self._block_end(end)].splitlines()
        return "".join(line.strip() + self.eol for line in found if line.strip())

    def insert(self, bindings: Iterable[Binding], comments: str = "") -> None:
        """Put new bindings of one kind after the last of their kind, or at the end.

        ``comments`` are lines to be above the first one.
        """
        new = list(bindings)
        table = new[0].key.kind.table
        same = [i for i, s in enumerate(self.statements) if s.path[:1] == (table,)]
        if (
            same
            and self.statements[same[-1]].path == (table,)
            and not (self.statements[same[-1]].header)
        ):
            for binding in new:
                self._insert_inline(self.statements[same[-1]], binding)
            return
        pos = len(self.text)
        if same:
            after = same[-1] + 1
            while after < len(self.statements) and not self.statements[after].header:
                after += 1
            pos = self._block_end(self.statements[after - 1].end)
        self._edits.append((pos, pos, self._tables(new, pos, comments)))

    def set(self, statement: Statement, value: str) -> None:
        """Replace the value of ``statement`` with ``value``, which is already TOML."""
        self._edits.append((statement.value_start, statement.value_end, value))

    def set_iplisten(self, addresses: Sequence[str]) -> None:
        """Make the IP listen list contain canonical ``addresses``; kept ones are untouched."""
        statement = next((s for s in self.statements if s.path == ("iplisten",)), None)
        if statement is None:
            line = f"iplisten = {render_value(addresses)}{self.eol}"
            root = [s for s in self.statements if len(s.path) == 1 and not s.header]
            self._insert_line(root[-1].end if root else 0, line)
            return
        value = self._value(statement)
        wanted = set(addresses)
        current = [parse_address(item) for item in value]
        for place in reversed(range(len(current))):
            if current[place] not in wanted:
                del value[place]
        present = [address for address in current if address in wanted]
        for new in addresses[len(present) :]:
            value.append(new)
        reordered = present != [*addresses[: len(present)]]
        if reordered or not self._reads_as(statement, addresses):  # then the list is rewritten
            del self._documents[statement.start]
            self.set(statement, render_value(addresses))

    def set_table(self, table: str, values: Mapping[str, object]) -> None:
        """Set values in a settings table; None takes one out.

        If the table does not exist yet, it goes before the first binding.
        """
        own = [s for s in self.statements if s.path[:1] == (table,)]
        if own and not own[0].header and own[0].path == (table,):
            self._edit_inline(own[0], (table,), values)
            return
        lines = {s.path[1]: s for s in own if len(s.path) > 1}
        for name, value in values.items():
            if name in lines and value is not None:
                self.set(lines[name], render_value(value))
            elif name in lines:
                self._edits.append((lines[name].start, lines[name].end, ""))
            elif value is not None and lines:
                self._append_tag(list(lines.values())[-1], name, value)
            elif value is not None and own:
                self._insert_line(own[0].end, f"{name} = {render_value(value)}{self.eol}")
        if not own:
            self._insert_table(table, values)

    # What follows works on one text with its statements.

    def _own_indexes(self, path: Path) -> list[int]:
        if self._index is None:
            self._index = {}
            for i, statement in enumerate(self.statements):
                self._index.setdefault(statement.path[:2], []).append(i)
        return self._index.get(path, [])

    def _own(self, path: Path) -> list[Statement]:
        return [self.statements[i] for i in self._own_indexes(path)]

    def _inline(self, path: Path) -> Statement | None:
        """Return the statement whose inline table holds the binding at ``path``, if one does."""
        candidates = self._own(path) + self._own(path[:1])
        return next((s for s in candidates if not s.header and s.path == path[: len(s.path)]), None)

    def _edit_inline(
        self, statement: Statement, path: Path, changes: Mapping[str, object] | None
    ) -> None:
        """Change an inline table; ``changes`` None takes the whole binding out."""
        holder = self._value(statement)
        inner = path[len(statement.path) :]
        for part in inner[:-1] if changes is None else inner:
            holder = holder[part]
        if changes is None:
            del holder[inner[-1]]
        else:
            for name, value in changes.items():
                if value is not None:
                    holder[name] = value
                elif name in holder:
                    del holder[name]

    def _insert_inline(self, statement: Statement, binding: Binding) -> None:
        import tomlkit

        table = tomlkit.inline_table()
        table.update({name: binding.values[name] for name in STORED if name in binding.values})
        if binding.other:
            table.update({"Other": dict(binding.other)})
        self._value(statement)[str(binding.key)] = table

    def _insert_table(self, table: str, values: Mapping[str, object]) -> None:
        """Put a settings table before the first binding, and the comment directly above that."""
        headers = (
            index
            for index, one in enumerate(self.statements)
            if one.header and one.path[0] in KIND_BY_TABLE
        )
        first = next(headers, None)
        pos = len(self.text) if first is None else self._with_comment(first)
        lines = [
            f"{name} = {render_value(value)}" for name, value in values.items() if value is not None
        ]
        block = "".join(line + self.eol for line in (f"[{table}]", *lines))
        self._edits.append((pos, pos, self._gap(pos) + block + ("" if first is None else self.eol)))

    def _value(self, statement: Statement) -> Any:
        """Return the inline table or list of ``statement``, for tomlkit to edit in place."""
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        if statement.start not in self._documents:
            value = self.text[statement.value_start : statement.value_end]
            try:
                self._documents[statement.start] = statement, tomlkit.parse(f"v = {value}")
            except (TOMLKitError, RecursionError) as error:  # valid for tomllib, not for tomlkit
                raise RegistryError(
                    f"the value of {statement.path[-1]} cannot be edited: {error}",
                    "write it in a simpler form",
                ) from None
        return self._documents[statement.start][1]["v"]

    def _reads_as(self, statement: Statement, addresses: Sequence[str]) -> bool:
        """Whether tomlkit's edit is valid TOML with these addresses: unusual commas confuse it."""
        import tomllib

        try:
            value = tomllib.loads(self._documents[statement.start][1].as_string())["v"]
        except tomllib.TOMLDecodeError:
            return False
        return [parse_address(item) for item in value] == [*addresses]

    def _append_tag(self, sibling: Statement, name: str, value: object) -> None:
        prefix = self.text[sibling.start : sibling.name_start]
        self._insert_line(sibling.end, f"{prefix}{name} = {render_value(value)}{self.eol}")

    def _insert_line(self, pos: int, line: str) -> None:
        if pos and self.text[pos - 1] != "\n":  # the last line keeps no line end
            line = self.eol + line.removesuffix(self.eol)
        self._edits.append((pos, pos, line))

    def _tables(self, bindings: Sequence[Binding], pos: int, comments: str) -> str:
        blocks = comments + render_bindings(bindings, self.eol)
        after = self.eol if self.text[pos:].lstrip(" \t")[:1] not in ("", "\n", "\r") else ""
        return self._gap(pos) + blocks + after

    def _gap(self, pos: int) -> str:
        """Return what separates a new table from the text before ``pos``: an empty line."""
        before = self.text[:pos]
        if not before.strip():
            return ""
        if not before.endswith("\n"):
            return self.eol * 2
        return "" if before.endswith(("\n\n", "\n\r\n")) else self.eol

    def _delete_lines(self, first: int, last: int) -> None:
        """Delete the statements from ``first`` to ``last``, with the comment directly above."""
        start = self._with_comment(first)
        end = self._block_end(self.statements[last].end)
        above = self._line_before(start)
        if not above.strip():
            end = self._skip_blank(end)
        if end == len(self.text):
            while start and not self._line_before(start).strip():
                start -= len(self._line_before(start))
        self._edits.append((start, end, ""))

    def _runs(self, indexes: Sequence[int]) -> Iterable[tuple[int, int]]:
        """Yield the first and last of every run of neighbours without a free comment between."""
        start = previous = None
        for index in indexes:
            if previous is None or index != previous + 1 or self._parted(previous, index):
                if start is not None and previous is not None:
                    yield start, previous
                start = index
            previous = index
        if start is not None and previous is not None:
            yield start, previous

    def _parted(self, index: int, following: int) -> bool:
        """Whether a comment is between two statements and belongs to neither."""
        start = self._block_end(self.statements[index].end)
        return "#" in self.text[start : self._with_comment(following)]

    def _with_comment(self, index: int) -> int:
        """Return where the comment directly above a statement starts, else the statement."""
        start = self.statements[index].start
        # Before the end of the previous statement, what looks like a comment is part of a string.
        floor = self.statements[index - 1].end if index else 0
        while start > floor and self._line_before(start).lstrip().startswith("#"):
            start -= len(self._line_before(start))
        return start

    def _line_before(self, pos: int) -> str:
        return self.text[self.text.rfind("\n", 0, max(pos - 1, 0)) + 1 : pos]

    def _block_end(self, end: int) -> int:
        """Return ``end`` moved after the comments below it that belong to no other statement."""
        pos = end
        while self._line_at(pos).lstrip().startswith("#"):
            pos += len(self._line_at(pos))
        return pos if pos == len(self.text) or not self._line_at(pos).strip() else end

    def _skip_blank(self, pos: int) -> int:
        while pos < len(self.text) and not self._line_at(pos).strip():
            pos += len(self._line_at(pos))
        return pos

    def _line_at(self, pos: int) -> str:
        end = self.text.find("\n", pos)
        return self.text[pos:] if end < 0 else self.text[pos : end + 1]
