"""Hypothesis strategies: keys, bindings, and registries in the many spellings TOML allows.

``registries()`` gives the text of a registry together with what it says and
with whose each line is, so that a test can tell what an edit may touch.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from hypothesis import strategies as st

from sslbind.binding import Binding
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, KINDS, Key, Kind, parse_key
from sslbind.tags import PROPERTIES, SSLFLAGS, TAGS, Type, Value

APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"

ports = st.integers(1, 65535)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-"


def _label(number: int) -> str:
    """Return the label that ``number`` is in the base of ``_LETTERS``."""
    rest, last = divmod(number, len(_LETTERS))
    return (_label(rest - 1) if rest else "") + _LETTERS[last]


_labels = (
    st.integers(0, len(_LETTERS) ** 10 - 1)
    .map(_label)
    .filter(lambda label: label[0] != "-" and label[-1] != "-" and label[2:4] != "--")
)
"""Labels of up to ten characters; one draw for each, as for thumbprints."""
_unicode_labels = st.sampled_from(["bücher", "日本", "straße", "παράδειγμα", "пример", "नमस्ते"])
hosts = st.builds(
    lambda star, labels: star + ".".join(labels),
    st.sampled_from(["", "", "", "*."]),
    st.lists(_labels | _unicode_labels, min_size=1, max_size=4),
).filter(lambda host: not re.fullmatch(r"[0-9.]+", host))
ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)
"""Host names, IPv4 and IPv6 addresses in canonical form (mapped ones excepted)."""


def keys(kind: Kind | None = None) -> st.SearchStrategy[Key]:
    """Canonical keys, of any kind or of one."""
    if kind is None:
        return st.sampled_from(KINDS).flatmap(keys)
    if kind is CCS:
        return ports.map(lambda port: parse_key(CCS, str(port)))
    if kind is IPPORT:
        texts = st.tuples(ipv4 | ipv6.map("[{}]".format), ports)
    else:
        texts = st.tuples(hosts, ports)
    return texts.map(lambda text: parse_key(kind, f"{text[0]}:{text[1]}"))


thumbprints = st.integers(0, 2**160 - 1).map("{:040x}".format)
"""One draw for each: forty digits would be most of what a binding costs."""
guids = st.uuids().map("{{{}}}".format)
store_names = st.sampled_from(["MY", "WebHosting", "Root", "My Store", "ü"])
dwords = st.integers(0, 2**32 - 1) | st.integers(0, 1000)
printable_text = st.text(
    st.characters(
        exclude_categories=("Cc", "Cs", "Zl", "Zp"),
        exclude_characters="\u2028\u2029",
    ),
    min_size=1,
    max_size=12,
) | st.sampled_from(["a # b", 'say "hi"', "it's", "[SslBindingInfo]", "'''", '"""', "\\", "a = 1"])

_BY_TYPE: dict[Type, st.SearchStrategy[Value]] = {
    Type.HASH: thumbprints,
    Type.GUID: guids,
    Type.STORE: store_names,
    Type.TEXT: printable_text,
    Type.FLAG: st.booleans(),
    Type.NUMBER: dwords,
}
_OPTIONAL = [
    tag
    for tag in (*TAGS, *(p.tag for p in PROPERTIES))
    if tag.name not in ("certhash", "appid", "certstorename")
]
other_values: st.SearchStrategy[Any] = st.recursive(
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | printable_text
    | st.floats(allow_nan=False)
    | st.dates(min_value=date(1000, 1, 1)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abAB-é .", max_size=3), inner)
    ),
    max_leaves=4,
)
others = st.dictionaries(
    st.sampled_from(["DefaultFlags", "SslCertHash", "odd name", "x.y", "é"]), other_values
)


@st.composite
def values(draw: st.DrawFn, kind: Kind) -> dict[str, Value]:
    """The tags of one binding of ``kind``, as a registry may hold them."""
    drawn: dict[str, Value] = {"appid": draw(guids)}
    if kind.certificate:
        drawn["certhash"] = draw(thumbprints)
        if kind is HOSTNAMEPORT or draw(st.booleans()):
            drawn["certstorename"] = draw(store_names)
    for tag in draw(st.lists(st.sampled_from(_OPTIONAL), max_size=4, unique=True)):
        drawn[tag.name] = draw(_BY_TYPE[tag.type])
    if draw(st.integers(0, 9)) == 0:
        # A bit that is set and its tag that is off would contradict each other.
        drawn = {name: value for name, value in drawn.items() if value is not False}
        drawn[SSLFLAGS.name] = draw(st.integers(0, 255))
    return drawn


@st.composite
def bindings(draw: st.DrawFn, kind: Kind | None = None) -> Binding:
    """Bindings of any kind or of one, some with values that have no tag."""
    key = draw(keys(kind))
    other = draw(others) if draw(st.integers(0, 4)) == 0 else None
    return Binding(key, draw(values(key.kind)), other)


def binding_lists(min_size: int = 0, max_size: int = 6) -> st.SearchStrategy[list[Binding]]:
    """Lists of bindings with different keys."""
    return st.lists(bindings(), min_size=min_size, max_size=max_size, unique_by=lambda one: one.key)


@dataclass(frozen=True, slots=True)
class Line:
    """One statement or comment with its line end, and whose it is."""

    text: str
    owner: Key | None = None
    """The binding that it belongs to, None for what no edit of a binding may touch."""
    tag: str = ""
    """The tag that it sets; empty for headers and comments."""


@dataclass(slots=True)
class Spelled:
    """A registry in some spelling: its text and what that says."""

    lines: list[Line]
    bindings: dict[Key, Binding]
    mark: str = ""
    shared: set[Kind] = field(default_factory=set)
    """The kinds whose bindings are all in one inline table."""

    @property
    def text(self) -> str:
        return self.mark + "".join(line.text for line in self.lines)

    def __repr__(self) -> str:
        return f"Spelled({self.text!r})"


class Speller:
    """Writes values, keys and statements in spellings that ``random`` chooses."""

    def __init__(self, random: Random, eol: str) -> None:
        self.random = random
        self.eol = eol

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def space(self) -> str:
        return self.random.choice(["", "", "", " ", "\t", "  "])

    def text(self, text: str, *, lines: bool = True) -> str:
        """A string: basic with escapes, literal, or one of the kinds that span lines."""
        ways: list[Callable[[str], str]] = [self._basic, self._basic]
        if not re.search(r"[\x00-\x08\x0a-\x1f\x7f']", text):
            ways.append("'{}'".format)
        if lines and self.chance(0.2):
            ways = [self._long_basic]
            if "''" not in text and text.isprintable() and not text.endswith("'"):
                ways.append(lambda text: f"'''{self.random.choice(['', self.eol])}{text}'''")
        return self.random.choice(ways)(text)

    def _basic(self, text: str) -> str:
        return f'"{self._escaped(text)}"'

    def _escaped(self, text: str) -> str:
        return "".join(
            f"\\U{ord(char):08x}"
            if self.chance(0.05)
            else json.dumps(char, ensure_ascii=ord(char) > 0xFFFF or self.chance(0.1))[1:-1]
            if ord(char) != 0x7F and ord(char) < 0x10000
            else f"\\U{ord(char):08X}"
            for char in text
        )

    def _long_basic(self, text: str) -> str:
        start = self.random.choice(["", self.eol, f"\\{self.eol}    "])
        if start.endswith(" ") and text[:1].isspace():
            start = ""
        return f'"""{start}{self._escaped(text)}"""'

    def value(self, value: object, *, lines: bool = True) -> str:
        """Any value; ``lines`` lets it span lines, which inline tables forbid."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return self._number(value)
        if isinstance(value, str):
            return self.text(value, lines=lines)
        if isinstance(value, Mapping):
            return self.inline({str(name): value[name] for name in value})
        if isinstance(value, list):
            return self._list(value, lines=lines)
        return value.isoformat() if isinstance(value, date) else str(value)

    def _number(self, value: int) -> str:
        if value < 0:
            return str(value)
        ways = [str(value), str(value), f"{value:_}", f"+{value}"]
        ways += [f"0x{value:x}", f"0x{value:X}", f"0o{value:o}", f"0b{value:_b}"]
        return self.random.choice(ways)

    def _list(self, items: list[object], *, lines: bool) -> str:
        def gap() -> str:
            if not lines:
                return self.space()
            ways = ["", " ", self.eol, f"{self.eol}\t", f" # ] [x]{self.eol}", self.eol * 2]
            return self.random.choice(ways)

        comma = "," if items and self.chance(0.3) else ""
        texts = [gap() + self.value(item, lines=lines) + gap() for item in items]
        return "[" + ",".join(texts) + comma + gap() + "]"

    def inline(self, pairs: Mapping[str, object]) -> str:
        texts = [
            f"{self.space()}{self.name(name)}{self.space()}={self.space()}"
            f"{self.value(value, lines=False)}{self.space()}"
            for name, value in pairs.items()
        ]
        return "{" + ",".join(texts) + "}"

    def name(self, name: str) -> str:
        """One part of a key: bare where that goes, or quoted."""
        if re.fullmatch(r"[A-Za-z0-9_-]+", name) and self.chance(0.8):
            return name
        if "'" not in name and name.isprintable() and self.chance(0.3):
            return f"'{name}'"
        return self._basic(name)

    def path(self, *parts: str) -> str:
        dot = [f"{self.space()}.{self.space()}" if self.chance(0.2) else "." for _ in parts]
        texts = [self.name(part) + dot[i] for i, part in enumerate(parts)]
        return "".join(texts)[: -len(dot[-1])]

    def end(self) -> str:
        """The rest of a line: spaces and a comment, perhaps."""
        comment = self.random.choice(["# note", "#", "# [SslBindingInfo.x] = '''", "# é"])
        return self.space() + (comment if self.chance(0.2) else "") + self.eol

    def statement(self, path: tuple[str, ...], value: str) -> str:
        indent = self.space() if self.chance(0.3) else ""
        around = (self.space(), self.space()) if self.chance(0.3) else (" ", " ")
        return f"{indent}{self.path(*path)}{around[0]}={around[1]}{value}{self.end()}"

    def header(self, *parts: str, array: bool = False) -> str:
        indent = self.space() if self.chance(0.1) else ""
        inner = self.path(*parts)
        if self.chance(0.2):
            inner = f"{self.space()}{inner}{self.space()}"
        return f"{indent}[[{inner}]]{self.end()}" if array else f"{indent}[{inner}]{self.end()}"

    def comment(self, text: str) -> str:
        return f"{self.space()}# {text}{self.eol}"

    def key(self, key: Key) -> str:
        """A spelling of ``key``, canonical or not."""
        text = str(key)
        if key.kind is CCS or self.chance(0.6):
            return text
        if key.kind is IPPORT and ":" in key.host:
            if key.host.startswith("::ffff:") and "." in key.host:
                return text
            return f"[{ipaddress.IPv6Address(key.host).exploded.upper()}]:{key.port}"
        if key.kind is IPPORT:
            return text
        host = key.host
        if host.isascii():
            host = self.random.choice([host.upper(), host.title(), f"{host}."])
        return f"{host}:{key.port}"


class _Writer:
    """Collects the root statements and the tables of one registry."""

    def __init__(self, speller: Speller) -> None:
        self.s = speller
        self.root: list[list[Line]] = []
        self.tables: list[list[Line]] = []
        self.shared: set[Kind] = set()

    def settings(self) -> None:
        s = self.s
        self.root.append([Line(s.statement(("version",), "1"))])
        if s.chance(0.5):
            self.root.append([Line(s.statement(("windows",), s.text("2022")))])
        if s.chance(0.5):
            addresses = s.random.sample(["10.0.0.1", "10.0.0.2", "::1"], s.random.randint(0, 3))
            text = s.statement(("iplisten",), s.value(addresses))
            self.root.append([Line(text, tag="iplisten")])
        path = ("CertStores", "path")
        style = s.random.choice(["none", "dotted", "inline", "table", "table"])
        if style == "dotted":
            self.root.append([Line(s.statement(path, s.text("certs")))])
        elif style == "inline":
            self.root.append([Line(s.statement(path[:1], s.inline({"path": "certs"})))])
        elif style == "table":
            lines = [Line(s.header(path[0])), Line(s.statement(path[1:], s.text("certs")))]
            self.tables.append(lines)
        for number in range(s.random.choice([0, 0, 1, 2])):
            lines = [Line(s.header("Suppress", array=True))]
            lines += [Line(s.statement(("rule",), s.text(f"rule-{number}")))]
            lines += [Line(s.statement(("reason",), s.text("because [it] is # so")))]
            self.tables.append(lines)

    def kind(self, kind: Kind, found: list[Binding]) -> None:
        """Write all bindings of one kind, in a style for all or in one for each."""
        s = self.s
        if s.chance(0.12):
            self.shared.add(kind)
            data = {s.key(one.key): _body(one) for one in found}
            self.root.append([Line(s.statement((kind.table,), s.inline(data)))])
            return
        style = s.random.choice(["headers", "headers", "headers", "table", "root"])
        if style == "headers":
            for one in found:
                self._header_table(one)
        elif style == "table":
            lines = [Line(s.header(kind.table))]
            for one in found:
                lines += self._dotted(one, ())
            self.tables.append(lines)
        else:
            for one in found:
                self.root.append(self._dotted(one, (kind.table,)))

    def _header_table(self, one: Binding) -> None:
        s, path = self.s, (one.key.kind.table, self.s.key(one.key))
        lines = self._own_comment(one.key)
        lines.append(Line(s.header(*path), one.key))
        style = s.random.choice(["behind", "behind", "far", "dotted", "inline"])
        body: list[Line] = []
        for name, value in _body(one).items():
            if name != "Other" or style == "inline":
                body.append(Line(s.statement((name,), s.value(value)), one.key, name))
            elif style == "dotted":
                body += [
                    Line(s.statement((name, part), s.value(item)), one.key, name)
                    for part, item in value.items()
                ]
        s.random.shuffle(body)
        lines += body
        self.tables.append(lines)
        if one.other and style in ("behind", "far"):
            other = [Line(s.header(*path, "Other"), one.key, "Other")]
            other += [
                Line(s.statement((part,), s.value(item)), one.key, "Other")
                for part, item in one.other.items()
            ]
            if style == "far":
                self.tables.append(other)
            else:
                lines += other

    def _dotted(self, one: Binding, above: tuple[str, ...]) -> list[Line]:
        s, path = self.s, (*above, self.s.key(one.key))
        lines = self._own_comment(one.key)
        if s.chance(0.3):
            text = s.statement(path, s.inline(_body(one)))
            return [*lines, Line(text, one.key, "*")]
        body = [
            Line(s.statement((*path, name), s.value(value)), one.key, name)
            for name, value in _body(one).items()
        ]
        s.random.shuffle(body)
        return lines + body

    def _own_comment(self, key: Key) -> list[Line]:
        s = self.s
        if s.chance(0.5):
            return []
        return [Line(s.comment(f"of {key}"), key) for _ in range(s.random.randint(1, 2))]

    def finish(self, found: list[Binding], mark: str, *, last_newline: bool) -> Spelled:
        s = self.s
        s.random.shuffle(self.root)
        s.random.shuffle(self.tables)
        lines: list[Line] = []
        for group in (*self.root, *self.tables):
            if s.chance(0.6):
                lines.append(Line(s.eol))
            if s.chance(0.2):
                lines += [Line(s.eol), Line(s.comment("nobody's")), Line(s.eol)]
            lines += group
        if not last_newline:
            last = lines.pop()
            lines.append(Line(last.text.removesuffix(s.eol), last.owner, last.tag))
        return Spelled(lines, {one.key: one for one in found}, mark, self.shared)


def _body(one: Binding) -> dict[str, Any]:
    body: dict[str, Any] = dict(one.values)
    if one.other:
        body["Other"] = dict(one.other)
    return body


def spell(found: list[Binding], random: Random) -> Spelled:
    """Return a registry with these bindings in a spelling that ``random`` chooses."""
    writer = _Writer(Speller(random, random.choice(["\n", "\n", "\r\n"])))
    writer.settings()
    for kind in KINDS:
        of_kind = [one for one in found if one.key.kind is kind]
        if of_kind:
            writer.kind(kind, of_kind)
    mark = random.choice(["", "", "", "\ufeff"])
    return writer.finish(found, mark, last_newline=random.random() < 0.8)


@st.composite
def registries(draw: st.DrawFn, min_size: int = 0) -> Spelled:
    """Registries in every spelling: headers, dotted keys, inline tables, quotes, spaces, CRLF."""
    found = draw(binding_lists(min_size=min_size))
    return spell(found, Random(draw(st.integers(0, 2**32 - 1))))
