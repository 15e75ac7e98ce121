"""Records of the secure bindings that a MetaBase.xml of IIS 6 has.

A record has the properties of its site: HTTP.SYS keeps the same ones in the Windows
registry under different names, by which they are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from sslbind.errors import BadValueError, SslbindError
from sslbind.formats.format import Format
from sslbind.formats.iis.application_host import no_sites
from sslbind.formats.iis.metabase import WebServer, collect, is_metabase, sites_of
from sslbind.formats.iis.site_records import bad_record, by_key, owner_notes
from sslbind.formats.iis.xml_tree import is_markup, parse_text
from sslbind.formats.imported import BadOnes, BadRecord, Imported, ImportedRecord
from sslbind.formats.reg import http_parameters
from sslbind.formats.reg.reg_key import REG_BINARY, Data, RegKey
from sslbind.keys import Key
from sslbind.release import Release
from sslbind.sites import Sites
from sslbind.tags import MAX_NUMBER

_ELEMENT = re.compile(r"<(?:MBProperty|IIsWebServer)[\s/>]")


def detect(text: str) -> bool:
    """Whether ``text`` is XML that may be a metabase; ``read`` reports why it is not."""
    return is_markup(text) and _ELEMENT.search(text) is not None


def read(text: str, file: str) -> Imported:
    """Return a record for each key that the secure bindings have, all of IIS and of its release.

    A site without a certificate is bad, and so is one whose settings differ from those of a
    site that shares its record. Raises SslbindError, with the line, for what is not XML,
    and for XML that is not a metabase.
    """
    document = parse_text(text, file)
    if not is_metabase(document):
        raise no_sites(document, file)
    errors: list[SslbindError] = BadOnes()
    found = collect(document, file, errors)
    sites = sites_of(found, file)
    bad: list[BadRecord] = BadOnes(map(bad_record, errors))
    records: dict[Key, ImportedRecord] = {}
    notes: list[str] = []
    for server, bindings in found:
        keys = by_key(bindings, bad)
        try:
            imported = http_parameters.read(_parameters(server, keys, sites))
        except BadValueError as error:
            message = f"site {server.name!r:.300} {error.message}"
            bad += (BadRecord(server.element.line, message, key=key) for key in keys)
            continue
        bad += imported.bad
        notes += imported.notes
        bad += (
            _differs(one, records[one.binding.key])
            for one in imported.records
            if records.setdefault(one.binding.key, one).binding != one.binding
        )
    bad.sort(key=lambda one: one.line or 0)
    return Imported(
        tuple(records.values()),
        tuple(bad),
        Release.W2003,
        notes=(*owner_notes(sites), *dict.fromkeys(notes)),
        sites=sites,
    )


def _parameters(server: WebServer, keys: Iterable[Key], sites: Sites) -> RegKey:
    """Return what HTTP.SYS would store for a site: the properties under their later names.

    Raises BadValueError for a site without certificate, and for a property that
    is not a number or a truth value.
    """
    from uuid import UUID

    parameters = RegKey("Parameters")
    for key in keys:
        if not server.properties.get("SSLCertHash", "").strip():
            raise BadValueError("has secure bindings but no certificate (SSLCertHash)")
        record = parameters.key(key.kind.table).key(str(key), server.element.line)
        record.set("AppId", Data(REG_BINARY, UUID(sites.owner.appid).bytes_le))
        record.set("DefaultFlags", Data.dword(_flags(server)))
        for name, (value, data) in _VALUES.items():
            text = server.properties.get(name, "").strip()
            if text:
                record.set(value, data(name, text))
    return parameters


def _flags(server: WebServer) -> int:
    return sum(
        bit for name, bit in _FLAGS.items() if _truth(name, server.properties.get(name, "FALSE"))
    )


def _truth(name: str, text: str) -> bool:
    try:
        return {"true": True, "1": True, "false": False, "0": False, "": False}[text.lower()]
    except KeyError:
        raise BadValueError(f"has {name}={text!r:.60}, which is neither TRUE nor FALSE") from None


def _number(name: str, text: str) -> Data:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MAX_NUMBER:
        raise BadValueError(
            f"has {name}={text!r:.60}, which is not a number from 0 to {MAX_NUMBER}"
        )
    return Data.dword(int(text))


def _differs(record: ImportedRecord, first: ImportedRecord) -> BadRecord:
    key = record.binding.key
    return BadRecord(
        record.line,
        f"{key.spec}: this site's certificate or settings differ from those of the site on line"
        f" {first.line}, but one record serves both",
        key=key,
    )


_VALUES: Mapping[str, tuple[str, Callable[[str, str], Data]]] = {
    "SSLCertHash": ("SslCertHash", lambda _, text: Data(REG_BINARY, bytes.fromhex(text))),
    "SSLStoreName": ("SslCertStoreName", lambda _, text: Data.text(text)),
    "CertCheckMode": ("DefaultSslCertCheckMode", _number),
    "RevocationFreshnessTime": ("DefaultSslRevocationFreshnessTime", _number),
    "RevocationURLRetrievalTimeout": ("DefaultSslRevocationUrlRetrievalTimeout", _number),
    "SslCtlIdentifier": ("DefaultSslCtlIdentifier", lambda _, text: Data.text(text)),
    "SslCtlStoreName": ("DefaultSslCtlStoreName", lambda _, text: Data.text(text)),
}
"""The properties of a site that HTTP.SYS stores for a record, with their value and type there."""

_FLAGS = {"SslUseDsMapper": 0x1, "SSLAlwaysNegoClientCert": 0x2}
"""Those that it keeps as bits of ``DefaultFlags``."""

FORMAT = Format("metabase", "MetaBase.xml of IIS 6", detect, read, rank=10)
