"""How fast it is, in ratios that hold on any machine: ``python tests/benchmarks/run.py``.

F is a process that does ``import click``; T is ``tomllib.loads`` of the file in
question. Everything is measured in turns in one run, and each ratio is that of
the fastest times, which other work on the machine disturbs least. With
``--check`` the exit code is 1 if a limit is missed.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleets import figures
from large import EVERYTHING
from large import figures as large
from tls_server import BARE, serving

FEW, MANY, MOST, CERTIFICATES = 10, 10_000, 100_000, 1_000
APPID = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
TURNS = 15
SCRIPT = 2.0 if sys.version_info >= (3, 13) else 2.5
"""The limit of a script of 10,000 adds in T, which is longer on 3.13."""
IMPORT = 2.0 if sys.version_info >= (3, 13) else 3.5
"""That of a capture of 10,000 records."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is, its value, what it must not and what it should not exceed."""

    what: str
    value: float
    limit: float
    aim: float


def make_certificates(folder: Path, count: int) -> list[str]:
    """Put self-signed certificates with one key into ``folder``; return their thumbprints."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(parents=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    now = datetime.now(UTC)
    thumbprints = []
    for number in range(count):
        name = f"www{number}.contoso.com"
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), number + 1)
        builder = builder.not_valid_before(now).not_valid_after(now + timedelta(90))
        san = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = builder.add_extension(san, critical=False).sign(key, hashes.SHA256())
        thumbprint = certificate.fingerprint(hashes.SHA1()).hex()
        (folder / f"{thumbprint}.pem").write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
        )
        (folder / f"{thumbprint}.key").write_bytes(pem)
        (folder / f"{thumbprint}.key").chmod(0o600)
        thumbprints.append(thumbprint)
    return thumbprints


def make_registry(path: Path, count: int, thumbprints: list[str]) -> None:
    """Write a registry of ``count`` names that share the certificates."""
    head = 'version = 1\nwindows = "2022"\niplisten = []\n\n[CertStores]\npath = "certs"\n'
    tables = (
        f'\n[SslSniBindingInfo."www{number}.contoso.com:443"]\n'
        f'certhash = "{thumbprints[number % len(thumbprints)]}"\nappid = "{APPID}"\n'
        'certstorename = "MY"\n'
        for number in range(count)
    )
    path.write_text(head + "".join(tables), newline="\n")


class Bench:
    """The files of one run, and the commands that are measured on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        for name in ("SSLBIND_REGISTRY", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
            self.env.pop(name, None)  # as a program that is installed runs
        self.thumbprints = make_certificates(folder / "certs" / "MY", CERTIFICATES)
        self.paths = {count: folder / f"{count}.toml" for count in (FEW, MANY)}
        for count, path in self.paths.items():
            make_registry(path, count, self.thumbprints)

    def run(self, *args: str | Path) -> float:
        """Return the seconds that a Python process with ``args`` takes; it must succeed."""
        command = [sys.executable, *map(str, args)]
        start = time.perf_counter()
        done = subprocess.run(command, env=self.env, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout.decode()}{done.stderr.decode()}")
        return seconds

    def sslbind(self, registry: Path, *args: str) -> float:
        return self.run("-m", "sslbind", "-q", "-r", registry, *args)

    def show(self, count: int) -> float:
        key = f"hostnameport=www{count // 2}.contoso.com:443"
        return self.sslbind(self.paths[count], "show", "sslcert", key)

    def resolve(self, count: int) -> float:
        words = ("10.0.0.6:443", f"www{count // 2}.contoso.com")
        return self.sslbind(self.paths[count], "resolve", *words)

    def add(self, count: int, number: int) -> float:
        tags = (f"certhash={self.thumbprints[number]}", f"appid={APPID}", "certstorename=MY")
        key = f"hostnameport=new{number}.contoso.com:443"
        return self.sslbind(self.paths[count], "add", "sslcert", key, *tags)

    def everything(self, name: str) -> float:
        """Print every binding with one of the commands that do."""
        return self.sslbind(self.paths[MANY], *EVERYTHING[name])

    def edited(self, number: int) -> float:
        """Show one of 10,000 bindings right after the file was edited by hand."""
        path = self.folder / "edited.toml"
        path.write_text(f"{self.paths[MANY].read_text()}# edit {number}\n", newline="\n")
        return self.sslbind(path, "show", "sslcert", "hostnameport=www5.contoso.com:443")

    def script(self, number: int) -> float:
        """Run a script of 10,000 adds on an empty registry."""
        path, script = self.folder / f"script{number}.toml", self.folder / "adds.netsh"
        make_registry(path, 0, self.thumbprints)
        script.write_text(
            "".join(
                f"http add sslcert hostnameport=www{line}.contoso.com:443"
                f" certhash={self.thumbprints[line % CERTIFICATES]} appid={APPID}"
                " certstorename=MY\n"
                for line in range(MANY)
            )
        )
        return self.sslbind(path, "-f", str(script))

    def capture(self, name: str) -> str:
        """Return the path of a capture of 10,000 records."""
        capture = self.folder / name
        if not capture.exists():
            registry = str(self.paths[MANY])
            command = [sys.executable, "-m", "sslbind", "-r", registry, "show", "sslcert"]
            with capture.open("wb") as file:
                subprocess.run(command, env=self.env, stdout=file, check=True)
        return str(capture)

    def import_(self, number: int) -> float:
        """Import a capture of 10,000 records into a registry that it makes."""
        registry = self.folder / f"import{number}.toml"
        return self.sslbind(registry, "import", self.capture("web01.txt"))

    def diff(self) -> float:
        """Compare two captures of the same 10,000 records."""
        return self.run("-m", "sslbind", "diff", *map(self.capture, ("web01.txt", "web02.txt")))

    def parse(self, path: Path) -> float:
        """Return the seconds of ``tomllib.loads``."""
        text = path.read_text()
        gc.collect()
        start = time.perf_counter()
        tomllib.loads(text)
        return time.perf_counter() - start

    def memory(self, count: int) -> float:
        """Return the largest memory, in bytes, of a process that lists ``count`` bindings."""
        path = self.folder / f"memory{count}.toml"
        make_registry(path, count, self.thumbprints)
        code = (  # not ru_maxrss, which starts from what the parent has
            "import sys\nfrom sslbind.registry.registry import Registry\n"
            "len(Registry.open(sys.argv[1]).bindings)\n"
            "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
        )
        command = [sys.executable, "-c", code, str(path)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True)
        return float(done.stdout) * 1024


def turns(count: int, **measures: Callable[[int], float]) -> dict[str, float]:
    """Measure everything once a turn; return the fastest time of each."""
    best: dict[str, float] = {}
    for turn in range(count):
        for name, measure in measures.items():
            best[name] = min(best.get(name, float("inf")), measure(turn))
    return best


def starts(bench: Bench) -> list[Row]:
    """The commands that people wait for, in starts of a process."""
    for count, path in bench.paths.items():
        make_registry(path, count, bench.thumbprints)  # without what was added, if it is run again
    for count in (FEW, MANY):
        bench.show(count)  # from here on the file is remembered
    bench.resolve(MANY)  # and the certificate
    best = turns(
        TURNS,
        f=lambda _: bench.run("-c", "import click"),
        show_few=lambda _: bench.show(FEW),
        show=lambda _: bench.show(MANY),
        resolve=lambda _: bench.resolve(MANY),
        add_few=lambda turn: bench.add(FEW, turn),
        add=lambda turn: bench.add(MANY, turn),
    )
    return [
        Row("show KEY of 10,000 / F", best["show"] / best["f"], 1.6, 1.4),
        Row("resolve of 10,000 / F", best["resolve"] / best["f"], 1.8, 1.6),
        Row("add to 10,000 / F", best["add"] / best["f"], 2.2, 1.8),
        Row("show KEY: of 10,000 / of 10", best["show"] / best["show_few"], 1.3, 1.2),
        Row("add: to 10,000 / to 10", best["add"] / best["add_few"], 1.3, 1.2),
    ]


def lookups(bench: Bench) -> list[Row]:
    """The library: who answers one connection with SNI, in readings of an address."""
    from ipaddress import ip_address

    from sslbind import Registry, State, resolve

    registry = Registry.open(bench.paths[MANY])
    state = State(registry.settings.release, dict(registry.bindings))
    name = f"www{MANY // 2}.contoso.com"

    def seconds(call: Callable[[], object]) -> float:
        start = time.perf_counter()
        for _ in range(2_000):
            call()
        return time.perf_counter() - start

    best = turns(
        TURNS,
        address=lambda _: seconds(lambda: ip_address("10.0.0.6")),
        lookup=lambda _: seconds(lambda: resolve(state, "10.0.0.6", 443, name)),
    )
    return [Row("one lookup / ip_address", best["lookup"] / best["address"], 10, 6)]


def whole_files(bench: Bench) -> list[Row]:
    """The commands that read or write every binding, in ``tomllib.loads`` of the file."""
    bench.script(0)
    bench.diff()  # from here on the captures are there
    best = turns(
        3,
        parse=lambda _: bench.parse(bench.paths[MANY]),
        show=lambda _: bench.everything("show"),
        tsv=lambda _: bench.everything("list tsv"),
        json=lambda _: bench.everything("list json"),
        table=lambda _: bench.everything("resolve table"),
        edited=bench.edited,
        expiry=lambda _: bench.sslbind(bench.paths[MANY], "expiry"),
        parse_script=lambda _: bench.parse(bench.folder / "script0.toml"),
        script=bench.script,
        import_=bench.import_,
        diff=lambda _: bench.diff(),
    )
    return [
        Row("-f of 10,000 adds / T", best["script"] / best["parse_script"], SCRIPT, 1.5),
        Row("show of 10,000 / T", best["show"] / best["parse"], 1, 0.7),
        Row("list tsv of 10,000 / T", best["tsv"] / best["parse"], 0.7, 0.5),
        Row("list json of 10,000 / T", best["json"] / best["parse"], 0.8, 0.5),
        Row("resolve table of 10,000 / T", best["table"] / best["parse"], 1, 0.7),
        Row("show KEY after an edit / T", best["edited"] / best["parse"], 0.8, 0.5),
        Row("expiry of 10,000 / T", best["expiry"] / best["parse"], 3, 2.5),
        Row("import of 10,000 records / T", best["import_"] / best["parse"], IMPORT, 1.5),
        Row("diff of two captures of 10,000 / T", best["diff"] / best["parse"], 5, 3),
    ]


RESOLVED = """\
import sys
from sslbind import Registry, Session, resolve
state = Session(Registry.open(sys.argv[1])).state
for number in range(10_000):
    resolve(state, "10.0.0.6", 443, f"www{number}.contoso.com")
"""
"""10,000 calls of ``resolve`` on a registry; an export asks twice as often, for IPv6 as well."""


def made_of_all(bench: Bench) -> list[Row]:
    """What is made of every binding: the report, and the configuration of a server."""
    registry = bench.paths[MANY]
    page, server = bench.folder / "report.html", bench.folder / "haproxy"

    def first(_: int) -> float:
        shutil.rmtree(server, ignore_errors=True)
        return bench.sslbind(registry, "export", "haproxy", "-o", str(server))

    best = turns(
        3,
        parse=lambda _: bench.parse(registry),
        report=lambda _: bench.sslbind(registry, "report", "-o", str(page)),
        resolved=lambda _: bench.run("-c", RESOLVED, registry),
        first=first,
        again=lambda _: bench.sslbind(registry, "export", "haproxy", "-o", str(server)),
    )
    return [
        Row("report of 10,000 / T", best["report"] / best["parse"], 5, 4.5),
        Row("its page, in MB", page.stat().st_size / 1e6, 5, 3.5),
        Row("export haproxy again / 10,000 resolves", best["again"] / best["resolved"], 2, 1.8),
        Row("export haproxy, 1,000 new files / same", best["first"] / best["resolved"], 5, 3),
    ]


def growth(bench: Bench) -> list[Row]:
    """What 100,000 bindings cost."""
    path = bench.folder / f"{MOST}.toml"
    make_registry(path, MOST, bench.thumbprints)
    return [Row(*one) for one in large(bench.paths[MANY], path, bench.env, bench.sslbind)]


def memory(bench: Bench) -> list[Row]:
    """Memory grows with the file, not faster."""
    if sys.platform != "linux":
        return []
    base, once, fourfold = bench.memory(0), bench.memory(MANY), bench.memory(4 * MANY)
    return [Row("memory for 40,000 / for 10,000", (fourfold - base) / (once - base), 5, 4.2)]


BY_HAND = """\
import sys, tomllib
from pathlib import Path
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import (
    ExtendedKeyUsage, ExtensionNotFound, SubjectAlternativeName, load_pem_x509_certificate
)
registry = Path(sys.argv[1])
for path in registry.parent.glob("certs/MY/*.pem"):
    certificate = load_pem_x509_certificate(path.read_bytes())
    load_pem_private_key(path.with_suffix(".key").read_bytes(), None)
    certificate.not_valid_before_utc, certificate.not_valid_after_utc
    for extension in (SubjectAlternativeName, ExtendedKeyUsage):
        try:
            certificate.extensions.get_extension_for_class(extension).value
        except ExtensionNotFound:
            pass
tomllib.loads(registry.read_text())
"""
"""What any program must do that looks at every certificate of a registry, and no more."""


def checks(bench: Bench) -> list[Row]:
    """``check`` of 10,000 bindings with a certificate each: never seen before, and remembered."""
    registry = bench.folder / "checked" / "sslbind.toml"
    make_registry(registry, MANY, make_certificates(registry.parent / "certs" / "MY", MANY))

    def cold(_: int) -> float:
        shutil.rmtree(bench.folder / "cache", ignore_errors=True)
        return bench.sslbind(registry, "check")

    best = turns(
        3,
        by_hand=lambda _: bench.run("-c", BY_HAND, registry),
        parse=lambda _: bench.parse(registry),
        cold=cold,
        warm=lambda _: bench.sslbind(registry, "check"),
    )
    return [
        Row("check of 10,000, cold / by hand", best["cold"] / best["by_hand"], 1.5, 1),
        Row("check of 10,000, warm / T", best["warm"] / best["parse"], 1.5, 1),
    ]


OPENED_BY_HAND = """
import sys
from pathlib import Path
from cryptography.hazmat.primitives.serialization import pkcs12

for path in Path(sys.argv[1]).iterdir():
    try:
        pkcs12.load_pkcs12(path.read_bytes(), None)
    except ValueError:
        pass
"""
"""Trying to open every file of a central store without the password, and no more."""


def sealed_files(bench: Bench) -> list[Row]:
    """``ccs list`` of 10,000 PFX files that are locked: how each is sealed shows all the same."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        PrivateFormat,
        load_pem_private_key,
        pkcs12,
    )

    stored = bench.folder / "certs" / "MY" / bench.thumbprints[0]
    certificate = x509.load_pem_x509_certificate(Path(f"{stored}.pem").read_bytes())
    key = load_pem_private_key(Path(f"{stored}.key").read_bytes(), None)
    seal = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048).build(b"secret")
    folder = bench.folder / "central" / "files"
    folder.mkdir(parents=True)
    for number in range(MANY):
        if number % 100 == 0:  # a separate file each takes minutes, and reads no slower
            sealed = [
                pkcs12.serialize_key_and_certificates(None, key, certificate, None, seal)  # type: ignore[arg-type]
                for _ in range(2)
            ]
        (folder / f"www{number}.contoso.com.pfx").write_bytes(sealed[number % 2])
    registry = folder.parent / "sslbind.toml"
    registry.write_text(
        'version = 1\n\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "files"\n'
    )

    def cold(_: int) -> float:
        shutil.rmtree(bench.folder / "cache", ignore_errors=True)
        return bench.sslbind(registry, "ccs", "list")

    best = turns(3, by_hand=lambda _: bench.run("-c", OPENED_BY_HAND, folder), cold=cold)
    return [
        Row("ccs list of 10,000 locked, cold / by hand", best["cold"] / best["by_hand"], 1.5, 1.1),
    ]


def probes(bench: Bench) -> list[Row]:
    """``probe`` of 1,000 names, and the handshakes alone; nothing if there is no nginx."""
    stored = bench.folder / "certs" / "MY" / bench.thumbprints[0]
    registry = bench.folder / "probed.toml"
    make_registry(registry, CERTIFICATES, bench.thumbprints[:1])
    with registry.open("a") as file:  # what answers a client without a server name
        file.write(
            f'\n[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{bench.thumbprints[0]}"\n'
            f'appid = "{APPID}"\n'
        )
    with serving(bench.folder, Path(f"{stored}.pem"), Path(f"{stored}.key")) as port:
        if port is None:
            return []
        where = ("--all", "--address", "127.0.0.1", "--map", f"443={port}")
        best = turns(
            3,
            bare=lambda _: bench.run("-c", BARE, str(port), str(CERTIFICATES)),
            probe=lambda _: bench.sslbind(registry, "probe", *where),
        )
    return [Row("1,000 probes / handshakes alone", best["probe"] / best["bare"], 2, 1.5)]


def plans(bench: Bench) -> list[Row]:
    """``plan`` of one large target, and of fifty by ssh."""
    return [Row(*one) for one in figures(bench.folder)]


MEASURES = (
    *(starts, lookups, whole_files, growth, made_of_all, memory),
    *(checks, sealed_files, probes, plans),
)


def believed(measure: Callable[[Bench], Iterable[Row]], bench: Bench) -> list[Row]:
    """Return the rows of one measure; one beyond its limit counts only after three tries.

    Machines are noisy: what is measured again is the whole group, in one run.
    """
    best: dict[str, Row] = {}
    for _ in range(3):
        for row in measure(bench):
            if row.what not in best or row.value < best[row.what].value:
                best[row.what] = row
        if all(row.value <= row.limit for row in best.values()):
            break
    return list(best.values())


def main() -> int:
    """Measure, print a table, and check it."""
    parser = argparse.ArgumentParser(description="Measure sslbind in ratios.")
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is missed")
    names = {measure.__name__: measure for measure in MEASURES}
    parser.add_argument("only", nargs="*", metavar="GROUP", help=f"one of {', '.join(names)}")
    arguments = parser.parse_args()
    check: bool = arguments.check
    if unknown := set(arguments.only) - names.keys():
        parser.error(f"not a group: {', '.join(sorted(unknown))}")
    print(f"{'':40}{'ratio':>7}{'limit':>7}{'aim':>7}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for measure in [names[name] for name in arguments.only or names]:
            for row in believed(measure, bench):
                missed = row.value > row.limit
                failed = failed or missed
                figures = f"{row.value:7.2f}{row.limit:7.2f}{row.aim:7.2f}"
                print(f"{row.what:40}{figures}{'  MISSED' * missed}", flush=True)
    return int(check and failed)


if __name__ == "__main__":
    sys.exit(main())
