"""The command line: the only place that knows click, rich, streams and exit codes."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from typing import NoReturn


def run() -> NoReturn:
    """Be the process: run the command line, and exit with its code.

    What is in memory at the end goes with the process. To take it apart first, object by
    object, would be a tenth of the time of a list of ten thousand bindings.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)  # what is registered first is called last
    codes.append(main())
    sys.exit(codes[0])


def _leave(codes: list[int]) -> None:
    """End the process at once with the code that is in ``codes``, if there is one."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # reported, or no stream
            stream.flush()
    if codes:
        os._exit(codes[0])


def main() -> int:
    """Run the command line with the arguments of the process; return the exit code.

    Ctrl-C prints one line even while the modules are still being imported.
    """
    # A run is short and makes few cycles, and ten thousand bindings are many objects:
    # looking for garbage would take an eighth of the time of a small run.
    gc.disable()
    try:
        from sslbind import memory
        from sslbind.cli import entry

        memory.limit()
        return entry.main()
    except KeyboardInterrupt:
        os.write(2, b"hint: interrupted\n")
        return 130
