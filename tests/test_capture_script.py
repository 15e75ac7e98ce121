"""capture.ps1 run by a real PowerShell on servers that have nothing, one of each, and several.

``Cert:``, the registry and IIS's module are of Windows only: functions of the same
names give what they would give, certificates as .NET's own objects. A start of
PowerShell takes a second, so one captures all servers, plain and with what people
have in their profiles.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, Run, call
from pki import Issued, mail, root, web
from powershell import PROFILES, pwsh

from sslbind.binding import Binding
from sslbind.formats import capture
from sslbind.formats.imported import Imported, StoredCertificate
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, parse_key
from sslbind.registry.document import CentralCertProvider
from sslbind.registry.registry import Registry
from sslbind.release import Release
from sslbind.session import Session
from sslbind.shells import powershell as quote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="netsh.exe is a shell script here"),
]

WEB = {"certhash": web().thumbprint, "appid": IIS, "certstorename": "My"}
ONE = Binding(parse_key(HOSTNAMEPORT, "münchen.example:443"), WEB)
SEVERAL = (
    Binding(parse_key(IPPORT, "0.0.0.0:443"), {**WEB, "certhash": mail().thumbprint}),
    ONE,
    Binding(parse_key(CCS, "443"), {"appid": IIS}),
)
SECRET = "hunter2"
CONFIG = f"""\
<configuration>
  <system.applicationHost>
    <applicationPools>
      <add name="Shop"><processModel userName="CONTOSO\\shop" password="{SECRET}" /></add>
    </applicationPools>
    <sites>
      <site name="Shop" id="1">
        <application path="/"><virtualDirectory path="/" password="{SECRET}" /></application>
        <bindings>
          <binding protocol="https" bindingInformation="*:443:münchen.example" sslFlags="1" />
        </bindings>
      </site>
    </sites>
  </system.applicationHost>
  <!-- {SECRET} -->
</configuration>
"""


@dataclass
class Machine:
    """What a server has; of each certificate in a store also whether its key is there."""

    bindings: tuple[Binding, ...] = ()
    iplisten: tuple[str, ...] = ()
    stores: dict[str, list[tuple[Issued, bool]]] = field(default_factory=dict)
    central: dict[str, Any] | None = None
    pfx: tuple[str, ...] | None = None
    """Files of the central store's folder; None if it has none that can be read."""
    config: str | None = None


MACHINES = {
    "empty": Machine(),
    "no-certificate": Machine(stores={"My": []}, central={}, pfx=(), config="<configuration />"),
    "one": Machine(
        (ONE,), ("10.0.0.5",), {"My": [(web(), True)]},
        {"Enabled": 1, "CertStoreLocation": "FOLDER", "UserName": SECRET, "Password": SECRET},
        ("www.contoso.com.pfx",), CONFIG,
    ),
    "several": Machine(
        SEVERAL, ("10.0.0.5", "::1"),
        {
            "My": [(web(), True), (mail(), True)],
            "Root": [(root(), False)],
            "AuthRoot": [(root(), False)],
        },
        {"Enabled": 0, "CertStoreLocation": "FOLDER", "PollingInterval": 300},
        ("b.pfx", "a.pfx", "notes.txt"), CONFIG,
    ),
}  # fmt: skip

STANDINS = r"""
function Get-ChildItem {
    [CmdletBinding()]
    param([string]$Path, [string]$LiteralPath, [string]$Filter, [switch]$File)
    $asked = "$Path$LiteralPath"
    if ($asked -eq 'Cert:\LocalMachine') {
        foreach ($one in [IO.Directory]::GetDirectories("$server/stores")) {
            [pscustomobject]@{ Name = [IO.Path]::GetFileName($one) }
        }
    } elseif ($asked -like 'Cert:\LocalMachine\*') {
        foreach ($one in [IO.Directory]::GetFiles("$server/stores/$($asked.Substring(19))")) {
            New-Object Security.Cryptography.X509Certificates.X509Certificate2 $one, ''
        }
    } else { Microsoft.PowerShell.Management\Get-ChildItem @PSBoundParameters }
}
function Get-Item {
    [CmdletBinding()]
    param([string]$Path)
    if ($Path -ne 'HKLM:\SOFTWARE\Microsoft\IIS\CentralCertProvider') { throw "no $Path" }
    if (-not [IO.File]::Exists("$server/central.json")) { Write-Error 'no such key'; return }
    $values = [IO.File]::ReadAllText("$server/central.json") | ConvertFrom-Json
    $values | Add-Member -PassThru ScriptMethod GetValue {
        param($name) if ($this.PSObject.Properties[$name]) { $this.$name } }
}
function Get-ItemProperty([string]$Path) {
    if ($Path -ne 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion') { throw "no $Path" }
    [pscustomobject]@{ CurrentBuild = '20348'; ProductName = 'Server'; ReleaseId = '2009' }
}
"""


def furnish(machine: Machine, folder: Path) -> None:
    """Write what the stand-ins read."""
    config = folder / "System32" / "inetsrv" / "config" / "applicationHost.config"
    config.parent.mkdir(parents=True)
    if machine.config:
        config.write_text(machine.config, encoding="utf-8")
    netsh(machine, folder)
    (folder / "stores").mkdir()
    for store, certificates in machine.stores.items():
        (folder / "stores" / store).mkdir()
        for number, (one, key) in enumerate(certificates):
            file = folder / "stores" / store / f"{number}.{'pfx' if key else 'cer'}"
            file.write_bytes(one.pfx() if key else one.der)
    if machine.central is not None:
        text = json.dumps(machine.central).replace("FOLDER", str(folder / "central"))
        (folder / "central.json").write_text(text)
    if machine.pfx is not None:
        (folder / "central").mkdir()
        for name in machine.pfx:
            (folder / "central" / name).touch()


def netsh(machine: Machine, folder: Path) -> None:
    """Write ``state.toml``, what the server has, and a netsh.exe that prints what sslbind shows."""
    state = folder / "state.toml"
    text = 'version = 1\nwindows = "2022"\n'
    if machine.central and "CertStoreLocation" in machine.central:
        enabled = "true" if machine.central["Enabled"] else "false"
        text += f"[CentralCertProvider]\nEnabled = {enabled}\n"
        text += f"CertStoreLocation = '{folder / 'central'}'\n"
    state.write_text(text)
    with Registry.editing(state) as opened:
        for one in machine.bindings:
            Session(opened).add(one.key, one.values)
    for address in machine.iplisten:
        assert call(["-q", "-r", str(state), "add", "iplisten", address]).code == 0
    code = "#!/bin/sh\n"
    for word in ("sslcert", "iplisten"):
        shown = call(["-q", "-r", str(state), "http", "show", word])
        (folder / word).write_text(shown.out, encoding="utf-8")
        code += f'[ "$*" = "http show {word}" ] && cat "{folder / word}" && exit {shown.code}\n'
    exe = folder / "System32" / "netsh.exe"
    exe.write_text(f"{code}exit 9\n")
    exe.chmod(0o755)


@pytest.fixture(scope="module", params=PROFILES)
def captured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Path, str]]:
    """Return the folder of each server, with its capture, and the capture on standard output."""
    top = tmp_path_factory.mktemp("servers")
    # The drive's path with the slashes of this system; all else is as it is shipped.
    inetsrv = rb"\System32\inetsrv\config\\"[:-1]
    script = capture.script()
    assert script.count(inetsrv) == 1
    (top / "capture.ps1").write_bytes(script.replace(inetsrv, inetsrv.replace(b"\\", b"/")))
    command = f"{PROFILES[request.param]}{STANDINS}\n$env:COMPUTERNAME = 'WEB1'\n"
    for name, machine in MACHINES.items():
        furnish(machine, top / name)
        for option in (quote(str(top / name / "capture.json")), "-"):
            command += (
                f"$server = $env:SystemRoot = {quote(str(top / name))}\n"
                f"try {{ & {quote(str(top / 'capture.ps1'))} -OutFile {option} }}"
                ' catch { "FAILED $_ $($_.ScriptStackTrace)" }\n'
            )
    code, said, errors = pwsh(command)
    assert (code, errors) == (0, ""), said
    lines = said.splitlines()
    assert [line for line in lines if line.startswith("FAILED")] == []
    assert len(lines) == 2 * len(MACHINES)
    written = dict(zip(MACHINES, lines[1::2], strict=True))
    for name, line in zip(MACHINES, lines[::2], strict=True):
        assert line == (
            f"{top / name / 'capture.json'} is written. It holds no secret; look at it before it"
            " leaves this server."
        )
    return {name: (top / name, line) for name, line in written.items()}


def read(captured: dict[str, tuple[Path, str]], name: str) -> Imported:
    """Return what import reads of a capture, the same from the file and from the line."""
    folder, line = captured[name]
    imported = capture.read((folder / "capture.json").read_text("utf-8-sig"), "capture.json")
    assert line.isascii()
    assert [one.binding for one in capture.read(line, "-").records] == [
        one.binding for one in imported.records
    ]
    return imported


@pytest.mark.parametrize("name", MACHINES)
def test_what_a_server_has_is_read(captured: dict[str, tuple[Path, str]], name: str) -> None:
    """Records, listen list, release, certificates with keys, central store: none, one, several."""
    machine, imported = MACHINES[name], read(captured, name)
    assert [one.binding for one in imported.records] == [*machine.bindings]
    assert imported.bad == ()
    assert (imported.release, imported.inferred) == (Release.W2022, False)
    assert imported.iplisten == machine.iplisten
    found = {
        StoredCertificate(store, one.der)
        for store, certificates in machine.stores.items()
        for one, _ in certificates
        if store != "AuthRoot"
    }
    assert set(imported.certificates or ()) == found
    assert len(imported.certificates or ()) == len(found)
    assert (imported.sites is not None) == (machine.config is not None)
    if imported.sites is not None:
        hosts = [one.host for one in imported.sites.bindings]
        assert hosts == (["münchen.example"] if machine.config == CONFIG else [])
    central = machine.central
    assert imported.central == (
        CentralCertProvider(
            enabled=bool(central.get("Enabled")),
            location=str(captured[name][0] / "central") if "CertStoreLocation" in central else None,
        )
        if central is not None
        else None
    )


def test_lists_are_lists_and_nothing_is_secret(captured: dict[str, tuple[Path, str]]) -> None:
    """One element stays a list; no password, user or comment is in the document."""
    for name, (folder, line) in captured.items():
        machine = MACHINES[name]
        text = (folder / "capture.json").read_text("utf-8-sig")
        assert SECRET not in text + line
        for document in (json.loads(text), json.loads(line)):
            lists = ("sslcert", "iplisten", "certificates")
            assert [type(document[one]) for one in lists] == [list, list, list]
            assert len(document["certificates"]) == sum(
                len(found) for store, found in machine.stores.items() if store != "AuthRoot"
            )
            assert (document["config"] is None) == (machine.config is None)
            assert isinstance(document["config"], list | None)
            if machine.central is None:
                assert document["central"] is None
            elif machine.central:
                files = [one for one in machine.pfx or () if one.endswith(".pfx")]
                assert sorted(document["central"]["files"]) == sorted(files)


def test_imported_to_the_same(captured: dict[str, tuple[Path, str]], run: Run) -> None:
    """``import`` makes a registry of it that is what the server has."""
    for name, (folder, _) in captured.items():
        done = run("-r", f"{name}.toml", "import", str(folder / "capture.json"))
        assert done.code == 0, done
        done = run("diff", f"{name}.toml", str(folder / "state.toml"))
        assert done.code == 0, done
