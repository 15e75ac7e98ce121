"""Programs that tests drive, and that a machine may lack."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest


def needs(tool: str) -> str:
    """Return the path of ``tool``; skip the test where it is missing, but fail in CI on Unix.

    Windows has hardly any of them, and may skip what the same CI run checks on Unix.
    Programs beside the interpreter count, as in a virtual environment that is
    not activated.
    """
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(tool, path=search)
    if found is None and os.environ.get("CI") and sys.platform != "win32":
        pytest.fail(f"{tool} is missing, and CI must not skip what it checks")
    if found is None:
        pytest.skip(f"{tool} is not installed")
    return found
