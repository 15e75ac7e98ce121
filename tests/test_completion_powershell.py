"""Completion in PowerShell: what bash's tests type, through ``TabExpansion2`` of a real one.

PowerShell replaces the word by a candidate and adds no space, so the lines here
have their own; Tab takes the first candidate. A start of PowerShell takes a
second, so one completes all lines; what the finished line gives to a program is
what ``printf`` prints of it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from powershell import PROFILES, pwsh
from test_completion import BOUND, ODD, SCRIPT_FOLDER, STORED, furnish

from sslbind.shells import powershell as quote

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="printf is a program of Unix here"),
]

COMPLETED = {
    "sho\t": ["show"],
    "HTTP ADD sslsni\t": ["HTTP", "ADD", "sslsnicert"],
    "SHO\t": ["show"],
    "update sslcert ipport=0.0.0.0:4\t": ["update", "sslcert", "ipport=0.0.0.0:443"],
    "update sslcert ipport=[:\t": ["update", "sslcert", "ipport=[::]:443"],
    "show sslcert '[\t": ["show", "sslcert", "[::]:443"],
    "show sslcert www\t": ["show", "sslcert", "www.contoso.com:443"],
    "show sslcert www.contoso.com:4\t": ["show", "sslcert", "www.contoso.com:443"],
    "add sslcert certstorename=W\t": ["add", "sslcert", "certstorename=WebHosting"],
    "add sslcert certstorename=My` S\t": ["add", "sslcert", "certstorename=My Store"],
    'add sslcert certstorename="My S\t': ["add", "sslcert", "certstorename=My Store"],
    "add sslcert certstorename='My S\t": ["add", "sslcert", "certstorename=My Store"],
    "add sslcert 'certstorename=My S\t": ["add", "sslcert", "certstorename=My Store"],
    "add sslcert certhash=8d9\t": ["add", "sslcert", f"certhash={BOUND}"],
    "rebind 8d9\t 4f\t": ["rebind", BOUND, STORED],
    "list --appid=wi\t --form\t js\t": ["list", "--appid=winrm", "--format", "json"],
    "add sslcert disableq\ten\t x": ["add", "sslcert", "disablequic=enable", "x"],
    "check '@web\t": ["check", "@web01"],
    "-r '@web\t list": ["-r", "@web01", "list"],
    "export reg --changes-from=@WEB\t": ["export", "reg", "--changes-from=@web01"],
    "targets fro\t": ["targets", "front"],
    "plan fro\t": ["plan", "front"],
    "-r oth\t dump": ["-r", "./other file.toml", "dump"],
    "--registry=oth\t dump": ["--registry=./other file.toml", "dump"],
    "-r 'other file.toml' show sslcert ccs=8\t": [
        "-r", "other file.toml", "show", "sslcert", "ccs=8443"],
    "-r other` file.toml show sslcert 84\t": ["-r", "other file.toml", "show", "sslcert", "8443"],
    "add sslcert certstorename=Odd\t": ["add", "sslcert", f"certstorename={ODD}"],
    "add sslcert certstorename='Odd\t": ["add", "sslcert", f"certstorename={ODD}"],
    'add sslcert certstorename="Odd\t': ["add", "sslcert", f"certstorename={ODD}"],
    "nonsense xyz\t": ["nonsense", "xyz"],
}  # fmt: skip
LISTED = {
    "add sslcert certstorename=": [
        "certstorename=MY", "certstorename=My Store", f"certstorename={ODD}",
        "certstorename=WebHosting"],
    "show sslcert ipport=": ["ipport=0.0.0.0:443", "ipport=[::]:443"],
}  # fmt: skip
SCRIPT = """\
$lines = Get-Content -Raw lines.json | ConvertFrom-Json
$done = foreach ($line in $lines) {
    $pieces = "sslbind $line" -split "`t"
    $text = $pieces[0]
    $listed = @()
    foreach ($piece in $pieces | Select-Object -Skip 1) {
        $found = TabExpansion2 -inputScript $text -cursorColumn $text.Length
        $listed = @($found.CompletionMatches | ForEach-Object { $_.ListItemText })
        if ($listed) {
            $before = $text.Substring(0, $found.ReplacementIndex)
            $after = $text.Substring($found.ReplacementIndex + $found.ReplacementLength)
            $text = $before + $found.CompletionMatches[0].CompletionText + $after
        }
        $text += $piece
    }
    $words = @(Invoke-Expression ($text -replace '^sslbind', "printf '%s\\n'"))
    [ordered]@{ line = $line; text = $text; words = $words; listed = $listed }
}
ConvertTo-Json -Depth 4 -InputObject @($done)
"""


@pytest.mark.parametrize(
    ("profile", "variables"),
    [(PROFILES["plain"], {}), (PROFILES["profile"], {"LC_ALL": "C"})],
    ids=["plain", "profile and C"],
)
def test_tab_completes(
    profile: str, variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    typed = [*COMPLETED, *(f"{line}\t" for line in LISTED)]
    Path("lines.json").write_text(json.dumps(typed))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = quote(str(SCRIPT_FOLDER / "sslbind.ps1"))
    code, out, errors = pwsh(
        f"{profile}. {script}\n{SCRIPT}", {**os.environ, "PATH": path, **variables}
    )
    assert (code, errors) == (0, ""), out
    done = {one["line"]: one for one in json.loads(out)}
    got = {line: done[line]["words"] for line in COMPLETED}
    assert got == COMPLETED
    assert {line: done[f"{line}\t"]["listed"] for line in LISTED} == LISTED
    assert not list(tmp_path.rglob("pwned"))
