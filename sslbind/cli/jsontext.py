"""JSON documents, written in pieces so that a large one is never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any

from sslbind.printable import printable_json

_INDENT = "  "
_BATCH = 200
"""Items; the encoder leaves cycles of references behind, one a call, and a run collects none."""
_ITEM, _FIELD = f"\n{_INDENT * 2}", f"\n{_INDENT * 3}"


class Item(str):
    """The text of an object in a list of a document, which need not be made twice."""

    __slots__ = ()


def pieces(document: Mapping[str, Any], *, ascii_only: bool) -> Iterator[str]:
    """Yield the text of ``document``, indented by two blanks.

    A value that is an iterator is a list, of which some items at a time are made;
    they may be texts already: every one an ``Item``, or none.
    Characters that do not print are escaped.
    """
    before = "{\n"
    for name, value in document.items():
        yield f"{before}{_INDENT}{_text(name, 1, ascii_only=ascii_only)}: "
        before = ",\n"
        if not isinstance(value, Iterator):
            yield _text(value, 1, ascii_only=ascii_only)
            continue
        opening = "["
        while batch := [*islice(value, _BATCH)]:
            yield opening + _items(batch, ascii_only=ascii_only)
            opening = ","
        yield f"\n{_INDENT}]" if opening == "," else "[]"
    yield "\n}\n"


def around(values: Mapping[str, Any], name: str, *, ascii_only: bool) -> tuple[str, str]:
    """Return the text of an ``Item`` before the value of ``name`` and after it."""
    names = [*values]
    place = names.index(name) + 1
    before = _fields({**values, name: 0}, names[:place], ascii_only=ascii_only)[:-1]
    after = _fields(values, names[place:], ascii_only=ascii_only)
    return f"{{{_FIELD}{before}", f"{after and f',{_FIELD}{after}'}{_ITEM}}}"


def quoter(*, ascii_only: bool) -> Callable[[str], str]:
    """Return a function that returns a text as JSON has it."""
    from json.encoder import encode_basestring, encode_basestring_ascii

    if ascii_only:
        return encode_basestring_ascii
    return lambda text: printable_json(encode_basestring(text))


def _fields(values: Mapping[str, Any], names: list[str], *, ascii_only: bool) -> str:
    """Return some of ``values`` as they stand in an ``Item``, without its braces."""
    import json

    texts = []
    for nested, some in groupby(names, lambda name: isinstance(values[name], list | dict)):
        part = {name: values[name] for name in some}
        if nested:
            text = _text(part, 2, ascii_only=ascii_only)
            texts.append(text[len(f"{{{_FIELD}") : -len(f"{_ITEM}}}")])
        else:  # the encoder indents in Python; without, it is ten times as fast
            between = (f",{_FIELD}", ": ")
            text = json.dumps(part, separators=between, ensure_ascii=ascii_only)
            texts.append(printable_json(text[1:-1]))
    return f",{_FIELD}".join(texts)


def _items(batch: list[Any], *, ascii_only: bool) -> str:
    """Return some items of a list, without its brackets."""
    if isinstance(batch[0], Item):
        return _ITEM + f",{_ITEM}".join(batch)
    return _text(batch, 1, ascii_only=ascii_only)[1 : -len(f"\n{_INDENT}]")]


def _text(value: object, depth: int, *, ascii_only: bool) -> str:
    """Return ``value`` as it stands ``depth`` deep in a document."""
    import json

    text = json.dumps(value, indent=_INDENT, ensure_ascii=ascii_only)
    return printable_json(text).replace("\n", f"\n{_INDENT * depth}")
