"""``netsh-script``: what ``http dump`` writes, read back; and batch files, as facts."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from conftest import IIS, OTHER, A, B
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import binding_lists, bindings, values

from sslbind.binding import Binding
from sslbind.formats import formats
from sslbind.formats.encoding import decode_text
from sslbind.formats.format import Contents, Delta, Transition
from sslbind.formats.imported import Imported
from sslbind.formats.netsh import script_writer
from sslbind.formats.transition import changed_tags
from sslbind.keys import CCS, HOSTNAMEPORT, IPPORT, SCOPEDCCS, parse_key
from sslbind.release import Release

FORMAT = formats()["netsh-script"]
WITH_NETSH = [release for release in Release if release is not Release.W2003]
GOLDEN = Path(__file__).parent / "golden"
ONE = f"ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename=MY"
KEY = parse_key(IPPORT, "10.0.0.5:443")
NAME = parse_key(HOSTNAMEPORT, "www.contoso.com:443")
FIRST = Binding(KEY, {"certhash": A, "appid": IIS, "certstorename": "MY"})


def read(text: str) -> Imported:
    assert FORMAT.read
    return FORMAT.read(text, "x.cmd")


def detect(text: str) -> bool:
    assert FORMAT.detect
    return FORMAT.detect(text)


def write(found: list[Binding], *iplisten: str, release: Release = Release.W2022) -> str:
    assert FORMAT.write
    return FORMAT.write(Contents(tuple(found), iplisten, release)).data.decode()


BATCH = f"""\
@echo off
setlocal
REM the default site
:: and its fallback
# and this
pushd http
call netsh http delete sslcert ipport=10.0.0.5:443 >nul 2>&1
@netsh http add sslcert ipport=10.0.0.5:443 ^
  certhash={A} ^
  appid={IIS} certstorename="Remote Desktop" > log.txt 2>&1
netsh http add sslcert hostnameport=www.contoso.com:443 certhash={A} appid='{OTHER}' certstorename='Remote Desktop' | Out-Null
& "C:\\Windows\\System32\\netsh.exe" http add sslcert 'ipport=[::]:443' "certhash={B}" "appid={IIS}"; if ($LASTEXITCODE) {{ exit 1 }}
netsh http delete sslcert ccs=443 & %SystemRoot%\\System32\\netsh.exe http add sslcert ccs=443 appid=iis && echo done
update sslpropertyex ipport=10.0.0.5:443 propertyid=0 receivewindow=5
$output = netsh http add iplisten 10.0.0.5
netsh http update sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename="Remote Desktop" usagecheck=disable
netsh advfirewall firewall add rule name=x
popd
exit /b 0
"""  # noqa: E501


def test_a_batch_file() -> None:
    """Comments, ``@``, ``call``, paths, ``^``, chains, redirections and both kinds of quotes."""
    assert detect(BATCH)
    found = read(BATCH)
    assert found.bad == ()
    assert [(one.line, one.binding) for one in found.records] == [
        (
            8,
            Binding(KEY, {"certhash": A, "appid": IIS, "certstorename": "Remote Desktop"}
                    | {"usagecheck": False, "receivewindow": 5}),
        ),
        (11, Binding(NAME, {"certhash": A, "appid": OTHER, "certstorename": "Remote Desktop"})),
        (12, Binding(parse_key(IPPORT, "[::]:443"), {"certhash": B, "appid": IIS})),
        (13, Binding(parse_key(CCS, "443"), {"appid": IIS})),
    ]  # fmt: skip
    assert found.iplisten == ("10.0.0.5",)
    assert found.release is None
    assert found.notes == ("3 lines do not affect bindings, and are ignored; the first is line 2",)


@pytest.mark.parametrize(
    "line",
    [
        f"add sslcert {ONE}",
        f"http add sslcert {ONE}",
        f"netsh http add sslcert {ONE}",
        f"NETSH.EXE HTTP ADD SSL {ONE}",
        f"  \t@netsh http add sslcert {ONE}  ",
        f"@call netsh http add sslcert {ONE}",
        f"cmd /c netsh http add sslcert {ONE}",
        f"netsh http add sslcert {ONE.replace(IIS, f'^{{{IIS[1:-1]}^}}')}",
        f"netsh http add sslcert {ONE}>>log.txt",
        f"netsh http add sslcert {ONE} 1>nul",
        f"netsh http add sslcert {ONE} *> $null",
        f"netsh http add sslcert {ONE};",
        f"netsh http add sslcert 10.0.0.5:443 {A} iis MY",
        f"netsh http add sslcert {ONE}".replace(" ", " `\n"),
        f"add sslcert ^\n{ONE}",
        f"sslbind add sslcert {ONE}",
        f"netsh http update sslcert {ONE}",
    ],
)
def test_spellings_of_a_line(line: str) -> None:
    """``netsh``, ``http``, prefixes of words, positions, both shells' continuation lines."""
    assert detect(line)
    found = read(line)
    assert [one.binding for one in found.records] == [FIRST]
    assert (found.bad, found.notes) == ((), ())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    """A script is text as Windows writes it: UTF-8, UTF-16, with a mark, with CRLF."""
    data = f"pushd http\r\nadd sslcert {ONE}\r\npopd\r\n".encode(encoding)
    assert [one.binding for one in read(decode_text(data, "x")).records] == [FIRST]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            f"netsh http add sslcert ipport=10.0.0.6:443 certhash=%HASH% appid={IIS}",
            "'certhash=%HASH%': %HASH% is a variable, whose value is not in the line",
        ),
        (
            f'netsh http add sslcert ipport=10.0.0.6:443 certhash=$hash "appid={IIS}"',
            "'certhash=$hash': $hash is a variable, whose value is not in the line",
        ),
        (
            f"netsh http add sslcert ipport=$($ip):443 certhash={A} appid={IIS}",
            "'ipport=$($ip):443': $($ip) is a variable, whose value is not in the line",
        ),
        (
            f"netsh http add sslcert ipport=%1:443 certhash={A} appid={IIS}",
            "'ipport=%1:443': %1 is a variable, whose value is not in the line",
        ),
        ("add sslcert ipport=10.0.0.6:443 certhash=" + A, "ipport=10.0.0.6:443: appid is missing"),
        (f"add sslcert 10.0.0.6:443 appid={IIS}", "ipport=10.0.0.6:443: certhash is missing"),
        (f"add sslcert certhash={A} appid={IIS}", "the key is missing"),
        (
            f"add sslcert ipport=10.0.0.6:443 cert={A}",
            "'cert' is not a valid argument for this command",
        ),
        ("add sslcert ipport=10.0.0.6", "ipport=10.0.0.6: the port is missing"),
        ('add sslcert certstorename="MY', "a double quote is not closed"),
        ("add sslcert json=x.json", "json=x.json: the records are in another file"),
        (
            f"add sslcert {ONE} --if-exists keep",
            "'--if-exists' is an option of sslbind, but a record only has tags",
        ),
        (
            f"if exist x netsh http add sslcert {ONE}",
            "'if exist x' precedes netsh, so it is not known whether the line runs",
        ),
        (
            "update sslpropertyex ipport=10.0.0.6:443 propertyid=0 receivewindow=5",
            "ipport=10.0.0.6:443: no line above adds that record",
        ),
        (
            "update sslcert ipport=10.0.0.6:443 usagecheck=disable",
            "ipport=10.0.0.6:443: appid is missing",
        ),
        (
            f"add sslcert ipport=10.0.0.5:443 certhash={B} appid={IIS}",
            "ipport=10.0.0.5:443 was already added in line 2: netsh answers error 183",
        ),
        ("add iplisten 10.0.0", "'10.0.0' is not an IP address"),
    ],
)
def test_bad_lines(line: str, message: str) -> None:
    """A line that cannot be a record is reported with its number, and the next is read."""
    found = read(f"# first\nadd sslcert {ONE}\n{line}\nadd sslcert 443 appid=iis\n")
    assert [(one.line, one.message) for one in found.bad] == [(3, message)]
    assert [one.line for one in found.records] == [2, 4]


def test_a_delayed_variable() -> None:
    """``!name!`` is a variable where the file turns delayed expansion on, and text elsewhere."""
    line = f'add sslcert {ONE} sslctlidentifier="!x!"\n'
    assert read(line).bad == ()
    found = read(f"setlocal EnableDelayedExpansion\n{line}")
    assert "!x! is a variable" in found.bad[0].message


def test_lines_are_applied_in_order() -> None:
    """A record that is deleted later is gone; if it is added again, the last version counts."""
    found = read(
        f"add sslcert {ONE}\nadd sslcert {ONE}\ndelete sslcert ipport=10.0.0.5:443\n"
        f"add sslcert {ONE} usagecheck=disable\ndelete sslcert ccs=443\n"
        "add iplisten 10.0.0.1\nadd iplisten address=[::1]\ndelete iplisten 10.0.0.1\n"
    )
    assert [(one.line, dict(one.binding.values)["usagecheck"]) for one in found.records] == [
        (4, False)
    ]
    assert found.iplisten == ("::1",)
    assert found.notes == ("records that are deleted but not added here are left out: ccs=443",)
    assert read(f"add sslcert {ONE}\ndelete iplisten 10.0.0.1\n").iplisten is None


def test_an_update_is_read_as_netsh_carries_it_out() -> None:
    """It writes the whole record; where it names no hash, what netsh does is not known."""
    found = read(
        f"add sslcert {ONE} dsmapperusage=enable\n"
        "update sslpropertyex ipport=10.0.0.5:443 propertyid=0 receivewindow=5\n"
        f"update sslcert {ONE} clientcertnegotiation=enable\n"
        "update sslcert ipport=10.0.0.5:443 usagecheck=disable\n"
    )
    assert [one.binding for one in found.records] == [
        FIRST.replace({"clientcertnegotiation": True, "receivewindow": 5})
    ]
    assert [(one.line, one.message) for one in found.bad] == [
        (4, "ipport=10.0.0.5:443: appid is missing: netsh's update writes a whole record")
    ]


def test_facts() -> None:
    """No certificate is looked up, and no release limits what a script has."""
    found = read(f"add sslcert scopedccs=a.contoso.com:443 appid={IIS} disablesessionid=enable\n")
    assert found.bad == ()
    assert found.records[0].binding.key == parse_key(SCOPEDCCS, "a.contoso.com:443")


def test_a_pasted_hash() -> None:
    """A hash that was pasted with an invisible mark is cleaned, and a note reports it."""
    found = read(f"add sslcert {ONE.replace(A, chr(0x200E) + A)}\n")
    assert [one.binding for one in found.records] == [FIRST]
    note = "ipport=10.0.0.5:443: certhash was pasted with U+200E, which sslbind removed"
    assert found.notes == (note,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# add sslcert\n",
        "rem netsh http add sslcert ipport=0.0.0.0:443\n",
        "netsh http show sslcert\n",
        f"echo netsh http add sslcert {ONE}\n",
        '{"version": 1, "bindings": []}',
        '<?xml version="1.0"?><configuration/>',
        "netsh http add urlacl url=http://+:80/ user=x\n",
    ],
)
def test_what_is_no_script(text: str) -> None:
    """A text without a line that adds or updates a record is not a script."""
    assert not detect(text)


# Writing.

RECORDS = [
    FIRST.replace({"sslctlidentifier": "it's; a & b", "reject": True, "certstorename": "a b"}),
    Binding(NAME, {"certhash": B, "appid": OTHER, "certstorename": "MY", "receivewindow": 5}),
    Binding(parse_key(CCS, "443"), {"appid": IIS}),
    Binding(parse_key(SCOPEDCCS, "münchen.de:443"), {"appid": IIS, "disablequic": True}),
]


def test_golden() -> None:
    """The whole text, as it is."""
    expected = (GOLDEN / "export-netsh-script.txt").read_bytes().decode()
    assert write(RECORDS, "10.0.0.5", "::1") == expected
    assert [one.binding for one in read(expected).records] == RECORDS
    assert read(expected).notes == ()


def changes(*deltas: Delta, release: Release = Release.W2022) -> list[str]:
    assert FORMAT.write_changes
    text = FORMAT.write_changes(Transition(deltas, (), (), release)).data.decode()
    return [line for line in text.split("\n")[6:-4] if not line.startswith("#")]


def test_an_update_names_every_flag() -> None:
    """``update`` takes a whole record: each flag of the release is named, and no zero."""
    before, after = RECORDS[0].replace({"reject": False}), RECORDS[0]
    assert changes(Delta(before, after), release=Release.W2019) == [
        (
            f'update sslcert ipport=10.0.0.5:443 certhash={A} appid={IIS} certstorename="a b"'
            " verifyclientcertrevocation=enable verifyrevocationwithcachedclientcertonly=disable"
            ' usagecheck=enable sslctlidentifier="it\'s; a & b" dsmapperusage=disable'
            " clientcertnegotiation=disable reject=enable disablehttp2=disable disablequic=disable"
            " disablelegacytls=disable disabletls12=disable disabletls13=disable"
            " disableocspstapling=disable"
        )
    ]
    owned = RECORDS[2].replace({"appid": OTHER})
    assert changes(Delta(RECORDS[2], owned)) == [f"update sslcert ccs=443 appid={OTHER}"]


def test_what_an_update_cannot_say() -> None:
    """If text is removed, a number becomes zero, or netsh has no update: delete and add."""
    key = "ipport=10.0.0.5:443"
    again = [f"delete sslcert {key}", f"add sslcert {ONE}"]
    for lost in ({"sslctlidentifier": "x"}, {"revocationfreshnesstime": 5}):
        assert changes(Delta(FIRST.replace(lost), FIRST)) == again
    old = FIRST.replace({"certhash": B})
    assert changes(Delta(old, FIRST), release=Release.W2016) == again
    assert changes(Delta(old, FIRST))[0].startswith(f"update sslcert {key} certhash={A} ")


def test_changes_of_properties() -> None:
    """Properties are set where they are not as they were, and need no update of the record."""
    key = "ipport=10.0.0.5:443"
    before, after = FIRST.replace({"receivewindow": 5}), FIRST.replace({"maxsettingsperframe": 6})
    assert changes(Delta(before, after)) == [
        f"update sslpropertyex {key} propertyid=0 receivewindow=1048576",
        (
            f"update sslpropertyex {key} propertyid=1 maxsettingsperframe=6"
            " maxsettingsperminute=4294967295"
        ),
    ]
    assert changes(Delta(before, before.replace({"usagecheck": False})))[1:] == []


def test_changes_of_a_server() -> None:
    """New addresses come first, deletions last, as the transition has them."""
    assert FORMAT.write_changes
    deltas = (Delta(None, RECORDS[2]), Delta(FIRST, None))
    written = FORMAT.write_changes(Transition(deltas, ("::1",), ("10.0.0.5",), Release.W2022))
    assert written.losses == ()
    assert written.data.decode().split("\n")[6:-4] == [
        "# add ipaddress=::1",
        "add iplisten ipaddress=::1",
        "# add ccs=443",
        f"add sslcert ccs=443 appid={IIS}",
        "# delete ipport=10.0.0.5:443",
        "delete sslcert ipport=10.0.0.5:443",
        "# delete ipaddress=10.0.0.5",
        "delete iplisten ipaddress=10.0.0.5",
    ]


def test_a_comment_says_what_changes_and_runs_nothing() -> None:
    """Each change has its line; what cmd or a shell would execute in it becomes a question mark."""
    hostile = FIRST.replace({"sslctlidentifier": "a & calc > x | %y% $(z) `w` 'v'"})
    delta = Delta(FIRST, hostile.replace({"usagecheck": False}))
    assert FORMAT.write_changes
    text = FORMAT.write_changes(Transition((delta,), (), (), Release.W2022)).data.decode()
    assert text.split("\n")[6] == (
        "# update ipport=10.0.0.5:443: usagecheck from enable to disable,"
        " sslctlidentifier from (null) to a ? calc ? x ? ?y? ?(z) ?w? ?v?"
    )


def test_what_no_line_carries() -> None:
    """A value that could end its quotes is nowhere in the script; what is lost is reported."""
    assert FORMAT.write
    hostile = FIRST.replace({"sslctlidentifier": 'a" & calc & "'})
    other = Binding(NAME, {"certhash": A, "appid": IIS, "sslflags": 65, "receivewindow": 5},
                    {"DefaultFlags": 0x8000, "Odd": 1})  # fmt: skip
    written = FORMAT.write(Contents((hostile, other), (), Release.W2019))
    assert b"calc" not in written.data
    assert b"# ipport=10.0.0.5:443: sslctlidentifier has a character" in written.data
    assert written.losses == (
        "ipport=10.0.0.5:443: sslctlidentifier has a character that a netsh line cannot carry",
        (
            "hostnameport=www.contoso.com:443: bit ENABLE_CACHE_CLIENT_HELLO has no tag: scripts"
            " cannot carry it"
        ),
        "hostnameport=www.contoso.com:443: scripts cannot carry values without a tag: Odd",
        "hostnameport=www.contoso.com:443: receivewindow exists from Windows Server 2022 on",
        "ipport=10.0.0.5:443: sslctlidentifier is refused from Windows Server 2012 on",
        (
            "hostnameport=www.contoso.com:443: certstorename is missing,"
            " and records with a host name need it"
        ),
    )


def changed(*deltas: Delta, release: Release) -> tuple[list[str], tuple[str, ...]]:
    assert FORMAT.write_changes
    written = FORMAT.write_changes(Transition(deltas, (), (), release))
    return written.data.decode().split("\n")[6:-4], written.losses


def test_a_replacement_says_why() -> None:
    """If an update becomes a delete and an add, a comment gives the reason."""
    lines, losses = changed(Delta(FIRST.replace({"certhash": B}), FIRST), release=Release.W2016)
    assert lines == [
        f"# update ipport=10.0.0.5:443: certhash from {B} to {A}",
        "# netsh of Windows Server 2016 does not have update: deleted and added again",
        "delete sslcert ipport=10.0.0.5:443",
        f"add sslcert {ONE}",
    ]
    assert losses == ()


def test_nothing_is_deleted_that_cannot_be_added() -> None:
    """If the target refuses the record, or lacks its kind, no line is written for it."""
    name = "hostnameport=www.contoso.com:443"
    before = Binding(NAME, {"certhash": A, "appid": IIS, "certstorename": "MY"})
    after = Binding(NAME, {"certhash": A, "appid": IIS})
    why = f"{name}: certstorename is missing, and records with a host name need it"
    lines, losses = changed(Delta(before, after), release=Release.W2022)
    assert lines == [f"# update {name}: certstorename from MY to (null)", f"# {why}"]
    assert losses == (why,)
    old = Release.W2008R2
    for delta in (Delta(before.replace({"certhash": B}), before), Delta(before, None)):
        lines, losses = changed(delta, release=old)
        assert lines[1:] == [f"# {name}: hostnameport exists from Windows Server 2012 on"]
        assert losses == (lines[1].removeprefix("# "),)


def test_what_the_release_lacks_is_left_out() -> None:
    """A tag or property that the release does not have is in no line, and is reported as a loss."""
    late = FIRST.replace({"reject": True, "disablesessionid": True, "receivewindow": 5})
    lines, losses = changed(Delta(None, late), release=Release.W2019)
    assert lines == ["# add ipport=10.0.0.5:443", f"add sslcert {ONE} reject=enable"]
    assert losses == (
        "ipport=10.0.0.5:443: disablesessionid exists from Windows Server 2025 on",
        "ipport=10.0.0.5:443: receivewindow exists from Windows Server 2022 on",
    )
    lines, losses = changed(Delta(FIRST.replace({"disablesessionid": True}), FIRST),
                            release=Release.W2022)  # fmt: skip
    assert lines == ["# update ipport=10.0.0.5:443: disablesessionid from enable to disable"]
    assert losses == ("ipport=10.0.0.5:443: disablesessionid exists from Windows Server 2025 on",)


def test_what_the_target_refuses() -> None:
    """HTTP.SYS needs a store for a host name, and from 2012 on no CTL identifier."""
    nameless = Binding(NAME, {"certhash": A, "appid": IIS})
    assert FORMAT.write
    trusted = FIRST.replace({"sslctlidentifier": "issuers"})
    assert FORMAT.write(Contents((nameless, trusted), (), Release.W2012)).losses == (
        (
            "hostnameport=www.contoso.com:443: certstorename is missing,"
            " and records with a host name need it"
        ),
        "ipport=10.0.0.5:443: sslctlidentifier is refused from Windows Server 2012 on",
    )
    assert FORMAT.write(Contents((trusted,), (), Release.W2008R2)).losses == ()


@given(st.data(), st.sampled_from(WITH_NETSH))
def test_any_change(data: st.DataObject, release: Release) -> None:
    """The lines of a change turn one record into another, whatever the two are."""
    after = data.draw(bindings())
    before = Binding(after.key, data.draw(values(after.key.kind)))
    before, after = (
        Binding(one.key, {tag: value for tag, value in one.values.items() if tag != "sslflags"})
        for one in (before, after)
    )
    for one in (before, after):
        assume(not script_writer.write([one], (), release).losses)
    delta = Delta(before, after)
    lines = changes(delta, release=release)
    if script_writer.replaced(delta, release) and script_writer.refusals(after, release):
        assert lines == []
        return
    found = read("\n".join([*changes(Delta(None, before), release=release), *lines]))
    assert found.bad == ()
    assert not changed_tags(found.records[0].binding, after)


@given(binding_lists(), st.sampled_from(WITH_NETSH))
def test_any_round_trip(found: list[Binding], release: Release) -> None:
    """What a script is read to say is what was written, but for what the losses name."""
    assert FORMAT.write
    written = FORMAT.write(Contents(tuple(found), (), release))
    imported = read(written.data.decode())
    lost = {loss.split(": ", 1)[0] for loss in written.losses}

    def expected(one: Binding) -> Binding:
        return Binding(one.key, {k: v for k, v in one.values.items() if k != "sslflags"})

    records = {one.binding.key: one.binding for one in imported.records}
    for one in found:
        if one.key.spec not in lost:
            assert records[one.key] == expected(one)
    assert set(records) <= {one.key for one in found}


@pytest.mark.parametrize(
    "text", ["netsh x", "a netsh http add sslcert 443 appid=iis", "& call netsh "]
)
def test_netsh_in_a_value(text: str) -> None:
    """A value that looks like a command is a value."""
    binding = FIRST.replace({"sslctlidentifier": text})
    found = read(write([binding]))
    assert [one.binding for one in found.records] == [binding]


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Nothing is raised for any text."""
    detect(text)
    read(text)
    read(f"add sslcert {text}\nnetsh http add sslcert {text}\n")


@given(st.integers(0, 2**32))
def test_any_mutation(seed: int) -> None:
    """Nothing is raised for a batch file that somebody damaged."""
    random = Random(seed)
    text = list(BATCH)
    for _ in range(random.randint(1, 20)):
        at = random.randrange(len(text))
        text[at : at + random.randint(0, 3)] = random.choice(
            ["", '"', "'", "^", "\n", "%", "$", "&", "=", "netsh ", "add sslcert ", "\0", "\ud800"]
        )
    detect("".join(text))
    read("".join(text))


@pytest.mark.slow
def test_a_long_line() -> None:
    """Time and memory stay in proportion to the text, whatever it contains."""
    for piece in ("\\", '"', "'", " '", "^", "&", "netsh ", "%a:", "`\n", "^\n", "a=", "$", "!a"):
        read("netsh http add sslcert " + piece * 100_000)


TAGS = f"ipport=10.0.0.5:443 certhash={A} appid={IIS}"


def test_braces_that_powershell_escapes() -> None:
    """A backtick before a brace is PowerShell's escape, in quotes or not."""
    owner = IIS.replace("{", "`{").replace("}", "`}")
    line = f"netsh http add sslcert ipport=10.0.0.5:443 certhash={A} appid={owner} certstorename=MY"
    assert [one.binding for one in read(line).records] == [FIRST]
    assert [one.binding for one in read(line.replace(owner, f'"{owner}"')).records] == [FIRST]


def test_a_bad_line_has_its_key() -> None:
    """If the line gives its key, the key is reported; a deletion has no record."""
    found = read(
        f"netsh http add sslcert {TAGS} certstorename=%STORE%\n"
        f"netsh http add sslcert ipport=%IP%:443 certhash={A}\n"
        "netsh http delete sslcert ipport=10.0.0.6:443 x=y\n"
    )
    assert [one.key for one in found.bad] == [KEY, None, None]


def test_a_character_that_was_lost() -> None:
    """A name in an unknown code page is not taken for another name."""
    found = read(f"netsh http add sslcert {TAGS} certstorename=B\ufffdcher\nrem \ufffd\n")
    assert [(one.message, one.hints, one.key) for one in found.bad] == [
        (
            "the record has a character that was lost in the console's code page",
            ("run chcp 65001 before netsh, or use capture.ps1",),
            KEY,
        )
    ]


ADD = f"netsh http add sslcert {ONE}"


@pytest.mark.parametrize(
    "text",
    [
        f"<#\n{ADD}\n#>",
        f"<# old:\n\n{ADD} #>",
        f"<#\n{ADD}",
        f"$old = @'\n{ADD}\n'@",
        f'$old = @"\n{ADD}\n"@',
        f"goto end\n{ADD}\n:end",
        f"@GOTO :eof\n{ADD}",
        f"exit /b 0\n{ADD}",
        f"exit\n:: a comment is no label\n{ADD}",
    ],
)
def test_what_does_not_run_is_passed_over(text: str) -> None:
    """Multi-line comments and strings, and lines after a jump, are ignored."""
    found = read(f"netsh http add iplisten 10.0.0.5\n{text}\n")
    assert (found.records, found.bad, found.iplisten) == ((), (), ("10.0.0.5",))


@pytest.mark.parametrize(
    "text",
    [
        f"<# old #> {ADD}",
        f"# <#\n{ADD}",
        f"rem @'\n{ADD}",
        f'echo " <#"\n{ADD}',
        f"goto add\n:add\n{ADD}",
        f"if exist x goto end\n{ADD}\n:end",
        f"if exist x (\n  exit /b 1\n)\n{ADD}",
        f"if ($x) {{\n  exit 1\n}}\n{ADD}",
        f"if exist x (echo a) else (\n  echo b\n)\n{ADD}",
        f"if exist x (\n  if exist y (\n  echo b )\n) else (\n  echo c\n)\n{ADD}",
        f"(\n{ADD}\n) > log.txt",
        f"{ADD} || exit /b 1",
        f"netsh http delete sslcert ipport=10.0.0.5:443 && {ADD}",
        f"netsh http delete sslcert ipport=10.0.0.5:443 || echo none & {ADD}",
        f"{ADD} #prod",
        f"{ADD}   # (prod",
        f"add sslcert {ONE} #prod",
    ],
)
def test_what_runs_is_a_fact(text: str) -> None:
    """Blocks that ended, labels, chains and comments take nothing from a line."""
    found = read(text)
    assert [one.binding for one in found.records] == [FIRST]
    assert found.bad == ()


def test_a_word_that_begins_with_a_number_sign_is_no_value() -> None:
    """It begins a comment, but not in quotes, and not inside a word."""
    line = f"netsh http add sslcert 10.0.0.5:443 {A} {IIS}"
    stores = [read(f"{line} {end}").records[0].binding["certstorename"]
              for end in ("#prod", "certstorename=a#b", 'certstorename="a #b"')]  # fmt: skip
    assert stores == [None, "a#b", "a #b"]


@pytest.mark.parametrize(
    ("text", "line", "before"),
    [
        (f"if exist x (\n  {ADD}\n)", 2, "if exist x"),
        (f"if exist x (\n  (\n  {ADD}\n))", 3, "if exist x"),
        (f"if exist x (\n  echo a\n) else (\n  {ADD}\n)", 4, "else"),
        (f"if exist x (echo a\n{ADD}\n)", 2, "if exist x"),
        (f"for %%a in (1 2) do (\n{ADD}\n)", 2, "for %%a in"),
        (f"ping web01 || (\n{ADD}\n)", 2, "ping web01 ||"),
        (f"netsh http delete sslcert ipport=10.0.0.5:443 || {ADD}", 1, "||"),
        (f"ping web01 || echo down && {ADD}", 1, "||"),
    ],
)
def test_a_line_behind_a_condition(text: str, line: int, before: str) -> None:
    """Inside a block, or after ``||``, it is bad, as it is after a condition."""
    found = read(text)
    assert found.records == ()
    assert [(one.line, one.message, one.key) for one in found.bad] == [
        (
            line,
            f"{before!r} precedes netsh, so it is not known whether the line runs",
            KEY,
        )
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("%~n1", "%~n1 is a variable"),
        ("%~dp0", "%~dp0 is a variable"),
        ("%%~nxf", "%%~nxf is a variable"),
        ("!STORE:~1!", "!STORE:~1! is a variable"),
        ('("M"+"Y")', "is an expression, whose value is not in the line"),
    ],
)
def test_values_that_a_shell_makes(value: str, message: str) -> None:
    """Variables with modifiers, and expressions, are not values."""
    line = f"netsh http add sslcert {ONE.replace('=MY', f'={value}')}"
    found = read(f"setlocal EnableDelayedExpansion\n{line}")
    assert found.records == ()
    assert [one.line for one in found.bad] == [2]
    assert message in found.bad[0].message
    quoted = f'{ONE.replace("=MY", "")}="(Old) store"'
    assert read(f"netsh http add sslcert {quoted}").bad == ()


def test_many_addresses() -> None:
    """A long listen list is read; if each line cost as much as the list, this would never end."""
    lines = [f"add iplisten 10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(30_000)]
    assert len(read("\n".join(lines)).iplisten or ()) == 30_000


def test_a_property_that_goes_back_needs_its_release() -> None:
    """A release that lacks a property cannot reset it to its default, and that is a loss."""
    delta = Delta(FIRST.replace({"receivewindow": 5}), FIRST)
    lines, losses = changed(delta, release=Release.W2019)
    assert lines == ["# update ipport=10.0.0.5:443: receivewindow from 5 to 1048576"]
    assert losses == ("ipport=10.0.0.5:443: receivewindow exists from Windows Server 2022 on",)
