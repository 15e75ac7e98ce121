"""``sslbind diff``: servers side by side, by binding and tag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, OTHER, A, B, Run
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import binding_lists, bindings, values
from tools import unix_names

from sslbind.binding import Binding
from sslbind.comparison import Comparison, Difference, ServerState, compare
from sslbind.formats.netsh import show_writer
from sslbind.keys import HOSTNAMEPORT, IPPORT, parse_key
from sslbind.release import Release
from sslbind.session import NO_STORE_NAME
from sslbind.tags import SSLFLAGS, STORE, STORED, TAG_BY_NAME

WEB1 = f"""\
version = 1
iplisten = ["10.0.0.5", "10.0.0.6"]

[SslBindingInfo."0.0.0.0:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"

[SslSniBindingInfo."www.contoso.com:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
reject = true

[SslSniBindingInfo."shop.contoso.com:443"]
certhash = "{B}"
appid = "{IIS}"
certstorename = "WebHosting"

[SslCcsBindingInfo.443]
appid = "{IIS}"
"""

SAME_OTHERWISE_WRITTEN = f"""\
# The same server: other order, other spelling, defaults written out.
version = 1
windows = "2022"
iplisten = ["10.0.0.6", "10.0.0.5"]
SslCcsBindingInfo.443 = {{ appid = "{IIS.upper()}", sslflags = 2 }}
SslSniBindingInfo."SHOP.contoso.com:443" = {{ appid = "{IIS}", certhash = "{B.upper()}", \
certstorename = "webhosting", usagecheck = true, revocationfreshnesstime = 0 }}
SslSniBindingInfo."WWW.contoso.com.:443" = {{ appid = "{IIS}", certhash = "{A}", \
certstorename = "My", reject = true, sslflags = 1 }}
SslBindingInfo."0.0.0.0:443" = {{ certstorename = "my", appid = "{IIS}", certhash = "{A}" }}
"""

WEB2 = WEB1.replace(
    "reject = true", "clientcertnegotiation = true\nrevocationfreshnesstime = 60"
).replace(f'[SslCcsBindingInfo.443]\nappid = "{IIS}"\n', "")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """Return a folder with web1.toml, written in two ways, and web2.toml, which differs."""
    (tmp_path / "web1.toml").write_text(WEB1)
    (tmp_path / "copy.toml").write_text(SAME_OTHERWISE_WRITTEN)
    (tmp_path / "web2.toml").write_text(WEB2)
    return tmp_path


@pytest.mark.usefixtures("web")
def test_the_same_in_another_spelling(run: Run) -> None:
    """Order, case, comments and defaults that are written out are not differences: exit 0."""
    result = run("diff", "web1.toml", "copy.toml")
    assert (result.code, result.out, result.err) == (
        0,
        "the same on both servers: 4 bindings\n",
        "",
    )
    assert run("diff", "web1.toml", "copy.toml", "--format", "json").json == {
        "version": 1,
        "servers": ["web1.toml", "copy.toml"],
        "same": 4,
        "differences": [],
        "not_compared": [],
    }


@pytest.mark.usefixtures("web")
def test_two_servers(run: Run) -> None:
    """Each difference is a tag, and each of its values with the servers that have it: exit 1."""
    result = run("diff", "web1.toml", "web2.toml")
    assert (
        result.out
        == """\
the same on both servers: 2 bindings

hostnameport=www.contoso.com:443
    revocationfreshnesstime  0        web1.toml
                             60       web2.toml
    clientcertnegotiation    disable  web1.toml
                             enable   web2.toml
    reject                   enable   web1.toml
                             disable  web2.toml

ccs=443
    binding  present  web1.toml
             -        web2.toml
"""
    )
    assert (result.code, result.err) == (1, "")


def test_three_servers(run: Run, web: Path) -> None:
    """A value appears once, with all its servers; a server without the binding has a dash."""
    (web / "web3.toml").write_text(f"""\
version = 1
windows = "2019"

[SslBindingInfo."0.0.0.0:443"]
certhash = "{B}"
appid = "{OTHER}"

[SslSniBindingInfo."shop.contoso.com:443"]
certhash = "{B}"
appid = "{IIS}"
certstorename = "WEBHOSTING"

[SslSniBindingInfo."shop.contoso.com:443".Other]
DefaultFlags = 0x8000
""")
    result = run("diff", "web1.toml", "web2.toml", "web3.toml")
    assert (
        result.out
        == f"""\
the same on all 3 servers: 0 bindings

server
    windows   2022                web1.toml, web2.toml
              2019                web3.toml
    iplisten  10.0.0.5, 10.0.0.6  web1.toml, web2.toml
              every address       web3.toml

ipport=0.0.0.0:443
    certhash       {A}  web1.toml, web2.toml
                   {B}  web3.toml
    appid          {IIS}    web1.toml, web2.toml
                   {OTHER}    web3.toml
    certstorename  MY                                        web1.toml, web2.toml
                   (null)                                    web3.toml

hostnameport=www.contoso.com:443
    binding                  present  web1.toml, web2.toml
                             -        web3.toml
    revocationfreshnesstime  0        web1.toml
                             60       web2.toml
                             -        web3.toml
    clientcertnegotiation    disable  web1.toml
                             enable   web2.toml
                             -        web3.toml
    reject                   enable   web1.toml
                             disable  web2.toml
                             -        web3.toml

hostnameport=shop.contoso.com:443
    Other.DefaultFlags  (null)  web1.toml, web2.toml
                        32768   web3.toml

ccs=443
    binding  present  web1.toml
             -        web2.toml, web3.toml
"""
    )
    assert (result.code, result.err) == (1, f"note: {NO_STORE_NAME}\n")


def test_json(run: Run, web: Path) -> None:
    """JSON has a value for each server: in its native type, null if unset or without a binding."""
    (web / "web3.toml").write_text(
        f'version = 1\nwindows = "2025"\niplisten = ["::1"]\n'
        f'SslBindingInfo."0.0.0.0:443" = {{ appid = "{IIS}", certhash = "{B}" }}\n'
    )
    result = run("diff", "web1.toml", "web2.toml", "web3.toml", "--format", "json")
    www = {"kind": "hostnameport", "key": "www.contoso.com:443"}
    server: dict[str, Any] = {"kind": None, "key": None}
    ip = {"kind": "ipport", "key": "0.0.0.0:443"}
    assert result.json == {
        "version": 1,
        "servers": ["web1.toml", "web2.toml", "web3.toml"],
        "same": 0,
        "differences": [
            server | {"tag": "windows", "values": ["2022", "2022", "2025"]},
            server | {"tag": "iplisten", "values": [*[["10.0.0.5", "10.0.0.6"]] * 2, ["::1"]]},
            ip | {"tag": "certhash", "values": [A, A, B]},
            ip | {"tag": "certstorename", "values": ["MY", "MY", None]},
            www | {"tag": None, "values": [True, True, False]},
            www | {"tag": "revocationfreshnesstime", "values": [0, 60, None]},
            www | {"tag": "clientcertnegotiation", "values": [False, True, None]},
            www | {"tag": "reject", "values": [True, False, None]},
            {"kind": "hostnameport", "key": "shop.contoso.com:443", "tag": None,
             "values": [True, True, False]},
            {"kind": "ccs", "key": "443", "tag": None, "values": [True, False, False]},
        ],
        "not_compared": [],
    }  # fmt: skip
    assert result.code == 1


def test_a_capture_against_a_registry(run: Run, web: Path) -> None:
    """Whatever import reads can be compared; --windows models all servers as that release."""
    one = Binding(
        parse_key(HOSTNAMEPORT, "www.contoso.com:443"),
        {"certhash": A, "appid": IIS, "certstorename": "MY"},
    )
    (web / "now.txt").write_text(show_writer.show([one], Release.W2019))
    (web / "then.toml").write_text(
        f'version = 1\nSslSniBindingInfo."www.contoso.com:443" = '
        f'{{ certhash = "{B}", appid = "{IIS}", certstorename = "MY" }}\n'
    )
    words = ("--windows", "2019", "diff", "then.toml", "-")
    result = run(*words, stdin=(web / "now.txt").read_bytes())
    assert (
        result.out
        == f"""\
the same on both servers: 0 bindings
not compared: standard input does not record iplisten, CentralCertProvider

hostnameport=www.contoso.com:443
    certhash  {B}  then.toml
              {A}  standard input
"""
    )


def test_what_a_document_does_not_tell_is_no_difference(run: Run, web: Path) -> None:
    """Values that another file cannot hold are not defaults; a line says what was not compared.

    The tags that it does hold are compared all the same.
    """
    entry = {"IpPort": "0.0.0.0:443", "GuidString": IIS}
    entry |= {"SslHash": A, "SslCertStoreName": "MY"}
    (web / "now.json").write_text(json.dumps({"SslCertificateBindings": [entry]}))
    then = f'''version = 1\nwindows = "2016"\niplisten = ["10.0.0.5"]
SslBindingInfo."0.0.0.0:443" = {{ certhash = "{A}", appid = "{IIS}", disablehttp2 = true }}
CentralCertProvider = {{ Enabled = true, CertStoreLocation = "ccs" }}
'''
    (web / "then.toml").write_text(then)
    (web / "never.toml").write_text(then.replace("disablehttp2", "reject"))
    result = run("diff", "then.toml", "now.json", "never.toml")
    first, second, rest = result.out.split("\n", 2)
    assert first == "the same on all 3 servers: 0 bindings"
    assert second.startswith(
        "not compared: now.json does not record windows, iplisten, CentralCertProvider, "
    )
    assert "disablehttp2" in second
    assert "certhash" not in second
    assert (
        rest
        == """
ipport=0.0.0.0:443
    certstorename  (null)   then.toml, never.toml
                   MY       now.json
    reject         disable  then.toml
                   ?        now.json
                   enable   never.toml
    disablehttp2   enable   then.toml
                   ?        now.json
                   disable  never.toml
"""
    )
    document = run("diff", "then.toml", "now.json", "never.toml", "--format", "json").json
    assert document["differences"][1]["values"] == [False, None, True]
    assert [one["server"] for one in document["not_compared"]] == ["now.json"]
    assert document["not_compared"][0]["names"][:2] == ["windows", "iplisten"]
    assert "windows" not in run("--windows", "2022", "diff", "then.toml", "now.json").out


def test_a_binding_that_could_not_be_read_is_not_missing(run: Run, web: Path) -> None:
    """That server is left out of the answer for that binding."""
    (web / "bad.cmd").write_text(
        f"netsh http add sslcert hostnameport=www.contoso.com:443 certhash=x appid={IIS}\n"
        f"netsh http add sslcert ipport=0.0.0.0:443 certhash={A} appid={IIS} certstorename=MY\n"
    )
    document = run("diff", "web1.toml", "bad.cmd", "--format", "json").json
    assert [one["key"] for one in document["differences"]] == ["shop.contoso.com:443", "443"]
    assert document["not_compared"][0]["names"][-1] == "hostnameport=www.contoso.com:443"


def test_settings_of_the_central_store(run: Run, web: Path) -> None:
    """If both files have them they are compared; a registry without the section has it off."""
    (web / "on.toml").write_text(
        "version = 1\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = 'certs'\n"
    )
    (web / "off.toml").write_text("version = 1\n")
    assert (
        run("diff", "on.toml", "off.toml").out
        == """\
the same on both servers: 0 bindings

server
    CentralCertProvider  enabled, certs  on.toml
                         disabled        off.toml
"""
    )
    assert run("diff", "on.toml", "off.toml", "--format", "json").json["differences"] == [
        {"kind": None, "key": None, "tag": "CentralCertProvider",
         "values": ["enabled, certs", "disabled"]}
    ]  # fmt: skip


@pytest.mark.usefixtures("web")
def test_what_cannot_be_compared(run: Run) -> None:
    """One file, or an unreadable one, gives no answer: exit 2, and nothing on stdout."""
    for words, sentence in (
        (["web1.toml"], "web1.toml is only one server: a comparison needs two or more"),
        (["web1.toml", "none.toml"], "none.toml: there is no such registry file"),
    ):
        result = run("diff", *words)
        assert (result.code, result.out) == (2, "")
        assert sentence in result.err


@unix_names
def test_text_from_files_is_escaped(run: Run, web: Path) -> None:
    """No value and no file name can control a terminal."""
    (web / "odd\x1b.toml").write_text(
        WEB1 + '\n[SslCcsBindingInfo.443.Other]\n"a\\u001b" = "b\\u001b[31m"\nlist = ["\\u202e"]\n'
    )
    result = run("diff", "web1.toml", "odd\x1b.toml")
    assert (
        result.out.partition("\n\n")[2]
        == r"""ccs=443
    Other.a\x1b  (null)      web1.toml
                 b\x1b[31m   odd\x1b.toml
    Other.list   (null)      web1.toml
                 ['\u202e']  odd\x1b.toml
"""
    )
    document = run("diff", "web1.toml", "odd\x1b.toml", "--format", "json").json
    assert document["differences"][0]["tag"] == "Other.a\x1b"


# By itself.


def server(records: list[Binding], name: str = "web") -> ServerState:
    return ServerState(name, {one.key: one for one in records}, (), Release.W2025)


@given(binding_lists(), st.integers(2, 4))
@pytest.mark.slow
def test_nothing_differs_from_itself(records: list[Binding], count: int) -> None:
    """Any number of identical servers have no difference, in whatever order their bindings are."""
    servers = [server(records), *[server(records[::-1])] * (count - 1)]
    assert compare(servers) == Comparison(("web",) * count, len(records), ())


@given(binding_lists(max_size=3), bindings(), st.data())
def test_every_edit_of_a_tag_is_found(
    records: list[Binding], before: Binding, data: st.DataObject
) -> None:
    """One tag changed on one server is one difference, at that key and tag, in those values.

    A tag that is turned off against its bit in sslflags shows up there as well.
    """
    other = Binding(before.key, data.draw(values(before.key.kind)))
    names = [
        name
        for name in STORED
        if name != SSLFLAGS.name and str(before[name]).casefold() != str(other[name]).casefold()
    ]
    assume(names)
    name = data.draw(st.sampled_from(names))
    after = before.replace({name: other[name]})
    old, new = before[name], other[name]
    rest = [one for one in records if one.key != before.key]
    result = compare([server([before, *rest]), server([*rest, after]), server([before, *rest])])
    found = [one for one in result.differences if one.tag != SSLFLAGS.name]
    assert found == [Difference(before.key, name, (old, new, old), (True, True, True))]
    assert result.same == len(rest)


@given(binding_lists(min_size=1))
def test_every_missing_binding_is_found(records: list[Binding]) -> None:
    """A binding that one server lacks is one difference, and the others stay the same."""
    gone = records[0].key
    result = compare([server(records[1:]), server(records)])
    there = (False, True)
    assert result.differences == (Difference(gone, None, there, there),)
    assert result.same == len(records) - 1


def test_a_store_that_is_not_named_differs_from_my() -> None:
    """HTTP.SYS searches MY for both, and IIS Manager fails on one of them."""
    key = parse_key(IPPORT, "0.0.0.0:443")
    unset = Binding(key, {"certhash": A, "appid": IIS})
    named = unset.replace({STORE.name: "My"})
    shouted = unset.replace({STORE.name: "MY"})
    assert compare([server([named]), server([shouted])]).differences == ()
    assert compare([server([unset]), server([shouted]), server([named])]).differences == (
        Difference(key, STORE.name, (None, "MY", "MY"), (True, True, True)),
    )


def test_sslflags_count_without_the_bits_of_tags() -> None:
    """A stored bit and its tag are the same fact; a bit whose tag is off is a different one."""
    key = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
    tag = TAG_BY_NAME["disablehttp2"]
    plain = Binding(key, {"certhash": A, "appid": IIS, tag.name: True})
    stored = plain.replace({SSLFLAGS.name: 5})
    against = Binding(key, {**stored.values, tag.name: False})
    assert compare([server([plain]), server([stored])]).differences == ()
    assert [
        (one.tag, one.values) for one in compare([server([plain]), server([against])]).differences
    ] == [(tag.name, (True, False)), (SSLFLAGS.name, (1, 5))]
