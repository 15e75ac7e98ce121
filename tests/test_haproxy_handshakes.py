"""What ``resolve`` says, held against HAProxy: random registries, real handshakes.

Two independent pieces of code agree here: the resolver, which knows HTTP.SYS's
order, and HAProxy, which knows nothing of it and is given the answers as data.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, Run
from haproxy import accepted, client, free_ports, seen, serving
from pki import Issued, issue, rsa_key

from sslbind import Registry, Session, infer_key, resolve
from sslbind.answers.report import report, state
from sslbind.engines.exporting import Exported, export
from sslbind.engines.places import has_address

NOW = datetime(2026, 6, 1, tzinfo=UTC)
V4 = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]
V6 = ["::1"]
HOSTS = [
    "www.alpha.test",
    "shop.alpha.test",
    "a.alpha.test",
    "b.alpha.test",
    "www.beta.test",
    "x.beta.test",
    "new.www.alpha.test",
    "gamma.test",
    "under_score.alpha.test",
    "bücher.beta.test",
]
WILDCARDS = ["*.alpha.test", "*.beta.test", "*.www.alpha.test"]
STRANGERS = ["other.alpha.test", "other.beta.test", "a.b.beta.test", "nobody.example", "alpha.test"]
HANDSHAKES, SEEDS = 220, range(5)


def certificates(dice: random.Random, folder: Path) -> list[Issued]:
    """Make certificates whose names lie, half of them with RSA keys, and put them into MY."""
    store = folder / "certs" / "MY"
    store.mkdir(parents=True)
    made = []
    for number in range(14):
        lies = dice.sample([*HOSTS, *WILDCARDS, *STRANGERS], 3)
        ascii_lies = [one.encode("idna").decode() for one in lies if "_" not in one]
        key = rsa_key() if number % 2 else None
        one = issue(f"{number}.{dice.random()}", dns=ascii_lies or ["x.test"], key=key)
        (store / f"{one.thumbprint}.pem").write_bytes(one.pem)
        (store / f"{one.thumbprint}.key").write_bytes(one.key_pem())
        made.append(one)
    return made


def write(dice: random.Random, folder: Path, ports: list[int]) -> Path:
    """Write a random registry of every kind of record, with a central store."""
    made = certificates(dice, folder)
    central = folder / "ccs"
    central.mkdir()
    for name in dice.sample(HOSTS, 4) + dice.sample(WILDCARDS, 1):
        stem = f"_.{name[2:]}" if name.startswith("*.") else name
        (central / f"{stem}.pfx").write_bytes(dice.choice(made).pfx())
    (central / "www.beta.test.pfx").write_bytes(b"no PFX at all")
    listed = dice.choice([[], [], ["0.0.0.0", "::1"], [*V4[:3], "::"]])
    text = f'version = 1\nwindows = "{dice.choice(["2012r2", "2019", "2022", "2025"])}"\n'
    text += f"iplisten = {listed}\n".replace("'", '"')
    text += '[CertStores]\npath = "certs"\n'
    text += '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
    for port in ports:
        for address in ("0.0.0.0", "[::]", V4[0], V4[1], "[::1]"):
            if dice.random() < 0.4:
                text += record(dice, "SslBindingInfo", address, port, made)
        for host in dice.sample(HOSTS, 6) + dice.sample(WILDCARDS, 2):
            text += record(dice, "SslSniBindingInfo", host, port, made)
        if dice.random() < 0.6:
            text += f'\n[SslCcsBindingInfo.{port}]\nappid = "{IIS}"\n'
        if dice.random() < 0.5:
            host = dice.choice([*HOSTS, *WILDCARDS])
            text += f'\n[SslScopedCcsBindingInfo."{host}:{port}"]\nappid = "{IIS}"\n'
    path = folder / "sslbind.toml"
    path.write_text(text, "utf-8")
    return path


def record(dice: random.Random, table: str, host: str, port: int, made: list[Issued]) -> str:
    thumbprint = "0" * 40 if dice.random() < 0.08 else dice.choice(made).thumbprint
    text = f'\n[{table}."{host}:{port}"]\ncerthash = "{thumbprint}"\nappid = "{IIS}"\n'
    text += 'certstorename = "MY"\n'
    if dice.random() < 0.12:
        text += "reject = true\n"
    if dice.random() < 0.1:
        text += "disabletls13 = true\n"
    return text


def questions(dice: random.Random, ports: list[int]) -> list[tuple[str, int, str | None]]:
    addresses = [one for one in V4 + V6 * 2 if has_address(one)]
    names = [*HOSTS, *HOSTS, *STRANGERS, None]
    return [
        (dice.choice(addresses), dice.choice(ports), dice.choice(names)) for _ in range(HANDSHAKES)
    ]


def reached(made: Exported) -> list[tuple[str, int]]:
    """Return a place of this machine for each listener."""
    some = {"0.0.0.0": "127.0.0.9", "::": "::1"}
    places = [(some.get(one.address, one.address), one.port) for one in made.listeners]
    return [one for one in places if has_address(one[0])]


def predicted(session: Session, address: str, port: int, name: str | None) -> str:
    found = report(session, resolve(state(session), address, port, name), None, NOW)
    return (found.thumbprint or "-") if found.served else "-"


def sent(name: str | None) -> str | None:
    return None if name is None else name.encode("idna").decode() if "ü" in name else name


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_haproxy_serves_what_resolve_says(seed: int, tmp_path: Path, run: Run) -> None:
    """No handshake of a random registry differs: over 1,100 of our own, and those of ``probe``."""
    dice = random.Random(seed)
    ports = free_ports(2)
    session = Session(Registry.open(write(dice, tmp_path, ports)))
    made = export(session, str(tmp_path / "haproxy"), NOW)
    accepted(tmp_path / "haproxy" / "haproxy.cfg")
    asked = questions(dice, ports)
    expected = [predicted(session, *one) for one in asked]
    context = client()
    with serving(tmp_path / "haproxy" / "haproxy.cfg", *reached(made)):
        got = [seen(context, address, port, sent(name)) for address, port, name in asked]
        code, probes = probed(run)
    differ = [one for one in zip(asked, expected, got, strict=True) if one[1] != one[2]]
    assert differ == []
    assert len({*expected}) > 5
    assert [one for one in probes if one["status"] != "match"] == []
    assert code == 0
    assert len(probes) > 80


def probed(run: Run) -> tuple[int, list[dict[str, Any]]]:
    """Run ``probe --all`` against this machine; return its exit code, and what it found."""
    addresses = [word for one in V4 + V6 if has_address(one) for word in ("--address", one)]
    timeout = ("--timeout", "60")  # the machine may be busy with other tests
    done = run("probe", "--all", *addresses, *timeout, "--format", "json")
    return done.code, done.json["probes"]


def test_a_record_that_changed_under_the_server_is_found(tmp_path: Path, run: Run) -> None:
    """The registry names another certificate than the server has: ``probe --all`` says where."""
    dice = random.Random(7)
    made = certificates(dice, tmp_path)
    port = free_ports(1)[0]
    path = tmp_path / "sslbind.toml"
    path.write_text('version = 1\n[CertStores]\npath = "certs"\n', "utf-8")
    with Registry.editing(path) as registry:
        for number, host in enumerate(HOSTS[:3]):
            values = {"certhash": made[number].thumbprint, "appid": IIS, "certstorename": "MY"}
            Session(registry).add(infer_key(f"{host}:{port}"), values)
    export(Session(Registry.open(path)), str(tmp_path / "haproxy"), NOW)
    with serving(tmp_path / "haproxy" / "haproxy.cfg", ("127.0.0.1", port)):
        assert probed(run)[0] == 0
        with Registry.editing(path) as registry:
            changed = {"certhash": made[5].thumbprint}
            Session(registry).update(infer_key(f"{HOSTS[1]}:{port}"), changed)
        code, probes = probed(run)
    assert code == 1
    differ = {one["name"] for one in probes if one["status"] == "differs"}
    assert differ == {HOSTS[1]}
    served = {one["served"]["thumbprint"] for one in probes if one["status"] == "differs"}
    assert served == {made[1].thumbprint}


@pytest.mark.parametrize(("wildcard", "exact"), [("EC", "RSA"), ("RSA", "EC")])
def test_a_name_is_never_taken_by_a_wildcard_with_another_algorithm(
    wildcard: str, exact: str, tmp_path: Path
) -> None:
    """HAProxy would give a client the kind of certificate that it likes best, of either line."""
    keys = {"EC": None, "RSA": rsa_key()}
    store = tmp_path / "certs" / "MY"
    store.mkdir(parents=True)
    port = free_ports(1)[0]
    text = 'version = 1\n[CertStores]\npath = "certs"\n'
    made = {}
    for host, kind in (("*.alpha.test", wildcard), ("www.alpha.test", exact)):
        one = made[host] = issue(host, dns=[host], key=keys[kind])
        (store / f"{one.thumbprint}.pem").write_bytes(one.pem + one.key_pem())
        text += f'[SslSniBindingInfo."{host}:{port}"]\ncerthash = "{one.thumbprint}"\n'
        text += f'appid = "{IIS}"\ncertstorename = "MY"\n'
    (tmp_path / "sslbind.toml").write_text(text, "utf-8")
    session = Session(Registry.open(tmp_path / "sslbind.toml"))
    export(session, str(tmp_path / "haproxy"), NOW)
    with serving(tmp_path / "haproxy" / "haproxy.cfg", ("127.0.0.1", port)):
        anything, rsa = client(), client(rsa_only=True)
        assert (
            seen(anything, "127.0.0.1", port, "www.alpha.test") == made["www.alpha.test"].thumbprint
        )
        assert seen(anything, "127.0.0.1", port, "x.alpha.test") == made["*.alpha.test"].thumbprint
        shown = {"www.alpha.test": exact, "x.alpha.test": wildcard}
        for host, kind in shown.items():
            assert (seen(rsa, "127.0.0.1", port, host) == "-") is (kind == "EC"), host
