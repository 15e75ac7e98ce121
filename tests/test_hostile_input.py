"""What an attacker tried: answers are sentences, nothing is destroyed, nothing is forged."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import Run


@pytest.mark.parametrize(
    "document",
    [
        '{"SslCertificateBindings": [1]}',
        '{"SslCertificateBindings": [{"ConfigType": 99}]}',
        '{"SslCertificateBindings": {}}',
        "[" * 100_000,
        "",
    ],
)
def test_json_that_is_none_of_netsh(run: Run, registry: Path, document: str) -> None:
    """Any JSON but that of netsh is refused with the file's name, and nothing changes."""
    before = registry.read_bytes()
    (registry.parent / "x.json").write_text(document)
    result = run("add", "sslcert", "json=x.json")
    if document.endswith("{}}"):
        assert result.code == 0  # a list of nothing
    else:
        assert result.code == 2
        assert result.err.startswith("error: x.json: is not the JSON that show sslcert json=enable")
    assert registry.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_an_export_replaces_no_pipe(run: Run, registry: Path) -> None:
    """A pipe or device stays what it is."""
    pipe = registry.parent / "pipe"
    os.mkfifo(pipe)
    result = run("export", "netsh-script", "-o", "pipe")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: pipe: is not a regular file")
    assert pipe.is_fifo()


def test_an_export_does_not_overwrite_its_registry(run: Run, registry: Path) -> None:
    """The registry is not a place for its own script."""
    before = registry.read_bytes()
    result = run("export", "netsh-script", "-o", "./sslbind.toml")
    assert result.code == 2
    assert "is the registry itself" in result.err
    assert registry.read_bytes() == before


def test_a_path_in_a_hint_is_quoted(run: Run) -> None:
    """A command that a hint gives can be pasted into a shell, whatever the file is called."""
    result = run("-r", "x $(id).toml", "list")
    assert result.code == 2
    assert "sslbind -r 'x $(id).toml' init (in sh) creates a new registry there" in result.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file names")
def test_a_file_name_forges_no_line(run: Run, registry: Path) -> None:
    """Names of files in a store are escaped wherever they are shown."""
    store = registry.parent / "certs" / "MY"
    store.mkdir()
    (store / "a\x1b[31m\nMY ffff: good.pem").write_bytes(b"no certificate")
    for words in (["store", "verify"], ["store", "list"], ["store", "list", "--format", "tsv"]):
        result = run(*words)
        assert "\x1b" not in result.out + result.err
        assert not any(line.startswith("MY ffff") for line in result.out.splitlines())


def test_a_password_in_the_wrong_place_is_not_repeated(run: Run, registry: Path) -> None:
    """Whoever types the password for the variable's name does not find it in a log."""
    (registry.parent / "web.pfx").write_bytes(b"x")
    result = run("store", "add", "web.pfx", "--password-env", "hunter2")
    assert result.code == 2
    assert "hunter2" not in result.out + result.err


@pytest.mark.parametrize(
    "text",
    [
        "iplisten = [{" + "a." * 3000 + "a = 1}]\n",
        "[[Suppress]]\nrule." + "a." * 3000 + "a = 1\n",
    ],
)
def test_nesting_without_end_is_a_sentence(run: Run, registry: Path, text: str) -> None:
    """A registry that is nested beyond reason is refused like any other."""
    registry.write_text(f"version = 1\n{text}")
    result = run("list")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: sslbind.toml")


def test_a_store_name_that_a_shell_expands_is_told(run: Run, registry: Path) -> None:
    """A script line that is safe for -f, and not in a shell, does not leave silently."""
    registry.write_text(
        'version = 1\n[SslBindingInfo."0.0.0.0:443"]\ncertstorename = "a$(b)"\n'
        f'certhash = "{"a" * 40}"\nappid = "{{4dc3e181-e14b-4a21-b022-59fc669b0914}}"\n'
    )
    result = run("dump")
    assert result.code == 0
    assert "certstorename=a$(b): a shell would interpret it" in result.err
