"""A real PowerShell, plain and as people set it up, and servers on which it runs scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st
from tools import needs

from sslbind.binding import Binding
from sslbind.registry.registry import Registry
from sslbind.shells import powershell as quote

TESTS = Path(__file__).parent
SETTINGS = {
    "strict": "Set-StrictMode -Version Latest; ",
    "native errors": "$PSNativeCommandUseErrorActionPreference = $true; ",
    "legacy arguments": "$PSNativeCommandArgumentPassing = 'Legacy'; ",
}
"""What people have in their profiles, and what Windows PowerShell 5.1 always does."""
PROFILES = {"plain": "", "profile": "".join(SETTINGS.values())}
"""Everything runs under both, and with EACH_SETTING set under each setting alone as well."""
if os.environ.get("EACH_SETTING"):
    PROFILES |= SETTINGS


hostile = st.text(
    st.sampled_from("'\u2018\u2019\u201a\u201b\u201c\u201d$`\"&|<>^%!;,(){}@#~*=-\\ aZ9ü→")
    | st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["C"]),
    min_size=1,
    max_size=30,
)
"""Text with whatever a shell, PowerShell or cmd could read as more than text."""


def pwsh(command: str, environment: Mapping[str, str] = os.environ) -> tuple[int, str, str]:
    """Run a command line of PowerShell; return its exit code, its output and its errors."""
    done = subprocess.run(
        [needs("pwsh"), "-NoProfile", "-NonInteractive", "-Command", command],
        capture_output=True,
        env={**environment, "POWERSHELL_TELEMETRY_OPTOUT": "1"},
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Server:
    """A machine whose netsh.exe is sslbind on a registry, or a shell script of the test's own."""

    def __init__(self, folder: Path, profile: str = "", release: str = "2022") -> None:
        self.folder = folder
        self.profile = profile
        self.state = folder / "state.toml"
        self.state.write_text(f'version = 1\nwindows = "{release}"\n')
        (folder / "bin").mkdir()
        self.netsh()

    def netsh(self, before: str = "", after: str = "") -> None:
        """Make netsh.exe: ``before`` is shell code that runs first, with the words in ``$@``."""
        run = f'{sys.executable} -m sslbind -q -r "{self.state}" "$@"'
        self.program(f"{before}\n{run} 2>/dev/null{after}")

    def program(self, code: str) -> None:
        """Make netsh.exe of shell code alone."""
        file = self.folder / "bin" / "netsh.exe"
        file.write_text(f"#!/bin/sh\n{code}\n")
        file.chmod(0o755)

    def run(self, script: bytes, *options: str) -> tuple[int, str, str]:
        """Run a script file; return its exit code, its output and its errors."""
        path = self.folder / "script.ps1"
        path.write_bytes(script)
        command = f"{self.profile}& {quote(str(path))} {' '.join(options)}; exit $LASTEXITCODE"
        return pwsh(command, self.environment)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a shell that finds the server's netsh.exe."""
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(TESTS.parent),
        }

    @property
    def bindings(self) -> list[Binding]:
        """What the server has."""
        return list(Registry.open(self.state).bindings.values())
