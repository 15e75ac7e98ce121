"""The canonical form of an international host name: UTS 46, in Unicode and as A-labels.

Names are mapped as browsers and Windows map them (UTS 46, not transitional),
which allows more than IDNA 2008: symbols such as emoji are allowed too. Labels are checked
by the validity criteria of UTS 46, section 4.1, including joiners and directions; ``_`` is
allowed, as on Windows.
"""

from __future__ import annotations

import re

_PLAIN_LABEL = r"[a-z0-9_-]{1,63}"
_FORBIDDEN = r"(?![a-z0-9_-])[\x00-\x7f]"
_ACE = "xn--"
_MAX_LABEL = 63  # RFC 1035, section 2.3.4


def unicode_labels(text: str) -> list[str]:
    """Return the labels of a host name in canonical form, in any spelling: ``BÜCHER.example``.

    A-labels become U-labels, and one that UTS 46 does not know is left unchanged.
    Raises ValueError, which says why ``text`` is not a host name.
    """
    import idna

    mapped = idna.uts46_remap(text, std3_rules=False)
    if not text.endswith("."):  # a dot of another script may also end it, but only one
        mapped = mapped.removesuffix(".")
    return [_label(label) for label in mapped.split(".")]


def ascii_host(host: str) -> str:
    """Return a host name in canonical form with A-labels, as in certificates and clients."""
    return host if host.isascii() else ".".join(map(_ascii_label, host.split(".")))


def _ascii_label(label: str) -> str:
    return label if label.isascii() else _ACE + label.encode("punycode").decode("ascii")


def _label(label: str) -> str:
    """Return one label that UTS 46 mapped in canonical form; raise ValueError."""
    if re.fullmatch(_PLAIN_LABEL, label):
        return _decoded(label) if label.startswith(_ACE) else label
    if not label:
        raise ValueError("a label is empty")
    if re.search(_FORBIDDEN, label):
        raise ValueError(f"label {label!r} has a character that host names cannot have")
    _check(label)
    if len(_ascii_label(label)) > _MAX_LABEL:
        raise ValueError(f"a label is longer than {_MAX_LABEL} characters")
    return label


def _decoded(label: str) -> str:
    """Return the U-label of an A-label, or the label itself if it has none."""
    import idna

    try:
        found = label.removeprefix(_ACE).encode("ascii").decode("punycode")
        if found.isascii() or idna.uts46_remap(found, std3_rules=False) != found:
            return label
        return found if _ascii_label(_label(found)) == label else label
    except (ValueError, OverflowError):
        return label


def _check(label: str) -> None:
    """Raise ValueError for a mapped label that UTS 46 still forbids."""
    import idna

    idna.check_nfc(label)
    idna.check_hyphen_ok(label)
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    for place, letter in enumerate(label):
        if letter in "\u200c\u200d" and not idna.valid_contextj(label, place):
            raise ValueError(f"label {label!r} has a joiner where it joins nothing")
