"""What a hint offers works: every key, tag and command that a hint names is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from conftest import ADDED, IIS, Run, Stored

from sslbind.formats.netsh import show_writer

HASH = "3b8e5a0c71d94f26ab60e2d7c48f91350a6dbe72"
REST = (f"certhash={HASH}", f"appid={IIS}", "certstorename=MY")
BAD_KEYS = [
    "ipport=+:8443",
    "ipport=*:8443",
    "ipport=:8443",
    "ipport=https://+:8443/",
    "ipport=https://shop.example.com/",
    "ipport=https://10.0.0.7:8443/x",
    "ipport=http://[::1]",
    "ipport=8443",
    "ipport=10.0.0.7",
    "ipport=shop.example.com",
    "ipport=shop.example.com:8443",
    "ipport=fe80::7",
    "ipport=fe80::7:443",
    "ipport=::1",
    "ipport=[10.0.0.7]:443",
    "ipport=10.0.0.7:443:shop.example.com",
    "ipport=*:443:",
    "hostnameport=0.0.0.0:443:www.example.com",
    "hostnameport=*:443:",
    "hostnameport=[::1]:443:www.example.com",
    "hostnameport=+:8443",
    "hostnameport=*:8443",
    "hostnameport=https://shop.example.com:8443/",
    "hostnameport=10.0.0.7:443",
    "hostnameport=300.1.1.1:443",
    "hostnameport=[::1]:443",
    "hostnameport=shop.example.com",
    "hostnameport=443",
    "scopedccs=10.0.0.7:443",
    "ccs=0.0.0.0:443",
    "shop.example.com",
    "10.0.0.7",
]
_KEY = re.compile(r"\b(?:ipport|hostnameport|scopedccs|ccs)=[^\s,;]+")


def offered(err: str, pattern: re.Pattern[str]) -> list[str]:
    """Return what the hints offer, without the sentence that repeats what was wrong."""
    hints = [line for line in err.splitlines() if line.startswith("hint: ")]
    assert hints
    return [found for hint in hints[1:] for found in pattern.findall(hint) if "PORT" not in found]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_a_hint_offers_works(run: Run, bare: Path, key: str) -> None:
    """The same line is accepted with each of them."""
    before = bare.read_bytes()
    tags = ("appid=iis",) if "ccs" in key else REST
    result = run("add", "sslcert", key, *tags)
    assert result.code == 1
    keys = offered(result.err, _KEY)
    for better in keys:
        bare.write_bytes(before)
        tags = ("appid=iis",) if "ccs=" in better else REST
        assert run("add", "sslcert", better, *tags).code == 0, better
    assert keys or key == "hostnameport=300.1.1.1:443"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("ipport=+:8443", "ipport=0.0.0.0:8443 is every address"),
        ("ipport=https://+:8443/", "ipport=0.0.0.0:8443 is every address"),
        ("ipport=https://shop.example.com", "hostnameport=shop.example.com:443 binds a name (SNI)"),
        ("ipport=8443", "ipport=0.0.0.0:8443 binds every address"),
        (
            "hostnameport=0.0.0.0:443:www.example.com",
            "hostnameport=www.example.com:443 binds a name (SNI)",
        ),
        ("ipport=*:443:", "ipport=0.0.0.0:443 is every address"),
    ],
)
def test_the_hint_of_a_key(run: Run, bare: Path, key: str, hint: str) -> None:
    """URLs, ports alone and bindings as IIS writes them are recognised."""
    del bare
    assert f"hint: {hint}\n" in run("add", "sslcert", key, *REST).err


BAD_TAGS = [
    f"certhash=?{HASH}",
    f"certhash=ab{HASH}",
    f"appid={IIS[1:-1]}",
    f"appid='{IIS}'",
    "certsore=MY",
    "usagechek=disable",
]
_TAG = re.compile(r"\b[a-z]+=(?:'[^']*'|[^\s,:;?]+)")


@pytest.mark.parametrize("word", BAD_TAGS)
def test_a_tag_that_a_hint_offers_works(run: Run, bare: Path, word: str) -> None:
    """Each tag with a value that the hint offers takes the place of the bad one."""
    before = bare.read_bytes()
    key = "ipport=10.0.0.7:443"
    name = "usagecheck" if word.startswith("usage") else word[:4]
    rest = [one for one in REST if not one.startswith(name)]
    result = run("add", "sslcert", key, *rest, word)
    assert result.code == 1
    for better in offered(result.err, _TAG):
        bare.write_bytes(before)
        (value,) = shlex.split(better)
        assert run("add", "sslcert", key, *rest, value).code == 0, better


def test_a_mark_that_cmd_wrote_as_a_question_mark(run: Run, bare: Path) -> None:
    """The hint says where the question mark is from, and offers the thumbprint."""
    del bare
    result = run("add", "sslcert", "ipport=10.0.0.7:443", f"certhash=?{HASH}", f"appid={IIS}")
    assert result.err == (
        f"hint: certhash=?{HASH}: '?' is not a hex digit\n"
        "hint: an invisible mark was pasted with the thumbprint, and cmd writes it as '?':"
        f" certhash={HASH}\n"
    )


SPELLINGS = [
    ("certstore=MY", "hostname=shop.example.com:443"),
    ("CertStore=my", "HostName=shop.example.com:443"),
    ("certs=MY", "h=shop.example.com:443"),
]


@pytest.mark.parametrize(("store", "key"), SPELLINGS, ids=range(3))
def test_prefixes_of_tags(run: Run, bare: Path, store: str, key: str) -> None:
    """A unique prefix of a tag is that tag: as arguments, in -f, in import, in show and delete."""
    line = (key, f"certhash={HASH}", f"appid={IIS}", store)
    assert run("add", "sslcert", *line).out == ADDED
    record = bare.read_bytes()
    shown = run("show", "sslcert", key)
    assert (shown.code, "Hostname:port                : shop.example.com:443" in shown.out) == (
        0,
        True,
    )
    assert run("delete", "sslcert", key).code == 0
    script = f"netsh http add sslcert {' '.join(line)}\n"
    assert run("-f", "-", stdin=script).code == 0
    assert bare.read_bytes() == record
    assert run("delete", "sslcert", key).code == 0
    Path("add.cmd").write_text(script)
    assert run("import", "add.cmd").code == 0
    assert bare.read_bytes() == record


def test_an_ambiguous_prefix_names_both(run: Run, bare: Path) -> None:
    """``cert=`` starts two tags."""
    del bare
    result = run("add", "sslcert", "ipport=10.0.0.7:443", f"cert={HASH}", f"appid={IIS}")
    assert result.code == 1
    assert "'cert' is not a valid argument for this command" in result.out
    assert "hint: it could be certhash and certstorename: write one of them in full\n" in result.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("ipport", "=", "10.0.0.7:443", *REST), "ipport=10.0.0.7:443"),
        (("ipport", "=10.0.0.7:443", *REST), "ipport=10.0.0.7:443"),
        (("ipport=", "10.0.0.7:443", *REST), "ipport=10.0.0.7:443"),
        (("ipport = 10.0.0.7:443", *REST), "ipport=10.0.0.7:443"),
        (("ipport=10.0.0.7:443", "certhash=", HASH, *REST[1:]), f"certhash={HASH}"),
    ],
    ids=["both", "before", "after", "quoted", "certhash"],
)
def test_blanks_around_the_equals_sign(
    run: Run, bare: Path, words: tuple[str, ...], hint: str
) -> None:
    """The hint names the blanks, and the tag without them."""
    del bare
    result = run("add", "sslcert", *words)
    assert result.code == 1
    assert f"hint: write the tag, '=' and the value without spaces: {hint}\n" in result.err


def test_powershells_quotes_around_a_guid(run: Run, bare: Path) -> None:
    """They are accepted in a script as PowerShell means them, and refused as an argument."""
    line = f"add sslcert ipport=10.0.0.7:443 certhash={HASH} appid='{IIS}' certstorename=MY"
    refused = run(*line.split())
    assert (refused.code, "a GUID is written in braces, without quotes" in refused.err) == (1, True)
    assert run("-f", "-", stdin=f"{line}\n").out == ADDED
    record = bare.read_bytes()
    assert run("delete", "sslcert", "ipport=10.0.0.7:443").code == 0
    Path("add.txt").write_text(f"{line}\n")
    assert run("import", "add.txt").code == 0
    assert bare.read_bytes() == record


_COMMAND = re.compile(r"\bsslbind (?:list|explain [0-9]+|store list|init|targets)\b")


@pytest.mark.parametrize(
    "words",
    [
        ("delete", "sslcert", "ipport=10.0.0.9:443"),
        ("update", "sslcert", "ipport=10.0.0.9:443", "usagecheck=disable"),
        ("show", "sslcert", "ipport=10.0.0.9:443"),
        ("delete", "sslcert", "--host", "none.example.com"),
        ("import", "log.txt"),
    ],
    ids=["delete", "update", "show", "selected", "import"],
)
def test_a_command_that_a_hint_offers_works(run: Run, bare: Path, words: tuple[str, ...]) -> None:
    """It is run as it is printed."""
    del bare
    Path("log.txt").write_text(
        f"netsh http add sslcert ipport=10.0.0.9:443 {' '.join(REST)}\n"
        "SSL Certificate add failed, Error: 5\n"
    )
    result = run(*words)
    assert result.code == 1
    commands = _COMMAND.findall(result.err)
    assert commands
    for command in commands:
        assert run(*shlex.split(command)[1:]).code == 0, command


def test_certhash_that_is_not_a_thumbprint(run: Run, stored: Stored) -> None:
    """The hints name the certificate that is meant, as ``--cert`` finds it."""
    lists = "hint: sslbind store list lists the certificates\n"
    thumbprint = stored.web.thumbprint
    meant = f"hint: the certificate is certhash={thumbprint}\n"
    for text, hints in (
        ("", f"hint: certhash= is empty: a thumbprint has 40 hex digits\n{lists}"),
        (thumbprint[:10], meant),
        ("www.contoso.com", meant),
        ("deadbeef00", f"hint: deadbeef00 is not known in the stores\n{lists}"),
        ("sslbind.toml", "hint: --cert sslbind.toml binds the certificate of the file\n"),
        ("web.pem", lists),
    ):
        result = run("add", "sslcert", "ipport=10.0.0.7:443", f"certhash={text}", f"appid={IIS}")
        assert (result.code, result.out) == (1, "The parameter is incorrect.\n"), text
        assert result.err.endswith(hints), text


@pytest.mark.parametrize(
    "words",
    [
        ("rebind", "", "www.contoso.com"),
        ("list", "--cert", ""),
        ("store", "show", ""),
        ("renew", ""),
        ("store", "add", ""),
    ],
    ids=lambda words: words[0],
)
@pytest.mark.usefixtures("stored")
def test_a_certificate_without_a_name(run: Run, words: tuple[str, ...]) -> None:
    """An empty argument is called empty: a hook's variable that is not set is one."""
    result = run(*words)
    assert result.code in (1, 2)
    assert "is empty" in result.err.partition("\n")[0]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("list", "www.contoso.com"), "sslbind list --host www.contoso.com selects bindings"),
        (("probe", "www.contoso.com"), "sslbind probe www.contoso.com:443\n"),
        (("probe", "10.0.0.5"), "sslbind probe 10.0.0.5:443\n"),
        (("apply", "all", "--yes"), "one server needs none: --host admin@web01, or local for this"),
        (("-r", "wide.toml", "list"), "(Get-Content FILE) | Set-Content -Encoding utf8 FILE"),
        (("check", "--sites", "web01.txt"), "sslbind check FILE checks the bindings in it"),
    ],
    ids=lambda words: " ".join(words[:2]) if isinstance(words, tuple) else "",
)
@pytest.mark.usefixtures("registry")
def test_what_was_meant(run: Run, words: tuple[str, ...], hint: str) -> None:
    """A word in the wrong place, or a file of another kind, is answered with what helps."""
    Path("wide.toml").write_text("version = 1\n", "utf-16")
    Path("web01.txt").write_text(show_writer.HEADER)
    result = run(*words)
    assert result.code == 2
    assert hint in result.err
