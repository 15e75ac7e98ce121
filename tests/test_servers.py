"""Servers by ssh: a real sshd, a netsh that behaves in various ways, and what is read from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import IIS, A
from sshd import Farm, Machine, farm, servers
from tools import needs

from sslbind.live import Server, UnreadableError
from sslbind.registry.registry import Registry
from sslbind.release import Release
from sslbind.sources import Source, snapshot
from sslbind.targets import Target, read_targets
from sslbind.transports.powershell import ARGUMENTS
from sslbind.transports.transport import UnreachableError

__all__ = ["farm", "servers"]  # fixtures

BOUND = f"""\
version = 1
windows = "2022"
iplisten = ["10.0.0.5"]

[SslBindingInfo."10.0.0.5:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"

[SslSniBindingInfo."münchen.example:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
disablehttp2 = true
"""


def read(farm: Farm, name: str, options: str = "", **more: str) -> Source:
    targets = read_targets(farm.targets(options, **more))
    (target,) = targets.select([name])
    server = Server(target)
    try:
        return server.read()
    finally:
        server.close()


def same(source: Source, machine: Machine) -> bool:
    seen, there = snapshot(source), Registry.open(str(machine.registry))
    return (seen.bindings, seen.iplisten) == (there.bindings, there.iplisten)


@pytest.mark.slow
def test_a_server_without_powershell(farm: Farm, servers: list[Machine]) -> None:
    servers[0].registry.write_text(BOUND, encoding="utf-8")
    source = read(farm, "s1")
    assert (source.file, source.format.name) == ("@s1", "netsh-show")
    assert same(source, servers[0])
    assert source.imported.notes[-1].startswith(
        "read with netsh, which lists no certificates and sites: "
    )
    assert servers[0].commands() == [" ".join(("powershell", *ARGUMENTS)), "netsh"]


@pytest.mark.parametrize("shell", ["/bin/sh", "pwsh"], ids=["sh", "pwsh"])
@pytest.mark.slow
def test_a_server_with_powershell(farm: Farm, servers: list[Machine], shell: str) -> None:
    """The capture script runs there unchanged, whatever the login shell; it writes no file."""
    servers[0].registry.write_text(BOUND, encoding="utf-8")
    servers[0].powershell()
    servers[0].folder.joinpath("shell").write_text(shell if "/" in shell else needs(shell))
    before = sorted(path.name for path in servers[0].folder.iterdir())
    source = read(farm, "s1")
    assert (source.file, source.format.name) == ("@s1", "capture")
    assert same(source, servers[0])
    assert source.imported.release is Release.W2022
    assert source.imported.certificates == ()
    assert servers[0].commands() == [" ".join(("powershell", *ARGUMENTS))]
    assert sorted(path.name for path in servers[0].folder.iterdir()) == before


@pytest.mark.slow
def test_netsh_below_powershell(farm: Farm, servers: list[Machine]) -> None:
    """If PowerShell is only the login shell, netsh gets its lines all the same."""
    servers[0].registry.write_text(BOUND, encoding="utf-8")
    servers[0].folder.joinpath("shell").write_text(needs("pwsh"))
    source = read(farm, "s1")
    assert source.format.name == "netsh-show"
    assert same(source, servers[0])


@pytest.mark.slow
def test_a_connection_that_the_user_shares_is_taken(
    farm: Farm, servers: list[Machine], tmp_path: Path
) -> None:
    """If ssh_config names a socket, that one is used: it may have been opened with a token."""
    config = tmp_path / "ssh_config"
    own = f"ControlMaster auto\nControlPath {tmp_path}/own-%n\nControlPersist 5\n"
    config.write_text(f"Host s2\n{own}\n{farm.ssh_config.read_text()}")
    for name, shared in (("s1", False), ("s2", True)):
        server = Server(Target(name, host=name, ssh_config=str(config)))
        assert server.read().format.name == "netsh-show"
        assert (tmp_path / f"own-{name}").exists() is shared


def test_no_value_is_on_a_command_line(farm: Farm, servers: list[Machine]) -> None:
    servers[0].registry.write_text(BOUND, encoding="utf-8")
    read(farm, "s1")
    assert all(re.fullmatch(r"netsh|powershell [-A-Za-z ]+ [\w+/=]+", one) for one in
               servers[0].commands())  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mood", ["grump", "french", "unelevated", "liar", "dying-writer"])
def test_moods_that_show_the_truth(farm: Farm, servers: list[Machine], mood: str) -> None:
    """What is shown is read, whatever the exit code and the language."""
    text = BOUND.replace("münchen", "www") if mood == "french" else BOUND
    servers[0].registry.write_text(text, encoding="utf-8")
    servers[0].mood(mood)
    assert same(read(farm, "s1"), servers[0])


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        ("empty", "answered: "),
        ("denied", "answered: The requested operation requires elevation (Run as administrator)."),
        ("dying", "breaks off after the line: "),
        ("hostile", "answered: \\x1b]0;owned\\x07\\x1b[2J"),
    ],
    ids=["empty", "denied", "dying", "hostile"],
)
@pytest.mark.parametrize("powershell", [False, True], ids=["netsh", "powershell"])
@pytest.mark.slow
def test_moods_that_cannot_be_read(
    farm: Farm, servers: list[Machine], mood: str, said: str, *, powershell: bool
) -> None:
    """None of them is taken for an empty server, whether PowerShell or ssh runs netsh."""
    servers[0].registry.write_text(BOUND, encoding="utf-8")
    servers[0].mood(mood)
    if powershell:
        servers[0].powershell()
    with pytest.raises(UnreadableError) as caught:
        read(farm, "s1")
    told = "netsh gave no whole listing of bindings; it "
    assert str(caught.value).startswith(f"@s1: {told}{said}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("dead", "connect to host 127.0.0.1 port 1: Connection refused", None),
        ("stranger", "Host key verification failed.",
         "run ssh stranger once by hand, and compare the key it shows"),
        ("locked", "Permission denied (publickey).",
         "ssh locked must work without a prompt: use a key, or an agent"),
        ("nowhere.invalid", "Could not resolve hostname nowhere.invalid: ",
         "set host in the targets file to a name that ssh knows"),
    ],
    ids=["dead", "host-key", "no-key", "no-name"],
)  # fmt: skip
def test_nobody_there(
    farm: Farm, servers: list[Machine], name: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UnreachableError) as caught:
        read(farm, name, **{f'"{name}"' if "." in name else name: ""})
    assert caught.value.message.startswith(f"{name} cannot be reached by ssh: ")
    assert message in caught.value.message
    assert caught.value.hints == ((hint,) if hint else ())


@pytest.mark.slow
def test_hanging(farm: Farm, servers: list[Machine]) -> None:
    servers[0].mood("hanging")
    with pytest.raises(UnreachableError) as caught:
        read(farm, "s1", "timeout = 10")
    assert str(caught.value) == "@s1: no answer within 10 seconds"
