"""The winrm transport against a WinRS endpoint: logins, code page, standard input, faults."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from conftest import IIS, A
from tools import needs, needs_package
from winrs import Endpoint

from sslbind.errors import SslbindError
from sslbind.live import Server, read_target
from sslbind.registry.registry import Registry
from sslbind.sources import snapshot
from sslbind.targets import Target
from sslbind.transports.connect import connect
from sslbind.transports.powershell import ARGUMENTS
from sslbind.transports.transport import Program, Ran, UnreachableError

BOUND = f"""\
version = 1
windows = "2022"

[SslSniBindingInfo."münchen.example:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
"""


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def endpoint(tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Return a server whose netsh is sslbind, and which has no PowerShell."""
    needs_package("pypsrp")
    registry = tmp_path / "server.toml"
    registry.write_text(BOUND, encoding="utf-8")
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    netsh = (sys.executable, "-m", "sslbind", "-r", str(registry), "-f", "-")
    echo = (
        sys.executable,
        "-c",
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.exit(3)",
    )
    monkeypatch.setenv("WINRM_PASSWORD", "correct horse")
    made = Endpoint(ca, {"netsh": netsh, "powershell": echo})
    yield made
    made.close()


def target(endpoint: Endpoint, folder: Path, **more: object) -> Target:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": endpoint.port,
        "authentication": "basic",
        "user": "admin",
        "password_env": "WINRM_PASSWORD",
        "ca_file": str(folder / "ca.pem"),
        **more,
    }
    return Target("web01", "winrm", **values)  # type: ignore[arg-type]


def test_lines_go_in_and_answers_come_out(endpoint: Endpoint, tmp_path: Path) -> None:
    one = connect(target(endpoint, tmp_path))
    ran = one.run(b"http show sslcert\n")
    assert ran.code == 0
    assert "münchen.example:443" in ran.output.decode()
    assert endpoint.commands == ["netsh"]
    assert endpoint.options == [
        {"WINRS_CODEPAGE": "65001"},
        {"WINRS_CONSOLEMODE_STDIN": "FALSE", "WINRS_SKIP_CMD_SHELL": "FALSE"},
        {"WSMAN_CMDSHELL_OPTION_KEEPALIVE": "True"},
    ]
    assert endpoint.actions == ["Create", "Command", "Send", "Receive", "Signal", "Delete"]


def test_a_long_script_comes_in_parts(endpoint: Endpoint, tmp_path: Path) -> None:
    script = b"x" * 400_000 + b"\n"
    ran = connect(target(endpoint, tmp_path)).run(script, Program.POWERSHELL)
    assert ran == Ran(script, b"", 3)
    assert endpoint.commands == [" ".join(("powershell", *ARGUMENTS))]
    assert endpoint.actions.count("Send") > 2


@pytest.mark.slow
def test_a_server_is_read(endpoint: Endpoint, tmp_path: Path) -> None:
    source = Server(target(endpoint, tmp_path)).read()
    there = Registry.open(str(tmp_path / "server.toml"))
    assert source.format.name == "netsh-show"
    assert snapshot(source).bindings == there.bindings


@pytest.mark.slow
def test_the_capture_script_runs_there(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PowerShell gets the script on standard input, and its answer is what import reads."""
    exe = tmp_path / "System32" / "netsh.exe"
    exe.parent.mkdir()
    exe.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m sslbind -q -r {tmp_path}/server.toml "$@"\n'
    )
    exe.chmod(0o755)
    for name in ("SystemRoot", "SERVER"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PWSH", needs("pwsh"))
    script = str(Path(__file__).parent / "windows_powershell.sh")
    endpoint.programs["powershell"] = ("sh", script)
    source = Server(target(endpoint, tmp_path)).read()
    there = Registry.open(str(tmp_path / "server.toml"))
    assert source.format.name == "capture"
    assert snapshot(source).bindings == there.bindings
    assert [one.split()[0] for one in endpoint.commands] == ["powershell"]


def test_a_password_in_a_file(endpoint: Endpoint, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    file = str(tmp_path / "password")
    one = connect(target(endpoint, tmp_path, password_env=None, password_file=file))
    assert one.run(b"").code == 0


def test_a_wrong_password(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.password = "changed"
    with pytest.raises(UnreachableError) as caught:
        connect(target(endpoint, tmp_path)).run(b"")
    assert caught.value.message == "127.0.0.1 refuses the login of admin by basic"


def test_no_password(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set is said before anything is sent, and its name is not."""
    monkeypatch.delenv("WINRM_PASSWORD")
    with pytest.raises(SslbindError, match="the environment variable of password_env is not set"):
        connect(target(endpoint, tmp_path))
    reading = read_target(target(endpoint, tmp_path))
    assert str(reading.error) == "@web01: the environment variable of password_env is not set"


@pytest.mark.slow
def test_nobody_there(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.close()
    with pytest.raises(UnreachableError) as caught:
        connect(target(endpoint, tmp_path)).run(b"")
    assert caught.value.message == "127.0.0.1 cannot be reached by WinRM: connection refused"


def test_a_certificate_that_nobody_trusts(endpoint: Endpoint, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with pytest.raises(UnreachableError) as caught:
        connect(target(endpoint, tmp_path, ca_file=str(other))).run(b"")
    assert "certificate verify failed" in caught.value.message.lower()
    assert caught.value.hints == ("ca_file = FILE in the targets file sets the trusted roots",)


@pytest.mark.slow
def test_a_program_that_never_ends(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.hangs = True
    ran = connect(target(endpoint, tmp_path, timeout=8)).run(b"")  # a busy machine takes seconds
    assert ran == Ran(b"", b"", None)
    assert endpoint.actions[-2:] == ["Signal", "Delete"]


def test_a_server_that_speaks_something_else(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in (b"", b"<html>\x1b[2J", b"<a/>", b"<!DOCTYPE x>"):
        monkeypatch.setattr(endpoint, "answer", lambda _, body=body: (200, body))
        with pytest.raises(UnreachableError) as caught:
            connect(target(endpoint, tmp_path)).run(b"")
        assert caught.value.message.startswith("127.0.0.1 cannot be reached by WinRM: ")


def test_without_the_extra(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pypsrp"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pypsrp", None)
    with pytest.raises(SslbindError) as caught:
        connect(target(endpoint, tmp_path)).run(b"")
    assert caught.value.hints == ("pip install 'sslbind[winrm]'",)
