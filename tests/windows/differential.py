"""Compare sslbind with the netsh and HTTP.SYS of this machine.

Runs on Windows, in an elevated prompt, with sslbind installed and nothing else.
It makes its own certificates in LocalMachine\\MY, binds them on two ports
under a separate appid, and removes all of that again, also when it is
interrupted; bindings of others are neither changed nor reported.

Exit 0: no difference. 1: differences, all in the report. 2: it could not be
run, or did not finish.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comparison import Plan
    from programs import Program

SAME, DIFFERENT, CANNOT = 0, 1, 2


def options() -> argparse.ArgumentParser:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--report", metavar="FILE", default="differential.json", help="where the JSON goes")
    add("--port", type=int, default=47443, help="this port and the next are bound (%(default)s)")
    add("--windows", metavar="RELEASE", help="what sslbind models; else this host's own release")
    add("--only", metavar="CASE", action="append", default=[], help="a case, or a pattern: tag-*")
    add("--skip", choices=["lines", "handshakes"], action="append", default=[])
    add("--list", action="store_true", help="print the table and run nothing")
    add("--clean", action="store_true", help="remove what a killed run has left, and run nothing")
    standins = parser.add_argument_group("stand-ins, to try the test itself")
    add = standins.add_argument
    add("--netsh", metavar="PROGRAM", help="stands in for netsh; the machine is not touched")
    add("--listener", metavar="PROGRAM", help="stands in for HTTP.SYS, with --netsh")
    add("--sslbind", metavar="PROGRAM", help="else the module of this Python")
    add("--work", metavar="FOLDER", help="where registry and certificates go; it is kept")
    return parser


def main() -> int:
    """Run the command line; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
            if not stream.isatty():  # a console has an encoding, a file needs one
                stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    parser = options()
    given = parser.parse_args()
    if not 1 <= given.port <= 65534:
        parser.error(f"--port {given.port}: must be from 1 to 65534")
    if importlib.util.find_spec("sslbind") is None:
        return cannot("sslbind is not installed: python -m pip install . in its clone")
    from programs import CannotRunError

    from sslbind.errors import SslbindError

    if given.list:
        return print_table()
    folder = given.work or tempfile.mkdtemp(prefix="sslbind-differential-")
    try:
        return carry_out(make_plan(given, folder), given)
    except (CannotRunError, SslbindError) as error:
        return cannot(str(error))
    except OSError as error:
        return cannot(f"{error.filename or 'a file'}: {error.strerror or error}")
    finally:
        if not given.work:
            shutil.rmtree(folder, ignore_errors=True)


def make_plan(given: argparse.Namespace, folder: str) -> Plan:
    """Return the plan that the command line asks for; raise CannotRunError if none can be."""
    from comparison import REGISTRY, Plan
    from machine import host_release, is_elevated
    from programs import CannotRunError, windows_netsh

    from sslbind.release import parse_release

    if given.netsh:
        netsh = python_program([given.netsh])
    else:
        netsh = windows_netsh()
        if given.listener:
            raise CannotRunError("--listener goes with --netsh: HTTP.SYS is there")
        if not is_elevated():
            raise CannotRunError("this prompt is not elevated: start it as administrator")
    program = [given.sslbind] if given.sslbind else [sys.executable, "-m", "sslbind"]
    os.makedirs(folder, exist_ok=True)
    return Plan(
        netsh,
        python_program([*program, "-r", os.path.join(folder, REGISTRY)]),
        parse_release(given.windows) if given.windows else host_release(),
        folder,
        given.port,
        bool(given.netsh),
        given.listener,
        tuple(given.only),
        "lines" not in given.skip,
        "handshakes" not in given.skip and bool(given.listener or not given.netsh),
    )


def python_program(prefix: list[str]) -> Program:
    """Return the Python program that ``prefix`` starts, or whose server listens there.

    Windows starts no script by its first line.
    """
    from programs import Program
    from served import Served, is_served

    if prefix[0].endswith(".py"):
        prefix = [sys.executable, *prefix]
    return (Served if is_served(prefix[0]) else Program)(
        prefix, variables={"PYTHONIOENCODING": "utf-8"}
    )


def carry_out(plan: Plan, given: argparse.Namespace) -> int:
    """Clean, or compare and report; return the exit code."""
    import comparison
    import report

    if given.clean:
        comparison.clean(plan)
        print("nothing of this test is left")
        return SAME
    outcomes = comparison.run(plan)
    report.write(given.report, plan, outcomes)
    print(report.text(plan, outcomes), end="")
    print(f"the report is {given.report}")
    if outcomes.stopped:
        return CANNOT
    return DIFFERENT if outcomes.different else SAME


def print_table() -> int:
    """Print every line with its id, as the table has it, then the names of the handshakes."""
    import handshakes
    from table import CASES

    rows = [(f"{case.name}.{n}", line) for case in CASES for n, line in enumerate(case.lines, 1)]
    for id_, line in rows:
        print(f"{id_:<50} {line}")
    for case in handshakes.CASES:
        print(f"{case.name!r:<50} {case.records}")
    return SAME


def cannot(sentence: str) -> int:
    """Say on standard error why it cannot be run; return the exit code."""
    sys.stdout.flush()
    print(f"error: {sentence}", file=sys.stderr)
    return CANNOT


if __name__ == "__main__":
    sys.exit(main())
