"""``check --sites``: records that sites share, and what a site says that its record does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_cases import STORES, Case, record
from conftest import A, B, Run
from pki import issue

from sslbind.check import Finding
from sslbind.formats.iis.read_sites import read_sites


class Sited(Case):
    """A registry with a configuration of several sites."""

    def sites(self, **sites: str) -> None:
        """Write sites by name: their bindings, one a line, as ``PROTOCOL INFORMATION FLAGS``.

        A name that ends in ``_`` is that of a site that does not start by itself.
        """
        lines = ["<configuration><system.applicationHost><sites>"]
        for name, bindings in sites.items():
            start = ' serverAutoStart="false"' if name.endswith("_") else ""
            lines.append(f'<site name="{name.strip("_")}" id="1"{start}><bindings>')
            for line in filter(None, map(str.strip, bindings.splitlines())):
                protocol, information, flags = (*line.split(), "0")[:3]
                lines.append(
                    f'<binding protocol="{protocol}" bindingInformation="{information}"'
                    f' sslFlags="{flags}" />'
                )
            lines.append("</bindings></site>")
        lines.append("</sites></system.applicationHost></configuration>")
        Path("iis.config").write_text("\n".join(lines), encoding="utf-8")

    def found(self, rule: str, windows: str | None = None) -> list[Finding]:
        return self.check(ids=[rule], sites=[read_sites("iis.config")], windows=windows)


@pytest.fixture
def case(run: Run) -> Sited:
    return Sited(run)


# Records that several sites share


def test_sites_that_share_a_record(case: Sited) -> None:
    case.write(record("0.0.0.0:443", A), record("a.example:443", A))
    case.sites(
        one="https *:443:x.example", two="https *:443:y.example", three="https *:443:a.example 1"
    )
    [found] = case.found("shared-record")
    assert (found.key, found.message) == (
        "0.0.0.0:443",
        (
            "the sites 'one', 'two' share the record: changing or removing it for one affects all"
            " (KB 2405568)"
        ),
    )
    case.sites(one="https *:443:x.example\nhttps *:443:y.example")
    assert case.found("shared-record") == []


def test_a_binding_that_lost_sni_does_not_share(case: Sited) -> None:
    """HTTP.SYS answers its name with the record of the name all the same."""
    case.write(record("0.0.0.0:443", A), record("x.example:443", B))
    case.sites(one="https *:443:x.example", two="https *:443:")
    assert case.found("shared-record") == []


def test_sites_that_share_the_record_of_a_name(case: Sited) -> None:
    """With SNI the address is not part of the key."""
    case.write(record("a.example:443", A))
    case.sites(one="https 10.0.0.5:443:a.example 1", two="https 10.0.0.6:443:a.example 1")
    assert [one.key for one in case.found("shared-record")] == ["a.example:443"]


# One site with two certificates


def test_exchange_after_a_renewal(case: Sited) -> None:
    """Its site has 127.0.0.1:443 beside 0.0.0.0:443, and one of them was forgotten."""
    case.write(record("0.0.0.0:443", B), record("127.0.0.1:443", A), record("0.0.0.0:444", A))
    case.sites(Front="https *:443:\nhttps 127.0.0.1:443:", Back="https *:444:")
    [found] = case.found("site-two-certificates")
    assert found.severity == "info"
    assert found.message == (
        f"the site 'Front' has two certificates: 0.0.0.0:443 has {B} and 127.0.0.1:443 has {A}"
    )
    assert [one for one in case.check(sites=[read_sites("iis.config")]) if one.command] == []
    case.write(record("0.0.0.0:443", A), record("127.0.0.1:443", A))
    assert case.found("site-two-certificates") == []


def test_programs_on_the_server_come_to_loopback(case: Sited) -> None:
    """An address that no client reaches hides names from the server's own programs only."""
    case.write(record("127.0.0.1:443", A), record("a.example:443", B))
    [found] = case.check(ids=["ip-shadows-sni"])
    assert found.severity == "warn"
    assert "programs on the server that connect to 127.0.0.1 for a.example" in found.message


# Sites that are not started


def test_a_spare_site_is_not_an_error(case: Sited) -> None:
    """Two sites with one binding are fine where only one of them starts by itself."""
    case.write(record("0.0.0.0:443", A))
    case.sites(live="https *:443:", spare_="https *:443:")
    [found] = case.found("duplicate-binding")
    assert found.severity == "info"
    assert found.message.endswith("; 'spare' does not start automatically (serverAutoStart)")
    case.sites(live="https *:443:", other="https *:443:")
    assert [one.severity for one in case.found("duplicate-binding")] == ["error"]
    case.sites(spare_="https *:443:\nhttps *:443:")
    assert [one.severity for one in case.found("duplicate-binding")] == ["error"]


def test_a_site_that_does_not_start_lacks_a_record(case: Sited) -> None:
    """Nobody waits for it, which makes it a warning."""
    case.write(record("0.0.0.0:443", A))
    case.sites(spare_="https *:8443:")
    [found] = case.found("binding-without-record")
    assert found.severity == "warn"
    assert found.message.endswith("; its site does not start automatically")
    case.sites(spare_="https *:8443:", live="https *:8443:")
    assert [one.severity for one in case.found("binding-without-record")] == ["error"]


# http beside https


def test_http_and_https_on_one_port(case: Sited) -> None:
    case.write(record("0.0.0.0:443", A))
    case.sites(web="https *:443:\nhttp *:80:", slip="http 0.0.0.0:443:a.example")
    [found] = case.found("http-and-https")
    assert found.message == (
        "https '*:443:' of site 'web' and http '0.0.0.0:443:a.example' of site 'slip' on line 7"
        " have the same address and port, which speaks either TLS or plain HTTP"
    )
    case.sites(web="https *:443:", other="http 10.0.0.5:8080:")
    assert case.found("http-and-https") == []


# What IIS shows, and what HTTP.SYS does


@pytest.mark.parametrize(
    ("flags", "tags", "message", "advice"),
    [
        pytest.param(
            33, "", "as if disabletls13 is on", "sslFlags=1 for it in IIS", id="bit-without-tag"
        ),
        pytest.param(
            1,
            "disablehttp2 = true",
            "as if disablehttp2 is off",
            "sslFlags=5",
            id="tag-without-bit",
        ),
        pytest.param(
            129,
            "disablehttp2 = true",
            "as if clientcertnegotiation is on and disablehttp2 is off",
            "sslFlags=5",
            id="both",
        ),
    ],
)
def test_flags_of_iis_that_the_record_does_not_have(
    case: Sited, flags: int, tags: str, message: str, advice: str
) -> None:
    """The safer way changes what IIS shows; the other one what clients get."""
    case.write(record("a.example:443", A, tags=tags))
    case.sites(one=f"https *:443:a.example {flags}")
    [found] = case.found("sslflags-drift")
    assert found.message == (
        f"https '*:443:a.example' of site 'one' has sslFlags={flags}, {message}, but the record"
        " does the opposite"
    )
    assert found.advice is not None
    assert advice in found.advice
    assert "changes nothing for clients and is safer; or update the record with " in found.advice
    assert found.command is None


@pytest.mark.parametrize(
    ("flags", "tags", "windows"),
    [
        pytest.param(1, "", "2022", id="none"),
        pytest.param(33, "disabletls13 = true", "2022", id="same"),
        pytest.param(33, "sslflags = 33", "2022", id="stored"),
        pytest.param(1, "disabletls13 = true", "2012", id="too-old"),
    ],
)
def test_flags_of_iis_that_the_record_has(case: Sited, flags: int, tags: str, windows: str) -> None:
    case.write(record("a.example:443", A, tags=tags))
    case.sites(one=f"https *:443:a.example {flags}")
    assert case.found("sslflags-drift", windows) == []


# A configuration alone


def test_a_configuration_alone(case: Sited) -> None:
    """It is checked for what it has: nothing is said of records that HTTP.SYS may have."""
    case.sites(
        web="https *:443:\nhttps *:443:a.example 1\nhttps *:443:b.example 33",
        bad="https *:8443: 1\nhttps 2001:db8::7:443:",
    )
    answer = case.run("check", "iis.config")
    assert answer.code == 1
    assert {
        line.split(": ")[2] for line in answer.out.splitlines() if not line.startswith(" ")
    } == {
        "sslflags-needs-host",
        "ipv6-unbracketed",
    }
    assert (
        "note: iis.config has the sites of IIS, not the records of HTTP.SYS: sslbind check"
        " REGISTRY --sites iis.config compares the two\n"
    ) in answer.err


# Keys that nobody takes


def test_dsa_where_only_tls_13_is_left(case: Sited) -> None:
    """TLS 1.3 has no DSA: no client connects."""
    from cryptography.hazmat.primitives.asymmetric import dsa

    key = dsa.generate_private_key(2048)
    one = issue("a.example", dns=("a.example",), key=key)  # type: ignore[arg-type]  # DSA only here
    case.store(one)
    tags = "disablelegacytls = true\ndisabletls12 = true"
    case.write(STORES, record("a.example:443", one, tags=tags))
    [found] = case.check(ids=["cert-key-type"])
    assert found.message.endswith("; the record only leaves TLS 1.3, so no client can connect")
    case.write(STORES, record("a.example:443", one))
    [found] = case.check(ids=["cert-key-type"])
    assert "leaves TLS 1.3 only" not in found.message
