"""The current state of a server, read by its transport: the same as from a file captured there.

If PowerShell answers, ``capture.ps1`` runs there and writes to standard output, not a file:
bindings, certificates, sites, the release. Otherwise netsh lists its bindings and the
listen list. ``json=enable`` is not used: it shows only three values of a record. An
incomplete answer is never treated as an empty server.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from sslbind.errors import SslbindError
from sslbind.formats import capture
from sslbind.formats.encoding import decode_console
from sslbind.formats.imported import Imported
from sslbind.formats.netsh import show_answers, show_reader
from sslbind.formats.netsh.show_whole import ends_whole, is_rule
from sslbind.parallel import in_parallel
from sslbind.printable import printable
from sslbind.sources import Source
from sslbind.targets import MARK, Target
from sslbind.transports import powershell
from sslbind.transports.connect import connect
from sslbind.transports.transport import Program, Ran, Transport, UnreachableError

_CAPTURED = b'{"format":"sslbind-capture"'
_SHOW = b"http show iplisten\nhttp show sslcert\nhttp show iplisten\nexit\n"
"""The listen list is printed twice: what is between two equal answers is whole, in any language."""
_HEADING = re.compile(r"^([^\n]+)\n[ \t]*-{20,}[ \t]*$", re.MULTILINE)
_PROMPT = re.compile(r"^(?:netsh[ \w]{0,40}>)+", re.MULTILINE)
_LONGEST = 300
"""How many characters of a server's answer a message repeats."""


class UnreadableError(SslbindError):
    """The server answered, but its answer does not show its bindings."""


class Server:
    """One target, read as often as needed; a method that failed once is not tried again.

    ``transport`` is another way to it than its own. Raises SslbindError if that
    cannot be made: a password that is not there.
    """

    def __init__(self, target: Target, transport: Transport | None = None) -> None:
        self.target = target
        self.name = f"{MARK}{target.name}"
        self.transport = connect(target) if transport is None else transport
        self._captures = Program.POWERSHELL in self.transport.programs

    def read(self) -> Source:
        """Return what the server has now; raise UnreachableError or UnreadableError."""
        why = ""
        if self._captures:
            ran = self._run(powershell.compose(_script(), ["-"]), Program.POWERSHELL)
            line = powershell.answer(ran.output, _CAPTURED)
            if line is not None:
                return self._captured(line)
            self._captures = False
            why = powershell.failure(ran.output) or _said(ran) or "PowerShell gave no answer"
        source = self._listed(self._run(_SHOW, Program.NETSH), why)
        if not why:
            return source
        note = f"read with netsh, which lists no certificates and sites: {why}"
        notes = (*source.imported.notes, note)
        return source._replace(imported=source.imported._replace(notes=notes))

    def close(self) -> None:
        """Close the connection."""
        self.transport.close()

    def _run(self, script: bytes, program: Program) -> Ran:
        ran = self.transport.run(script, program)
        if ran.code is None:
            raise UnreachableError(
                f"no answer within {self.target.timeout:g} seconds",
                "timeout = SECONDS in the targets file gives it more",
                file=self.name,
            )
        return ran

    def _captured(self, line: bytes) -> Source:
        text = line.decode("ascii", "replace")
        try:
            imported = capture.read(text, self.name)
        except SslbindError as error:
            raise UnreadableError(error.message, *error.hints, file=self.name) from None
        lists = [capture.lines(text, name, self.name) for name in ("sslcert", "iplisten")]
        for lines in lists:
            if not any(map(is_rule, lines)):
                raise self._no_listing(next(filter(str.strip, lines), "nothing"))
            if not ends_whole(lines):
                raise self._breaks_off(lines)
        self._refuse_sentence("\n".join(lists[0]))
        return Source(self.name, capture.FORMAT, _without_lines(imported))

    def _listed(self, ran: Ran, why: str) -> Source:
        text, _ = decode_console(ran.output, self.name)
        parts = _parts(text)
        if parts is None:
            said = _said(ran) or "nothing"
            hints = [f"PowerShell on it: {why}"] if why and why != said else []
            if _HEADING.search(_PROMPT.sub("", text)):
                raise self._breaks_off(text.split("\n"), *hints)
            raise self._no_listing(said, *hints)
        listening, listing = parts
        self._refuse_sentence(listing)
        imported = show_reader.read(listing, self.name)
        iplisten = show_reader.read(listening, self.name).iplisten or ()
        return Source(
            self.name,
            show_reader.FORMAT,
            _without_lines(imported)._replace(iplisten=iplisten),
        )

    def _no_listing(self, said: str, *hints: str) -> UnreadableError:
        return UnreadableError(
            "netsh gave no whole listing of bindings; it answered:"
            f" {printable(said.strip())[:_LONGEST]}",
            *hints,
            file=self.name,
        )

    def _breaks_off(self, lines: Sequence[str], *hints: str) -> UnreadableError:
        last = next(filter(str.strip, reversed(lines)), "").strip()
        return UnreadableError(
            "netsh gave no whole listing of bindings; it breaks off after the line:"
            f" {printable(last)[:_LONGEST]}",
            *hints,
            file=self.name,
        )

    def _refuse_sentence(self, listing: str) -> None:
        """Refuse a heading with a sentence that may be any failure rather than "nothing found"."""
        said = show_answers.answer_of_none(listing)
        if said and not show_answers.none_found(said):
            raise self._no_listing(said)


class Reading(NamedTuple):
    """The result of reading one target: a source, or why there is none; and the time it took."""

    target: Target
    source: Source | None
    error: SslbindError | None
    seconds: float


def read_all(targets: Sequence[Target], jobs: int) -> Iterator[Reading]:
    """Yield the reading of each target as it arrives, ``jobs`` in parallel; none stops another."""
    for _, reading in in_parallel(targets, read_target, jobs):
        yield reading


def read_target(target: Target) -> Reading:
    """Return the reading of one target; an error has the name of the target as its file."""
    start = time.monotonic()
    source = error = None
    try:
        with contextlib.closing(Server(target)) as server:
            source = server.read()
    except SslbindError as caught:
        error = caught
        error.file = f"{MARK}{target.name}"
    return Reading(target, source, error, time.monotonic() - start)


def _script() -> str:
    return capture.script().decode("ascii").replace("\r\n", "\n")


def _parts(text: str) -> tuple[str, str] | None:
    """Return the listen list and the listing of bindings, None if the answer is not whole.

    Whatever a shell printed before them is left out.
    """
    text = _PROMPT.sub("", text)
    headings = [found.start() for found in _HEADING.finditer(text) if found[1].strip()]
    if len(headings) < 3:
        return None
    end = headings[-1]
    last = _full(text[end:])
    for first, second in pairwise(headings[:-1]):
        listening = text[first:second]
        if _full(listening) == last:
            return listening, text[second:end]
    return None


def _full(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _said(ran: Ran) -> str:
    """Return the first line of a program's output, errors first, for display."""
    for data in (ran.errors, ran.output):
        text, _ = decode_console(data, "")
        for line in text.split("\n"):
            if line.strip():
                return printable(line.strip())[:_LONGEST]
    return ""


def _without_lines(imported: Imported) -> Imported:
    """Return the same without line numbers: nobody has the document that they refer to."""
    return imported._replace(
        records=tuple(one._replace(line=None) for one in imported.records),
        bad=tuple(one._replace(line=None) for one in imported.bad),
    )
