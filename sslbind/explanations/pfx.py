"""``explain FILE.pfx``: how a PFX file is encrypted, and which Windows opens it."""

from __future__ import annotations

from sslbind.certificates.sealed import Sealed, sealed_of, too_new
from sslbind.errors import SslbindError
from sslbind.explanations.explanation import Detail, Explanation
from sslbind.release import Release
from sslbind.wording import join, plural


def explain_pfx(data: bytes, file: str) -> Explanation:
    """Return how the PFX file ``file`` is encrypted; its password is not needed.

    Raises SslbindError if it is not a PFX file.
    """
    sealed = sealed_of(data)
    if sealed is None:
        raise SslbindError(
            "is not a PFX file, or it is damaged",
            "sslbind store add FILE reads certificates and keys in any format",
            file=file,
        )
    newer = [release for release in Release if not too_new(sealed, release)]
    why = [Detail(text, documented) for text, documented in _facts(sealed, newer)]
    fix = (
        "sslbind explain pfx-too-new says how to encrypt it for an older Windows",
        "sslbind store add FILE.pfx reads it, with its password",
    )
    return Explanation(file, f"A PFX file, protected with {sealed}.", tuple(why), fix)


def _facts(sealed: Sealed, opening: list[Release]) -> list[tuple[str, bool | None]]:
    facts: list[tuple[str, bool | None]] = [
        (f"{plural(sealed.iterations, 'iteration')} of its MAC and of older encryption", None)
    ]
    if sealed.keys:
        facts.append((f"{plural(sealed.keys, 'private key')} visible without the password", None))
    if sealed.provider:
        facts.append((f"on Windows the key was in {sealed.provider}", None))
    if len(opening) == len(Release):
        facts.append(("every release opens it", True))
    elif opening:
        facts.append((f"{opening[0].title} and later open it", True))
        facts.append((f"{_WRONG} on {join(_before(opening[0]))}", True))
    else:
        facts.append((f"no release is known to open it: {_WRONG}", False))
    return facts


_WRONG = "Windows reports a wrong password"


def _before(first: Release) -> list[str]:
    older = [release.title for release in Release if release < first]
    return [*older[-1:], "older"]
