"""``python -m sslbind`` is the command ``sslbind``."""

import sys

from sslbind.cli.main import main

sys.exit(main())
