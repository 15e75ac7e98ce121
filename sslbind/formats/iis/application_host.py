"""applicationHost.config, IIS Express' own, and ``appcmd list site /config /xml``.

Documented by Microsoft Learn, "IIS configuration reference". A part of such a file
(``<sites>``, ``<site>``, ``<bindings>``) is read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sslbind.errors import BadValueError, SslbindError
from sslbind.formats.iis.xml_tree import ELISION, Element
from sslbind.formats.left_out import elision
from sslbind.sites import MAX_BINDINGS, ClientCertificate, SiteBinding, Sites, parse_information
from sslbind.tags import MAX_NUMBER, TAG_BY_NAME

PROTOCOLS = ("http", "https")
"""The protocols that HTTP.SYS serves; others have a different bindingInformation."""

_ACCESS = {
    "none": 0,
    "ssl": 8,
    "sslnegotiatecert": 32,
    "sslrequirecert": 64,
    "sslmapcert": 128,
    "ssl128": 256,
}
"""The flags of ``<access>``; those of a binding are different (IIS schema, access section)."""
_NEGOTIATE, _REQUIRE = _ACCESS["sslnegotiatecert"], _ACCESS["sslrequirecert"]

_LEGACY = "5506"
"""A property that an upgrade leaves in the file; HTTP.SYS drops bindings for it (event 15300)."""
_EXPRESS_FOLDERS = ("%IIS_BIN%", "%IIS_SITES_HOME%", "%IIS_USER_HOME%")
"""Variables that only IIS Express has; IIS has its modules in ``%windir%``."""
_EXPRESS_POOL = "Clr4IntegratedAppPool"
"""The application pool of every site that IIS Express and Visual Studio make."""

_PARENTS = {
    "sites": ("", "system.applicationHost"),
    "siteDefaults": ("sites",),
    "site": ("", "sites", "SITE"),  # SITE is appcmd's
    "bindings": ("",),
    "binding": ("",),
    "access": ("security",),
    "property": ("key",),
}
"""The elements that are read, with their parents; the empty name is the document itself."""


def has_sites(document: Element) -> bool:
    """Whether a document is a configuration that has sites, or a part of one."""
    return any(
        around[-1].name in _PARENTS[element.name]
        for around, element in document.walk()
        if element.name in ("sites", "site", "bindings", "binding", "property")
    )


def no_sites(document: Element, file: str) -> SslbindError:
    """Return the error for a document that is not a configuration with sites."""
    return SslbindError(
        f"has no sites: its root element is <{document.children[0].name:.60}>",
        "files with sites are applicationHost.config, the output of appcmd list site /config"
        " /xml, and MetaBase.xml",
        file=file,
    )


def read(document: Element, file: str) -> Sites:
    """Return the sites of a configuration that ``xml_tree.parse`` read from ``file``.

    Raises SslbindError, with the line, for a binding without protocol or
    information, and for invalid flags, certificateHash or store name.
    """
    errors: list[SslbindError] = []
    sites = collect(document, file, errors)
    if errors:
        raise errors[0]
    return sites


def collect(document: Element, file: str, errors: list[SslbindError]) -> Sites:
    """Return the same; what ``read`` raises goes into ``errors`` instead."""
    found: dict[str, list[tuple[str, Element]]] = {name: [] for name in _PARENTS}
    express = False
    for around, element in document.walk():
        express = express or _is_express(element)
        if (missing := _left_out(around, element, file)) is not None:
            errors.append(missing)
        if around[-1].name in _PARENTS.get(element.name, ()):
            found[element.name].append((_path(around, element), element))
    inherited = [one for _, base in found["siteDefaults"] for one in _children(base)]
    _check_inherited(inherited, len(found["site"]), file)
    elements = (
        *((site, one) for _, site in found["site"] for one in _site(site, inherited)),
        *((document, one) for _, base in found["bindings"] for one in _merge(base.children)),
        *((document, one) for _, one in found["binding"]),
    )
    bindings: list[SiteBinding] = []
    for site, element in elements:
        try:
            bindings += _binding(site, element, file)
        except SslbindError as error:
            errors.append(error)
    names = dict.fromkeys(site.get("name") for _, site in found["site"])
    return Sites(
        file,
        tuple(bindings),
        tuple(_client_certificates(found["access"], names, file, errors)),
        tuple(
            (path, element.line)
            for path, element in found["property"]
            if element.get("id") == _LEGACY
        ),
        express=express,
    )


def _left_out(around: Sequence[Element], element: Element, file: str) -> SslbindError | None:
    """Return the error for sites or bindings that a configuration has elsewhere, or left out."""
    source = element.get("configSource")
    if source and element.name in ("sites", "bindings"):
        return SslbindError(
            f"the {element.name} are in {source!r:.300}, which configSource names",
            "name that file instead",
            file=file,
            line=element.line,
        )
    if element.name == ELISION and around[-1].name in ("", "sites", "site", "bindings"):
        return SslbindError(elision(0, element.get("text")).message, file=file, line=element.line)
    return None


def _path(around: Sequence[Element], element: Element) -> str:
    """Return the path that an ``<access>`` or a property is for (the element that encloses it)."""
    if element.name == "access":
        return next((one.get("path") for one in around if one.name == "location"), "")
    return around[-1].get("path")


def _is_express(element: Element) -> bool:
    """Whether an element shows that the configuration is one of IIS Express."""
    values = element.attributes.values()
    return _EXPRESS_POOL in values or any(value.startswith(_EXPRESS_FOLDERS) for value in values)


def _check_inherited(inherited: Sequence[Element], sites: int, file: str) -> None:
    """Refuse bindings for all sites that would be more than any file may have."""
    if len(inherited) * sites > MAX_BINDINGS:
        raise SslbindError(
            f"has {len(inherited)} bindings in siteDefaults, too many for {sites} sites",
            file=file,
            line=inherited[0].line,
        )


def _site(site: Element, inherited: Sequence[Element]) -> list[Element]:
    """Return the bindings of a site: those of all sites, unless it clears them, and its own."""
    return _merge([*inherited, *_children(site)])


def _children(element: Element) -> Iterator[Element]:
    """Yield the elements in ``<bindings>`` of a site, or of siteDefaults."""
    return (child for bindings in element.named("bindings") for child in bindings.children)


def _merge(elements: Iterable[Element]) -> list[Element]:
    """Return the bindings of a collection, without those that a later ``<clear/>`` removes."""
    kept: list[Element] = []
    for element in elements:
        if element.name == "clear":
            kept.clear()
        elif element.name == "binding":
            kept.append(element)
    return kept


def _binding(site: Element, element: Element, file: str) -> Iterator[SiteBinding]:
    """Yield the binding of an element, or nothing if HTTP.SYS does not serve its protocol."""
    for name in ("protocol", "bindingInformation"):
        if not element.get(name):
            raise SslbindError(f"a binding has no {name}", file=file, line=element.line)
    protocol = element.get("protocol").lower()
    if protocol not in PROTOCOLS:
        return
    information = element.get("bindingInformation")
    flags = element.get("sslFlags", "0").strip()
    if not _is_number(flags):
        raise SslbindError(
            f"sslFlags={flags!r:.60} of a binding is not a number",
            "it is the sum of its bits: 1 is SNI, 2 the central store",
            file=file,
            line=element.line,
        )
    names = {"certhash": "certificateHash", "certstorename": "certificateStoreName"}
    certhash, store = (
        tag_text(tag, name, element.get(name), file, element.line) for tag, name in names.items()
    )
    place = parse_information(information)
    yield SiteBinding(
        site.get("name"),
        protocol,
        information,
        *place,
        sslflags=int(flags),
        line=element.line,
        certhash=certhash,
        store=store,
        started=site.get("serverAutoStart").strip().lower() != "false",
    )


def tag_text(tag: str, name: str, text: str, file: str, line: int) -> str | None:
    """Return what the attribute ``name`` gives the tag ``tag``; None if ``text`` is empty.

    Raises SslbindError, with file and line, for an invalid value.
    """
    if not text.strip():
        return None
    try:
        return str(TAG_BY_NAME[tag].parse(text.strip()))
    except BadValueError as error:
        problem = error.message.removeprefix(f"{tag}={text.strip()}: ")
        raise SslbindError(f"{name}={text!r:.60}: {problem}", file=file, line=line) from None


def _client_certificates(
    found: Iterable[tuple[str, Element]],
    names: Mapping[str, None],
    file: str,
    errors: list[SslbindError],
) -> Iterator[ClientCertificate]:
    """Yield the sites that ask for client certificates, by their own setting or the server's.

    A site's own setting replaces the server's; the setting of one of its
    folders is added to it.
    """
    by_path: dict[str, tuple[int, int]] = {}
    for place, element in found:
        path = "/".join(part for part in place.split("/") if part not in ("", "."))
        try:
            by_path[path.casefold()] = _access(element, file), element.line
        except SslbindError as error:
            errors.append(error)
    everywhere = by_path.pop("", (0, 0))
    known = {name.casefold(): name for name in names}
    whole = {name: by_path.pop(name, everywhere) for name in known}
    parts = ((path.partition("/")[0], flags) for path, flags in by_path.items())
    for folded, (flags, line) in (*whole.items(), *parts):
        if folded in known and flags & (_NEGOTIATE | _REQUIRE):
            yield ClientCertificate(known[folded], bool(flags & _REQUIRE), line)


def _access(element: Element, file: str) -> int:
    """Return the flags of an ``<access>`` element: names, numbers, or both."""
    flags = 0
    for word in re.findall(r"[^\s,|]+", element.get("sslFlags")):
        if not _is_number(word) and word.lower() not in _ACCESS:
            raise SslbindError(
                f"sslFlags of <access> has {word!r:.60}, which is not a flag",
                "the flags are Ssl, SslNegotiateCert, SslRequireCert, SslMapCert and Ssl128",
                file=file,
                line=element.line,
            )
        flags |= int(word) if _is_number(word) else _ACCESS[word.lower()]
    return flags


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,10}", text) is not None and int(text) <= MAX_NUMBER
