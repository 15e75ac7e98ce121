"""netsh's grammar: prefixes, case, order, positions, quotes, help; and tags as options."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ADDED, DELETED, IIS, UPDATED, WRONG, A, Run
from hypothesis import given
from hypothesis import strategies as st

from sslbind.errors import SslbindError
from sslbind.grammar import VERBS, match_word, parse_words, read_key, split_line
from sslbind.tags import TAG_BY_NAME

RECORD = f'certhash = "{A}"\nappid = "{IIS}"\ncertstorename = "MY"\n'
TABLE = f'[SslBindingInfo."10.0.0.5:443"]\n{RECORD}'
KEY = "ipport=10.0.0.5:443"
HASH, APPID, STORE = f"certhash={A}", f"appid={IIS}", "certstorename=MY"

SAME_LINES = [
    ("add", "sslcert", KEY, HASH, APPID, STORE),
    ("http", "add", "sslcert", KEY, HASH, APPID, STORE),
    ("HTTP", "ADD", "SSLCERT", KEY.upper(), HASH, APPID, STORE),
    ("ad", "ssl", KEY, HASH, APPID, STORE),
    ("a", "sslc", KEY, HASH, APPID, STORE),
    ("htt", "Add", "sslCert", KEY, HASH, APPID, STORE),
    ("add", "sslcert", STORE, APPID, HASH, KEY),
    ("add", "sslcert", APPID, KEY, STORE, HASH),
    ("add", "sslcert", "10.0.0.5:443", A, IIS, "MY"),
    ("add", "sslcert", "10.0.0.5:443", A, IIS, STORE),
    ("add", "sslcert", "10.0.0.5:443", APPID, A, "MY"),
    ("add", "sslcert", KEY, A, IIS, "MY"),
    ("add", "sslcert", STORE, "10.0.0.5:443", A, IIS),
    ("add", "sslcert", "IpPort=10.0.0.5:443", f"CERTHASH={A}", f"AppId={IIS}", "CertStoreName=MY"),
    ("add", "sslcert", "--ipport", "10.0.0.5:443", "--certhash", A, f"--appid={IIS}", STORE),
    ("add", "sslcert", KEY, f"--certhash={A}", "--appid", "iis", "--certstorename", "MY"),
]


@pytest.mark.parametrize("line", SAME_LINES)
def test_one_record_in_many_ways(run: Run, bare: Path, line: tuple[str, ...]) -> None:
    """``http`` is optional; prefixes, case, order, positions and options make the same record."""
    result = run(*line)
    assert (result.code, result.out) == (0, ADDED)
    assert bare.read_text() == f'version = 1\nwindows = "2025"\n\n{TABLE}'


@pytest.mark.parametrize(
    "line",
    [
        ("sh", "ssl"),
        ("SHOW", "SSLCERT"),
        ("s", "sslcert"),
        ("http", "sh", "ssl"),
        ("show", "ssl", "10.0.0.5:443"),
        ("show", "sslcert", "ipport=10.0.0.5:443"),
        ("show", "sslcert", "--ipport", "10.0.0.5:443"),
    ],
)
def test_show(run: Run, bare: Path, line: tuple[str, ...]) -> None:
    """``sh ssl`` is ``show sslcert``."""
    bare.write_text(f"version = 1\n\n{TABLE}")
    result = run(*line)
    assert result.code == 0
    assert "    IP:port                      : 10.0.0.5:443\n" in result.out


@pytest.mark.parametrize(
    "line",
    [
        ("del", "sslcert", "10.0.0.5:443"),
        ("DEL", "SSLCERT", KEY),
        ("http", "delete", "sslcert", KEY),
        ("de", "s", "--ipport=10.0.0.5:443"),
    ],
)
def test_delete(run: Run, bare: Path, line: tuple[str, ...]) -> None:
    """``DEL SSLCERT`` is ``delete sslcert``."""
    bare.write_text(f"version = 1\n\n{TABLE}")
    result = run(*line)
    assert (result.code, result.out) == (0, DELETED)
    assert "SslBindingInfo" not in bare.read_text()


def test_objects_of_one_kind(run: Run, bare: Path) -> None:
    """``sslsnicert`` is for hostnameport; ``sslccs`` for ccs and scopedccs."""
    add = ("add", "sslsniCert", "www.contoso.com:443")
    assert run(*add, A, "iis", "MY").code == 0
    assert run("add", "sslccs", "443", "appid=iis").code == 0
    assert run("add", "sslccs", "www.contoso.com:443", "appid=iis").code == 0
    text = bare.read_text()
    assert '[SslSniBindingInfo."www.contoso.com:443"]' in text
    assert "[SslCcsBindingInfo.443]" in text
    assert '[SslScopedCcsBindingInfo."www.contoso.com:443"]' in text
    assert run("delete", "sslccs", "www.contoso.com:443").code == 0
    assert '[SslSniBindingInfo."www.contoso.com:443"]' in bare.read_text()
    assert run("show", "sslsnicert", "www.contoso.com:443").code == 0


@pytest.mark.parametrize(
    "line",
    [
        ("add", "sslsnicert", "ipport=10.0.0.5:443"),
        ("add", "sslsnicert", "10.0.0.5:443"),
        ("add", "sslccs", "10.0.0.5:443"),
        ("add", "sslccs", "hostnameport=www.contoso.com:443"),
        ("add", "sslcert", KEY, "hostnameport=www.contoso.com:443"),
        ("add", "sslcert", KEY, "ipport=10.0.0.6:443"),
        ("add", "sslcert", KEY, A, IIS, "MY", "enable"),
        ("add", "sslcert", KEY, "usagecheck=enable", "USAGECHECK=disable"),
        ("add", "sslcert", KEY, "cert=x"),
        ("add", "sslcert", KEY, HASH, "disablet=enable"),
        ("delete", "sslcert", KEY, "appid=iis"),
        ("delete", "sslcert", KEY, "more"),
        ("show", "sslcert", KEY, "json=yes"),
    ],
)
def test_no_such_line(run: Run, bare: Path, line: tuple[str, ...]) -> None:
    """Another kind's key, two keys, a repeated or cut tag, and an extra value are failures."""
    before = bare.read_bytes()
    result = run(*line)
    assert result.code == 1
    assert result.err.startswith("hint: ")
    assert bare.read_bytes() == before


@pytest.mark.parametrize("word", ["?", "/?", "help", "HELP"])
@pytest.mark.parametrize("verb", ["add", "update", "delete", "show"])
def test_help(run: Run, bare: Path, verb: str, word: str) -> None:
    """``?``, ``/?`` and ``help`` after a command show its help, whatever else is there."""
    del bare
    result = run(verb, "sslcert", word)
    assert result.code == 0
    assert result.out.startswith(f"\nUsage: {verb} sslcert ")
    for kind in ("ipport", "hostnameport", "ccs", "scopedccs"):
        assert f"{kind}=" in result.out


@pytest.mark.parametrize("words", [("dump", "?"), ("http", "dump", "/?"), ("du", "help")])
def test_help_of_dump(run: Run, words: tuple[str, ...]) -> None:
    """dump has help as well, and takes no arguments."""
    result = run(*words)
    assert result.code == 0
    assert result.out.startswith("\nUsage: dump\n\n")
    assert "ipport" not in result.out


def test_help_names_every_tag_of_the_release(run: Run, bare: Path) -> None:
    """The help of add names the tags of the modelled release, and no newer ones."""
    del bare
    full = run("add", "sslcert", "?").out
    assert [name for name in TAG_BY_NAME if f"{name}=" not in full] == []
    old = run("--windows", "2012", "add", "sslcert", "?").out
    assert "clientcertnegotiation" in old
    assert "disablehttp2" not in old
    assert "scopedccs" not in old


def test_help_of_2022_as_captured(run: Run, bare: Path) -> None:
    """The syntax of add has netsh's order: host name, address, CCS; appid first among the tags."""
    del bare
    lines = run("--windows", "2022", "add", "sslcert", "/?").out.splitlines()
    assert lines[1].startswith("Usage: add sslcert hostnameport=<name:port> | ipport=<ipaddr:port>")
    assert [line.strip() for line in lines[2:25]] == [
        "appid=<GUID>",
        "[certhash=<string>]",
        "[certstorename=<string>]",
        "[verifyclientcertrevocation=enable|disable]",
        "[verifyrevocationwithcachedclientcertonly=enable|disable]",
        "[usagecheck=enable|disable]",
        "[revocationfreshnesstime=<u-int>]",
        "[urlretrievaltimeout=<u-int>]",
        "[sslctlidentifier=<string>]",
        "[sslctlstorename=<string>]",
        "[dsmapperusage=enable|disable]",
        "[clientcertnegotiation=enable|disable]",
        "[reject=enable|disable]",
        "[disablehttp2=enable|disable]",
        "[disablequic=enable|disable]",
        "[disablelegacytls=enable|disable]",
        "[disabletls12=enable|disable]",
        "[disabletls13=enable|disable]",
        "[disableocspstapling=enable|disable]",
        "[enabletokenbinding=enable|disable]",
        "[logextendedevents=enable|disable]",
        "[enablesessionticket=enable|disable]",
        "",
    ]


@pytest.mark.parametrize("words", [(), ("?",), ("/?",), ("help",), ("http",), ("http", "?")])
def test_help_of_everything(run: Run, words: tuple[str, ...]) -> None:
    """Alone, the help words list the commands; no registry is needed."""
    result = run(*words)
    assert result.code == 0
    for command in ("add", "update", "delete", "show", "dump", "list", "store", "rebind", "init"):
        assert f"\n  {command} " in result.out


@pytest.mark.parametrize("words", [("add", "?"), ("http", "add", "help"), ("ADD", "/?")])
def test_help_of_a_verb(run: Run, words: tuple[str, ...]) -> None:
    """A verb's help lists its objects."""
    result = run(*words)
    for name in ("sslcert", "sslsnicert", "sslccs", "iplisten"):
        assert name in result.out
    assert result.code == 0


def test_tags_are_hidden_options(run: Run) -> None:
    """Every tag is an option too, and none of them appears in ``--help``."""
    text = run("add", "sslcert", "--help").out
    assert "--if-exists" in text
    assert [name for name in TAG_BY_NAME if f"--{name}" in text] == []


@pytest.mark.parametrize("name", ["usagecheck", "disablehttp2", "revocationfreshnesstime"])
def test_tag_options_fail_as_tags_do(run: Run, bare: Path, name: str) -> None:
    """Tags and options share one parser."""
    del bare
    option = run("add", "sslcert", KEY, HASH, APPID, f"--{name}", "bogus")
    tag = run("add", "sslcert", KEY, HASH, APPID, f"{name}=bogus")
    assert (option.code, option.out, option.err) == (tag.code, tag.out, tag.err)
    assert (tag.code, tag.out) == (1, WRONG)


def test_values_with_spaces(run: Run, bare: Path) -> None:
    """A value may have spaces: the shell's quotes on the command line, netsh's in a script."""
    words = (KEY, HASH, APPID, "certstorename=Remote Desktop")
    assert run("add", "sslcert", *words).code == 0
    assert 'certstorename = "Remote Desktop"' in bare.read_text()
    script = 'update sslcert 10.0.0.5:443 certstorename="Web Hosting" "sslctlstorename=Client CA"\n'
    assert run("-f", "-", stdin=script).code == 0
    assert 'certstorename = "Web Hosting"' in bare.read_text()
    assert 'sslctlstorename = "Client CA"' in bare.read_text()


def test_iplisten(run: Run, bare: Path) -> None:
    """``add|show|delete iplisten`` maintain the listen list, in netsh's words."""
    assert run("add", "iplisten", "ipaddress=10.0.0.5").code == 0
    assert run("http", "add", "ipl", "2001:DB8::1").code == 0
    assert run("add", "iplisten", "address=::").code == 0
    assert bare.read_text().splitlines()[2:] == ['iplisten = ["10.0.0.5", "2001:db8::1", "::"]']
    shown = run("show", "iplisten")
    assert [line.strip() for line in shown.out.splitlines() if ":" in line or "." in line][1:] == [
        "10.0.0.5",
        "2001:db8::1",
        "::",
    ]
    again = run("add", "iplisten", "10.0.0.5")
    assert (again.code, "Error: 183\n" in again.out) == (1, True)
    assert run("delete", "iplisten", "ipaddress=10.0.0.5").code == 0
    assert run("DEL", "ipl", "2001:db8::1").code == 0
    assert run("delete", "iplisten", "::").code == 0
    gone = run("delete", "iplisten", "10.0.0.5")
    assert (gone.code, "Error: 2\n" in gone.out) == (1, True)
    assert run("add", "iplisten", "www.contoso.com").code == 1


def test_sslpropertyex(run: Run, bare: Path) -> None:
    """``update sslpropertyex`` sets HTTP/2 values, which appear in show and in the file."""
    bare.write_text(f'version = 1\nwindows = "2022"\n\n{TABLE}')
    line = ("update", "sslpropertyex", KEY)
    assert run(*line, "propertyid=0", "receivewindow=65535").code == 0
    settings = ("propertyid=1", "maxsettingsperframe=5", "maxsettingsperminute=9")
    assert run("http", "upd", "sslp", "10.0.0.5:443", *settings).code == 0
    assert bare.read_text().endswith(
        f"{TABLE}receivewindow = 65535\nmaxsettingsperframe = 5\nmaxsettingsperminute = 9\n"
    )
    shown = run("show", "sslcert").out
    assert "    Receive Window               : 65535\n" in shown
    assert "    Max Settings Per Frame       : 5\n" in shown
    assert "    Max Settings Per Minute      : 9\n" in shown


@pytest.mark.parametrize(
    "words",
    [
        (KEY, "receivewindow=1"),
        (KEY, "propertyid=2", "receivewindow=1"),
        (KEY, "propertyid=0", "maxsettingsperframe=1"),
        (KEY, "propertyid=0", "receivewindow=x"),
        (KEY, "propertyid=1", "maxsettingsperframe=1"),
        ("propertyid=0", "receivewindow=1"),
        ("ipport=10.0.0.9:443", "propertyid=0", "receivewindow=1"),
    ],
)
def test_no_such_property(run: Run, bare: Path, words: tuple[str, ...]) -> None:
    """A property that does not exist, lacks a value or has no record is a failure."""
    bare.write_text(f'version = 1\nwindows = "2022"\n\n{TABLE}')
    before = bare.read_bytes()
    result = run("update", "sslpropertyex", *words)
    assert result.code == 1
    assert result.err.startswith("hint: ")
    assert bare.read_bytes() == before


def test_update(run: Run, bare: Path) -> None:
    """``update`` takes prefixes as well, and positional arguments."""
    bare.write_text(f"version = 1\n\n{TABLE}")
    result = run("u", "ssl", "10.0.0.5:443", "b2" * 20)
    assert (result.code, result.out) == (0, UPDATED)
    assert f'certhash = "{"b2" * 20}"' in bare.read_text()


@pytest.mark.parametrize(
    ("word", "words", "meant"),
    [
        ("sh", VERBS, "show"),
        ("s", VERBS, "show"),
        ("d", VERBS, None),
        ("de", VERBS, "delete"),
        ("du", VERBS, "dump"),
        ("", VERBS, None),
        ("shows", VERBS, None),
        ("ssl", VERBS["add"], "sslcert"),
        ("s", VERBS["add"], "sslcert"),
        ("sslsni", VERBS["add"], "sslsnicert"),
        ("sslsniCert", VERBS["add"], "sslsnicert"),
        ("sslcc", VERBS["add"], "sslccs"),
        ("i", VERBS["add"], "iplisten"),
        ("sslp", VERBS["update"], "sslpropertyex"),
    ],
)
def test_prefixes(word: str, words: tuple[str, ...], meant: str | None) -> None:
    """netsh's words may be shortened to a unique prefix; sslcert is preferred among its like."""
    assert match_word(word, words) == meant


ANY_WORDS = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from([*TAG_BY_NAME, "ipport", "ccs", "json", "address", "sslflags"]).flatmap(
            lambda name: st.text(max_size=12).map(lambda value: f"{name}={value}")
        ),
    ),
    max_size=6,
)
LINES = st.sampled_from([(verb, word) for verb in VERBS for word in VERBS[verb]])


@given(LINES, ANY_WORDS)
def test_any_words(line: tuple[str, str], words: list[str]) -> None:
    """Any words are a line or an SslbindError."""
    verb, word = line
    try:
        texts = parse_words(verb, word, words)
        read_key(word, texts)
    except SslbindError:
        pass


@given(st.text(max_size=80))
def test_any_script_line(line: str) -> None:
    """Any line has words, or is an SslbindError; no word keeps a double quote."""
    try:
        words = split_line(line)
    except SslbindError:
        return
    assert not any('"' in word for word in words)
