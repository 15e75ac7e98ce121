"""The real HAProxy on the loopback interface, for the tests that serve what they resolve."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import random
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from tools import needs

DEADLINE = 60.0  # seconds; the machine may be busy with other tests


def free_ports(count: int) -> list[int]:
    """Return ports below the range that the system hands out, so that nobody takes them between."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("0.0.0.0", port))
            found.append(port)
    return found


def accepted(configuration: Path) -> None:
    """Hold that HAProxy takes the configuration, and has nothing to warn of."""
    done = subprocess.run(
        [needs("haproxy"), "-c", "-f", configuration],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@contextlib.contextmanager
def serving(configuration: Path, *places: tuple[str, int]) -> Iterator[None]:
    """Run HAProxy until the block ends; it listens on ``places`` when the block begins."""
    command = [needs("haproxy"), "-f", str(configuration)]
    with subprocess.Popen(command, cwd="/", stderr=subprocess.PIPE) as process:
        try:
            for place in places:
                wait_for(place, process)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=DEADLINE)


def wait_for(place: tuple[str, int], process: subprocess.Popen[bytes] | None = None) -> None:
    """Return when somebody listens on a place; fail where ``process`` ends, or time does."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(place, timeout=5):
            return
        if process is not None and process.poll() is not None and process.stderr is not None:
            raise AssertionError(process.stderr.read().decode())
        time.sleep(0.02)
    raise AssertionError(f"nobody listens on {place}")


def client(*, rsa_only: bool = False, only: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a client that takes every certificate, and every version or ``only`` one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = only or ssl.TLSVersion.TLSv1
        context.maximum_version = only or ssl.TLSVersion.MAXIMUM_SUPPORTED
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256" if rsa_only else "DEFAULT:@SECLEVEL=0")
    if rsa_only:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def seen(context: ssl.SSLContext, address: str, port: int, name: str | None) -> str:
    """Return the thumbprint that a client is shown, ``-`` where the handshake fails."""
    with warnings.catch_warnings():
        # Python leaves a socket open whose peer resets it before it is wrapped.
        warnings.simplefilter("ignore", ResourceWarning)
        return _handshake(context, address, port, name)


def _handshake(context: ssl.SSLContext, address: str, port: int, name: str | None) -> str:
    try:
        with (
            socket.create_connection((address, port), timeout=DEADLINE) as connection,
            # With the handshake inside, Python leaves a socket open that was reset before it.
            context.wrap_socket(
                connection, server_hostname=name, do_handshake_on_connect=False
            ) as secured,
        ):
            secured.do_handshake()
            der = secured.getpeercert(binary_form=True)
            assert der is not None
            return hashlib.sha1(der, usedforsecurity=False).hexdigest()
    except (ConnectionError, ssl.SSLError):
        return "-"
    except OSError as error:
        if error.errno != errno.ENOTCONN:  # reset before the handshake began
            raise
        return "-"
