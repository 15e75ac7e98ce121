"""The configuration files of IIS, of every kind: their content tells which it is."""

from __future__ import annotations

import os

from sslbind.files import read_file
from sslbind.formats import application_host, metabase
from sslbind.formats.xml_tree import parse
from sslbind.sites import Sites

MAX_SIZE = 64 << 20
"""Bytes; a configuration of ten thousand sites has a tenth of that."""


def read_sites(path: str | os.PathLike[str]) -> Sites:
    """Return the sites of applicationHost.config, appcmd's XML or MetaBase.xml.

    Raises SslbindError, with file and line, for a file that cannot be read or
    understood, or that is of another kind.
    """
    file = os.fspath(path)
    document = parse(read_file(file, MAX_SIZE), file)
    if metabase.is_metabase(document):
        return metabase.read(document, file)
    if not application_host.has_sites(document):
        raise application_host.no_sites(document, file)
    return application_host.read(document, file)
