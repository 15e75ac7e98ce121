"""Targets for tests: a registry with sslbind in front of it, which answers as netsh does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from conftest import call

from sslbind.binding import Binding
from sslbind.exporting import contents
from sslbind.formats.format import Contents
from sslbind.formats.netsh import show_reader
from sslbind.planning.delivery import Parcel, StoredThumbprint
from sslbind.planning.seen import Seen, seen_of
from sslbind.registry.registry import Registry
from sslbind.release import Release
from sslbind.session import Session
from sslbind.sources import Source
from sslbind.transports.transport import Ran


def write_registry(
    path: Path, bindings: Iterable[Binding], release: Release, iplisten: Iterable[str] = ()
) -> None:
    """Write a registry without certificate stores."""
    path.write_text(f'version = 1\nwindows = "{release}"\n')
    with Registry.editing(str(path)) as registry:
        registry.set_iplisten(tuple(iplisten))
        for one in bindings:
            registry.put(one)
        registry.save()


def contents_of(path: Path) -> Contents:
    """Return what the registry at ``path`` says."""
    return contents(Session(Registry.open(str(path))))


class Machine:
    """A server in this process: its HTTP.SYS is a registry, its netsh is sslbind.

    ``line`` is called with the contents after every line that was carried out.
    """

    def __init__(self, path: Path, line: Callable[[Contents], None] | None = None) -> None:
        self.path = path
        self.line = line
        self.scripts: list[bytes] = []

    def read(self) -> Seen:
        shown = call(["-q", "-r", str(self.path), "show", "sslcert"])
        listed = call(["-q", "-r", str(self.path), "show", "iplisten"])
        assert (shown.code, listed.code) == (0, 0), shown.err + listed.err
        imported = show_reader.read(shown.out, "@machine")
        addresses = show_reader.read(listed.out, "@machine").iplisten or ()
        source = Source("@machine", show_reader.FORMAT, imported._replace(iplisten=addresses))
        return seen_of(source)

    def write(self, script: bytes) -> Ran:
        self.scripts.append(script)
        lines = [one for one in script.decode("ascii").splitlines() if one != "exit"]
        if self.line is None:
            return self._run("\n".join(lines))
        output, code = b"", 0
        for one in lines:
            ran = self._run(one)
            output, code = output + ran.output, max(code, ran.code or 0)
            self.line(contents_of(self.path))
        return Ran(output, b"", code)

    def pack(self, wanted: Collection[StoredThumbprint], release: Release) -> list[Parcel]:
        raise AssertionError("nothing is delivered to it")

    def deliver(self, parcels: Collection[Parcel]) -> frozenset[StoredThumbprint]:
        raise AssertionError("nothing is delivered to it")

    def _run(self, text: str) -> Ran:
        done = call(["-q", "-r", str(self.path), "-f", "-"], stdin=text)
        return Ran(done.out.encode(), done.err.encode(), done.code)
