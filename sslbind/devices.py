"""Names that Windows reserves for devices: opening one does not open a file.

They are reserved in every folder, in any case, with any extension (Naming Files, Paths, and
Namespaces). A registry is shared between systems, so they are refused on all of them.
"""

from __future__ import annotations

import re

# nul, COM1.pfx, conin$
_DEVICE = re.compile(
    "(?:con|prn|aux|nul|conin\\$|conout\\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:[.:].*)?",
    re.IGNORECASE | re.DOTALL,
)
DEVICE = "cannot be created: it is the name of a device on Windows"
"""What is wrong with such a name for a file or a folder."""


def is_device(name: str) -> bool:
    """Whether ``name``, one component of a path, is a device on Windows: ``NUL``, ``com1.pfx``."""
    return _DEVICE.fullmatch(name) is not None
