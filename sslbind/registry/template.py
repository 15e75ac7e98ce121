"""The start of a new registry: its text, and the folder of its certificate stores."""

from __future__ import annotations

from typing import Literal

from sslbind.errors import RegistryError, reason
from sslbind.files import ignore_keys
from sslbind.folders import make_folder
from sslbind.registry.document import VERSION
from sslbind.release import Release

_HEAD = """\
# TLS bindings of one server, or of servers that are alike: see `man sslbind`.
version = {version}
windows = "{release}"
iplisten = []
"""
_STORES = "\n[CertStores]\npath = {}\n"
_ELSEWHERE = 'privatekeys = "elsewhere"\n'


def new_text(
    release: Release, keys: Literal["here", "elsewhere"] | None = "here", stores: str = "certs"
) -> str:
    """Return the text of a registry without bindings.

    ``keys`` says where the private keys are; None leaves ``[CertStores]`` out,
    so that certificates are not modelled. ``stores`` is the stores' folder,
    relative to the registry's.
    """
    text = _HEAD.format(version=VERSION, release=release)
    if keys is None:
        return text
    from sslbind.registry.splice import render_value

    return text + _STORES.format(render_value(stores)) + (_ELSEWHERE if keys == "elsewhere" else "")


def make_stores(folder: str) -> None:
    """Create the folder of the stores, with a .gitignore for private keys; raise RegistryError."""
    try:
        make_folder(folder)
        ignore_keys(folder)
    except OSError as error:
        raise RegistryError(f"cannot be created: {reason(error)}", file=folder) from None
