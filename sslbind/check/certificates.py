"""Rules about the certificates that records and the central store serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sslbind.certificates.choosing import age
from sslbind.certificates.judgement import (
    MIN_BITS,
    NEW_KEY,
    Problem,
    covered,
    name_problems,
    staple_problem,
)
from sslbind.check.choosing import chooser_of
from sslbind.check.command import NEW
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.subject import ServedCertificate, Subject
from sslbind.keys import HOSTNAMEPORT, IPPORT
from sslbind.release import Release
from sslbind.tags import OCSP_STAPLING, STORE
from sslbind.tls_versions import versions_left
from sslbind.wording import minute, plural

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.entry import Entry
    from sslbind.certificates.facts import CertificateFacts

_ADD_ISSUER = "put the issuer's certificate into the store CA; a root belongs in Root"


@rule("cert-expired", "error")
def expired(subject: Subject) -> Iterator[Found]:
    """A certificate that is served has expired.

    HTTP.SYS serves it anyway, and clients refuse it. Renew it; rebind replaces it in every
    binding and keeps all other tags.
    """
    for one, problem in _problems(subject, "expired"):
        if problem.issuer is None:
            what = f"{problem.what}, {_ago(subject, one.certificate)}"
            yield _found(one, what, "renew the certificate", _rebind(subject, one))


@rule("cert-chain-expired", "error")
def chain_expired(subject: Subject) -> Iterator[Found]:
    """Every chain from a certificate that is served to a root has an expired certificate.

    Clients refuse the certificate, although it is valid itself; some fetch or cache another
    chain, which hides the mistake. Windows builds the chain from the computer's stores CA
    and Root (documented). Add the chain that the CA provides now, and delete the expired
    one from the store CA.
    """
    for one, problem in _problems(subject, "expired"):
        if problem.issuer is not None:
            what = f"{problem.what}, {_ago(subject, problem.issuer)}"
            yield _found_above(subject, one, problem.issuer, what)


@rule("cert-not-yet-valid", "error")
def not_yet_valid(subject: Subject) -> Iterator[Found]:
    """A certificate that is served is not valid yet, or its chain is not.

    HTTP.SYS serves it anyway, and clients refuse it until that day. Bind one that is valid
    now, or postpone the change.
    """
    for one, problem in _problems(subject, "not-yet-valid"):
        start = (problem.issuer or one.certificate).not_before
        what = f"{problem.what}, in {_days((start - subject.now).days)}"
        if problem.issuer:
            yield _found_above(subject, one, problem.issuer, what)
        else:
            yield _found(one, what, "bind one that is valid now, and this one later")


@rule("cert-expires-soon", "warn")
def expires_soon(subject: Subject) -> Iterator[Found]:
    """A certificate that is served, or its chain, expires soon.

    That is within 30 days, or the last third of a lifetime of less than 90 days, unless
    --expires-within says otherwise. Renew it; rebind replaces it in every binding and keeps
    all other tags.
    """
    now, opens = subject.now, subject.soon.opens
    for one, _, path in subject.judged:
        due = [
            facts
            for facts in path
            if facts.not_after >= now >= opens(facts.not_before, facts.not_after)
        ]
        if due:
            facts = min(due, key=lambda facts: facts.not_after)
            end = facts.not_after
            what = f"expires on {minute(end)}, in {_days((end - now).days)}"
            if facts == one.certificate:
                yield _found(one, what, "renew the certificate", _rebind(subject, one))
            else:
                yield _found_above(subject, one, facts, what)


@rule("cert-host-mismatch", "warn")
def host_mismatch(subject: Subject) -> Iterator[Found]:
    """The certificate of an SNI binding does not cover its host name.

    Clients compare the name that they asked for with the subject alternative
    names, where a wildcard covers exactly one label; the common name does not
    count. Only the same wildcard covers a wildcard binding. Bind a
    certificate that has the name.
    """
    chooser = chooser_of(subject)
    for one, problem in _problems(subject, "name-mismatch"):
        if one.key is None:
            continue
        choice = chooser.choose([one.key.host])
        if choice is None:
            command = subject.recertify(one.key, NEW)
            yield _found(one, problem.what, "bind a certificate that has the name", command)
            continue
        entry = choice.entry
        values = {"certhash": entry.thumbprint, STORE.name: entry.store}
        advice = f"bind {entry.thumbprint} ({entry.called}): {choice.reason}"
        yield _found(one, problem.what, advice, subject.update(one.key, values))


@rule("cert-eku", "error")
def eku(subject: Subject) -> Iterator[Found]:
    """The extended key usage of a certificate that is served lacks serverAuth.

    Clients refuse such a certificate from a server. A certificate without the extension is
    valid for every use. Request it again for server authentication.
    """
    for one, problem in _problems(subject, "no-server-auth"):
        yield _found(one, problem.what, "request it again for servers", _rebind(subject, one))


@rule("cert-key-usage", "error")
def key_usage(subject: Subject) -> Iterator[Found]:
    """The key usage of a certificate that is served lacks digitalSignature.

    Chrome and Edge refuse it from 117 on (documented: ERR_SSL_KEY_USAGE_INCOMPATIBLE;
    reported 11 times), and Schannel can only use TLS_RSA suites: HTTP/2 fails (reported),
    and TLS 1.3 cannot work (inferred). IIS Manager's self-signed certificates have this
    problem. A certificate without the extension is valid for every use. Request it again
    with digitalSignature, or create one for tests with store new.
    """
    for one, problem in _problems(subject, "key-usage"):
        yield _found(one, problem.what, problem.advice, _rebind(subject, one))


@rule("cert-key-type", "error")
def key_type(subject: Subject) -> Iterator[Found]:
    """The key of a certificate that is served is of a type that servers or clients do not accept.

    Windows offers P-256 and P-384 in TLS, and no other curve by default (documented); RSA
    keys of less than 1024 bits are refused everywhere (documented); TLS 1.3 has no DSA;
    Schannel does not use Ed25519 and ML-DSA (inferred), and nothing is known about RSA-PSS
    keys, which is a warning. A PSS signature made with an ordinary RSA key is fine. Request
    it again with a P-256 or an RSA 2048 key.
    """
    for one, problem in _problems(subject, "key-type"):
        record = subject.bindings.get(one.key) if one.key else None
        left = versions_left(record, subject.release) if record else ()
        what = problem.what
        if left == ("TLS 1.3",) and one.certificate.key_type.startswith("DSA"):
            what += "; the record only leaves TLS 1.3, so no client can connect"
        yield _found(one, what, problem.advice, _rebind(subject, one))
    for one in subject.served:
        if one.certificate.key_type.startswith("RSA-PSS"):
            what = "has an RSA-PSS key, which Schannel is not known to support (inferred)"
            found = _found(one, what, NEW_KEY, _rebind(subject, one))
            yield found._replace(severity="warn")


@rule("cert-no-san", "warn")
def no_san(subject: Subject) -> Iterator[Found]:
    """A certificate that is served has no subject alternative name.

    Browsers refuse it for every host (documented: Chrome from 58 on; reported 7 times): the
    common name does not count. Windows' own clients still check it, which hides the mistake
    (inferred). Request it again with its host names.
    """
    for one in subject.served:
        if not one.certificate.names:
            problem = next(name_problems(one.certificate, ()))
            yield _found(one, problem.what, problem.advice, _rebind(subject, one))


@rule("cert-must-staple", "error")
def must_staple(subject: Subject) -> Iterator[Found]:
    """A certificate requires a stapled OCSP response that the server does not send.

    Firefox then refuses the connection (reported twice). HTTP.SYS staples for ipport
    records, and for SNI and the central store only with EnableOcspStaplingForSni = 1
    (documented), which sslbind cannot see: a warning. Turn stapling on, or request the
    certificate again without Must-Staple.
    """
    for one in subject.served:
        if not one.certificate.must_staple:
            continue
        record = subject.bindings.get(one.key) if one.key else None
        off = record is not None and bool(record[OCSP_STAPLING.name])
        on = one.key is not None and one.key.kind is IPPORT
        problem = staple_problem(one.certificate, stapled=False if off else on or None)
        if problem is None:
            continue
        command = _rebind(subject, one)
        if off and one.key and one.certificate.ocsp:
            command = subject.update(one.key, {OCSP_STAPLING.name: False})
        found = _found(one, problem.what, problem.advice, command)
        grave = off or not one.certificate.ocsp
        yield found if grave else found._replace(severity="warn")


@rule("cert-weak", "warn")
def weak(subject: Subject) -> Iterator[Found]:
    """A certificate that is served, or its chain, has a short key or an outdated signature.

    That is an RSA or DSA key of less than 2048 bits, or a signature made with
    SHA-1 or MD5: today's clients refuse these, and Schannel closes the connection of a
    client that does not offer the signature algorithm (documented). A SHA-512 signature is
    an info on Windows Server 2012 R2 and older, where TLS 1.2 may not support it
    (reported). Request it again with a new key, or add another intermediate.
    """
    for one, problem in _problems(subject, "weak-key", "weak-signature"):
        if problem.issuer:
            yield _found_above(subject, one, problem.issuer, problem.what)
        else:
            advice = f"request it again with a key of at least {MIN_BITS} bits and SHA-256"
            yield _found(one, problem.what, advice, _rebind(subject, one))
    if subject.release > Release.W2012R2:
        return
    for one in subject.served:
        if one.certificate.signature_hash == "sha512":
            what = (
                f"has a SHA-512 signature, which TLS 1.2 on {subject.release.title} may not support"
            )
            found = _found(one, what, "request it again with SHA-256", _rebind(subject, one))
            yield found._replace(severity="info")


@rule("cert-chain-incomplete", "warn")
def chain_incomplete(subject: Subject) -> Iterator[Found]:
    """The issuer of a certificate that is served is neither in its file nor in a store.

    The server sends the certificate without its intermediate, and clients that do not fetch
    it themselves refuse the connection; browsers that saw it elsewhere do not, which hides
    the mistake. Add the certificate together with its chain, or put the issuer's
    certificate into the store CA, a root into Root. The issuer is identified by its name
    and key identifier, or else by the signature; a certificate that names itself as its
    issuer and has no such identifier counts as self-signed.
    """
    for one, problem in _problems(subject, "chain-incomplete"):
        same_name = subject.stores.named(one.certificate.issuer) if subject.stores else ()
        others = any(facts.sha256 != one.certificate.sha256 for facts, _ in same_name)
        what = problem.what + (": the one with that name did not sign it" if others else "")
        yield _found(one, what, _ADD_ISSUER, _add_issuer(subject), cause=what)


def _ago(subject: Subject, facts: CertificateFacts) -> str:
    return f"{_days((subject.now - facts.not_after).days)} ago"


def _problems(subject: Subject, *ids: str) -> Iterator[tuple[ServedCertificate, Problem]]:
    """Yield the problems with these ids; several of one certificate are merged into one."""
    for one, problems, _ in subject.faulty:
        joined: dict[str, Problem] = {}
        for problem in problems:
            if problem.id in ids:
                about = problem.issuer.sha256 if problem.issuer else ""
                before = joined.get(about)
                joined[about] = (
                    before._replace(what=f"{before.what} and {problem.what.removeprefix('has ')}")
                    if before
                    else problem
                )
        for problem in joined.values():
            yield one, problem


@rule("rebind-split", "info")
def rebind_split(subject: Subject) -> Iterator[Found]:
    """Records have an expired certificate while a newer one of the same subject is in the store.

    The renewed certificate is in the store, but these records do not use it:
    HTTP.SYS continues to serve the certificate of the record. Rebind them; every other tag is kept.
    """
    now = subject.now
    old: dict[str, ServedCertificate] = {}
    for one in subject.served:
        if one.key is not None and one.certificate.not_after < now:
            old.setdefault(one.entry.thumbprint, one)
    users = subject.users if old else {}
    namesakes = _valid_by_subject(subject) if old else {}
    for thumbprint, one in old.items():
        subject_ = one.certificate.subject
        fit, new = _newest(one.entry, users[thumbprint], namesakes.get(subject_, ()))
        if new is not None:
            until = f", valid until {minute(new.not_after)}," if new.not_after else ""
            count = len(users[thumbprint])
            what = "1 record has" if count == 1 else f"{count} records have"
            yield Found(
                users[thumbprint][0].key,
                f"{what} the certificate {thumbprint} of {subject_}, which has expired, and"
                f" {new.thumbprint}{until} is in {new.store}",
                "rebind them to the newer one"
                + ("" if fit else ", which lacks a name or is not in the store of every record"),
                subject.rebind(thumbprint, new.thumbprint) if fit else "",
            )


def _valid_by_subject(subject: Subject) -> dict[str, list[Entry]]:
    """Return the certificates that are valid now and have their keys, by their subjects."""
    found: dict[str, list[Entry]] = {}
    for same in subject.entries.values():
        for entry in same:
            if entry.certificate and entry.certificate.subject and subject.valid(entry):
                found.setdefault(entry.certificate.subject, []).append(entry)
    return found


def _newest(
    old: Entry, users: Sequence[Binding], namesakes: Sequence[Entry]
) -> tuple[bool, Entry | None]:
    """Return the newest with the same subject in a store of the users, suitable ones first.

    It is suitable if ``rebind`` accepts it: it is in every store and has every name.
    """
    stores = {(one.store or "").casefold() for one in users}
    hosts = [one.key.host for one in users if one.key.kind is HOSTNAMEPORT]
    names = {*(old.names or hosts), *(host for host in hosts if _covers(old, host))}
    there: dict[str, set[str]] = {}
    for one in namesakes:
        there.setdefault(one.thumbprint, set()).add(one.store.casefold())
    ranked = [
        (
            stores <= there[one.thumbprint] and all(_covers(one, name) for name in names),
            age(one),
            one,
        )
        for one in namesakes
        if one.store.casefold() in stores
    ]
    fit, _, new = max(ranked, key=lambda row: row[:2], default=(False, None, None))
    return fit, new


def _covers(entry: Entry, host: str) -> bool:
    return entry.certificate is not None and covered(entry.certificate, host)


def _found_above(
    subject: Subject, one: ServedCertificate, issuer: CertificateFacts, what: str
) -> Found:
    """Return the finding about a certificate above one that is served."""
    what = f"is issued under {issuer.subject}, which {what}"
    advice = f"add a valid chain: {_ADD_ISSUER}"
    return _found(one, what, advice, _add_issuer(subject), cause=what)


def _found(
    one: ServedCertificate, what: str, advice: str, command: str = "", cause: str = ""
) -> Found:
    """Return the finding about a certificate of a binding, or of a file of the central store.

    Without a ``cause`` it is the certificate itself.
    """
    thumbprint = one.entry.thumbprint
    whose = f"the certificate in {one.file}" if one.file else f"the certificate {thumbprint}"
    if one.file and not command:
        advice += "; replace the file with the new one"
    cause = cause or f"{thumbprint} {what}"
    return Found(one.key, f"{whose} {what}", advice, command, file=one.file, cause=cause)


def _rebind(subject: Subject, one: ServedCertificate) -> str:
    return "" if one.key is None else subject.rebind(one.entry.thumbprint, NEW)


def _add_issuer(subject: Subject) -> str:
    return subject.command("store", "add", "ISSUER.pem", "--store", "CA")


def _days(number: int) -> str:
    return plural(number, "day") if number else "less than a day"
