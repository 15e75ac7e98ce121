"""Keys: how a binding is identified, in the four kinds that HTTP.SYS has.

A key is parsed once into a value that is canonical and hashable; ``str()`` is
how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sslbind.errors import BadValueError
from sslbind.release import Release


class Kind:
    """One kind of key. There are four, compared by identity."""

    __slots__ = ("certificate", "config_id", "label", "name", "since", "syntax", "table")

    def __init__(  # noqa: PLR0913, PLR0917  # a row of the table
        self,
        name: str,
        table: str,
        label: str,
        syntax: str,
        config_id: int,
        since: Release,
        *,
        certificate: bool,
    ) -> None:
        self.name = name
        """The tag that netsh gives the key in, and the word for the kind: ``ipport``."""
        self.table = table
        """The registry key below ``HTTP\\Parameters``, and the table of our file."""
        self.label = label
        """What ``show`` prints before the key."""
        self.syntax = syntax
        """How netsh's help writes the value."""
        self.config_id = config_id
        """HTTP_SERVICE_CONFIG_ID of the HTTP Server API, for JSON."""
        self.since = since
        """The first release that has the kind."""
        self.certificate = certificate
        """Whether the record names a certificate (else the central store does)."""

    def __str__(self) -> str:
        return self.name


IPPORT = Kind(
    "ipport", "SslBindingInfo", "IP:port", "<ipaddr:port>", 1, Release.W2003, certificate=True
)
HOSTNAMEPORT = Kind(
    "hostnameport",
    "SslSniBindingInfo",
    "Hostname:port",
    "<name:port>",
    5,
    Release.W2012,
    certificate=True,
)
CCS = Kind(
    "ccs",
    "SslCcsBindingInfo",
    "Central Certificate Store",
    "<port>",
    6,
    Release.W2012,
    certificate=False,
)
SCOPEDCCS = Kind(
    "scopedccs",
    "SslScopedCcsBindingInfo",
    "Central Certificate Store",
    "<name:port>",
    11,
    Release.W2022,
    certificate=False,
)

KINDS = (IPPORT, HOSTNAMEPORT, CCS, SCOPEDCCS)
"""Every kind, in the order in which ``show`` lists them."""
KIND_BY_NAME = {kind.name: kind for kind in KINDS}
KIND_BY_TABLE = {kind.table: kind for kind in KINDS}

SNI_WILDCARD_SINCE = Release.W2016
"""The first release that takes ``*.name:port``."""


class Key(NamedTuple):
    """A canonical key: its kind, its address or host (empty for ``ccs``) and its port."""

    kind: Kind
    host: str
    port: int

    def __str__(self) -> str:
        if ":" in self.host:
            return f"[{self.host}]:{self.port}"
        return f"{self.host}:{self.port}" if self.host else str(self.port)

    @property
    def spec(self) -> str:
        """The key as a netsh line names it: ``ipport=10.0.0.5:443``."""
        return f"{self.kind}={self}"

    def to_json(self) -> dict[str, str]:
        """Return the key for JSON: its kind and its canonical text."""
        return {"kind": self.kind.name, "key": str(self)}

    @property
    def wildcard(self) -> bool:
        """Whether the key means every address of a family, or ``*.name``."""
        return self.host in ("0.0.0.0", "::") or self.host.startswith("*.")  # noqa: S104


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_PLAIN_HOST = re.compile(r"(?:\*\.)?+[a-z0-9_-]{1,63}+(?:\.[a-z0-9_-]{1,63}+)*+")
_PLAIN_KEY = re.compile(rf"((?![0-9.]++:){_PLAIN_HOST.pattern}):([1-9][0-9]{{0,4}}+)")
_NUMERIC_HOST = re.compile(r"[0-9.]+")
_URL = r"(?i:(https?))://(\[[^\]/]*\]|[^/:\[\]]*)(?::([0-9]+))?(?:/.*)?"
_SITE = r"(\*|[0-9.]+|\[[^\]]*\]|):([0-9]+):([^:/]*)"
"""``bindingInformation`` of IIS."""
_WHOLE = r"(?:\[[^\]]+\]|[^:\[\]/]+):[0-9]{1,5}"
"""An address or a name, with a port."""
_MAX_PORT = 65535
_MAX_HOST = 253  # RFC 1035 section 2.3.4, without the root's dot


def parse_key(kind: Kind, text: str) -> Key:
    """Return the key of ``kind`` that ``text`` has, in any spelling.

    ``10.0.0.5:443`` and ``[::1]:443`` for ipport, ``www.contoso.com:443`` for
    hostnameport and scopedccs, ``443`` for ccs. Raises BadValueError, which
    names the problem and the value.
    """
    if kind is CCS:
        return Key(kind, "", _parse_port(kind, text, text))
    plain = None if kind is IPPORT else _PLAIN_KEY.fullmatch(text)
    if plain is not None:  # true of nearly every name
        host, port = plain.groups()
        if int(port) <= _MAX_PORT and len(host) <= _MAX_HOST and "xn--" not in host:
            return Key(kind, host, int(port))
    name, colon, port = text.rpartition(":")
    try:
        if not colon or name.endswith(":") or "[" in port:
            raise _no_port(kind, text)
        if kind is IPPORT:
            return Key(kind, _key_address(text, name), _parse_port(kind, text, port))
        return Key(kind, _key_host(kind, text, name), _parse_port(kind, text, port))
    except BadValueError:
        other = _other_notation(kind, text)
        if other is None:
            raise
        raise other from None


def plain_keys(kind: Kind, texts: Iterable[str]) -> dict[str, Key]:
    """Return what ``parse_key`` returns for each of ``texts``, if all are names written plainly.

    Else the answer is empty. Of ten thousand names it takes a third of the time.
    """
    lines = [*texts]
    text = "\n".join(lines)
    named = kind in (HOSTNAMEPORT, SCOPEDCCS) and "xn--" not in text
    found = re.findall(f"(?m)^{_PLAIN_KEY.pattern}$", text) if named else []
    if len(found) != text.count("\n") + 1 or len(found) != len(lines):
        return {}
    ports = {port: int(port) for _, port in found}
    if max(ports.values()) > _MAX_PORT or max(map(len, lines)) > _MAX_HOST:
        return {}
    return {
        line: Key(kind, host, ports[port]) for line, (host, port) in zip(lines, found, strict=True)
    }


def infer_key(text: str, *, scoped: bool = False) -> Key:
    """Return the key that a bare value means; its form determines the kind.

    A port alone is ``ccs``; an address with a port ``ipport``; anything else a
    ``hostnameport``, or a ``scopedccs`` if ``scoped`` asks for it.
    """
    if ":" not in text:
        if not text.isdigit():
            kind = IPPORT if _NUMERIC_HOST.fullmatch(text) else HOSTNAMEPORT
            raise BadValueError(
                f"{text!r}: the port is missing", *_meant((kind, f"{text}:443", "has one"))
            )
        return parse_key(CCS, text)
    name = text.rpartition(":")[0]
    if name.startswith("[") or ":" in name or _NUMERIC_HOST.fullmatch(name):
        return parse_key(IPPORT, text)
    return parse_key(SCOPEDCCS if scoped else HOSTNAMEPORT, text)


def any_key(text: str, *, scoped: bool = False) -> Key:
    """Return the key that ``ipport=10.0.0.5:443`` is, or a bare value; raise BadValueError.

    See ``infer_key`` for ``scoped``.
    """
    kind, equals, value = text.partition("=")
    if equals and kind.lower() in KIND_BY_NAME:
        return parse_key(KIND_BY_NAME[kind.lower()], value)
    return infer_key(text, scoped=scoped)


def parse_address(text: str) -> str:
    """Return an IPv4 or IPv6 address in canonical form, without brackets.

    IPv6 is compressed (RFC 5952; a mapped address ends dotted) and keeps its
    family. Raises BadValueError for leading zeros, a zone, or anything that is not an address.
    """
    if _IPV4.fullmatch(text):
        return text
    if "%" in text:
        raise BadValueError(
            f"{text!r} has a zone", "write the address without '%' and what follows"
        )
    if ":" not in text:
        hint = "four numbers from 0 to 255 without leading zeros, or an IPv6 address"
        raise BadValueError(f"{text!r} is not an IP address", hint)
    return _parse_ipv6(text)


@lru_cache(maxsize=64)  # a server has few, and they are parsed often
def _parse_ipv6(text: str) -> str:
    from ipaddress import AddressValueError, IPv6Address

    if _IPV4.fullmatch(text.partition(":")[0]):
        raise BadValueError(
            f"{text!r} is an address with a port", "give the address without a port"
        )
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise BadValueError(f"{text!r} is not an IPv6 address: {error}") from None
    if address.ipv4_mapped is not None:
        return f"::ffff:{address.ipv4_mapped}"
    return address.compressed


def parse_host(text: str) -> str:
    """Return a host name in canonical form: lower case, Unicode, no trailing dot.

    Also accepts ``*.name``. A-labels become U-labels, by UTS 46; see ``hosts``.
    Raises BadValueError.
    """
    name = text.lower().removesuffix(".")
    if not _PLAIN_HOST.fullmatch(name) or "xn--" in name:
        name = _unicode_host(text)
    elif len(name) > _MAX_HOST:
        raise BadValueError(f"host name {text!r} is longer than {_MAX_HOST} characters")
    if _NUMERIC_HOST.fullmatch(name):
        raise BadValueError(f"{text!r} is an address, not a host name")
    return name


def _unicode_host(text: str) -> str:
    """Return a name that is not plain ASCII in canonical form, by UTS 46."""
    from sslbind.hosts import ascii_host, unicode_labels

    star, rest = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        labels = unicode_labels(rest.removesuffix("."))
    except ValueError as error:
        raise BadValueError(
            f"{text!r} is not a host name: {error}",
            "letters, digits, '-', '_' and '.', in Unicode or as xn-- labels;"
            " '*' only as the whole first label",
        ) from None
    name = star + ".".join(labels)
    if len(ascii_host(name)) > _MAX_HOST:
        raise BadValueError(f"host name {text!r} is longer than {_MAX_HOST} characters")
    return name


def _meant(*candidates: tuple[Kind, str, str]) -> tuple[str, ...]:
    """Return a hint for each text that is a key of its kind: the key, and what it does."""
    hints = []
    for kind, text, what in candidates:
        if not re.fullmatch(_WHOLE, text) and kind is not CCS:
            continue
        try:
            hints.append(f"{parse_key(kind, text).spec} {what}")
        except BadValueError:
            continue
    return tuple(hints)


def _other_notation(kind: Kind, text: str) -> BadValueError | None:
    """Return the error for a URL, and for a binding as IIS writes it; None for anything else."""
    url = re.fullmatch(_URL, text)
    if url is not None:
        host, port = url[2], url[3] or ("443" if url[1].lower() == "https" else "80")
        what = "an address" if kind is IPPORT else "a host name"
        return BadValueError(
            f"{kind}={text}: give {what} and a port, not a URL", *_places(kind, host, port)
        )
    site = re.fullmatch(_SITE, text)
    if site is None:
        return None
    address, port, host = site.groups()
    return BadValueError(
        f"{kind}={text}: is a binding as IIS writes it, ADDRESS:PORT:HOST",
        *_places(kind, host or address, port),
    )


def _places(kind: Kind, host: str, port: str) -> tuple[str, ...]:
    """Return hints for the key of ``host``, which is an address, a name, or ``*`` or ``+``."""
    if host in ("", "*", "+"):
        return _meant((IPPORT, f"0.0.0.0:{port}", "is every address"))
    named = HOSTNAMEPORT if kind is IPPORT else kind
    return _meant(
        (IPPORT, f"{host}:{port}", "binds an address"),
        (named, f"{host}:{port}", "binds a name (SNI)"),
    )[:1]


def _parse_port(kind: Kind, text: str, port: str) -> int:
    if not _PORT.fullmatch(port) or int(port) > _MAX_PORT:
        raise BadValueError(
            f"{kind}={text}: {port!r} is not a port",
            "a port is a number from 1 to 65535, without leading zeros",
            *(_meant((CCS, port.rpartition(":")[2], "is a port")) if ":" in port else ()),
        )
    return int(port)


def _no_port(kind: Kind, text: str) -> BadValueError:
    if kind is IPPORT and text.count(":") > 1 and "[" not in text:
        return BadValueError(
            f"{kind}={text}: write an IPv6 address in brackets",
            *_meant((IPPORT, f"[{text}]:443", "has a port")),
        )
    every = (IPPORT, f"0.0.0.0:{text}", "binds every address")
    other = HOSTNAMEPORT if kind is IPPORT else IPPORT
    hints = _meant(every, (kind, f"{text}:443", "has one"), (other, f"{text}:443", "has one"))
    return BadValueError(f"{kind}={text}: the port is missing", *hints[:1])


def _key_address(text: str, name: str) -> str:
    """Return the canonical address of an ipport key; refuse a host name."""
    bracketed = name.startswith("[") and name.endswith("]")
    bare = name[1:-1] if bracketed else name
    port = text[len(name) + 1 :]
    if bracketed and ":" not in bare:
        hints = _meant((IPPORT, f"{bare}:{port}", "has none"))
        raise BadValueError(f"ipport={text}: only IPv6 addresses have brackets", *hints)
    if not bracketed and ":" in name:
        candidates = (IPPORT, f"[{name}]:{port}", "has them"), (IPPORT, f"[{text}]:443", "has them")
        raise BadValueError(
            f"ipport={text}: write an IPv6 address in brackets",
            *(_meant(*candidates) or ("for example ipport=[::1]:443",)),
        )
    if name in ("", "*", "+"):
        raise BadValueError(
            f"ipport={text}: the address is missing",
            *_meant((IPPORT, f"0.0.0.0:{port}", "is every address")),
        )
    if not bracketed and not _NUMERIC_HOST.fullmatch(name):
        raise BadValueError(
            f"ipport={text}: {name!r} is a host name; ipport takes an address",
            *_meant(
                (HOSTNAMEPORT, text, "binds a name (SNI)"),
                (IPPORT, f"0.0.0.0:{port}", "binds every address"),
            ),
        )
    try:
        return parse_address(bare)
    except BadValueError as error:
        raise BadValueError(f"ipport={text}: {error.message}", *error.hints) from None


def _key_host(kind: Kind, text: str, name: str) -> str:
    if "/" in name:
        raise BadValueError(f"{kind}={text}: give a host name and a port, not a URL")
    if name.startswith("[") or ":" in name:
        raise _address_as_host(kind, text)
    if name in ("*", "+"):
        port = text[len(name) + 1 :]
        raise BadValueError(
            f"{kind}={text}: {name!r} alone is not a host name",
            *_meant((IPPORT, f"0.0.0.0:{port}", "answers for every name")),
            "*.NAME:PORT answers for the names one label below NAME",
        )
    try:
        return parse_host(name)
    except BadValueError as error:
        if _NUMERIC_HOST.fullmatch(name):
            raise _address_as_host(kind, text) from None
        raise BadValueError(f"{kind}={text}: {error.message}", *error.hints) from None


def _address_as_host(kind: Kind, text: str) -> BadValueError:
    return BadValueError(
        f"{kind}={text}: an address, not a host name",
        *_meant((IPPORT, text, "binds an address")),
    )
