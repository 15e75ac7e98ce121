"""Rules about client certificates that a site needs and its record does not request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.check.finding import Found
from sslbind.check.rule import rule
from sslbind.check.site_bindings import found_in_site
from sslbind.check.subject import Subject
from sslbind.sites import ClientCertificate, SiteBinding, Sites
from sslbind.tags import CLIENT_CERTIFICATE
from sslbind.tls_versions import versions_left


@rule("clientcert-renegotiation", "warn", sites=True)
def renegotiation(subject: Subject) -> Iterator[Found]:
    """A site asks for client certificates, but the record of its binding does not negotiate them.

    SslNegotiateCert and SslRequireCert of <access> take effect after the request
    has arrived: the connection is established by then, and the certificate is
    requested in a renegotiation. That is slow, fails for uploads larger than
    uploadReadAheadSize, and many clients refuse it. With negotiation on, the
    certificate is requested in the handshake.
    """
    for one in _unasked(subject):
        yield one.found(
            subject,
            "the record does not negotiate them: each connection is renegotiated after the request",
        )


@rule("clientcert-tls13", "error", sites=True)
def tls13(subject: Subject) -> Iterator[Found]:
    """A site asks for client certificates that its record does not negotiate, and TLS 1.3 is on.

    TLS 1.3 has no renegotiation: clients that speak it (Windows Server 2022 and
    later) cannot be asked for a certificate after the request has arrived, and the
    request fails. Turn negotiation on, or TLS 1.3 off.
    """
    for one in _unasked(subject):
        if "TLS 1.3" in versions_left(one.record, subject.release):
            yield one.found(
                subject,
                "the record does not negotiate them and leaves TLS 1.3 on, which has no"
                " renegotiation: the request fails",
            )


class _Unasked(NamedTuple):
    """A binding whose site asks for client certificates, with the record that does not."""

    sites: Sites
    binding: SiteBinding
    wish: ClientCertificate
    record: Binding

    def found(self, subject: Subject, what: str) -> Found:
        key = self.record.key
        verb = "requires" if self.wish.required else "asks for"
        advice = "negotiate client certificates in the handshake"
        if not key.kind.certificate:  # HTTP.SYS refuses options on records of the central store
            advice = "give the name its own record (SNI): ccs records do not have this option"
        return found_in_site(
            self.sites,
            self.binding,
            key,
            f"{self.binding} {verb} client certificates (<access> on line {self.wish.line}), but"
            f" {what}",
            advice,
            subject.update(key, {CLIENT_CERTIFICATE.name: True}) if key.kind.certificate else "",
        )


def _unasked(subject: Subject) -> Iterator[_Unasked]:
    """Yield each site's bindings of this kind, one for each record."""
    for sites in subject.sites:
        by_site: dict[str, list[SiteBinding]] = {}
        for binding in sites.bindings:
            if binding.https:
                by_site.setdefault(binding.site, []).append(binding)
        wishes = {wish.site: wish for wish in reversed(sites.client_certificates)}
        for site, wish in wishes.items():
            seen = set()
            for binding in by_site.get(site, ()):
                key = binding.key_for(subject.release)
                record = subject.bindings.get(key) if key else None
                if record is None or record[CLIENT_CERTIFICATE.name] or key in seen:
                    continue
                if CLIENT_CERTIFICATE.name in record.unknown:
                    continue
                seen.add(key)
                yield _Unasked(sites, binding, wish, record)
