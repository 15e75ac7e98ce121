"""Pebble, Let's Encrypt's ACME server for tests, on the loopback interface."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pki import issue
from servers import LOOPBACK, free_port, running
from tools import needs


@contextlib.contextmanager
def pebble(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run it until the block ends; give its URL and the certificate to trust.

    It takes every challenge for answered, so that nothing has to listen.
    """
    today = datetime.now(UTC)
    own = issue(
        "localhost",
        dns=("localhost",),
        ip=(LOOPBACK,),
        ca=True,
        start=today - timedelta(days=1),
        end=today + timedelta(days=30),
    )
    (folder / "own.pem").write_bytes(own.pem)
    (folder / "own.key").write_bytes(own.key_pem())
    port, management = free_port(), free_port()
    config = {
        "listenAddress": f"{LOOPBACK}:{port}",
        "managementListenAddress": f"{LOOPBACK}:{management}",
        "certificate": str(folder / "own.pem"),
        "privateKey": str(folder / "own.key"),
        "httpPort": free_port(),
        "tlsPort": free_port(),
        "ocspResponderURL": "",
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    environment = {
        "PEBBLE_VA_ALWAYS_VALID": "1",
        "PEBBLE_VA_NOSLEEP": "1",
        "PEBBLE_WFE_NONCEREJECT": "0",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with running(needs("pebble"), "-config", folder / "pebble.json", port=port):
            yield f"https://{LOOPBACK}:{port}/dir", folder / "own.pem"
