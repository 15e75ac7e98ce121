"""One import: documents planned against a registry, and written into it in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sslbind.certificates.judgement import doubts
from sslbind.errors import RegistryError, SslbindError
from sslbind.importing import ImportPlan, apply_import, plan_import, with_certificates
from sslbind.keys import HOSTNAMEPORT
from sslbind.registry.document import CertStoresSettings
from sslbind.registry.registry import Registry
from sslbind.release import DEFAULT_RELEASE, Release
from sslbind.session import Session
from sslbind.sources import Source, foreign_error
from sslbind.tags import STORE
from sslbind.wording import join, plural, some

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.identity import Identity
    from sslbind.certificates.stores import CertStores
    from sslbind.keys import Key


class Import:
    """The documents that go into the registry at ``path``, and the result.

    ``if_exists`` says what happens to a record or setting that has another value
    in the registry: see ``plan_import``. ``stores`` is the folder of a new
    registry's certificate stores, relative to its own; it has stores if a document records
    its server's stores, or if there are ``identities``: certificates that go into the
    stores of the records that use them. ``release`` is the release to model; by default it
    is the newest that a document records.

    ``run`` fills ``plan``; ``before``, the bindings as they were; ``notes``;
    ``would_write``; ``written``; and ``certificates``, those that were stored.
    """

    def __init__(  # noqa: PLR0913  # the documents, and one parameter for each option
        self,
        path: str,
        sources: Sequence[Source],
        *,
        if_exists: str = "fail",
        release: Release | None = None,
        stores: str = CertStoresSettings().path,
        identities: Sequence[Identity] | None = None,
    ) -> None:
        self.path = path
        self.sources = list(sources)
        self.if_exists = if_exists
        self.plan = ImportPlan()
        self.before: Mapping[Key, Binding] = {}
        self.certificates: list[Entry] = []
        self.notes: list[str] = []
        self.written = False
        self.would_write = False
        """Whether a run writes unless it is dry."""
        self.empty = False
        """Whether there is nothing to create a registry from."""
        self._release = release
        self._stores = stores
        self._identities = identities

    @property
    def release(self) -> Release:
        """The release of a new registry."""
        known = [one.imported.release for one in self.sources if one.imported.release]
        return self._release or max(known, default=DEFAULT_RELEASE)

    @property
    def bad(self) -> int:
        """How many records could not be read."""
        return sum(len(one.imported.bad) for one in self.sources)

    @property
    def conflicts(self) -> int:
        """How many records and settings have another value."""
        return len(self.plan.conflicts) + len(self.plan.setting_conflicts)

    def run(self, now: datetime, *, partial: bool = False, dry_run: bool = False) -> bool:
        """Plan and, unless ``dry_run``, write; return whether everything was imported.

        If a record is bad or in conflict, nothing is written unless ``partial``.
        Certificates that cover a host are chosen as of ``now``. Raises SslbindError for a
        registry that cannot be opened or written.
        """
        try:
            return self._run(now, partial=partial, dry_run=dry_run)
        except RegistryError as error:
            raise foreign_error(self.path) or error from None

    def _run(self, now: datetime, *, partial: bool, dry_run: bool) -> bool:
        stores = None if self._identities is None else self._stores
        if any(one.imported.certificates is not None for one in self.sources):
            stores = self._stores
        with Registry.making(self.path, self.release, stores=stores, lock=not dry_run) as registry:
            new = not os.path.lexists(self.path)
            session = Session(registry, self._release)
            self._prepare(session, now)
            self.before = registry.bindings
            self.plan = plan_import(registry, self.sources, self.if_exists)
            self._note_unknown()
            self._note_refused()
            nothing = not (self.plan.added or self.plan.settings)
            self.empty = new and nothing and not any(map(_of_a_server, self.sources))
            good = not (self.bad or self.conflicts or self.empty)
            writes = good or (partial and not self.empty)
            plan = self.plan
            self.would_write = writes and bool(
                new or plan.added or plan.changed or plan.settings or self._lacks(session)
            )
            if writes and not dry_run:
                apply_import(registry, self.plan)
                self._store(session)
                self.written = registry.save() or bool(self.certificates)
        return good

    def _lacks(self, session: Session) -> bool:
        """Whether a store lacks a certificate that goes into one."""
        if session.stores is None:
            return False
        from sslbind.digest import thumbprint

        bound = {one.certhash for one in (*self.before.values(), *self.plan.added)}
        wanted = [
            thumbprint(der) for one in self.sources for _, der in one.imported.certificates or ()
        ]
        wanted += [
            one.leaf.thumbprint
            for one in self._identities or ()
            if one.leaf.is_ca or one.leaf.thumbprint in bound
        ]
        return not all(map(session.stores.search, wanted))

    def _prepare(self, session: Session, now: datetime) -> None:
        """Choose certificates for the records that come without one; collect the notes."""
        self.sources = [
            one._replace(imported=with_certificates(one.imported, session.stores, now))
            for one in self.sources
        ]
        for source in self.sources:
            imported = source.imported
            if imported.release and imported.release != session.release:
                self.notes.append(
                    f"{source.file} is from {imported.release.title}, but"
                    f" {session.release.title} is modelled"
                )
            self.notes += (f"{source.file}: {note}" for note in imported.notes)
            if imported.certificates and session.stores is None:
                self.notes.append(
                    f"{source.file}: its certificates are left out, because {self.path} has no"
                    ' [CertStores]: add it, with path = "certs" and privatekeys = "elsewhere", and'
                    " import again"
                )

    def _note_unknown(self) -> None:
        """Note which tags of the added records are unknown, and so at their defaults."""
        keys = {one.key for one in self.plan.added}
        for source in self.sources:
            carried = source.imported.carried
            if carried is not None and any(one.key in keys for one, _ in source.imported.records):
                self.notes.append(
                    f"{source.file} only records {join(sorted(carried))}: the other tags of the"
                    " added records are at their defaults"
                )

    def _note_refused(self) -> None:
        """Note the added records that netsh itself would refuse."""
        for one in self.plan.added:
            if one.key.kind is HOSTNAMEPORT and STORE.name not in one.values.keys() | one.unknown:
                self.notes.append(
                    f"{one.key.spec} has no {STORE.name}: netsh refuses such a record with error 87"
                )

    def _store(self, session: Session) -> None:
        """Store the certificates of the documents; note what is wrong with those that are bound."""
        bound = {one.certhash for one in self.plan.added}
        for source in self.sources:
            for store, der in source.imported.certificates or ():
                from sslbind.certificates.parsing import identities, read_bundle

                if session.stores is not None:
                    identity = identities(read_bundle(der))[0]
                    entry, changed = session.stores.add(identity, store)
                    self.certificates += [entry] if changed else []
                    if changed and entry.thumbprint in bound:
                        self.notes += doubts(identity.leaf)
        if self._identities is not None:
            self._store_bound(session, session.stores, self._identities)

    def _store_bound(
        self, session: Session, stores: CertStores | None, identities: Sequence[Identity]
    ) -> None:
        """Put certificates into the stores of the records that use them, with their issuers.

        Keys are not stored if the registry's keys are elsewhere.
        """
        if stores is None:
            raise SslbindError(
                "has no [CertStores], so that certificates have no place",
                'add [CertStores] with path = "certs" and privatekeys = "elsewhere" to it',
                file=self.path,
            )
        used: dict[str, set[str]] = {}
        for binding in session.registry.bindings.values():
            if binding.certhash and binding.store:
                used.setdefault(binding.certhash, set()).add(binding.store)
        for one in identities:
            leaf, key = one.leaf, None if stores.keys_elsewhere else one.key
            issuers = {"Root" if leaf.self_issued else "CA"} if leaf.is_ca else set()
            for store in sorted(used.pop(leaf.thumbprint, issuers)):
                entry, changed = stores.add(type(one)(leaf, one.chain, key), store)
                self.certificates += [entry] if changed else []
        lacking = [thumbprint for thumbprint in used if not stores.search(thumbprint)]
        if lacking:
            what = plural(len(lacking), "certificate")
            self.notes.append(f"{what} that records name did not come along: {some(lacking, 3)}")

    def errors(self) -> Iterator[SslbindError]:
        """Yield an error, with file and line, for each record or setting that was not imported."""
        for source in self.sources:
            for bad in source.imported.bad:
                yield SslbindError(bad.message, *bad.hints, file=source.file, line=bad.line)
        for one in self.plan.conflicts:
            name = one.wanted.key.spec
            yield _conflict(name, one.file, one.line, within=one.within)
        for setting in self.plan.setting_conflicts:
            yield _conflict(setting.name, setting.file, None, within=setting.within)
        if self.empty and not self.bad and not self.conflicts:
            for source in self.sources:
                yield SslbindError("has no record: no registry was made", file=source.file)


def _of_a_server(source: Source) -> bool:
    """Whether a document has every record of a server, so that no records means no bindings."""
    return source.format.whole_server and not source.imported.bad


def _conflict(name: str, file: str, line: int | None, *, within: bool) -> SslbindError:
    if within:
        return SslbindError(
            f"{name} appears twice, with different values",
            "one file holds one server: import each into its own registry with --each",
            file=file,
            line=line,
        )
    return SslbindError(
        f"{name} exists with other values",
        "--if-exists keep, update or reset decides what happens to it",
        file=file,
        line=line,
    )
