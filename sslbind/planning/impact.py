"""The impact of a plan on clients: per connection, from which certificate to which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sslbind.binding import Binding
from sslbind.comparison import IPLISTEN
from sslbind.keys import HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key
from sslbind.planning.plan import Plan
from sslbind.resolver import ANY_IPV4, ANY_IPV6, Answer, State, resolve

_OTHER_IPV4, _OTHER_IPV6 = "192.0.2.1", "2001:db8::1"
"""Documentation addresses (RFC 5737, RFC 3849) represent those without a record."""
_LABEL = "any-other-name"
_NAMES = {_OTHER_IPV4: "other IPv4", _OTHER_IPV6: "other IPv6"}


class Impact(NamedTuple):
    """A kind of connection whose answer changes; ``host`` is None without a server name.

    ``address`` is in words if it is any address without its own record.
    """

    address: str
    port: int
    host: str | None
    before: str
    after: str

    def to_json(self) -> dict[str, object]:
        """Return the impact for JSON."""
        return self._asdict()


def impact(plan: Plan) -> Iterator[Impact]:
    """Yield each kind of connection that is answered differently after the plan.

    Kinds are every address that has a record on the port, and one for the
    others of each family, with every host name that has a record there, one
    label below each wildcard, and without a name. Certificates are assumed to exist, and
    files of a central store are not checked.
    """
    old: dict[Key, Binding] = {one.key: one for one in plan.before.bindings}
    new, listen = after_plan(plan)
    states = [
        State(plan.release, old, plan.before.iplisten),
        State(plan.release, new, listen),
    ]
    touched = {one.delta.key.port for one in plan.changes if one.delta is not None}
    if any(one.kind == IPLISTEN for one in plan.changes):
        touched = {key.port for key in {**old, **new}}
    for port in sorted(touched):
        sides = ([key for key in side if key.port == port] for side in (old, new))
        for address, host in _connections(*sides):
            before, after = (_answered(resolve(state, address, port, host)) for state in states)
            if before != after:
                yield Impact(_NAMES.get(address, address), port, host, before, after)


def after_plan(plan: Plan) -> tuple[dict[Key, Binding], tuple[str, ...]]:
    """Return the bindings and the listen list of a target after its plan has been applied."""
    bindings: dict[Key, Binding] = {one.key: one for one in plan.before.bindings}
    listen: dict[str, None] = dict.fromkeys(plan.before.iplisten)
    for change in plan.changes:
        if change.delta is not None and change.delta.after is not None:
            bindings[change.delta.key] = change.delta.after
        elif change.delta is not None:
            bindings.pop(change.delta.key, None)
        elif change.kind == IPLISTEN and change.action == "add":
            listen[change.key] = None
        elif change.kind == IPLISTEN:
            listen.pop(change.key, None)
    return bindings, tuple(listen)


def _connections(old: list[Key], new: list[Key]) -> Iterator[tuple[str, str | None]]:
    before, after = _addresses(old), _addresses(new)
    addresses = sorted(before | after)
    hosts: dict[str | None, None] = {}
    for key in (*old, *new):
        if key.kind in (HOSTNAMEPORT, SCOPEDCCS):
            hosts[f"{_LABEL}{key.host[1:]}" if key.wildcard else key.host] = None
    hosts[None] = None
    for address in (*addresses, _OTHER_IPV4, _OTHER_IPV6):
        for host in hosts:
            # An address with a record answers whatever the name: one connection is enough.
            if host is None or address not in before & after:
                yield address, host


def _addresses(keys: list[Key]) -> set[str]:
    return {key.host for key in keys if key.kind is IPPORT} - {ANY_IPV4, ANY_IPV6}


def _answered(answer: Answer) -> str:
    if answer.binding is None:
        return answer.outcome
    return answer.binding.certhash or f"central store ({answer.binding.key.spec})"
