"""Transports: what a program on a server answers, and what happens where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

from sslbind.targets import TRANSPORTS, Target
from sslbind.transports.connect import connect
from sslbind.transports.transport import Program, Ran, UnreachableError


def command(*argv: str, timeout: float = 60, folder: str | None = None) -> Target:
    return Target("lab", "command", netsh=argv, timeout=timeout, folder=folder)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_every_transport_of_targets_files(run: Run, tmp_path: Path, name: str) -> None:
    """Each name leads to a transport of its own, and Ansible's inventory says how it connects."""
    argv = ("netsh",) if name == "command" else ()
    made = connect(Target("lab", name, host="lab.contoso.com", netsh=argv))
    assert type(made).__name__ == f"{name.capitalize()}Transport"
    settings = 'netsh = ["netsh"]\n' if argv else ""
    (tmp_path / "targets.toml").write_text(
        f'version = 1\n[Target.lab]\ntransport = "{name}"\n{settings}'
    )
    groups = run("targets", "--format", "ansible").json["all"]["children"]
    assert [*groups[f"sslbind_{name}"]["hosts"]] == ["lab"]
    assert groups[f"sslbind_{name}"]["vars"]["ansible_connection"]


class TestCommand:
    def test_lines_go_in_and_answers_come_out(self, tmp_path: Path) -> None:
        registry = tmp_path / "lab.toml"
        subprocess.run([sys.executable, "-m", "sslbind", "-r", registry, "init"], check=True)
        one = connect(
            command(sys.executable, "-m", "sslbind", "-r", "lab.toml", "-f", "-",
                    folder=str(tmp_path))
        )  # fmt: skip
        ran = one.run(b"http add iplisten 10.0.0.5\nhttp show iplisten\n")
        assert ran.code == 0
        assert b"10.0.0.5" in ran.output
        assert 'iplisten = ["10.0.0.5"]' in registry.read_text()

    def test_no_shell_reads_the_arguments(self) -> None:
        one = connect(command(sys.executable, "-c", "import sys; print(sys.argv[1:])", "$HOME; *"))
        assert one.run(b"").output == f"['$HOME; *']{os.linesep}".encode()

    def test_a_program_that_reads_nothing(self) -> None:
        one = connect(command(sys.executable, "-c", "raise SystemExit(3)"))
        assert one.run(b"x" * (1 << 20)) == Ran(b"", b"", 3)

    def test_a_program_that_is_not_there(self, tmp_path: Path) -> None:
        one = connect(command(str(tmp_path / "netsh")))
        with pytest.raises(
            UnreachableError,
            match=r"netsh cannot be started: .*(no such file|file not found|cannot find)",
        ):
            one.run(b"")

    @pytest.mark.slow
    def test_time_is_up(self) -> None:
        """What came until then is kept, and a child that holds the pipe open holds up nobody."""
        code = (
            "import subprocess, sys, time\n"
            "print('half', flush=True)\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
            "time.sleep(600)\n"
        )
        one = connect(command(sys.executable, "-c", code, timeout=12))
        assert one.run(b"") == Ran(f"half{os.linesep}".encode(), b"", None)

    def test_no_powershell(self) -> None:
        one = connect(command("netsh"))
        assert one.programs == {Program.NETSH}
