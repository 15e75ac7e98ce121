"""Exports, listings and scripts of which a record is missing in part."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from conftest import IIS, A, B, Run

from sslbind.keys import infer_key
from sslbind.sources import parse_source, snapshot

HTTP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
KEYS = ("0.0.0.0:443", "10.0.0.9:443", "[2001:db8::5]:8443")
HASHES = (A, B, "c" * 40)


def exported() -> str:
    """Return a .reg file of three records."""
    owner = ",".join(f"{byte:02x}" for byte in UUID(IIS).bytes_le)
    text = "Windows Registry Editor Version 5.00\n\n"
    for key, digits in zip(KEYS, HASHES, strict=True):
        thumbprint = ",".join(digits[at : at + 2] for at in range(0, 40, 2))
        text += (
            f'[{HTTP}\\SslBindingInfo\\{key}]\n"AppId"=hex:{owner}\n'
            f'"SslCertHash"=hex:{thumbprint}\n"SslCertStoreName"="MY"\n'
            '"DefaultFlags"=dword:00000000\n\n'
        )
    return text


def queried() -> str:
    """Return what reg query prints of three records."""
    text = "\n"
    for key, digits in zip(KEYS, HASHES, strict=True):
        text += (
            f"{HTTP}\\SslBindingInfo\\{key}\n"
            f"    AppId    REG_BINARY    {UUID(IIS).bytes_le.hex().upper()}\n"
            f"    SslCertHash    REG_BINARY    {digits.upper()}\n"
            "    SslCertStoreName    REG_SZ    MY\n    DefaultFlags    REG_DWORD    0x0\n\n"
        )
    return text


def listed() -> str:
    """Return what httpcfg prints of three records."""
    names = ("CertCheckMode", "RevocationFreshnessTime", "UrlRetrievalTimeout")
    zeros = "".join(f"    {name:24}: 0\n" for name in names)
    return "".join(
        f"    IP                      : {key}\n    Hash                    : {digits}\n"
        f"    Guid                    : {IIS}\n    CertStoreName           : MY\n{zeros}"
        "    SslCtlIdentifier        : (null)\n    SslCtlStoreName         : (null)\n"
        f"    Flags                   : 0\n{'-' * 78}\n"
        for key, digits in zip(
            ("0.0.0.0:443", "10.0.0.9:443", "10.0.0.10:8443"), HASHES, strict=True
        )
    )


def scripted() -> str:
    """Return a batch file of three records."""
    return "@echo off\n" + "".join(
        f"netsh http add sslcert ipport={key} certhash={digits} appid={IIS} certstorename=MY\n"
        for key, digits in zip(KEYS, HASHES, strict=True)
    )


def without(pattern: str, mark: str = "") -> Callable[[str], str]:
    """Return what replaces the text that a pattern matches."""
    return lambda text: re.sub(pattern, lambda _: mark, text, flags=re.DOTALL)


def wrapped(width: int) -> Callable[[str], str]:
    """Return what breaks lines as a console of that width does."""
    return lambda text: re.sub(f"(.{{{width}}})(?=.)", r"\1\n", text)


CHANGES: dict[str, tuple[Callable[[], str], Callable[[str], str]]] = {
    "reg-dots": (exported, without(r"\[[^\[]*10\.0\.0\.9.*?\n\n", "...\n\n")),
    "reg-snip": (exported, without(r"\[[^\[]*10\.0\.0\.9.*?\n\n", "[snip]\n\n")),
    "reg-key": (exported, without(r"\[[^\[]*10\.0\.0\.9:443\]\n")),
    "reg-empty-key": (exported, without(r"10\.0\.0\.9:443")),
    "reg-cut-key": (exported, without(r"BindingInfo\\10\.0\.0\.9:443")),
    "reg-cut": (exported, lambda text: text[: text.index("b2,") + 20]),
    "reg-log": (exported, lambda text: text[: text.index("b2,") + 20] + "\n(truncated)\n"),
    "query-dots": (queried, without(r"HKEY[^\n]*10\.0\.0\.9.*?\n\n", "...\n\n")),
    "query-key": (queried, without(r"HKEY[^\n]*10\.0\.0\.9:443\n")),
    "query-tail": (queried, without(r"^\n[^\n]*\n[^\n]*\n")),
    "query-80": (queried, wrapped(80)),
    "query-84": (queried, wrapped(84)),
    "query-90": (queried, wrapped(90)),
    "query-columns": (queried, lambda text: "\n".join(line[:70] for line in text.split("\n"))),
    "query-cut": (queried, lambda text: text[: text.index("B2B2") + 9]),
    "httpcfg-dots": (listed, without(r" *IP  [^\n]*10\.0\.0\.9.*?-{9,}\n", "    ...\n")),
    "httpcfg-key": (listed, without(r" *IP  [^\n]*10\.0\.0\.9:443\n")),
    "httpcfg-tail": (listed, without(r"^[^\n]*\n[^\n]*\n")),
    "httpcfg-cut": (listed, lambda text: text[: text.index(B) + 60]),
    "script-dots": (scripted, without(r"netsh[^\n]*10\.0\.0\.9[^\n]*\n", "...\n")),
    "script-snip": (scripted, without(r"netsh[^\n]*10\.0\.0\.9[^\n]*\n", "[snip]\n")),
    "script-log": (scripted, without(r"@echo.*?certhash=", "(truncated) ...")),
    "script-cut": (scripted, lambda text: text[: text.index(B) + 20]),
    "script-key-cut": (scripted, without(r"43 certhash=[b2]{40} ", "\n")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_record_is_absent(name: str) -> None:
    """Every record is there with its certificate, or it may be there."""
    make, change = CHANGES[name]
    whole = snapshot(parse_source(make().encode(), "x"))
    assert (len(whole.bindings), whole.provenance.unread) == (3, ())
    text = change(make())
    assert text != make()
    read = snapshot(parse_source(text.encode(), "x"))
    for key, binding in whole.bindings.items():
        found = read.bindings.get(key)
        if found is None:
            assert read.provenance.may_have(key)
        else:
            assert found["certhash"] == binding["certhash"]
    assert read.provenance.unread


def test_commands_say_so(run: Run, tmp_path: Path) -> None:
    """A .reg file that breaks off is not the same as the whole one, and is not imported."""
    (tmp_path / "whole.reg").write_text(exported())
    (tmp_path / "cut.reg").write_text(CHANGES["reg-cut"][1](exported()))
    compared = run("diff", "whole.reg", "cut.reg")
    assert compared.code == 1
    assert (
        "the text breaks off in a record: what follows is not known" in compared.out + compared.err
    )
    resolved = run("-r", "cut.reg", "resolve", "[2001:db8::5]:8443")
    assert (resolved.code, resolved.out[:8]) == (1, "unknown:")
    assert run("-r", "new.toml", "import", "cut.reg").code == 1
    assert not (tmp_path / "new.toml").exists()


def test_what_is_not_a_gap() -> None:
    """Comments and printed text in a script, and other keys of Windows' registry."""
    script = f"rem output truncated\necho ... more lines\n# ...\n{scripted()}"
    read = snapshot(parse_source(script.encode(), "x"))
    assert (len(read.bindings), read.provenance.unread) == (3, ())
    other = exported() + f'[{HTTP}\\Old]\n"SslCertHash"=hex:01\n'
    read = snapshot(parse_source(other.encode(), "x"))
    assert (len(read.bindings), read.provenance.unread) == (3, ())


@pytest.mark.parametrize(
    "line",
    ["- {}", "- run: {}", "run: {}", "- '{}'", '- "{}"', "    cmd: '{}'", "- win_command: {}"],
)
def test_netsh_in_yaml(line: str) -> None:
    """The steps of a pipeline or a playbook are read with their names and quotes."""
    text = "\n".join(line.format(one) for one in scripted().splitlines()[1:]) + "\n"
    read = snapshot(parse_source(text.encode(), "x"))
    assert [*read.bindings] == [infer_key(key) for key in KEYS]
    assert {one["certstorename"] for one in read.bindings.values()} == {"MY"}
