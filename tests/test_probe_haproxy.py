"""End to end: a registry, the HAProxy that it exports, and ``probe --all`` between the two."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import Run
from haproxy import free_ports, serving
from test_haproxy_handshakes import NOW, V4, V6, reached, write

from sslbind import Registry, Session
from sslbind.engines.exporting import Exported, export
from sslbind.engines.places import has_address

SEEDS = range(20, 32)
ADDRESSES = [one for one in V4 + V6 if has_address(one)]
WHERE = [word for address in ADDRESSES for word in ("--address", address)]


def exported(folder: Path, seed: int) -> tuple[Path, Exported]:
    """Write a random registry, and HAProxy's configuration of it."""
    path = write(random.Random(seed), folder, free_ports(2))
    return path, export(Session(Registry.open(path)), str(folder / "haproxy"), NOW)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_connection_differs(run: Run, tmp_path: Path, seed: int) -> None:
    """Every name at every address, v4 and v6, of every kind of record: over 1,000 in all seeds.

    Rejected, broken and unanswered connections agree as well.
    """
    _, made = exported(tmp_path, seed)
    with serving(tmp_path / "haproxy" / "haproxy.cfg", *reached(made)):
        done = run("-q", "probe", "--all", *WHERE, "--timeout", "30", "--format", "json")
    probes = done.json["probes"]
    assert [one for one in probes if one["status"] != "match"] == []
    assert done.code == 0
    assert len(probes) >= 18 * len(ADDRESSES)
    assert len({one["expected"]["outcome"] for one in probes}) > 1


@pytest.mark.slow
def test_a_record_that_changed_under_the_server_is_found(run: Run, tmp_path: Path) -> None:
    """One record got another certificate: its connections differ, and no others."""
    _, made = exported(tmp_path, 30)
    with serving(tmp_path / "haproxy" / "haproxy.cfg", *reached(made)):
        before = run("-q", "probe", "--all", *WHERE, "--timeout", "30", "--format", "json")
        assert before.code == 0
        served = [one for one in before.json["probes"] if one["served"] and one["name"]]
        named = next(o for o in served if o["expected"]["binding"]["kind"] == "hostnameport")
        key = named["expected"]["binding"]["key"]
        stored = {one.stem for one in (tmp_path / "certs" / "MY").glob("*.pem")}
        other = min(stored - {named["served"]["thumbprint"]})
        assert run("update", "sslcert", f"hostnameport={key}", f"certhash={other}").code == 0
        done = run("-q", "probe", "--all", *WHERE, "--timeout", "30", "--format", "json")
    differ = [one for one in done.json["probes"] if one["status"] != "match"]
    assert done.code == 1
    assert differ
    expected = [one["expected"] for one in differ]
    assert {(one["binding"]["key"], one["thumbprint"]) for one in expected} == {(key, other)}
    assert {one["served"]["thumbprint"] for one in differ} == {named["served"]["thumbprint"]}
