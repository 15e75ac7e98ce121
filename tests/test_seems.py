"""A text that no format can read: the first thing reported is what it appears to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import A, Run

SHOW = "C:\\>netsh http show sslcert\r\n"
ELEVATED = SHOW + "The requested operation requires elevation (Run as administrator).\r\n"
GERMAN = SHOW + "Der angeforderte Vorgang erfordert erhöhte Rechte.\n"
NOT_FOUND = (
    "C:\\>netsh http show sslcerts\nThe following command was not found: http show sslcerts.\n"
)
FRENCH = (
    "C:\\>netsh http show sslcerts\nLa commande suivante est introuvable : http show sslcerts.\n"
)
HELP = """C:\\>netsh http show sslcert ?

Usage: show sslcert [ipport=]<ipaddr:port>

Parameters:
"""
SHELL = "netsh : The term 'netsh' is not recognized as the name of a cmdlet.\n"
PIECE = f"""    Certificate Hash             : {A}
    Application ID               : {{4dc3e181-e14b-4a21-b022-59fc669b0914}}
    Negotiate Client Certificate : Disabled
"""
HTTP = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
FRAGMENT = f'[{HTTP}\\SslBindingInfo\\0.0.0.0:443]\n"DefaultFlags"=dword:00000002\n'
CASES = {
    "elevation": (ELEVATED, "is an error instead of a capture: netsh said that it requires"),
    "german": (GERMAN, "is an error instead of a capture: netsh said that it requires"),
    "not-found": (NOT_FOUND, "is an error instead of a capture: netsh said that it did not"),
    "french": (FRENCH, "is an error instead of a capture: netsh said that it did not"),
    "help": (HELP, "is the help of netsh, not its answer"),
    "shell": (SHELL, "is an error instead of a capture: the shell did not find the command"),
    "show": (PIECE, "is a part of the output of show sslcert: the line with the key is missing"),
    "reg": (FRAGMENT, "is a part of a .reg file: its first line is missing"),
    "values": (
        '"DefaultFlags"=dword:00000002\n',
        "is a part of a .reg file: the line with the key",
    ),
    "page": ("<!DOCTYPE html>\n<html></html>\n", "is a web page"),
    "pem": ("-----BEGIN CERTIFICATE-----\nAAAA\n", "is a certificate or key, in PEM"),
    "json": ('{"a": 1}', "is JSON"),
    "fenced": (
        "```xml\n<sites></sites>\n```\n",
        "is a configuration of IIS with something around it",
    ),
    "escaped": ("&lt;sites&gt;&lt;/sites&gt;\n", "is a configuration of IIS with something around"),
    "numbered": ("  1\t<bindings>\n", "is a configuration of IIS with something around it"),
    "redirected": (
        '<configuration><configurationRedirection enabled="true" path="x"/></configuration>\n',
        "is redirection.config: the configuration of IIS is shared",
    ),
    "appcmd": (
        'SITE "Shop" (id:1,bindings:http/*:80:,https/*:443:,state:Started)\n',
        "is the list of appcmd, whose bindings have no sslFlags",
    ),
    "get-webbinding": (
        "\nprotocol bindingInformation sslFlags\n-------- ------------------ --------\n",
        "is the output of Get-WebBinding, which is not read",
    ),
    "powershell": (
        "#Requires -Version 5.1\n[CmdletBinding()]\nparam()\n$x = Get-Date\n",
        "is a PowerShell script without a line that is known to bind",
    ),
    "batch": ("@echo off\r\ndir\r\n", "is a script without a line that is known to bind"),
    "sh": ("#!/bin/sh\nset -eu\nls\n", "is a script without a line that is known to bind"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_it_seems_to_be(run: Run, tmp_path: Path, name: str, encoding: str) -> None:
    """Exit 2, one sentence without TOML, and no traceback; import says the same."""
    text, what = CASES[name]
    (tmp_path / "web01.txt").write_bytes(text.encode(encoding))
    for words in (("-r", "web01.txt", "list"), ("import", "web01.txt"), ("check", "web01.txt")):
        seen = run(*words)
        assert (seen.code, seen.out) == (2, "")
        assert seen.err.startswith(f"error: web01.txt: {what}")
        assert "TOML" not in seen.err


def test_a_broken_registry_is_still_one(run: Run, tmp_path: Path) -> None:
    """A text with a line that only a registry has is reported with its line, as before."""
    (tmp_path / "sslbind.toml").write_text(f"version = 1\n{PIECE}")
    seen = run("list")
    assert (seen.code, seen.out) == (2, "")
    assert "sslbind.toml:2: is not valid TOML" in seen.err


def test_a_text_of_any_kind(run: Run, tmp_path: Path) -> None:
    """A text that does not start as TOML does is no registry: what it starts with is named."""
    (tmp_path / "web01.txt").write_text("# mail\nDear all, here is the list.\n")
    for words in (("-r", "web01.txt", "list"), ("check", "web01.txt")):
        seen = run(*words)
        assert (seen.code, seen.out) == (2, "")
        assert seen.err.startswith(
            "error: web01.txt: is not a registry, and in no format that is recognised:"
            " it starts with 'Dear all, here is the list.'\n"
        )
