"""The alerts of TLS, which end a handshake (RFC 8446, section 6; RFC 5246, section 7.2)."""

from __future__ import annotations

from sslbind.explanations import faults

_ROWS = (
    (0, "close_notify", "The sender will not send any more on this connection; not an error.",
     faults.CLOSED),
    (10, "unexpected_message", ("A message arrived that is not expected at this point of the"
        " handshake."),
     faults.BROKEN_MESSAGE),
    (20, "bad_record_mac", "A record did not decrypt.", faults.BROKEN_MESSAGE),
    (22, "record_overflow", "A record is too long.", faults.BROKEN_MESSAGE),
    (40, "handshake_failure", "The sender could not agree to anything that the other side offers.",
     faults.HANDSHAKE),
    (42, "bad_certificate", "A certificate is corrupt, or its signature is wrong.",
     faults.TRUST),
    (43, "unsupported_certificate", "The type of a certificate is not supported.", faults.WEAK),
    (44, "certificate_revoked", "The issuer revoked the certificate.", faults.REVOKED),
    (45, "certificate_expired", "A certificate has expired or is not valid.", faults.DATES),
    (46, "certificate_unknown", ("The client does not accept the certificate, for an unspecified"
        " reason."),
     faults.TRUST),
    (47, "illegal_parameter", "A field of the handshake is out of range.",
     faults.BROKEN_MESSAGE),
    (48, "unknown_ca", "The client does not know or trust the issuer of the certificate.",
     faults.TRUST),
    (49, "access_denied", "The certificate is valid, but the receiver refuses it.",
     faults.CLIENT_CERTIFICATE),
    (50, "decode_error", "A message could not be decoded.", faults.BROKEN_MESSAGE),
    (51, "decrypt_error", ("A cryptographic operation of the handshake failed: the private key may"
     " not belong to the certificate."), faults.PRIVATE_KEY),
    (70, "protocol_version", "The TLS version that the client requested is not supported.",
     faults.VERSIONS),
    (71, "insufficient_security", ("The server requires stronger cipher suites than the client"
     " has."), faults.VERSIONS),
    (80, "internal_error", "Something failed inside the sender.", faults.INTERNAL),
    (86, "inappropriate_fallback", ("The client fell back to an older TLS version than both sides"
        " support."),
     faults.VERSIONS),
    (90, "user_canceled", "The sender cancelled the handshake.", faults.CLOSED),
    (109, "missing_extension", "The handshake lacks an extension that TLS 1.3 requires.",
     faults.BROKEN_MESSAGE),
    (112, "unrecognized_name", "The server does not serve the name that the client asked for.",
     faults.NAME),
    (113, "bad_certificate_status_response", "The stapled OCSP answer is invalid.",
     faults.REVOCATION_UNKNOWN),
    (116, "certificate_required", "The client sent no certificate, and the server requires one.",
     faults.CLIENT_CERTIFICATE),
    (120, "no_application_protocol", "Client and server have no application protocol in common.",
     faults.VERSIONS),
)  # fmt: skip
ALERTS = {
    number: problem.explained(f"TLS alert {number}, {name}", means)
    for number, name, means, problem in _ROWS
}
"""Alerts by their number."""
NAMES = {name: number for number, name, _, _ in _ROWS}
