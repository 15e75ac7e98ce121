"""Memory in proportion: no file takes more than 20 times its size, and 64 MiB, in any command."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run
from pki import PASSWORD
from test_opening import bomb

from sslbind import bounds
from sslbind.errors import SslbindError
from sslbind.registry.document import read_toml
from sslbind.registry.registry import Registry
from sslbind.registry.source import locate, statements

SIZE = 5_000_000
COMMANDS = (["list"], ["check"])
"""What reads a document: these, and what it holds, with the most that is said of it."""
HEAD = "version = 1\n"
APPID = 'appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"\n'

TOML = {
    "empty lists": ("x = [", "[],"),
    "empty tables": ("x = [", "{},"),
    "tables": ("x = [", "{a=1},"),
    "numbers": ("x = [", "-9,"),
    "texts": ("iplisten = [", '"ab",'),
    "headers": ("", "[a]\n"),
    "dotted headers": ("", "[a.a.a.a.a]\n"),
    "arrays": ("", "[[Suppress]]\n"),
    "no values": ("", "a=\n"),
    "lines": ("", "\n"),
    "comments": ("", "#\n"),
    "quotes": ("", '"'),
    "text over lines": ('x = """', 'a"\n'),
    "text with escapes": ('x = "', '\\"'),
    "text that does not end": ('x = "', "\\'"),
    "dotted keys": ("", "a." * 99 + "a = 1\n"),
}
OTHERS = {
    "json objects": ('{"bindings": [', "{},"),
    "json arrays": ('{"bindings": [', "[],"),
    "json of netsh": ('{"SslCertificateBindings": [', "[],"),
    "xml": ("<configuration>", "<a/>"),
    "xml attributes": ("<configuration>", '<a b="" c="" d="" e=""/>'),
    "capture": ("SSL Certificate bindings:\n\n    IP:port : 0.0.0.0:443\n", "a\n"),
    "lines that say nothing": ("", "ab\n"),
    "labels": ("IP:port : 0.0.0.0:443\n", "a:b\n"),
    "labels alone": ("IP:port : 0.0.0.0:443\n", " : \n"),
    "extended properties": ("IP:port : 0.0.0.0:443\n", "    Property: 0\n"),
    "words of a line": ("add sslcert ", "a=b "),
    "empty words of a line": ("add sslcert ", '"" '),
    "reg": ("Windows Registry Editor Version 5.00\n\n", "[HKEY_A]\n"),
}

G = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
REG = "Windows Registry Editor Version 5.00\n\n"
PARAMETERS = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
SITE = '<sites><site name="a"><bindings>'
NETSH = "netsh http add sslcert ipport=1.1.1.1:1\n"
CAPTURED = '{"format": "sslbind-capture", "version": 1, "sslcert": [], '


def _address(number: int) -> str:
    return f"1.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


WORST: dict[str, tuple[str, str | Callable[[int], str]]] = {
    "show cut records": (
        "SSL Certificate bindings:\n",
        lambda n: f"IP:port : {_address(n)}:1\na : {'a' * 40}\na : {G}\n\n",
    ),
    "show astral": ("\U0001f600\nSSL Certificate bindings:\n", "    IP:port:a\n"),
    "script bad": (NETSH, "http ad s\n"),
    "script incomplete": ("", lambda n: f"http ad s i={_address(n)}:1\n"),
    "script pasted": (
        "",
        lambda n: f"http ad s i={_address(n)}:1 certh=\u200e{'a' * 40} ap={G}\n",
    ),
    "script empty words": (NETSH.strip() + " ", '"a" '),
    "script names": (NETSH, lambda n: f'$a{n:x}="b"\n'),
    "script providers": (NETSH, "ni IIS:\\SslBindings\\a\n"),
    "script cmdlets": (NETSH, "New-WebBinding -Protocol https\n"),
    "script adfs": (NETSH, "Set-AdfsAlternateTlsClientBinding\n"),
    "reg values": (
        rf"{REG}[{PARAMETERS}\SslBindingInfo\0.0.0.0:443]" + "\n",
        lambda n: f'"{n:x}"=hex:\n',
    ),
    "reg query values": (
        rf"{PARAMETERS}\SslBindingInfo\0.0.0.0:443" + "\n",
        lambda n: f"\t{n:x}\tREG_SZ\n",
    ),
    "httpcfg": (
        f"    IP   : 0.0.0.0:443\n    Hash : aaaa\n    Guid : {G}\n",
        "    IP : a\n",
    ),
    "xml empty bindings": (SITE, "<binding/>"),
    "xml bindings": (
        SITE,
        lambda n: f'<binding protocol="https" bindingInformation="*:{n % 65535 + 1}:"/>',
    ),
    "xml flags": (SITE, '<binding protocol="https" bindingInformation="a" sslFlags="x"/>'),
    "xml names": ("<sites>", lambda n: f"<a{n:x}/>"),
    "xml line ends": ("<sites>", "\n"),
    "metabase": ("<configuration><MBProperty>", '<IIsWebServer SSLCertHash="x"/>'),
    "json floats": ('{"bindings": [', "1.5,"),
    "json texts": ('{"bindings": [', '"ab",'),
    "json astral": ('{"bindings": ["\U0001f600",', '"a",'),
    "json names": ('{"bindings": [{', lambda n: f'"{n:x}":1,'),
    "netsh json": (
        '{"SslCertificateBindings": [',
        lambda n: f'{{"IpPort":"{_address(n)}:1"}},',
    ),
    "capture lines": ('{"format": "sslbind-capture", "version": 1, "sslcert": [', '"",'),
    "capture addresses": (CAPTURED + '"iplisten": [', '"a",\n'),
    "capture configuration": (CAPTURED + '"config": ["<sites>",', '"<a/>",\n'),
    "toml ports": (HEAD, lambda n: f'[SslCcsBindingInfo."{n % 65535 + 1}"]\n{APPID}'),
    "toml addresses": (f"{HEAD}iplisten = [", lambda n: f'"{_address(n)}",'),
    "toml astral": (f'{HEAD}x = "\U0001f600', "a"),
}
"""What took the most for its size, found by a search, until the limit was enforced."""
ENDS = {"xml": "</bindings></site></sites>", "json": "1]}"}

_CHILD = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "sslbind", *sys.argv[1:]], stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10)
"""
"""A process that is small itself: a new one counts what the one that starts it has."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone limits a process's memory")
@pytest.mark.parametrize("what", [*TOML, *OTHERS, *WORST])
def test_memory_is_in_proportion(what: str, tmp_path: Path) -> None:
    """No command takes more than 20 times the size of a text, and 64 MiB in all.

    Not even for 5 MB that are nothing but one thing. An answer, or a refusal that says why, is
    given in a minute of a processor's time.
    """
    start, unit = {**TOML, **OTHERS, **WORST}[what]
    file = tmp_path / "file"
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write((HEAD if what in TOML else "") + start)
        count = 0
        while out.tell() < SIZE:
            out.writelines(
                unit if isinstance(unit, str) else unit(n) for n in range(count, count + 20_000)
            )
            count += 20_000
        out.write(ENDS.get(what.split(maxsplit=1)[0], ""))
    most = bounds.RATIO * file.stat().st_size + bounds.ALLOWANCE
    for words in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, "-r", str(file), *words],
            cwd=tmp_path,
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        code, peak = map(int, done.stdout.split())
        assert code in (0, 1, 2), done.stderr[-1000:]
        assert "Traceback" not in done.stderr
        assert peak <= most, words


def test_the_limit_is_told(run: Run, registry: Path) -> None:
    """Who meets the limit learns which it is."""
    registry.write_text(f"{HEAD}x = [{'[],' * 800_000}]\n")
    result = run("list")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "error: sslbind.toml: would take more than 20 times its size in memory, because it is"
        " mostly brackets, punctuation and line endings\n"
    )


@pytest.mark.slow
def test_ten_thousand_sites(tmp_path: Path) -> None:
    """The largest configurations that there are do not meet the limit."""
    site = (
        '<site name="site {0}" id="{0}"><application path="/"><virtualDirectory path="/"'
        ' physicalPath="C:\\sites\\{0}"/></application><bindings><binding protocol="http"'
        ' bindingInformation="*:80:www{0}.contoso.com"/><binding protocol="https"'
        ' bindingInformation="*:443:www{0}.contoso.com" sslFlags="1"/></bindings></site>\n'
    )
    sites = "".join(site.format(number) for number in range(1, 10_001))
    path = tmp_path / "applicationHost.config"
    path.write_text(
        "<configuration><system.applicationHost><sites>\n"
        f"{sites}</sites></system.applicationHost></configuration>\n"
    )
    command = [sys.executable, "-m", "sslbind", "-r", str(path), "list", "--format", "tsv"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 10_000


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone limits a process's memory")
def test_the_limit_holds_for_what_no_count_foresaw(tmp_path: Path) -> None:
    """The system refuses what a command takes beyond the limit; which file it was is said."""
    text = f"<sites>{''.join(f'<a{n:x}/>' for n in range(300_000))}</sites>"
    (tmp_path / "web.config").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "sslbind", "-r", "web.config", "list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: web.config: would take more than 20 times its size in memory\n"


@pytest.mark.parametrize("key", ["a." * 40_000 + "a = 1", f"[{'a.' * 40_000}a]", 'x = {""'])
def test_a_key_without_end(run: Run, registry: Path, key: str) -> None:
    """A dotted key of 80 kB would take gigabytes: no parser sees it."""
    if key.startswith("x"):
        key += '."b"' * 40_000 + " = 1}"
    registry.write_text(f"{HEAD}{key}\n")
    for words in (["list"], ["check"], ["show", "sslcert"], ["delete", "sslcert", "0.0.0.0:443"]):
        result = run(*words)
        assert result.code == 2
        assert "sslbind.toml:2: has a key of more than 100 parts" in result.err


def test_host_names_have_as_many_dots_as_they_like(tmp_path: Path) -> None:
    """Dots in quotes, and in comments, part no key."""
    host = ".".join("a" * 1 for _ in range(126)) + ".de"
    text = f"{HEAD}# {'a.' * 200}\n[SslCcsBindingInfo.443]\n{APPID}[Suppress]\n"
    text = text.replace("[Suppress]", f"[[Suppress]]\nrule = \"a\"\nreason = '{host * 3}'")
    assert len(Registry(text.encode(), str(tmp_path / "f")).bindings) == 1


def test_a_registry_of_ordinary_bindings_is_far_from_the_limit() -> None:
    """A hundred thousand bindings with as little text as there can be are read."""
    text = HEAD + "".join(
        f'[SslBindingInfo."1.1.{n >> 8}.{n & 255}:443"]\ncerthash = "{"a" * 40}"\n{APPID}'
        for n in range(65_536)
    )
    bounds.check_tables(text, "f")
    bounds.check_keys(text, "f")


def test_completion_beside_a_key_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are completed, and at once, from a file that is refused."""
    from sslbind.cli.completion.known import Known

    file = tmp_path / "sslbind.toml"
    file.write_text(f"{HEAD}{'a.' * 30_000}a = 1\n[SslCcsBindingInfo.443]\n{APPID}")
    assert [key.spec for key in Known(str(file)).keys] == ["ccs=443"]


@pytest.mark.parametrize(
    "text",
    [
        'a = """x"y""z"""\nb = 1\n',
        'a = """""x"""""\nb = 1\n',
        "a = '''x'y''z'''\nb = 1\n",
        "a = '''''x'''''\nb = 1\n",
        'a = """\\"""x"""\nb = 1\n',
        'a = ["]", \'[\', """}""", {b = "#"}] # ]\nb = 1\n',
        'a = ""\nb = 1\n',
        'a = """"""\nb = 1\n',
        '"a\\"b".c = "d\\\\"\nb = 1\n',
    ],
)
def test_quotes_end_where_tomllib_ends_them(text: str) -> None:
    """The second statement is found whatever the first one holds."""
    assert tomllib.loads(text)["b"] == 1
    assert [one.path[-1] for one in statements(text)][-1] == "b"
    assert locate(text, ("b",)) == 2


def test_thousands_of_mistakes(run: Run, registry: Path) -> None:
    """Mistakes are looked for until there are a thousand, in a second rather than an hour."""
    registry.write_text(HEAD + "".join(f"a{n} = 1\n" for n in range(30_000)))
    result = run("list")
    assert result.code == 2
    assert result.err.count("is not a table or setting of a registry") == 50
    assert "950 or more mistakes are not shown" in result.err


def test_targets_have_the_limits_of_registries(tmp_path: Path) -> None:
    """A targets file is TOML too."""
    from sslbind.targets import read_targets

    file = tmp_path / "targets.toml"
    file.write_text(f"version = 1\n{'a.' * 40_000}a = 1\n")
    with pytest.raises(SslbindError, match="a key of more than 100 parts"):
        read_targets(str(file))
    with pytest.raises(SslbindError, match="a key of more than 100 parts"):
        read_toml(file.read_text(), "f")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from sslbind.cli import main
sys.exit(main())
"""
BOMBS = {
    "length": b"\x30\x84\x7f\xff\xff\xff" + b"\0" * 100,
    "depth": b"\x30\x80" * 200_000,
    "pfx-depth": b"\x30\x80\x02\x01\x03" + b"\x30\x80" * 200_000,
    "octets": b"\x24\x80" * 200_000,
    "pem": b"-----BEGIN CERTIFICATE-----\n" * 300_000,
    "pem-line": b"-----BEGIN CERTIFICATE-----\n" + b"A" * 8_000_000,
    "hidden-rounds": bomb(),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux limits the memory of a process")
@pytest.mark.parametrize("what", BOMBS)
def test_certificates_under_a_memory_limit(what: str, registry: Path) -> None:
    """With a gigabyte of memory, each file that claims to be more is refused in a sentence."""
    (registry.parent / "file.pfx").write_bytes(BOMBS[what])
    (registry.parent / "pw").write_bytes(PASSWORD)
    words = ["store", "add", "file.pfx", "--password-file", "pw"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words],
        cwd=registry.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("error: file.pfx: ")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux limits the memory of a process")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("key.toml", "version = 1\n" + "a." * 60_000 + "a = 1\n"),
        ("quotes.toml", "version = 1\n" + '"' * 18_000_000),
        ("web.json", '{"bindings": [' + "[]," * 14_000_000 + "[]]}"),
        ("web.config", "<configuration>" + "<a/>" * 5_000_000),
    ],
    ids=["key", "quotes", "json", "xml"],
)
def test_texts_under_a_memory_limit(name: str, text: str, tmp_path: Path) -> None:
    """What took gigabytes, and ended in MemoryError, is a sentence with one gigabyte."""
    (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "-r", name, "list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {name}")
    assert "Traceback" not in done.stderr
