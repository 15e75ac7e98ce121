"""What add, update and delete do beyond netsh: ``--if-exists``, selectors, ``--dry-run``, JSON."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from conftest import (
    ADDED,
    DELETED,
    IIS,
    OTHER,
    UPDATED,
    WRONG,
    A,
    B,
    Run,
    Stored,
    snapshot,
)

from sslbind.binding import Binding
from sslbind.errors import BadValueError
from sslbind.keys import infer_key
from sslbind.registry.registry import Registry
from sslbind.session import Session

KEY = "ipport=10.0.0.5:443"
WEB = "hostnameport=www.contoso.com:443"
LINE = (KEY, f"certhash={A}", "appid=iis", "certstorename=MY")
NEW = "would add ipport=10.0.0.7:443\n"
NOT_MODELLED = (
    "the registry has no [CertStores]: certificates are not modelled, so hashes are not checked"
)
SAME = "note: unchanged\n"


@pytest.fixture
def one(bare: Path, run: Run) -> Path:
    """Return a registry with one record that has one tag off its default."""
    run("add", "sslcert", *LINE, "clientcertnegotiation=enable")
    return bare


def test_if_exists_fail(run: Run, one: Path) -> None:
    """By default add fails with 183 where the record exists, as netsh does."""
    before = snapshot(one.parent)
    for option in ((), ("--if-exists", "fail")):
        result = run("add", "sslcert", *LINE, "clientcertnegotiation=enable", *option)
        assert (result.code, "Error: 183" in result.out) == (1, True)
    assert snapshot(one.parent) == before


def test_if_exists_keep(run: Run, one: Path) -> None:
    """``keep`` is exit 0 only if the record already is what was asked for."""
    before = snapshot(one.parent)
    keep = ("add", "sslcert", *LINE, "--if-exists", "keep")
    result = run(*keep, "clientcertnegotiation=enable")
    assert (result.code, result.out) == (0, ADDED)
    assert SAME in result.err
    other = run(*keep, "clientcertnegotiation=disable")
    assert (other.code, "Error: 183" in other.out) == (1, True)
    assert snapshot(one.parent) == before


def test_if_exists_keep_adds(run: Run, bare: Path) -> None:
    """``keep`` adds what does not exist."""
    assert run("add", "sslcert", *LINE, "--if-exists", "keep").code == 0
    assert f'certhash = "{A}"' in bare.read_text()


def test_if_exists_update(run: Run, one: Path) -> None:
    """``update`` changes the named tags and keeps the others."""
    line = (KEY, f"certhash={B}", "appid=iis")
    result = run("add", "sslcert", *line, "--if-exists", "update")
    assert result.code == 0
    assert one.read_text().endswith(
        f'certhash = "{B}"\nappid = "{IIS}"\ncertstorename = "MY"\nclientcertnegotiation = true\n'
    )


def test_if_exists_reset(run: Run, one: Path) -> None:
    """``reset`` returns the tags that are not named to their defaults."""
    line = (KEY, f"certhash={B}", "appid=iis", "disablehttp2=enable")
    assert run("add", "sslcert", *line, "--if-exists", "reset").code == 0
    assert one.read_text().endswith(
        f'\n[SslBindingInfo."10.0.0.5:443"]\ncerthash = "{B}"\nappid = "{IIS}"\n'
        "disablehttp2 = true\n"
    )


@pytest.mark.parametrize("mode", ["keep", "update", "reset"])
def test_unchanged(run: Run, one: Path, mode: str) -> None:
    """Nothing to change: exit 0, ``unchanged`` on standard error, not a byte written."""
    before = snapshot(one.parent)
    line = (*LINE, "clientcertnegotiation=enable", "--if-exists", mode)
    result = run("add", "sslcert", *line)
    assert (result.code, result.out) == (0, ADDED)
    assert SAME in result.err
    assert snapshot(one.parent) == before


def test_update_unchanged(run: Run, one: Path) -> None:
    """The same holds for update, and for a hash in capitals."""
    before = snapshot(one.parent)
    result = run("update", "sslcert", KEY, f"certhash={A.upper()}", "clientcertnegotiation=ENABLE")
    assert (result.code, result.out) == (0, UPDATED)
    assert SAME in result.err
    assert snapshot(one.parent) == before


def test_if_exists_wants_a_word(run: Run, one: Path) -> None:
    """An option's bad value is exit 2: the question could not be asked."""
    del one
    result = run("add", "sslcert", *LINE, "--if-exists", "maybe")
    assert (result.code, result.out) == (2, "")
    assert "maybe" in result.err


def test_update_keeps_what_is_not_named(run: Run, one: Path) -> None:
    """update changes what is named, turns a tag back to its default, and keeps the rest."""
    assert run("update", "sslcert", KEY, "usagecheck=disable").code == 0
    assert "clientcertnegotiation = true\n" in one.read_text()
    assert "usagecheck = false\n" in one.read_text()
    assert run("update", "sslcert", KEY, "clientcertnegotiation=disable").code == 0
    assert "clientcertnegotiation" not in one.read_text()


MAPPED = ("certhash=" + B, f"appid={IIS}", "certstorename=MY", "dsmapperusage=enable")
ALL = (*MAPPED, "clientcertnegotiation=enable")
REPORTED = (f"certhash={B}", f"appid={IIS}", "clientcertnegotiation=enable")


def test_netsh_update_writes_the_whole_record(run: Run, bare: Path) -> None:
    """As reported for Server 2025: a tag that the update does not name gets its default again."""
    key = "ipport=10.0.0.8:443"
    assert run("add", "sslcert", key, *MAPPED).code == 0
    result = run("update", "sslcert", key, *REPORTED, "--netsh-update")
    assert (result.code, result.out) == (0, UPDATED)
    assert tomllib.loads(bare.read_text())["SslBindingInfo"]["10.0.0.8:443"] == {
        "certhash": B,
        "appid": IIS,
        "clientcertnegotiation": True,
    }
    refused = run("update", "sslcert", key, "usagecheck=disable", "--netsh-update")
    assert refused.code == 1
    assert "needs appid and certhash" in refused.err


def test_an_update_in_a_script_that_relies_on_kept_tags_has_a_note(run: Run, bare: Path) -> None:
    """The note names them; with --netsh-update, and if every tag is named, there is none."""
    script = f"add sslcert 10.0.0.8:443 {' '.join(MAPPED)}\nupdate sslcert 10.0.0.8:443 "
    result = run("-f", "-", stdin=f"{script}{' '.join(REPORTED)}\n")
    assert result.code == 0
    assert result.err.splitlines()[-1] == (
        "note: standard input, line 2: ipport=10.0.0.8:443: update keeps certstorename and"
        " dsmapperusage, which the line does not name; netsh was reported to write whole"
        " records on Server 2025: name every tag, or use --netsh-update"
    )
    assert "dsmapperusage = true\n" in bare.read_text()
    update = script.splitlines()[1]
    assert "update keeps" not in run("-f", "-", stdin=f"{update}{' '.join(ALL)}\n").err
    result = run("-f", "-", "--netsh-update", stdin=f"{update}{' '.join(REPORTED)}\n")
    assert (result.code, "update keeps" in result.err) == (0, False)
    assert "dsmapperusage" not in bare.read_text()
    assert run("--netsh-update", "list").code == 2
    assert "differs from netsh" in run("update", "sslcert", "--help").out
    assert "--netsh-update" in run("explain", "update").out


def test_update_without_tags(run: Run, one: Path) -> None:
    """An update that names no tag changes nothing and says so."""
    before = snapshot(one.parent)
    result = run("update", "sslcert", KEY)
    assert result.code == 0
    assert SAME in result.err
    assert snapshot(one.parent) == before


def test_the_rest_of_the_file_stays(run: Run, bare: Path) -> None:
    """Comments, order, quoting and line ends of what is not touched stay byte for byte."""
    head = (
        "# ours\r\nversion = 1   # one\r\nwindows='2022'\r\n\r\n"
        f"[SslSniBindingInfo.'b.test:443'] # b\r\ncerthash='{A}'\r\nappid = '{IIS}'\r\n"
        "certstorename = 'MY'\r\n\r\n# of c\r\n"
    )
    tail = (
        f'[SslSniBindingInfo."a.test:443"]\r\nappid = "{IIS}" # odd\r\ncertstorename="MY"\r\n'
        f'certhash = "{A}"\r\n'
    )
    mine = f'[SslBindingInfo."10.0.0.5:443"]\r\ncerthash = "{A}"\r\nappid = "{IIS}"\r\n\r\n'
    bare.write_bytes((head + mine + tail).encode())
    assert run("update", "sslcert", KEY, "reject=enable").code == 0
    text = bare.read_bytes().decode()
    assert text.startswith(head)
    assert text.endswith(tail)
    assert "reject = true\r\n" in text
    assert "\n" not in text.replace("\r\n", "")
    assert run("delete", "sslcert", KEY).code == 0
    assert bare.read_bytes().decode() == head.removesuffix("# of c\r\n") + tail


@pytest.fixture
def many(bare: Path) -> Path:
    """Return a registry with five records, of two certificates and two owners."""
    record = '[{}]\ncerthash = "{}"\nappid = "{}"\ncertstorename = "MY"\n\n'
    bare.write_text(
        'version = 1\nwindows = "2022"\n\n'
        + record.format('SslBindingInfo."10.0.0.5:443"', A, IIS)
        + record.format('SslBindingInfo."10.0.0.6:443"', B, OTHER)
        + record.format('SslSniBindingInfo."www.contoso.com:443"', A, IIS)
        + record.format('SslSniBindingInfo."www.contoso.com:8443"', B, IIS)
        + f'[SslCcsBindingInfo.443]\nappid = "{IIS}"\n'
    )
    return bare


def keys(run: Run) -> list[str]:
    return [
        f"{record['kind']}={record['key']}"
        for record in run("list", "--format", "json").json["bindings"]
    ]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (("--cert", A), ["ipport=10.0.0.6:443", "hostnameport=www.contoso.com:8443", "ccs=443"]),
        (
            ("--cert", A[:8]),
            ["ipport=10.0.0.6:443", "hostnameport=www.contoso.com:8443", "ccs=443"],
        ),
        (("--appid", "iis"), ["ipport=10.0.0.6:443"]),
        (("--host", "WWW.contoso.com"), ["ipport=10.0.0.5:443", "ipport=10.0.0.6:443", "ccs=443"]),
        (
            ("--host", "www.contoso.com", "--cert", A),
            [
                "ipport=10.0.0.5:443",
                "ipport=10.0.0.6:443",
                "hostnameport=www.contoso.com:8443",
                "ccs=443",
            ],
        ),
    ],
)
def test_delete_selected(run: Run, many: Path, options: tuple[str, ...], left: list[str]) -> None:
    """``--cert``, ``--appid`` and ``--host`` select what goes; together, what fits them all."""
    del many
    result = run("delete", "sslcert", *options, "--yes")
    assert (result.code, result.out) == (0, DELETED)
    assert keys(run) == left


def test_more_than_one_wants_yes(run: Run, many: Path) -> None:
    """More than one record goes only with ``--yes``; they are named, and nothing is deleted."""
    before = snapshot(many.parent)
    result = run("delete", "sslcert", "--cert", A)
    assert result.code == 1
    assert "--yes" in result.err
    assert "ipport=10.0.0.5:443" in result.err
    assert "hostnameport=www.contoso.com:443" in result.err
    assert snapshot(many.parent) == before


def test_one_goes_without_yes(run: Run, many: Path) -> None:
    """One selected record goes without ``--yes``."""
    del many
    assert run("delete", "sslcert", "--appid", OTHER).code == 0
    assert "ipport=10.0.0.6:443" not in keys(run)


def test_selected_of_one_kind(run: Run, many: Path) -> None:
    """``delete sslsnicert`` and ``sslccs`` select among their own kinds only."""
    del many
    assert run("delete", "sslccs", "--appid", "iis").code == 0
    assert run("delete", "sslsnicert", "--appid", "iis", "--yes").code == 0
    assert keys(run) == ["ipport=10.0.0.5:443", "ipport=10.0.0.6:443"]


@pytest.mark.parametrize("what", [(KEY.replace("5", "9", 1),), ("--host", "nowhere.test")])
def test_missing_ok(run: Run, many: Path, what: tuple[str, ...]) -> None:
    """``--missing-ok``: nothing to delete is not a failure; without it, it is error 2."""
    before = snapshot(many.parent)
    failed = run("delete", "sslcert", *what)
    assert (failed.code, "Error: 2\n" in failed.out) == (1, True)
    result = run("delete", "sslcert", *what, "--missing-ok")
    assert result.code == 0
    assert SAME in result.err
    assert snapshot(many.parent) == before


def test_key_and_selector(run: Run, many: Path) -> None:
    """A key and a selector exclude each other; neither is a missing key."""
    before = snapshot(many.parent)
    assert run("delete", "sslcert", KEY, "--cert", A).code == 1
    assert run("delete", "sslcert", "--yes").code == 1
    assert snapshot(many.parent) == before


@pytest.mark.parametrize(
    ("line", "out"),
    [
        (
            (
                "add",
                "sslcert",
                "ipport=10.0.0.7:443",
                f"certhash={A}",
                "appid=iis",
                "reject=enable",
            ),
            f"{NEW}    certhash: {A}\n    appid: {IIS}\n    reject: enable\n",
        ),
        (
            ("update", "sslcert", KEY, f"certhash={B}"),
            f"would update {KEY}\n    certhash: {A} -> {B}\n",
        ),
        (("delete", "sslcert", KEY), f"would delete {KEY}\n"),
        (
            ("delete", "sslcert", "--cert", A),
            f"would delete {KEY}\nwould delete {WEB}\n",
        ),
        (("update", "sslcert", KEY, f"certhash={A}"), f"unchanged {KEY}\n"),
    ],
)
def test_dry_run(run: Run, many: Path, line: tuple[str, ...], out: str) -> None:
    """``--dry-run`` prints what would change and writes nothing."""
    before = snapshot(many.parent)
    result = run(*line, "--dry-run")
    assert (result.code, result.out) == (0, out)
    assert snapshot(many.parent) == before


def test_dry_run_fails_alike(run: Run, many: Path) -> None:
    """What would fail also fails in a dry run, with the same answer."""
    del many
    for line in (
        ("add", "sslcert", *LINE),
        ("update", "sslcert", "ipport=10.0.0.9:443", "reject=enable"),
        ("add", "sslcert", WEB.replace("www", "new"), f"certhash={A}", "appid=iis"),
    ):
        assert run(*line, "--dry-run") == run(*line)


def test_no_verify(run: Run, stored: Stored) -> None:
    """``--no-verify`` skips the check of the store, and says so."""
    line = (KEY, f"certhash={stored.renewed.thumbprint}", "appid=iis", "certstorename=MY")
    assert run("add", "sslcert", *line).code == 1
    result = run("add", "sslcert", *line, "--no-verify")
    assert (result.code, result.out) == (0, ADDED)
    assert result.err.startswith("note: ")
    assert "--no-verify" in result.err


def test_without_certificate_stores(run: Run, bare: Path) -> None:
    """Without [CertStores] hashes are taken as they are, and one note says so."""
    del bare
    result = run("add", "sslcert", *LINE)
    assert (result.code, result.out) == (0, ADDED)
    assert [line for line in result.err.splitlines() if "[CertStores]" in line] == [
        f"note: {NOT_MODELLED}"
    ]


def test_no_store_name(run: Run, bare: Path) -> None:
    """An omitted store name on ipport: absent in the file, null in JSON, with a note."""
    result = run("add", "sslcert", *LINE[:3])
    assert result.code == 0
    assert "certstorename is not set" in result.err
    assert "certstorename" not in bare.read_text()
    assert run("list", "--format", "json").json["bindings"][0]["certstorename"] is None


def test_no_store_name_is_my(run: Run, stored: Stored) -> None:
    """A record without a store name is looked up in MY."""
    assert run("add", "sslcert", KEY, f"certhash={stored.web.thumbprint}", "appid=iis").code == 0
    other = f"certhash={stored.renewed.thumbprint}"
    assert run("add", "sslcert", "ipport=10.0.0.6:443", other, "appid=iis").code == 1


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("ccs=443", f"certhash={A}"),
        ("ccs=443", "certstorename=MY"),
        ("scopedccs=www.contoso.com:443", f"certhash={A}"),
        ("scopedccs=www.contoso.com:443", "certstorename=MY"),
        ("ccs=443", "clientcertnegotiation=enable"),
        ("ccs=443", "usagecheck=disable"),
        ("ccs=443", "revocationfreshnesstime=60"),
        ("ccs=443", "sslctlstorename=CA"),
        ("ccs=443", "reject=enable"),
    ],
)
def test_central_store_refuses(run: Run, bare: Path, kind: str, tag: str) -> None:
    """Central store records have no certificate, and a plain one has only default options."""
    before = bare.read_bytes()
    for verb in ("add", "update"):
        result = run(verb, "sslcert", kind, "appid=iis", tag)
        assert (result.code, result.out) == (1, WRONG)
        assert kind in result.err
        assert tag.partition("=")[0] in result.err
        assert bare.read_bytes() == before
        run("add", "sslcert", kind, "appid=iis")
        before = bare.read_bytes()


def test_scoped_central_store_takes_options(run: Run, bare: Path) -> None:
    """A scoped record takes options, and a plain one takes those that say its defaults."""
    line = ("scopedccs=www.contoso.com:443", "appid=iis", "clientcertnegotiation=enable")
    assert run("add", "sslcert", *line).code == 0
    assert run("add", "sslcert", "ccs=443", "appid=iis", "usagecheck=enable").code == 0
    assert "clientcertnegotiation = true" in bare.read_text()


def test_no_default_binding(run: Run, bare: Path) -> None:
    """An add that leaves a port with only names reports this, and what would fix it."""
    del bare
    result = run("add", "sslcert", WEB, *LINE[1:])
    assert "note: port 443 has no default binding" in result.err
    assert "ipport=0.0.0.0:443" in result.err
    run("add", "sslcert", "ipport=0.0.0.0:443", *LINE[1:])
    more = run("add", "sslcert", WEB.replace("www", "mail"), *LINE[1:])
    assert "no default binding" not in more.err


def test_windows_is_not_written(run: Run, bare: Path) -> None:
    """``--windows`` applies to one command, and is never written."""
    assert run("--windows", "2016", "add", "sslcert", *LINE).code == 0
    assert bare.read_text().startswith('version = 1\nwindows = "2025"\n')
    bare.unlink()
    assert run("--windows", "2016", "init").code == 0
    assert '\nwindows = "2016"\n' in bare.read_text()


def test_registry_is_found(run: Run, bare: Path, tmp_path: Path) -> None:
    """The registry is --registry, else the variable, else sslbind.toml here."""
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_bytes(bare.read_bytes())
    run("-r", "a.toml", "add", "sslcert", *LINE, env={"SSLBIND_REGISTRY": "b.toml"})
    run("add", "sslcert", KEY.replace("5", "6", 1), *LINE[1:], env={"SSLBIND_REGISTRY": "b.toml"})
    assert "10.0.0.5" in (tmp_path / "a.toml").read_text()
    assert "10.0.0.6" in (tmp_path / "b.toml").read_text()
    assert "10.0.0" not in bare.read_text()


TWICE = f"""version = 1
[SslBindingInfo."[::1]:443"]
appid = "{IIS}"
certhash = "{A}"
[SslBindingInfo."[0::1]:443"]
appid = "{IIS}"
certhash = "{A}"
"""
BAD_REGISTRIES = [
    ("version = 1\n[SslBindingInfo\n", "sslbind.toml:2:"),
    ("version = 1\nfoo = 2\n", "sslbind.toml:2:"),
    (f'version = 1\n[Sslbinding."10.0.0.5:443"]\nappid = "{IIS}"\n', "sslbind.toml:2:"),
    (f'version = 1\n[SslCcsBindingInfo.443]\nappid = "{IIS}"\nfoo = 1\n', "sslbind.toml:4:"),
    (f'version = 1\n[SslCcsBindingInfo.443]\nappid = "{IIS}"\nreject = 1\n', "sslbind.toml:4:"),
    ('version = 1\n[SslCcsBindingInfo.443]\nappid = "iis"\n', "sslbind.toml:3:"),
    (f'version = 1\n[SslBindingInfo."10.0.0.5:443"]\nappid = "{IIS}"\n', "certhash"),
    (f'version = 1\n[SslBindingInfo."10.0.0.5"]\nappid = "{IIS}"\ncerthash = "{A}"\n', ":2:"),
    ("", "version"),
    ("version = 2\n", "sslbind.toml:1:"),
    (TWICE, "[::1]:443"),
]


@pytest.mark.parametrize(("text", "where"), BAD_REGISTRIES)
@pytest.mark.parametrize(
    "line", [("show", "sslcert"), ("list",), ("dump",), ("add", "sslcert", *LINE)]
)
def test_bad_registry(run: Run, bare: Path, text: str, where: str, line: tuple[str, ...]) -> None:
    """Every command refuses a bad registry: exit 2, with file, line and tag; nothing is written."""
    bare.write_text(text)
    before = snapshot(bare.parent)
    result = run(*line)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert "sslbind.toml" in result.err
    assert where in result.err
    assert snapshot(bare.parent) == before


def test_release_limits_are_no_reading_errors(run: Run, bare: Path) -> None:
    """A file with a tag newer than its release can be read, shown and deleted from."""
    table = f'[SslCcsBindingInfo.443]\nappid = "{IIS}"\n\n'
    record = f'[SslScopedCcsBindingInfo."a.test:443"]\nappid = "{IIS}"\nreject = true\n'
    bare.write_text(f'version = 1\nwindows = "2008"\n\n{table}{record}')
    assert run("show", "sslcert").code == 0
    assert len(keys(run)) == 2
    assert run("delete", "sslcert", "scopedccs=a.test:443").code == 0


def test_a_dry_run_in_json_says_whether_it_would_change(run: Run, one: Path) -> None:
    """``changed`` is false, as nothing was written; ``would_change`` is the answer."""
    del one
    line = ("update", "sslcert", KEY, "usagecheck=disable", "--dry-run", "--format", "json")
    document = run(*line).json
    assert (document["changed"], document["would_change"], document["dry_run"]) == (
        False,
        True,
        True,
    )
    assert run(*line[:-3], "--format", "json").json["changed"] is True
    assert run(*line).json["would_change"] is False


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"disablehttp": True}, "'disablehttp' is not a tag; did you mean disablehttp2?"),
        ({"usagecheck": "yes"}, "usagecheck must be true or false, not 'yes'"),
        ({"sslflags": "x"}, "sslflags must be a whole number, not 'x'"),
    ],
    ids=["name", "flag", "number"],
)
def test_the_library_refuses_what_is_not_a_tag(
    one: Path, values: dict[str, bool | str], message: str
) -> None:
    """Its error is one of ours, and nothing is changed."""
    before = one.read_bytes()
    with pytest.raises(BadValueError) as caught:
        Session(Registry.open(str(one))).update(infer_key("10.0.0.5:443"), values)
    assert caught.value.message == message
    assert one.read_bytes() == before


def test_the_value_of_what_is_not_a_tag() -> None:
    """It is refused with an error of ours, as in a record that is made."""
    binding = Binding(infer_key("10.0.0.5:443"), {"certhash": A, "appid": IIS})
    assert binding["usagecheck"] is True
    with pytest.raises(BadValueError, match="'usagechek' is not a tag; did you mean usagecheck"):
        binding["usagechek"]
