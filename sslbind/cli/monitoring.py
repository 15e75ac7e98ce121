"""What a monitoring system wants of every answer: one line, whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import click

from sslbind.cli.app import OK, App
from sslbind.errors import SslbindError


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
