"""Global options before and after the command; the order in which a bad line is checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import IIS, A, Run
from pki import web

LINE = ("add", "sslcert", "10.0.0.5:443", A, IIS, "MY")


@pytest.mark.parametrize(
    "words",
    [
        ("list", "-r", "elsewhere.toml"),
        ("list", "--registry", "elsewhere.toml", "--format", "tsv"),
        ("show", "sslcert", "10.0.0.5:443", "--registry=elsewhere.toml"),
        ("show", "-r", "elsewhere.toml", "sslcert"),
        ("http", "show", "sslcert", "-r", "elsewhere.toml"),
        ("dump", "-r", "elsewhere.toml"),
        ("ccs", "show", "-r", "elsewhere.toml"),
        ("ccs", "-r", "elsewhere.toml", "show"),
    ],
    ids=" ".join,
)
def test_registry(run: Run, bare: Path, words: tuple[str, ...]) -> None:
    """``-r`` after the command, or after its group, is the same as before it."""
    run(*LINE)
    bare.rename(bare.with_name("elsewhere.toml"))
    option = next(i for i, word in enumerate(words) if word.startswith(("-r", "--registry")))
    many = 1 if "=" in words[option] else 2
    first, rest = words[option : option + many], words[:option] + words[option + many :]
    assert run(*words) == run(*first, *rest)
    assert run(*rest).code == 2


def test_windows_and_quiet(run: Run, bare: Path) -> None:
    """``--windows`` and ``-q`` work too; an unknown Windows release is refused."""
    del bare
    assert run(*LINE, "--windows", "2008").code == 0
    words = ("add", "sslsnicert", "www.contoso.com:443", A, IIS, "MY")
    assert "hostnameport" in run(*words, "--windows", "2008").err
    assert run(*words, "--windows", "NT").code == 2
    assert run(*words, "-q").err == ""


def test_what_a_command_has_itself(run: Run, bare: Path) -> None:
    """An option that follows as a value stays one."""
    del bare
    run(*LINE)
    assert run("list", "--", "-r").code == 2
    assert run("list", "-f", "script.txt").err.splitlines()[1] == (
        "hint: -f SCRIPT is used instead of a command: sslbind -f SCRIPT"
    )


def test_hint_before_usage(run: Run, registry: Path) -> None:
    """``add`` without an appid reports that first, and does not ask for a password before."""
    (registry.parent / "web.pfx").write_bytes(web().pfx(b"s3kr1t"))
    for certificate in (("--cert", "web.pfx"), (f"certhash={A}",)):
        result = run("add", "sslsnicert", "www.contoso.com:443", *certificate)
        assert result.code == 1
        assert result.err.splitlines()[0] == "hint: hostnameport=www.contoso.com:443 needs appid"
        assert "password" not in result.err
        assert "Usage" in result.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("update", "sslsnicert", "gone.contoso.com:443"), "there is no binding"),
        (("add", "sslsnicert", "www.contoso.com:443", "appid=iis"), "exists"),
        (("add", "sslsnicert", "x.test:443", "appid=iis", "sslflags=2"), "sslflags=2"),
    ],
    ids=["absent", "exists", "flags"],
)
def test_no_password_is_asked_for(
    run: Run, registry: Path, words: tuple[str, ...], said: str
) -> None:
    """Errors in a line are reported before its PFX file is opened."""
    (registry.parent / "web.pfx").write_bytes(web().pfx(b"s3kr1t"))
    run("add", "sslsnicert", "www.contoso.com:443", A, IIS, "MY", "--no-verify")
    result = run(*words, "--cert", "web.pfx")
    assert result.code == 1
    assert said in result.err
    assert "password" not in result.err
