"""A registry with mistakes: all of them at once, in order, wherever somebody looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Result, Run
from hypothesis import given
from hypothesis import strategies as st

from sslbind.errors import InvalidRegistryError
from sslbind.registry.mistakes import find_mistakes
from sslbind.registry.registry import Registry

TEXT = """\
version = 1
windows = "2023"
iplisten = ["10.0.0.300"]
bogus = 1

[SslBindingInfo."0.0.0.0:443"]
certhash = "8d90"
appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
reject = "yes"
disablequick = true

[SslBindingInfo."10.0.0.5:443"]
certhash = 8d90a17d2851f802b0a5619bf695b03544b8f5cb
appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"

[SslBindingInfo."10.0.0.5"]
appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"

[SslSniBindingInfo."a.contoso.com:443]
appid = "x"

[[Suppress]]
rule = "x"
"""
LINES = [2, 3, 4, 7, 9, 10, 13, 16, 19, 22]
"""Line 12 is not one of them, although its certhash is missing: that is the mistake of line 13."""


@pytest.fixture
def broken(bare: Path) -> Path:
    bare.write_text(TEXT)
    return bare


def refused(run: Run, *words: str) -> Result:
    result = run(*words)
    assert result.code == 2
    return result


def mistakes(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(InvalidRegistryError) as caught:
        assert Registry(text.encode(), "sslbind.toml").bindings is None
    return [(one.line, one.message) for one in caught.value.mistakes]


@pytest.mark.parametrize(
    "text", ['x = """' + 'a"\n' * 5_000, TEXT, "x = 1\nx = 2\n"], ids=["no-end", "many", "twice"]
)
def test_mistakes_hold_no_text(text: str) -> None:
    """What is known of a file outlives its lines: none of the calls that found it is kept."""
    found = find_mistakes(text, "sslbind.toml")
    assert found
    for one in found:
        assert (one.__traceback__, one.__context__, one.__cause__) == (None, None, None)


def test_all_at_once_and_in_order() -> None:
    """Each has its line and its sentence."""
    found = mistakes(TEXT)
    assert [line for line, _ in found] == LINES
    assert found[4] == (9, "reject must be true or false, not 'yes'")
    assert found[5] == (10, "'disablequick' is not a tag; did you mean disablequic?")
    assert found[9] == (22, "[[Suppress]] needs a reason")


def test_every_command_lists_them(run: Run, broken: Path) -> None:
    """On standard error, exit code 2, and nothing is written."""
    listed = refused(run, "list")
    assert listed.out == ""
    errors = [line for line in listed.err.splitlines() if line.startswith("error: ")]
    assert [line.split(":")[2] for line in errors] == [str(line) for line in LINES]
    assert refused(run, "delete", "sslcert", "0.0.0.0:443").err.count("error: ") == len(LINES)
    assert broken.read_text() == TEXT


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "junit", "github"])
def test_check_reports_them_in_every_format(run: Run, broken: Path, format_: str) -> None:
    """A pull request shows each where it is; the exit code is still 2."""
    report = refused(run, "check", "--format", format_).out
    assert report.count("registry-invalid") >= len(LINES)
    if format_ == "json":
        found = json.loads(report)["findings"]
        assert [(one["rule"], one["severity"], one["line"]) for one in found] == [
            ("registry-invalid", "error", line) for line in LINES
        ]
    if format_ == "github":
        assert "::error file=" in report
        assert ",line=10,title=registry-invalid::'disablequick' is not a tag" in report


def test_check_goes_on_with_the_others(run: Run, broken: Path) -> None:
    """One broken file among several hides nothing of the rest."""
    good = broken.with_name("good.toml")
    good.write_text("version = 1\n")
    seen = refused(run, "check", "good.toml", broken.name, "--format", "json")
    assert len(seen.json["findings"]) == len(LINES)


def test_at_most_fifty_and_a_count(run: Run, bare: Path) -> None:
    """More than anybody reads are counted."""
    bare.write_text("version = 1\n" + "".join(f"setting{number} = 1\n" for number in range(60)))
    err = refused(run, "list").err
    assert err.count("error: ") == 50
    assert "note: 10 more mistakes are not shown\n" in err


def test_syntax_that_leaves_the_rest_open(bare: Path) -> None:
    """Where one mistake makes each line after it look wrong, it is the only one."""
    bare.write_text(
        'version = 1\niplisten = ["10.0.0.5"\nwindows = "2022"\n[CertStores]\npath = 1\n'
    )
    found = mistakes(bare.read_text())
    assert len(found) == 1
    assert found[0][1].startswith("is not valid TOML: ")


@given(
    st.lists(st.sampled_from(range(len(TEXT.splitlines()))), unique=True),
    st.text("[]\"'=#x\n", max_size=4),
)
def test_whatever_is_wrong_the_first_mistake_is_a_sentence(removed: list[int], noise: str) -> None:
    """Lines that are missing, and noise in between: never anything but our error."""
    lines = TEXT.splitlines()
    for number in removed:
        lines[number] = noise
    try:
        Registry("\n".join(lines).encode(), "sslbind.toml").bindings  # noqa: B018
    except InvalidRegistryError as error:
        assert all(one.line for one in error.mistakes)
        assert error.message == error.mistakes[0].message


def test_every_mistake_of_a_suppression(run: Run, tmp_path: Path) -> None:
    """One that lacks its rule is read on, as others are."""
    (tmp_path / "sslbind.toml").write_text(
        'version = 1\n[[Suppress]]\nkey = "x"\nfoo = 1\n[[Suppress]]\nrule = 3\nuntil = "soon"\n',
    )
    result = run("list")
    assert result.code == 2
    assert result.err.splitlines() == [
        "error: sslbind.toml:2: [[Suppress]] needs a rule",
        "error: sslbind.toml:2: [[Suppress]] needs a reason",
        "error: sslbind.toml:3: key = 'x' is not the key of a binding",
        "error: sslbind.toml:4: 'foo' is not a setting of [[Suppress]]",
        "error: sslbind.toml:5: [[Suppress]] needs a reason",
        "error: sslbind.toml:6: rule must be text in quotes, not 3",
        "error: sslbind.toml:7: until = 'soon' is not a date such as 2027-01-31",
    ]
