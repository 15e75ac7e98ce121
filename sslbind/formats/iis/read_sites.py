"""The configuration files of IIS, of every kind, recognised by content."""

from __future__ import annotations

import os

from sslbind.files import read_file
from sslbind.formats.iis import application_host, metabase
from sslbind.formats.iis.xml_tree import parse
from sslbind.sites import Sites

MAX_SIZE = 64 << 20
"""Bytes; a configuration of ten thousand sites has a tenth of that."""


def read_sites(path: str | os.PathLike[str]) -> Sites:
    """Return the sites of the file at ``path``; see ``parse_sites``."""
    return parse_sites(read_file(path, MAX_SIZE), os.fspath(path))


def parse_sites(data: bytes, file: str) -> Sites:
    """Return the sites of applicationHost.config, appcmd's XML or MetaBase.xml.

    ``data`` is the content of ``file``. Raises SslbindError, with file and line,
    for a document that cannot be understood, or that is of another kind.
    """
    document = parse(data, file)
    if metabase.is_metabase(document):
        return metabase.read(document, file)
    if not application_host.has_sites(document):
        raise application_host.no_sites(document, file)
    return application_host.read(document, file)
