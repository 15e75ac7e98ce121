"""netsh's commands add, update, show, delete and dump as click commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sslbind import netsh_messages
from sslbind.certificates.deferral import attempts
from sslbind.cli.app import (
    HELP,
    IF_EXISTS,
    App,
    CommandGroup,
    UnknownCommandError,
    dry_run_option,
    format_option,
    no_verify_option,
    with_global_options,
)
from sslbind.cli.lines import LineOptions, Reply, failure, relies_on_us, run_line
from sslbind.cli.wildcards import one_file
from sslbind.errors import NetshError, SslbindError
from sslbind.grammar import HELP_WORDS, VERBS, match_word, tag_names
from sslbind.release import DEFAULT_RELEASE, Release

_SUMMARIES = {
    "add": "Add a binding, or an address that HTTP.SYS listens on.",
    "update": "Change tags of a binding; the other tags keep their values.",
    "delete": "Delete a binding, or an address that HTTP.SYS listens on.",
    "show": "Print bindings exactly as netsh does.",
    "dump": "Print the script that recreates the registry.",
}
_OBJECTS = {
    "sslcert": "bindings of every kind: ipport, hostnameport, ccs, scopedccs",
    "sslsnicert": "bindings of a host name and port (SNI)",
    "sslccs": "bindings that the Central Certificate Store serves",
    "iplisten": "the addresses that HTTP.SYS listens on",
    "sslpropertyex": "HTTP/2 properties of a binding",
}


def verb_command(verb: str) -> click.Command:
    """Return the click command of one of netsh's verbs."""
    if verb == "dump":
        return LineCommand(verb, "")
    return VerbGroup(verb)


class VerbGroup(CommandGroup):
    """A verb; its objects match by unique prefix and without case, ``sslcert`` first."""

    def __init__(self, verb: str) -> None:
        super().__init__(verb, help=_SUMMARIES[verb], context_settings=HELP)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the objects that the verb takes."""
        return list(VERBS[str(self.name)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command for the object with exactly that name."""
        return LineCommand(str(self.name), cmd_name) if cmd_name in VERBS[str(self.name)] else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the object that ``args`` start with."""
        if args[0].lower() in HELP_WORDS:
            click.echo(ctx.get_help())
            ctx.exit()
        word = match_word(args[0], VERBS[str(self.name)])
        if word is None:
            raise UnknownCommandError(f"http {self.name} {' '.join(args)}", ctx)
        return word, LineCommand(str(self.name), word), args[1:]


class LineCommand(click.Command):
    """One netsh line: its words, and our own options."""

    def __init__(self, verb: str, word: str) -> None:
        self.verb = verb
        self.word = word
        super().__init__(
            word or verb,
            params=_parameters(verb, word),
            callback=self._callback,
            help=_help(verb, word),
            short_help=_OBJECTS.get(word, _SUMMARIES[verb]),
            context_settings=HELP,
        )
        with_global_options(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Turn tags given as options into netsh's words; answer netsh's ways to ask for help."""
        if args and args[-1].lower() in HELP_WORDS:
            release = _modelled(ctx.find_root().obj)
            click.echo(netsh_messages.usage(self.verb, self.word, release), nl=False)
            ctx.exit()
        own = {option for param in self.params for option in param.opts}
        names = tag_names(self.verb, self.word) if self.verb != "dump" else ()
        return super().parse_args(ctx, _options_to_words(args, names, own))

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the usage of the line: ``[OPTIONS] [KEY] [TAG=VALUE]…``."""
        if self.verb == "dump" or (self.verb, self.word) == ("show", "iplisten"):
            return ["[OPTIONS]"]
        if self.word == "iplisten":
            return ["[OPTIONS]", "ADDRESS"]
        key = "[KEY]" if self.verb in ("show", "delete") else "KEY"
        rest = [] if self.verb in ("show", "delete") else ["[TAG=VALUE]..."]
        return ["[OPTIONS]", key, *rest]

    def _callback(self, words: tuple[str, ...] = (), **params: Any) -> int:
        app: App = click.get_current_context().obj
        format_ = params.pop("format_", "text")
        options = LineOptions(**params)
        answer = answer_line(app, self.verb, self.word, words, options)
        if answer.usage:
            app.hint(*answer.hints)
            answer = answer._replace(hints=())
        if format_ == "json":
            document = answer.document()
            if options.dry_run:
                would = bool(document.get("changed"))
                document |= {"changed": False, "would_change": would, "dry_run": True}
            app.json(document)
        elif options.dry_run and not answer.code:
            from sslbind.cli.changes import plan

            app.echo(plan(answer))
        elif self.verb == "dump":
            app.echo_utf8(answer.text)
        else:
            app.echo_all(answer.pieces)
        app.note(*answer.notes)
        if click.get_current_context().find_root().info_name == "netsh":
            app.note(*relies_on_us(answer))
        app.hint(*answer.hints)
        return answer.code


def answer_line(
    app: App, verb: str, word: str, words: tuple[str, ...], options: LineOptions
) -> Reply:
    """Run one line on the registry, and answer as netsh does."""
    if verb in ("show", "dump"):
        session = app.reading()
        try:
            return run_line(session, verb, word, words, options)
        except NetshError as error:
            return failure(verb, word, error, session.release)
    answer = Reply("")
    for attempt in attempts():
        with attempt, app.editing(dry_run=options.dry_run) as session:
            try:
                answer = run_line(session, verb, word, words, options)
            except NetshError as error:
                answer = failure(verb, word, error, session.release)
    return answer


def _modelled(app: App) -> Release:
    """Return the release to show help for: help also works without a registry."""
    try:
        return app.reading().release
    except SslbindError:
        return app.release_option or DEFAULT_RELEASE


def _options_to_words(args: list[str], names: tuple[str, ...], own: set[str]) -> list[str]:
    """Return ``args`` with ``--tag value`` and ``--tag=value`` written as ``tag=value``."""
    words: list[str] = []
    rest = iter(args)
    for arg in rest:
        name, equals, value = arg.removeprefix("--").partition("=")
        if not arg.startswith("--") or arg in own or f"--{name}" in own or name not in names:
            words.append(arg)
            continue
        if not equals:
            given = next(rest, None)
            if given is None:
                raise click.UsageError(f"option --{name} needs a value")
            value = given
        words.append(f"{name}={value}")
    return words


def _parameters(verb: str, word: str) -> list[click.Parameter]:
    """Return the parameters that click parses: our options, and the words of the line."""
    collected: list[click.Parameter] = []
    for decorator in _decorators(verb, word):
        collected += reversed(decorator(lambda: None).__click_params__)
    if verb == "dump":
        return collected
    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    return [*collected, words]


def _decorators(verb: str, word: str) -> list[Callable[[Any], Any]]:
    if verb in ("show", "dump"):
        return []
    options: list[Callable[[Any], Any]] = []
    if word not in ("iplisten", "sslpropertyex"):
        options = _binding_options(verb)
    return [*options, dry_run_option, format_option()]


_netsh_update = click.option(
    "--netsh-update",
    is_flag=True,
    help="Reset the tags that are not named to their defaults, as netsh is reported to do.",
)


def _binding_options(verb: str) -> list[Callable[[Any], Any]]:
    if verb == "delete":
        return _delete_options()
    from sslbind.cli.passwords import password_options

    options: list[Callable[[Any], Any]] = [
        click.option(
            "--cert",
            metavar="FILE",
            callback=one_file,
            help="Add a PEM or PFX file to the store and bind its certificate; or a thumbprint, 8"
            " or more of its digits, a SHA-256, or a name of a certificate.",
        ),
        no_verify_option,
        password_options,
    ]
    if verb == "update":
        options.append(_netsh_update)
    if verb == "add":
        options.insert(
            0,
            click.option(
                "--if-exists",
                type=click.Choice(IF_EXISTS),
                default="fail",
                show_default=True,
                help="What to do if the binding exists: fail as netsh does; keep it if it is"
                " exactly what was asked for; update the named tags; or also reset the"
                " others.",
            ),
        )
        options.append(
            click.option(
                "--force",
                is_flag=True,
                help="With --if-exists: even if that changes the owner, or if the new certificate"
                " lacks names of the old one.",
            )
        )
    return options


def _delete_options() -> list[Callable[[Any], Any]]:
    from sslbind.cli.selection import selectors

    return [
        selectors,
        click.option("--yes", is_flag=True, help="Delete all selected bindings."),
        click.option("--missing-ok", is_flag=True, help="Succeed if there is nothing to delete."),
    ]


def _help(verb: str, word: str) -> str:
    if verb == "dump":
        return _SUMMARIES[verb]
    what = _OBJECTS[word]
    first = f"{verb.capitalize()} {what}."
    if verb == "update" and word not in ("iplisten", "sslpropertyex"):
        first += (
            "\n\nTags that are not named keep their values. This differs from netsh, which was"
            " reported to write whole records on Server 2025; --netsh-update does the same."
        )
    if word == "iplisten":
        return first
    more = f"\n\n'sslbind {verb} {word} ?' lists the tags."
    if word == "sslcert":
        more = (
            "\n\nKEY is ipport=ADDRESS:PORT, hostnameport=NAME:PORT, ccs=PORT or"
            " scopedccs=NAME:PORT; the kind of a bare value follows from its form." + more
        )
    return first + more
