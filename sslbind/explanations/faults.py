"""The problems that codes, events, alerts and browsers report: why they occur, how to fix them."""

from __future__ import annotations

from sslbind.explanations.explanation import Fault

_WHO_ANSWERS = "sslbind resolve ADDRESS:PORT HOST --explain shows which record answers, and why"
_FIND_CERTIFICATES = "sslbind check --select 'cert-*' finds records with certificate problems"
_ADD_WITH_KEY = "sslbind store add FILE.pfx adds the certificate with its key"
_VERIFY = "sslbind store verify reports what is wrong with a certificate, its key or its chain"
_RENEW = "sslbind renew FILE replaces the certificate in every record with the same names"
_PROBE = "sslbind probe ADDRESS:PORT HOST shows what the server really sends"

PRIVATE_KEY = Fault(
    (
        "the certificate has no private key, or its key set is broken (see 1312)",
        "the service has no right to read the key below MachineKeys",
        "the key set belongs to another user, or was deleted with a profile or a temporary file",
    ),
    (
        _VERIFY,
        _ADD_WITH_KEY,
        "certutil -repairstore MY THUMBPRINT, on the server, finds a key that is still there",
    ),
)
NAME = Fault(
    (
        "a record for another name, or the default of the port, answers",
        "the certificate does not list the name: browsers only read the subject alternative names",
        "a wildcard covers one label: *.contoso.com covers neither contoso.com nor a.b.contoso.com",
    ),
    (
        _WHO_ANSWERS,
        "sslbind check --select cert-host-mismatch finds records whose certificate lacks the name",
        _RENEW,
    ),
)
DATES = Fault(
    (
        "the certificate, or one of its issuers, has expired or is not valid yet",
        "it was renewed, but the record kept the old thumbprint",
        "the clock of the client or the server is wrong",
    ),
    (
        "sslbind expiry lists what expires, and when",
        _WHO_ANSWERS,
        _RENEW,
    ),
)
TRUST = Fault(
    (
        "the server does not send the intermediate certificate",
        "the root is a private one that this client does not trust",
        "the certificate is self-signed, such as the one of a fresh installation",
    ),
    (
        "sslbind check --select 'cert-chain-*' finds chains that are incomplete or expired",
        "sslbind resolve ADDRESS:PORT HOST --explain shows the chain that Windows would send",
        _PROBE,
    ),
)
REVOKED = Fault(
    (
        "the issuer revoked the certificate: usually after issuing a new one",
        "a stapled OCSP response or a revocation list (CRL) says so",
    ),
    (_WHO_ANSWERS, _RENEW),
)
REVOCATION_UNKNOWN = Fault(
    (
        "the verifier could not fetch the revocation list (CRL) or an OCSP response",
        "for client certificates the server fetches it: a firewall or proxy may block that",
    ),
    (
        (
            "sslbind update sslcert KEY verifyclientcertrevocation=disable stops the server from"
            " checking"
        ),
        (
            "sslbind update sslcert KEY verifyrevocationwithcachedclientcertonly=enable only checks"
            " the cache"
        ),
    ),
)
USAGE = Fault(
    (
        "the certificate is not for servers: its extended key usage lacks serverAuth",
        "its key usage lacks digitalSignature, which TLS 1.3 and ECDHE suites need",
    ),
    (
        "sslbind check --select 'cert-*' finds both: cert-eku and cert-key-usage",
        _RENEW,
    ),
)
WEAK = Fault(
    (
        "the key is too short, or of a type that clients do not accept",
        "the certificate, or an intermediate, is signed with SHA-1 or MD5",
    ),
    ("sslbind check --select 'cert-weak,cert-key-type' finds such certificates", _RENEW),
)
VERSIONS = Fault(
    (
        "the record, or the machine, turns off the TLS versions that the client supports",
        "no common cipher suite works with the key of the certificate, RSA or EC",
    ),
    (
        "sslbind check --select no-tls-version-left finds records without any TLS version",
        "sslbind resolve ADDRESS:PORT HOST --explain shows which versions a record allows",
    ),
)
HANDSHAKE = Fault(
    (
        "there is no common cipher suite or TLS version: see event 36874",
        "the record that was picked has no usable certificate",
    ),
    (_WHO_ANSWERS, "sslbind check finds records that cannot serve"),
)
CLOSED = Fault(
    (
        "no record answers this connection: HTTP.SYS ends the handshake without an alert",
        "the record has reject=enable",
        "the certificate of the record cannot be used: event 15021 or 36870 on the server",
        "a device between client and server ends connections with this name",
    ),
    (_WHO_ANSWERS, "sslbind check finds records that cannot serve", _PROBE),
)
NOT_LISTENING = Fault(
    (
        "nothing listens there: no site, service or URL reservation uses this address and port",
        "the IP listen list only has other addresses",
        "a firewall refuses the connection",
    ),
    (
        "sslbind show iplisten shows the addresses that HTTP.SYS listens on",
        "netsh http show servicestate, on the server, shows the URLs that are registered",
        _PROBE,
    ),
)
NO_ANSWER = Fault(
    (
        "no packet came back: a firewall drops them, or the address is not that of the server",
        "the server is down, or does not listen there",
    ),
    (_PROBE, "sslbind show iplisten shows the addresses that HTTP.SYS listens on"),
)
TRANSPARENCY = Fault(
    (
        "the certificate is not in the public logs that browsers require of public CAs",
        "an internal CA issues under a root that browsers ship",
    ),
    ("get one from a CA that submits it to the logs: every public CA does", _RENEW),
)
PORT_TAKEN = Fault(
    (
        "another process uses the port: netstat -ano, on the server, shows which",
        "an address of the IP listen list does not exist on the machine",
    ),
    (
        "sslbind show iplisten shows the addresses that HTTP.SYS listens on",
        "sslbind delete iplisten ADDRESS removes one",
    ),
)
PLAIN_TEXT = Fault(
    (
        "the port speaks HTTP without TLS: the site has an http binding where https is expected",
        "a proxy or load balancer answers there, not HTTP.SYS",
    ),
    (
        "sslbind check --sites applicationHost.config compares the bindings of sites with records",
        _PROBE,
    ),
)
CLIENT_CERTIFICATE = Fault(
    (
        "the client has no certificate from an issuer that the server lists",
        "the certificate was refused: expired, revoked, or not for clients",
        "the list of issuers is longer than 16 kB and was truncated: event 36885",
    ),
    (
        "the flags column of sslbind list shows which records ask for client certificates",
        "sslbind check --select 'ctl-*,root-not-self-signed' finds problems with the list",
    ),
)
ISSUER_LIST = Fault(
    (
        "the server trusts so many CAs that their names take more than 16 kB",
        "clients whose issuer was cut off send no certificate: 403.7 or 403.16",
    ),
    (
        "sslbind check --select ctl-too-long counts the names",
        "use a store with only the accepted issuers: sslctlstorename=STORE",
    ),
)
MISSING_CERTIFICATE = Fault(
    (
        "the certificate is not in the store that certstorename names",
        "the thumbprint is that of the certificate before its renewal",
    ),
    (
        "sslbind store list shows which stores have the certificate, and whether its key is there",
        _FIND_CERTIFICATES,
        _ADD_WITH_KEY,
    ),
)
PFX = Fault(
    (
        "the password is wrong",
        (
            "the file is encrypted with AES and SHA-256, which Windows before Server 2019 cannot"
            " open and reports as a wrong password"
        ),
    ),
    (
        "sslbind explain pfx-too-new says how to encrypt the file again",
        "sslbind ccs list and sslbind store list show how each file is encrypted",
    ),
)
OTHER_OWNER = Fault(
    (
        "the request reached HTTP.SYS, but no worker process takes it",
        "the application pool is stopped or fails, or the service that owns the URL does not run",
        "a URL reservation of another application wins: netsh http show urlacl lists them",
    ),
    (
        (
            "the handshake worked, so the record is not the cause: check the application pool"
            r" and %SystemRoot%\System32\LogFiles\HTTPERR"
        ),
    ),
)
WRONG_SITE = Fault(
    (
        "no site has this host name on this address and port",
        "the client reuses a connection that it made for another name of the same certificate",
    ),
    (
        "sslbind check --sites applicationHost.config compares the bindings of sites with records",
        _WHO_ANSWERS,
    ),
)
INTERNAL = Fault(
    (
        "the alert has no details; the sender's own log may",
        "on Windows, Schannel events of the same second give the reason (36871, 36874, 36888)",
    ),
    (_WHO_ANSWERS, "sslbind check finds records that cannot serve"),
)
BROKEN_MESSAGE = Fault(
    (
        "something that is not TLS arrived: plain HTTP on the port, or a proxy's answer",
        "a device between the two changed or interrupted the handshake",
    ),
    (_PROBE,),
)
SITE_EXISTS = Fault(
    (
        "two sites have the same binding, so the second cannot start",
        "a record with this key exists, from this owner or another",
    ),
    (
        "sslbind check --sites applicationHost.config finds bindings that sites share",
        "sslbind show sslcert KEY shows the record and its owner",
    ),
)
BAD_ADDRESS = Fault(
    ("the binding of a site has an IPv6 address without brackets",),
    (
        "sslbind check --sites applicationHost.config --select ipv6-unbracketed finds it",
        "sslbind explain ipv6-unbracketed",
    ),
)
NO_STORE = Fault(
    (
        "a record has no certstorename: IIS Manager fails on it with this error",
        "a program called with too small a buffer, and will call again",
    ),
    (
        "sslbind check --select null-store finds such records",
        "sslbind update sslcert KEY certstorename=MY sets the store",
    ),
)
