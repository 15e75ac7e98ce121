"""Passwords: from a file, an environment variable or a prompt, never from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import click

from sslbind.cli.app import options
from sslbind.errors import PasswordError, SslbindError
from sslbind.files import read_file
from sslbind.printable import printable

Result = TypeVar("Result")

password_options = options(
    click.option(
        "--password-file", metavar="FILE", help="Password of the PFX file or key: FILE's content."
    ),
    click.option(
        "--password-env",
        metavar="NAME",
        help="Password of the PFX file or key: the environment variable NAME.",
    ),
)


def with_passwords(
    open_: Callable[[Sequence[bytes]], Result],
    what: str,
    password_file: str | None,
    password_env: str | None,
) -> Result:
    """Return what ``open_`` does with the passwords that the options give.

    Where they do not open it and a person is there, the person is asked.
    Raises PasswordError, whose hints name the options, where nothing helps.
    """
    passwords = _given(password_file, password_env)
    try:
        return open_(passwords)
    except PasswordError as error:
        if passwords or sys.stdin is None or not sys.stdin.isatty():
            raise PasswordError(
                error.message,
                "--password-file FILE or --password-env NAME gives its password",
                file=error.file or what,
            ) from None
    try:
        typed = click.prompt(
            f"Password of {printable(what)}",
            hide_input=True,
            default="",
            show_default=False,
            err=True,
        )
    except UnicodeDecodeError:
        raise PasswordError("what was typed is no text", file=what) from None
    return open_([str(typed).encode()])


def _given(password_file: str | None, password_env: str | None) -> list[bytes]:
    given: list[bytes] = []
    if password_file is not None:
        data = read_file(password_file, 1 << 16)
        given.append(data.removesuffix(b"\n").removesuffix(b"\r"))
    if password_env is not None:
        value = os.environ.get(password_env)
        if value is None:
            # The name is not repeated: it may be the password, typed in the wrong place.
            raise SslbindError("--password-env names an environment variable that is not set")
        given.append(os.fsencode(value))
    return given
