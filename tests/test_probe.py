"""``probe`` against real servers: what is served, and what resolve says."""

from __future__ import annotations

import socket
import subprocess
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import Issued, ec_key, issue, rsa_key
from servers import (
    LOOPBACK,
    accepting,
    closing,
    dripping,
    endless,
    free_port,
    openssl_server,
    pem_file,
    plain_text,
    python_server,
    resetting,
    running,
    silent,
)
from tools import needs

from sslbind.binding import Binding
from sslbind.engines.places import has_address
from sslbind.formats.netsh import show_writer
from sslbind.keys import IPPORT, Key
from sslbind.probing.handshake import shake_hands
from sslbind.probing.records import alert_of, certificate_of, is_tls
from sslbind.release import Release

TODAY = datetime.now(UTC).replace(microsecond=0)
NAME = "www.contoso.com"


def issued(name: str = NAME, *, days: int = 60, rsa: bool = False, key: str = "") -> Issued:
    return issue(
        name,
        dns=(name,),
        key=rsa_key() if rsa else ec_key(key or name),
        start=TODAY - timedelta(days=30),
        end=TODAY + timedelta(days=days),
    )


def write(path: Path, *records: str) -> None:
    path.write_text('version = 1\nwindows = "2025"\n' + "".join(records))


def ip(port: int, certificate: Issued, address: str = "0.0.0.0") -> str:
    where = f"[{address}]" if ":" in address else address
    return table("SslBindingInfo", f"{where}:{port}", certificate)


def sni(port: int, certificate: Issued, host: str = NAME) -> str:
    return table("SslSniBindingInfo", f"{host}:{port}", certificate)


def table(kind: str, key: str, certificate: Issued) -> str:
    return (
        f'[{kind}."{key}"]\ncerthash = "{certificate.thumbprint}"\nappid = "{IIS}"\n'
        'certstorename = "MY"\n'
    )


@pytest.fixture
def path(bare: Path) -> Path:
    return bare


def test_right_with_sni_and_without(run: Run, path: Path, tmp_path: Path) -> None:
    """A name gets its certificate, a client without one the default: both as resolve says."""
    named, default = issued(), issued("default.contoso.com")
    seen: list[bytes] = []
    with python_server(tmp_path, default, {NAME: named}, seen) as port:
        write(path, ip(port, default), sni(port, named))
        done = run("-q", "probe", f"{LOOPBACK}:{port}", NAME)
        assert (done.code, done.err) == (0, "")
        assert done.out == (
            f"{LOOPBACK}:{port} {NAME}: ok: serves {named.thumbprint} by"
            f" hostnameport={NAME}:{port}, as resolve says\n"
        )
        done = run("-q", "probe", f"{LOOPBACK}:{port}")
        assert (done.code, done.out) == (
            0,
            (
                f"{LOOPBACK}:{port}: ok: serves {default.thumbprint} by ipport=0.0.0.0:{port}, as"
                " resolve says\n"
            ),
        )
        # Nobody listens on ::1, and not every machine has it for localhost.
        assert f"{LOOPBACK}:{port} localhost: ok: " in run("probe", f"localhost:{port}").out
    assert seen
    assert not any(seen), "something was sent after the handshake"


def test_wrong_certificate(run: Run, path: Path, tmp_path: Path) -> None:
    """A server with another certificate is reported, with what that certificate is for."""
    right, wrong = issued(key="right"), issued("old.contoso.com", key="wrong")
    with openssl_server("-cert", pem_file(tmp_path, wrong)) as port:
        write(path, ip(port, right))
        done = run("probe", f"{LOOPBACK}:{port}", NAME)
        until = f"{TODAY + timedelta(days=60):%Y-%m-%d}"
        assert (done.code, done.out) == (
            1,
            (
                f"{LOOPBACK}:{port} {NAME}: differs: serves {wrong.thumbprint} (old.contoso.com,"
                f" until {until}), but resolve says {right.thumbprint} by ipport=0.0.0.0:{port}\n"
            ),
        )
        assert "note: 1 connection probed: 0 as resolve says, 1 not\n" in done.err


def test_json(run: Run, path: Path, tmp_path: Path) -> None:
    right, wrong = issued(key="right"), issued("old.contoso.com", key="wrong")
    with openssl_server("-cert", pem_file(tmp_path, wrong), "-tls1_2") as port:
        write(path, ip(port, right))
        done = run("probe", f"{LOOPBACK}:{port}", "--format", "json")
    assert done.code == 1
    (probe,) = done.json["probes"]
    assert probe.pop("seconds") < 60
    assert probe.pop("message").startswith("serves ")
    assert probe == {
        "server": None,
        "address": LOOPBACK,
        "port": port,
        "connected_port": port,
        "name": None,
        "status": "differs",
        "expected": {
            "outcome": "certificate",
            "thumbprint": right.thumbprint,
            "binding": {"kind": "ipport", "key": f"0.0.0.0:{port}"},
        },
        "handshake": "certificate",
        "tls_version": "TLSv1.2",
        "served": {
            "thumbprint": wrong.thumbprint,
            "subject": "CN=old.contoso.com",
            "names": ["old.contoso.com"],
            "not_after": (TODAY + timedelta(days=60)).isoformat(),
            "expired": False,
        },
    }


def test_expired(run: Run, path: Path, tmp_path: Path) -> None:
    """An expired certificate is still compared; monitoring raises an alarm."""
    old = issued(days=-3)
    with openssl_server("-cert", pem_file(tmp_path, old)) as port:
        write(path, ip(port, old))
        done = run("probe", f"{LOOPBACK}:{port}")
        day = f"{TODAY - timedelta(days=3):%Y-%m-%d}"
        assert done.code == 0
        assert done.out.endswith(f", as resolve says; it expired on {day}\n")
        assert "; 1 with a certificate that is not valid now\n" in done.err
        done = run("probe", f"{LOOPBACK}:{port}", "--format", "nagios")
        assert done.code == 2
        assert done.out.startswith(f"SSLBIND CRITICAL - 1 of 1 connections: {LOOPBACK}:{port}: ")
        assert " | connections=1 differing=0;0;0;0;1 expired=1;0;0;0;1 slowest_ms=" in done.out


BAD: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "silent": (silent, "the server accepts the connection but sends nothing within 0.5 seconds"),
    "slow": (dripping, "the handshake is not done within 0.5 seconds"),
    "plain-text": (
        plain_text,
        "the server does not speak TLS: 'HTTP/1.1 400 \\x1b[31mBad\\x1b[0m|Request'",
    ),
    "closed": (closing, "the server closes the connection"),
    "reset": (resetting, "the server resets the connection"),
}


@pytest.mark.parametrize(("answer", "sentence"), BAD.values(), ids=BAD)
def test_servers_that_serve_nothing(
    run: Run, path: Path, answer: Callable[[socket.socket], None], sentence: str
) -> None:
    """Each has its message; none makes it wait longer than the limit, or reaches the terminal."""
    right = issued()
    with accepting(answer) as port:
        write(path, ip(port, right))
        done = run("-q", "probe", f"{LOOPBACK}:{port}", "--timeout", "0.5")
    assert (done.code, done.err) == (1, "")
    assert done.out == (
        f"{LOOPBACK}:{port}: differs: {sentence}, but resolve says {right.thumbprint} by"
        f" ipport=0.0.0.0:{port}\n"
    )


def test_a_server_that_never_ends(run: Run, path: Path) -> None:
    """It gives up after a megabyte without a certificate."""
    with accepting(endless) as port:
        write(path, ip(port, issued()))
        done = run("-q", "probe", f"{LOOPBACK}:{port}", "--timeout", "60")
    assert done.code == 1
    assert "the server sends more than 1048576 bytes" in done.out or "fails" in done.out


def test_nothing_listens(run: Run, path: Path) -> None:
    port = free_port()
    write(path, ip(port, issued()))
    done = run("-q", "probe", f"{LOOPBACK}:{port}")
    assert done.code == 1
    assert ": differs: the connection is refused: nothing listens there, but" in done.out


def test_a_port_without_records(run: Run, path: Path) -> None:
    """Nothing listens, and nothing has to: that agrees, with a note, as it may be a mistake."""
    port = free_port()
    write(path, ip(443, issued()))
    done = run("probe", f"{LOOPBACK}:{port}")
    assert (done.code, ": ok: the connection is refused: " in done.out) == (0, True)
    assert f"note: the registry has no binding on port {port}\n" in done.err
    line = f"sslbind probe {LOOPBACK}:443 --map 443={port}"
    assert f"hint: to compare it with the bindings on port 443: {line}\n" in done.err
    assert run(*line.split()[1:]).code == 1
    write(path, sni(port, issued()))
    done = run("probe", f"{LOOPBACK}:{port}")
    assert (done.code, ": differs: the connection is refused: " in done.out) == (1, True)


def test_resolve_says_nothing(run: Run, path: Path, tmp_path: Path) -> None:
    """If no record matches, a reset agrees, and a certificate does not."""
    one = issued()
    with accepting(resetting) as port:
        write(path, sni(port, one))
        done = run("-q", "probe", f"{LOOPBACK}:{port}")
        assert (done.code, done.out) == (
            0,
            (
                f"{LOOPBACK}:{port}: ok: the server resets the connection, but resolve says"
                " no-match: no binding matches, and the connection is reset (TCP RST)\n"
            ),
        )
    with openssl_server("-cert", pem_file(tmp_path, one)) as port:
        write(path, sni(port, one))
        done = run("-q", "probe", f"{LOOPBACK}:{port}")
        assert done.code == 1
        assert ", but resolve says no-match: no binding matches" in done.out


@pytest.mark.skipif(not has_address("::1"), reason="no IPv6 here")
def test_ipv6(run: Run, path: Path, tmp_path: Path) -> None:
    one = issued()
    with openssl_server("-cert", pem_file(tmp_path, one), address="::1") as port:
        write(path, ip(port, one, "::1"), ip(port, issued("other.contoso.com")))
        done = run("-q", "probe", f"[::1]:{port}", NAME)
    assert (done.code, done.out) == (
        0,
        (
            f"[::1]:{port} {NAME}: ok: serves {one.thumbprint} by ipport=[::1]:{port}, as resolve"
            " says\n"
        ),
    )


def test_tls_1_0_only(run: Run, path: Path, tmp_path: Path) -> None:
    """An old server is compared, though no browser would connect, and Python does not warn."""
    one = issued(rsa=True)
    options = ("-cert", pem_file(tmp_path, one), "-tls1", "-cipher", "ALL:@SECLEVEL=0")
    with openssl_server(*options) as port, warnings.catch_warnings():
        warnings.simplefilter("error")
        write(path, ip(port, one))
        done = run("probe", f"{LOOPBACK}:{port}", NAME, "--format", "json")
    assert done.code == 0
    assert done.json["probes"][0]["tls_version"] == "TLSv1"


@pytest.mark.parametrize("expected", ["ECDSA", "RSA"])
def test_a_pair(run: Run, path: Path, tmp_path: Path, expected: str) -> None:
    """Most clients get one of the pair; the message says that there is another one."""
    ecdsa, rsa = issued(), issued(rsa=True)
    right = {"ECDSA": ecdsa, "RSA": rsa}[expected]
    options = ("-cert", pem_file(tmp_path, rsa), "-dcert", pem_file(tmp_path, ecdsa))
    with openssl_server(*options, "-dkey", pem_file(tmp_path, ecdsa)) as port:
        write(path, ip(port, right))
        done = run("-q", "probe", f"{LOOPBACK}:{port}", NAME)
        served = shake_hands(LOOPBACK, port, NAME, 10)
        agrees = right.der == served.der
    assert done.code == (0 if agrees else 1)
    pair = f"; only clients that request {expected} get it: the server has a pair\n"
    assert done.out.endswith(", as resolve says\n" if agrees else pair)


def test_a_client_certificate_is_wanted(run: Run, path: Path, tmp_path: Path) -> None:
    """Up to TLS 1.2 the certificate is seen even if the server then refuses the client."""
    one = issued()
    options = ("-cert", pem_file(tmp_path, one), "-Verify", "1", "-tls1_2", "-verify_return_error")
    with openssl_server(*options) as port:
        write(path, ip(port, one))
        done = run("-q", "probe", f"{LOOPBACK}:{port}", NAME)
    assert done.code == 0
    assert f"serves {one.thumbprint}; the server ends the handshake with alert 40" in done.out


def test_nginx_and_all(run: Run, path: Path, tmp_path: Path) -> None:
    """Every name and address against a real nginx; then one record is changed."""
    default, named, wild = issued("default"), issued(), issued("*.shop.contoso.com")
    port = free_port()
    servers = ((default, "_"), (named, NAME), (wild, "*.shop.contoso.com"))
    blocks = "".join(
        f"server {{ listen {LOOPBACK}:{port} ssl{' default_server' * (host == '_')};"
        f" server_name {host};"
        f" ssl_certificate {pem_file(tmp_path, one)};"
        f" ssl_certificate_key {pem_file(tmp_path, one)}; }}\n"
        for one, host in servers
    )
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"pid {tmp_path}/nginx.pid;\ndaemon off;\nmaster_process off;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{blocks}}}\n"
    )
    write(path, ip(443, default), sni(443, named), sni(443, wild, "*.shop.contoso.com"))
    where = ("--all", "--address", LOOPBACK, "--map", f"443={port}")
    command = (needs("nginx"), "-c", config, "-p", tmp_path, "-e", tmp_path / "error.log")
    with running(*command, port=port):
        done = run("probe", *where)
        assert (done.code, done.out) == (0, "")
        assert "note: 3 connections probed: all as resolve says\n" in done.err
        done = run("-q", "probe", *where, "--verbose")
        assert [line.split(": ")[0] for line in done.out.splitlines()] == [
            f"{LOOPBACK}:443",
            f"{LOOPBACK}:443 {NAME}",
            f"{LOOPBACK}:443 sslbind-probe.shop.contoso.com",
        ]
        write(path, ip(443, default), sni(443, default), sni(443, wild, "*.shop.contoso.com"))
        done = run("-q", "probe", *where)
        assert done.code == 1
        assert done.out.startswith(
            f"{LOOPBACK}:443 {NAME}: differs: serves {named.thumbprint} ({NAME}, until"
        )
        assert done.out.count("\n") == 1
        done = run("-q", "probe", *where, "--format", "nagios")
        assert done.code == 2
        assert done.out.startswith("SSLBIND CRITICAL - 1 of 3 connections: ")
        metrics = run("-q", "probe", *where, "--format", "prometheus")
    assert metrics.code == 1
    assert (
        f'sslbind_probe_match{{address="{LOOPBACK}",port="443",name="{NAME}"}} 0\n' in metrics.out
    )
    assert f'sslbind_probe_match{{address="{LOOPBACK}",port="443",name=""}} 1\n' in metrics.out
    checked = subprocess.run(
        [needs("promtool"), "check", "metrics"],
        input=metrics.out,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_all_without_addresses(run: Run, path: Path, tmp_path: Path) -> None:
    """Names are probed where DNS points; those that cannot be reached that way are noted."""
    one = issued("localhost")
    with openssl_server("-cert", pem_file(tmp_path, one)) as port:
        write(
            path,
            ip(port, one),
            sni(port, one, "localhost"),
            sni(port, one, "*.contoso.com"),
            sni(port, one, "nowhere.invalid"),
            ip(port, one, LOOPBACK),
        )
        done = run("probe", "--all", "-v", "--timeout", "20")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{LOOPBACK}:{port}: ok: ")
    assert f"{LOOPBACK}:{port} localhost: ok: serves {one.thumbprint} by ipport=" in done.out
    assert f":{port} nowhere.invalid: unreachable: the name cannot be looked up: " in done.out
    hint = "were not probed: --address IP sets the server's address\n"
    assert f"note: port {port}: 1 wildcard names {hint}" in done.err
    assert f"note: ipport=0.0.0.0:{port}: clients without a server name {hint}" in done.err
    assert done.code == 1


def test_the_central_store(run: Run, path: Path, tmp_path: Path) -> None:
    """The file of a name is what must be served; a wildcard's file counts for any name."""
    one = issued()
    folder = tmp_path / "ccs"
    folder.mkdir()
    (folder / f"{NAME}.pfx").write_bytes(one.pfx())
    (folder / "_.contoso.com.pfx").write_bytes(one.pfx())
    with openssl_server("-cert", pem_file(tmp_path, one)) as port:
        write(
            path,
            '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n',
            f'[SslCcsBindingInfo.{port}]\nappid = "{IIS}"\nsslflags = 3\n',
            ip(port, one, LOOPBACK),
        )
        done = run("-q", "probe", "--all", "--address", LOOPBACK, "-v")
        assert [line.split(": ")[0].partition(" ")[2] for line in done.out.splitlines()] == [
            "",
            "sslbind-probe.contoso.com",
            NAME,
        ]
        assert done.code == 0


def test_too_many(run: Run, path: Path) -> None:
    """Many names at many addresses are not probed in one run: that would be a load test."""
    one = issued()
    write(path, *(sni(443, one, f"www{n}.contoso.com") for n in range(700)))
    addresses = [word for n in range(30) for word in ("--address", f"127.0.1.{n}")]
    done = run("probe", "--all", *addresses)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("note: ")
    assert "error: more than 20000 connections would be made\n" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give ADDRESS:PORT with or without HOST, or --all"),
        (("127.0.0.1:443", "--all"), "give ADDRESS:PORT with or without HOST, or --all"),
        (("127.0.0.1:443", "--address", "::1"), "--address needs --all"),
        (("--all", "--map", "443"), "--map '443' is not two ports such as 443=8443"),
        (("--all", "--map", "443=70000"), "--map '443=70000' is not two ports such as 443=8443"),
        (("--all", "--address", "a"), "--address"),
        (("127.0.0.1",), "127.0.0.1"),
        (("*.contoso.com:443",), "*.contoso.com:443"),
        (("127.0.0.1:443", "*.contoso.com"), "*.contoso.com: a wildcard is not a name"),
        (("www.contoso.com:443", "a"), "www.contoso.com:443 has a host name instead of an address"),
    ],
    ids=range(10),
)
def test_what_cannot_be_asked(run: Run, path: Path, words: tuple[str, ...], message: str) -> None:
    done = run("-q", "probe", *words)
    assert (done.code, done.out) == (2, "")
    assert message in done.err.splitlines()[0]
    asked = run("-q", "probe", *words, "--format", "nagios")
    assert (asked.code, asked.out.startswith("SSLBIND UNKNOWN - "), asked.err) == (3, True, "")


class TestRecords:
    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        is_tls(data), alert_of(data), certificate_of(data)

    @given(st.binary(max_size=60))
    def test_any_record(self, body: bytes) -> None:
        for kind in (20, 21, 22, 23):
            data = bytes((kind, 3, 3)) + len(body).to_bytes(2, "big") + body
            assert is_tls(data)
            alert_of(data), certificate_of(data)


def test_targets(run: Run, path: Path, tmp_path: Path) -> None:
    """Each is compared with its own registry, at the address that the targets file gives."""
    one, other = issued(key="one"), issued(key="other")
    with openssl_server("-cert", pem_file(tmp_path, one)) as port:
        write(path, ip(port, one), sni(port, one))
        write(tmp_path / "web02.toml", ip(port, other))
        (tmp_path / "targets.toml").write_text(
            "version = 1\n"
            f'[Target.web01]\nregistry = "sslbind.toml"\nprobe = ["{LOOPBACK}"]\n'
            f'groups = ["front"]\n[Target.web02]\nhost = "admin@{LOOPBACK}"\ngroups = ["front"]\n'
            '[Target.web03]\nhost = "admin@nowhere.invalid"\nregistry = "sslbind.toml"\n'
        )
        done = run("-q", "probe", "web01", "-v")
        assert (done.code, done.out) == (
            0,
            (
                f"web01 {LOOPBACK}:{port}: ok: serves {one.thumbprint} by ipport=0.0.0.0:{port}, as"
                " resolve says\n"
                f"web01 {LOOPBACK}:{port} {NAME}: ok: serves {one.thumbprint} by"
                f" hostnameport={NAME}:{port}, as resolve says\n"
            ),
        )
        done = run("probe", "@front", "--format", "json")
        assert done.code == 1
        assert [(one["server"], one["status"]) for one in done.json["probes"]] == [
            ("web01", "match"),
            ("web01", "match"),
            ("web02", "differs"),
        ]
        done = run("probe", "@front", "--format", "prometheus")
        labels = f'server="web02",address="{LOOPBACK}",port="{port}",name=""'
        assert f"sslbind_probe_match{{{labels}}} 0\n" in done.out
        done = run("probe", "@web03")
        assert (done.code, done.out) == (2, "")
        assert "error: nowhere.invalid: the name cannot be looked up: " in done.err
        assert 'hint: set its address in the targets file: probe = ["10.0.0.5"]' in done.err
        done = run("probe", "@web04")
        assert (done.code, "did you mean @web0" in done.err) == (2, True)


HOSTILE = 'x\x1b[31m\n\r"}|$(id)`\x07'


def hostile() -> Issued:
    """Return a certificate whose every text tries to pass for something else."""
    return issue(HOSTILE, dns=(f"a{HOSTILE}.example",), start=TODAY, end=TODAY + timedelta(days=9))


def test_hostile_certificates(run: Run, path: Path, tmp_path: Path) -> None:
    """No text of a server's certificate reaches a terminal, label or plugin line unescaped."""
    with openssl_server("-cert", pem_file(tmp_path, hostile())) as port:
        write(path, ip(port, issued()))
        place = f"{LOOPBACK}:{port}"
        text = run("-q", "probe", place)
        assert (text.code, text.out.count("\n")) == (1, 1)
        assert "\\x1b[31m" in text.out
        line = run("probe", place, "--format", "nagios")
        assert (line.out.count("\n"), line.out.count("|")) == (1, 1)
        assert "$" not in line.out
        metrics = run("-q", "probe", place, "--format", "prometheus")
        document = run("-q", "probe", place, "--format", "json")
    for one in (text, line, metrics, document):
        assert all(c.isprintable() or c == "\n" for c in one.out)
    assert document.json["probes"][0]["served"]["subject"].startswith("CN=x\x1b[31m")


def test_what_resolve_does_not_know(run: Run, tmp_path: Path) -> None:
    """If a record could not be read, no certificate agrees, and none differs."""
    one = issued()
    binding = Binding(
        Key(IPPORT, "0.0.0.0", 443),
        {"certhash": one.thumbprint, "appid": IIS, "certstorename": "MY"},
    )
    other = Binding(Key(IPPORT, LOOPBACK, 443), binding.values)
    text = show_writer.show([binding, other], Release.W2022)
    (tmp_path / "web01.txt").write_text(text.replace(f"{LOOPBACK}:443", f"{LOOPBACK}:a"))
    with openssl_server("-cert", pem_file(tmp_path, one)) as port:
        place = (f"{LOOPBACK}:443", "--map", f"443={port}")
        done = run("-q", "-r", "web01.txt", "probe", *place)
    assert done.code == 1
    assert done.out.startswith(f"{LOOPBACK}:443: unknown: serves {one.thumbprint} ")
