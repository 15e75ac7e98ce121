"""The documents that bindings are written in and read from: a module each, a folder a family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sslbind.formats.format import Format


def formats() -> Mapping[str, Format]:
    """Return every format by its name, in the order in which documents are tried."""
    import importlib
    import pkgutil

    modules = (
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(__path__, f"{__name__}.")
    )
    found = [module.FORMAT for module in modules if hasattr(module, "FORMAT")]
    return {one.name: one for one in sorted(found, key=lambda one: (one.rank, one.name))}
