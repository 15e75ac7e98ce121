"""README says what is true: its session, its library example and its file are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tools import needs

TOP = Path(__file__).parent.parent
README = TOP / "README.md"
DOCS = sorted((TOP / "docs").glob("*.md"))
THUMBPRINT = re.compile(r"\b[0-9a-f]{40}\b")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def shell(command: str, folder: Path) -> str:
    """Run ``command`` as a person would, with this interpreter's sslbind; return what is seen."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUTF8": "1",
        "XDG_CACHE_HOME": str(folder / ".cache"),
    }
    environment.pop("SSLBIND_REGISTRY", None)
    done = subprocess.run(
        [needs("bash"), "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the session is one of a POSIX shell")
def test_the_session_on_the_first_screen_is_what_a_user_sees(tmp_path: Path) -> None:
    """Every command of the session prints the output below it.

    Each certificate that is made has another thumbprint than the one shown.
    """
    session = blocks("console")[0]
    real: dict[str, str] = {}
    for step in session.split("$ ")[1:]:
        command, _, expected = step.partition("\n")
        seen = shell(_replaced(command, real), tmp_path)
        if "store new" in command:
            shown, made = THUMBPRINT.search(expected), THUMBPRINT.search(seen)
            assert shown is not None and made is not None, seen
            real[shown[0]] = made[0]
        seen = _replaced(seen, {made: shown for shown, made in real.items()})
        assert re.sub(r" +$", "", seen, flags=re.MULTILINE) == expected, command


def _replaced(text: str, thumbprints: dict[str, str]) -> str:
    return THUMBPRINT.sub(lambda found: thumbprints.get(found[0], found[0]), text)


def test_the_file_that_readme_shows_is_a_registry(tmp_path: Path) -> None:
    """The registry in README is read strictly, and every kind in it is found."""
    from sslbind import Registry

    (tmp_path / "sslbind.toml").write_text(blocks("toml")[0], "utf-8")
    keys = [str(key) for key in Registry.open(tmp_path / "sslbind.toml").bindings]
    assert keys == ["0.0.0.0:443", "www.contoso.com:443", "443"]


def test_the_library_does_what_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python example runs on the registry of the session."""
    registry = re.sub(r"\[CertStores\].*?\n\n", "", blocks("toml")[0], flags=re.DOTALL)
    (tmp_path / "sslbind.toml").write_text(registry, "utf-8")
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[0], "README.md", "exec"), {})
    first, *rest, last = capsys.readouterr().out.splitlines()
    assert first == "updated True"
    assert rest[1].startswith("hostnameport www.contoso.com:443 8d90a17d")
    assert last == "certificate www.contoso.com:443 hostnameport True"


def test_each_command_is_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second Python example imports, checks, compares, exports and renews."""
    registry = re.sub(r"\[CertStores\].*?\n\n", "", blocks("toml")[0], flags=re.DOTALL)
    (tmp_path / "sslbind.toml").write_text(registry, "utf-8")
    capture = Path(__file__).parent / "captures" / "chinese-2016.txt"
    (tmp_path / "web01.txt").write_bytes(capture.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[1], "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert (printed[0], printed[-1]) == ("2 added", "2 renewed")
    assert any(re.fullmatch(r"(error|warn|info) [a-z-]+ \S+", line) for line in printed), printed
    assert any(line.endswith(" differences") for line in printed)
    assert any(line.startswith("add sslcert hostnameport=") for line in printed), printed
    assert (tmp_path / "sslbind.toml").read_text("utf-8").count("1f2e3d4c5b6a7988") == 2


def test_the_commands_in_readme_exist() -> None:
    """Each option and command that README names in its shell blocks is known."""
    from click.testing import CliRunner

    from sslbind.cli.root import root

    for line in "".join(blocks("bash")).splitlines():
        words = line.split()
        words = words[2:] if words[1] == "--windows" else words
        names = words[1:3] if words[1] in ("add", "store", "export") else words[1:2]
        answer = CliRunner().invoke(root, [*names, "--help"])
        assert answer.exit_code == 0, line
        for option in (word for word in words if word.startswith("--")):
            assert option in answer.output, line


def test_the_table_of_formats_is_the_table_of_formats() -> None:
    """docs/formats.md has a row for each format, with the ways that it goes, and no other."""
    from sslbind.formats import formats

    row = re.compile(r"^\| `([a-z-]+)` \| (yes)? ?\| (yes|`show`)? ?\|", re.MULTILINE)
    rows = row.findall((TOP / "docs" / "formats.md").read_text("utf-8"))
    listed = {name: (reads == "yes", writes == "yes") for name, reads, writes in rows}
    assert listed == {
        one.name: (one.read is not None, one.write is not None) for one in formats().values()
    }


@pytest.mark.parametrize(
    "page",
    [README, TOP / "CONTRIBUTING.md", TOP / "SECURITY.md", *DOCS],
    ids=lambda page: page.name,
)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    """A relative link names a file that is there; one within a page, a heading of it."""
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert (page.parent / target).is_file(), target


def test_readme_leads_to_every_page() -> None:
    """No page of docs/ is left to be found by chance."""
    text = README.read_text("utf-8")
    for page in (*DOCS, TOP / "CONTRIBUTING.md", TOP / "SECURITY.md", TOP / "CHANGELOG.md"):
        assert f"]({page.relative_to(TOP).as_posix()})" in text
