"""No script needs more than Windows PowerShell 5.1: a checker of our own reads them all."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from powershell import TESTS, pwsh
from test_powershell import FIRST, SECOND, THIRD, change, whole

from sslbind.formats import capture
from sslbind.formats.format import Delta
from sslbind.planning import delivery
from sslbind.shells import powershell as quote
from sslbind.transports import powershell as transport

pytestmark = pytest.mark.slow


def lacking(*paths: Path) -> tuple[int, str]:
    """Return the exit code and the output of the checker."""
    names = ", ".join(quote(str(path)) for path in paths)
    checker = quote(str(TESTS / "lacking_51.ps1"))
    code, said, errors = pwsh(f"& {checker} @({names}); exit $LASTEXITCODE")
    assert errors == ""
    return code, said


def written() -> dict[str, bytes]:
    """Return every kind of script that sslbind writes or sends."""
    every = whole(FIRST, SECOND.replace({"receivewindow": 5}), THIRD, iplisten=("::1",))
    deltas = Delta(FIRST, FIRST.replace({"reject": True})), Delta(SECOND, None), Delta(None, THIRD)
    sent = {
        "delivery": delivery.message([]),
        "capture": transport.compose(capture.script().decode("ascii")),
    }
    return {
        "whole": every,
        "changes": change(*deltas, listen=("::1",), unlisten=("10.0.0.5",)),
        "replacements": change(*deltas, release="2016"),
        "nothing": change(),
        "capture file": capture.script(),
        "bootstrap": base64.b64decode(transport.ARGUMENTS[-1]).decode("utf-16-le").encode("ascii"),
        **{f"{name} sent": base64.b64decode(data.split(b"\n")[0]) for name, data in sent.items()},
    }


def test_nothing_newer_than_5_1(tmp_path: Path) -> None:
    """Whatever .ps1 is in the repository, and whatever is written or sent."""
    paths = [*tmp_path.iterdir()]
    for name, script in written().items():
        paths.append(tmp_path / f"{name}.ps1")
        paths[-1].write_bytes(script)
    top = TESTS.parent
    for folder in ("sslbind", "completions", "tests", "ansible_collections", "docs"):
        paths += (top / folder).rglob("*.ps1")
    assert {path.name for path in paths} >= {
        "capture.ps1", "deliver.ps1", "changes.ps1", "sslbind.ps1", "export-powershell.ps1"
    }  # fmt: skip
    assert lacking(*paths) == (0, "")


NEWER = {
    "$a = $x ?? 1": "??",
    "$a ??= 1": "??=",
    "${a}?.b": "?.",
    "$b = $true ? 'é' : 2": "a ternary",
    "true && false": "&&",
    "true || false": "||",
    "if ($IsWindows) { }": "$IsWindows",
    "1..3 | ForEach-Object -Parallel { $_ }": "ForEach-Object -Parallel",
    "'{}' | ConvertFrom-Json -AsHashtable": "ConvertFrom-Json -AsHashtable",
    "'{}' | ConvertFrom-Json -Depth 3": "ConvertFrom-Json -Depth",
    "Get-Content -AsByteStream x": "Get-Content -AsByteStream",
    "Set-Content x y -Encoding utf8NoBOM": "utf8NoBOM",
    "1 | Join-String": "Join-String",
    "'a' -replace 'b', { $_ }": "-replace by a script block",
    "[Convert]::ToHexString(1)": "ToHexString",
    "Start-Sleep 1 &": "a job by &",
    "function f { clean { } }": "a clean block",
}


def test_the_checker_finds_each(tmp_path: Path) -> None:
    """What it is there for, a line each; a byte order mark makes letters right."""
    newer = tmp_path / "newer.ps1"
    newer.write_text("".join(f"{line}\n" for line in NEWER))
    code, said = lacking(newer)
    assert code == 1
    first, *found = [line.removeprefix(f"{newer}") for line in said.splitlines()]
    assert first == ": letters that are not ASCII, without a byte order mark"
    assert sorted(found) == sorted(
        f":{number}: {what}" for number, what in enumerate(NEWER.values(), 1)
    )
    newer.write_text("'é'\n", encoding="utf-8-sig")
    assert lacking(newer) == (0, "")
