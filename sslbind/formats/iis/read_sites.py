"""The configuration files of IIS, of every kind, recognised by content."""

from __future__ import annotations

import os

from sslbind import memory
from sslbind.errors import SslbindError
from sslbind.files import read_file
from sslbind.formats.iis import application_host, metabase
from sslbind.formats.iis.xml_tree import parse
from sslbind.sites import Sites

_OWN = ("iis", "metabase")
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
    return memory.proportional(len(data), file, lambda: _sites(data, file))


def _sites(data: bytes, file: str) -> Sites:
    try:
        document = parse(data, file)
    except SslbindError as error:
        if data.lstrip()[:1] != b"<" and (other := _another_kind(data, file)) is not None:
            raise other from None
        raise error from None
    if metabase.is_metabase(document):
        return metabase.read(document, file)
    if not application_host.has_sites(document):
        raise application_host.no_sites(document, file)
    return application_host.read(document, file)


def _another_kind(data: bytes, file: str) -> SslbindError | None:
    """Return the error for a document of another format, which has no sites; else None."""
    from sslbind.formats import formats
    from sslbind.formats.encoding import decode_console

    text, _ = decode_console(data, file)
    for one in formats().values():
        if one.detect and one.name not in _OWN and one.detect(text):
            return SslbindError(
                f"is a {one.name} document, and the sites of IIS are in applicationHost.config",
                "sslbind check FILE checks the bindings in it, and the sites that capture.ps1 took",
                file=file,
            )
    return None
