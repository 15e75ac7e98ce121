"""The fast reader of simple TOML: whatever it answers is what tomllib reads, to the type and order.

tomllib is the second opinion on the toml-test suite, on registries in every
spelling, on their mutations, and on heaps of lines whose names collide.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from conftest import Run
from examples import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import Spelled, binding_lists, registries

from sslbind.binding import Binding
from sslbind.errors import RegistryError
from sslbind.registry import fast_toml
from sslbind.registry.registry import Registry
from sslbind.registry.splice import render_bindings

HASH, APPID = "a1" * 20, "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
HEAD = 'version = 1\nwindows = "2022"\niplisten = ["10.0.0.5", "::1"]\n'
BODY = f'certhash = "{HASH}"\nappid = "{APPID}"\n'
TABLE = f'[SslBindingInfo."0.0.0.0:443"]\n{BODY}'


def disagreement(text: str) -> str:
    """What is wrong with the answer for ``text``; nothing if there is none, or it is right."""
    answer = fast_toml.loads(text)
    if answer is None:
        return ""
    try:
        wanted = tomllib.loads(text)
    except ValueError as error:
        return f"read {text!r}, and tomllib does not: {error}"
    return "" if repr(answer) == repr(wanted) else f"{text!r} is not {answer!r}"


def suite() -> Path:
    """The folder ``tests`` of toml-test; its files come with the sources of tomlkit."""
    folder = os.environ.get("TOML_TEST")
    if folder is None and os.environ.get("CI"):
        pytest.fail("TOML_TEST names no folder, and CI must not skip what it checks")
    if folder is None:
        pytest.skip("TOML_TEST names no folder with the toml-test suite")
    return Path(folder)


@pytest.mark.parametrize("embed", ["{}", HEAD + TABLE + "{}", "{}\n" + HEAD + TABLE])
def test_the_toml_test_suite(embed: str) -> None:
    """Alone, after a registry, and before one: read as tomllib does, or left to it."""
    files = sorted(suite().rglob("*.toml"))
    assert len(files) > 500
    wrong = []
    for file in files:
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            continue  # refused before anything reads it as TOML
        wrong.append(disagreement(embed.replace("{}", text)))
    assert "\n".join(filter(None, wrong)) == ""


def test_a_registry_with_what_the_suite_calls_invalid_is_refused_with_its_line() -> None:
    for file in sorted((suite() / "invalid").rglob("*.toml")):
        data = (HEAD + TABLE).encode() + file.read_bytes()
        try:
            tomllib.loads(data.decode())
        except ValueError:
            with pytest.raises(RegistryError) as caught:
                Registry(data, "sslbind.toml")
            assert (caught.value.line or 0) > 0, file
            assert caught.value.file == "sslbind.toml"


@given(registries())
def test_registries_in_every_spelling(spelled: Spelled) -> None:
    assert disagreement(spelled.text) == ""


@given(registries(min_size=1), st.data())
def test_registries_with_some_characters_changed(spelled: Spelled, data: st.DataObject) -> None:
    text = spelled.text
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(place, min(len(text), place + 3)))
        new = data.draw(st.text("[].\"'=#\n\r\t -_ab01{},\\\x00é", max_size=3))
        text = text[:place] + new + text[end:]
    assert disagreement(text) == ""


_NAMES = st.sampled_from(["a", "b", '"a"', "'b'", '"a b"', '""', "1", '"\\u0061"', "é"])
_VALUES = st.sampled_from(
    [
        *("1", "0", "01", "+1", "-1", "0x1", "1_0", "1.0", "9" * 18, "9" * 19, "nan"),
        *("true", "false", "True", '""', '"x"', "'x'", '"\\n"', '"x', '""""', "'#'", '"#"', '"é"'),
        *('"""x"""', "'''x'''", '"\x00"', "{}", "{a = 1}", "", "\n1"),
        *("[]", "[ ]", '["a"]', "['a' , \"b\",]", "[,]", "[1]", '["a" "b"]', "[[]]"),
        *("2027-01-31", "2027-02-30", "0000-01-01", "2027-01-31T00:00:00", "2027-1-1"),
    ]
)
_SPACE = st.sampled_from(["", " ", "\t", " \t", "\x0b"])
_COMMENT = st.sampled_from(["", "", "#", " # x", "#\x00", "#é", "# \t", " x"])
_END = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\n\t\n", "\r", ""])


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A header or a value, or what looks like one, with its line end."""
    if draw(st.booleans()):
        parts = draw(_SPACE).join(draw(st.lists(_NAMES, min_size=1, max_size=4)))
        path = ".".join(draw(st.lists(_NAMES, min_size=1, max_size=4)))
        either = [f"[{path}]", f"[[{path}]]", f"[{path}]", f"[[{path}]", f"[{parts}]"]
        text = draw(st.sampled_from(either))
    else:
        name = ".".join(draw(st.lists(_NAMES, min_size=1, max_size=2)))
        text = f"{name}{draw(_SPACE)}={draw(_SPACE)}{draw(_VALUES)}"
    return f"{draw(_SPACE)}{text}{draw(_SPACE)}{draw(_COMMENT)}{draw(_END)}"


@settings(max_examples=examples(200))
@given(st.lists(lines(), max_size=8).map("".join))
@example("[a]\n[a]\n")
@example("a = 1\n[a.b]\n")
@example("[a.b]\n[a]\n")
@example("[a.b]\n[a.b.c]\n[a.b.c]\n")
@example("[a.b]\nc = 1\n[a.b.c]\n")
@example("[[a]]\n[a.b]\n[[a]]\n")
@example("a = []\n[[a]]\n")
@example('x = [\n["a"],\n]\n')
@example("x = '''\n[a]\n'''\n")
def test_heaps_of_lines_whose_names_collide(text: str) -> None:
    assert disagreement(text) == ""


SIMPLE = {
    "head": HEAD,
    "table": f"{HEAD}\n# web\n{TABLE}",
    "settings": f"{HEAD}[CertStores]\npath = 'certs' # here\n\n{TABLE}",
    "until": f'{HEAD}{TABLE}\n[[Suppress]]\nrule = "x"\nreason = "y"\nuntil = 2027-01-31\n',
    "tags": f"{HEAD}{TABLE}clientcertnegotiation = true\nurlretrievaltimeout = 5000\n",
    "other": f'{HEAD}{TABLE}\n[SslBindingInfo."0.0.0.0:443".Other]\nDefaultFlags = 32768\n',
    "ccs": f'{HEAD}[SslCcsBindingInfo.443]\nappid = "{APPID}"',
    "crlf": f"\t{HEAD}{TABLE}".replace("\n", " # x\r\n"),
}


@pytest.mark.parametrize("text", SIMPLE.values(), ids=SIMPLE)
def test_what_we_write_and_what_people_write_after_it_is_simple(text: str) -> None:
    assert fast_toml.loads(text) == tomllib.loads(text)


COMMANDS = (
    ("show", "sslcert"),
    ("list", "--format", "tsv"),
    ("list", "--format", "json"),
    ("resolve", "--format", "json"),
    ("dump",),
)


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(binding_lists(min_size=1))
def test_no_answer_depends_on_which_reader_there_is(run: Run, found: list[Binding]) -> None:
    """``version = 0x1`` means the same and is not simple: tomllib reads that registry."""
    tables = render_bindings(found, "\n")
    answers = []
    for version in ("1", "0x1"):
        text = f"version = {version}\n{tables}"
        assert version == "1" or fast_toml.loads(text) is None
        Path("sslbind.toml").write_text(text, encoding="utf-8")
        answers.append([run(*words) for words in COMMANDS])
    assert answers[0] == answers[1]
