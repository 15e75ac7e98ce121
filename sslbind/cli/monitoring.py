"""What a monitoring system wants of every answer: one line, whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from sslbind.cli.app import OK, App
from sslbind.errors import SslbindError


class NagiosCommand(click.Command):
    """A command that answers a line which cannot be read in its format, where that is nagios."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the line; raise Exit with UNKNOWN, 3, after saying why it cannot be read."""
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
    """The exit code of an answer, once it is known."""

    code: int = OK


@contextlib.contextmanager
def nagios_answer(app: App, format_: str) -> Iterator[Code]:
    """Give where the exit code goes; for ``nagios`` an error becomes a line and UNKNOWN, 3."""
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
