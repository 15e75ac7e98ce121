"""Feed every parser with hostile bytes: ``python tests/fuzz.py [--count N] [PARSER …]``.

Each parser gets random bytes, and real documents that were cut, glued, repeated
and changed. Whatever comes, nothing but an SslbindError may leave it. What breaks
one is made shorter and printed; the exit code is 1 then. ``--start`` repeats a run.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from sslbind.answers.clienthello import hello_name
from sslbind.certificates.parsing import read_bundle
from sslbind.certificates.sealed import sealed_of
from sslbind.errors import SslbindError
from sslbind.explanations.pasted import explain_text
from sslbind.formats import formats
from sslbind.formats.encoding import decode_text
from sslbind.formats.format import Format
from sslbind.formats.iis.read_sites import read_sites
from sslbind.grammar import command_words, parse_words, read_key, split_line
from sslbind.planning.saved import read_saved
from sslbind.registry.registry import Registry
from sslbind.release import DEFAULT_RELEASE
from sslbind.targets import read_targets

HERE = Path(__file__).parent
INPUTS = 100_000
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
Parser = Callable[[bytes], None]


APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
DOCUMENTS = {
    "registry": f"""\
version = 1
windows = "2022"
iplisten = ["10.0.0.5", '::1']

[CertStores]
path = "certs"
privatekeys = "here"

[CentralCertProvider]
Enabled = true

# the default
[SslBindingInfo."0.0.0.0:443"]
certhash = "{"a" * 40}"
appid = "{APPID}"
certstorename = '''MY'''

[SslBindingInfo."0.0.0.0:443".Other]
DefaultFlags = 0x8000
list = [1.5, {{a = 1979-05-27, b.c = "\\u00fc"}}, [true]]

[SslSniBindingInfo]
"www.contoso.com:443" = {{certhash = "{"b" * 40}", appid = "{APPID}", certstorename = "MY"}}

[[Suppress]]
rule = "ip-shadows-sni"
reason = \"\"\"over
lines\"\"\"
until = 2027-01-31
""",
    "targets": """\
version = 1

[defaults]
timeout = 30
jobs = 4

[Target.web01]
transport = "ssh"
host = "web01.contoso.com"
groups = ["web", "all-of-them"]
probe = ["10.0.0.5:443"]

[Target.lab]
transport = "command"
netsh = ["netsh", "-x"]
""",
    "plan": f"""\
{{"version": 1, "format": "sslbind plan", "prune": false, "targets": [{{"target": "web01",
"status": "changes", "seen": "a1", "wanted": null, "done": 0, "message": "", "changes":
[{{"action": "add", "kind": "ipport", "key": "0.0.0.0:443", "tags": {{"certhash": "{"a" * 40}",
"sslflags": 0}}}}], "missing": [], "notes": [{{"kind": "note", "message": "", "names": []}}]}}]}}
""",
    "line": f"""\
netsh http add sslcert hostnameport=www.contoso.com:443 certhash={"a" * 40} appid={APPID}
certstorename="MY" verifyclientcertrevocation=disable sslctlstorename=CA usagecheck=enable
""",
    "explain": f"""\
Error: 1312 A specified logon session does not exist. NET::ERR_CERT_DATE_INVALID 0x80090325
Event ID 15021 Source HttpEvent endpoint 0.0.0.0:444 sslFlags=33 {APPID} SSL alert 48 36887
""",
}
"""Documents of the formats that have no fixture."""


def corpus() -> list[bytes]:
    """Return the documents that inputs are made of: every fixture, and these."""
    folders = [HERE / "golden", HERE / "captures", HERE / "golden" / "sites"]
    files = sorted(path for folder in folders for path in folder.iterdir() if path.is_file())
    return [*(path.read_bytes() for path in files), *own("certificate")] + [
        document.encode() for document in DOCUMENTS.values()
    ]


def own(parser: str) -> list[bytes]:
    """Return documents that one parser reads, of which half of its inputs are made."""
    if parser != "certificate":
        return [DOCUMENTS[parser].encode()] if parser in DOCUMENTS else []
    key = Ed25519PrivateKey.from_private_bytes(b"fuzz" * 8)  # no two runs differ
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.contoso.com")])
    names = x509.SubjectAlternativeName([x509.DNSName("www.contoso.com")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, START, END, [])
    certificate = builder.add_extension(names, critical=False).sign(key, None)
    rounds = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(1).build(b"password")
    return [
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate.public_bytes(Encoding.DER),
        serialize_certificates([certificate], Encoding.DER),
        serialize_key_and_certificates(b"a", key, certificate, [certificate], NoEncryption()),
        serialize_key_and_certificates(b"a", key, certificate, None, rounds),
    ]


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

    def targets(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(SslbindError):
            read_targets(str(file))

    def plan(data: bytes) -> None:
        file.write_bytes(data)
        with contextlib.suppress(SslbindError):
            read_saved(str(file))

    def line(data: bytes) -> None:
        with contextlib.suppress(SslbindError):
            words = split_line(text_of(data))
            verb, word, rest = command_words(words)
            if not verb:
                verb, word, rest = "update", "sslcert", words
            read_key(word, parse_words(verb, word, rest))

    def certificate(data: bytes) -> None:
        sealed_of(data)
        with contextlib.suppress(SslbindError):
            read_bundle(data, [b"password"], keep_locked=True)

    others: dict[str, Parser] = {
        "sites": sites,
        "registry": registry,
        "clienthello": tolerant(hello_name),
        "targets": targets,
        "plan": plan,
        "line": line,
        "certificate": certificate,
        "explain": tolerant(lambda data: explain_text(text_of(data), DEFAULT_RELEASE)),
    }
    return {one.name: text_parser(one) for one in formats().values() if one.read} | others


def text_of(data: bytes) -> str:
    """Return bytes as a command line has them."""
    return data.decode("utf-8", "surrogateescape")


def tolerant(parse: Callable[[bytes], object]) -> Parser:
    """Return a parser that may raise an SslbindError."""

    def tolerate(data: bytes) -> None:
        with contextlib.suppress(SslbindError):
            parse(data)

    return tolerate


def inputs(parser: str, start: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` inputs, the same for the same ``start``: most of them mutated documents."""
    documents = corpus()
    known = own(parser) or documents
    for seed in range(start, start + count):
        if seed % 8:
            yield mutated(seed, known if seed % 2 else documents)
        else:
            yield Random(seed).randbytes(seed // 8 % 300)


def broken(parse: Parser, data: bytes) -> type[Exception] | None:
    """Return what leaves the parser that must not, None if it holds."""
    try:
        parse(data)
    except Exception as error:  # noqa: BLE001  # this is what the script looks for
        return type(error)
    return None


def shrunk(parse: Parser, data: bytes, error: type[Exception]) -> bytes:
    """Return a short part of ``data`` that breaks the parser in the same way."""
    size = len(data)
    while size:
        size //= 2
        for start in range(0, len(data), size or 1):
            shorter = data[:start] + data[start + (size or 1) :]
            if broken(parse, shorter) is error:
                data, size = shorter, len(shorter)
                break
    return data


def run(name: str, parse: Parser, start: int, count: int) -> bool:
    """Feed one parser; return whether it held."""
    for data in inputs(name, start, count):
        error = broken(parse, data)
        if error is not None:
            shortest = shrunk(parse, data, error)
            print(repr(shortest))
            try:
                parse(shortest)
            except error:
                traceback.print_exc()
            return False
    return True


def main() -> int:
    """Run the parsers that are asked for."""
    arguments = argparse.ArgumentParser(description="Feed every parser with hostile bytes.")
    arguments.add_argument("--count", type=int, default=INPUTS, help="inputs for each parser")
    arguments.add_argument("--start", type=int, default=None, help="the first seed; else a new one")
    arguments.add_argument("parsers", nargs="*", metavar="PARSER")
    options = arguments.parse_args()
    if options.start is None:
        options.start = int.from_bytes(os.urandom(5), "big")
    print(f"seeds from {options.start}")
    held = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # what the user's cache remembers is left alone
        known = parsers(Path(folder))
        for name in options.parsers or known:
            start = time.monotonic()
            good = run(name, known[name], options.start, options.count)
            seconds = time.monotonic() - start
            print(f"{name}: {options.count} inputs, {seconds:.0f} s, {'held' if good else 'BROKE'}")
            sys.stdout.flush()
            held = held and good
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
