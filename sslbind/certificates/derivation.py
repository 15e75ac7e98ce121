"""The key derivation of PFX files (RFC 7292, appendix B), which no library offers separately."""

from __future__ import annotations

from hashlib import sha1

KEY, IV, MAC = 1, 2, 3
"""What the derived bytes are for: the key of a cipher, its start, or the key of a MAC."""
_BLOCK = 64  # bytes that SHA-1 works on at once


def derive(purpose: int, password: str, salt: bytes, rounds: int, size: int) -> bytes:
    """Return ``size`` bytes derived with SHA-1 from a password, a salt and a number of rounds."""
    secret = f"{password}\0".encode("utf-16-be", "surrogatepass")
    state = bytearray(_filled(salt) + _filled(secret))
    found = b""
    while len(found) < size:
        digest = bytes((purpose,)) * _BLOCK + state
        for _ in range(rounds):
            digest = sha1(digest, usedforsecurity=False).digest()
        found += digest
        more = int.from_bytes(_filled(digest)[:_BLOCK], "big") + 1
        for at in range(0, len(state), _BLOCK):
            block = int.from_bytes(state[at : at + _BLOCK], "big") + more
            state[at : at + _BLOCK] = (block % (1 << 8 * _BLOCK)).to_bytes(_BLOCK, "big")
    return found[:size]


def _filled(data: bytes) -> bytes:
    """Return ``data``, repeated to fill whole blocks."""
    size = -(-len(data) // _BLOCK) * _BLOCK
    return (data * (size // len(data) + 1))[:size] if data else b""
