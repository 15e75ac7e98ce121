"""The places of listeners on this machine: moved to other ports and addresses, or left out."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sslbind.engines.listeners import Listener
from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import IPPORT, Key, parse_address


class Moves(NamedTuple):
    """The ports and addresses to which listeners move; others stay."""

    ports: Mapping[int, int]
    addresses: Mapping[str, str]


def parse_moves(texts: Iterable[str]) -> Moves:
    """Return what ``443=8443`` and ``10.0.0.5=127.0.0.5`` mean; raise SslbindError."""
    ports: dict[int, int] = {}
    addresses: dict[str, str] = {}
    for text in texts:
        before, equals, after = text.partition("=")
        if not equals:
            raise SslbindError(f"--map {text}: '=' is missing", "for example --map 443=8443")
        if before.isdecimal() and after.isdecimal():
            ports[_port(text, before)] = _port(text, after)
            continue
        try:
            old, new = (parse_address(one.strip("[]")) for one in (before, after))
        except BadValueError as error:
            hint = "give two ports (443=8443), or two addresses (10.0.0.5=127.0.0.5)"
            raise SslbindError(f"--map {text}: {error.message}", hint) from None
        addresses[old] = new
    return Moves(ports, addresses)


def moved(listeners: Iterable[Listener], moves: Moves) -> list[Listener]:
    """Return the listeners at their new places; raise SslbindError if two would share one."""
    found: dict[tuple[str, int], Listener] = {}
    for one in listeners:
        address = moves.addresses.get(one.address, one.address)
        place = address, moves.ports.get(one.port, one.port)
        if place in found:
            raise SslbindError(
                f"two listeners would be at {shown(*place)}; one of them for {shown(*one[:2])}",
                "give --map another port or address",
            )
        found[place] = one._replace(address=address, port=place[1])
    return [*found.values()]


def here(listeners: Sequence[Listener]) -> tuple[list[Listener], list[str]]:
    """Return the listeners whose addresses this machine has, and the addresses that it lacks."""
    lacking = [
        one for one in dict.fromkeys(one.address for one in listeners) if not has_address(one)
    ]
    return [one for one in listeners if one.address not in lacking], lacking


def shown(address: str, port: int) -> str:
    """Return an address and a port as one word: ``[::1]:443``."""
    return str(Key(IPPORT, address, port))


def _port(text: str, port: str) -> int:
    if not port.isascii() or len(port) > 5 or not 1 <= int(port) <= 65535:
        raise SslbindError(f"--map {text}: {port} is not a port", "a port is from 1 to 65535")
    return int(port)


def has_address(address: str) -> bool:
    """Whether this machine has an address: not every one has IPv6, or all of 127.0.0.0/8."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
