"""Try every property with new examples: ``python tests/fresh.py [--examples N] [--seed N] [-- …]``.

A landing repeats the same examples, so that it does not depend on luck; this
looks for what they miss. The seed that is printed gives the same examples again,
in any order and for any choice of tests: words after ``--`` are for pytest, as
``-- tests/test_keys.py``. What breaks becomes an ``@example`` of its test.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from pathlib import Path

from examples import VARIABLE

EXAMPLES = 500


def main() -> int:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="for each property")
    parser.add_argument("--seed", type=int, help="of a run to repeat (default: a new one)")
    parser.add_argument("words", nargs="*", metavar="WORD", help="for pytest")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.examples} examples a property", flush=True)
    environment = {**os.environ, VARIABLE: str(asked.examples)}
    environment.pop("CI", None)  # there, examples are always the same
    words = ["-q", "-n", "auto", "-m", "hypothesis", f"--hypothesis-seed={seed}", *asked.words]
    top = Path(__file__).parent.parent
    code = subprocess.call([sys.executable, "-m", "pytest", *words], cwd=top, env=environment)
    print(f"again: python tests/fresh.py --examples {asked.examples} --seed {seed}")
    return code


if __name__ == "__main__":
    sys.exit(main())
