"""TLS bindings of HTTP.SYS as a file: the library behind the command ``sslbind``.

``Registry`` is the file, ``Binding`` a record in it, ``Key`` what the record is
found by, and ``Session`` carries out what the commands do; ``resolve`` says who
answers a connection. Names are imported when they are first used, so that the
command line pays for what it needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sslbind.binding import Binding
    from sslbind.certificates.stores import CertStores
    from sslbind.errors import NetshError, RegistryError, SslbindError
    from sslbind.keys import Key, infer_key, parse_key
    from sslbind.registry.registry import Registry
    from sslbind.release import Release
    from sslbind.resolver import Answer, State, resolve
    from sslbind.session import Change, Session

__version__: str

_HOMES = {
    "Answer": "resolver",
    "Binding": "binding",
    "CertStores": "certificates.stores",
    "Change": "session",
    "Key": "keys",
    "NetshError": "errors",
    "Registry": "registry.registry",
    "RegistryError": "errors",
    "Release": "release",
    "Session": "session",
    "SslbindError": "errors",
    "State": "resolver",
    "infer_key": "keys",
    "parse_key": "keys",
    "resolve": "resolver",
}

__all__ = [
    "Answer",
    "Binding",
    "CertStores",
    "Change",
    "Key",
    "NetshError",
    "Registry",
    "RegistryError",
    "Release",
    "Session",
    "SslbindError",
    "State",
    "__version__",
    "infer_key",
    "parse_key",
    "resolve",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("sslbind.version").VERSION
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"sslbind.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
