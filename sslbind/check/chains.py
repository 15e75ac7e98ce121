"""Rules about CA certificates: which chain Windows builds, and from where."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.certificates.sending import MACHINE, taken_of
from sslbind.check.adfs import trusted_devices
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.subject import ServedCertificate, Subject
from sslbind.tags import CLIENT_CERTIFICATE, CTL_STORE
from sslbind.wording import day, plural

if TYPE_CHECKING:
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.facts import CertificateFacts

_MAX_ISSUERS = 16_384
"""Bytes of the issuer list that Schannel sends; longer lists are truncated (KB2880390)."""


_OWN = "ClientIssuers"
"""A store that a command names for the issuers that clients may have."""


@rule("cert-chain-ambiguous", "info")
def chain_ambiguous(subject: Subject) -> Iterator[Found]:
    """Two CA certificates in the stores have the key of an issuer, and one of them expires early.

    Windows builds the chain from the computer's stores CA and Root (documented),
    finds issuers by their key, and picked the one whose validity started last (reported
    once); after one expires it may change, sometimes only after a restart (reported once).
    Delete the one that should not be sent.
    """
    authorities = _authorities(subject)
    by_key: dict[bytes, list[Entry]] = {}
    for entry, facts in authorities:
        if facts.key_id:
            by_key.setdefault(facts.key_id, []).append(entry)
    shared = {key_id for key_id, entries in by_key.items() if len(entries) > 1}
    users: dict[bytes, list[ServedCertificate]] = {}
    for one in subject.served if shared else ():
        if one.certificate.issuer_key_id in shared:
            users.setdefault(one.certificate.issuer_key_id, []).append(one)
    for key_id, served in users.items():
        found = {one.thumbprint: one for one in by_key[key_id]}
        known = [one.certificate for one in found.values() if one.certificate]
        last = max(one.certificate.not_after for one in served)
        if len(known) < 2 or min(one.not_after for one in known) >= last:
            continue
        taken = taken_of(known)
        other = min((one for one in known if one != taken), key=lambda one: one.not_after)
        doomed = min(known, key=lambda one: one.not_after)
        first = served[0]
        count = plural(len({one.entry.thumbprint for one in served}), "certificate")
        yield Found(
            first.key,
            f"{len(known)} CA certificates in the stores have the key that signed {count}: Windows"
            f" picks {_named(taken)} (inferred), not {_named(other)}",
            "delete the one that should not be sent, also on the server",
            subject.command("store", "delete", doomed.thumbprint),
            file=first.file,
        )


@rule("ccs-chain-in-file", "info")
def chain_in_file(subject: Subject) -> Iterator[Found]:
    """The issuer of files in the central store is only in those files, not in the store CA.

    Windows sends the chain that it builds from the computer's stores (documented).
    It is not certain whether the issuers in a central-store file help: one report says they
    do, another that they do not. Put the issuer into the store CA.
    """
    authorities = _authorities(subject)
    if not any(entry.store.casefold() == "ca" for entry, _ in authorities):
        return  # the server's own store CA is not modelled
    there = {facts.sha256 for _, facts in authorities}
    by_issuer: dict[str, list[ServedCertificate]] = {}
    for one in subject.served:
        above = one.entry.chain[:1]
        if one.file and above and above[0].sha256 not in there and not above[0].self_signed:
            by_issuer.setdefault(above[0].sha256, []).append(one)
    for files in by_issuer.values():
        more = f" and {plural(len(files) - 1, 'more file')}" if len(files) > 1 else ""
        yield Found(
            None,
            f"the issuer {files[0].entry.chain[0].subject} is in {files[0].file}{more}, and not in"
            " the store CA: Windows may not send it (inferred)",
            "put the issuer's certificate into the store CA, also on the server",
            subject.command("store", "add", "ISSUER.pem", "--store", "CA"),
            file=files[0].file,
        )


@rule("root-not-self-signed", "info")
def root_not_self_signed(subject: Subject) -> Iterator[Found]:
    """The store Root holds a certificate that is not self-signed.

    It is an error if client certificates are requested: IIS then refuses them all with
    403.16 (documented, KB942061; strict from Windows Server 2012 on is inferred). Put it
    into the store CA, where intermediates belong.
    """
    asked = any(one[CLIENT_CERTIFICATE.name] for one in subject.holding(CLIENT_CERTIFICATE))
    asked = asked or any(sites.client_certificates for sites in subject.sites)
    for entry, facts in _authorities(subject):
        if entry.store.casefold() == "root" and not facts.self_signed:
            yield Found(
                None,
                f"the store {entry.store} holds {facts.subject}, which {facts.issuer} signed"
                + (": clients with certificates get 403.16" if asked else ""),
                f"put it into the store CA instead: store add {_path(subject, entry)} --store CA,"
                " then the command",
                subject.command("store", "delete", entry.thumbprint, "--store", entry.store),
                severity="error" if asked else None,
                about=entry.thumbprint,
            )


@rule("ctl-too-long", "warn")
def ctl_too_long(subject: Subject) -> Iterator[Found]:
    """The issuers in the store of a trust list do not fit into a handshake.

    Schannel truncates the list of issuers at 16 kB and logs event 36885 (documented,
    KB2880390): clients whose issuer is cut off send no certificate. Use a store that holds
    only the issuers that clients may have.
    """
    sizes: dict[str, int] = {}
    for entry in subject.stores.entries() if subject.stores else ():
        if entry.certificate:
            name = entry.store.casefold()
            sizes[name] = sizes.get(name, 0) + entry.certificate.subject_size + 2
    for record in subject.holding(CTL_STORE):
        store = str(record[CTL_STORE.name])
        size = sizes.get(store.casefold(), 0)
        if size > _MAX_ISSUERS and not trusted_devices(record):
            yield Found(
                record.key,
                f"{CTL_STORE.name}={store}: the list of its issuers has {size} bytes, and Schannel"
                f" truncates it at {_MAX_ISSUERS}",
                "use a store that holds only the issuers that clients may have: store add"
                f" ISSUER.pem --store {_OWN} for each of them, then the command",
                subject.update(record.key, {CTL_STORE.name: _OWN}),
            )


def _authorities(subject: Subject) -> Sequence[tuple[Entry, CertificateFacts]]:
    """Return what the stores have that Windows builds chains from."""
    return [
        (entry, entry.certificate)
        for entry in (subject.stores.entries() if subject.stores else ())
        if entry.certificate is not None and entry.store.casefold() in MACHINE
    ]


def _path(subject: Subject, entry: Entry) -> str:
    """Return the path of a store's file, relative to the same folder as the registry's path."""
    folder = subject.settings.cert_stores and subject.settings.cert_stores.path
    return os.path.join(os.path.dirname(subject.registry.path), folder or "", entry.file)


def _named(one: CertificateFacts) -> str:
    return (
        f"{one.subject} {one.thumbprint[:8]} (from {day(one.not_before)} to {day(one.not_after)},"
        f" issued by {one.issuer})"
    )
