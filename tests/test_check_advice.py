"""The commands of one ``check`` are one plan: whoever follows all of it makes nothing worse."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from check_cases import ADFS, record
from conftest import IIS, Run
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pki import NOW, issue

from sslbind.certificates.names import covers
from sslbind.check import Finding
from sslbind.checking import check_registry
from sslbind.errors import BadValueError
from sslbind.keys import IPPORT, parse_address
from sslbind.registry.registry import Registry
from sslbind.release import Release
from sslbind.resolver import resolve
from sslbind.session import Session
from sslbind.sites import ClientCertificate, SiteBinding, Sites, parse_information

SSTP, REPORTS = "{ba195980-cd49-458b-9e23-c84ee0adcd75}", "{1d40ebc7-1983-4ac5-82aa-1e17a7ae9a0e}"
CHOSEN = "9" * 40
"""Whoever follows the advice puts this for THUMBPRINT."""
BINDINGS = (
    "*:443:", "*:443:a.example", "*:443:b.example", "*:443:*.example", "10.0.0.5:443:",
    "10.0.0.5:443:a.example", "[2001:db8::5]:443:", "2001:db8::5:443:", "[::]:443:",
    "*:443:fs.example", "*:8443:", "*:8443:a.example", "10.0.0.5:8443:b.example",
)  # fmt: skip
KEYS = (
    "0.0.0.0:443", "[::]:443", "10.0.0.5:443", "[2001:db8::5]:443", "a.example:443",
    "b.example:443", "*.example:443", "443", "fs.example:443", "localhost:443", "fs.example:49443",
    "certauth.fs.example:443", "0.0.0.0:8443", "[::]:8443", "a.example:8443", "10.0.0.5:8443",
)  # fmt: skip
ADDRESSES = ("10.0.0.5", "10.0.0.9", "2001:db8::5", "2001:db8::9")
TAGS = ("", "", "", "reject = true", "sslflags = 1", "sslflags = 9", 'sslctlstorename = "x"')
ALL = ("a.example", "b.example", "fs.example", "*.example", "localhost", "certauth.fs.example")


EXAMPLES = int(os.environ.get("ADVICE_EXAMPLES", "25"))
"""How many servers the quick tests try; the slow ones try 20 times as many."""


class Stores(NamedTuple):
    """A folder of certificate stores, and the names of the certificates by thumbprint.

    ``new`` is the PFX file of one for every name that is not in a store yet.
    """

    folder: Path
    names: dict[str, tuple[str, ...]]
    new: bytes


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    folder = tmp_path_factory.mktemp("stores")
    (folder / "MY").mkdir()
    names = {}
    for number, dns in enumerate((("a.example",), ("b.example",), ("*.example",), ALL, ALL)):
        end = NOW + timedelta(days=-1 if number == 4 else 60)
        one = issue("all.example" if dns is ALL else dns[0], dns=dns, end=end)
        path = folder / "MY" / f"{one.thumbprint}.pem"
        path.write_bytes(one.pem)
        path.with_suffix(".key").write_bytes(one.key_pem())
        names[one.thumbprint] = dns if number != 4 else ()
    new = issue("new", dns=(*ALL, "*.fs.example"))
    return Stores(folder, {**names, new.thumbprint: ALL}, new.pfx())


def site_binding(information: str, flags: int, site: str, certhash: str | None) -> SiteBinding:
    return SiteBinding(
        site, "https", information, *parse_information(information), flags, 1, certhash
    )


site_bindings = st.builds(
    site_binding,
    st.sampled_from(BINDINGS),
    st.sampled_from([0, 0, 1, 1, 2, 3, 33]),
    st.sampled_from(["Web", "Shop"]),
    st.sampled_from([None, None, None, "2" * 40]),
)


class Server(NamedTuple):
    """A random server: the records of its registry, and its sites."""

    records: tuple[tuple[str, int, str, str, str | None], ...]
    sites: tuple[SiteBinding, ...]
    wanted: tuple[ClientCertificate, ...]
    release: Release
    settings: str

    def text(self, thumbprints: list[str], stores: str) -> str:
        parts = [f'version = 1\nwindows = "{self.release}"', self.settings, stores]
        parts += [
            record(
                key,
                None if key == "443" else thumbprints[which],
                appid=appid,
                store=store,
                tags="" if key == "443" else tags,
            )
            for key, which, appid, tags, store in self.records
        ]
        return "\n".join(parts)


servers = st.builds(
    Server,
    st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.integers(0, 4),
            st.sampled_from([IIS, IIS, IIS, ADFS, SSTP, REPORTS]),
            st.sampled_from(TAGS),
            st.sampled_from(["MY", "MY", None]),
        ),
        max_size=9,
        unique_by=lambda one: one[0],
    ).map(tuple),
    st.lists(site_bindings, max_size=6).map(tuple),
    st.sampled_from([(), (ClientCertificate("Web", True, 1),)]),
    st.sampled_from([Release.W2008R2, Release.W2012, Release.W2019, Release.W2022, Release.W2025]),
    st.sampled_from(
        [
            "",
            "",
            'iplisten = ["10.0.0.5"]',
            '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n',
        ]
    ),
)


def look(server: Server) -> tuple[Session, list[Finding]]:
    session = Session(Registry.open())
    sites = [Sites("x", server.sites, server.wanted)] if server.sites else []
    return session, check_registry(session, NOW, sites=sites).findings


def answers(
    session: Session, server: Server, names: dict[str, tuple[str, ...]] | None
) -> Iterator[tuple[tuple[str, int, str], str | None, bool]]:
    """Yield each connection to a site: the thumbprint that it gets, and whether it is right."""
    for one in server.sites:
        address = one.address.strip("[]")
        try:
            where = [parse_address(address)] if address else ADDRESSES
        except BadValueError:
            continue
        for there in where:
            host = one.host.replace("*", "probe")
            answer = resolve(session.state, there, one.port or 0, host)
            binding = answer.binding
            got = binding.certhash if binding and answer.outcome == "certificate" else None
            if got is None or binding is None:
                right = False
            elif names is not None and host:
                right = covers(names.get(got, ()), host)
            elif names is not None and not names.get(got):
                right = False
            else:
                right = (
                    binding.key == one.key_for(session.release) or binding.key.kind is not IPPORT
                )
            yield (there, one.port or 0, f"{one.host}|{one}"), got, right


def errors(findings: list[Finding]) -> set[tuple[str, str | None, str]]:
    return {(one.rule, one.key, one.about) for one in findings if one.severity == "error"}


def follow(run: Run, findings: list[Finding]) -> set[str]:
    """Run every command in order; return those that need a file that nobody has."""
    left = set()
    for one in findings:
        command = one.command
        if command is None or command in left:
            continue
        command = command.replace("THUMBPRINT", CHOSEN)
        if any(word in command for word in ("ISSUER", "CERTIFICATE")):
            left.add(command)
            continue
        answer = run(*shlex.split(command)[1:])
        assert answer.code == 0, (command, answer)
    return left


def holds(run: Run, server: Server, stores: Stores | None) -> None:
    """Follow all advice of a check: nothing is worse, and nothing new is offered."""
    Path("ccs").mkdir(exist_ok=True)
    names = stores.names if stores else None
    thumbprints = list(names)[:5] if names else [digit * 40 for digit in "12345"]
    text = ""
    if stores:
        shutil.rmtree("certs", ignore_errors=True)
        # Not copy2, for which Wine 8 lacks a function, and ends the process.
        shutil.copytree(stores.folder, "certs", copy_function=shutil.copy)
        Path("NEW.pfx").write_bytes(stores.new)
        text = '[CertStores]\npath = "certs"\n'
    Path("sslbind.toml").write_text(server.text(thumbprints, text), encoding="utf-8")
    offered, said = second(run, server, names)
    if offered and "NEW.pfx" in said:  # what a new certificate allows is seen when it is there
        offered, said = second(run, server, names)
    assert not offered, (offered, said)


def second(
    run: Run, server: Server, names: dict[str, tuple[str, ...]] | None
) -> tuple[set[str], str]:
    """Follow all advice; return what a second check offers, and what the first one said."""
    session, found = look(server)
    before = list(answers(session, server, names))
    left = follow(run, found)
    again, then = look(server)
    said = str([(one.rule, one.key, one.command, one.advice) for one in found])
    for (where, got, right), (_, gets, right_now) in zip(
        before, answers(again, server, names), strict=True
    ):
        if right:
            same = names is not None and where[2][0] != "|"
            assert right_now and (same or gets in (got, CHOSEN)), (where, got, gets, said)
    new = errors(then) - errors(found)
    if any(" ccs enable" in (one.command or "") for one in found):  # its files come after that
        new = {one for one in new if one[0] != "ccs-missing-file"}
    assert not new, (new, said)
    return {one.command for one in then if one.command} - left, said


@given(servers)
@settings(max_examples=EXAMPLES)
def test_following_all_advice_makes_nothing_worse(run: Run, server: Server) -> None:
    holds(run, server, None)


SHARED = Server(
    (
        ("0.0.0.0:443", 0, IIS, "", "MY"),
        ("[::]:443", 4, IIS, "", "MY"),
        ("*.example:443", 4, IIS, "", "MY"),
    ),
    (site_binding("*:443:", 0, "Web", None),),
    (),
    Release.W2012,
    "",
)
"""One certificate for two records, of which one cannot be updated but only deleted."""


@given(servers)
@example(SHARED)
@settings(max_examples=EXAMPLES)
def test_following_all_advice_with_stores(run: Run, stores: Stores, server: Server) -> None:
    holds(run, server, stores)


@pytest.mark.slow
@given(servers)
@settings(max_examples=examples(20 * EXAMPLES))
def test_following_the_advice_for_many_servers(run: Run, server: Server) -> None:
    holds(run, server, None)


@pytest.mark.slow
@given(servers)
@settings(max_examples=examples(20 * EXAMPLES))
def test_following_the_advice_for_many_servers_with_stores(
    run: Run, stores: Stores, server: Server
) -> None:
    holds(run, server, stores)


# What people had, and what the right advice was


def found(run: Run, sites: str, *records: str, express: bool = False) -> dict[str, list[Finding]]:
    """What a check with sites finds, by rule; the findings know of each other."""
    Path("sslbind.toml").write_text(
        "\n".join(('version = 1\nwindows = "2022"', *records)), encoding="utf-8"
    )
    bindings = []
    for number, line in enumerate(filter(None, sites.splitlines()), 1):
        information, _, flags = line.strip().partition(" ")
        parts = parse_information(information)
        bindings.append(
            SiteBinding(f"s{number}", "https", information, *parts, int(flags or 0), number)
        )
    given = [Sites("x", tuple(bindings), express=express)] if bindings else []
    by_rule: dict[str, list[Finding]] = {}
    for one in check_registry(Session(Registry.open()), NOW, sites=given).findings:
        by_rule.setdefault(one.rule, []).append(one)
    return by_rule


def test_a_new_site_on_one_address_gets_sni(run: Run) -> None:
    """A record of the address would answer for every other name: the fix is SNI."""
    some = found(
        run,
        "*:443:shop.example 1\n192.0.2.61:443:new.example\n*:443:",
        record("0.0.0.0:443", "1" * 40),
        record("shop.example:443", "2" * 40),
    )
    [one] = some["binding-without-record"]
    assert one.command == (
        "sslbind add sslcert hostnameport=new.example:443 certhash=THUMBPRINT appid=iis"
        " certstorename=MY"
    )
    assert one.advice is not None
    assert one.advice.startswith("set sslFlags 1 (SNI) for it in IIS, and add the record;")
    assert one.advice.endswith(
        "a record for 192.0.2.61:443 would answer every name at that address with its certificate"
    )


def test_two_addresses_do_not_shadow_each_other(run: Run) -> None:
    """Nobody asks for a name at an address to which no site with the name is bound."""
    records = (
        record("192.0.2.61:443", "1" * 40),
        record("shop.example:443", "2" * 40),
        record("blog.example:443", "3" * 40),
    )
    sites = "192.0.2.61:443:\n192.0.2.62:443:shop.example 1\n192.0.2.62:443:blog.example 1"
    assert "ip-shadows-sni" not in found(run, sites, *records)
    assert "ip-shadows-sni" in found(run, "", *records)
    some = found(run, sites.replace("192.0.2.62:443:blog", "*:443:blog"), *records)
    assert "at 192.0.2.61 for blog.example get" in some["ip-shadows-sni"][0].message.replace(
        "connect to 192.0.2.61", "at 192.0.2.61"
    )


def test_another_product_took_the_wildcard(run: Run) -> None:
    """One command for one key, with the owner of the site that needs it, and the cause."""
    some = found(
        run,
        "*:443:\n*:443:portal.example 1",
        record("[::]:443", "1" * 40, appid=REPORTS),
        record("portal.example:443", "2" * 40),
    )
    commands = [one.command for there in some.values() for one in there if one.command]
    assert commands == [
        "sslbind add sslcert ipport=0.0.0.0:443 certhash=THUMBPRINT appid=iis certstorename=MY"
    ]
    [one] = some["binding-without-record"]
    assert one.message.endswith(
        "; Reporting Services has [::]:443, and its configuration tool may have removed"
        " 0.0.0.0:443, which all products of a port share"
    )


def test_records_of_bindings_with_a_slip(run: Run) -> None:
    """The record that the corrected binding needs is not an orphan, and nothing deletes it."""
    some = found(
        run,
        "*:8443: 1\n2001:db8:45:6::7:443:\n*:443:shop.example\n*:443:",
        record("0.0.0.0:8443", "1" * 40),
        record("[2001:db8:45:6::7]:443", "2" * 40),
        record("shop.example:443", "3" * 40),
        record("0.0.0.0:443", "4" * 40),
    )
    assert "orphan-record" not in some
    assert "shared-ip-port" not in some
    assert [one.key for one in some["sni-flag-missing"]] == ["shop.example:443"]
    assert {"sslflags-needs-host", "ipv6-unbracketed"} <= some.keys()
    assert [one.command for there in some.values() for one in there if one.command] == []


def test_the_ports_of_iis_express(run: Run) -> None:
    """What its installer binds is not an orphan; another port is named for what it is."""
    express = "{214124cd-d05b-4309-9af9-9caa44b2b74a}"
    records = [record(f"0.0.0.0:{port}", "1" * 40, appid=express) for port in (44300, 44399, 44400)]
    some = found(run, "*:44300:localhost\n*:39399:localhost", *records, express=True)
    assert [one.key for one in some["orphan-record"]] == ["0.0.0.0:44400"]
    [one] = some["binding-without-record"]
    assert one.advice is not None
    assert one.advice.startswith(
        "give the site a port from 44300 to 44399, which the installer of IIS Express has bound,"
        " or add the record"
    )


def test_two_owners_on_the_wildcards(run: Run) -> None:
    """No command gives a record another owner: each owner's own tool is named."""
    some = found(run, "", record("0.0.0.0:443", "1" * 40), record("[::]:443", "2" * 40, appid=SSTP))
    [one] = some["v6-wildcard-differs"]
    assert one.command is None
    assert one.advice is not None
    assert "Set-RemoteAccess -SslCertificate" in one.advice


def test_trust_lists_of_adfs(run: Run) -> None:
    """The endpoint of user certificates has no AdfsTrustedDevices, the others have it."""
    tags = 'sslctlstorename = "AdfsTrustedDevices"'
    names = ("certauth.fs.example:443", "fs.example:443", "localhost:443")
    good = [record(name, "1" * 40, appid=ADFS, tags=tags) for name in names[1:]]
    some = found(run, "", record(names[0], "1" * 40, appid=ADFS), *good)
    assert {rule for rule in some if rule.startswith("adfs")} == set()
    some = found(run, "", record(names[0], "1" * 40, appid=ADFS, tags=tags), *good)
    assert [one.key for one in some["adfs-certauth-ctl"]] == ["certauth.fs.example:443"]
    assert [one.key for one in found(run, "", *good)["adfs-no-certauth"]] == ["fs.example:443"]


def test_records_of_adfs_with_an_old_certificate(run: Run) -> None:
    """Every record of AD FS has the certificate of the service name."""
    some = found(
        run,
        "",
        record("fs.example:443", "2" * 40, appid=ADFS),
        record("localhost:443", "1" * 40, appid=ADFS),
        record("fs.example:49443", "1" * 40, appid=ADFS),
    )
    assert {(one.key, one.command) for one in some["adfs-record-stale"]} == {
        (key, f"sslbind update sslcert hostnameport={key} certhash={'2' * 40} certstorename=MY")
        for key in ("localhost:443", "fs.example:49443")
    }
    some = found(
        run,
        "",
        record("fs.example:443", "2" * 40, appid=ADFS),
        record("sts.example:443", "1" * 40, appid=ADFS),
    )
    assert "adfs-record-stale" not in some
    assert len(some["adfs-old-name"]) == 1


def test_a_host_name_record_without_a_store(run: Run) -> None:
    """netsh refuses it with error 87."""
    some = found(run, "", record("a.example:443", "1" * 40, store=None))
    [one] = some["host-without-store"]
    assert one.command == "sslbind update sslcert hostnameport=a.example:443 certstorename=MY"


def test_commands_that_contradict_each_other(run: Run) -> None:
    """A command that would take a right certificate away is left out, and says from whom."""
    some = found(
        run,
        "[::]:443:\n*:443:fs.example 1",
        record("0.0.0.0:443", "1" * 40, appid=ADFS),
        record("fs.example:443", "2" * 40, appid=ADFS),
        record("10.0.0.5:443", "3" * 40, appid=SSTP),
    )
    [one] = some["ip-shadows-sni"]
    assert one.command is None
    assert one.advice is not None
    assert "it belongs to SSTP" in one.advice


def test_what_the_commands_lead_to_is_in_the_plan(run: Run) -> None:
    """The default of the port follows SSTP's name where that of IIS is an orphan and goes."""
    some = found(
        run,
        "*:443: 1",
        record("10.0.0.5:443", "1" * 40),
        record("b.example:443", "1" * 40),
        record("a.example:443", "1" * 40, appid=SSTP),
    )
    [one] = some["no-default-ssl"]
    assert one.command == (
        f"sslbind add sslcert ipport=0.0.0.0:443 certhash={'1' * 40} appid=sstp certstorename=MY"
    )


def test_turning_the_central_store_on_is_part_of_the_plan(run: Run) -> None:
    """With the central store on, the record of the address would answer for its hosts."""
    some = found(
        run,
        "",
        record("0.0.0.0:443", "1" * 40),
        record("10.0.0.5:443", "1" * 40),
        record("443", None),
    )
    assert [one.command for one in some["ccs-disabled"]] == ["sslbind ccs enable ccs"]
    [one] = some["ip-shadows-sni"]
    assert one.message.startswith("after the other commands: it takes precedence over every name")
    assert one.command == "sslbind delete sslcert ipport=10.0.0.5:443"


def test_a_record_of_the_central_store_gets_no_certificate(run: Run) -> None:
    """AD FS may own the record of the central store, which names no certificate."""
    some = found(
        run, "", record("fs.example:443", "1" * 40, appid=ADFS), record("443", None, appid=ADFS)
    )
    assert "adfs-record-stale" not in some


def test_what_changes_no_answer_is_not_tried(run: Run) -> None:
    """Naming the store that is searched anyway is offered for however many addresses."""
    records = [
        record(f"10.0.{number // 250}.{number % 250}:443", "1" * 40, store=None)
        for number in range(500)
    ]
    some = found(run, "", *records)
    assert len({one.command for one in some["null-store"]}) == 500
    assert None not in {one.command for one in some["null-store"]}
