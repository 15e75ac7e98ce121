"""The netsh lines of a change, as sent to the standard input of netsh on a server.

Only netsh reads them: no shell, so nothing but netsh's own quotes is needed.
They are ASCII, because the console's code page is not known: host names are sent as A-labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sslbind.formats.format import Delta
from sslbind.formats.netsh.script_writer import commands, netsh_line, refusals
from sslbind.hosts import ascii_host
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SNI_WILDCARD_SINCE, Key
from sslbind.release import Release
from sslbind.resolver import ANY_IPV4, ANY_IPV6
from sslbind.tags import SSLFLAGS

_STEPS = {IPPORT: 0, HOSTNAMEPORT: 1, CCS: 5}
_RUN = 16 << 10
"""Bytes per run of netsh."""
_END = "\r\n"
_KEY = 2
"""The position of the key in the words of a line."""


def precedence(key: Key) -> int:
    """Return the lookup order of a record in HTTP.SYS: a smaller number comes first."""
    if key.kind is IPPORT and key.wildcard:
        return {ANY_IPV6: 6, ANY_IPV4: 7}[key.host]
    return _STEPS.get(key.kind, 3) + key.wildcard


def carried(delta: Delta, release: Release) -> tuple[str, ...]:
    """Return the lines of one change; raise ValueError if no line can make it there.

    There are none if nothing of the change exists in ``release``.
    """
    for why in _refusals(delta, release):
        raise ValueError(why)
    key = _wire(delta.key)
    lines = []
    for words in commands(delta, release):
        words[_KEY] = f"{delta.key.kind}={key}"
        line = netsh_line(["http", *words])
        if not line.isascii():
            raise ValueError("a value is not ASCII, and the console's code page would change it")
        lines.append(line)
    return tuple(lines)


def scripts(changes: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Yield the standard input of netsh, run by run, for lines of changes.

    A run is short enough to arrive completely or not at all if the connection breaks: ssh
    sends 32 KiB in a packet (RFC 4254, section 5.2), and a pipe holds 64. The rest of a
    line would be another line: ``ipport=10.0.0.5:44``, without the 3.
    """
    run: list[str] = []
    size = 0
    for lines in changes:
        length = sum(len(line) + len(_END) for line in lines)
        if run and size + length > _RUN:
            yield _script(run)
            run, size = [], 0
        run += lines
        size += length
    yield _script(run)


def _script(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}{_END}" for line in [*lines, "exit"]).encode("ascii")


def _refusals(delta: Delta, release: Release) -> Iterable[str]:
    """Return a sentence for each reason why HTTP.SYS of ``release`` has no such record."""
    key, after = delta.key, delta.after
    if after is None:
        return ()
    found = refusals(after, release)
    if key.kind is HOSTNAMEPORT and key.wildcard and release < SNI_WILDCARD_SINCE:
        found.append(f"wildcard names exist from {SNI_WILDCARD_SINCE.title} on")
    if key.kind is CCS and after.values.keys() - {"appid", SSLFLAGS.name}:
        found.append("HTTP.SYS refuses options other than the defaults on a ccs record")
    return found


def _wire(key: Key) -> str:
    """Return the key with an international host name as A-labels."""
    return str(key._replace(host=ascii_host(key.host)))
