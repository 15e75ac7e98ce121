"""``sslbind ccs``: the central store on and off, and what its files serve."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Run
from pki import PASSWORD, Issued, issue
from tools import needs, refusal, unix_names

from sslbind.registry.document import CentralCertProvider
from sslbind.registry.registry import Registry

SECRET = PASSWORD.decode()
FULL = """\
# Ours.
version = 1
windows = "2022"

# Where the servers' files are.
[CentralCertProvider]
CertStoreLocation = 'ccs'   # a share
Enabled = false # for now

# mail, ask Ann
[SslBindingInfo."0.0.0.0:443"]
certhash = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"
appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"

[SslCcsBindingInfo.443]
appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
"""
IGNORED = "note: ccs/.gitignore was written: it keeps PFX files out of git\n"


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def served(days: int, *names: str) -> Issued:
    now = datetime.now(UTC)
    end = now + timedelta(days=days, hours=1)
    return issue(names[0], dns=names, start=now - timedelta(days=400), end=end)


@pytest.fixture
def full(tmp_path: Path, run: Run) -> Path:
    """Return a registry with a central store that is disabled and a record that asks for it."""
    del run
    (tmp_path / "ccs").mkdir()
    return written(tmp_path / "sslbind.toml", FULL)


# On and off


def test_enable_for_the_first_time(run: Run, registry: Path) -> None:
    """The table is added, paths stay as they were written, and what is missing is a note."""
    before = registry.read_text()
    result = run("ccs", "enable", "../share/ccs", "--password-file", "ccs.password")
    assert result.code == 0
    assert result.out == (
        "enabled the central store\n"
        "    Enabled: (null) -> true\n"
        "    CertStoreLocation: (null) -> ../share/ccs\n"
        "    PrivateKeyPasswordFile: (null) -> ccs.password\n"
    )
    assert result.err == (
        "note: the folder ../share/ccs does not exist as seen from this machine\n"
        "note: the password file does not exist as seen from this machine\n"
        "note: keep the file of --password-file out of git: it opens every PFX file\n"
        "note: no binding uses the central store: sslbind add sslccs 443 appid=iis\n"
    )
    assert registry.read_text() == before + (
        "\n[CentralCertProvider]\nEnabled = true\n"
        'CertStoreLocation = "../share/ccs"\nPrivateKeyPasswordFile = "ccs.password"\n'
    )


def test_enable_and_disable_touch_one_line(run: Run, full: Path) -> None:
    """Comments, order and quoting stay; the folder named in the file is used."""
    result = run("ccs", "enable")
    assert (result.code, result.out, result.err) == (
        0,
        "enabled the central store\n    Enabled: false -> true\n",
        IGNORED,
    )
    assert full.read_text() == FULL.replace("Enabled = false", "Enabled = true")
    result = run("ccs", "disable")
    assert (result.code, result.out) == (
        0,
        "disabled the central store\n    Enabled: true -> false\n",
    )
    assert result.err == (
        "note: ccs=443: while it is disabled, nothing is served there from its files\n"
    )
    assert full.read_text() == FULL


def test_a_new_table_goes_before_the_first_binding(run: Run, tmp_path: Path) -> None:
    """The comment of the first binding stays above it, and one table is still found quickly."""
    head, _, rest = FULL.partition("# Where")
    bindings = "# mail" + rest.partition("# mail")[2]
    path = written(tmp_path / "sslbind.toml", head + bindings)
    assert run("ccs", "enable", "ccs").code == 0
    table = '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n\n'
    assert path.read_text() == head + table + bindings
    assert run("update", "sslcert", "0.0.0.0:443", "reject=enable").code == 0
    assert run("ccs", "show").out.startswith("enabled:       yes\nfolder:        ccs\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "version = 1\r\n[CentralCertProvider]\r\n",
            (
                "version = 1\r\n[CentralCertProvider]\r\nEnabled = true\r\n"
                'CertStoreLocation = "ccs"\r\n'
            ),
        ),
        (
            "version = 1\nCentralCertProvider.Enabled = false # off\n",
            (
                "version = 1\nCentralCertProvider.Enabled = true # off\n"
                'CentralCertProvider.CertStoreLocation = "ccs"\n'
            ),
        ),
        (
            'version = 1\nCentralCertProvider = { CertStoreLocation = "old" } # inline\n',
            (
                'version = 1\nCentralCertProvider = { CertStoreLocation = "ccs", Enabled = true}'
                " # inline\n"
            ),
        ),
        (
            "version = 1",
            'version = 1\n\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n',
        ),
        (
            'version = 1\n[[Suppress]]\nrule = "x"\nreason = "y"\n',
            (
                'version = 1\n[[Suppress]]\nrule = "x"\nreason = "y"\n\n'
                '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
            ),
        ),
    ],
)
def test_every_spelling_is_edited(run: Run, tmp_path: Path, before: str, after: str) -> None:
    """Dotted keys, inline tables, CRLF and files without a last line end are edited in place."""
    path = written(tmp_path / "sslbind.toml", before)
    assert run("ccs", "enable", "ccs").code == 0
    assert path.read_bytes().decode() == after


@pytest.mark.usefixtures("full", "untouched")
@pytest.mark.parametrize("line", [("disable",), ("disable", "--dry-run")])
def test_unchanged(run: Run, full: Path, line: tuple[str, ...]) -> None:
    """If nothing would change, standard error says so, and not a byte is written."""
    result = run("ccs", *line)
    assert (result.code, result.out, result.err) == (0, "", "note: unchanged\n")
    result = run("ccs", *line, "--format", "json")
    assert (result.json["changed"], result.json["action"]) == (False, "unchanged")
    assert full.read_text() == FULL


@pytest.mark.usefixtures("registry", "untouched")
def test_disable_what_never_was(run: Run) -> None:
    """Without [CentralCertProvider] there is nothing to disable."""
    result = run("ccs", "disable")
    assert (result.code, result.out, result.err) == (0, "", "note: unchanged\n")


@pytest.mark.usefixtures("full", "untouched")
def test_dry_run(run: Run) -> None:
    """A dry run says what would change, and writes nothing."""
    result = run("ccs", "enable", "elsewhere", "--dry-run")
    assert result.out == (
        "would enable the central store\n"
        "    Enabled: false -> true\n"
        "    CertStoreLocation: ccs -> elsewhere\n"
    )
    assert run("ccs", "enable", "--dry-run", "--format", "json").json == {
        "version": 1,
        "changed": False,
        "action": "updated",
        "enabled": True,
        "folder": "ccs",
        "password_file": None,
        "would_change": True,
        "dry_run": True,
    }


def test_json_of_a_change(run: Run, full: Path) -> None:
    """A command that writes says so in its JSON."""
    del full
    assert run("ccs", "enable", "--format", "json").json == {
        "version": 1,
        "changed": True,
        "action": "updated",
        "enabled": True,
        "folder": "ccs",
        "password_file": None,
    }


def test_keys_stay_out_of_git(run: Run, full: Path) -> None:
    """A folder inside the registry's gets a .gitignore for PFX files, unless it has one."""
    ignore = full.parent / "ccs" / ".gitignore"
    run("ccs", "enable", "--dry-run")
    assert not ignore.exists()
    assert run("ccs", "enable", "ccs/").err == IGNORED
    git = needs("git")
    subprocess.run([git, "init", "-q", full.parent], check=True)
    for file, code in (("a.pfx", 0), ("A.PFX", 0), ("README.md", 1)):
        command = [git, "-C", str(full.parent), "check-ignore", "-q", f"ccs/{file}"]
        assert subprocess.run(command, check=False).returncode == code
    ignore.write_text("# ours\n")
    run("ccs", "disable")
    assert run("ccs", "enable").err == ""
    assert ignore.read_text() == "# ours\n"


def test_a_folder_elsewhere_stays_as_it_is(
    run: Run, full: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A folder outside, by its path or through a link, is not written into."""
    share = tmp_path_factory.mktemp("share")
    (full.parent / "link").symlink_to(share)
    for place in (str(share), "link"):
        assert run("ccs", "enable", place, "--password-file", f"{share}/pw").code == 0
        assert not list(share.iterdir())


@pytest.mark.usefixtures("registry", "untouched")
@pytest.mark.parametrize("command", ["enable", "list"])
def test_no_folder(run: Run, command: str) -> None:
    """If no folder is known, a message names the command that sets one."""
    result = run("ccs", command)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: sslbind.toml: has no CertStoreLocation in [CentralCertProvider]\n"
        "hint: sslbind ccs enable FOLDER sets the folder of the PFX files\n"
    )


@pytest.mark.usefixtures("registry", "untouched")
def test_empty_paths(run: Run) -> None:
    """An empty path counts as no path."""
    assert run("ccs", "enable", "").err.startswith("error: FOLDER is empty, which is not a path\n")
    result = run("ccs", "enable", "ccs", "--password-file", "")
    assert (result.code, result.err.splitlines()[0]) == (
        2,
        "error: --password-file is empty, which is not a path",
    )


def test_old_releases(run: Run, full: Path) -> None:
    """On a release without central stores, a note says so."""
    del full
    result = run("--windows", "2008r2", "ccs", "enable")
    assert (result.code, result.err) == (
        0,
        IGNORED + "note: the central store was introduced in Windows Server 2012\n",
    )


def test_the_library_sets_it_too(tmp_path: Path) -> None:
    """``set_central_store`` takes effect immediately, is rolled back, and None removes a value."""
    path = written(tmp_path / "r.toml", FULL)
    with Registry.editing(path) as registry:
        checkpoint = registry.checkpoint()
        registry.set_central_store(CentralCertProvider(True, "a", "b"))
        assert registry.settings.central_store == CentralCertProvider(True, "a", "b")
        registry.rollback(checkpoint)
        assert registry.settings.central_store == CentralCertProvider(False, "ccs")
    assert path.read_text() == FULL
    with Registry.editing(path) as registry:
        registry.set_iplisten(("10.0.0.5",))
        registry.set_central_store(CentralCertProvider(True))
    assert Registry.open(path).settings.central_store == CentralCertProvider(True)
    assert path.read_text() == FULL.replace(
        '"2022"\n', '"2022"\niplisten = ["10.0.0.5"]\n'
    ).replace("CertStoreLocation = 'ccs'   # a share\nEnabled = false", "Enabled = true")


# Show and list


def test_show(run: Run, full: Path) -> None:
    """Only the file name of the password is shown."""
    written(full.parent / "pw", SECRET)
    written(full.parent / "ccs" / "www.contoso.com.pfx", "")
    run("ccs", "enable", "--password-file", "pw")
    result = run("ccs", "show")
    assert result.out == (
        "enabled:       yes\n"
        "folder:        ccs\n"
        "password file: pw\n"
        "files:         1\n"
        "records:       ccs=443\n"
    )
    assert run("ccs", "show", "--format", "json").json == {
        "version": 1,
        "enabled": True,
        "folder": "ccs",
        "password_file": "pw",
        "files": 1,
        "records": [{"kind": "ccs", "key": "443"}],
    }
    assert SECRET not in result.out + result.err


def test_show_without_a_folder(run: Run, registry: Path) -> None:
    """Nothing configured is an answer too, and a missing folder is a note."""
    assert run("ccs", "show").out == (
        "enabled:       no\n"
        "folder:        none: sslbind ccs enable FOLDER\n"
        "password file: none\n"
        "files:         -\n"
        "records:       none\n"
    )
    run("ccs", "enable", "gone")
    result = run("ccs", "show")
    assert result.code == 0
    assert "files:         -\n" in result.out
    folder = registry.parent / "gone"
    assert result.err == (
        f"note: {folder}: the folder of the central store cannot be read: {refusal(folder)}\n"
    )
    result = run("ccs", "list")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {folder}: the folder of the central store cannot be read")


@pytest.fixture
def filled(full: Path) -> Path:
    """Return the registry with files of every sort in a central store that is disabled."""
    folder = full.parent / "ccs"
    written(full.parent / "pw", SECRET + "\n")
    written(full, FULL.replace("Enabled", 'PrivateKeyPasswordFile = "pw"\nEnabled'))
    files = {
        "www.contoso.com.pfx": served(90, "www.contoso.com", "contoso.com").pfx(),
        "_.contoso.com.pfx": served(9, "*.contoso.com").pfx(PASSWORD),
        "old.contoso.com.pfx": served(-3, "old.contoso.com").pfx(b"other"),
        "xn--mnchen-3ya.example.pfx": served(30, "xn--mnchen-3ya.example").pfx(),
        "a b.pfx": served(30, "ab.example").pem,
        "junk.example.pfx": b"junk",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return full


@pytest.mark.usefixtures("filled")
def test_list(run: Run) -> None:
    """Each file with what it serves, the names inside, days left, and whether it opens."""
    result = run("ccs", "list", "--format", "tsv")
    assert result.code == 0
    assert result.out == (
        "_.contoso.com.pfx\t*.contoso.com\t*.contoso.com\t9\tyes\tAES-256, SHA-256\n"
        "a b.pfx\t-\tab.example\t30\tno key\t-\n"
        "junk.example.pfx\tjunk.example\t-\t-\t"
        "cannot be used: it is not PEM, DER, PKCS#7 or PFX\t-\n"
        "old.contoso.com.pfx\told.contoso.com\t-\t-\tlocked\tAES-256, SHA-256\n"
        "www.contoso.com.pfx\twww.contoso.com\twww.contoso.com, contoso.com\t90\tyes"
        "\tnot encrypted, SHA-256\n"
        "xn--mnchen-3ya.example.pfx\t-\txn--mnchen-3ya.example\t30\tyes\tnot encrypted, SHA-256\n"
    )
    assert result.err == (
        "note: a b.pfx serves no host: its name is not a host name\n"
        "note: xn--mnchen-3ya.example.pfx serves no host: its name is in punycode, but"
        " Windows looks for the Unicode form, münchen.example.pfx\n"
    )
    head = run("ccs", "list").out.splitlines()[0]
    assert head.split() == ["file", "serves", "names", "days", "left", "opens", "sealed"]


@pytest.mark.usefixtures("filled")
def test_list_as_json(run: Run) -> None:
    """The JSON has the same, and no secret."""
    result = run("ccs", "list", "--format", "json")
    files = {one["file"]: one for one in result.json["files"]}
    one = files["_.contoso.com.pfx"]
    assert (one["thumbprint"] is None, one["not_after"] is None) == (False, False)
    assert {k: v for k, v in one.items() if k not in ("thumbprint", "not_after")} == {
        "file": "_.contoso.com.pfx",
        "serves": "*.contoso.com",
        "why": None,
        "names": ["*.contoso.com"],
        "days_left": 9,
        "opens": True,
        "problem": None,
        "sealed": "AES-256, SHA-256",
    }
    locked = files["old.contoso.com.pfx"]
    assert (locked["opens"], locked["problem"]) == (
        False,
        "is locked: the password does not open the PFX file",
    )
    assert files["a b.pfx"]["why"] == "its name is not a host name"
    assert SECRET not in result.out + result.err


def test_an_empty_list(run: Run, full: Path) -> None:
    """An empty folder is a note, and an empty list in JSON."""
    assert run("ccs", "list").err == (
        "note: there are no PFX files: HOST.pfx serves a host, _.PARENT.pfx those below one\n"
    )
    assert run("ccs", "list", "--format", "json").json == {"version": 1, "files": []}


@unix_names
def test_a_hostile_name_is_made_safe(run: Run, full: Path) -> None:
    written(full.parent / "ccs" / "a\x1b[31m.pfx", "")
    for format_ in ("table", "tsv", "json"):
        result = run("ccs", "list", "--format", format_)
        assert "\x1b" not in result.out + result.err
