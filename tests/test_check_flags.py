"""``check``: the sslflags that a record stores in addition to its tags."""

from __future__ import annotations

import pytest
from check_cases import Case, record
from conftest import A, Run

from sslbind.registry.registry import Registry

FLAGS = [
    "sslflags-unknown-bit",
    "sslflags-newer-than-release",
    "sslflags-kind-mismatch",
    "sslflags-ccs-combination",
    "sslflags-contradicts-tag",
]


@pytest.fixture
def case(run: Run) -> Case:
    return Case(run)


def sni(tags: str) -> str:
    return record("www.contoso.com:443", A, tags=tags)


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        (record("0.0.0.0:443", A, tags="sslflags = 0"), "2012"),
        (sni("sslflags = 1"), "2012"),
        (sni("sslflags = 13"), "2019"),
        (sni("sslflags = 253\ndisablehttp2 = true"), "2022"),
        (record("443", tags="sslflags = 2"), "2012"),
        (record("443", tags="sslflags = 3"), "2012"),
        (record("www.contoso.com:443", scoped=True, tags="sslflags = 3"), "2022"),
        (sni("disablehttp2 = true"), "2022"),
        (sni("sslflags = 1\ndisablehttp2 = false"), "2022"),
    ],
)
def test_flags_that_fit(case: Case, text: str, windows: str) -> None:
    """Bits that fit kind, release and tags are not reported; nor is a clear bit against its tag."""
    case.write(text, windows=windows)
    assert case.check(ids=FLAGS) == []


def test_unknown_bit(case: Case) -> None:
    """A bit above 128 does not exist in any release; the command stores the rest."""
    case.write(sni("sslflags = 769"))
    found = case.only("sslflags-unknown-bit")
    assert (found.severity, found.key) == ("error", "www.contoso.com:443")
    assert found.message == "sslflags=769: no release knows bit 256, 512"
    assert found.advice == "store sslflags=1, or none: it follows from the key and the tags"
    assert case.mend("sslflags-unknown-bit") == (
        "sslbind update sslcert hostnameport=www.contoso.com:443 sslflags=1"
    )


def test_newer_than_release(case: Case) -> None:
    """A bit that the release does not know yet goes; the tag that it turned on stays on."""
    case.write(sni("sslflags = 5"), windows="2016")
    found = case.only("sslflags-newer-than-release")
    assert found.message == (
        "sslflags=5: bit 4 (DisableHTTP2) exists from Windows Server 2019 on, and"
        " Windows Server 2016 is modelled"
    )
    assert case.check(ids=FLAGS, windows="2019") == []
    case.mend("sslflags-newer-than-release")
    [binding] = Registry.open().bindings.values()
    assert (binding["sslflags"], binding["disablehttp2"]) == (1, True)


def test_newer_than_release_before_any(case: Case) -> None:
    """Before Windows Server 2012 every bit is too new, and no command stores flags."""
    case.write(record("0.0.0.0:443", A, tags="sslflags = 1"), windows="2008r2")
    found = case.only("sslflags-newer-than-release")
    assert found.message == (
        "sslflags=1: bit 1 (Sni) exists from Windows Server 2012 on, and Windows Server 2008 R2 is"
        " modelled"
    )
    assert found.command is None


@pytest.mark.parametrize(
    ("text", "message", "command"),
    [
        (
            record("0.0.0.0:443", A, tags="sslflags = 1"),
            "sslflags=1: bits 1 and 2 of ipport records are 0 (none), here they are 1 (Sni)",
            "ipport=0.0.0.0:443 sslflags=0",
        ),
        (
            sni("sslflags = 4"),
            "sslflags=4: bits 1 and 2 of hostnameport records are 1 (Sni), here they are 0 (none)",
            "hostnameport=www.contoso.com:443 sslflags=5",
        ),
        (
            record("443", tags="sslflags = 1"),
            (
                "sslflags=1: bits 1 and 2 of ccs records are 2 (CentralCertStore) or"
                " 3 (Sni, CentralCertStore), here they are 1 (Sni)"
            ),
            "ccs=443 sslflags=2",
        ),
        (
            record("www.contoso.com:443", scoped=True, tags="sslflags = 2"),
            (
                "sslflags=2: bits 1 and 2 of scopedccs records are 3 (Sni, CentralCertStore), here"
                " they are 2 (CentralCertStore)"
            ),
            "scopedccs=www.contoso.com:443 sslflags=3",
        ),
    ],
)
def test_kind_mismatch(case: Case, text: str, message: str, command: str) -> None:
    """Bits 1 and 2 are those of the kind of record; the command stores these."""
    case.write(text)
    assert case.only("sslflags-kind-mismatch").message == message
    assert case.mend("sslflags-kind-mismatch") == f"sslbind update sslcert {command}"
    assert case.check(ids=FLAGS) == []


def test_ccs_combination(case: Case) -> None:
    """The central store goes with SNI only; the tags that the bits turned on go with them."""
    case.write(record("443", tags="sslflags = 39"))
    assert case.only("sslflags-ccs-combination").message == (
        "sslflags=39: DisableHTTP2, DisableTLS13 cannot be combined with CentralCertStore"
    )
    assert case.mend("sslflags-ccs-combination") == (
        "sslbind update sslcert ccs=443 sslflags=3 disablehttp2=disable disabletls13=disable"
    )
    assert "disable" not in case.run("list", "--format", "tsv").out


def test_contradicts_tag(case: Case) -> None:
    """A set bit against a tag that is written off: the tag stays off, and the bit goes."""
    case.write(sni("sslflags = 5\ndisablehttp2 = false"))
    found = case.only("sslflags-contradicts-tag")
    assert found.message == (
        "sslflags=5: bit 4 (DisableHTTP2) is set, and disablehttp2 is turned off"
    )
    assert found.advice == (
        "store sslflags=1, or none: it follows from the key and the tags;"
        " that is safer, because nothing changes for clients; or turn it on: disablehttp2=enable"
    )
    assert case.mend("sslflags-contradicts-tag") == (
        "sslbind update sslcert hostnameport=www.contoso.com:443 sslflags=1"
    )


def test_one_command_mends_all(case: Case) -> None:
    """The command of each finding stores flags that no rule objects to."""
    case.write(
        record("0.0.0.0:443", A, tags="sslflags = 287\ndisablehttp2 = false"), windows="2019"
    )
    assert {one.rule for one in case.check(ids=FLAGS)} == set(FLAGS)
    case.mend("sslflags-kind-mismatch")
    assert case.check(ids=FLAGS) == []
