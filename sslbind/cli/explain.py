"""``sslbind explain``: what an error, an event, a rule, a flag or an appid means."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from typing import Any

import click

from sslbind.cli.app import HELP, OK, REGISTRY_VARIABLE, App, format_option, pass_app
from sslbind.cli.streams import STANDARD_INPUT, read_input, shown_name
from sslbind.cli.wildcards import only_file
from sslbind.errors import SslbindError
from sslbind.explanations.explanation import Detail, Explanation
from sslbind.explanations.pasted import LIMIT, explain_text
from sslbind.explanations.topics import look_up, topics, unknown_topic
from sslbind.formats.encoding import decode_console
from sslbind.printable import printable
from sslbind.release import DEFAULT_RELEASE, Release
from sslbind.shells import word


@click.command("explain", context_settings={**HELP, "ignore_unknown_options": True})
@click.argument("what", nargs=-1)
@format_option()
@pass_app
def explain_command(app: App, what: tuple[str, ...], format_: str) -> int:
    """Explain WHAT: what it means, why it happens, how to fix it.

    \b
    a rule of check          no-default-ssl
    a Windows error          1312, 0x80070520, SEC_E_NO_CREDENTIALS
    a Windows event          15021
    an alert of TLS          alert 40
    an HTTP status           http 403.16
    a browser's error        NET::ERR_CERT_COMMON_NAME_INVALID
    a tag                    clientcertnegotiation
    IIS's sslFlags           sslflags 129
    the owner of a record    appid '{GUID}', appid iis
    how a request is handled flow
    how a file is encrypted  renewed.pfx

    WHAT may also be anything that netsh, the event log, a browser or a pipeline printed:
    everything known in it is explained. "-" reads it from standard input, as does a
    redirected file or pipe without WHAT: sslbind explain < log.txt. Otherwise, without
    WHAT, everything that can be explained is listed. "documented" and "inferred" mark where
    a sentence comes from, if that is known.

    The exit code is 1 for an appid whose owner is not known, 2 for what cannot
    be explained.
    """  # noqa: D301  # click's own mark, and no backslash
    for one in what:
        if one.startswith("-") and one != STANDARD_INPUT and not one[1:].isdigit():
            raise click.NoSuchOption(one)  # a number may be an HRESULT
    if what == (STANDARD_INPUT,) or (not what and _is_fed()):
        data = read_input(STANDARD_INPUT, LIMIT, may_be_empty=not what)
        text, _ = decode_console(data, shown_name(STANDARD_INPUT))
        if text.strip() or what:
            found = explain_text(text, _release(app))
            if not found:
                raise SslbindError("nothing in standard input can be explained", _LISTED)
            _answer(app, format_, found, several=True)
            return OK
    if not what:
        _list(app, format_)
        return OK
    found = _explained(what, _release(app))
    _answer(app, format_, found, several=len(found) > 1)
    return OK


_LISTED = "sslbind explain lists what can be explained"


def _is_fed() -> bool:
    """Whether standard input is a file or a pipe; a terminal or a device is not read."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode if sys.stdin else 0
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(mode) or stat.S_ISFIFO(mode)


def _explained(what: Sequence[str], release: Release) -> list[Explanation]:
    """Return the topic ``what``, or the topics found in it as text."""
    if len(what) == 1 and what[0].lower().endswith((".pfx", ".p12")):
        from sslbind.explanations.pfx import explain_pfx

        file = only_file(what[0])
        return [explain_pfx(read_input(file, LIMIT), file)]
    topic = look_up(what, release)
    found = [topic] if topic else explain_text(" ".join(what), release)
    if not found:
        error = unknown_topic(what)
        if len(what) == 1 and os.path.isfile(what[0]):
            file = word(what[0]) or "FILE"
            raise SslbindError(
                error.message, f"to explain what a file contains: sslbind explain < {file}"
            )
        raise error
    return found


def _answer(app: App, format_: str, found: Sequence[Explanation], *, several: bool) -> None:
    if format_ != "json":
        app.echo("\n".join(_text(one) for one in found))
    elif several:
        app.json({"explanations": [_document(one) for one in found]})
    else:
        app.json(_document(found[0]))


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
