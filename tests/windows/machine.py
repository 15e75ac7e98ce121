"""What the test does to netsh's machine: it looks first, and removes only its own bindings."""

from __future__ import annotations

import ctypes
import ipaddress
import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from programs import CannotRunError, Program
from table import DOMAIN, OWN_APPIDS, UNICODE_HOST

from sslbind.release import Release

_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_VALUE = re.compile(r":\s*(\S+)\s*$")

BUILDS = (
    (26100, Release.W2025),
    (18362, Release.W2022),
    (15063, Release.W2019),
    (10240, Release.W2016),
    (9600, Release.W2012R2),
    (9200, Release.W2012),
)
"""The first build of Windows, client or server, that has the netsh of a release."""


_SHOWN = ("sslcert", "iplisten")
"""A real netsh prints headings for both, even if nothing is listed."""


class Bound(NamedTuple):
    """A binding as ``show`` lists it; ``key`` is as in a command line: ``ipport=0.0.0.0:443``."""

    key: str
    appid: str

    @property
    def port(self) -> int:
        """The port of the key."""
        return int(re.split("[=:]", self.key)[-1])

    @property
    def own(self) -> bool:
        """Whether this test made it."""
        return self.appid in OWN_APPIDS


def host_release() -> Release:
    """Return the release whose netsh this Windows has."""
    if sys.platform == "win32":
        build = sys.getwindowsversion().build
        return next(release for first, release in BUILDS if build >= first)
    raise CannotRunError("--windows RELEASE is missing: a stand-in has no build of Windows")


def is_elevated() -> bool:
    """Whether this process may change HTTP.SYS."""
    return sys.platform == "win32" and bool(ctypes.windll.shell32.IsUserAnAdmin())


def read_listing(text: str) -> Iterator[Bound]:
    """Yield the bindings of a listing in any language: by shape and position, never by label.

    The key is two lines above the line of the application's GUID, and between
    them is the hash; records of the Central Certificate Store have none.
    """
    rows = text.splitlines()
    for place, row in enumerate(rows):
        guid = _GUID.search(row)
        if guid is None or place < 2:
            continue
        key, certhash = _VALUE.search(rows[place - 2]), _VALUE.search(rows[place - 1])
        if key is None:
            raise CannotRunError(f"netsh lists a binding whose key cannot be read: {rows[:3]}")
        central = certhash is None or not re.fullmatch("[0-9A-Fa-f]{40}", certhash[1])
        yield Bound(f"{_kind(key[1], central=central)}={key[1]}", guid[0].lower())


def _kind(key: str, *, central: bool) -> str:
    host = key.rpartition(":")[0]
    if not host:
        return "ccs"
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "scopedccs" if central else "hostnameport"
    return "ccs" if central else "ipport"


class Machine:
    """netsh's machine, seen through ``netsh``; ``ports`` are the test's own."""

    def __init__(self, netsh: Program, ports: range) -> None:
        self.netsh = netsh
        self.ports = ports

    def bindings(self) -> list[Bound]:
        """Return every binding that the machine has."""
        answer = self.netsh.run("http show sslcert")
        bindings = [*read_listing(answer.output)]
        # Whether an empty listing is a failure is not known; then another question is answered.
        if answer.code and not bindings and self.netsh.run("http show iplisten").code:
            raise CannotRunError(
                f"netsh http show sslcert fails with {answer.code}: {answer.output.strip()}"
            )
        return bindings

    def listen_list(self) -> list[str]:
        """Return the addresses of the IP listen list, which is read and never changed."""
        words = self.netsh.run("http show iplisten").output.split()
        return [word for word in words if _is_address(word)]

    def require_free(self) -> list[Bound]:
        """Return the bindings of others; raise CannotRunError if one is in the way."""
        answers = [self.netsh.run(f"http show {what}") for what in _SHOWN]
        if not any(one.code or one.output.strip() for one in answers):
            raise CannotRunError(
                f"{self.netsh.prefix[-1]} answers nothing at all: it is not Windows' netsh"
            )
        bindings = self.bindings()
        left = [one.key for one in bindings if one.own]
        if left:
            raise CannotRunError(
                f"an earlier run has left {', '.join(left)}: differential.py --clean removes that"
            )
        taken = [f"{one.key} of {one.appid}" for one in bindings if one.port in self.ports]
        if taken:
            raise CannotRunError(
                f"the port is somebody else's: {', '.join(taken)}; --port PORT names another"
            )
        return bindings

    def clean(self) -> None:
        """Delete what this test has bound; raise CannotRunError if that fails."""
        left = self._own_keys()
        unlisted = [f"hostnameport={UNICODE_HOST}:{port}" for port in self.ports]
        for keys in (left, unlisted):
            if left:
                for key in keys:
                    self.netsh.run(f"http delete sslcert {key}")
                left = self._own_keys()
        if left:
            raise CannotRunError(f"netsh does not delete {', '.join(left)}: please do it by hand")

    def _own_keys(self) -> list[str]:
        return [one.key for one in self.bindings() if one.own]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def without_others(output: str, others: Sequence[Bound]) -> str:
    """Return ``output`` without the bindings of others, which are private."""
    try:
        document = json.loads(output)
        entries = document["SslCertificateBindings"]
        kept = [entry for entry in entries if not _is_others(entry, others)]
        document["SslCertificateBindings"] = kept
        return output if kept == entries else json.dumps(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    appids = {one.appid for one in others}
    if "pushd http" in output:  # a dump of all HTTP.SYS settings, not of bindings alone
        rows = output.splitlines(keepends=True)
        output = "".join(row for row in rows if _is_own(row) or not re.match(r"\s*add ", row))
    blocks = re.split(r"(?<=\n)\n(?=\s*\S)", output)
    return "\n".join(
        block for block in blocks if _is_own(block) or not any(i in block.lower() for i in appids)
    )


def _is_own(text: str) -> bool:
    return any(appid in text.lower() for appid in OWN_APPIDS) or DOMAIN in text


def _is_others(entry: dict[str, object], others: Sequence[Bound]) -> bool:
    """Whether an entry of ``json=enable`` has the key of another's binding as a value."""
    return any(one.key.partition("=")[2] in map(str, entry.values()) for one in others)
