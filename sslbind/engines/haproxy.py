"""The configuration of HAProxy for a set of listeners.

Every path in it is relative to its own folder, and made by us; addresses are
canonical and names are letters, digits, ``-``, ``_`` and dots, or they are left
out. Facts about HAProxy are those of its configuration manual (2.6), sections
"bind options" and "crt-list", and were tried with 2.6.12:

* exact names are looked up before wildcards, but over both together a
  certificate with an EC key wins for a client that accepts one: so a wildcard
  excludes (``!name``) the names whose certificate has another algorithm;
* a wildcard matches one label, as in HTTP.SYS;
* ``!*`` matches no name: that line is only the default;
* the TLS versions of the default are those of the ``bind`` line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sslbind.digest import content_digest
from sslbind.engines.listeners import Listener, Terms
from sslbind.engines.material import CERTIFICATES
from sslbind.engines.places import shown
from sslbind.tls_versions import VERSIONS

MAIN = "haproxy.cfg"
LISTS = "lists"
REFUSAL = f"{CERTIFICATES}/refusal.pem"
"""A certificate whose handshakes always fail: its EC key matches none of the ciphers."""

MARK = b"# Made by sslbind from the bindings of a registry; the next export replaces it.\n"

_NAME = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ADDRESS = re.compile(r"[0-9a-f:.]+")
_REFUSE = "ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 ciphers AES128-GCM-SHA256"
_REFUSAL_ALGORITHM = "EC"
_MAX_WORDS = 1500
"""Names on one line: HAProxy takes 2,048 words and 65,535 characters (``CRT_LINESIZE``)."""
_MAX_LINE = 60_000

_HEAD = """\
global
    default-path config
    tune.ssl.default-dh-param 2048

defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 10s
    default_backend sites

# HTTP.SYS finds the site by the Host header, after TLS: put the servers behind it here.
backend sites
    http-request return status 200 content-type text/plain string "No site is configured here."
"""


class Configuration(NamedTuple):
    """The files by their path in the folder, and a sentence for everything that is lost.

    ``refuses``: whether ``REFUSAL`` is needed beside them.
    """

    files: Mapping[str, bytes]
    losses: tuple[str, ...]
    refuses: bool


def configuration(listeners: Sequence[Listener]) -> Configuration:
    """Return the main file, and the lists of certificates that it refers to."""
    files: dict[str, bytes] = {}
    losses: dict[str, None] = {}
    refuses = False
    text = MARK.decode() + _HEAD
    for port in sorted({one.port for one in listeners}):
        serving = [one for one in listeners if one.port == port and one.serves]
        closed = [one for one in listeners if one.port == port and not one.serves]
        if serving:
            text += f"\nfrontend port-{port}\n"
        for listener in serving:
            lines = _Lines(listener)
            content = "".join(f"{line}\n" for line in lines.written()).encode()
            path = f"{LISTS}/{content_digest(content)[:16]}.list"
            files[path] = content
            losses |= dict.fromkeys((*lines.losses, *_unverified(listener)))
            refuses = refuses or lines.refuses
            text += f"    bind {_bind(listener, path)}\n"
        if closed:
            text += f"\nfrontend rejected-{port}\n    mode tcp\n"
            text += "".join(f"    bind {_place(one)}\n" for one in closed)
            text += "    tcp-request connection reject\n"
    return Configuration({**files, MAIN: text.encode()}, tuple(losses), refuses)


def _place(listener: Listener) -> str:
    address = listener.address
    if not _ADDRESS.fullmatch(address):
        raise AssertionError(f"{address!r} is not a canonical address")
    if ":" not in address:
        return f"{address}:{listener.port}"
    only = " v6only" if listener.catch_all else ""
    return f"[{address}]:{listener.port}{only}"


def _bind(listener: Listener, path: str) -> str:
    """Return the options of a ``bind`` line: what applies before a name is known."""
    default = listener.default
    every = [terms for terms in (default, *listener.names.values()) if terms is not None]
    versions = [*VERSIONS]
    oldest = min((terms.oldest for terms in every), key=versions.index)
    newest = max((terms.newest for terms in every), key=versions.index)
    words = [_place(listener), "ssl", "crt-list", path]
    words.append(
        _versions(default.oldest, default.newest) if default else _versions(oldest, newest)
    )
    if oldest < "TLS 1.2":  # their hash is SHA-1, which OpenSSL 3 accepts only at this level
        words += ["ciphers", "DEFAULT:@SECLEVEL=0"]
    if any(terms.clients and not terms.clients.verified for terms in every):
        words += ["crt-ignore-err", "all", "ca-ignore-err", "all"]
    words.append("no-tls-tickets")
    if default is None:
        words.append("strict-sni")
    return " ".join(words)


def _unverified(listener: Listener) -> Iterator[str]:
    """Yield a sentence if errors are ignored for a whole ``bind`` line, more than asked for."""
    every = {terms for terms in (listener.default, *listener.names.values()) if terms is not None}
    verified = {terms.clients.verified for terms in every if terms.clients}
    if len(verified) > 1:
        place = shown(listener.address, listener.port)
        yield (
            f"{place}: client certificates are not verified for any of its names, because for some"
            " no issuers are known"
        )


def _versions(oldest: str, newest: str) -> str:
    words = {version: version.replace("TLS ", "TLSv") for version in VERSIONS}
    return f"ssl-min-ver {words[oldest]} ssl-max-ver {words[newest]}"


class _Lines:
    """The list of certificates of one listener."""

    def __init__(self, listener: Listener) -> None:
        self._default = listener.default
        self._names = {name: terms for name, terms in listener.names.items() if _fits(name)}
        self.losses = [
            f"{name!r} is not served: it has a character that HAProxy's lists do not allow"
            for name in listener.names.keys() - self._names.keys()
        ]
        self._below: dict[str, list[str]] = {}
        for name in self._names:
            self._below.setdefault(f"*.{name.partition('.')[2]}", []).append(name)
        self.refuses = False

    def written(self) -> Iterator[str]:
        """Yield the lines: the default first, then one or more for each kind of answer."""
        if self._default is not None:
            yield _line(self._default, ["!*"])
        alike: dict[Terms | None, list[str]] = {}
        for name, terms in self._names.items():
            if terms is None and self._default is None:
                continue  # names without a line are refused
            if name.startswith("*."):
                yield self._wildcard(name, terms)
            else:
                alike.setdefault(terms, []).append(name)
        for terms, names in alike.items():
            for start in range(0, len(names), _MAX_WORDS // 10):
                yield self._line(terms, names[start : start + _MAX_WORDS // 10])

    def _wildcard(self, wildcard: str, terms: Terms | None) -> str:
        """Return the line of a wildcard, without the names that it would take from others."""
        algorithm = _algorithm(terms)
        taken = [
            f"!{name}"
            for name in self._below.get(wildcard, ())
            if name != wildcard and self._taken(name, algorithm)
        ]
        room = _MAX_LINE
        kept = []
        for word in taken[:_MAX_WORDS]:
            room -= len(word) + 1
            if room < 0:
                break
            kept.append(word)
        if len(kept) < len(taken):
            self.losses.append(
                f"{wildcard}: {len(taken) - len(kept)} names below it, from {taken[len(kept)][1:]}"
                " on, may get its certificate: their keys have another algorithm, and a line"
                " of HAProxy cannot have more exclusions"
            )
        return self._line(terms, [wildcard, *kept])

    def _taken(self, name: str, algorithm: str) -> bool:
        terms = self._names[name]
        return (terms is None and self._default is None) or _algorithm(terms) != algorithm

    def _line(self, terms: Terms | None, names: Iterable[str]) -> str:
        self.refuses = self.refuses or terms is None
        return _line(terms, names)


def _algorithm(terms: Terms | None) -> str:
    return _REFUSAL_ALGORITHM if terms is None else terms.pem.algorithm


def _line(terms: Terms | None, names: Iterable[str]) -> str:
    if terms is None:
        return " ".join([REFUSAL, f"[{_REFUSE}]", *names])
    options = ["alpn", "h2,http/1.1" if terms.http2 else "http/1.1"]
    options.append(_versions(terms.oldest, terms.newest))
    if terms.clients:
        options += ["verify", "optional", "ca-file", terms.clients.file]
        options += [] if terms.clients.named else ["no-ca-names"]
        options += ["ca-verify-file", terms.clients.above] if terms.clients.above else []
    return " ".join([terms.pem.file, f"[{' '.join(options)}]", *names])


def _fits(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
