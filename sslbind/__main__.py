"""``python -m sslbind`` is the command ``sslbind``."""

from sslbind.cli import run

run()
