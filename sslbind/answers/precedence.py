"""Which bindings of a port take precedence over which, and which are never reached.

The one place that turns the resolver's order of steps into statements about
bindings: the table of ``resolve`` and the rules of ``check`` both ask it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from sslbind.keys import HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key
from sslbind.release import Release
from sslbind.resolver import ANY_IPV4, ANY_IPV6, listens, mapped_ipv4, used_since


class Reach(NamedTuple):
    """What decides whether HTTP.SYS ever looks at a binding.

    ``central``: the central store's provider is enabled.
    """

    release: Release
    iplisten: tuple[str, ...]
    central: bool

    def why_unused(self, key: Key) -> str:
        """Return why no connection ever reaches the binding of ``key``; empty if one may."""
        release = self.release
        if used_since(key) > release:
            return (
                f"{release.title} does not look for them: they exist from"
                f" {used_since(key).title} on"
            )
        if not key.kind.certificate and not self.central:
            return "the central store's provider is not enabled"
        if key.kind is not IPPORT or key.host == ANY_IPV4:
            return ""
        if mapped_ipv4(key.host):
            return f"connections to it count as IPv4 to {mapped_ipv4(key.host)} (inferred)"
        reached = (
            any(":" in one for one in self.iplisten or (ANY_IPV6,))
            if key.host == ANY_IPV6
            else listens(self.iplisten, key.host)
        )
        return "" if reached else "the address is not in the IP listen list"


class Shadows:
    """Which of the bindings of one port, those that are used, come before others."""

    def __init__(self, used: Collection[Key]) -> None:
        self._used = frozenset(used)
        addresses = (key for key in used if key.kind is IPPORT and not key.wildcard)
        self._exact = tuple(sorted(addresses, key=str))
        self._exact_ipv6 = tuple(key for key in self._exact if ":" in key.host)
        self._everywhere = {key for key in used if key.kind is IPPORT and key.wildcard}

    @cached_property
    def _names(self) -> Mapping[str, Sequence[Key]]:
        """The host names, each under the wildcard that covers it and under itself."""
        names: dict[str, list[Key]] = {}
        for key in sorted((one for one in self._used if one.kind is HOSTNAMEPORT), key=str):
            wildcard = f"*.{key.host.partition('.')[2]}"
            for host in {key.host, wildcard}:
                names.setdefault(host, []).append(key)
        return names

    def exact(self, key: Key) -> tuple[Key, ...]:
        """Return the bindings of one address that answer there instead of ``key``.

        All names and the central store of a port share one tuple.
        """
        if key not in self._used or (key.kind is IPPORT and not key.wildcard):
            return ()
        return self._exact_ipv6 if key.host == ANY_IPV6 else self._exact

    def first(self, key: Key) -> tuple[Key, ...]:
        """Return the other bindings that answer instead of ``key`` for some connections."""
        if key not in self._used:
            return ()
        if key.kind is IPPORT and key.host == ANY_IPV4:
            return tuple(other for other in self._everywhere if other != key)
        if key.wildcard and key.kind is not IPPORT:
            return tuple(name for name in self._names.get(key.host, ()) if name != key)
        if key.kind is not SCOPEDCCS:
            return ()
        wildcard = f"*.{key.host.partition('.')[2]}"
        names = (Key(HOSTNAMEPORT, host, key.port) for host in (key.host, wildcard))
        return tuple(name for name in names if name in self._names.get(name.host, ()))
