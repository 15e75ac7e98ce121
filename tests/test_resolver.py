"""Who answers a connection: the table of cases, and a second formulation of the order."""

from __future__ import annotations

import re

import pytest
from conftest import IIS
from hypothesis import given
from hypothesis import strategies as st

from sslbind import Answer, Release, State, resolve
from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Key, infer_key, parse_key
from sslbind.resolver import address_records, unused

LETTERS = {letter: f"{number:x}" * 40 for number, letter in enumerate("ABSVW", 10)}


class Files(frozenset[str]):
    """The files of a central store, by their stems; those that end in ``locked`` do not open."""

    def opens(self, stem: str) -> bool:
        return not stem.endswith("locked")


class Held(frozenset[str]):
    """The thumbprints of the certificates in the stores that have their keys."""

    def has(self, thumbprint: str, store: str) -> bool:
        return store == "MY" and thumbprint in self


def record(key: Key, letter: str = "", *, reject: bool = False) -> Binding:
    """A record of IIS with the certificate of that letter, without one for the central store."""
    values = {"certhash": LETTERS[letter], "certstorename": "MY"} if letter else {}
    return Binding(key, {"appid": IIS, "reject": reject, **values})


def state(records: str, files: str = "", windows: str = "2022", listen: str = "") -> State:
    """A server: ``records`` as ``10.0.0.5=B www.contoso.com=S!reject *=ccs``, all on port 443."""
    bindings = {}
    for text in records.split():
        where, _, what = text.rpartition("=")
        letter, _, tag = what.partition("!")
        if letter == "ccs":
            key = parse_key(SCOPEDCCS if where else CCS, f"{where}:443" if where else "443")
        else:
            key = infer_key(f"{where}:443")
        letter = "" if letter == "ccs" else letter
        bindings[key] = record(key, letter, reject=tag == "reject")
    central = Files(files.split()) if files else None
    release = Release[f"W{windows.upper()}"]
    return State(release, bindings, tuple(listen.split()), central)


def told(answer: Answer) -> str:
    """The outcome in short: the letter of the certificate, the stem of the file, or the word."""
    if answer.outcome != "certificate" or answer.binding is None or answer.step is None:
        return answer.outcome
    letters = {thumbprint: letter for letter, thumbprint in LETTERS.items()}
    return letters.get(answer.binding.certhash or "", answer.step.stem)


WWW, SHOP = "www.contoso.com", "shop.contoso.com"
HIJACK = f"10.0.0.5=B {WWW}=S"
MIXED = f"0.0.0.0=A {WWW}=S"
CENTRAL = "=ccs"
CASES = {
    "an exact address comes before every address": ("0.0.0.0=A 10.0.0.5=B", "10.0.0.5", None, "B"),
    "another address has the wildcard's": ("0.0.0.0=A 10.0.0.5=B", "10.0.0.6", None, "A"),
    "an exact address hijacks the name": (HIJACK, "10.0.0.5", WWW, "B"),
    "the name answers on other addresses": (HIJACK, "10.0.0.6", WWW, "S"),
    "a name comes before every address": (MIXED, "10.0.0.5", WWW, "S"),
    "another name has the default": (MIXED, "10.0.0.5", "other.contoso.com", "A"),
    "a client without SNI has the default": (MIXED, "10.0.0.5", None, "A"),
    "without a default no SNI is reset": (f"{WWW}=S", "10.0.0.5", None, "no-match"),
    "without a default another name is reset": (f"{WWW}=S", "10.0.0.5", "other.com", "no-match"),
    "[::] has IPv6": ("0.0.0.0=A [::]=V", "2001:db8::1", None, "V"),
    "[::] has no IPv4": ("0.0.0.0=A [::]=V", "10.0.0.5", None, "A"),
    "0.0.0.0 answers IPv6 as well": ("0.0.0.0=A", "2001:db8::1", None, "A"),
    "[::] alone leaves IPv4 without an answer": ("[::]=V", "10.0.0.5", None, "no-match"),
    "an exact IPv6 address comes before [::]": ("[::]=V [2001:db8::1]=B", "2001:db8::1", WWW, "B"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_order_of_records(case: str) -> None:
    """Exact address, name, [::], 0.0.0.0: each line of the table of cases."""
    records, address, name, expected = CASES[case]
    assert told(resolve(state(records), address, 443, name)) == expected


def test_the_port_is_part_of_the_key() -> None:
    """A record of port 443 answers nothing on 8443."""
    assert resolve(state(MIXED), "10.0.0.5", 8443, WWW).outcome == "no-match"


BOTH = f"{WWW} _.contoso.com"
CENTRAL_CASES = {
    "a name's own file comes first": (CENTRAL, BOTH, "10.0.0.5", WWW, WWW),
    "the wildcard's file serves the other names": (
        CENTRAL, BOTH, "10.0.0.5", SHOP, "_.contoso.com",
    ),
    "the wildcard's file covers one label": (
        f"{CENTRAL} 0.0.0.0=A", "_.contoso.com", "10.0.0.5", "a.b.contoso.com", "A",
    ),
    "without SNI no file is looked for": (
        f"{CENTRAL} 0.0.0.0=A", "_.contoso.com", "10.0.0.5", None, "A",
    ),
    "a name's record comes before its file": (f"{CENTRAL} {WWW}=S", WWW, "10.0.0.5", WWW, "S"),
    "an exact address comes before a file": (
        f"{CENTRAL} 10.0.0.5=B 0.0.0.0=A", WWW, "10.0.0.5", WWW, "B",
    ),
    "a file comes before 0.0.0.0": (
        f"{CENTRAL} 10.0.0.5=B 0.0.0.0=A", WWW, "10.0.0.6", WWW, WWW,
    ),
    "a record without a file answers nobody": (CENTRAL, "else", "10.0.0.5", WWW, "no-match"),
    "a provider that is not enabled serves no file": (CENTRAL, "", "10.0.0.5", WWW, "no-match"),
    "a file without a record is not looked at": ("0.0.0.0=A", WWW, "10.0.0.5", WWW, "A"),
    "a scoped record serves its name alone": (f"{WWW}=ccs 0.0.0.0=A", BOTH, "10.0.0.5", SHOP, "A"),
    "a scoped record comes before the port's": (f"{WWW}=ccs =ccs", WWW, "10.0.0.5", WWW, WWW),
    "a scoped wildcard serves the names below": (
        "*.contoso.com=ccs", BOTH, "10.0.0.5", SHOP, "_.contoso.com",
    ),
    "a file that does not open breaks the connection": (
        f"{CENTRAL} 0.0.0.0=A", "a.locked", "10.0.0.5", "a.locked", "broken",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CENTRAL_CASES)
def test_the_central_store(case: str) -> None:
    """A ccs record answers where there is a file for the name; else the search goes on."""
    records, files, address, name, expected = CENTRAL_CASES[case]
    assert told(resolve(state(records, files), address, 443, name)) == expected


RELEASES = {
    "a wildcard name answers from 2016 on": ("*.contoso.com=W", "2016", "W", ""),
    "2012 R2 looks for no wildcard name": (
        "*.contoso.com=W", "2012r2", "no-match", "*.contoso.com:443",
    ),
    "2008 R2 looks for no name": (MIXED, "2008r2", "A", "www.contoso.com:443"),
    "2012 looks for names": (MIXED, "2012", "S", ""),
    "reject drops the connection": (f"{WWW}=S!reject 0.0.0.0=A", "2022", "dropped", ""),
    "2012 R2 does not know reject": (f"{WWW}=S!reject 0.0.0.0=A", "2012r2", "S", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", RELEASES)
def test_releases(case: str) -> None:
    """A release does not use what it does not know, and ``unused`` reports it."""
    records, windows, expected, passed = RELEASES[case]
    server = state(records, windows=windows)
    answer = resolve(server, "10.0.0.5", 443, WWW)
    assert told(answer) == expected
    assert " ".join(map(str, unused(server, answer))) == passed


def test_ccs_records_of_old_releases_are_unused() -> None:
    """scopedccs exists from 2022 on, ccs from 2012 on."""
    server = state(f"=ccs {WWW}=ccs 0.0.0.0=A", WWW, windows="2008r2")
    answer = resolve(server, "10.0.0.5", 443, WWW)
    assert told(answer) == "A"
    assert [str(key) for key in unused(server, answer)] == ["www.contoso.com:443", "443"]
    assert unused(server, resolve(server, "10.0.0.5", 443)) == ()


@pytest.mark.parametrize(
    ("listen", "address", "expected"),
    [
        ("", "10.0.0.5", "A"),
        ("10.0.0.5", "10.0.0.5", "A"),
        ("10.0.0.5", "10.0.0.6", "not-listening"),
        ("10.0.0.5", "2001:db8::1", "not-listening"),
        ("0.0.0.0", "10.0.0.6", "A"),
        ("0.0.0.0", "2001:db8::1", "not-listening"),
        ("::", "2001:db8::1", "A"),
        ("10.0.0.5", "::ffff:10.0.0.5", "A"),
    ],
)
def test_the_ip_listen_list(listen: str, address: str, expected: str) -> None:
    """An address that is not in the list has no listener; 0.0.0.0 and :: list a whole family."""
    answer = resolve(state("0.0.0.0=A", listen=listen), address, 443)
    assert told(answer) == expected
    assert (answer.steps == ()) is (expected == "not-listening")


@pytest.mark.parametrize(
    ("name", "looked_up"),
    [
        ("WWW.Contoso.Com", "www.contoso.com"),
        ("www.contoso.com.", "www.contoso.com"),
        ("xn--bcher-kva.de", "bücher.de"),
        ("BÜCHER.de", "bücher.de"),
        ("10.0.0.5", None),
        ("10.0.0.5.", None),
        ("2001:db8::1", None),
        ("[2001:db8::1]", None),
        ("", None),
        (None, None),
        ("a/b", ""),
        ("../../x", ""),
        ("*.contoso.com", ""),
        ("a\0b", ""),
        ("..", ""),
        ("www.contoso.com..", ""),
        ("www.contoso.com。", "www.contoso.com"),
        ("a" * 64, ""),
    ],
)
def test_the_name_that_is_looked_up(name: str | None, looked_up: str | None) -> None:
    """Case and one trailing dot are ignored; addresses are not names; junk matches nothing."""
    assert resolve(state(""), "10.0.0.5", 443, name).name == looked_up


def test_a_mapped_address_is_ipv4() -> None:
    """::ffff:10.0.0.5 is 10.0.0.5, in any spelling."""
    server = state("10.0.0.5=B [::]=V")
    for address in ("::ffff:10.0.0.5", "::FFFF:a00:5", "0:0:0:0:0:ffff:10.0.0.5"):
        answer = resolve(server, address, 443)
        assert (told(answer), answer.address) == ("B", "10.0.0.5")


@pytest.mark.parametrize("address", ["", "10.0.0", "10.0.0.05", "fe80::1%eth0", "www.contoso.com"])
def test_what_is_no_address(address: str) -> None:
    """The address has to be valid; nothing else makes it fail."""
    with pytest.raises(BadValueError):
        resolve(state(""), address, 443)


def test_broken_is_inferred_and_final() -> None:
    """A record whose certificate is not in its store is still picked: no later record is tried."""
    server = state(MIXED)._replace(certificates=Held([LETTERS["A"]]))
    answer = resolve(server, "10.0.0.5", 443, WWW)
    assert (answer.outcome, answer.documented) == ("broken", False)
    assert answer.binding is not None
    assert answer.binding.key == parse_key(HOSTNAMEPORT, "www.contoso.com:443")
    assert told(resolve(server, "10.0.0.5", 443)) == "A"


def test_steps_and_what_was_passed_over() -> None:
    """The steps end with the answer; records after it that would match too are passed over."""
    server = state(f"0.0.0.0=A {WWW}=S *.contoso.com=W =ccs", WWW)
    answer = resolve(server, "10.0.0.5", 443, WWW)
    assert [(one.name, one.tried, one.hit, one.documented) for one in answer.steps] == [
        ("ipport", "ipport=10.0.0.5:443", False, True),
        ("hostnameport", "hostnameport=www.contoso.com:443", True, True),
    ]
    assert list(map(str, answer.passed_over)) == ["*.contoso.com:443", "443", "0.0.0.0:443"]


def test_every_step_in_order() -> None:
    """All steps, for an IPv6 connection with a name; what is inferred is marked as such."""
    answer = resolve(state("", windows="2025"), "2001:db8::1", 443, WWW)
    files = "www.contoso.com.pfx or _.contoso.com.pfx"
    assert [(one.name, one.tried, one.documented) for one in answer.steps] == [
        ("ipport", "ipport=[2001:db8::1]:443", True),
        ("hostnameport", "hostnameport=www.contoso.com:443", True),
        ("wildcard-hostnameport", "hostnameport=*.contoso.com:443", False),
        ("scopedccs", f"scopedccs=www.contoso.com:443 with {files}", False),
        ("scopedccs", f"scopedccs=*.contoso.com:443 with {files}", False),
        ("ccs", f"ccs=443 with {files}", True),
        ("ipv6-wildcard", "ipport=[::]:443", True),
        ("ipv4-wildcard", "ipport=0.0.0.0:443", True),
    ]


# A second formulation: every record has a rank for the connection, and the lowest one answers.

HOSTS = ["contoso.com", "www.contoso.com", "a.www.contoso.com", "bücher.contoso.com", "localhost"]
SCOPES = [*HOSTS, "*.contoso.com", "*.www.contoso.com", "*.com"]
FILES = [*HOSTS, "_.contoso.com", "_.com", "_.www.contoso.com"]
ADDRESSES = ["10.0.0.5", "10.0.0.6", "2001:db8::1", "0.0.0.0", "::"]
PORTS = [443, 8443]
KEYS = st.one_of(
    st.builds(Key, st.just(IPPORT), st.sampled_from(ADDRESSES), st.sampled_from(PORTS)),
    st.builds(
        Key,
        st.sampled_from([HOSTNAMEPORT, HOSTNAMEPORT, SCOPEDCCS]),
        st.sampled_from(SCOPES),
        st.sampled_from(PORTS),
    ),
    st.builds(Key, st.just(CCS), st.just(""), st.sampled_from(PORTS)),
)
RECORDS = KEYS.flatmap(
    lambda key: st.builds(
        record,
        st.just(key),
        st.sampled_from("ABS") if key.kind.certificate else st.just(""),
        reject=st.sampled_from([False, False, False, True]),
    )
)
STATES = st.builds(
    lambda release, records, listen, central, certificates: State(
        release, {one.key: one for one in records}, tuple(listen), central, certificates
    ),
    st.sampled_from(Release),
    st.lists(RECORDS, max_size=12),
    st.just([]) | st.lists(st.sampled_from(ADDRESSES), max_size=2),
    st.none() | st.lists(st.sampled_from(FILES), max_size=5).map(Files),
    st.none() | st.lists(st.sampled_from([LETTERS[one] for one in "ABS"]), max_size=3).map(Held),
)
SPELLED: dict[str | None, list[str | None]] = {
    "10.0.0.5": ["10.0.0.5", "::ffff:10.0.0.5", "::FFFF:A00:5"],
    "10.0.0.6": ["10.0.0.6", "::ffff:a00:6"],
    "2001:db8::1": ["2001:db8::1", "2001:0DB8:0:0::1"],
    "0.0.0.0": ["0.0.0.0"],
    "::": ["::", "0:0::0"],
    "contoso.com": ["contoso.com", "CONTOSO.com."],
    "www.contoso.com": ["www.contoso.com", "WWW.contoso.COM", "www.contoso.com."],
    "a.www.contoso.com": ["A.www.contoso.com"],
    "bücher.contoso.com": ["BÜCHER.contoso.com", "XN--bcher-kva.Contoso.com."],
    "localhost": ["localhost", "LocalHost."],
    "b.contoso.com": ["b.contoso.com"],
    "": ["a/b", "*.contoso.com", "-..", "a..contoso.com", "..\\x", "é" * 300, "\ud800", "x" * 64],
    None: [None, "", "10.0.0.5", "[::1]", "2001:db8::1", "10.0.0.5."],
}  # fmt: skip


def spelled(canonical: list[str | None]) -> st.SearchStrategy[tuple[str | None, str | None]]:
    """Something to ask for in one of its spellings, with the canonical one."""
    return st.sampled_from([(one, text) for one in canonical for text in SPELLED[one]])


NAMES = [name for name in SPELLED if name not in ADDRESSES]
STEPS = {
    0: "ipport", 1: "hostnameport", 2: "wildcard-hostnameport", 3: "scopedccs", 4: "scopedccs",
    5: "ccs", 6: "ipv6-wildcard", 7: "ipv4-wildcard",
}  # fmt: skip


def ranks(server: State, key: Key, address: str, port: int, name: str | None) -> list[int]:
    """Every way in which a record matches the connection: one, or none."""
    if key.port != port:
        return []
    if key.kind is IPPORT:
        wildcards = {"0.0.0.0": [7], "::": [6] * (":" in address)}
        return wildcards.get(key.host, [0] * (key.host == address))
    if not name or server.release < Release.W2012:
        return []
    central = server.central if isinstance(server.central, Files) else Files()
    file = any(fits(stem, name) for stem in central)
    if key.kind is CCS:
        return [5] * file
    below = key.host == f"*.{name.partition('.')[2]}"
    if key.kind is HOSTNAMEPORT:
        return [1] * (key.host == name) or [2] * (below and server.release >= Release.W2016)
    scoped = file and server.release >= Release.W2022
    return [3] * (scoped and key.host == name) or [4] * (scoped and below)


def fits(stem: str, name: str) -> bool:
    """Whether a file of the central store serves a name."""
    if stem.startswith("_."):
        return re.fullmatch(r"[^.]+" + re.escape(stem[1:]), name) is not None
    return stem == name


@given(STATES, spelled([*ADDRESSES]), st.sampled_from(PORTS), spelled([*NAMES]))
def test_the_lowest_rank_answers(
    server: State,
    address: tuple[str, str],
    port: int,
    name: tuple[str | None, str | None],
) -> None:
    """Sorting the records by rank finds what the steps find: outcome, step, record, the rest."""
    answer = resolve(server, address[1], port, name[1])
    assert (answer.address, answer.name) == (address[0], name[0])
    bindings = server.bindings
    assert isinstance(bindings, dict)
    fitting = sorted(
        (rank, key) for key in bindings for rank in ranks(server, key, address[0], port, name[0])
    )
    family = "::" if ":" in address[0] else "0.0.0.0"
    if server.iplisten and not {address[0], family} & set(server.iplisten):
        assert (answer.outcome, answer.binding, answer.passed_over) == ("not-listening", None, ())
        return
    assert list(answer.passed_over) == [key for _, key in fitting[1:]]
    if not fitting:
        assert (answer.outcome, answer.step, answer.binding) == ("no-match", None, None)
        return
    rank, key = fitting[0]
    found: Binding = bindings[key]
    assert answer.binding is found
    assert answer.step is not None
    assert answer.step.name == STEPS[rank]
    rejected = found["reject"] and server.release >= Release.W2016
    there = server.certificates is None or (
        found.certhash is None or server.certificates.has(found.certhash, "MY")
    )
    assert answer.outcome == ("dropped" if rejected else "certificate" if there else "broken")


@given(
    STATES,
    *[st.sampled_from([one for one in ADDRESSES if one])] * 2,
    st.sampled_from(PORTS),
    st.sampled_from([*NAMES]),
)
def test_addresses_with_the_same_records(
    server: State, one: str, other: str, port: int, name: str | None
) -> None:
    """Two addresses with the same records answer alike, whatever name is sent."""
    answers = [resolve(server, address, port, name) for address in (one, other)]
    if any(answer.outcome == "not-listening" for answer in answers):
        return
    if address_records(server, one, port) == address_records(server, other, port):
        first, second = ((one.outcome, one.binding, one.passed_over) for one in answers)
        assert first == second


@given(STATES, st.text() | st.from_regex(r"[xn\-.\[\]:%0-9a-zß]{0,80}", fullmatch=True))
def test_any_name_is_taken(server: State, name: str) -> None:
    """Whatever is sent as a server name gets an answer."""
    answer = resolve(server, "10.0.0.5", 443, name)
    assert answer.outcome in ("certificate", "dropped", "broken", "no-match", "not-listening")
    unused(server, answer)
