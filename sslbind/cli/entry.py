"""Where a run starts, and the one boundary where errors become sentences and exit codes."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

import click

from sslbind.cli.app import NO, UNASKED, App, UnknownCommandError
from sslbind.cli.root import COMMANDS, root
from sslbind.errors import NetshError, RefusedError, SslbindError
from sslbind.grammar import MODELLED, NOT_MODELLED, is_context


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line with ``args`` (else those of the process); return the exit code."""
    if "_SSLBIND_COMPLETE" in os.environ:
        from sslbind.cli.completion.candidates import complete

        return int(complete(sys.argv[1:] if args is None else args))
    _prepare_streams()
    app = App()
    try:
        code = _run(app, list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read this has gone; a second complaint while closing would help nobody.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except OSError as error:
        app.error(SslbindError(f"standard output cannot be written: {error.strerror}"))
        return UNASKED
    return code


def _prepare_streams() -> None:
    """Let any text through to any terminal, and answers go nowhere where a stream is closed.

    On Windows a file or a pipe would get the ANSI code page, which lacks most characters;
    it gets UTF-8, which every reader of ours takes.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        else:
            with contextlib.suppress(AttributeError, ValueError):
                stream.reconfigure(errors="backslashreplace")
                if sys.platform == "win32" and "PYTHONIOENCODING" not in os.environ:
                    stream.reconfigure(encoding="utf-8")  # a console's has it already


def _run(app: App, args: list[str]) -> int:
    collecting = gc.isenabled()
    gc.disable()  # a run is short and makes no cycles, and ten thousand bindings are many objects
    try:
        result = root.main(args, prog_name=_program(), standalone_mode=False)
    except UnknownCommandError as error:
        return _unknown(app, error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return UNASKED
    except click.UsageError as error:
        _usage(app, error, args)
        return UNASKED
    except click.Abort:
        app.hint("interrupted")
        return 130
    except SslbindError as error:
        app.error(error)
        return NO if isinstance(error, NetshError | RefusedError) else UNASKED
    finally:
        if collecting:
            gc.enable()
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
    if isinstance(error, click.NoSuchOption) and error.option_name in (
        "-r", "--registry", "--targets", "--windows", "-q", "--quiet", "-f",
    ):  # fmt: skip
        app.hint(f"{error.option_name} goes before the command: sslbind {error.option_name} …")
    if error.ctx is not None:
        app.hint(f"{error.ctx.command_path} --help explains it")
