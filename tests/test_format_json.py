"""Our own ``json``, both ways, and ``netsh-json``, as far as its names are known."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from conftest import IIS, OTHER, A, B, Run
from hypothesis import given
from hypothesis import strategies as st
from strategies import binding_lists

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats import formats, json_records
from sslbind.formats.format import Contents
from sslbind.formats.imported import Imported
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, parse_key
from sslbind.registry.registry import Registry
from sslbind.release import Release

GOLDEN = Path(__file__).parent / "golden" / "export-json.json"
OURS, NETSH = formats()["json"], formats()["netsh-json"]
KEY = parse_key(IPPORT, "10.0.0.5:443")
NAME = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
VALUES: dict[str, Any] = {"certhash": A, "appid": IIS, "certstorename": "MY"}
FIRST = Binding(KEY, VALUES)
RECORDS = (
    Binding(KEY, VALUES | {"sslctlidentifier": 'say "hi"'}, {"DefaultFlags": 0x8000}),
    Binding(NAME, VALUES | {"certhash": B, "sslflags": 1, "receivewindow": 5}),
    Binding(parse_key(CCS, "443"), {"appid": OTHER, "sslflags": 3}),
    Binding(parse_key(SCOPEDCCS, "münchen.de:443"), {"appid": IIS, "disablequic": True}),
)


def read(document: object) -> Imported:
    assert OURS.read
    if isinstance(document, dict):
        document = {"version": 1} | document
    return OURS.read(document if isinstance(document, str) else json.dumps(document), "x.json")


def read_netsh(document: object) -> Imported:
    assert NETSH.read
    return NETSH.read(document if isinstance(document, str) else json.dumps(document), "x.json")


def write(*found: Binding, release: Release = Release.W2022) -> tuple[str, tuple[str, ...]]:
    assert OURS.write
    data, losses = OURS.write(Contents(found, ("10.0.0.5",), release))
    return data.decode(), losses


def record(**changes: Any) -> dict[str, Any]:
    """Return the minimal record, with ``changes`` applied."""
    return {"kind": "ipport", "key": "10.0.0.5:443", "certhash": A, "appid": IIS} | changes


def test_golden() -> None:
    """The whole document, as it is; read again, it is what was written."""
    text, losses = write(*RECORDS)
    assert text == GOLDEN.read_bytes().decode()
    assert losses == ()
    found = read(text)
    assert tuple(one.binding for one in found.records) == RECORDS
    assert [text.split("\n")[one.line - 1] for one in found.records if one.line] == ["    {"] * 4
    assert (found.release, found.iplisten) == (Release.W2022, ("10.0.0.5",))
    assert (found.bad, found.notes) == ((), ())


def test_list_is_read(run: Run, bare: Path) -> None:
    """What ``list --format json`` prints is read as the same bindings."""
    bare.write_text(
        'version = 1\nwindows = "2025"\n[SslSniBindingInfo."www.contoso.com:443"]\n'
        f'certhash = "{A}"\nappid = "{IIS}"\ncertstorename = "MY"\nclientcertnegotiation = true\n'
    )
    text = run("list", "--format", "json").out
    assert OURS.detect
    assert OURS.detect(text)
    found = read(text)
    assert [one.binding for one in found.records] == [
        Binding(NAME, VALUES | {"clientcertnegotiation": True})
    ]
    assert (found.release, found.iplisten, found.bad) == (None, None, ())


@pytest.mark.parametrize(
    ("values", "release", "shown", "extra"),
    [
        ({}, Release.W2022, 1, {}),
        ({"clientcertnegotiation": True}, Release.W2022, 129, {}),
        ({"clientcertnegotiation": True}, Release.W2012, 1, {}),
        ({"sslflags": 129}, Release.W2022, 129, {"storedsslflags": 129}),
        ({"sslflags": 129}, Release.W2012, 1, {"storedsslflags": 129}),
        ({"sslflags": 1}, Release.W2022, 1, {"storedsslflags": 1}),
        ({"sslflags": 129, "clientcertnegotiation": False}, Release.W2022, 129, {}),
    ],
)
def test_sslflags(
    values: dict[str, Any], release: Release, shown: int, extra: dict[str, int]
) -> None:
    """``sslflags`` are the effective ones; the stored value is given next to them where needed."""
    binding = Binding(NAME, VALUES | values)
    text, _ = write(binding, release=release)
    entry = json.loads(text)["bindings"][0]
    assert entry["sslflags"] == shown
    assert {name: entry[name] for name in entry if name == "storedsslflags"} == extra
    assert [one.binding for one in read(text).records] == [binding]


def test_flags_of_no_release() -> None:
    """If the release is unknown, flags that follow from the tags in any release are ignored."""
    entry = record(kind="hostnameport", key="www.contoso.com:443", certstorename="MY", sslflags=1)
    on = {"clientcertnegotiation": True}
    assert read({"bindings": [entry | on]}).records[0].binding == Binding(NAME, VALUES | on)
    odd = read({"bindings": [entry | {"sslflags": 5}]}).records[0].binding
    assert odd == Binding(NAME, VALUES | {"sslflags": 5})


def test_what_json_has_no_type_for() -> None:
    """Dates and infinite numbers become text, and each is named."""
    binding = Binding(KEY, VALUES, {"when": date(2026, 1, 31), "far": float("inf"), "near": 1.5})
    text, losses = write(binding)
    assert losses == (
        "ipport=10.0.0.5:443: Other.when = 2026-01-31 becomes text in JSON, which has no such type",
        "ipport=10.0.0.5:443: Other.far = inf becomes text in JSON, which has no such type",
    )
    assert json.loads(text)["bindings"][0]["other"] == {
        "when": "2026-01-31",
        "far": "inf",
        "near": 1.5,
    }


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (1, "a record must be an object, not 1"),
        ({}, "kind must be one of ipport, hostnameport, ccs, scopedccs, not None"),
        (record(kind="ip"), "kind must be one of ipport, hostnameport, ccs, scopedccs, not 'ip'"),
        (record(key=443), "key must be text such as 0.0.0.0:443, not 443"),
        (record(key="x"), "ipport=x: the port is missing"),
        (record(certhash=None), "ipport=10.0.0.5:443: certhash is missing"),
        (
            record(certhash="x"),
            (
                "ipport=10.0.0.5:443: certhash = 'x': 'x' (U+0078) is not a hex digit;"
                " a thumbprint has 40"
            ),
        ),
        (
            record(usagecheck="enable"),
            "ipport=10.0.0.5:443: usagecheck must be true or false, not 'enable'",
        ),
        (
            record(usagecheck=None),
            "ipport=10.0.0.5:443: usagecheck must be true or false, not None",
        ),
        (
            record(urlretrievaltimeout=1.5),
            "ipport=10.0.0.5:443: urlretrievaltimeout must be a whole number, not 1.5",
        ),
        (record(sslflags=True), "ipport=10.0.0.5:443: sslflags must be a whole number, not True"),
        (
            record(storedsslflags=None),
            "ipport=10.0.0.5:443: sslflags must be a whole number, not None",
        ),
        (
            record(usagechek=True),
            "ipport=10.0.0.5:443: 'usagechek' is not a tag; did you mean usagecheck?",
        ),
        (record(x=None), "ipport=10.0.0.5:443: 'x' is not a tag"),
        (record(other=[]), "ipport=10.0.0.5:443: other must be an object, not []"),
        (
            record(other={"a": None}),
            "ipport=10.0.0.5:443: other has a null, which a registry cannot hold",
        ),
        (
            record(other={"a": [1 << 63]}),
            "ipport=10.0.0.5:443: other has an integer of more than 64 bits",
        ),
        (
            record(other={"\ud800": 1}),
            (
                "ipport=10.0.0.5:443: other has text with half a character (a lone surrogate):"
                " '\\ud800'"
            ),
        ),
        (
            record(kind="ccs", key="443"),
            "ccs=443: certhash does not belong there; the central store supplies the certificate",
        ),
    ],
)
def test_bad_records(entry: object, message: str) -> None:
    """A bad record is reported with its line, and the next is read."""
    good = record(key="10.0.0.6:443")
    lines = [
        '{"version": 1, "bindings": [',
        json.dumps(good) + ",",
        json.dumps(entry) + ",",
        json.dumps(good),
    ]
    found = read("\n".join(lines) + "\n]}\n")
    assert [(one.line, one.message) for one in found.bad] == [(3, message)]
    assert [one.line for one in found.records] == [2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.json:1: is not JSON: Expecting value (column 1)"),
        ('{"bindings": [\n{"a" 1}]}', "x.json:2: is not JSON: Expecting ':' delimiter (column 6)"),
        ('{"bindings": []}', "x.json: version is missing: the current one is 1"),
        ("[]", "x.json: is not a JSON object with an array 'bindings'"),
        ('{"bindings": {}}', "x.json: is not a JSON object with an array 'bindings'"),
        ('{"version": 2, "bindings": []}', "x.json: version 2 is not known; this sslbind reads 1"),
        (
            '{"version": true, "bindings": []}',
            "x.json: version True is not known; this sslbind reads 1",
        ),
        (
            '{"version": 1, "windows": 2022, "bindings": []}',
            "x.json: windows must be text such as 2022, not 2022",
        ),
        (
            '{"version": 1, "windows": "98", "bindings": []}',
            "x.json: '98' is not a modelled Windows release: " + ", ".join(map(str, Release)),
        ),
        (
            '{"version": 1, "iplisten": [1], "bindings": []}',
            "x.json: iplisten must be a list of addresses, not [1]",
        ),
        ('{"version": 1, "iplisten": ["x"], "bindings": []}', "x.json: 'x' is not an IP address"),
        (
            '{"binding": 1, "bindings": []}',
            "x.json: 'binding' is not a field of this format: bindings, iplisten, version, windows",
        ),
        (
            '{"bindings": [], "bindings": []}',
            "x.json: is not readable JSON: 'bindings' appears twice in one object",
        ),
        ('{"bindings": [NaN]}', "x.json: is not readable JSON: NaN is not a JSON value"),
        ("[" * 100_000, "x.json: is nested too deeply"),
        ('{"bindings": ' + "[" * 100_000, "x.json: is nested too deeply"),
    ],
)
def test_no_document(text: str, message: str) -> None:
    """A document that is invalid, or of another format, is refused whole, with the reason."""
    with pytest.raises(SslbindError) as error:
        read(text)
    assert str(error.value) == message


@pytest.mark.parametrize("depth", [27, 28, 29, 59, 60, 700, 900])
def test_nesting(bare: Path, run: Run, depth: int) -> None:
    """What is read of ``other`` is what a registry takes; deeper, it is refused."""
    del run
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    for entry in (record(other={"a": nested}), record(usagecheck=nested)):
        try:
            found = read({"bindings": [entry]})
        except SslbindError as error:
            assert (str(error), depth > 59) == ("x.json: is nested too deeply", True)
            continue
        assert bool(found.records) == (depth < 29 and "other" in entry)
        for one in found.records:
            with Registry.editing(bare) as registry:
                registry.put(one.binding)
            assert Registry.open(bare).bindings == {KEY: one.binding}


@given(binding_lists(), st.sampled_from(list(Release)))
def test_any_round_trip(found: list[Binding], release: Release) -> None:
    """What is read is equal to what was written, but for what the losses name."""
    text, losses = write(*found, release=release)
    imported = read(text)
    assert imported.bad == ()
    assert imported.release == release
    lost = {loss.split(": ", 1)[0] for loss in losses}
    for one, back in zip(found, imported.records, strict=True):
        assert back.binding.key == one.key
        assert back.binding.values == one.values
        if one.key.spec not in lost:
            assert back.binding == one


NETSH_TEXT = f"""{{
    "SslCertificateBindings": [
        {{"IpPort": "10.0.0.5:443", "ConfigType": 1, "GuidString": "{IIS}",
          "SslHash": "oaGhoaGhoaGhoaGhoaGhoaGhoaE=", "SslCertStoreName": "MY", "Other": 1}},
        {{"IpPort": "443", "ConfigType": 6, "AppId": "{IIS}", "SslHash": null}},
        {{"IpPort": "10.0.0.6:443", "ConfigType": 1, "GuidString": "{IIS}"}},
        {{"IpPort": "10.0.0.6:443", "ConfigType": 99}},
        {{"IpPort": 5}},
        {{"IpPort": "x:443", "GuidString": "{IIS}"}},
        {{"IpPort": "10.0.0.7:443", "SslHash": "???"}},
        17
    ],
    "message": "", "status": 0
}}
"""


def test_netsh_json() -> None:
    """The names that are known are read; one bad entry does not stop the rest."""
    assert NETSH.detect
    assert NETSH.detect(NETSH_TEXT)
    assert NETSH.write is None
    found = read_netsh(NETSH_TEXT)
    assert [(one.line, one.binding) for one in found.records] == [
        (3, FIRST),
        (5, Binding(parse_key(CCS, "443"), {"appid": IIS})),
    ]
    assert [(one.line, one.message) for one in found.bad] == [
        (6, "ipport=10.0.0.6:443: certhash is missing"),
        (7, "ConfigType 99 is not known: 1 ipport, 5 hostnameport, 6 ccs, 11 scopedccs"),
        (8, "IpPort must be text, not 5"),
        (9, "ipport=x:443: 'x' is a host name; ipport takes an address"),
        (10, "SslHash '???' is not base64"),
        (11, "an entry must be an object, not 17"),
    ]
    assert found.notes == ("certhash, appid and certstorename are all that such a file records",)


def test_show_is_read(run: Run, bare: Path) -> None:
    """What ``show sslcert json=enable`` prints is read, and distinguished from our own format."""
    run("add", "sslcert", "ipport=10.0.0.5:443", f"certhash={A}", "appid=iis", "certstorename=MY")
    text = run("show", "sslcert", "json=enable").out
    detecting = [one.name for one in formats().values() if one.detect and one.detect(text)]
    assert detecting[0] == "netsh-json"
    assert [one.binding for one in read_netsh(text).records] == [FIRST]


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["kind", "key", "bindings", "other", "certhash", "appid", "IpPort"])
            | st.text(max_size=3),
            inner,
        )
    ),
)


@given(documents)
def test_any_document(document: object) -> None:
    """Nothing but an SslbindError is raised for any JSON, as a document, an array or a record."""
    for whole in (document, {"bindings": document}, {"bindings": [document, record()]}):
        for reader in (read, read_netsh):
            text = json.dumps(whole)
            for one in (text, text.replace("bindings", "SslCertificateBindings")):
                try:
                    reader(one)
                except SslbindError:
                    continue


@given(st.integers(0, 2**32))
def test_any_mutation(seed: int) -> None:
    """The same is true for a damaged document."""
    random = Random(seed)
    for whole, reader, detect in (
        (GOLDEN.read_text(encoding="utf-8"), read, OURS.detect),
        (NETSH_TEXT, read_netsh, NETSH.detect),
    ):
        text = list(whole)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(text))
            text[at : at + random.randint(0, 9)] = random.choice(
                ["", '"', "{", "}", "[", "]", ",", ":", "null", "1e999", "\\ud800", "\0", "-", "\\"]
            )
        assert detect
        detect("".join(text))
        try:
            reader("".join(text))
        except SslbindError:
            continue


def test_netsh_json_with_the_console_around_it() -> None:
    """Prompts before and after the object are skipped, and lines are counted from the first."""
    assert NETSH.detect
    entry = {"IpPort": "10.0.0.5:443", "GuidString": IIS, "SslHash": A}
    text = json.dumps({"SslCertificateBindings": [entry]})
    text = f"PS C:\\> netsh http show sslcert json=enable\n\n{text}\n\nPS C:\\> exit\n"
    assert NETSH.detect(text)
    [found] = read_netsh(text).records
    assert (found.binding.key, found.line) == (KEY, 3)
    assert not NETSH.detect(json.dumps({"other": [entry]}))


def test_what_netsh_json_carries() -> None:
    """Three tags have known names; the others are not at their defaults, but are not reported."""
    entry = {"IpPort": "10.0.0.5:443", "GuidString": IIS, "SslHash": A}
    carried = read_netsh({"SslCertificateBindings": [entry]}).carried
    assert carried == frozenset({"certhash", "appid", "certstorename"})


def test_a_bad_record_has_its_key() -> None:
    """If the key of a record can be read it is reported, even if the record is bad."""
    [bad] = read({"bindings": [record(certhash="x")]}).bad
    assert bad.key == KEY
    [bad] = read({"bindings": [record(key="x")]}).bad
    assert bad.key is None
    entry = {"IpPort": "10.0.0.5:443", "GuidString": IIS, "SslHash": "-"}
    document = {"SslCertificateBindings": [entry, {"IpPort": 5}, 5]}
    assert [one.key for one in read_netsh(document).bad] == [KEY, None, None]


def test_many_names_that_stand_twice() -> None:
    """The first duplicate name is found among thousands in one pass."""
    names = ", ".join(f'"{number}": 1' for number in range(50_000))
    with pytest.raises(SslbindError, match="'49999' appears twice in one object"):
        read(f'{{{names}, "49999": 1, "bindings": []}}')


def test_a_store_named_as_our_array_is() -> None:
    """A value that reads like the array's name does not make netsh's document ours."""
    text = NETSH_TEXT.replace('"MY"', '"bindings"')
    assert '"bindings"' in text
    assert NETSH.detect
    assert NETSH.detect(text)
    assert not json_records.looks_like(text, "bindings")
    assert json_records.looks_like('{"bindings" : []}', "bindings")
