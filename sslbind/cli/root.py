"""The root command: the global options, and which module has each command."""

from __future__ import annotations

import importlib
from typing import Any

import click

from sslbind.cli.app import (
    HELP,
    REGISTRY_VARIABLE,
    App,
    CommandGroup,
    UnknownCommandError,
    with_global_options,
)
from sslbind.cli.wildcards import one_file
from sslbind.grammar import HELP_WORDS, VERBS, is_context, match_word
from sslbind.release import RELEASES
from sslbind.version import VERSION

COMMANDS = {
    **dict.fromkeys(VERBS, "netsh"),
    "init": "init",
    "list": "listing",
    "copy": "relocate",
    "move": "relocate",
    "rebind": "rebind",
    "renew": "renew",
    "store": "store",
    "ccs": "ccs",
    "resolve": "resolve",
    "check": "check",
    "probe": "probe",
    "expiry": "expiry",
    "needs-renewal": "needs_renewal",
    "explain": "explain",
    "import": "importing",
    "export": "export",
    "serve": "serve",
    "report": "report",
    "diff": "diff",
    "targets": "targets",
    "plan": "plan",
    "apply": "apply",
    "completion": "completion.install",
}
"""Each command and the module of this package that has it under the same name."""


class InterruptedRunError(Exception):
    """Ctrl-C was pressed: click would print an empty line."""


class Root(CommandGroup):
    """The commands: netsh's own by unique prefix and without case, ours only in full."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command with exactly that name; its module is imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"sslbind.cli.{COMMANDS[cmd_name]}")
        if cmd_name in VERBS:
            command: click.Command = module.verb_command(cmd_name)
        else:
            command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return with_global_options(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` start with, after an optional ``http``."""
        if args[0].lower() in ("netsh", "netsh.exe") and len(args) > 1:
            args = args[1:]  # a whole line that was pasted
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

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the options; raise InterruptedRunError at Ctrl-C."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except KeyboardInterrupt:
            raise InterruptedRunError from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; raise InterruptedRunError at Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise InterruptedRunError from None


@click.group(cls=Root, invoke_without_command=True, context_settings=HELP)
@click.option(
    "-r",
    "--registry",
    metavar="FILE",
    callback=one_file,
    help=f"Registry file; default: ${REGISTRY_VARIABLE}, else sslbind.toml here.",
)
@click.option(
    "--targets",
    metavar="FILE",
    callback=one_file,
    help="Targets file, for @NAME; default: $SSLBIND_TARGETS, else targets.toml beside the"
    " registry.",
)
@click.option(
    "--windows",
    type=click.Choice(list(RELEASES), case_sensitive=False),
    metavar="RELEASE",
    help=f"Windows release to model for this command: {', '.join(RELEASES)}.",
)
@click.option("-q", "--quiet", is_flag=True, help="No notes on standard error.")
@click.option(
    "-f",
    "script",
    metavar="SCRIPT",
    callback=one_file,
    help="Run the netsh lines of SCRIPT ('-': standard input).",
)
@click.option("--atomic", is_flag=True, help="With -f: write nothing if any line fails.")
@click.option("--dry-run", is_flag=True, help="With -f: print what would change; write nothing.")
@click.option(
    "--netsh-update", is_flag=True, help="With -f: let update write whole records, as netsh does."
)
@click.version_option(VERSION, prog_name="sslbind", message="%(prog)s %(version)s")
@click.pass_context
def root(
    ctx: click.Context,
    registry: str | None,
    targets: str | None,
    windows: str | None,
    quiet: bool,
    script: str | None,
    atomic: bool,
    dry_run: bool,
    netsh_update: bool,
) -> int | None:
    """TLS bindings of HTTP.SYS as a file: netsh http sslcert, anywhere.

    \b
    sslbind init
    sslbind store new --dns www.contoso.com
    sslbind add sslsnicert www.contoso.com:443 --cert web.pfx appid=iis
    sslbind show sslcert

    The netsh commands take netsh's own lines (tag=value, unique prefixes, any
    case, optional 'http'); 'sslbind add sslcert ?' explains their tags. -r,
    --targets, --windows and -q may come after the command too.
    """  # noqa: D301  # click's own mark, and no backslash
    app = App(registry, windows, targets_option=targets, quiet=quiet)
    ctx.obj = app
    if script is not None:
        if ctx.invoked_subcommand is not None:
            raise click.UsageError(f"-f {script} and a command exclude each other", ctx)
        from sslbind.cli.script import run_script

        return run_script(app, script, atomic=atomic, dry_run=dry_run, netsh_update=netsh_update)
    if atomic or dry_run or netsh_update:
        option = "--atomic" if atomic else "--dry-run" if dry_run else "--netsh-update"
        raise click.UsageError(f"{option} needs -f SCRIPT", ctx)
    if ctx.invoked_subcommand is None and ctx.info_name == "netsh":
        from sslbind.cli.console import run_console

        return run_console(app)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
    return None
