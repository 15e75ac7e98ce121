"""``python -m sslbind`` is the command ``sslbind``."""

import sys

from sslbind.cli import main

sys.exit(main())
