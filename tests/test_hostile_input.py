"""What an attacker tried: answers are sentences, nothing is destroyed, nothing is forged."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import Run
from tools import unix_names

from sslbind.binding import Binding
from sslbind.errors import SslbindError
from sslbind.formats.netsh import show_writer
from sslbind.keys import infer_key
from sslbind.printable import printable, printable_json
from sslbind.release import Release
from sslbind.sources import parse_source

CAPTURES = Path(__file__).parent / "captures"


@pytest.mark.parametrize(
    "document",
    [
        '{"SslCertificateBindings": [1]}',
        '{"SslCertificateBindings": [{"ConfigType": 99}]}',
        '{"SslCertificateBindings": {}}',
        "[" * 100_000,
        "",
    ],
)
def test_json_that_is_none_of_netsh(run: Run, registry: Path, document: str) -> None:
    """Any JSON but that of netsh is refused with the file's name, and nothing changes."""
    before = registry.read_bytes()
    (registry.parent / "x.json").write_text(document)
    result = run("add", "sslcert", "json=x.json")
    if document.endswith("{}}"):
        assert result.code == 0  # a list of nothing
    else:
        assert result.code == 2
        assert result.err.startswith("error: x.json: is not the JSON that show sslcert json=enable")
    assert registry.read_bytes() == before


DOCUMENTS = sorted(
    path for folder in (CAPTURES, CAPTURES.parent / "golden") for path in folder.rglob("*.*")
)


@pytest.mark.parametrize(
    "words",
    [("list",), ("list", "--format", "json"), ("resolve",), ("check",), ("show", "sslcert")],
    ids=" ".join,
)
def test_every_document_is_answered_in_words(run: Run, words: tuple[str, ...]) -> None:
    """Whatever a document is, a command that reads it answers, or says why it cannot."""
    assert len(DOCUMENTS) > 40
    for path in DOCUMENTS:
        result = run("-r", str(path), *words)
        assert result.code in (0, 1) or result.err.startswith("error: "), path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_an_export_replaces_no_pipe(run: Run, registry: Path) -> None:
    """A pipe or device stays what it is."""
    pipe = registry.parent / "pipe"
    os.mkfifo(pipe)
    result = run("export", "netsh-script", "-o", "pipe")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: pipe: is not a regular file")
    assert pipe.is_fifo()


def test_an_export_does_not_overwrite_its_registry(run: Run, registry: Path) -> None:
    """The registry is not a place for its own script."""
    before = registry.read_bytes()
    result = run("export", "netsh-script", "-o", "./sslbind.toml")
    assert result.code == 2
    assert "is the registry itself" in result.err
    assert registry.read_bytes() == before


def test_a_path_in_a_hint_is_quoted(run: Run) -> None:
    """A command that a hint gives can be pasted into a shell, whatever the file is called."""
    result = run("-r", "x $(id).toml", "list")
    assert result.code == 2
    shell = "PowerShell" if sys.platform == "win32" else "sh"
    command = f"sslbind -r 'x $(id).toml' init (in {shell})"
    assert f"{command} creates a new registry there" in result.err


@unix_names
def test_a_file_name_forges_no_line(run: Run, registry: Path) -> None:
    """Names of files in a store are escaped wherever they are shown."""
    store = registry.parent / "certs" / "MY"
    store.mkdir()
    (store / "a\x1b[31m\nMY ffff: good.pem").write_bytes(b"no certificate")
    for words in (["store", "verify"], ["store", "list"], ["store", "list", "--format", "tsv"]):
        result = run(*words)
        assert "\x1b" not in result.out + result.err
        assert not any(line.startswith("MY ffff") for line in result.out.splitlines())


def test_a_password_in_the_wrong_place_is_not_repeated(run: Run, registry: Path) -> None:
    """Whoever types the password for the variable's name does not find it in a log."""
    (registry.parent / "web.pfx").write_bytes(b"x")
    result = run("store", "add", "web.pfx", "--password-env", "hunter2")
    assert result.code == 2
    assert "hunter2" not in result.out + result.err


@pytest.mark.parametrize(
    "text",
    [
        "iplisten = [{" + "a." * 3000 + "a = 1}]\n",
        "[[Suppress]]\nrule." + "a." * 3000 + "a = 1\n",
    ],
)
def test_nesting_without_end_is_a_sentence(run: Run, registry: Path, text: str) -> None:
    """A registry that is nested beyond reason is refused like any other."""
    registry.write_text(f"version = 1\n{text}")
    result = run("list")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: sslbind.toml")


def test_a_store_name_that_a_shell_expands_is_told(run: Run, registry: Path) -> None:
    """A script line that is safe for -f, and not in a shell, does not leave silently."""
    registry.write_text(
        'version = 1\n[SslBindingInfo."0.0.0.0:443"]\ncertstorename = "a$(b)"\n'
        f'certhash = "{"a" * 40}"\nappid = "{{4dc3e181-e14b-4a21-b022-59fc669b0914}}"\n'
    )
    result = run("dump")
    assert result.code == 0
    assert "certstorename=a$(b): a shell would interpret it" in result.err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u115fb", "a\\u115fb"),
        ("\u2800", "\\u2800"),
        ("\u3164.de", "\\u3164.de"),
        ("a\ufe0f\u034f", "a\\ufe0f\\u034f"),
        ("a\u200d\U000e0100", "a\\u200d\\U000e0100"),
        ("b\u00fccher \u2764 \U0001f600", "b\u00fccher \u2764 \U0001f600"),
        ("::error file=a::b", "\\x3a:error file=a::b"),
        (" ::error::b", " \\x3a:error::b"),
        ("a ##[error]b ##vso[task.complete]", "a \\x23#[error]b \\x23#vso[task.complete]"),
        ("::", "::"),
        ("::1", "::1"),
        ("[::]:443", "[::]:443"),
        ("2001:db8::1", "2001:db8::1"),
    ],
    ids=ascii,
)
def test_printable(text: str, shown: str) -> None:
    """What nobody can see is escaped, and so is the start of a command to a CI job's runner."""
    assert printable(text) == shown


def test_all_that_cannot_be_seen_is_escaped() -> None:
    """No character that Unicode ignores by default, and no blank but the space, is left."""
    ignored = (
        *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0, 0x2800),
        *range(0x180B, 0x1810),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
        *range(0xFFF0, 0xFFF9),
        *range(0x1BCA0, 0x1BCA4),
        *range(0x1D173, 0x1D17B),
        *range(0xE0000, 0xE1000),
    )
    blanks = [n for n in range(sys.maxunicode + 1) if chr(n).isspace() and n != 0x20]
    assert [hex(n) for n in (*ignored, *blanks) if printable(chr(n)) == chr(n)] == []
    assert not any("\u3164" in printable_json(text) for text in ("\u3164", "a\n\u3164"))


@unix_names
def test_a_file_name_is_no_command_to_a_runner(run: Run, registry: Path) -> None:
    """No line of any output starts as a workflow command that we do not mean."""
    name = "::error file=a,line=1::mine.toml"
    registry.rename(registry.parent / name)
    (registry.parent / "certs" / "MY").mkdir()
    (registry.parent / "certs" / "MY" / "::warning::.pem").write_bytes(b"no certificate")
    (registry.parent / name).write_text(
        '[CertStores]\nversion = 1\n[SslBindingInfo."0.0.0.0:443"]\n', "utf-8"
    )
    for broken in (True, False):
        if not broken:
            (registry.parent / name).write_text(
                'version = 1\n[CertStores]\n[SslBindingInfo."0.0.0.0:443"]\n'
                f'certhash = "{"a" * 40}"\nappid = "{{4dc3e181-e14b-4a21-b022-59fc669b0914}}"\n'
            )
        for words in (
            ["-r", name, "check"],
            ["-r", name, "list"],
            ["-r", name, "store", "list"],
            ["-r", name, "store", "verify"],
            ["-r", name, "resolve", "0.0.0.0:443"],
            ["diff", name, name],
            ["check", name, name],
            ["import", name, "-r", "new.toml"],
            ["import", name, "--each", "folder"],
        ):
            result = run(*words)
            lines = (result.out + result.err).splitlines()
            assert not [line for line in lines if line.lstrip().startswith("::")], words


def test_a_password_for_a_file_is_not_repeated(run: Run, registry: Path) -> None:
    """Nor is one that was typed in place of the file's name."""
    (registry.parent / "web.pfx").write_bytes(b"x")
    result = run("store", "add", "web.pfx", "--password-file", "hunter2")
    assert result.code == 2
    assert "hunter2" not in result.out + result.err
    assert result.err.startswith("error: the file of --password-file cannot be read: no such file")


@unix_names
def test_import_makes_no_file_of_an_odd_name(run: Run, tmp_path: Path) -> None:
    """A capture's name gives the registry's, without what a terminal or an editor would do with."""
    values = {"certhash": "a" * 40, "appid": "{4dc3e181-e14b-4a21-b022-59fc669b0914}"}
    binding = Binding(infer_key("0.0.0.0:443"), values)
    capture = show_writer.show([binding], Release.W2012)
    (tmp_path / "a\x1b[31m\u202e\u3164 b.txt").write_text(capture)
    result = run("import", "a\x1b[31m\u202e\u3164 b.txt", "--each", "servers")
    assert result.code == 0, result.err
    assert os.listdir(tmp_path / "servers") == ["a-[31m---b.toml"]


@pytest.mark.parametrize("name", ["CON", "nul", "COM1", "Lpt9.old", "aux"])
def test_a_device_names_nothing(name: str, run: Run, registry: Path) -> None:
    """A registry that is shared with Windows must not have a store that is a device there."""
    result = run("store", "new", "--dns", "www.contoso.com", "--store", name)
    assert (result.code, list(registry.parent.glob("certs/*/*"))) == (2, [])


@unix_names
@pytest.mark.parametrize("name", ["CON", "nul", "COM1", "Lpt9.old", "aux"])
def test_a_device_names_no_registry(name: str, run: Run, registry: Path) -> None:
    """The name of a capture would be that of the registry which is made of it."""
    (registry.parent / f"{name}.txt").write_bytes(
        (Path(__file__).parent / "captures" / "french-2022.txt").read_bytes()
    )
    result = run("import", f"{name}.txt", "--each", "servers")
    assert result.code == 2
    assert "the name of a device on Windows" in result.err


@unix_names
@pytest.mark.parametrize(
    "words",
    [
        ["report", "-o", "nul.html"],
        ["export", "json", "-o", "con.txt"],
        ["expiry", "-o", "COM1"],
        ["plan", "@web", "--out", "Prn"],
        ["import", "french-2022.txt", "--each", "AUX"],
    ],
    ids=lambda words: words[0],
)
def test_a_device_names_no_output(words: list[str], run: Run, registry: Path) -> None:
    """A folder that is shared with Windows must not have a file or a folder like that."""
    shutil.copy(Path(__file__).parent / "captures" / "french-2022.txt", registry.parent)
    netsh = json.dumps([sys.executable, "-m", "sslbind", "-q", "-r", "server.toml", "-f", "-"])
    (registry.parent / "targets.toml").write_text(
        f'version = 1\n[Target.web]\ntransport = "command"\nnetsh = {netsh}\n'
    )
    for name in ("server.toml", "web.toml"):
        (registry.parent / name).write_text("version = 1\n")
    result = run(*words)
    assert result.code == 2
    assert "it is the name of a device on Windows" in result.err
    assert not (registry.parent / words[-1]).exists()


def test_the_password_in_place_of_the_file_of_the_central_store(run: Run, registry: Path) -> None:
    """The file may be on the server only, so it is accepted, but what was typed is not shown."""
    result = run("ccs", "enable", "ccs", "--password-file", "hunter2")
    assert result.code == 0
    assert "the password file does not exist as seen from this machine" in result.err
    assert "hunter2" not in result.err


SURROGATE = "\udced\udca0\udc80\udcff"
"""What Python makes of the bytes ED A0 80 FF on Unix; on Windows a program is given it as it is."""


@pytest.mark.parametrize(
    "words",
    [
        ["check", SURROGATE],
        ["-r", SURROGATE, "list"],
        ["list", "--cert", SURROGATE],
        ["list", "--host", SURROGATE],
        ["show", "sslcert", f"{SURROGATE}:443"],
        ["add", "sslcert", "0.0.0.0:443", f"certhash={SURROGATE}", "appid=iis"],
        ["add", "sslcert", "0.0.0.0:443", f"certhash={'a' * 40}", f"appid={SURROGATE}"],
        ["add", "sslcert", "0.0.0.0:443", f"certstorename={SURROGATE}", "appid=iis"],
        ["store", "new", "--dns", SURROGATE],
        ["store", "new", "--dns", "a.de", "--store", SURROGATE],
        ["store", "show", SURROGATE],
        ["store", "add", SURROGATE],
        ["rebind", SURROGATE, SURROGATE],
        ["resolve", "0.0.0.0:443", SURROGATE],
        ["resolve", f"https://{SURROGATE}/"],
        ["explain", SURROGATE],
        ["export", "json", "-o", f"{SURROGATE}/a"],
        ["export", SURROGATE],
        ["import", SURROGATE, "--from", SURROGATE],
        ["diff", SURROGATE, SURROGATE],
        ["ccs", "enable", SURROGATE],
        ["-f", SURROGATE],
        ["--targets", SURROGATE, "list", "@all"],
        ["probe", f"{SURROGATE}:443"],
        ["expiry", SURROGATE],
        [SURROGATE],
    ],
    ids=lambda words: "-".join(words).encode("ascii", "replace").decode(),
)
def test_arguments_that_are_not_text(run: Run, registry: Path, words: list[str]) -> None:
    """Bytes of a command line that no encoding knows are a sentence, wherever they are."""
    before = registry.read_bytes()
    result = run(*words)
    assert result.code in (0, 1, 2)
    assert registry.read_bytes() == before or words[0] == "ccs"


HUGE = "9" * 5000


def test_a_number_that_python_does_not_read(run: Run, bare: Path) -> None:
    """It is neither an event nor an alert nor a code."""
    del bare
    result = run("explain", HUGE)
    assert result.code == 2
    assert result.err.startswith(f"error: '{HUGE}' is not a known topic")


@pytest.mark.slow
@pytest.mark.parametrize("document", sorted(one.name for one in CAPTURES.iterdir()))
def test_numbers_of_thousands_of_digits(document: str) -> None:
    """Python converts no number of more than 4,300 digits: no reader asks it to."""
    data = (CAPTURES / document).read_bytes()
    numbers = [*re.finditer(rb"[0-9]+", data)][:40]
    with contextlib.suppress(SslbindError):
        parse_source(data, "file")
    for number in numbers:
        for big in (HUGE, f"0x{HUGE}", f"-{HUGE}", "1e5000"):
            with contextlib.suppress(SslbindError):
                parse_source(data[: number.start()] + big.encode() + data[number.end() :], "file")
    properties = f"\n      Extended Properties:\n      PropertyId : {HUGE}\n".encode()
    with contextlib.suppress(SslbindError):
        parse_source(data + properties, "file")
