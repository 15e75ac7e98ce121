"""What a monitoring system expects: one line, whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from sslbind.cli.app import OK, App
from sslbind.errors import SslbindError


class NagiosCommand(click.Command):
    """A command that reports usage errors in its output format if that is nagios."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the command line; on an error print why and raise Exit with UNKNOWN, 3."""
        asked = any(word.rpartition("=")[2] == "nagios" for word in args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if not asked:
                raise
            from sslbind.reports import nagios

            click.echo(nagios.line(nagios.UNKNOWN, error.format_message()), nl=False)
            raise click.exceptions.Exit(nagios.UNKNOWN) from None


@dataclass(slots=True)
class Code:
    """The exit code of the command, once it is known."""

    code: int = OK


@contextlib.contextmanager
def nagios_answer(app: App, format_: str) -> Iterator[Code]:
    """Yield where to put the exit code; for ``nagios`` an error becomes a line and UNKNOWN, 3."""
    answer = Code()
    if format_ != "nagios":
        yield answer
        return
    from sslbind.reports import nagios

    try:
        yield answer
    except SslbindError as error:
        app.echo(nagios.line(nagios.UNKNOWN, str(error)))
        answer.code = nagios.UNKNOWN
    except click.UsageError as error:
        app.echo(nagios.line(nagios.UNKNOWN, error.format_message()))
        answer.code = nagios.UNKNOWN
