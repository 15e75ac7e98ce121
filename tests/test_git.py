"""Registries in git, as docs/fleet.md has them: review, apply, pull, and writers that race."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import IIS, A, B
from tools import needs

from sslbind.planning.markdown import MARKER
from sslbind.registry.registry import Registry

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="the documented scripts are sh"),
]
DOCS = (Path(__file__).parent.parent / "docs" / "fleet.md").read_text("utf-8")
CHANGE, PULL = re.findall(r"^```sh\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL)
YAML = "".join(re.findall(r"^```yaml\n(.*?)^```$", DOCS, re.MULTILINE | re.DOTALL))
STEPS = re.findall(r"run: (sslbind .*)$", YAML, re.MULTILINE)
WRITERS, CHANGES = 2, 20


class Shop:
    """A bare repository and the servers that its registries are for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        bin_ = folder / "bin"
        bin_.mkdir()
        (bin_ / "sslbind").write_text(f'#!/bin/sh\nexec {sys.executable} -m sslbind "$@"\n')
        (bin_ / "netsh").write_text(
            f'#!/bin/sh\nexec {sys.executable} -m sslbind -q -r {folder}/local.server -f - "$@"\n'
        )
        (bin_ / "powershell").write_text("#!/bin/sh\nexit 1\n")  # it is read with netsh
        for one in bin_.iterdir():
            one.chmod(0o755)
        home = folder / "home"
        home.mkdir()
        (home / ".gitconfig").write_text(
            "[user]\nname = Tester\nemail = tester@example.com\n[init]\ndefaultBranch = main\n"
        )
        self.env = {
            **os.environ,
            "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "XDG_CACHE_HOME": str(home / "cache"),
        }
        self.run(folder, needs("git"), "init", "-q", "--bare", "main.git")

    def run(self, cwd: Path, *words: str, code: int = 0) -> str:
        """Run a program; it must end with ``code``."""
        done = subprocess.run(words, cwd=cwd, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def sh(self, cwd: Path, line: str, code: int = 0) -> str:
        return self.run(cwd, "sh", "-c", line, code=code)

    def clone(self, name: str) -> Path:
        self.run(self.folder, "git", "clone", "-q", "main.git", name)
        return self.folder / name

    def server(self, name: str, certhash: str) -> str:
        """Make a server and return the table that a targets file has for it."""
        state = self.folder / f"{name}.server"
        state.write_text(f'version = 1\n[SslBindingInfo."0.0.0.0:443"]\ncerthash = "{certhash}"\n'
                         f'appid = "{IIS}"\ncertstorename = "MY"\n')  # fmt: skip
        netsh = json.dumps(
            [str(self.folder / "bin" / "sslbind"), "-q", "-r", str(state), "-f", "-"]
        )
        return f'[Target.{name}]\ntransport = "command"\nnetsh = {netsh}\n'

    def certhash(self, path: Path) -> str | None:
        (one,) = Registry.open(str(path)).bindings.values()
        return one.certhash


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_from_servers_to_a_repository_and_back(shop: Shop) -> None:
    """Imported, changed in a branch, planned in its review, applied on main, pulled by one."""
    work = shop.clone("work")
    tables = [shop.server(name, A) for name in ("web01", "web02")]
    shop.server("local", A)
    (work / "targets.toml").write_text("version = 1\n" + "".join(tables))
    shop.run(work, "sslbind", "import", "--each", ".", "@all")
    (work / "web.toml").write_bytes((work / "web01.toml").read_bytes())
    (work / "mail.toml").write_bytes((work / "web01.toml").read_bytes())
    shop.sh(work, "git add -A && git commit -qm servers && git push -q origin HEAD:main")
    assert shop.sh(work, "sslbind plan").endswith("2 targets: 2 unchanged\n")

    shop.sh(work, "git checkout -qb renewal")
    shop.sh(work, f"sslbind -r web01.toml update sslcert 0.0.0.0:443 certhash={B}"
                  f" && sslbind -r web.toml update sslcert 0.0.0.0:443 certhash={B}"
                  " && git commit -qam renewal && git push -q origin renewal")  # fmt: skip
    check, plan, apply = STEPS
    review = shop.clone("review")
    shop.sh(review, f"git checkout -q renewal && {check} && {plan}")
    comment = (review / "plan.md").read_text("utf-8")
    assert comment.startswith(f"{MARKER}\n")
    assert f"| update | ipport=0&#46;0&#46;0&#46;0&#58;443 | certhash | {A} | {B} |" in comment
    assert shop.certhash(shop.folder / "web01.server") == A

    shop.sh(work, "git checkout -q main 2>/dev/null || git checkout -qb main origin/main;"
                  " git merge -q renewal && git push -q origin HEAD:main")  # fmt: skip
    runner = shop.clone("runner")
    assert shop.sh(runner, apply).splitlines()[-1] == "2 targets: 1 unchanged, 1 done"
    assert shop.sh(runner, apply).splitlines()[-1] == "2 targets: 2 unchanged"
    assert shop.certhash(shop.folder / "web01.server") == B

    pulled = shop.clone("pulled")
    assert shop.sh(pulled, PULL).splitlines()[-1] == "1 target: 1 done"
    assert shop.certhash(shop.folder / "local.server") == B
    assert shop.sh(pulled, PULL).splitlines()[-1] == "1 target: 1 unchanged"


def test_no_change_is_lost_when_writers_race(shop: Shop) -> None:
    """Each push that comes second is refused, and done again on what was faster."""
    work = shop.clone("work")
    (work / "web.toml").write_text("version = 1\n")
    (work / "change").write_text(CHANGE)
    (work / "change").chmod(0o755)
    shop.sh(work, "git add -A && git commit -qm start && git push -q origin HEAD:main")

    def write(writer: int) -> None:
        clone = shop.clone(f"writer{writer}")
        for number in range(CHANGES):
            key = f"w{writer}-{number}.contoso.com:443"
            shop.run(clone, "./change", "sslbind", "-q", "-r", "web.toml", "add", "sslsnicert", key,
                     f"certhash={A}", f"appid={IIS}", "certstorename=MY")  # fmt: skip

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    final = shop.clone("final")
    hosts = {key.host for key in Registry.open(str(final / "web.toml")).bindings}
    expected = {f"w{writer}-{n}.contoso.com" for writer in range(WRITERS) for n in range(CHANGES)}
    assert hosts == expected
    assert int(shop.sh(final, "git rev-list --count HEAD")) == 1 + WRITERS * CHANGES


def test_a_command_that_fails_pushes_nothing(shop: Shop) -> None:
    """A change that cannot be is the command's own failure, and is not tried for ever."""
    work = shop.clone("work")
    (work / "web.toml").write_text("version = 1\n")
    (work / "change").write_text(CHANGE)
    (work / "change").chmod(0o755)
    shop.sh(work, "git add -A && git commit -qm start && git push -q origin HEAD:main")
    before = shop.sh(work, "git rev-parse origin/main")
    shop.run(work, "./change", "sslbind", "-r", "web.toml", "delete", "sslcert", "443", code=1)
    shop.run(work, "./change", "true")
    (shop.folder / "main.git" / "hooks" / "pre-receive").write_text("#!/bin/sh\nexit 1\n")
    (shop.folder / "main.git" / "hooks" / "pre-receive").chmod(0o755)
    words = ("sslbind", "-q", "-r", "web.toml", "add", "sslccs", "443", "appid=iis")
    shop.run(work, "./change", *words, code=2)
    assert shop.sh(work, "git rev-parse origin/main") == before
