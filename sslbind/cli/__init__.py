"""The command line: the only place that knows click, rich, streams and exit codes."""

from __future__ import annotations

import atexit
import gc
import os


def main() -> int:
    """Run the command line with the arguments of the process; return the exit code.

    Ctrl-C prints one line even while the modules are still being imported.
    """
    # A run is short and makes few cycles, and ten thousand bindings are many objects.
    # Looking for garbage, at the end too, would take an eighth of the time of a small run.
    gc.disable()
    atexit.register(gc.freeze)
    try:
        from sslbind.cli import entry

        return entry.main()
    except KeyboardInterrupt:
        os.write(2, b"hint: interrupted\n")
        return 130
