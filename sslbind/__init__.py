"""TLS bindings of HTTP.SYS as a file: the library behind the command ``sslbind``.

``Registry`` is the file, ``Binding`` a record in it, ``Key`` identifies the record, and
``Session`` is a registry with its release and certificate stores, which every command works
on. A name is imported on first use, so that the command line pays only for what it needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the names of PUBLIC, for type checkers; a test compares the two
    from sslbind.answers.table import Table as Table
    from sslbind.binding import Binding as Binding
    from sslbind.certificates.stores import CertStores as CertStores
    from sslbind.check.finding import Finding as Finding
    from sslbind.checking import check_registry as check_registry
    from sslbind.comparison import compare as compare
    from sslbind.comparison import server_state as server_state
    from sslbind.errors import NetshError as NetshError
    from sslbind.errors import RegistryError as RegistryError
    from sslbind.errors import SslbindError as SslbindError
    from sslbind.expiry import expiry_rows as expiry_rows
    from sslbind.exporting import export_changes as export_changes
    from sslbind.exporting import export_registry as export_registry
    from sslbind.formats.iis.read_sites import read_sites as read_sites
    from sslbind.importing import apply_import as apply_import
    from sslbind.importing import plan_import as plan_import
    from sslbind.imports import Import as Import
    from sslbind.inventory import delete_entries as delete_entries
    from sslbind.inventory import find_entries as find_entries
    from sslbind.inventory import verify_entries as verify_entries
    from sslbind.keys import Key as Key
    from sslbind.keys import infer_key as infer_key
    from sslbind.keys import parse_key as parse_key
    from sslbind.passwords import Passwords as Passwords
    from sslbind.probing.connections import connections_of as connections_of
    from sslbind.probing.verdict import Prober as Prober
    from sslbind.provisioning import bind_certificate as bind_certificate
    from sslbind.provisioning import read_identities as read_identities
    from sslbind.rebinding import rebind as rebind
    from sslbind.registry.registry import Registry as Registry
    from sslbind.release import Release as Release
    from sslbind.renewal import Renewal as Renewal
    from sslbind.renewal import RenewalRequest as RenewalRequest
    from sslbind.renewal import renew as renew
    from sslbind.resolver import Answer as Answer
    from sslbind.resolver import State as State
    from sslbind.resolver import resolve as resolve
    from sslbind.selection import select_bindings as select_bindings
    from sslbind.session import Change as Change
    from sslbind.session import Session as Session
    from sslbind.sources import open_registry as open_registry
    from sslbind.sources import parse_source as parse_source
    from sslbind.sources import read_source as read_source
    from sslbind.version import VERSION as __version__  # noqa: N811

PUBLIC = {
    "Answer": "resolver",
    "Binding": "binding",
    "CertStores": "certificates.stores",
    "Change": "session",
    "Finding": "check.finding",
    "Import": "imports",
    "Key": "keys",
    "NetshError": "errors",
    "Passwords": "passwords",
    "Prober": "probing.verdict",
    "Registry": "registry.registry",
    "RegistryError": "errors",
    "Release": "release",
    "Renewal": "renewal",
    "RenewalRequest": "renewal",
    "Session": "session",
    "SslbindError": "errors",
    "State": "resolver",
    "Table": "answers.table",
    "apply_import": "importing",
    "bind_certificate": "provisioning",
    "check_registry": "checking",
    "compare": "comparison",
    "connections_of": "probing.connections",
    "delete_entries": "inventory",
    "expiry_rows": "expiry",
    "export_changes": "exporting",
    "export_registry": "exporting",
    "find_entries": "inventory",
    "infer_key": "keys",
    "open_registry": "sources",
    "parse_key": "keys",
    "parse_source": "sources",
    "plan_import": "importing",
    "read_identities": "provisioning",
    "read_sites": "formats.iis.read_sites",
    "read_source": "sources",
    "rebind": "rebinding",
    "renew": "renewal",
    "resolve": "resolver",
    "select_bindings": "selection",
    "server_state": "comparison",
    "verify_entries": "inventory",
}
"""Every public name, and the module that has it. Only these are the library's interface."""

__all__ = [*PUBLIC, "__version__"]  # noqa: PLE0604  # all of them are strings


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("sslbind.version").VERSION
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"sslbind.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
