"""The command on a terminal of a given width: what a person sees."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TERMINAL = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def on_terminal(columns: int, *words: str, cwd: Path, colour: bool = False) -> str:
    """Return what the command writes to a terminal that is so many columns wide."""
    import fcntl
    import pty
    import struct
    import termios

    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONIOENCODING": "utf-8",
    }
    environment.pop("COLUMNS", None)
    environment.pop("NO_COLOR", None)
    environment |= {} if colour else {"NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "sslbind", *words],
        cwd=cwd, env=environment, stdin=its, stdout=its, stderr=its,
    ) as process:  # fmt: skip
        os.close(its)
        written = bytearray()
        try:
            while data := os.read(ours, 65536):
                written += data
        except OSError:  # EIO: the other end is closed
            pass
        process.wait(timeout=60)
    os.close(ours)
    return written.decode().replace("\r\n", "\n")
