"""Text from files and the network, made safe for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return ``text`` with every character that does not print as itself escaped.

    Control characters, bidirectional and zero-width marks, lone surrogates and
    line separators become ``\x1b``, ``\u202e`` and the like, so that a host
    name, a subject or a store name can neither control a terminal nor forge a line.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def printable_json(text: str) -> str:
    r"""Return a JSON document with unprintable characters escaped as in JSON: ``\u202e``.

    The document means the same; line ends between its parts stay.
    """
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        char if char == "\n" or char.isprintable() else json_escape(char) for char in text
    )


def json_escape(char: str) -> str:
    """Return one character as UTF-16 escapes, two where JSON needs them."""
    code = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
