"""``python -m sslbind`` is the command ``sslbind``."""

import sys

from sslbind.cli.entry import main

sys.exit(main())
