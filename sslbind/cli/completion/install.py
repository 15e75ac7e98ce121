"""``sslbind completion``: install the shell completions and the man pages."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

import click

from sslbind.cli.app import HELP, App, CommandGroup, format_option, pass_app
from sslbind.errors import SslbindError, reason
from sslbind.files import read_file, write_output
from sslbind.printable import printable

SCRIPTS = {
    "bash": "sslbind.bash",
    "zsh": "_sslbind",
    "fish": "sslbind.fish",
    "powershell": "sslbind.ps1",
}
"""The shells, each with its file in ``completions/``."""

_PROFILE_LINE = "sslbind completion show powershell | Out-String | Invoke-Expression"


@dataclass(frozen=True, slots=True)
class _Installed:
    """A file of the installation, and whether it had to be written."""

    path: str
    changed: bool


@click.group("completion", cls=CommandGroup, context_settings=HELP)
def completion_command() -> None:
    """Completions for bash, zsh, fish and PowerShell, and the man pages."""


@completion_command.command("install", context_settings=HELP)
@click.argument("shell", required=False, type=click.Choice(list(SCRIPTS)), metavar="[SHELL]")
@format_option()
@pass_app
def install(app: App, shell: str | None, format_: str) -> None:
    """Install the completions of SHELL and the man pages for this user.

    SHELL is bash, zsh, fish or powershell, by default the one of $SHELL. The files go to
    the folders where the shell and man look for a user's own; files that are up to date are
    kept. For PowerShell nothing is written: the output has the line to add to $PROFILE.
    """
    shell = shell or _own_shell()
    done: list[_Installed] = []
    if shell != "powershell":
        script = _script_target(shell)
        done.append(_install(script, script_text(shell)))
        folder = os.path.join(_data_home(), "man", "man1")
        done += [_install(os.path.join(folder, name), data) for name, data in pages().items()]
    step = _next_step(shell, done)
    if format_ == "json":
        app.json(
            {
                "changed": any(one.changed for one in done),
                "shell": shell,
                "files": [{"file": one.path, "changed": one.changed} for one in done],
                "next": step,
            }
        )
        return
    for one in done:
        app.echo(f"{'installed' if one.changed else 'unchanged'} {printable(one.path)}\n")
    app.echo(printable(step) + "\n")


@completion_command.command("show", context_settings=HELP)
@click.argument("shell", type=click.Choice(list(SCRIPTS)), metavar="SHELL")
@pass_app
def show(app: App, shell: str) -> None:
    """Print the completion script of SHELL: bash, zsh, fish or powershell."""
    app.echo_utf8(script_text(shell).decode("utf-8"))


def script_text(shell: str) -> bytes:
    """Return the completion script of ``shell``."""
    return read_file(os.path.join(_data_folder("completions"), SCRIPTS[shell]))


def pages() -> dict[str, bytes]:
    """Return the man pages by file name."""
    folder = _data_folder("man")
    names = sorted(name for name in os.listdir(folder) if name.endswith(".1"))
    return {name: read_file(os.path.join(folder, name)) for name in names}


def _data_folder(name: str) -> str:
    """Return where ``name`` is: inside the installed package, or beside it in a checkout."""
    package = os.path.abspath(os.path.join(os.path.dirname(__file__), *2 * [os.pardir]))
    for parent in (os.path.join(package, "_data"), os.path.dirname(package)):
        folder = os.path.join(parent, name)
        if os.path.isdir(folder):
            return folder
    raise SslbindError(f"this installation has no {name}", "reinstall sslbind from its wheel")


def _own_shell() -> str:
    path = os.environ.get("SHELL", "")
    if not path and sys.platform == "win32":
        return "powershell"
    name = os.path.basename(path).lower().removesuffix(".exe")
    name = {"pwsh": "powershell"}.get(name, name)
    if name in SCRIPTS:
        return name
    known = ", ".join(SCRIPTS)
    if not path:
        raise SslbindError(
            "$SHELL is not set, so the shell is not known",
            f"give it: sslbind completion install SHELL, one of {known}",
        )
    raise SslbindError(
        f"no completions exist for the shell {path!r}", f"completions exist for {known}"
    )


def _script_target(shell: str) -> str:
    if shell == "bash":
        return os.path.join(_data_home(), "bash-completion", "completions", "sslbind")
    if shell == "zsh":
        return os.path.join(_data_home(), "zsh", "site-functions", "_sslbind")
    config = _folder("XDG_CONFIG_HOME", ".config")
    return os.path.join(config, "fish", "completions", "sslbind.fish")


def _data_home() -> str:
    return _folder("XDG_DATA_HOME", os.path.join(".local", "share"))


def _folder(variable: str, below_home: str) -> str:
    """Return an XDG base folder; the specification says to ignore a relative one."""
    chosen = os.environ.get(variable, "")
    if os.path.isabs(chosen):
        return chosen
    home = os.environ.get("USERPROFILE" if sys.platform == "win32" else "HOME", "")
    if not os.path.isabs(home):
        raise SslbindError(
            "$HOME is not set, so the folder to install into is not known",
            f"set HOME or {variable}, or redirect the output of sslbind completion show SHELL",
        )
    return os.path.join(home, below_home)


def _install(path: str, data: bytes) -> _Installed:
    if os.path.isfile(path) and read_file(path) == data:
        return _Installed(path, changed=False)
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise SslbindError(f"cannot be made: {reason(error)}", file=folder) from None
    write_output(path, data)
    return _Installed(path, changed=True)


def _next_step(shell: str, done: list[_Installed]) -> str:
    """Return the sentence that tells the user what remains to be done."""
    if shell == "powershell":
        return f"add this line to the file $PROFILE: {_PROFILE_LINE}"
    script = done[0].path
    if shell == "zsh":
        return (
            f"add this line to ~/.zshrc, before compinit: fpath=({_quoted_folder(script)} $fpath)"
        )
    if shell == "bash":
        return (
            "the bash-completion package loads it in new shells; without that package add this"
            f" line to ~/.bashrc: source {_quoted(script)}"
        )
    return "new shells complete sslbind"


def _quoted_folder(path: str) -> str:
    return _quoted(os.path.dirname(path))


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)
