"""Rules about the certificate stores: whether they have what a record needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sslbind.check.adfs import trusted_devices
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.subject import Subject
from sslbind.release import Release
from sslbind.tags import CTL_IDENTIFIER, CTL_STORE

if TYPE_CHECKING:
    from sslbind.certificates.central import CentralFile

_BROKEN = "HTTP.SYS logs event 15021 and the handshake fails (netsh's error 1312)"
CERTIFICATE, PRIVATE_KEY = "CERTIFICATE.pem", "KEY.key"
"""Placeholders in a command for the files of a record's certificate."""

_STORES = frozenset(
    ("my", "root", "ca", "authroot", "trustedpeople", "trustedpublisher", "disallowed")
)
"""The stores of every Windows, in lower case."""
_FILLED = frozenset(("root", "ca", "authroot"))
"""Those that Windows itself fills."""
_WEBHOSTING, _WEBHOSTING_SINCE = "webhosting", Release.W2012
"""The store that IIS 8 introduced."""


@rule("cert-not-found", "error")
def not_found(subject: Subject) -> Iterator[Found]:
    """The certificate of a record is not in any store.

    HTTP.SYS picks the record but has nothing to serve: event 15021, and
    every handshake fails; no other record is tried (inferred). netsh refuses to
    add such a record with error 1312. Put the certificate with its private key
    into the store that the record names, or bind another one.
    """
    if not subject.absent:
        return
    locked, known = _locked_file(subject), _known(subject)
    for record in subject.absent:
        if subject.entries.get(record.certhash or ""):
            continue
        store = record.store or ""
        exists = store.casefold() in known
        where = store if exists else "a store that exists"
        yield Found(
            record.key,
            f"the certificate {record.certhash} is not in any store; {_BROKEN}",
            f"put the certificate with its private key into {where}, or bind another one{locked}",
            with_key(subject, store) if exists else "",
        )


@rule("cert-wrong-store", "error")
def wrong_store(subject: Subject) -> Iterator[Found]:
    """The certificate of a record is not in the store that it names, but in another.

    HTTP.SYS only looks in the named store, by default MY: event 15021, and every handshake
    fails; netsh answers with error 1312. Set the store where the certificate is, or move
    it.
    """
    for record in subject.absent:
        found = subject.entries.get(record.certhash or "")
        if not found:
            continue
        usable = [one for one in found if subject.usable(one)]
        stores = " and ".join(dict.fromkeys(one.store for one in found))
        there = (usable or found)[0].store
        yield Found(
            record.key,
            f"the certificate {record.certhash} is not in the store {record.store}"
            f" but in {stores}{'' if usable else ', without its private key'}; {_BROKEN}",
            f"set the store where it is: certstorename={there}"
            + ("" if usable else ", and add its private key there"),
            subject.update(record.key, {"certstorename": there}) if usable else "",
        )


@rule("cert-no-private-key", "error")
def no_private_key(subject: Subject) -> Iterator[Found]:
    """The private key of a certificate that is served is missing or locked.

    Without the key HTTP.SYS cannot answer: event 15021, and every handshake
    fails; netsh answers with error 1312. Add the certificate again together
    with its key. If the keys stay on the servers, set privatekeys = "elsewhere" in
    [CertStores], and the rule ignores records. A file of the central store always needs its
    key; a locked one is reported if its password, or [CertStores], exists.
    """
    for one in subject.served:
        entry = one.entry
        if one.key is None or entry.key_status != "missing" or subject.usable(entry):
            continue
        why = f"is locked ({entry.key_file})" if entry.locked else "is missing"
        if entry.problem and not entry.locked:
            why += f" ({entry.problem})"
        yield Found(
            one.key,
            f"the certificate {entry.thumbprint} is in {entry.store}, but its private key {why};"
            f" {_BROKEN}",
            _password(subject)
            if entry.locked
            else 'add its key, or allow certificates without one: privatekeys = "elsewhere"'
            " in [CertStores]",
            "" if entry.locked else with_key(subject, entry.store),
        )
    asked = subject.stores is not None or _has_password(subject)
    for file in subject.central_files:
        if file.name is not None and not file.usable and (asked or not file.entry.locked):
            yield _unusable(subject, file)


@rule("cert-key-mismatch", "error")
def key_mismatch(subject: Subject) -> Iterator[Found]:
    """The private key of a certificate that is served belongs to another certificate.

    This happens if a certificate was requested again and only one of the two files was
    replaced. On Windows the certificate then has no key: event 15021, every handshake
    fails, and netsh answers with error 1312. Add the certificate again with the key that it
    was requested with.
    """
    for one in subject.served:
        entry = one.entry
        if entry.key_status == "mismatch":
            yield Found(
                one.key,
                f"the private key in {entry.key_file} is not that of the certificate"
                f" {entry.thumbprint}; {_BROKEN}",
                "add the certificate again with its own key",
                with_key(subject, entry.store),
            )


@rule("unknown-store", "error")
def unknown_store(subject: Subject) -> Iterator[Found]:
    """A record names a certificate store that does not exist.

    HTTP.SYS finds no certificate there, and every handshake fails with event
    15021. The usual store is MY; WebHosting exists from Windows Server 2012 on.
    A store exists here when it has a folder, or when every Windows has it.
    """
    if subject.stores is None:
        return
    known = _known(subject)
    for record in subject.bindings.values():
        store = record.values.get("certstorename")
        if store is None or str(store).casefold() in known:
            continue
        found = subject.entries.get(record.certhash or "", ())
        there = [one.store for one in found if subject.usable(one)]
        yield Found(
            record.key,
            f"certstorename={store}: there is no such store",
            f"the certificate is in {there[0]}: use that store"
            if there
            else "use a store that exists, usually MY, or put the certificate into this one",
            subject.update(record.key, {"certstorename": there[0]}) if there else "",
        )


@rule("ctl-store", "warn")
def ctl_store(subject: Subject) -> Iterator[Found]:
    """A record names a certificate trust list that does not work.

    A list in a store (sslctlstorename) that is missing or empty names no issuers to
    clients, so that those with a certificate may not send it; AD FS keeps its own,
    AdfsTrustedDevices, on the server. A list by identifier (sslctlidentifier) is not
    supported by HTTP.SYS from Windows Server 2012 on. Put the issuers' certificates into
    the store, or remove the tag.
    """
    yield from _ctl_stores(subject)
    for record in subject.holding(CTL_IDENTIFIER):
        if subject.release >= Release.W2012:
            yield Found(
                record.key,
                f"{CTL_IDENTIFIER.name}={record[CTL_IDENTIFIER.name]}: HTTP.SYS of"
                f" {subject.release.title} does not support trust lists by identifier",
                f"remove {CTL_IDENTIFIER.name} from the record, and set a store with"
                f" {CTL_STORE.name} instead",
            )


def _known(subject: Subject) -> set[str]:
    """Return the stores that exist, in lower case."""
    known = {name.casefold() for name in subject.stores.names()} if subject.stores else set()
    return known | _STORES | ({_WEBHOSTING} if subject.release >= _WEBHOSTING_SINCE else set())


def _ctl_stores(subject: Subject) -> Iterator[Found]:
    """Yield the records whose trust list store is empty, if stores are modelled."""
    records = subject.holding(CTL_STORE)
    if subject.stores is None or not records:
        return
    folders = {name.casefold() for name in subject.stores.names()}
    filled = {one.store.casefold() for one in subject.stores.entries()} | _FILLED
    for record in records:
        store = str(record[CTL_STORE.name])
        if store.casefold() not in filled and not trusted_devices(record):
            what = "empty" if store.casefold() in folders else "absent"
            yield Found(
                record.key,
                f"{CTL_STORE.name}={store}: the store is {what}",
                "add the certificates of the issuers that clients may have to it",
                subject.command("store", "add", "ISSUER.pem", "--store", store),
            )


def with_key(subject: Subject, store: str) -> str:
    """Return the command that puts the certificate of a record into a store with its key."""
    return subject.command("store", "add", CERTIFICATE, PRIVATE_KEY, "--store", store)


def _locked_file(subject: Subject) -> str:
    """Return the advice about a locked file, if there is one."""
    files = (one.file for one in (subject.stores.entries() if subject.stores else ())
             if one.locked and not one.thumbprint)  # fmt: skip
    file = next(files, "")
    return f"; {file} is locked and may hold it: set PasswordFile in [CertStores]" if file else ""


def _has_password(subject: Subject) -> bool:
    """Whether the password of the central store exists, so that its files must open."""
    settings = subject.settings.central_store
    folder, name = os.path.dirname(subject.registry.path), settings and settings.password_file
    return bool(name) and os.path.isfile(os.path.join(folder, str(name)))


def _password(subject: Subject) -> str:
    """Return what opens a file of the stores that is locked."""
    settings = subject.settings.cert_stores
    if settings is None or settings.password_file is None:
        return "set PasswordFile in [CertStores] to a file with its password"
    return f"export it again with the password of the store, the one in {settings.password_file}"


def _unusable(subject: Subject, file: CentralFile) -> Found:
    path = subject.central_path(file.file)
    problem = file.entry.problem or "its private key is not in the file"
    problem = problem.removeprefix("cannot be used: ")
    advice = "replace it with a PFX file that has the certificate and its private key"
    command = subject.command("ccs", "put", CERTIFICATE, PRIVATE_KEY)
    settings = subject.settings.central_store
    if file.entry.locked and settings and settings.password_file:
        advice = "export it again with the password of the store, the one in"
        advice, command = f"{advice} {settings.password_file}", ""
    elif file.entry.locked:
        advice = "set PrivateKeyPasswordFile in [CentralCertProvider] to a file with the password"
        command = subject.command("ccs", "enable", "--password-file", "FILE")
    return Found(
        None,
        f"{path} serves {file.name} but cannot be used: {problem}; {_BROKEN}",
        advice,
        command,
        file=path,
    )
