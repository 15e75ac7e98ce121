"""Feed every parser with hostile bytes: ``python tests/fuzz.py [--inputs N] [PARSER …]``.

Each parser gets random bytes, and real documents that were cut, glued, repeated
and changed. Whatever comes, nothing but an SslbindError may leave it. Hypothesis
shrinks what breaks one; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sslbind.answers.clienthello import hello_name
from sslbind.errors import SslbindError
from sslbind.formats import formats
from sslbind.formats.encoding import decode_text
from sslbind.formats.format import Format
from sslbind.formats.iis.read_sites import read_sites
from sslbind.registry.registry import Registry

HERE = Path(__file__).parent
INPUTS = 100_000
Parser = Callable[[bytes], None]


def corpus() -> list[bytes]:
    """Return the documents that inputs are made of: every fixture there is."""
    folders = [HERE / "golden", HERE / "captures", HERE / "golden" / "sites"]
    files = sorted(path for folder in folders for path in folder.iterdir() if path.is_file())
    return [path.read_bytes() for path in files]


def mutated(seed: int, documents: list[bytes]) -> bytes:
    """Return a document of ``documents`` after a few changes that ``seed`` chooses."""
    random = Random(seed)
    data = bytearray(random.choice(documents)[: random.choice((200, 2000, 20_000))])
    for _ in range(random.randint(1, 8)):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.choice((1, 2, 8, 64)))
        other = random.choice(documents)
        cut = random.randrange(len(other))
        data[start:end] = random.choice((
            data[start:end] * random.choice((0, 2, 9)),
            random.randbytes(end - start),
            other[cut : cut + random.choice((1, 8, 64, 512))],
            random.choice((b'"', b"\n", b"\0", b"\xff", b":", b"<", b"&x;", b"{", b"[")),
        ))  # fmt: skip
    return bytes(data)


def text_parser(one: Format) -> Parser:
    """Return what ``import`` does with the bytes of a file in one format."""

    def parse(data: bytes) -> None:
        with contextlib.suppress(SslbindError):
            text = decode_text(data, "file")
            assert one.detect is not None and one.read is not None
            one.detect(text)
            one.read(text, "file")

    return parse


def parsers(folder: Path) -> dict[str, Parser]:
    """Return every parser by its name; ``folder`` is for those that read files."""
    file = folder / "file"

    def sites(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(SslbindError):
            read_sites(file)

    def registry(data: bytes) -> None:
        with contextlib.suppress(SslbindError):
            len(Registry(data, "file").bindings)

    def hello(data: bytes) -> None:
        with contextlib.suppress(SslbindError):
            hello_name(data)

    found = {one.name: text_parser(one) for one in formats().values() if one.read}
    return {**found, "sites": sites, "registry": registry, "clienthello": hello}


def run(parse: Parser, inputs: int) -> bool:
    """Feed one parser; return whether it held."""
    documents = corpus()
    data = st.binary(max_size=300) | st.integers(0, 2**63).map(
        lambda seed: mutated(seed, documents)
    )
    try:
        settings(
            max_examples=inputs,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(given(data)(parse))()
    except Exception:  # noqa: BLE001  # this is what the script looks for
        traceback.print_exc()
        return False
    return True


def main() -> int:
    """Run the parsers that are asked for."""
    arguments = argparse.ArgumentParser(description="Feed every parser with hostile bytes.")
    arguments.add_argument("--inputs", type=int, default=INPUTS, help="inputs for each parser")
    arguments.add_argument("parsers", nargs="*", metavar="PARSER")
    options = arguments.parse_args()
    held = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # what the user's cache remembers is left alone
        known = parsers(Path(folder))
        for name in options.parsers or known:
            start = time.monotonic()
            good = run(known[name], options.inputs)
            seconds = time.monotonic() - start
            print(
                f"{name}: {options.inputs} inputs, {seconds:.0f} s, {'held' if good else 'BROKE'}"
            )
            sys.stdout.flush()
            held = held and good
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
