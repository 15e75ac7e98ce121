"""The parsers against 20,000 hostile inputs each; ``tests/fuzz.py --count`` feeds them more."""

from __future__ import annotations

import os
from pathlib import Path

import fuzz
import pytest

START = 20_000 if os.environ.get("CI") else int.from_bytes(os.urandom(4), "big")


@pytest.mark.slow
@pytest.mark.parametrize("parser", [*fuzz.parsers(Path())])
def test_nothing_but_sentences(parser: str, tmp_path: Path) -> None:
    """Nothing but an SslbindError leaves a parser; seeds are new where CI is not set."""
    assert fuzz.run(parser, fuzz.parsers(tmp_path)[parser], START, 20_000), f"--start {START}"
