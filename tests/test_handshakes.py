"""The predictions of ``resolve``, held against real handshakes.

A TLS server on the loopback interface asks the resolver for each connection
which certificate to show; ``openssl s_client`` connects, and has to see what
``sslbind resolve`` said. HTTP.SYS itself is not there: what is shown is that an
answer is enough to serve by, and that the command and the library agree.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from conftest import IIS, Run
from pki import Issued, issue
from tools import needs

from sslbind import Registry, Session, resolve
from sslbind.certificates.parsing import encode_chain, encode_key, read_bundle
from sslbind.engines.places import has_address

pytestmark = pytest.mark.usefixtures("opened_here")

ADDRESS, OTHER_ADDRESS = "127.0.0.1", "127.0.0.2"


class Server:
    """Serves what the resolver says; ``registry`` may change between connections."""

    def __init__(self, registry: Path) -> None:
        self.registry = registry
        ipv6 = has_address("::1") and socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.listener = socket.create_server(
            ("::" if ipv6 else "0.0.0.0", 0), family=family, dualstack_ipv6=ipv6
        )
        self.port: int = self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.sni_callback = self.choose
        self.failures: list[BaseException] = []
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # the listener was shut down
                return
            connection.settimeout(20)
            with (
                connection,
                contextlib.suppress(OSError),  # clients that are refused hang up
                self.context.wrap_socket(connection, server_side=True) as secured,
            ):
                secured.recv(1)

    def choose(self, secured: Any, name: str | None, _: ssl.SSLContext) -> int | None:
        try:
            session = Session(Registry.open(self.registry))
            address, port = secured.getsockname()[:2]
            answer = resolve(session.state, address, port, name)
            if answer.outcome != "certificate" or answer.binding is None or answer.step is None:
                return ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
            stores = session.stores
            assert stores is not None
            if answer.binding.certhash is not None:
                entry = stores.require(answer.binding.certhash, answer.binding.store)
                identity = stores.load(entry)
            else:
                assert session.central is not None
                identity = session.central.load(answer.step.stem)
            assert identity.key is not None
            pem = self.registry.parent / f"{identity.leaf.thumbprint}.served"
            pem.write_bytes(encode_chain(identity) + encode_key(identity.key))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            secured.context = context
        except BaseException as error:  # noqa: BLE001  # in here it would only be printed
            self.failures.append(error)
            return ssl.AlertDescription.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # Windows: it is not connected; closing it is enough
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)
        assert not self.thread.is_alive()
        assert self.failures == []


@pytest.fixture
def server(registry: Path) -> Iterator[Server]:
    with Server(registry) as server:
        yield server


CERTIFICATES = {
    letter: issue(name, dns=[name])
    for letter, name in {
        "A": "default.contoso.com",
        "B": "address.contoso.com",
        "S": "www.contoso.com",
        "V": "six.contoso.com",
        "W": "*.contoso.com",
        "F": "file.contoso.com",
        "G": "*.files.example",
    }.items()
}
LETTERS = {one.thumbprint: letter for letter, one in CERTIFICATES.items()}


def store(registry: Path, one: Issued) -> None:
    folder = registry.parent / "certs" / "MY"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{one.thumbprint}.pem").write_bytes(one.pem)
    key = folder / f"{one.thumbprint}.key"
    key.write_bytes(one.key_pem())
    key.chmod(0o600)


def write(
    registry: Path, port: int, records: str, *, windows: str = "2022", listen: str = ""
) -> None:
    """Write a registry: ``records`` as ``127.0.0.1=B www.contoso.com=S``, all on one port."""
    for letter in "ABSVW":
        store(registry, CERTIFICATES[letter])
    central = registry.parent / "ccs"
    central.mkdir(exist_ok=True)
    (central / "file.contoso.com.pfx").write_bytes(CERTIFICATES["F"].pfx())
    (central / "_.files.example.pfx").write_bytes(CERTIFICATES["G"].pfx())
    text = f'version = 1\nwindows = "{windows}"\niplisten = [{listen}]\n'
    text += '\n[CertStores]\npath = "certs"\n'
    text += '\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
    for item in records.split():
        host, _, letter = item.partition("=")
        letter, _, reject = letter.partition("!")
        if host == "ccs":
            text += f'\n[SslCcsBindingInfo.{port}]\nappid = "{IIS}"\n'
            continue
        table = "SslBindingInfo" if host[0] in "[1234567890" else "SslSniBindingInfo"
        thumbprint = CERTIFICATES[letter].thumbprint if letter in CERTIFICATES else letter * 40
        text += f'\n[{table}."{host}:{port}"]\ncerthash = "{thumbprint}"\nappid = "{IIS}"\n'
        text += 'certstorename = "MY"\n' + "reject = true\n" * bool(reject)
    registry.write_text(text)


def seen(address: str, port: int, name: str | None) -> str:
    """The letter of the certificate that a client sees, ``-`` where the handshake fails."""
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    sni = ["-noservername"] if name is None else ["-servername", name]
    command = [needs("openssl"), "s_client", "-connect", where, *sni]
    done = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=60)
    found = b"-----BEGIN CERTIFICATE-----" in done.stdout
    if not found:
        return "-"
    return LETTERS[read_bundle(done.stdout).certificates[0].thumbprint]


WWW = "www.contoso.com"
HIJACK = f"127.0.0.1=B {WWW}=S"
CASES = {
    "an exact address comes first": ("0.0.0.0=A 127.0.0.1=B", ADDRESS, None, "B"),
    "another address has the default": ("0.0.0.0=A 127.0.0.1=B", OTHER_ADDRESS, None, "A"),
    "an exact address hijacks the name": (HIJACK, ADDRESS, WWW, "B"),
    "the name on another address": (HIJACK, OTHER_ADDRESS, WWW, "S"),
    "a name before the default": ("0.0.0.0=A www.contoso.com=S", ADDRESS, WWW, "S"),
    "another name": ("0.0.0.0=A www.contoso.com=S", ADDRESS, "other.example", "A"),
    "no name": ("0.0.0.0=A www.contoso.com=S", ADDRESS, None, "A"),
    "no name and no default": ("www.contoso.com=S", ADDRESS, None, "-"),
    "another name and no default": ("www.contoso.com=S", ADDRESS, "other.example", "-"),
    "a wildcard name": ("*.contoso.com=W", ADDRESS, WWW, "W"),
    "a wildcard covers one label": ("*.contoso.com=W", ADDRESS, "a.b.contoso.com", "-"),
    "a file": ("ccs 0.0.0.0=A", ADDRESS, "file.contoso.com", "F"),
    "a wildcard's file": ("ccs 0.0.0.0=A", ADDRESS, "any.files.example", "G"),
    "no file for the name": ("ccs 0.0.0.0=A", ADDRESS, "a.b.files.example", "A"),
    "a record before a file": ("ccs file.contoso.com=S", ADDRESS, "file.contoso.com", "S"),
    "no name and only files": ("ccs", ADDRESS, None, "-"),
    "reject": ("www.contoso.com=S!reject 0.0.0.0=A", ADDRESS, WWW, "-"),
    "a certificate that is in no store": ("www.contoso.com=0 0.0.0.0=A", ADDRESS, WWW, "-"),
    "[::] has IPv6": ("0.0.0.0=A [::]=V", "::1", None, "V"),
    "[::] has no IPv4": ("0.0.0.0=A [::]=V", ADDRESS, None, "A"),
    "0.0.0.0 answers IPv6 as well": ("0.0.0.0=A", "::1", None, "A"),
    "[::] alone leaves IPv4": ("[::]=V", ADDRESS, None, "-"),
    "an exact IPv6 address": ("[::]=V [::1]=B", "::1", WWW, "B"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_client_sees_what_is_predicted(
    case: str, server: Server, registry: Path, run: Run
) -> None:
    """What s_client is shown is what the command said, for the table's cases on the loopback."""
    records, address, name, expected = CASES[case]
    if not has_address(address):
        pytest.skip(f"this machine has no {address}")
    write(registry, server.port, records)
    assert predicted(run, address, server.port, name) == expected
    assert seen(address, server.port, name) == expected


@pytest.mark.parametrize(
    ("windows", "records", "expected"),
    [
        ("2012r2", "*.contoso.com=W", "-"),
        ("2008r2", "www.contoso.com=S 0.0.0.0=A", "A"),
        ("2008r2", "ccs 0.0.0.0=A", "A"),
    ],
)
def test_old_releases(
    windows: str, records: str, expected: str, server: Server, registry: Path, run: Run
) -> None:
    """What a release does not look for is not served either."""
    write(registry, server.port, records, windows=windows)
    assert predicted(run, ADDRESS, server.port, "www.contoso.com") == expected
    assert seen(ADDRESS, server.port, "www.contoso.com") == expected


def test_the_listen_list(server: Server, registry: Path, run: Run) -> None:
    """An address that is not listed is not served, whatever records there are."""
    if not has_address(OTHER_ADDRESS):
        pytest.skip(f"this machine has no {OTHER_ADDRESS}")
    write(registry, server.port, "0.0.0.0=A 127.0.0.2=B", listen='"127.0.0.1"')
    assert [seen(one, server.port, None) for one in (ADDRESS, OTHER_ADDRESS)] == ["A", "-"]
    assert [predicted(run, one, server.port, None) for one in (ADDRESS, OTHER_ADDRESS)] == [
        "A",
        "-",
    ]


def predicted(run: Run, address: str, port: int, name: str | None) -> str:
    """The letter of the certificate that the command says answers, ``-`` where none does."""
    where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    result = run("resolve", where, *([name] if name else []), "--format", "json")
    certificate = result.json["certificate"]
    assert result.code == (0 if certificate else 1)
    assert (result.json["outcome"] == "certificate") is (certificate is not None)
    return LETTERS[certificate["thumbprint"]] if certificate else "-"
