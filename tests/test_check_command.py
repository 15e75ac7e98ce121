"""``sslbind check``: what it reads, selects, suppresses and reports. Rules have their own tests."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import IIS, A, B, Run, Stored
from pki import web
from tools import needs, needs_package, unix_names

from sslbind.session import NOT_MODELLED

NAMES = f"""\
version = 1
windows = "2022"

[SslSniBindingInfo."www.contoso.com:443"]
certhash = "{A}"
appid = "{IIS}"
certstorename = "MY"
"""
"""One record, and one finding: a port with names has no default. Line 4, a warning."""
DEFAULT = f"""
[SslBindingInfo."0.0.0.0:443"]
certhash = "{B}"
appid = "{IIS}"
certstorename = "MY"
"""
"""The record that fixes it."""
SHADOW = DEFAULT + DEFAULT.replace("0.0.0.0", "10.0.0.5")
"""One more error: an address with its own certificate hides the names. Line 14."""

WARNING = """\
sslbind.toml:4: warn: no-default-ssl: hostnameport=www.contoso.com:443: port 443 has records for \
host names but none for all addresses, such as 0.0.0.0:443
    No default SSL site has been created. To support browsers without SNI capabilities, it is \
recommended to create a default SSL site.
    sslbind add sslcert ipport=0.0.0.0:443 certhash=a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1 \
appid=iis certstorename=MY
"""


@pytest.fixture
def names(tmp_path: Path) -> Path:
    """Return a registry without certificate stores, with one warning."""
    path = tmp_path / "sslbind.toml"
    path.write_text(NAMES)
    return path


@pytest.fixture
def shadow(tmp_path: Path) -> Path:
    """Return a registry without certificate stores, with one error."""
    path = tmp_path / "sslbind.toml"
    path.write_text(NAMES + SHADOW)
    return path


def ids(found: list[dict[str, Any]]) -> list[str]:
    """Return the rules of findings in JSON."""
    return [one["rule"] for one in found]


class TestAnswer:
    def test_text(self, run: Run, names: Path) -> None:
        """A finding is its place, severity, rule, record and message, then what fixes it."""
        done = run("check")
        assert (done.code, done.out) == (0, WARNING)
        assert done.err == f"note: {NOT_MODELLED}\nnote: 1 finding in 1 binding (1 warning)\n"

    def test_nothing_found(self, run: Run, names: Path) -> None:
        """Nothing on standard output, and a note with the number of bindings."""
        names.write_text(NAMES + DEFAULT)
        done = run("check")
        assert (done.code, done.out) == (0, "")
        assert done.err == f"note: {NOT_MODELLED}\nnote: no findings in 2 bindings\n"

    def test_quiet(self, run: Run, names: Path) -> None:
        """With -q only the findings are printed."""
        done = run("-q", "check")
        assert (done.out, done.err) == (WARNING, "")

    def test_command_mends_it(self, run: Run, names: Path) -> None:
        """The command of a finding can be run as it is printed, and the finding is gone."""
        [finding] = run("check", "--format", "json").json["findings"]
        program, *words = shlex.split(finding["command"])
        assert (program, run(*words).code) == ("sslbind", 0)
        assert run("check", "--format", "json").json["findings"] == []

    def test_json(self, run: Run, names: Path) -> None:
        """The document is pinned; notes stay on standard error."""
        done = run("check", "--format", "json")
        assert (done.code, done.err.count("note: ")) == (0, 2)
        assert done.json == {
            "version": 1,
            "findings": [
                {
                    "rule": "no-default-ssl",
                    "severity": "warn",
                    "kind": "hostnameport",
                    "key": "www.contoso.com:443",
                    "file": "sslbind.toml",
                    "line": 4,
                    "message": "port 443 has records for host names but none for all addresses,"
                    " such as 0.0.0.0:443",
                    "advice": "No default SSL site has been created. To support browsers without"
                    " SNI capabilities, it is recommended to create a default SSL site.",
                    "command": f"sslbind add sslcert ipport=0.0.0.0:443 certhash={A} appid=iis"
                    " certstorename=MY",
                }
            ],
            "suppressed": [],
        }

    @pytest.mark.parametrize("format_", ["text", "json", "sarif", "junit", "github"])
    @pytest.mark.parametrize(
        ("words", "code"),
        [
            ([], 0),
            (["--fail-on", "error"], 0),
            (["--fail-on", "warn"], 1),
            (["--fail-on", "info"], 1),
        ],
    )
    def test_fail_on(
        self, run: Run, names: Path, words: list[str], code: int, format_: str
    ) -> None:
        """The exit code is 1 from the --fail-on severity up, error by default, in every format."""
        assert run("check", *words, "--format", format_).code == code

    def test_an_error_fails(self, run: Run, shadow: Path) -> None:
        """An error makes the exit code 1."""
        done = run("check")
        assert done.code == 1
        assert done.out.startswith("sslbind.toml:14: error: ip-shadows-sni: ipport=10.0.0.5:443: ")
        assert done.err.endswith("note: 1 finding in 3 bindings (1 error)\n")

    @unix_names
    def test_terminals_are_safe(self, run: Run, tmp_path: Path) -> None:
        """No control character in a path or a record reaches a terminal."""
        (tmp_path / "a\x1b[2Jb.toml").write_text(NAMES)
        done = run("check", "a\x1b[2Jb.toml")
        assert done.out.startswith("a\\x1b[2Jb.toml:4: warn: no-default-ssl: ")
        assert "\x1b" not in done.out

    @pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
    def test_colours(self, names: Path) -> None:
        """On a terminal the severity is coloured; NO_COLOR turns that off."""
        assert "\x1b[33mwarn\x1b[0m: \x1b[1mno-default-ssl" in on_a_terminal(names.parent)
        assert "\x1b" not in on_a_terminal(names.parent, NO_COLOR="1")


def on_a_terminal(folder: Path, code: str = "", **variables: str) -> str:
    """Return what ``check`` shows on a terminal, outside of CI; ``code`` runs before it."""
    import pexpect  # type: ignore[import-untyped]

    gone = ("CI", "NO_COLOR", "FORCE_COLOR")
    child: Any = pexpect.spawn(
        sys.executable,
        [
            "-c",
            f"import sys\n{code}\nfrom sslbind.cli.entry import main\nsys.exit(main(['check']))",
        ],
        cwd=str(folder),
        env={k: v for k, v in os.environ.items() if k not in gone}
        | {"TERM": "xterm-256color"}
        | variables,
        encoding="utf-8",
        timeout=60,
    )
    child.expect(pexpect.EOF)
    return str(child.before)


class TestFiles:
    def test_several(self, run: Run, names: Path, tmp_path: Path) -> None:
        """Each FILE is a registry, checked separately; there is one report."""
        (tmp_path / "web 2").mkdir()
        (tmp_path / "web 2" / "sslbind.toml").write_text(NAMES)
        done = run("check", "web 2/sslbind.toml", "sslbind.toml", "--format", "json")
        assert [(one["file"], one["line"]) for one in done.json["findings"]] == [
            ("web 2/sslbind.toml", 4),
            ("sslbind.toml", 4),
        ]
        assert done.json["findings"][0]["command"].startswith('sslbind -r "web 2/sslbind.toml" add')
        assert done.err.endswith("note: 2 findings in 2 bindings (2 warnings)\n")

    def test_twice(self, run: Run, names: Path) -> None:
        """A FILE that is named twice is checked once."""
        assert run("check", "sslbind.toml", "sslbind.toml").out == WARNING

    def test_instead_of_the_registry(self, run: Run, names: Path, tmp_path: Path) -> None:
        """FILE takes precedence over -r, and -r over ./sslbind.toml."""
        (tmp_path / "good.toml").write_text(NAMES + DEFAULT)
        assert run("-r", "good.toml", "check").out == ""
        assert run("-r", "good.toml", "check", "sslbind.toml").out == WARNING

    def test_central_store(self, run: Run, tmp_path: Path) -> None:
        """The path of a central store file is relative to here, wherever the registry is."""
        (tmp_path / "web" / "ccs").mkdir(parents=True)
        (tmp_path / "web" / "ccs" / "other.contoso.com.pfx").write_bytes(web().pfx())
        (tmp_path / "web" / "sslbind.toml").write_text(
            'version = 1\n[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n'
        )
        done = run("check", "web/sslbind.toml", "--select", "ccs-name-mismatch", "--format", "json")
        file = str(Path("web", "ccs", "other.contoso.com.pfx"))
        assert [one["file"] for one in done.json["findings"]] == [file]

    def test_windows(self, run: Run, names: Path) -> None:
        """--windows says which release the rules look at, in every FILE."""
        names.write_text(NAMES.replace("www.contoso.com", "*.contoso.com"))
        wildcard = ("check", "sslbind.toml", "--select", "sni-wildcard-old-os", "--format", "json")
        assert ids(run(*wildcard).json["findings"]) == []
        assert ids(run("--windows", "2012r2", *wildcard).json["findings"]) == [
            "sni-wildcard-old-os"
        ]

    def test_a_bad_one(self, run: Run, shadow: Path, tmp_path: Path) -> None:
        """A file that cannot be read or parsed is exit 2; the others are checked all the same.

        This holds whatever the others contain.
        """
        (tmp_path / "bad.toml").write_text("version = 2\n")
        done = run("check", "bad.toml", "sslbind.toml", "missing.toml", "--format", "json")
        assert done.code == 2
        assert ids(done.json["findings"]) == ["registry-invalid", "ip-shadows-sni"]
        assert done.err.startswith(
            "error: bad.toml:1: version = 2 is not known; this sslbind reads 1\n"
        )
        assert "error: missing.toml: there is no such registry file\n" in done.err

    @pytest.mark.parametrize("format_", ["text", "json", "sarif", "junit", "github"])
    def test_nothing_to_check(self, run: Run, tmp_path: Path, format_: str) -> None:
        """If no registry can be read there is no report: it would say that nothing is wrong."""
        done = run("check", "--format", format_)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: sslbind.toml: there is no such registry file\n")

    def test_nothing_is_written(self, run: Run, shadow: Path, untouched: None) -> None:
        """check reads, and never writes."""
        run("check")


SITES = """\
<configuration>
  <system.applicationHost>
    <sites>
      <site name="Shop" id="1">
        <bindings>
          <binding protocol="https" bindingInformation="*:8443:" />
        </bindings>
      </site>
    </sites>
  </system.applicationHost>
</configuration>
"""


class TestSites:
    def test_compared(self, run: Run, names: Path, tmp_path: Path) -> None:
        """--sites gives IIS's side for every registry; its findings have its file and line."""
        (tmp_path / "applicationHost.config").write_text(SITES)
        done = run(
            "check", "--sites", "applicationHost.config", "--select", "binding-without-record",
            "--format", "json",
        )  # fmt: skip
        assert done.code == 1
        assert [(one["file"], one["line"]) for one in done.json["findings"]] == [
            ("applicationHost.config", 6)
        ]

    def test_said_once(self, run: Run, names: Path, tmp_path: Path) -> None:
        """Problems of the sites file itself are reported once, for any number of registries."""
        wrong = SITES.replace('protocol="https"', 'protocol="http" sslFlags="1"')
        (tmp_path / "applicationHost.config").write_text(wrong)
        (tmp_path / "other.toml").write_text(NAMES)
        done = run(
            "check", "sslbind.toml", "other.toml", "--sites", "applicationHost.config",
            "--select", "sslflags-on-non-https", "--format", "json",
        )  # fmt: skip
        assert [(one["file"], one["line"]) for one in done.json["findings"]] == [
            ("applicationHost.config", 6)
        ]

    def test_registries_are_told_apart(self, run: Run, names: Path, tmp_path: Path) -> None:
        """What several registries lack is reported with the name of each, in another file."""
        (tmp_path / "applicationHost.config").write_text(SITES)
        (tmp_path / "other.toml").write_text(NAMES)
        words = ("--sites", "applicationHost.config", "--select", "binding-without-record")
        done = run("check", "sslbind.toml", "other.toml", *words, "--format", "json")
        site = "https '*:8443:' of site 'Shop'"
        what = f"{site} has no record: the binding is in IIS but not in HTTP.SYS"
        assert [one["message"] for one in done.json["findings"]] == [
            f"{what} (sslbind.toml)",
            f"{what} (other.toml)",
        ]
        [alone] = run("check", *words, "--format", "json").json["findings"]
        assert alone["message"] == what

    def test_standard_input(self, run: Run, names: Path) -> None:
        """--sites - reads what appcmd writes; a registry cannot come from standard input too."""
        done = run("check", "--sites", "-", "--select", "binding-without-record", stdin=SITES)
        assert done.code == 1
        assert done.out.startswith("standard input:6: error: binding-without-record: ")
        done = run("check", "-", "--sites", "-", stdin=SITES)
        assert done.code == 2
        assert done.err.startswith("error: FILE and --sites cannot both be standard input\n")
        done = run("check", "--sites", "-", stdin="")
        assert done.code == 2
        assert done.err.startswith("error: standard input: is empty\n")

    @pytest.mark.parametrize("text", ["<configuration>", None])
    def test_bad(self, run: Run, names: Path, tmp_path: Path, text: str | None) -> None:
        """A sites file that cannot be read is exit 2, and no partial comparison is made."""
        if text is not None:
            (tmp_path / "bad.config").write_text(text)
        done = run("check", "--sites", "bad.config")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: bad.config")


class TestSelection:
    @pytest.mark.parametrize(
        ("words", "found"),
        [
            (["--select", "no-default-ssl"], ["no-default-ssl"]),
            (["--select", "reject-set,no-default-ssl"], ["no-default-ssl", "reject-set"]),
            (["--select", "reject-set", "--select", " no-* ,"], ["no-default-ssl", "reject-set"]),
            (["--select", "*", "--ignore", "no-*"], ["reject-set"]),
            (["--ignore", "reject-set"], ["no-default-ssl"]),
            (["--ignore", "reject-set", "--ignore", "no-default-ssl"], []),
            (["--select", "reject-set", "--ignore", "*"], []),
        ],
    )
    def test_rules(self, run: Run, names: Path, words: list[str], found: list[str]) -> None:
        """--select takes ids and globs, comma-separated and repeated; --ignore wins."""
        names.write_text(NAMES + "reject = true\n")
        assert ids(run("check", *words, "--format", "json").json["findings"]) == found

    @pytest.mark.parametrize("option", ["--select", "--ignore"])
    def test_unknown(self, run: Run, names: Path, option: str) -> None:
        """An unknown rule is exit 2, with the closest one that exists."""
        done = run("check", option, "reject-set,No-Default-SLL")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "error: 'No-Default-SLL' is not a rule\nhint: did you mean no-default-ssl?\n"
        )

    def test_nothing_like_it(self, run: Run, names: Path) -> None:
        """If no rule is close, the list is mentioned; a glob that matches none is unknown too."""
        done = run("check", "--select", "zz-*")
        assert done.code == 2
        assert done.err == "error: 'zz-*' is not a rule\nhint: sslbind explain lists them\n"

    def test_several_like_it(self, run: Run, names: Path) -> None:
        """If several are close, up to three are named."""
        done = run("check", "--select", "cert-no")
        assert done.err.endswith("hint: did you mean cert-no-san or cert-not-found or cert-eku?\n")

    @pytest.mark.parametrize("text", ["", ",", " , "])
    def test_none(self, run: Run, names: Path, text: str) -> None:
        """--select without any word is exit 2, and does not select every rule."""
        done = run("check", "--select", text)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: --select matches no rule; sslbind explain lists them\n")

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            ("orphan-record", "orphan-record needs"),
            ("orphan-record,reject-set", "orphan-record needs"),
            ("clientcert-*", "clientcert-renegotiation and clientcert-tls13 need"),
            ("*", ""),
            ("reject-set", ""),
        ],
    )
    def test_sites_that_are_needed(
        self, run: Run, names: Path, tmp_path: Path, words: str, told: str
    ) -> None:
        """A selected rule that compares with sites says so if none are given."""
        note = f"note: {told} the sites of IIS: --sites FILE\n"
        done = run("check", "--select", words)
        assert (note in done.err) is bool(told)
        assert ("the sites of IIS" in done.err) is bool(told)
        (tmp_path / "applicationHost.config").write_text(SITES)
        done = run("check", "--select", words, "--sites", "applicationHost.config")
        assert "the sites of IIS" not in done.err


def suppress(path: Path, **values: str) -> None:
    """Add a ``[[Suppress]]`` with these values to a registry."""
    lines = "".join(f'{name} = "{value}"\n' for name, value in values.items())
    path.write_text(f"{path.read_text()}\n[[Suppress]]\n{lines}")


class TestRegistries:
    def test_the_variable(
        self, run: Run, names: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With $SSLBIND_REGISTRY set, a command names its registry and changes no other."""
        (tmp_path / "other.toml").write_text(NAMES)
        monkeypatch.setenv("SSLBIND_REGISTRY", "other.toml")
        for words in (["check", "sslbind.toml"], ["-r", "sslbind.toml", "check"]):
            answer = run(*words)
            assert "    sslbind -r sslbind.toml add sslcert ipport=0.0.0.0:443 " in answer.out
        assert "    sslbind -r other.toml add sslcert " in run("check").out
        monkeypatch.delenv("SSLBIND_REGISTRY")
        assert "    sslbind add sslcert " in run("check", "sslbind.toml").out

    def test_one_file_by_two_paths(self, run: Run, names: Path, tmp_path: Path) -> None:
        """A registry that is named twice is checked once, by its first name."""
        (tmp_path / "link.toml").symlink_to(names)
        paths = ("sslbind.toml", "./sslbind.toml", str(names), "link.toml")
        answer = run("check", *paths)
        assert answer.out == WARNING
        assert answer.err.endswith("note: 1 finding in 1 binding (1 warning)\n")


class TestSuppress:
    @pytest.mark.parametrize("key", ["www.contoso.com:443", "WWW.Contoso.COM.:443", None])
    def test_suppressed(self, run: Run, names: Path, key: str | None) -> None:
        """A finding of that rule, on that record in any spelling, is not reported but counted."""
        record = {} if key is None else {"key": key}
        suppress(names, rule="no-default-ssl", reason="every client sends a name", **record)
        done = run("check", "--fail-on", "warn")
        assert (done.code, done.out) == (0, "")
        assert done.err.endswith("note: no findings in 1 binding; 1 suppressed\n")

    def test_json(self, run: Run, names: Path) -> None:
        """JSON lists what is suppressed, with the reason and the last day."""
        [finding] = run("check", "--format", "json").json["findings"]
        suppress(names, rule="no-default-ssl", reason="soon gone", until="2999-12-31")
        done = run("check", "--format", "json")
        assert done.json == {
            "version": 1,
            "findings": [],
            "suppressed": [finding | {"reason": "soon gone", "until": "2999-12-31"}],
        }

    @pytest.mark.parametrize(
        ("format_", "text"),
        [
            ("text", ""),
            ("github", ""),
            ("sarif", '"justification": "because"'),
            ("junit", '<skipped message="because" />'),
        ],
    )
    def test_reports(self, run: Run, names: Path, format_: str, text: str) -> None:
        """SARIF and JUnit say what is suppressed and why; text and annotations leave it out."""
        suppress(names, rule="no-default-ssl", reason="because")
        out = run("check", "--format", format_).out
        assert text in out
        assert bool(out) is bool(text)

    @pytest.mark.parametrize(
        "values",
        [
            {"rule": "no-default-ssl", "key": "mail.contoso.com:443"},
            {"rule": "no-default-ssl", "key": "10.0.0.5:443"},
            {"rule": "reject-set"},
        ],
    )
    def test_fits_nothing(self, run: Run, names: Path, values: dict[str, str]) -> None:
        """A suppression of another rule or record suppresses nothing, and a note says where it is.

        There is no note if only some rules were selected: it may be for the others.
        """
        suppress(names, reason="was here", **values)
        what = f"{values['rule']} for {values['key']}" if "key" in values else values["rule"]
        done = run("check")
        assert done.out == WARNING
        note = f"note: sslbind.toml:9: the suppression of {what} matches no finding\n"
        assert done.err.startswith(note)
        assert "matches no finding" not in run("check", "--select", "no-*").err

    def test_rules_that_need_sites(self, run: Run, names: Path, tmp_path: Path) -> None:
        """If no sites are compared, a suppression of a rule that needs them may match some."""
        suppress(names, rule="orphan-record", reason="made by hand")
        assert "matches no finding" not in run("check").err
        (tmp_path / "applicationHost.config").write_text(SITES.replace("8443:", "443:x.com"))
        (tmp_path / "sites.config").write_text(SITES)
        assert "suppressed" in run("check", "--sites", "sites.config").err
        names.write_text(names.read_text().replace(IIS, "{11111111-2222-3333-4444-555555555555}"))
        assert (
            "the suppression of orphan-record matches no finding"
            in run("check", "--sites", "sites.config").err
        )

    @pytest.mark.parametrize(
        ("at", "ended"),
        [
            ("2027-01-30", False),
            ("2027-01-31", False),
            ("2027-01-31T23:59:59", False),
            ("2027-02-01", True),
            ("2027-02-01T00:30+01:00", False),
        ],
    )
    def test_until(self, run: Run, names: Path, at: str, ended: bool) -> None:
        """It is valid through its last day, in UTC; after that the finding is back, with a note."""
        suppress(names, rule="no-default-ssl", reason="until we move", until="2027-01-31")
        done = run("check", "--at", at)
        assert (done.out == WARNING) is ended
        note = "note: sslbind.toml:9: the suppression of no-default-ssl ended on 2027-01-31\n"
        assert (note in done.err) is ended

    def test_unknown_rule(self, run: Run, names: Path) -> None:
        """A suppression of an unknown rule is exit 2, with its place and the closest rule."""
        suppress(names, rule="reject-set", reason="known")
        suppress(names, rule="no-default-sll", reason="mistyped")
        done = run("check")
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            "error: sslbind.toml:13: [[Suppress]] has 'no-default-sll', which is not a rule\n"
            "hint: did you mean no-default-ssl?\n"
        )

    def test_own_registry_only(self, run: Run, names: Path, tmp_path: Path) -> None:
        """A registry suppresses its own findings, not those of the next one."""
        (tmp_path / "other.toml").write_text(NAMES)
        suppress(names, rule="no-default-ssl", reason="known")
        done = run("check", "sslbind.toml", "other.toml", "--format", "json")
        assert [one["file"] for one in done.json["findings"]] == ["other.toml"]
        assert [one["file"] for one in done.json["suppressed"]] == ["sslbind.toml"]

    def test_many(self, run: Run, names: Path) -> None:
        """The first suppression that matches gives the reason, for one record or for all."""
        suppress(names, rule="no-default-ssl", reason="other", key="x.contoso.com:443")
        suppress(names, rule="no-default-ssl", reason="second")
        suppress(names, rule="no-default-ssl", reason="third", key="www.contoso.com:443")
        answer = run("check", "--format", "json")
        assert [one["reason"] for one in json.loads(answer.out)["suppressed"]] == ["second"]
        assert answer.err.count("matches no finding") == 1


class TestTime:
    """The certificate of these tests is valid from 2026-05-02 to 2026-07-31, noon."""

    @pytest.mark.parametrize(
        ("words", "rule"),
        [
            (["--at", "2026-05-01"], "cert-not-yet-valid"),
            (["--at", "2026-06-15"], None),
            (["--at", "2026-07-02"], "cert-expires-soon"),
            (["--at", "2026-06-15", "--expires-within", "60"], "cert-expires-soon"),
            (["--at", "2026-06-15", "--expires-within", "60d"], "cert-expires-soon"),
            (["--at", "2026-06-15", "--expires-within", "6w"], None),
            (["--at", "2026-06-15", "--expires-within", "7w"], "cert-expires-soon"),
            (["--at", "2026-07-31T11:00Z", "--expires-within", "2h"], "cert-expires-soon"),
            (["--at", "2026-07-31T11:00Z", "--expires-within", "0"], None),
            (["--at", "2026-07-31T13:00+02:00", "--expires-within", "0"], None),
            (["--at", "2026-07-31T13:00", "--expires-within", "0"], "cert-expired"),
            (["--at", "2027-01-01"], "cert-expired"),
        ],
    )
    def test_what_would_be_found_then(
        self, run: Run, stored: Stored, words: list[str], rule: str | None
    ) -> None:
        """--at moves the time of the check, --expires-within sets how early it warns."""
        run(
            "add", "sslcert", "ipport=0.0.0.0:443", f"certhash={stored.web.thumbprint}",
            "appid=iis", "certstorename=MY",
        )  # fmt: skip
        dates = "cert-expire*,cert-not-yet-valid"
        done = run("check", "--select", dates, *words, "--format", "json")
        assert ids(done.json["findings"]) == ([rule] if rule else [])

    @pytest.mark.parametrize(
        "text", ["", "someday", "2027-02-30", "31.01.2027", "0001-01-01T00:00+14:00"]
    )
    def test_bad_moment(self, run: Run, names: Path, text: str) -> None:
        """A time is an ISO 8601 date or date-time, the name of a day, or a span from now."""
        done = run("check", "--at", text)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(
            f"error: Invalid value for '--at': '{text}' is not a date such as 2027-01-31,"
            " nor a time such as 2027-01-31T12:00Z, nor 7d, nor tomorrow\n"
        )

    @pytest.mark.parametrize("text", ["", "soon", "-1", "3m", "30 d", "1.5d", "999999"])
    def test_bad_duration(self, run: Run, names: Path, text: str) -> None:
        """A duration is a whole number of days, or of hours, days or weeks with h, d or w."""
        done = run("check", "--expires-within", text)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(
            f"error: Invalid value for '--expires-within': '{text}' is not a time such as"
            " 30d, 2w or 12h\n"
        )

    def test_the_end_of_time(self, run: Run, names: Path) -> None:
        """There are no dates after the year 9999."""
        done = run("check", "--at", "9999-12-31", "--expires-within", "1w")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: --at plus --expires-within is beyond the year 9999\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
class TestProgress:
    AT_ONCE = "import sslbind.cli.progress as progress; progress.PATIENCE = 0"
    IN_AN_HOUR = "import sslbind.cli.progress as progress; progress.PATIENCE = 3600"

    @pytest.fixture
    def store(self, registry: Path) -> Path:
        """Return the folder of a registry whose store has 140 files."""
        folder = registry.parent / "certs" / "MY"
        folder.mkdir(mode=0o700)
        for number in range(140):
            (folder / f"{number}.pem").write_text("no certificate")
        with registry.open("a") as file:
            file.write(NAMES.partition("\n\n")[2])
        return registry.parent

    def test_on_a_terminal(self, store: Path) -> None:
        """After a delay, a run shows its progress, and erases it at the end."""
        seen = on_a_terminal(store, self.AT_ONCE)
        assert "128 certificate files read" in seen
        last = seen.rindex("certificate files read")
        assert "\x1b[2K" in seen[last:]  # the line is erased
        assert seen.index("cert-not-found") > last

    @pytest.mark.parametrize(
        ("code", "variables"), [(IN_AN_HOUR, {}), (AT_ONCE, {"CI": "true"})], ids=["quick", "CI"]
    )
    def test_not_shown(self, store: Path, code: str, variables: dict[str, str]) -> None:
        """A run that ends before that shows no progress, and neither does one in CI."""
        assert "certificate files read" not in on_a_terminal(store, code, **variables)

    def test_not_in_a_pipe(self, store: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """If standard error is not a terminal, it gets notes only."""
        monkeypatch.setattr("sslbind.cli.progress.PATIENCE", 0)
        monkeypatch.delenv("CI", raising=False)
        assert run("check").err == "note: 2 findings in 1 binding (1 error, 1 warning)\n"


class TestPreCommit:
    MANIFEST = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"

    def hook(self) -> dict[str, Any]:
        """Return the only hook, as pre-commit reads and validates it."""
        needs_package("pre_commit")
        from pre_commit.clientlib import load_manifest  # type: ignore[import-untyped]

        [hook] = load_manifest(str(self.MANIFEST))
        return dict(hook)

    def test_manifest(self) -> None:
        """pre-commit knows the hook by its id, and gives it every registry of a repository."""
        hook = self.hook()
        assert (hook["id"], hook["language"]) == ("sslbind-check", "python")
        for path, fits in {
            "sslbind.toml": True,
            "servers/web1/sslbind.toml": True,
            "other-sslbind.toml": False,
            "sslbind.toml.orig": False,
        }.items():
            assert bool(re.search(hook["files"], path)) is fits

    def test_entry(self, shadow: Path) -> None:
        """Its entry checks the files that it gets."""
        program, *words = shlex.split(self.hook()["entry"])
        done = subprocess.run(
            [needs(program), *words, "sslbind.toml"],
            cwd=shadow.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stdout.startswith("sslbind.toml:14: error: ip-shadows-sni: ")
