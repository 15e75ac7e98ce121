"""The targets file: strict, with file and line in each error; names and groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from sslbind.errors import SslbindError
from sslbind.targets import _OPTIONS, Target, find_targets, read_targets

FLEET = """\
version = 1

[defaults]
jobs = 4
timeout = 20
ssh_config = "ci/ssh_config"

[Target.web01]
host = "admin@web01.contoso.com"
registry = "web.toml"
groups = ["front", "canary"]
probe = ["10.0.0.5", "10.0.0.6"]

[Target.Web02]
registry = "web.toml"
groups = ["front"]
timeout = 5

[Target.lab]
transport = "command"
netsh = ["sslbind", "-r", "lab.toml", "-f", "-"]

[Target."db.x"]
transport = "winrm"
https = false
password_env = "DB_PASSWORD"
"""


def written(folder: Path, text: str) -> str:
    path = folder / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_whole_file(tmp_path: Path) -> None:
    found = read_targets(written(tmp_path, FLEET))
    folder = str(tmp_path)
    assert found.jobs == 4
    assert found.groups == {"front": ("web01", "Web02"), "canary": ("web01",)}
    assert [*found.targets.values()] == [
        Target(
            "web01",
            host="admin@web01.contoso.com",
            registry=os.path.join(folder, "web.toml"),
            groups=("front", "canary"),
            probe=("10.0.0.5", "10.0.0.6"),
            timeout=20,
            folder=folder,
            ssh_config=os.path.join(folder, "ci/ssh_config"),
            line=8,
        ),
        Target(
            "Web02",
            host="Web02",
            registry=os.path.join(folder, "web.toml"),
            groups=("front",),
            timeout=5,
            folder=folder,
            ssh_config=os.path.join(folder, "ci/ssh_config"),
            line=14,
        ),
        Target(
            "lab",
            "command",
            registry=os.path.join(folder, "lab.toml"),
            timeout=20,
            netsh=("sslbind", "-r", "lab.toml", "-f", "-"),
            folder=folder,
            line=19,
        ),
        Target(
            "db.x",
            "winrm",
            host="db.x",
            registry=os.path.join(folder, "db.x.toml"),
            timeout=20,
            https=False,
            password_env="DB_PASSWORD",
            folder=folder,
            line=23,
        ),
    ]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["@all"], ["web01", "Web02", "lab", "db.x"]),
        (["@front"], ["web01", "Web02"]),
        (["WEB02", "@front"], ["Web02", "web01"]),
        (["@local"], ["local"]),
        (["lab", "@lab"], ["lab"]),
    ],
    ids=["all", "group", "name-and-group", "local", "twice"],
)
def test_selection(tmp_path: Path, words: list[str], names: list[str]) -> None:
    found = read_targets(written(tmp_path, FLEET))
    assert [one.name for one in found.select(words)] == names


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, FLEET)
    with pytest.raises(SslbindError) as caught:
        read_targets(path).select(["@frnt"])
    assert caught.value.message == f"@frnt is not a target or a group of {path}"
    assert caught.value.hints == ("did you mean @front?",)


HEAD = "version = 1\n\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "a targets file starts with version = 1"),
        ("version = 2\n", 1, "version = 2 is not known; this sslbind reads 1"),
        (HEAD + "hosts = 1\n", 3, "'hosts' is not a table or setting of a targets file"),
        (HEAD + "[Target.a]\nhots = 'x'\n", 4, "'hots' is not a setting of [Target.a]: transport"),
        (HEAD + "[defaults]\njobs = 0\n", 4, "jobs must be a whole number from 1 to 1000, not 0"),
        (HEAD + "[defaults]\njobs = true\n", 4, "jobs must be a whole number from 1 to 1000"),
        (HEAD + "[Target.a]\ngroups = 'x'\n", 4, "groups must be a list of texts in quotes"),
        (HEAD + "[Target.web]\n[Target.WEB]\n", 4, "'WEB' and 'web' are one name"),
        (HEAD + "[Target.all]\n", 3, "'all' already means every target"),
        (HEAD + "[Target.local]\n", 3, "'local' already means this machine"),
        (HEAD + "[Target.'a b']\n", 3, "'a b' is not a name"),
        (HEAD + "[Target.a]\ngroups = ['g']\n[Target.b]\ngroups = ['G']\n", 6, "'G' and 'g' are"),
        (HEAD + "[Target.a]\ngroups = ['a']\n", 4, "the group 'a' has the name of a target"),
        (HEAD + "[Target.a]\nhost = '-oProxyCommand=x'\n", 4, "host must be a host as ssh takes"),
        (HEAD + "[Target.a]\nhost = 'x;reboot'\n", 4, "host must be a host as ssh takes it"),
        (HEAD + "[Target.a]\nhost = \"x\\u001b\"\n", 4, "host must be a host"),
        (HEAD + "[Target.a]\ntransport = 'telnet'\n", 4, 'transport must be "ssh" or "winrm"'),
        (HEAD + "[Target.a]\ntransport = 'command'\n", 3, 'transport = "command" needs netsh'),
        (HEAD + "[Target.a]\nnetsh = ['x']\n", 4, "netsh does not go with transport = 'ssh'"),
        (HEAD + "[Target.a]\ntransport = 'winrm'\nhttps = false\nauthentication = 'basic'\n", 3,
         'authentication = "basic" sends the password: it needs https'),
        (HEAD + "[Target.a]\npassword = 'x'\n", 4, "'password' is not a setting of [Target.a]"),
        (HEAD + "Target = 3\n", 3, "Target must be a table: [Target.web01]"),
        (HEAD + "[Target]\na = 3\n", 4, "Target.a must be a table: [Target.a]"),
        (HEAD + "[Target.a\n", 3, "is not valid TOML"),
    ],
    ids=[
        "empty", "newer", "unknown-table", "unknown-key", "jobs", "jobs-flag", "groups-text",
        "two-spellings", "all", "local", "bad-name", "group-spellings", "group-is-target",
        "host-option", "host-shell", "host-escape", "transport", "no-argv", "argv-of-ssh",
        "basic-http", "password", "no-table", "no-target-table", "syntax",
    ],
)  # fmt: skip
def test_a_mistake_has_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SslbindError) as caught:
        read_targets(path)
    assert caught.value.message.startswith(message)
    assert (caught.value.file, caught.value.line) == (path, line)


def test_no_password_is_shown(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "[Target.a]\npassword = 'hunter2'\n")
    with pytest.raises(SslbindError) as caught:
        read_targets(path)
    assert "hunter2" not in str(caught.value)


def test_which_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSLBIND_TARGETS", raising=False)
    assert find_targets(None, "servers/web.toml") == os.path.join("servers", "targets.toml")
    assert find_targets(None, "sslbind.toml") == "targets.toml"
    monkeypatch.setenv("SSLBIND_TARGETS", "/etc/targets.toml")
    assert find_targets(None, "servers/web.toml") == "/etc/targets.toml"
    assert find_targets("x.toml", "servers/web.toml") == "x.toml"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SslbindError, match="does not exist: it says which servers there are"):
        read_targets(str(tmp_path / "targets.toml"))


SCALARS = st.one_of(
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=True),
    st.sampled_from(["ssh", "winrm", "command", "basic", "-oX", "a\x1bb", "", "front", "\u202e"]),
    st.text(max_size=8),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))
KEYS = st.sampled_from([*_OPTIONS, "jobs", "password", "Host"])
NAMES = st.one_of(st.sampled_from(["a", "A", "b", "all", "local", "front"]), st.text(max_size=6))


@given(
    defaults=st.dictionaries(KEYS, VALUES, max_size=3),
    tables=st.dictionaries(NAMES, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4),
)
def test_any_file_is_read_or_refused_with_its_line(
    tmp_path: Path, defaults: dict[str, object], tables: dict[str, dict[str, object]]
) -> None:
    """What is read holds together: each name once, groups of targets that are there."""
    text = tomlkit.dumps({"version": 1, "defaults": defaults, "Target": tables})
    path = written(tmp_path, text)
    try:
        found = read_targets(path)
    except SslbindError as error:
        assert error.file == path
        assert error.line is not None
        return
    assert len({name.casefold() for name in found.targets}) == len(found.targets)
    assert {name for names in found.groups.values() for name in names} <= set(found.targets)
    assert [one.name for one in found.select(["@all"])] == list(tables)


@pytest.mark.parametrize(
    "value",
    ["0x" + "f" * 5000, "1" * 5000, "[" * 5000 + "]" * 5000, "{a=" * 3000 + "1" + "}" * 3000],
    ids=["hexadecimal", "decimal", "lists", "tables"],
)
def test_a_value_that_python_cannot_show(tmp_path: Path, value: str) -> None:
    path = written(tmp_path, HEAD + f"[Target.a]\ntimeout = {value}\n")
    with pytest.raises(SslbindError) as caught:
        read_targets(path)
    assert caught.value.line == 4
