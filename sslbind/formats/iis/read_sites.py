"""The configuration files of IIS, of every kind: their content tells which it is."""

from __future__ import annotations

import os
import sys

from sslbind.errors import SslbindError
from sslbind.files import read_file
from sslbind.formats.iis import application_host, metabase
from sslbind.formats.iis.xml_tree import parse
from sslbind.sites import STANDARD_INPUT, Sites

MAX_SIZE = 64 << 20
"""Bytes; a configuration of ten thousand sites has a tenth of that."""


def read_sites(path: str | os.PathLike[str]) -> Sites:
    """Return the sites of applicationHost.config, appcmd's XML or MetaBase.xml.

    ``-`` is standard input. Raises SslbindError, with file and line, for a file
    that cannot be read or understood, or that is of another kind.
    """
    file, data = _read(os.fspath(path))
    document = parse(data, file)
    if metabase.is_metabase(document):
        return metabase.read(document, file)
    if not application_host.has_sites(document):
        raise application_host.no_sites(document, file)
    return application_host.read(document, file)


def _read(path: str) -> tuple[str, bytes]:
    """Return the name of a file in messages, and what it holds."""
    if path != "-":
        return path, read_file(path, MAX_SIZE)
    data = b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise SslbindError(
            f"is larger than {MAX_SIZE} bytes, more than such a file has", file=STANDARD_INPUT
        )
    return STANDARD_INPUT, data
