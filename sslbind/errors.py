"""The errors that sslbind raises on purpose.

Attributes hold data, ``str()`` renders a sentence. Exit codes are
chosen by the command line.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar


class SslbindError(Exception):
    """A failure caused by the input or the machine, never by a bug.

    ``message`` is a sentence that names the problem and the value; ``hints`` are
    sentences that explain how to fix it; ``file`` and ``line`` (from 1) are
    where it is, if that is known.
    """

    def __init__(
        self,
        message: str,
        *hints: str,
        file: str | os.PathLike[str] | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hints = hints
        self.file = file
        self.line = line

    def __str__(self) -> str:
        if self.file is None:
            return self.message
        where = os.fspath(self.file) if self.line is None else f"{os.fspath(self.file)}:{self.line}"
        return f"{where}: {self.message}"


class RegistryError(SslbindError):
    """A registry file that cannot be read, understood or written."""


class InvalidRegistryError(RegistryError):
    """A registry file with mistakes: ``mistakes`` in the order of lines, this one the first."""

    def __init__(self, mistakes: Sequence[RegistryError], *hints: str) -> None:
        first = mistakes[0]
        super().__init__(first.message, *first.hints, *hints, file=first.file, line=first.line)
        self.mistakes = tuple(mistakes)


class CertificateError(SslbindError):
    """A certificate, key, container or store that cannot be used."""


class PasswordError(CertificateError):
    """A PFX file or private key that none of the given passwords opens."""


class NetshError(SslbindError):
    """A failure that netsh itself would report, with its Windows error ``code``."""

    code = 87


class BadValueError(NetshError):
    """Error 87, ERROR_INVALID_PARAMETER: a key or tag has an invalid value."""


class NotFoundError(NetshError):
    """Error 2, ERROR_FILE_NOT_FOUND: the record is absent."""

    code = 2


class ExistsError(NetshError):
    """Error 183, ERROR_ALREADY_EXISTS: the record already exists."""

    code = 183


class NoCertificateError(NetshError):
    """Error 1312, ERROR_NO_SUCH_LOGON_SESSION: the store has no usable certificate."""

    code = 1312


class SyntaxLineError(NetshError):
    """A netsh line that does not parse: an unknown tag, or a tag that is missing.

    ``missing`` distinguishes the two, as netsh's answers differ; ``word`` is the
    unknown tag.
    """

    def __init__(self, message: str, *hints: str, word: str = "", missing: bool = False) -> None:
        super().__init__(message, *hints)
        self.word = word
        self.missing = missing


class RefusedError(SslbindError):
    """A command other than netsh's cannot, or must not, do what it was asked for."""


Kept = TypeVar("Kept", bound=SslbindError)


def bare(error: Kept) -> Kept:
    """Return an error that is kept, without the calls that led to it: they hold what was read."""
    error.__traceback__ = error.__context__ = None
    return error


def reason(error: Exception) -> str:
    """Return the system's reason as one lower-case phrase without the path."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error)
