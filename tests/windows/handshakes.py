"""Handshakes: what HTTP.SYS serves, compared with what ``sslbind resolve`` says.

The cases are those of the lookup order that one host can stage with its
loopback addresses. Each binds its records on both sides, then connects from
each address with each server name.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from certificates import Certificates
from programs import CannotRunError, Program, powershell_command, powershell_environment
from table import APPID, DOMAIN

NONE = "no certificate"
"""What a client sees of a connection that is dropped, broken or matched by nothing."""
NO_LISTENER = "no connection"
"""What it sees if nobody listens, which is never predicted."""
TIMEOUT = 20

WWW, SHOP, DEEP, OTHER = f"www.{DOMAIN}", f"shop.{DOMAIN}", f"a.b.{DOMAIN}", "other.test"
V4, V4_OTHER, V6 = "127.0.0.5", "127.0.0.6", "::1"


class Connection(NamedTuple):
    """Where a client connects to, and the server name that it sends; None for none."""

    address: str
    name: str | None = None
    other_port: bool = False


class Staged(NamedTuple):
    """Records by host or address, each with the letter of its certificate, and connections.

    ``records``: ``v!`` is a record with certificate ``v`` that rejects, ``-`` one
    of the Central Certificate Store. ``take`` is a certificate that is taken
    from its store after it was bound, ``key_only``: its private key alone.
    """

    name: str
    records: dict[str, str]
    connections: tuple[Connection, ...]
    take: str = ""
    key_only: bool = False


ANY4, ANY6 = "0.0.0.0", "[::]"
_NAMES = (Connection(V4, WWW), Connection(V4, OTHER), Connection(V4))
CASES = (
    Staged(
        "exact address before 0.0.0.0",
        {ANY4: "a", V4: "b"},
        (Connection(V4), Connection(V4_OTHER)),
    ),
    Staged(
        "exact address before the name",
        {V4: "b", WWW: "s"},
        (Connection(V4, WWW), Connection(V4_OTHER, WWW)),
    ),
    Staged("name before 0.0.0.0", {ANY4: "a", WWW: "s"}, _NAMES),
    Staged(
        "name alone",
        {WWW: "s"},
        (Connection(V4), Connection(V4, OTHER), Connection(V4, WWW, other_port=True)),
    ),
    Staged("case of the name", {WWW: "s"}, (Connection(V4, WWW.upper()),)),
    Staged("[::] for IPv6", {ANY4: "a", ANY6: "v"}, (Connection(V6), Connection(V4))),
    Staged("0.0.0.0 for IPv6", {ANY4: "a"}, (Connection(V6),)),
    Staged("[::] for IPv4", {ANY6: "v"}, (Connection(V4),)),
    Staged("exact IPv6 address", {"[::1]": "b", ANY6: "v"}, (Connection(V6), Connection(V4))),
    Staged("name before [::]", {ANY6: "v", WWW: "s"}, (Connection(V6, WWW), Connection(V6))),
    Staged(
        "wildcard name",
        {f"*.{DOMAIN}": "w"},
        (Connection(V4, WWW), Connection(V4, DEEP), Connection(V4, DOMAIN)),
    ),
    Staged(
        "name before wildcard name",
        {f"*.{DOMAIN}": "w", WWW: "s", ANY4: "a"},
        (Connection(V4, WWW), Connection(V4, SHOP), Connection(V4, DEEP)),
    ),
    Staged("reject", {WWW: "s!", ANY4: "a"}, (Connection(V4, WWW), Connection(V4, OTHER))),
    Staged("reject of 0.0.0.0", {ANY4: "a!", WWW: "s"}, (Connection(V4), Connection(V4, WWW))),
    Staged(
        "CCS without its provider",
        {"ccs": "-", ANY4: "a"},
        (Connection(V4, WWW), Connection(V4)),
    ),
    Staged("CCS alone, without its provider", {"ccs": "-"}, (Connection(V4, WWW),)),
    Staged("nothing", {}, (Connection(V4, WWW), Connection(V6))),
    Staged(
        "missing private key",
        {WWW: "s", ANY4: "a"},
        (Connection(V4, WWW), Connection(V4)),
        take="s",
        key_only=True,
    ),
    Staged(
        "missing certificate",
        {V4: "b", ANY4: "a"},
        (Connection(V4), Connection(V4_OTHER)),
        take="b",
    ),
)
"""Those that take a certificate away are last: it does not come back."""

NOT_STAGED = (
    "files of the Central Certificate Store: its provider is a setting of the whole machine",
    "the IP listen list: it is a setting of the whole machine",
    "releases other than this host's",
)
"""The parts of the lookup order that are not shown here, and why."""


class Outcome(NamedTuple):
    """One connection: the thumbprint that was served, and the one that ``resolve`` names.

    ``skipped`` says why it was not tried; ``resolved`` is the whole answer.
    """

    case: str
    connection: str
    served: str = ""
    predicted: str = ""
    skipped: str = ""
    resolved: str = ""

    @property
    def same(self) -> bool:
        """Whether both agree; True too where it was skipped."""
        return self.served == self.predicted


_LISTEN = """
$listener = New-Object System.Net.HttpListener
foreach ($port in {ports}) {{ $listener.Prefixes.Add('https://+:' + $port + '/') }}
$listener.Start()
[Console]::Out.WriteLine('ready'); [Console]::Out.Flush()
while (Get-Process -Id {parent} -ErrorAction SilentlyContinue) {{ Start-Sleep -Seconds 1 }}
"""


@contextmanager
def listening(ports: range, program: str | None) -> Iterator[None]:
    """Have HTTP.SYS answer on ``ports``, through an HttpListener in PowerShell.

    ``program`` replaces both: it gets the ports and writes ``ready``. The
    listener ends with this block, or when this process has ended.
    """
    numbers = [str(port) for port in ports]
    command = [program, *numbers] if program else _listener(numbers)
    if command[0].endswith(".py"):  # Windows starts no script by its first line
        command.insert(0, sys.executable)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=powershell_environment(),
    ) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != b"ready":
                raise CannotRunError("the listener does not start: see what it wrote above")
            yield
        finally:
            process.terminate()


def _listener(numbers: list[str]) -> list[str]:
    return powershell_command(_LISTEN.format(ports=", ".join(numbers), parent=os.getpid()))


class Sides(NamedTuple):
    """The two programs, what clears the state of both, and what they share."""

    netsh: Program
    sslbind: Program
    clear: Callable[[], None]
    certificates: Certificates
    port: int


def run(sides: Sides, case: Staged) -> Iterator[Outcome]:
    """Stage a case, and give the outcome of each of its connections."""
    sides.clear()
    refused = _bind(sides, case)
    if case.take and not refused:
        sides.certificates.take(case.take, key_only=case.key_only)
    for connection in case.connections:
        text = _describe(connection, sides.port)
        why = refused or _unreachable(connection.address)
        if why:
            yield Outcome(case.name, text, skipped=why)
        else:
            yield _compare(sides, case, connection, text)


def _bind(sides: Sides, case: Staged) -> str:
    """Make the records on both sides; return what was refused, empty if nothing was."""
    for host, letter in case.records.items():
        words = f"http add sslcert {_key(host, sides.port)} appid={APPID}"
        if letter != "-":
            thumbprint = sides.certificates.thumbprints[letter.rstrip("!")]
            words += f" certhash={thumbprint} certstorename=MY"
        if letter.endswith("!"):
            words += " reject=enable"
        for program, name in ((sides.netsh, "netsh"), (sides.sslbind, "sslbind")):
            answer = program.run(words)
            if answer.code:
                return f"{name} refuses {words!r}: {answer.output.strip()}"
    return ""


def _key(host: str, port: int) -> str:
    if host == "ccs":
        return f"ccs={port}"
    kind = "ipport" if host[0] in "[1234567890" else "hostnameport"
    return f"{kind}={host}:{port}"


def _describe(connection: Connection, port: int) -> str:
    """Return a connection as ``resolve`` takes it: ``127.0.0.5:47443 www.contoso.com``."""
    address = f"[{connection.address}]" if ":" in connection.address else connection.address
    text = f"{address}:{port + connection.other_port}"
    return f"{text} {connection.name}" if connection.name else text


def _unreachable(address: str) -> str:
    """Return why no client can connect to a loopback address; empty if one can."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as free:
            free.bind((address, 0))
    except OSError as error:
        return f"this host has no {address}: {error}"
    return ""


def _compare(sides: Sides, case: Staged, connection: Connection, text: str) -> Outcome:
    answer = sides.sslbind.run(f"resolve {text} --format json")
    document = json.loads(answer.output)
    certificate = document["certificate"]
    told = certificate["thumbprint"] if document["outcome"] == "certificate" else NONE
    port = sides.port + connection.other_port
    got = served(connection.address, port, connection.name)
    return Outcome(case.name, text, got, told, resolved=document["outcome"])


def served(address: str, port: int, name: str | None) -> str:
    """Return the thumbprint that a client is shown, NONE or NO_LISTENER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((address, port), TIMEOUT)
    except OSError:
        return NO_LISTENER
    try:
        with plain, context.wrap_socket(plain, server_hostname=name) as secured:
            der = secured.getpeercert(binary_form=True)
    except OSError:
        return NONE
    return hashlib.sha1(der).hexdigest() if der else NONE
