"""Programs and packages that tests use, and that a machine may lack."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from sslbind.errors import reason


def _missing(what: str) -> None:
    """Skip the test, or the module that is being imported, but fail in CI on Unix.

    Windows has hardly any of the programs, and may skip what the same CI run checks on Unix.
    """
    if os.environ.get("CI") and sys.platform != "win32":
        pytest.fail(f"{what} is missing, and CI must not skip what it checks")
    pytest.skip(f"{what} is not installed", allow_module_level=True)


def needs(tool: str) -> str:
    """Return the path of ``tool``; skip the test where it is missing, but fail in CI on Unix.

    Programs beside the interpreter count, as in a virtual environment that is
    not activated, and those in the folder where Windows has them.
    """
    own = Path(sys.executable).parent
    search = os.pathsep.join([str(own), str(own / "Scripts"), os.environ.get("PATH", "")])
    found = shutil.which(tool, path=search)
    if found is None:
        _missing(tool)
    return str(found)


def needs_package(name: str) -> None:
    """Skip the test where the package ``name`` cannot be imported, but fail in CI on Unix."""
    if importlib.util.find_spec(name) is None:
        _missing(f"the package {name}")


links = pytest.mark.skipif(
    sys.platform == "win32", reason="symbolic links are a privilege on Windows"
)
modes = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
unix_shell = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no shell of Unix")
unix_names = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")


def is_private(path: Path) -> bool:
    """Whether a file or folder is its owner's alone; Windows has no modes to look at."""
    return sys.platform == "win32" or not stat.S_IMODE(path.stat().st_mode) & 0o077


def refusal(path: Path) -> str:
    """Return the system's reason, in its own words, why the folder ``path`` cannot be listed."""
    try:
        os.listdir(path)
    except OSError as error:
        return reason(error)
    raise AssertionError(f"{path} is there")
