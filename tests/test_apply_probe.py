"""``apply --probe``: bindings that are there and served otherwise are not done."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import A, Run
from pki import Issued
from servers import LOOPBACK, openssl_server, pem_file
from test_apply_command import Shop
from test_plan_command import table
from test_probe import issued

PROBED = f'probe = ["{LOOPBACK}"]'


@pytest.fixture
def shop(tmp_path: Path, run: Run) -> Shop:
    return Shop(tmp_path, run)


def follow(shop: Shop, port: int, certificate: Issued) -> None:
    """Let the registry say that ``certificate`` is served on ``port``."""
    text = table("SslBindingInfo", f"0.0.0.0:{port}", certificate.thumbprint)
    (shop.folder / "web.toml").write_text("version = 1\n" + text)


def test_clients_get_what_the_registry_says(shop: Shop, tmp_path: Path) -> None:
    one = issued()
    with openssl_server("-cert", pem_file(tmp_path, one)) as port:
        follow(shop, port, one)
        shop.add("web01", had="version = 1\n", more=PROBED)
        assert shop.statuses("--probe") == {"web01": "done"}


def test_a_canary_that_serves_something_else(shop: Shop, tmp_path: Path) -> None:
    """What netsh shows is what was planned; the others are left alone all the same."""
    served, wanted = issued(key="served"), issued(key="wanted")
    with openssl_server("-cert", pem_file(tmp_path, served)) as port:
        follow(shop, port, wanted)
        for name in ("web01", "web02"):
            shop.add(name, had="version = 1\n", more=PROBED)
        done = shop.apply("--probe", "--first", "1")
    first, second = done.json["targets"]
    assert (done.code, first["status"], first["done"]) == (1, "incomplete", 1)
    assert first["message"] == "its bindings are there, but clients get something different"
    (missing,) = first["missing"]
    assert missing.startswith(f"{LOOPBACK}:{port}: serves {served.thumbprint} (")
    assert missing.endswith(f", but resolve says {wanted.thumbprint} by ipport=0.0.0.0:{port}")
    assert (second["status"], second["message"]) == (
        "changes",
        "nothing was written: the canary web01 came out incomplete",
    )


def test_where_to_probe_is_known_before_anything_is_written(shop: Shop) -> None:
    shop.add("web01")
    before = shop.state("web01").read_text()
    done = shop.apply("--probe")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: web01: it is not known where this target is probed\n"
        'hint: probe = ["10.0.0.5"] in the targets file says it\n'
    )
    assert shop.state("web01").read_text() == before
    assert A in before
