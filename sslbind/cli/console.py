"""``netsh`` without arguments: lines from standard input, as Windows' netsh takes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

from sslbind.cli.app import OK, App
from sslbind.cli.script import MAX_SCRIPT, run_text
from sslbind.cli.streams import STANDARD_INPUT, is_terminal, shown_name
from sslbind.errors import SslbindError

_PROMPT = "netsh>"
_LEAVING = ("exit", "bye", "quit")
_NAME = shown_name(STANDARD_INPUT)


def run_console(app: App) -> int:
    """Run lines until ``exit``, ``bye``, ``quit`` or the end of input; return the exit code.

    On a terminal there is a prompt, and each line is answered immediately. Otherwise the
    lines are one script: the registry is locked and written once.
    """
    if sys.stdin is None:
        raise SslbindError("is closed", file=_NAME)
    if is_terminal(sys.stdin):
        return _converse(app)
    lines = b"".join(_until_left(sys.stdin.buffer))
    return run_text(app, lines, _NAME) if lines.strip() else OK


def _until_left(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines before the one that quits; raise SslbindError if there are too many."""
    size = 0
    for line in stream:
        if _leaves(line.decode("ascii", "replace")):
            return
        size += len(line)
        if size > MAX_SCRIPT:
            raise SslbindError(f"is larger than {MAX_SCRIPT} bytes", file=_NAME)
        yield line


def _converse(app: App) -> int:
    code = OK
    while True:
        try:
            line = input(_PROMPT)
        except EOFError:
            app.echo("\n")
            return code
        if _leaves(line):
            return code
        if line.strip():
            code = run_text(app, line.encode("utf-8", "surrogateescape"), _NAME)


def _leaves(line: str) -> bool:
    return line.replace("\0", "").strip("\ufeff \t\r\n").lower() in _LEAVING
