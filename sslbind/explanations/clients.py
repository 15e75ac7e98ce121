"""The errors that browsers show, by the names that they print below the sentence.

Sources: Chromium, net/base/net_error_list.h; Mozilla, the error pages of NSS and
mozilla::pkix; Internet Explorer and Edge's DLG_FLAGS_*.
"""

from __future__ import annotations

from sslbind.explanations import faults
from sslbind.explanations.explanation import Explanation, Fault

_SENTENCES = {
    faults.NAME: "The certificate is not for the name in the address bar.",
    faults.DATES: "The certificate, or one of its issuers, has expired or is not valid yet.",
    faults.TRUST: "The browser finds no chain from the certificate to a root that it trusts.",
    faults.REVOKED: "The certificate is revoked.",
    faults.REVOCATION_UNKNOWN: "The revocation status of the certificate could not be checked.",
    faults.WEAK: "The key or the signature of the certificate, or of its issuer, is too weak.",
    faults.USAGE: "The certificate does not allow what it is used for.",
    faults.VERSIONS: "Browser and server have no TLS version or cipher suite in common.",
    faults.HANDSHAKE: "The server ended the handshake.",
    faults.CLOSED: "The connection was closed without an answer.",
    faults.NOT_LISTENING: "The connection was refused.",
    faults.NO_ANSWER: "Nothing answered in time.",
    faults.TRANSPARENCY: "The certificate is not in the public Certificate Transparency logs.",
    faults.PLAIN_TEXT: "What answered does not speak TLS.",
    faults.CLIENT_CERTIFICATE: "The server asks for a client certificate that the browser does"
    " not have.",
    faults.PRIVATE_KEY: "The server could not use the key of its certificate.",
}
_BROWSERS: tuple[tuple[Fault, str, str], ...] = (
    (faults.NAME, "Chrome and Edge", ("ERR_CERT_COMMON_NAME_INVALID ERR_CERT_NON_UNIQUE_NAME"
     " ERR_SSL_UNRECOGNIZED_NAME_ALERT")),
    (faults.DATES, "Chrome and Edge", "ERR_CERT_DATE_INVALID ERR_CERT_VALIDITY_TOO_LONG"),
    (faults.TRUST, "Chrome and Edge", ("ERR_CERT_AUTHORITY_INVALID ERR_CERT_INVALID"
     " ERR_CERT_CONTAINS_ERRORS ERR_CERT_NAME_CONSTRAINT_VIOLATION"
     " ERR_SSL_SERVER_CERT_BAD_FORMAT")),
    (faults.REVOKED, "Chrome and Edge", "ERR_CERT_REVOKED"),
    (faults.REVOCATION_UNKNOWN, "Chrome and Edge", ("ERR_CERT_UNABLE_TO_CHECK_REVOCATION"
     " ERR_CERT_NO_REVOCATION_MECHANISM")),
    (faults.WEAK, "Chrome and Edge", ("ERR_CERT_WEAK_SIGNATURE_ALGORITHM ERR_CERT_WEAK_KEY"
     " ERR_SSL_WEAK_SERVER_EPHEMERAL_DH_KEY")),
    (faults.USAGE, "Chrome and Edge", "ERR_SSL_KEY_USAGE_INCOMPATIBLE"),
    (faults.VERSIONS, "Chrome and Edge", ("ERR_SSL_VERSION_OR_CIPHER_MISMATCH"
     " ERR_SSL_OBSOLETE_VERSION ERR_HTTP2_INADEQUATE_TRANSPORT_SECURITY")),
    (faults.CLOSED, "Chrome and Edge", ("ERR_CONNECTION_RESET ERR_CONNECTION_CLOSED"
     " ERR_EMPTY_RESPONSE")),
    (faults.NOT_LISTENING, "Chrome and Edge", "ERR_CONNECTION_REFUSED"),
    (faults.NO_ANSWER, "Chrome and Edge", "ERR_CONNECTION_TIMED_OUT ERR_TIMED_OUT"),
    (faults.TRANSPARENCY, "Chrome and Edge", "ERR_CERTIFICATE_TRANSPARENCY_REQUIRED"),
    (faults.PLAIN_TEXT, "Chrome and Edge", "ERR_SSL_PROTOCOL_ERROR"),
    (faults.CLIENT_CERTIFICATE, "Chrome and Edge", ("ERR_BAD_SSL_CLIENT_AUTH_CERT"
     " ERR_SSL_CLIENT_AUTH_CERT_NEEDED")),
    (faults.NAME, "Firefox", "SSL_ERROR_BAD_CERT_DOMAIN SSL_ERROR_UNRECOGNIZED_NAME_ALERT"),
    (faults.DATES, "Firefox", ("SEC_ERROR_EXPIRED_CERTIFICATE"
     " SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE MOZILLA_PKIX_ERROR_NOT_YET_VALID_CERTIFICATE"
     " MOZILLA_PKIX_ERROR_NOT_YET_VALID_ISSUER_CERTIFICATE")),
    (faults.TRUST, "Firefox", ("SEC_ERROR_UNKNOWN_ISSUER SEC_ERROR_UNTRUSTED_ISSUER"
     " MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT MOZILLA_PKIX_ERROR_MITM_DETECTED"
     " MOZILLA_PKIX_ERROR_CA_CERT_USED_AS_END_ENTITY SEC_ERROR_CA_CERT_INVALID")),
    (faults.REVOKED, "Firefox", "SEC_ERROR_REVOKED_CERTIFICATE"),
    (faults.REVOCATION_UNKNOWN, "Firefox", ("MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING"
     " SEC_ERROR_OCSP_SERVER_ERROR")),
    (faults.WEAK, "Firefox", ("SEC_ERROR_CERT_SIGNATURE_ALGORITHM_DISABLED"
     " MOZILLA_PKIX_ERROR_INADEQUATE_KEY_SIZE SSL_ERROR_WEAK_SERVER_CERT_KEY")),
    (faults.USAGE, "Firefox", "SEC_ERROR_INADEQUATE_KEY_USAGE SEC_ERROR_INADEQUATE_CERT_TYPE"),
    (faults.VERSIONS, "Firefox", ("SSL_ERROR_NO_CYPHER_OVERLAP SSL_ERROR_UNSUPPORTED_VERSION"
     " SSL_ERROR_PROTOCOL_VERSION_ALERT")),
    (faults.HANDSHAKE, "Firefox", ("SSL_ERROR_HANDSHAKE_FAILURE_ALERT"
     " SSL_ERROR_INTERNAL_ERROR_ALERT")),
    (faults.CLOSED, "Firefox", "PR_END_OF_FILE_ERROR PR_CONNECT_RESET_ERROR"),
    (faults.NOT_LISTENING, "Firefox", "PR_CONNECT_REFUSED_ERROR"),
    (faults.PLAIN_TEXT, "Firefox", "SSL_ERROR_RX_RECORD_TOO_LONG"),
    (faults.CLIENT_CERTIFICATE, "Firefox", ("SSL_ERROR_BAD_CERT_ALERT"
     " SSL_ERROR_RX_CERTIFICATE_REQUIRED_ALERT SSL_ERROR_NO_CERTIFICATE")),
    (faults.NAME, "Internet Explorer and old Edge", "DLG_FLAGS_SEC_CERT_CN_INVALID"),
    (faults.DATES, "Internet Explorer and old Edge", "DLG_FLAGS_SEC_CERT_DATE_INVALID"),
    (faults.TRUST, "Internet Explorer and old Edge", "DLG_FLAGS_INVALID_CA"),
    (faults.REVOKED, "Internet Explorer and old Edge", "DLG_FLAGS_SEC_CERT_REV_FAILED"),
)  # fmt: skip


def _rows() -> dict[str, Explanation]:
    return {
        name: problem.explained(f"{name}, {browser}", _SENTENCES[problem])
        for problem, browser, names in _BROWSERS
        for name in names.split()
    }


CLIENTS = _rows()
"""Browsers' errors by their names, without Chrome's ``net::``."""

_PHRASES = {
    "unable to get local issuer certificate": faults.TRUST,
    "self-signed certificate": faults.TRUST,
    "self signed certificate": faults.TRUST,
    "the remote certificate is invalid according to the validation procedure": faults.TRUST,
    "could not establish trust relationship for the ssl/tls secure channel": faults.TRUST,
    "no alternative certificate subject name matches": faults.NAME,
    "hostname mismatch": faults.NAME,
    "certificate has expired": faults.DATES,
    "can't provide a secure connection": faults.PLAIN_TEXT,
    "wrong version number": faults.PLAIN_TEXT,
}
PHRASES = {
    text: fault.explained(f"'{text}', of a client", _SENTENCES[fault])
    for text, fault in _PHRASES.items()
}
"""What curl, OpenSSL, Python, .NET and browsers say about a certificate, in lower case."""
