"""What may come next on a netsh line: tags, their values, and keys that exist."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sslbind.cli.completion.known import Known
from sslbind.errors import BadValueError
from sslbind.grammar import ADDRESS_NAMES, OBJECT_KINDS, tag_names
from sslbind.keys import CCS, IPPORT, KIND_BY_NAME, KINDS, Key, Kind, infer_key, parse_key
from sslbind.owners import OWNERS
from sslbind.tags import POSITIONAL, PROPERTIES, STORED, Type

_OTHER_HELP = {
    "propertyid": f"which property: {', '.join(str(p.propertyid) for p in PROPERTIES[:2])}",
    ADDRESS_NAMES[0]: "an address that HTTP.SYS listens on",
}
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # an address to be typed, none to listen on
_NAMED = re.compile(r"([A-Za-z0-9]+)=(.*)", re.DOTALL)


class Suggestion(NamedTuple):
    """A whole word to complete to, and what it is.

    ``files``: any file, its name after ``value``.
    """

    value: str
    help: str = ""
    files: bool = False


class NetshLine:
    """A netsh line that is being typed: what it has, and what may come next."""

    def __init__(
        self, verb: str, word: str, words: Sequence[str], known: Known, *, replaces: bool = False
    ) -> None:
        """``replaces``: ``add`` also accepts a key that exists."""
        self.verb = verb
        self.word = word
        self.known = known
        self.creates = verb == "add" and not replaces
        self.names = tag_names(verb, word)
        self.kinds = tuple(
            kind for kind in OBJECT_KINDS.get(word, KINDS) if kind.since <= known.release
        )
        self.texts: dict[str, str] = {}
        self.bare: list[str] = []
        for text in words:
            named = _NAMED.fullmatch(text)
            if named:
                self.texts[named[1].lower()] = named[2]
            else:
                self.bare.append(text)

    def candidates(self, incomplete: str) -> Iterator[Suggestion]:
        """Yield the words that ``incomplete`` may become."""
        typed, equals, _ = incomplete.partition("=")
        if equals:
            if typed.lower() in self.names:
                yield from prefixed(f"{typed}=", self.values(typed.lower()))
            return
        for name in self._open_names():
            yield Suggestion(f"{name}=", self._help(name))
        yield from self._bare_values(incomplete)

    def values(self, name: str) -> Iterator[Suggestion]:
        """Yield the values that the tag ``name`` may have."""
        if name in KIND_BY_NAME:
            yield from self._keys(KIND_BY_NAME[name])
        elif name in ADDRESS_NAMES:
            yield from self._addresses()
        elif name == "propertyid":
            ids = {str(p.propertyid): p.tag.summary for p in reversed(PROPERTIES)}
            yield from (Suggestion(*item) for item in sorted(ids.items()))
        elif name == "json" and self.verb == "show":
            yield from switches()
        elif name == "json":
            yield Suggestion("", files=True)
        elif name in STORED:
            yield from self._stored_values(name)

    def _stored_values(self, name: str) -> Iterator[Suggestion]:
        type_ = STORED[name].type
        if type_ is Type.FLAG:
            yield from switches()
        elif type_ is Type.HASH:
            yield from thumbprints(self.known)
        elif type_ is Type.GUID:
            yield from owners(self.known)
        elif type_ is Type.STORE:
            yield from map(Suggestion, self.known.stores)

    def _open_names(self) -> Iterator[str]:
        """Yield the tags that the line may still have, in the order of netsh's help."""
        key_given = bool(self._key_names()) or (bool(self.bare) and self.word != "iplisten")
        kind = self._kind()
        certificate = any(one.certificate for one in ([kind] if kind else self.kinds))
        for name in self.names:
            tag = STORED.get(name)
            named_kind = KIND_BY_NAME.get(name)
            if name in self.texts or name in ADDRESS_NAMES[1:] or "json" in self.texts:
                continue
            if named_kind is not None and (key_given or named_kind not in self.kinds):
                continue
            if tag is not None and tag.since > self.known.release:
                continue
            if not certificate and name in ("certhash", "certstorename"):
                continue
            if name == "json" and self.verb != "show" and (self.texts or self.bare):
                continue
            if self.word == "iplisten" and self.bare:
                continue
            if name not in self._other_properties():
                yield name

    def _other_properties(self) -> frozenset[str]:
        """Return the property values that do not belong to the propertyid given."""
        chosen = self.texts.get("propertyid")
        return frozenset(
            p.tag.name for p in PROPERTIES if chosen is not None and str(p.propertyid) != chosen
        )

    def _key_names(self) -> list[str]:
        return [name for name in KIND_BY_NAME if name in self.texts]

    def _kind(self) -> Kind | None:
        """Return the kind of the key given, None if there is none yet."""
        named = self._key_names()
        if named:
            return KIND_BY_NAME[named[0]]
        if not self.bare or len(self.kinds) == 1:
            return None
        try:
            return infer_key(self.bare[0], scoped=self.word == "sslccs").kind
        except BadValueError:
            return None

    def _bare_values(self, incomplete: str) -> Iterator[Suggestion]:
        if self.word == "iplisten":
            if not self.texts and not self.bare:
                yield from self._addresses()
            return
        if not self._key_names() and not self.bare:
            if "json" not in self.texts and (incomplete or not self.creates):
                yield from self._bare_keys(incomplete.casefold())
        elif incomplete and self.verb in ("add", "update") and self.word != "sslpropertyex":
            places = [name for name in POSITIONAL if name not in self.texts]
            place = len(self.bare) - (not self._key_names())
            if place < len(places):
                yield from self.values(places[place])

    def _bare_keys(self, start: str) -> Iterator[Suggestion]:
        """Yield the keys that need no tag, because their form shows the kind."""
        for kind in self.kinds:
            for candidate in self._keys(kind):
                if not candidate.value.startswith(start):
                    continue
                if len(self.kinds) == 1 or self._infer(candidate.value) is kind:
                    yield Suggestion(candidate.value, kind.name)

    def _infer(self, text: str) -> Kind:
        return infer_key(text, scoped=self.word == "sslccs").kind

    def _keys(self, kind: Kind) -> Iterator[Suggestion]:
        existing = [key for key in self.known.keys if key.kind is kind]
        if not self.creates:
            yield from (Suggestion(str(key)) for key in existing)
        if self.verb == "add":
            there = set(existing)
            for key in self._usual_keys(kind):
                if key not in there:
                    yield Suggestion(str(key), "every address" if key.wildcard else "")

    def _usual_keys(self, kind: Kind) -> Iterator[Key]:
        if kind is IPPORT:
            for address in self.known.iplisten or _EVERYWHERE:
                yield parse_key(kind, f"[{address}]:443" if ":" in address else f"{address}:443")
        elif kind is CCS:
            yield Key(kind, "", 443)

    def _addresses(self) -> Iterator[Suggestion]:
        listed = self.known.iplisten
        if self.verb == "delete":
            yield from map(Suggestion, listed)
        elif self.verb == "add":
            used = dict.fromkeys(key.host for key in self.known.keys if key.kind is IPPORT)
            new = [address for address in used if address not in (*_EVERYWHERE, *listed)]
            yield from (Suggestion(address, "a binding has it") for address in new)

    def _help(self, name: str) -> str:
        if name == "json":
            return "enable: JSON instead of text" if self.verb == "show" else "tags from a file"
        if name in KIND_BY_NAME:
            return KIND_BY_NAME[name].syntax
        return STORED[name].summary if name in STORED else _OTHER_HELP.get(name, "")


def prefixed(prefix: str, candidates: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """Yield ``candidates`` with ``prefix`` before their values."""
    return (c._replace(value=prefix + c.value) for c in candidates)


def switches() -> Iterator[Suggestion]:
    """Yield the two values of a flag."""
    return map(Suggestion, Type.FLAG.value.split("|"))


def thumbprints(known: Known, *, bound_only: bool = False) -> Iterator[Suggestion]:
    """Yield the certificates that bindings use and, unless ``bound_only``, those of the stores."""
    found: Mapping[str, str] = {
        thumbprint: f"in {store}" for thumbprint, store in known.stored.items()
    }
    bound = {thumbprint: f"of {users}" for thumbprint, users in known.bound.items()}
    return (Suggestion(*item) for item in (bound if bound_only else {**found, **bound}).items())


def owners(known: Known) -> Iterator[Suggestion]:
    """Yield the owners by name, then the other application ids in use."""
    yield from (Suggestion(owner.word, owner.name) for owner in OWNERS)
    yield from map(Suggestion, known.foreign_appids)
