"""Passwords from a file, an environment variable or a prompt; the encryption of PFX files."""

from __future__ import annotations

import os
import sys

import click

from sslbind.cli.app import options
from sslbind.cli.streams import is_terminal, read_input
from sslbind.cli.wildcards import one_file
from sslbind.errors import PasswordError, SslbindError
from sslbind.passwords import Passwords
from sslbind.printable import printable

password_options = options(
    click.option(
        "--password-file",
        metavar="FILE",
        callback=one_file,
        help="Read the password of the PFX file or key from FILE.",
    ),
    click.option(
        "--password-env",
        metavar="NAME",
        help="Read the password of the PFX file or key from the environment variable NAME.",
    ),
)

seal_option = click.option(
    "--seal",
    type=click.Choice(("legacy", "modern")),
    help="How PFX files are encrypted: legacy (3DES and SHA-1, for every release) or modern"
    " (AES-256 and SHA-256, from Server 2019 on). The default is what the release can open.",
)
"""Adds the option ``--seal``."""


_ASKED = f"{__name__}.asked"


def passwords(password_file: str | None, password_env: str | None) -> Passwords:
    """Return the passwords of the options; without any, ask if there is a terminal."""
    given = _given(password_file, password_env)
    return Passwords(given, _ask if is_terminal(sys.stdin) else None)


def _ask(file: str) -> bytes:
    """Ask for the password of a file, once per run."""
    known: dict[str, bytes] = click.get_current_context().meta.setdefault(_ASKED, {})
    if file not in known:
        known[file] = _asked(file)
    return known[file]


def _asked(file: str) -> bytes:
    try:
        typed = click.prompt(
            f"Password of {printable(file)}",
            hide_input=True,
            default="",
            show_default=False,
            err=True,
        )
    except UnicodeDecodeError:
        raise PasswordError("the password typed is not valid text", file=file) from None
    return str(typed).encode()


def _content(password_file: str) -> bytes:
    """Return the content of a password file.

    An error does not repeat the file's name: it may be the password, typed in the wrong
    place.
    """
    try:
        return read_input(password_file, 1 << 16)
    except SslbindError as error:
        raise SslbindError(f"the file of --password-file {error.message}", *error.hints) from None


def _given(password_file: str | None, password_env: str | None) -> list[bytes]:
    given: list[bytes] = []
    if password_file is not None:
        data = _content(password_file)
        given.append(data.removesuffix(b"\n").removesuffix(b"\r"))
    if password_env is not None:
        value = os.environ.get(password_env)
        if value is None:
            # The name is not repeated: it may be the password, typed in the wrong place.
            raise SslbindError("the environment variable of --password-env is not set")
        given.append(os.fsencode(value))
    return given
