"""Where a run starts, and the one boundary where errors become sentences and exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Sequence

import click

from sslbind import files
from sslbind.cli.app import NO, UNASKED, App, UnknownCommandError
from sslbind.cli.root import COMMANDS, InterruptedRunError, root
from sslbind.cli.streams import complain, discard
from sslbind.errors import NetshError, RefusedError, SslbindError, reason
from sslbind.grammar import MODELLED, NOT_MODELLED, is_context

_OF_WRITING = frozenset((
    errno.EAGAIN, errno.EBADF, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EINVAL, errno.ENOSPC,
    errno.EPERM, errno.EPIPE,
))  # fmt: skip
"""Why an open file cannot be written. Other I/O errors are caught where they happen."""


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line with ``args`` (default: those of the process); return the exit code."""
    _prepare_streams()
    files.changes.clear()
    app = App()
    words = list(sys.argv[1:] if args is None else args)
    try:
        code = _complete(words) if "_SSLBIND_COMPLETE" in os.environ else _run(app, words)
        sys.stdout.flush()
    except OSError as error:
        return _stopped(app, error)
    except KeyboardInterrupt:
        return _interrupted(app)
    return code


def _complete(words: list[str]) -> int:
    from sslbind.cli.completion.candidates import complete

    code = complete(words)
    try:
        sys.stdout.flush()
    except OSError:  # the user is in the middle of a line
        discard(sys.stdout)
    return code


def _stopped(app: App, error: OSError) -> int:
    """Report the system error that stopped the run; return the exit code."""
    with contextlib.suppress(OSError):  # reported already
        sys.stdout.flush()
    if error.filename is not None or error.errno not in _OF_WRITING:
        try:
            os.getcwd()
        except OSError:
            app.error(SslbindError("the current folder does not exist any more"))
            return UNASKED
        app.error(SslbindError(f"the system refused: {reason(error)}", file=error.filename))
        return UNASKED
    discard(sys.stdout)
    code = NO
    if not isinstance(error, BrokenPipeError):  # the reader of the pipe has gone
        app.error(SslbindError(f"standard output cannot be written: {reason(error)}"))
        code = UNASKED
    app.hint(*(f"{change} earlier: that change was made" for change in files.changes))
    return code


def _interrupted(app: App) -> int:
    app.hint("interrupted")
    return 130


def _prepare_streams() -> None:
    """Let any text through to any terminal, and discard output to a closed stream.

    On Windows a file or a pipe would get the ANSI code page, which lacks most characters;
    it gets UTF-8, which all our readers accept.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        else:
            with contextlib.suppress(AttributeError, ValueError):
                stream.reconfigure(errors="backslashreplace")
                if sys.platform == "win32" and "PYTHONIOENCODING" not in os.environ:
                    stream.reconfigure(encoding="utf-8")  # a console already has it


def _run(app: App, args: list[str]) -> int:
    try:
        result = root.main(args, prog_name=_program(), standalone_mode=False)
    except UnknownCommandError as error:
        return _unknown(app, error)
    except click.exceptions.NoArgsIsHelpError as error:
        complain(error.format_message())
        return UNASKED
    except click.UsageError as error:
        _usage(app, error, args)
        return UNASKED
    except (click.Abort, InterruptedRunError):
        return _interrupted(app)
    except SslbindError as error:
        app.error(error)
        return NO if isinstance(error, NetshError | RefusedError) else UNASKED
    return result if isinstance(result, int) else 0


def _program() -> str:
    name = os.path.basename(sys.argv[0] or "").lower().removesuffix(".exe")
    return "netsh" if name == "netsh" else "sslbind"


def _unknown(app: App, error: UnknownCommandError) -> int:
    from difflib import get_close_matches

    from sslbind.netsh_messages import unknown_command
    from sslbind.printable import printable

    app.echo(unknown_command(printable(error.message)))
    words = error.message.split()
    if any(one.lower() in NOT_MODELLED for one in words[1:]):
        app.hint(f"{printable(error.message)}: {MODELLED}")
        return UNASKED
    word = words[-1] if len(words) > 1 and is_context(words[0]) else (words or [""])[0]
    close = get_close_matches(word.lower(), COMMANDS, n=1)
    app.hint(f"did you mean {close[0]}?" if close else "sslbind --help lists the commands")
    return UNASKED


def _usage(app: App, error: click.UsageError, args: Sequence[str]) -> None:
    app.error(SslbindError(" ".join(error.format_message().split())))
    lowered = [arg.lower() for arg in args]
    if any("-encodedcommand".startswith(arg) for arg in lowered if len(arg) > 3 and arg[0] == "-"):
        app.hint("PowerShell took the braces for a script block: quote them, appid='{GUID}'")
    if isinstance(error, click.NoSuchOption) and error.option_name == "-f":
        app.hint("-f SCRIPT is used instead of a command: sslbind -f SCRIPT")
    if error.ctx is not None and error.ctx.info_name == "list":
        extra = re.search(r"unexpected extra arguments? \((\S+?)[ )]", error.format_message())
        if extra:
            app.hint(f"sslbind list --host {extra[1]} selects bindings by their host")
    if error.ctx is not None:
        app.hint(f"see {error.ctx.command_path} --help")
