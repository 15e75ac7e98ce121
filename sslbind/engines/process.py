"""HAProxy as a child process: start, reload, stop.

The master-worker mode (``-W``, management guide, section 4) reloads on SIGUSR2:
a new worker takes over and the old one exits. With an invalid configuration the
old worker stays.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Self

from sslbind.errors import SslbindError, reason
from sslbind.files import read_file, write_own

PROGRAM = "haproxy"
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin")
_INSTALLERS = {
    "apt-get": "sudo apt-get install haproxy",
    "dnf": "sudo dnf install haproxy",
    "zypper": "sudo zypper install haproxy",
    "apk": "sudo apk add haproxy",
    "pacman": "sudo pacman -S haproxy",
    "brew": "brew install haproxy",
}
_PR_SET_PDEATHSIG = 1
_STARTING, _STOPPING = 30.0, 10.0  # seconds
_OURS = b"global\n    hard-stop-after 5s\n"
"""A second configuration file: after a reload the old worker has five seconds to finish."""
_ALERT = re.compile(r"^\[ALERT\]\s+\(\d+\)\s*:\s*(?:config\s*:\s*)?(.*)$", re.MULTILINE)


def find_haproxy() -> str:
    """Return the path of HAProxy; raise SslbindError, with the command that installs it."""
    search = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    found = shutil.which(PROGRAM, path=search)
    if found is not None:
        return found
    if sys.platform == "win32":
        raise SslbindError(
            f"{PROGRAM} is not available for Windows",
            "run sslbind serve in WSL: wsl --install -d Debian, then apt-get install haproxy",
        )
    ways = [way for tool, way in _INSTALLERS.items() if shutil.which(tool)]
    raise SslbindError(
        f"{PROGRAM} is not installed",
        *(ways[:1] or ["install the package haproxy; https://www.haproxy.org has it"]),
    )


def _opened(path: str, flags: int) -> int:
    """Open a file that is there, and not a link: the folder may be below one of another user."""
    return os.open(path, flags & ~os.O_CREAT | getattr(os, "O_NOFOLLOW", 0))


class Haproxy:
    """One HAProxy with the configuration file ``main``, running inside a ``with`` block.

    Raises SslbindError with HAProxy's own message if it does not start.
    """

    def __init__(self, program: str, main: str) -> None:
        self._program = program
        self._main = main
        self._ours = os.path.join(os.path.dirname(main), "serve.cfg")
        self._log = os.path.join(os.path.dirname(main), "haproxy.log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        write_own(*os.path.split(self._ours), _OURS, sync=False)
        write_own(*os.path.split(self._log), b"", sync=False)
        self._check()
        try:
            with open(self._log, "ab", opener=_opened) as log:
                self._process = subprocess.Popen(  # noqa: S603  # no word of it is data
                    [self._program, "-W", *self._files],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C only reaches this process, which stops HAProxy
                    preexec_fn=_ending_with_us(),  # noqa: PLW1509  # it calls the system only
                )
        except OSError as error:
            raise SslbindError(f"{self._program} does not start: {reason(error)}") from None
        try:
            self._wait()
        except BaseException:  # not even a signal leaves a child behind
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def reload(self) -> None:
        """Let a new worker serve the current files; raise SslbindError if HAProxy refuses them."""
        self._check()
        if self._process is not None and sys.platform != "win32":
            self._process.send_signal(signal.SIGUSR2)

    def check_alive(self) -> None:
        """Raise SslbindError if it has exited."""
        if self._process is not None and self._process.poll() is not None:
            raise SslbindError(f"{PROGRAM} exited: {self._words()}")

    @property
    def _files(self) -> tuple[str, ...]:
        return "-f", self._main, "-f", self._ours

    def _check(self) -> None:
        done = subprocess.run(  # noqa: S603  # no word of it is data
            [self._program, "-c", *self._files], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SslbindError(f"{PROGRAM} refuses the configuration: {_alerts(done.stderr)}")

    def _wait(self) -> None:
        """Return when it listens: a worker is started after every address is bound."""
        end = time.monotonic() + _STARTING
        while time.monotonic() < end:
            self.check_alive()
            if re.search(rb"worker.*forked", read_file(self._log)):
                return
            time.sleep(0.02)
        raise SslbindError(f"{PROGRAM} does not start within {_STARTING:.0f} seconds")

    def _words(self) -> str:
        return _alerts(read_file(self._log).decode("utf-8", "replace"))

    def _stop(self) -> None:
        """Terminate the master with its workers; kill them if they do not exit in time."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOPPING)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if sys.platform != "win32":
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ending_with_us() -> Callable[[], None] | None:
    """Return what a child runs so that it ends if this process is killed, None if unsupported.

    Linux sends it a signal then: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    libc, us = ctypes.CDLL(None), os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:  # it has been killed
            os._exit(1)

    return ask


def _alerts(text: str) -> str:
    """Return HAProxy's error messages in one line."""
    found = [one.strip() for one in _ALERT.findall(text)]
    kept = [one for one in found if one and not one.startswith(("Fatal", "Error(s)"))]
    return "; ".join((kept or text.strip().splitlines()[-1:] or ["no message"])[:3])
