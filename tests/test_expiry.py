"""``expiry``: when certificates in use expire, soonest first, for people and for monitoring."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import IIS, Run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import Issued, issue, root, web
from test_capture import IP, SNI, built, stored
from tools import needs

from sslbind.expiry import Row, server_names, soonest_first
from sslbind.formats.netsh import show_writer
from sslbind.moments import Window
from sslbind.release import Release
from sslbind.reports import expiry_nagios, expiry_prometheus, ical

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
AT = ("--at", "2026-06-01T12:00Z")
MONTH = Window(timedelta(days=30))


def leaf(name: str, start: int, end: int) -> Issued:
    return issue(
        name, dns=(name,), start=NOW + timedelta(days=start), end=NOW + timedelta(days=end)
    )


OLD = leaf("old.contoso.com", -90, -4)
SOON = leaf("soon.contoso.com", -80, 10)
LATE = leaf("late.contoso.com", -10, 80)
SHORT = leaf("short.contoso.com", -1, 5)
FILE = leaf("file.contoso.com", -10, 40)


def record(certificate: Issued | str, key: str, store: str = "MY") -> str:
    thumbprint = certificate if isinstance(certificate, str) else certificate.thumbprint
    return (
        f'[SslSniBindingInfo."{key}"]\ncerthash = "{thumbprint}"\nappid = "{IIS}"\n'
        f'certstorename = "{store}"\n'
    )


@pytest.fixture
def path(registry: Path) -> Path:
    """Return a registry with five certificates: one is a file, and one is missing."""
    folder = registry.parent / "certs" / "MY"
    folder.mkdir(mode=0o700)
    for one in (OLD, SOON, LATE, SHORT):
        (folder / f"{one.thumbprint}.pem").write_bytes(one.pem)
        (folder / f"{one.thumbprint}.key").write_bytes(one.key_pem())
        (folder / f"{one.thumbprint}.key").chmod(0o600)
    central = registry.parent / "ccs"
    central.mkdir()
    (central / "file.contoso.com.pfx").write_bytes(FILE.pfx())
    with registry.open("a") as file:
        file.write('[CentralCertProvider]\nEnabled = true\nCertStoreLocation = "ccs"\n')
        for one in (LATE, SOON, OLD, SHORT):
            name = one.certificate.subject.rfc4514_string().removeprefix("CN=")
            file.write(record(one, f"{name}:443"))
        file.write(record("c3" * 20, "gone.contoso.com:443"))
    return registry


def test_soonest_first(run: Run, path: Path) -> None:
    """An expired one keeps its date; an unknown one comes last, with the reason."""
    done = run("expiry", *AT, "--format", "tsv")
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [[row[1], row[2], row[5]] for row in rows] == [
        ["hostnameport", "old.contoso.com:443", "-4"],
        ["hostnameport", "short.contoso.com:443", "5"],
        ["hostnameport", "soon.contoso.com:443", "10"],
        ["file", "file.contoso.com.pfx", "40"],
        ["hostnameport", "late.contoso.com:443", "80"],
        ["hostnameport", "gone.contoso.com:443", "-"],
    ]
    assert rows[0] == [
        "sslbind",
        "hostnameport",
        "old.contoso.com:443",
        OLD.thumbprint,
        "2026-05-28T12:00:00+00:00",
        "-4",
        "old.contoso.com",
    ]


def test_table(run: Run, path: Path) -> None:
    done = run("expiry", *AT)
    lines = done.out.splitlines()
    assert lines[0].split() == ["expires", "days", "left", "kind", "key", "names", "thumbprint"]
    assert lines[2].split() == [
        "2026-05-28",
        "-4",
        "hostnameport",
        "old.contoso.com:443",
        "old.contoso.com",
        OLD.thumbprint,
    ]
    assert not any(line.endswith(" ") for line in lines)
    assert done.err == (
        "note: the expiry of 1 certificate is not known: it is not in the store MY\n"
    )


@pytest.mark.parametrize(
    ("within", "keys"),
    [
        ("30d", ["old", "short", "soon", "gone"]),
        ("7d", ["old", "short", "gone"]),
        ("33%", ["old", "soon", "gone"]),
        ("90%", ["old", "short", "soon", "file", "late", "gone"]),
        ("0", ["old", "gone"]),
    ],
)
def test_within(run: Run, path: Path, within: str, keys: list[str]) -> None:
    """A certificate with a life of six days is not due at 33% of its life, but within 30 days.

    An unknown one is never skipped.
    """
    done = run("expiry", *AT, "--within", within, "--format", "json")
    assert done.code == 1
    found = done.json["certificates"]
    assert [one["key"].partition(".")[0] for one in found] == keys


def test_none_within(run: Run, path: Path) -> None:
    path.write_text(re.sub(r"(?s)\[SslSniBindingInfo.\"(?!late).*?MY\"\n", "", path.read_text()))
    done = run("expiry", *AT, "--within", "1d")
    assert (done.code, done.out, done.err) == (0, "", "note: no certificate expires within 1 day\n")


def test_json(run: Run, path: Path) -> None:
    done = run("expiry", *AT, "--format", "json")
    assert done.json["version"] == 1
    assert done.json["at"] == "2026-06-01T12:00:00+00:00"
    assert done.json["certificates"][2] == {
        "server": "sslbind",
        "kind": "hostnameport",
        "key": "soon.contoso.com:443",
        "thumbprint": SOON.thumbprint,
        "names": ["soon.contoso.com"],
        "not_before": "2026-03-13T12:00:00+00:00",
        "not_after": "2026-06-11T12:00:00+00:00",
        "days_left": 10,
        "status": "due",
        "problem": None,
    }
    last = done.json["certificates"][-1]
    assert (last["status"], last["problem"]) == ("unknown", "it is not in the store MY")


def test_prometheus(run: Run, path: Path, tmp_path: Path) -> None:
    """Promtool takes it; it goes into its file in one step, and another run replaces it."""
    out = tmp_path / "sslbind.prom"
    for _ in range(2):
        done = run("expiry", "--format", "prometheus", "-o", "sslbind.prom")
        assert (done.code, done.out, done.err) == (0, "", "note: sslbind.prom was written\n")
    text = out.read_text()
    assert (
        "sslbind_binding_cert_not_after_timestamp_seconds"
        f'{{server="sslbind",kind="hostnameport",key="soon.contoso.com:443",'
        f'thumbprint="{SOON.thumbprint}"}} {(NOW + timedelta(days=10)).timestamp():.0f}\n'
    ) in text
    assert 'sslbind_bindings_without_known_cert{server="sslbind"} 1\n' in text
    assert 'sslbind_target_reachable{server="sslbind"} 1\n' in text
    assert 'sslbind_last_run_timestamp_seconds{command="expiry"} ' in text
    promtool(text)
    assert [one.name for one in tmp_path.iterdir() if ".part" in one.name] == []


def promtool(text: str) -> None:
    checked = subprocess.run(
        [needs("promtool"), "check", "metrics"],
        input=text.encode(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_nagios(run: Run, path: Path) -> None:
    done = run("expiry", *AT, "--format", "nagios")
    assert (done.code, done.err) == (2, "")
    assert done.out == (
        "SSLBIND CRITICAL - 1 of 5 expired: sslbind old.contoso.com:443 2026-05-28; 2 of 5 expire"
        " within 30 days: sslbind short.contoso.com:443 2026-06-06, sslbind soon.contoso.com:443"
        " 2026-06-11; 1 with unknown expiry: sslbind gone.contoso.com:443"
        " | days=-4;30:;0: expired=1 due=2 unknown=1 ok=2\n"
    )
    for name in ("old", "gone"):
        assert run("delete", "sslcert", f"hostnameport={name}.contoso.com:443").code == 0
    done = run("expiry", *AT, "--format", "nagios", "--within", "33%")
    assert (done.code, done.out.partition(" | ")[2]) == (
        1,
        "days=5 expired=0 due=1 unknown=0 ok=3\n",
    )
    done = run("expiry", *AT, "--format", "nagios", "--within", "1d")
    assert (done.code, done.out) == (
        0,
        (
            "SSLBIND OK - 4 certificates, the first to expire is sslbind short.contoso.com:443"
            " 2026-06-06 | days=5;1:;0: expired=0 due=0 unknown=0 ok=4\n"
        ),
    )


def test_nagios_unknown(run: Run, path: Path) -> None:
    """What cannot be checked, or is completely unknown, is exit code 3 and one line."""
    done = run("expiry", "nowhere.toml", "--format", "nagios")
    assert (done.code, done.err) == (3, "")
    assert done.out == "SSLBIND UNKNOWN - nowhere.toml: there is no such registry file\n"
    path.write_text("version = 1\n" + record("c3" * 20, "a.contoso.com:443"))
    done = run("-q", "expiry", "--format", "nagios")
    assert (done.code, done.err) == (3, "")
    assert done.out.startswith("SSLBIND UNKNOWN - 1 with unknown expiry: sslbind a.contoso.com:443")


@pytest.mark.parametrize("command", ["expiry", "probe"])
def test_a_line_that_cannot_be_read(run: Run, path: Path, command: str) -> None:
    """A plugin that is called wrongly is UNKNOWN, and not CRITICAL."""
    done = run(command, "--nonsense", "--format", "nagios")
    assert (done.code, done.err) == (3, "")
    assert done.out.startswith("SSLBIND UNKNOWN - ")
    assert done.out.count("\n") == 1
    assert run(command, "--nonsense").code == 2


def test_several_servers(run: Run, path: Path, tmp_path: Path) -> None:
    """Each is named; one that cannot be read is reported, and the others are answered."""
    other = tmp_path / "web02.toml"
    other.write_text(path.read_text())
    done = run("expiry", *AT, "sslbind.toml", "web02.toml", "--format", "tsv", "--within", "1d")
    assert done.code == 1
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [
        "sslbind", "web02", "sslbind", "web02",
    ]  # fmt: skip
    done = run("expiry", "sslbind.toml", "web03.toml", "--format", "prometheus")
    assert done.code == 2
    assert 'sslbind_target_reachable{server="web03"} 0\n' in done.out
    assert 'sslbind_target_reachable{server="sslbind"} 1\n' in done.out
    assert "error: web03.toml: there is no such registry file\n" in done.err
    promtool(done.out)


def test_names_of_servers() -> None:
    assert server_names(["a/web01.toml", "web02.toml", "sslbind"]) == ["web01", "web02", "sslbind"]
    assert server_names(["a/web.toml", "b/web.toml"]) == ["a/web.toml", "b/web.toml"]


def events(text: str) -> list[dict[str, str]]:
    """Return the events of a calendar, lines unfolded as RFC 5545 says."""
    assert text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "\n" not in text.replace("\r\n", "")
    found: list[dict[str, str]] = []
    for line in text.replace("\r\n ", "").split("\r\n"):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found:
            found[-1].setdefault(name, value)
    return found


def test_ical(run: Run, path: Path) -> None:
    """An event for each row with a date; after a renewal it moves, and keeps its identity."""
    done = run("expiry", *AT, "--format", "ical")
    found = events(done.out.replace("\n", "\r\n") if "\r\n" not in done.out else done.out)
    assert len(found) == 5
    first = found[0]
    assert first["DTSTART"] == "20260528T120000Z"
    assert first["TRIGGER;VALUE=DATE-TIME"] == "20260428T120000Z"
    assert first["SUMMARY"] == "The certificate of old.contoso.com:443 on sslbind expires"
    before = Row("web01", "ipport", "0.0.0.0:443", "a", (), NOW, NOW + timedelta(days=1))
    after = before._replace(thumbprint="b", not_after=NOW + timedelta(days=90))
    uids = [
        events(ical.report([row], NOW + timedelta(days=n), MONTH))[0]["UID"]
        for n, row in enumerate((before, after))
    ]
    assert uids[0] == uids[1]
    assert len({one["UID"] for one in found}) == 5


HOSTILE = st.text(
    st.sampled_from('a\n\r"\\{}=,;:|`$<&\x1b\u2028\u202e\x85\x00é漢\ud800'), max_size=40
)


@given(HOSTILE, HOSTILE)
def test_hostile_names(name: str, server: str) -> None:
    """No name can start a line, a label, performance data or a separate property."""
    row = Row(server, "ipport", name, "a1" * 20, (name,), NOW, NOW + timedelta(days=1), name)
    text = expiry_prometheus.report([row, row], {server: True}, NOW)
    assert text.isascii() or all(c.isprintable() for c in text.replace("\n", ""))
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) == 4
    label = r'[a-z]+="(?:[^"\\]|\\\\|\\")*"'
    for line in samples:
        assert re.fullmatch(rf"sslbind_[a-z_]+{{{label}(?:,{label})*}} [0-9.]+", line), line
    _, told = expiry_nagios.report([row], NOW, MONTH)
    assert told.count("\n") == 1
    assert told.count("|") == 1
    assert all(c.isprintable() for c in told[:-1])
    assert len(events(ical.report([row], NOW, MONTH))) == 1


@pytest.mark.slow
@settings(max_examples=examples(20))
@given(HOSTILE)
def test_promtool_takes_hostile_names(name: str) -> None:
    row = Row(name, "ipport", name, "a1" * 20, (name,), NOW, NOW + timedelta(days=1))
    promtool(expiry_prometheus.report([row], {name: True}, NOW))


@given(st.lists(st.one_of(st.none(), st.integers(-1000, 1000)), max_size=20))
def test_the_order(days: list[int | None]) -> None:
    rows = [
        Row("s", "ipport", str(n), "", (), NOW, None if day is None else NOW + timedelta(days=day))
        for n, day in enumerate(days)
    ]
    ends = [row.not_after for row in soonest_first(rows)]
    known = [end for end in ends if end]
    assert known == sorted(known)
    assert all(end is None for end in ends[len(known) :])


@pytest.mark.parametrize("word", ["soon", "0%", "101%", "yesterday"])
def test_bad_windows(run: Run, path: Path, word: str) -> None:
    done = run("expiry", "--within", word)
    assert (done.code, done.out) == (2, "")
    assert f"Invalid value for '--within': '{word}' is " in done.err


def test_it_cannot_be_written(run: Run, path: Path) -> None:
    done = run("expiry", "--format", "prometheus", "-o", "nowhere/x.prom")
    assert (done.code, done.out) == (2, "")
    assert "error: nowhere/x.prom: cannot be written" in done.err


def test_a_capture_has_certificates_of_its_own(run: Run, tmp_path: Path) -> None:
    """Nothing needs to be imported first."""
    (tmp_path / "web01.json").write_text(
        json.dumps(built(SNI, IP, certificates=[stored(web()), stored(root(), "Root", key=False)]))
    )
    done = run("expiry", "web01.json", "--format", "tsv")
    assert done.code == 0
    assert [line.split("\t")[:5] for line in done.out.splitlines()] == [
        ["web01", "ipport", "0.0.0.0:443", web().thumbprint, "2026-07-31T12:00:00+00:00"],
        ["web01", "hostnameport", "münchen.example:443", web().thumbprint,
         "2026-07-31T12:00:00+00:00"],
    ]  # fmt: skip


def test_a_server_is_read_now(run: Run, path: Path, tmp_path: Path) -> None:
    """What it does not hand over is looked up where its registry has it; one that is gone is 0."""
    server = tmp_path / "server.toml"
    server.write_text("version = 1\n" + record(SOON, "soon.contoso.com:443"))
    netsh = [sys.executable, "-m", "sslbind", "-r", "server.toml", "-f", "-"]
    (tmp_path / "targets.toml").write_text(
        "version = 1\n"
        f'[Target.lab]\ntransport = "command"\nnetsh = {json.dumps(netsh)}\n'
        'registry = "sslbind.toml"\n'
        '[Target.gone]\ntransport = "command"\nnetsh = ["false"]\nregistry = "sslbind.toml"\n'
    )
    done = run("expiry", "@lab", *AT, "--format", "tsv")
    assert (done.code, done.out.split("\t")[:5]) == (
        0,
        ["lab", "hostnameport", "soon.contoso.com:443", SOON.thumbprint,
         "2026-06-11T12:00:00+00:00"],
    )  # fmt: skip
    done = run("expiry", "@all", "--format", "prometheus")
    assert done.code == 2
    assert 'sslbind_target_reachable{server="lab"} 1\n' in done.out
    assert 'sslbind_target_reachable{server="gone"} 0\n' in done.out
    promtool(done.out)


def test_a_record_that_cannot_be_read_is_there(run: Run, tmp_path: Path) -> None:
    """It is not skipped: its expiry date is unknown, and --within fails."""
    (tmp_path / "web01.txt").write_text(
        show_writer.show([SNI, IP], Release.W2022).replace("0.0.0.0:443", "0.0.0.0:a")
    )
    done = run("-q", "expiry", "web01.txt", "--within", "1d", "--format", "json")
    assert done.code == 1
    rows = {one["key"]: one for one in done.json["certificates"]}
    (unread,) = (one for key, one in rows.items() if key != "münchen.example:443")
    assert (unread["status"], unread["not_after"]) == ("unknown", None)
    assert "could not be read (web01.txt:" in unread["problem"]


def test_a_folder_that_is_not_there(run: Run, registry: Path) -> None:
    """``-o`` into a folder that does not exist says that it must be created."""
    del registry
    result = run("expiry", "--format", "prometheus", "-o", "nowhere/x.prom")
    assert result.code == 2
    assert "hint: there is no folder nowhere: create it first\n" in result.err
