"""The tags of a binding: the one table that everything else uses.

Names, defaults, registry values and bits, labels and first releases are those
of netsh and the HTTP Server API (HTTP_SERVICE_CONFIG_SSL_PARAM). The table
is in the order of netsh's own help; ``line`` orders ``show``.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sslbind.errors import BadValueError
from sslbind.owners import OWNER_BY_WORD, OWNERS
from sslbind.printable import printable
from sslbind.release import Release

Value = str | int | bool
"""What a tag holds; bool for ``enable|disable``, and None is absent text."""

MAX_NUMBER = 0xFFFFFFFF
"""Every number is a DWORD."""


class Type(enum.Enum):
    """How a tag's value is written and stored."""

    HASH = "<40 hex digits>"
    GUID = "<GUID>"
    STORE = "<store name>"
    TEXT = "<string>"
    FLAG = "enable|disable"
    NUMBER = "<u-int>"

    __hash__ = object.__hash__  # Enum's own is written in Python, and every value is looked up


class SiteFlag(NamedTuple):
    """The bit of an IIS binding's ``sslFlags`` that means the same as a tag."""

    bit: int
    name: str
    since: Release


class Tag(NamedTuple):
    """One parameter of a binding by netsh's name."""

    name: str
    type: Type
    label: str
    """What ``show`` prints before the value."""
    line: int
    """Orders the lines of ``show``."""
    since: Release
    summary: str
    """What it does, for help; a phrase without a full stop."""
    value: str
    """The registry value that stores it."""
    bit: int = 0
    """The bit of that value, for flags."""
    default: Value | None = None
    inverted: bool = False
    """Whether the bit is set when the tag is *disabled*."""
    late: bool = False
    """Whether ``show`` prints Set/Not Set, as for all flags after ``reject``."""
    site_flag: SiteFlag | None = None
    removes: tuple[str, ...] = ()
    """The TLS versions that it turns off when it is on, as in ``tls_versions.VERSIONS``."""

    def show(self, value: Value | None) -> str:
        """Return ``value`` as ``show`` prints it."""
        if value is None:
            return "(null)"
        if self.type is Type.FLAG:
            if self.late:
                return "Set" if value else "Not Set"
            return "Enabled" if value else "Disabled"
        return str(value)

    def text(self, value: Value) -> str:
        """Return ``value`` as a netsh line writes it, without quotes."""
        if self.type is Type.FLAG:
            return "enable" if value else "disable"
        return str(value)

    def parse(self, text: str) -> Value:
        """Return the value that a netsh line writes as ``text``; raise BadValueError."""
        try:
            return _PARSERS[self.type](text)
        except BadValueError as error:
            raise BadValueError(f"{self.name}={text}: {error.message}", *error.hints) from None

    def check(self, value: object) -> Value:
        """Return the canonical form of what a registry file holds; raise BadValueError."""
        if self.type is Type.FLAG:
            if isinstance(value, bool):
                return value
            raise BadValueError(f"{self.name} must be true or false, not {_shown(value)}")
        if self.type is Type.NUMBER:
            if not isinstance(value, int) or isinstance(value, bool):
                raise BadValueError(f"{self.name} must be a whole number, not {_shown(value)}")
            if not 0 <= value <= MAX_NUMBER:
                raise BadValueError(
                    f"{self.name} = {_shown(value)}: must be from 0 to {MAX_NUMBER}"
                )
            return value
        if not isinstance(value, str):
            raise BadValueError(f"{self.name} must be text in quotes, not {_shown(value)}")
        try:
            return _STORED[self.type](value)
        except BadValueError as error:
            raise BadValueError(f"{self.name} = {_shown(value)}: {error.message}") from None


def _shown(value: object) -> str:
    """Return ``value`` for an error, truncated; Python prints no integer of 4,300 digits."""
    try:
        return f"{value!r:.60}"
    except ValueError:
        return "a number of more than 64 bits"


_HASH = re.compile(r"[0-9A-Fa-f]{40}")
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
# Rarely needed and slow to compile, so they are compiled where they are used.
_HARMLESS = r"[\s:\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+"
_UNSAFE_TEXT = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"


def clean_hash(text: str) -> tuple[str, tuple[str, ...]]:
    """Return ``text`` without characters often pasted with a hash, and the names of those removed.

    Invisible marks (the certificate window of Windows puts U+200E before the
    first digit), spaces and colons are removed, nothing else.
    """
    removed = set() if text.isalnum() else set("".join(re.findall(_HARMLESS, text)))
    if not removed:
        return text, ()
    names = {" ": "spaces", ":": "colons"}
    return re.sub(_HARMLESS, "", text), tuple(
        sorted(names.get(char, f"U+{ord(char):04X}") for char in removed)
    )


def _hash(text: str) -> str:
    if _HASH.fullmatch(text):
        return text.lower()
    if re.fullmatch(r"[0-9A-Fa-f]*", text):
        also = ""
        if len(text) == 64:
            also = "; 64 are a SHA-256, and HTTP.SYS identifies certificates by SHA-1"
        raise BadValueError(f"{len(text)} hex digits where a SHA-1 thumbprint has 40{also}")
    rest = text.strip("?")
    if _HASH.fullmatch(rest):
        raise BadValueError(
            "'?' is not a hex digit",
            "an invisible mark was pasted with the thumbprint, and cmd writes it as '?':"
            f" certhash={rest}",
        )
    odd = next(char for char in text if char not in "0123456789abcdefABCDEF")
    raise BadValueError(f"{odd!r} (U+{ord(odd):04X}) is not a hex digit; a thumbprint has 40")


def _stored_guid(text: str) -> str:
    if _GUID.fullmatch(text):
        return text.lower()
    raise BadValueError("not a GUID in braces, such as {4dc3e181-e14b-4a21-b022-59fc669b0914}")


def _guid(text: str) -> str:
    owner = OWNER_BY_WORD.get(text.lower())
    if owner:
        return owner.appid
    if _GUID.fullmatch("{" + text.strip("'\"{}") + "}") and not _GUID.fullmatch(text):
        bare = text.strip("'\"{}")
        raise BadValueError(
            "a GUID is written in braces, without quotes except the shell's",
            f"appid={{{bare}}} in sh and cmd, appid='{{{bare}}}' in PowerShell,"
            " where bare braces are a script block",
        )
    try:
        return _stored_guid(text)
    except BadValueError as error:
        words = ", ".join(owner.word for owner in OWNERS)
        raise BadValueError(error.message, f"or a product by name: {words}") from None


def _text(text: str) -> str:
    if not text:
        raise BadValueError("is empty; leave the tag out instead")
    found = None if text.isprintable() else re.search(_UNSAFE_TEXT, text)
    if found:
        raise BadValueError(f"has the control character U+{ord(found[0]):04X}")
    return text


def lost_in_show(text: str) -> str:
    """Return why ``text`` could not be read back from the output of ``show``; empty if it could."""
    if text.lower() in ("(null)", "?", "\ufffd"):
        return "is what show prints for a text that is not set or not known"
    if text != text.strip():
        return "has blanks at an end, which nobody sees in what show prints"
    if printable(text) != text:
        return "has a character that nobody sees in what show prints"
    return ""


def _store(text: str) -> str:
    if text in (".", "..") or "/" in text or "\\" in text:
        raise BadValueError("a store name is a word such as MY, not a path")
    return _text(text)


def _switch(text: str) -> bool:
    try:
        return {"enable": True, "disable": False}[text.lower()]
    except KeyError:
        raise BadValueError("must be enable or disable") from None


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MAX_NUMBER:
        raise BadValueError(f"must be a whole number from 0 to {MAX_NUMBER}")
    return int(text)


_PARSERS: Mapping[Type, Callable[[str], Value]] = {
    Type.HASH: _hash,
    Type.GUID: _guid,
    Type.STORE: _store,
    Type.TEXT: _text,
    Type.FLAG: _switch,
    Type.NUMBER: _number,
}
_STORED: Mapping[Type, Callable[[str], str]] = {
    Type.HASH: _hash,
    Type.GUID: _stored_guid,
    Type.STORE: _store,
    Type.TEXT: _text,
}
_MODE = "DefaultSslCertCheckMode"
_FLAGS = "DefaultFlags"


def _flag(  # noqa: PLR0913, PLR0917  # a row of the table
    name: str,
    label: str,
    line: int,
    since: Release,
    bit: int,
    summary: str,
    site_flag: SiteFlag | None = None,
    removes: tuple[str, ...] = (),
) -> Tag:
    """Return one of the flags that HTTP.SYS keeps in ``DefaultFlags``, off by default."""
    # "reject" is the last that show prints as Enabled or Disabled.
    return Tag(
        name,
        Type.FLAG,
        label,
        line,
        since,
        summary,
        _FLAGS,
        bit,
        default=False,
        late=bit > 0x8,
        site_flag=site_flag,
        removes=removes,
    )


_2003, _2016, _2019, _2022, _2025 = (
    Release.W2003,
    Release.W2016,
    Release.W2019,
    Release.W2022,
    Release.W2025,
)

# fmt: off
TAGS = (
    Tag("certhash", Type.HASH, "Certificate Hash", 10, _2003,
        "SHA-1 thumbprint of the certificate", "SslCertHash"),
    Tag("appid", Type.GUID, "Application ID", 20, _2003,
        "GUID of the application that owns the binding, or its name, such as iis", "AppId"),
    Tag("certstorename", Type.STORE, "Certificate Store Name", 30, _2003,
        "certificate store that holds the certificate, such as MY", "SslCertStoreName"),
    Tag("verifyclientcertrevocation", Type.FLAG, "Verify Client Certificate Revocation", 40, _2003,
        "check client certificates for revocation", _MODE, 0x1, default=True, inverted=True),
    Tag("verifyrevocationwithcachedclientcertonly", Type.FLAG,
        "Verify Revocation Using Cached Client Certificate Only", 50, _2003,
        "check revocation with what is cached only", _MODE, 0x2, default=False),
    Tag("usagecheck", Type.FLAG, "Usage Check", 60, _2003,
        "check the usage of client certificates", _MODE, 0x10000, default=True, inverted=True),
    Tag("revocationfreshnesstime", Type.NUMBER, "Revocation Freshness Time", 70, _2003,
        "seconds after which a revocation list is fetched again",
        "DefaultSslRevocationFreshnessTime", default=0),
    Tag("urlretrievaltimeout", Type.NUMBER, "URL Retrieval Timeout", 80, _2003,
        "milliseconds that fetching a revocation list may take",
        "DefaultSslRevocationUrlRetrievalTimeout", default=0),
    Tag("sslctlidentifier", Type.TEXT, "Ctl Identifier", 90, _2003,
        "certificate trust list of the issuers that are trusted", "DefaultSslCtlIdentifier"),
    Tag("sslctlstorename", Type.STORE, "Ctl Store Name", 100, _2003,
        "store of the certificate trust list", "DefaultSslCtlStoreName"),
    _flag("dsmapperusage", "DS Mapper Usage", 110, _2003, 0x1,
          "map client certificates to Windows accounts"),
    _flag("clientcertnegotiation", "Negotiate Client Certificate", 120, _2003, 0x2,
          "ask for a client certificate in the handshake",
          SiteFlag(128, "NegotiateClientCert", _2022)),
    _flag("reject", "Reject Connections", 130, _2016, 0x8,
          "drop the connections that the binding matches"),
    _flag("disablehttp2", "Disable HTTP2", 140, _2016, 0x10,
          "no HTTP/2", SiteFlag(4, "DisableHTTP2", _2019)),
    _flag("disablequic", "Disable QUIC", 150, _2019, 0x20,
          "no QUIC, hence no HTTP/3", SiteFlag(16, "DisableQUIC", _2022)),
    _flag("disablelegacytls", "Disable Legacy TLS Versions", 210, _2019, 0x400,
          "no TLS 1.0 and 1.1", SiteFlag(64, "DisableLegacyTLS", _2022), ("TLS 1.0", "TLS 1.1")),
    _flag("disabletls12", "Disable TLS1.2", 160, _2019, 0x1000, "no TLS 1.2",
          removes=("TLS 1.2",)),
    _flag("disabletls13", "Disable TLS1.3", 170, _2019, 0x40,
          "no TLS 1.3", SiteFlag(32, "DisableTLS13", _2022), ("TLS 1.3",)),
    _flag("disableocspstapling", "Disable OCSP Stapling", 180, _2019, 0x80,
          "no stapled OCSP answers", SiteFlag(8, "DisableOCSPStp", _2019)),
    _flag("enabletokenbinding", "Enable Token Binding", 190, _2022, 0x100, "token binding"),
    _flag("logextendedevents", "Log Extended Events", 200, _2022, 0x200, "log extended events"),
    _flag("enablesessionticket", "Enable Session Ticket", 220, _2022, 0x800, "TLS session tickets"),
    _flag("disablesessionid", "Disable Session ID", 230, _2025, 0x4000, "no TLS session ids"),
)
# fmt: on
TAG_BY_NAME = {tag.name: tag for tag in TAGS}

REJECT = TAG_BY_NAME["reject"]
HTTP2 = TAG_BY_NAME["disablehttp2"]
QUIC = TAG_BY_NAME["disablequic"]
OCSP_STAPLING = TAG_BY_NAME["disableocspstapling"]
CLIENT_CERTIFICATE = TAG_BY_NAME["clientcertnegotiation"]
CTL_IDENTIFIER = TAG_BY_NAME["sslctlidentifier"]
CTL_STORE = TAG_BY_NAME["sslctlstorename"]
STORE = TAG_BY_NAME["certstorename"]
"""The tags that ``resolver`` and ``check`` refer to."""

POSITIONAL = ("certhash", "appid", "certstorename")
"""The tags that a netsh line may give by position, after the key."""


class Bit(NamedTuple):
    """A bit that HTTP.SYS stores and no tag sets; imports keep it below ``Other``."""

    name: str
    value: str
    bit: int
    label: str = ""
    """What ``show`` prints, from ``since`` on; empty if it prints nothing."""
    line: int = 0
    since: Release = Release.W2025
    late: bool = False


BITS = (
    Bit("REVOCATION_FRESHNESS_TIME", _MODE, 0x4, "Use Revocation Freshness Time", 52),
    Bit("CACHED_URLS", _MODE, 0x8, "Verify Revocation Using Cached URLs Only", 54),
    Bit("NO_AIA", _MODE, 0x10, "Disable Authority Info Access", 56),
    Bit("NO_RAW_FILTER", _FLAGS, 0x4),
    Bit("ENABLE_CLIENT_CORRELATION", _FLAGS, 0x2000),
    Bit("ENABLE_CACHE_CLIENT_HELLO", _FLAGS, 0x8000, "Enable Caching Client Hello", 240, late=True),
)

# fmt: off
SSLFLAGS = Tag("sslflags", Type.NUMBER, "", 0, Release.W2012,
               "the sslFlags of the IIS binding that the record serves", "")
"""Not netsh's: IIS's own flags, which a record may store along with the tags."""
# fmt: on


class Property(NamedTuple):
    """A value that ``update sslpropertyex`` sets, and ``show`` prints from 2022 on.

    The defaults are those that real servers show for records where they were not set.
    """

    tag: Tag
    propertyid: int


def _property(propertyid: int, name: str, label: str, default: int, summary: str) -> Property:
    tag = Tag(name, Type.NUMBER, label, 0, Release.W2022, summary, "", default=default)
    return Property(tag, propertyid)


# fmt: off
PROPERTIES = (
    _property(0, "receivewindow", "Receive Window", 1048576, "HTTP/2 receive window in bytes"),
    _property(1, "maxsettingsperframe", "Max Settings Per Frame", 2796202,
              "HTTP/2 settings that one frame may carry"),
    _property(1, "maxsettingsperminute", "Max Settings Per Minute", 4294967295,
              "HTTP/2 settings that a connection may send in a minute"),
)
# fmt: on

STORED = TAG_BY_NAME | {SSLFLAGS.name: SSLFLAGS} | {p.tag.name: p.tag for p in PROPERTIES}
"""Every name that a binding's table in a registry may hold, in the order in which it is written."""
