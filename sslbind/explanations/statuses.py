"""The HTTP statuses, with IIS's substatus, that a binding or a certificate may cause.

Sources: Microsoft Learn, "HTTP status code in IIS"; RFC 9110 for 421.
"""

from __future__ import annotations

from sslbind.explanations import faults

_ROWS = (
    ("400", "Bad Request", ("From Microsoft-HTTPAPI with 'Invalid Hostname': HTTP.SYS has no site"
        " with this host name. From proxies such as nginx: plain HTTP reached a TLS port."),
     faults.WRONG_SITE),
    ("403.4", "SSL required", "The site requires TLS, but the request came without it.",
     faults.PLAIN_TEXT),
    ("403.7", "Client certificate required", ("The site requires a client certificate, but the"
        " client sent none."), faults.CLIENT_CERTIFICATE),
    ("403.13", "Client certificate revoked", ("The client's certificate is revoked, or its"
        " revocation status could not be checked."), faults.REVOCATION_UNKNOWN),
    ("403.16", "Client certificate is untrusted or invalid", ("Windows does not trust the issuer of"
     " the client's certificate, or its Root store holds a certificate that is not self-signed."),
     faults.CLIENT_CERTIFICATE),
    ("403.17", "Client certificate has expired or is not yet valid", ("The client's certificate"
        " has expired or is not valid yet."), faults.CLIENT_CERTIFICATE),
    ("404", "Not Found", ("From Microsoft-HTTPAPI: the handshake worked, but no site or service"
        " has registered this URL."), faults.WRONG_SITE),
    ("421", "Misdirected Request", ("The connection was opened for another name, and the server"
        " does not serve this one on it (HTTP/2)."), faults.WRONG_SITE),
    ("503", "Service Unavailable", ("From Microsoft-HTTPAPI: HTTP.SYS has the request, but no"
        " process takes it."), faults.OTHER_OWNER),
)  # fmt: skip
STATUSES = {
    number: problem.explained(f"HTTP {number}, {name}", means)
    for number, name, means, problem in _ROWS
}
"""Statuses by their number, with the substatus after a dot."""
