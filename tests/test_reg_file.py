"""Exports of Windows' registry: what is read, written, and what other readers make of it."""

from __future__ import annotations

import contextlib
import re
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import IIS, A, B
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import binding_lists, bindings, dwords, ipv4, ipv6, printable_text
from tools import needs

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats import formats
from sslbind.formats.encoding import decode_text
from sslbind.formats.format import Contents
from sslbind.formats.imported import Imported
from sslbind.formats.reg.other import to_data, to_value
from sslbind.formats.reg.reg_key import Data
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, Kind, parse_address, parse_key
from sslbind.registry.registry import Registry
from sslbind.registry.splice import render_binding
from sslbind.release import Release
from sslbind.tags import STORED, TAGS

GOLDEN = Path(__file__).parent / "golden"
PARAMETERS = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
HEADER = "Windows Registry Editor Version 5.00\n\n"
HASH = f'"SslCertHash"=hex:{",".join(re.findall("..", A))}\n'
APPID = '"AppId"=hex:81,e1,c3,4d,4b,e1,21,4a,b0,22,59,fc,66,9b,09,14\n'
RECORD = f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.5:443]\n{HASH}{APPID}"


def binding(
    kind: Kind, key: str, other: Mapping[str, Any] | None = None, **values: object
) -> Binding:
    needed = {"certhash": A} if kind.certificate else {}
    return Binding(parse_key(kind, key), {"appid": IIS, **needed, **values}, other)


EACH_KIND = (
    binding(IPPORT, "0.0.0.0:443", certstorename="MY", clientcertnegotiation=True),
    binding(
        IPPORT,
        "[2001:db8::1]:8443",
        {
            "DefaultFlags": 0x8000,
            "Owner": "Web team",
            "Blob": ["REG_BINARY", "00ff"],
            "TlsRestrictions": {"Version": 1, "Ciphers": ["REG_MULTI_SZ", "one", "two"]},
        },
        usagecheck=False,
        verifyclientcertrevocation=False,
        revocationfreshnesstime=3600,
        urlretrievaltimeout=15000,
        sslctlidentifier="Issuers",
        sslctlstorename="Client CA",
        reject=True,
    ),
    binding(HOSTNAMEPORT, "www.contoso.com:443", certstorename="MY", disablehttp2=True),
    binding(HOSTNAMEPORT, "*.bücher.example:443", certhash=B, certstorename="My Store"),
    binding(CCS, "443"),
    binding(SCOPEDCCS, "shop.contoso.com:443"),
)


def read(text: str | bytes) -> Imported:
    """Read a document, which is recognized by its content."""
    decoded = decode_text(text.encode() if isinstance(text, str) else text, "server.reg")
    reg = next(one for one in formats().values() if one.detect and one.detect(decoded))
    assert reg.name == "reg"
    assert reg.read is not None
    return reg.read(decoded, "server.reg")


def read_as_reg(text: str) -> Imported:
    found = formats()["reg"].read
    assert found is not None
    return found(text, "server.reg")


def written(*found: Binding, iplisten: tuple[str, ...] = ()) -> tuple[bytes, tuple[str, ...]]:
    write = formats()["reg"].write
    assert write is not None
    return write(Contents(found, iplisten, Release.W2022))


def text_of(data: bytes) -> str:
    assert data.startswith(b"\xff\xfe")
    return data[2:].decode("utf-16-le")


def records(imported: Imported) -> list[Binding]:
    assert not imported.bad
    return [one.binding for one in imported.records]


# What is written.


def test_export() -> None:
    """Each kind, byte for byte: UTF-16 with its mark, CRLF, parents first, numbers of 0 too."""
    data, losses = written(*EACH_KIND, iplisten=("10.0.0.1", "::1"))
    assert data == (GOLDEN / "export.reg").read_bytes()
    assert losses == ()


def test_export_again() -> None:
    """What is exported is read as the same records, in the same order, with the listen list."""
    imported = read((GOLDEN / "export.reg").read_bytes())
    assert records(imported) == list(EACH_KIND)
    assert imported.iplisten == ("10.0.0.1", "::1")
    assert imported.notes == ()
    assert imported.records[0].line == 13


def test_nothing_to_export() -> None:
    """An empty registry gives a document without records, which changes nothing."""
    data, losses = written()
    assert text_of(data).split("\r\n")[-3:] == [f"[{PARAMETERS}]", "", ""]
    assert losses == ()
    assert read(data) == Imported()


@pytest.mark.parametrize(
    ("one", "sentences"),
    [
        (
            binding(IPPORT, "10.0.0.5:443", receivewindow=65536),
            ["receivewindow=65536: it is not known which value of the Windows registry stores it"],
        ),
        (
            binding(CCS, "443", sslflags=3),
            ["sslflags=3: it is not known which value of the Windows registry stores it"],
        ),
        (binding(CCS, "443", sslflags=2), []),
        (
            binding(IPPORT, "10.0.0.5:443", {"Since": 1.5, "Blob": ["REG_BINARY", "0g"]}),
            [
                "Other.Since: Windows' registry has no value such as 1.5",
                "Other.Blob: Windows' registry has no value such as ['REG_BINARY', '0g']",
            ],
        ),
        (
            binding(IPPORT, "10.0.0.5:443", {"On": True, "Sub": {"List": [1, 2]}}),
            [
                "Other.On: Windows' registry has no value such as True",
                "Other.Sub.List: Windows' registry has no value such as [1, 2]",
            ],
        ),
        (
            binding(IPPORT, "10.0.0.5:443", {"DefaultFlags": 0x8002}),
            ["Other.DefaultFlags: the tags determine DefaultFlags"],
        ),
        (
            binding(IPPORT, "10.0.0.5:443", {"sslcertstorename": "MY"}),
            ["Other.sslcertstorename: the tags determine SslCertStoreName"],
        ),
        (
            binding(IPPORT, "10.0.0.5:443", {"a": 1, "A": 2, "b": {}, "B": {}}),
            [
                "Other.A: names compare without case, and A is there already",
                "Other.B: names compare without case, and B is there already",
            ],
        ),
        (
            binding(IPPORT, "10.0.0.5:443", {"a\nb": 1, "": {}, "c\\d": {}, "e" * 256: {}}),
            [
                "Other.a\\nb: cannot be the name of a value",
                "Other.: cannot be the name of a key",
                "Other.c\\d: cannot be the name of a key",
                f"Other.{'e' * 256}: cannot be the name of a key",
            ],
        ),
    ],
)
def test_losses(one: Binding, sentences: list[str]) -> None:
    """Each thing that .reg cannot express is reported in a sentence; the rest is written."""
    data, losses = written(one)
    assert list(losses) == [f"{one.key.spec}: {sentence}" for sentence in sentences]
    assert [found.key for found in records(read(data))] == [one.key]


def test_hostile_text() -> None:
    """No name or text ends its line or its quotes: what is read is what was meant."""
    hostile = 'x"\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE]\r\n"y"="%PATH%&$(id)'
    one = binding(
        IPPORT,
        "10.0.0.5:443",
        {"text": hostile, 'a"=-;\\': 1, "sub]key": {"]": hostile}},
        sslctlidentifier='"; [x]\\',
    )
    data, losses = written(one)
    assert losses == ()
    assert records(read(data)) == [one]
    assert not re.search(r"^\[-", text_of(data), re.MULTILINE)


# What is read.


def test_regedit_export() -> None:
    """The export of a whole server: foreign keys are skipped, unknown values are kept."""
    imported = read((GOLDEN / "server.reg").read_bytes())
    assert records(imported) == [
        binding(IPPORT, "0.0.0.0:443", certstorename="MY"),
        binding(
            IPPORT,
            "[::]:443",
            {
                "DefaultSslCertCheckMode": 0x8,
                "DefaultFlags": 0x2000,
                "": "default",
                "Expanded": ["REG_EXPAND_SZ", "%SystemRoot%\\x"],
                "TlsRestrictions": {"Data": ["REG_BINARY", "01"], "Sub": {}},
            },
            certhash=B,
            verifyrevocationwithcachedclientcertonly=True,
            dsmapperusage=True,
        ),
        binding(HOSTNAMEPORT, "www.contoso.com:443", certstorename="WebHosting", disabletls13=True),
        binding(HOSTNAMEPORT, "old.contoso.com:443", certstorename="MY"),
        binding(CCS, "443", {"SslCertHash": ["REG_BINARY", ""]}),
    ]
    assert imported.iplisten == ("10.0.0.5", "::1")
    assert imported.notes == (
        "ignored: 3 keys with values that are not bindings",
        (
            "DefaultSslCertCheckMode is directly in SslBindingInfo, where HTTP.SYS ignores it;"
            " it is left out"
        ),
    )
    assert [one.line for one in imported.records] == [18, 27, 47, 55, 66]


def test_regedit4() -> None:
    """REGEDIT4: text in hex is 8-bit."""
    imported = read((GOLDEN / "regedit4.reg").read_bytes())
    assert records(imported) == [binding(IPPORT, "10.0.0.5:443", {"Note": "a é"})]
    assert imported.iplisten == ("10.0.0.1", "10.0.0.2")


def test_odd_spelling() -> None:
    """HKLM, any case, comments, deletions, continued lines, bytes of one digit, short dwords."""
    imported = read((GOLDEN / "odd.reg").read_bytes())
    assert records(imported) == [
        binding(IPPORT, "[::1]:443", {"Lines": "one\ntwo"}, certhash=B, clientcertnegotiation=True),
        binding(HOSTNAMEPORT, "www.contoso.com:443", certstorename='My "own"'),
    ]
    assert imported.iplisten == ()
    assert imported.notes == (
        (
            "2 deletions of what the file does not set: an import deletes nothing;"
            " 'sslbind delete sslcert KEY' does"
        ),
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings(encoding: str, end: str) -> None:
    """UTF-16 with a mark and UTF-8 with or without one, and any line end, read alike."""
    text = (GOLDEN / "export.reg").read_bytes()[2:].decode("utf-16-le").replace("\r\n", end)
    assert records(read(text.encode(encoding))) == list(EACH_KIND)
    assert records(read(b"\xfe\xff" + text.encode("utf-16-be"))) == list(EACH_KIND)


@pytest.mark.parametrize(
    "path",
    [
        r"HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters",
        r"hkey_local_machine\system\controlset001\services\http\parameters",
        r"HKEY_LOCAL_MACHINE\OFFLINE\ControlSet002\Services\HTTP\Parameters",
        r"\ControlSet001\Services\HTTP\Parameters",
    ],
)
def test_places(path: str) -> None:
    """Any control set below HKLM is read, and a hive that is loaded under another name."""
    text = HEADER + RECORD.replace(PARAMETERS, path)
    assert records(read(text)) == [binding(IPPORT, "10.0.0.5:443")]


@pytest.mark.parametrize(
    "path",
    [
        r"HKEY_CURRENT_USER\SYSTEM\CurrentControlSet\Services\HTTP\Parameters",
        r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTPX\Parameters",
        r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters\Old",
    ],
)
def test_other_places(path: str) -> None:
    """Everything else is skipped, whatever its lines are, and a note reports it."""
    imported = read(HEADER + RECORD.replace(PARAMETERS, path) + "x\n")
    note = "ignored: 1 key with values that are not bindings"
    assert imported == Imported(notes=(note,))


@pytest.mark.parametrize(
    ("others", "used", "note"),
    [
        (
            "",
            "currentcontrolset",
            "currentcontrolset is read, and not controlset001, controlset002",
        ),
        (
            "CurrentControlSet",
            "controlset001",
            (
                "controlset001 is read, and not controlset002: a guess, as the file does not have"
                " the key Select, or what that names; to choose, export one control set alone"
            ),
        ),
        (
            '[HKEY_LOCAL_MACHINE\\SYSTEM\\Select]\n"Current"=dword:00000002\n',
            "controlset002",
            "controlset002 is read, and not controlset001",
        ),
    ],
)
def test_control_sets(others: str, used: str, note: str) -> None:
    """Of several control sets the current one is read: by its name, or as Select says."""
    hosts = {"currentcontrolset": 1, "controlset001": 2, "controlset002": 3}
    text = HEADER + "".join(
        RECORD.replace("CurrentControlSet", name).replace("10.0.0.5", f"10.0.0.{number}")
        for name, number in hosts.items()
        if not others or name != "currentcontrolset"
    )
    imported = read(text + (others if others.startswith("[") else ""))
    assert records(imported) == [binding(IPPORT, f"10.0.0.{hosts[used]}:443")]
    assert imported.notes == (note,)


@pytest.mark.parametrize(
    "path",
    ["", "\\SslBindingInfo", "\\sslbindinginfo\\10.0.0.5:443"],
)
def test_deleted_keys(path: str) -> None:
    """A key that the document deletes again is gone, with all below it."""
    assert records(read(f"{HEADER}{RECORD}[-{PARAMETERS}{path}]\n")) == []
    assert len(records(read(f"{HEADER}[-{PARAMETERS}{path}]\n{RECORD}"))) == 1


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_deleted_parent(levels: int) -> None:
    """Deleting a key above the parameters deletes what comes before it, not what follows."""
    parent = PARAMETERS.rsplit("\\", levels)[0]
    assert records(read(f"{HEADER}{RECORD}[-{parent}]\n")) == []
    assert len(records(read(f"{HEADER}{RECORD}[{parent}]\n"))) == 1
    assert len(records(read(f"{HEADER}[-{parent}]\n{RECORD}"))) == 1


SNI = f"[{PARAMETERS}\\SslSniBindingInfo\\"


def test_a_guid_without_its_host_name() -> None:
    """The hint names the value that is missing, and no key made of the GUID."""
    [bad] = read(HEADER + f"{SNI}{{11111111-2222-3333-4444-555555555555}}]\n{HASH}{APPID}").bad
    assert bad.hints == (
        "the value HostnamePort is missing, which has the key: export the whole registry key",
    )
    assert bad.key is None


def test_a_bad_record_has_its_key() -> None:
    """A record that cannot be read has the key that its name or HostnamePort gives."""
    text = f'{SNI}x]\n"HostnamePort"="www.contoso.com:443"\n"SslCertHash"=hex:01\n'
    text += f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.6:443]\nwhat is this\n"
    assert [str(one.key) for one in read(HEADER + text).bad] == [
        "10.0.0.6:443",
        "www.contoso.com:443",
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            f"[{PARAMETERS}\\SslBindingInfo\\web:443]\n{HASH}{APPID}",
            3,
            (
                "SslBindingInfo\\web:443: ipport=web:443: 'web' is a host name; ipport takes"
                " an address"
            ),
        ),
        (
            f"{SNI}{{11111111-2222-3333-4444-555555555555}}]\n{HASH}{APPID}",
            3,
            (
                "SslSniBindingInfo\\{11111111-2222-3333-4444-555555555555} has no HostnamePort,"
                " and its name is not host:port"
            ),
        ),
        (
            f'{SNI}x]\n"HostnamePort"=dword:1\n{HASH}{APPID}',
            3,
            "SslSniBindingInfo\\x: HostnamePort is REG_DWORD where REG_SZ is expected",
        ),
        (
            f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.6:443]\n{APPID}",
            3,
            "ipport=10.0.0.6:443: certhash is missing",
        ),
        (
            RECORD.replace("SslCertHash", "X").replace("10.0.0.5", "10.0.0.6")
            + '"sslcerthash"=hex:01,02\n',
            3,
            "ipport=10.0.0.6:443: certhash = '0102': 4 hex digits where a SHA-1 thumbprint has 40",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"AppId"=hex:01\n',
            3,
            "ipport=10.0.0.6:443: AppId has 1 bytes; a GUID has 16",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"DefaultFlags"="1"\n',
            3,
            "ipport=10.0.0.6:443: DefaultFlags is REG_SZ where REG_DWORD is expected",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"DefaultFlags"=hex(4):01\n',
            3,
            "ipport=10.0.0.6:443: DefaultFlags has 1 bytes; a REG_DWORD has 4",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"SslCertStoreName"=hex(1):00,d8\n',
            3,
            "ipport=10.0.0.6:443: SslCertStoreName is not UTF-16 text",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"X"=hex:0g\n',
            6,
            "'\"X\"=hex:0g' is not a value",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"X"=hex:01,,02\n',
            6,
            "'\"X\"=hex:01,,02' has something that is not a byte",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + '"X"=dword:1 junk\n',
            6,
            "'\"X\"=dword:1 junk' is not a value",
        ),
        (
            RECORD.replace("10.0.0.5", "10.0.0.6") + "junk\x1b\n",
            6,
            "'junk\\x1b' is not a key, a value or a comment",
        ),
        (
            f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.6:443\n{HASH}",
            3,
            f"'[{PARAMETERS}\\SslBindingInfo\\10.0.0.6:443'"[:61] + "' has no closing bracket",
        ),
        (
            f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.6:443" + "\\x" * 24 + "]\n",
            3,
            "the key is nested too deeply",
        ),
        (
            f'[{PARAMETERS}]\n"ListenOnlyList"=hex(7):78,00,00,00,00,00\n',
            4,
            "ListenOnlyList: 'x' is not an IP address",
        ),
        (
            f'[{PARAMETERS}]\n"ListenOnlyList"="10.0.0.1"\n',
            4,
            "ListenOnlyList is not a REG_MULTI_SZ of addresses",
        ),
    ],
)
def test_bad_records(text: str, line: int, message: str) -> None:
    """A record that cannot be is reported with its line, and the next one is read."""
    imported = read(HEADER + text + RECORD)
    assert [(one.line, one.message) for one in imported.bad] == [(line, message)]
    assert [one.binding for one in imported.records] == [binding(IPPORT, "10.0.0.5:443")]


def test_no_reg_file() -> None:
    """A text that starts otherwise is not a document, and the message says what would be one."""
    with pytest.raises(SslbindError, match=r"server\.reg: is not a \.reg file: its first line"):
        read_as_reg(RECORD)


def test_no_owner() -> None:
    """A record without AppId has the GUID of zeros, which is what HTTP.SYS takes for it."""
    zeros = "{00000000-0000-0000-0000-000000000000}"
    imported = read(HEADER + RECORD.replace(APPID, ""))
    assert records(imported) == [binding(IPPORT, "10.0.0.5:443", appid=zeros)]


def test_freshness_without_its_bit() -> None:
    """A freshness time whose bit is off is kept, and a note says that an export turns it on."""
    imported = read(HEADER + RECORD + '"DefaultSslRevocationFreshnessTime"=dword:00000005\n')
    assert records(imported) == [binding(IPPORT, "10.0.0.5:443", revocationfreshnesstime=5)]
    assert imported.notes == (
        (
            "ipport=10.0.0.5:443: bit REVOCATION_FRESHNESS_TIME of DefaultSslCertCheckMode is off,"
            " but the value that implies it is set; an export turns it on"
        ),
    )


# What has no tag.


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('"x"=dword:0000002a', 42),
        ('"x"="Web team"', "Web team"),
        ('"x"=""', ""),
        ('"x"=hex:81,e1', ["REG_BINARY", "81e1"]),
        ('"x"=hex(3):', ["REG_BINARY", ""]),
        ('"x"=hex(2):25,00,61,00,00,00', ["REG_EXPAND_SZ", "%a"]),
        ('"x"=hex(7):61,00,00,00,62,00,00,00,00,00', ["REG_MULTI_SZ", "a", "b"]),
        ('"x"=hex(7):00,00', ["REG_MULTI_SZ"]),
        ('"x"=hex(b):01,00,00,00,00,00,00,00', [11, "0100000000000000"]),
        ('"x"=hex(ffff0001):', [0xFFFF0001, ""]),
        ('"x"=hex(0):', [0, ""]),
        ('"x"=hex(4):01,00', [4, "0100"]),
        ('"x"=hex(1):61,00', [1, "6100"]),
        ('"x"=hex(1):61', [1, "61"]),
        ('"x"=hex(1):61,00,00,00,62,00,00,00', [1, "6100000062000000"]),
        ('"x"=hex(7):61,00', [7, "6100"]),
        ('"x"=hex(1):00,d8,00,00', [1, "00d80000"]),
    ],
)
def test_other_values(line: str, value: object, tmp_path: Path) -> None:
    """Each type has a form in TOML that loses nothing, through a registry file and back."""
    (one,) = records(read(f"{HEADER}{RECORD}{line}\n"))
    assert one.other == {"x": value}
    registry = tmp_path / "sslbind.toml"
    registry.write_text(f"version = 1\n{render_binding(one)}", encoding="utf-8")
    kept = Registry.open(str(registry)).bindings[one.key]
    assert kept == one
    data, losses = written(kept)
    assert losses == ()
    assert records(read(data)) == [one]


def test_value_and_subkey_of_one_name() -> None:
    """A subkey with the same name as a value has a backslash before its name."""
    key = RECORD.partition("]")[0]
    text = f'{HEADER}{RECORD}"x"=dword:1\n"\\\\x"=dword:2\n{key}\\x]\n@="y"\n'
    (one,) = records(read(text))
    assert one.other == {"x": 1, "\\x": 2, "\\\\x": {"": "y"}}
    data, losses = written(one)
    assert losses == ()
    assert records(read(data)) == [one]


@given(st.builds(Data, st.sampled_from([0, 1, 2, 3, 4, 5, 7, 11]) | dwords, st.binary(max_size=12)))
@example(Data(7, b"\0\0\0\0"))
@example(Data(7, b"a\0\0\0\0\0"))
def test_any_data(data: Data) -> None:
    """Whatever type and bytes a value has, its form in TOML gives them back."""
    assert to_data(to_value(data)) == data


_names = st.text('xyzé .-_\\"]', min_size=1, max_size=4)
_hex = st.binary(max_size=40).map(bytes.hex)
_texts = printable_text | st.just("a\r\nb")
_values = (
    dwords
    | _texts
    | st.tuples(st.just("REG_BINARY"), _hex).map(list)
    | st.tuples(st.just("REG_EXPAND_SZ"), _texts).map(list)
    | st.lists(_texts, max_size=3).map(lambda texts: ["REG_MULTI_SZ", *texts])
    | st.tuples(st.sampled_from([0, 5, 6, 8, 11, 0x12345]), _hex).map(list)
)
_FLAGS = sum(tag.bit for tag in TAGS if tag.value == "DefaultFlags")
"""The bits that tags have; the others are kept below ``Other``."""
_others = st.recursive(
    st.dictionaries(_names | st.just(""), _values, max_size=3),
    lambda inner: st.builds(
        lambda values, keys: values | {name: keys[name] for name in keys if name not in values},
        st.dictionaries(_names, _values, max_size=3),
        st.dictionaries(_names.filter(lambda name: "\\" not in name), inner, max_size=2),
    ),
    max_leaves=4,
)


@st.composite
def storable(draw: st.DrawFn) -> Binding:
    """Bindings with nothing that Windows' registry has no place for."""
    one = draw(bindings())
    other = draw(_others)
    bits = draw(st.just(0) | dwords) & ~_FLAGS
    other |= {"DefaultFlags": bits} if bits else {}
    return Binding(one.key, stored(one), other)


def stored(one: Binding) -> dict[str, object]:
    """Return the tags that HTTP.SYS stores."""
    return {name: value for name, value in one.values.items() if STORED[name].value}


_lists = st.lists(storable(), max_size=4, unique_by=lambda one: one.key)
_iplisten = st.lists((ipv4 | ipv6).map(parse_address), max_size=3, unique=True).map(tuple)


def in_order(found: list[Binding]) -> list[Binding]:
    """Return the bindings by kind, as ``show`` lists them."""
    kinds = [IPPORT, HOSTNAMEPORT, CCS, SCOPEDCCS]
    return sorted(found, key=lambda one: kinds.index(one.key.kind))


@given(_lists, _iplisten)
def test_round_trip(found: list[Binding], iplisten: tuple[str, ...]) -> None:
    """What is written is read as the same, what has no tag included, and nothing is lost."""
    data, losses = written(*in_order(found), iplisten=iplisten)
    assert losses == ()
    imported = read(data)
    assert records(imported) == in_order(found)
    assert imported.iplisten == (iplisten or None)
    assert written(*records(imported), iplisten=iplisten)[0] == data


@given(binding_lists())
def test_any_bindings(found: list[Binding]) -> None:
    """Of any registry the tags come back; what does not come back has its sentence."""
    data, losses = written(*in_order(found))
    back = {one.key: one for one in records(read(data))}
    assert set(back) == {one.key for one in found}
    for one in found:
        assert back[one.key].values == Binding(one.key, stored(one)).values
        said = [text for text in losses if text.startswith(f"{one.key.spec}: Other.")]
        for name, value in one.other.items():
            # A number of 0 has no bits to say.
            kept = back[one.key].other.get(name) == value or (name == "DefaultFlags" and value == 0)
            assert kept or any(text.partition(": Other.")[2].startswith(name) for text in said)


# Hostile documents.

_LINES = [
    f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.5:443]",
    f"[-{PARAMETERS}\\SslBindingInfo]",
    f"[{PARAMETERS}\\SslSniBindingInfo\\x]",
    f"[{PARAMETERS}\\SslSniBindingInfo\\x\\y]",
    f"[{PARAMETERS}]",
    '"HostnamePort"="www.contoso.com:443"',
    '"HostnamePort"=hex(1):61',
    HASH.strip(),
    APPID.strip(),
    '"AppId"=-',
    "@=-",
    '"ListenOnlyList"=hex(7):00,d8,01',
    '"DefaultFlags"=hex(4):',
    '"x"="one',
    'two"',
    '"x"=hex:01,\\',
    "  02",
    "[",
    "]",
    "; note",
    "\0",
]


@given(st.lists(st.sampled_from(_LINES) | st.text(max_size=20), max_size=12))
def test_hostile_lines(lines: list[str]) -> None:
    """Lines in any order give records and bad records, never anything else."""
    read_as_reg(HEADER + "\n".join(lines))


@given(st.randoms(use_true_random=False), st.sampled_from(["export.reg", "odd.reg"]))
def test_mutated_documents(random: Random, name: str) -> None:
    """A document that was cut, doubled or overwritten anywhere raises nothing but SslbindError."""
    data = bytearray((GOLDEN / name).read_bytes())
    for _ in range(random.randint(1, 5)):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.randint(0, 40))
        again = bytes(data[start:end])
        data[start:end] = random.choice(
            [b"", again * 2, random.randbytes(3), b'"', b"]", b"\\", b"\n\0", b"\n"]
        )
    with contextlib.suppress(SslbindError):
        read_as_reg(decode_text(bytes(data), "server.reg"))


@pytest.mark.parametrize(
    "line",
    [
        '"a"=hex:' + " " * 200_000 + "z",
        '"a"=hex:' + "01,\\\n" * 50_000 + "z",
        '"a"="\\\n' * 50_000,
        '"' + '\\"' * 100_000,
        f"[{PARAMETERS}\\SslBindingInfo\\10.0.0.5:443" + "\\x" * 100_000 + "]",
    ],
    ids=["spaces", "continued", "open", "escapes", "deep"],
)
def test_long_lines(line: str) -> None:
    """However long a line is, it is read only once; only its record is bad."""
    imported = read(f"{HEADER}{RECORD}{line}\n")
    assert [bad.line for bad in imported.bad] in ([6], [7])


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_random_text(text: str) -> None:
    """Text of any kind is not a document, or one."""
    with contextlib.suppress(SslbindError):
        read_as_reg(text)


# What other readers make of it.


def hive() -> bytes:
    """Return a hive of Windows' registry with nothing but its root."""
    security = 0x78  # where the root's security descriptor is, after the root's own cell
    nothing = 0xFFFFFFFF
    name = b"root"
    fields = (0, 0, 0, 0, nothing, nothing, 0, nothing, security, nothing)
    node = struct.pack("<2sHQ10I", b"nk", 0x2C, 0, *fields)
    node += struct.pack("<5I2H", 0, 0, 0, 0, 0, len(name), 0) + name
    descriptor = struct.pack("<BBH4I", 1, 0, 0x8000, 0, 0, 0, 0)
    owner = struct.pack("<2sH4I", b"sk", 0, security, security, 1, len(descriptor)) + descriptor
    cells = struct.pack("<i84s", -88, node) + struct.pack("<i60s", -64, owner)
    page = struct.pack("<4s2I2QI", b"hbin", 0, 0x1000, 0, 0, 0) + cells
    page += struct.pack("<i", 0x1000 - len(page))
    header = struct.pack("<4s2IQ7I", b"regf", 1, 1, 0, 1, 3, 0, 1, 0x20, 0x1000, 1).ljust(
        508, b"\0"
    )
    checksum = 0
    for (word,) in struct.iter_unpack("<I", header):
        checksum ^= word
    return (header + struct.pack("<I", checksum)).ljust(0x1000, b"\0") + page.ljust(0x1000, b"\0")


def hivexregedit(data: bytes, folder: Path) -> str:
    """Return what hivexregedit exports from a hive that it merged the document into."""
    tool = needs("hivexregedit")
    path, document = folder / "SYSTEM", folder / "utf8.reg"
    path.write_bytes(hive())
    document.write_text(text_of(data).replace("\r\n", "\n"), encoding="utf-8")
    for command in (["--merge", str(path), str(document)], ["--export", str(path), "\\"]):
        done = subprocess.run(
            [tool, command[0], "--prefix", PARAMETERS, *command[1:]],
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
    return done.stdout.decode().replace("Parameters\\]", "Parameters]")


def plain_values(text: str) -> dict[str, dict[str, str]]:
    """Return each key's values as hivexregedit writes them: a line each, hex for most."""
    keys: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            values = keys.setdefault(line[1:-1].removeprefix(PARAMETERS), {})
        elif "=" in line:
            name, _, value = line.partition("=")
            values[name] = value
    return keys


def test_hivexregedit(tmp_path: Path) -> None:
    """hivexregedit merges our export into a hive of Windows, and finds there what we meant."""
    data = (GOLDEN / "export.reg").read_bytes()
    text = hivexregedit(data, tmp_path)
    back = {one.key: one for one in records(read(text))}
    assert back == {one.key: one for one in EACH_KIND}
    found = plain_values(text)
    assert found[r"\SslBindingInfo\0.0.0.0:443"] == {
        '"SslCertHash"': f"hex(3):{','.join(re.findall('..', A))}",
        '"AppId"': "hex(3):81,e1,c3,4d,4b,e1,21,4a,b0,22,59,fc,66,9b,09,14",
        '"SslCertStoreName"': "hex(1):4d,00,59,00,00,00",
        '"DefaultSslCertCheckMode"': "dword:00000000",
        '"DefaultSslRevocationFreshnessTime"': "dword:00000000",
        '"DefaultSslRevocationUrlRetrievalTimeout"': "dword:00000000",
        '"DefaultFlags"': "dword:00000002",
    }
    assert found[r"\SslBindingInfo\[2001:db8::1]:8443"]['"DefaultFlags"'] == "dword:00008008"
    assert (
        found[r"\SslBindingInfo\[2001:db8::1]:8443"]['"DefaultSslCertCheckMode"']
        == "dword:00010005"
    )
    assert found[r"\SslBindingInfo\[2001:db8::1]:8443\TlsRestrictions"] == {
        '"Version"': "dword:00000001",
        '"Ciphers"': "hex(7):6f,00,6e,00,65,00,00,00,74,00,77,00,6f,00,00,00,00,00",
    }
    sni = [values for path, values in found.items() if path.startswith(r"\SslSniBindingInfo\{")]
    hosts = [bytes.fromhex(one['"HostnamePort"'][7:].replace(",", "")) for one in sni]
    assert {host.decode("utf-16-le") for host in hosts} == {
        "www.contoso.com:443\0",
        "*.bücher.example:443\0",
    }


def samba(folder: Path, *words: str) -> str:
    """Run samba's ``net registry`` on a separate registry in ``folder``."""
    tool = needs("net")
    config = folder / "smb.conf"
    state = folder / "state"
    state.mkdir(exist_ok=True)
    names = ["private dir", "state directory", "lock directory", "cache directory"]
    names += ["pid directory", "ncalrpc dir"]
    lines = ["[global]", *(f"{name} = {state}" for name in names), f"log file = {state}/log"]
    config.write_text("".join(f"{line}\n" for line in lines))
    command = [tool, "-s", str(config), "registry", *words]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has another program net")
def test_samba(tmp_path: Path) -> None:
    """Samba's registry takes our export as it is, and its own export reads as the same records."""
    samba(tmp_path, "import", str(GOLDEN / "export.reg"))
    path = PARAMETERS.replace("HKEY_LOCAL_MACHINE", "HKLM")
    flags = samba(tmp_path, "getvalue", rf"{path}\SslBindingInfo\0.0.0.0:443", "DefaultFlags")
    assert flags.split() == ["Type", "=", "REG_DWORD", "Value", "=", "2"]
    exported = tmp_path / "samba.reg"
    samba(tmp_path, "export", path, str(exported))
    imported = read(exported.read_bytes())
    assert {one.binding.key: one.binding for one in imported.records} == {
        one.key: one for one in EACH_KIND
    }
    assert imported.iplisten == ("10.0.0.1", "::1")
