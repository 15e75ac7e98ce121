"""One line for Nagios, Icinga, Checkmk and similar systems, with performance data.

The format: https://nagios-plugins.org/doc/guidelines.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sslbind.printable import printable

OK, WARNING, CRITICAL, UNKNOWN = range(4)
"""What the exit codes of a plugin mean."""
_WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_LONGEST = 600
"""Characters of a line's text; old servers truncate at 1,024 bytes and lose performance data."""
_SPECIAL = "|<>&$`"  # "|" starts performance data; a notification's shell or page may read the rest


def line(
    status: int, text: str, performance: Mapping[str, Sequence[float | str]] | None = None
) -> str:
    """Return the line; ``performance`` has value, warning, critical, minimum … by label.

    A range such as ``30:``, which alerts below 30, is text.
    """
    safe = "".join(f"\\x{ord(c):02x}" if c in _SPECIAL else c for c in printable(text))
    if len(safe) > _LONGEST:
        safe = f"{safe[: _LONGEST - 2]} …"
    data = " ".join(
        f"{label}={';'.join(one if isinstance(one, str) else f'{one:g}' for one in values)}"
        for label, values in (performance or {}).items()
    )
    return f"SSLBIND {_WORDS[status]} - {safe}" + (f" | {data}" if data else "") + "\n"
