"""Completions: what is offered, and that real shells put it into the line as it is meant."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tools import needs, unix_names

from sslbind import locks
from sslbind.cli.completion import bashwords
from sslbind.cli.completion.candidates import candidates
from sslbind.cli.completion.install import SCRIPTS
from sslbind.cli.root import COMMANDS
from sslbind.grammar import VERBS
from sslbind.tags import TAGS

SCRIPT_FOLDER = Path(__file__).parent.parent / "completions"
BOUND = "8d90a17d2851f802b0a5619bf695b03544b8f5cb"
STORED = "4feea7c7cb9fd2a2ffb5ca95cba92a844d524c02"
ODD = "Odd $(touch pwned);'&!{x}"
REGISTRY = f"""\
version = 1
windows = "2022"
iplisten = ["10.0.0.9"]

[CertStores]
path = "certs"

[SslBindingInfo."0.0.0.0:443"]
certhash = "{BOUND}"
appid = "{{4dc3e181-e14b-4a21-b022-59fc669b0914}}"

[SslBindingInfo."[::]:443"]
certhash = "{BOUND}"
appid = "{{4dc3e181-e14b-4a21-b022-59fc669b0914}}"

[SslSniBindingInfo."www.contoso.com:443"]
certhash = "{BOUND}"
appid = "{{00000000-1111-2222-3333-444444444444}}"
certstorename = "MY"

[SslScopedCcsBindingInfo."api.contoso.com:443"]
appid = "{{4dc3e181-e14b-4a21-b022-59fc669b0914}}"
"""

OTHER_REGISTRY = """\
version = 1

[SslCcsBindingInfo.8443]
appid = "{4dc3e181-e14b-4a21-b022-59fc669b0914}"
"""
FRAGMENTS = [
    *(
        "add",
        "SH",
        "http",
        "sslcert",
        "iplisten",
        "dump",
        "store",
        "rebind",
        "-r",
        "-qf",
        "--",
        "-",
    ),
    *("--windows", "?", "=", "ipport=", "ipport=[", "--cert", "--cert=", "certhash=", "--certhash"),
]


TARGETS = """\
version = 1

[Target.web01]
groups = ["front"]

[Target.mail]
groups = ["front"]
"""


def furnish(folder: Path) -> None:
    """Write a registry with stores, one of which has a hostile name, and a second registry."""
    (folder / "sslbind.toml").write_text(REGISTRY, "utf-8")
    (folder / "other file.toml").write_text(OTHER_REGISTRY, "utf-8")
    (folder / "targets.toml").write_text(TARGETS, "utf-8")
    for store in ("MY", "My Store", ODD):
        (folder / "certs" / store).mkdir(parents=True)
    (folder / "certs" / "MY" / f"{STORED}.pem").touch()
    (folder / "certs" / "MY" / f"{STORED}.key").touch()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(*words: str) -> list[str]:
    """Return the values that are offered at the last of ``words``."""
    return [
        ("FILES " + one.value).rstrip() if one.files else one.value for one in candidates(words)
    ]


class TestWhatIsOffered:
    def test_commands(self, folder: Path) -> None:
        assert offered("") == list(COMMANDS)
        assert offered("re") == ["rebind", "renew", "resolve", "report"]
        assert offered("REB") == ["rebind"]

    def test_rules_topics_and_connections(self, folder: Path) -> None:
        assert offered("check", "--select", "v6") == ["v6-only-wildcard", "v6-wildcard-differs"]
        assert offered("explain", "flo") == ["flow"]
        assert "https://www.contoso.com:443/" in offered("resolve", "https")
        assert "www.contoso.com" in offered("resolve", "10.0.0.5:443", "www")

    def test_what_is_probed_and_renewed(self, folder: Path) -> None:
        assert "www.contoso.com:443" in offered("probe", "www")
        assert "www.contoso.com" in offered("probe", "10.0.0.5:443", "www")
        assert "www.contoso.com:443" in offered("needs-renewal", "www")
        assert "FILES" in offered("needs-renewal", "")
        assert offered("renew", "") == ["FILES"]
        assert offered("expiry", "--format", "p") == ["prometheus"]

    def test_behind_http_only_netshs_own(self, folder: Path) -> None:
        assert offered("http", "") == list(VERBS)
        assert offered("ht") == ["http"]

    def test_netshs_words_by_prefix_and_without_case(self, folder: Path) -> None:
        assert offered("SH") == ["show"]
        assert offered("sh", "SSL") == ["sslcert", "sslsnicert", "sslccs"]
        assert offered("http", "UP", "sslp", "prop") == ["propertyid="]

    def test_nothing_behind_what_is_no_command(self, folder: Path) -> None:
        assert offered("nonsense", "") == []
        assert offered("add", "?", "") == []
        assert offered("dump", "") == []

    def test_options_of_the_command_and_no_hidden_tags(self, folder: Path) -> None:
        assert offered("add", "sslcert", "--if") == ["--if-exists"]
        assert offered("add", "sslcert", "--certh") == []
        assert offered("add", "sslcert", "--dry-run", "--d") == []
        assert "--registry" in offered("--")
        assert offered("list", "--registry") == []

    def test_tags_that_the_line_does_not_have_yet(self, folder: Path) -> None:
        assert offered("add", "sslcert", "certs") == ["certstorename="]
        assert offered("add", "sslcert", "certstorename=MY", "certs") == []
        assert offered("add", "sslcert", "CERTSTORENAME=MY", "certs") == []
        assert offered("add", "sslcert", "--certstorename", "MY", "certs") == []

    def test_only_one_key(self, folder: Path) -> None:
        keys = ["ipport=", "hostnameport=", "ccs=", "scopedccs="]
        assert offered("add", "sslcert", "")[:4] == keys
        assert not set(offered("add", "sslcert", "0.0.0.0:443", "")) & {*keys}
        assert not set(offered("add", "sslcert", "ccs=443", "")) & {*keys}

    def test_only_what_the_object_takes(self, folder: Path) -> None:
        assert "ipport=" not in offered("add", "sslsnicert", "")
        assert offered("add", "sslccs", "")[:2] == ["ccs=", "scopedccs="]
        assert "certhash=" not in offered("add", "sslcert", "ccs=443", "")
        assert offered("delete", "sslcert", "ipport=0.0.0.0:443", "") == []
        assert "address=" not in offered("add", "iplisten", "")

    def test_only_what_the_release_has(self, folder: Path) -> None:
        assert offered("--windows", "2012", "add", "sslcert", "disableq") == []
        assert offered("add", "sslcert", "disableq") == ["disablequic="]
        assert "scopedccs=" not in offered("--windows=2019", "add", "sslcert", "")
        assert offered("add", "sslcert", "disables") == []
        assert offered("--windows", "2025", "add", "sslcert", "disables") == ["disablesessionid="]

    def test_every_tag_is_offered_somewhere(self, folder: Path) -> None:
        names = {f"{tag.name}=" for tag in TAGS}
        assert names <= {*offered("--windows", "2025", "update", "sslcert", "")}

    def test_values_of_tags(self, folder: Path) -> None:
        assert offered("add", "sslcert", "reject=") == ["reject=enable", "reject=disable"]
        assert offered("add", "sslcert", "REJECT=en") == ["REJECT=enable"]
        assert offered("add", "sslcert", "--reject", "") == ["enable", "disable"]
        assert offered("add", "sslcert", "--reject=e") == ["--reject=enable"]
        assert offered("show", "sslcert", "json=") == ["json=enable", "json=disable"]
        assert offered("add", "sslcert", "json=x") == ["FILES json="]
        assert offered("update", "sslpropertyex", "propertyid=") == ["propertyid=0", "propertyid=1"]
        assert offered("add", "sslcert", "nonsense=") == []

    def test_owners_by_name_and_the_others_in_use(self, folder: Path) -> None:
        values = offered("add", "sslcert", "appid=")
        assert "appid=iis" in values
        assert values[-1] == "appid={00000000-1111-2222-3333-444444444444}"

    def test_stores_that_have_a_folder_and_the_usual_ones(self, folder: Path) -> None:
        values = [f"certstorename={name}" for name in ("MY", "My Store", ODD, "WebHosting")]
        assert offered("add", "sslcert", "certstorename=") == values

    @unix_names
    def test_a_store_folder_that_is_no_store_name_is_left_out(self, folder: Path) -> None:
        (folder / "certs" / "new\nline").mkdir()
        (folder / "certs" / ".hidden").mkdir()
        assert not [name for name in offered("store", "list", "--store", "") if "line" in name]

    def test_thumbprints_of_bindings_and_of_stored_files(self, folder: Path) -> None:
        assert offered("add", "sslcert", "certhash=") == [f"certhash={STORED}", f"certhash={BOUND}"]
        assert offered("rebind", "") == [BOUND, "FILES"]
        assert offered("rebind", BOUND, "") == [STORED, BOUND, "FILES"]
        assert offered("store", "show", "4f") == [STORED, "FILES"]
        assert offered("list", "--cert", "8") == [BOUND, "FILES"]
        assert offered("add", "sslcert", "0.0.0.0:443", "4f") == [STORED]

    def test_keys_that_exist(self, folder: Path) -> None:
        assert offered("show", "sslcert", "ipport=") == ["ipport=0.0.0.0:443", "ipport=[::]:443"]
        assert offered("sh", "ssl", "www") == ["www.contoso.com:443"]
        assert offered("update", "sslccs", "")[0:3] == ["ccs=", "scopedccs=", "appid="]
        assert offered("delete", "sslccs", "api") == ["api.contoso.com:443"]
        # As sslcert reads it, that bare value would be a hostnameport.
        assert offered("delete", "sslcert", "api") == []
        assert offered("delete", "sslcert", "scopedccs=") == ["scopedccs=api.contoso.com:443"]

    def test_keys_to_be_added_are_others(self, folder: Path) -> None:
        assert offered("add", "sslcert", "ipport=") == ["ipport=10.0.0.9:443"]
        assert offered("add", "sslcert", "ccs=") == ["ccs=443"]
        values = offered("add", "sslcert", "--if-exists", "update", "ipport=0")
        assert values == ["ipport=0.0.0.0:443"]

    def test_addresses_of_the_listen_list(self, folder: Path) -> None:
        assert offered("delete", "iplisten", "") == ["ipaddress=", "10.0.0.9"]
        assert offered("delete", "iplisten", "ipaddress=") == ["ipaddress=10.0.0.9"]
        assert offered("show", "iplisten", "") == []

    def test_values_of_options(self, folder: Path) -> None:
        assert offered("list", "--format", "") == ["table", "json", "tsv"]
        assert offered("list", "--format=t") == ["--format=table", "--format=tsv"]
        assert offered("--windows", "2008") == ["2008", "2008r2"]
        assert offered("list", "--host", "w") == ["www.contoso.com"]
        assert offered("delete", "sslcert", "--appid", "ws") == []
        assert offered("delete", "sslcert", "--appid", "wm") == ["wmsvc"]
        assert offered("store", "add", "--store", "w") == ["WebHosting"]
        assert offered("store", "add", "") == ["FILES"]
        assert offered("--registry=x") == ["FILES --registry="]
        assert offered("-q", "-f", "") == ["FILES"]

    def test_the_registry_that_the_line_names(self, folder: Path) -> None:
        for words in (
            ["-r", "other file.toml"],
            ["--registry=other file.toml"],
            ["-qrother file.toml"],
        ):
            assert offered(*words, "show", "sslcert", "ccs=") == ["ccs=8443"]

    def test_the_registry_of_the_environment(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSLBIND_REGISTRY", "other file.toml")
        assert offered("show", "sslcert", "ccs=") == ["ccs=8443"]
        monkeypatch.setenv("SSLBIND_REGISTRY", "~/other file.toml")
        monkeypatch.setenv("HOME", str(folder))
        monkeypatch.setenv("USERPROFILE", str(folder))
        assert offered("show", "sslcert", "ccs=") == ["ccs=8443"]

    def test_a_registry_that_is_being_edited(self, folder: Path) -> None:
        with (folder / "sslbind.toml").open("a") as file:
            file.write("[SslCcsBindingInfo.443\n")
        assert offered("show", "sslcert", "ipport=0") == ["ipport=0.0.0.0:443"]
        assert offered("rebind", "") == [BOUND, "FILES"]
        assert "certstorename=My Store" in offered("add", "sslcert", "certstorename=")

    def test_a_registry_too_large_to_be_read_strictly(self, folder: Path) -> None:
        with (folder / "sslbind.toml").open("a") as file:
            for number in range(2000):
                file.write(f"\n[SslSniBindingInfo.'h{number}.contoso.com:443']\nappid = '{{…}}'\n")
        assert offered("show", "sslcert", "h1999") == ["h1999.contoso.com:443"]
        assert offered("rebind", "8") == [BOUND, "FILES"]

    def test_without_a_registry_there_are_still_commands_and_tags(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert offered("show", "sslcert", "") == [
            "ipport=",
            "hostnameport=",
            "ccs=",
            "scopedccs=",
            "json=",
        ]
        assert offered("add", "sslcert", "certstorename=")[0] == "certstorename=MY"

    def test_a_lock_is_not_waited_for(self, folder: Path) -> None:
        with locks.locked(folder / "sslbind.toml"):
            assert offered("show", "sslcert", "www") == ["www.contoso.com:443"]

    @pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in folders")
    def test_a_named_pipe_is_not_waited_for(self, folder: Path) -> None:
        (folder / "sslbind.toml").unlink()
        os.mkfifo(folder / "sslbind.toml")
        assert offered("show", "sslcert", "www") == []

    @settings(max_examples=examples(150))
    @given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), min_size=1, max_size=6))
    def test_no_line_is_too_odd(self, words: list[str]) -> None:
        candidates(words)


class TestProtocol:
    def complete(self, *words: str, shell: str = "zsh", **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sslbind", *words],
            env={**os.environ, "_SSLBIND_COMPLETE": shell, **variables},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert not done.stderr
        return done.stdout.decode()

    def test_a_line_has_a_value_and_its_help(self, folder: Path) -> None:
        assert self.complete("reb").startswith("rebind\tReplace the certificate OLD")

    def test_files_are_left_to_the_shell(self, folder: Path) -> None:
        assert self.complete("--registry=x") == "\tfiles\t--registry=\n"

    def test_bash_gets_what_it_puts_into_the_line(self, folder: Path) -> None:
        line = "sslbind update sslcert ipport=0.0.0.0:4"
        assert self.complete(line, "4", shell="bash") == "443\n"

    def test_powershell_hands_its_words_over_in_a_variable(self, folder: Path) -> None:
        words = "show\nsslcert\n"
        assert "www.contoso.com:443" in self.complete(shell="powershell", _SSLBIND_WORDS=words)

    def test_a_locale_that_cannot_write_a_name(self, folder: Path) -> None:
        (folder / "certs" / "Büro").mkdir()
        out = self.complete(
            "store", "list", "--store", "", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
        )
        assert "My Store" in out

    def test_cryptography_is_not_loaded(self, folder: Path) -> None:
        code = (
            "import sys; from sslbind.cli.completion.candidates import complete;"
            "complete(['add', 'sslcert', 'certhash=']); complete(['']);"
            "sys.exit('cryptography' in sys.modules or 'tomlkit' in sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    def test_what_goes_wrong_is_silent(self, folder: Path) -> None:
        assert self.complete("only one word", shell="bash") == ""


WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029"), max_size=12
)


class TestBashWords:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("sslbind ", [""]),
            ("sslbind add sslcert ipport=0.0.0.0:4", ["add", "sslcert", "ipport=0.0.0.0:4"]),
            ("sslbind -r my\\ file.toml show ", ["-r", "my file.toml", "show", ""]),
            ("sslbind -r 'my file' \"a\\$b\\x\" ", ["-r", "my file", "a$b\\x", ""]),
            ('sslbind certstorename="My S', ["certstorename=My S"]),
            ("sslbind certstorename='My S", ["certstorename=My S"]),
            ("sslbind $(touch x", ["x"]),
            ("sslbind dump 2>log show", ["dump", "show"]),
            ("sslbind dump >> log show", ["dump", "show"]),
            ("sslbind a\\", ["a"]),
        ],
    )
    def test_a_line_is_read_as_bash_reads_it(self, line: str, words: list[str]) -> None:
        assert list(bashwords.split(line).words) == words

    def test_the_file_of_a_redirection_is_told(self) -> None:
        assert bashwords.split("sslbind dump > fi").redirected
        assert bashwords.split("sslbind dump 2>").redirected
        assert not bashwords.split("sslbind dump > file ").redirected

    @given(WORDS, st.sampled_from(["", "'", '"']))
    def test_quoting_is_undone_by_reading(self, text: str, quote: str) -> None:
        assert bashwords.dequote(quote + bashwords.quote(text, quote)).text == text

    @settings(max_examples=examples(40))
    @given(st.lists(WORDS.filter(bool), min_size=1, max_size=8))
    def test_bash_itself_reads_it_so(self, texts: list[str]) -> None:
        quoted = " ".join(bashwords.quote(text) for text in texts)
        quoted += " " + " ".join(f'"{bashwords.quote(text, chr(34))}"' for text in texts)
        quoted += " " + " ".join(f"'{bashwords.quote(text, chr(39))}'" for text in texts)
        bash = needs("bash")
        done = subprocess.run(
            [bash, "--norc", "-c", f"printf '%s\\0' {quoted}"], capture_output=True, check=True
        )
        assert done.stdout.decode().split("\0")[:-1] == texts * 3


START = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}
SET_UP = {
    "bash": "source {script}; bind 'set enable-bracketed-paste off'",
    "zsh": "unsetopt beep; fpath=({scripts} $fpath); autoload -U compinit; compinit -u -D",
    "fish": "source {script}",
}
TELL = {
    "bash": "sslbind() { printf 'G%s' OT; printf '<%s>' \"$@\"; echo 'EN''D'; }",
    "zsh": "sslbind() { printf 'G%s' OT; printf '<%s>' \"$@\"; echo 'EN''D'; }",
    "fish": "function sslbind; printf 'G%s' OT; printf '<%s>' $argv; echo 'EN''D'; end",
}


class Shell:
    """A real shell on a terminal, in which ``sslbind`` only tells its arguments."""

    def __init__(self, name: str, folder: Path, **variables: str) -> None:
        import pexpect  # type: ignore[import-untyped]

        self.name = name
        self.folder = folder
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "TERM": "xterm" if name == "fish" else "dumb",
            "LC_ALL": "C.UTF-8",
            **variables,
        }
        self.child: Any = pexpect.spawn(
            needs(name), START[name], env=environment, cwd=str(folder),
            dimensions=(50, 250), encoding="utf-8", timeout=60,
        )  # fmt: skip
        self.child.delaybeforesend = None
        set_up = SET_UP[name].format(script=SCRIPT_FOLDER / SCRIPTS[name], scripts=SCRIPT_FOLDER)
        self.child.sendline(set_up)
        self.child.sendline(TELL[name])
        self.child.sendline("sslbind ready")
        self.child.expect_exact("GOT<ready>END")

    def arguments(self, line: str) -> list[str]:
        """Return the arguments that ``line``, in which a tab completes, gives to ``sslbind``."""
        self.child.send(f"sslbind {line}\r")
        self.child.expect("GOT(.*?)END\r?\n")
        return str(self.child.match[1])[1:-1].split("><")

    def listed(self, line: str, *texts: str) -> None:
        """See that ``texts`` are listed once ``line`` and its tabs are typed; end the shell."""
        self.child.send(f"sslbind {line}")
        for text in texts:
            self.child.expect_exact(text)
        self.child.close(force=True)


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shell]:
    needs(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    furnish(folder)
    one = Shell(request.param, folder)
    yield one
    one.child.close(force=True)


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
class TestRealShells:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("typed", "arguments"),
        [
            ("sho\t", ["show"]),
            ("HTTP ADD sslsni\t", ["HTTP", "ADD", "sslsnicert"]),
            ("SHO\t", ["show"]),
            ("update sslcert ipport=0.0.0.0:4\t", ["update", "sslcert", "ipport=0.0.0.0:443"]),
            ("update sslcert ipport=\\[:\t", ["update", "sslcert", "ipport=[::]:443"]),
            ("show sslcert '[\t", ["show", "sslcert", "[::]:443"]),
            ("show sslcert www\t", ["show", "sslcert", "www.contoso.com:443"]),
            ("show sslcert www.contoso.com:4\t", ["show", "sslcert", "www.contoso.com:443"]),
            ("add sslcert certstorename=W\t", ["add", "sslcert", "certstorename=WebHosting"]),
            ("add sslcert certstorename=My\\ S\t", ["add", "sslcert", "certstorename=My Store"]),
            ('add sslcert certstorename="My S\t', ["add", "sslcert", "certstorename=My Store"]),
            ("add sslcert certstorename='My S\t", ["add", "sslcert", "certstorename=My Store"]),
            ("add sslcert certhash=8d9\t", ["add", "sslcert", f"certhash={BOUND}"]),
            ("rebind 8d9\t4f\t", ["rebind", BOUND, STORED]),
            ("list --appid=wi\t--form\tjs\t", ["list", "--appid=winrm", "--format", "json"]),
            ("add sslcert disableq\ten\tx", ["add", "sslcert", "disablequic=enable", "x"]),
            ("check @web\t", ["check", "@web01"]),
            ("-r @web\tlist", ["-r", "@web01", "list"]),
            ("export reg --changes-from=@WEB\t", ["export", "reg", "--changes-from=@web01"]),
            ("targets fro\t", ["targets", "front"]),
            ("plan fro\t", ["plan", "front"]),
            ("-r oth\tdump", ["-r", "other file.toml", "dump"]),
            ("--registry=oth\tdump", ["--registry=other file.toml", "dump"]),
            ("-r 'other file.toml' show sslcert ccs=8\t",
             ["-r", "other file.toml", "show", "sslcert", "ccs=8443"]),
            ("-r other\\ file.toml show sslcert 84\t",
             ["-r", "other file.toml", "show", "sslcert", "8443"]),
        ],
    )  # fmt: skip
    def test_tab_completes(self, shell: Shell, typed: str, arguments: list[str]) -> None:
        assert shell.arguments(typed) == arguments

    @pytest.mark.parametrize("quote", ["", "'", '"'])
    def test_a_hostile_name_is_text(self, shell: Shell, quote: str) -> None:
        got = shell.arguments(f"add sslcert certstorename={quote}Odd\t")
        assert got == ["add", "sslcert", f"certstorename={ODD}"]
        assert not list(shell.folder.rglob("pwned"))

    def test_an_unknown_command_completes_to_nothing(self, shell: Shell) -> None:
        assert shell.arguments("nonsense xyz\t") == ["nonsense", "xyz"]


@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("bash", {"COMP_WORDBREAKS": " \t\n\"'><;|&("}),
        ("bash", {"LC_ALL": "C"}),
        ("zsh", {"LC_ALL": "C"}),
        ("fish", {"LC_ALL": "C"}),
    ],
)
def test_other_settings_of_the_shell(name: str, variables: dict[str, str], tmp_path: Path) -> None:
    furnish(tmp_path)
    shell = Shell(name, tmp_path, **variables)
    if "COMP_WORDBREAKS" in variables:
        shell.child.sendline("COMP_WORDBREAKS=$' \\t\\n\"\\'><;|&('")
    assert shell.arguments("show sslcert ipport=0.0.0.0:4\t")[2] == "ipport=0.0.0.0:443"
    shell.child.close(force=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pexpect needs a Unix terminal")
@pytest.mark.parametrize(("name", "tabs"), [("bash", "\t\t"), ("zsh", "\t"), ("fish", "\t")])
def test_what_is_ambiguous_is_listed(name: str, tabs: str, tmp_path: Path) -> None:
    furnish(tmp_path)
    Shell(name, tmp_path).listed(f"add sslcert certstorename={tabs}", "MY", "Store", "WebHosting")
    Shell(name, tmp_path).listed(f"show sslcert ipport={tabs}", "0.0.0.0:443", "::")


class TestInstall:
    @pytest.mark.parametrize(
        ("shell", "path"),
        [
            ("bash", ".local/share/bash-completion/completions/sslbind"),
            ("zsh", ".local/share/zsh/site-functions/_sslbind"),
            ("fish", ".config/fish/completions/sslbind.fish"),
        ],
    )
    def test_files_go_where_the_shell_looks(
        self, shell: str, path: str, run: Run, home: Path
    ) -> None:
        first = run("completion", "install", shell)
        assert first.code == 0
        assert f"installed {home / path}\n" in first.out
        assert (home / path).read_bytes() == (SCRIPT_FOLDER / SCRIPTS[shell]).read_bytes()
        assert (home / ".local/share/man/man1/sslbind.1").is_file()
        assert (home / ".local/share/man/man1/sslbind-store.1").is_file()

    def test_a_second_time_nothing_changes(self, run: Run, home: Path) -> None:
        assert run("completion", "install", "fish", "--format", "json").json["changed"] is True
        again = run("completion", "install", "fish", "--format", "json").json
        assert again["version"] == 1
        assert again["changed"] is False
        assert not [one for one in again["files"] if one["changed"]]
        assert "installed" not in run("completion", "install", "fish").out

    def test_the_shell_is_that_of_the_user(self, run: Run, home: Path) -> None:
        answer = run("completion", "install", "--format", "json", env={"SHELL": "/usr/bin/zsh"})
        assert answer.json["shell"] == "zsh"
        assert "before compinit: fpath=(" in answer.json["next"]

    def test_xdg_folders_hold(self, run: Run, home: Path, tmp_path: Path) -> None:
        env = {"XDG_DATA_HOME": str(tmp_path / "data")}
        assert run("completion", "install", "bash", env=env).code == 0
        assert (tmp_path / "data/bash-completion/completions/sslbind").is_file()

    def test_powershell_gets_a_line_and_no_file(self, run: Run, home: Path) -> None:
        answer = run("completion", "install", "powershell", "--format", "json").json
        assert answer["changed"] is False
        assert "Invoke-Expression" in answer["next"]
        assert not list(home.iterdir())

    def test_an_unknown_shell(self, run: Run, home: Path) -> None:
        answer = run("completion", "install", env={"SHELL": "/bin/tcsh"})
        assert (answer.code, answer.out) == (2, "")
        assert "no completions exist for the shell '/bin/tcsh'" in answer.err
        assert "bash, zsh, fish, powershell" in answer.err
        assert run("completion", "install", "tcsh").code == 2

    @pytest.mark.skipif(sys.platform == "win32", reason="PowerShell is there, and no HOME")
    def test_no_shell_and_no_home(
        self, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SHELL")
        assert "$SHELL is not set" in run("completion", "install").err
        monkeypatch.delenv("HOME")
        answer = run("completion", "install", "bash")
        assert answer.code == 2
        assert "$HOME is not set" in answer.err
        assert "sslbind completion show SHELL" in answer.err

    def test_show_prints_the_script(self, run: Run) -> None:
        for shell, name in SCRIPTS.items():
            assert run("completion", "show", shell).out == (SCRIPT_FOLDER / name).read_text("utf-8")

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
    def test_a_folder_that_cannot_be_made(self, run: Run, home: Path) -> None:
        (home / ".local").write_text("a file")
        answer = run("completion", "install", "bash")
        assert answer.code == 2
        assert "cannot be made" in answer.err


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.setenv("SHELL", "/bin/bash")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_no_script_has_a_list_of_commands_or_tags_of_its_own() -> None:
    names = {*COMMANDS, "sslcert", *(tag.name for tag in TAGS)}
    for name in SCRIPTS.values():
        text = (SCRIPT_FOLDER / name).read_text("utf-8")
        code = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        words = {word for line in code for word in line.replace("(", " ").split()}
        assert not words & (names - {"list", "show", "completion", "export", "add"}), name
