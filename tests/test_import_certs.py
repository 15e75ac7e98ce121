"""``import --certs FOLDER``: a captured server with its certificates, in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Run
from pki import intermediate, issue, root, web

MAIL = issue("mail.contoso.com", dns=("mail.contoso.com",))
SPARE = issue("spare.contoso.com", dns=("spare.contoso.com",))


@pytest.fixture
def capture(run: Run, tmp_path: Path) -> Path:
    """Return a capture of two records in two stores, and a folder with their certificates."""
    source = tmp_path / "source.toml"
    source.write_text('version = 1\nwindows = "2022"\n')
    for key, one, store in (
        ("www.contoso.com:443", web(), "MY"),
        ("mail.contoso.com:443", MAIL, "WebHosting"),
    ):
        line = ("add", "sslsnicert", key, one.thumbprint, "iis", store)
        assert run("-r", "source.toml", *line).code == 0
    path = tmp_path / "web01.txt"
    path.write_text(run("-r", "source.toml", "show", "sslcert").out)
    source.unlink()
    folder = tmp_path / "exported"
    (folder / "more").mkdir(parents=True)
    (folder / "www.cer").write_bytes(web().der)
    (folder / "more" / "mail.pfx").write_bytes(MAIL.pfx(b"s3kr1t"))
    (folder / "more" / "spare.pem").write_bytes(SPARE.pem)
    (folder / "issuer.crt").write_bytes(intermediate().pem)
    (folder / "root.crt").write_bytes(root().pem)
    (folder / "README.txt").write_text("exported by hand\n")
    return path


def held(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*.*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in files} - {".gitignore"}


def test_one_step(run: Run, capture: Path) -> None:
    """Each certificate goes where its records look, with its chain, and no key at all."""
    words = ("import", "web01.txt", "--certs", "exported", "--password-env", "P")
    result = run(*words, env={"P": "s3kr1t"})
    assert result.code == 0, result.err
    assert "2 added, 2 certificates stored" in result.err
    assert held(capture.parent / "certs") == {
        f"MY/{web().thumbprint}.pem",
        f"WebHosting/{MAIL.thumbprint}.pem",
    }
    pem = (capture.parent / "certs" / "MY" / f"{web().thumbprint}.pem").read_bytes()
    assert pem.count(b"BEGIN CERTIFICATE") == 3
    assert 'privatekeys = "elsewhere"' in (capture.parent / "sslbind.toml").read_text()
    rows = [line.split("\t") for line in run("expiry", "--format", "tsv").out.splitlines()]
    assert {row[2] for row in rows} == {"www.contoso.com:443", "mail.contoso.com:443"}
    assert "-" not in {row[4] for row in rows}
    again = run(*words, env={"P": "s3kr1t"})
    assert again.code == 0
    assert "stored" not in again.err


def test_dry_run(run: Run, capture: Path) -> None:
    """A dry run writes neither."""
    words = ("import", "web01.txt", "--certs", "exported", "--password-env", "P", "--dry-run")
    assert run(*words, env={"P": "s3kr1t"}).code == 0
    assert not (capture.parent / "certs").exists()


def test_each(run: Run, capture: Path) -> None:
    """With ``--each`` every registry has stores of its own, and each line says which it is."""
    (capture.parent / "web02.txt").write_text(capture.read_text())
    words = ("import", "--each", "servers", "web01.txt", "web02.txt", "--certs", "exported")
    result = run(*words, "--password-env", "P", env={"P": "s3kr1t"})
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(f"{Path('servers', 'web01.toml')}: added hostnameport=")
    assert lines[2].startswith(f"{Path('servers', 'web02.toml')}: added hostnameport=")
    for name in ("web01", "web02"):
        assert len(held(capture.parent / "servers" / f"{name}.certs")) == 2


def test_what_is_lacking(run: Run, capture: Path) -> None:
    """A record whose certificate is not in the folder is noted; a bad folder is an error."""
    (capture.parent / "exported" / "more" / "mail.pfx").unlink()
    result = run("import", "web01.txt", "--certs", "exported")
    assert result.code == 0
    assert f"1 certificate that records name did not come along: {MAIL.thumbprint}" in result.err
    for folder, said in (("nowhere", "is not a folder"), ("web01.txt", "is not a folder")):
        failed = run("-r", "x.toml", "import", "web01.txt", "--certs", folder)
        assert (failed.code, said in failed.err) == (2, True)
        assert not (capture.parent / "x.toml").exists()


def test_a_registry_without_stores(run: Run, capture: Path) -> None:
    """A registry that has no stores says what to add, and nothing is written."""
    path = capture.parent / "sslbind.toml"
    path.write_text("version = 1\n")
    result = run("import", "web01.txt", "--certs", "exported", "--password-env", "P",
                 env={"P": "s3kr1t"})  # fmt: skip
    assert (result.code, path.read_text()) == (2, "version = 1\n")
    assert 'add [CertStores] with path = "certs" and privatekeys = "elsewhere"' in result.err


def test_init_with_keys_elsewhere(run: Run, tmp_path: Path) -> None:
    """``init --keys elsewhere``: certificates without keys can be bound."""
    result = run("init", "--keys", "elsewhere")
    assert result.code == 0
    assert result.out.endswith(f"and certs{os.sep} for certificates without private keys\n")
    (tmp_path / "mail.pem").write_bytes(MAIL.pem)
    line = ("add", "sslsnicert", "mail.contoso.com:443", "--cert", "mail.pem", "appid=iis")
    assert run(*line).code == 0
