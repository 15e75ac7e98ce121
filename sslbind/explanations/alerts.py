"""The alerts of TLS, which end a handshake (RFC 8446, section 6; RFC 5246, section 7.2)."""

from __future__ import annotations

from sslbind.explanations import problems

_ROWS = (
    (0, "close_notify", "The sender will not send any more on this connection; not an error.",
     problems.CLOSED),
    (10, "unexpected_message", "A message came that does not fit the handshake.",
     problems.BROKEN_MESSAGE),
    (20, "bad_record_mac", "A record did not decrypt.", problems.BROKEN_MESSAGE),
    (22, "record_overflow", "A record is too long.", problems.BROKEN_MESSAGE),
    (40, "handshake_failure", "The sender could not agree on what the other side offers.",
     problems.HANDSHAKE),
    (42, "bad_certificate", "A certificate is corrupt, or its signature is wrong.",
     problems.TRUST),
    (43, "unsupported_certificate", "The type of a certificate is not supported.", problems.WEAK),
    (44, "certificate_revoked", "The issuer revoked the certificate.", problems.REVOKED),
    (45, "certificate_expired", "A certificate has expired or is not valid.", problems.DATES),
    (46, "certificate_unknown", "The client does not accept the certificate, and does not say why.",
     problems.TRUST),
    (47, "illegal_parameter", "A field of the handshake is out of range.",
     problems.BROKEN_MESSAGE),
    (48, "unknown_ca", "The client does not know or trust the issuer of the certificate.",
     problems.TRUST),
    (49, "access_denied", "The certificate is valid, and whoever received it refuses it.",
     problems.CLIENT_CERTIFICATE),
    (50, "decode_error", "A message could not be decoded.", problems.BROKEN_MESSAGE),
    (51, "decrypt_error", ("A cryptographic operation of the handshake failed: the private key may"
     " not belong to the certificate."), problems.PRIVATE_KEY),
    (70, "protocol_version", "The TLS version that the client asks for is not supported.",
     problems.VERSIONS),
    (71, "insufficient_security", ("The server requires stronger cipher suites than the client"
     " has."), problems.VERSIONS),
    (80, "internal_error", "Something failed inside the sender.", problems.INTERNAL),
    (86, "inappropriate_fallback", "The client fell back to an older TLS version than both have.",
     problems.VERSIONS),
    (90, "user_canceled", "The sender cancelled the handshake.", problems.CLOSED),
    (109, "missing_extension", "The handshake lacks an extension that TLS 1.3 requires.",
     problems.BROKEN_MESSAGE),
    (112, "unrecognized_name", "The server does not serve the name that the client asked for.",
     problems.NAME),
    (113, "bad_certificate_status_response", "The stapled OCSP answer is invalid.",
     problems.REVOCATION_UNKNOWN),
    (116, "certificate_required", "The client sent no certificate, and the server requires one.",
     problems.CLIENT_CERTIFICATE),
    (120, "no_application_protocol", "Client and server have no application protocol in common.",
     problems.VERSIONS),
)  # fmt: skip
ALERTS = {
    number: problem.explained(f"TLS alert {number}, {name}", means)
    for number, name, means, problem in _ROWS
}
"""Alerts by their number."""
NAMES = {name: number for number, name, _, _ in _ROWS}
