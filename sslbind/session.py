"""What the commands do to a registry: add, update, delete, rebind.

Each works in memory and returns a ``Change``; the owner of the registry saves it. What
netsh would refuse raises a NetshError with its Windows error code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind.binding import DEFAULT_STORE, Binding
from sslbind.errors import (
    BadValueError,
    CertificateError,
    ExistsError,
    NoCertificateError,
    NotFoundError,
    RegistryError,
    SslbindError,
)
from sslbind.keys import IPPORT, Key
from sslbind.owners import owner_name
from sslbind.registry.bindings import Bindings
from sslbind.registry.registry import Registry
from sslbind.release import Release
from sslbind.tags import PROPERTIES, Value

if TYPE_CHECKING:
    from sslbind.certificates.central import CentralStore
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.identity import Identity
    from sslbind.certificates.shares import Progress
    from sslbind.certificates.stores import CertStores
    from sslbind.resolver import State

NOT_MODELLED = (
    "the registry has no [CertStores]: certificates are not modelled, so hashes are not checked"
)

ADD_BOTH = "sslbind store add CERTIFICATE KEY takes both files; then name the thumbprint"
"""How to add a certificate and its key if they are in two files."""

NO_STORE_NAME = (
    "certstorename is not set: HTTP.SYS searches MY, and IIS Manager fails on such a record"
    " (error 234)"
)


class Change(NamedTuple):
    """What one command did to one binding: the state before and after, None where absent."""

    key: Key
    before: Binding | None
    after: Binding | None
    notes: tuple[str, ...] = ()
    stored: bool = False
    """Whether a certificate was also put into a store."""
    kept: tuple[str, ...] = ()
    """The tags that an update did not name and kept."""

    @property
    def action(self) -> str:
        """``added``, ``updated``, ``deleted`` or ``unchanged``."""
        if self.before == self.after:
            return "unchanged"
        if self.before is None:
            return "added"
        return "deleted" if self.after is None else "updated"


class Session:
    """A registry, the release that is modelled, and its certificate stores, if any."""

    def __init__(self, registry: Bindings, release: Release | None = None) -> None:
        self.registry = registry
        self.release = release or registry.settings.release
        self.progress: Progress | None = None
        """Called with the number of files read so far; set it before the stores are used."""
        self._stores: CertStores | None = None
        self._central: CentralStore | None = None
        self._waiting: list[tuple[Identity, str]] | None = None
        self._built: dict[tuple[object, ...], Binding] = {}

    @property
    def not_modelled(self) -> str:
        """A sentence for sessions without certificate stores."""
        if isinstance(self.registry, Registry):
            return NOT_MODELLED
        return f"{self.registry.path} has no certificates: their dates and names are not known"

    @property
    def editable(self) -> Registry:
        """The registry, to be changed; raise RegistryError for any other document."""
        if isinstance(self.registry, Registry):
            return self.registry
        raise RegistryError(
            "is not a registry, and can only be read",
            "sslbind import creates a registry from it",
            file=self.registry.path,
        )

    @property
    def stores(self) -> CertStores | None:
        """The certificate stores, None if they are not modelled; a capture has its server's."""
        settings = self.registry.settings.cert_stores
        held = self.registry.provenance.certificates
        if held is not None and self._stores is None:
            from sslbind.certificates.held import HeldStores

            self._stores = HeldStores(self.registry.path, held)
        elif settings is not None and self._stores is None:
            from sslbind.certificates.stores import CertStores

            password_file = settings.password_file
            self._stores = CertStores(
                self.registry.stores_folder,
                keys_elsewhere=settings.keys_elsewhere,
                password_file=password_file and self.registry.resolve_path(password_file),
                progress=self.progress,
            )
        return self._stores

    def entry(self, binding: Binding) -> Entry | None:
        """Return the certificate of ``binding`` in its store, None if that is not known."""
        if self.stores is None or not binding.certhash or not binding.store:
            return None
        return self.stores.find(binding.certhash, binding.store)

    def called(self, thumbprint: str) -> str:
        """Return the first name of a stored certificate, or its subject; empty if not known."""
        found = self.stores.with_thumbprint(thumbprint) if self.stores else ()
        return next((one.called for one in found), "")

    @property
    def central(self) -> CentralStore | None:
        """The central store, None if the provider is not enabled or has no location."""
        settings = self.registry.settings.central_store
        return self.central_store if settings is not None and settings.enabled else None

    @property
    def central_store(self) -> CentralStore | None:
        """The central store, enabled or not; None if it has no location."""
        settings = self.registry.settings.central_store
        if settings is not None and settings.location and self._central is None:
            from sslbind.certificates.central import CentralStore

            password_file = settings.password_file
            self._central = CentralStore(
                self.registry.resolve_path(settings.location),
                password_file=password_file and self.registry.resolve_path(password_file),
                progress=self.progress,
            )
        return self._central

    @property
    def state(self) -> State:
        """What ``resolve`` works on: the bindings with their stores."""
        from sslbind.resolver import State

        registry = self.registry
        return State(self.release, registry, registry.iplisten, self.central, self.stores, self)

    def may_have(self, key: Key) -> bool:
        """Whether the server may have a record of ``key`` although none was read."""
        return self.registry.provenance.may_have(key)

    @property
    def release_words(self) -> str:
        """The release in words, and whether it is a guess from the layout of a capture."""
        guess = self.registry.provenance.inferred and self.release is self.registry.settings.release
        return self.release.title + (" (inferred from the lines)" if guess else "")

    def files_unknown(self) -> bool:
        """Whether the files of the central store are unknown, or whether it is enabled."""
        if self.central is None:
            return "central" in self.registry.provenance.unknown
        return bool(self.central.unreadable)

    def add(  # noqa: PLR0913  # a binding, and one parameter for each option of the line
        self,
        key: Key,
        values: Mapping[str, Value],
        *,
        if_exists: str = "fail",
        verify: bool = True,
        certificate: Identity | None = None,
        force: bool = False,
        other: Mapping[str, Any] | None = None,
    ) -> Change:
        """Add a binding with the tags that are named in ``values``.

        ``if_exists``: ``fail`` raises ExistsError; ``keep`` too, unless the
        record already is what is asked for; ``update`` changes the named tags;
        ``reset`` puts the others back to their defaults. Both raise ExistsError
        where that takes the record from its owner, or a name its certificate, unless
        ``force``. ``certificate`` is one that ``store`` will put into the store afterwards,
        ``other`` what the record has without a tag.
        """
        before = self.registry.get(key)
        base = before if if_exists == "update" else None
        after = self._build(key, values, base, before)
        if other is not None:
            after = Binding(key, after.values, {**(base.other if base else {}), **other})
        if before is not None and if_exists == "fail":
            raise self._exists(before, after, certificate)
        notes = self._verify(after, verify=verify, certificate=certificate)
        if before is not None and if_exists == "keep" and after != before:
            raise self._exists(before, after, certificate, "it is not what was asked for")
        if before is not None and not force:
            self._confirm_taking(before, after, certificate)
        if before is None:
            notes += (*self._no_default(key), *self._hidden(after))
        return self._put(key, before, after, notes)

    def expect(
        self,
        key: Key,
        values: Mapping[str, Value],
        *,
        update: bool,
        if_exists: str,
    ) -> None:
        """Raise what ``add`` or ``update`` would raise whichever certificate is bound."""
        before = self.registry.get(key)
        if before is None and update:
            raise self._absent(key)
        base = before if update or if_exists == "update" else None
        any_certificate = {"certhash": "0" * 40, "certstorename": DEFAULT_STORE}
        self._build(key, any_certificate | dict(values), base, before)
        if before is not None and not update and if_exists == "fail":
            raise self._exists(before, before, None)

    def update(
        self,
        key: Key,
        values: Mapping[str, Value],
        *,
        verify: bool = True,
        certificate: Identity | None = None,
        whole: bool = False,
    ) -> Change:
        """Change the named tags of a binding and keep the others; raise NotFoundError.

        ``whole``: put the others back to their defaults, as netsh is reported to do.
        Properties, which ``update sslpropertyex`` sets, are kept then too.
        """
        from sslbind.validation import build

        before = self.registry.get(key)
        if before is None:
            raise self._absent(key)
        if whole:
            after = build(key, values, None, None, self.release)
            after = after.replace({name: before.values[name] for name in _properties(before)})
        else:
            after = build(key, values, before, before, self.release)
        kept = set() if whole else before.values.keys() - _properties(before) - values.keys()
        same = (after.certhash, after.store) == (before.certhash, before.store)
        notes: tuple[str, ...] = ()
        if not same or certificate is not None:  # else there is nothing to look up that is new
            notes = self._verify(after, verify=verify, certificate=certificate)
        return self._put(key, before, after, notes)._replace(kept=tuple(sorted(kept)))

    def store(self, certificate: Identity, change: Change) -> Change:
        """Put the certificate of a completed change into the store of its binding."""
        if self.stores is None or change.after is None:
            return change
        store = change.after.store or DEFAULT_STORE
        if self._waiting is None:
            _, stored = self.stores.add(certificate, store)
        else:
            stored = not self._has(certificate.leaf.thumbprint, store)
            self._waiting.append((certificate, store))
        notes = change.notes
        if stored:
            notes += (f"stored {certificate.leaf.thumbprint} in {store}",)
        return change._replace(notes=notes, stored=stored)

    def hold(self) -> None:
        """From now on hold certificates until ``release_held`` puts them into a store."""
        self._waiting = []

    def release_held(self) -> None:
        """Put the held certificates into their stores."""
        waiting, self._waiting = self._waiting or [], None
        for certificate, store in waiting:
            if self.stores is not None:
                self.stores.add(certificate, store)

    def _has(self, thumbprint: str, store: str) -> bool:
        """Whether a store has the certificate with its key, or will have it."""
        held = any(
            one.key and one.leaf.thumbprint == thumbprint and name.casefold() == store.casefold()
            for one, name in self._waiting or ()
        )
        entries = self.stores.search(thumbprint) if self.stores and not held else ()
        return held or any(e.has_key and e.store.casefold() == store.casefold() for e in entries)

    def delete(self, key: Key, *, missing_ok: bool = False) -> Change:
        """Delete a binding; raise NotFoundError unless ``missing_ok``."""
        before = self.registry.get(key)
        if before is None and not missing_ok:
            raise self._absent(key)
        self.editable.delete(key)
        return Change(key, before, None)

    def set_properties(self, key: Key, values: Mapping[str, Value]) -> Change:
        """Set values of ``update sslpropertyex``; raise NotFoundError."""
        return self.update(key, values)._replace(kept=())

    def _build(
        self,
        key: Key,
        values: Mapping[str, Value],
        base: Binding | None,
        before: Binding | None,
    ) -> Binding:
        """Return what ``validation.build`` does, once for new records that differ in their keys."""
        alike = key.kind, key.wildcard, repr(values)
        if before is None and alike in self._built:
            return self._built[alike].at(key)
        from sslbind.validation import build

        after = build(key, values, base, before, self.release)
        if before is None:
            self._built[alike] = after
        return after

    def _put(
        self, key: Key, before: Binding | None, after: Binding, notes: tuple[str, ...]
    ) -> Change:
        if after != before:
            self.editable.put(after)
        return Change(key, before, after, notes)

    def _verify(
        self, binding: Binding, *, verify: bool, certificate: Identity | None
    ) -> tuple[str, ...]:
        """Look up the certificate in its store; return the notes on the record."""
        notes: tuple[str, ...] = ()
        if binding.certhash is None:
            return notes
        if binding.key.kind is IPPORT and "certstorename" not in binding.values:
            notes += (NO_STORE_NAME,)
        stores = self.stores
        if stores is None:
            if certificate is not None:
                raise SslbindError(
                    "there is no certificate store for the certificate",
                    'add [CertStores] with path = "certs" to the registry',
                    file=self.registry.path,
                )
            return (*notes, NOT_MODELLED)
        _check_store_name(binding.store or DEFAULT_STORE)
        if certificate is not None and (certificate.key or stores.keys_elsewhere):
            return notes
        if not verify:
            return (*notes, "the certificate was not looked up in its store (--no-verify)")
        if self._waiting and self._has(binding.certhash, binding.store or DEFAULT_STORE):
            return notes
        if certificate is None:
            stores.require(binding.certhash, binding.store)
        elif not self._has(binding.certhash, binding.store or DEFAULT_STORE):
            raise NoCertificateError(
                f"the file holds {binding.certhash} without its private key", ADD_BOTH
            )
        return notes

    def _no_default(self, key: Key) -> tuple[str, ...]:
        """Return the note on a port that only has names after an add."""
        if key.kind is IPPORT:
            return ()
        wildcards = ("0.0.0.0", "::")  # noqa: S104
        if any(self.registry.get(Key(IPPORT, address, key.port)) for address in wildcards):
            return ()
        note = (
            f"port {key.port} has no default binding: clients that send no server name get"
            f" no certificate; ipport=0.0.0.0:{key.port} would be one"
        )
        return (note,)

    def _hidden(self, added: Binding) -> tuple[str, ...]:
        """Return the note about the names that a new record of an address hides."""
        if added.key.kind is not IPPORT or added.key.wildcard:
            return ()
        from sslbind import consequences

        records = self.registry.bindings.values()
        note = consequences.hidden(added, records, self.registry.iplisten, self.release)
        return (note,) if note else ()

    def _confirm_taking(
        self, before: Binding, after: Binding, certificate: Identity | None
    ) -> None:
        """Raise ExistsError if a change takes a record or a certificate from somebody."""
        from sslbind import consequences

        old, new = self._names(before), self._names(after, certificate)
        why = consequences.taken(before, after, old, new)
        if why:
            error = self._exists(before, after, certificate, why)
            raise ExistsError(error.message, *error.hints[1:], "--force changes it anyway")

    def _names(self, binding: Binding, certificate: Identity | None = None) -> Sequence[str] | None:
        """Return the names of the certificate of a record, None if they are not known."""
        if certificate is not None:
            return certificate.leaf.names
        found = self.stores.search(binding.certhash or "") if self.stores else ()
        return next((one.names for one in found if one.certificate is not None), None)

    def _exists(
        self, before: Binding, after: Binding, certificate: Identity | None, why: str = ""
    ) -> ExistsError:
        from sslbind import consequences

        owner = owner_name(before.appid) or "an unknown application"
        what = (
            f"with certificate {before.certhash}"
            if before.certhash
            else "served by the central store"
        )
        from sslbind.shells import word

        key = before.key.spec
        old, new = self._names(before), self._names(after, certificate)
        sni = consequences.beside(before, after, old, new, self.release)
        return ExistsError(
            f"{key} exists {what}, owned by {owner} {before.appid}" + (f"; {why}" if why else ""),
            f"sslbind update sslcert {word(key) or 'KEY'} TAG=VALUE changes it; --if-exists update"
            " adds or changes it",
            *([sni] if sni else []),
        )

    def _absent(self, key: Key) -> NotFoundError:
        return NotFoundError(f"there is no binding {key.spec}", "sslbind list shows the bindings")


def _properties(binding: Binding) -> set[str]:
    """Return the names of the properties that are set for a record."""
    return {one.tag.name for one in PROPERTIES} & binding.values.keys()


@lru_cache(maxsize=64)  # each line of a script has one
def _check_store_name(name: str) -> None:
    from sslbind.certificates.stores import store_name

    try:
        store_name(name)
    except CertificateError as error:
        raise BadValueError(f"certstorename={name}: {error.message}", *error.hints) from None
