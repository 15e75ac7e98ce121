"""The real command in real processes: names, streams, environments, bytes, and unknown words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from conftest import ADDED, IIS, A, Run, Stored, call
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import issue
from tools import unix_names

LINE = ("add", "sslcert", "ipport=10.0.0.5:443", f"certhash={A}", f"appid={IIS}")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links, closed streams and bytes")


def process(
    *args: str | bytes,
    cwd: Path,
    program: tuple[str, ...] = (sys.executable, "-m", "sslbind"),
    env: Mapping[str, str | None] | None = None,
    stdin: bytes = b"",
    **streams: int,
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process; an environment variable that is None is removed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for name, value in (env or {}).items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    return subprocess.run(
        [*program, *args],
        cwd=cwd,
        env=environment,
        input=stdin,
        stdout=streams.get("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )


def test_module(bare: Path) -> None:
    """``python -m sslbind`` is the command."""
    done = process(*LINE, cwd=bare.parent)
    assert (done.returncode, done.stdout.decode()) == (0, ADDED.replace("\n", os.linesep))


@POSIX
def test_a_link_named_netsh(bare: Path, tmp_path: Path) -> None:
    """Through a link named netsh, netsh's lines work unchanged, and the help says netsh."""
    script = tmp_path / "sslbind-script"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom sslbind.cli import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    (tmp_path / "netsh").symlink_to(script)
    netsh = (str(tmp_path / "netsh"),)
    done = process("http", *LINE, cwd=bare.parent, program=netsh)
    assert (done.returncode, done.stdout.decode()) == (0, ADDED)
    shown = process("http", "sh", "ssl", cwd=bare.parent, program=netsh)
    assert b"10.0.0.5:443" in shown.stdout
    assert b"netsh" in process("--help", cwd=bare.parent, program=netsh).stdout


@pytest.fixture
def netsh(bare: Path) -> str:
    """Return a link named netsh, beside a registry without stores."""
    script = bare.parent / "sslbind-script"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom sslbind.cli import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    link = bare.parent / "netsh"
    link.symlink_to(script)
    return str(link)


LISTED = """
IP addresses present in the IP listen list:
-------------------------------------------

    10.0.0.5

"""


@POSIX
def test_bare_netsh_reads_lines(netsh: str, bare: Path) -> None:
    """Lines in a pipe are carried out, without a prompt, until one leaves."""
    lines = b"http\r\nadd iplisten 10.0.0.5\r\nhttp show iplisten\r\nEXIT\r\nadd iplisten 10.0.0.6"
    done = process(cwd=bare.parent, program=(netsh,), stdin=lines)
    assert done.stdout.decode() == "\nIP address successfully added\n\n" + LISTED
    assert (done.stderr, done.returncode) == (b"", 0)
    done = process(cwd=bare.parent, program=(netsh,), stdin=b"add iplisten 10.0.0.5\nquit\n")
    assert done.returncode == 1
    assert b"hint: standard input, line 1: 10.0.0.5 is already in the IP listen list" in done.stderr
    done = process(cwd=bare.parent, program=(netsh,), stdin=b"")
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("last", ["exit", "Bye", "quit", None], ids=["exit", "bye", "quit", "eof"])
def test_bare_netsh_on_a_terminal(netsh: str, bare: Path, last: str | None) -> None:
    """On a terminal there is a prompt, and each line is answered before the next one."""
    import pexpect  # type: ignore[import-untyped]

    child = pexpect.spawn(netsh, cwd=str(bare.parent), encoding="utf-8", timeout=60)
    child.expect_exact("netsh>")
    child.sendline("http add iplisten 10.0.0.5")
    child.expect_exact("IP address successfully added")
    child.expect_exact("netsh>")
    child.sendline("http nonsense")
    child.expect_exact("The following command was not found: http nonsense.")
    child.expect_exact("netsh>")
    if last is None:
        child.sendeof()
    else:
        child.sendline(last)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


@POSIX
def test_closed_streams(bare: Path) -> None:
    """With standard streams closed, the work is done and the exit code is unchanged."""
    line = (*LINE[:4], "appid=iis", "--if-exists", "update")
    for redirect in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = process(
            f"{sys.executable} -m sslbind {' '.join(line)} {redirect}",
            cwd=bare.parent,
            program=("sh", "-c"),
        )
        assert done.returncode == 0, (redirect, done.stderr)
        assert b"Traceback" not in done.stderr
    assert f'certhash = "{A}"' in bare.read_text()


READERS = {
    "import": "import -",
    "import by default": "import",
    "registry": "-r - list",
    "check": "check -",
    "sites": "check --sites -",
    "diff": "diff - sslbind.toml",
    "changes": "export powershell --changes-from -",
    "hello": "resolve 0.0.0.0:443 --client-hello -",
}
"""Every way to name standard input that needs some input."""


CERTIFICATES = {
    "add": "add sslcert ipport=10.0.0.9:443 appid=iis --cert -",
    "rebind": f"rebind {A[:8]} -",
    "renew": "renew -",
    "needs-renewal": "needs-renewal -",
    "list": "list --cert -",
    "expiry": "expiry -",
    "explain": "explain -",
    "store add": "store add -",
    "store show": "store show -",
    "store verify": "store verify -",
    "store delete": "store delete -",
    "ccs put": "ccs put -",
}
"""The same for certificates and what they are bound to."""


@pytest.mark.parametrize("words", (READERS | CERTIFICATES).values(), ids=READERS | CERTIFICATES)
def test_nothing_from_standard_input(run: Run, registry: Path, words: str) -> None:
    """Each command that takes ``-`` says that standard input is closed, or empty."""
    (registry.parent / "ccs").mkdir()
    assert run("ccs", "enable", "ccs").code == 0
    failed = 255 if words.startswith("needs-renewal") else 2
    for stdin, what in ((None, "closed"), (b"", "empty")):
        result = run(*words.split(), stdin=stdin)
        assert (result.code, result.out) == (failed, "")
        assert result.err.splitlines()[0] == f"error: standard input: is {what}"


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
def test_no_standard_input(bare: Path, words: str) -> None:
    """Standard input that is closed, empty or write-only gives the same short error everywhere."""
    for redirect, what in (
        ("<&-", b"is closed"),
        ("</dev/null", b"is empty"),
        ("0>none", b"cannot be read: bad file descriptor"),
    ):
        command = f"{sys.executable} -m sslbind {words} {redirect}"
        done = process(command, cwd=bare.parent, program=("sh", "-c"))
        assert done.returncode == 2, (redirect, done.stderr)
        assert done.stderr.splitlines()[0] == b"error: standard input: " + what


@POSIX
def test_no_standard_input_for_a_script(bare: Path) -> None:
    """``-f -`` with standard input closed is an error; an empty script has nothing to do."""
    command = f"{sys.executable} -m sslbind -f - "
    done = process(command + "<&-", cwd=bare.parent, program=("sh", "-c"))
    assert (done.returncode, done.stderr) == (2, b"error: standard input: is closed\n")
    done = process(command + "</dev/null", cwd=bare.parent, program=("sh", "-c"))
    assert done.returncode == 0
    assert done.stderr == b"note: standard input is empty: there is nothing to run\n"


@POSIX
def test_broken_pipe(bare: Path) -> None:
    """A reader that has gone away is not an error."""
    lines = "".join(
        f'[SslBindingInfo."10.0.{i // 250}.{i % 250}:443"]\nappid = "{IIS}"\ncerthash = "{A}"\n'
        for i in range(2000)
    )
    bare.write_text(f"version = 1\n{lines}")
    command = f"{sys.executable} -m sslbind show sslcert | head -n 1"
    done = process(command, cwd=bare.parent, program=("sh", "-c"))
    assert (done.stdout, done.stderr) == (b"\n", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", [("show", "sslcert"), ("list", "--format", "json"), ("--help",)])
def test_full_disk(bare: Path, words: tuple[str, ...]) -> None:
    """Output that cannot be written is an error with exit code 2."""
    process(*LINE, cwd=bare.parent)
    with open("/dev/full", "wb") as full:
        done = process(*words, cwd=bare.parent, stdout=full.fileno())
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: standard output cannot be written")
    assert b"Traceback" not in done.stderr


@POSIX
def test_poor_environment(bare: Path) -> None:
    """Without HOME, in the C locale and without colours, Unicode names work."""
    env = {
        "HOME": None,
        "XDG_CACHE_HOME": None,
        "LC_ALL": "C",
        "LANG": None,
        "PYTHONUTF8": None,
        "NO_COLOR": "1",
    }
    line = ("add", "sslcert", "hostnameport=münchen.de:443", *LINE[3:], "certstorename=MY")
    done = process(*line, cwd=bare.parent, env=env)
    assert done.returncode == 0, done.stderr
    assert "münchen.de:443" in bare.read_text(encoding="utf-8")
    env |= {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for words in (("list",), ("show", "sslcert"), ("list", "--format", "json"), ("dump",)):
        done = process(*words, cwd=bare.parent, env=env)
        assert done.returncode == 0, done.stderr
        assert b"nchen.de:443" in done.stdout
        assert b"\x1b" not in done.stdout


@POSIX
def test_bytes_that_are_no_text(bare: Path) -> None:
    """Arguments that are not UTF-8 get an answer, and are printed escaped."""
    for words in (
        (b"add", b"sslcert", b"hostnameport=w\xff.test:443", b"certhash=\xfe"),
        (b"show", b"sslcert", b"\xff\xfe:443"),
        (b"fo\xffo",),
        (b"-r", b"\xff.toml", b"show", b"sslcert"),
        (b"add", b"sslcert", b"--if-exists", b"\xff"),
    ):
        done = process(*words, cwd=bare.parent)
        assert done.returncode in (1, 2)
        assert b"Traceback" not in done.stderr
        assert b"\xff" not in done.stdout + done.stderr


def test_powershell(run: Run, bare: Path) -> None:
    """Bare braces in PowerShell become -encodedCommand; the hint says how to quote them."""
    del bare
    tail = ("-encodedCommand", "NABkAGMAMwA=", "-inputFormat", "xml", "-outputFormat", "text")
    result = run(*LINE[:4], "appid=", *tail)
    assert result.code == 2
    assert "appid='{GUID}'" in result.err


@pytest.mark.parametrize("words", [("--nonsense",), ("show", "--nonsense"), ("-x",)])
def test_unknown_options(run: Run, words: tuple[str, ...]) -> None:
    """An unknown option is exit 2, is named, and leaves standard output alone."""
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert words[-1] in result.err


@pytest.mark.parametrize("words", [(*LINE, "--nonsense"), ("list", "--cret", "x"), ("init", "x")])
def test_unknown_options_of_commands(run: Run, bare: Path, words: tuple[str, ...]) -> None:
    """The same holds after a command; nothing is written."""
    before = bare.read_bytes()
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert bare.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("shwo", "sslcert"), "show"),
        (("lst",), "list"),
        (("http", "ad", "x"), ""),
        *(
            (
                ("http", "show", word),
                f"http show {word}: sslbind only models sslcert, sslpropertyex",
            )
            for word in ("timeout", "urlacl", "servicestate", "cacheparam", "cachestate")
        ),
        (
            ("http", "add", "urlacl", "url=http://+:80/", "user=x"),
            "only models sslcert, sslpropertyex and iplisten",
        ),
    ],
)
def test_unknown_commands(run: Run, words: tuple[str, ...], hint: str) -> None:
    """An unknown command is exit 2 in netsh's words, with a suggestion if one is close."""
    result = run(*words)
    assert result.code == 2
    assert result.out.startswith("The following command was not found: ")
    assert hint in result.err


@pytest.mark.parametrize("words", [("-h",), ("--help",), ("add", "-h"), ("store", "new", "-h")])
def test_dash_h(run: Run, words: tuple[str, ...]) -> None:
    """``-h`` and ``--help`` work everywhere."""
    result = run(*words)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Usage: sslbind ")


def test_version(run: Run) -> None:
    """``--version`` is the product and its version."""
    result = run("--version")
    assert result.code == 0
    assert result.out.startswith("sslbind ")


@pytest.mark.parametrize("words", [(), ("ccs",), ("store",), ("completion",), ("add",)])
def test_help_lists_whole_summaries(run: Run, words: tuple[str, ...]) -> None:
    """On 80 columns, long summaries continue on a second line and are not cut off."""
    help_ = run(*words, "--help").out
    commands = help_[help_.index("Commands:") :]
    assert "..." not in commands
    assert all(len(line) <= 80 for line in commands.splitlines())


def test_every_command_has_help(run: Run) -> None:
    """Every command that is listed exists, and has help."""
    lines = run("--help").out.partition("Commands:\n")[2].splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert {"init", "add", "update", "delete", "show", "dump", "list", "rebind", "store"} <= {
        *names
    }
    for name in names:
        assert run(name, "--help").code == 0


HOSTILE = "\x1b[2J\x1b]0;x\x07\u202e\u2028\x9b"


@pytest.mark.parametrize(
    "words",
    [
        (f"fo{HOSTILE}o",),
        ("add", f"ssl{HOSTILE}"),
        ("show", "sslcert", f"{HOSTILE}:443"),
        ("show", "sslcert", f"{HOSTILE}=1"),
        (*LINE[:4], f"appid={HOSTILE}"),
        (*LINE, f"certstorename={HOSTILE}"),
        (*LINE, f"--{HOSTILE}"),
        ("-r", f"{HOSTILE}.toml", "list"),
        ("list", "--cert", HOSTILE),
        ("list", "--host", HOSTILE),
        ("list", "--format", HOSTILE),
        ("--windows", HOSTILE, "list"),
        ("rebind", HOSTILE, HOSTILE),
        ("store", "add", HOSTILE),
        ("store", "list", "--store", HOSTILE),
        ("store", HOSTILE),
        ("-f", HOSTILE),
    ],
)
def test_control_characters_of_arguments(run: Run, bare: Path, words: tuple[str, ...]) -> None:
    """No control character from the input reaches the output."""
    del bare
    result = run(*words)
    assert result.code in (1, 2)
    text = result.out + result.err
    assert not [char for char in text if not (char.isprintable() or char == "\n")]


@unix_names
def test_control_characters_of_certificates(run: Run, registry: Path, stored: Stored) -> None:
    """Subjects and file names are escaped in every listing of the store."""
    del stored
    evil = issue(f"evil{HOSTILE}")
    folder = registry.parent / "certs" / "MY"
    (folder / f"e{HOSTILE[:4]}.pem").write_bytes(evil.pem + evil.key_pem())
    for words in (
        ("store", "list"),
        ("store", "list", "--format", "tsv"),
        ("store", "show", evil.thumbprint),
        ("store", "verify"),
        ("store", "delete", evil.thumbprint),
    ):
        result = run(*words)
        text = (result.out + result.err).replace("\t", "")
        assert "evil" in text or "\\x1b" in text
        assert not [char for char in text if not (char.isprintable() or char == "\n")]


def test_control_characters_in_a_registry(run: Run, bare: Path) -> None:
    """What a registry from an untrusted source holds is refused or escaped."""
    record = f'appid = "{IIS}"\ncerthash = "{A}"\n'
    for table in (
        '[SslSniBindingInfo."a\\u001b[2J.test:443"]\n' + record,
        '[SslBindingInfo."10.0.0.5:443"]\n' + record + 'sslctlidentifier = "x\\u202ey"\n',
        '[SslBindingInfo."10.0.0.5:443"]\n' + record + '"a\\u001b" = 1\n',
        '["\\u001b"]\n',
        '[SslBindingInfo."10.0.0.5:443"]\n'
        + record
        + '[SslBindingInfo."10.0.0.5:443".Other]\n"\\u001b" = 1\n',
    ):
        bare.write_text(f"version = 1\n{table}")
        for words in (("show", "sslcert"), ("list",), ("dump",), ("list", "--format", "tsv")):
            result = run(*words)
            text = (result.out + result.err).replace("\t", "")
            assert not [char for char in text if not (char.isprintable() or char == "\n")]


def test_main_takes_the_arguments_of_the_process(bare: Path, run: Run) -> None:
    """``main()`` without arguments uses those of the process."""
    del run
    assert call(["-r", str(bare), "show", "sslcert"]).code == 0


@pytest.mark.parametrize("words", [("add",), ("store",), ("ccs",), ("http", "show")])
def test_half_a_command(run: Run, words: tuple[str, ...]) -> None:
    """An incomplete command gets its help on standard error, line by line: exit 2."""
    result = run(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Usage: sslbind ")
    assert "\nCommands:\n" in result.err


WORDS = """
add update delete show dump sslcert sslccs iplisten sslpropertyex http list store rebind export
netsh-script -f - -r sslbind.toml --cert --yes --dry-run --format json -h ? --if-exists keep -q
--atomic --host --appid iis ipport=10.0.0.5:443 ccs=443 verify --windows 2008 --password-env HOME
--missing-ok
"""
ARGUMENTS = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(WORDS.split())), max_size=8)


@settings(max_examples=examples(150))
@given(ARGUMENTS)
def test_any_arguments(run: Run, bare: Path, words: list[str]) -> None:
    """Any arguments give exit code 0, 1 or 2, and print no control character."""
    bare.write_text('version = 1\n[CertStores]\npath = "certs"\n')
    if {"init", "completion", "new", "-o", "--output"} & set(words):
        return
    result = run(*words)
    assert result.code in (0, 1, 2)
    text = result.out + result.err
    assert not [char for char in text if not (char.isprintable() or char in "\n\t")]
