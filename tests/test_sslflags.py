"""IIS's sslFlags: taken, stored, listed, and checked against kind, tags, each other, release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import WRONG, A, Run

KEYS = {
    "ipport": "10.0.0.5:443",
    "hostnameport": "www.contoso.com:443",
    "ccs": "443",
    "scopedccs": "shop.contoso.com:443",
}
BIT_TAGS = {
    4: ("disablehttp2", "DisableHTTP2", "2019"),
    8: ("disableocspstapling", "DisableOCSPStp", "2019"),
    16: ("disablequic", "DisableQUIC", "2022"),
    32: ("disabletls13", "DisableTLS13", "2022"),
    64: ("disablelegacytls", "DisableLegacyTLS", "2022"),
    128: ("clientcertnegotiation", "NegotiateClientCert", "2022"),
}


def words(kind: str) -> list[str]:
    tags = [f"{kind}={KEYS[kind]}", "appid=iis"]
    return [*tags, f"certhash={A}", "certstorename=MY"] if "port" in kind else tags


def listed(run: Run) -> dict[str, Any]:
    bindings: list[dict[str, Any]] = run("list", "--format", "json").json["bindings"]
    assert len(bindings) == 1
    return bindings[0]


@pytest.mark.parametrize(
    ("kind", "flags"), [("ipport", 0), ("hostnameport", 1), ("ccs", 2), ("scopedccs", 3)]
)
def test_where_nothing_is_stored(run: Run, bare: Path, kind: str, flags: int) -> None:
    """Bits 1 and 2 follow from the kind."""
    assert run("add", "sslcert", *words(kind)).code == 0
    assert listed(run)["sslflags"] == flags
    assert "sslflags" not in bare.read_text()


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("ipport", 0),
        ("ipport", 4),
        ("ipport", 252),
        ("hostnameport", 1),
        ("hostnameport", 129),
        ("hostnameport", 253),
        ("ccs", 2),
        ("ccs", 3),
        ("scopedccs", 3),
    ],
)
def test_stored_and_listed(run: Run, bare: Path, kind: str, flags: int) -> None:
    """What fits is taken by add, stored, and listed as the whole integer."""
    assert run("add", "sslcert", *words(kind), f"sslflags={flags}").code == 0
    assert listed(run)["sslflags"] == flags
    assert f"\nsslflags = {flags}\n" in bare.read_text()


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("ipport", 1),
        ("ipport", 2),
        ("ipport", 3),
        ("hostnameport", 0),
        ("hostnameport", 2),
        ("hostnameport", 3),
        ("hostnameport", 4),
        ("ccs", 0),
        ("ccs", 1),
        ("scopedccs", 0),
        ("scopedccs", 1),
        ("scopedccs", 2),
    ],
)
def test_against_the_kind(run: Run, bare: Path, kind: str, flags: int) -> None:
    """Bits 1 and 2 that are another kind's are refused, and the kind is named."""
    before = bare.read_bytes()
    result = run("add", "sslcert", *words(kind), f"sslflags={flags}")
    assert (result.code, result.out) == (1, WRONG)
    assert f"hint: sslflags={flags}: " in result.err
    assert kind in result.err
    assert bare.read_bytes() == before


@pytest.mark.parametrize("flags", [2 | 4, 3 | 128])
def test_central_store_goes_alone(run: Run, bare: Path, flags: int) -> None:
    """CentralCertStore never goes with bits 4 to 128; both sides are named."""
    del bare
    result = run("add", "sslcert", *words("ccs"), f"sslflags={flags}")
    assert (result.code, result.out) == (1, WRONG)
    assert "CentralCertStore" in result.err
    assert BIT_TAGS[flags & ~3][1] in result.err


@pytest.mark.parametrize("flags", [256, 512, 1 << 31])
def test_unknown_bits(run: Run, bare: Path, flags: int) -> None:
    """A bit that is not known is an error, and is named."""
    del bare
    result = run("add", "sslcert", *words("ipport"), f"sslflags={flags}")
    assert (result.code, result.out) == (1, WRONG)
    assert str(flags) in result.err


@pytest.mark.parametrize("bit", BIT_TAGS)
def test_against_the_release(run: Run, bare: Path, bit: int) -> None:
    """A bit newer than the release is an error that names the bit and the release."""
    _, name, since = BIT_TAGS[bit]
    before = bare.read_bytes()
    older = {"2019": "2016", "2022": "2019"}[since]
    result = run("--windows", older, "add", "sslcert", *words("ipport"), f"sslflags={bit}")
    assert result.code == 1
    assert name in result.err
    assert f"Windows Server {since}" in result.err
    assert bare.read_bytes() == before
    assert run("--windows", since, "add", "sslcert", *words("ipport"), f"sslflags={bit}").code == 0


@pytest.mark.parametrize("bit", BIT_TAGS)
def test_a_set_bit_turns_its_tag_on(run: Run, bare: Path, bit: int) -> None:
    """A set bit and its tag are one fact: the unnamed tag is on, the tag alone sets the bit."""
    del bare
    tag = BIT_TAGS[bit][0]
    run("add", "sslcert", *words("ipport"), f"sslflags={bit}")
    assert listed(run)[tag] is True
    run("delete", "sslcert", "ipport=10.0.0.5:443")
    run("add", "sslcert", *words("ipport"), f"{tag}=enable")
    assert listed(run)["sslflags"] == bit


@pytest.mark.parametrize("verb", ["add", "update"])
@pytest.mark.parametrize("bit", BIT_TAGS)
def test_contradiction(run: Run, bare: Path, bit: int, verb: str) -> None:
    """A set bit against its tag written off is refused, and both sides are named."""
    tag, name, _ = BIT_TAGS[bit]
    if verb == "update":
        run("add", "sslcert", *words("ipport"))
    before = bare.read_bytes()
    result = run(verb, "sslcert", *words("ipport"), f"sslflags={bit}", f"{tag}=disable")
    assert (result.code, result.out) == (1, WRONG)
    assert f"sslflags={bit}" in result.err
    assert name in result.err
    assert f"{tag}=disable" in result.err
    assert bare.read_bytes() == before


def test_a_clear_bit_says_nothing(run: Run, bare: Path) -> None:
    """A clear bit beside its tag written on is not a contradiction: the bit moves along."""
    del bare
    result = run("add", "sslcert", *words("hostnameport"), "sslflags=1", "disablehttp2=enable")
    assert result.code == 0
    assert (listed(run)["disablehttp2"], listed(run)["sslflags"]) == (True, 5)


def test_update_of_a_tag_moves_a_stored_bit(run: Run, bare: Path) -> None:
    """``update`` of a tag moves the stored bit along, on and off."""
    run("add", "sslcert", *words("hostnameport"), "sslflags=129")
    update = ("update", "sslcert", "hostnameport=www.contoso.com:443")
    assert run(*update, "clientcertnegotiation=disable", "disablequic=enable").code == 0
    assert (listed(run)["sslflags"], listed(run)["clientcertnegotiation"]) == (17, False)
    assert "\nsslflags = 17\n" in bare.read_text()


def test_update_of_the_flags(run: Run, bare: Path) -> None:
    """``update sslflags=`` is stored and turns tags on; other tags keep their values."""
    run("add", "sslcert", *words("hostnameport"), "reject=enable")
    assert run("update", "sslcert", KEYS["hostnameport"], "sslflags=33").code == 0
    record = listed(run)
    assert (record["sslflags"], record["disabletls13"], record["reject"]) == (33, True, True)
    assert "\nsslflags = 33\n" in bare.read_text()


def test_no_bit_newer_than_the_release_is_listed(run: Run, bare: Path) -> None:
    """The listed integer has no bit that the release does not know."""
    del bare
    run("add", "sslcert", *words("hostnameport"), "clientcertnegotiation=enable")
    assert listed(run)["sslflags"] == 129
    older = run("--windows", "2019", "list", "--format", "json").json["bindings"][0]
    assert (older["sslflags"], older["clientcertnegotiation"]) == (1, True)


@pytest.mark.parametrize("value", ["-1", "x", "", "4294967296"])
def test_no_number(run: Run, bare: Path, value: str) -> None:
    """sslFlags is a whole number."""
    del bare
    result = run("add", "sslcert", *words("ipport"), f"sslflags={value}")
    assert (result.code, result.out) == (1, WRONG)
    assert f"hint: sslflags={value}" in result.err


def test_in_a_table(run: Run, bare: Path) -> None:
    """``list`` shows stored flags, tsv and table alike."""
    del bare
    run("add", "sslcert", *words("ccs"), "sslflags=3")
    row = run("list", "--format", "tsv").out.rstrip("\n").split("\t")
    assert row[-1] == "sslflags=3"
