"""Put the man pages and completions into the wheel: where shells look, and inside the package.

A hook, because ``shared-data`` takes a whole folder or files by name, and a
list of the pages in ``pyproject.toml`` would be one more to keep.
https://hatch.pypa.io/latest/plugins/build-hook/custom/
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHARED = {
    "completions/sslbind.bash": "share/bash-completion/completions/sslbind",
    "completions/_sslbind": "share/zsh/site-functions/_sslbind",
    "completions/sslbind.fish": "share/fish/vendor_completions.d/sslbind.fish",
}
INSIDE = "sslbind/_data"


class PagesAndCompletions(BuildHookInterface[Any]):
    """Add ``man/*.1`` and ``completions/*`` to a wheel that is no editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # the folders of the checkout are found as they are
            return
        top = Path(self.root)
        shared = {str(top / source): target for source, target in SHARED.items()}
        inside = {str(p): f"{INSIDE}/completions/{p.name}" for p in top.glob("completions/*")}
        for page in sorted(top.glob("man/*.1")):
            shared[str(page)] = f"share/man/man1/{page.name}"
            inside[str(page)] = f"{INSIDE}/man/{page.name}"
        build_data["shared_data"].update(shared)
        build_data["force_include"].update(inside)
