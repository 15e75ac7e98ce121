"""XML as a tree of elements with line numbers; the input is not trusted.

The standard library's ElementTree has no line numbers, so this reader uses
expat. Document types, and with them every entity but XML's own five, are refused; so are
endless tags and endless depth, which no configuration has.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from xml.parsers import expat

from sslbind.bounds import check_xml
from sslbind.errors import SslbindError
from sslbind.formats.encoding import decode_text
from sslbind.formats.left_out import stands_for_others

MAX_DEPTH = 200
"""Levels of nested elements; a configuration of IIS has less than 20."""
MAX_TAG = 1 << 20
"""Bytes of one tag with all its attributes, or of one comment."""
MAX_PARTS = 1_000_000
"""Elements and attributes together: 10,000 sites have a third of that."""

ELISION = "..."
"""The name of an element for text or a comment that stands for others, which were left out."""
# .., snip, omit(ted)
_SUSPECT = re.compile(
    rb"\.\.|\xe2\x80\xa6|snip|omit|truncat|shorten|elided|left out|cut |more ", re.IGNORECASE
)
"""Without any of these no text stands for others: handling each text takes time."""

_JUNK = expat.errors.codes[expat.errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT]
_SEVERAL = "if these are several sites, put <sites> before and </sites> after them"
_NO_MEMORY = expat.errors.codes[expat.errors.XML_ERROR_NO_MEMORY]
_CHUNK = 1 << 18
_MARKUP = re.compile(r"\s*<")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Element:
    """An element: its name and attributes as written, its children, and its line from 1.

    Text between tags is left out: no configuration of IIS keeps a value there.
    """

    __slots__ = ("attributes", "children", "line", "name")

    def __init__(self, name: str, attributes: dict[str, str], line: int) -> None:
        self.name = name
        self.attributes = attributes
        self.line = line
        self.children: Sequence[Element] = ()

    def add(self, child: Element) -> None:
        """Put an element below this one, after the others."""
        if isinstance(self.children, list):
            self.children.append(child)
        else:  # most have none, and of thousands an empty list each is a tenth of the memory
            self.children = [child]

    def get(self, attribute: str, default: str = "") -> str:
        """Return the value of an attribute, ``default`` where it is absent."""
        return self.attributes.get(attribute, default)

    def named(self, name: str) -> Iterator[Element]:
        """Yield the children with this name."""
        return (child for child in self.children if child.name == name)

    def walk(self) -> Iterator[tuple[tuple[Element, ...], Element]]:
        """Yield every element below, in document order, each with its ancestors.

        The last ancestor is its parent, the first is this element.
        """
        waiting: list[tuple[tuple[Element, ...], Element]] = [((), self)]
        while waiting:
            around, element = waiting.pop()
            if around:
                yield around, element
            if element.children:
                inside = (*around, element)
                waiting.extend((inside, child) for child in reversed(element.children))


def is_markup(text: str) -> bool:
    """Whether a document begins as XML does."""
    return _MARKUP.match(text) is not None


def parse(data: bytes, file: str) -> Element:
    """Return a nameless element with the root of the XML document ``data`` in it.

    UTF-8, with or without a byte order mark, and UTF-16 with one. ``file``
    names the document in errors. Raises SslbindError, with file and line, for
    another encoding, for broken XML, and for what this module refuses.
    """
    # PowerShell's ">" turns a document that declares UTF-8 into UTF-16, and marks it so.
    utf16 = ("utf-16", "unicode") if data.startswith(_UTF16) else ()
    return _parse(decode_text(data, file), file, ("utf-8", "us-ascii", *utf16))


def parse_text(text: str, file: str) -> Element:
    """Do the same for decoded text; the encoding that it declares is ignored."""
    return _parse(text, file)


def _parse(text: str, file: str, encodings: tuple[str, ...] | None = None) -> Element:
    data = text.encode("utf-8", "surrogatepass")  # expat reports the line of an error
    check_xml(data, file)
    reader = _Reader(file, encodings)
    if _SUSPECT.search(data):
        reader.notice_elisions()
    for start in range(0, len(data), _CHUNK):
        reader.feed(data[start : start + _CHUNK], start)
    reader.feed(b"", len(data), end=True)
    return reader.document


class _Reader:
    """Builds the tree from expat's events; ``encodings`` None allows any."""

    def __init__(self, file: str, encodings: tuple[str, ...] | None) -> None:
        self.file = file
        self.document = Element("", {}, 1)
        self._encodings = encodings
        self._open = [self.document]
        self._parts = 0
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._document_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end

    def notice_elisions(self) -> None:
        """Keep what stands for elements that were left out."""
        self._parser.buffer_text = True
        self._parser.CharacterDataHandler = self._text
        self._parser.CommentHandler = self._text

    def _text(self, text: str) -> None:
        if text.strip() and stands_for_others(text.strip()):
            line = self._parser.CurrentLineNumber
            self._open[-1].add(Element(ELISION, {"text": text.strip()}, line))

    def feed(self, chunk: bytes, start: int, *, end: bool = False) -> None:
        try:
            self._parser.Parse(chunk, end)
        except expat.ExpatError as error:
            if error.code == _NO_MEMORY:
                raise MemoryError from None
            hints = [_SEVERAL] if error.code == _JUNK else []
            raise self._error(
                f"is not XML: {expat.ErrorString(error.code)}", *hints, line=error.lineno
            ) from None
        if start + len(chunk) - max(self._parser.CurrentByteIndex, 0) > MAX_TAG:
            raise self._error(f"has a tag or comment of more than {MAX_TAG} bytes")

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        known = self._encodings
        if known is not None and encoding is not None and encoding.lower() not in known:
            raise self._error(
                f"declares the encoding {encoding!r:.40}, but has another one",
                "save it as UTF-8, and declare that in its first line",
            )

    def _document_type(self, *_: object) -> None:
        raise self._error(
            "has a document type declaration, which IIS configurations never have;"
            " it was not expanded",
            "if you trust the file, remove <!DOCTYPE …>",
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) > MAX_DEPTH:
            raise self._error(f"has elements nested more than {MAX_DEPTH} deep")
        self._parts += 1 + len(attributes)
        if self._parts > MAX_PARTS:
            raise self._error(f"has more than {MAX_PARTS} elements and attributes")
        element = Element(name, attributes, self._parser.CurrentLineNumber)
        self._open[-1].add(element)
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _error(self, message: str, *hints: str, line: int | None = None) -> SslbindError:
        line = self._parser.CurrentLineNumber if line is None else line
        return SslbindError(message, *hints, file=self.file, line=line)
