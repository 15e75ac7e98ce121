"""Hashes for cache entries and thumbprints.

``hashlib`` loads OpenSSL, which takes a fifth of the command line's start-up time,
so CPython's own implementations, the ones hashlib falls back to, come first.
"""

from __future__ import annotations

try:
    from _blake2 import blake2b
    from _sha1 import sha1  # type: ignore[import-not-found]  # typeshed has no stub
except ImportError:  # an interpreter that has them elsewhere
    from hashlib import blake2b, sha1

__all__ = ["content_digest", "thumbprint"]


def content_digest(data: bytes) -> str:
    """Return 64 hex digits that identify ``data`` (BLAKE2b, 256 bits)."""
    return str(blake2b(data, digest_size=32).hexdigest())


def thumbprint(der: bytes) -> str:
    """Return the SHA-1 of a DER certificate: 40 lower-case hex digits, netsh's certhash.

    It names a certificate, as Windows does; nothing relies on it for security.
    """
    return str(sha1(der, usedforsecurity=False).hexdigest())
