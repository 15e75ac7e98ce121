"""The root command, and the one boundary where errors become sentences and exit codes."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Sequence

import click

from sslbind.cli.app import NO, REGISTRY_VARIABLE, UNASKED, App
from sslbind.errors import NetshError, RefusedError, SslbindError
from sslbind.grammar import HELP_WORDS, VERBS, is_context, match_word
from sslbind.release import RELEASES
from sslbind.version import VERSION

HELP = {"help_option_names": ["-h", "--help"]}

COMMANDS = {
    **dict.fromkeys(VERBS, "netsh"),
    "init": "init",
    "list": "listing",
    "rebind": "rebind",
    "store": "store",
    "ccs": "ccs",
    "resolve": "resolve",
    "check": "check",
    "explain": "explain",
    "import": "importing",
    "export": "export",
    "diff": "diff",
    "completion": "completion",
}
"""Each command and the module of this package that has it under the same name."""


class UnknownCommandError(click.UsageError):
    """Words that are no command."""


class Root(click.Group):
    """The commands: netsh's own by unique prefix and without case, ours only in full."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of that very name, its module imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"sslbind.cli.{COMMANDS[cmd_name]}")
        if cmd_name in VERBS:
            command: click.Command = module.verb_command(cmd_name)
        else:
            command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` start with, after an optional ``http``."""
        if args[0].lower() in ("netsh", "netsh.exe") and len(args) > 1:
            args = args[1:]  # a line that was pasted whole
        in_context = is_context(args[0])
        words = args[1:] if in_context else args
        if not words or words[0].lower() in HELP_WORDS:
            click.echo(ctx.get_help())
            ctx.exit()
        name = None if in_context else (words[0] if words[0] in COMMANDS else None)
        name = name or match_word(words[0], VERBS)
        command = self.get_command(ctx, name) if name else None
        if command is None:
            raise UnknownCommandError(" ".join(args), ctx)
        return name, command, words[1:]


@click.group(cls=Root, invoke_without_command=True, context_settings=HELP)
@click.option(
    "-r",
    "--registry",
    metavar="FILE",
    help=f"Registry file; else ${REGISTRY_VARIABLE}, else sslbind.toml here.",
)
@click.option(
    "--windows",
    type=click.Choice(list(RELEASES), case_sensitive=False),
    metavar="RELEASE",
    help=f"Windows release to model for this command: {', '.join(RELEASES)}.",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes on standard error.")
@click.option(
    "-f", "script", metavar="SCRIPT", help="Run the netsh lines of SCRIPT ('-': standard input)."
)
@click.option("--atomic", is_flag=True, help="With -f: write nothing if any line fails.")
@click.option("--dry-run", is_flag=True, help="With -f: print what would change; write nothing.")
@click.version_option(VERSION, prog_name="sslbind", message="%(prog)s %(version)s")
@click.pass_context
def root(
    ctx: click.Context,
    registry: str | None,
    windows: str | None,
    quiet: bool,
    script: str | None,
    atomic: bool,
    dry_run: bool,
) -> int | None:
    """TLS bindings of HTTP.SYS as a file: netsh http sslcert, anywhere.

    \b
    sslbind init
    sslbind store new --dns www.contoso.com
    sslbind add sslsnicert www.contoso.com:443 --cert web.pfx appid=iis
    sslbind show sslcert

    The netsh commands take netsh's own lines (tag=value, unique prefixes, any
    case, optional 'http'); 'sslbind add sslcert ?' explains their tags.
    """  # noqa: D301  # click's own mark, and no backslash
    app = App(registry, windows, quiet=quiet)
    ctx.obj = app
    if script is not None:
        if ctx.invoked_subcommand is not None:
            raise click.UsageError(f"-f {script} and a command exclude each other", ctx)
        from sslbind.cli.script import run_script

        return run_script(app, script, atomic=atomic, dry_run=dry_run)
    if atomic or dry_run:
        option = "--atomic" if atomic else "--dry-run"
        raise click.UsageError(f"{option} goes with -f SCRIPT", ctx)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return None


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line with ``args`` (else those of the process); return the exit code."""
    if "_SSLBIND_COMPLETE" in os.environ:
        from sslbind.cli.candidates import complete

        return int(complete(sys.argv[1:] if args is None else args))
    _prepare_streams()
    app = App()
    try:
        code = _run(app, list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read this has gone; a second complaint while closing would help nobody.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except OSError as error:
        app.error(SslbindError(f"standard output cannot be written: {error.strerror}"))
        return UNASKED
    return code


def _prepare_streams() -> None:
    """Let any text through to any terminal, and answers go nowhere where a stream is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        else:
            with contextlib.suppress(AttributeError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def _run(app: App, args: list[str]) -> int:
    collecting = gc.isenabled()
    gc.disable()  # a run is short and makes no cycles, and ten thousand bindings are many objects
    try:
        result = root.main(args, prog_name=_program(), standalone_mode=False)
    except UnknownCommandError as error:
        return _unknown(app, error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UNASKED
    except click.UsageError as error:
        _usage(app, error, args)
        return UNASKED
    except click.Abort:
        app.hint("interrupted")
        return 130
    except SslbindError as error:
        app.error(error)
        return NO if isinstance(error, NetshError | RefusedError) else UNASKED
    finally:
        if collecting:
            gc.enable()
    return result if isinstance(result, int) else 0


def _program() -> str:
    name = os.path.basename(sys.argv[0] or "").lower().removesuffix(".exe")
    return "netsh" if name == "netsh" else "sslbind"


def _unknown(app: App, error: UnknownCommandError) -> int:
    from difflib import get_close_matches

    from sslbind.formats.netsh_text import unknown_command
    from sslbind.printable import printable

    app.echo(unknown_command(printable(error.message)))
    words = error.message.split()
    word = words[-1] if len(words) > 1 and is_context(words[0]) else (words or [""])[0]
    close = get_close_matches(word.lower(), COMMANDS, n=1)
    app.hint(f"did you mean {close[0]}?" if close else "sslbind --help lists the commands")
    return UNASKED


def _usage(app: App, error: click.UsageError, args: Sequence[str]) -> None:
    app.error(SslbindError(" ".join(error.format_message().split())))
    lowered = [arg.lower() for arg in args]
    if any("-encodedcommand".startswith(arg) for arg in lowered if len(arg) > 3 and arg[0] == "-"):
        app.hint("PowerShell took the braces for a script block: quote them, appid='{GUID}'")
    if isinstance(error, click.NoSuchOption) and error.option_name in (
        "-r", "--registry", "--windows", "-q", "--quiet", "-f",
    ):  # fmt: skip
        app.hint(f"{error.option_name} goes before the command: sslbind {error.option_name} …")
    if error.ctx is not None:
        app.hint(f"{error.ctx.command_path} --help explains it")
