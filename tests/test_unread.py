"""What could not be read is unknown, and not absent: in every command that reads a document."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, A, B, Run

from sslbind.binding import Binding
from sslbind.formats.netsh import show_writer
from sslbind.keys import infer_key
from sslbind.release import Release

WHY = "ipport=10.0.0.9:443: line 20 has '1234-not-a-hash' where certhash is expected"


def shown(*records: tuple[str, str], owner: str = IIS) -> str:
    """Return what ``show`` prints of records with these keys and thumbprints, on 2012 R2."""
    values = [
        Binding(infer_key(key), {"certhash": thumbprint, "appid": owner, "certstorename": "MY"})
        for key, thumbprint in records
    ]
    return show_writer.show(values, Release.W2012R2)


@pytest.fixture
def web(tmp_path: Path, run: Run) -> Path:  # it changes to the folder
    """Return a folder with good.txt, and bad.txt where one thumbprint of the same is garbled."""
    good = shown(("0.0.0.0:443", A), ("10.0.0.9:443", B), ("[::]:8443", B))
    (tmp_path / "good.txt").write_text(good)
    (tmp_path / "bad.txt").write_text(good.replace(B, "1234-not-a-hash", 1))
    (tmp_path / "keyless.txt").write_text(good.replace("10.0.0.9:443", "10.0.0.999:443"))
    return tmp_path


@pytest.mark.usefixtures("web")
def test_resolve_says_that_the_answer_is_unknown(run: Run) -> None:
    """Where the record could decide: what it would be without it, exit 1, not documented."""
    result = run("-r", "bad.txt", "resolve", "10.0.0.9:443")
    assert result.code == 1
    assert result.out == (
        f"unknown: ipport=10.0.0.9:443 could not be read (bad.txt:19); otherwise {A} by"
        " ipport=0.0.0.0:443: 0.0.0.0 answers the connections that no earlier binding matches\n"
    )
    document = run("-r", "bad.txt", "resolve", "10.0.0.9:443", "--format", "json").json
    assert (document["outcome"], document["documented"]) == ("unknown", False)
    assert (document["binding"], document["certificate"]) == (None, None)
    assert document["undecided"] == [{"kind": "ipport", "key": "10.0.0.9:443"}]
    assert document["otherwise"] == {
        "outcome": "certificate",
        "binding": {"kind": "ipport", "key": "0.0.0.0:443"},
        "certificate": {"thumbprint": A, "file": None},
    }


@pytest.mark.usefixtures("web")
def test_another_connection_is_answered_as_ever(run: Run) -> None:
    """A record of one address decides nothing at another."""
    result = run("-r", "bad.txt", "resolve", "10.0.0.8:443")
    assert (result.code, result.out[:40]) == (0, A)


@pytest.mark.usefixtures("web")
def test_a_record_without_a_key_may_be_any(run: Run) -> None:
    """Only what is found before every other step is certain."""
    result = run("-r", "keyless.txt", "resolve", "10.0.0.8:443")
    assert (result.code, result.out[:8]) == (1, "unknown:")
    assert "a record whose key could not be read (keyless.txt:19) may be ipport=10.0.0.8:443" in (
        result.out
    )


@pytest.mark.usefixtures("web")
def test_the_table_has_what_could_not_be_read(run: Run) -> None:
    """It is below the candidates of its port, and exit 1; no port is called free of records."""
    result = run("-r", "bad.txt", "resolve", ":443")
    assert result.code == 1
    assert "  could not be read:\n    ipport=10.0.0.9:443  bad.txt:19\n" in result.out
    assert run("-r", "bad.txt", "resolve", ":8443").code == 0
    (row,) = run("-r", "bad.txt", "resolve", ":443", "--format", "json").json["unread"]
    assert (row["key"], row["line"]) == ("10.0.0.9:443", 19)


@pytest.mark.usefixtures("web")
def test_list_and_show_have_the_row(run: Run) -> None:
    """It is marked in every format, and the exit code is 1."""
    result = run("-r", "bad.txt", "list", "--format", "tsv")
    assert result.code == 1
    assert result.out.splitlines()[-1].split("\t") == [
        "ipport", "10.0.0.9:443", "?", "?", "?", "could not be read (bad.txt:19)",
    ]  # fmt: skip
    assert run("-r", "bad.txt", "list").code == 1
    result = run("-r", "bad.txt", "list", "--format", "json")
    assert result.code == 1
    assert result.json["unread"] == [
        {
            "kind": "ipport",
            "key": "10.0.0.9:443",
            "file": "bad.txt",
            "line": 19,
            "message": WHY,
        }
    ]
    for words in ((), ("ipport=10.0.0.9:443",)):
        result = run("-r", "bad.txt", "show", "sslcert", *words)
        assert result.code == 1
        assert (
            "    IP:port                      : 10.0.0.9:443\n"
            "    Certificate Hash             : ?\n"
        ) in result.out
        assert "cannot find" not in result.out
    assert run("-r", "bad.txt", "show", "sslcert", "ipport=0.0.0.0:443").code == 0


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "junit", "github"])
@pytest.mark.usefixtures("web")
def test_check_reports_it_in_every_format(run: Run, format_: str) -> None:
    """The finding has the file and the line; the exit code is 1."""
    result = run("check", "bad.txt", "--format", format_)
    assert result.code == 1
    assert "record-unreadable" in result.out
    assert "1234-not-a-hash" in result.out
    assert "19" in result.out


def rules(run: Run, file: str) -> set[str]:
    """Return the rules that find something in a file."""
    return {one["rule"] for one in run("check", file, "--format", "json").json["findings"]}


def test_no_rule_concludes_from_absence_beside_it(run: Run, web: Path) -> None:
    """[::] alone is a finding, and not where the record of 0.0.0.0 could not be read."""
    text = shown(("[::]:443", A), ("0.0.0.0:443", B))
    (web / "alone.txt").write_text(shown(("[::]:443", A)))
    (web / "both.txt").write_text(text.replace(B, "garbled"))
    (web / "other-port.txt").write_text(
        text.replace(B, "garbled").replace("0.0.0.0:443", "0.0.0.0:8")
    )
    (web / "no-key.txt").write_text(text.replace("0.0.0.0:443", "0.0.0.256:443"))
    found = {
        name: {
            one["rule"] for one in run("check", f"{name}.txt", "--format", "json").json["findings"]
        }
        for name in ("alone", "both", "other-port", "no-key")
    }
    assert found == {
        "alone": {"v6-only-wildcard"},
        "both": {"record-unreadable"},
        "other-port": {"record-unreadable", "v6-only-wildcard"},
        "no-key": {"record-unreadable"},
    }


@pytest.mark.usefixtures("web")
def test_diff_counts_as_the_same_what_every_side_has(run: Run) -> None:
    """What one side could not read is listed and not counted: exit 1, without a difference."""
    result = run("diff", "good.txt", "bad.txt")
    assert result.code == 1
    assert result.out.splitlines()[:3] == [
        "the same on both servers: 2 bindings",
        "no difference in what is recorded, which is not everything: 1 binding",
        f"could not be read: bad.txt:19: {WHY}",
    ]
    document = run("diff", "good.txt", "bad.txt", "--format", "json").json
    assert (document["same"], document["unknown"], document["differences"]) == (2, 1, [])
    assert [(one["server"], one["key"]) for one in document["unread"]] == [
        ("bad.txt", "10.0.0.9:443")
    ]


@pytest.mark.usefixtures("web")
def test_diff_does_not_miss_what_has_no_key(run: Run) -> None:
    """A record that cannot be named may be the one that seems to be missing."""
    result = run("diff", "good.txt", "keyless.txt")
    assert (result.code, "10.0.0.9:443\n" in result.out) == (1, False)
    assert result.out.startswith("the same on both servers: 2 bindings\n")


SITES = """<configuration><system.applicationHost><sites>
<site name="a" id="1"><bindings>
<binding protocol="https" bindingInformation="*:443:" sslFlags="0" />
<binding protocol="https" bindingInformation="*:8443:" sslFlags="4" />
</bindings></site></sites></system.applicationHost></configuration>
"""


def test_sites_are_compared_in_what_both_record(run: Run, web: Path) -> None:
    """Without certificates in the file no binding is the same; what is missing is a difference."""
    (web / "applicationHost.config").write_text(SITES)
    result = run("diff", "applicationHost.config", "good.txt")
    assert result.code == 1
    first, second = result.out.splitlines()[:2]
    assert first == "the same on both servers: 0 bindings"
    assert second == "no difference in what is recorded, which is not everything: 1 binding"
    keys = {
        line for line in result.out.splitlines() if line.startswith(("ipport=", "hostnameport="))
    }
    assert keys == {"ipport=0.0.0.0:8443", "ipport=10.0.0.9:443", "ipport=[::]:8443"}


def test_the_certificate_of_a_site_is_unknown(run: Run, web: Path) -> None:
    """The binding is listed, resolve names it, and no rule calls it missing."""
    (web / "applicationHost.config").write_text(SITES)
    result = run("-r", "applicationHost.config", "list", "--format", "json")
    assert (result.code, result.json["bindings"][0]["certhash"]) == (0, None)
    result = run("check", "applicationHost.config", "--format", "json")
    assert [one["rule"] for one in result.json["findings"]] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start", "one", "first"),
    [
        (
            "add.cmd",
            "",
            "http ad s i=1.1.1.1:1\n",
            "line 1: ipport=1.1.1.1:1: appid is missing",
        ),
        (
            "bind.ps1",
            "http add sslcert ipport=1.1.1.1:1\n",
            "ni IIS:\\SslBindings\\a\n",
            "line 1: ipport=1.1.1.1:1: appid is missing",
        ),
        (
            "web.config",
            '<sites><site name="a"><bindings>\n',
            '<binding protocol="https"/>\n',
            "line 2: a binding has no bindingInformation",
        ),
    ],
    ids=["script", "powershell", "iis"],
)
def test_what_is_mostly_unreadable_is_refused(
    run: Run, tmp_path: Path, name: str, start: str, one: str, first: str
) -> None:
    """With more than 10,000 records that cannot be read no command answers anything."""
    end = "</bindings></site></sites>" if start.startswith("<") else ""
    (tmp_path / name).write_text(start + one * 10_001 + end)
    file = str(tmp_path / name)
    for command in (["list"], ["check"], ["diff", file, file]):
        result = run("-r", file, *command)
        assert (result.code, result.out) == (2, "")
        assert (
            f"{name}: has more than 10000 records or lines that cannot be read; the first: {first}"
        ) in result.err
