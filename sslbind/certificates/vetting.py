"""The process that opens one PFX file instead of the one that must not hang; see ``opening``."""

from __future__ import annotations

import base64
import contextlib
import json
import sys

from sslbind.certificates import opening
from sslbind.certificates.parsing import read_bundle
from sslbind.certificates.sealed import sealed_of
from sslbind.errors import SslbindError


def answer() -> None:
    """Open the file that ``opening.check`` sends; print ``opened`` if a password is right."""
    opening.open_here()
    data, *passwords = map(base64.b64decode, json.loads(sys.stdin.buffer.read()))
    with contextlib.suppress(SslbindError):
        read_bundle(data, passwords)
        sealed = sealed_of(data)
        if sealed is not None and sealed.mac:  # otherwise another password may open another part
            sys.stdout.write("opened")
