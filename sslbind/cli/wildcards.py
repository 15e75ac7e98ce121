"""``*`` and ``?`` in file names, which cmd and PowerShell leave to the program."""

from __future__ import annotations

import os

import click

from sslbind.errors import SslbindError
from sslbind.wording import some


def all_files(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    values: tuple[str, ...],
) -> tuple[str, ...]:
    """Return the values of a parameter, with each pattern replaced by the files it matches."""
    return tuple(name for value in values for name in _matched(value))


def one_file(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,  # noqa: ARG001
    value: str | None,
) -> str | None:
    """Return the value of a parameter, or the one file that it matches.

    Raises SslbindError if there are several.
    """
    return None if value is None else only_file(value)


def only_file(value: str) -> str:
    """Return ``value``, or the one file that it matches; raise SslbindError if it is several."""
    found = _matched(value)
    if len(found) > 1:
        raise SslbindError(f"{value} matches {len(found)} files", f"give one: {some(found, 5)}")
    return found[0]


def _matched(value: str) -> list[str]:
    """Return the files that ``value`` matches, or ``value`` itself if there are none.

    It is never called for an argument that is always a key, where ``*`` is a host.
    """
    if os.name != "nt" or not ("*" in value or "?" in value):
        return [value]
    import glob

    return sorted(glob.glob(value.replace("[", "[[]"))) or [value]
