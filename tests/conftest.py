"""Fixtures: an isolated cache, the command line in this process, registries and certificates."""

from __future__ import annotations

import gc
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from examples import examples
from hypothesis import HealthCheck, settings
from pki import Issued, issue, mail, web

from sslbind.certificates import opening
from sslbind.cli.entry import main

settings.register_profile(
    "sslbind",
    deadline=None,
    max_examples=examples(50),
    # What decides a landing must not depend on luck; everywhere else the examples are new ones.
    derandomize="CI" in os.environ or "FIXED_EXAMPLES" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("sslbind")


@dataclass(frozen=True)
class Result:
    """What one run answered: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON document and nothing else."""
        return json.loads(self.out)


class Run(Protocol):
    """The command line, called in this process."""

    def __call__(
        self, *args: str, stdin: str | bytes | None = ..., env: Mapping[str, str] = ...
    ) -> Result: ...


def call(args: Sequence[str], stdin: str | bytes | None = b"", program: str = "sslbind") -> Result:
    """Call ``sslbind.cli.entry.main`` with streams of its own; None is a closed ``stdin``."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    out, err = io.BytesIO(), io.BytesIO()
    old = sys.stdin, sys.stdout, sys.stderr, sys.argv
    sys.stdin = None if data is None else io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", newline="\n")
    sys.stderr = io.TextIOWrapper(err, encoding="utf-8", newline="\n")
    sys.argv = [program, *args]
    try:
        code = main(list(args))
        sys.stdout.flush()
        sys.stderr.flush()
        return Result(code, out.getvalue().decode(), _portable(err.getvalue().decode()))
    finally:
        sys.stdin, sys.stdout, sys.stderr, sys.argv = old


def _portable(errors: str) -> str:
    """Return standard error without the note that each write has on Windows alone."""
    if os.name != "nt":
        return errors
    return re.sub("note: .* was written; HTTP.SYS on this machine was not changed\n", "", errors)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder of this test's own; nothing of the user's is read or written."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.delenv("PYTHONUTF8", raising=False)  # it is for the tests' own files on Windows
    for name in ("SSLBIND_REGISTRY", "NO_COLOR", "FORCE_COLOR", "_SSLBIND_COMPLETE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def opened_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open PFX files in this process: each of a test's own costs a process otherwise.

    For tests that do not ask how long a file may take; one that hangs fails them too.
    """
    monkeypatch.setattr(opening, "_here", True)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line, run in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def run_(
        *args: str, stdin: str | bytes | None = b"", env: Mapping[str, str] | None = None
    ) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            return call(args, stdin)

    return run_


@pytest.fixture
def registry(tmp_path: Path, run: Run) -> Path:
    """Return the registry that ``init`` makes, with certificate stores."""
    assert run("init").code == 0
    return tmp_path / "sslbind.toml"


@pytest.fixture
def bare(tmp_path: Path, run: Run) -> Path:
    """Return a registry without [CertStores]: hashes are taken as they are."""
    path = tmp_path / "sslbind.toml"
    path.write_bytes(b'version = 1\nwindows = "2025"\n')
    return path


@dataclass(frozen=True)
class Stored:
    """Two certificates, both in MY with their keys."""

    web: Issued
    mail: Issued
    renewed: Issued
    """For the same name as ``web``, and in no store."""


@pytest.fixture
def stored(registry: Path) -> Stored:
    """Return certificates of which two are in MY, as ``store add`` would put them there."""
    folder = registry.parent / "certs" / "MY"
    folder.mkdir(mode=0o700)
    for one in (web(), mail()):
        (folder / f"{one.thumbprint}.pem").write_bytes(one.pem)
        key = folder / f"{one.thumbprint}.key"
        key.write_bytes(one.key_pem())
        key.chmod(0o600)
    return Stored(web(), mail(), renewed())


def renewed() -> Issued:
    """Return a self-signed certificate for www.contoso.com."""
    return issue("www.contoso.com", dns=("www.contoso.com",))


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[None]:
    """Hold that the test changes no file of ``tmp_path``: not a byte, a time or an inode."""
    before = snapshot(tmp_path)
    yield
    assert snapshot(tmp_path) == before


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return every file below ``folder``: inode, time, mode and content."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


A = "a1" * 20
B = "b2" * 20
"""Two thumbprints of nothing, for registries without certificate stores."""
IIS = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
OTHER = "{9e977cef-28ef-4d7f-968a-bff2514384c4}"
ADDED = "\nSSL Certificate successfully added\n\n"
UPDATED = "\nSSL Certificate successfully updated\n\n"
DELETED = "\nSSL Certificate successfully deleted\n\n"
WRONG = "The parameter is incorrect.\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect what Wine cannot do, by name; nothing changes elsewhere."""
    if sys.platform == "win32":
        from windows.wine import expect_faults

        expect_faults(items)


def pytest_collection_finish() -> None:
    """Collect garbage less often: each time, thousands of collected tests are looked at."""
    gc.set_threshold(50_000, 20, 20)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case after its parameter where the value is data, long, or not printable.

    Keys and certificates are made anew by each worker: ids that hold them
    differ between workers, and print private keys.
    """
    data = isinstance(val, bytes | bytearray)
    if data or (isinstance(val, str) and (len(val) > 80 or "\n" in val or not val.isascii())):
        return argname
    return None
