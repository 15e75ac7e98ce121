"""Real servers for tests: OpenSSH's sshd on loopback addresses, each with a netsh of its own.

``Farm`` starts one sshd for every 16 addresses (its limit). A session's PATH has a
``netsh`` that is a second sslbind with a registry for each address, or a stand-in
with a mood that is worse than any. Nothing of the user's is read: keys, known
hosts and configuration are made for the farm and thrown away.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from tools import needs

PER_PROCESS = 16
REGISTRY = 'version = 1\nwindows = "2022"\n'

_CONFIG = """\
Port {port}
{listen}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
ForceCommand {folder}/session
MaxStartups 300
MaxSessions 100
LogLevel ERROR
"""
# What runs for every command of a client: the folder of the address is the server.
_SESSION = """\
#!/bin/sh
set -- $SSH_CONNECTION
SERVER={folder}/servers/$3
export SERVER SSLBIND_REGISTRY="$SERVER/registry.toml" XDG_CACHE_HOME="$SERVER/cache"
export PYTHONPATH={path} SystemRoot="$SERVER" SSLBIND_TEST_COMMAND="$SSH_ORIGINAL_COMMAND"
PATH=$SERVER/bin:/usr/bin:/bin
cd "$SERVER" || exit 1
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> commands
exec "$(cat shell)" -c "$SSH_ORIGINAL_COMMAND"
"""
_MOODY = Path(__file__).parent / "moody_netsh.py"
_POWERSHELL = Path(__file__).parent / "windows_powershell.sh"


class Machine:
    """One server of a farm: an address, a registry, a mood."""

    def __init__(self, farm: Farm, address: str) -> None:
        self.farm = farm
        self.address = address
        self.name = f"s{address.rpartition('.')[2]}"
        self.folder = farm.folder / "servers" / address
        (self.folder / "bin").mkdir(parents=True)
        (self.folder / "System32").mkdir()
        self.reset()

    @property
    def registry(self) -> Path:
        """The registry that its netsh works on: the state of its HTTP.SYS."""
        return self.folder / "registry.toml"

    def reset(self) -> None:
        """Make it a healthy server with sh, without PowerShell and without bindings."""
        self.registry.write_text(REGISTRY, encoding="utf-8")
        (self.folder / "commands").write_text("")
        (self.folder / "shell").write_text("/bin/sh")
        (self.folder / "bin" / "powershell").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "My", ignore_errors=True)
        self.mood("")

    def mood(self, mood: str) -> None:
        """Give its netsh one of the moods of ``moody_netsh.py``; an empty one is none."""
        netsh = self.folder / "bin" / "netsh"
        text = f'#!/bin/sh\nexec {sys.executable} {_MOODY} {mood} "$@"\n'
        if not mood:
            text = f'#!/bin/sh\nexec {self.farm.sslbind} -q "$@"\n'
        netsh.write_text(text)
        netsh.chmod(0o755)
        exe = self.folder / "System32" / "netsh.exe"
        exe.unlink(missing_ok=True)
        exe.symlink_to(netsh)

    def powershell(self) -> None:
        """Give it a PowerShell: a real one, with stand-ins for the drives of Windows."""
        link = self.folder / "bin" / "powershell"
        link.unlink(missing_ok=True)
        link.write_text(f'#!/bin/sh\nPWSH={needs("pwsh")} exec sh {_POWERSHELL} "$@"\n')
        link.chmod(0o755)

    def commands(self) -> list[str]:
        """Return the command lines that clients sent."""
        return (self.folder / "commands").read_text().splitlines()


class Farm:
    """Servers on 127.0.0.1 and up, by the names s1, s2 … of ``ssh_config``."""

    def __init__(self, folder: Path, count: int) -> None:
        if sys.platform == "win32":
            pytest.skip("the servers are Unix programs")
        self.folder = folder
        self.port = _free_port()
        self.sshd = _sshd()
        self.sslbind = folder / "netsh"
        self.processes: list[subprocess.Popen[bytes]] = []
        addresses = [f"127.0.0.{number}" for number in range(1, count + 1)]
        self._keys(addresses)
        self._session()
        self.servers = [Machine(self, address) for address in addresses]
        self.ssh_config = folder / "ssh_config"
        self._client(addresses)
        for start in range(0, count, PER_PROCESS):
            self._start(start, addresses[start : start + PER_PROCESS])
        for address in addresses:
            _wait_for(address, self.port)

    def _keys(self, addresses: list[str]) -> None:
        for name in ("host_key", "user_key"):
            subprocess.run(
                [needs("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name],
                check=True,
            )
        key = (self.folder / "host_key.pub").read_text()
        known = "".join(f"[{address}]:{self.port} {key}" for address in addresses)
        (self.folder / "known_hosts").write_text(known)
        (self.folder / "empty").write_text("")

    def _session(self) -> None:
        session = self.folder / "session"
        path = os.pathsep.join(one for one in sys.path if one)
        session.write_text(_SESSION.format(folder=self.folder, path=path))
        session.chmod(0o755)
        self.sslbind.write_text(
            f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'netsh'\n"
            "from sslbind.cli import main\nsys.exit(main())\n"
        )
        self.sslbind.chmod(0o755)

    def _client(self, addresses: list[str]) -> None:
        """Write the configuration: s1 …, ``dead`` with nobody there, ``stranger`` not known."""
        common = (
            f"    Port {self.port}\n    IdentityFile {self.folder}/user_key\n"
            "    IdentitiesOnly yes\n    StrictHostKeyChecking yes\n"
        )
        known = f"    UserKnownHostsFile {self.folder}/known_hosts\n"
        text = "".join(
            f"Host {server.name}\n    HostName {address}\n{common}{known}"
            for server, address in zip(self.servers, addresses, strict=True)
        )
        text += "Host dead\n    HostName 127.0.0.1\n    Port 1\n"
        text += f"Host stranger\n    HostName {addresses[0]}\n{common}"
        text += f"    UserKnownHostsFile {self.folder}/empty\n"
        text += f"Host locked\n    HostName {addresses[0]}\n    Port {self.port}\n{known}"
        text += "    IdentityFile /none\n    IdentitiesOnly yes\n"
        self.ssh_config.write_text(text)

    def _start(self, number: int, addresses: list[str]) -> None:
        config = self.folder / f"sshd_config{number}"
        listen = "\n".join(f"ListenAddress {address}" for address in addresses)
        text = _CONFIG.format(port=self.port, listen=listen, folder=self.folder)
        config.write_text(text + "PerSourcePenalties no\n")  # of OpenSSH 9.8 and later
        test: list[str | Path] = [self.sshd, "-t", "-f", config]
        if subprocess.run(test, check=False, capture_output=True).returncode:
            config.write_text(text)
        self.processes.append(subprocess.Popen([self.sshd, "-D", "-e", "-f", config]))

    def targets(self, options: str = "", **more: str) -> str:
        """Write a targets file with every server, ``options`` in its defaults; return its path.

        ``more`` are further tables by their names: ``dead='timeout = 5'``.
        """
        tables = {server.name: f'registry = "{server.name}.toml"' for server in self.servers}
        return self.write_targets({**tables, **more}, options)

    def write_targets(self, tables: Mapping[str, str], options: str = "") -> str:
        """Write a targets file with ``tables``; return its path."""
        path = self.folder / "targets.toml"
        body = "".join(f"\n[Target.{name}]\n{text}\n" for name, text in tables.items())
        head = f'version = 1\n\n[defaults]\nssh_config = "{self.ssh_config}"\n{options}\n'
        path.write_text(head + body, encoding="utf-8")
        return str(path)

    def close(self) -> None:
        """End the processes of the farm, and what its servers left hanging."""
        for file in self.folder.glob("servers/*/hanging"):
            for pid in file.read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)


def _sshd() -> str:
    """Return the full path of sshd, which it insists on; it wants a folder where root runs it."""
    search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    found = shutil.which("sshd", path=search) or needs("sshd")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", 0o755, exist_ok=True)
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(address: str, port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection((address, port), 10):
            return
        time.sleep(0.1)
    pytest.fail(f"no sshd answers at {address}:{port}")


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Return four servers for the whole run; a test resets those that it uses."""
    if sys.platform != "linux":  # macOS has 127.0.0.1 only
        pytest.skip("the farm needs many loopback addresses, and sh")
    made = Farm(tmp_path_factory.mktemp("farm"), 4)
    yield made
    made.close()


@pytest.fixture
def servers(farm: Farm) -> list[Machine]:
    """Return the servers of the farm, all of them healthy and empty."""
    for server in farm.servers:
        server.reset()
    return farm.servers
