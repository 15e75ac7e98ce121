"""Commands to paste mean the same in sh, cmd and PowerShell, or say for which they are."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import IIS, A, Run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from powershell import hostile, pwsh

from sslbind import shells
from sslbind.printable import printable

ECHO = "import json,sys; print(json.dumps(sys.argv[1:]))"
TEXTS = st.text(
    st.sampled_from("aZ0 '\"`$%!&|<>^(){}[];,*?~#@=:./\\-\u2018\u2019\u201c\u201d\u201eé")
).filter(lambda text: printable(text) == text)
"""What a shell may read as more than text, without what CI would take for a command of its own."""


def cmd_words(line: str) -> list[str]:
    """Return the words that a program gets from cmd: its quotes, then those of Microsoft's C.

    Raises where cmd would interpret a character.
    """
    words: list[str] = []
    current, quoted, started = "", False, False
    for char in line:
        assert char not in "%!", "cmd expands it"
        if char == '"':
            quoted, started = not quoted, True
        elif quoted or char not in " \t":
            assert quoted or char not in "&|<>^()", "cmd interprets it"
            current, started = current + char, True
        elif started:
            words, current, started = [*words, current], "", False
    assert not quoted
    return [*words, current] if started else words


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("ipport=10.0.0.5:443", "ipport=10.0.0.5:443"),
        ("--if-exists", "--if-exists"),
        ("hostnameport=*.contoso.com:443", '"hostnameport=*.contoso.com:443"'),
        ("ipport=[::]:443", '"ipport=[::]:443"'),
        (f"appid={IIS}", f'"appid={IIS}"'),
        ("certstorename=MY&calc&", '"certstorename=MY&calc&"'),
        ("it\u2019s; calc", '"it\u2019s; calc"'),
        ("C:\\x y\\z.toml", '"C:\\x y\\z.toml"'),
        ("", '""'),
        ("C:\\x\\", None),
        ("\\\\web01\\x", None),
        ("100%", None),
        ("$(x)", None),
        ("a\u201db", None),
        ("a\x1bb", None),
    ],
    ids=range(15),
)
def test_a_word(text: str, quoted: str | None) -> None:
    """It is in double quotes where it needs them; what one of the three interprets is None."""
    assert shells.word(text) == quoted


@pytest.mark.parametrize("text", ["##[", "##[error]x", "::error::x", "\x1b[0m"], ids=repr)
def test_what_output_escapes_is_offered_in_no_command(text: str) -> None:
    for windows in (False, True):
        assert shells.command(("x", text), windows=windows) == ""


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_any_command_for_all_is_read_alike(words: list[str]) -> None:
    """sh and cmd read a command without a comment as its words."""
    line = shells.command(("x", *words), windows=False)
    if "  # in sh" in line:
        assert shlex.split(line, comments=True) == ["x", *words]
    else:
        assert shlex.split(line) == ["x", *words]
        assert cmd_words(line) == ["x", *words]


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs sh")
@settings(max_examples=examples(25))
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_a_real_sh(words: list[str]) -> None:
    """A real sh passes the words on."""
    line = shells.command((sys.executable, "-c", ECHO, *words), windows=False)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == words


@pytest.mark.slow
@settings(max_examples=examples(2))
@given(st.lists(st.lists(hostile, min_size=1, max_size=4), min_size=25, max_size=25))
def test_a_real_powershell(found: list[list[str]]) -> None:
    """PowerShell passes the words on; what it cannot pass on is not offered."""
    lines = [shells.command((sys.executable, "-c", ECHO, *words), windows=True) for words in found]
    offered = [words for words, line in zip(found, lines, strict=True) if line]
    code, out, errors = pwsh("\n".join(filter(None, lines)))
    assert (code, errors) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == offered


def test_a_comment_says_for_which_shell() -> None:
    """Where one of them would interpret a word, the command is for the shell of the system."""
    words = ("sslbind", "update", "sslcert", "443", "sslctlidentifier=$x's")
    assert shells.command(words, windows=False) == (
        "sslbind update sslcert 443 'sslctlidentifier=$x'\"'\"'s'  # in sh"
    )
    assert shells.command(words, windows=True) == (
        "sslbind update sslcert 443 'sslctlidentifier=$x''s'  # in PowerShell"
    )
    assert shells.command(("sslbind", 'a"b'), windows=True) == ""
    assert shells.command(("sslbind", "a\x1b[2J"), windows=False) == ""


def test_a_finding_offers_no_command_that_runs_another(run: Run, bare: Path) -> None:
    """What a registry's values hold stays a word of the command, in every shell."""
    bare.write_text(
        f'version = 1\nwindows = "2022"\n\n[SslBindingInfo."10.0.0.5:443"]\ncerthash = "{A}"\n'
        f'appid = "{IIS}"\ncertstorename = "MY&calc&"\nsslctlidentifier = "x"\n'
    )
    for finding in run("check", "--format", "json").json["findings"]:
        command = finding["command"]
        assert not command or "'" not in command


@pytest.mark.parametrize("char", ["\u201d", "\u201c", "\u201e", "!"])
def test_scripts_do_not_pass_quotes_of_powershell(run: Run, bare: Path, char: str) -> None:
    """``export netsh-script`` leaves the record out, ``dump`` says so, PowerShell's script can."""
    bare.write_text(
        f'version = 1\nwindows = "2008r2"\n\n[SslBindingInfo."10.0.0.5:443"]\ncerthash = "{A}"\n'
        f'appid = "{IIS}"\ncertstorename = "MY"\nsslctlidentifier = "a{char};calc"\n',
        encoding="utf-8",
    )
    exported = run("export", "netsh-script")
    assert "add sslcert" not in exported.out
    assert "sslctlidentifier has a character that sh, cmd or PowerShell" in exported.err
    assert f"a{char};calc: a shell would interpret it" in run("dump").err
    assert f"a{char};calc'" in run("export", "powershell").out
