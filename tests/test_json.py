"""Every JSON answer, pinned literally: names, types, and what is null."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, A, B, Run, Stored
from pki import PASSWORD, intermediate, issue, web

from sslbind.binding import Binding
from sslbind.formats.netsh import show_writer
from sslbind.keys import infer_key
from sslbind.release import Release
from sslbind.tags import TAGS

KEY = "ipport=10.0.0.5:443"


def record(**changes: Any) -> dict[str, Any]:
    """Return the JSON of an ipport record at its defaults, but for ``changes``."""
    return {
        "kind": "ipport",
        "key": "10.0.0.5:443",
        "certhash": A,
        "appid": IIS,
        "certstorename": "MY",
        "sslflags": 0,
        "verifyclientcertrevocation": True,
        "verifyrevocationwithcachedclientcertonly": False,
        "usagecheck": True,
        "revocationfreshnesstime": 0,
        "urlretrievaltimeout": 0,
        "sslctlidentifier": None,
        "sslctlstorename": None,
        "dsmapperusage": False,
        "clientcertnegotiation": False,
        "reject": False,
        "disablehttp2": False,
        "disablequic": False,
        "disabletls13": False,
        "disableocspstapling": False,
        "enabletokenbinding": False,
        "logextendedevents": False,
        "disablelegacytls": False,
        "enablesessionticket": False,
        "disabletls12": False,
        "disablesessionid": False,
    } | changes


def same(one: Any, other: Any) -> None:
    """Compare two documents by value and by type: JSON tells true from 1."""
    assert one == other
    assert repr(sorted_(one)) == repr(sorted_(other))


def sorted_(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: sorted_(value[name]) for name in sorted(value)}
    return [sorted_(one) for one in value] if isinstance(value, list) else value


def test_a_record_has_every_tag() -> None:
    """The contract itself: kind, key, sslflags and every tag."""
    assert len(record()) == 3 + len(TAGS)


def test_list(run: Run, bare: Path) -> None:
    """A record of each kind: native types, canonical keys, what is known of certificates."""
    bare.write_text(
        f"""version = 1
windows = "2025"
[SslScopedCcsBindingInfo."shop.contoso.com:443"]
appid = "{IIS}"
clientcertnegotiation = true
[SslCcsBindingInfo.443]
appid = "{IIS}"
[SslSniBindingInfo."XN--MNCHEN-3YA.de.:443"]
certhash = "{A.upper()}"
appid = "{IIS.upper()}"
certstorename = "WebHosting"
clientcertnegotiation = true
usagecheck = false
revocationfreshnesstime = 60
sslctlstorename = "Client CA"
sslctlidentifier = "x"
receivewindow = 5
[SslBindingInfo."10.0.0.5:443"]
certhash = "{A}"
appid = "{IIS}"
"""
    )
    unknown = {"names": None, "not_after": None}
    central = {"certhash": None, "certstorename": None, **unknown}
    same(
        run("list", "--format", "json").json,
        {
            "version": 1,
            "bindings": [
                record(certstorename=None, **unknown),
                record(
                    kind="hostnameport",
                    key="münchen.de:443",
                    certstorename="WebHosting",
                    sslflags=129,
                    clientcertnegotiation=True,
                    usagecheck=False,
                    revocationfreshnesstime=60,
                    sslctlstorename="Client CA",
                    sslctlidentifier="x",
                    receivewindow=5,
                    **unknown,
                ),
                record(kind="ccs", key="443", sslflags=2, **central),
                record(
                    kind="scopedccs",
                    key="shop.contoso.com:443",
                    sslflags=3,
                    clientcertnegotiation=True,
                    **central,
                ),
            ],
        },
    )


LINE = ("add", "sslcert", KEY, f"certhash={A}", "appid=iis", "certstorename=MY", "--format", "json")


def test_add(run: Run, bare: Path) -> None:
    """``add`` tells whether it changed anything, what it did, and the record."""
    del bare
    same(run(*LINE).json, {"version": 1, "changed": True, "action": "added", "binding": record()})
    again = run(*LINE, "--if-exists", "keep")
    assert again.code == 0
    same(
        again.json,
        {"version": 1, "changed": False, "action": "unchanged", "binding": record()},
    )


def test_update(run: Run, bare: Path) -> None:
    """So does ``update``, with the record as it is afterwards."""
    del bare
    run(*LINE)
    changed = run("update", "sslcert", KEY, f"certhash={B}", "reject=enable", "--format", "json")
    after = record(certhash=B, reject=True)
    same(changed.json, {"version": 1, "changed": True, "action": "updated", "binding": after})


def test_delete(run: Run, bare: Path) -> None:
    """So does ``delete``, with the record as it was."""
    del bare
    run(*LINE)
    gone = {"version": 1, "changed": True, "action": "deleted", "binding": record()}
    same(run("delete", "sslcert", KEY, "--format", "json").json, gone)
    none = {"version": 1, "changed": False, "action": "unchanged", "binding": None}
    same(run("delete", "sslcert", KEY, "--missing-ok", "--format", "json").json, none)


def test_delete_selected(run: Run, bare: Path) -> None:
    """Selected records are named by kind and key."""
    del bare
    run(*LINE)
    same(
        run("delete", "sslcert", "--cert", A, "--format", "json").json,
        {
            "version": 1,
            "changed": True,
            "action": "deleted",
            "deleted": [{"kind": "ipport", "key": "10.0.0.5:443"}],
        },
    )


def test_dry_run(run: Run, bare: Path) -> None:
    """A dry run changes nothing, and says that it was one."""
    del bare
    same(
        run(*LINE, "--dry-run").json,
        {
            "version": 1,
            "changed": False,
            "would_change": True,
            "dry_run": True,
            "action": "added",
            "binding": record(),
        },
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "sslcert", "ipport=10.0.0.5:99999", f"certhash={A}", "appid=iis"), 87, "99999"),
        (("add", "sslcert", KEY, f"certhash={A}", "appid=iis"), 183, "10.0.0.5:443"),
        (("add", "sslcert", KEY, "foo=1"), 87, "foo"),
        (("add", "sslcert", "ipport=10.0.0.6:443"), 87, "appid"),
        (("update", "sslcert", "ipport=10.0.0.6:443"), 2, "10.0.0.6:443"),
        (("delete", "sslcert", "ipport=10.0.0.6:443"), 2, "10.0.0.6:443"),
        (("add", "iplisten", "10.0.0.256"), 87, "10.0.0.256"),
        (("delete", "iplisten", "10.0.0.5"), 2, "10.0.0.5"),
        (("update", "sslpropertyex", KEY, "propertyid=7"), 87, "propertyid=7"),
    ],
)
def test_failures(run: Run, bare: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """A failure is JSON too: Windows' code, our sentence and hints; the exit code stays 1."""
    del bare
    run(*LINE)
    result = run(*words, "--format", "json")
    text = run(*words)
    assert (result.code, text.code) == (1, 1)
    document = result.json
    error = document.pop("error")
    same(document, {"version": 1, "changed": False})
    assert sorted(error) == ["code", "hints", "message"]
    assert error["code"] == code
    assert said in error["message"]
    assert all(isinstance(hint, str) for hint in error["hints"])


def test_iplisten(run: Run, bare: Path) -> None:
    """The listen list as it is afterwards."""
    del bare
    same(
        run("add", "iplisten", "10.0.0.5", "--format", "json").json,
        {"version": 1, "changed": True, "iplisten": ["10.0.0.5"]},
    )
    same(
        run("delete", "iplisten", "10.0.0.5", "--format", "json").json,
        {"version": 1, "changed": True, "iplisten": []},
    )


def test_init(run: Run, tmp_path: Path) -> None:
    """``init`` tells where the registry is."""
    del tmp_path
    document = run("init", "--format", "json").json
    assert sorted(document) == ["changed", "registry", "version"]
    assert document["changed"] is True
    assert document["registry"].endswith("sslbind.toml")


def certificate(**changes: Any) -> dict[str, Any]:
    """Return the JSON of the certificate for www.contoso.com in MY."""
    return {
        "store": "MY",
        "file": f"MY/{web().thumbprint}.pem",
        "thumbprint": web().thumbprint,
        "sha256": web().sha256,
        "subject": "CN=www.contoso.com",
        "issuer": "CN=Test Intermediate",
        "names": ["www.contoso.com"],
        "not_before": "2026-05-02T12:00:00+00:00",
        "not_after": "2026-07-31T12:00:00+00:00",
        "key": "ok",
        "locked": False,
        "problem": None,
        "sealed": None,
    } | changes


def test_store_add(run: Run, registry: Path) -> None:
    """``store add`` tells what changed, certificate by certificate."""
    (registry.parent / "web.pfx").write_bytes(web().pfx(PASSWORD, [intermediate()]))
    line = ("store", "add", "web.pfx", "--password-env", "P", "--format", "json")
    env = {"P": PASSWORD.decode()}
    same(
        run(*line, env=env).json,
        {"version": 1, "changed": True, "certificates": [certificate(changed=True)]},
    )
    same(
        run(*line, env=env).json,
        {"version": 1, "changed": False, "certificates": [certificate(changed=False)]},
    )


def test_store_list_and_show(run: Run, stored: Stored) -> None:
    """``store list`` has the certificates, ``show`` the bindings of one as well."""
    run("add", "sslcert", KEY, stored.web.thumbprint, "iis", "MY")
    listed = run("store", "list", "--format", "json").json
    assert sorted(listed) == ["certificates", "version"]
    assert len(listed["certificates"]) == 2
    same([c for c in listed["certificates"] if c["names"] == ["www.contoso.com"]], [certificate()])
    same(
        run("store", "show", stored.web.thumbprint[:8], "--format", "json").json,
        {"version": 1, "certificates": [certificate(bindings=[KEY])]},
    )


def test_store_delete(run: Run, stored: Stored) -> None:
    """``store delete`` names the files that went."""
    name = stored.web.thumbprint
    document = run("store", "delete", name, "--format", "json").json
    document["deleted"].sort()
    same(
        document,
        {"version": 1, "changed": True, "deleted": [f"MY/{name}.key", f"MY/{name}.pem"]},
    )


def test_store_new(run: Run, registry: Path) -> None:
    """``store new`` tells what it made."""
    del registry
    document = run("store", "new", "--dns", "a.test", "--format", "json").json
    assert sorted(document) == ["certificates", "changed", "version"]
    made = document["certificates"][0]
    assert sorted(made) == sorted(certificate())
    assert (made["names"], made["key"], made["store"]) == (["a.test"], "ok", "MY")


def test_store_verify(run: Run, stored: Stored) -> None:
    """``store verify`` has the problems of each certificate, by id."""
    result = run("store", "verify", stored.web.thumbprint, "--format", "json")
    assert result.code == 1
    document = result.json
    problems = document["certificates"][0].pop("problems")
    same(
        document,
        {
            "version": 1,
            "certificates": [
                {
                    "store": "MY",
                    "thumbprint": stored.web.thumbprint,
                    "file": f"MY/{stored.web.thumbprint}.pem",
                }
            ],
        },
    )
    assert sorted(problem["id"] for problem in problems) == ["chain-incomplete", "expired"]
    assert all(sorted(problem) == ["advice", "id", "message"] for problem in problems)


@pytest.mark.parametrize("words", [("list",), ("show", "sslcert"), ("dump",), ("store", "list")])
def test_no_registry(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Without a registry standard output stays empty, whatever the format."""
    del tmp_path
    form = ("--format", "json") if words[-1] == "list" else ()
    result = run(*words, *form)
    assert (result.code, result.out) == (2, "")


def test_control_characters(run: Run, bare: Path) -> None:
    """JSON escapes what does not print, the C1 and bidirectional characters too."""
    bare.write_text(
        f'version = 1\n[SslBindingInfo."10.0.0.5:443"]\nappid = "{IIS}"\ncerthash = "{A}"\n'
        'sslctlidentifier = "x\u202ey\U000e0001"\n'
    )
    result = run("list", "--format", "json")
    assert '"sslctlidentifier": "x\\u202ey\\udb40\\udc01"' in result.out
    assert result.json["bindings"][0]["sslctlidentifier"] == "x\u202ey\U000e0001"


def test_control_characters_of_certificates(run: Run, registry: Path) -> None:
    """So it is for subjects, which anyone can write."""
    evil = issue("e\x9b\u202e\x1b[2J")
    (registry.parent / "e.pem").write_bytes(evil.pem + evil.key_pem())
    assert run("store", "add", "e.pem").code == 0
    result = run("store", "list", "--format", "json")
    assert not [char for char in result.out if not (char.isprintable() or char == "\n")]
    assert result.json["certificates"][0]["subject"] == "CN=e\x9b\u202e\x1b[2J"


def test_import_dry_run(run: Run, tmp_path: Path) -> None:
    """``would_change`` says what a run would do: make a registry, add to one, or nothing."""
    binding = Binding(infer_key("0.0.0.0:443"), {"certhash": A, "appid": IIS})
    (tmp_path / "web01.txt").write_text(show_writer.show([binding], Release.W2022))
    words = ("-r", "web01.toml", "import", "web01.txt")
    for would in (True, False):
        document = run(*words, "--dry-run", "--format", "json").json
        assert [document[name] for name in ("changed", "would_change", "dry_run")] == [
            False, would, True,
        ]  # fmt: skip
        assert run(*words).code == 0
    assert "would_change" not in run(*words, "--format", "json").json
