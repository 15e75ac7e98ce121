"""What an answer means for a client: which certificate, from which file, accepted or not.

The resolver picks the record; here its certificate is opened and judged for a time and a
name. The facts of an unchanged certificate are cached, because opening one costs more than
everything else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind import cache
from sslbind.answers import doubts
from sslbind.certificates.chains import Chain
from sslbind.certificates.facts import from_row, to_row
from sslbind.certificates.judgement import Problem, judge, lasts_until, path
from sslbind.certificates.pem import MAX_SIZE
from sslbind.digest import content_digest
from sslbind.errors import SslbindError
from sslbind.files import read_file, stamp_of
from sslbind.keys import parse_address
from sslbind.resolver import Answer, State, server_name
from sslbind.tls_versions import versions_left

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.central import CentralStore
    from sslbind.certificates.identity import Identity
    from sslbind.certificates.stores import CertStores
    from sslbind.release import Release
    from sslbind.session import Session

_RACY = 20_000_000  # ns: file times are coarse, and a second change within one step is invisible
_HARMLESS = "chain-incomplete"  # clients that have the issuer do not care
NO_TLS = Problem("no-tls-version-left", "the record leaves no TLS version")
"""The version is negotiated before a certificate is sent: no client ever sees one."""


class Report(NamedTuple):
    """An answer with its certificate, and whether a client accepts that.

    ``file`` has the certificate, relative to the folder of the registry;
    ``chain`` is the certificate and what signed it, None if it was not
    opened; ``until`` is the last moment at which it and its chain are valid.
    ``broken`` says why a record that was picked serves nothing. ``host`` is the name
    or address that the client checks, None if it checks none. ``doubt`` says why the answer
    is unknown, and ``unread`` whether a record that could not be read is the reason; the
    certificate is then that of the record that answers otherwise.
    """

    answer: Answer
    host: str | None = None
    thumbprint: str | None = None
    file: str | None = None
    chain: Chain | None = None
    until: datetime | None = None
    problems: tuple[Problem, ...] = ()
    broken: SslbindError | None = None
    doubt: str = ""
    unread: bool = False

    @property
    def served(self) -> bool:
        """Whether a handshake gets as far as the certificate."""
        return self.answer.outcome == "certificate" and NO_TLS not in self.problems

    @property
    def verified(self) -> bool | None:
        """True if everything that the answer depends on was looked up and opened, else None."""
        return True if self.chain is not None and not self.doubt else None

    @property
    def accepts(self) -> bool | None:
        """Whether a client that trusts the issuer accepts it; None if that is not known."""
        if any(problem.id != _HARMLESS for problem in self.problems):
            return False
        return None if self.chain is None else True


def state(session: Session) -> State:
    """Return what ``resolve`` works on; unchanged files are not opened again."""
    central = session.central
    return session.state._replace(central=central and _Central(session, central))


def report(session: Session, answer: Answer, host: str | None, now: datetime) -> Report:
    """Return what ``answer`` means for a client that checks ``host`` at ``now``.

    ``host`` is a name or an address in any form, None if none is checked.
    The certificate is opened: a private key that is missing, cannot be read or does not
    match makes the answer ``broken``.
    """
    if answer.otherwise is not None:
        certain = answer._replace(outcome=answer.otherwise, undecided=(), otherwise=None)
        found = report(session, certain, host, now)
        return found._replace(
            answer=answer._replace(otherwise=found.answer.outcome),
            doubt=doubts.reasons(session, answer),
            unread=bool(doubts.unread(session, answer)),
        )
    found = Report(answer, host)
    record = answer.binding
    if record is None or answer.outcome == "dropped":
        return found
    refused = () if versions_left(record, session.release) else (NO_TLS,)
    unknown = "certhash" in record.unknown
    if record.key.kind.certificate and (unknown or session.stores is None):
        return found._replace(thumbprint=record.certhash, problems=refused)
    try:
        file, chain = _open(session, answer, record)
    except SslbindError as error:
        broken = _as_written(session, error)
        return found._replace(answer=answer._replace(outcome="broken"), broken=broken)
    leaf, names = chain.leaf, () if host is None else (host,)
    return found._replace(
        thumbprint=leaf.thumbprint,
        file=file,
        chain=chain,
        until=lasts_until(path(leaf, chain.above, now)),
        problems=(*refused, *judge(leaf, chain.above, now, names)),
    )


def host_checked(text: str | None) -> str | None:
    """Return the name or address that a client asking for ``text`` checks, None for none.

    A name is canonical if possible; an address has no brackets.
    """
    name = server_name(text)
    if not text or name:
        return name
    if name is None:
        return parse_address(text.removesuffix(".").removeprefix("[").removesuffix("]"))
    return text


def _as_written(session: Session, error: SslbindError) -> SslbindError:
    """Return ``error`` with file names relative to the folder of the registry."""
    folder = session.registry.resolve_path("")
    file = None if error.file is None else os.fspath(error.file).removeprefix(folder)
    hints = (hint.replace(folder, "") for hint in error.hints)
    return SslbindError(error.message, *hints, file=file, line=error.line)


def _open(session: Session, answer: Answer, record: Binding) -> tuple[str, Chain]:
    """Return the file of the certificate that a record serves, and its chain.

    Raises SslbindError, with the reason, if it cannot be served.
    """
    settings, stores = session.registry.settings, session.stores
    if record.certhash is not None and stores is not None and settings.cert_stores is not None:
        file, chain = stored_chain(stores, record.certhash, record.store)
        return f"{settings.cert_stores.path.rstrip('/')}/{file}", chain
    if session.central is None or answer.step is None or settings.central_store is None:
        raise AssertionError(f"{record.key} has neither a store nor a file")
    file, chain = central_chain(session, session.central, answer.step.stem)
    return f"{(settings.central_store.location or '').rstrip('/')}/{file}", chain


def stored_chain(stores: CertStores, thumbprint: str, store: str | None) -> tuple[str, Chain]:
    """Return the file of a certificate below the stores' folder, and its chain.

    Raises SslbindError if it is not there, is without its private key, or
    cannot be read.
    """
    entry = stores.require(thumbprint, store)
    files = dict.fromkeys((entry.file, entry.key_file or entry.file))
    paths = [os.path.join(stores.folder, file) for file in files]

    def load() -> Identity:
        identity = stores.load(entry)
        key = identity.key
        if key is not None and key.spki != identity.leaf.spki and not stores.keys_elsewhere:
            raise SslbindError(
                "the private key belongs to another certificate",
                "add the certificate again with its own key",
                file=paths[-1],
            )
        return identity

    return entry.file, _remembered(thumbprint, paths, load, stores)


def central_chain(session: Session, central: CentralStore, stem: str) -> tuple[str, Chain]:
    """Return the file of the central store for ``stem``, and the chain of its certificate.

    Raises SslbindError if it does not open or is without its private key.
    """
    file = central.file(stem) or ""
    settings = session.registry.settings.central_store
    paths = [os.path.join(central.folder, file)]
    refuse_too_new(paths[0], session.release)
    if settings is not None and settings.password_file:
        paths.append(session.registry.resolve_path(settings.password_file))

    def load() -> Identity:
        identity = central.load(stem)
        if identity.key is None:
            raise SslbindError(
                "the file has no private key",
                "export the certificate again together with its private key",
                file=paths[0],
            )
        return identity

    return file, _remembered("", paths, load, session.stores)


def refuse_too_new(path: str, release: Release) -> None:
    """Raise SslbindError for a PFX file whose encryption ``release`` cannot open."""
    from sslbind.certificates.sealed import sealed_of, too_new

    try:
        sealed = sealed_of(read_file(path, MAX_SIZE, regular=True))
    except SslbindError:  # opening it reports that
        return
    if sealed is not None and (why := too_new(sealed, release)):
        raise SslbindError(
            why, "sslbind explain pfx-too-new says how to encrypt it again", file=path
        )


class _Central:
    """The central store of a session, whose files are opened only if they changed."""

    def __init__(self, session: Session, central: CentralStore) -> None:
        self._session = session
        self._central = central

    def __contains__(self, stem: object) -> bool:
        return stem in self._central

    def opens(self, stem: str) -> bool:
        """Whether that file opens and has a certificate with its private key."""
        try:
            central_chain(self._session, self._central, stem)
        except SslbindError:
            return False
        return True


# What is cached: the chain of one certificate, as long as none of its files changes.


def _remembered(
    thumbprint: str,
    paths: Sequence[str],
    load: Callable[[], Identity],
    stores: CertStores | None,
) -> Chain:
    """Return the chain of the certificate in ``paths``; ``load`` it if a file changed.

    ``stores`` may complete it, and are searched again when a store gets another file, which
    does not show in subfolders of a store. An incomplete chain is not cached: an issuer may
    be added at any time.
    """
    import json

    from sslbind.certificates.verify import signed_chain

    folder = "" if stores is None else stores.folder
    keys = "elsewhere" if stores is not None and stores.keys_elsewhere else "here"
    words = "\0".join((keys, thumbprint, *map(os.path.realpath, (folder, *paths))))
    key = content_digest(words.encode("utf-8", "surrogateescape"))
    slot = f"facts-{key[:3]}"  # a fixed number of slots, so nothing to clean up
    try:
        known, stamps, rows = json.loads(cache.recall(slot) or b"[0, 0, 0]")
        if known == key and stamps and stamps == _stamps([path for path, _ in stamps]):
            return _from_rows(rows)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        pass
    identity = load()
    others = () if stores is None else stores.issuers(identity)
    found = signed_chain(identity, others)
    whole = stores is None or found.above(found.leaf)
    if whole and (stamps := _stamps([*paths, *_behind(stores, found)])):
        cache.remember(slot, json.dumps([key, stamps, _to_rows(found)]).encode())
    return found


def _behind(stores: CertStores | None, chain: Chain) -> Sequence[str]:
    """Return the files of the stores that hold a part of ``chain``, and where one may come."""
    if stores is None:
        return ()
    signers = {one for above in chain.signers.values() for one in above} - {chain.leaf}
    files = {
        file: None
        for one in signers
        for stored, file in stores.named(one.subject)
        if stored.sha256 == one.sha256
    }
    return [*stores.folders(), *(os.path.join(stores.folder, file) for file in files)]


def _stamps(paths: Sequence[str]) -> list[list[Any]]:
    """Return each path with what changes whenever its file does; empty if changes may not show."""
    try:
        stamps = [stamp_of(path) for path in paths]
    except (OSError, ValueError):
        return []
    newest = max(max(modified, changed) for _, modified, changed, _ in stamps)
    if abs(time.time_ns() - newest) < _RACY:
        return []
    return [[path, stamp] for path, stamp in zip(paths, stamps, strict=True)]


def _to_rows(chain: Chain) -> list[Any]:
    """Return each certificate as a row with the positions of its signers, the leaf first."""
    held = {chain.leaf.sha256: chain.leaf}
    for above in chain.signers.values():
        held.update((one.sha256, one) for one in above)
    places = {sha256: place for place, sha256 in enumerate(held)}
    return [
        [to_row(one), [places[signer.sha256] for signer in chain.above(one)]]
        for one in held.values()
    ]


def _from_rows(rows: list[Any]) -> Chain:
    held = [from_row(row) for row, _ in rows]
    signers = {
        one.sha256: tuple(held[place] for place in places)
        for one, (_, places) in zip(held, rows, strict=True)
    }
    return Chain(held[0], signers)
