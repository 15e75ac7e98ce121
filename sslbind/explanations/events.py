"""The events in the Windows log about bindings: those of Schannel and of HTTP.SYS.

Sources: Microsoft Learn, "Schannel Events" (dn786445) and the pages on events of
"HTTP Service Namespace Management"; 15300 and 15301 from public event logs.
"""

from __future__ import annotations

from sslbind.explanations import faults
from sslbind.explanations.explanation import Detail, Explanation

_UNUSABLE = (
    Detail("the certificate has no private key, or its key set is broken (see 1312)"),
    Detail("the certificate is not in the store that the record names"),
)

RECORD_EVENTS = (15021, 15300, 15301)
"""The events of HTTP.SYS whose ``endpoint`` is the key of a record."""

SENTENCES = {
    "an error occurred while using ssl configuration for": 15021,
    "a fatal error occurred when attempting to access the": 36870,
    "a fatal error occurred while creating a": 36871,
    "no suitable default server credential exists": 36886,
    "a fatal alert was received from the remote endpoint": 36887,
    "a fatal alert was generated and sent to the remote endpoint": 36888,
}
"""The events by the beginning of their text, in lower case."""

EVENTS = {
    15005: faults.PORT_TAKEN.explained(
        "Event 15005, HttpEvent",
        "HTTP.SYS cannot bind to an address and port: the sites there are not reached.",
    ),
    15014: faults.PORT_TAKEN.explained(
        "Event 15014, HttpEvent", "An entry of the IP listen list is not an address."
    ),
    15015: faults.PORT_TAKEN.explained(
        "Event 15015, HttpEvent",
        "No entry of the IP listen list could be used: HTTP.SYS listens on every address.",
    ),
    15021: Explanation(
        "Event 15021, HttpEvent",
        "A record names a certificate that HTTP.SYS cannot use; its connections fail.",
        (*_UNUSABLE, Detail("the certificate was renewed, but the record kept the old hash")),
        (
            "sslbind check --select 'cert-*' finds such records",
            "sslbind rebind OLD NEW replaces the certificate in every record",
            "sslbind store add FILE.pfx adds a certificate with its key",
        ),
    ),
    15300: Explanation(
        "Event 15300, HttpEvent",
        "A record was deleted.",
        (
            Detail("an administrator, or the owner of the record, deleted it"),
            Detail(
                "a binding was removed whose record is shared: all https bindings without SNI on"
                    " one address and port, of any site, share it (KB 2405568), as do products"
                    " other than IIS, such as Reporting Services"
            ),
            Detail(
                "the IIS configuration has property 5506 below customMetadata, a leftover that"
                    " makes bindings disappear"
            ),
        ),
        (
            "sslbind list shows the records that should exist",
            ("sslbind check --sites applicationHost.config finds bindings without a record, records"
            " that several sites share, and property 5506: explain legacy-5506"),
        ),
    ),
    15301: Explanation(
        "Event 15301, HttpEvent",
        "A record was created.",
        (Detail("netsh, IIS or another owner added it"),),
        ("sslbind list shows the intended records; there is nothing to fix",),
    ),
    36869: faults.PRIVATE_KEY.explained(
        "Event 36869, Schannel",
        "The certificate has no private key: usually it was restored, or imported from a .cer.",
    ),
    36870: Explanation(
        "Event 36870, Schannel",
        "The private key of the server's certificate is not accessible; the handshake fails.",
        (*_UNUSABLE, Detail("the service has no right to read the key below MachineKeys")),
        (
            "sslbind store verify reports keys that are missing, locked or do not match",
            "sslbind store add FILE.pfx adds the certificate with its key",
            "sslbind explain 1312 lists what else breaks a key",
        ),
    ),
    36871: faults.VERSIONS.explained(
        "Event 36871, Schannel",
        "No TLS credential could be created; the text has the internal error state. 10013 means"
            " that the TLS versions or cipher suites that a program requests are turned off.",
    ),
    36872: faults.TRUST.explained(
        "Event 36872, Schannel",
        "Windows could not retrieve the chain of the certificate; before Server 2008 R2 the event"
            " meant that the server has no default certificate, which is now 36886.",
    ),
    36874: faults.VERSIONS.explained(
        "Event 36874, Schannel",
        "Client and server have no cipher suite in common; the handshake fails.",
    ),
    36876: faults.TRUST.explained(
        "Event 36876, Schannel", "The certificate of a remote server did not validate."
    ),
    36877: faults.CLIENT_CERTIFICATE.explained(
        "Event 36877, Schannel", "The certificate of a client did not validate."
    ),
    36878: faults.CLIENT_CERTIFICATE.explained(
        "Event 36878, Schannel", "The certificate of a client is not suitable for its purpose."
    ),
    36881: faults.DATES.explained(
        "Event 36881, Schannel", "The certificate of a remote server has expired, or is not valid"
        " yet."
    ),
    36882: faults.TRUST.explained(
        "Event 36882, Schannel", "The certificate of a remote server was issued by an untrusted"
            " authority."
    ),
    36884: faults.NAME.explained(
        "Event 36884, Schannel", "The certificate of a remote server does not have the requested"
            " name."
    ),
    36885: faults.ISSUER_LIST.explained(
        "Event 36885, Schannel",
        "The list of authorities that this server trusts is too long: Schannel truncated it when"
            " asking for client certificates.",
    ),
    36886: faults.MISSING_CERTIFICATE.explained(
        "Event 36886, Schannel",
        "There is no suitable default certificate on this server. This concerns programs that use"
            " the default, such as a directory server: HTTP.SYS uses the certificates of its"
            " records.",
    ),
    36887: faults.HANDSHAKE.explained(
        "Event 36887, Schannel",
        "The other side sent a fatal alert and ended the handshake: alert N in the text says why."
            " 46 and 48 mean that the client does not accept the certificate.",
    ),
    36888: faults.HANDSHAKE.explained(
        "Event 36888, Schannel",
        "The server sent a fatal alert and ended the handshake; 40 is handshake_failure.",
    ),
}  # fmt: skip
"""Windows events about bindings."""
