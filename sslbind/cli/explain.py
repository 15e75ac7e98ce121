"""``sslbind explain``: what an error, an event, a rule, a flag or an appid means."""

from __future__ import annotations

import os
from typing import Any

import click

from sslbind.cli.app import HELP, OK, REGISTRY_VARIABLE, App, format_option, pass_app
from sslbind.explain import Detail, Explanation, explain, topics
from sslbind.printable import printable
from sslbind.release import DEFAULT_RELEASE, Release


@click.command("explain", context_settings={**HELP, "ignore_unknown_options": True})
@click.argument("what", nargs=-1)
@format_option()
@pass_app
def explain_command(app: App, what: tuple[str, ...], format_: str) -> int:
    """Explain WHAT: what it means, why it happens, how to fix it.

    \b
    a rule of check          no-default-ssl
    a Windows error          1312, 0x80070520
    a Windows event          15021
    IIS's sslFlags           sslflags 129
    the owner of a record    appid '{GUID}', appid iis
    the way of a request     flow

    Without WHAT, everything that can be explained is listed. "documented" and
    "inferred" mark where a sentence comes from, if that is known.

    The exit code is 1 for an appid whose owner is not known, 2 for what cannot
    be explained.
    """  # noqa: D301  # click's own mark, and no backslash
    for word in what:
        if word.startswith("-") and not word[1:].isdigit():  # a number may be an HRESULT
            raise click.NoSuchOption(word)
    if not what:
        _list(app, format_)
        return OK
    found = explain(what, _release(app))
    if format_ == "json":
        app.json(_document(found))
    else:
        app.echo(_text(found))
    return OK


def _release(app: App) -> Release:
    """Return the release of ``--windows``, else of the registry, else the default."""
    if app.release_option is not None:
        return app.release_option
    chosen = app.registry_option is not None or os.environ.get(REGISTRY_VARIABLE)
    if not chosen and not os.path.exists(app.registry_path):
        return DEFAULT_RELEASE
    return app.reading().release


def _list(app: App, format_: str) -> None:
    known = topics()
    if format_ == "json":
        app.json({"topics": known})
        return
    width = max(len(name) for names in known.values() for name in names)
    for sort, names in known.items():
        lines = (f"    {name:<{width}}  {about}\n" for name, about in names.items())
        app.echo(f"{sort}:\n{''.join(lines)}")


def _text(found: Explanation) -> str:
    lines = [found.title, found.means]
    if found.why:
        lines += ["why:", *(f"    {one.text}{_mark(one)}" for one in found.why)]
    if found.fix:
        lines += ["fix:", *(f"    {one}" for one in found.fix)]
    return "".join(f"{printable(line)}\n" for line in lines)


def _mark(statement: Detail) -> str:
    if statement.documented is None:
        return ""
    return " (documented)" if statement.documented else " (inferred)"


def _document(found: Explanation) -> dict[str, Any]:
    return {
        "title": found.title,
        "means": found.means,
        "why": [one._asdict() for one in found.why],
        "mend": [*found.fix],
    }
