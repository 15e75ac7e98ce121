"""A newcomer's ten jobs, one after the other, as the story of a week: real files, real commands."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, Result, Run
from pki import Issued, issue

import sslbind

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
ROOT = issue(
    "Contoso Root", ca=True, start=NOW - timedelta(days=900), end=NOW + timedelta(days=900)
)


def certificate(*names: str, days: int = 90, age: int = 0) -> Issued:
    """Return a certificate of the company's own authority."""
    start = NOW - timedelta(days=age)
    return issue(names[0], dns=names, issuer=ROOT, start=start, end=NOW + timedelta(days=days))


SITES = f"""<configuration><system.applicationHost><sites>
  <site name="Shop" id="1"><bindings>
    <binding protocol="https" bindingInformation="*:443:www.contoso.com" sslFlags="1" />
    <binding protocol="https" bindingInformation="*:443:new.contoso.com" sslFlags="1" />
  </bindings></site>
</sites></system.applicationHost></configuration>
<!-- {IIS} -->
"""


class Week:
    """The newcomer at the command line: every answer is expected to be the one that is named."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self.folder = folder

    def does(self, *words: str, code: int = 0, **env: str) -> Result:
        """Run a command; its exit code is ``code``."""
        result = self._run(*words, env=env)
        assert result.code == code, (words, result.out, result.err)
        return result

    def receives(self, file: str, one: Issued, password: str = "") -> str:
        """Put a certificate into the folder, as it comes by mail; return its thumbprint."""
        data = one.pfx(password.encode(), (ROOT,)) if file.endswith(".pfx") else one.pem
        (self.folder / file).write_bytes(data)
        return one.thumbprint

    def thumbprint_of(self, address: str, host: str) -> str:
        """Ask which certificate a client gets."""
        answer = self._run("resolve", address, host, "--format", "json").json
        return str(answer["certificate"]["thumbprint"])


def test_the_week(run: Run, tmp_path: Path) -> None:
    week = Week(run, tmp_path)
    old = provision(week)
    new = renew(week, old)
    three_captures(week)
    iis(week)
    central_store(week)
    wrong_certificate(week, new)
    look_at_the_list(week, new)
    library(week, new)
    pipeline(week)
    expiry(week)


def provision(week: Week) -> str:
    """Monday: a server for www and mail, from a PFX that came by mail."""
    week.does("init")
    both = certificate("www.contoso.com", "mail.contoso.com", days=9, age=60)
    old = week.receives("web.pfx", both, "s3kr1t")
    refused = week.does("add", "sslsnicert", "www.contoso.com:443", "--cert", "web.pfx", code=1)
    assert refused.err.startswith("hint: hostnameport=www.contoso.com:443 needs appid")
    line = ("--cert", "web.pfx", "appid=iis", "--password-env", "P")
    done = week.does("add", "sslsnicert", "www.contoso.com:443", *line, P="s3kr1t")
    assert "SSL Certificate successfully added" in done.out
    week.does("copy", "www.contoso.com:443", "mail.contoso.com:443")
    week.does("copy", "www.contoso.com:443", "0.0.0.0:443")
    assert week.thumbprint_of("10.0.0.5:443", "mail.contoso.com") == old
    assert "s3kr1t" not in (week.folder / "sslbind.toml").read_text()
    return old


def renew(week: Week, old: str) -> str:
    """Tuesday: the renewed certificate, by the name of the old one; twice is once."""
    assert week.does("needs-renewal", "www.contoso.com").out.startswith("yes: ")
    new = week.receives("new.pfx", certificate("www.contoso.com", "mail.contoso.com"), "n3w")
    line = ("rebind", "www.contoso.com", "new.pfx", "--password-env", "P")
    planned = week.does(*line, "--dry-run", P="n3w")
    assert f"certhash: {old} (www.contoso.com) -> {new} (www.contoso.com)" in planned.out
    assert "3 bindings; these names got the new certificate" in week.does(*line, P="n3w").out
    before = (week.folder / "sslbind.toml").read_bytes()
    assert "unchanged" in week.does(*line, P="n3w").err
    assert (week.folder / "sslbind.toml").read_bytes() == before
    assert week.does("needs-renewal", "www.contoso.com", code=1).out.startswith("no: ")
    week.does("store", "delete", old[:12])
    return new


def three_captures(week: Week) -> None:
    """Wednesday: three captured servers, of which one is different, with their certificates."""
    shown = week.does("show", "sslcert").out
    for name in ("web01", "web02", "web03"):
        (week.folder / f"{name}.txt").write_text(shown)
    odd = shown.replace("Negotiate Client Certificate : Disabled",
                        "Negotiate Client Certificate : Enabled", 1)  # fmt: skip
    assert odd != shown
    (week.folder / "web03.txt").write_text(odd)
    answer = week.does("diff", "web01.txt", "web02.txt", "web03.txt", code=1).out
    assert answer.startswith("the same on all 3 servers: 2 bindings\n")
    assert "clientcertnegotiation" in answer
    imported = week.does(
        "import", "--each", "servers", "web01.txt", "web03.txt", "--certs", "certs"
    )
    assert imported.out.startswith(f"{Path('servers', 'web01.toml')}: added ")
    rows = week.does("-r", "servers/web03.toml", "expiry", "--format", "tsv").out.splitlines()
    assert len(rows) == 3
    assert not any("\t-\t" in row for row in rows)


def iis(week: Week) -> None:
    """Thursday: what IIS wants and HTTP.SYS lacks, with the command that adds it."""
    (week.folder / "applicationHost.config").write_text(SITES)
    line = ("check", "--sites", "applicationHost.config", "--format", "json")
    lacking = [
        one
        for one in week.does(*line, code=1).json["findings"]
        if one["rule"] == "binding-without-record"
    ]
    assert [one["key"] for one in lacking] == ["new.contoso.com:443"]
    command = shlex.split(lacking[0]["command"])
    assert command[-4:] == ["--cert", "NEW.pfx", "appid=iis", "certstorename=MY"]
    thumbprint = week.receives("NEW.pfx", certificate("new.contoso.com"), "n")
    week.does(*command[1:], "--password-env", "P", P="n")
    assert week.thumbprint_of("10.0.0.5:443", "new.contoso.com") == thumbprint
    assert not [one for one in week.does(*line).json["findings"] if "new" in (one["key"] or "")]


def central_store(week: Week) -> None:
    """Thursday, later: a central store for the names that come and go."""
    (week.folder / "ccs").mkdir()
    (week.folder / "ccs.password").write_text("pfx\n")
    week.does("ccs", "enable", "ccs", "--password-file", "ccs.password")
    assert "unchanged" in week.does("ccs", "enable", "ccs", "--password-file", "ccs.password").err
    thumbprint = week.receives("promo.pfx", certificate("promo.contoso.com"), "pfx")
    week.does("ccs", "put", "promo.pfx", "--password-file", "ccs.password")
    week.does("add", "sslccs", "444", "appid=iis")
    assert week.thumbprint_of("10.0.0.5:444", "promo.contoso.com") == thumbprint
    week.does("resolve", "10.0.0.5:444", "gone.contoso.com", code=1)


def wrong_certificate(week: Week, new: str) -> None:
    """Friday: a customer sees a wrong certificate; why, and what fixes it."""
    week.does("resolve", "10.0.0.5:443", "shop.contoso.com", "--strict", code=1)
    answer = week.does("resolve", "10.0.0.5:443", "shop.contoso.com")
    assert answer.out.startswith(f"{new} by ipport=0.0.0.0:443: ")
    assert "refuses it for shop.contoso.com: the certificate does not cover" in answer.out
    shop = week.receives("shop.pfx", certificate("shop.contoso.com"), "s")
    line = ("--cert", "shop.pfx", "appid=iis", "--password-env", "P")
    week.does("add", "sslsnicert", "shop.contoso.com:443", *line, P="s")
    assert week.thumbprint_of("10.0.0.5:443", "shop.contoso.com") == shop
    week.does("resolve", "10.0.0.5:443", "shop.contoso.com", "--strict")


def look_at_the_list(week: Week, new: str) -> None:
    """Friday: who uses what."""
    words = ("list", "--sort", "host", "--format", "tsv")
    rows = [line.split("\t") for line in week.does(*words, "--port", "443").out.splitlines()]
    assert [row[1] for row in rows] == [
        "0.0.0.0:443", "mail.contoso.com:443", "new.contoso.com:443", "shop.contoso.com:443",
        "www.contoso.com:443",
    ]  # fmt: skip
    named = week.does("list", "--cert", "mail.contoso.com", "--format", "json").json
    assert {one["certhash"] for one in named["bindings"]} == {new}
    grouped = week.does("list", "--group-by", "cert", "--format", "json").json
    assert [len(one["bindings"]) for one in grouped["certificates"]] == [3, 1, 1, 1]
    assert "names: " in week.does("store", "show", "shop.contoso.com").out


def library(week: Week, new: str) -> None:
    """Friday: the same in Python."""
    registry = sslbind.Registry.open(week.folder / "sslbind.toml")
    session = sslbind.Session(registry)
    answer = sslbind.resolve(session.state, "10.0.0.5", 443, "www.contoso.com")
    assert answer.binding is not None
    assert answer.binding.certhash == new
    with pytest.raises(sslbind.SslbindError):
        answer.binding.replace({"nosuchtag": True})


def pipeline(week: Week) -> None:
    """Saturday, in CI: a check that fails on errors, and lines that may run twice."""
    report = json.loads(week.does("check", "--format", "sarif").out)
    assert report["version"] == "2.1.0"
    later = f"{NOW + timedelta(days=100):%Y-%m-%d}"
    failed = json.loads(week.does("check", "--at", later, "--format", "sarif", code=1).out)
    assert "cert-expired" in {one["ruleId"] for one in failed["runs"][0]["results"]}
    line = ("copy", "www.contoso.com:443", "api.contoso.com:443", "--if-exists", "keep")
    assert week.does(*line, "--format", "json").json["changed"] is True
    assert week.does(*line, "--format", "json").json["changed"] is False
    week.does("move", "api.contoso.com:443", "api.contoso.com:8443")
    week.does("delete", "sslcert", "api.contoso.com:8443")
    week.does("delete", "sslcert", "api.contoso.com:8443", "--missing-ok")


def expiry(week: Week) -> None:
    """Sunday: what ends when, for people and for monitoring."""
    week.does("expiry", "--within", "30d")
    assert (
        "note: 6 certificates expire within" in week.does("expiry", "--within", "100d", code=1).err
    )
    metrics = week.does("expiry", "--format", "prometheus").out
    assert "sslbind_binding_cert_not_after_timestamp_seconds{" in metrics
    later = f"{NOW + timedelta(days=100):%Y-%m-%d}"
    answer = week.does("expiry", "--at", later, "--format", "nagios", code=2).out
    assert answer.startswith("SSLBIND CRITICAL - 6 of 6 expired: ")
