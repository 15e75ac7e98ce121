"""A capture: the JSON object that ``capture.ps1``, beside this module, writes on a server.

The fields of the document; null or absent where the server has nothing,
except the three that are marked:

    format        * "sslbind-capture"
    version       * 1
    sslcert       * lines of "netsh http show sslcert"
    iplisten      lines of "netsh http show iplisten"
    computer      name of the server
    date          when it was written, UTC: "2026-03-01T12:00:00Z"
    windows       build (CurrentBuild of the Windows registry: 20348), product
                  (ProductName), release (ReleaseId)
    certificates  list of those in LocalMachine's stores: store, key (whether its
                  private key is there), der (the public part, base64)
    central       the Central Certificate Provider: enabled, location,
                  pollingInterval (seconds), files (names of the PFX files, null
                  where the folder cannot be read)
    config        lines of applicationHost.config, of which only bindings, access
                  and property 5506 are left, and the elements around them

Computer, date, product, release, pollingInterval and files are for people: a
registry does not have them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sslbind.certificates import der
from sslbind.certificates.stores import store_name
from sslbind.digest import thumbprint
from sslbind.errors import BadValueError, SslbindError
from sslbind.formats import json_records
from sslbind.formats.format import Format
from sslbind.formats.imported import BadRecord, Imported, ImportedRecord, StoredCertificate
from sslbind.formats.netsh import show_reader
from sslbind.formats.netsh.show_whole import ends_whole, is_rule
from sslbind.printable import printable
from sslbind.registry.document import CentralCertProvider
from sslbind.release import Release

if TYPE_CHECKING:
    from sslbind.sites import Sites

NAME = "sslbind-capture"
_SAYS_SO = re.compile(rf'"format"\s*:\s*"{NAME}"')
VERSION = 1

_SHOWN = "sslcert"
_BUILDS = {
    3790: Release.W2003,
    6001: Release.W2008,
    6002: Release.W2008,
    6003: Release.W2008,
    7600: Release.W2008R2,
    7601: Release.W2008R2,
    9200: Release.W2012,
    9600: Release.W2012R2,
    14393: Release.W2016,
    17763: Release.W2019,
    20348: Release.W2022,
    26100: Release.W2025,
}
"""The builds of the releases, with those of their service packs, oldest first."""

_ISSUERS = {"ca", "root"}
"""Stores whose certificates normally have no private keys."""

_WORDS = {dict: "an object", list: "a list", str: "text", int: "a whole number", bool: "true/false"}

Items = Sequence[tuple[int, Any]]
"""The items of a list, each with its line (from 1) in the document."""

T = TypeVar("T")


class _Held(NamedTuple):
    """A certificate of the document, whether it is a CA, and whether its key is there."""

    certificate: StoredCertificate
    issuer: bool
    key: bool


def detect(text: str) -> bool:
    """Whether ``text`` starts as a JSON object and has a capture's format field."""
    return json_records.opens(text) and bool(_SAYS_SO.search(text))


def script() -> bytes:
    """Return ``capture.ps1``, for Windows PowerShell 5.1: ASCII, line ends CRLF."""
    data = resources.files("sslbind.formats").joinpath("capture.ps1").read_bytes()
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def lines(text: str, name: str, file: str) -> list[str]:
    """Return the lines of ``sslcert`` or ``iplisten`` in a capture that ``read`` took."""
    document, _ = json_records.parse(text, _SHOWN, file)
    return [str(line) for line in document.get(name) or ()]


def read(text: str, file: str) -> Imported:
    """Return what a server had: its records, listen list, release, certificates and sites.

    A build of Windows that is not known counts as the newest one below it, and
    a note reports it. A certificate without its private key is left out unless it is an
    issuer's. Raises SslbindError for a document that is not a capture, one of another
    version, or one with a field of another type.
    """
    document, lines = json_records.parse(text, _SHOWN, file)
    try:
        _check(document)
        shown = _shown(lines)
        bad, notes = [*shown.bad], [*shown.notes]
        if not shown.records and not bad:
            _explain_none(lines, bad, notes)
        certificates = _items(document, "certificates", text, file)
        held = None if certificates is None else _certificates(certificates, bad, notes)
        usable = None if held is None else _usable(shown.records, held, notes)
        config = _items(document, "config", text, file)
        release = _release(_value(document, "windows", dict) or {}, notes)
        return shown._replace(
            release=release or shown.release,
            inferred=release is None and shown.inferred,
            iplisten=_addresses(_items(document, "iplisten", text, file)),
            sites=None if config is None else _sites(config, file, bad),
            certificates=usable,
            central=_central(_value(document, "central", dict), bad),
            bad=tuple(bad),
            notes=tuple(notes),
        )
    except BadValueError as error:
        raise SslbindError(error.message, *error.hints, file=file) from None


# Fields.


def _check(document: Mapping[str, Any]) -> None:
    if document.get("format") != NAME:
        raise BadValueError("is not a capture", "run capture.ps1 on the server to create one")
    version = _value(document, "version", int)
    if version != VERSION:
        raise BadValueError(f"version {version} is not known; this sslbind reads {VERSION}")


def _value(fields: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """Return a field, None if it is null or absent; raise BadValueError for another type."""
    value = fields.get(name)
    if value is None or type(value) is kind:
        return value
    raise BadValueError(f"{name} must be {_WORDS[kind]}, not {_WORDS.get(type(value), 'a number')}")


def _items(document: Mapping[str, Any], name: str, text: str, file: str) -> Items | None:
    """Return the items of a list, None if it is null or absent."""
    return None if document.get(name) is None else json_records.parse(text, name, file)[1]


def _checked(name: str, lines: Items) -> Items:
    if not all(isinstance(line, str) and "\n" not in line for _, line in lines):
        raise BadValueError(f"{name} must be a list of lines")
    return lines


def _placed(lines: Items) -> str:
    """Return lines as one text, each at its line number in the document."""
    parts, at = [], 1
    for number, line in lines:
        parts += ["\n" * (number - at) or " ", line]
        at = number
    return "".join(parts)


# What they mean.


def _shown(lines: Items) -> Imported:
    """Return the records, with line numbers unless the document is a single line."""
    _checked(_SHOWN, lines)
    end = "\n" if ends_whole([line for _, line in lines]) else ""
    if len({number for number, _ in lines}) == len(lines):
        return show_reader.read(_placed(lines) + end, NAME)
    shown = show_reader.read("\n".join(line for _, line in lines) + end, NAME)
    return shown._replace(
        records=tuple(one._replace(line=None) for one in shown.records),
        bad=tuple(one._replace(line=None) for one in shown.bad),
    )


def _explain_none(lines: Items, bad: list[BadRecord], notes: list[str]) -> None:
    """Say whether a capture without a record is of a server without bindings."""
    texts = [line for _, line in lines]
    if not any(map(is_rule, texts)):
        said = printable(next(filter(str.strip, texts), "nothing").strip())
        what = f"netsh gave no listing of bindings; it answered: {said:.200}"
        bad.append(BadRecord(None, what, ("run capture.ps1 again, in an elevated PowerShell",)))
    elif not notes:
        notes.append("the capture has no bindings")


def _addresses(lines: Items | None) -> tuple[str, ...] | None:
    """Return the listen list: an empty one means every address, None that none was asked for."""
    if lines is None:
        return None
    text = "\n".join(line for _, line in _checked("iplisten", lines))
    return show_reader.read(text, NAME).iplisten or ()


def _release(windows: Mapping[str, Any], notes: list[str]) -> Release | None:
    build = _value(windows, "build", int)
    if build is None or build in _BUILDS:
        return _BUILDS.get(build or 0)
    below = [release for known, release in _BUILDS.items() if known < build]
    what = f"build {build} of Windows is not known"
    notes.append(f"{what}: it is treated as {below[-1].title}" if below else what)
    return below[-1] if below else None


def _certificates(items: Items, bad: list[BadRecord], notes: list[str]) -> list[_Held]:
    """Return the readable certificates; Windows has old roots that today's parsers refuse."""
    from sslbind.certificates.parsing import read_bundle

    found = []
    for line, item in items:
        try:
            (store, data), key = _certificate(item)
        except SslbindError as error:
            bad.append(
                BadRecord(line, f"a certificate: {error.message}", error.hints, is_record=False)
            )
            continue
        try:
            (one,) = read_bundle(data).certificates
        except SslbindError as error:
            notes.append(f"{thumbprint(data)} in {store} is left out: {error.message}")
        else:
            issuer = one.is_ca or store.casefold() in _ISSUERS
            found.append(_Held(StoredCertificate(store, data), issuer, key))
    return found


def _certificate(item: object) -> tuple[StoredCertificate, bool]:
    """Return a certificate, and whether the server has its private key."""
    if not isinstance(item, dict):
        raise BadValueError("it must be an object")
    store = store_name(_value(item, "store", str) or "")
    try:
        data = base64.b64decode(_value(item, "der", str) or "", validate=True)
    except ValueError:
        raise BadValueError("der is not base64") from None
    if der.kind(data) != "certificate" or not der.whole(data):
        raise BadValueError("der is not a certificate")
    return StoredCertificate(store, data), _value(item, "key", bool) or False


def _usable(
    records: Sequence[ImportedRecord], held: Sequence[_Held], notes: list[str]
) -> tuple[StoredCertificate, ...]:
    """Return the certificates whose key the server has, and unbound issuers.

    In a registry whose keys are elsewhere the others would look usable. There is a note for
    each record that uses one.
    """
    keys: dict[tuple[str, str], bool] = {}
    for one in held:
        keys[_name(one)] = keys.get(_name(one), False) or one.key
    bound = set()
    for binding, _ in records:
        name = (binding.store or "").casefold(), binding.certhash or ""
        if keys.get(name) is False:
            bound.add(name)
            notes.append(
                f"{binding.key.spec}: the server has {binding.certhash} in"
                f" {binding.store} without its private key; it is left out, so that check"
                " reports it"
            )
    return tuple(
        one.certificate
        for one in held
        if keys[_name(one)] or (one.issuer and _name(one) not in bound)
    )


def _name(one: _Held) -> tuple[str, str]:
    return one.certificate.store.casefold(), thumbprint(one.certificate.der)


def _central(fields: Mapping[str, Any] | None, bad: list[BadRecord]) -> CentralCertProvider | None:
    if fields is None:
        return None
    enabled = _value(fields, "enabled", bool) or False
    location = _value(fields, "location", str) or None
    if location and not location.isprintable():
        bad.append(
            BadRecord(
                None,
                f"location {location!r:.60} of the central store is not a path",
                is_record=False,
            )
        )
        location = None
    return CentralCertProvider(enabled, location)


def _sites(lines: Items, file: str, bad: list[BadRecord]) -> Sites | None:
    text = _placed(_checked("config", lines))
    from sslbind.formats.iis import application_host
    from sslbind.formats.iis.xml_tree import parse

    try:
        return application_host.read(parse(text.encode("utf-8", "surrogatepass"), file), file)
    except SslbindError as error:
        bad.append(BadRecord(error.line, f"config: {error.message}", error.hints, is_record=False))
        return None


FORMAT = Format(
    "capture",
    "JSON of capture.ps1, with certificates and sites",
    detect,
    read,
    rank=10,
    whole_server=True,
)
