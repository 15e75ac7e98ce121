"""How a PFX file is encrypted ("sealed"), read from its structure without the password.

RFC 7292 leaves open which algorithms protect a file. Windows Server 2016 and
older know PBES1 (3DES and RC2) with a SHA-1 MAC and nothing newer: for an AES file they
report a wrong password (Microsoft Learn, "Can't import an AES256-SHA256-encrypted PFX
certificate"; reported 14 times), and also for a file with only a SHA-256 MAC (reported 4
times). AES is read from Server 2019 on. Every release refuses more than 600,000 iterations
of the MAC or of PBES1 as a wrong password (reported once, with the text of the error).
Nothing public says that any release reads PBMAC1 (RFC 9579).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from sslbind.certificates import der
from sslbind.release import Release
from sslbind.wording import join

MODERN_SINCE = Release.W2019
"""The first server that opens what OpenSSL 3 writes by default; so does Windows 10 1709."""
MAX_ITERATIONS = 600_000
"""Iterations of a MAC, or of PBES1, that Windows accepts; PBES2 has no such limit."""

_DATA = bytes.fromhex("2a864886f70d010701")
_ENCRYPTED = bytes.fromhex("2a864886f70d010706")
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBMAC1 = bytes.fromhex("2a864886f70d01050e")
_SHROUDED = bytes.fromhex("2a864886f70d010c0a0102")
_KEY = bytes.fromhex("2a864886f70d010c0a0101")
_PROVIDER = bytes.fromhex("2b0601040182371101")
_PBES1 = {
    bytes.fromhex("2a864886f70d010c01") + bytes((place,)): name
    for place, name in enumerate(("RC4-128", "RC4-40", "3DES", "2DES", "RC2-128", "RC2-40"), 1)
}
_CIPHERS = {
    bytes.fromhex("60864801650304012a"): "AES-256",
    bytes.fromhex("608648016503040116"): "AES-192",
    bytes.fromhex("608648016503040102"): "AES-128",
    bytes.fromhex("2a864886f70d0307"): "3DES",
}
_DIGESTS = {
    bytes.fromhex("2b0e03021a"): "SHA-1",
    bytes.fromhex("2a864886f70d0205"): "MD5",
    bytes.fromhex("608648016503040201"): "SHA-256",
    bytes.fromhex("608648016503040202"): "SHA-384",
    bytes.fromhex("608648016503040203"): "SHA-512",
    bytes.fromhex("608648016503040204"): "SHA-224",
}
PBMAC1 = "PBMAC1"
_OLD_MACS = frozenset(("", "SHA-1", "MD5"))
_OTHER = "an unknown algorithm"


class Sealed(NamedTuple):
    """How a PFX file is encrypted, as far as it can be seen without its password.

    ``mac`` is the digest of the MAC, or PBMAC1, empty without one. ``pbes1`` and
    ``pbes2`` are the ciphers of its parts and keys, by scheme, each once.
    ``iterations`` is the largest count of the MAC and of PBES1. ``keys`` counts the visible
    private keys, ``provider`` is the Windows provider of the key.
    """

    mac: str = ""
    pbes1: tuple[str, ...] = ()
    pbes2: tuple[str, ...] = ()
    iterations: int = 0
    keys: int = 0
    provider: str = ""

    def __str__(self) -> str:
        """Return it in short form: ``AES-256, SHA-256``, or ``not encrypted, SHA-1``."""
        ciphers = tuple(dict.fromkeys((*self.pbes2, *self.pbes1))) or ("not encrypted",)
        return ", ".join((*ciphers, self.mac or "no MAC"))

    @property
    def modern(self) -> tuple[str, ...]:
        """The algorithms that Server 2016 and older do not know, in words."""
        mac = self.mac if self.pbes2 else f"a {self.mac} MAC"
        return self.pbes2 if self.mac in _OLD_MACS else (*self.pbes2, mac)

    @property
    def encrypted(self) -> bool:
        """Whether a part of it, or a key, needs the password."""
        return bool(self.pbes1 or self.pbes2)


class Bag(NamedTuple):
    """A private key in a PFX file: in PKCS#8, or encrypted with its algorithm (DER)."""

    shrouded: bool
    algorithm: bytes
    content: bytes


def too_new(sealed: Sealed, release: Release) -> str:
    """Return why ``release`` cannot open such a file, to end a sentence; empty if it can."""
    if sealed.iterations > MAX_ITERATIONS:
        return (
            f"is protected with {sealed.iterations} iterations, but Windows opens at most"
            f" {MAX_ITERATIONS}: it reports a wrong password"
        )
    if sealed.mac == PBMAC1:
        return "is protected with PBMAC1 (RFC 9579), which no Windows is known to open"
    if sealed.modern and release < MODERN_SINCE:
        return (
            f"is protected with {join(sealed.modern)}, which {release.title} cannot open: it"
            " reports a wrong password"
        )
    return ""


def sealed_of(data: bytes) -> Sealed | None:
    """Return how a PFX file is encrypted, None for any other file and for a damaged one."""
    reader = _reader_of(data)
    return reader.found if reader else None


def key_bags_of(data: bytes) -> list[Bag]:
    """Return the visible private keys of a PFX file, in order; none for any other file."""
    reader = _reader_of(data)
    return reader.bags if reader else []


@functools.lru_cache(maxsize=4)  # a locked file is examined again with its password
def _reader_of(data: bytes) -> _Reader | None:
    if der.kind(data) != "pkcs12":
        return None
    try:
        reader = _Reader(der.normal(data))
    except der.NotBerError:
        return None
    reader.read()
    return reader


class _Reader:
    """Walks a PFX in DER; anything that does not follow RFC 7292 is skipped."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.found = Sealed()
        self.bags: list[Bag] = []

    def read(self) -> None:
        top = self._parts(0, len(self._data))[:1]
        parts = self._parts(*top[0][1:]) if top else []
        if len(parts) > 2:
            self._mac(parts[2])
        if len(parts) > 1:
            for info in self._sequence(self._content(parts[1])):
                self._info(info)

    def _mac(self, part: tuple[int, int, int]) -> None:
        inside = self._parts(*part[1:])
        info = self._parts(*inside[0][1:]) if inside else []
        algorithm = self._parts(*info[0][1:]) if info else []
        oid = self._bytes(algorithm[0]) if algorithm else b""
        if oid == _PBMAC1:
            self.found = self.found._replace(mac=PBMAC1)
            return
        rounds = self._number(inside[2]) if len(inside) > 2 else 1
        self._count(rounds)
        self.found = self.found._replace(mac=_DIGESTS.get(oid, _OTHER))

    def _info(self, info: tuple[int, int, int]) -> None:
        """Examine one part of the file: encrypted, or with visible bags."""
        parts = self._parts(*info[1:])
        kind = self._bytes(parts[0]) if parts else b""
        if kind == _ENCRYPTED:
            content = [one for part in parts[1:] for one in self._parts(*part[1:])]
            inside = self._parts(*content[0][1:]) if content else []
            encrypted = self._parts(*inside[1][1:]) if len(inside) > 1 else []
            if len(encrypted) > 1:
                self._cipher(encrypted[1])
        elif kind == _DATA:
            for bag in self._sequence(self._content(info)):
                self._bag(bag)

    def _bag(self, bag: tuple[int, int, int]) -> None:
        parts = self._parts(*bag[1:])
        kind = self._bytes(parts[0]) if parts else b""
        if kind not in (_SHROUDED, _KEY):
            return
        self.found = self.found._replace(keys=self.found.keys + 1)
        values = self._parts(*parts[1][1:]) if len(parts) > 1 else []
        inside = self._parts(*values[0][1:]) if values else []
        if kind == _SHROUDED and len(inside) > 1:
            self._cipher(inside[0])
            start, end = inside[0][1:]
            algorithm = der.encode(0x30, self._data[start:end])
            self.bags.append(Bag(True, algorithm, self._bytes(inside[1])))
        elif kind == _KEY and values:
            whole = der.encode(0x30, self._bytes(values[0]))
            self.bags.append(Bag(False, b"", whole))
        for attribute in self._parts(*parts[2][1:]) if len(parts) > 2 else []:
            name, *rest = self._parts(*attribute[1:]) or [(0, 0, 0)]
            held = self._parts(*rest[0][1:]) if rest else []
            if self._bytes(name) == _PROVIDER and held:
                text = self._bytes(held[0]).decode("utf-16-be", "replace")
                self.found = self.found._replace(provider=text[:200])

    def _cipher(self, algorithm: tuple[int, int, int]) -> None:
        parts = self._parts(*algorithm[1:])
        oid = self._bytes(parts[0]) if parts else b""
        parameters = self._parts(*parts[1][1:]) if len(parts) > 1 else []
        if oid == _PBES2:
            scheme = self._parts(*parameters[1][1:]) if len(parameters) > 1 else []
            name = _CIPHERS.get(self._bytes(scheme[0]), _OTHER) if scheme else _OTHER
            self.found = self.found._replace(
                pbes2=_with(self.found.pbes2, f"{name} (PBES2)" if name == "3DES" else name)
            )
        else:
            name = _PBES1.get(oid, _OTHER)
            self.found = self.found._replace(pbes1=_with(self.found.pbes1, name))
            self._count(next((self._number(one) for one in parameters if one[0] == 2), 0))

    def _count(self, rounds: int) -> None:
        if rounds > self.found.iterations:
            self.found = self.found._replace(iterations=rounds)

    # Elements are tag, start and end of the content.

    def _parts(self, start: int, end: int) -> list[tuple[int, int, int]]:
        return der.elements(self._data, start, end)

    def _content(self, info: tuple[int, int, int]) -> tuple[int, int, int] | None:
        """Return the OCTET STRING of a ContentInfo with data."""
        parts = self._parts(*info[1:])
        held = self._parts(*parts[1][1:]) if len(parts) > 1 else []
        return held[0] if held else None

    def _sequence(self, octets: tuple[int, int, int] | None) -> list[tuple[int, int, int]]:
        """Return the elements of the SEQUENCE in an OCTET STRING."""
        top = self._parts(*octets[1:])[:1] if octets else []
        return self._parts(*top[0][1:]) if top else []

    def _bytes(self, one: tuple[int, int, int]) -> bytes:
        return self._data[one[1] : one[2]]

    def _number(self, one: tuple[int, int, int]) -> int:
        return int.from_bytes(self._bytes(one)[:16], "big")


def _with(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)
