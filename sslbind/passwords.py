"""Passwords for PFX files and encrypted keys: those given, or one asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from sslbind.errors import PasswordError

Result = TypeVar("Result")


class Passwords(NamedTuple):
    """The passwords to try, and ``ask``, which returns one for a file when none was given."""

    given: Sequence[bytes] = ()
    ask: Callable[[str], bytes] | None = None

    def open(self, reader: Callable[[Sequence[bytes]], Result], file: str) -> Result:
        """Return the result of ``reader`` with the passwords for ``file``; raise PasswordError."""
        try:
            return reader(self.given)
        except PasswordError as error:
            if self.given or self.ask is None:
                raise PasswordError(
                    error.message,
                    "--password-file FILE or --password-env NAME gives its password",
                    file=error.file or file,
                ) from None
        return reader([self.ask(file)])


NO_PASSWORDS = Passwords()
