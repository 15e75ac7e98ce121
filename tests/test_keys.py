"""Keys: every spelling of a key is the same key; an invalid one is error 87 with the value."""

from __future__ import annotations

from ipaddress import IPv6Address
from pathlib import Path

import pytest
from conftest import IIS, WRONG, A, Run
from hypothesis import example, given
from hypothesis import strategies as st

from sslbind.errors import BadValueError, SslbindError
from sslbind.keys import (
    CCS,
    HOSTNAMEPORT,
    IPPORT,
    KIND_BY_NAME,
    KINDS,
    SCOPEDCCS,
    Key,
    Kind,
    infer_key,
    parse_key,
    plain_keys,
)

SPELLINGS = [
    ("ipport", "1.2.3.4:443", "1.2.3.4:443"),
    ("ipport", "0.0.0.0:1", "0.0.0.0:1"),
    ("ipport", "255.255.255.255:65535", "255.255.255.255:65535"),
    ("ipport", "[::]:443", "[::]:443"),
    ("ipport", "[0:0:0:0:0:0:0:0]:443", "[::]:443"),
    ("ipport", "[FE80::1]:443", "[fe80::1]:443"),
    ("ipport", "[2001:0DB8:0000:0000:0001:0000:0000:0001]:443", "[2001:db8::1:0:0:1]:443"),
    ("ipport", "[2001:db8:0:1:1:1:1:1]:443", "[2001:db8:0:1:1:1:1:1]:443"),
    ("hostnameport", "www.contoso.com:443", "www.contoso.com:443"),
    ("hostnameport", "WWW.Contoso.COM:8443", "www.contoso.com:8443"),
    ("hostnameport", "www.contoso.com.:443", "www.contoso.com:443"),
    ("hostnameport", "my_host.contoso.com:443", "my_host.contoso.com:443"),
    ("hostnameport", "localhost:443", "localhost:443"),
    ("hostnameport", "*.contoso.com:443", "*.contoso.com:443"),
    ("hostnameport", "münchen.de:443", "münchen.de:443"),
    ("hostnameport", "MÜNCHEN.de:443", "münchen.de:443"),
    ("hostnameport", "xn--mnchen-3ya.de:443", "münchen.de:443"),
    ("hostnameport", "XN--MNCHEN-3YA.DE:443", "münchen.de:443"),
    ("hostnameport", "*.xn--mnchen-3ya.de:443", "*.münchen.de:443"),
    ("hostnameport", "mu\u0308nchen.de:443", "münchen.de:443"),
    ("hostnameport", "münchen。de:443", "münchen.de:443"),
    ("ccs", "443", "443"),
    ("scopedccs", "Shop.Contoso.com:443", "shop.contoso.com:443"),
    ("scopedccs", "*.contoso.com:443", "*.contoso.com:443"),
]


@pytest.mark.parametrize(("kind", "text", "canonical"), SPELLINGS)
def test_canonical(kind: str, text: str, canonical: str) -> None:
    """Keys are lower case, Unicode, without trailing dot; IPv6 is compressed and bracketed."""
    key = parse_key(KIND_BY_NAME[kind], text)
    assert str(key) == canonical
    assert key == parse_key(KIND_BY_NAME[kind], canonical)
    assert hash(key) == hash(parse_key(KIND_BY_NAME[kind], canonical))


def test_mapped_addresses_stay_ipv6() -> None:
    """``::ffff:10.0.0.5`` is an IPv6 address, however it is written, and not 10.0.0.5."""
    dotted = parse_key(IPPORT, "[::ffff:10.0.0.5]:443")
    assert dotted == parse_key(IPPORT, "[::FFFF:a00:5]:443")
    assert dotted != parse_key(IPPORT, "10.0.0.5:443")
    assert str(dotted).startswith("[::ffff:")


NO_KEYS = [
    ("ipport", "www.contoso.com:443"),
    ("ipport", "1.2.3.4"),
    ("ipport", "1.2.3.4:"),
    ("ipport", "1.2.3.4:0"),
    ("ipport", "1.2.3.4:65536"),
    ("ipport", "1.2.3.4:0443"),
    ("ipport", "1.2.3.4:+443"),
    ("ipport", "1.2.3.4:\uff14\uff14\uff13"),
    ("ipport", "1.2.3.4:443 "),
    ("ipport", "01.2.3.4:443"),
    ("ipport", "1.2.3:443"),
    ("ipport", "1.2.3.256:443"),
    ("ipport", "*:443"),
    ("ipport", ":443"),
    ("ipport", "443"),
    ("ipport", ""),
    ("ipport", "::1:443"),
    ("ipport", "2001:db8::1"),
    ("ipport", "[::1]"),
    ("ipport", "[fe80::1%eth0]:443"),
    ("ipport", "[1.2.3.4]:443"),
    ("ipport", "[::1]443"),
    ("ipport", "[::g]:443"),
    ("hostnameport", "www.contoso.com"),
    ("hostnameport", "www.contoso.com:99999"),
    ("hostnameport", "1.2.3.4:443"),
    ("hostnameport", "[::1]:443"),
    ("hostnameport", "*:443"),
    ("hostnameport", "*:"),
    ("hostnameport", "www.*.com:443"),
    ("hostnameport", "w*.contoso.com:443"),
    ("hostnameport", "*.*.contoso.com:443"),
    ("hostnameport", "a..b:443"),
    ("hostnameport", ".contoso.com:443"),
    ("hostnameport", "con toso.com:443"),
    ("hostnameport", "con\x1b[31mtoso.com:443"),
    ("hostnameport", "../x:443"),
    ("hostnameport", "a" * 64 + ".com:443"),
    ("hostnameport", ".".join(["a" * 60] * 5) + ":443"),
    ("hostnameport", ""),
    ("ccs", "www.contoso.com:443"),
    ("ccs", "0"),
    ("ccs", "70000"),
    ("ccs", "-1"),
    ("ccs", ""),
    ("scopedccs", "443"),
    ("scopedccs", "10.0.0.5:443"),
]


@pytest.mark.parametrize(("kind", "text"), NO_KEYS)
def test_no_key(kind: str, text: str) -> None:
    """What is not a key is error 87, and the sentence says which value."""
    with pytest.raises(BadValueError) as caught:
        parse_key(KIND_BY_NAME[kind], text)
    assert caught.value.code == 87
    assert f"{kind}={text}" in caught.value.message


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("443", CCS),
        ("10.0.0.5:443", IPPORT),
        ("[::1]:443", IPPORT),
        ("www.contoso.com:443", HOSTNAMEPORT),
        ("*.contoso.com:443", HOSTNAMEPORT),
    ],
)
def test_bare_key(text: str, kind: Kind) -> None:
    """The kind of a bare key is recognized by its form."""
    assert infer_key(text).kind is kind


def test_bare_key_of_the_central_store() -> None:
    """If only the central store can be meant, a name is a scoped key."""
    assert infer_key("www.contoso.com:443", scoped=True).kind is SCOPEDCCS


@given(st.sampled_from(KINDS), st.text(max_size=60))
def test_any_text(kind: Kind, text: str) -> None:
    """Any text is a key or an SslbindError; a key's own text means the same key."""
    try:
        key = parse_key(kind, text)
    except SslbindError:
        return
    assert parse_key(kind, str(key)) == key


HOSTS = st.text("aäß\u03c3\u03c2漢\u0663-_.*xn1\u0966\u200d\u0301AÉ", max_size=20)


_NAMED = st.sampled_from([HOSTNAMEPORT, SCOPEDCCS])
_PLAIN = st.integers(0, 99999).map("www{0}.contoso.com:{0}".format)


@given(_NAMED, st.lists(_PLAIN | st.sampled_from([text for _, text, _ in SPELLINGS])))
@example(HOSTNAMEPORT, ["a:1\nb:2", "c"])
@example(HOSTNAMEPORT, ["a:1\nb:2"])
@example(HOSTNAMEPORT, [f"{'a.' * 126}ab:1"])
@example(HOSTNAMEPORT, ["xn--:1"])
@example(IPPORT, ["10.0.0.5:443"])
@example(HOSTNAMEPORT, [])
def test_many_at_once(kind: Kind, texts: list[str]) -> None:
    """Each gives the key that it gives alone; if one is not plain, there is no result for any."""
    assert plain_keys(kind, texts) in ({}, {text: _key_or_none(kind, text) for text in texts})


def test_plain_names_at_once() -> None:
    texts = ["www.contoso.com:443", "*.contoso.com:1", "my_host:65535"]
    assert [*plain_keys(HOSTNAMEPORT, texts)] == texts
    assert plain_keys(HOSTNAMEPORT, [*texts, "www.contoso.com:65536"]) == {}


def _key_or_none(kind: Kind, text: str) -> Key | None:
    try:
        return parse_key(kind, text)
    except BadValueError:
        return None


@given(HOSTS)
def test_any_host(host: str) -> None:
    """A host's canonical form is a fixed point, in both its forms."""
    try:
        key = parse_key(HOSTNAMEPORT, f"{host}:443")
    except SslbindError:
        return
    assert parse_key(HOSTNAMEPORT, str(key)) == key
    assert str(key) == str(key).lower()


@given(st.builds(IPv6Address, st.integers(0, 2**128 - 1)))
def test_any_ipv6(address: IPv6Address) -> None:
    """Every IPv6 address is taken in its long form, and printed in brackets."""
    exploded = address.exploded
    assert str(parse_key(IPPORT, f"[{exploded}]:443")).endswith("]:443")


def test_one_record_for_all_spellings(run: Run, bare: Path) -> None:
    """Unicode and punycode, upper and lower case and a trailing dot find one record."""
    del bare
    tags = (f"certhash={A}", "appid=iis", "certstorename=MY")
    assert run("add", "sslcert", "hostnameport=münchen.de:443", *tags).code == 0
    for spelling in ("xn--mnchen-3ya.de:443", "MÜNCHEN.DE.:443", "münchen.de:443"):
        assert run("add", "sslcert", f"hostnameport={spelling}", *tags).code == 1
        shown = run("show", "sslcert", spelling)
        assert "    Hostname:port                : münchen.de:443\n" in shown.out


def test_written_canonical(run: Run, bare: Path) -> None:
    """A new record is written by its canonical key."""
    tags = (f"certhash={A}", "appid=iis", "certstorename=MY")
    run("add", "sslcert", "ipport=[2001:DB8:0::0:1]:443", *tags)
    run("add", "sslcert", "hostnameport=XN--MNCHEN-3YA.de.:443", *tags)
    text = bare.read_text(encoding="utf-8")
    assert '[SslBindingInfo."[2001:db8::1]:443"]\n' in text
    assert '[SslSniBindingInfo."münchen.de:443"]\n' in text


def test_the_files_spelling_is_kept(run: Run, bare: Path) -> None:
    """A record that the file spells otherwise is found and updated, its spelling kept."""
    head = '[SslSniBindingInfo."WWW.Contoso.com:443"]\n'
    body = f'certhash = "{A}"\nappid = "{IIS}"\ncertstorename = "MY"\n'
    bare.write_text(f"version = 1\n\n{head}{body}")
    changed = run("update", "sslcert", "www.contoso.com:443", "disablehttp2=enable")
    assert changed.code == 0
    text = bare.read_text()
    assert text == f"version = 1\n\n{head}{body}disablehttp2 = true\n"


@pytest.mark.parametrize(("kind", "text"), [("ipport", "www.contoso.com:443"), ("ccs", "70000")])
def test_answer(run: Run, bare: Path, kind: str, text: str) -> None:
    """On the command line this is netsh's bare sentence, and a hint with the value."""
    del bare
    result = run("add", "sslcert", f"{kind}={text}", f"certhash={A}", "appid=iis")
    assert (result.code, result.out) == (1, WRONG)
    assert f"hint: {kind}={text}: " in result.err
