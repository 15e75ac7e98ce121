"""``-f SCRIPT``: many netsh lines in one run, and scripts that recreate a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ADDED, DELETED, IIS, OTHER, A, B, Run, Stored, call, snapshot
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from sslbind.tags import TAGS, Type, lost_in_show

ONE = f"add sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename=MY\n"
TWO = f"add sslcert ipport=10.0.0.6:443 certhash={A} appid={IIS} certstorename=MY\n"
BAD = "add sslcert ipport=10.0.0.7:99999 certhash=x appid=y\n"


def keys(run: Run) -> list[str]:
    return [record["key"] for record in run("list", "--format", "json").json["bindings"]]


@pytest.mark.parametrize(
    "script",
    [
        ONE + TWO,
        f"# a comment\n{ONE}\n   \nrem another\nREM\n{TWO}#{BAD}rem {BAD}",
        f"pushd http\n\n{ONE}{TWO}\npopd\n",
        f"PushD HTTP\r\n{ONE}{TWO}PopD\r\n",
        f"netsh http {ONE}netsh {TWO}",
        f"http {ONE}NETSH.EXE HTTP {TWO}",
        f"  {ONE}\t{TWO}",
        (ONE + TWO).removesuffix("\n"),
        (ONE + TWO).replace("appid={", 'appid="{').replace("} ", '}" '),
        (ONE + TWO).replace("appid={", '"appid={').replace("} ", '}" '),
        (ONE + TWO).replace("certstorename=MY", 'certstorename="MY"'),
        (ONE + TWO).replace("add sslcert", "ADD SSL"),
        (ONE + TWO).replace("\n", "\r\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_spellings(run: Run, bare: Path, script: str, encoding: str) -> None:
    """Comments, blank lines, pushd and popd, netsh and http, quotes, CRLF, marks, UTF-16."""
    (bare.parent / "script.txt").write_bytes(script.encode(encoding))
    result = run("-f", "script.txt")
    assert (result.code, result.out) == (0, ADDED * 2)
    assert "hint:" not in result.err
    assert keys(run) == ["10.0.0.5:443", "10.0.0.6:443"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_standard_input(run: Run, bare: Path, encoding: str) -> None:
    """``-f -`` reads standard input, in the same encodings."""
    del bare
    result = run("-f", "-", stdin=(ONE + TWO).encode(encoding))
    assert (result.code, result.out) == (0, ADDED * 2)


def test_a_failed_line(run: Run, bare: Path) -> None:
    """A failed line does not stop the rest; exit 1, and the hint names script and line."""
    (bare.parent / "script.txt").write_text(f"# first\n{ONE}{BAD}{ONE}foo bar\n{TWO}")
    result = run("-f", "script.txt")
    assert result.code == 1
    assert result.out == (
        f"{ADDED}The parameter is incorrect.\n"
        "\nSSL Certificate add failed, Error: 183\n"
        "Cannot create a file when that file already exists.\n"
        f"The following command was not found: foo bar.\n{ADDED}"
    )
    for line in (3, 4, 5):
        assert f"hint: script.txt, line {line}: " in result.err
    assert "99999" in result.err
    assert keys(run) == ["10.0.0.5:443", "10.0.0.6:443"]


def test_atomic(run: Run, bare: Path) -> None:
    """``--atomic`` writes nothing if any line fails, and everything if none does."""
    before = snapshot(bare.parent)
    result = run("-f", "-", "--atomic", stdin=ONE + BAD + TWO)
    assert result.code == 1
    assert "99999" in result.err
    assert snapshot(bare.parent) == before
    assert run("--atomic", "-f", "-", stdin=ONE + TWO).code == 0
    assert keys(run) == ["10.0.0.5:443", "10.0.0.6:443"]


def test_lines_see_what_went_before(run: Run, bare: Path) -> None:
    """Each line works on what the lines before it made, and there is one write."""
    key = "ipport=10.0.0.5:443"
    script = f"{ONE}update sslcert {key} reject=enable\nshow sslcert {key}\ndelete sslcert {key}\n"
    result = run("-f", "-", stdin=script)
    assert result.code == 0
    assert result.out.startswith(ADDED)
    assert "    Reject Connections           : Enabled\n" in result.out
    assert result.out.endswith(DELETED)
    assert "SslBindingInfo" not in bare.read_text()


def test_nothing_to_do(run: Run, bare: Path) -> None:
    """A script that changes nothing writes nothing, and so does an empty one."""
    run("-f", "-", stdin=ONE)
    before = snapshot(bare.parent)
    same = ONE.replace("add", "update")
    for script in ("", "# only\n\n", same, "show sslcert\n", ONE + BAD):
        run("-f", "-", stdin=script)
        assert snapshot(bare.parent) == before


def test_our_options_in_a_script(run: Run, bare: Path) -> None:
    """A line may have options of ours: the script runs twice."""
    script = ONE.replace("\n", " --if-exists update\n")
    assert run("-f", "-", stdin=script).code == 0
    before = snapshot(bare.parent)
    assert run("-f", "-", stdin=script).code == 0
    assert snapshot(bare.parent) == before


def test_every_object(run: Run, bare: Path) -> None:
    """iplisten, sslpropertyex, sslsnicert, sslccs, dump and help are lines of a script too."""
    del bare
    script = (
        f"add iplisten 10.0.0.5\nadd sslsnicert www.contoso.com:443 {A} {IIS} MY\n"
        "update sslpropertyex hostnameport=www.contoso.com:443 propertyid=0 receivewindow=5\n"
        "add sslccs 443 appid=iis\nshow iplisten\ndump\nadd sslcert ?\n"
    )
    result = run("-f", "-", stdin=script)
    assert result.code == 0
    assert "add iplisten ipaddress=10.0.0.5\n" in result.out
    assert "Usage: add sslcert " in result.out


def test_quotes_that_do_not_end(run: Run, bare: Path) -> None:
    """A quote that is not closed is a failed line, and the next line is read anew."""
    del bare
    result = run("-f", "-", stdin=f'add sslcert certstorename="MY ipport=1.1.1.1:1\n{ONE}')
    assert result.code == 1
    assert "line 1" in result.err
    assert keys(run) == ["10.0.0.5:443"]


def test_no_script(run: Run, bare: Path) -> None:
    """A missing script, or a command given with one, is a usage error: exit 2."""
    before = snapshot(bare.parent)
    missing = run("-f", "nowhere.txt")
    assert (missing.code, missing.out) == (2, "")
    assert "nowhere.txt" in missing.err
    assert run("-f", "-", "show", "sslcert", stdin=ONE).code == 2
    assert run("--atomic", "show", "sslcert").code == 2
    assert snapshot(bare.parent) == before


def test_no_text(run: Run, bare: Path) -> None:
    """Bytes that are not text are an error that names the line, and nothing runs."""
    (bare.parent / "script.txt").write_bytes(ONE.encode() + b"\n\xff\xfe\xfa\n")
    before = snapshot(bare.parent)
    result = run("-f", "script.txt")
    assert (result.code, result.out) == (2, "")
    assert "script.txt:3: " in result.err
    assert snapshot(bare.parent) == before


def test_control_characters_are_escaped(run: Run, bare: Path) -> None:
    """Control characters in a script's line never reach a terminal."""
    del bare
    result = run("-f", "-", stdin="foo \x1b[31mbar\nadd sslcert ipport=\x1b]0;x\x07:443 a\x9b=1\n")
    assert result.code == 1
    for char in "\x1b\x07\x9b":
        assert char not in result.out + result.err
    assert "\\x1b" in result.out
    assert "\\x1b" in result.err


def test_certificates_are_looked_up(run: Run, stored: Stored) -> None:
    """A script's lines are checked against the stores, as lines of the command line are."""
    good = f"add sslcert ipport=10.0.0.5:443 certhash={stored.web.thumbprint} appid={IIS}\n"
    bad = f"add sslcert ipport=10.0.0.6:443 certhash={stored.renewed.thumbprint} appid={IIS}\n"
    result = run("-f", "-", stdin=good + bad)
    assert result.code == 1
    assert "Error: 1312\n" in result.out
    assert keys(run) == ["10.0.0.5:443"]


DUMP = f"""# -----------------------------------------
# HTTP bindings
# -----------------------------------------
pushd http

add iplisten ipaddress=10.0.0.5
add sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename="Remote Desktop" reject=enable
add sslcert hostnameport=www.contoso.com:443 certhash={B} appid={OTHER} certstorename=MY usagecheck=disable
update sslpropertyex hostnameport=www.contoso.com:443 propertyid=0 receivewindow=5
add sslcert ccs=443 appid={IIS}
add sslcert scopedccs=shop.contoso.com:443 appid={IIS}

popd
# End of HTTP bindings
"""  # noqa: E501


def test_dump(run: Run, bare: Path, tmp_path: Path) -> None:
    """``dump`` is netsh's ``http dump``; ``export netsh-script`` adds how it is run."""
    assert run("-f", "-", stdin=DUMP).code == 0
    assert run("dump").out == DUMP
    assert run("http", "du").out == DUMP
    head = "# Run it with: netsh -f FILE   (netsh continues after a line that fails)\n"
    assert run("export", "netsh-script").out == head + DUMP
    assert run("export", "netsh-script", "-o", "out.txt").out == ""
    assert (tmp_path / "out.txt").read_bytes() == (head + DUMP).encode()
    before = run("list", "--format", "json").out
    bare.write_text('version = 1\nwindows = "2025"\n')
    assert run("-f", "out.txt").code == 0
    assert run("list", "--format", "json").out == before
    assert 'iplisten = ["10.0.0.5"]' in bare.read_text()


def test_what_a_dump_cannot_carry(run: Run, bare: Path) -> None:
    """What no line can express is reported on standard error, and breaks no line."""
    bare.write_text(
        f'version = 1\n[SslBindingInfo."10.0.0.5:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        "sslctlidentifier = 'a\"b'\n"
        f'[SslBindingInfo."10.0.0.6:443"]\ncerthash = "{A}"\nappid = "{IIS}"\n'
        '[SslBindingInfo."10.0.0.6:443".Other]\nDefaultFlags = 0x8000\n'
    )
    result = run("dump")
    assert result.code == 0
    assert result.err.count("note: ") == 2
    assert "10.0.0.5:443" in result.err
    assert "10.0.0.6:443" in result.err
    lines = [line for line in result.out.splitlines() if line.startswith("add")]
    assert lines == [f"add sslcert ipport=10.0.0.6:443 certhash={A} appid={IIS}"]


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='"\\/')
)
VALUES = {
    Type.HASH: st.just(A),
    Type.GUID: st.sampled_from([IIS, OTHER]),
    Type.FLAG: st.booleans(),
    Type.NUMBER: st.integers(0, 2**32 - 1),
    Type.TEXT: st.one_of(TEXT, st.text(" a&|<>^()%!;,='#", min_size=1)).filter(
        lambda text: text != "" and not lost_in_show(text)
    ),
    Type.STORE: st.one_of(TEXT, st.just("Remote Desktop"), st.text("a &%!;,='", min_size=1)).filter(
        lambda text: text.strip(" .") == text and text != "" and not lost_in_show(text)
    ),
}
RECORDS = st.fixed_dictionaries(
    {"appid": VALUES[Type.GUID], "certhash": VALUES[Type.HASH], "certstorename": st.just("MY")},
    optional={
        tag.name: VALUES[tag.type]
        for tag in TAGS
        if tag.name not in ("appid", "certhash", "certstorename")
    },
)
KEYS = st.sampled_from(
    [
        'SslBindingInfo."10.0.0.5:443"',
        'SslBindingInfo."[2001:db8::1]:443"',
        'SslSniBindingInfo."münchen.de:443"',
        'SslSniBindingInfo."*.contoso.com:8443"',
        "SslCcsBindingInfo.443",
        'SslScopedCcsBindingInfo."shop.contoso.com:443"',
    ]
)


def toml(records: dict[str, dict[str, Any]]) -> str:
    lines = ["version = 1", 'windows = "2025"']
    for key, record in records.items():
        lines.append(f"[{key}]")
        for name, value in record.items():
            if "Ccs" in key and name in ("certhash", "certstorename"):
                continue
            if key.startswith("SslCcs") and name != "appid":
                continue
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if isinstance(value, str):
                text = '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
            lines.append(f"{name} = {text}")
    return "\n".join(lines) + "\n"


@settings(max_examples=examples(60))
@given(st.dictionaries(KEYS, RECORDS, min_size=1, max_size=4))
def test_any_dump(run: Run, bare: Path, records: dict[str, dict[str, Any]]) -> None:
    """``-f`` of a dump into a fresh registry gives the same bindings, whatever they hold."""
    bare.write_text(toml(records), encoding="utf-8")
    before = run("list", "--format", "json")
    assert before.code == 0, before.err
    dump = run("dump")
    assert "no script carries" not in dump.err
    bare.write_text('version = 1\nwindows = "2025"\n')
    result = run("-f", "-", stdin=dump.out)
    assert result.code == 0, result.err
    assert run("list", "--format", "json").out == before.out


@settings(max_examples=examples(100))
@given(st.binary(max_size=120))
def test_any_bytes(run: Run, bare: Path, data: bytes) -> None:
    """No bytes as a script cause anything but an answer."""
    bare.write_text("version = 1\n")
    assert run("-f", "-", stdin=data).code in (0, 1, 2)


@settings(max_examples=examples(100))
@given(st.text("adelshowccrt=:.10 \"'#\n\r\x1b{}?-/", max_size=80))
def test_any_lines(run: Run, bare: Path, text: str) -> None:
    """No lines cause anything but an answer, and no control character is printed."""
    bare.write_text("version = 1\n")
    result = run("-f", "-", stdin=f"add sslcert {text}\nshow ssl{text}\n")
    assert result.code in (0, 1)
    assert "\x1b" not in result.out + result.err


def test_the_registry_of_a_script(run: Run, bare: Path) -> None:
    """Without a registry a script does not run, and makes none."""
    bare.unlink()
    result = run("-f", "-", stdin=ONE)
    assert (result.code, result.out) == (2, "")
    assert not bare.exists()


def test_called_directly(bare: Path, run: Run) -> None:
    """The global options may be before ``-f`` or after it."""
    del run
    path = str(bare)
    assert call(["-r", path, "-f", "-"], ONE).code == 0
    assert call(["-f", "-", "-r", path], TWO).code == 0
    assert "10.0.0.6" in bare.read_text()


PROVISION = "add sslsnicert www.contoso.com:443 --cert web.pem appid=iis\n"


def test_atomic_with_certificates(run: Run, stored: Stored, registry: Path) -> None:
    """All or nothing holds for the stores too: a script that fails leaves no certificate."""
    new = stored.renewed
    (registry.parent / "web.pem").write_bytes(new.pem + new.key_pem())
    before = snapshot(registry.parent)
    assert run("-f", "-", "--atomic", stdin=PROVISION + BAD).code == 1
    assert snapshot(registry.parent) == before
    again = f"add sslcert 0.0.0.0:443 {new.thumbprint} iis MY\n"
    result = run("-f", "-", "--atomic", stdin=PROVISION + again)
    assert (result.code, result.out) == (0, ADDED * 2)
    assert (registry.parent / "certs" / "MY" / f"{new.thumbprint}.key").exists()


@pytest.mark.parametrize("line", ["add sslcert --help", "add sslcert -h", "show sslcert -h"])
def test_help_in_a_script(run: Run, bare: Path, line: str) -> None:
    """Asking for help does not end a script."""
    del bare
    run("-f", "-", stdin=f"{line}\n{ONE}")
    assert keys(run) == ["10.0.0.5:443"]


def test_null_bytes(run: Run, registry: Path) -> None:
    """A null byte in a script's file names is a failed line."""
    del registry
    script = "add sslcert 1.1.1.1:1 --cert a\0b appid=iis\nadd sslcert json=a\0b\n"
    assert run("-f", "-", stdin=script).code == 1


def test_a_dry_run_of_a_script_writes_nothing(run: Run, registry: Path) -> None:
    """With --dry-run each line says what it would change, and lines see those before them."""
    before = registry.read_bytes()
    script = (
        "add iplisten 10.0.0.1\n"
        f"add sslcert ipport=10.0.0.1:443 certhash={'a' * 40} appid=iis --no-verify\n"
        "update sslcert 10.0.0.1:443 usagecheck=disable\n"
        "delete sslcert 10.0.0.2:443\n"
    )
    result = run("-f", "-", "--dry-run", stdin=script)
    assert result.code == 1
    assert "would add 10.0.0.1 to the IP listen list\n" in result.out
    assert "would add ipport=10.0.0.1:443\n    certhash: " + "a" * 40 in result.out
    assert "would update ipport=10.0.0.1:443\n    usagecheck: enable -> disable\n" in result.out
    assert "SSL Certificate deletion failed, Error: 2" in result.out
    assert result.err.endswith("hint: 1 of 4 lines failed; nothing was written\n")
    assert registry.read_bytes() == before
