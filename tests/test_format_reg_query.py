r"""``.reg`` files as Windows takes them, by Wine's own reader, and what ``reg query`` prints."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from conftest import IIS, A, Run
from tools import needs

from sslbind.binding import Binding
from sslbind.formats import formats
from sslbind.formats.format import Contents
from sslbind.formats.imported import Imported
from sslbind.formats.reg import reg_file, reg_query
from sslbind.keys import infer_key
from sslbind.release import Release

HEADER = "Windows Registry Editor Version 5.00\n\n"
PARAMETERS = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\HTTP\Parameters"
KEY = rf"{PARAMETERS}\SslBindingInfo"
APPID = '"AppId"=hex:81,e1,c3,4d,4b,e1,21,4a,b0,22,59,fc,66,9b,09,14\n'
HASH = ",".join(["a1"] * 20)

READ = {
    "plain": f'"SslCertHash"=hex:{HASH}\n',
    "comment": f'"SslCertHash"=hex:a1,\\ ; first\n; a comment\n\n  {HASH[3:]}\n',
    "empty-lines": f'"SslCertHash"=hex:a1,a1,\\\n\n\n  {HASH[6:]}\n',
    "dword-blanks": f'"SslCertHash"=hex:{HASH}\n"DefaultFlags"=dword:  00000000\n',
    "end-of-file": f'"SslCertHash"=hex:{HASH},\\',
}
"""Values that are read: each record has the thumbprint."""

DROPPED = {
    "byte": f'"SslCertHash"=hex:a\\\n1,{HASH[3:]}\n',
    "comma": f'"SslCertHash"=hex:a1\\\n  ,{HASH[3:]}\n',
    "nul": f'"SslCertHash"=hex:{HASH}\n"SslCertStoreName"="M\\0Y"\n',
    "value": '"SslCertHash"=hex:a1,\\\n"DefaultFlags"=dword:00000001\n',
}
"""Values that are dropped."""


def document(body: str, end: str = "") -> str:
    """Return a .reg file with one record."""
    return f"{HEADER}[{KEY}\\0.0.0.0:443{end}]\n{APPID}{body}"


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("end", ["", "\\", "\\\\"])
def test_what_windows_reads(name: str, end: str) -> None:
    """Comments and empty lines in broken lines, blanks, a backslash at the end of file or key."""
    [record] = reg_file.read(document(READ[name], end), "x").records
    assert record.binding.key == infer_key("0.0.0.0:443")
    assert dict(record.binding.values) == {"certhash": A, "appid": IIS}


@pytest.mark.parametrize("name", DROPPED)
def test_what_windows_drops(name: str) -> None:
    """It is said that Windows drops it, and the record is one that cannot be read."""
    imported = reg_file.read(document(DROPPED[name]), "x")
    assert imported.records == ()
    [bad] = imported.bad
    assert bad.key == infer_key("0.0.0.0:443")
    assert "Windows drops" in bad.message


def test_an_empty_line_before_the_header(run: Run, tmp_path: Path) -> None:
    """Windows does not take the file at all."""
    (tmp_path / "x.reg").write_text("\n" + document(READ["plain"]))
    seen = run("import", "x.reg")
    assert (seen.code, seen.out) == (2, "")
    assert "x.reg:1: has an empty line before 'Windows Registry Editor" in seen.err


QUERY = f"""
{PARAMETERS}
    ListenOnlyList    REG_MULTI_SZ    10.0.0.5\\0::1

{KEY}\\0.0.0.0:443
    AppId    REG_BINARY    81E1C34D4BE1214AB02259FC669B0914
    SslCertHash    REG_BINARY    {A.upper()}
    SslCertStoreName    REG_SZ    My Certs
    DefaultFlags    REG_DWORD    0x2
    DefaultSslCtlIdentifier    REG_SZ    \n
{PARAMETERS}\\SslSniBindingInfo\\{{aaaaaaaa-0000-0000-0000-000000000000}}
    HostnamePort    REG_SZ    www.contoso.com:443
    AppId    REG_BINARY    81E1C34D4BE1214AB02259FC669B0914
    SslCertHash    REG_BINARY    garbled
"""


def test_what_reg_query_prints() -> None:
    """Records, the listen list, and what is wrong with its line."""
    assert formats()["reg-query"].detect is reg_query.detect
    assert reg_query.detect(QUERY)
    imported = reg_query.read(QUERY, "x")
    [record] = imported.records
    assert dict(record.binding.values) == {
        "certhash": A, "appid": IIS, "certstorename": "My Certs", "clientcertnegotiation": True,
    }  # fmt: skip
    assert imported.iplisten == ("10.0.0.5", "::1")
    assert [(one.line, one.message) for one in imported.bad] == [
        (15, "'garbled' is not a REG_BINARY")
    ]
    assert imported.notes == ()


def test_reg_query_of_one_table_does_not_list_the_others() -> None:
    """A note names the kinds that are not there, which does not mean that there are none."""
    _, rest = QUERY.split("::1\n")
    text = rest.partition(f"{PARAMETERS}\\SslSni")[0]
    tables = "SslSniBindingInfo, SslCcsBindingInfo and SslScopedCcsBindingInfo"
    note = f"does not list {tables}: records of these kinds are not known"
    assert reg_query.read(text, "x").notes == (note,)


def by_wine(data: bytes, folder: Path) -> Imported:
    """Return what Wine's registry has after ``reg import``, as ``reg query`` prints it."""
    wine = needs("wine")
    environment = {**os.environ, "WINEPREFIX": str(folder / "prefix"), "WINEDEBUG": "-all"}
    file = folder / "x.reg"
    file.write_bytes(data)
    for words in (["import", str(file)], ["query", PARAMETERS, "/s"]):
        done = subprocess.run([wine, "reg", *words], env=environment, capture_output=True)  # noqa: PLW1510
    return reg_query.read(done.stdout.decode("cp437").replace("\r\n", "\n"), "x")


@pytest.mark.slow
def test_wine_reads_and_drops_the_same(tmp_path: Path) -> None:
    """One file with every case, each in a record of its own port: Wine is the second opinion."""
    bodies = {**READ, **DROPPED}
    bodies["end-of-file"] = bodies.pop("end-of-file")
    ports = {name: 1000 + place for place, name in enumerate(bodies)}
    text = HEADER + "".join(
        f"[{KEY}\\0.0.0.0:{ports[name]}]\n{APPID}{body}" for name, body in bodies.items()
    )
    found = by_wine(b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le"), tmp_path)
    whole = {one.binding.key.port for one in found.records if one.binding.store == "MY"}
    assert whole == {ports[name] for name in READ} | {ports["nul"]}
    # Wine drops the one value of "nul"; the record without it is not what its author wrote.
    ours = reg_file.read(text, "x")
    assert {one.binding.key.port for one in ours.records} == {ports[name] for name in READ}
    assert {one.key and one.key.port for one in ours.bad} == {ports[name] for name in DROPPED}


EXPORTED = (
    Binding(
        infer_key("[2001:db8::1]:8443"),
        {
            "certhash": A,
            "appid": IIS,
            "certstorename": "Web Hosting",
            "usagecheck": False,
            "clientcertnegotiation": True,
            "revocationfreshnesstime": 3600,
            "sslctlstorename": "Client CA",
            "disablehttp2": True,
        },
        {"Owner": 'a "quoted" \\path', "Blob": ["REG_BINARY", "00ff"]},
    ),
    Binding(
        infer_key("*.bücher.example:443"), {"certhash": A, "appid": IIS, "certstorename": "MY"}
    ),
    Binding(infer_key("443"), {"appid": IIS}),
    Binding(infer_key("shop.contoso.com:443", scoped=True), {"appid": IIS}),
)


@pytest.mark.slow
def test_wine_reads_what_is_exported(tmp_path: Path) -> None:
    """Every record that ``export reg`` writes comes back from Wine's registry as it was."""
    write = formats()["reg"].write
    assert write is not None
    data, losses = write(Contents(EXPORTED, ("10.0.0.5", "::1"), Release.W2022))
    assert losses == ()
    found = by_wine(data, tmp_path)
    assert found.bad == ()
    assert [one.binding for one in found.records] == [*EXPORTED]
    assert found.iplisten == ("10.0.0.5", "::1")
