"""``sslbind serve``: a real HAProxy in the foreground, and nothing of it afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from conftest import IIS, Run, Stored
from haproxy import DEADLINE, client, free_ports, seen
from tools import needs

import sslbind.engines.process
from sslbind import Registry, Session, infer_key
from sslbind.engines.places import parse_moves
from sslbind.engines.process import Haproxy
from sslbind.errors import SslbindError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="HAProxy is not for Windows")


@contextlib.contextmanager
def started(
    registry: Path, *words: str, code: int = 0
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Run ``sslbind serve`` until the block ends, by Ctrl-C; give it, and its standard output."""
    needs("haproxy")
    command = [sys.executable, "-m", "sslbind", "-r", str(registry), "serve", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(registry.parent)}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.send_signal(signal.SIGINT)
            _, complaints = process.communicate(timeout=DEADLINE)
        assert process.returncode == code, complaints
        assert "Traceback" not in complaints


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes below one, as Linux has them, each with its own children."""
    found: list[int] = []
    waiting = [process.pid]
    while waiting:
        path = Path(f"/proc/{waiting.pop()}/task")
        for task in path.iterdir() if path.is_dir() else ():
            below = [int(one) for one in (task / "children").read_text().split()]
            found += below
            waiting += below
    return found


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.fixture
def port(registry: Path, stored: Stored) -> int:
    """Return a port, and let the registry have a default and a name on 443."""
    with Registry.editing(registry) as opened:
        for key, one in (("0.0.0.0:443", stored.mail), ("www.contoso.com:443", stored.web)):
            values = {"certhash": one.thumbprint, "appid": IIS, "certstorename": "MY"}
            Session(opened).add(infer_key(key), values)
    return free_ports(1)[0]


def test_it_serves_on_another_port_until_ctrl_c(registry: Path, stored: Stored, port: int) -> None:
    """The names get their certificates; afterwards no process and no file of it is left."""
    maps = ("--map", f"443={port}", "--map", "0.0.0.0=127.0.0.1", "--map", "::=::1")
    with started(registry, *maps) as (process, output):
        assert output.readline() == f"127.0.0.1:{port}  1 name\n"
        assert seen(client(), "127.0.0.1", port, "www.contoso.com") == stored.web.thumbprint
        assert seen(client(), "127.0.0.1", port, None) == stored.mail.thumbprint
        below = children(process)
        if sys.platform == "linux":
            assert len(below) >= 2  # the master and its worker
    assert [one for one in below if alive(one)] == []
    assert [one.name for one in registry.parent.iterdir() if "sslbind-serve-" in one.name] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends what a process started")
def test_killed(registry: Path, stored: Stored, port: int) -> None:
    """SIGKILL ends HAProxy as well; the next one removes the folder with the keys."""
    maps = ("--map", f"443={port}", "--map", "0.0.0.0=127.0.0.1")
    with started(registry, *maps, code=-signal.SIGKILL) as (process, output):
        output.readline()
        below = children(process)
        process.kill()
    end = time.monotonic() + DEADLINE
    while any(map(alive, below)) and time.monotonic() < end:
        time.sleep(0.02)
    assert [one for one in below if alive(one)] == []
    [left] = registry.parent.glob("sslbind-serve-*")
    assert [*left.rglob("*.pem")] != []
    with started(registry, *maps) as (_, output):  # it may be one that is being made
        output.readline()
        assert left.is_dir()
    os.utime(left, (0, 0))
    with started(registry, *maps) as (_, output):
        output.readline()
        assert not left.exists()
        assert seen(client(), "127.0.0.1", port, None) == stored.mail.thumbprint
    assert [*registry.parent.glob("sslbind-serve-*")] == []


@pytest.mark.slow
def test_served_beside_another(registry: Path, stored: Stored, port: int) -> None:
    """The folder of one that runs stays, however old it is."""
    [other] = free_ports(1)
    only = ("--map", "0.0.0.0=127.0.0.1")
    with started(registry, "--map", f"443={port}", *only) as (_, output):
        output.readline()
        [folder] = registry.parent.glob("sslbind-serve-*")
        os.utime(folder, (0, 0))
        with started(registry, "--map", f"443={other}", *only) as (_, second):
            second.readline()
            assert folder.is_dir()
            assert seen(client(), "127.0.0.1", port, None) == stored.mail.thumbprint


@pytest.mark.slow
def test_watch_serves_what_changes(registry: Path, stored: Stored, port: int) -> None:
    """A changed record is served without a restart; a registry that is broken changes nothing."""
    with started(registry, "--watch", "--map", f"443={port}") as (process, output):
        output.readline()
        assert seen(client(), "127.0.0.1", port, "www.contoso.com") == stored.web.thumbprint
        with Registry.editing(registry) as opened:
            key = infer_key("www.contoso.com:443")
            Session(opened).update(key, {"certhash": stored.mail.thumbprint})
        assert _until(port, stored.mail.thumbprint)
        good = registry.read_text()
        registry.write_text(good + "\n[nonsense\n")
        assert process.stderr is not None
        while "the previous state is still served" not in process.stderr.readline():
            assert process.poll() is None
        assert seen(client(), "127.0.0.1", port, "www.contoso.com") == stored.mail.thumbprint
        registry.write_text(good.replace("[SslSniBinding", "[SslSniBinding", 1))
        with Registry.editing(registry) as opened:
            Session(opened).update(key, {"certhash": stored.web.thumbprint})
        assert _until(port, stored.web.thumbprint)


def _until(port: int, thumbprint: str) -> bool:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if seen(client(), "127.0.0.1", port, "www.contoso.com") == thumbprint:
            return True
        time.sleep(0.1)
    return False


def test_a_port_that_is_taken_is_said_by_haproxy_itself(
    registry: Path, stored: Stored, port: int, run: Run
) -> None:
    import socket

    needs("haproxy")
    with socket.create_server(("127.0.0.1", port)):
        done = run("serve", "--map", f"443={port}", "--map", "0.0.0.0=127.0.0.1")
    assert (done.code, done.out) == (2, "")
    assert "cannot bind socket (Address already in use)" in done.err
    assert f"127.0.0.1:{port}" in done.err


def test_addresses_that_are_not_here(registry: Path, stored: Stored, port: int, run: Run) -> None:
    needs("haproxy")
    text = registry.read_text().replace("iplisten = []", 'iplisten = ["203.0.113.5"]')
    registry.write_text(text)
    done = run("serve", "--map", f"443={port}")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: this machine has none of these addresses: 203.0.113.5",
        "hint: --map 203.0.113.5=127.0.0.1 serves it on 127.0.0.1",
    ]


def test_haproxy_is_missing(
    registry: Path, port: int, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The machine has none: what installs it is said."""
    (tmp_path / "bin").mkdir()
    apt = tmp_path / "bin" / "apt-get"
    apt.write_text("#!/bin/sh\n")
    apt.chmod(0o755)
    monkeypatch.setattr(sslbind.engines.process, "_PLACES", ())
    done = run("serve", env={"PATH": str(tmp_path / "bin")})
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: haproxy is not installed",
        "hint: sudo apt-get install haproxy",
    ]


def test_nothing_to_serve(registry: Path, run: Run) -> None:
    needs("haproxy")
    done = run("serve")
    assert (done.code, done.out) == (2, "")
    assert "no connection reaches a binding: there is nothing to serve" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("443", "--map 443: '=' is missing"),
        ("443=99999", "--map 443=99999: 99999 is not a port"),
        ("0=1", "--map 0=1: 0 is not a port"),
        ("443=\u0663", "--map 443=\u0663: \u0663 is not a port"),  # an Arabic 3
        ("443=x", "--map 443=x: "),
        ("10.0.0.5=443", "--map 10.0.0.5=443: "),
        ("443=\n", "--map 443=\n: "),
    ],
    ids=["no-equals", "large", "zero", "arabic", "word", "mixed", "newline"],
)
def test_a_map_that_is_none(text: str, said: str) -> None:
    with pytest.raises(SslbindError) as caught:
        parse_moves([text])
    assert str(caught.value).startswith(said)


def test_its_own_files_replace_links(tmp_path: Path) -> None:
    """In a temporary folder of another user, neither the configuration nor the log leads away."""
    victim = tmp_path / "victim"
    victim.write_text("not ours")
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("serve.cfg", "haproxy.log"):
        (folder / name).symlink_to(victim)
    with pytest.raises(SslbindError), Haproxy("false", str(folder / "haproxy.cfg")):
        pass
    assert victim.read_text() == "not ours"
    assert not any(path.is_symlink() for path in folder.iterdir())
