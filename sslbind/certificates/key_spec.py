"""What a private key in a PFX file may be used for, as recorded by Windows' providers.

A key of a cryptographic service provider (CSP) is for key exchange or for
signatures only (``AT_KEYEXCHANGE``, ``AT_SIGNATURE``). Exports have it as an attribute of
the key, the bits of a key usage (PKCS#8, RFC 5208), inside the part that the password
encrypts. Parsers drop it, so the key is decrypted again here if its size shows that it has
attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import pbkdf2_hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sslbind.certificates import der
from sslbind.certificates.derivation import IV, KEY, derive
from sslbind.certificates.sealed import MAX_ITERATIONS, Bag, key_bags_of

_SIGNATURE, _EXCHANGE = 0x80, 0x10
_ATTRIBUTES = 0xA0
_LEAST = 15
"""Bytes that the shortest attribute adds to a key; a cipher's padding is one more at least."""
_USAGE = bytes.fromhex("0603551d0f")  # id-ce-keyUsage, with its header
_TRIPLE_DES = bytes.fromhex("2a864886f70d010c0103")  # pbeWithSHAAnd3-KeyTripleDES-CBC
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_DIGESTS = {
    b"": "sha1",
    bytes.fromhex("2a864886f70d0207"): "sha1",
    bytes.fromhex("2a864886f70d0209"): "sha256",
    bytes.fromhex("2a864886f70d020a"): "sha384",
    bytes.fromhex("2a864886f70d020b"): "sha512",
}
"""Digests of PBKDF2 by the identifiers of their HMACs; SHA-1 if none is named (RFC 8018)."""
_AES = {
    bytes.fromhex("60864801650304012a"): 32,
    bytes.fromhex("608648016503040116"): 24,
    bytes.fromhex("608648016503040102"): 16,
}
"""Bytes of the keys of AES in CBC mode."""


def signs_only(data: bytes, password: bytes, size: int) -> bool:
    """Whether the first private key of a PFX file is for signatures only.

    ``password`` opens the file (UTF-8); ``size`` is that of the key in PKCS#8
    without attributes. If it cannot be decrypted here the answer is False.
    """
    bag = next(iter(key_bags_of(data)), None)
    if bag is None or len(bag.content) < size + _LEAST + bag.shrouded:
        return False
    try:
        key = _decrypted(bag, password) if bag.shrouded else bag.content
        usages = [*_usages(key)]
    except (ValueError, IndexError, KeyError):  # damaged, or in an unknown format
        return False
    return any(one & _SIGNATURE and not one & _EXCHANGE for one in usages)


def _usages(key: bytes) -> Iterator[int]:
    """Yield the first octet of each key usage among the attributes of a key in PKCS#8."""
    for tag, start, end in _inside(key, 0, len(key)):
        for attribute in der.elements(key, start, end) if tag == _ATTRIBUTES else ():
            if key[attribute[1] : attribute[2]].startswith(_USAGE):
                values = der.elements(key, *attribute[1:])[1]
                bits = der.elements(key, *values[1:])[0]
                yield key[bits[1] + 1]


def _decrypted(bag: Bag, password: bytes) -> bytes:
    """Return a private key in PKCS#8, or what a wrong guess of the algorithm makes of it."""
    algorithm = bag.algorithm
    parts = _inside(algorithm, 0, len(algorithm))
    name = algorithm[parts[0][1] : parts[0][2]]
    parameters = der.elements(algorithm, *parts[1][1:])
    cipher: Cipher[modes.CBC]
    if name == _TRIPLE_DES:
        salt = algorithm[parameters[0][1] : parameters[0][2]]
        rounds = _rounds(algorithm, parameters[1])
        text = password.decode("utf-8", "replace")
        key, start = (derive(what, text, salt, rounds, long) for what, long in ((KEY, 24), (IV, 8)))
        cipher = Cipher(TripleDES(key), modes.CBC(start))
    elif name == _PBES2:
        cipher = _pbes2(algorithm, parameters, password)
    else:
        raise ValueError(name)
    decryptor = cipher.decryptor()
    return decryptor.update(bag.content) + decryptor.finalize()


def _pbes2(
    data: bytes, parameters: list[tuple[int, int, int]], password: bytes
) -> Cipher[modes.CBC]:
    """Return the cipher of PBES2 (RFC 8018): PBKDF2, and AES in CBC mode."""
    derivation, scheme = (der.elements(data, *one[1:]) for one in parameters)
    salt, rounds, *rest = der.elements(data, *derivation[1][1:])
    named = [der.elements(data, *one[1:])[0] for one in rest if one[0] == 0x30]
    digest = _DIGESTS[data[named[0][1] : named[0][2]] if named else b""]
    size = _AES[data[scheme[0][1] : scheme[0][2]]]
    key = pbkdf2_hmac(digest, password, data[salt[1] : salt[2]], _rounds(data, rounds), size)
    return Cipher(algorithms.AES(key), modes.CBC(data[scheme[1][1] : scheme[1][2]]))


def _rounds(data: bytes, number: tuple[int, int, int]) -> int:
    """Return a number of rounds; raise ValueError for more than Windows opens."""
    rounds = int.from_bytes(data[number[1] : number[2]], "big")
    if rounds > MAX_ITERATIONS:
        raise ValueError(rounds)
    return rounds


def _inside(data: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    return der.elements(data, *der.elements(data, start, end)[0][1:])
