"""The command line: the only place that knows click, rich, streams and exit codes."""

from __future__ import annotations

from sslbind.cli.entry import main

__all__ = ["main"]
