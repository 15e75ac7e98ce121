"""Man pages: they match the commands, they are sound, and the wheel carries them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tools import needs

from sslbind.cli.completion.install import SCRIPTS
from sslbind.cli.root import COMMANDS, root

TOP = Path(__file__).parent.parent
PAGES = sorted((TOP / "man").glob("*.1"))
MAIN_PAGE = (TOP / "man" / "sslbind.1").read_text("utf-8")


def commands(
    command: click.Command = root, parent: click.Context | None = None, name: str = "sslbind"
) -> Iterator[click.Context]:
    """Give every command of the command line in its context."""
    context = click.Context(command, parent, name, **command.context_settings)
    yield context
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            child = command.get_command(context, word)
            assert child is not None
            yield from commands(child, context, word)


@pytest.mark.parametrize("context", list(commands()), ids=lambda c: c.command_path)
def test_every_command_and_option_has_help(context: click.Context) -> None:
    assert context.command.help
    for param in context.command.get_params(context):
        if isinstance(param, click.Option):
            assert param.help, f"{context.command_path} {param.opts[0]}"
            assert param.help.endswith((".", "…")), f"{context.command_path} {param.opts[0]}"


@pytest.mark.parametrize(
    "variables", [{}, {"COLUMNS": "20", "LC_ALL": "C"}, {"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8"}]
)
def test_the_pages_match_the_commands(variables: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, TOP / "man" / "generate.py", "--check"],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
class TestEachPage:
    def test_mandoc_warns_of_nothing(self, page: Path) -> None:
        done = subprocess.run(
            [needs("mandoc"), "-Tlint", "-Wwarning", page],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout, done.returncode) == ("", 0)

    def test_man_warns_of_nothing(self, page: Path) -> None:
        done = subprocess.run(
            [needs("man"), "--warnings", "-l", page],
            env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stderr, done.returncode) == ("", 0)
        assert "NAME" in done.stdout

    def test_it_holds_no_path_of_a_machine(self, page: Path) -> None:
        assert not re.search(r"/(home|root|Users|work|tmp)/", page.read_text("utf-8"))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_main_page_leads_to_every_command(name: str) -> None:
    assert f".It Xr sslbind-{name} 1\n" in MAIN_PAGE
    assert re.search(rf"^\.Xr sslbind-{name} 1( ,)?$", MAIN_PAGE, re.MULTILINE)


def test_the_main_page_names_every_global_option() -> None:
    for param in root.params:
        for option in param.opts:
            name = option[1:].replace("-", r"\-")
            assert re.search(rf"Fl {re.escape(name)}\b", MAIN_PAGE), option


@pytest.mark.parametrize("word", ["SSLBIND_REGISTRY", "NO_COLOR", "XDG_CACHE_HOME"])
def test_the_main_page_names_what_the_environment_does(word: str) -> None:
    assert f".It Ev {word}\n" in MAIN_PAGE


def test_the_main_page_has_the_sections_that_people_look_for() -> None:
    sections = re.findall(r"^\.Sh (.+)$", MAIN_PAGE, re.MULTILINE)
    for name in ("NAME", "SYNOPSIS", "FILES", "ENVIRONMENT", "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
        assert name in sections


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel that is built now."""
    folder = tmp_path_factory.mktemp("wheel")
    if importlib.util.find_spec("hatchling"):
        build = ["hatchling", "build", "-t", "wheel", "-d", str(folder)]
    else:
        build = ["pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(TOP)]
    done = subprocess.run(
        [sys.executable, "-m", *build], cwd=TOP, capture_output=True, text=True, check=False
    )
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"no wheel can be built here: {done.stderr.strip()[-200:]}")
    assert not done.returncode, done.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.slow
class TestWheel:
    def test_shells_and_man_find_the_files(self, wheel: Path) -> None:
        names = {n.partition(".data/data/")[2] for n in zipfile.ZipFile(wheel).namelist()}
        assert {f"share/man/man1/{page.name}" for page in PAGES} <= names
        assert "share/bash-completion/completions/sslbind" in names
        assert "share/zsh/site-functions/_sslbind" in names
        assert "share/fish/vendor_completions.d/sslbind.fish" in names

    def test_the_report_has_its_style_and_script(self, wheel: Path) -> None:
        names = {*zipfile.ZipFile(wheel).namelist()}
        assert {"sslbind/page/style.css", "sslbind/page/script.js"} <= names

    def test_nothing_else_of_the_folders_is_in_it(self, wheel: Path) -> None:
        assert not [n for n in zipfile.ZipFile(wheel).namelist() if "generate.py" in n]

    def test_the_package_has_its_own_copies(self, wheel: Path, tmp_path: Path) -> None:
        zipfile.ZipFile(wheel).extractall(tmp_path)
        for page in PAGES:
            assert (tmp_path / "sslbind/_data/man" / page.name).read_bytes() == page.read_bytes()
        for shell, name in SCRIPTS.items():
            done = subprocess.run(
                [sys.executable, "-m", "sslbind", "completion", "show", shell],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(tmp_path)},
                capture_output=True,
                check=True,
            )
            assert done.stdout == (TOP / "completions" / name).read_bytes()
