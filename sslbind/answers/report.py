"""What an answer means for a client: which certificate, from which file, and is it accepted.

The resolver says which record is picked; here its certificate is opened and held
against the moment and the name. What a client looks at in a certificate that did
not change is remembered, because opening one costs more than all the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sslbind import cache
from sslbind.answers.reasons import unseen
from sslbind.certificates.verify import Problem, lasting_problems, passing_problems
from sslbind.digest import content_digest
from sslbind.errors import SslbindError
from sslbind.files import stamp_of
from sslbind.keys import parse_address
from sslbind.resolver import Answer, State, server_name
from sslbind.tls_versions import versions_left

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.central import CentralStore
    from sslbind.certificates.identity import Certificate, Identity
    from sslbind.certificates.stores import CertStores
    from sslbind.session import Session

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RACY = 20_000_000  # ns: file times move in steps, and a second change in one step does not show
_HARMLESS = "chain-incomplete"  # clients that know the issuer do not mind
NO_TLS = Problem("no-tls-version-left", "no TLS version is left by the record")
"""The version is settled before a certificate is shown: no client ever sees one."""


class Seen(NamedTuple):
    """What a client holds against the moment and the name, of one certificate."""

    subject: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]


class Facts(NamedTuple):
    """What a client looks at in a certificate: itself, those above it, and what is wrong for good.

    ``lasting`` are the problems that neither time nor the name changes.
    """

    thumbprint: str
    leaf: Seen
    chain: tuple[Seen, ...]
    lasting: tuple[Problem, ...]


class Report(NamedTuple):
    """An answer with the certificate behind it, and what a client says of that.

    ``file`` has the certificate, relative to the folder of the registry;
    ``facts`` are None where it was not opened. ``broken`` says why a record that
    was picked serves nothing, ``unseen`` why the files of the central store are
    not known, where a record was passed over for that. ``host`` is the name or
    address that the client checks, None where it checks none.
    """

    answer: Answer
    host: str | None = None
    thumbprint: str | None = None
    file: str | None = None
    facts: Facts | None = None
    problems: tuple[Problem, ...] = ()
    broken: SslbindError | None = None
    unseen: str = ""

    @property
    def served(self) -> bool:
        """Whether a handshake gets as far as the certificate."""
        return self.answer.outcome == "certificate" and NO_TLS not in self.problems

    @property
    def verified(self) -> bool | None:
        """True where all that the answer hangs on was looked up and opened, else None."""
        return True if self.facts is not None and not self.unseen else None

    @property
    def accepts(self) -> bool | None:
        """Whether a client that trusts the issuer accepts it; None where that is not known."""
        if any(problem.id != _HARMLESS for problem in self.problems):
            return False
        return None if self.facts is None else True


def state(session: Session) -> State:
    """Return what ``resolve`` works on, where files that did not change are not opened again."""
    central = session.central
    return session.state._replace(central=central and _Central(session, central))


def report(session: Session, answer: Answer, host: str | None, now: datetime) -> Report:
    """Return what ``answer`` means for a client that checks ``host`` at ``now``.

    ``host`` is a name or an address in any form, None where none is checked.
    The certificate is opened: a private key that cannot be read, or is another's,
    makes the answer ``broken``, as one that is not there does.
    """
    found = Report(answer, host, unseen=_unseen(session, answer))
    record = answer.binding
    if record is None or answer.outcome == "dropped":
        return found
    refused = () if versions_left(record, session.release) else (NO_TLS,)
    if record.certhash is not None and session.stores is None:
        return found._replace(thumbprint=record.certhash, problems=refused)
    try:
        file, facts = _open(session, answer, record)
    except SslbindError as error:
        broken = _as_written(session, error)
        return found._replace(answer=answer._replace(outcome="broken"), broken=broken)
    names = () if host is None else (host,)
    passing = passing_problems(facts.leaf, facts.chain, now, names)
    problems = (*refused, *passing, *facts.lasting)
    return found._replace(thumbprint=facts.thumbprint, file=file, facts=facts, problems=problems)


def host_checked(text: str | None) -> str | None:
    """Return the name or address that a client checks which asks for ``text``, None for none.

    A name is canonical, as far as it can be; an address is without brackets.
    """
    name = server_name(text)
    if not text or name:
        return name
    if name is None:
        return parse_address(text.removesuffix(".").removeprefix("[").removesuffix("]"))
    return text


def _unseen(session: Session, answer: Answer) -> str:
    """Return why the files that the answer hangs on are not known, or nothing."""
    settings = session.registry.settings.central_store
    if session.central is None or settings is None:
        return ""
    if not any(unseen(session, step) for step in answer.steps):
        return ""
    return (
        f"{settings.location}: the folder of the central store cannot be read:"
        f" {session.central.unreadable}; its files are not known"
    )


def _as_written(session: Session, error: SslbindError) -> SslbindError:
    """Return ``error`` with its file as the registry names it, from its own folder."""
    if error.file is None:
        return error
    file = os.fspath(error.file).removeprefix(session.registry.resolve_path(""))
    return SslbindError(error.message, *error.hints, file=file, line=error.line)


def _open(session: Session, answer: Answer, record: Binding) -> tuple[str, Facts]:
    """Return the file of the certificate that a record serves, and its facts.

    Raises SslbindError, which says why, where it cannot be served.
    """
    settings, stores = session.registry.settings, session.stores
    if record.certhash is not None and stores is not None and settings.cert_stores is not None:
        file, facts = stored_facts(stores, record.certhash, record.store)
        return f"{settings.cert_stores.path.rstrip('/')}/{file}", facts
    if session.central is None or answer.step is None or settings.central_store is None:
        raise AssertionError(f"{record.key} has neither a store nor a file")
    file, facts = central_facts(session, session.central, answer.step.stem)
    return f"{(settings.central_store.location or '').rstrip('/')}/{file}", facts


def stored_facts(stores: CertStores, thumbprint: str, store: str | None) -> tuple[str, Facts]:
    """Return the file of a certificate below the stores' folder, and its facts.

    Raises SslbindError where it is not there, is without its private key, or
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


def central_facts(session: Session, central: CentralStore, stem: str) -> tuple[str, Facts]:
    """Return the file of the central store for ``stem``, and the facts of its certificate.

    Raises SslbindError where it does not open or is without its private key.
    """
    file = central.file(stem) or ""
    settings = session.registry.settings.central_store
    paths = [os.path.join(central.folder, file)]
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


class _Central:
    """The central store of a session, whose files are opened only where they changed."""

    def __init__(self, session: Session, central: CentralStore) -> None:
        self._session = session
        self._central = central

    def __contains__(self, stem: object) -> bool:
        return stem in self._central

    def opens(self, stem: str) -> bool:
        """Whether that file opens and has a certificate with its private key."""
        try:
            central_facts(self._session, self._central, stem)
        except SslbindError:
            return False
        return True


def _facts_of(identity: Identity, others: Sequence[Certificate]) -> Facts:
    leaf, *chain = (
        Seen(one.subject, one.not_before, one.not_after, one.names)
        for one in (identity.leaf, *identity.chain)
    )
    lasting = lasting_problems(identity, others)
    return Facts(identity.leaf.thumbprint, leaf, tuple(chain), lasting)


# What is remembered: the facts of one certificate, as long as no file behind them changes.


def _remembered(
    thumbprint: str,
    paths: Sequence[str],
    load: Callable[[], Identity],
    stores: CertStores | None,
) -> Facts:
    """Return the facts of the certificate in ``paths``; ``load`` it where a file changed.

    ``stores`` may complete its chain. Where nothing does, the facts are not
    kept: an issuer may come at any time.
    """
    import json

    folder = "" if stores is None else stores.folder
    keys = "elsewhere" if stores is not None and stores.keys_elsewhere else "here"
    words = "\0".join((keys, thumbprint, *map(os.path.realpath, (folder, *paths))))
    key = content_digest(words.encode("utf-8", "surrogateescape"))
    slot = f"facts-{key[:3]}"  # a bounded number of slots: nothing to clean up
    try:
        known, stamps, facts = json.loads(cache.recall(slot) or b"[0, 0, 0]")
        if known == key and stamps and stamps == _stamps([path for path, _ in stamps]):
            return _facts_from(facts)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        pass
    identity = load()
    others = () if stores is None or identity.chain else stores.issuers(identity)
    found = _facts_of(identity, others)
    whole = stores is None or all(problem.id != _HARMLESS for problem in found.lasting)
    if whole and (stamps := _stamps([*paths, *_files_of(stores, others)])):
        cache.remember(slot, json.dumps([key, stamps, _facts_to(found)]).encode())
    return found


def _files_of(stores: CertStores | None, certificates: Sequence[Certificate]) -> Sequence[str]:
    """Return the files of the stores that hold ``certificates``."""
    if stores is None or not certificates:
        return ()
    wanted = {one.thumbprint for one in certificates}
    return [
        os.path.join(stores.folder, entry.file)
        for entry in stores.entries()
        if entry.thumbprint in wanted
    ]


def _stamps(paths: Sequence[str]) -> list[list[Any]]:
    """Return each path with what changes when its file does, nothing where that may not show."""
    try:
        stamps = [stamp_of(os.stat(path)) for path in paths]
    except (OSError, ValueError):
        return []
    newest = max(max(modified, changed) for _, modified, changed, _ in stamps)
    if abs(time.time_ns() - newest) < _RACY:
        return []
    return [[path, stamp] for path, stamp in zip(paths, stamps, strict=True)]


def _facts_to(facts: Facts) -> list[Any]:
    certificates = [
        [one.subject, _seconds(one.not_before), _seconds(one.not_after), one.names]
        for one in (facts.leaf, *facts.chain)
    ]
    problems = [[one.id, one.message, one.advice] for one in facts.lasting]
    return [facts.thumbprint, certificates, problems]


def _facts_from(rows: list[Any]) -> Facts:
    thumbprint, certificates, problems = rows
    leaf, *chain = (
        Seen(
            subject,
            _EPOCH + timedelta(seconds=start),
            _EPOCH + timedelta(seconds=end),
            tuple(names),
        )
        for subject, start, end, names in certificates
    )
    return Facts(thumbprint, leaf, tuple(chain), tuple(Problem(*one) for one in problems))


def _seconds(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds())
