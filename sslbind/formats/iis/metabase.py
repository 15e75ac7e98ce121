"""MetaBase.xml of IIS 6: its sites, with what they inherit.

Documented by Microsoft Learn, "Metabase Property Reference". Every namespace
(``XML_Metabase_V54_0``, ``V64_0``) has the same elements.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sslbind.errors import SslbindError
from sslbind.formats.iis.application_host import tag_text
from sslbind.formats.iis.xml_tree import Element
from sslbind.sites import MAX_BINDINGS, SiteBinding, Sites, parse_information

_ROOT, _SERVICE, _SERVER = "MBProperty", "IIsWebService", "IIsWebServer"


class WebServer(NamedTuple):
    """A web site of IIS 6: its name, its element, and every property that applies to it.

    The properties are texts by the metabase's own names, such as
    ``SSLCertHash``; those of the web service are included unless the site overrides them.
    """

    name: str
    element: Element
    properties: Mapping[str, str]


def is_metabase(document: Element) -> bool:
    """Whether a document is a MetaBase.xml, or a part of one that has sites."""
    return any(element.name in (_ROOT, _SERVER) for _, element in document.walk())


def servers(document: Element) -> Iterator[WebServer]:
    """Yield the web sites of a MetaBase.xml that ``xml_tree.parse`` read."""
    elements = [element for _, element in document.walk()]
    services = {_location(one): one.attributes for one in elements if one.name == _SERVICE}
    for element in elements:
        if element.name == _SERVER:
            service = services.get(_location(element).rpartition("/")[0], {})
            name = element.get("ServerComment") or element.get("Location")
            yield WebServer(name, element, ChainMap(element.attributes, service))


def read(document: Element, file: str) -> Sites:
    """Return the sites of a MetaBase.xml that ``xml_tree.parse`` read from ``file``.

    A site has one certificate for all its secure bindings. Raises SslbindError,
    with the line, for an invalid SSLCertHash or SSLStoreName.
    """
    errors: list[SslbindError] = []
    found = collect(document, file, errors)
    if errors:
        raise errors[0]
    return sites_of(found, file)


def collect(
    document: Element, file: str, errors: list[SslbindError]
) -> list[tuple[WebServer, list[SiteBinding]]]:
    """Return each site with its bindings; one with an invalid certificate goes into ``errors``."""
    found: list[tuple[WebServer, list[SiteBinding]]] = []
    left = MAX_BINDINGS
    for server in servers(document):
        try:
            bindings = list(islice(_bindings(server, file), left + 1))
        except SslbindError as error:
            errors.append(error)
            continue
        left -= len(bindings)
        if left < 0:
            raise SslbindError(f"has more than {MAX_BINDINGS} bindings", file=file)
        found.append((server, bindings))
    return found


def sites_of(found: Sequence[tuple[WebServer, Sequence[SiteBinding]]], file: str) -> Sites:
    """Return what ``collect`` found as sites."""
    return Sites(file, tuple(one for _, bindings in found for one in bindings), metabase=True)


def _bindings(server: WebServer, file: str) -> Iterator[SiteBinding]:
    name, element, properties = server
    names = {"certhash": "SSLCertHash", "certstorename": "SSLStoreName"}
    certhash, store = (
        tag_text(tag, one, properties.get(one, ""), file, element.line)
        for tag, one in names.items()
    )
    for information in element.get("ServerBindings").split():
        place = parse_information(information)
        yield SiteBinding(name, "http", information, *place, line=element.line)
    for information in element.get("SecureBindings").split():
        place = parse_information(information)
        yield SiteBinding(
            name, "https", information, *place, line=element.line, certhash=certhash, store=store
        )


def _location(element: Element) -> str:
    return element.get("Location").rstrip("/").casefold()
