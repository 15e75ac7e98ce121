"""Text files of every Windows program, decoded."""

from __future__ import annotations

import codecs

from sslbind.errors import SslbindError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode_text(data: bytes, file: str) -> str:
    r"""Return ``data`` as text with line ends ``\\n``; raise SslbindError naming the line.

    UTF-8, with or without a byte order mark, and UTF-16 with one, as
    PowerShell's ``>`` writes it.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8")
    )
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SslbindError(
            f"is not {encoding.upper()} text", "save it as UTF-8", file=file, line=line
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
