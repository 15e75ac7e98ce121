"""What is checked: one registry with its stores and sites, at one point in time."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from sslbind import shells
from sslbind.answers.precedence import Reach
from sslbind.binding import DEFAULT_STORE
from sslbind.certificates.central import CentralStore
from sslbind.certificates.judgement import (
    Problem,
    covered,
    judge,
    name_problems,
    path,
    valid_at,
)
from sslbind.certificates.links import Links
from sslbind.check.command import NEW, TO_CHOOSE, Edit, FixCommand
from sslbind.check.finding import Found
from sslbind.keys import HOSTNAMEPORT, KINDS, Key, Kind
from sslbind.moments import SOON, SpanOrThird, Window
from sslbind.owners import OWNER_BY_APPID
from sslbind.registry.document import CentralCertProvider
from sslbind.registry.registry import DEFAULT_FILE
from sslbind.resolver import used_since
from sslbind.tags import REJECT, STORE, STORED, Tag, Value

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.central import CentralFile
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.facts import CertificateFacts
    from sslbind.session import Session
    from sslbind.sites import SiteBinding, Sites

_THUMBPRINT = re.compile("certhash=[0-9a-f]{40}")
_Judgement = tuple[tuple["Problem", ...], tuple["CertificateFacts", ...]]
_OF_OTHERS = ("dependents", "site_owners", "bound", "entries")
"""What a subject computes from its sites and stores alone: other records change none of it."""
_OF_CENTRAL = ("reach", "central_files", "central_names", "central_parents")
"""What it computes from the settings and the central store: only another store changes it."""


class ServedCertificate(NamedTuple):
    """A certificate that a record or the central store serves.

    ``certificate`` are the facts of ``entry``. ``key`` is the record's; for a
    file of the central store it is None, and ``file`` says which. ``name`` is
    the host that it must cover, None for a record without one.
    """

    key: Key | None
    entry: Entry
    certificate: CertificateFacts
    name: str | None
    file: str | None = None


class Judged(NamedTuple):
    """A certificate that is served, what is wrong with it, and its path to a root."""

    served: ServedCertificate
    problems: tuple[Problem, ...]
    path: tuple[CertificateFacts, ...]


class Dependents(NamedTuple):
    """The https bindings that one record serves, and the file that has the first of them."""

    sites: Sites
    bindings: list[SiteBinding]

    @property
    def hosts(self) -> list[str]:
        """Their host names, each once; empty for a binding without one."""
        return list(dict.fromkeys(one.canonical[3] for one in self.bindings))

    def __str__(self) -> str:
        """Name the first of them in a sentence, and the others as a number."""
        more = len(self.bindings) - 1
        return f"{self.bindings[0]}" + (f" (and {more} more)" if more else "")

    def found(self, key: Key, message: str, advice: str, command: str = "") -> Found:
        """Return what is wrong with the first of them."""
        return Found(
            key, message, advice, command, file=self.sites.file, line=self.bindings[0].line
        )


class Subject:
    """One registry and everything that rules may ask about it; each answer is computed once.

    ``sites`` are the configuration files to compare with, ``now`` is the time of the check,
    ``soon`` the window before an expiry that gives a warning. ``named``: commands name the
    registry even if it is the default file.
    """

    def __init__(
        self,
        session: Session,
        now: datetime,
        soon: Window | SpanOrThird = SOON,
        sites: Sequence[Sites] = (),
        *,
        named: bool = False,
    ) -> None:
        self.registry = session.registry
        self.settings = session.registry.settings
        self.release = session.release
        self.modelled = f"{session.release_words} is modelled"
        self.stores = session.stores
        self.central = session.central
        self._central_store = session.central_store
        self.now = now
        self.soon = soon
        self.sites = tuple(sites)
        self._named = named
        self._judgements: dict[tuple[str, str], _Judgement] = {}

    def after(self, bindings: Mapping[Key, Binding], central: str | None = None) -> Subject:
        """Return the subject as it would be with other records.

        With ``central``, the central store is on, and its files are in that folder.
        """
        other = copy.copy(self)
        kept = _OF_OTHERS if central is not None else _OF_OTHERS + _OF_CENTRAL
        for name, attribute in vars(Subject).items():
            if isinstance(attribute, cached_property) and name not in kept:
                other.__dict__.pop(name, None)
        other.bindings = bindings
        if central is not None:
            before = self.settings.central_store or CentralCertProvider()
            provider = before._replace(enabled=True, location=central)
            other.settings = self.settings._replace(central_store=provider)
            other.central = self._central_store or CentralStore(other.central_path())
        return other

    @cached_property
    def bindings(self) -> Mapping[Key, Binding]:
        """Every record."""
        return self.registry.bindings

    @cached_property
    def ports(self) -> Mapping[int, Mapping[Kind, Sequence[Binding]]]:
        """The records by port and kind; every kind is there."""
        ports: dict[int, dict[Kind, list[Binding]]] = {}
        place: tuple[Kind, int] | None = None
        same: list[Binding] = []
        for key, binding in self.bindings.items():
            if place != (key.kind, key.port):  # records of one kind and port are mostly adjacent
                place = key.kind, key.port
                by_kind = ports.setdefault(key.port, {kind: [] for kind in KINDS})
                same = by_kind[key.kind]
            same.append(binding)
        return ports

    @cached_property
    def dependents(self) -> Mapping[Key, Dependents]:
        """The https bindings of the sites by the record that each needs."""
        found: dict[Key, Dependents] = {}
        for sites in self.sites:
            for binding in sites.bindings:
                key = binding.key_for(self.release) if binding.https else None
                if key is not None:
                    found.setdefault(key, Dependents(sites, [])).bindings.append(binding)
        return found

    @cached_property
    def meant(self) -> Mapping[Key, Dependents]:
        """The mistyped https bindings by the existing record that each refers to."""
        found: dict[Key, Dependents] = {}
        for sites in self.sites:
            for binding in sites.bindings:
                key = binding.meant_key(self.release)
                if key is not None and key in self.bindings:
                    found.setdefault(key, Dependents(sites, [])).bindings.append(binding)
        return found

    @cached_property
    def site_owners(self) -> frozenset[str]:
        """The appids of the products whose sites are known."""
        return frozenset(sites.owner.appid for sites in self.sites)

    @cached_property
    def bound(self) -> Mapping[tuple[str, int | None], frozenset[str]]:
        """The addresses of the sites' https bindings by host and port; an empty one means all."""
        found: dict[tuple[str, int | None], set[str]] = {}
        for sites in self.sites:
            for binding in sites.bindings:
                protocol, address, port, host = binding.canonical
                if protocol == "https":
                    found.setdefault((host, port), set()).add(address)
        return {place: frozenset(addresses) for place, addresses in found.items()}

    @cached_property
    def reach(self) -> Reach:
        """What decides whether a record is used; a capture may not know the central store."""
        unknown = "central" in self.registry.provenance.unknown
        central = self.central is not None or unknown
        return Reach(self.release, self.settings.iplisten, central)

    def whole(self, port: int) -> bool:
        """Whether every record of ``port`` was read, so that missing ones really do not exist."""
        return self.registry.provenance.whole(port)

    def holding(self, tag: Tag) -> Sequence[Binding]:
        """Return the records that have a value for ``tag`` other than its default."""
        return self._by_tag.get(tag.name, ())

    def owned(self, appid: str) -> Sequence[Binding]:
        """Return the records of one owner."""
        return self._by_owner.get(appid, ())

    @cached_property
    def _by_owner(self) -> Mapping[str, Sequence[Binding]]:
        found: dict[str, list[Binding]] = {}
        for binding in self.bindings.values():
            found.setdefault(binding.appid, []).append(binding)
        return found

    @cached_property
    def _by_tag(self) -> Mapping[str, Sequence[Binding]]:
        found: dict[str, list[Binding]] = {}
        for binding in self.bindings.values():
            for name in binding.values:
                found.setdefault(name, []).append(binding)
        return found

    @cached_property
    def entries(self) -> Mapping[str, Sequence[Entry]]:
        """What the certificate stores hold, by thumbprint; nothing if they are not modelled."""
        found: dict[str, list[Entry]] = {}
        for entry in self.stores.entries() if self.stores else ():
            if entry.thumbprint:
                found.setdefault(entry.thumbprint, []).append(entry)
        return found

    def entry(self, binding: Binding) -> Entry | None:
        """Return the certificate of a record from the store that it names, or None."""
        found = self.entries.get(binding.certhash or "", ())
        return in_store(found, binding.store or "")

    def usable(self, entry: Entry) -> bool:
        """Whether a certificate can be bound: with its private key, or if none is needed."""
        return entry.has_key or (self.stores is not None and self.stores.keys_elsewhere)

    def valid(self, entry: Entry) -> bool:
        """Whether a certificate can be bound and is valid now."""
        facts = entry.certificate
        return facts is not None and valid_at(facts, self.now) and self.usable(entry)

    def serves(self, binding: Binding) -> bool:
        """Whether the certificate of a record can be bound elsewhere, as far as is known."""
        if "certhash" in binding.unknown:
            return False
        if binding.certhash == TO_CHOOSE:
            return True
        entry = self.entry(binding)
        return self.stores is None or (entry is not None and self.valid(entry))

    @cached_property
    def served(self) -> Sequence[ServedCertificate]:
        """Every certificate that a record or the central store serves, as far as it can be read.

        There are none if no store is modelled.
        """
        return (*self._found[0], *self._from_files())

    @cached_property
    def judged(self) -> Sequence[Judged]:
        """What is served, with its current problems, in the order of ``served``."""
        if self.stores is None:
            return ()
        links = Links(self.stores, self.central)
        known = self._judgements
        judged = []
        for one in self.served:
            facts, place = one.certificate, (one.entry.store, one.entry.file)
            if place not in known:
                above = links.above(one.entry)
                way = path(facts, above, self.now)
                known[place] = judge(facts, above, self.now, way=way), way
            problems, way = known[place]
            if one.name is not None and not covered(facts, one.name):
                problems += (*name_problems(facts, (one.name,)),)
            judged.append(Judged(one, problems, way))
        return judged

    @cached_property
    def faulty(self) -> Sequence[Judged]:
        """The items of it that have problems."""
        return [one for one in self.judged if one.problems]

    @property
    def absent(self) -> Sequence[Binding]:
        """The records that would serve a certificate that their store does not have.

        There are none if no store is modelled.
        """
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[Sequence[ServedCertificate], Sequence[Binding]]:
        """Look up the certificate of every record in its store; a rejecting record serves none."""
        there: list[ServedCertificate] = []
        absent: list[Binding] = []
        if self.stores is None:
            return there, absent
        entries, rejects = self.entries, self.release >= REJECT.since
        for key, binding in self.bindings.items():
            values = binding.values
            thumbprint = values.get("certhash")
            if thumbprint in (None, TO_CHOOSE) or (rejects and values.get(REJECT.name)):
                continue
            store = str(values.get("certstorename", DEFAULT_STORE))
            entry = in_store(entries.get(str(thumbprint), ()), store)
            if entry is None or entry.certificate is None:
                absent.append(binding)
            else:
                host = key.host if key.kind is HOSTNAMEPORT else None
                there.append(ServedCertificate(key, entry, entry.certificate, host))
        return there, absent

    def _from_files(self) -> Iterator[ServedCertificate]:
        for one in self.central_files if self.stores else ():
            facts = one.entry.certificate
            if facts is not None and one.name is not None:
                yield ServedCertificate(
                    None, one.entry, facts, one.name, self.central_path(one.file)
                )

    @cached_property
    def central_files(self) -> Sequence[CentralFile]:
        """The PFX files of the central store, none if the provider is not enabled."""
        return self.central.files() if self.central else ()

    @cached_property
    def central_names(self) -> frozenset[str]:
        """What the files of the central store serve: hosts, and ``*.parent``."""
        return frozenset(one.name for one in self.central_files if one.name is not None)

    @cached_property
    def central_parents(self) -> frozenset[str]:
        """The names one label above those of ``central_names``."""
        return frozenset(name.partition(".")[2] for name in self.central_names)

    def central_path(self, file: str = "") -> str:
        """Return the path of the central store, or of a file in it, like the registry's path."""
        location = self.settings.central_store and self.settings.central_store.location
        folder = os.path.join(os.path.dirname(self.registry.path), location or "")
        return os.path.join(folder, file) if file else folder

    def command(self, *words: str) -> str:
        """Return a command of ours for this registry, safe to paste; see ``shells.command``.

        For a capture, it has REGISTRY: the one that ``import`` creates from it.
        """
        path = self.registry.option
        before = ["-r", path] if self._named or path != DEFAULT_FILE else []
        if self.release is not self.settings.release:
            before += ["--windows", str(self.release)]
        return shells.command(("sslbind", *before, *words))

    def add(self, key: Key, certificate: Sequence[str], values: Mapping[str, Value]) -> FixCommand:
        """Return the command that adds a record.

        ``certificate`` are the words that name it: ``certhash=…``, or ``--cert`` and a file;
        none for the central store. ``values`` are the other tags, in the order of the line.
        """
        known = dict(values)
        if len(certificate) == 1 and _THUMBPRINT.fullmatch(certificate[0]):
            known["certhash"] = certificate[0].partition("=")[2]
        if known.get("certhash") == TO_CHOOSE:
            certificate = self._to_choose()
        owner = OWNER_BY_APPID.get(str(values["appid"]))
        shown = {**values, "appid": owner.word} if owner else values
        words = (f"{name}={STORED[name].text(value)}" for name, value in shown.items())
        line = self.command("add", "sslcert", key.spec, *certificate, *words)
        return FixCommand.of(line, Edit("add", key, known))

    def delete(self, key: Key) -> FixCommand:
        """Return the command that deletes a record."""
        return FixCommand.of(self.command("delete", "sslcert", key.spec), Edit("delete", key, {}))

    def update(self, key: Key, values: Mapping[str, Value]) -> str:
        """Return the command that gives a record these values, nothing if it is refused.

        It is refused for a key and for a tag that the release does not have.
        """
        if max(used_since(key), *(STORED[name].since for name in values)) > self.release:
            return ""
        if self._nameless_store(key):
            values = {STORE.name: DEFAULT_STORE, **values}
        chosen = self._to_choose() if values.get("certhash") == TO_CHOOSE else ()
        shown = {name: value for name, value in values.items() if value != TO_CHOOSE}
        words = (f"{name}={STORED[name].text(value)}" for name, value in shown.items())
        line = self.command("update", "sslcert", key.spec, *chosen, *words)
        return FixCommand.of(line, Edit("update", key, values))

    def recertify(self, key: Key, file: str) -> str:
        """Return the command that gives a record the certificate in a file, as ``update`` does."""
        if used_since(key) > self.release:
            return ""
        words = [f"{STORE.name}={DEFAULT_STORE}"] if self._nameless_store(key) else []
        line = self.command("update", "sslcert", key.spec, "--cert", file, *words)
        return FixCommand.of(line, Edit("update", key, {"certhash": TO_CHOOSE}))

    def _to_choose(self) -> Sequence[str]:
        """Return the words for a certificate that the user has to choose."""
        return ("certhash=THUMBPRINT",) if self.stores is None else ("--cert", NEW)

    def _nameless_store(self, key: Key) -> bool:
        """Whether a record lacks a store that netsh requires, so that an update must set one."""
        record = self.bindings.get(key)
        return key.kind is HOSTNAMEPORT and record is not None and STORE.name not in record.values

    def rebind(self, old: str, new: str) -> str:
        """Return the command that gives the users of a certificate another, as ``update`` does."""
        users = self.users.get(old, ())
        if any(used_since(one.key) > self.release for one in users):
            return ""
        certhash = new if _THUMBPRINT.fullmatch(f"certhash={new}") else TO_CHOOSE
        edits = (Edit("update", one.key, {"certhash": certhash}) for one in users)
        return FixCommand.of(self.command("rebind", old, new), *edits, of_certificate=True)

    @cached_property
    def users(self) -> Mapping[str, Sequence[Binding]]:
        """The records by the thumbprint of the certificate that they name."""
        found: dict[str, list[Binding]] = {}
        for binding in self.bindings.values():
            if binding.certhash:
                found.setdefault(binding.certhash, []).append(binding)
        return found


def in_store(entries: Sequence[Entry], store: str) -> Entry | None:
    """Return the entry in ``store`` (case-insensitive), or None."""
    for entry in entries:
        if entry.store == store or entry.store.casefold() == store.casefold():
            return entry
    return None
