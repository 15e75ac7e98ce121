"""A netsh that is none: sslbind under its name, on a registry of its own, and a liar if asked.

``$SSLBIND_REGISTRY`` names the registry. ``$LIE`` is the name of one of LIES:
each is a way in which the real netsh might differ, and the differential must
find it.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

from sslbind.cli.entry import main

Words = list[str]


class Heard(NamedTuple):
    """What netsh would answer."""

    output: str
    code: int


def _unchanged(words: Words) -> Words:
    return words


def _as_it_is(words: Words, heard: Heard) -> Heard:
    del words
    return heard


class Lie(NamedTuple):
    """What a lie does to the words before, and to the answer after."""

    before: Callable[[Words], Words] = _unchanged
    after: Callable[[Words, Heard], Heard] = _as_it_is


def _replace(old: str, new: str) -> Lie:
    """Return the lie that writes ``new`` for the pattern ``old``."""
    return Lie(after=lambda _, heard: heard._replace(output=re.sub(old, new, heard.output)))


def _is_update(words: Words) -> bool:
    return words[1:2] == ["update"] and words[2:3] == ["sslcert"]


def _reset(words: Words) -> Words:
    """Let an update put every tag that it does not name back to its default."""
    if not _is_update(words):
        return words
    return [words[0], "add", *words[2:], "--if-exists", "reset", "--force"]


def _overwrite(words: Words) -> Words:
    """Let an add take the place of what exists."""
    return (
        [*words, "--if-exists", "reset", "--force"] if words[1:3] == ["add", "sslcert"] else words
    )


def _lose(words: Words) -> Words:
    return [word for word in words if not word.lower().startswith("disablehttp2=")]


def _whole_tags(words: Words) -> Words:
    """Refuse tags that are cut."""
    short = {"ipp", "certh", "app", "certs", "usage"}
    return [f"_{word}" if word.partition("=")[0] in short else word for word in words]


def _silent(words: Words, heard: Heard) -> Heard:
    del words
    return heard._replace(output="") if "Error: 183" in heard.output else heard


def _never_fails(words: Words, heard: Heard) -> Heard:
    del words
    return heard._replace(code=0)


def _unknown_tag_done(words: Words, heard: Heard) -> Heard:
    """Exit 0 without a record where a tag is unknown, as Server 2019 was seen to do."""
    del words
    return heard._replace(code=0) if "is not a valid argument" in heard.output else heard


def _last_first(words: Words, heard: Heard) -> Heard:
    """List records in the opposite order."""
    if [word.lower() for word in words] != ["http", "show", "sslcert"]:
        return heard
    head, dashes, rest = heard.output.partition(f"{'-' * 25}\n\n")
    blocks = rest.split("\n\n")
    return heard._replace(output=head + dashes + "\n\n".join([*blocks[-2::-1], blocks[-1]]))


def _empty_fails(words: Words, heard: Heard) -> Heard:
    """Call a listing of nothing a failure."""
    if words != ["http", "show", "sslcert"] or heard.output.count("\n") > 4:
        return heard
    return Heard("\nThe system cannot find the file specified.\n\n", 1)


def _show_all(words: Words) -> Words:
    """List everything where a tag of show is unknown."""
    return [word for word in words if word != "foo=bar"]


LIES = {
    "all": Lie(before=_show_all),
    "wrong-column": _replace("Usage Check {18}: ", "Usage Check                 : "),
    "swallowed-error": Lie(after=_silent),
    "lost-tag": Lie(before=_lose),
    "exit-0": Lie(after=_never_fails),
    "other-language": _replace("Certificate Hash {13}: ", "Zertifikathash               : "),
    "empty-lines": _replace("(-{25}\n)", r"\1\n\n"),
    "update-resets": Lie(before=_reset),
    "overwrites": Lie(before=_overwrite),
    "tag-prefixes": Lie(before=_whole_tags),
    "unknown-tag-done": Lie(after=_unknown_tag_done),
    "order": Lie(after=_last_first),
    "empty-fails": Lie(after=_empty_fails),
    "json-names": _replace('"SslHash"', '"CertificateHash"'),
    "trailing-space": _replace("(Application ID +: .*)\n", r"\1 \n"),
    "words": _replace("Disable QUIC( +): Not Set", r"Disable QUIC\1: Disabled"),
}
"""The ways to lie, by name."""


def run(words: Words) -> int:
    """Answer ``words`` as the environment asks for; return the exit code."""
    lie = LIES.get(os.environ.get("LIE", ""), Lie())
    out, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    sys.argv[0] = "netsh"
    code = main(lie.before(words))
    sys.stdout.seek(0)
    heard = lie.after(words, Heard(sys.stdout.read(), code))
    out.buffer.write(heard.output.encode())
    out.flush()
    return heard.code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
