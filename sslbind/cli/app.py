"""What every command shares: the global options, the streams, the registry it works on."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from click.decorators import FC

from sslbind.cli.streams import (
    STANDARD_INPUT,
    complain,
    is_server,
    read_input,
    shown_name,
    takes_colour,
)
from sslbind.cli.wildcards import only_file
from sslbind.errors import InvalidRegistryError, RegistryError, SslbindError
from sslbind.printable import printable
from sslbind.registry.bindings import Bindings
from sslbind.registry.registry import DEFAULT_FILE, MAX_SIZE, Registry, may_be_registry
from sslbind.release import RELEASES, Release
from sslbind.session import Session

if TYPE_CHECKING:
    from sslbind.cli.live import LiveSources

OK, NO, UNASKED = 0, 1, 2
"""Exit codes: done or yes; no, or what netsh calls a failure; the question could not be asked."""

HELP = {"help_option_names": ["-h", "--help"]}
"""Context settings of every command."""

IF_EXISTS = ("fail", "keep", "update", "reset")
"""What may happen to a record that already exists."""

REGISTRY_VARIABLE = "SSLBIND_REGISTRY"


WHOLE = 1000
"""Characters; longer than any summary, so that click cuts none off."""

MOST = 50
"""How many mistakes in one registry file are shown; the rest are only counted."""

LOOKED_FOR = 1000
"""How many mistakes are looked for."""

_SOME = 200
"""Lines that are written at once."""


def with_global_options(command: click.Command) -> click.Command:
    """Return ``command``, which then also takes the global options after its own name."""
    taken = {name for param in command.params for name in param.opts}
    for names, settings in (
        (("-r", "--registry"), {}),
        (("--targets",), {}),
        (("--windows",), {"type": click.Choice(list(RELEASES), case_sensitive=False)}),
        (("-q", "--quiet"), {"is_flag": True}),
    ):
        if taken.isdisjoint(names):
            option = click.Option(
                names,
                hidden=True,
                expose_value=False,
                callback=_set_globally,
                help="The same as before the command.",
                **settings,
            )
            command.params.append(option)
    return command


def _set_globally(ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:
    """Take an option that follows the command as if it preceded it."""
    app = ctx.find_object(App)
    if app is not None and value:
        if param.name in ("registry", "targets"):
            value = only_file(str(value))
        setattr(app, "quiet" if param.name == "quiet" else f"{param.name}_option", value)


class CommandGroup(click.Group):
    """A group whose help lists each command with its whole summary, which click would cut off."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name."""
        command = super().get_command(ctx, cmd_name)
        return command and with_global_options(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their summaries; long ones are wrapped."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(WHOLE)) for name, one in commands if one]
            )


class UnknownCommandError(click.UsageError):
    """Words that are not a command."""


class App:
    """The global options of one run, and the streams that it writes to."""

    def __init__(
        self,
        registry_option: str | None = None,
        windows_option: str | None = None,
        *,
        targets_option: str | None = None,
        quiet: bool = False,
    ) -> None:
        self.registry_option = registry_option
        self.windows_option = windows_option
        self.targets_option = targets_option
        self.quiet = quiet
        self._live: LiveSources | None = None
        self._noted: set[str] = set()

    @property
    def registry_path(self) -> str:
        """``--registry``, else ``$SSLBIND_REGISTRY``, else ``./sslbind.toml``."""
        if self.registry_option is not None:
            return self.registry_option
        return os.environ.get(REGISTRY_VARIABLE) or DEFAULT_FILE

    @property
    def registry_file(self) -> str:
        """The same path, for writing; raises SslbindError if it names a server."""
        path = self.registry_path
        if is_server(path):
            raise SslbindError(
                f"{path} is a server, not a registry file",
                f"sslbind import {path} creates the registry sslbind.toml from it; -r FILE creates"
                " another",
            )
        return path

    @property
    def release_option(self) -> Release | None:
        """The release of ``--windows``, for this command only."""
        return None if self.windows_option is None else RELEASES[self.windows_option]

    def reading(self, path: str | None = None) -> Session:
        """Return the registry, or the one at ``path``, for reading; ``path`` may be a capture."""
        path = self.registry_path if path is None else path
        if is_server(path):
            from sslbind.sources import snapshot

            live = self.live([path])
            live.source(path)
            self.note(*live.take_notes())
            return self._session(snapshot(live.source(path)))
        if path == STANDARD_INPUT:
            from sslbind.sources import parse_source, snapshot

            data = read_input(path, MAX_SIZE)
            return self._session(snapshot(parse_source(data, shown_name(path))))
        if may_be_registry(path):
            try:
                return self._session(Registry.open(path))
            except RegistryError:
                if not os.path.isfile(path):
                    raise
        from sslbind.sources import open_registry

        return self._session(open_registry(path))

    def live(self, words: Iterable[str]) -> LiveSources:
        """Return the servers of the targets file; an error about the file quotes ``words``."""
        if self._live is None:
            from sslbind.cli.live import live_sources

            self._live = live_sources(self.targets_option, self.registry_path, words)
        return self._live

    def spelled_out(self, paths: Sequence[str]) -> list[str]:
        """Return ``paths`` with ``@NAME`` for each server of a group, and read those servers now.

        For each, ``reading`` returns what was read, or raises why it could not be.
        """
        words = [path for path in paths if is_server(path)]
        if not words:
            return [*paths]
        live = self.live(words)
        found: list[str] = []
        for path in paths:
            group = live.names(path) if is_server(path) else [path]
            found += (one for one in group if not is_server(one) or one not in found)
        live.read(live.select(words))
        return found

    def _session(self, registry: Bindings) -> Session:
        """Return a session on a registry; print what its document does not record."""
        self.hint(*registry.provenance.left_out)
        self.note(*registry.provenance.notes)
        return Session(registry, self.release_option)

    @contextlib.contextmanager
    def editing(self, *, dry_run: bool = False) -> Iterator[Session]:
        """Yield the registry under its lock; write changes if the block raises no error."""
        if dry_run:
            yield self.reading()
            return
        path = self.registry_file
        try:
            with Registry.editing(path) as registry:
                yield Session(registry, self.release_option)
        except RegistryError as error:
            from sslbind.sources import foreign_error

            raise foreign_error(path) or error from None
        if registry.written and sys.platform == "win32":
            self.note(f"{registry.path} was written; HTTP.SYS on this machine was not changed")

    def echo(self, text: str) -> None:
        """Write ``text`` to standard output unchanged."""
        sys.stdout.write(text)

    def echo_all(self, pieces: Iterable[str]) -> None:
        """Write each of ``pieces`` to standard output as soon as it is produced."""
        sys.stdout.writelines(pieces)

    def echo_lines(self, lines: Iterable[str]) -> None:
        """Write ``lines`` to standard output some at a time, because each write takes its time."""
        sys.stdout.writelines(_some(lines))

    def echo_styled(self, lines: Iterable[str]) -> None:
        """Do as ``echo_lines``, without the colours of ``lines`` where they are not wanted."""
        for text in _some(lines):
            click.echo(text, nl=False, color=takes_colour(sys.stdout))

    def echo_utf8(self, text: str) -> None:
        """Write a file's text to standard output: UTF-8 with the file's line endings."""
        with contextlib.suppress(AttributeError, ValueError):
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        sys.stdout.write(text)

    def json(self, document: dict[str, Any]) -> None:
        """Write a versioned JSON document to standard output; iterators in it become lists."""
        from sslbind.cli.jsontext import pieces

        sys.stdout.writelines(pieces({"version": 1, **document}, ascii_only=not speaks_utf8()))

    def note(self, *sentences: str) -> None:
        """Write each sentence once to standard error, unless ``--quiet``."""
        for sentence in sentences:
            if sentence not in self._noted and not self.quiet:
                self._noted.add(sentence)
                _complain("note", sentence)

    def hint(self, *sentences: str) -> None:
        """Write what was wrong, or what fixes it, to standard error."""
        for sentence in sentences:
            _complain("hint", sentence)

    def error(self, error: SslbindError) -> None:
        """Write an error, and the hints on how to fix it, to standard error."""
        mistakes = error.mistakes if isinstance(error, InvalidRegistryError) else (error,)
        hints: dict[str, None] = {}
        for one in mistakes[:MOST]:
            _complain("error", str(one))
            hints |= dict.fromkeys(one.hints)
        if len(mistakes) > MOST:
            more = "or more mistakes" if len(mistakes) >= LOOKED_FOR else "more mistakes"
            self.note(f"{len(mistakes) - MOST} {more} are not shown")
        self.hint(*dict.fromkeys((*hints, *error.hints)))


def _some(lines: Iterable[str]) -> Iterator[str]:
    left = iter(lines)
    while some := [*islice(left, _SOME)]:
        yield "".join(some)


pass_app = click.make_pass_decorator(App, ensure=True)


def options(*decorators: Callable[[FC], FC]) -> Callable[[FC], FC]:
    """Return one decorator that adds several options, in the given order."""

    def decorate(function: FC) -> FC:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def format_option(*choices: str) -> Callable[[FC], FC]:
    """Return the option ``--format``; the first of ``choices`` is the default."""
    words = choices or ("text", "json")
    return click.option(
        "--format",
        "format_",
        type=click.Choice(words),
        default=words[0],
        show_default=True,
        help="Output format.",
    )


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Print what would change; write nothing."
)
"""Adds the option ``--dry-run``."""

no_verify_option = click.option(
    "--no-verify",
    "verify",
    flag_value=False,
    default=True,
    help="Do not look up the certificate in its store.",
)
"""Adds the option ``--no-verify``; the parameter is ``verify``."""


def _complain(label: str, sentence: str) -> None:
    sys.stdout.flush()
    complain(f"{label}: {printable(sentence)}")


def speaks_utf8() -> bool:
    """Whether standard output can encode every character."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
