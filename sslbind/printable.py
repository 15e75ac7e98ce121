"""Text from files and the network, made safe for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return ``text`` with every character that does not print as itself escaped.

    Control characters, bidirectional and zero-width marks, lone surrogates and
    line separators become ``\x1b``, ``\u202e`` and the like, so that a host
    name, a subject or a store name can neither steer a terminal nor forge a line.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
