"""``-f SCRIPT``: many netsh lines in one process, with one lock and one write."""

from __future__ import annotations

import click

from sslbind import netsh_messages
from sslbind.certificates.deferral import attempts
from sslbind.cli.app import NO, OK, App
from sslbind.cli.changes import plan
from sslbind.cli.lines import LineOptions, Reply, failure, relies_on_us, run_line
from sslbind.cli.streams import read_input, shown_name
from sslbind.errors import NetshError, SslbindError
from sslbind.formats.encoding import decode_text
from sslbind.grammar import HELP_WORDS, MODELLED, command_words, is_command, split_line
from sslbind.printable import printable
from sslbind.session import Session

MAX_SCRIPT = 32 << 20
"""Bytes; two hundred thousand lines are smaller."""


def run_script(
    app: App, script: str, *, atomic: bool, dry_run: bool, netsh_update: bool = False
) -> int:
    """Run the lines of ``script`` (``-``: standard input); return the exit code.

    A failed line does not stop the rest. Changes are on disk before the first answer is
    printed; with ``atomic``, nothing is written if any line failed. With ``dry_run``
    nothing is ever written, and the answers say what would change. ``netsh_update``: see
    ``Session.update``; without it there is a note for each line that netsh would run
    differently.
    """
    name, data = shown_name(script), read_input(script, MAX_SCRIPT, may_be_empty=True)
    if not data:
        app.note(f"{name} is empty: there is nothing to run")
    return run_text(app, data, name, atomic=atomic, dry_run=dry_run, netsh_update=netsh_update)


def run_text(  # as in run_script
    app: App,
    data: bytes,
    name: str,
    *,
    atomic: bool = False,
    dry_run: bool = False,
    netsh_update: bool = False,
) -> int:
    """Run the lines of ``data``, called ``name`` in hints; see ``run_script``."""
    numbered = enumerate(decode_text(data, name).split("\n"), 1)
    lines = [(number, raw.strip()) for number, raw in numbered if is_command(raw.strip())]
    answers: list[tuple[int, Reply]] = []
    options = LineOptions(netsh_update=netsh_update)
    for attempt in attempts():
        with attempt, app.editing(dry_run=dry_run) as session:
            checkpoint = session.editable.checkpoint()
            if atomic or dry_run:
                session.hold()
            answers = [(number, _run(app, session, line, options)) for number, line in lines]
            failed = [number for number, answer in answers if answer.code]
            if atomic and failed:
                session.editable.rollback(checkpoint)
            elif not dry_run:
                session.release_held()
    for number, answer in answers:
        app.echo_all([plan(answer)] if dry_run and not answer.code else answer.pieces)
        app.note(*answer.notes)
        for sentence in relies_on_us(answer):
            app.note(f"{name}, line {number}: {sentence}")
        for hint in answer.hints:
            app.hint(f"{name}, line {number}: {hint}")
    if failed:
        kept = "nothing was written" if atomic or dry_run else "the others were executed"
        app.hint(f"{len(failed)} of {len(lines)} lines failed; {kept}")
    return NO if failed else OK


def _run(app: App, session: Session, line: str, options: LineOptions) -> Reply:
    verb, word = "add", ""
    try:
        verb, word, rest = command_words(split_line(line))
        if not verb:
            hint = f"{line!r}: {MODELLED}"
            return Reply(netsh_messages.unknown_command(printable(line)), NO, hints=(hint,))
        if rest and rest[-1].lower() in HELP_WORDS:
            return Reply(netsh_messages.usage(verb, word, session.release))
        if any(text.startswith("-") for text in rest):
            own, rest = _own_options(app, verb, word, rest)
            options = own._replace(netsh_update=own.netsh_update or options.netsh_update)
        return run_line(session, verb, word, rest, options)
    except NetshError as error:
        return failure(verb, word, error, session.release)
    except SslbindError as error:
        return Reply("", NO, hints=(str(error), *error.hints))
    except click.UsageError as error:
        return Reply("", NO, hints=(error.format_message(),))


def _own_options(app: App, verb: str, word: str, rest: list[str]) -> tuple[LineOptions, list[str]]:
    """Parse our own options on a line, as the command line does."""
    from sslbind.cli.netsh import LineCommand

    try:
        context = LineCommand(verb, word).make_context(f"{verb} {word}", rest, obj=app)
    except click.exceptions.Exit:
        raise click.UsageError(
            "a line of a script cannot have --help; end it with ? instead"
        ) from None
    params = dict(context.params)
    words = list(params.pop("words", ()))
    if params.pop("format_", "text") != "text" or params.get("dry_run"):
        raise click.UsageError("a line of a script cannot have --format or --dry-run")
    return LineOptions(**params), words
