"""The text armour around certificates and keys: RFC 7468, and the older RFC 1421.

No cryptography is needed, or imported: adding a binding by thumbprint reads a
certificate at the speed of a process start.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

_MARK = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")
_CIPHER = re.compile(rb"DEK-Info: (AES|DES)[A-Z0-9-]{0,20},([0-9A-Fa-f]*)")
MAX_SIZE = 16 << 20
"""The largest file in bytes: a hundred times the root certificates of an operating system."""
CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
"""The standard label, and two that OpenSSL wrote; the last has trust settings after the DER."""


class PemBlock:
    """One armoured object: its ``label``, the whole ``text``, and the bytes inside.

    ``der`` is empty if the base64 is damaged. Its repr shows nothing: a block may be a
    private key.
    """

    __slots__ = ("der", "label", "text")

    def __init__(self, label: str, text: bytes, der: bytes) -> None:
        self.label = label
        self.text = text
        self.der = der

    @property
    def encrypted_by_header(self) -> bool:
        """Whether it is a key encrypted the old way (RFC 1421), which only its text opens."""
        return b"Proc-Type: 4,ENCRYPTED" in self.text

    @property
    def header_is_whole(self) -> bool:
        """Whether the cipher in the header has an initialisation vector of the right length.

        cryptography 50 does not check, and panics.
        """
        found = _CIPHER.search(self.text)
        return found is not None and len(found[2]) == (32 if found[1] == b"AES" else 16)


def blocks(data: bytes) -> Iterator[PemBlock]:
    """Yield the objects in ``data``, in their order, whatever text is between them.

    Line ends, a byte order mark and text before, between and after are skipped, and so is
    an unterminated block. The time is linear in the size.
    """
    begin: re.Match[bytes] | None = None
    for mark in _MARK.finditer(data):
        if mark[1] == b"BEGIN":
            begin = mark
        elif begin is not None and mark[2] == begin[2]:
            text, body = data[begin.start() : mark.end()], data[begin.end() : mark.start()]
            yield PemBlock(mark[2].decode("ascii"), text, _decode(body))
            begin = None


def first_certificate(data: bytes) -> bytes | None:
    """Return the DER of the first certificate in ``data``, or None if there is none."""
    for block in blocks(data):
        if block.label == "CERTIFICATE":
            return block.der or None
    return None


def armour(label: str, der: bytes) -> bytes:
    """Return ``der`` as PEM with lines of 64 characters, as RFC 7468 asks."""
    text = binascii.b2a_base64(der, newline=False)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    mark = label.encode("ascii")
    return b"\n".join((b"-----BEGIN %s-----" % mark, *lines, b"-----END %s-----\n" % mark))


def _decode(body: bytes) -> bytes:
    if b":" in body:  # RFC 1421 headers, up to an empty line
        body = body.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        return b""
