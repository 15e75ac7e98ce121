"""The codes of Windows: its errors as netsh and IIS show them, and HRESULTs about bindings.

The names and sentences are those of Windows' own headers (Learn: System Error
Codes; COM Error Codes, Security and Setup). A code below 65536 is one of
Windows; as an HRESULT it is 0x8007 and the code in hexadecimal.
"""

from __future__ import annotations

from sslbind.explanations import faults
from sslbind.explanations.explanation import Detail, Explanation, Fault
from sslbind.netsh_messages import SYSTEM_TEXTS

_WIN32 = 0x80070000  # FACILITY_WIN32: the lower half is a Windows error code

_OWN = {
    2: Fault(
        (
            "there is no record with this key",
            "the port or the spelling of the key differs",
            (
                "in IIS Manager's list of the central store: a PFX file that openssl, BouncyCastle"
                " or .NET wrote, which is often served anyway (reported 5 times)"
            ),
        ),
        (
            "sslbind list shows the records that exist",
            "sslbind delete sslcert KEY --missing-ok succeeds if there is none",
            "sslbind ccs list shows whether a file opens; IIS Manager lists what Windows exported",
        ),
    ),
    5: Fault(
        (
            "the console is not elevated: only administrators change HTTP.SYS's records",
            "in a pipeline, the account that its agent runs as is not an administrator",
        ),
        ("run netsh in an elevated console; sslbind only needs access to the registry file",),
    ),
    87: Fault(
        (
            (
                "the hash was pasted from the certificate window, with U+200E or another"
                " invisible character at its start, or with spaces or colons"
            ),
            "the hash has 64 digits: it is a SHA-256, but certhash is a SHA-1 of 40",
            ("bare braces in PowerShell, or single quotes in cmd, around a GUID, or a wrong GUID"),
            "a hostnameport record without certstorename",
            "a host name given to ipport, or a key without its port",
        ),
        (
            "sslbind accepts such a hash, and reports what it removed",
            "quote the GUID as appid='{GUID}' in PowerShell, or name the owner: appid=iis",
            "sslbind add sslcert ? explains every tag",
        ),
    ),
    183: Fault(
        ("a record with this key exists, from this owner or another",),
        (
            "sslbind show sslcert KEY shows the record and its owner",
            "sslbind update sslcert KEY TAG=VALUE changes it",
            "sslbind add sslcert KEY TAG=VALUE --if-exists update adds or changes it",
        ),
    ),
    1312: Fault(
        (
            "the certificate has no private key: a .cer was imported instead of the .pfx",
            "the certificate is not in the store that certstorename names",
            "it was imported for the user, not for the machine",
            (
                "the key set is broken: an import in IIS without 'allow export', access rights on"
                " MachineKeys, KeySpec 2, or a temporary key"
            ),
        ),
        (
            (
                "sslbind store list shows which stores have the certificate, and whether its key"
                " is there"
            ),
            "sslbind store add FILE.pfx --store MY adds the certificate with its key",
            "sslbind store verify THUMBPRINT checks the certificate, its key and its chain",
        ),
    ),
}
"""The problems of the errors that netsh itself answers."""

_ROWS = (
    (2, "ERROR_FILE_NOT_FOUND", SYSTEM_TEXTS[2], _OWN[2]),
    (5, "ERROR_ACCESS_DENIED", SYSTEM_TEXTS[5], _OWN[5]),
    (32, "ERROR_SHARING_VIOLATION", ("The process cannot access the file because it is being used"
     " by another process; when a site fails to start, the file is its port."),
     faults.PORT_TAKEN),
    (86, "ERROR_INVALID_PASSWORD", ("The specified network password is not correct; when"
        " importing a PFX file, it is the file's password."), faults.PFX),
    (87, "ERROR_INVALID_PARAMETER", SYSTEM_TEXTS[87], _OWN[87]),
    (183, "ERROR_ALREADY_EXISTS", SYSTEM_TEXTS[183], _OWN[183]),
    (234, "ERROR_MORE_DATA", "More data is available.", faults.NO_STORE),
    (1168, "ERROR_NOT_FOUND", "Element not found.", faults.MISSING_CERTIFICATE),
    (1312, "ERROR_NO_SUCH_LOGON_SESSION", SYSTEM_TEXTS[1312], _OWN[1312]),
    (9552, "DNS_ERROR_INVALID_IP_ADDRESS", ("Invalid IP address; IIS reports it and does not"
        " start the site."), faults.BAD_ADDRESS),
    (10013, "WSAEACCES", ("An attempt was made to access a socket in a way forbidden by its access"
     " permissions: another process holds the port, or Windows has reserved it."),
     faults.PORT_TAKEN),
    (10048, "WSAEADDRINUSE", ("Only one usage of each socket address (protocol, address and port)"
     " is normally permitted."), faults.PORT_TAKEN),
    (10049, "WSAEADDRNOTAVAIL", ("The requested address is not valid in its context: the machine"
     " does not have it."), faults.PORT_TAKEN),
    (12037, "ERROR_WINHTTP_SECURE_CERT_DATE_INVALID", ("The certificate is not within its validity"
     " period."), faults.DATES),
    (12038, "ERROR_WINHTTP_SECURE_CERT_CN_INVALID", ("The certificate is not for the name that the"
     " client asked for."), faults.NAME),
    (12044, "ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED", "The server asks for a client certificate.",
     faults.CLIENT_CERTIFICATE),
    (12045, "ERROR_WINHTTP_SECURE_INVALID_CA", "The issuer of the certificate is not trusted.",
     faults.TRUST),
    (12057, "ERROR_WINHTTP_SECURE_CERT_REV_FAILED", ("The revocation status of the certificate"
        " could not be checked."), faults.REVOCATION_UNKNOWN),
    (12157, "ERROR_WINHTTP_SECURE_CHANNEL_ERROR", ("The secure channel failed: usually there is"
        " no common TLS version or cipher suite."), faults.VERSIONS),
    (12170, "ERROR_WINHTTP_SECURE_CERT_REVOKED", "The certificate is revoked.", faults.REVOKED),
    (12175, "ERROR_WINHTTP_SECURE_FAILURE", "The certificate of the server has one or more errors.",
     faults.TRUST),
    (0x80090016, "NTE_BAD_KEYSET", ("Keyset does not exist: the container of the private key is"
     " gone."), faults.PRIVATE_KEY),
    (0x8009000B, "NTE_BAD_KEY_STATE", ("Key not valid for use in specified state: the private key"
     " was imported without 'allow export'."), faults.PRIVATE_KEY),
    (0x8009000D, "NTE_NO_KEY", "Key does not exist.", faults.PRIVATE_KEY),
    (0x80090010, "NTE_PERM", "Access denied, to a private key.", faults.PRIVATE_KEY),
    (0x80090029, "NTE_NOT_SUPPORTED", ("The requested operation is not supported by the provider"
     " of the private key."), faults.PRIVATE_KEY),
    (0x80090304, "SEC_E_INTERNAL_ERROR", ("The Local Security Authority cannot be contacted: a"
     " failure inside Schannel."), faults.INTERNAL),
    (0x80090308, "SEC_E_INVALID_TOKEN", ("The token supplied to the function is invalid: what"
     " arrived is not TLS."), faults.BROKEN_MESSAGE),
    (0x8009030D, "SEC_E_UNKNOWN_CREDENTIALS", ("The credentials supplied to the package were not"
        " recognized: the private key is missing or cannot be read. It is the code inside event"
        " 36870."), faults.PRIVATE_KEY),
    (0x8009030E, "SEC_E_NO_CREDENTIALS", ("No credentials are available in the security package:"
     " there is no certificate with a private key that can be used."), faults.PRIVATE_KEY),
    (0x80090317, "SEC_E_CONTEXT_EXPIRED", ("The context has expired and can no longer be used: the"
     " other side closed the connection."), faults.CLOSED),
    (0x80090318, "SEC_E_INCOMPLETE_MESSAGE", ("The supplied message is incomplete: the connection"
     " ended in the handshake."), faults.CLOSED),
    (0x80090322, "SEC_E_WRONG_PRINCIPAL", ("The target principal name is incorrect: the certificate"
     " is not for the name that the client asked for."), faults.NAME),
    (0x80090325, "SEC_E_UNTRUSTED_ROOT", ("The certificate chain was issued by an authority that is"
     " not trusted."), faults.TRUST),
    (0x80090326, "SEC_E_ILLEGAL_MESSAGE", ("The message received was unexpected or badly"
     " formatted."), faults.BROKEN_MESSAGE),
    (0x80090327, "SEC_E_CERT_UNKNOWN", ("An unknown error occurred while processing the"
     " certificate."), faults.TRUST),
    (0x80090328, "SEC_E_CERT_EXPIRED", "The received certificate has expired.", faults.DATES),
    (0x80090331, "SEC_E_ALGORITHM_MISMATCH", ("The client and server cannot communicate, because"
     " they do not possess a common algorithm."), faults.VERSIONS),
    (0x80090349, "SEC_E_CERT_WRONG_USAGE", ("The certificate is not valid for the requested"
     " usage."), faults.USAGE),
    (0x80092004, "CRYPT_E_NOT_FOUND", ("Cannot find object or property: the certificate is not in"
     " the store."), faults.MISSING_CERTIFICATE),
    (0x8009200B, "CRYPT_E_NO_KEY_PROPERTY", ("Cannot find the certificate and private key for"
     " decryption."), faults.PRIVATE_KEY),
    (0x80092010, "CRYPT_E_REVOKED", "The certificate is revoked.", faults.REVOKED),
    (0x80092012, "CRYPT_E_NO_REVOCATION_CHECK", ("The revocation function was unable to check"
     " revocation for the certificate."), faults.REVOCATION_UNKNOWN),
    (0x80092013, "CRYPT_E_REVOCATION_OFFLINE", ("The revocation function was unable to check"
     " revocation because the revocation server was offline."), faults.REVOCATION_UNKNOWN),
    (0x80096004, "TRUST_E_CERT_SIGNATURE", "The signature of the certificate cannot be verified.",
     faults.TRUST),
    (0x800B0101, "CERT_E_EXPIRED", "A required certificate is not within its validity period.",
     faults.DATES),
    (0x800B0109, "CERT_E_UNTRUSTEDROOT", ("A certificate chain processed, but terminated in a root"
     " certificate that is not trusted."), faults.TRUST),
    (0x800B010A, "CERT_E_CHAINING", ("A certificate chain could not be built to a trusted root"
     " authority."), faults.TRUST),
    (0x800B010C, "CERT_E_REVOKED", "A certificate was explicitly revoked by its issuer.",
     faults.REVOKED),
    (0x800B010F, "CERT_E_CN_NO_MATCH", "The certificate's name does not match the passed value.",
     faults.NAME),
    (0x800B0110, "CERT_E_WRONG_USAGE", "The certificate is not valid for the requested usage.",
     faults.USAGE),
    (0x800B0112, "CERT_E_UNTRUSTEDCA", "A certification authority in the chain is not trusted.",
     faults.TRUST),
)  # fmt: skip


def _title(number: int, name: str) -> str:
    if number < _WIN32:
        return f"Error {number} (0x{_WIN32 | number:08X}), {name}"
    return f"0x{number:08X} ({number - (1 << 32)}), {name}"


CODES = {
    number: problem.explained(_title(number, name), means) for number, name, means, problem in _ROWS
}
"""Windows error codes, and what they mean for a binding."""
NAMES = {name: number for number, name, _, _ in _ROWS}
"""The codes by the names of Windows' headers."""
_QUOTED = {
    2, 5, 86, 87, 183, 1312, 10048, 0x80090016, 0x8009030D, 0x8009030E, 0x80090322, 0x80090325,
    0x80090326, 0x80090331, 0x80092004, 0x8009200B, 0x80092013, 0x800B0109, 0x800B010A,
}  # fmt: skip
"""The codes whose explanation begins with Windows' own sentence."""
SENTENCES = {
    means.replace(";", ":").split(":")[0].split(". ")[0].rstrip(".").casefold(): number
    for number, _, means, _ in _ROWS
    if number in _QUOTED
} | {"the requested operation requires elevation": 5}
"""The codes by the sentences that Windows prints for them, in lower case without a full stop."""


def spelled(number: int) -> str:
    """Return how a code is listed: a small one in decimal, an HRESULT in hexadecimal."""
    return str(number) if number < _WIN32 else f"0x{number:08X}"


def parse_code(text: str) -> int | None:
    """Return the number that ``text`` spells: decimal, negative, hexadecimal, an HRESULT.

    An HRESULT of a Windows error is that error: 0x80070520 is 1312. None if it is not a
    number of at most 32 bits.
    """
    text = text.strip().lower()
    hexadecimal = text.startswith("0x") or (len(text) == 8 and text[:2] == "80")
    try:
        number = int(text, 16 if hexadecimal else 10) if len(text) <= 16 else -1 << 40
    except ValueError:
        return None
    if not -(1 << 31) <= number < 1 << 32:
        return None
    number &= 0xFFFFFFFF
    return number & 0xFFFF if number & 0xFFFF0000 == _WIN32 else number


UPDATE = Explanation(
    "update sslcert",
    "Changes the tags that are named; the others keep their values.",
    (
        Detail(
            "this differs from netsh, as reported for Server 2025: an update that did not name"
            " dsmapperusage turned it off, because the underlying API writes a whole record",
            documented=False,
        ),
    ),
    (
        "name every tag in a script that netsh also runs; the output of export and dump does",
        "--netsh-update resets the tags that are not named to their defaults",
    ),
)
