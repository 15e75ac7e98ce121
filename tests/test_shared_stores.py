"""One folder of certificate stores for several registries: who sees which bindings."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run, Stored

KEY = ("add", "sslsnicert", "www.contoso.com:443")


@pytest.fixture
def other(registry: Path, run: Run, stored: Stored) -> Path:
    """Return a second registry next to the first, with its stores, that binds the certificate."""
    path = registry.with_name("other.toml")
    path.write_bytes(registry.read_bytes())
    assert run("-r", "other.toml", *KEY, stored.web.thumbprint, "iis", "MY").code == 0
    return path


def test_another_registry_beside(run: Run, stored: Stored, other: Path) -> None:
    """It is named, and the option that looks at its bindings, which then count."""
    thumbprint = stored.web.thumbprint
    result = run("store", "delete", thumbprint)
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert lines[0].startswith("error: other.toml also has the stores in ")
    assert lines[0].endswith("store delete only sees the bindings of sslbind.toml")
    assert lines[1:] == [
        "hint: --with other.toml also checks its bindings",
        "hint: --yes deletes anything that these bindings do not use",
    ]
    told = run("store", "delete", thumbprint, "--with", "other.toml")
    assert told.code == 1
    assert told.err.splitlines()[0] == (
        f"error: {thumbprint} (www.contoso.com) in MY is used by"
        " hostnameport=www.contoso.com:443 in other.toml"
    )
    run("-r", "other.toml", "delete", "sslcert", "www.contoso.com:443")
    assert run("store", "delete", thumbprint, "--with", "other.toml").code == 0


def test_yes(run: Run, stored: Stored, other: Path) -> None:
    """``--yes`` deletes what the bindings of this registry do not use."""
    del other
    assert run("store", "delete", stored.web.thumbprint, "--yes").code == 0


def test_a_folder_elsewhere(run: Run, registry: Path, stored: Stored) -> None:
    """A folder that is not below the registry may belong to anybody."""
    deep = registry.parent / "servers"
    deep.mkdir()
    text = registry.read_text().replace('path = "certs"', 'path = "../certs"')
    (deep / "web01.toml").write_text(text)
    registry.unlink()
    words = ("-r", "servers/web01.toml", "store", "delete", stored.web.thumbprint)
    result = run(*words)
    assert result.code == 1
    assert "is not below the registry's folder and may be shared" in result.err
    assert run(*words, "--yes").code == 0


def test_registries_that_are_not(run: Run, registry: Path, stored: Stored) -> None:
    """Other files, broken ones and registries with stores of their own do not matter."""
    (registry.parent / "broken.toml").write_text("[[[")
    (registry.parent / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (registry.parent / "bare.toml").write_text("version = 1\n")
    own = registry.read_text().replace('path = "certs"', 'path = "theirs"')
    (registry.parent / "own.toml").write_text(own)
    assert run("store", "delete", stored.web.thumbprint).code == 0


def test_twice(run: Run, stored: Stored) -> None:
    """``--missing-ok`` lets a pipeline delete what is gone already."""
    words = ("store", "delete", stored.web.thumbprint)
    assert run(*words).code == 0
    assert run(*words).code == 1
    again = run(*words, "--missing-ok", "--format", "json")
    assert (again.code, again.json["changed"]) == (0, False)
    assert "unchanged" in again.err
