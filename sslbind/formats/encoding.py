"""Decode the text files of any Windows program."""

from __future__ import annotations

import codecs
import re

from sslbind.bounds import check_lines
from sslbind.errors import BadValueError, SslbindError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[mK]")
"""What colours a terminal's text, as PowerShell 7, grep and pipelines keep it in files."""


def decode_text(data: bytes, file: str) -> str:
    r"""Return ``data`` as text with line ends ``\\n``; raise SslbindError naming the line.

    UTF-8 and UTF-16, with a byte order mark, as PowerShell's ``>`` writes it, or
    without one, as that of ``cmd /u`` does: the first character is then ASCII.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", _unmarked(data))
    )
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SslbindError(
            f"is not {encoding.upper()} text", "save it as UTF-8", file=file, line=line
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    check_lines(text, file)
    return text


def decode_console(data: bytes, file: str) -> tuple[str, str]:
    """Return ``data`` as text without colours, and a note if its encoding is not known, else empty.

    The bytes do not show which code page a console had; labels are not read
    anyway, and names that are not ASCII become bad records.
    """
    note = ""
    try:
        text = decode_text(data, file)
    except SslbindError:
        text = data.decode("ascii", "replace").replace("\r\n", "\n")
        check_lines(text, file)
        note = "is not UTF-8: a value that is not ASCII cannot be read; save it as UTF-8"
    return (_COLOURS.sub("", text) if "\x1b[" in text else text), note


def refuse_lost(text: str) -> None:
    """Raise BadValueError if ``text`` has U+FFFD: a character whose encoding was not known."""
    if "\ufffd" in text:
        raise BadValueError(
            "the record has a character that was lost in the console's code page",
            "run chcp 65001 before netsh, or use capture.ps1",
        )


def _unmarked(data: bytes) -> str:
    if data[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if data[:1] == b"\0" else "utf-8"
