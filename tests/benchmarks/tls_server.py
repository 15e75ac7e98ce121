"""A real server for the benchmark of ``probe``, and the handshakes that any client must make."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

BARE = """\
import hashlib, socket, ssl, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for number in range(count):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        name = f"www{number}.contoso.com"
        with context.wrap_socket(connection, server_hostname=name) as secured:
            hashlib.sha1(secured.getpeercert(binary_form=True)).hexdigest()
"""
"""The same connections in a bare loop over ``ssl``, and nothing else."""


@contextlib.contextmanager
def serving(folder: Path, certificate: Path, key: Path) -> Iterator[int | None]:
    """Serve one certificate to everybody with nginx; give the port, None if there is no nginx."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        yield None
        return
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"pid {folder}/nginx.pid; daemon off; master_process off; events {{}}\n"
        f"http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port} ssl;"
        f" ssl_certificate {certificate}; ssl_certificate_key {key}; }} }}\n"
    )
    server = subprocess.Popen([nginx, "-c", config, "-p", folder, "-e", folder / "error.log"])
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10):
                break
            time.sleep(0.02)
        yield port
    finally:
        server.terminate()
        server.wait(60)
