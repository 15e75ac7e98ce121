"""Random servers and random registries: what apply does, and what clients get meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from examples import examples
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from machines import Machine, contents_of, write_registry
from strategies import bindings, values

from sslbind.binding import Binding
from sslbind.formats.format import Contents
from sslbind.keys import HOSTNAMEPORT, IPPORT, KINDS, Key, parse_key
from sslbind.planning.carrying import carry_out
from sslbind.planning.impact import after_plan
from sslbind.planning.outcome import Status
from sslbind.planning.plan import Plan, PlanOptions, make_plan
from sslbind.release import Release
from sslbind.resolver import Answer, State, resolve, used_since

FEW, PAIRS = 30, 500
FOLDER = "/dev/shm" if os.path.isdir("/dev/shm") and os.name == "posix" else None
"""Thousands of registries are written, each flushed to disk: memory is fast at that."""
OWNERS = ("{4dc3e181-e14b-4a21-b022-59fc669b0914}", "{9e977cef-28ef-4d7f-968a-bff2514384c4}")
PLACES = {
    "ipport": ("0.0.0.0:443", "[::]:443", "10.0.0.5:443", "10.0.0.6:443", "[2001:db8::5]:443"),
    "hostnameport": ("www.contoso.com:443", "*.contoso.com:443", "bücher.contoso.com:443"),
    "ccs": ("443",),
    "scopedccs": ("www.contoso.com:443", "*.contoso.com:443"),
}
"""Few keys, so that two random registries overlap, and any record may hide another."""
close_keys = st.sampled_from([(kind, text) for kind in KINDS for text in PLACES[kind.name]])


@st.composite
def close_bindings(draw: st.DrawFn) -> Binding:
    """Bindings of a few keys and two owners, as a server may have them."""
    kind, text = draw(close_keys)
    drawn = {**draw(values(kind)), "appid": draw(st.sampled_from(OWNERS))}
    return Binding(parse_key(kind, text), drawn)


servers = st.lists(close_bindings() | bindings(), max_size=9, unique_by=lambda one: one.key)
addresses = st.lists(
    st.sampled_from(["10.0.0.5", "10.0.0.6", "2001:db8::5"]), max_size=3, unique=True
)


class Pair(NamedTuple):
    """A server, the registry that it is to follow, and the options."""

    had: list[Binding]
    wanted: list[Binding]
    listens: list[str]
    listen: list[str]
    release: Release
    prune: bool


releases = [Release.W2012R2, Release.W2016, Release.W2019, Release.W2022, Release.W2025]
pairs = st.builds(
    Pair, servers, servers, addresses, addresses, st.sampled_from(releases), st.booleans()
)


@pytest.mark.slow
@settings(max_examples=FEW)
@given(pairs)
def test_after_apply_the_target_is_as_planned(pair: Pair) -> None:
    """The target is what the plan promised, a second plan is empty, every client gets an answer."""
    check_pair(pair)


@pytest.mark.slow
@settings(
    max_examples=examples(PAIRS), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # shrinking takes minutes
@given(pairs)
def test_after_apply_many_targets_are_as_planned(pair: Pair) -> None:
    """The same for hundreds of pairs."""
    check_pair(pair)


def check_pair(pair: Pair) -> None:
    had, wanted, listens, listen, release, prune = pair
    had = [one for one in had if used_since(one.key) <= release]  # what a server can have
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        server, registry = Path(folder) / "server.toml", Path(folder) / "registry.toml"
        write_registry(server, had, release, listens)
        write_registry(registry, wanted, release, listen)
        plan = make_plan("web01", Machine(server).read(), contents_of(registry), PlanOptions(prune))
        states: list[Contents] = []
        machine = Machine(server, states.append)
        outcome = carry_out(plan, machine)
        assert not [one for one in outcome.missing if one not in plan.absent], outcome
        expected = Status.DONE if plan.changes else Status.UNCHANGED
        assert outcome.status is (Status.INCOMPLETE if plan.absent else expected)

        again = make_plan("web01", machine.read(), contents_of(registry), PlanOptions(prune))
        assert [one.lines for one in again.changes] == []
        promised, listening = after_plan(plan)
        assert {one.key for one in again.before.bindings} == promised.keys()
        assert set(again.before.iplisten) == set(listening)
        if not again.absent and not any(note.kind == "cannot" for note in again.notes):
            found = {one.key: one for one in again.before.bindings}
            for one in wanted:
                assert found[one.key].certhash == one.certhash
                assert found[one.key].appid == one.appid
        if release >= Release.W2019:
            check_answers(plan, states)


def check_answers(plan: Plan, states: list[Contents]) -> None:
    """Assert that each connection has its old answer until it has its new one.

    Except for what the plan says: records that are deleted and added again, and a
    listen list that starts or ends, for which HTTP.SYS has no single step. An
    address that leaves the list does so after records are made: its new one answers
    until then. If all of the list is replaced, what joins it joins before deletions.
    """
    if any(note.kind in ("gap", "listening") for note in plan.notes):
        return
    bindings, listening = after_plan(plan)
    old = State(plan.release, {one.key: one for one in plan.before.bindings}, plan.before.iplisten)
    ends = [State(plan.release, bindings, listening)]
    ends += [State(plan.release, bindings, plan.before.iplisten)]
    replaced = not set(plan.before.iplisten) & set(listening)
    keys = {*bindings, *(one.key for one in plan.before.bindings)}
    for contents in states:
        now = State(plan.release, {one.key: one for one in contents.bindings}, contents.iplisten)
        for connection in connections(keys):
            before, *after = (told(resolve(state, *connection)) for state in (old, *ends))
            allowed = {before, after[0]}
            if after[0].outcome == "not-listening":
                allowed.add(after[1])
            if before.outcome == "not-listening" and replaced:
                allowed.add(told(resolve(old._replace(iplisten=listening), *connection)))
            if before.key or after[0].key:  # otherwise neither registry has the connection
                assert told(resolve(now, *connection)) in allowed, connection


class Told(NamedTuple):
    """What a client notices of an answer."""

    outcome: str
    key: Key | None
    certhash: str | None


def told(answer: Answer) -> Told:
    one = answer.binding
    return Told(answer.outcome, one.key if one else None, one.certhash if one else None)


def connections(keys: set[Key]) -> Iterator[tuple[str, int, str | None]]:
    """Yield every connection that can differ between two registries."""
    hosts: set[str | None] = {None, "nobody.example"}
    hosts |= {key.host.replace("*", "any") for key in keys if key.kind is HOSTNAMEPORT}
    places = {"10.9.9.9", "2001:db8::9"} | {key.host for key in keys if key.kind is IPPORT}
    for port in {key.port for key in keys}:
        for address in places:
            for host in hosts:
                yield address, port, host
