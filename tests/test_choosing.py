"""One rule chooses the certificate for a host, whoever asks: import, and check with --sites."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import CLIENT, Issued, issue, put

from sslbind.certificates.choosing import Chooser
from sslbind.certificates.entry import Entry
from sslbind.certificates.facts import CertificateFacts

SHOP = "shop.example.com"
TODAY = datetime.now(UTC).replace(microsecond=0)


def day(number: int) -> datetime:
    return TODAY + timedelta(days=number)


def site(information: str) -> str:
    return (
        '<sites><site name="Shop" id="1"><bindings><binding protocol="https"'
        f' bindingInformation="{information}" sslFlags="1" /></bindings></site></sites>'
    )


@pytest.fixture
def renewed(registry: Path) -> Issued:
    """Return the second certificate of a shop, in a store with the first one and a wildcard."""
    first = issue("first", dns=(SHOP,), start=day(-80), end=day(93))
    second = issue("second", dns=(SHOP,), start=day(-8), end=day(84))
    wildcard = issue("wildcard", dns=("*.example.com",), start=day(-50), end=day(124))
    put(registry.parent / "certs" / "MY", first, second, wildcard)
    return second


def test_import_and_check_choose_the_same(run: Run, registry: Path, renewed: Issued) -> None:
    """The one that was issued last, though another lasts longer, and not the wildcard."""
    Path("applicationHost.config").write_text(
        f"<configuration><system.applicationHost>{site(f'*:443:{SHOP}')}"
        "</system.applicationHost></configuration>"
    )
    reason = f"of those that cover the name it was issued last, on {day(-8):%Y-%m-%d}"

    checked = run("check", "--sites", "applicationHost.config", "--format", "json")
    finding = next(
        one for one in checked.json["findings"] if one["rule"] == "binding-without-record"
    )
    assert finding["command"] == (
        f"sslbind add sslcert hostnameport={SHOP}:443 certhash={renewed.thumbprint} appid=iis"
        " certstorename=MY"
    )
    assert finding["advice"].endswith(f"; {renewed.thumbprint} was chosen: {reason}")

    imported = run("import", "applicationHost.config")
    assert imported.out == f"added hostnameport={SHOP}:443 {renewed.thumbprint}\n"
    assert (
        f"the document has no certificate; {renewed.thumbprint} in MY was chosen for {SHOP}:"
        f" {reason}\n"
    ) in imported.err


def entry(
    thumbprint: str, names: Sequence[str], start: int, end: int, eku: tuple[str, ...] | None = None
) -> Entry:
    facts = CertificateFacts(
        thumbprint=thumbprint,
        sha256="",
        subject="CN=x",
        issuer="CN=x",
        not_before=day(start),
        not_after=day(end),
        dns_names=tuple(names),
        ip_names=(),
        eku=eku,
        is_ca=False,
        key_type="EC P-256",
        key_bits=256,
        signature_hash="sha256",
        spki="",
        key_id=b"",
        issuer_key_id=b"",
        self_signed=True,
    )
    return Entry("MY", f"MY/{thumbprint}.pem", thumbprint, facts)


CASES = {
    "the only one": (
        [entry("a", [SHOP], -1, 1), entry("b", ["mail.example.com"], -1, 1)],
        "a",
        "the only certificate that covers the name",
    ),
    "exact before wildcard": (
        [entry("a", ["*.example.com"], -1, 90), entry("b", [SHOP], -9, 30)],
        "b",
        "it has the name itself, while the others only cover it by a wildcard",
    ),
    "valid before exact": (
        [entry("a", ["*.example.com"], -9, 30), entry("b", [SHOP], -90, -1)],
        "a",
        "the only one of those that cover the name that is valid now",
    ),
    "not yet valid": (
        [entry("a", [SHOP], -9, 30), entry("b", [SHOP], 1, 90)],
        "a",
        "the only one of those that cover the name that is valid now",
    ),
    "lasts longest": (
        [entry("a", [SHOP], -9, 30), entry("b", [SHOP], -9, 31)],
        "b",
        f"of those that cover the name it lasts longest, until {day(31):%Y-%m-%d}",
    ),
    "as new": (
        [entry("a", [SHOP], -9, 30), entry("b", [SHOP], -9, 30)],
        "b",
        "of those that cover the name others are as new",
    ),
    "of a client": (
        [entry("a", [SHOP], -9, 30, ("serverAuth",)), entry("b", [SHOP], -1, 30, ("clientAuth",))],
        "a",
        "the only certificate that covers the name",
    ),
    "other spelling": (
        [entry("a", ["SHOP.example.com."], -9, 30), entry("b", ["*.EXAMPLE.com"], -1, 30)],
        "a",
        "it has the name itself, while the others only cover it by a wildcard",
    ),
}


@pytest.mark.parametrize(("entries", "chosen", "reason"), CASES.values(), ids=CASES)
def test_why(entries: list[Entry], chosen: str, reason: str) -> None:
    for order in (entries, entries[::-1]):
        choice = Chooser(order, TODAY).choose([SHOP])
        assert choice is not None
        assert (choice.entry.thumbprint, choice.reason) == (chosen, reason)


def test_several_hosts_and_none() -> None:
    """One record that serves several hosts takes a certificate that covers all of them."""
    both = entry("a", [SHOP, "*.contoso.com"], -9, 30)
    chooser = Chooser([both, entry("b", [SHOP], -1, 30)], TODAY)
    assert chooser.choose([SHOP, "www.contoso.com"]) == (
        both,
        "the only certificate that covers the name",
    )
    assert chooser.choose([SHOP, "other.example"]) is None
    assert chooser.choose([]) is None
    assert chooser.choose([""]) is None


def test_a_certificate_for_clients_is_not_taken(run: Run, registry: Path) -> None:
    put(registry.parent / "certs" / "MY", issue("client", dns=(SHOP,), eku=CLIENT, end=day(9)))
    Path("sites.xml").write_text(site(f"*:443:{SHOP}"))
    assert run("import", "sites.xml").code == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from([(SHOP,), ("*.example.com",), ("mail.example.com",)]),
            st.integers(-100, 10),
            st.integers(-10, 100),
        ),
        max_size=8,
    )
)
def test_the_order_of_the_store_does_not_matter(
    rows: list[tuple[tuple[str, ...], int, int]],
) -> None:
    entries = [entry(f"{at:040x}", *row) for at, row in enumerate(rows)]
    choice = Chooser(entries, TODAY).choose([SHOP])
    again = Chooser(entries[::-1], TODAY).choose([SHOP])
    assert (choice and choice.entry) == (again and again.entry)
    assert (choice is None) == all(one.names[0] == "mail.example.com" for one in entries)


def test_an_appid_of_iis_is_kept(run: Run, registry: Path, renewed: Issued) -> None:
    """What was chosen is bound as IIS would bind it."""
    Path("sites.xml").write_text(site(f"*:443:{SHOP}"))
    assert run("import", "sites.xml").code == 0
    shown = run("list", "--format", "json").json["bindings"][0]
    assert (shown["certhash"], shown["appid"]) == (renewed.thumbprint, IIS)
